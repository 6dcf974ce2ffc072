package jira_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/jira"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

// tokenStore keeps tokens as the program's store does.
type tokenStore struct {
	mu     sync.Mutex
	tokens map[string][]byte
	saves  int
}

func (s *tokenStore) LoadToken(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[name], nil
}

func (s *tokenStore) SaveToken(_ context.Context, name string, token []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[name], s.saves = token, s.saves+1
	return nil
}

// oauthWorld is a sandbox with a connection that uses a grant of the app.
func oauthWorld(t *testing.T) (*world, *tokenStore, func() connectors.Connection) {
	t.Helper()
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	grant, ok := w.sys.Grant(sandbox.DefaultEmail, "read:jira-work", "write:jira-work", "read:jira-user", "manage:jira-webhook", "offline_access")
	if !ok {
		t.Fatal("no grant")
	}
	store := &tokenStore{tokens: map[string][]byte{}}
	open := func() connectors.Connection {
		set, err := connectors.NewSettings(jira.New().Info().Settings, map[string]string{
			"base_url": w.url, "gateway_url": w.url, "token_url": w.url + "/oauth/token", "cloud_id": w.sys.CloudID(),
			"client_id": sandbox.DefaultClientID, "client_secret": sandbox.DefaultClientSecret, "refresh_token": grant.Refresh,
		})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := jira.New().Open(connectors.Config{Name: "oauth", Settings: set}, connectors.Options{Clock: w.clock, Tokens: store})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	w.conn = open()
	return w, store, open
}

func TestOAuthThroughTheGateway(t *testing.T) {
	w, store, open := oauthWorld(t)
	if got, err := w.conn.Check(t.Context()); err != nil || got.Name != "Tenon Sync" {
		t.Fatalf("Check: %+v, %v", got, err)
	}
	r := w.make(t, epics, "", summary("Through the gateway"))
	if r := w.set(t, r.ID, fields{"status": done}); r.Err != nil || len(r.Refused) > 0 {
		t.Errorf("Update: %v %v", r.Err, r.Refused)
	}
	if got := w.get(t, epics, r.ID); got.URL != w.url+"/browse/"+got.Key {
		t.Errorf("URL %q leads not to the site", got.URL)
	}
	if store.saves != 1 {
		t.Errorf("%d refresh tokens saved, want 1", store.saves)
	}
	// The refresh token rotates; a restart goes on with the kept one.
	w.sys.ExpireAccessTokens()
	if _, err := w.conn.Check(t.Context()); err != nil {
		t.Errorf("Check with an outdated access token: %v", err)
	}
	w.clock.Advance(2 * time.Hour)
	if _, err := open().Check(t.Context()); err != nil {
		t.Errorf("Check after a restart: %v", err)
	}
	w.sys.RevokeGrants()
	w.clock.Advance(2 * time.Hour)
	_, err := w.conn.Check(t.Context())
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok || e.Kind != connectors.Auth || e.Help == "" {
		t.Errorf("Check after the consent was withdrawn: %v", err)
	}
}

func TestScopedTokenNeedsTheGateway(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	if !w.sys.AddToken(sandbox.DefaultEmail, "scoped", "read:jira-work", "read:jira-user") {
		t.Fatal("no token")
	}
	values := map[string]string{"base_url": w.url, "email": sandbox.DefaultEmail, "token": "scoped"}
	if _, err := openWith(t, values, w.clock).Check(t.Context()); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("Check at the site: %v", err)
	}
	values["cloud_id"], values["gateway_url"] = w.sys.CloudID(), w.url
	conn := openWith(t, values, w.clock)
	if _, err := conn.Check(t.Context()); err != nil {
		t.Errorf("Check at the gateway: %v", err)
	}
	// The token may not write: that is a missing right, not a bad token.
	r := conn.Create(t.Context(), []connectors.Create{{Object: "issue", Scope: epics, Fields: summary("Not mine")}})[0]
	if connectors.KindOf(r.Err) != connectors.Permission {
		t.Errorf("Create without the scope: %v", r.Err)
	}
}

