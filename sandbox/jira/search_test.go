package jira

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSearchLags(t *testing.T) {
	s := newSite(t, Options{Lag: 10 * time.Second})
	a := s.create("First", object{"labels": []string{"lag"}})
	b := s.create("Second", object{"labels": []string{"lag"}})
	if err := s.HoldIndex(b, time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := s.search("labels = lag"); len(got) != 0 {
		t.Errorf("at once: got %v, want nothing", got)
	}
	got := s.want(http.StatusOK, "POST", "/rest/api/3/issue/bulkfetch", object{"issueIdsOrKeys": []string{a, b}})
	if got.len("issues") != 2 {
		t.Errorf("bulkfetch: got %s, want both at once", got.raw)
	}
	issue, _ := s.Issue(a)
	reconciled := s.want(http.StatusOK, "GET", "/rest/api/3/search/jql?fields=summary&jql=labels%3Dlag&reconcileIssues="+issue.ID, nil)
	if reconciled.len("issues") != 1 || reconciled.text("issues.0.key") != a {
		t.Errorf("reconciled: got %s", reconciled.raw)
	}
	s.clock.Advance(10 * time.Second)
	if diff := cmp.Diff([]string{b, a}, s.search("labels = lag")); diff != "" {
		t.Errorf("after the lag (-want +got):\n%s", diff)
	}
	s.want(http.StatusNoContent, "PUT", "/rest/api/2/issue/"+b, `{"fields":{"labels":[]}}`)
	s.want(http.StatusNoContent, "PUT", "/rest/api/2/issue/"+a, `{"fields":{"summary":"Renamed"}}`)
	stale := s.want(http.StatusOK, "GET", "/rest/api/3/search/jql?fields=summary&jql=labels%3Dlag+order+by+key", nil)
	if got, want := stale.text("issues.0.fields.summary"), "First"; got != want {
		t.Errorf("stale read: got %q, want %q", got, want)
	}
	s.clock.Advance(10 * time.Second)
	if diff := cmp.Diff([]string{a, b}, s.search("labels = lag order by key")); diff != "" {
		t.Errorf("the straggler (-want +got):\n%s", diff)
	}
	s.want(http.StatusNoContent, "DELETE", "/rest/api/3/issue/"+a, nil)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.search("labels = lag"); len(got) != 0 {
		t.Errorf("after a flush: got %v, want nothing", got)
	}
}

func TestSearchPages(t *testing.T) {
	s := newSite(t, Options{Lag: -1})
	var want []string
	for n := range 7 {
		want = append(want, s.create(fmt.Sprintf("Page %d", n), object{"labels": []string{"page"}}))
	}
	walk := func(jql, fields string) (keys []string, pages int) {
		token := ""
		for {
			q := url.Values{"jql": {jql}, "maxResults": {"3"}, "fields": {fields}}
			if token != "" {
				q.Set("nextPageToken", token)
			}
			a := s.want(http.StatusOK, "GET", "/rest/api/3/search/jql?"+q.Encode(), nil)
			pages++
			for n := range a.len("issues") {
				keys = append(keys, a.text(fmt.Sprintf("issues.%d.key", n)))
			}
			if a.at("total") != nil {
				t.Error("there is a total")
			}
			token = a.text("nextPageToken")
			if (token == "") != (a.at("isLast") == true) {
				t.Errorf("isLast %v with token %q", a.at("isLast"), token)
			}
			if token == "" {
				return keys, pages
			}
		}
	}
	keys, pages := walk("labels = page ORDER BY updated ASC, key ASC", "summary")
	if diff := cmp.Diff(want, keys); diff != "" || pages != 3 {
		t.Errorf("%d pages (-want +got):\n%s", pages, diff)
	}
	first := s.want(http.StatusOK, "GET", "/rest/api/3/search/jql?jql=labels%3Dpage&maxResults=3", nil)
	if diff := cmp.Diff(map[string]any{"id": first.text("issues.0.id")}, first.at("issues.0")); diff != "" {
		t.Errorf("without fields there is the id alone (-want +got):\n%s", diff)
	}
	token := url.QueryEscape(first.text("nextPageToken"))
	s.want(http.StatusBadRequest, "GET", "/rest/api/3/search/jql?jql=labels%3Dother&nextPageToken="+token, nil)
	s.want(http.StatusOK, "GET", "/rest/api/3/search/jql?jql=labels%3Dpage&nextPageToken="+token, nil)
	s.clock.Advance(8 * 24 * time.Hour)
	s.want(http.StatusBadRequest, "GET", "/rest/api/3/search/jql?jql=labels%3Dpage&nextPageToken="+token, nil)
	for _, bad := range []string{"maxResults=0", "maxResults=5001", "properties=a,b,c,d,e,f", "nextPageToken=nonsense"} {
		s.want(http.StatusBadRequest, "GET", "/rest/api/3/search/jql?jql=labels%3Dpage&"+bad, nil)
	}
}

func TestDeletedIssuesLeaveShortPages(t *testing.T) {
	s := newSite(t, Options{Lag: time.Minute})
	var keys []string
	for range 3 {
		keys = append(keys, s.create("Short page", object{"labels": []string{"short"}}))
	}
	s.clock.Advance(time.Minute)
	for _, key := range keys[:2] {
		s.want(http.StatusNoContent, "DELETE", "/rest/api/3/issue/"+key, nil)
	}
	const path = "/rest/api/3/search/jql?jql=labels%3Dshort+order+by+key&maxResults=2"
	first := s.want(http.StatusOK, "GET", path, nil)
	if first.len("issues") != 0 || first.at("isLast") != false || first.text("nextPageToken") == "" {
		t.Errorf("got %s, want an empty page that is not the last", first.raw)
	}
	second := s.want(http.StatusOK, "GET", path+"&nextPageToken="+url.QueryEscape(first.text("nextPageToken")), nil)
	if second.len("issues") != 1 || second.at("isLast") != true {
		t.Errorf("got %s, want the last issue", second.raw)
	}
}

func TestSearchReadsDatesInTheCallersZone(t *testing.T) {
	s := newSite(t, Options{Lag: -1}) // the account is in Los Angeles, it is 05:00:00 there
	key := s.create("Timed", object{"labels": []string{"timed"}})
	for jql, want := range map[string]bool{
		`updated >= "2026-06-10 05:00"`:                                   true,
		`updated >= "2026-06-10 05:01"`:                                   false,
		`updated >= "2026-06-10 12:00"`:                                   false, // UTC is not asked for
		`updated >= "2026-06-10"`:                                         true,
		`updated > "2026-06-10 04:59"`:                                    true,
		fmt.Sprintf(`updated >= %d`, testStart.UnixMilli()):               true,
		fmt.Sprintf(`updated >= %d`, testStart.UnixMilli()+1):             false,
		`updated >= -1m`:                                                  true,
		`created >= startOfDay() AND created <= endOfDay()`:               true,
		`updated >= "2026-06-10 05:00" and updated <= "2026/06/10 05:00"`: true,
	} {
		if got := s.search("labels = timed AND " + jql); (len(got) == 1) != want {
			t.Errorf("%s: got %v, want it found: %v", jql, got, want)
		}
	}
	got := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil)
	if got, want := got.text("fields.updated"), "2026-06-10T05:00:00.000-0700"; got != want {
		t.Errorf("updated: got %q, want %q", got, want)
	}
	s.want(http.StatusBadRequest, "POST", "/rest/api/3/search/jql", object{"jql": `updated >= "2026-06-10 05:00:30"`})
	if err := s.SetUser(DefaultEmail, true, false, "Asia/Tokyo"); err != nil {
		t.Fatal(err)
	}
	if got := s.search(`labels = timed AND updated >= "2026-06-10 21:00"`); len(got) != 1 {
		t.Errorf("in Tokyo: got %v", got)
	}
}

