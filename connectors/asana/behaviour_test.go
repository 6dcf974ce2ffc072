package asana_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	sandbox "github.com/tenonsync/tenon/sandbox/asana"
	"github.com/tenonsync/tenon/sandbox/kit"
)

func seeded(t *testing.T) *world { return newWorld(t, sandbox.Options{NoSeed: true}, false, nil) }

func create(t *testing.T, w *world, object, parent, key string, fields map[string]connectors.Value) connectors.WriteResult {
	t.Helper()
	return w.conn.Create(t.Context(), []connectors.Create{{Object: object, Scope: delivery, Parent: parent, Key: key, Fields: fields}})[0]
}

func update(t *testing.T, w *world, id string, fields map[string]connectors.Value) connectors.WriteResult {
	t.Helper()
	return w.conn.Update(t.Context(), []connectors.Update{{Object: "task", Scope: delivery, ID: id, Fields: fields}})[0]
}

func made(t *testing.T, r connectors.WriteResult) string {
	t.Helper()
	if r.Err != nil || r.ID == "" {
		t.Fatalf("write: id %q, %v", r.ID, r.Err)
	}
	return r.ID
}

func TestStartDateTakesTheDueDateAlong(t *testing.T) {
	w := seeded(t)
	start := map[string]connectors.Value{"start_on": connectors.Date(2026, 5, 1)}
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A"), "due_on": connectors.Date(2026, 5, 20)}))
	if r := update(t, w, id, start); r.Err != nil || len(r.Refused) > 0 {
		t.Errorf("start date of a task with a due date: %v, refused %v", r.Err, r.Refused)
	}
	if task, _ := w.sys.Task(id); task.StartOn != "2026-05-01" || task.DueOn != "2026-05-20" {
		t.Errorf("dates %s to %s, want 2026-05-01 to 2026-05-20", task.StartOn, task.DueOn)
	}
	other := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("B")}))
	start["name"] = connectors.Text("B renamed")
	r := update(t, w, other, start)
	if r.Err != nil || len(r.Refused) != 1 || r.Refused[0].Field != "start_on" {
		t.Errorf("start date without a due date: %v, refused %v; want start_on refused", r.Err, r.Refused)
	}
	if task, _ := w.sys.Task(other); task.Name != "B renamed" {
		t.Errorf("name %q: the other field did not go through", task.Name)
	}
}

func TestDueTimeAndDueDateExcludeEachOther(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"due_at": connectors.Instant(time.Date(2026, 5, 20, 22, 30, 0, 0, time.UTC))}))
	sel := connectors.Selection{Object: "task", Scope: delivery, Fields: []string{"due_on", "due_at"}}
	read := func() (on, at connectors.Value) {
		got, err := w.conn.Read(t.Context(), sel, []string{id})
		if err != nil || got[0].Err != nil {
			t.Fatalf("Read: %v, %v", err, got)
		}
		on, _ = got[0].Record.Get("due_on")
		at, _ = got[0].Record.Get("due_at")
		return on, at
	}
	if on, at := read(); on.String() != "2026-05-21" || at.IsNull() { // in the workspace's zone
		t.Errorf("due time: due_on %q, due_at %q", on, at)
	}
	made(t, update(t, w, id, map[string]connectors.Value{"due_on": connectors.Date(2026, 6, 1)}))
	if on, at := read(); on.String() != "2026-06-01" || !at.IsNull() {
		t.Errorf("due date: due_on %q, due_at %q; want no time", on, at)
	}
}

func TestLockedFieldIsSetAside(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A")}))
	if err := w.sys.LockField("Budget", true); err != nil {
		t.Fatal(err)
	}
	budget := w.sys.FieldGID("Budget")
	r := update(t, w, id, map[string]connectors.Value{budget: number("5"), "name": connectors.Text("Renamed")})
	refused := r.Refused
	if e, ok := r.Err.(*connectors.Error); ok { //nolint:errorlint // the connection's own error
		refused = e.Fields
	}
	if len(refused) != 1 || refused[0].Field != budget {
		t.Errorf("locked field: %v, refused %v; want %s by name", r.Err, r.Refused, budget)
	}
}

func TestTextBeyondTheLimitIsRefused(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A")}))
	deal := w.sys.FieldGID("CRM deal")
	r := update(t, w, id, map[string]connectors.Value{deal: connectors.Text(strings.Repeat("x", 1025)), "name": connectors.Text("B")})
	if r.Err != nil || len(r.Refused) != 1 || r.Refused[0].Field != deal || !strings.Contains(r.Refused[0].Reason, "1024") {
		t.Errorf("long text: %v, refused %v", r.Err, r.Refused)
	}
	if task, _ := w.sys.Task(id); task.Name != "B" || task.Fields["CRM deal"] != nil {
		t.Errorf("the task became %+v", task)
	}
}

