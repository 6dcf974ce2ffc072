package jira

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample reads a captured webhook, or skips.
func sample(t *testing.T, name string) answer {
	t.Helper()
	raw, err := os.ReadFile(filepath.FromSlash("../../../shared/samples/jira/" + name))
	if err != nil {
		t.Skip("the captured webhooks are not beside the repository (../shared/samples)")
	}
	a := answer{raw: raw}
	if err := json.Unmarshal(raw, &a.body); err != nil {
		t.Fatal(err)
	}
	return a
}

// keys lists the names in an object of an answer, without those that Jira
// dropped since the capture.
func (a answer) keys(path string) []string {
	o, _ := a.at(path).(map[string]any)
	if path == "" {
		o, _ = a.body.(map[string]any)
	}
	gone := map[string]bool{"properties": true}
	if path == "user" || path == "comment.author" {
		gone = map[string]bool{"name": true, "key": true, "emailAddress": true, "accountType": true}
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if !gone[name] {
			names = append(names, name)
		}
	}
	return names
}

// TestWebhooksMatchCaptures compares the shapes of deliveries with captured ones.
func TestWebhooksMatchCaptures(t *testing.T) {
	in := newInbox(t)
	s := newSite(t, Options{WebhookTarget: in.URL})
	key := s.create("Captured", object{"labels": []string{"a"}})
	if err := s.As(ada).Edit(key, map[string]any{"summary": "Captured again"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.As(ada).Comment(key, "said"); err != nil {
		t.Fatal(err)
	}
	if err := s.As(ada).Delete(key); err != nil {
		t.Fatal(err)
	}
	dcIn := newInbox(t)
	dc := newSite(t, Options{Flavour: DataCenter, WebhookTarget: dcIn.URL})
	if _, err := dc.As(ada).Comment(dc.create("Captured", nil), "said"); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		file  string
		got   hookRequest
		paths []string
	}{
		{"webhook.cloud.issue_created.json", in.wait(t, s, eventIssueCreated, 1)[0], []string{"", "issue", "user", "changelog", "changelog.items.0", "issue.fields.status", "issue.fields.status.statusCategory", "issue.fields.priority", "issue.fields.watches"}},
		{"webhook.cloud.issue_updated.summary.json", in.wait(t, s, eventIssueUpdated, 1)[0], []string{"", "issue", "user", "changelog", "changelog.items.0"}},
		{"webhook.cloud.issue_deleted.json", in.wait(t, s, eventIssueDeleted, 1)[0], []string{"", "issue", "user", "issue.fields.project"}},
		{"webhook.cloud.comment_created.json", in.wait(t, s, eventCommentCreated, 1)[0], []string{"", "issue", "issue.fields", "comment", "comment.author"}},
		{"webhook.dc.comment_created.no-issue.json", dcIn.wait(t, dc, eventCommentCreated, 1)[0], []string{"", "comment"}},
		{"webhook.dc.issue_updated.issue_commented.json", dcIn.wait(t, dc, eventIssueUpdated, 1)[0], []string{"", "issue"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			want := sample(t, tt.file)
			for _, path := range tt.paths {
				if diff := cmp.Diff(want.keys(path), tt.got.keys(path)); diff != "" {
					t.Errorf("keys of %q (-captured +sent):\n%s", path, diff)
				}
			}
		})
	}
}

// TestAnswersMatchCaptures compares what Data Center answers with captured
// answers: everything that was captured has to be there.
func TestAnswersMatchCaptures(t *testing.T) {
	s := newSite(t, Options{Flavour: DataCenter})
	tests := []struct{ file, path, captured, got string }{
		{"rest.dc.all_priorities.json", "/rest/api/2/priority", "0", "0"},
		{"rest.dc.all_resolutions.json", "/rest/api/2/resolution", "0", "0"},
		{"rest.dc.all_statuses.json", "/rest/api/2/status", "0", "0"},
		{"rest.dc.all_statuses.json", "/rest/api/2/status", "0.statusCategory", "0.statusCategory"},
		{"rest.dc.all_statuscategories.json", "/rest/api/2/statuscategory", "0", "0"},
		{"rest.dc.all_fields.json", "/rest/api/2/field", "0", "1"},
		{"rest.dc.all_issuelinktypes.json", "/rest/api/2/issueLinkType", "issueLinkTypes.0", "issueLinkTypes.0"},
		{"rest.dc.project.json", "/rest/api/2/project/DELIV", "issueTypes.0", "issueTypes.0"},
		{"rest.dc.transitions.json", "/rest/api/2/issue/DELIV-1/transitions?expand=transitions.fields", "transitions.0", "transitions.0"},
	}
	for _, tt := range tests {
		t.Run(tt.file+" "+tt.captured, func(t *testing.T) {
			want, got := sample(t, tt.file), s.want(200, "GET", tt.path, nil)
			has := got.keys(tt.got)
			for _, name := range want.keys(tt.captured) {
				if !slices.Contains(has, name) {
					t.Errorf("%s is missing: captured %v, got %v", name, want.keys(tt.captured), has)
				}
			}
		})
	}
}
