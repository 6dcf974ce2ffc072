package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// ourUser is the user that the memory systems' connections write as.
const ourUser = "tenon"

// edits of one field of one record, oldest first.
func editsOf(s *memory.System, id, field string) []connectors.FieldEdit {
	var edits []connectors.FieldEdit
	for _, e := range s.History(id) {
		if e.Field == field {
			edits = append(edits, e)
		}
	}
	return edits
}

// undoneValue tells from the system's own history what a field must hold after
// the undo of what was written in a span of time: the writes in the span are
// taken back from the last edit on, as far as they follow each other. It shares
// nothing with the engine.
func undoneValue(edits []connectors.FieldEdit, from, to time.Time) (v connectors.Value, back bool) {
	ours := func(e connectors.FieldEdit) bool {
		return e.Author == ourUser && !e.At.Before(from) && e.At.Before(to)
	}
	n := len(edits)
	for n > 0 && ours(edits[n-1]) {
		n--
	}
	if n == 0 {
		return connectors.Null, len(edits) > 0
	}
	return edits[n-1].Value, n < len(edits)
}

// TestUndoRestoresExactly draws histories: people edit both sides, syncs carry
// that over, mappings change; then one run is undone. Each field of each record
// must hold what the systems' own histories tell, and then nothing is written.
func TestUndoRestoresExactly(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 4))
			habits := []string{"a history", "no history", "conditional writes", "edits of sets", "silent answers", "lists with records"}
			w := newUndoWorld(t, 6, undoHabits[habits[r.IntN(len(habits))]])
			w.lim.Share = -1
			type span struct {
				run      uint64
				from, to time.Time
			}
			var spans []span
			n := 0
			fields := []string{"title", "notes", "count", "labels"}
			edit := func() {
				n++
				s, ids := w.crm, w.deals
				if r.IntN(2) == 0 {
					s, ids = w.pm, w.epics
				}
				value := connectors.Text(fmt.Sprintf("edit %d", n))
				field := fields[r.IntN(len(fields))]
				if field == "count" {
					value = number(1_000_000 + n)
				}
				if field == "notes" && r.IntN(4) == 0 {
					value = connectors.Null
				}
				id := ids[r.IntN(len(ids))]
				if field == "labels" {
					labels := append(slices.Clone(s.Truth(id)[field].Options()), connectors.Option{ID: fmt.Sprint("label", n)})
					value = connectors.Choices(labels[r.IntN(2):]...)
				}
				w.clock.Advance(time.Second)
				s.Edit(id, "ann", field, value)
			}
			for range 2 + r.IntN(4) {
				for range r.IntN(6) {
					edit()
				}
				if r.IntN(3) == 0 {
					w.remap([]string{undoGood, undoBad}[r.IntN(2)])
				}
				w.clock.Advance(time.Minute)
				from := w.clock.Now()
				w.sync()
				spans = append(spans, span{w.run(), from, w.clock.Now().Add(time.Microsecond)})
				w.clock.Advance(time.Minute)
			}
			chosen := spans[r.IntN(len(spans))]
			want, back := w.all(), 0
			for side, s := range []*memory.System{w.crm, w.pm} {
				for id := range want[side] {
					for _, field := range fields {
						v, taken := undoneValue(editsOf(s, id, field), chosen.from, chosen.to)
						if taken && !connectors.Equal(v, want[side][id][field]) {
							want[side][id][field] = v
							back++
						}
					}
				}
			}
			struck := r.IntN(2) == 0
			if struck { // a first try loses an answer on its way, and may be given up
				w.loseAnswer(r.IntN(6), r.IntN(2) == 0)
				ctx, stop := context.WithCancel(t.Context())
				if r.IntN(2) == 0 {
					stop()
				}
				_, _ = w.eng.Undo(ctx, engine.UndoOrder{Run: chosen.run}, engine.UndoOptions{By: "a test"})
				stop()
				w.crm.SetHook(nil)
				w.pm.SetHook(nil)
				w.clock.Advance(time.Hour)
				if r.IntN(2) == 0 {
					w.start()
					w.sync()
				}
			}
			u := w.undo(engine.UndoOrder{Run: chosen.run})
			if diff := cmp.Diff(want, w.all(), sameValues, cmp.Transformer("present", withoutNulls)); diff != "" {
				t.Errorf("after the undo of run %d, which put %d back (-want +got):\n%s\n%+v", chosen.run, u.Back, diff, u.Rows)
			}
			if !struck && u.Back != back {
				t.Errorf("put back: got %d, want %d: %+v", u.Back, back, u.Rows)
			}
			w.quiet("then")
			w.sound()
		})
	}
}

// loseAnswer lets the n-th effect from now on fail on both systems: before it
// happens, or after it.
func (w *undoWorld) loseAnswer(n int, after bool) {
	hook := func(m memory.Moment) error {
		if !m.Effect || m.After != after {
			return nil
		}
		if n--; n == -1 {
			return memory.Lost()
		}
		return nil
	}
	w.crm.SetHook(hook)
	w.pm.SetHook(hook)
}

// withoutNulls takes a field that is empty for one that is not there.
func withoutNulls(fields map[string]connectors.Value) map[string]connectors.Value {
	kept := map[string]connectors.Value{}
	for name, v := range fields {
		if !v.IsNull() {
			kept[name] = v
		}
	}
	return kept
}
