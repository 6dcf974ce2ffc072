package github

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestListsHoldPullRequestsAndLeaveClosedOut(t *testing.T) {
	s := newSite(t, Options{})
	open := s.call("GET", home+"/issues", nil).want(200).list()
	all := s.call("GET", home+"/issues?state=all&sort=updated&direction=asc&per_page=100", nil).want(200).list()
	if len(open) >= len(all) {
		t.Errorf("%d open of %d: closed issues are to be left out unless asked for", len(open), len(all))
	}
	pulls, before := 0, ""
	for _, one := range all {
		o, _ := one.(map[string]any)
		if o["pull_request"] != nil {
			pulls++
		}
		at, _ := o["updated_at"].(string)
		if at < before {
			t.Errorf("%s comes after %s", at, before)
		}
		before = at
	}
	if pulls != 1 {
		t.Errorf("got %d pull requests among the issues, want 1", pulls)
	}
	since := s.call("GET", home+"/issues?state=all&since="+before, nil).want(200).list()
	if len(since) != 1 {
		t.Errorf("since the last update: %d rows, want it to be included", len(since))
	}
}

func TestPagesAreLinkedByRepositoryID(t *testing.T) {
	s := newSite(t, Options{PageLimit: 3})
	page := s.call("GET", home+"/issues?state=all&per_page=2", nil).want(200)
	seen := 0
	for n := 0; n < 10; n++ {
		seen += len(page.list())
		link := page.header.Get("Link")
		at := strings.Index(link, `>; rel="next"`)
		if at < 0 {
			break
		}
		next := link[strings.LastIndexByte(link[:at], '<')+1 : at]
		if !strings.Contains(next, "/repositories/") {
			t.Errorf("the link %s names no repository by id", next)
		}
		page = s.call("GET", strings.TrimPrefix(next, s.url), nil).want(200)
	}
	if want := len(s.call("GET", home+"/issues?state=all&per_page=100", nil).list()); seen != want {
		t.Errorf("got %d issues page by page, want %d", seen, want)
	}
	s.call("GET", home+"/issues?state=all&per_page=2&page=3", nil).want(422)
}

func TestConditionalRequestsAreFreeAndBelongToAToken(t *testing.T) {
	s := newSite(t, Options{Limits: VendorLimits()})
	first := s.call("GET", home+"/issues/1", nil).want(200)
	tag := first.header.Get("ETag")
	same := s.call("GET", home+"/issues/1", nil, "If-None-Match", tag).want(304)
	if a, b := first.header.Get("X-RateLimit-Remaining"), same.header.Get("X-RateLimit-Remaining"); a != b || a == "" {
		t.Errorf("304 cost an allowance: %s before, %s after", a, b)
	}
	s.call("GET", home+"/issues/1", nil, "If-Modified-Since", first.header.Get("Last-Modified")).want(304)
	s.token = DefaultFineToken
	s.call("GET", home+"/issues/1", nil, "If-None-Match", tag).want(200)
}

func TestWhatIsGoneAndWhatHasMoved(t *testing.T) {
	s := newSite(t, Options{})
	gone, moved := s.create(object{"title": "Gone"}), s.create(object{"title": "Moved"})
	if err := s.As(ada).Delete(DefaultRepository, gone); err != nil {
		t.Fatal(err)
	}
	there, err := s.As(ada).Transfer(DefaultRepository, moved, "harbourworks/operations")
	if err != nil {
		t.Fatal(err)
	}
	s.call("GET", fmt.Sprintf("%s/issues/%d", home, gone), nil).want(410)
	s.call("GET", home+"/issues/999", nil).want(404)
	for _, method := range []string{"GET", "PATCH"} {
		a := s.call(method, fmt.Sprintf("%s/issues/%d", home, moved), object{"title": "x"}).want(301)
		if want := fmt.Sprintf("%s/repos/harbourworks/operations/issues/%d", s.url, there); a.header.Get("Location") != want {
			t.Errorf("%s leads to %s, want %s", method, a.header.Get("Location"), want)
		}
	}
	if err := s.Hide("harbourworks/operations", DefaultLogin, true); err != nil {
		t.Fatal(err)
	}
	s.call("GET", fmt.Sprintf("%s/issues/%d", home, moved), nil).want(404)
	if err := s.Rename(DefaultRepository, "shipping"); err != nil {
		t.Fatal(err)
	}
	s.call("GET", home, nil).want(301)
	s.call("GET", home+"/issues/1", nil).want(301)
	a := s.call("PATCH", home+"/issues/1", object{"title": "Renamed"}).want(307)
	s.call("PATCH", strings.TrimPrefix(a.header.Get("Location"), s.url), object{"title": "Renamed"}).want(200).is("title", "Renamed")
	s.call("PATCH", "/repos/harbourworks/shipping", object{"has_issues": false}).want(200)
	s.call("GET", "/repos/harbourworks/shipping/issues/1", nil).want(410)
}

