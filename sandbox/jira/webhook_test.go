package jira

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// inbox is the target of webhooks. Its answer can be changed.
type inbox struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []hookRequest
}

type hookRequest struct {
	header http.Header
	raw    []byte
	answer
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{status: http.StatusOK}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var a answer
		if err := json.Unmarshal(raw, &a.body); err != nil {
			t.Errorf("webhook is not JSON: %s", raw)
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got = append(in.got, hookRequest{header: r.Header, raw: raw, answer: a})
		w.WriteHeader(in.status)
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) answerWith(status int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.status = status
}

// wait flushes until enough of the events have come, and returns them in the
// order of their arrival.
func (in *inbox) wait(t *testing.T, s *site, event string, count int) []hookRequest {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		found := in.of(event)
		if len(found) >= count {
			return found
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %d of %s, want %d", len(found), event, count)
		}
	}
}

func (in *inbox) of(event string) []hookRequest {
	in.mu.Lock()
	defer in.mu.Unlock()
	var found []hookRequest
	for _, r := range in.got {
		if event == "" || r.text("webhookEvent") == event {
			found = append(found, r)
		}
	}
	return found
}

func TestSignatureVector(t *testing.T) {
	// The vector of Atlassian's page on securing webhooks.
	const want = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
	if got := Signature("It's a Secret to Everybody", []byte("Hello World!")); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAdminWebhooks(t *testing.T) {
	s := newSite(t, Options{})
	in := newInbox(t)
	const path = "/rest/webhooks/1.0/webhook"
	a := s.want(http.StatusCreated, "POST", path, object{
		"name": "all", "url": in.URL + "/{issue.key}", "events": []string{eventIssueCreated, eventIssueUpdated, eventIssueDeleted, eventCommentCreated, eventCommentDeleted},
		"filters": object{issueSection: "project = DELIV"}, "secret": "s3cret",
	})
	if a.at("isSigned") != true || strings.Contains(string(a.raw), "s3cret") {
		t.Errorf("registration: got %s", a.raw)
	}
	s.want(http.StatusBadRequest, "POST", path, object{"name": "x", "url": "nowhere", "events": []string{eventIssueCreated}})
	s.want(http.StatusBadRequest, "POST", path, object{"name": "x", "url": in.URL, "events": []string{"jira:issue_sneezed"}})
	s.want(http.StatusBadRequest, "POST", path, object{"name": "x", "url": in.URL, "filters": object{issueSection: "nonsense = 1"}})
	if a := s.want(http.StatusOK, "GET", path, nil); a.len("") != 0 && len(a.body.([]any)) != 1 {
		t.Errorf("list: got %s", a.raw)
	}

	key := s.create("Hooked", object{"labels": []string{"a"}})
	s.want(http.StatusCreated, "POST", "/rest/api/3/issue", `{"fields":{"project":{"key":"OPS"},"issuetype":{"name":"Task"},"summary":"elsewhere"}}`)
	created := in.wait(t, s, eventIssueCreated, 1)[0]
	if got := Signature("s3cret", created.raw); created.header.Get("X-Hub-Signature") != got {
		t.Errorf("signature: got %q, want %q", created.header.Get("X-Hub-Signature"), got)
	}
	for name, want := range map[string]string{
		"User-Agent": "Atlassian Webhook HTTP Client", "Content-Type": "application/json; charset=utf-8", "X-Atlassian-Webhook-Flow": "Primary", "X-Atlassian-Webhook-Retry": "",
	} {
		if got := created.header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if created.text("issue.key") != key || created.text("issue_event_type_name") != "issue_created" || created.len("changelog.items") == 0 || created.at("user.emailAddress") != nil {
		t.Errorf("created: got %s", created.raw)
	}

	if err := s.As(rosa).Edit(key, map[string]any{"summary": "By Rosa", "labels": []string{"a", "b"}}); err != nil {
		t.Fatal(err)
	}
	updated := in.wait(t, s, eventIssueUpdated, 1)[0]
	want := []any{
		map[string]any{"field": "summary", "fieldId": "summary", "fieldtype": "jira", "from": nil, "fromString": "Hooked", "to": nil, "toString": "By Rosa"},
		map[string]any{"field": "labels", "fieldId": "labels", "fieldtype": "jira", "from": nil, "fromString": "a", "to": nil, "toString": "a b"},
	}
	if diff := cmp.Diff(want, updated.at("changelog.items")); diff != "" || updated.text("user.displayName") != "Rosa Delgado" {
		t.Errorf("by %q (-want +got):\n%s", updated.text("user.displayName"), diff)
	}

	if _, err := s.As(rosa).Comment(key, "Hello *there*"); err != nil {
		t.Fatal(err)
	}
	comment := in.wait(t, s, eventCommentCreated, 1)[0]
	fields, _ := comment.at("issue.fields").(map[string]any)
	if comment.text("comment.body") != "Hello *there*" || comment.at("user") != nil || len(fields) != 6 {
		t.Errorf("comment: got %s", comment.raw)
	}

	s.want(http.StatusNoContent, "DELETE", "/rest/api/3/issue/"+key, nil)
	deleted := in.wait(t, s, eventIssueDeleted, 1)[0]
	if deleted.at("changelog") != nil || deleted.text("issue.fields.summary") != "By Rosa" {
		t.Errorf("deleted: got %s", deleted.raw)
	}
	late := in.wait(t, s, eventCommentDeleted, 1)[0]
	if got, want := late.header.Get("X-Atlassian-Webhook-Flow"), "Secondary"; got != want {
		t.Errorf("fallout: got %q, want %q", got, want)
	}
	for _, r := range in.of("") {
		if r.text("issue.fields.project.key") == "OPS" {
			t.Errorf("outside the filter: got %s", r.raw)
		}
	}
}

func TestWebhooksAreRepeated(t *testing.T) {
	in := newInbox(t)
	s := newSite(t, Options{WebhookTarget: in.URL})
	in.answerWith(http.StatusServiceUnavailable)
	s.create("Repeated", nil)
	got := in.wait(t, s, eventIssueCreated, 1+maxRetries)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(in.of(eventIssueCreated)); n != 1+maxRetries {
		t.Errorf("got %d tries, want %d", n, 1+maxRetries)
	}
	for n, r := range got {
		want := ""
		if n > 0 {
			want = string(rune('0' + n))
		}
		if r.header.Get("X-Atlassian-Webhook-Retry") != want || r.header.Get("X-Atlassian-Webhook-Identifier") != got[0].header.Get("X-Atlassian-Webhook-Identifier") {
			t.Errorf("try %d: got retry %q, identifier %q", n, r.header.Get("X-Atlassian-Webhook-Retry"), r.header.Get("X-Atlassian-Webhook-Identifier"))
		}
	}
	in.answerWith(http.StatusBadRequest)
	s.create("Refused", nil)
	in.wait(t, s, eventIssueCreated, 2+maxRetries)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(in.of(eventIssueCreated)); n != 2+maxRetries {
		t.Errorf("a 400 was repeated: got %d, want %d", n, 2+maxRetries)
	}
}

func TestRetryDelay(t *testing.T) {
	s := newSite(t, Options{})
	for n := range maxRetries {
		wait, again := s.retryDelivery(kit.Delivery{Attempt: n}, nil)
		if !again || wait < 5*time.Minute || wait > 15*time.Minute {
			t.Errorf("try %d: got %v, %v", n, wait, again)
		}
	}
	if _, again := s.retryDelivery(kit.Delivery{Attempt: maxRetries}, nil); again {
		t.Error("repeated for ever")
	}
}

func TestDynamicWebhooks(t *testing.T) {
	s := newSite(t, Options{})
	in := newInbox(t)
	s.want(http.StatusForbidden, "GET", "/rest/api/3/webhook", nil)
	tokens, _ := s.Grant(ada, scopeRead, scopeWebhook)
	app := s.with("Bearer " + tokens.Access)
	path := "/ex/jira/" + s.CloudID() + "/rest/api/3/webhook"
	register := func(hooks ...object) answer {
		t.Helper()
		return app.want(http.StatusOK, "POST", path, object{"url": in.URL, "webhooks": hooks})
	}
	a := register(
		object{"events": []string{eventIssueUpdated}, "jqlFilter": "project = DELIV", "fieldIdsFilter": []string{"summary"}},
		object{"events": []string{eventIssueUpdated}, "jqlFilter": "watchCount > 1"},
		object{"events": []string{"sprint_created"}, "jqlFilter": "project = DELIV"},
		object{"events": []string{eventIssueUpdated}, "jqlFilter": ""},
		object{"events": []string{eventIssueUpdated, eventPropertySet}, "jqlFilter": "project in (DELIV)", "issuePropertyKeysFilter": []string{"tenon.link"}},
	)
	if got, want := a.text("webhookRegistrationResult.1.errors.0"), "The clause watchCount is unsupported"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, n := range []string{"2", "3"} {
		if a.at("webhookRegistrationResult."+n+".errors") == nil {
			t.Errorf("hook %s: got %s, want an error", n, a.raw)
		}
	}
	if list := app.want(http.StatusOK, "GET", path, nil); list.at("total") != 2.0 {
		t.Errorf("list: got %s", list.raw)
	}
	key := s.create("Watched", nil)
	s.want(http.StatusNoContent, "PUT", "/rest/api/3/issue/"+key, `{"fields":{"labels":["x"]}}`)
	s.want(http.StatusNoContent, "PUT", "/rest/api/3/issue/"+key, `{"fields":{"summary":"Renamed"}}`)
	got := in.wait(t, s, eventIssueUpdated, 2)
	byIDs := map[int]hookRequest{}
	for _, r := range got {
		byIDs[r.len("matchedWebhookIds")] = r
	}
	if len(byIDs) != 2 || byIDs[2].text("changelog.items.0.fieldId") != "summary" || byIDs[1].text("changelog.items.0.fieldId") != "labels" {
		t.Errorf("got %d deliveries, want labels for one webhook and summary for both", len(got))
	}
	checkJWT(t, byIDs[1].header.Get("Authorization"))
	s.want(http.StatusCreated, "PUT", "/rest/api/3/issue/"+key+"/properties/other", `1`)
	s.want(http.StatusCreated, "PUT", "/rest/api/3/issue/"+key+"/properties/tenon.link", `{"a":1}`)
	for _, r := range in.wait(t, s, eventPropertySet, 1) {
		if got, want := r.text("property.key"), "tenon.link"; got != want {
			t.Errorf("property: got %q, want %q", got, want)
		}
	}

	first := a.at("webhookRegistrationResult.0.createdWebhookId")
	s.clock.Advance(29 * 24 * time.Hour)
	tokens, _ = s.Grant(ada, scopeRead, scopeWebhook)
	app = s.with("Bearer " + tokens.Access)
	app.want(http.StatusOK, "PUT", path+"/refresh", object{"webhookIds": []any{first}})
	s.clock.Advance(2 * 24 * time.Hour)
	tokens, _ = s.Grant(ada, scopeRead, scopeWebhook)
	app = s.with("Bearer " + tokens.Access)
	if list := app.want(http.StatusOK, "GET", path, nil); list.at("total") != 1.0 || list.at("values.0.id") != first {
		t.Errorf("after 31 days: got %s, want the refreshed one alone", list.raw)
	}
	app.want(http.StatusAccepted, "DELETE", path, object{"webhookIds": []any{first}})
	var many []object
	for range maxDynamic + 1 {
		many = append(many, object{"events": []string{eventIssueCreated}, "jqlFilter": "project = OPS"})
	}
	if a := register(many...); a.at("webhookRegistrationResult.5.errors") == nil {
		t.Errorf("a sixth webhook: got %s", a.raw)
	}
	app.want(http.StatusForbidden, "GET", path+"/failed", nil)
}

func checkJWT(t *testing.T, header string) {
	t.Helper()
	parts := strings.Split(strings.TrimPrefix(header, "Bearer "), ".")
	if len(parts) != 3 {
		t.Fatalf("got %q, want a JWT", header)
	}
	mac := hmac.New(sha256.New, []byte(DefaultClientSecret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if got, want := parts[2], base64.RawURLEncoding.EncodeToString(mac.Sum(nil)); got != want {
		t.Errorf("signature: got %q, want %q", got, want)
	}
}

func TestDataCenterDoublesCommentEvents(t *testing.T) {
	in := newInbox(t)
	s := newSite(t, Options{Flavour: DataCenter, WebhookTarget: in.URL})
	key := s.create("Commented", nil)
	s.want(http.StatusCreated, "POST", "/rest/api/2/issue/"+key+"/comment", `{"body":"said"}`)
	comment := in.wait(t, s, eventCommentCreated, 1)[0]
	if comment.at("issue") != nil || !strings.Contains(comment.text("comment.self"), "/rest/api/2/issue/") {
		t.Errorf("comment: got %s", comment.raw)
	}
	second := in.wait(t, s, eventIssueUpdated, 1)[0]
	if second.text("issue_event_type_name") != "issue_commented" || second.text("issue.key") != key || second.text("comment.body") != "said" {
		t.Errorf("second event: got %s", second.raw)
	}
	if comment.at("comment.author.accountId") != nil || comment.text("comment.author.name") != "tenon" {
		t.Errorf("author: got %v", comment.at("comment.author"))
	}
	in.answerWith(http.StatusInternalServerError)
	s.create("Not repeated", nil)
	in.wait(t, s, eventIssueCreated, 2)
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(in.of(eventIssueCreated)); n != 2 {
		t.Errorf("got %d tries, want no repetition", n)
	}
}
