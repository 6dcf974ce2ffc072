package engine_test

import (
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

func deal(title string, more map[string]connectors.Value) map[string]connectors.Value {
	fields := map[string]connectors.Value{"title": connectors.Text(title), "active": connectors.Bool(true)}
	for k, v := range more {
		fields[k] = v
	}
	return fields
}

func TestDealBecomesEpicWithTasks(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	id := w.crm.Create("record", nil, "ada", deal("Ship it", map[string]connectors.Value{
		"notes": connectors.Text("soon"), "labels": connectors.Labels("a", "b"),
		"owner": connectors.PersonValue(connectors.Person{ID: "u1", Email: "ada@example.com"}),
	}))
	w.settle()
	links := w.links()
	if len(links) != 1 {
		t.Fatalf("got %d links, want 1", len(links))
	}
	epic := links[0].Records[1].ID
	for field, want := range map[string]connectors.Value{
		"title": connectors.Text("Ship it"), "notes": connectors.Text("soon"), "labels": connectors.Labels("a", "b"),
	} {
		if got := w.get(w.pm, epic, field); !connectors.Equal(got, want) {
			t.Errorf("epic's %s: got %v, want %v", field, got, want)
		}
	}
	if got := len(w.pm.IDs("record")); got != 3 {
		t.Errorf("got %d records in the project tool, want the epic and two tasks", got)
	}
	w.pm.Edit(epic, "grace", "notes", connectors.Text("later"))
	w.crm.Edit(id, "ada", "title", connectors.Text("Ship it now"))
	w.settle()
	if got := w.get(w.crm, id, "notes"); got.Text() != "later" {
		t.Errorf("deal's notes: got %v, want later", got)
	}
	if got := w.get(w.pm, epic, "title"); got.Text() != "Ship it now" {
		t.Errorf("epic's title: got %v", got)
	}
}
