package engine_test

import (
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// TestWhatWasClearedInAFoundRecordIsAnEdit loses the answer of a create and lets
// a person empty a field before the record is found: that edit reaches the
// other side, and the value does not come back.
func TestWhatWasClearedInAFoundRecordIsAnEdit(t *testing.T) {
	w := newWorld(t, twoWay, func(_, pm *memory.Options) { pm.IndexLag, pm.KeyLag = time.Minute, time.Minute })
	lost := false
	w.pm.SetHook(func(m memory.Moment) error {
		if !lost && m.Call == "create" && m.After {
			lost = true
			return memory.Lost()
		}
		return nil
	})
	deal := w.crm.Create("record", nil, "ada", deal("Once", map[string]connectors.Value{"notes": connectors.Text("from the deal")}))
	for range 10 {
		for _, f := range w.eng.Feeds() {
			if _, err := w.eng.Poll(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
			t.Fatal(err)
		}
		if lost {
			break
		}
		w.clock.Advance(time.Second)
	}
	epics := w.pm.IDs("record")
	if len(epics) != 1 || len(w.links()) != 0 {
		t.Fatalf("got epics %v and %d links, want one epic that is not linked yet", epics, len(w.links()))
	}
	w.clock.Advance(time.Second)
	w.pm.Edit(epics[0], "grace", "notes", connectors.Null)
	w.settle()
	if links := w.active(); len(links) != 1 || links[0].Records[1].ID != epics[0] {
		t.Fatalf("got links %+v, want one to the epic that was found", links)
	}
	for _, side := range []struct {
		s  *memory.System
		id string
	}{{w.crm, deal}, {w.pm, epics[0]}} {
		if got := w.get(side.s, side.id, "notes"); !got.IsNull() {
			w.dump()
			t.Errorf("got notes %v, want none: they were cleared", got)
		}
	}
	if got, want := w.get(w.pm, epics[0], "title"), w.get(w.crm, deal, "title"); !connectors.Equal(got, want) {
		t.Errorf("got title %v, want %v", got, want)
	}
}
