package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// frozen is a store that fails the test when anything is stored.
type frozen struct {
	state.Store
	t *testing.T
}

func (f frozen) Update(context.Context, func(state.Tx) error) error {
	f.t.Error("the state was written")
	return errors.New("frozen")
}

// forbidWrites fails the test when a system is written to.
func forbidWrites(t *testing.T, systems ...*memory.System) {
	for _, s := range systems {
		s.SetHook(func(m memory.Moment) error {
			if m.Effect {
				t.Errorf("a plan called %s", m.Call)
			}
			return nil
		})
	}
}

// plan makes a plan of the pair mapping, with its file.
func (w *world) plan() (*engine.Plan, []byte) {
	w.t.Helper()
	var file bytes.Buffer
	plans, err := w.eng.WritePlan(w.t.Context(), []string{"pair"}, &file, engine.PlanOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return plans[0], file.Bytes()
}

// apply carries out a plan's file.
func (w *world) apply(file []byte, o engine.ApplyOptions) engine.AppliedMapping {
	w.t.Helper()
	got, err := w.eng.Apply(w.t.Context(), bytes.NewReader(file), o)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(got.Mappings) != 1 {
		w.t.Fatalf("got %d mappings", len(got.Mappings))
	}
	return got.Mappings[0]
}

// nothingToDo fails the test unless a plan finds nothing to do.
func (w *world) nothingToDo() {
	w.t.Helper()
	if p, _ := w.plan(); len(p.Counts) != 0 {
		w.t.Errorf("the plan is not empty: %s\n%+v", p, p.Changes)
	}
}

// busy returns a world in which a plan finds something of every kind.
func busy(t *testing.T) *world {
	w, deals := many(t, 6, twoWay, nil)
	w.crm.Edit(deals[0], "ada", "notes", connectors.Text("edited"))
	w.crm.Edit(deals[1], "ada", "notes", connectors.Null)
	w.crm.SetState(deals[2], connectors.Deleted)
	w.crm.Edit(deals[3], "ada", "owner", connectors.PersonValue(connectors.Person{ID: "u3"}))
	w.crm.Create("record", nil, "ada", deal("Fresh", nil))
	w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": connectors.Text("Old"), "code": connectors.Text("A-1")})
	w.crm.Create("record", nil, "ada", deal("Matching", map[string]connectors.Value{"code": connectors.Text("A-1")}))
	for range 2 {
		w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": connectors.Text("Twin"), "code": connectors.Text("T-1")})
	}
	w.crm.Create("record", nil, "ada", deal("Torn", map[string]connectors.Value{"code": connectors.Text("T-1")}))
	w.clock.Advance(1e10)
	return w
}

func find(t *testing.T, p *engine.Plan, action string) engine.PlanChange {
	t.Helper()
	for _, c := range p.Changes {
		if c.Action == action {
			return c
		}
	}
	t.Fatalf("the plan has no %q: %s", action, p)
	return engine.PlanChange{}
}

func TestPlanTellsAll(t *testing.T) {
	w := busy(t)
	store := w.store
	forbidWrites(t, w.crm, w.pm)
	w.wrap = func(s state.Store) state.Store { return frozen{s, t} }
	w.start()
	p, file := w.plan()
	w.wrap = nil
	w.store = store
	if bytes.Count(file, []byte("\n")) < 6 {
		t.Errorf("the file has too few lines:\n%s", file)
	}
	create := find(t, p, engine.PlanCreate)
	if create.Title != "Fresh" || create.To != "epic" || len(create.Tasks) != 2 || len(create.Fields) == 0 {
		t.Errorf("create: %+v", create)
	}
	if d := cmp.Diff([]string{"Starts"}, create.Back); d != "" {
		t.Errorf("what is written back: %s", d)
	}
	if got, want := create.Tasks[0].Title, "Kick-off Fresh"; got != want {
		t.Errorf("task: got %q, want %q", got, want)
	}
	if link := find(t, p, engine.PlanLink); link.Rule != "deal.code = epic.code" || link.Records[1].ID == "" {
		t.Errorf("link: %+v", link)
	}
	torn := find(t, p, engine.PlanAmbiguous)
	if len(torn.Candidates) == 0 || torn.Candidates[0].Title == "" || torn.Code != "ambiguous-match" {
		t.Errorf("ambiguous: %+v", torn)
	}
	if gone := find(t, p, engine.PlanUnlink); gone.Reason != "the deal is not there any more; it is looked for again after 1m0s first" {
		t.Errorf("unlink: %+v", gone)
	}
	var notes *engine.PlanField
	for _, c := range p.Changes {
		for i, f := range c.Fields {
			if c.Action == engine.PlanUpdate && f.After == "edited" {
				notes = &c.Fields[i]
			}
		}
	}
	if notes == nil || notes.Before != "n" || notes.Why != "deal changed" || notes.Field != "notes" {
		t.Errorf("the update of the notes: %+v", notes)
	}
	if len(p.Lacks) != 1 || p.Lacks[0].Code != "unmatched" || p.Lacks[0].Records != 1 || !strings.Contains(p.Lacks[0].Reason, "does not show the e-mail of") {
		t.Errorf("lacks: %+v", p.Lacks)
	}
	if p.Cost == nil || len(p.Cost.Calls) != 2 || p.Cost.Calls[1].Writes == 0 {
		t.Errorf("cost: %+v", p.Cost)
	}
}

func TestPlanSaysWhereAGuardWouldStop(t *testing.T) {
	w, deals := many(t, 12, twoWay, func(l *engine.Limits) { l.Clears = 2 })
	for _, id := range deals[:5] {
		w.crm.Edit(id, "script", "notes", connectors.Null)
	}
	p, file := w.plan()
	if want := "0 fields emptied, 5 more would be over the budget of 2 within 1h0m0s"; len(p.Guards) != 1 || p.Guards[0] != want {
		t.Errorf("guards: got %q, want %q", p.Guards, want)
	}
	if got := w.apply(file, engine.ApplyOptions{}); got.Done != 5 || len(got.Stale) != 0 {
		t.Errorf("apply: %+v", got)
	}
	w.running()
	if got := w.cleared(); got != 5 {
		t.Errorf("%d fields are emptied, want the 5 that were planned", got)
	}
	w.nothingToDo()
	w.clearNotes(deals[5:]) // the plan's leave was for the plan only
	w.halted("guard")
}

func TestPlanKeepsTheFirstOfEachKind(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	for i := range 30 {
		w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("d%d", i), nil))
	}
	told := 0
	p, err := w.eng.PlanWith(t.Context(), "pair", engine.PlanOptions{Limit: 4, Each: func(engine.PlanItem) error { told++; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Changes) != 4 || p.Omitted != 26 || p.Counts["create"] != 30 || told != 30 {
		t.Errorf("got %d changes, %d omitted, %d told, %v", len(p.Changes), p.Omitted, told, p.Counts)
	}
}

func TestPlanEndsWithTheErrorOfASystem(t *testing.T) {
	w := busy(t)
	w.pm.SetHook(func(m memory.Moment) error {
		if m.Call == "read" {
			return &connectors.Error{Kind: connectors.Auth, Err: errors.New("the token is refused")}
		}
		return nil
	})
	_, err := w.eng.Plan(t.Context(), "pair", nil)
	if connectors.KindOf(err) != connectors.Auth || !strings.Contains(fmt.Sprint(err), "the token is refused") {
		t.Errorf("got %v", err)
	}
}

func TestPlanLetsTheServiceGoOn(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.lim.Batch = 2
	w.start()
	for i := range 6 {
		w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("d%d", i), nil))
	}
	drained := 0
	_, err := w.eng.PlanWith(t.Context(), "pair", engine.PlanOptions{Each: func(item engine.PlanItem) error { return nil }, Progress: func(p engine.SyncProgress) {
		// Between two batches the mapping is free: a drain does not wait.
		if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
			t.Error(err)
		}
		drained++
	}})
	if err != nil || drained < 3 {
		t.Errorf("%d drains within the plan, %v", drained, err)
	}
}

