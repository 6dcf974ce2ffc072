package asana_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/asana"
	sandbox "github.com/tenonsync/tenon/sandbox/asana"
)

func TestMissingScopes(t *testing.T) {
	w := seeded(t)
	w.values["token"] = w.sys.IssueToken("oauth", sandbox.DefaultUser, []string{"tasks:read", "users:read", "projects:read", "custom_fields:read"})
	conn := w.open(t, w.values)
	_, err := conn.Schema(t.Context(), "task", delivery)
	if connectors.KindOf(err) != connectors.Permission {
		t.Errorf("Schema with a granular token: %v; want a Permission error", err)
	}
}

func TestConsent(t *testing.T) {
	w := newWorld(t, sandbox.Options{NoSeed: true}, true, nil)
	values := map[string]string{"base_url": w.url, "client_id": sandbox.DefaultClientID, "client_secret": sandbox.DefaultClientSecret, "authorize_url": w.url + "/-/oauth_authorize"}
	set, err := connectors.NewSettings(asana.New().Info().Settings, values)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := asana.New().Authorization(connectors.Config{Name: "asana-test", Settings: set}, connectors.Options{Clock: w.clock})
	if err != nil || auth == nil {
		t.Fatalf("Authorization: %v, %v", auth, err)
	}
	required, _ := auth.Scopes(nil)
	ask := connectors.Consent{Redirect: "http://localhost:8485/callback", State: "s", Verifier: strings.Repeat("v", 43), Required: required}
	resp, err := http.Get(auth.ConsentURL(ask))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the consent page answers %d", resp.StatusCode)
	}
	if _, err := auth.Exchange(t.Context(), "no such code", ask); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("Exchange of a wrong code: %v, want an Auth error", err)
	}
	grant, err := auth.Exchange(t.Context(), w.sys.Authorize(ask.Redirect, ada, nil), ask)
	if err != nil || grant.Person != "Ada Okafor" || grant.Settings["refresh_token"] == "" {
		t.Fatalf("Exchange: %+v, %v", grant, err)
	}
	values["refresh_token"] = grant.Settings["refresh_token"]
	conn := w.open(t, values)
	if a, err := conn.Check(t.Context()); err != nil || a.Name != "Ada Okafor" {
		t.Errorf("Check: %+v, %v", a, err)
	}
	w.clock.Advance(2 * time.Hour) // the access token has run out
	if _, err := conn.Check(t.Context()); err != nil {
		t.Errorf("Check after the token ran out: %v", err)
	}
}

func TestSettings(t *testing.T) {
	for want, values := range map[string]map[string]string{
		`"token" is missing`:               {},
		`"client_secret" is missing`:       {"client_id": "1"},
		`exclude each other`:               {"token": "t", "client_id": "1"},
		`only OAuth apps`:                  {"token": "t", "create_key": "external"},
		`"base_url" is no address`:         {"token": "t", "base_url": "asana"},
		`"requests_per_minute": "0" is no`: {"token": "t", "requests_per_minute": "0"},
	} {
		set, err := connectors.NewSettings(asana.New().Info().Settings, values)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := asana.New().Open(connectors.Config{Name: "a", Settings: set}, connectors.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open with %v: %v, want %q", values, err, want)
		}
	}
}

func TestRightsOfAMember(t *testing.T) {
	w := seeded(t)
	need := connectors.Need{Object: "task", Scope: delivery, Write: true, Comment: true}
	for level, want := range map[string]string{"editor": "", "admin": "", "commenter": "Editor", "viewer": "Editor"} {
		if err := w.sys.SetAccess(sandbox.DefaultProject, sandbox.DefaultUser, level); err != nil {
			t.Fatal(err)
		}
		gaps, err := connectors.AbilitiesOf(w.conn).RightsChecker.MissingRights(t.Context(), []connectors.Need{need})
		got := ""
		for _, g := range gaps {
			got += g.Right
		}
		if err != nil || got != want {
			t.Errorf("as %s: missing %q, %v; want %q", level, got, err, want)
		}
	}
	id, err := w.sys.As(ada).Create(sandbox.DefaultProject, "", map[string]any{"name": "A"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.sys.SetAccess(sandbox.DefaultProject, sandbox.DefaultUser, "commenter"); err != nil {
		t.Fatal(err)
	}
	if r := update(t, w, id, map[string]connectors.Value{"name": connectors.Text("B"), "completed": connectors.Bool(true)}); connectors.KindOf(r.Err) != connectors.Permission {
		t.Errorf("Update as a commenter: %v, refused %v; want a Permission error", r.Err, r.Refused)
	}
	if _, err := connectors.AbilitiesOf(w.conn).Commenter.AddComment(t.Context(), "task", id, connectors.Comment{Body: "Words"}); err != nil {
		t.Errorf("AddComment as a commenter: %v", err)
	}
}

func TestAnnouncedChangesAreTold(t *testing.T) {
	w := seeded(t)
	w.sys.AnnounceChange("name=string_ids;info=https://example.com/string_ids;affected=true")
	a, err := w.conn.Check(t.Context())
	if err != nil || len(a.Warnings) != 1 || !strings.Contains(a.Warnings[0], "string_ids, https://example.com/string_ids") {
		t.Errorf("Check: warnings %q, %v; want the announced change", a.Warnings, err)
	}
	w.sys.AnnounceChange("name=string_ids;info=https://example.com/string_ids;affected=false")
	if a, err := w.conn.Check(t.Context()); err != nil || len(a.Warnings) != 0 {
		t.Errorf("Check: warnings %q, %v; want none of what does not affect it", a.Warnings, err)
	}
}
