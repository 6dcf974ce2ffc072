package jira

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"
)

const v3 = "/rest/api/3/"

// walkAPI calls every endpoint of Cloud's REST API v3 at least once.
func walkAPI(t *testing.T, s *site) {
	t.Helper()
	for _, path := range []string{
		"serverInfo", "myself", "mypermissions?permissions=BROWSE_PROJECTS,ADMINISTER&projectKey=DELIV", "project", "project/DELIV",
		"project/search?maxResults=1", "project/DELIV/statuses", "project/DELIV/components", "project/DELIV/versions", "issuetype",
		"issuetype/project?projectId=10000", "field", "field/search?type=custom", "status", "status/3", "statuscategory", "priority",
		"priority/search", "resolution", "resolution/search", "issueLinkType", "label", "user/search?query=ada", "users/search", "users",
		"user?accountId=" + s.userByEmail(ada).accountID, "user/bulk?accountId=" + s.userByEmail(ada).accountID,
		"user/assignable/search?project=DELIV&query=rosa", "issue/createmeta?projectKeys=DELIV&expand=projects.issuetypes.fields",
		"issue/createmeta/DELIV/issuetypes", "issue/createmeta/DELIV/issuetypes/10000?maxResults=200", "attachment/meta",
	} {
		s.want(http.StatusOK, "GET", v3+path, nil)
	}
	s.want(http.StatusGone, "GET", v3+"search?jql=x", nil)
	s.want(http.StatusGone, "POST", v3+"search", `{"jql":"x"}`)
	a, b := walkWrites(t, s)
	walkDetails(t, s, a, b)
	walkSearch(s, a)
	walkBulk(t, s, a, b)
	walkApp(s)
}

func walkWrites(t *testing.T, s *site) (a, b string) {
	t.Helper()
	text := object{"type": "doc", "version": 1, "content": []any{object{"type": "paragraph", "content": []any{object{"type": "text", "text": "hi"}}}}}
	fields := object{
		"project": object{"key": "DELIV"}, "issuetype": object{"name": "Task"}, "summary": "Walk", "description": text, "labels": []string{"walk"},
		"components": []any{object{"name": "Design"}}, "fixVersions": []any{object{"name": "2026.1"}}, "duedate": "2026-07-01", "parent": object{"key": "DELIV-1"},
		fieldBudget: 12.5, fieldContract: object{"value": "Retainer"}, fieldRegions: []any{object{"value": "EMEA"}}, fieldHandover: text,
		fieldGoLive: "2026-07-01T10:00:00.000+0200", fieldAccountManager: object{"accountId": s.userByEmail(ada).accountID},
		fieldLocation: object{"value": "Europe", "child": object{"value": "Lisbon"}}, fieldContractLink: "https://crm.example/c/1",
	}
	a = s.want(http.StatusCreated, "POST", v3+"issue", object{"fields": fields, "properties": []any{object{"key": "p", "value": 1}}, "transition": object{"id": "11"}}).text("key")
	fields["summary"] = "Walk too"
	bulk := s.want(http.StatusCreated, "POST", v3+"issue/bulk", object{"issueUpdates": []any{object{"fields": fields}, object{"fields": object{"summary": "x"}}}})
	b = bulk.text("issues.0.key")
	s.want(http.StatusBadRequest, "POST", v3+"issue/bulk", object{"issueUpdates": []any{object{"fields": object{}}}})
	s.want(http.StatusBadRequest, "POST", v3+"issue", object{"fields": object{}})
	s.want(http.StatusNoContent, "PUT", v3+"issue/"+a, object{"fields": object{"summary": "Walked", fieldLocation: nil}})
	s.want(http.StatusOK, "PUT", v3+"issue/"+a+"?returnIssue=true", object{"fields": object{"summary": "Walked far"}})
	s.want(http.StatusNoContent, "PUT", v3+"issue/"+a+"/assignee", object{"accountId": s.userByEmail(rosa).accountID})
	s.want(http.StatusOK, "GET", v3+"issue/"+a+"?expand=names,schema,changelog,renderedFields,transitions,editmeta&properties=*all", nil)
	s.want(http.StatusNotFound, "GET", v3+"issue/NONE-1", nil)
	s.want(http.StatusOK, "GET", v3+"issue/"+a+"/editmeta", nil)
	s.want(http.StatusOK, "GET", v3+"issue/"+a+"/transitions?expand=transitions.fields", nil)
	s.want(http.StatusNoContent, "POST", v3+"issue/"+a+"/transitions", `{"transition":{"id":"21"}}`)
	return a, b
}

