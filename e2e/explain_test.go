package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/engine"
	jirabox "github.com/tenonsync/tenon/sandbox/jira"
)

// pairOf returns a won deal and its epic's key, in step.
func (w *world) pairOf() (deal, epic string) {
	w.t.Helper()
	w.settle(false)
	for id, found := range w.epics() {
		if deal == "" || id < deal {
			deal, epic = id, found[0].Key
		}
	}
	if deal == "" {
		w.t.Fatal("no deal has an epic")
	}
	return deal, epic
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestExplainWithRealConnectors seeds causes whose words and facts are the
// connectors' doing.
func TestExplainWithRealConnectors(t *testing.T) {
	edit := func(w *world, deal, property, value string) {
		w.must(w.hub.As(ada).Edit("deals", deal, map[string]string{property: value}))
		w.settle(false)
	}
	for _, test := range []struct {
		name  string
		cause func(w *world, deal, epic string) (record string) // "" asks for the deal
		code  string
		texts []string // in the finding
		do    string   // in one of its steps
	}{
		{
			name: "the field is not on the screen", code: "refused",
			cause: func(w *world, deal, _ string) string {
				w.must(w.jira.SetOnScreen("DELIV", "Epic", "Budget", false))
				edit(w, deal, "amount", "777")
				return ""
			},
			texts: []string{"amount → Budget: jira refuses the value: ", "cannot be set"}, do: "Correct the value",
		},
		{
			name: "the account may not edit", code: "permission",
			cause: func(w *world, deal, _ string) string {
				w.must(w.jira.Deny(jirabox.DefaultEmail, "DELIV", "EDIT_ISSUES"))
				edit(w, deal, "amount", "777")
				return ""
			},
			texts: []string{"epic differs in ", "it could not be written: jira: "}, do: "Give the account of jira the right",
		},
		{
			name: "the token has expired", code: "auth",
			cause: func(w *world, deal, _ string) string {
				w.jira.ExpireToken(jirabox.DefaultToken)
				w.must(w.hub.As(ada).Edit("deals", deal, map[string]string{"amount": "777"}))
				w.clock.Advance(1e11)
				for _, f := range w.eng.Feeds() {
					_, _ = w.eng.Poll(t.Context(), f)
				}
				return ""
			},
			texts: []string{"connection jira is paused since ", "it is tried again at "}, do: "Renew the credentials of jira",
		},
		{
			name: "the issue is of another type", code: "out-of-scope",
			cause: func(w *world, _, _ string) string {
				key, err := w.jira.As(ada).Create(map[string]any{"project": "DELIV", "issuetype": "Task", "summary": "Only a task"})
				w.must(err)
				return key
			},
			texts: []string{`the epic is outside the mapping's scope: its issuetype is "Task", not "Epic"`}, do: "Move the record into the scope",
		},
		{
			name: "the deal is not won", code: "condition-false",
			cause: func(w *world, _, _ string) string {
				for _, d := range w.deals() {
					if d.Properties["dealstage"] != "closedwon" && len(w.epics()[d.ID]) == 0 {
						return "hubspot/deals/" + d.ID
					}
				}
				t.Fatal("every deal is won")
				return ""
			},
			texts: []string{`one is made when deal.dealstage == "closedwon", and that is not so: dealstage is "appointmentscheduled" (Appointment Scheduled); `, `nobody pressed "Convert to project" either`, `no epic was found by CRM deal = `},
			do:    "Change the record so that the condition holds",
		},
		{
			name: "a required field is not given", code: "refused",
			cause: func(w *world, _, _ string) string {
				w.must(w.jira.SetRequired("DELIV", "Epic", "duedate", true))
				for _, d := range w.deals() {
					if d.Properties["dealstage"] != "closedwon" && len(w.epics()[d.ID]) == 0 {
						edit(w, d.ID, "dealstage", "closedwon")
						return "hubspot/deals/" + d.ID
					}
				}
				return ""
			},
			texts: []string{"the epic could not be made: jira: create", "required"}, do: "make the field optional",
		},
		{
			name: "the epic was deleted", code: "unlinked",
			cause: func(w *world, _, epic string) string {
				w.must(w.jira.As(ada).Delete(epic))
				for range 3 {
					w.settle(true)
				}
				return ""
			},
			texts: []string{"its link with jira/issue/", "has ended at ", "the epic is deleted"}, do: "See who or what ended it.",
		},
		{
			name: "in step, by the web address of the deal", code: "",
			cause: func(w *world, deal, _ string) string {
				for _, d := range w.deals() {
					if d.ID == deal {
						return "https://app.hubspot.com/contacts/" + w.portal() + "/record/0-3/" + deal
					}
				}
				return ""
			},
		},
		{name: "in step, by the epic's key", cause: func(_ *world, _, epic string) string { return strings.ToLower(epic) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, 7)
			deal, epic := w.pairOf()
			record := test.cause(w, deal, epic)
			if record == "" {
				record = "hubspot/deals/" + deal
			}
			x, err := w.eng.Explain(t.Context(), record, engine.ExplainOptions{})
			if err != nil {
				t.Fatal(err)
			}
			t.Log(x.Verdict)
			if test.code == "" {
				if x.Standing != engine.InSync || !strings.Contains(x.Verdict, "is in sync with") {
					t.Errorf("got %s: %s", x.Standing, x.Verdict)
				}
				return
			}
			at := slices.IndexFunc(x.Findings, func(f engine.Finding) bool { return f.Code == test.code })
			if at < 0 {
				t.Fatalf("got %s, want the code %s among %+v", x.Verdict, test.code, x.Findings)
			}
			f := x.Findings[at]
			for _, text := range test.texts {
				if !strings.Contains(f.Text, text) {
					t.Errorf("got %q, want %q in it", f.Text, text)
				}
			}
			if !slices.ContainsFunc(f.Do, func(s engine.Step) bool { return strings.Contains(s.Text, test.do) }) {
				t.Errorf("got the steps %+v, want %q among them", f.Do, test.do)
			}
		})
	}
}

// portal returns the number of the emulated portal, as the records' addresses
// show it.
func (w *world) portal() string {
	w.t.Helper()
	account, err := w.conns["hubspot"].Check(w.t.Context())
	w.must(err)
	return account.ID
}
