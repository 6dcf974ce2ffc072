package engine_test

import (
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

func labels(ids ...string) connectors.Value {
	var options []connectors.Option
	for _, id := range ids {
		options = append(options, connectors.Option{ID: id})
	}
	return connectors.Choices(options...)
}

// lastWrite returns the event of the last write of fields.
func (w *undoWorld) lastWrite() engine.UndoOrder {
	w.t.Helper()
	rows, err := w.eng.History(w.t.Context(), engine.HistoryFilter{Action: "updated", Limit: 1})
	if err != nil || len(rows) != 1 {
		w.t.Fatalf("the last write: %v, %v", rows, err)
	}
	return engine.UndoOrder{Event: rows[0].Seq}
}

// TestUndoOfASetSparesNewElements: an element that somebody has added, and that
// was not carried over yet, is no part of what an undo takes for agreed.
func TestUndoOfASetSparesNewElements(t *testing.T) {
	t.Parallel()
	w := newUndoWorld(t, 1, nil)
	w.clock.Advance(time.Minute)
	w.crm.Edit(w.deals[0], "ann", "labels", labels("crm", "slip"))
	w.pm.Edit(w.epics[0], "pat", "labels", labels("crm", "new"))
	if _, err := w.eng.Replay(t.Context(), engine.ReplayOrder{Mapping: "pair"}, "a test"); err != nil {
		t.Fatal(err)
	}
	// One batch writes one side of a set; the other side's turn comes next.
	if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	if got := w.get(w.crm, w.deals[0], "labels").String(); got != "crm, slip" {
		t.Fatalf("after one batch: got %q on the deal, want no new label yet", got)
	}
	w.clock.Advance(time.Minute)
	if u := w.undo(w.lastWrite()); u.Back != 1 {
		t.Errorf("got %+v, want the labels put back", u)
	}
	w.sync()
	w.quiet("then")
	if deal, epic := w.get(w.crm, w.deals[0], "labels").String(), w.get(w.pm, w.epics[0], "labels").String(); deal != "crm, new, slip" || epic != "crm, new" {
		t.Errorf("got labels %q and %q, want the new one on both and the slip on the deal only", deal, epic)
	}
}

// TestUndoHidesNoComment: a comment made before the undo, on the record that it
// writes, is copied all the same.
func TestUndoHidesNoComment(t *testing.T) {
	t.Parallel()
	w := newUndoWorld(t, 1, nil)
	w.remap(undoGood + "comments: both\n")
	w.sync()
	w.clock.Advance(time.Minute)
	w.crm.Edit(w.deals[0], "ann", "title", connectors.Text("a slip"))
	w.sync()
	w.clock.Advance(time.Minute)
	w.pm.Comment(w.epics[0], "pat", "is that so?")
	w.clock.Advance(time.Minute)
	if u := w.undo(w.lastWrite()); u.Back != 1 {
		t.Errorf("got %+v, want the title put back", u)
	}
	w.sync()
	if got := w.crm.Comments(w.deals[0]); len(got) != 1 {
		t.Errorf("got comments %v on the deal, want the epic's", got)
	}
}

// TestUndoOnceMoreSparesWhatWasSetAgain: what somebody enters after an undo is an
// edit, also where it is the very value that was taken back.
func TestUndoOnceMoreSparesWhatWasSetAgain(t *testing.T) {
	t.Parallel()
	w := newUndoWorld(t, 1, nil)
	w.clock.Advance(time.Minute)
	w.crm.Edit(w.deals[0], "ann", "count", number(77))
	w.sync()
	order := w.lastWrite()
	w.clock.Advance(time.Minute)
	if u := w.undo(order); u.Back != 1 {
		t.Errorf("got %+v, want the count put back", u)
	}
	w.sync()
	w.pm.Edit(w.epics[0], "pat", "count", number(77))
	w.sync()
	if u := w.undo(order); u.Left != 1 || u.Rows[0].Code != "edited-since" {
		t.Errorf("once more: got %+v, want it left as edited since", u)
	}
	if got := w.get(w.pm, w.epics[0], "count").String(); got != "77" {
		t.Errorf("got %s, want what was entered", got)
	}
}
