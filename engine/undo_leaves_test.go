package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// TestUndoLeaves asks for what cannot or must not be put back.
func TestUndoLeaves(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		habit  func(crm, pm *memory.Options)
		before func(w *undoWorld)
		code   string
		back   int // of the two fields of the first epic
	}{
		"a record that is gone":     {nil, func(w *undoWorld) { w.pm.SetState(w.epics[0], connectors.Deleted) }, "gone", 0},
		"a record that is archived": {nil, func(w *undoWorld) { w.pm.SetState(w.epics[0], connectors.Archived) }, "gone", 0},
		"a record that was merged":  {nil, func(w *undoWorld) { w.pm.Merge(w.epics[0], w.epics[1]) }, "gone", 0},
		"a field that is hidden":    {nil, func(w *undoWorld) { w.pm.HideField("record", "notes", true) }, "hidden", 1},
		"a value that is forgotten": {nil, func(w *undoWorld) {
			w.clock.Advance(2 * time.Hour)
			if _, err := w.eng.Prune(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
		}, "forgotten", 1}, // the epic's notes were empty: that is known for ever
		"a field that is refused": {nil, func(w *undoWorld) {
			w.pm.SetHook(func(m memory.Moment) error {
				if m.Call == "update" && !m.After {
					return &connectors.Error{Kind: connectors.Invalid, Err: fmt.Errorf("no"), Fields: []connectors.FieldError{{Field: "notes", Reason: "the field is locked"}}}
				}
				return nil
			})
		}, "refused", 0},
		"an edit to the same value since the last agreement": {nil, func(w *undoWorld) {
			value := w.get(w.pm, w.epics[0], "count")
			w.pm.Edit(w.epics[0], "pat", "count", number(5))
			w.sync()
			w.pm.Edit(w.epics[0], "pat", "count", value)
		}, "edited-since", 1},
		"a later write of the same": {nil, func(w *undoWorld) {
			for _, code := range []string{"C-other", "C-0"} {
				w.crm.Edit(w.deals[0], "ann", "code", connectors.Text(code))
				w.sync()
			}
		}, "written-again", 1},
		"a write that came later": {nil, func(w *undoWorld) {
			w.crm.Edit(w.deals[0], "ann", "code", connectors.Text("C-new"))
			w.sync()
		}, "written-again", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newUndoWorld(t, 2, c.habit)
			w.lim.Share = -1
			w.remap(undoBad)
			w.sync()
			run := w.run()
			c.before(w)
			before := w.all()
			u := w.undo(engine.UndoOrder{Run: run})
			back, codes := 0, []string{}
			for _, row := range u.Rows {
				if row.Record != "pm/record/"+w.epics[0] {
					continue
				}
				if row.State == "back" {
					back++
				} else {
					codes = append(codes, row.State+" "+row.Code)
				}
			}
			want := slices.Repeat([]string{"left " + c.code}, 2-c.back)
			if diff := cmp.Diff(want, codes); diff != "" || back != c.back {
				t.Errorf("got %d back, want %d (-want +got):\n%s\n%+v", back, c.back, diff, u.Rows)
			}
			if c.back == 0 {
				if diff := cmp.Diff(before[1][w.epics[0]], w.pm.Truth(w.epics[0]), sameValues); diff != "" {
					t.Errorf("the record was changed (-before +after):\n%s", diff)
				}
			}
			w.sound()
		})
	}
}

// TestUndoOfEnforced refuses to fight a rule, unless the mapping is paused.
func TestUndoOfEnforced(t *testing.T) {
	t.Parallel()
	w := newUndoWorld(t, 1, nil)
	w.lim.Share = -1
	w.remap(strings.ReplaceAll(undoBad, "epic: notes, flow: deal -> epic}", "epic: notes, flow: deal -> epic, enforce: true}"))
	w.sync()
	run := w.run()
	order := engine.UndoOrder{Run: run, Field: "notes"}
	if u := w.undo(order); u.Back != 0 || u.Left != 1 || u.Rows[0].Code != "enforced" || !strings.Contains(u.Rows[0].Reason, "tenon pause pair") {
		t.Errorf("enforced: got %+v", u)
	}
	if _, err := w.eng.Pause(t.Context(), "pair", "a bad rule", "ann"); err != nil {
		t.Fatal(err)
	}
	if u := w.undo(order); u.Back != 1 || u.Left != 0 {
		t.Errorf("while paused: got %+v, want it put back", u)
	}
	if _, err := w.eng.Pause(t.Context(), "connection:pm", "", "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.eng.Undo(t.Context(), order, engine.UndoOptions{}); connectors.KindOf(err) != connectors.Conflict {
		t.Errorf("of a paused connection: got %v, want a conflict", err)
	}
}

// TestUndoOfAnOlderEvent: what an older Tenon wrote is left, with that reason.
func TestUndoOfAnOlderEvent(t *testing.T) {
	t.Parallel()
	w := newUndoWorld(t, 1, nil)
	link := w.links()[0].ID
	older := &state.Event{
		At: w.clock.Now(), Mapping: "pair", Link: link, Records: [2]string{w.deals[0], w.epics[0]}, Action: "updated", To: state.Right,
		Fields: []state.EventField{{Rule: 1, Name: "notes ↔ notes", Why: "deal changed", Replaced: []byte{1}}},
	}
	if err := w.store.Update(t.Context(), func(tx state.Tx) error { return tx.AppendJournal(older) }); err != nil {
		t.Fatal(err)
	}
	for _, o := range []engine.UndoOrder{{Event: older.Seq}, {Link: link}, {Record: "pm/record/" + w.epics[0], Field: "notes"}} {
		u := w.undo(o)
		if u.Left != 1 || u.Rows[0].Code != "older" || u.Rows[0].Record != "pm/record/"+w.epics[0] || u.Rows[0].Events[0] != older.Seq {
			t.Errorf("%v: got %+v, want it left as older", o, u)
		}
	}
}
