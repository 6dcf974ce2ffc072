package simulation

import (
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// hand is something that an admin does besides writing mappings.
type hand uint8

const (
	pausing hand = iota
	replaying
	deciding
	linking
	planning
	takingBack
)

// admin is what the admin's hands did, and what the oracle saw of it.
type admin struct {
	paused map[string]bool // mappings and connections
	unsure string          // what is just being paused or resumed
	plans  []*storedPlan
	loose  bool // an apply ended early: what it left in the queue is worked anew

	free    map[string]bool // epics that a person made and nobody linked
	orders  []engine.LinkPair
	parted  map[string]bool // deals whose link a person ended
	decided []decided
	typed   []connectors.Value // what was decided for both sides

	acts    map[place]act
	split   map[joint][2]connectors.Value // what an undo left different, and may stay so
	prior   map[joint][2]connectors.Value // the same before the undo under way
	touched map[place]bool                // by the undo under way
	effects []effect                      // of the apply under way
	unseen  map[string]bool               // fields of which an undo does not know what it covered
}

// place is a field of a record.
type place struct {
	side   int
	record string
	field  string
}

// joint is a field of a pair, or one element of it.
type joint struct {
	pair  [2]string
	field string
}

// act is what was last done to a place.
type act struct {
	person bool               // the last one was a person's
	wrote  []connectors.Value // what the service left behind
}

// effect is one change of one field by the service.
type effect struct {
	place
	before, after connectors.Value
}

func (a *admin) init() {
	a.paused, a.free, a.parted = map[string]bool{}, map[string]bool{}, map[string]bool{}
	a.touched, a.prior = map[place]bool{}, map[joint][2]connectors.Value{}
	a.unseen = map[string]bool{}
	a.acts, a.split = map[place]act{}, map[joint][2]connectors.Value{}
}

// hand lets the admin do something.
func (w *world) hand() {
	w.clock.Advance(time.Millisecond) // nobody else acts at this instant
	switch w.v.Hands[w.rng.IntN(len(w.v.Hands))] {
	case pausing:
		w.pauseOrResume()
	case replaying:
		w.replay()
	case deciding:
		w.decide()
	case linking:
		w.linkByHand()
	case planning:
		w.planOrApply()
	case takingBack:
		w.takeBack()
	}
}

// replay asks for things to be looked at again.
func (w *world) replay() {
	var o engine.ReplayOrder
	switch w.rng.IntN(4) {
	case 0:
		o.Failed = true
	case 1:
		o.Mapping = "pair"
	case 2:
		o.Mapping, o.Since = "pair", w.clock.Now().Add(-time.Minute)
	default:
		side := w.rng.IntN(2)
		id := w.some(side)
		if id == "" {
			return
		}
		o.Record = sideConn[side] + "/record/" + id
	}
	o.Dry = w.rng.IntN(4) == 0
	w.step("replay", func() error { _, err := w.eng.Replay(w.ctx, o, "ada"); return err })
}

// takeBack takes back what the service wrote, as somebody picks it from the
// history.
func (w *world) takeBack() {
	events, err := w.eng.History(w.ctx, engine.HistoryFilter{Mapping: "pair", Limit: 60})
	if err != nil {
		return
	}
	events = slices.DeleteFunc(events, func(e engine.EventRow) bool { return e.Action != "updated" && e.Action != "undone" })
	if len(events) == 0 {
		return
	}
	ev := events[w.rng.IntN(len(events))]
	var o engine.UndoOrder
	switch n := w.rng.IntN(8); {
	case n < 3:
		o.Event = ev.Seq
		if f := ev.Fields[w.rng.IntN(len(ev.Fields))].Field; f != "" && w.rng.IntN(2) == 0 {
			o.Field = f
		}
	case n < 4:
		o.Link = ev.Link
	case n < 5:
		o.Record = ev.Records[w.rng.IntN(2)]
	case n < 6 && ev.Run != 0:
		o.Run = ev.Run
	default:
		o.Mapping, o.Since = "pair", w.clock.Now().Add(-w.pick(time.Second, 10*time.Second, time.Minute))
	}
	if w.rng.IntN(5) == 0 {
		w.unchanged("a look at an undo", func() error { _, err := w.eng.Undo(w.ctx, o, engine.UndoOptions{Dry: true, By: "ada"}); return err })
		return
	}
	w.log("person takes back: %s", o)
	quiet := len(w.armed) == 0
	w.undo(o)
	if quiet {
		w.unchanged("an undo that is repeated", func() error { return w.undoOnce(o) })
	}
}

func (w *world) undo(o engine.UndoOrder) {
	w.admin.touched, w.admin.prior = map[place]bool{}, map[joint][2]connectors.Value{}
	w.step("undo", func() error { return w.undoOnce(o) })
}

func (w *world) undoOnce(o engine.UndoOrder) error {
	out, err := w.eng.Undo(w.ctx, o, engine.UndoOptions{By: "ada"})
	if out == nil {
		return err
	}
	for _, row := range out.Rows {
		if row.State == "left" {
			w.log("undo leaves %s %s: %s", row.Record, row.Field, row.Reason)
			w.admin.unseen[row.Record+" "+row.Field] = w.admin.unseen[row.Record+" "+row.Field] || row.Code == "unsure"
		}
	}
	return err
}

// unchanged does what must write nothing.
func (w *world) unchanged(what string, do func() error) {
	before := w.writes
	w.step("undo", do)
	if w.writes != before {
		w.breach("%s wrote", what)
	}
}

// breach notes a promise that was broken on the way.
func (w *world) breach(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.log("BROKEN: %s", text)
	w.broken = append(w.broken, text)
}