// foreseeing is a connection that tells which fields it would refuse.
type foreseeing struct {
	connectors.Connection
	refused map[string]string // by field
}

func (f foreseeing) Abilities() connectors.Abilities {
	a := connectors.AbilitiesOf(f.Connection)
	a.WriteChecker = f
	return a
}

func (f foreseeing) CheckUpdates(_ context.Context, updates []connectors.Update) ([][]connectors.FieldError, error) {
	out := make([][]connectors.FieldError, len(updates))
	for i, u := range updates {
		for field := range u.Fields {
			if reason := f.refused[field]; reason != "" {
				out[i] = append(out[i], connectors.FieldError{Field: field, Reason: reason})
			}
		}
	}
	return out, nil
}

func TestPlanTellsWhatTheSystemWouldRefuse(t *testing.T) {
	w, deals := many(t, 2, twoWay, nil)
	f := foreseeing{Connection: w.conns["pm"], refused: map[string]string{"stage": `no way is known from "1" to "2"`}}
	w.conns["pm"] = f
	w.start()
	for _, id := range deals {
		w.crm.Edit(id, "ada", "stage", connectors.Choice(connectors.Option{ID: "2"}))
		w.crm.Edit(id, "ada", "notes", connectors.Text("edited"))
	}
	w.clock.Advance(time.Minute)
	p, file := w.plan()
	if p.Counts[engine.PlanUpdate] != 2 || p.Counts[engine.PlanAside] != 2 || len(p.Lacks) != 1 || p.Lacks[0].Records != 2 {
		t.Errorf("plan: %s, lacks %+v", p, p.Lacks)
	}
	got := w.apply(file, engine.ApplyOptions{})
	if got.Done != 2 || len(got.Stale) != 0 || w.get(w.pm, w.epicOf(deals[0]), "notes").Text() != "edited" {
		t.Errorf("apply: %+v", got)
	}
	p, _ = w.plan()
	if len(p.Counts) != 0 || p.Standing["refused"] != 2 {
		t.Errorf("afterwards: %s, standing %v", p, p.Standing)
	}
}
