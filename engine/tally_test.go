package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// TestTallyCountsEachRecordOnce gives records several troubles at once: each is
// counted under the gravest.
func TestTallyCountsEachRecordOnce(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	now := w.clock.Now()
	ids := make([]uint64, 8)
	err := w.store.Update(t.Context(), func(tx state.Tx) error {
		for i := range ids {
			l := &state.Link{Mapping: "pair", Created: now, Ends: [2]state.End{{ID: fmt.Sprint("d", i)}, {ID: fmt.Sprint("e", i)}}}
			if i == 7 {
				l.Status = state.LinkEnded
			}
			if err := tx.PutLink(l); err != nil {
				return err
			}
			ids[i] = l.ID
		}
		put := func(s state.Subject, status state.Status, due time.Time) error {
			s.Mapping = "pair"
			return tx.PutEntry(&state.Entry{Subject: s, Status: status, Due: due, First: now, Priority: connectors.PriorityPoll})
		}
		aside := func(link uint64, kind state.AsideKind, rule uint32) error {
			return tx.PutAside(&state.Aside{Link: link, Rule: rule, Mapping: "pair", Name: "x", Kind: kind, Since: now})
		}
		for _, err := range []error{
			put(state.Subject{Link: ids[1]}, state.Ready, now.Add(-time.Minute)),
			put(state.Subject{Link: ids[2]}, state.Waiting, now.Add(-time.Hour)),
			put(state.Subject{Link: ids[3]}, state.Failed, now),
			put(state.Subject{Side: 0, Record: "unlinked"}, state.Ready, now.Add(-3*time.Minute)),
			put(state.Subject{Side: 1, Record: "other"}, state.Failed, now),
			aside(ids[2], state.AsideRefused, 1),
			aside(ids[3], state.AsideConflict, 1),
			aside(ids[4], state.AsideUnmatched, 1),
			aside(ids[5], state.AsideConflict, 1),
			aside(ids[5], state.AsideRefused, 2),
			aside(ids[5], state.AsideRefused, 3),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.eng.Tally(t.Context(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	want := &engine.Tally{InSync: 2, Due: 2, SetAside: 2, Conflicts: 1, Failed: 2, Since: now.Add(-3 * time.Minute)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the tally (-want +got):\n%s", diff)
	}
	if got.Total() != 9 {
		t.Errorf("in all: got %d, want 9", got.Total())
	}
	if _, err := w.eng.Tally(t.Context(), "nothing"); connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("an unknown mapping: got %v, want NotFound", err)
	}
}