func TestSilentDrops(t *testing.T) {
	s := newSite(t, Options{})
	if err := s.SetRole(DefaultRepository, DefaultLogin, "read"); err != nil {
		t.Fatal(err)
	}
	a := s.call("POST", home+"/issues", object{"title": "Dropped", "labels": []string{"bug"}, "assignees": []string{"tbecker"}, "milestone": 1, "type": "Task"}).want(201)
	if labels, _ := a.at("labels").([]any); len(labels) != 0 || a.at("milestone") != nil || a.at("assignee") != nil || a.at("type") != nil {
		t.Errorf("a reader set labels, milestone, assignee or type: %.400s", a.raw)
	}
	s.call("PATCH", home+"/issues/1", object{"title": "Not mine"}).want(403)
	if err := s.SetRole(DefaultRepository, DefaultLogin, "write"); err != nil {
		t.Fatal(err)
	}
	n := s.create(object{"title": "Made", "labels": []string{"BUG", "new one"}})
	a = s.call("GET", fmt.Sprintf("%s/issues/%d", home, n), nil).want(200)
	a.is("labels.0.name", "bug").is("labels.1.name", "new one").is("labels.1.color", "ededed")
}

func TestReasonIsHeardWhenTheStateChanges(t *testing.T) {
	s := newSite(t, Options{})
	one := fmt.Sprintf("%s/issues/%d", home, s.create(object{"title": "Closed"}))
	s.call("PATCH", one, object{"state": "closed"}).want(200).is("state_reason", "completed")
	s.call("PATCH", one, object{"state": "closed", "state_reason": "not_planned"}).want(200).is("state_reason", "completed")
	s.call("PATCH", one, object{"state": "open"}).want(200).is("state_reason", "reopened").is("closed_at", nil)
	s.call("PATCH", one, object{"state": "closed", "state_reason": "duplicate"}).want(200).is("state_reason", "duplicate")
	s.call("PATCH", one, object{"state": "shut"}).want(422).is("errors.0.field", "state")
}

func TestBadRequests(t *testing.T) {
	s := newSite(t, Options{})
	for _, tc := range []struct {
		name, body, field, message string
		status                     int
	}{
		{"no JSON", "{", "", "Problems parsing JSON", 400},
		{"no object", "[]", "", "Body should be a JSON object", 400},
		{"no title", "{}", "title", "Validation Failed", 422},
		{"empty title", `{"title":" "}`, "title", "Validation Failed", 422},
		{"long title", `{"title":"` + strings.Repeat("x", 257) + `"}`, "title", "Validation Failed", 422},
		{"long body", `{"title":"x","body":"` + strings.Repeat("x", 65537) + `"}`, "body", "Validation Failed", 422},
		{"no milestone", `{"title":"x","milestone":99}`, "milestone", "Validation Failed", 422},
		{"no person", `{"title":"x","assignees":["passer-by"]}`, "assignees", "Validation Failed", 422},
		{"long label", `{"title":"x","labels":["` + strings.Repeat("x", 51) + `"]}`, "name", "Validation Failed", 422},
		{"no type", `{"title":"x","type":"Nonsense"}`, "type", "Validation Failed", 422},
	} {
		a := s.call("POST", home+"/issues", tc.body).want(tc.status).is("message", tc.message)
		if tc.field != "" {
			a.is("errors.0.field", tc.field)
		}
	}
	s.call("POST", home+"/issues", `{"title":7,"no_such_member":true}`).want(201).is("title", "7")
}

func TestCredentials(t *testing.T) {
	s := newSite(t, Options{})
	s.call("GET", "/user", nil, "X-GitHub-Api-Version", "2020-01-01").want(400)
	s.call("GET", "/user", nil, "User-Agent", "").want(403)
	s.call("GET", home, nil, "Authorization", "Bearer wrong").want(401).is("message", "Bad credentials")
	s.token = ""
	s.call("GET", home, nil).want(404)
	s.call("GET", "/user", nil).want(401)
	s.token = DefaultToken
	if got := s.call("GET", "/user", nil).want(200).header.Get("X-OAuth-Scopes"); got != "admin:repo_hook, read:org, repo, user:email" {
		t.Errorf("got the scopes %q", got)
	}
	if err := s.SetToken(DefaultToken, false, []string{"read:org"}); err != nil {
		t.Fatal(err)
	}
	s.call("GET", home, nil).want(404)
	s.token = DefaultFineToken
	s.SetPermission("issues", "read")
	s.call("PATCH", home+"/issues/1", object{"title": "x"}).want(403).is("message", "Resource not accessible by personal access token")
}

