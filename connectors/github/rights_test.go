package github_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tenonsync/tenon/connectors"
	sandbox "github.com/tenonsync/tenon/sandbox/github"
)

func TestWhatGitHubDropsIsTold(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	if err := w.sys.SetRole(repository, sandbox.DefaultLogin, "read"); err != nil {
		t.Fatal(err)
	}
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "issue", Scope: delivery, Fields: map[string]connectors.Value{
		"title": connectors.Text("Dropped"), "labels": connectors.Labels("bug"), "assignee": connectors.PersonValue(connectors.Person{ID: "tbecker"}),
		"milestone": connectors.Choice(connectors.Option{ID: "1"}),
	}}})[0]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	var refused []string
	for _, f := range r.Refused {
		refused = append(refused, f.Field)
	}
	slices.Sort(refused)
	if diff := cmp.Diff([]string{"assignee", "labels", "milestone"}, refused); diff != "" {
		t.Errorf("refused fields (-want +got):\n%s", diff)
	}
	gaps, err := connectors.AbilitiesOf(w.conn).RightsChecker.MissingRights(t.Context(), []connectors.Need{{Object: "issue", Scope: delivery, Write: true, Retire: true}})
	if err != nil || len(gaps) != 2 {
		t.Errorf("MissingRights of a reader: %+v, %v; want triage and admin", gaps, err)
	}
}

// TestWhoCannotBeAssignedIsNamed refuses a person who is no member, by the
// field that the write named.
func TestWhoCannotBeAssignedIsNamed(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, nil)
	id := w.make(t, text("title", "Mine"))
	stranger := map[string]connectors.Value{"title": connectors.Text("Yours"), "assignee": connectors.PersonValue(connectors.Person{ID: "passer-by"})}
	created := w.conn.Create(t.Context(), []connectors.Create{{Object: "issue", Scope: delivery, Fields: stranger}})[0]
	for what, r := range map[string]connectors.WriteResult{"Update": w.update(t, id, stranger), "Create": created} {
		e, ok := errors.AsType[*connectors.Error](r.Err)
		if !ok || e.Kind != connectors.Invalid || e.Unsure || len(e.Fields) != 1 || e.Fields[0].Field != "assignee" || !strings.Contains(e.Fields[0].Reason, "passer-by") {
			t.Errorf("%s: %v, want the field assignee refused", what, r.Err)
		}
	}
	r := w.update(t, id, map[string]connectors.Value{"title": connectors.Text("Ours"), "assignee": connectors.PersonValue(connectors.Person{Email: "nobody@nowhere.example"})})
	if r.Err != nil || len(r.Refused) != 1 || !strings.Contains(r.Refused[0].Reason, "nobody@nowhere.example") {
		t.Errorf("an unknown person: %+v", r)
	}
	if i, _ := w.sys.Issue(repository, number(id)); i.Title != "Ours" || len(i.Assignees) != 0 {
		t.Errorf("got %+v", i)
	}
}
