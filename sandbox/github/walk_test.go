package github

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// appToken signs the token by which the app says who it is.
func appToken(t *testing.T, now time.Time, life time.Duration) string {
	t.Helper()
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(DefaultPrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: strconv.Itoa(DefaultAppID), IssuedAt: jwt.NewNumericDate(now.Add(-time.Minute)), ExpiresAt: jwt.NewNumericDate(now.Add(life)),
	}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// walkAPI calls every endpoint.
func walkAPI(t *testing.T, s *site) {
	t.Helper()
	for _, path := range []string{
		"/", "/meta", "/rate_limit", "/user", "/users/ada-okafor", "/users/harbourworks", "/user/21031003", home, home + "/assignees", home + "/issue-types",
		"/orgs/harbourworks/issue-types", home + "/labels", home + "/labels/bug", home + "/milestones?state=all", home + "/milestones/1",
		home + "/issues?state=all", home + "/issues/1", home + "/issues/1/comments", home + "/issues/comments", home + "/issues/comments?sort=updated&direction=desc",
		home + "/issues/1/events", home + "/issues/events", home + "/issues/1/timeline", home + "/issues/1/labels", home + "/issues/1/sub_issues",
		home + "/issues/2/parent", "/search/issues?q=" + "repo:harbourworks/delivery+is:issue+warehouse",
	} {
		s.call("GET", path, nil).want(200)
	}
	s.call("GET", home+"/assignees/ada-okafor", nil).want(204)
	s.call("GET", home+"/issues/1/assignees/ada-okafor", nil).want(204)
	s.call("GET", home+"/assignees/passer-by", nil).want(404)
	walkIssue(t, s)
	walkRest(t, s)
	walkHooks(t, s)
	walkApp(t, s)
	s.call("PATCH", home, object{"name": "delivery", "has_issues": true}).want(200)
}

func walkIssue(t *testing.T, s *site) {
	t.Helper()
	n := s.create(object{"title": "Walked", "body": "Text", "labels": []string{"bug", "brand new"}, "assignees": []string{"tbecker"}, "milestone": 1, "type": "Task"})
	one := home + "/issues/" + strconv.Itoa(n)
	s.call("PATCH", one, object{"title": "Walked on", "state": "closed", "state_reason": "not_planned", "milestone": nil, "type": nil}).want(200).is("state_reason", "not_planned").is("closed_by.login", DefaultLogin)
	s.call("GET", home+"/issues/events", nil).want(200)
	event, _ := s.call("GET", one+"/events", nil).want(200).at("0.id").(float64)
	s.call("GET", fmt.Sprintf("%s/issues/events/%.0f", home, event), nil).want(200)
	s.call("GET", one+"/timeline", nil).want(200)
	s.call("PUT", one+"/lock", object{"lock_reason": "resolved"}).want(204)
	s.call("DELETE", one+"/lock", nil).want(204)
	s.call("POST", one+"/assignees", object{"assignees": []string{"ada-okafor", "passer-by"}}).want(201)
	s.call("DELETE", one+"/assignees", object{"assignees": []string{"ada-okafor"}}).want(200)
	s.call("POST", one+"/labels", object{"labels": []string{"support"}}).want(200)
	s.call("PUT", one+"/labels", object{"labels": []string{"crm", "bug"}}).want(200)
	s.call("DELETE", one+"/labels/crm", nil).want(200)
	s.call("DELETE", one+"/labels", nil).want(204)
	comment, _ := s.call("POST", one+"/comments", object{"body": "Said"}).want(201).at("id").(float64)
	said := fmt.Sprintf("%s/issues/comments/%.0f", home, comment)
	s.call("GET", said, nil).want(200)
	s.call("PATCH", said, object{"body": "Said again"}).want(200).is("body", "Said again")
	s.call("DELETE", said, nil).want(204)
	id, _ := s.call("GET", one, nil).want(200).at("id").(float64)
	s.call("POST", home+"/issues/1/sub_issues", object{"sub_issue_id": int64(id)}).want(201)
	s.call("DELETE", home+"/issues/1/sub_issue", object{"sub_issue_id": int64(id)}).want(200)
}

func walkRest(t *testing.T, s *site) {
	t.Helper()
	s.call("POST", home+"/labels", object{"name": "a/b c", "color": "F29513", "description": "Odd"}).want(201)
	s.call("PATCH", home+"/labels/a%2Fb%20c", object{"new_name": "odd"}).want(200).is("name", "odd").is("color", "f29513")
	s.call("DELETE", home+"/labels/odd", nil).want(204)
	n, _ := s.call("POST", home+"/milestones", object{"title": "Later", "due_on": "2026-10-09T23:39:01Z", "description": "Much"}).want(201).at("number").(float64)
	stone := fmt.Sprintf("%s/milestones/%.0f", home, n)
	s.call("PATCH", stone, object{"state": "closed", "title": "Much later"}).want(200).is("due_on", "2026-10-09T08:00:00Z").is("state", "closed")
	s.call("DELETE", stone, nil).want(204)
}

func walkHooks(t *testing.T, s *site) {
	t.Helper()
	in := newInbox(t)
	hook := s.call("POST", home+"/hooks", object{"name": "web", "active": true, "events": []string{"issues"}, "config": object{"url": in.URL, "content_type": "json", "secret": "s", "insecure_ssl": "0"}}).want(201)
	id, _ := hook.at("id").(float64)
	one := fmt.Sprintf("%s/hooks/%.0f", home, id)
	s.call("GET", home+"/hooks", nil).want(200).is("0.config.secret", "********")
	s.call("GET", one, nil).want(200)
	s.call("PATCH", one, object{"add_events": []string{"issue_comment"}}).want(200)
	s.call("POST", one+"/pings", nil).want(204)
	if list := in.take(t, s); len(list) != 2 {
		t.Errorf("got %d pings, want 2", len(list))
	}
	deliveries := s.call("GET", one+"/deliveries", nil).want(200)
	d, _ := deliveries.at("0.id").(float64)
	s.call("GET", fmt.Sprintf("%s/deliveries/%.0f", one, d), nil).want(200)
	s.call("POST", fmt.Sprintf("%s/deliveries/%.0f/attempts", one, d), nil).want(202)
	s.call("DELETE", one, nil).want(204)
}

func walkApp(t *testing.T, s *site) {
	t.Helper()
	s.token = appToken(t, s.clock.Now(), 9*time.Minute)
	defer func() { s.token = DefaultToken }()
	s.call("GET", "/app", nil).want(200)
	s.call("GET", "/app/installations", nil).want(200)
	s.call("GET", "/app/installations/815", nil).want(200)
	s.call("GET", home+"/installation", nil).want(200)
	s.call("GET", "/orgs/harbourworks/installation", nil).want(200)
	minted := s.call("POST", "/app/installations/815/access_tokens", nil).want(201)
	token, _ := minted.at("token").(string)
	if !strings.HasPrefix(token, "ghs_") {
		t.Errorf("got the token %q, want one that begins with ghs_", token)
	}
	s.token = token
	s.call("GET", "/installation/repositories", nil).want(200)
	s.call("DELETE", "/installation/token", nil).want(204)
	s.call("GET", "/installation/repositories", nil).want(401)
}
