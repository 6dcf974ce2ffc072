package github_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	sandbox "github.com/tenonsync/tenon/sandbox/github"
)

func TestMilestones(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	ctx := t.Context()
	sel := connectors.Selection{Object: "milestone", Scope: delivery, Fields: []string{"title", "description", "due_on", "state"}}
	fields := map[string]connectors.Value{"title": connectors.Text("Go-live"), "due_on": connectors.Date(2026, 3, 29), "description": connectors.RichText("All of it")}
	made := w.conn.Create(ctx, []connectors.Create{{Object: "milestone", Scope: delivery, Key: "tenon-m", Fields: fields}})[0]
	if made.Err != nil {
		t.Fatal(made.Err)
	}
	check := func(id string, want map[string]connectors.Value) {
		t.Helper()
		r := w.read(t, sel, id)
		for name, v := range want {
			if got, _ := r.Get(name); !connectors.Equal(got, v) {
				t.Errorf("%s: got %q, want %q", name, got, v)
			}
		}
	}
	check(made.ID, fields)
	change := map[string]connectors.Value{"due_on": connectors.Null, "description": connectors.Null, "state": connectors.Choice(connectors.Option{ID: "closed"})}
	if r := w.conn.Update(ctx, []connectors.Update{{Object: "milestone", Scope: delivery, ID: made.ID, Fields: change}})[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	check(made.ID, change)
	w.clock.Advance(2 * time.Minute)
	if found, err := w.conn.FindByKey(ctx, "milestone", delivery, []string{"tenon-m", "none"}); err != nil || len(found[0]) != 1 || found[0][0] != made.ID || found[1] != nil {
		t.Errorf("FindByKey: %v, %v", found, err)
	}
	twice := w.conn.Create(ctx, []connectors.Create{{Object: "milestone", Scope: delivery, Fields: fields}})[0]
	if e, ok := errors.AsType[*connectors.Error](twice.Err); !ok || e.Kind != connectors.Invalid || len(e.Fields) != 1 || e.Fields[0].Field != "title" {
		t.Errorf("a second one of that title: %v", twice.Err)
	}
	page, err := w.conn.Changes(ctx, sel, "")
	if err != nil || len(page.Changes) != 3 {
		t.Fatalf("Changes: %+v, %v", page, err)
	}
	got, err := w.conn.Read(ctx, sel, []string{made.ID, made.ID + "0", "x"})
	if err != nil || got[0].Err != nil || connectors.KindOf(got[1].Err) != connectors.NotFound || connectors.KindOf(got[2].Err) != connectors.NotFound {
		t.Errorf("Read: %+v, %v", got, err)
	}
	for range 2 {
		if err := connectors.AbilitiesOf(w.conn).Deleter.Delete(ctx, "milestone", []string{made.ID})[0]; err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
}
