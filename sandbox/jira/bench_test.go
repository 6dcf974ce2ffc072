package jira

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// BenchmarkSearch pages through a project of ten thousand issues.
func BenchmarkSearch(b *testing.B) {
	s := New(Options{Seed: 1, Clock: kit.NewManualClock(testStart), Lag: -1, Empty: true})
	defer s.Close()
	person := s.As(ada)
	for n := range 10_000 {
		if _, err := person.Create(map[string]any{"project": "DELIV", "issuetype": "Task", "summary": fmt.Sprintf("Issue %d", n)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	for b.Loop() {
		r := httptest.NewRequest("POST", "/rest/api/3/search/jql", strings.NewReader(`{"jql":"project = DELIV ORDER BY updated","fields":["*navigable"],"maxResults":100}`))
		r.SetBasicAuth(DefaultEmail, DefaultToken)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
