package engine_test

import (
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// TestReplacedValuesAreKeptAsLongAsConfigured: a value that a write replaced is
// kept with its event, sealed, and not at all where nothing is to be kept.
func TestReplacedValuesAreKeptAsLongAsConfigured(t *testing.T) {
	for name, c := range map[string]struct {
		keep time.Duration
		want bool
	}{"an hour": {time.Hour, true}, "not at all": {-1, false}} {
		w := newWorld(t, twoWay, nil)
		w.lim = engine.Limits{KeepReplaced: c.keep}
		w.start()
		id := w.crm.Create("record", nil, "ada", deal("Ship it", map[string]connectors.Value{"notes": connectors.Text("the former words")}))
		w.settle()
		w.crm.Edit(id, "ada", "notes", connectors.Text("other words"))
		w.settle()
		kept := 0
		err := w.store.View(t.Context(), func(tx state.Tx) error {
			events, err := tx.ListJournal(0, 100, state.EventFilter{})
			for _, e := range events {
				for _, f := range e.Fields {
					if len(f.Replaced) > 0 {
						kept++
					}
				}
			}
			return err
		})
		if err != nil || (kept > 0) != c.want {
			t.Errorf("%s: %d values are kept, want some: %v; error %v", name, kept, c.want, err)
		}
	}
}

// TestOlderCommentsStayWhereTheyAre: comments from before a link are not copied,
// those from afterwards are.
func TestOlderCommentsStayWhereTheyAre(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	id := w.crm.Create("record", nil, "ada", deal("Ship it", nil))
	w.crm.Comment(id, "u1", "Said before.")
	w.clock.Advance(time.Minute)
	w.settle()
	_, epic := w.pair()
	if got := w.pm.Comments(epic); len(got) != 0 {
		t.Errorf("the epic's comments: got %+v, want none from before the link", got)
	}
	w.crm.Comment(id, "u1", "Said after.")
	w.settle()
	w.sweep()
	if got := w.pm.Comments(epic); len(got) != 1 {
		t.Errorf("the epic's comments: got %+v, want the later one", got)
	}
}

// TestRestoredBackupFindsWhatHappenedSince: after a backup took the state's
// place, records made since are found and not made again, and a field that was
// edited on both sides since is a conflict that the policy decides.
func TestRestoredBackupFindsWhatHappenedSince(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	backup := w.back.Clone()
	w.clock.Advance(time.Hour)
	w.crm.Edit(id, "ada", "notes", connectors.Text("the deal's words"))
	w.crm.Create("record", nil, "ada", deal("Made since", nil))
	w.settle()
	made := len(w.pm.IDs("record"))
	w.clock.Advance(time.Hour)
	w.pm.Edit(epic, "bob", "notes", connectors.Text("the epic's later words"))

	w.back = backup
	w.start()
	if err := w.store.Update(t.Context(), func(tx state.Tx) error { return engine.Doubt(tx, "restored", w.clock.Now()) }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.eng.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.sweep()
	for side, got := range map[string]connectors.Value{"deal": w.get(w.crm, id, "notes"), "epic": w.get(w.pm, epic, "notes")} {
		if want := "the epic's later words"; got.Text() != want {
			t.Errorf("the %s's notes: got %q, want %q", side, got.Text(), want)
		}
	}
	if got := len(w.pm.IDs("record")); got != made || len(w.links()) != 2 {
		t.Errorf("got %d records and %d links, want %d and 2", got, len(w.links()), made)
	}
	told, err := w.eng.History(t.Context(), engine.HistoryFilter{Action: "conflict", Limit: 10})
	if err != nil || len(told) != 1 {
		t.Errorf("the history tells of %d conflicts, error %v; want 1", len(told), err)
	}
}
