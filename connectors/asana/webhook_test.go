package asana_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
)

func TestTwoProjectsHaveTwoWebhooks(t *testing.T) {
	w := seeded(t)
	other := connectors.Scope{"project": "Website relaunch"}
	target := connectors.WebhookTarget{URL: w.hooks, Objects: []connectors.Selection{{Object: "task", Scope: delivery}, {Object: "subtask", Scope: delivery}, {Object: "task", Scope: other}}}
	registrar := connectors.AbilitiesOf(w.conn).WebhookRegistrar
	if _, err := registrar.EnsureWebhook(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	w.watched = true
	if n := len(w.sys.Webhooks()); n != 2 {
		t.Fatalf("%d webhooks, want one for each project", n)
	}
	w.Webhooks(connectortest.T(t))
	here := made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("Here")}))
	there, err := w.sys.As(ada).Create("Website relaunch", "", map[string]any{"name": "There"})
	if err != nil {
		t.Fatal(err)
	}
	source := connectors.AbilitiesOf(w.conn).WebhookSource
	sent := w.Webhooks(connectortest.T(t))
	seen, addresses := map[string]bool{}, map[string]bool{}
	for _, req := range sent {
		d, err := source.ParseWebhook(req)
		if err != nil {
			t.Fatal(err)
		}
		addresses[req.URL] = true
		for _, h := range d.Hints {
			seen[h.Object+" "+h.ID] = true
		}
	}
	if !seen["task "+here] || !seen["subtask "+here] || !seen["task "+there] || seen["subtask "+there] || len(addresses) != 2 {
		t.Errorf("hints %v at %d addresses", seen, len(addresses))
	}
	crossed := sent[0]
	for address := range addresses {
		if address != sent[0].URL {
			crossed.URL = address
		}
	}
	if _, err := source.ParseWebhook(crossed); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("a delivery at the other webhook's address: %v, want an Auth error", err)
	}
	target.Objects = target.Objects[:1]
	if _, err := registrar.EnsureWebhook(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	if n := len(w.sys.Webhooks()); n != 1 {
		t.Errorf("%d webhooks after a mapping went, want one", n)
	}
}

func TestWebhooksAreRenewed(t *testing.T) {
	w := seeded(t)
	w.ensure(t)
	first := w.sys.Webhooks()
	w.ensure(t)
	if again := w.sys.Webhooks(); len(first) != 1 || !slices.Equal(first, again) {
		t.Errorf("webhooks %v, after a repeat %v; want the same one", first, again)
	}
	w.sys.DropWebhooks("")
	w.ensure(t)
	second := w.sys.Webhooks()
	if len(second) != 1 || second[0] == first[0] {
		t.Errorf("webhooks %v after Asana dropped one; want a new one", second)
	}
	w.conn = w.open(t, w.values) // a restart: the secret is in the store
	w.ensure(t)
	if kept := w.sys.Webhooks(); !slices.Equal(kept, second) {
		t.Errorf("webhooks %v after a restart, want %v", kept, second)
	}
	w.vault.m = nil
	w.conn = w.open(t, w.values) // the secret is lost
	w.ensure(t)
	if third := w.sys.Webhooks(); len(third) != 1 || third[0] == second[0] {
		t.Errorf("webhooks %v after the secret was lost; want a new one", third)
	}
	w.clock.Advance(10 * time.Hour) // no heartbeat arrives
	w.ensure(t)
	w.clock.Advance(time.Minute)
	if n := len(w.sys.Webhooks()); n != 1 {
		t.Errorf("%d webhooks, want one", n)
	}
}

func TestUnaskedHandshakeIsRefused(t *testing.T) {
	w := seeded(t)
	w.ensure(t)
	w.watched = true
	source := connectors.AbilitiesOf(w.conn).WebhookSource
	made(t, create(t, w, "task", "", "", map[string]connectors.Value{"name": connectors.Text("A")}))
	sent := w.Webhooks(connectortest.T(t))
	if len(sent) == 0 {
		t.Fatal("no delivery")
	}
	const planted = "a secret of somebody else"
	for _, address := range []string{sent[0].URL, w.hooks, w.hooks + "?hook=1", "://"} {
		req := connectors.WebhookRequest{Method: "POST", URL: address, Header: http.Header{"X-Hook-Secret": {planted}}, Now: w.clock.Now()}
		if d, err := source.ParseWebhook(req); connectors.KindOf(err) != connectors.Auth || d.Answer != nil {
			t.Errorf("handshake at %s: %+v, %v; want an Auth error", address, d, err)
		}
	}
	forged := sent[0]
	m := hmac.New(sha256.New, []byte(planted))
	_, _ = m.Write(forged.Body)
	forged.Header = http.Header{"X-Hook-Signature": {hex.EncodeToString(m.Sum(nil))}}
	if _, err := source.ParseWebhook(forged); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("a delivery signed with the planted secret: %v, want an Auth error", err)
	}
	if _, err := source.ParseWebhook(sent[0]); err != nil {
		t.Errorf("the true delivery: %v", err)
	}
}

func TestUnreachableAddressIsTold(t *testing.T) {
	w := seeded(t)
	target := connectors.WebhookTarget{URL: w.url + "/nobody/hears", Objects: []connectors.Selection{{Object: "task", Scope: delivery}}}
	_, err := connectors.AbilitiesOf(w.conn).WebhookRegistrar.EnsureWebhook(t.Context(), target)
	e, ok := err.(*connectors.Error) //nolint:errorlint // the connection's own error
	if !ok || e.Kind != connectors.Invalid || !strings.Contains(e.Help, "tenon serve must be running") {
		t.Errorf("EnsureWebhook: %v; want an Invalid error with help", err)
	}
}
