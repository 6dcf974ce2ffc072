package github

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRequests sends any request to the sandbox: it answers, and never with a
// fault of its own.
func FuzzRequests(f *testing.F) {
	for _, r := range [][3]string{
		{"POST", home + "/issues", `{"title":"A","labels":["x",{"name":"y"}],"assignees":null,"milestone":"1","type":null}`},
		{"PATCH", home + "/issues/1", `{"title":null,"body":[],"state":7,"milestone":{}}`},
		{"PUT", home + "/issues/1/labels", `["a","b"]`},
		{"POST", home + "/hooks", `{"config":{"url":"::","insecure_ssl":1},"events":null}`},
		{"POST", home + "/milestones", `{"title":"x","due_on":"0000-00-00T00:00:00Z"}`},
		{"POST", home + "/issues/1/sub_issues", `{"sub_issue_id":1e99}`},
		{"GET", home + "/issues?page=99999999999&per_page=-1&since=x&labels=,&after=C_kwDO", ""},
		{"GET", "/search/issues?q=%22+repo%3A", ""},
		{"POST", "/graphql", `{"query":"{ nodes(ids: [1, null]) { id } }"}`},
		{"GET", "/repositories/x/issues", ""},
	} {
		f.Add(r[0], r[1], r[2])
	}
	s := New(Options{SearchLag: -1})
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		if !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "/_sandbox") {
			return
		}
		r, err := http.NewRequest(method, "http://github.test"+target, strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Authorization", "Bearer "+DefaultToken)
		r.Header.Set("User-Agent", "fuzz")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s %s: status %d: %.300s", method, target, body, w.Code, w.Body)
		}
	})
}