func TestJQL(t *testing.T) {
	s := newSite(t, Options{Lag: -1, Empty: true})
	epic := s.create("Big thing", object{"issuetype": object{"name": "Epic"}})
	a := s.create("Alpha beta", object{
		"labels": []string{"x", "y"}, "priority": object{"name": "High"}, "parent": object{"key": epic}, fieldBudget: 100,
		"components": []any{object{"name": "Design"}}, fieldCRMDeal: "deal-77 gold", "duedate": "2026-07-01", fieldContract: object{"value": "Retainer"},
	})
	b := s.create("Gamma", object{"labels": []string{"X"}, "description": "hidden *treasure*", "assignee": object{"accountId": s.userByEmail(ada).accountID}})
	c := s.create("Delta", nil)
	if err := s.As(ada).Transition(c, "In Progress", nil); err != nil {
		t.Fatal(err)
	}
	all := []string{epic, a, b, c}
	tests := []struct {
		jql  string
		want []string
	}{
		{"project = DELIV", all},
		{"project = Delivery", all},
		{"project in (DELIV, OPS) and issuetype != Epic", []string{a, b, c}},
		{"type = Epic", []string{epic}},
		{"issuetype in standardIssueTypes()", all},
		{"labels = x", []string{a, b}},
		{"labels = y", []string{a}},
		{"labels != y", []string{b}}, // not those without labels
		{"labels is empty", []string{epic, c}},
		{"labels not in (y) or labels is empty", []string{epic, b, c}},
		{"not labels = y", []string{b}},
		{"key = " + a, []string{a}},
		{"key > " + a, []string{b, c}},
		{"parent = " + epic, []string{a}},
		{`summary ~ "beta alpha"`, []string{a}},
		{"text ~ treasure", []string{b}},
		{"status = 'In Progress'", []string{c}},
		{"statusCategory = new", []string{epic, a, b}},
		{"priority = High", []string{a}},
		{"assignee = currentUser()", nil},
		{"assignee = " + "'" + ada + "'", []string{b}},
		{"assignee is empty", []string{epic, a, c}},
		{"component = Design", []string{a}},
		{"Budget >= 100", []string{a}},
		{"cf[10042] = 100", []string{a}},
		{`"CRM deal" ~ "deal-77"`, []string{a}},
		{"Contract = Retainer", []string{a}},
		{"due < 2026-07-02", []string{a}},
		{"resolution = Unresolved", all},
		{"resolution is not empty", nil},
		{"creator = currentUser() and project = DELIV", all},
		{"statusCategory != Done and (labels = y or status = 'In Progress')", []string{a, c}},
	}
	for _, tt := range tests {
		t.Run(tt.jql, func(t *testing.T) {
			want := append([]string{}, tt.want...)
			if diff := cmp.Diff(want, s.search(tt.jql+" ORDER BY key")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	refused := []struct{ jql, want string }{
		{"nonsense = 1", "Field 'nonsense' does not exist or you do not have permission to view it."},
		{"project = NONE", "The value 'NONE' does not exist for the field 'project'."},
		{"status = Odd", "The value 'Odd' does not exist for the field 'status'."},
		{"key = DELIV-999", "An issue with key 'DELIV-999' does not exist for field 'key'."},
		{`"CRM deal" = gold`, "The operator '=' is not supported by the 'CRM deal' field."},
		{"issue.property[a].b = 1", "Field 'issue.property[a].b' does not exist or you do not have permission to view it."},
		{"order by key", "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."},
		{"", "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."},
		{"project = DELIV order by nonsense", "Field 'nonsense' does not exist or you do not have permission to view it."},
	}
	for _, tt := range refused {
		t.Run(tt.jql, func(t *testing.T) {
			got := s.want(http.StatusBadRequest, "POST", "/rest/api/3/search/jql", object{"jql": tt.jql})
			if got.text("errorMessages.0") != tt.want {
				t.Errorf("got %s, want %q", got.raw, tt.want)
			}
		})
	}
	stranger := s.with("")
	if got := stranger.search("nonsense = 1"); len(got) != 0 {
		t.Errorf("anonymous: got %v, want silence", got)
	}
	stranger.want(http.StatusBadRequest, "POST", "/rest/api/3/search/jql", object{"jql": "nonsense ="})
}

func TestDeclaredPropertiesAreSearchable(t *testing.T) {
	s := newSite(t, Options{Lag: 5 * time.Second, Properties: []IndexedProperty{{Key: "tenon.link", Path: "uuid", Type: "string"}}})
	key := s.want(http.StatusCreated, "POST", "/rest/api/3/issue", object{
		"fields":     object{"project": object{"key": "DELIV"}, "issuetype": object{"name": "Task"}, "summary": "Marked"},
		"properties": []any{object{"key": "tenon.link", "value": object{"uuid": "b6f1", "n": 3}}},
	}).text("key")
	const jql = `issue.property[tenon.link].uuid = "b6f1"`
	if got := s.search(jql); len(got) != 0 {
		t.Errorf("at once: got %v, want nothing", got)
	}
	s.clock.Advance(5 * time.Second)
	if diff := cmp.Diff([]string{key}, s.search(jql)); diff != "" {
		t.Errorf("after the lag (-want +got):\n%s", diff)
	}
	s.DeclareProperty(IndexedProperty{Key: "tenon.link", Path: "n", Type: "number", Alias: "linkNumber"})
	if diff := cmp.Diff([]string{key}, s.search("linkNumber > 2")); diff != "" {
		t.Errorf("by alias (-want +got):\n%s", diff)
	}
	before, _ := s.Issue(key)
	s.clock.Advance(time.Minute)
	s.want(http.StatusOK, "PUT", "/rest/api/3/issue/"+key+"/properties/tenon.link", `{"uuid":"c7"}`)
	s.want(http.StatusCreated, "PUT", "/rest/api/3/issue/"+key+"/properties/other", `1`)
	if after, _ := s.Issue(key); !after.Updated.Equal(before.Updated) {
		t.Error("a property changed updated")
	}
	s.want(http.StatusBadRequest, "PUT", "/rest/api/3/issue/"+key+"/properties/other", `"`+strings.Repeat("x", 32_768)+`"`)
	s.want(http.StatusBadRequest, "PUT", "/rest/api/3/issue/"+key+"/properties/other", `{`)
	s.want(http.StatusNotFound, "GET", "/rest/api/3/issue/"+key+"/properties/missing", nil)
}

func TestRemovedSearch(t *testing.T) {
	s := newSite(t, Options{})
	for _, v := range []string{"2", "3", "latest"} {
		for _, method := range []string{"GET", "POST"} {
			a := s.want(http.StatusGone, method, "/rest/api/"+v+"/search?jql=project=DELIV", nil)
			if !strings.Contains(a.text("errorMessages.0"), "/rest/api/3/search/jql") {
				t.Errorf("got %s", a.raw)
			}
		}
	}
}
