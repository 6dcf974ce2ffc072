package trello

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// inbox takes deliveries in and answers them.
type inbox struct {
	mu     sync.Mutex
	head   int
	status int
	got    []told
}

type told struct {
	kind, event string
	header      http.Header
	body        []byte
}

func newInbox() *inbox { return &inbox{head: 200, status: 200} }

// RoundTrip implements http.RoundTripper.
func (in *inbox) RoundTrip(r *http.Request) (*http.Response, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	status := in.head
	if r.Method == http.MethodPost {
		status = in.status
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		var d struct {
			Action struct {
				Type    string
				Display struct{ TranslationKey string }
			}
		}
		if err := json.Unmarshal(body, &d); err != nil {
			return nil, err
		}
		in.got = append(in.got, told{d.Action.Type, d.Action.Display.TranslationKey, r.Header.Clone(), body})
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r, Header: http.Header{}}, nil
}

func (in *inbox) answer(status int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.status = status
}

// take flushes the outbox and returns what came since.
func (in *inbox) take(s *site) []told {
	s.Helper()
	if err := s.sys.Flush(s.Context()); err != nil {
		s.Fatal(err)
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	got := in.got
	in.got = nil
	return got
}

func kindsOf(list []told) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.kind)
	}
	slices.Sort(out)
	return out
}

const callback = "https://hooks.example.com/trello?c=1"

func TestWebhookRegistration(t *testing.T) {
	in := newInbox()
	s := newSite(t, Options{Transport: in})
	in.head = 405
	s.refused(400, "did not return 200 status code, got 405", "POST", "webhooks/", map[string]any{"callbackURL": callback, "idModel": s.board})
	in.head = 200
	id := s.ok("POST", "webhooks/", map[string]any{"callbackURL": callback, "idModel": s.board}).str("id")
	s.refused(400, "already exists", "POST", "webhooks", map[string]any{"callbackURL": callback, "idModel": s.board})
	s.refused(400, "invalid value for idModel", "POST", "webhooks", map[string]any{"callbackURL": callback, "idModel": "ffffffffffffffffffffffff"})
	if n := len(s.ok("GET", "tokens/"+DefaultToken+"/webhooks", nil).list()); n != 1 {
		t.Errorf("%d webhooks, want 1", n)
	}
	if v := s.ok("GET", "webhooks/"+id+"/active", nil); v.object()["_value"] != true {
		t.Errorf("got %s", v.text)
	}
	s.ok("DELETE", "webhooks/"+id, nil)
	s.refused(404, "not found", "DELETE", "webhooks/"+id, nil)
}

func TestDeliveries(t *testing.T) {
	in := newInbox()
	s := newSite(t, Options{Transport: in, NoSeed: true, WebhookTarget: callback})
	id := s.card(map[string]any{"urlSource": "https://crm.example.com/1"}).str("id")
	got := in.take(s)
	if want := []string{"addAttachmentToCard", "createCard"}; !slices.Equal(kindsOf(got), want) {
		t.Errorf("a card with a link: got %v, want %v", kindsOf(got), want)
	}
	for _, d := range got {
		if d.header.Get("X-Trello-Webhook") != Sign(DefaultSecret, d.body, callback) {
			t.Errorf("%s is not signed over body and address", d.kind)
		}
	}
	s.ok("POST", "webhooks", map[string]any{"callbackURL": callback + "&card", "idModel": id})
	s.ok("POST", "cards/"+id+"/idLabels", map[string]any{"value": s.sys.LabelID(DefaultBoard, "crm")})
	if got, want := kindsOf(in.take(s)), []string{"addLabelToCard", "updateCard"}; !slices.Equal(got, want) {
		t.Errorf("a label: got %v, want %v from the board's webhook and none from the card's", got, want)
	}
	s.ok("PUT", "cards/"+id, map[string]any{"desc": "x"})
	if got := in.take(s); len(got) != 2 || got[0].event != "action_changed_description_of_card" {
		t.Errorf("a description: got %+v, want one from each webhook", kindsOf(got))
	}
	s.ok("PUT", "cards/"+id, map[string]any{"idBoard": s.sys.BoardID(InternalBoard)})
	if got := kindsOf(in.take(s)); !slices.Contains(got, "moveCardFromBoard") {
		t.Errorf("a move away: got %v", got)
	}
	s.ok("POST", "webhooks", map[string]any{"callbackURL": callback + "&in", "idModel": s.sys.BoardID(InternalBoard)})
	s.ok("DELETE", "cards/"+id, nil)
	if got := kindsOf(in.take(s)); !slices.Equal(got, []string{"deleteCard"}) {
		t.Errorf("a delete: got %v", got)
	}
}

func TestFailedDeliveries(t *testing.T) {
	in := newInbox()
	s := newSite(t, Options{Transport: in, NoSeed: true, WebhookTarget: callback})
	in.answer(500)
	s.card(nil)
	tries := 0
	for range 6 {
		tries += len(in.take(s))
		s.clock.Advance(121 * time.Second)
	}
	if tries != 4 {
		t.Errorf("%d tries, want one and three more", tries)
	}
	hook := s.ok("GET", "tokens/"+DefaultToken+"/webhooks", nil).list()[0].(map[string]any)
	if hook["consecutiveFailures"] != 4.0 || hook["firstConsecutiveFailDate"] == nil || hook["active"] != true {
		t.Errorf("after failures: got %v", hook)
	}
	in.answer(200)
	s.card(nil)
	in.take(s)
	if hook = s.ok("GET", "tokens/"+DefaultToken+"/webhooks", nil).list()[0].(map[string]any); hook["consecutiveFailures"] != 0.0 {
		t.Errorf("after a success: got %v", hook)
	}
	in.answer(410)
	s.card(nil)
	in.take(s)
	if n := len(s.ok("GET", "tokens/"+DefaultToken+"/webhooks", nil).list()); n != 0 {
		t.Errorf("after 410: %d webhooks, want none", n)
	}
}

// TestDisabled: more than 1000 failures and 30 days switch a webhook off.
func TestDisabled(t *testing.T) {
	in := newInbox()
	s := newSite(t, Options{Transport: in, NoSeed: true, WebhookTarget: callback})
	in.answer(500)
	s.card(nil)
	in.take(s)
	s.sys.mu.Lock()
	s.sys.webhooks[0].failures = 1000
	s.sys.mu.Unlock()
	s.clock.Advance(31 * 24 * time.Hour)
	s.card(nil)
	in.take(s)
	hook := s.ok("GET", "tokens/"+DefaultToken+"/webhooks", nil).list()[0].(map[string]any)
	if hook["active"] != false {
		t.Fatalf("got %v, want it switched off", hook)
	}
	s.sys.Outbox().Clear()
	s.card(nil)
	if n := len(in.take(s)); n != 0 {
		t.Errorf("%d deliveries of a webhook that is off", n)
	}
	s.ok("PUT", "webhooks/"+hook["id"].(string), map[string]any{"active": true})
	in.answer(200)
	s.card(nil)
	if n := len(in.take(s)); n != 1 {
		t.Errorf("%d deliveries after it was switched on, want 1", n)
	}
}

func TestClientIdentifier(t *testing.T) {
	in := newInbox()
	s := newSite(t, Options{Transport: in, NoSeed: true, WebhookTarget: callback})
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/1/cards?name=x&idList="+s.lists[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", s.auth)
	req.Header.Set("X-Trello-Client-Identifier", "tenon")
	s.send(req)
	if got := in.take(s); len(got) != 1 || got[0].header.Get("X-Trello-Client-Identifier") != "tenon" {
		t.Errorf("got %+v, want the identifier back", got)
	}
}
