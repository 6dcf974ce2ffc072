package jira

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// FuzzWrites sends any body to the endpoints that take issues. Whatever comes,
// the answer is JSON in Jira's shape, and no issue breaks the rules.
func FuzzWrites(f *testing.F) {
	for _, seed := range []string{
		`{"fields":{"summary":"x"}}`, `{"fields":{"labels":["a",null,1]}}`, `{"fields":{"parent":{"id":10001}}}`, `{"fields":{"parent":null}}`,
		`{"fields":{"assignee":{"accountId":null}}}`, `{"fields":{"customfield_10049":{"value":"Europe","child":{"value":"Lisbon"}}}}`,
		`{"update":{"labels":[{"add":"x"},{"remove":"x"}],"comment":[{"add":{"body":"x"}}]}}`, `{"fields":{"components":[{"name":"Design"}]}}`,
		`{"update":{"issuelinks":[{"add":{"type":{"name":"Blocks"},"outwardIssue":{"key":"DELIV-2"}}}]}}`, `{"properties":[{"key":"a","value":1}]}`,
		`{"fields":{"issuetype":{"name":"Story"}}}`, `{"fields":{"description":{"type":"doc","version":1,"content":[]}}}`, `{"fields":{"duedate":"2026-01-01"}}`,
		`{"fields":{"project":{"key":"DELIV"},"issuetype":{"id":"10002"},"summary":"new","customfield_10042":1e3}}`, `{"transition":{"id":"11"}}`, `[]`, `null`, `{`,
	} {
		f.Add(seed)
	}
	s := New(Options{Seed: 5, Clock: kit.NewManualClock(testStart), Lag: -1})
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, body string) {
		for _, target := range []string{"PUT /rest/api/2/issue/DELIV-4", "PUT /rest/api/3/issue/DELIV-5", "POST /rest/api/2/issue", "POST /rest/api/3/issue/DELIV-5/transitions", "POST /rest/api/2/issue/DELIV-4/comment"} {
			method, path, _ := strings.Cut(target, " ")
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.SetBasicAuth(DefaultEmail, DefaultToken)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code >= http.StatusInternalServerError || w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s %s: got %d %s", target, body, w.Code, w.Body)
			}
		}
		r := httptest.NewRequest(http.MethodGet, "/rest/api/3/issue/DELIV-5?expand=changelog", nil)
		r.SetBasicAuth(DefaultEmail, DefaultToken)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("after %s: got %d %s", body, w.Code, w.Body)
		}
		for _, i := range s.Issues("DELIV") {
			if i.Fields["summary"] == nil || i.Type == "Sub-task" && i.Fields["parent"] == nil {
				t.Fatalf("after %s: a broken issue %+v", body, i)
			}
		}
	})
}
