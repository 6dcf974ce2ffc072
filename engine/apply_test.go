package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

func TestApplyDoesThePlanAndNothingIsLeft(t *testing.T) {
	w := busy(t)
	p, file := w.plan()
	got := w.apply(file, engine.ApplyOptions{By: "ada"})
	if len(got.Stale) != 0 || got.Before != 0 {
		t.Errorf("apply: %+v", got)
	}
	for _, action := range []string{engine.PlanCreate, engine.PlanLink, engine.PlanUpdate} {
		if got.Counts[action] != p.Counts[action] {
			t.Errorf("%s: carried out %d, planned %d", action, got.Counts[action], p.Counts[action])
		}
	}
	// Tasks of the create, the match and what was edited stand; the deal that is
	// missing waits for a second look.
	if len(got.Left) != 2 || got.Left[0].Status != "set aside" || got.Left[1].Status != "waiting" || got.Left[1].Code != "missing" {
		t.Errorf("left: %+v", got.Left)
	}
	made := 0
	for _, id := range w.pm.IDs("record") {
		switch title := w.get(w.pm, id, "title").Text(); title {
		case "Kick-off Fresh", "Fresh", "Matching":
			made++
		}
	}
	if made != 3 {
		t.Errorf("%d of the epic, its task and the matched one are there, want 3", made)
	}
	w.settle()
	after, _ := w.plan()
	if len(after.Counts) != 1 || after.Counts[engine.PlanAmbiguous] == 0 {
		t.Errorf("after the apply the plan has %s, want the ambiguous match only: %+v", after, after.Changes)
	}
}

func TestApplyEndsInNothingToDo(t *testing.T) {
	w, deals := many(t, 8, twoWay, func(l *engine.Limits) { l.Batch = 3 })
	for i, id := range deals {
		w.crm.Edit(id, "ada", "notes", connectors.Text(fmt.Sprintf("edit %d", i)))
		w.pm.Comment(w.links()[i].Records[1].ID, "grace", "Looks good")
	}
	for i := range 7 {
		w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("new %d", i), nil))
	}
	w.clock.Advance(time.Minute)
	p, file := w.plan()
	if p.Counts[engine.PlanComment] != 8 || p.Counts[engine.PlanUpdate] != 8 || p.Counts[engine.PlanCreate] != 7 {
		t.Errorf("plan: %s", p)
	}
	if got := w.apply(file, engine.ApplyOptions{}); got.Done != 15 || len(got.Stale)+len(got.Left) != 0 {
		t.Errorf("apply: %+v", got)
	}
	w.nothingToDo()
	writes := w.counting()
	if again := w.apply(file, engine.ApplyOptions{}); again.Before != 15 || again.Done != 0 || len(again.Stale) != 0 {
		t.Errorf("a repeat: %+v", again)
	}
	w.sweep()
	if *writes != 0 {
		t.Errorf("%d writes after the apply", *writes)
	}
}

// counting counts what is written to both systems from now on.
func (w *world) counting() *int {
	n := new(int)
	hook := func(m memory.Moment) error {
		if m.Effect && !m.After {
			*n++
		}
		return nil
	}
	w.crm.SetHook(hook)
	w.pm.SetHook(hook)
	return n
}

