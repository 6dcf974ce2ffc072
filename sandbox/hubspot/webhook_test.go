package hubspot_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// receiver is a webhook target.
type receiver struct {
	url string

	mu       sync.Mutex
	statuses []int // of the next answers; 200 after that
	requests []received
}

type received struct {
	header http.Header
	query  url.Values
	body   []byte
	events []object
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	rc := &receiver{}
	srv := httptest.NewServer(rc)
	t.Cleanup(srv.Close)
	rc.url = srv.URL + "/in/hubspot?x=%2F1"
	return rc
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	got := received{header: r.Header, query: r.URL.Query(), body: body}
	_ = json.Unmarshal(body, &got.events)
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.requests = append(rc.requests, got)
	if len(rc.statuses) > 0 {
		w.WriteHeader(rc.statuses[0])
		rc.statuses = rc.statuses[1:]
	}
}

func (rc *receiver) all() []received {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return slices.Clone(rc.requests)
}

// kinds are the events received since the last call, sorted.
func (rc *receiver) kinds() []string {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	out := []string{}
	for _, r := range rc.requests {
		for _, e := range r.events {
			text := e["subscriptionType"].(string)
			for _, key := range []string{"propertyName", "propertyValue", "associationType", "isPrimaryAssociation", "associationRemoved"} {
				if v, ok := e[key]; ok {
					text += fmt.Sprintf(" %v", v)
				}
			}
			out = append(out, text)
		}
	}
	rc.requests = nil
	slices.Sort(out)
	return out
}

func watched(t *testing.T, change func(*hubspot.Options)) (*account, *receiver) {
	t.Helper()
	rc := newReceiver(t)
	return newAccount(t, func(o *hubspot.Options) {
		o.WebhookTarget = rc.url
		if change != nil {
			change(o)
		}
	}), rc
}

