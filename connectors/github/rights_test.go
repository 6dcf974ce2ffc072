package github_test

import (
	"slices"
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
