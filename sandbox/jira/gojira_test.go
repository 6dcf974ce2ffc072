package jira

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	gojira "github.com/andygrunwald/go-jira"
)

// TestGoJira uses go-jira, unchanged, against both flavours.
func TestGoJira(t *testing.T) {
	t.Run("cloud", func(t *testing.T) {
		s := newSite(t, Options{Lag: -1})
		auth := gojira.BasicAuthTransport{Username: DefaultEmail, Password: DefaultToken}
		client := goClient(t, auth.Client(), s.url)
		useGoJira(t, client, s)
		if _, _, err := client.Issue.Search("project = DELIV", nil); err == nil || !strings.Contains(err.Error(), "410") && !strings.Contains(err.Error(), "has been removed") {
			t.Errorf("old search: got %v, want that it is gone", err)
		}
		issues, resp, err := client.Issue.SearchV2JQL("project = DELIV order by key", &gojira.SearchOptionsV2{MaxResults: 3, Fields: []string{"summary"}})
		if err != nil || len(issues) != 3 || resp.NextPageToken == "" {
			t.Errorf("search/jql: got %d issues, %v", len(issues), err)
		}
	})
	t.Run("data center", func(t *testing.T) {
		s := newSite(t, Options{Flavour: DataCenter, BasePath: "/jira", Lag: -1})
		auth := gojira.PATAuthTransport{Token: DefaultToken}
		client := goClient(t, auth.Client(), s.url)
		useGoJira(t, client, s)
		var count int
		err := client.Issue.SearchPages("project = DELIV", &gojira.SearchOptions{MaxResults: 5}, func(gojira.Issue) error {
			count++
			return nil
		})
		if err != nil || count != len(s.Issues("DELIV")) {
			t.Errorf("pages: got %d issues, %v, want %d", count, err, len(s.Issues("DELIV")))
		}
	})
}

func goClient(t *testing.T, h *http.Client, url string) *gojira.Client {
	t.Helper()
	client, err := gojira.NewClient(h, url+"/") // go-jira keeps a context path only with the slash
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func useGoJira(t *testing.T, client *gojira.Client, s *site) {
	t.Helper()
	if me, _, err := client.User.GetSelf(); err != nil || me.DisplayName != "Tenon Sync" {
		t.Fatalf("self: got %+v, %v", me, err)
	}
	projects, _, err := client.Project.GetList()
	if err != nil || len(*projects) != 2 {
		t.Errorf("projects: got %v, %v", projects, err)
	}
	fields, _, err := client.Field.GetList()
	if err != nil || len(fields) < 30 {
		t.Errorf("fields: got %d, %v", len(fields), err)
	}
	made, resp, err := client.Issue.Create(&gojira.Issue{Fields: &gojira.IssueFields{
		Project: gojira.Project{Key: "DELIV"}, Type: gojira.IssueType{Name: "Task"}, Summary: "By go-jira", Description: "in *wiki* text", Labels: []string{"go"},
	}})
	if err != nil {
		t.Fatal(gojira.NewJiraError(resp, err))
	}
	if _, err := client.Issue.UpdateIssue(made.Key, map[string]any{"fields": map[string]any{"summary": "Changed", "labels": []string{}}}); err != nil {
		t.Fatal(err)
	}
	got, _, err := client.Issue.Get(made.ID, &gojira.GetQueryOptions{Expand: "changelog"})
	if err != nil || got.Fields.Summary != "Changed" || got.Fields.Description != "in *wiki* text" || len(got.Changelog.Histories) != 1 {
		t.Fatalf("issue: got %+v, %v", got, err)
	}
	transitions, _, err := client.Issue.GetTransitions(made.Key)
	if err != nil || len(transitions) != 1 {
		t.Fatalf("transitions: got %v, %v", transitions, err)
	}
	if _, err := client.Issue.DoTransition(made.Key, transitions[0].ID); err != nil {
		t.Fatal(err)
	}
	if c, _, err := client.Issue.AddComment(made.Key, &gojira.Comment{Body: "said"}); err != nil || c.Body != "said" {
		t.Errorf("comment: got %v, %v", c, err)
	}
	if a, _, err := client.Issue.PostAttachment(made.Key, strings.NewReader("text"), "a.txt"); err != nil || len(*a) != 1 {
		t.Errorf("attachment: got %v, %v", a, err)
	}
	_, resp, err = client.Issue.Create(&gojira.Issue{Fields: &gojira.IssueFields{Project: gojira.Project{Key: "DELIV"}, Type: gojira.IssueType{Name: "Task"}}})
	if err == nil || !strings.Contains(gojira.NewJiraError(resp, err).Error(), "You must specify a summary of the issue.") {
		t.Errorf("validation: got %v", gojira.NewJiraError(resp, err))
	}
	if _, err := client.Issue.Delete(made.Key); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Issue(made.Key); ok {
		t.Error("the issue is still there")
	}
}

// TestServedUnderLoad lets many clients write and read at once.
func TestServedUnderLoad(t *testing.T) {
	s := newSite(t, Options{})
	in := newInbox(t)
	s.SetWebhookTarget(in.URL)
	srv := httptest.NewServer(s.System)
	defer srv.Close()
	const workers, each = 4, 6
	done := make(chan error, workers)
	for range workers {
		go func() {
			auth := gojira.BasicAuthTransport{Username: DefaultEmail, Password: DefaultToken}
			client, err := gojira.NewClient(auth.Client(), srv.URL+"/")
			for n := 0; n < each && err == nil; n++ {
				var made *gojira.Issue
				made, _, err = client.Issue.Create(&gojira.Issue{Fields: &gojira.IssueFields{
					Project: gojira.Project{Key: "DELIV"}, Type: gojira.IssueType{Name: "Task"}, Summary: "Load", Labels: []string{"load"},
				}})
				if err == nil {
					_, err = client.Issue.UpdateIssue(made.Key, map[string]any{"fields": map[string]any{"labels": []string{"load", "more"}}})
				}
			}
			done <- err
		}()
	}
	for range workers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	in.wait(t, s, eventIssueCreated, workers*each)
	in.wait(t, s, eventIssueUpdated, workers*each)
	keys := map[string]bool{}
	for _, i := range s.Issues("DELIV") {
		if keys[i.Key] {
			t.Errorf("the key %s twice", i.Key)
		}
		keys[i.Key] = true
	}
	if got := s.search("labels = more"); len(got) != workers*each {
		t.Errorf("search after a flush: got %d, want %d", len(got), workers*each)
	}
}
