package jira

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPersonActs(t *testing.T) {
	s := newSite(t, Options{})
	rosa := s.As(rosa)
	key, err := rosa.Create(map[string]any{
		"project": "DELIV", "issuetype": "Task", "summary": "By hand", "Assignee": mei, "Components": []string{"Design", "Delivery"}, "Contract": "Retainer",
		"Parent": "DELIV-1", "Go-live": "2026-07-01T10:00:00.000+0200", "description": "*loud*", "Location": object{"value": "Europe", "child": object{"value": "Berlin"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	first, err := rosa.Comment(key, "one")
	if err != nil {
		t.Fatal(err)
	}
	second, err := rosa.Comment(key, "two")
	if err != nil {
		t.Fatal(err)
	}
	if err := rosa.EditComment(key, first, "one, corrected"); err != nil {
		t.Fatal(err)
	}
	if err := rosa.DeleteComment(key, second); err != nil {
		t.Fatal(err)
	}
	got, ok := s.Issue(key)
	if !ok {
		t.Fatal("no issue")
	}
	if diff := cmp.Diff([]Comment{{ID: first, AuthorEmail: "rosa.delgado@harbourworks.example", Text: "one, corrected"}}, got.Comments); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
	for id, want := range map[string]any{"assignee": mei, "description": "loud", fieldContract: "Retainer", "parent": "DELIV-1", fieldLocation: "10050"} {
		if got.Fields[id] != want {
			t.Errorf("%s: got %v, want %v", id, got.Fields[id], want)
		}
	}
	if epic, _ := s.Issue("DELIV-1"); epic.Children[len(epic.Children)-1] != key {
		t.Errorf("children: got %v", epic.Children)
	}
	if err := rosa.Edit(key, map[string]any{"issuetype": "Story", "assignee": "", "Contract": nil}); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Issue(key); got.Type != "Story" || got.Fields["assignee"] != nil || got.Fields[fieldContract] != nil {
		t.Errorf("after the edit: got %+v", got)
	}
	for name, err := range map[string]error{
		"unknown issue":     rosa.Edit("DELIV-999", nil),
		"unknown field":     rosa.Edit(key, map[string]any{"Mood": "fine"}),
		"unknown comment":   rosa.EditComment(key, "1", "x"),
		"no such step":      rosa.Transition(key, "Done", nil),
		"level of the type": rosa.Edit(key, map[string]any{"issuetype": "Epic"}),
	} {
		if err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if err := s.Deny("rosa.delgado@harbourworks.example", "DELIV", "EDIT_ISSUES"); err != nil {
		t.Fatal(err)
	}
	if err := rosa.Edit(key, map[string]any{"summary": "x"}); err == nil {
		t.Error("edited without permission")
	}
}

func TestDeletedEpicLeavesItsChildren(t *testing.T) {
	for _, flavour := range []Flavour{Cloud, DataCenter} {
		s := newSite(t, Options{Flavour: flavour})
		if err := s.As(ada).Delete("DELIV-1"); err != nil {
			t.Fatal(err)
		}
		child, ok := s.Issue("DELIV-2")
		if !ok || child.Fields["parent"] != nil || child.Fields[fieldEpicLink] != nil {
			t.Errorf("%s: got %v, want an issue without an epic", flavour, child.Fields)
		}
	}
}

func TestSiteCanChange(t *testing.T) {
	s := newSite(t, Options{Lag: -1})
	key := s.create("Changing site", object{fieldContract: object{"value": "Retainer"}})
	if err := s.SetOption("Contract", "Retainer", false); err != nil {
		t.Fatal(err)
	}
	s.want(http.StatusBadRequest, "PUT", "/rest/api/3/issue/DELIV-1", object{"fields": object{fieldContract: object{"value": "Retainer"}}})
	if a := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil); a.text("fields."+fieldContract+".value") != "Retainer" {
		t.Errorf("a value in use: got %v", a.at("fields."+fieldContract))
	}
	id := s.AddTextField("Budget")
	if s.FieldID("Budget") != "" {
		t.Error("an ambiguous name has an id")
	}
	s.want(http.StatusNoContent, "PUT", "/rest/api/3/issue/"+key, object{"fields": object{id: "a lot"}})
	if err := s.RenameProject("DELIV", "SHIP"); err != nil {
		t.Fatal(err)
	}
	a := s.want(http.StatusOK, "GET", "/rest/api/3/issue/"+key, nil)
	if !strings.HasPrefix(a.text("key"), "SHIP-") || a.text("fields.project.key") != "SHIP" {
		t.Errorf("renamed: got %v", a.text("key"))
	}
	if got := s.search("project = SHIP and key = " + key); len(got) != 1 || !strings.HasPrefix(got[0], "SHIP-") {
		t.Errorf("search: got %v", got)
	}
	s.want(http.StatusOK, "GET", "/rest/api/3/project/DELIV", nil)
	for name, err := range map[string]error{
		"field": s.HideField("Mood"), "account": s.Deny("x@example.com", "SHIP", "EDIT_ISSUES"), "permission": s.Deny(ada, "SHIP", "FLY"),
		"project": s.RenameProject("NONE", "X"), "issue": s.HoldIndex("NONE-1", 0), "option": s.SetOption("Contract", "Gift", true),
	} {
		if err == nil {
			t.Errorf("unknown %s: got no error", name)
		}
	}
}

func TestAdminHooksCanBeManaged(t *testing.T) {
	s := newSite(t, Options{})
	const path = "/rest/webhooks/1.0/webhook"
	made := s.want(http.StatusCreated, "POST", path, object{"name": "a", "url": "https://a.example", "events": []string{eventIssueCreated}})
	self := strings.TrimPrefix(made.text("self"), s.url)
	if got := s.want(http.StatusOK, "GET", self, nil); got.at("isSigned") != false || got.at("enabled") != true {
		t.Errorf("got %s", got.raw)
	}
	changed := s.want(http.StatusOK, "PUT", self, object{"enabled": false, "secret": "x", "jqlFilter": "project = DELIV"})
	if changed.text("name") != "a" || changed.at("enabled") != false || changed.at("isSigned") != true || changed.at("filters") == nil {
		t.Errorf("got %s", changed.raw)
	}
	s.want(http.StatusBadRequest, "PUT", self, object{"url": "nowhere"})
	if got := s.want(http.StatusOK, "GET", self, nil); got.text("url") != "https://a.example" {
		t.Errorf("a refused change took effect: got %s", got.raw)
	}
	if !s.AddToken(rosa, "rosas") {
		t.Fatal("no account")
	}
	s.with(basic(rosa, "rosas")).want(http.StatusForbidden, "GET", path, nil)
	s.want(http.StatusNoContent, "DELETE", self, nil)
	s.want(http.StatusNotFound, "GET", self, nil)
}

func TestTokenRequestAsForm(t *testing.T) {
	s := newSite(t, Options{})
	tokens, _ := s.Grant(ada, scopeUser, scopeOffline)
	form := url.Values{"grant_type": {"refresh_token"}, "client_id": {DefaultClientID}, "client_secret": {DefaultClientSecret}, "refresh_token": {tokens.Refresh}}
	post := func() int {
		t.Helper()
		resp, err := http.PostForm(s.url+"/oauth/token", form)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := post(); got != http.StatusOK {
		t.Errorf("got %d, want 200", got)
	}
	path := "/ex/jira/" + s.CloudID() + "/rest/api/3/myself"
	app := s.with("Bearer " + tokens.Access)
	app.want(http.StatusOK, "GET", path, nil)
	s.ExpireAccessTokens()
	app.want(http.StatusUnauthorized, "GET", path, nil)
	s.RevokeGrants()
	if got := post(); got != http.StatusForbidden {
		t.Errorf("after the consent was withdrawn: got %d, want 403", got)
	}
	form.Set("grant_type", "password")
	if got := post(); got != http.StatusForbidden {
		t.Errorf("unknown grant: got %d, want 403", got)
	}
	if n := len(s.Requests().Since(0)); n == 0 || s.Outbox() == nil {
		t.Error("no requests were logged")
	}
}
