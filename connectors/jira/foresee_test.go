package jira_test

import (
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

func TestCheckUpdatesTellsStatusesOutOfReach(t *testing.T) {
	for _, flavour := range []sandbox.Flavour{sandbox.Cloud, sandbox.DataCenter} {
		t.Run(string(flavour), func(t *testing.T) {
			w := newWorld(t, sandbox.Options{Flavour: flavour, Lag: -1}, nil)
			ids := []string{w.Create(connectortest.T(t), summary("One")), w.Create(connectortest.T(t), summary("Two"))}
			nowhere := connectors.Choice(connectors.Option{ID: "99", Label: "Nowhere"})
			before := len(w.sys.Requests().Since(0))
			got, err := connectors.AbilitiesOf(w.conn).WriteChecker.CheckUpdates(t.Context(), []connectors.Update{
				{Object: "issue", Scope: epics, ID: ids[0], Fields: fields{"status": done, "summary": connectors.Text("Fine")}},
				{Object: "issue", Scope: epics, ID: ids[1], Fields: fields{"status": nowhere, "summary": connectors.Text("Fine")}},
				{Object: "issue", Scope: epics, ID: ids[0], Fields: fields{"created": connectors.Text("never")}},
				{Object: "issue", Scope: epics, ID: "404404", Fields: fields{"status": done}},
			})
			if err != nil || len(got) != 4 {
				t.Fatalf("CheckUpdates: %+v, %v", got, err)
			}
			if len(got[0]) != 0 || len(got[3]) != 0 {
				t.Errorf("what is in order: %+v, %+v", got[0], got[3])
			}
			if len(got[1]) != 1 || got[1][0].Field != "status" || !strings.Contains(got[1][0].Reason, `no way is known from "To Do" to "Nowhere"`) {
				t.Errorf("out of reach: %+v", got[1])
			}
			if len(got[2]) != 1 || got[2][0].Field != "created" {
				t.Errorf("read-only: %+v", got[2])
			}
			for _, e := range w.sys.Requests().Since(0)[before:] {
				if e.Method != "GET" && !strings.Contains(e.Path, "/search") && !strings.Contains(e.Path, "bulkfetch") {
					t.Errorf("a check sent %s %s", e.Method, e.Path)
				}
			}
			for _, id := range ids {
				if i, _ := w.sys.Issue(id); i.Status != "To Do" {
					t.Errorf("issue %s is in %q", id, i.Status)
				}
			}
		})
	}
}
