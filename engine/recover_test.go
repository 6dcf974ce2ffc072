package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	statememory "github.com/tenonsync/tenon/engine/state/memory"
)

// doubt puts a state in the place of the one in use, as an older copy is found
// at a start.
func (w *world) doubt(b *statememory.Backend) {
	w.t.Helper()
	w.back = b
	w.start()
	if err := w.store.Update(w.t.Context(), func(tx state.Tx) error {
		return engine.Doubt(tx, "it is older", w.clock.Now())
	}); err != nil {
		w.t.Fatal(err)
	}
	w.recover()
}

func (w *world) recover() (changed []string) {
	w.t.Helper()
	changed, err := w.eng.Recover(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return changed
}

// TestDoubtedStateMakesNothingTwice loses all that was done since a copy, at a
// moment when the target's index shows none of it yet.
func TestDoubtedStateMakesNothingTwice(t *testing.T) {
	for _, c := range []struct {
		name string
		old  func(*statememory.Backend) *statememory.Backend
	}{
		{"an older copy", (*statememory.Backend).Clone},
		{"an empty state", func(*statememory.Backend) *statememory.Backend { return statememory.New() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, first, epic := linked(t, with(twoWay, "match:\n  - {deal: code, epic: code}\n", ""), func(_, pm *memory.Options) { pm.IndexLag = time.Minute })
			w.sweep()
			old := c.old(w.back)
			second := w.crm.Create("record", nil, "ada", deal("Ship it, too", nil))
			for range 10 { // no time passes: what is made now, the index does not show yet
				for _, f := range w.eng.Feeds() {
					if _, err := w.eng.Poll(t.Context(), f); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
					t.Fatal(err)
				}
			}
			before := len(w.pm.IDs("record"))
			if n := len(w.links()); n != 2 {
				t.Fatalf("got %d links, want 2", n)
			}
			w.doubt(old)
			w.settle()
			if got := len(w.pm.IDs("record")); got != before {
				w.dump()
				t.Errorf("%d records, want %d", got, before)
			}
			links := map[string]string{}
			for _, l := range w.links() {
				links[l.Records[0].ID] = l.Records[1].ID
			}
			if len(links) != 2 || links[first] != epic || links[second] == "" {
				t.Errorf("links: %v", links)
			}
		})
	}
}

// TestDoubtedStateLosesNoEdit lets both sides move on since the copy, in step
// and by themselves.
func TestDoubtedStateLosesNoEdit(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	w.sweep()
	old := w.back.Clone()
	w.crm.Edit(id, "ada", "title", connectors.Text("in step, from the deal"))
	w.pm.Edit(epic, "grace", "notes", connectors.Text("in step, from the epic"))
	w.crm.Comment(id, "ada", "in step, too")
	w.settle()
	w.crm.Edit(id, "ada", "notes", connectors.Text("unseen, from the deal"))
	w.pm.Edit(epic, "grace", "count", connectors.Int(7))
	w.clock.Advance(time.Minute)
	w.crm.Edit(id, "ada", "stage", connectors.Choice(connectors.Option{ID: "2"}))
	w.clock.Advance(time.Minute)
	w.pm.Edit(epic, "grace", "stage", connectors.Choice(connectors.Option{ID: "3"})) // the newest counts
	w.doubt(old)
	w.settle()
	for field, want := range map[string]string{
		"title": "in step, from the deal", "notes": "unseen, from the deal", "count": "7",
	} {
		for name, s := range map[string]struct {
			system *memory.System
			id     string
		}{"deal": {w.crm, id}, "epic": {w.pm, epic}} {
			if got := w.get(s.system, s.id, field); got.String() != want {
				t.Errorf("%s of the %s: got %s, want %s", field, name, got, want)
			}
		}
	}
	if l, r := w.get(w.crm, id, "stage"), w.get(w.pm, epic, "stage"); l.Option().ID != "3" || r.Option().ID != "3" {
		t.Errorf("stage: got %s and %s, want 3", l, r)
	}
	if l, r := len(w.crm.Comments(id)), len(w.pm.Comments(epic)); l != 1 || r != 1 {
		t.Errorf("%d and %d comments, want one each", l, r)
	}
	if journal := w.actions(); !strings.Contains(journal, "state replaced") || !strings.Contains(journal, "conflict") {
		t.Errorf("the journal does not tell of the doubt and the conflict:\n%s", journal)
	}
}

// TestDoubtIsDealtWithOnce: Recover tells of a doubt and acts on it until it is
// through, and does nothing then.
func TestDoubtIsDealtWithOnce(t *testing.T) {
	w, _, _ := linked(t, twoWay, nil)
	w.recover()
	if changed := w.recover(); changed != nil {
		t.Errorf("without a doubt: got %q, want none", changed)
	}
	w.doubt(w.back.Clone())
	if n := strings.Count(w.actions(), "state replaced"); n != 1 {
		t.Errorf("%d events tell of the doubt, want 1", n)
	}
	rows, err := w.eng.Queue(t.Context(), engine.QueueFilter{Limit: 10})
	if err != nil || len(rows) != 1 {
		t.Errorf("the queue holds %+v (%v), want the link", rows, err)
	}
	if err := w.store.View(t.Context(), func(tx state.Tx) error {
		for _, f := range w.eng.Feeds() {
			if cursor, err := tx.Cursor(f); err != nil || cursor != "" {
				t.Errorf("feed %s goes on at %q (%v), want its start", f, cursor, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if changed := w.recover(); changed != nil {
		t.Errorf("a second time: got %q, want none", changed)
	}
}
