package trello_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/sandbox/kit"
	sandbox "github.com/tenonsync/tenon/sandbox/trello"
)

// TestVendorLimits: a burst of reads stays within what Trello allows, even if
// each part of a batch counts.
func TestVendorLimits(t *testing.T) {
	tb := connectortest.T(t)
	w := newWorld(tb, sandbox.Options{Limits: sandbox.VendorLimits()}, nil)
	var ids []string
	for i := range 300 {
		ids = append(ids, w.Create(tb, named(fmt.Sprintf("Card %d", i))))
	}
	got, err := w.conn.Read(t.Context(), w.selection("name", w.field("Budget")), ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		if r.Err != nil {
			t.Fatalf("card %d: %v", i, r.Err)
		}
	}
	if n := w.Requests(tb); n > 80 {
		t.Errorf("%d requests for 300 cards", n)
	}
}

func TestManyCards(t *testing.T) {
	w, tb := people(t, nil)
	for i := range 1005 {
		w.Create(tb, named(fmt.Sprintf("Card %d", i)))
	}
	rows, _ := w.list(t, w.conn, "", "name")
	if len(rows) != 1005 {
		t.Errorf("got %d rows, want 1005", len(rows))
	}
}

func TestCredentials(t *testing.T) {
	w, tb := people(t, nil)
	id := w.Create(tb, named("Card"))
	for name, settings := range map[string]map[string]string{
		"a wrong key":   {"key": "00000000000000000000000000000000"},
		"a wrong token": {"token": "ATTA00000000"},
	} {
		c := w.dial(t, settings)
		if _, err := c.Check(t.Context()); connectors.KindOf(err) != connectors.Auth {
			t.Errorf("%s: got %v, want an Auth error", name, err)
		}
	}
	if err := w.sys.GrantToken("ATTAshort", sandbox.Bot, true, false, time.Hour); err != nil {
		t.Fatal(err)
	}
	short := w.dial(t, map[string]string{"token": "ATTAshort", "api_secret": ""})
	a, err := short.Check(t.Context())
	if err != nil || len(a.Warnings) != 2 {
		t.Errorf("a token that runs out: got %+v, %v; want two warnings", a, err)
	}
	w.clock.Advance(2 * time.Hour)
	if _, err := short.Read(t.Context(), w.selection("name"), []string{id}); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("a token that has run out: got %v, want an Auth error", err)
	}
	if err := w.sys.GrantToken("ATTAread", sandbox.Bot, false, false, 0); err != nil {
		t.Fatal(err)
	}
	reader := w.dial(t, map[string]string{"token": "ATTAread"})
	r := reader.Update(t.Context(), []connectors.Update{{Object: "card", Scope: delivery, ID: id, Fields: named("x")}})[0]
	if connectors.KindOf(r.Err) != connectors.Permission {
		t.Errorf("a token that only reads: got %v, want a Permission error", r.Err)
	}
	a, err = reader.Check(t.Context())
	if err != nil || !slices.Equal(a.Missing, []string{"write"}) {
		t.Errorf("Check: got %+v, %v, want write missing", a, err)
	}
	need := []connectors.Need{{Object: "card", Scope: delivery, Write: true}}
	gaps, err := reader.(connectors.RightsChecker).MissingRights(t.Context(), need)
	if err != nil || len(gaps) != 1 || gaps[0].Right != "write" {
		t.Errorf("MissingRights: got %+v, %v", gaps, err)
	}
	w.role(tb, "observer")
	gaps, err = w.conn.(connectors.RightsChecker).MissingRights(t.Context(), need)
	if err != nil || len(gaps) != 1 || gaps[0].Right != "normal member" {
		t.Errorf("MissingRights of an observer: got %+v, %v", gaps, err)
	}
}

// TestNoSecretInQueries: key and token stand in a header, not where logs keep
// them.
func TestNoSecretInQueries(t *testing.T) {
	w, tb := people(t, nil)
	id := w.Create(tb, named("Card"))
	if _, err := w.conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.list(t, w.conn, "", "name")
	w.update(t, id, named("New"))
	for _, e := range w.sys.Requests().Since(0) {
		if strings.Contains(e.Query, sandbox.DefaultToken) || strings.Contains(e.Query, sandbox.DefaultKey) {
			t.Errorf("%s %s?%s", e.Method, e.Path, e.Query)
		}
		if strings.Contains(e.Path, sandbox.DefaultToken) && !strings.HasPrefix(e.Path, "/1/tokens/") {
			t.Errorf("%s %s", e.Method, e.Path)
		}
	}
}

