package github

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// dropped are members that GitHub sent when the samples were captured, and those
// of accounts of another kind.
var dropped = []string{"installation", "issue.draft"}

// TestWebhooksMatchSamples compares the members of deliveries with captured ones.
func TestWebhooksMatchSamples(t *testing.T) {
	in := newInbox(t)
	s := newSite(t, Options{WebhookTarget: in.URL})
	n := s.create(object{"title": "Captured", "labels": []string{"bug"}, "assignees": []string{"tbecker"}})
	one := fmt.Sprintf("%s/issues/%d", home, n)
	s.call("PATCH", one, object{"title": "Again", "labels": []string{}, "assignees": []string{}}).want(200)
	s.call("PATCH", one, object{"state": "closed"}).want(200)
	s.call("PATCH", one, object{"state": "open", "body": "Text"}).want(200)
	comment, _ := s.call("POST", one+"/comments", object{"body": "Said"}).want(201).at("id").(float64)
	said := fmt.Sprintf("%s/issues/comments/%.0f", home, comment)
	s.call("PATCH", said, object{"body": "Said again"}).want(200)
	s.call("DELETE", said, nil).want(204)
	s.call("POST", home+"/labels", object{"name": "fresh"}).want(201)
	s.call("POST", home+"/milestones", object{"title": "fresh"}).want(201)
	if _, err := s.As(ada).Transfer(DefaultRepository, n, "harbourworks/operations"); err != nil {
		t.Fatal(err)
	}
	if err := s.As(ada).Delete(DefaultRepository, 1); err != nil {
		t.Fatal(err)
	}
	ours := map[string]map[string]any{}
	list := in.take(t, s)
	for k, name := range events(t, list) {
		var body map[string]any
		if err := json.Unmarshal(list[k].body, &body); err != nil {
			t.Fatal(err)
		}
		ours[name] = body
	}
	checked := 0
	for name, mine := range ours {
		raw, err := os.ReadFile(filepath.FromSlash("../../../shared/samples/github/" + name + ".json"))
		if err != nil {
			continue
		}
		checked++
		var sample map[string]any
		if err := json.Unmarshal(raw, &sample); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"", "issue", "comment", "repository", "sender", "label", "milestone", "changes"} {
			missing(t, name, path, sample, mine)
		}
	}
	if checked == 0 {
		t.Skip("the captured deliveries are not beside the repository (../shared/samples)")
	}
	if checked < 12 {
		t.Errorf("only %d deliveries have a sample", checked)
	}
}

// missing reports members of a part of a sample that ours has not.
func missing(t *testing.T, name, path string, sample, mine map[string]any) {
	t.Helper()
	if path != "" {
		part, ok := sample[path].(map[string]any)
		if !ok {
			return
		}
		own, ok := mine[path].(map[string]any)
		if !ok {
			t.Errorf("%s: %s is no object", name, path)
			return
		}
		sample, mine = part, own
		path += "."
	}
	for _, member := range slices.Sorted(maps.Keys(sample)) {
		if _, has := mine[member]; !has && !slices.Contains(dropped, path+member) {
			t.Errorf("%s: %s%s is missing", name, path, member)
		}
	}
}
