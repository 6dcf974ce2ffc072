package github

import (
	"errors"
	"testing"
	"time"

	gogithub "github.com/google/go-github/v60/github"
)

// TestGoGitHub works with the sandbox as a program that is built on go-github
// does.
func TestGoGitHub(t *testing.T) {
	s := newSite(t, Options{})
	ctx := t.Context()
	client, err := gogithub.NewClient(nil).WithAuthToken(DefaultToken).WithEnterpriseURLs(s.url, s.url)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := client.BaseURL.Path, "/api/v3/"; got != want {
		t.Fatalf("got the base path %s, want %s", got, want)
	}
	title, body := "By go-github", "Text"
	made, _, err := client.Issues.Create(ctx, "harbourworks", "delivery", &gogithub.IssueRequest{Title: &title, Body: &body, Labels: &[]string{"bug"}})
	if err != nil || made.GetTitle() != title || len(made.Labels) != 1 {
		t.Fatalf("Create: %v, %v", made, err)
	}
	n := made.GetNumber()
	closed, reason := "closed", "completed"
	edited, _, err := client.Issues.Edit(ctx, "harbourworks", "delivery", n, &gogithub.IssueRequest{State: &closed, StateReason: &reason})
	if err != nil || edited.GetState() != "closed" || edited.GetClosedBy().GetLogin() != DefaultLogin {
		t.Fatalf("Edit: %v, %v", edited, err)
	}
	if _, _, err := client.Issues.CreateComment(ctx, "harbourworks", "delivery", n, &gogithub.IssueComment{Body: &body}); err != nil {
		t.Fatalf("CreateComment: %v", err)
	}
	seen := 0
	opts := &gogithub.IssueListByRepoOptions{State: "all", ListOptions: gogithub.ListOptions{PerPage: 3}}
	for {
		page, resp, err := client.Issues.ListByRepo(ctx, "harbourworks", "delivery", opts)
		if err != nil {
			t.Fatal(err)
		}
		seen += len(page)
		if opts.Page = resp.NextPage; resp.NextPage == 0 {
			break
		}
	}
	if want := len(s.Issues(DefaultRepository)); seen != want {
		t.Errorf("got %d issues page by page, want %d", seen, want)
	}
	timeline, _, err := client.Issues.ListIssueTimeline(ctx, "harbourworks", "delivery", n, nil)
	if err != nil || len(timeline) != 3 {
		t.Errorf("ListIssueTimeline: %d entries, %v; want labeled, closed, commented", len(timeline), err)
	}
	_, _, err = client.Issues.Get(ctx, "harbourworks", "delivery", 4711)
	if refused, ok := errors.AsType[*gogithub.ErrorResponse](err); !ok || refused.Response.StatusCode != 404 || refused.Message != "Not Found" {
		t.Errorf("Get of nothing: %v", err)
	}
	s.SecondaryLimit()
	_, _, err = client.Issues.Get(ctx, "harbourworks", "delivery", n)
	if _, ok := errors.AsType[*gogithub.AbuseRateLimitError](err); !ok {
		t.Errorf("a secondary limit: %v, want an AbuseRateLimitError", err)
	}
}

// TestGoGitHubApp mints a token as an app does.
func TestGoGitHubApp(t *testing.T) {
	s := newSite(t, Options{})
	client, err := gogithub.NewClient(nil).WithAuthToken(appToken(t, s.clock.Now(), 9*time.Minute)).WithEnterpriseURLs(s.url, s.url)
	if err != nil {
		t.Fatal(err)
	}
	in, _, err := client.Apps.FindRepositoryInstallation(t.Context(), "harbourworks", "delivery")
	if err != nil || in.GetID() != DefaultInstallationID {
		t.Fatalf("FindRepositoryInstallation: %v, %v", in, err)
	}
	token, _, err := client.Apps.CreateInstallationToken(t.Context(), in.GetID(), nil)
	if err != nil || token.GetExpiresAt().Sub(s.clock.Now()).Round(time.Minute) != time.Hour || token.GetPermissions().GetIssues() != "write" {
		t.Fatalf("CreateInstallationToken: %v, %v", token, err)
	}
}