func TestApps(t *testing.T) {
	s := newSite(t, Options{})
	mint := func(want int) got {
		return s.call("POST", "/app/installations/815/access_tokens", nil).want(want)
	}
	s.token = appToken(t, s.clock.Now(), 11*time.Minute)
	mint(401)
	s.token = appToken(t, s.clock.Now().Add(-time.Hour), time.Minute)
	mint(401)
	jwt := appToken(t, s.clock.Now(), 9*time.Minute)
	s.token = jwt
	s.call("GET", home, nil).want(404)
	first, second := mint(201), mint(201)
	long, _ := second.at("token").(string)
	if len(long) <= 40 {
		t.Errorf("got the second token %q, want a long one", long)
	}
	s.token, _ = first.at("token").(string)
	s.call("PATCH", home+"/issues/1", object{"title": "By an app"}).want(200).is("performed_via_github_app", nil)
	n := s.create(object{"title": "App's own"})
	s.call("GET", fmt.Sprintf("%s/issues/%d", home, n), nil).want(200).is("user.login", "tenon-sync[bot]").is("user.type", "Bot").is("performed_via_github_app.slug", "tenon-sync")
	s.clock.Advance(61 * time.Minute)
	s.call("GET", home, nil).want(401)
	s.Suspend(true)
	s.token = appToken(t, s.clock.Now(), 9*time.Minute)
	mint(403)
}

func TestLimits(t *testing.T) {
	s := newSite(t, Options{Limits: Limits{Core: 5, ContentMinute: 2}})
	for n := range 2 {
		s.create(object{"title": fmt.Sprint(n)})
	}
	a := s.call("POST", home+"/issues", object{"title": "Third"}).want(403)
	if wait := a.header.Get("Retry-After"); wait != "60" || a.at("documentation_url") != secondaryDocs {
		t.Errorf("got Retry-After %q and %v", wait, a.at("documentation_url"))
	}
	for range 3 {
		s.call("GET", "/user", nil).want(200)
	}
	a = s.call("GET", "/user", nil).want(403)
	if a.header.Get("X-RateLimit-Remaining") != "0" || a.header.Get("X-RateLimit-Resource") != "core" {
		t.Errorf("got the headers %v", a.header)
	}
	s.call("GET", "/rate_limit", nil).want(200).is("resources.core.remaining", float64(0)).is("rate.limit", float64(5))
	s.call("GET", "/rate_limit", nil, "X-GitHub-Api-Version", "2026-03-10").want(200).is("rate", nil)
	s.clock.Advance(time.Hour)
	s.SecondaryLimit()
	if a := s.call("GET", "/user", nil).want(403); a.header.Get("Retry-After") != "" {
		t.Errorf("the silent limit says Retry-After %s", a.header.Get("Retry-After"))
	}
	s.call("GET", "/user", nil).want(200)
}

func TestListsAndSearchLag(t *testing.T) {
	s := newSite(t, Options{NoSeed: true, Lag: 10 * time.Second, SearchLag: 30 * time.Second})
	n := s.create(object{"title": "Late"})
	one := fmt.Sprintf("%s/issues/%d", home, n)
	count := func() [2]int {
		list := s.call("GET", home+"/issues?state=all", nil).want(200).list()
		found, _ := s.call("GET", "/search/issues?q="+url.QueryEscape("repo:harbourworks/delivery is:issue late"), nil).want(200).at("total_count").(float64)
		return [2]int{len(list), int(found)}
	}
	for _, want := range [][2]int{{0, 0}, {1, 0}, {1, 0}, {1, 1}} {
		if got := count(); got != want {
			t.Errorf("got %v in the list and by search, want %v", got, want)
		}
		s.call("GET", one, nil).want(200)
		s.clock.Advance(11 * time.Second)
	}
	s.call("PATCH", one, object{"title": "Later"}).want(200)
	s.call("GET", home+"/issues", nil).want(200).is("0.title", "Late")
}

