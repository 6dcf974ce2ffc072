package engine_test

import (
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// who is a person as a field of the system holds them.
func who(p connectors.Person) connectors.Value { return connectors.PersonValue(p) }

// hiding is a world whose tool shows no e-mails; ada has another one there.
func hiding(t *testing.T, rows []engine.PersonRow) (w *world, id, epic string) {
	t.Helper()
	w = newWorld(t, twoWay, func(crm, pm *memory.Options) {
		crm.People = []connectors.Person{
			{ID: "u1", Email: "ada@crm.example", Name: "Ada"},
			{ID: "u2", Email: "grace@crm.example", Name: "Grace"},
			{ID: "u3", Email: "zoe@crm.example", Name: "Zoe"},
		}
		pm.People = []connectors.Person{{ID: "m1", Email: "ada@tool.example", Name: "Ada O"}, {ID: "m2", Name: "grace_h"}, {ID: "m9", Name: "Stranger"}}
	})
	w.people = rows
	w.start()
	id = w.crm.Create("record", nil, "u1", deal("Ship it", map[string]connectors.Value{"owner": who(connectors.Person{ID: "u1", Email: "ada@crm.example"})}))
	w.settle()
	links := w.links()
	if len(links) != 1 {
		w.dump()
		t.Fatalf("got %d links, want 1", len(links))
	}
	return w, id, links[0].Records[1].ID
}

var folk = []engine.PersonRow{
	{Email: "ada@crm.example", On: map[string]string{"pm": "Ada@tool.example"}},
	{Email: "grace@crm.example", On: map[string]string{"pm": "@grace_h"}},
}

func TestPeopleByTheTable(t *testing.T) {
	w, id, epic := hiding(t, folk)
	owner := func(s *memory.System, record string) string { return w.get(s, record, "owner").Person().ID }
	if got := owner(w.pm, epic); got != "m1" {
		t.Errorf("owner by another e-mail: got %q, want m1", got)
	}
	w.crm.Edit(id, "u1", "owner", who(connectors.Person{ID: "u2", Email: "grace@crm.example"}))
	w.settle()
	if got := owner(w.pm, epic); got != "m2" {
		t.Errorf("owner by id: got %q, want m2", got)
	}
	w.pm.Edit(epic, "m1", "owner", who(connectors.Person{ID: "m1", Email: "ada@tool.example"}))
	w.settle()
	if got := owner(w.crm, id); got != "u1" {
		t.Errorf("owner back, by another e-mail: got %q, want u1", got)
	}
	w.pm.Edit(epic, "m1", "owner", who(connectors.Person{ID: "m2"}))
	w.settle()
	if got := owner(w.crm, id); got != "u2" {
		t.Errorf("owner back, by id: got %q, want u2", got)
	}
	before := len(w.pm.History(epic)) + len(w.crm.History(id))
	w.sweep()
	if after := len(w.pm.History(epic)) + len(w.crm.History(id)); after != before {
		t.Errorf("%d edits after it came to rest", after-before)
	}
}

func TestUnknownPersonClearsNobody(t *testing.T) {
	w, id, epic := hiding(t, folk)
	w.crm.Edit(id, "u1", "owner", who(connectors.Person{ID: "u3", Email: "zoe@crm.example"}))
	w.crm.Edit(id, "u1", "notes", text("handed over"))
	w.settle()
	if got := w.get(w.pm, epic, "owner").Person().ID; got != "m1" {
		t.Errorf("owner: got %q, want the one from before", got)
	}
	if got := w.get(w.pm, epic, "notes").Text(); got != "handed over" {
		t.Errorf("notes: got %q: the other fields wait for the owner", got)
	}
	w.pm.Edit(epic, "m1", "owner", who(connectors.Person{ID: "m9"}))
	w.settle()
	if got := w.get(w.crm, id, "owner").Person().ID; got != "u3" {
		t.Errorf("owner: got %q, want u3 as before: nobody knows m9", got)
	}
	rows, err := w.eng.Asides(t.Context(), "pair", false, 0, 10)
	if err != nil || len(rows) != 1 {
		t.Fatalf("asides: %+v, %v, want one", rows, err)
	}
}

func TestTasksGoToThePersonOfTheTable(t *testing.T) {
	w, _, epic := hiding(t, folk)
	for _, task := range w.pm.IDs("record") {
		title := w.get(w.pm, task, "title").Text()
		if task != epic && strings.HasPrefix(title, "Kick-off") && w.get(w.pm, task, "owner").Person().ID != "m1" {
			t.Errorf("%s: owner %+v, want m1", title, w.get(w.pm, task, "owner").Person())
		}
	}
}