func TestScopes(t *testing.T) {
	w, tb := people(t, nil)
	id := w.Create(tb, named("Card"))
	board := w.sys.BoardID(sandbox.DefaultBoard)
	cd, _ := w.sys.Card(id)
	for _, scope := range []connectors.Scope{
		{"board": strings.ToUpper(sandbox.DefaultBoard)}, {"board": board}, {"Board": sandbox.DefaultBoard, "list": "planned"},
	} {
		got, err := w.conn.Read(t.Context(), connectors.Selection{Object: "card", Scope: scope}, []string{id})
		if err != nil || got[0].Err != nil || !got[0].Record.InScope {
			t.Errorf("%v: got %+v, %v; want the card in scope", scope, got, err)
		}
	}
	got, err := w.conn.Read(t.Context(), connectors.Selection{Object: "card", Scope: connectors.Scope{"board": board, "list": "Done"}}, []string{id})
	if err != nil || got[0].Record == nil || got[0].Record.InScope {
		t.Errorf("another list: got %+v, %v; want it out of scope", got, err)
	}
	for want, scope := range map[string]connectors.Scope{
		"the scope names no board":                          {},
		`the account sees no open board "Nowhere"`:          {"board": "Nowhere"},
		`has no list "Nowhere"; its lists are "Planned"`:    {"board": board, "list": "Nowhere"},
		`Trello's scopes have no "project"`:                 {"board": board, "project": "X"},
		"there is no board 69b28000aaaaaaaaaaaaaaaa, or th": {"board": "69b28000aaaaaaaaaaaaaaaa"},
	} {
		_, err := w.conn.Schema(t.Context(), "card", scope)
		if connectors.KindOf(err) != connectors.Invalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q", scope, err, want)
		}
	}
	for _, text := range []string{cd.ShortLink, id, "https://trello.com/c/" + cd.ShortLink, cd.URL + "/1-card"} {
		ref, err := w.conn.(connectors.Locator).Locate(t.Context(), text)
		if err != nil || ref.ID != id {
			t.Errorf("Locate(%q): got %v, %v", text, ref, err)
		}
	}
}

func TestWebhooks(t *testing.T) {
	w, tb := people(t, nil)
	registrar := w.conn.(connectors.WebhookRegistrar)
	target := connectors.WebhookTarget{URL: hookURL, Objects: []connectors.Selection{w.selection(), {Object: "card", Scope: connectors.Scope{"board": sandbox.InternalBoard}}, {Object: "checkitem"}}}
	for range 2 {
		renew, err := registrar.EnsureWebhook(t.Context(), target)
		if err != nil || !renew.After(w.clock.Now()) {
			t.Fatalf("EnsureWebhook: %v, %v", renew, err)
		}
		for _, board := range []string{sandbox.DefaultBoard, sandbox.InternalBoard} {
			if got := w.sys.Webhooks(board); !slices.Equal(got, []string{hookURL}) {
				t.Errorf("webhooks of %s: got %v, want one", board, got)
			}
		}
	}
	target.Objects = target.Objects[:1]
	if _, err := registrar.EnsureWebhook(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	if got := w.sys.Webhooks(sandbox.InternalBoard); len(got) != 0 {
		t.Errorf("a board that no mapping uses any more: got %v, want no webhook", got)
	}
	w.sys.RevokeToken("") // its webhooks die with it
	if err := w.sys.GrantToken(sandbox.DefaultToken, sandbox.Bot, true, false, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := registrar.EnsureWebhook(t.Context(), target); err != nil || len(w.sys.Webhooks(sandbox.DefaultBoard)) != 1 {
		t.Errorf("after a new token: %v, %v", w.sys.Webhooks(sandbox.DefaultBoard), err)
	}
	if connectors.AbilitiesOf(w.dial(t, map[string]string{"api_secret": ""})).WebhookSource != nil {
		t.Error("a connection without a secret takes webhooks")
	}
	_ = tb
}

// refusing answers the HEAD check of webhooks with 405.
type refusing struct{}

func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusMethodNotAllowed, Body: http.NoBody, Request: r, Header: http.Header{}}, nil
}

func TestWebhookThatCannotBeReached(t *testing.T) {
	clk := clock{kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC))}
	sys := sandbox.New(sandbox.Options{Clock: clk.ManualClock, Transport: refusing{}})
	t.Cleanup(sys.Close)
	server := listen(t, sys)
	c := open(t, map[string]string{"key": sandbox.DefaultKey, "token": sandbox.DefaultToken, "api_secret": sandbox.DefaultSecret, "base_url": server}, connectors.Options{Clock: clk})
	_, err := c.(connectors.WebhookRegistrar).EnsureWebhook(context.Background(), connectors.WebhookTarget{URL: hookURL, Objects: []connectors.Selection{{Object: "card", Scope: delivery}}})
	if connectors.KindOf(err) != connectors.Invalid || !strings.Contains(err.Error(), "got 405") {
		t.Errorf("got %v, want Trello's words", err)
	}
}

func TestSettings(t *testing.T) {
	good := map[string]string{"key": "k", "token": "t"}
	for setting, v := range map[string]string{
		"key": `k"`, "token": "t t", "mark_url": "tenon", "checklist": "  ", "requests_per_second": "many", "file_limit_mb": "0", "base_url": "trello",
	} {
		values := map[string]string{setting: v}
		for name, each := range good {
			if values[name] == "" {
				values[name] = each
			}
		}
		if err := tryOpen(values); connectors.KindOf(err) != connectors.Invalid {
			t.Errorf("%s: %q: got %v, want Invalid", setting, v, err)
		}
	}
	if err := tryOpen(good); err != nil {
		t.Error(err)
	}
}