func TestStalePlans(t *testing.T) {
	text := connectors.Text
	tests := []struct {
		name   string
		change func(w *world, deals []string, fresh string)
		want   []string
	}{
		{"the source was edited again", func(w *world, deals []string, _ string) {
			w.crm.Edit(deals[0], "ada", "notes", text("other"))
		}, []string{`notes ↔ notes: then "n" -> "edited", now "n" -> "other"`}},
		{"the source was put back", func(w *world, deals []string, _ string) {
			w.crm.Edit(deals[0], "ada", "notes", text("n"))
		}, []string{`notes ↔ notes: then "n" -> "edited", now nothing is to be written`}},
		{"the target was edited", func(w *world, deals []string, _ string) {
			w.pm.Edit(w.epicOf(deals[0]), "grace", "notes", text("theirs"))
		}, []string{
			`notes ↔ notes: "edited" -> "theirs" would be written to the deal now`,
		}},
		{"another field was edited", func(w *world, deals []string, _ string) {
			w.crm.Edit(deals[0], "ada", "title", text("Renamed"))
		}, []string{`title ↔ title: "d0" -> "Renamed" would be written to the epic now`}},
		{"what is to be made was edited", func(w *world, _ []string, fresh string) {
			w.crm.Edit(fresh, "ada", "title", text("Fresher"))
		}, []string{
			`tasks: then "Kick-off Fresh" by 2026-03-09, "Acceptance", now "Kick-off Fresher" by 2026-03-09, "Acceptance"`,
			`title ↔ title: then "Fresh", now "Fresher"`,
		}},
		{"it is not to be made any more", func(w *world, _ []string, fresh string) {
			w.crm.Edit(fresh, "ada", "active", connectors.Bool(false))
		}, []string{"then a new epic was to be made, now none is"}},
		{"it was linked otherwise", func(w *world, _ []string, fresh string) {
			w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": text("Old"), "code": text("F-1")})
			w.crm.Edit(fresh, "ada", "code", text("F-1"))
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, deals := many(t, 3, twoWay, nil)
			w.crm.Edit(deals[0], "ada", "notes", text("edited"))
			w.crm.Edit(deals[1], "ada", "notes", text("edited"))
			fresh := w.crm.Create("record", nil, "ada", deal("Fresh", nil))
			w.clock.Advance(time.Minute)
			_, file := w.plan()
			test.change(w, deals, fresh)
			w.clock.Advance(time.Minute)
			records := len(w.pm.IDs("record"))

			got, err := w.eng.Apply(t.Context(), bytes.NewReader(file), engine.ApplyOptions{})
			if err != nil || !got.Refused || len(got.Mappings[0].Stale) != 1 {
				t.Fatalf("apply: %+v, %v", got, err)
			}
			if what := got.Mappings[0].Stale[0].What; test.want != nil && !cmp.Equal(what, test.want) {
				t.Errorf("stale: %s", cmp.Diff(test.want, what))
			}
			if len(w.pm.IDs("record")) != records || w.get(w.pm, w.epicOf(deals[1]), "notes").Text() != "n" {
				t.Error("a refused plan was carried out in part")
			}

			rest := w.apply(file, engine.ApplyOptions{SkipStale: true})
			if len(rest.Stale) != 1 || rest.Done != 2 {
				t.Errorf("with the stale left out: %+v", rest)
			}
			if w.get(w.pm, w.epicOf(deals[1]), "notes").Text() != "edited" {
				t.Error("what was not stale was not carried out")
			}
		})
	}
}

// epicOf returns the record that a deal is linked with.
func (w *world) epicOf(deal string) string {
	w.t.Helper()
	for _, l := range w.links() {
		if l.Records[0].ID == deal {
			return l.Records[1].ID
		}
	}
	w.t.Fatalf("deal %s has no link", deal)
	return ""
}

