package jira_test

import (
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

// TestUnreachable looks at an emulated workflow, in which each status can be
// reached, and writes nothing.
func TestUnreachable(t *testing.T) {
	for _, flavour := range []sandbox.Flavour{sandbox.Cloud, sandbox.DataCenter} {
		t.Run(string(flavour), func(t *testing.T) {
			w := newWorld(t, sandbox.Options{Flavour: flavour, Lag: -1}, nil)
			w.Create(connectortest.T(t), summary("One"))
			before := len(w.sys.Requests().Since(0))
			teller := connectors.AbilitiesOf(w.conn).StepTeller
			for name, c := range map[string]struct {
				scope connectors.Scope
				field string
			}{
				"a status":              {epics, "status"},
				"another field":         {epics, "summary"},
				"workflows of any type": {connectors.Scope{"project": epics["project"]}, "status"},
			} {
				if got, err := teller.Unreachable(t.Context(), "issue", c.scope, c.field); err != nil || len(got) > 0 {
					t.Errorf("%s: got %v, %v, want none", name, got, err)
				}
			}
			for _, e := range w.sys.Requests().Since(0)[before:] {
				if e.Method != "GET" && !strings.Contains(e.Path, "/search") && !strings.Contains(e.Path, "bulkfetch") {
					t.Errorf("a look sent %s %s", e.Method, e.Path)
				}
			}
			if _, err := teller.Unreachable(t.Context(), "issue", connectors.Scope{"project": "NOWHERE", "issuetype": "Epic"}, "status"); err == nil {
				t.Error("a project that is not there has a workflow")
			}
		})
	}
}
