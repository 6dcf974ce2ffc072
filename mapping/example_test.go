package mapping

import (
	"strings"
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
		"epic.url → project_url [left]: text https://jira.example/browse/DELIV-7",
		"epic.key + \": \" + label(epic.status) → project_status [left]: text DELIV-7: In Progress",
		"[\"crm\", lower(deal.dealtype)] → labels [right]: options crm, newbusiness",
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
		"hs_object_id", "hubspot_owner_id", "project_status", "project_url", "tenon_convert",
	}
	if d := cmp.Diff(wantNeeds, m.Needs(Left)); d != "" {
		t.Errorf("Needs (-want +got):\n%s", d)
	}
}

// TestNewRecords covers what a new record does without: people who cannot be
// seen, and the end of a text that is too long. A task needs a title.
func TestNewRecords(t *testing.T) {
	m := compileText(t, `mapping: test
between:
  deal: {connection: hubspot, object: deals}
  epic: {connection: jira, object: issue, scope: {project: DELIV, issuetype: Epic}}
holidays: [2026-04-06]
create:
  epic:
    when: deal.amount > 1000
    with:
      reporter: "{{ deal.hubspot_owner_id }}"
      labels: [crm, "{{ deal.dealtype }}", "{{ deal.contact_email }}"]
      Go-live: "{{ deal.expected_delivery }}"
      Budget: 12.5
    tasks:
      - {title: "Plan: {{ deal.dealname }}", type: Story, due: deal.closedate, labels: "{{ deal.services }}"}
      - {title: "Plan: {{ deal.id }}", due: 2026-05-01, priority: High}
      - {title: "{{ deal.contact_email ?? deal.id }}", due: "max(today(), date(deal.closedate)) + workdays(1)"}
      - {title: "Übergabe", due: "{{ deal.expected_delivery - days(1) }}"}
fields:
  - {deal: dealname, epic: summary, truncate: true, flow: deal -> epic}
`, testEnv())
	deal := aDeal()
	deal.Set("hubspot_owner_id", connectors.PersonValue(connectors.Person{ID: "77", Name: "Ada"}))
	deal.Set("dealname", connectors.Text(strings.Repeat("x", 300)))
	values, err := m.Create(Right).With(deal)
	if err != nil {
		t.Fatal(err)
	}
	want := []FieldValue{
		{"labels", connectors.Labels("crm", "New Business")},
		{"customfield_10053", connectors.Instant(time.Date(2026, 9, 30, 9, 0, 0, 0, time.UTC))},
		{"customfield_10051", number64("12.5")},
	}
	if d := cmp.Diff(want, values, cmp.Comparer(connectors.Equal)); d != "" {
		t.Errorf("With (-want +got):\n%s", d)
	}
	tasks, err := m.Create(Right).Tasks(deal, time.Date(2026, 4, 3, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	scope := connectors.Scope{"project": "DELIV", "issuetype": "Task"}
	wantTasks := []Task{
		{"plan", "Plan: " + strings.Repeat("x", 300), "issue", connectors.Scope{"project": "DELIV", "issuetype": "Story"}, []FieldValue{
			{"summary", connectors.Text("Plan: " + strings.Repeat("x", 248) + "…")},
			{"duedate", connectors.Date(2026, 3, 31)},
			{"labels", connectors.Labels("Delivery", "Design")},
		}},
		{"plan-2", "Plan: 1042", "issue", scope, []FieldValue{
			{"summary", connectors.Text("Plan: 1042")},
			{"duedate", connectors.Date(2026, 5, 1)},
			{"priority", connectors.Choice(connectors.Option{ID: "1", Label: "High"})},
		}},
		{"task-3", "1042", "issue", scope, []FieldValue{
			{"summary", connectors.Text("1042")},
			{"duedate", connectors.Date(2026, 4, 7)},
		}},
		{"bergabe", "Übergabe", "issue", scope, []FieldValue{
			{"summary", connectors.Text("Übergabe")},
			{"duedate", connectors.Date(2026, 9, 29)},
		}},
	}
	if d := cmp.Diff(wantTasks, tasks, cmp.Comparer(connectors.Equal)); d != "" {
		t.Errorf("Tasks (-want +got):\n%s", d)
	}
	empty := compileText(t, strings.Replace(head, "{when: true}", `{when: true, tasks: [{title: "{{ deal.contact_email }}"}]}`, 1)+"  - {deal: dealname, epic: summary}\n", testEnv())
	_, err = empty.Create(Right).Tasks(deal, time.Time{})
	if want := "task `task-1`: title: it is empty"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
