package github

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

func TestIDs(t *testing.T) {
	for id, ok := range map[string]bool{
		"186853002-17": true, "1-1": true, "0-1": false, "1-0": false, "-1-1": false, "01-1": false, "1-+1": false, "1": false, "": false, "a-b": false, "1-1-1": false,
		"99999999999999999999-1": false, "1-99999999999": false,
	} {
		repo, n, got := parseID(id)
		if got != ok || ok && idOf(repo, n) != id {
			t.Errorf("%q: got %d, %d, %v", id, repo, n, got)
		}
	}
}

// TestBothFormsMakeOneRecord reads one issue from REST and from GraphQL.
func TestBothFormsMakeOneRecord(t *testing.T) {
	var w wireIssue
	const rest = `{"id":3,"node_id":"I_3","number":7,"title":"A","body":"Text\r\nmore","state":"closed","state_reason":null,"user":{"login":"tenon-sync[bot]"},
		"labels":[{"name":"b"},{"name":"a"}],"assignees":[{"login":"x"}],"milestone":{"number":2,"title":"M"},"type":{"name":"Task"},"locked":true,"comments":4,
		"created_at":"2026-03-02T09:30:15Z","updated_at":"2026-03-02T10:30:15Z","closed_at":"2026-03-02T10:30:15Z","html_url":"https://github.com/o/r/issues/7",
		"repository_url":"https://api.github.com/repos/o/r","parent_issue_url":"https://api.github.com/repos/o/r/issues/5"}`
	var g graphIssue
	const graph = `{"databaseId":3,"id":"I_3","number":7,"title":"A","body":"Text\nmore","state":"CLOSED","stateReason":"COMPLETED","author":{"__typename":"Bot","login":"tenon-sync"},
		"labels":{"nodes":[{"name":"a"},{"name":"b"}]},"assignees":{"nodes":[{"login":"x"}]},"milestone":{"number":2,"title":"M"},"issueType":{"name":"Task"},"locked":true,
		"comments":{"totalCount":4},"createdAt":"2026-03-02T09:30:15Z","updatedAt":"2026-03-02T10:30:15Z","closedAt":"2026-03-02T10:30:15Z",
		"url":"https://github.com/o/r/issues/7","parent":{"number":5,"repository":{"databaseId":9}}}`
	for raw, into := range map[string]any{rest: &w, graph: &g} {
		if err := json.Unmarshal([]byte(raw), into); err != nil {
			t.Fatal(err)
		}
	}
	a, b := ofREST(&w, 9), ofGraph(&g, 9)
	if a.version() != b.version() {
		t.Errorf("the versions are %s and %s", a.version(), b.version())
	}
	a.labels = []string{"a", "b"} // in another order
	if diff := cmp.Diff(a, b, cmp.AllowUnexported(issue{})); diff != "" {
		t.Errorf("the issue by REST and by GraphQL (-rest +graph):\n%s", diff)
	}
	b.comments++
	if a.version() == b.version() {
		t.Errorf("a comment more makes no other version")
	}
}

func TestMarks(t *testing.T) {
	for _, tc := range []struct {
		name, body, text string
		want             mark
	}{
		{"none", "Text", "Text", mark{}},
		{"at the end", "Text\n\n<!-- tenon-key: k-1 -->", "Text", mark{key: "k-1"}},
		{"alone", "<!-- tenon-key: k -->", "", mark{key: "k"}},
		{"with a parent", "Text\n\n<!-- tenon-key: k parent: 7-12 -->", "Text", mark{"k", "7-12"}},
		{"text after it", "Text\n\n<!-- tenon-key: k -->\n\nMore", "Text\n\nMore", mark{key: "k"}},
		{"two", "<!-- tenon-key: a -->\n\n<!-- tenon-key: b -->", "", mark{key: "b"}},
		{"another form", "<!-- tenon-key: K! -->", "<!-- tenon-key: K! -->", mark{}},
	} {
		if text, m := splitMark(tc.body); text != tc.text || m != tc.want {
			t.Errorf("%s: got %q, %+v; want %q, %+v", tc.name, text, m, tc.text, tc.want)
		}
	}
}

// TestSamples takes in the deliveries that GitHub's own libraries publish.
func TestSamples(t *testing.T) {
	names, err := filepath.Glob(filepath.FromSlash("../../../shared/samples/github/*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("the captured deliveries are not beside the repository (../shared/samples)")
	}
	want := map[string][]string{
		"issues.transferred": {"issue", "issue"}, "ping": {}, "label.created": {}, "projects_v2_item.edited": {}, "milestone.created": {"milestone"},
		"issues.opened.from-transfer": {"issue"}, "issues.demilestoned": {}, "issues.milestoned": {}, // the last two are of pull requests
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := hookConnection().ParseWebhook(signed(string(raw), "sha256="+macOf(testSecret, string(raw)), "application/json"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, h := range d.Hints {
			got = append(got, h.Object)
			if (h.State == connectors.Deleted) != strings.HasPrefix(filepath.Base(name), "issues.deleted") {
				t.Errorf("%s: state %v", name, h.State)
			}
		}
		wanted, listed := want[strings.TrimSuffix(filepath.Base(name), ".json")]
		if !listed {
			wanted = []string{"issue"}
		}
		if strings.Join(got, " ") != strings.Join(wanted, " ") {
			t.Errorf("%s: hints at %v, want %v", filepath.Base(name), got, wanted)
		}
	}
}

func TestCursors(t *testing.T) {
	lag := time.Minute
	for _, tc := range []struct {
		name string
		in   walk
		want int64
	}{
		{"nothing was ever there", walk{Begun: 1000}, 0},
		{"nothing new", walk{Since: 500, Begun: 1000}, 500},
		{"what is new may come late", walk{Since: 500, Begun: 1000, Newest: 990}, 940},
		{"all of it has come", walk{Since: 500, Begun: 1000, Newest: 600}, 601},
		{"never back", walk{Since: 980, Begun: 1000, Newest: 990}, 980},
	} {
		tc.in.end(lag)
		if tc.in != (walk{Since: tc.want}) {
			t.Errorf("%s: got %+v, want since %d", tc.name, tc.in, tc.want)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	raw := `{"id":3,"node_id":"I_3","number":7,"title":"A title","body":"` + strings.Repeat("Some words of a description. ", 20) + `","state":"open","user":{"login":"ada"},
		"labels":[` + strings.TrimSuffix(strings.Repeat(`{"name":"bug"},`, 10), ",") + `],"assignees":[{"login":"x"}],"milestone":{"number":2,"title":"M"},"comments":4,
		"created_at":"2026-03-02T09:30:15Z","updated_at":"2026-03-02T10:30:15Z","html_url":"https://github.com/o/r/issues/7"}`
	var w wireIssue
	if err := json.Unmarshal([]byte(raw), &w); err != nil {
		b.Fatal(err)
	}
	c := hookConnection()
	var fields []string
	for _, f := range issueOrder {
		fields = append(fields, f.Name)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r := c.record(ofREST(&w, 9), scopeRef{repo: repoRef{id: 9}}, "o/r", fields); !r.InScope {
			b.Fatal("not read")
		}
	}
}

func ExampleConnector_Info() {
	fmt.Println(New().Info().Label)
	// Output: GitHub
}
