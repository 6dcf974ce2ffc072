package jira_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

func TestHistoryOfEachKind(t *testing.T) {
	for _, flavour := range []sandbox.Flavour{sandbox.Cloud, sandbox.DataCenter} {
		t.Run(string(flavour), func(t *testing.T) {
			w := newWorld(t, sandbox.Options{Empty: true, Flavour: flavour}, nil)
			ct := connectortest.T(t)
			id := w.Create(ct, summary("Before"))
			w.tick()
			since := w.clock.Now()
			budget, err := connectors.ParseNumber("1250.5")
			if err != nil {
				t.Fatal(err)
			}
			person := connectors.PersonValue(w.person(ct, jonas))
			edits := []connectors.FieldEdit{
				{Field: "summary", Value: connectors.Text("After")},
				{Field: "customfield_10042", Value: budget},
				{Field: "duedate", Value: connectors.Date(2026, 12, 24)},
				{Field: "labels", Value: connectors.Labels("a", "b")},
				{Field: "assignee", Value: person},
				{Field: "customfield_10043", Value: connectors.Choice(connectors.Option{ID: "10022", Label: "Retainer"})},
				{Field: "priority", Value: connectors.Choice(connectors.Option{ID: "1", Label: "Highest"})},
				{Field: "status", Value: connectors.Choice(connectors.Option{ID: "3", Label: "In Progress"})},
				{Field: "duedate", Value: connectors.Null},
			}
			var names, want []string
			for _, e := range edits {
				w.Edit(ct, id, e.Field, e.Value)
				names = append(names, e.Field)
				want = append(want, e.Field+" = "+e.Value.String())
			}
			w.Edit(ct, id, "description", connectors.RichText("not told"))
			got, err := connectors.AbilitiesOf(w.conn).HistoryReader.History(t.Context(), "issue", []string{id, "999999", "no id"}, append(names, "description"), since)
			if err != nil || len(got) != 3 || len(got[1])+len(got[2]) > 0 {
				t.Fatalf("History: %+v, %v", got, err)
			}
			var told []string
			last := time.Time{}
			for i, e := range got[0] {
				told = append(told, e.Field+" = "+e.Value.String())
				if e.At.Before(last) || e.Author != w.person(ct, ada).ID {
					t.Errorf("edit %d: at %v by %q", i, e.At, e.Author)
				}
				if i < len(edits) && !connectors.Equal(e.Value, edits[i].Value) {
					t.Errorf("edit %d: %+v, want %+v", i, e.Value, edits[i].Value)
				}
				last = e.At
			}
			if diff := cmp.Diff(want, told); diff != "" {
				t.Errorf("edits (-want +got)\n%s", diff)
			}
		})
	}
}