func TestWebhooksAreSignedAndToldOnce(t *testing.T) {
	in := newInbox(t)
	s := newSite(t, Options{WebhookTarget: in.URL})
	n := s.create(object{"title": "Told", "labels": []string{"bug", "crm"}, "assignees": []string{"tbecker"}, "milestone": 1})
	one := fmt.Sprintf("%s/issues/%d", home, n)
	list := in.take(t, s)
	got := events(t, list)
	slices.Sort(got)
	if diff := cmp.Diff([]string{"issues.assigned", "issues.labeled", "issues.labeled", "issues.milestoned", "issues.opened"}, got); diff != "" {
		t.Errorf("after a create (-want +got):\n%s", diff)
	}
	for _, m := range list {
		mac := hmac.New(sha256.New, []byte(DefaultWebhookSecret))
		mac.Write(m.body)
		if got, want := m.header.Get("X-Hub-Signature-256"), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("got the signature %s, want %s", got, want)
		}
	}
	in.status = http.StatusInternalServerError
	s.call("PATCH", one, object{"title": "Told again"}).want(200)
	if got := len(in.take(t, s)); got != 1 {
		t.Fatalf("got %d deliveries, want 1", got)
	}
	s.clock.Advance(time.Hour)
	if got := len(in.take(t, s)); got != 0 {
		t.Errorf("a failed delivery was sent again by itself")
	}
	hooks := s.call("GET", home+"/hooks", nil).want(200)
	id, _ := hooks.at("0.id").(float64)
	failed := s.call("GET", fmt.Sprintf("%s/hooks/%.0f/deliveries?status=failure", home, id), nil).want(200)
	if len(failed.list()) != 1 {
		t.Fatalf("got %d failed deliveries, want 1", len(failed.list()))
	}
	d, _ := failed.at("0.id").(float64)
	s.call("POST", fmt.Sprintf("%s/hooks/%.0f/deliveries/%.0f/attempts", home, id, d), nil).want(202)
	again := in.take(t, s)
	if len(again) != 1 || again[0].header.Get("X-GitHub-Delivery") != failed.at("0.guid") {
		t.Errorf("the delivery sent anew has another id")
	}
}

func TestFormWebhooksAndSecondHooks(t *testing.T) {
	in := newInbox(t)
	s := newSite(t, Options{})
	config := object{"url": in.URL, "content_type": "form", "secret": "s"}
	s.call("POST", home+"/hooks", object{"events": []string{"issue_comment"}, "config": config}).want(201)
	s.call("POST", home+"/hooks", object{"events": []string{"issue_comment"}, "config": config}).want(422)
	s.call("POST", home+"/hooks", object{"config": object{}}).want(422)
	in.take(t, s)
	s.call("POST", home+"/issues/1/comments", object{"body": "Said"}).want(201)
	list := in.take(t, s)
	if len(list) != 1 || !strings.HasPrefix(string(list[0].body), "payload=%7B") || list[0].header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("got %d deliveries, the first of %v", len(list), list)
	}
}

func TestDeletingACommentLeavesTheTimeAlone(t *testing.T) {
	s := newSite(t, Options{})
	id, _ := s.call("POST", home+"/issues/1/comments", object{"body": "Said"}).want(201).at("id").(float64)
	before := s.call("GET", home+"/issues/1", nil).want(200).at("updated_at")
	s.clock.Advance(time.Minute)
	s.call("DELETE", fmt.Sprintf("%s/issues/comments/%.0f", home, id), nil).want(204)
	s.call("GET", home+"/issues/1", nil).want(200).is("updated_at", before)
}

func TestEnterprise(t *testing.T) {
	s := newSite(t, Options{Enterprise: true})
	s.call("GET", home, nil).want(404)
	a := s.call("GET", "/api/v3"+home+"/issues/1", nil).want(200)
	if _, has := a.at("").(map[string]any); has || a.at("sub_issues_summary") != nil || a.header.Get("X-RateLimit-Limit") != "" || a.header.Get("X-GitHub-Enterprise-Version") == "" {
		t.Errorf("an Enterprise Server tells limits or sub-issues: %v", a.header)
	}
	s.call("GET", "/api/v3/rate_limit", nil).want(404)
	s.call("GET", "/api/v3"+home+"/issues/1/sub_issues", nil).want(404)
	q := `{"query":"{ repository(owner: \"harbourworks\", name: \"delivery\") { issue(number: 1) { title parent { number } } } }"}`
	s.call("POST", "/api/graphql", q).want(200).is("errors.0.extensions.code", "undefinedField").is("data", nil)
}

