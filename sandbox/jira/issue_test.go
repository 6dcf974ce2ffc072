package jira

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCreateValidates(t *testing.T) {
	s := newSite(t, Options{})
	valid := func(more object) object {
		fields := object{"project": object{"key": "DELIV"}, "issuetype": object{"name": "Task"}, "summary": "A task"}
		for k, v := range more {
			fields[k] = v
		}
		return object{"fields": fields}
	}
	tests := []struct {
		name  string
		body  object
		field string
		want  string
	}{
		{"no project", object{"fields": object{"summary": "x"}}, "project", "Specify a valid project ID or key"},
		{"unknown project", valid(object{"project": object{"key": "NONE"}}), "project", "Specify a valid project ID or key"},
		{"no type", valid(object{"issuetype": nil}), "issuetype", "Specify an issue type"},
		{"unknown type", valid(object{"issuetype": object{"name": "Saga"}}), "issuetype", "Specify a valid issue type"},
		{"no summary", valid(object{"summary": nil}), "summary", "You must specify a summary of the issue."},
		{"blank summary", valid(object{"summary": "  "}), "summary", "You must specify a summary of the issue."},
		{"long summary", valid(object{"summary": strings.Repeat("ä", 256)}), "summary", "Summary can't exceed 255 characters."},
		{"two lines", valid(object{"summary": "a\nb"}), "summary", "The summary is invalid because it contains newline characters."},
		{"text for a document", valid(object{"description": "plain"}), "description", "Operation value must be an Atlassian Document (see the Atlassian Document Format)"},
		{"label with a space", valid(object{"labels": []string{"a b"}}), "labels", "The label 'a b' contains spaces which is invalid."},
		{"labels no list", valid(object{"labels": "a"}), "labels", "data was not an array"},
		{"unknown priority", valid(object{"priority": object{"name": "Soon"}}), "priority", "Priority name 'Soon' is not valid"},
		{"unknown component", valid(object{"components": []any{object{"name": "Sales"}}}), "components", "Component name 'Sales' is not valid"},
		{"bad date", valid(object{"duedate": "31/12/2026"}), "duedate", "Error parsing date string: 31/12/2026"},
		{"impossible date", valid(object{"duedate": "2026-02-30"}), "duedate", "Error parsing date string: 2026-02-30"},
		{"text for a number", valid(object{fieldBudget: "12"}), fieldBudget, "Operation value must be a number"},
		{"unknown option", valid(object{fieldContract: object{"value": "Gift"}}), fieldContract, "Option value 'Gift' is not valid"},
		{"bad URL", valid(object{fieldContractLink: "not a url"}), fieldContractLink, "The URL 'not a url' is not valid."},
		{"unknown user", valid(object{"assignee": object{"accountId": "nobody"}}), "assignee", "User 'nobody' does not exist."},
		{"user by name", valid(object{"assignee": object{"name": "ada.okafor"}}), "assignee", "accountId must be present in the request"},
		{"unknown field", valid(object{"customfield_99999": 1}), "customfield_99999", "Field 'customfield_99999' cannot be set. It is not on the appropriate screen, or unknown."},
		{"computed field", valid(object{"status": object{"id": "3"}}), "status", "Field 'status' cannot be set. It is not on the appropriate screen, or unknown."},
		{"resolution at creation", valid(object{"resolution": object{"name": "Done"}}), "resolution", "Field 'resolution' cannot be set. It is not on the appropriate screen, or unknown."},
		{"sub-task without parent", valid(object{"issuetype": object{"name": "Sub-task"}}), "issuetype", "Issue type is a sub-task but parent issue key or id not specified."},
		{"parent of the wrong level", valid(object{"parent": object{"key": "DELIV-2"}}), "parentId", "Given parent issue does not belong to appropriate hierarchy."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := s.want(http.StatusBadRequest, "POST", "/rest/api/3/issue", tt.body)
			errs, _ := a.at("errors").(map[string]any)
			if got := errs[tt.field]; got != tt.want {
				t.Errorf("errors.%s: got %v, want %q (all: %s)", tt.field, got, tt.want, a.raw)
			}
		})
	}
	broken := s.want(http.StatusBadRequest, "POST", "/rest/api/3/issue", valid(object{"description": object{"type": "doc", "version": 1, "content": []any{object{"type": "marquee"}}}}))
	if got := broken.text("errorMessages.0"); !strings.HasPrefix(got, "We can't create this issue for you right now, it could be due to unsupported content") {
		t.Errorf("unknown node: got %q", got)
	}
	if a := s.want(http.StatusBadRequest, "POST", "/rest/api/3/issue", `{"fields":`); a.len("errorMessages") != 1 {
		t.Errorf("broken JSON: got %s", a.raw)
	}
}

