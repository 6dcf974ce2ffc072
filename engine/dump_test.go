package engine_test

import "github.com/tenonsync/tenon/engine"

// dump logs what the engine remembers.
func (w *world) dump() {
	w.t.Helper()
	events, _ := w.eng.History(w.t.Context(), engine.HistoryFilter{Limit: 40})
	for i := len(events) - 1; i >= 0; i-- {
		w.t.Logf("%+v", events[i])
	}
	queue, _ := w.eng.Queue(w.t.Context(), engine.QueueFilter{})
	for _, q := range queue {
		w.t.Logf("queue %+v", q)
	}
	asides, _ := w.eng.Asides(w.t.Context(), "", false, 0, 0)
	for _, a := range asides {
		w.t.Logf("aside %+v", a)
	}
}