func TestDynamicWebhooks(t *testing.T) {
	w, _, _ := oauthWorld(t)
	target := connectors.WebhookTarget{URL: w.hooks, Objects: []connectors.Selection{{Object: "issue", Scope: epics}}}
	registrar := connectors.AbilitiesOf(w.conn).WebhookRegistrar
	for range 3 {
		renew, err := registrar.EnsureWebhook(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		if left := renew.Sub(w.clock.Now()); left <= 0 || left > 29*24*time.Hour {
			t.Errorf("renew in %v", left)
		}
	}
	target.Objects = append(target.Objects, connectors.Selection{Object: "issue", Scope: connectors.Scope{"project": "OPS"}})
	if _, err := registrar.EnsureWebhook(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	w.sys.SetWebhookTarget("") // the dynamic ones only
	w.Webhooks(connectortest.T(t))
	id := w.Create(connectortest.T(t), summary("Told"))
	sent := w.Webhooks(connectortest.T(t))
	if len(sent) != 1 {
		t.Fatalf("%d deliveries, want 1", len(sent))
	}
	source := connectors.AbilitiesOf(w.conn).WebhookSource
	d, err := source.ParseWebhook(sent[0])
	if err != nil || len(d.Hints) != 1 || d.Hints[0].ID != id || d.ID == "" {
		t.Errorf("ParseWebhook: %+v, %v", d, err)
	}
	for _, bad := range []string{
		"", "Bearer ", "Bearer a.b", "Bearer a.b.c", "JWT x", token(w.clock.Now(), "other", `{"alg":"HS256"}`, "{}"),
		token(w.clock.Now(), sandbox.DefaultClientSecret, `{"alg":"none"}`, "{}"),
		token(w.clock.Now(), sandbox.DefaultClientSecret, `{"alg":"HS256"}`, fmt.Sprintf(`{"exp":%d}`, w.clock.Now().Add(-time.Hour).Unix())),
	} {
		req := sent[0]
		req.Header = http.Header{"Authorization": {bad}}
		if _, err := source.ParseWebhook(req); connectors.KindOf(err) != connectors.Auth {
			t.Errorf("ParseWebhook with %q: %v", bad, err)
		}
	}
}

func token(_ time.Time, secret, head, claims string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return "Bearer " + signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestAdminWebhooks(t *testing.T) {
	for _, flavour := range []sandbox.Flavour{sandbox.Cloud, sandbox.DataCenter} {
		t.Run(string(flavour), func(t *testing.T) {
			w := newWorld(t, sandbox.Options{Empty: true, Flavour: flavour}, nil)
			w.sys.SetWebhookTarget("")
			target := connectors.WebhookTarget{URL: w.hooks, Objects: []connectors.Selection{{Object: "issue", Scope: epics}}}
			registrar := connectors.AbilitiesOf(w.conn).WebhookRegistrar
			for range 2 {
				if _, err := registrar.EnsureWebhook(t.Context(), target); err != nil {
					t.Fatal(err)
				}
			}
			target.Objects[0].Scope = connectors.Scope{"project": "OPS"}
			for range 2 { // another filter brings the same webhook up to date
				if _, err := registrar.EnsureWebhook(t.Context(), target); err != nil {
					t.Fatal(err)
				}
			}
			key, err := w.sys.As(ada).Create(map[string]any{"project": "OPS", "issuetype": "Task", "summary": "Told"})
			if err != nil {
				t.Fatal(err)
			}
			w.Create(connectortest.T(t), summary("Not told"))
			issue, _ := w.sys.Issue(key)
			var hinted []string
			for _, req := range w.Webhooks(connectortest.T(t)) {
				d, err := connectors.AbilitiesOf(w.conn).WebhookSource.ParseWebhook(req)
				if err != nil {
					t.Fatal(err)
				}
				for _, h := range d.Hints {
					hinted = append(hinted, h.ID)
				}
			}
			if !slices.Equal(hinted, []string{issue.ID}) {
				t.Errorf("hints %v, want one of %s", hinted, issue.ID)
			}
		})
	}
}