func TestRichTextInBothVersions(t *testing.T) {
	s := newSite(t, Options{})
	key := s.create("Text", object{"description": "a *b* c"})
	v2 := s.want(http.StatusOK, "GET", "/rest/api/2/issue/"+key, nil)
	if got, want := v2.text("fields.description"), "a *b* c"; got != want {
		t.Errorf("v2: got %q, want %q", got, want)
	}
	v3 := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil)
	if got, want := v3.text("fields.description.content.0.content.1.marks.0.type"), "strong"; got != want {
		t.Errorf("v3: got %q, want %q", got, want)
	}
	if !strings.Contains(v3.text("self"), "/rest/api/3/issue/") || !strings.Contains(v2.text("self"), "/rest/api/2/issue/") {
		t.Errorf("self: got %q and %q", v3.text("self"), v2.text("self"))
	}
}

func TestEditLeavesNoTraceWithoutChange(t *testing.T) {
	s := newSite(t, Options{})
	key := s.create("Same", object{"labels": []string{"b", "a"}})
	before, _ := s.Issue(key)
	s.want(http.StatusNoContent, "PUT", "/rest/api/2/issue/"+key, object{"fields": object{"summary": "Same", "labels": []string{"a", "b"}}})
	after, _ := s.Issue(key)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("an edit without change left a trace (-before +after):\n%s", diff)
	}
	s.want(http.StatusNoContent, "PUT", "/rest/api/2/issue/"+key, object{"fields": object{"summary": "Other"}})
	after, _ = s.Issue(key)
	if !after.Updated.After(before.Updated) {
		t.Errorf("updated: got %v, want later than %v", after.Updated, before.Updated)
	}
}

func TestUpdateVerbs(t *testing.T) {
	s := newSite(t, Options{})
	key := s.create("Verbs", object{"labels": []string{"x"}})
	s.want(http.StatusNoContent, "PUT", "/rest/api/2/issue/"+key, `{"update":{
		"labels":[{"add":"y"},{"remove":"x"},{"add":"y"}],
		"components":[{"add":{"name":"Design"}},{"add":{"name":"Delivery"}},{"remove":{"name":"Design"}}],
		"summary":[{"set":"Verbs at work"}],
		"comment":[{"add":{"body":"said in passing"}}]}}`)
	got, _ := s.Issue(key)
	if got.Fields["summary"] != "Verbs at work" || !slices.Equal(got.Labels, []string{"y"}) || len(got.Comments) != 1 {
		t.Errorf("got %+v", got)
	}
	if diff := cmp.Diff([]string{"Delivery"}, got.Fields["components"]); diff != "" {
		t.Errorf("components (-want +got):\n%s", diff)
	}
	both := s.want(http.StatusBadRequest, "PUT", "/rest/api/2/issue/"+key, `{"fields":{"labels":[]},"update":{"labels":[{"add":"z"}]}}`)
	if diff := cmp.Diff([]string{"labels"}, both.fieldErrors()); diff != "" {
		t.Errorf("field in both (-want +got):\n%s", diff)
	}
	s.want(http.StatusBadRequest, "PUT", "/rest/api/2/issue/"+key, `{"update":{"summary":[{"add":"z"}]}}`)
	s.want(http.StatusNoContent, "PUT", "/rest/api/2/issue/"+key, `{"fields":{"labels":[],"components":null,"duedate":null}}`)
	if got, _ := s.Issue(key); len(got.Labels) != 0 {
		t.Errorf("labels after clearing: got %v", got.Labels)
	}
}

func TestBulkCreate(t *testing.T) {
	s := newSite(t, Options{})
	task := func(project string) object {
		return object{"fields": object{"project": object{"key": project}, "issuetype": object{"name": "Task"}, "summary": "Bulk"}}
	}
	a := s.want(http.StatusCreated, "POST", "/rest/api/3/issue/bulk", object{"issueUpdates": []any{task("NONE"), task("DELIV"), task("NONE"), task("OPS")}})
	if a.len("issues") != 2 || a.len("errors") != 2 || a.at("errors.1.failedElementNumber") != 2.0 {
		t.Errorf("got %s", a.raw)
	}
	if got, want := a.text("errors.0.elementErrors.errors.project"), "Specify a valid project ID or key"; got != want {
		t.Errorf("element error: got %q, want %q", got, want)
	}
	a = s.want(http.StatusBadRequest, "POST", "/rest/api/3/issue/bulk", object{"issueUpdates": []any{task("NONE")}})
	if a.len("issues") != 0 || a.len("errors") != 1 {
		t.Errorf("all failed: got %s", a.raw)
	}
	s.want(http.StatusBadRequest, "POST", "/rest/api/3/issue/bulk", object{"issueUpdates": slices.Repeat([]any{task("DELIV")}, 51)})
}