func TestApplyRefusesWhatIsNoPlanOfThis(t *testing.T) {
	w := busy(t)
	_, file := w.plan()
	lines := bytes.SplitAfter(file, []byte("\n"))
	join := func(ls ...[]byte) []byte { return bytes.Join(ls, nil) }
	tests := []struct {
		name string
		file []byte
		kind connectors.Kind
		want string
	}{
		{"empty", nil, connectors.Invalid, "the file is empty"},
		{"something else", []byte("mapping: pair\n"), connectors.Invalid, "line 1 is no head of a plan"},
		{"cut between lines", join(lines[:3]...), connectors.Invalid, "the file ends early, after line 3: it was cut"},
		{"cut within a line", file[:len(file)/2], connectors.Invalid, "it was cut"},
		{"a value edited", bytes.Replace(file, []byte(`"edited"`), []byte(`"edited!"`), 1), connectors.Invalid, "the file was changed before line"},
		{"a line taken out", join(append(append([][]byte{}, lines[:1]...), lines[2:]...)...), connectors.Invalid, "the file was changed before line"},
		{"a line that is no JSON", join(lines[0], []byte("}{\n"), lines[1]), connectors.Invalid, "line 2 cannot be read"},
		{"a later form", bytes.Replace(file, []byte(`"version":1,`), []byte(`"version":9,`), 1), connectors.Invalid, "the file has version 9, this program knows version 1"},
		{"another mapping", bytes.Replace(file, []byte(`"mapping":"pair"`), []byte(`"mapping":"other"`), 1), connectors.Invalid, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := w.eng.Apply(t.Context(), bytes.NewReader(test.file), engine.ApplyOptions{})
			if got != nil || connectors.KindOf(err) != test.kind || !strings.Contains(fmt.Sprint(err), test.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	if w.get(w.pm, w.links()[0].Records[1].ID, "notes").Text() != "n" {
		t.Error("something was written")
	}

	w.load(with(twoWay, "conflict: newest", "conflict: deal wins"))
	w.start()
	_, err := w.eng.Apply(t.Context(), bytes.NewReader(file), engine.ApplyOptions{})
	if connectors.KindOf(err) != connectors.Conflict || !strings.Contains(fmt.Sprint(err), "mapping pair was changed since the plan was made") {
		t.Errorf("with a changed mapping: %v", err)
	}
}

func TestApplyGoesOnAfterACrash(t *testing.T) {
	errKilled := errors.New("killed")
	for at := 1; ; at++ {
		w, deals := many(t, 3, twoWay, func(l *engine.Limits) { l.Batch = 2 })
		for _, id := range deals {
			w.crm.Edit(id, "ada", "notes", connectors.Text("edited"))
		}
		for i := range 3 {
			w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("new %d", i), nil))
		}
		w.clock.Advance(time.Minute)
		_, file := w.plan()
		effects, killed := 0, false
		hook := func(m memory.Moment) error {
			if m.Effect {
				effects++
			}
			if killed = killed || effects == at; killed {
				return &connectors.Error{Kind: connectors.Unavailable, Err: errKilled}
			}
			return nil
		}
		w.crm.SetHook(hook)
		w.pm.SetHook(hook)
		_, _ = w.eng.Apply(t.Context(), bytes.NewReader(file), engine.ApplyOptions{})
		w.crm.SetHook(nil)
		w.pm.SetHook(nil)
		w.start()
		w.clock.Advance(time.Hour)
		got := w.apply(file, engine.ApplyOptions{})
		if len(got.Stale)+len(got.Left) != 0 || got.Done+got.Before != 6 {
			t.Fatalf("killed at effect %d: the repeat came to %+v", at, got)
		}
		for _, id := range deals {
			if v := w.get(w.pm, w.epicOf(id), "notes").Text(); v != "edited" {
				t.Errorf("killed at effect %d: an epic holds %q", at, v)
			}
		}
		if n := len(w.pm.IDs("record")); n != 6+12 {
			t.Errorf("killed at effect %d: got %d records, want 6 epics with two tasks each", at, n)
		}
		w.nothingToDo()
		if !killed {
			if at < 10 {
				t.Errorf("only %d effects were cut", at)
			}
			return
		}
	}
}

func TestApplyWhileAGuardHasStoppedTheMapping(t *testing.T) {
	w, deals := many(t, 12, twoWay, func(l *engine.Limits) { l.Clears = 2 })
	w.clearNotes(deals[:5])
	w.halted("guard")
	p, file := w.plan()
	if p.Counts[engine.PlanUpdate] != 5 || len(p.Guards) == 0 || !strings.Contains(p.Guards[0], "stopped already") {
		t.Errorf("plan: %s, guards %q", p, p.Guards)
	}
	if got := w.apply(file, engine.ApplyOptions{}); got.Done != 5 || w.cleared() != 5 {
		t.Errorf("apply: %+v, %d fields are emptied", got, w.cleared())
	}
	w.halted("guard") // a person decides about that
	w.nothingToDo()
	w.resume()
	w.running()
}

func TestApplyStopsWhereRecordsGoMissingTogether(t *testing.T) {
	w, deals := many(t, 12, twoWay, nil)
	for _, id := range deals {
		w.crm.Edit(id, "ada", "notes", connectors.Text("edited"))
	}
	w.clock.Advance(time.Minute)
	_, file := w.plan()
	for _, id := range deals {
		w.crm.SetState(id, connectors.Deleted)
	}
	got, err := w.eng.Apply(t.Context(), bytes.NewReader(file), engine.ApplyOptions{SkipStale: true})
	if connectors.KindOf(err) != connectors.Conflict || !errors.Is(err, engine.ErrStopped) || !strings.Contains(err.Error(), "are missing") {
		t.Errorf("got %+v, %v", got, err)
	}
	if n := len(w.active()); n != 12 {
		t.Errorf("%d links are left, want all 12", n)
	}
}

func TestPausesKeepPlansFromASystem(t *testing.T) {
	w := busy(t)
	if _, err := w.eng.Pause(t.Context(), "connection:pm", "moving", "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.eng.Plan(t.Context(), "pair", nil); !errors.Is(err, engine.ErrPaused) {
		t.Errorf("with a paused connection: %v", err)
	}
	if err := w.eng.Resume(t.Context(), "connection:pm", "ada"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.eng.Pause(t.Context(), "mapping:pair", "to look first", "ada"); err != nil {
		t.Fatal(err)
	}
	_, file := w.plan()
	if got := w.apply(file, engine.ApplyOptions{}); got.Done == 0 {
		t.Errorf("with a paused mapping: %+v", got)
	}
}

func TestApplyOfAPlanWithWhatCannotBeDone(t *testing.T) {
	w, deals := many(t, 2, twoWay, nil)
	w.pm.SetHook(func(m memory.Moment) error {
		if m.Call == "update" && !m.After {
			return &connectors.Error{Kind: connectors.Invalid, Fields: []connectors.FieldError{{Field: "notes", Reason: "too loud"}}}
		}
		return nil
	})
	w.crm.Edit(deals[0], "ada", "notes", connectors.Text("LOUD"))
	w.clock.Advance(time.Minute)
	_, file := w.plan()
	got := w.apply(file, engine.ApplyOptions{})
	if len(got.Left) != 1 || got.Left[0].Reason != "too loud" || got.Left[0].Status != "set aside" || got.Left[0].Field != "notes ↔ notes" {
		t.Errorf("left: %+v", got.Left)
	}
	p, _ := w.plan()
	again := find(t, p, engine.PlanRepeat)
	if len(p.Counts) != 1 || !strings.Contains(again.Fields[0].Why, "refused before: too loud") {
		t.Errorf("then: %+v", p)
	}
}