func TestUnknownPersonClearsNothing(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A"), "assignee": connectors.PersonValue(connectors.Person{Email: ada})}))
	r := update(t, w, id, map[string]connectors.Value{"assignee": connectors.PersonValue(connectors.Person{Email: "nobody@nowhere.example"})})
	if r.Err != nil || len(r.Refused) != 1 {
		t.Errorf("unknown person: %v, refused %v", r.Err, r.Refused)
	}
	if task, _ := w.sys.Task(id); task.Assignee != ada {
		t.Errorf("assignee %q, want the one before", task.Assignee)
	}
}

func TestKeyFieldIsMadeAndAttached(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, false, map[string]string{"key_field": "Sync key"})
	p := connectors.AbilitiesOf(w.conn).Preparer
	need := connectors.Need{Object: "task"}
	if missing, err := p.Missing(t.Context(), need); err != nil || len(missing) != 1 || !strings.Contains(missing[0], "Sync key") {
		t.Errorf("Missing: %v, %v", missing, err)
	}
	if err := p.Prepare(t.Context(), need); err != nil {
		t.Fatal(err)
	}
	id := made(t, create(t, w, "task", "", "tenon-k", map[string]connectors.Value{"name": connectors.Text("A")}))
	if task, _ := w.sys.Task(id); task.Fields["Sync key"] != "tenon-k" {
		t.Errorf("the fields are %v: no key", task.Fields)
	}
	schema, err := w.conn.Schema(t.Context(), "task", delivery)
	if err != nil || schema.Field(w.sys.FieldGID("Sync key")) != nil {
		t.Errorf("the schema shows the key field, or %v", err)
	}
}

func TestFreePlan(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true, Free: true}, false, nil)
	r := create(t, w, "task", "", "tenon-free", map[string]connectors.Value{"name": connectors.Text("A")})
	e, ok := r.Err.(*connectors.Error) //nolint:errorlint // the connection's own error
	if !ok || e.Kind != connectors.Permission || !strings.Contains(e.Help, "create_key: notes") {
		t.Errorf("Create with a key in a field: %v; want a Permission error with help", r.Err)
	}
	gaps, err := connectors.AbilitiesOf(w.conn).RightsChecker.MissingRights(t.Context(), []connectors.Need{{Object: "task", Scope: delivery, Create: true}})
	if err != nil || len(gaps) == 0 {
		t.Errorf("MissingRights: %v, %v; want a gap", gaps, err)
	}
	w = newWorld(t, sandbox.Options{NoSeed: true, Free: true}, false, map[string]string{"create_key": "notes"})
	made(t, create(t, w, "task", "", "tenon-free", map[string]connectors.Value{"name": connectors.Text("A")}))
	found, err := w.conn.FindByKey(t.Context(), "task", delivery, []string{"tenon-free"})
	if err != nil || len(found[0]) != 1 {
		t.Errorf("FindByKey: %v, %v", found, err)
	}
}

func TestHiddenProjectIsAPermissionError(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A")}))
	if err := w.sys.HideProject(sandbox.DefaultProject, true); err != nil {
		t.Fatal(err)
	}
	got, err := w.conn.Read(t.Context(), connectors.Selection{Object: "task", Scope: delivery}, []string{id})
	if err != nil || connectors.KindOf(got[0].Err) != connectors.Permission {
		t.Errorf("Read: %v, %+v; want a Permission error for the record", err, got)
	}
}

func TestRefusalWithoutAName(t *testing.T) {
	w := seeded(t)
	id := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A")}))
	if _, err := w.sys.Faults().Add(kit.Rule{Kind: kit.ServerError, Status: 400, Method: "PUT", Path: "/api/1.0/tasks/*", Times: 2}); err != nil {
		t.Fatal(err)
	}
	// The write as a whole, then its first field by itself: the rest goes through.
	r := update(t, w, id, map[string]connectors.Value{"name": connectors.Text("B"), "completed": connectors.Bool(true)})
	if r.Err != nil || len(r.Refused) != 1 || r.Refused[0].Field != "completed" {
		t.Errorf("Update: %v, refused %v; want completed set aside", r.Err, r.Refused)
	}
	if task, _ := w.sys.Task(id); task.Name != "B" || task.Completed {
		t.Errorf("the task became %+v", task)
	}
}
