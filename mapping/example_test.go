package mapping

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

// TestExampleFile runs the shipped mapping over one deal, whole.
func TestExampleFile(t *testing.T) {
	f, problems := Parse("won-deal-to-epic.yaml", exampleFile(t))
	if len(problems) > 0 {
		t.Fatalf("Parse:\n%s", problems)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	env := testEnv()
	env.Zone = berlin
	m, problems := Compile(f, env)
	if len(problems) > 0 {
		t.Fatalf("Compile:\n%s", problems)
	}
	deal, epic := aDeal(), anEpic()

	var got []string
	for _, r := range m.Rules() {
		for _, to := range []SideID{Left, Right} {
			if !r.Flow().To(to) {
				continue
			}
			rec := deal
			if to == Left {
				rec = epic
			}
			v, p, err := r.Value(to.Other(), rec)
			if err != nil || p != connectors.Present {
				t.Fatalf("%s: Value: %v, %v", r.Name(), p, err)
			}
			out, outcome, err := r.Convert(to, v)
			if err != nil {
				t.Fatalf("%s: Convert: %v", r.Name(), err)
			}
			line := r.Name() + " [" + to.String() + "]: " + out.Type().String() + " " + out.String()
			if outcome == Leave {
				line += "(leave)"
			}
			got = append(got, line)
		}
	}
	want := []string{
		"dealname ↔ summary [left]: text Acme roll-out",
		"dealname ↔ summary [right]: text Acme roll-out",
		"description ↔ description [left]: text First line\nSecond **line**",
		"description ↔ description [right]: rich text First line  \nSecond line",
		"amount → Budget [right]: number 12500.5",
		"closedate → Start date [right]: date 2026-04-01",
		"duedate → expected_delivery [left]: date 2026-10-01",
		"dealstage ↔ status [left]: option In delivery",
		"dealstage ↔ status [right]: option To Do",
		"set → project_url [left]: text https://jira.example/browse/DELIV-7",
		"set → project_status [left]: text DELIV-7: In Progress",
		"set → labels [right]: options crm, newbusiness",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("values (-want +got):\n%s", d)
	}

	c := m.Create(Right)
	if ok, err := c.When(deal); err != nil || !ok {
		t.Errorf("When: got %v, %v; want true", ok, err)
	}
	with, err := c.With(deal)
	if err != nil {
		t.Fatal(err)
	}
	wantWith := []FieldValue{
		{"components", connectors.Choices(connectors.Option{ID: "20001", Label: "Delivery"})},
		{"customfield_10050", connectors.Text("1042")},
	}
	if d := cmp.Diff(wantWith, with, cmp.Comparer(connectors.Equal)); d != "" {
		t.Errorf("With (-want +got):\n%s", d)
	}
	tasks, err := c.Tasks(deal, time.Date(2026, 4, 2, 23, 30, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	scope := connectors.Scope{"project": "DELIV", "issuetype": "Task"}
	wantTasks := []Task{
		{Key: "requirements", Title: "Requirements: Acme roll-out", Object: "issue", Scope: scope, Fields: []FieldValue{
			{"summary", connectors.Text("Requirements: Acme roll-out")},
			{"assignee", connectors.PersonValue(connectors.Person{Email: "ada@example.com"})},
			{"duedate", connectors.Date(2026, 4, 10)},
			{"description", connectors.RichText("The deal in the CRM: https://crm.example/deals/1042")},
		}},
		{Key: "prototype", Title: "Prototype", Object: "issue", Scope: scope, Fields: []FieldValue{
			{"summary", connectors.Text("Prototype")}, {"duedate", connectors.Date(2026, 4, 24)},
		}},
		{Key: "acceptance-test", Title: "Acceptance test", Object: "issue", Scope: scope, Fields: []FieldValue{
			{"summary", connectors.Text("Acceptance test")}, {"duedate", connectors.Date(2026, 5, 15)},
		}},
	}
	if d := cmp.Diff(wantTasks, tasks, cmp.Comparer(connectors.Equal)); d != "" {
		t.Errorf("Tasks (-want +got):\n%s", d)
	}
	wantNeeds := []string{
		"amount", "closedate", "dealname", "dealstage", "dealtype", "description", "expected_delivery",
		"hs_object_id", "hubspot_owner_id", "project_status", "project_url",
	}
	if d := cmp.Diff(wantNeeds, m.Needs(Left)); d != "" {
		t.Errorf("Needs (-want +got):\n%s", d)
	}
}
