package engine_test

import (
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// TestReplacedValuesAreForgottenInTime: the journal stays, the customers' values
// in it do not.
func TestReplacedValuesAreForgottenInTime(t *testing.T) {
	w, id, _ := linked(t, twoWay, nil)
	w.lim.KeepReplaced = 30 * 24 * time.Hour
	w.start()
	w.crm.Edit(id, "ada", "notes", connectors.Text("first"))
	w.settle()
	w.crm.Edit(id, "ada", "notes", connectors.Text("second"))
	w.settle()
	sealed := func() (n, events int) {
		t.Helper()
		if err := w.store.View(t.Context(), func(tx state.Tx) error {
			n, events = 0, 0
			rows, err := tx.ListJournal(0, 1000, state.EventFilter{})
			for _, ev := range rows {
				events++
				for _, f := range ev.Fields {
					if len(f.Replaced) > 0 {
						n++
					}
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n, events
	}
	before, events := sealed()
	if before == 0 {
		t.Fatal("the journal holds no replaced value to forget")
	}
	prune := func() {
		t.Helper()
		for n := 1; n > 0; {
			var err error
			if n, err = w.eng.Prune(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.clock.Advance(29 * 24 * time.Hour)
	prune()
	if got, _ := sealed(); got != before {
		t.Errorf("after 29 days: got %d values, want %d", got, before)
	}
	w.clock.Advance(2 * 24 * time.Hour)
	prune()
	if got, left := sealed(); got != 0 || left != events {
		t.Errorf("after 31 days: got %d values and %d events, want none and %d", got, left, events)
	}
}