func walkDetails(t *testing.T, s *site, a, b string) {
	t.Helper()
	at := v3 + "issue/" + a
	body := `{"body":{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"hi"}]}]},"properties":[{"key":"k","value":1}]}`
	id := s.want(http.StatusCreated, "POST", at+"/comment?expand=properties", body).text("id")
	s.want(http.StatusOK, "GET", at+"/comment?expand=properties", nil)
	s.want(http.StatusOK, "GET", at+"/comment/"+id, nil)
	s.want(http.StatusOK, "PUT", at+"/comment/"+id, body)
	s.want(http.StatusOK, "POST", v3+"comment/list", `{"ids":[`+id+`]}`)
	s.want(http.StatusOK, "GET", v3+"comment/"+id+"/properties", nil)
	s.want(http.StatusOK, "GET", v3+"comment/"+id+"/properties/k", nil)
	s.want(http.StatusOK, "PUT", v3+"comment/"+id+"/properties/k", `2`)
	s.want(http.StatusNoContent, "DELETE", at+"/comment/"+id, nil)
	s.want(http.StatusCreated, "PUT", at+"/properties/q", `{"a":1}`)
	s.want(http.StatusOK, "GET", at+"/properties", nil)
	s.want(http.StatusOK, "GET", at+"/properties/q", nil)
	s.want(http.StatusNoContent, "DELETE", at+"/properties/q", nil)
	remote := s.want(http.StatusCreated, "POST", at+"/remotelink", `{"globalId":"g","object":{"url":"https://a.example","title":"A"}}`)
	_ = remote
	s.want(http.StatusOK, "GET", at+"/remotelink", nil)
	link := at + "/remotelink/10001"
	s.want(http.StatusOK, "GET", link, nil)
	s.want(http.StatusNoContent, "PUT", link, `{"object":{"url":"https://b.example","title":"B"}}`)
	s.want(http.StatusNoContent, "DELETE", link, nil)
	s.want(http.StatusNotFound, "DELETE", at+"/remotelink?globalId=g", nil)
	s.want(http.StatusCreated, "POST", v3+"issueLink", object{"type": object{"name": "Relates"}, "inwardIssue": object{"key": a}, "outwardIssue": object{"key": b}})
	linkID := s.want(http.StatusOK, "GET", at+"?fields=issuelinks", nil).text("fields.issuelinks.0.id")
	s.want(http.StatusOK, "GET", v3+"issueLink/"+linkID, nil)
	s.want(http.StatusNoContent, "DELETE", v3+"issueLink/"+linkID, nil)
	walkAttachment(t, s, at)
	s.want(http.StatusOK, "GET", at+"/changelog?maxResults=2", nil)
	s.want(http.StatusOK, "POST", at+"/changelog/list", `{"changelogIds":[10101]}`)
	s.want(http.StatusOK, "POST", v3+"changelog/bulkfetch", object{"issueIdsOrKeys": []string{a}, "maxResults": 1})
}

func walkAttachment(t *testing.T, s *site, at string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "walk.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte("text")); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+at+"/attachments", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {s.auth}, "Content-Type": {form.FormDataContentType()}, "X-Atlassian-Token": {"no-check"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("attachments: got %d", resp.StatusCode)
	}
	id := s.want(http.StatusOK, "GET", at+"?fields=attachment", nil).text("fields.attachment.0.id")
	s.want(http.StatusOK, "GET", v3+"attachment/"+id, nil)
	s.want(http.StatusSeeOther, "GET", v3+"attachment/content/"+id, nil)
	s.want(http.StatusNoContent, "DELETE", v3+"attachment/"+id, nil)
}

func walkSearch(s *site, a string) {
	s.want(http.StatusOK, "GET", v3+"search/jql?jql=labels%3Dwalk&maxResults=1&fields=*all&expand=names,schema", nil)
	s.want(http.StatusOK, "POST", v3+"search/jql", object{"jql": "labels = walk", "fields": []string{"*navigable"}, "properties": []string{"p"}})
	s.want(http.StatusOK, "POST", v3+"search/approximate-count", object{"jql": "labels = walk"})
	s.want(http.StatusBadRequest, "POST", v3+"search/jql", object{"jql": "nonsense = 1"})
	s.want(http.StatusOK, "POST", v3+"jql/parse?validation=strict", object{"queries": []string{"labels = walk", "nonsense ="}})
	s.want(http.StatusOK, "POST", v3+"issue/bulkfetch", object{"issueIdsOrKeys": []string{a, "NONE-1"}, "fields": []string{"summary"}})
}

func walkBulk(t *testing.T, s *site, a, b string) {
	t.Helper()
	s.want(http.StatusOK, "PUT", v3+"issue/archive", object{"issueIdsOrKeys": []string{b, "NONE-1"}})
	s.want(http.StatusOK, "PUT", v3+"issue/unarchive", object{"issueIdsOrKeys": []string{b}})
	task := s.want(http.StatusCreated, "POST", v3+"bulk/issues/transition", object{
		"bulkTransitionInputs": []any{object{"selectedIssueIdsOrKeys": []string{a, b}, "transitionId": "11"}},
	}).text("taskId")
	if got := s.want(http.StatusOK, "GET", v3+"bulk/queue/"+task, nil); got.text("status") != "RUNNING" {
		t.Errorf("task: got %s, want it running", got.raw)
	}
	s.clock.Advance(2 * time.Second)
	done := s.want(http.StatusOK, "GET", v3+"bulk/queue/"+task, nil)
	if done.text("status") != "COMPLETE" || done.len("processedAccessibleIssues") != 1 || !strings.Contains(string(done.raw), "Transition id '11' is not valid") {
		t.Errorf("task: got %s, want one issue to have failed", done.raw)
	}
	s.want(http.StatusCreated, "POST", v3+"bulk/issues/delete", object{"selectedIssueIdsOrKeys": []string{b}})
	s.want(http.StatusNoContent, "DELETE", v3+"issue/"+a, nil)
}

func walkApp(s *site) {
	tokens, _ := s.Grant(ada, scopeRead, scopeWebhook)
	app := s.with("Bearer " + tokens.Access)
	at := "/ex/jira/" + s.CloudID() + v3 + "webhook"
	id := app.want(http.StatusOK, "POST", at, object{
		"url": "https://app.example/hook", "webhooks": []any{object{"events": []string{eventIssueUpdated}, "jqlFilter": "project = DELIV"}},
	}).at("webhookRegistrationResult.0.createdWebhookId")
	app.want(http.StatusOK, "GET", at, nil)
	app.want(http.StatusOK, "PUT", at+"/refresh", object{"webhookIds": []any{id}})
	app.want(http.StatusAccepted, "DELETE", at, object{"webhookIds": []any{id}})
	s.want(http.StatusForbidden, "GET", v3+"webhook", nil)
}