func TestTransitions(t *testing.T) {
	s := newSite(t, Options{})
	key := s.create("Work", nil)
	post := func(status int, body string) answer {
		t.Helper()
		return s.want(status, "POST", "/rest/api/3/issue/"+key+"/transitions", body)
	}
	post(http.StatusBadRequest, `{}`)
	if got, want := post(http.StatusBadRequest, `{"transition":{"id":"31"}}`).text("errorMessages.0"), "Transition id '31' is not valid for this issue."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if a := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key+"/transitions?transitionId=999", nil); a.len("transitions") != 0 {
		t.Errorf("unknown transition: got %s", a.raw)
	}
	post(http.StatusNoContent, `{"transition":{"id":"11"}}`)
	post(http.StatusNoContent, `{"transition":{"id":"21"}}`)
	a := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key+"/transitions?expand=transitions.fields&transitionId=31", nil)
	if a.at("transitions.0.hasScreen") != true || a.at("transitions.0.fields.resolution.required") != true {
		t.Errorf("screen: got %s", a.raw)
	}
	missing := post(http.StatusBadRequest, `{"transition":{"id":"31"}}`)
	if got, want := missing.text("errorMessages.0"), "Field Resolution is required."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	off := post(http.StatusBadRequest, `{"transition":{"id":"31"},"fields":{"resolution":{"name":"Done"},"summary":"x"}}`)
	if diff := cmp.Diff([]string{"summary"}, off.fieldErrors()); diff != "" {
		t.Errorf("field off the screen (-want +got):\n%s", diff)
	}
	post(http.StatusNoContent, `{"transition":{"id":"31"},"fields":{"resolution":{"name":"Won't Do"}}}`)
	got := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil)
	if got.text("fields.status.name") != "Done" || got.text("fields.resolution.name") != "Won't Do" || got.at("fields.resolutiondate") == nil {
		t.Errorf("done: got %s", got.raw)
	}
	post(http.StatusNoContent, `{"transition":{"id":61}}`)
	if got := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil); got.at("fields.resolution") != nil || got.at("fields.resolutiondate") != nil {
		t.Errorf("reopened: got %s", got.raw)
	}

	ops := s.want(http.StatusCreated, "POST", "/rest/api/3/issue", `{"fields":{"project":{"key":"OPS"},"issuetype":{"name":"Task"},"summary":"x"}}`).text("key")
	refused := s.want(http.StatusBadRequest, "POST", "/rest/api/3/issue/"+ops+"/transitions", `{"transition":{"id":"31"},"fields":{"resolution":{"name":"Done"}}}`)
	if got, want := refused.text("errors.resolution"), "Field 'resolution' cannot be set. It is not on the appropriate screen, or unknown."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.want(http.StatusNoContent, "POST", "/rest/api/3/issue/"+ops+"/transitions", `{"transition":{"id":"31"}}`)
	if got, _ := s.Issue(ops); got.Fields["resolution"] != "Done" {
		t.Errorf("resolution: got %v, want Done", got.Fields["resolution"])
	}
}

func TestPermissionsHideIssues(t *testing.T) {
	s := newSite(t, Options{})
	key := s.create("Secret", nil)
	missing := s.want(http.StatusNotFound, "GET", "/rest/api/3/issue/DELIV-99999", nil)
	if err := s.Deny(DefaultEmail, "DELIV", "BROWSE_PROJECTS"); err != nil {
		t.Fatal(err)
	}
	hidden := s.want(http.StatusNotFound, "GET", "/rest/api/3/issue/"+key, nil)
	if diff := cmp.Diff(missing.body, hidden.body); diff != "" {
		t.Errorf("hidden and missing differ:\n%s", diff)
	}
	if a := s.want(http.StatusOK, "POST", "/rest/api/3/issue/bulkfetch", object{"issueIdsOrKeys": []string{key}}); a.len("issues") != 0 || a.len("issueErrors") != 0 {
		t.Errorf("bulkfetch: got %s", a.raw)
	}
	if a := s.want(http.StatusOK, "GET", "/rest/api/3/project/search", nil); a.at("total") != 1.0 {
		t.Errorf("projects: got %s", a.raw)
	}
	s.want(http.StatusBadRequest, "POST", "/rest/api/3/search/jql", object{"jql": "project = DELIV"})
	if err := s.Allow(DefaultEmail, "DELIV", "BROWSE_PROJECTS"); err != nil {
		t.Fatal(err)
	}
	s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil)
}