func TestWebhookEvents(t *testing.T) {
	a, rc := watched(t, nil)
	person := a.As("tom.becker@harbourworks.example")
	step := func(what string, want ...string) {
		t.Helper()
		a.index()
		if diff := cmp.Diff(want, rc.kinds()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	deal := a.create("deals", object{"dealname": "A", "hs_next_step": "not subscribed"})
	step("create", "deal.creation", "deal.propertyChange dealname A")
	a.must(200, "PATCH", "/crm/v3/objects/deals/"+deal, object{"properties": object{"dealname": "A", "amount": "5"}})
	step("update", "deal.propertyChange amount 5")
	if err := person.Edit("deals", deal, map[string]string{"amount": ""}); err != nil {
		t.Fatal(err)
	}
	step("clear", "deal.propertyChange amount ")
	first, second := a.create("companies", object{"name": "F"}), a.create("companies", object{"name": "S"})
	step("companies", "company.creation", "company.creation", "company.propertyChange name F", "company.propertyChange name S")
	a.must(200, "PUT", "/crm/v4/objects/deals/"+deal+"/associations/default/companies/"+first, nil)
	step("link", // from both sides, and again for the primary link
		"company.associationChange COMPANY_TO_DEAL false false", "company.associationChange COMPANY_TO_DEAL true false",
		"deal.associationChange DEAL_TO_COMPANY false false", "deal.associationChange DEAL_TO_COMPANY true false")
	if _, err := person.Merge("companies", first, second); err != nil {
		t.Fatal(err)
	}
	step("merge", "company.deletion", "company.merge")
	if err := person.Archive("deals", deal); err != nil {
		t.Fatal(err)
	}
	step("archive", "deal.deletion")
	if err := person.Restore("deals", deal); err != nil {
		t.Fatal(err)
	}
	step("restore", "deal.restore")
	a.create("notes", object{"hs_timestamp": "2026-03-12T10:00:00Z", "hs_note_body": "x"})
	step("note", "object.creation", "object.propertyChange hs_note_body x")
}

func TestWebhookMembers(t *testing.T) {
	a, rc := watched(t, nil)
	if err := a.As("jonas.lindqvist@harbourworks.example").Edit("deals", a.create("deals", object{"dealname": "A"}), map[string]string{"dealname": "B"}); err != nil {
		t.Fatal(err)
	}
	a.index()
	var got object
	for _, r := range rc.all() {
		for _, e := range r.events {
			if e["propertyValue"] == "B" {
				got = e
			}
		}
	}
	want := []string{
		"appId", "attemptNumber", "changeSource", "eventId", "objectId", "occurredAt", "portalId", "propertyName", "propertyValue", "sourceId", "subscriptionId", "subscriptionType",
	}
	if diff := cmp.Diff(want, keys(got)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if got["changeSource"] != "CRM_UI" || !strings.HasPrefix(fmt.Sprint(got["sourceId"]), "userId:") || got["occurredAt"] != float64(start.UnixMilli()) {
		t.Errorf("event %v", got)
	}
}

func TestSensitiveValuesAreRedacted(t *testing.T) {
	a, rc := watched(t, nil)
	body := `{"targetUrl":` + strconv.Quote(rc.url) + `,"subscriptions":[
		{"eventType":"contact.propertyChange","propertyName":"passport_number"},
		{"eventType":"object.propertyChange","objectTypeId":"0-1","propertyName":"passport_number"}]}`
	r := httptest.NewRequest("PUT", "/_sandbox/subscriptions", strings.NewReader(body))
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("subscriptions: %d %s", w.Code, w.Body)
	}
	a.create("contacts", object{"firstname": "A", "passport_number": "X1"})
	a.index()
	want := []string{"contact.propertyChange passport_number REDACTED", "object.propertyChange passport_number X1"}
	if diff := cmp.Diff(want, rc.kinds()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestWebhookSignatures(t *testing.T) {
	a, rc := watched(t, nil)
	a.create("deals", object{"dealname": "A"})
	a.index()
	for _, r := range rc.all() {
		sum := sha256.Sum256(append([]byte(hubspot.DefaultClientSecret), r.body...))
		if got, want := r.header.Get("X-HubSpot-Signature"), hex.EncodeToString(sum[:]); got != want {
			t.Errorf("v1: got %s, want %s", got, want)
		}
		stamp := r.header.Get("X-HubSpot-Request-Timestamp")
		mac := hmac.New(sha256.New, []byte(hubspot.DefaultClientSecret))
		mac.Write([]byte("POST" + strings.ReplaceAll(rc.url, "%2F", "/") + string(r.body) + stamp))
		if got, want := r.header.Get("X-HubSpot-Signature-v3"), base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("v3: got %s, want %s", got, want)
		}
		if want := strconv.FormatInt(start.UnixMilli(), 10); stamp != want {
			t.Errorf("time stamp %s, want %s", stamp, want)
		}
	}
}

// Failed deliveries are repeated with the same events, signed anew.
func TestWebhookRetries(t *testing.T) {
	a, rc := watched(t, nil)
	rc.statuses = []int{500, 404}
	a.create("deals", object{"dealname": "A"})
	for n := range 3 {
		a.index()
		if got := len(rc.all()); got != n+1 {
			t.Fatalf("%d requests, want %d", got, n+1)
		}
		if pending := len(a.Outbox().Pending()); (pending == 1) != (n < 2) {
			t.Fatalf("after request %d: %d pending", n+1, pending)
		}
	}
	ids := map[any]bool{}
	for n, r := range rc.all() {
		for _, e := range r.events {
			ids[e["eventId"]] = true
			if e["attemptNumber"] != float64(n) {
				t.Errorf("request %d has attemptNumber %v", n, e["attemptNumber"])
			}
		}
	}
	if len(ids) != 2 {
		t.Errorf("%d different event ids over all attempts, want 2", len(ids))
	}
	rc.statuses = slices.Repeat([]int{503}, 20)
	a.create("deals", object{"dealname": "B"})
	for range 20 {
		a.index()
	}
	if got, want := len(rc.all()), 3+11; got != want {
		t.Errorf("%d requests, want %d: one and ten repeats", got, want)
	}
}

// Events that come close together share a request of at most 100.
func TestWebhookBatches(t *testing.T) {
	a, rc := watched(t, nil)
	for range 2 {
		var inputs []any
		for i := range 60 {
			inputs = append(inputs, object{"properties": object{"dealname": fmt.Sprint(i)}})
		}
		a.must(201, "POST", "/crm/v3/objects/deals/batch/create", batch(inputs...))
	}
	a.index()
	var sizes []int
	for _, r := range rc.all() {
		sizes = append(sizes, len(r.events))
	}
	if diff := cmp.Diff([]int{100, 100, 40}, sizes); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
	inOrder := slices.IsSortedFunc(rc.all()[0].events, func(x, y object) int {
		return int(x["eventId"].(float64) - y["eventId"].(float64))
	})
	if inOrder {
		t.Error("the events of a request are in order")
	}
}

func TestWebhookDoublesAndFaults(t *testing.T) {
	a, rc := watched(t, func(o *hubspot.Options) { o.WebhookDoubles = 1 })
	a.create("deals", object{"dealname": "A"})
	a.index()
	if got := len(rc.all()); got != 2 {
		t.Errorf("%d requests, want 2: each one twice", got)
	}
	if _, err := a.Faults().Add(kit.Rule{Kind: kit.WebhookLost, Path: "deal.*"}); err != nil {
		t.Fatal(err)
	}
	a.clock.Advance(time.Minute)
	a.create("deals", object{"dealname": "B"})
	a.index()
	if got := len(rc.all()); got != 2 {
		t.Errorf("%d requests, want 2: the others are lost", got)
	}
	// What is lost takes only the events of its own window with it.
	a.Faults().Clear()
	a.create("deals", object{"dealname": "C"})
	a.index()
	if got := len(rc.all()); got != 4 {
		t.Errorf("%d requests, want 4", got)
	}
}

func TestWebhookTest(t *testing.T) {
	a, rc := watched(t, nil)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("POST", "/_sandbox/subscriptions/test", strings.NewReader(`{"eventType":"contact.creation"}`)))
	a.index()
	if w.Code != 204 || len(rc.all()) != 1 || rc.all()[0].events[0]["eventId"] != 100.0 {
		t.Errorf("status %d, requests %v", w.Code, rc.all())
	}
}

func TestSubscriptionsAPI(t *testing.T) {
	a, rc := watched(t, nil)
	base := fmt.Sprintf("/webhooks/v3/%d", a.AppID())
	key := "?hapikey=" + hubspot.DefaultDeveloperKey
	a.must(401, "GET", base+"/settings", nil)
	a.must(200, "PUT", base+"/settings"+key, object{"targetUrl": rc.url, "throttling": object{"maxConcurrentRequests": 10}})
	a.must(400, "PUT", base+"/settings"+key, object{"targetUrl": rc.url, "throttling": object{"maxConcurrentRequests": 1}})
	for _, bad := range []object{
		{"eventType": "deal.explosion"}, {"eventType": "deal.propertyChange"}, {"eventType": "deal.creation", "propertyName": "amount"}, {"eventType": "object.creation"}, {"eventType": "note.creation"},
	} {
		a.must(400, "POST", base+"/subscriptions"+key, bad)
	}
	a.must(409, "POST", base+"/subscriptions"+key, object{"eventType": "deal.creation", "active": true})
	made := a.must(201, "POST", base+"/subscriptions"+key, object{"eventType": "ticket.creation", "active": false})
	one := base + "/subscriptions/" + made["id"].(string) + key
	a.must(201, "POST", "/crm/v3/objects/tickets", object{"properties": object{"hs_pipeline_stage": "1"}})
	a.must(200, "PATCH", one, object{"active": true})
	a.must(201, "POST", "/crm/v3/objects/tickets", object{"properties": object{"hs_pipeline_stage": "1"}})
	a.index()
	if diff := cmp.Diff([]string{"ticket.creation"}, rc.kinds()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	a.must(204, "DELETE", one, nil)
	a.must(404, "GET", one, nil)
}

func TestWorkflowAction(t *testing.T) {
	a, rc := watched(t, nil)
	a.SetWebhookTarget("")
	deal := a.create("deals", object{"dealname": "A"})
	rc.statuses = []int{503}
	id, err := a.RunAction(rc.url, "deals", deal, []string{"dealname"}, map[string]any{"mapping": "won"})
	if err != nil {
		t.Fatal(err)
	}
	a.index()
	a.index()
	if got := len(rc.all()); got != 2 {
		t.Fatalf("%d requests, want 2", got)
	}
	for _, r := range rc.all() {
		var body object
		if err := json.Unmarshal(r.body, &body); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(hubspot.DefaultClientSecret + "POST" + rc.url + string(r.body)))
		if got, want := r.header.Get("X-HubSpot-Signature"), hex.EncodeToString(sum[:]); got != want {
			t.Errorf("v2: got %s, want %s", got, want)
		}
		if body["callbackId"] != id || at(body, "object", "properties", "dealname") != "A" {
			t.Errorf("body %s", r.body)
		}
	}
	if _, done := a.ActionDone(id); done {
		t.Error("done before the callback")
	}
	a.must(404, "POST", "/automation/v4/actions/callbacks/nope/complete", object{"outputFields": object{}})
	a.must(204, "POST", "/automation/actions/callbacks/2026-03/"+id+"/complete", object{"outputFields": object{"hs_execution_state": "SUCCESS"}})
	if out, done := a.ActionDone(id); !done || string(out) != `{"hs_execution_state":"SUCCESS"}` {
		t.Errorf("after the callback: %s, %v", out, done)
	}
}

func TestCardFetch(t *testing.T) {
	a, rc := watched(t, nil)
	rc.statuses = []int{502}
	answer, err := a.CardFetch(t.Context(), "POST", rc.url+"&deal=%201", "mei.tanaka@harbourworks.example", []byte(`{"a":1}`))
	if err != nil || answer.Status != 200 {
		t.Fatalf("answer %+v, %v", answer, err)
	}
	if got := len(rc.all()); got != 2 {
		t.Errorf("%d calls, want 2: one repeat after a 502", got)
	}
	for _, r := range rc.all() {
		if string(r.body) != `{"a":1}` || r.header.Get("X-HubSpot-Signature-v3") == "" {
			t.Errorf("call %s %v", r.body, r.header)
		}
		if q := r.query; q.Get("userEmail") != "mei.tanaka@harbourworks.example" || q.Get("portalId") != strconv.Itoa(a.PortalID()) || q.Get("deal") != " 1" {
			t.Errorf("query %v", q)
		}
	}
}