func TestSubIssues(t *testing.T) {
	s := newSite(t, Options{NoSeed: true})
	a, b := s.create(object{"title": "A"}), s.create(object{"title": "B"})
	path := func(n int) string { return fmt.Sprintf("%s/issues/%d", home, n) }
	id := func(n int) any { return s.call("GET", path(n), nil).want(200).at("id") }
	s.call("POST", path(a)+"/sub_issues", object{"sub_issue_id": id(b)}).want(201).is("sub_issues_summary.total", float64(1))
	s.call("GET", path(b), nil).want(200).is("parent_issue_url", s.url+path(a))
	s.call("POST", path(b)+"/sub_issues", object{"sub_issue_id": id(a)}).want(422)
	s.call("POST", path(a)+"/sub_issues", object{"sub_issue_id": id(a)}).want(422)
	s.call("POST", path(a)+"/sub_issues", object{"sub_issue_id": 1}).want(404)
	s.call("POST", path(a)+"/sub_issues", object{}).want(422)
}

func TestPagesOfPeople(t *testing.T) {
	s := newSite(t, Options{})
	page := s.call("GET", "/", nil, "Accept", "text/html").want(200)
	if !strings.Contains(string(page.raw), "Warehouse rollout for Northwind") {
		t.Errorf("the front page shows no issues")
	}
	form := func(path string, pairs ...string) got {
		v := url.Values{}
		for n := 0; n < len(pairs); n += 2 {
			v.Set(pairs[n], pairs[n+1])
		}
		return s.call("POST", path, v.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	made := form("/harbourworks/delivery/issues", "title", "By hand", "body", "<b>").want(303)
	at := made.header.Get("Location")
	form(at, "do", "save", "title", "By hand again", "body", "", "labels", "bug, brand new", "assignees", "tbecker", "milestone", "2").want(303)
	form(at, "do", "comment", "text", "Said").want(303)
	form(at, "do", "close", "reason", "not_planned").want(303)
	shown := string(s.call("GET", at, nil).want(200).raw)
	for _, word := range []string{"By hand again", "brand new", "tbecker", "Said", "closed as not planned", "renamed from By hand to By hand again"} {
		if !strings.Contains(shown, word) {
			t.Errorf("the page does not show %q", word)
		}
	}
	form(at, "do", "reopen").want(303)
	if bad := form(at, "do", "save", "title", "Kept", "assignees", "nobody").want(422); !strings.Contains(string(bad.raw), "Kept") {
		t.Errorf("what was typed is lost with the error")
	}
	moved := form(at, "do", "transfer", "to", "harbourworks/operations").want(303).header.Get("Location")
	s.call("GET", at, nil).want(302)
	s.call("GET", moved, nil).want(200)
	form(moved, "do", "delete").want(303)
	s.call("GET", moved, nil).want(404)
	s.call("GET", "/harbourworks/nothing", nil).want(404)
}

func TestControlAPI(t *testing.T) {
	in := newInbox(t)
	s := newSite(t, Options{})
	control := func(method, path string, body any) { s.call(method, "/_sandbox/"+path, body).want(204) }
	control("PUT", "target", object{"url": in.URL})
	control("PUT", "lag", object{"lag": "1s"})
	control("PUT", "role", object{"repository": DefaultRepository, "login": DefaultLogin, "role": "write"})
	s.call("PUT", "/_sandbox/role", object{"repository": DefaultRepository, "login": DefaultLogin, "role": "emperor"}).want(404)
	control("POST", "transfer", object{"repository": DefaultRepository, "number": 1, "to": "harbourworks/operations"})
	control("POST", "delete", object{"repository": DefaultRepository, "number": 2})
	s.call("POST", "/_sandbox/delete", object{"repository": DefaultRepository, "number": 2}).want(404)
	if got := events(t, in.take(t, s)); !slices.Contains(got, "issues.transferred") || !slices.Contains(got, "issues.deleted") {
		t.Errorf("got the events %v", got)
	}
	control("PUT", "installation", object{"suspended": true})
	control("PUT", "rename", object{"repository": DefaultRepository, "name": "shipping"})
	control("POST", "secondary", object{})
	s.call("GET", "/user", nil).want(403)
	control("PUT", "hidden", object{"repository": "harbourworks/shipping", "login": DefaultLogin, "hidden": true})
	s.call("GET", "/repos/harbourworks/shipping", nil).want(404)
	control("PUT", "token", object{"token": DefaultToken, "revoked": true})
	s.call("GET", "/user", nil).want(401)
	s.call("POST", "/_sandbox/seed", object{"seed": 2}).want(204)
	s.call("GET", "/user", nil).want(200)
}