func TestHiddenFieldsAndScreens(t *testing.T) {
	s := newSite(t, Options{})
	key := s.create("Fields", object{fieldBudget: 10})
	if err := s.SetOnScreen("DELIV", "Task", "Budget", false); err != nil {
		t.Fatal(err)
	}
	s.want(http.StatusBadRequest, "PUT", "/rest/api/3/issue/"+key, object{"fields": object{fieldBudget: 11}})
	if a := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil); a.at("fields."+fieldBudget) != 10.0 {
		t.Errorf("off the screen: got %v, want it still shown", a.at("fields."+fieldBudget))
	}
	if err := s.HideField("Budget"); err != nil {
		t.Fatal(err)
	}
	a := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil)
	if fields, _ := a.at("fields").(map[string]any); fields == nil {
		t.Fatal("no fields")
	} else if _, shown := fields[fieldBudget]; shown {
		t.Error("a hidden field is shown")
	}
	s.want(http.StatusBadRequest, "POST", "/rest/api/3/search/jql", object{"jql": "Budget > 1"})
	if err := s.ShowField("Budget"); err != nil {
		t.Fatal(err)
	}
	if a := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil); a.at("fields."+fieldBudget) != 10.0 {
		t.Error("the value did not come back")
	}
	if err := s.SetRequired("DELIV", "Task", "Due date", true); err != nil {
		t.Fatal(err)
	}
	missing := s.want(http.StatusBadRequest, "POST", "/rest/api/3/issue", `{"fields":{"project":{"key":"DELIV"},"issuetype":{"name":"Task"},"summary":"x"}}`)
	if got, want := missing.text("errors.duedate"), "Due date is required."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMoveKeepsTheID(t *testing.T) {
	s := newSite(t, Options{})
	key := s.create("Moving", object{"components": []any{object{"name": "Design"}}})
	before, _ := s.Issue(key)
	moved, err := s.As(ada).Move(key, "OPS")
	if err != nil {
		t.Fatal(err)
	}
	a := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil)
	if a.text("id") != before.ID || a.text("key") != moved || a.text("fields.project.key") != "OPS" || a.len("fields.components") != 0 {
		t.Errorf("by the old key: got %s", a.raw)
	}
	log := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+moved+"/changelog", nil)
	var names []string
	items, _ := log.at("values.0.items").([]any)
	for _, it := range items {
		o, _ := it.(map[string]any)
		name, _ := o["field"].(string)
		names = append(names, name)
	}
	if diff := cmp.Diff([]string{"Component", "project", "Key"}, names); diff != "" {
		t.Errorf("changelog (-want +got):\n%s", diff)
	}
	if next := s.create("Next", nil); next == key {
		t.Errorf("the key %s was used again", key)
	}
}

func TestDeleteAndSubtasks(t *testing.T) {
	s := newSite(t, Options{})
	key := s.create("Parent", nil)
	sub := s.create("Child", object{"issuetype": object{"name": "Sub-task"}, "parent": object{"key": key}})
	s.want(http.StatusBadRequest, "DELETE", "/rest/api/3/issue/"+key, nil)
	s.want(http.StatusNoContent, "DELETE", "/rest/api/3/issue/"+key+"?deleteSubtasks=true", nil)
	for _, k := range []string{key, sub} {
		s.want(http.StatusNotFound, "GET", "/rest/api/3/issue/"+k, nil)
	}
}

func TestArchive(t *testing.T) {
	s := newSite(t, Options{Lag: -1})
	key := s.create("Old", object{"labels": []string{"old"}})
	s.want(http.StatusOK, "PUT", "/rest/api/3/issue/archive", object{"issueIdsOrKeys": []string{key, "NONE-1"}})
	if got := s.search("labels = old"); len(got) != 0 {
		t.Errorf("search: got %v, want nothing", got)
	}
	s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil)
	s.want(http.StatusBadRequest, "PUT", "/rest/api/3/issue/"+key, `{"fields":{"summary":"x"}}`)
	s.want(http.StatusBadRequest, "PUT", "/rest/api/3/issue/archive", object{"issueIdsOrKeys": []string{key}})
	s.want(http.StatusOK, "PUT", "/rest/api/3/issue/unarchive", object{"issueIdsOrKeys": []string{key}})
	if diff := cmp.Diff([]string{key}, s.search("labels = old")); diff != "" {
		t.Errorf("search (-want +got):\n%s", diff)
	}
}
