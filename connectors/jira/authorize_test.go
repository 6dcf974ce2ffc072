package jira_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/jira"
	sandbox "github.com/tenonsync/tenon/sandbox/jira"
)

const back = "http://localhost:8485/callback"

var epicNeeds = []connectors.Need{{Object: "issue", Scope: epics, Write: true, Create: true, Comment: true}}

func consentSettings(w *world) map[string]string {
	return map[string]string{
		"base_url": w.url, "gateway_url": w.url, "token_url": w.url + "/oauth/token", "authorize_url": w.url + "/authorize",
		"client_id": sandbox.DefaultClientID, "client_secret": sandbox.DefaultClientSecret, "grant": "consent",
	}
}

func authorizationWith(t *testing.T, values map[string]string, clock connectors.Clock) connectors.Authorization {
	t.Helper()
	s, err := connectors.NewSettings(jira.New().Info().Settings, values)
	if err != nil {
		t.Fatal(err)
	}
	a, err := jira.New().Authorization(connectors.Config{Name: "jira-test", Settings: s}, connectors.Options{Clock: clock})
	if err != nil || a == nil {
		t.Fatalf("Authorization: %v, %v", a, err)
	}
	return a
}

// consentAs returns the code of a consent by an account on the sandbox's page.
func consentAs(t *testing.T, w *world, scopes ...string) string {
	t.Helper()
	code, ok := w.sys.Authorize(ada, back, scopes...)
	if !ok {
		t.Fatal("no such account")
	}
	return code
}

func TestConsentURL(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	a := authorizationWith(t, consentSettings(w), w.clock)
	required, optional := a.Scopes(epicNeeds)
	u, err := url.Parse(a.ConsentURL(connectors.Consent{Redirect: back, State: "s", Verifier: "not for Jira", Required: required}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name := range u.Query() {
		got[name] = u.Query().Get(name)
	}
	if diff := cmp.Diff(map[string]string{
		"audience": "api.atlassian.com", "client_id": sandbox.DefaultClientID, "redirect_uri": back, "response_type": "code", "state": "s",
		"prompt": "consent", "scope": "read:jira-work write:jira-work read:jira-user offline_access manage:jira-webhook",
	}, got); diff != "" || len(optional) > 0 || strings.Contains(u.RawQuery, "+") {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

func TestConnectByConsent(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	values := consentSettings(w)
	_, err := openWith(t, values, w.clock).Check(t.Context())
	if e, ok := errors.AsType[*connectors.Error](err); !ok || e.Kind != connectors.Auth || !strings.Contains(e.Help, "tenon connect jira-test") {
		t.Errorf("Check before anybody consented: %v", err)
	}
	a := authorizationWith(t, values, w.clock)
	required, _ := a.Scopes(epicNeeds)
	grant, err := a.Exchange(t.Context(), consentAs(t, w, required...), connectors.Consent{Redirect: back})
	if err != nil {
		t.Fatal(err)
	}
	if grant.System != "site "+w.sys.CloudID() || grant.Settings["cloud_id"] != w.sys.CloudID() || grant.Settings["refresh_token"] == "" {
		t.Errorf("grant %+v", grant)
	}
	for name, v := range grant.Settings {
		values[name] = v
	}
	conn := openWith(t, values, w.clock)
	if account, err := conn.Check(t.Context()); err != nil || account.Name != "Ada Okafor" {
		t.Errorf("Check: %+v, %v", account, err)
	}
	checker := connectors.AbilitiesOf(conn).RightsChecker
	if gaps, err := checker.MissingRights(t.Context(), epicNeeds); err != nil || len(gaps) > 0 {
		t.Errorf("missing rights: %+v, %v", gaps, err)
	}
}

func TestConsentOfTooLittle(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	values := consentSettings(w)
	a := authorizationWith(t, values, w.clock)
	_, err := a.Exchange(t.Context(), consentAs(t, w, "read:jira-work"), connectors.Consent{Redirect: back})
	if e, ok := errors.AsType[*connectors.Error](err); !ok || e.Kind != connectors.Auth || !strings.Contains(e.Error(), "no refresh token") {
		t.Errorf("without offline_access: %v", err)
	}
	grant, err := a.Exchange(t.Context(), consentAs(t, w, "read:jira-work", "read:jira-user", "offline_access"), connectors.Consent{Redirect: back})
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range grant.Settings {
		values[name] = v
	}
	gaps, err := connectors.AbilitiesOf(openWith(t, values, w.clock)).RightsChecker.MissingRights(t.Context(), epicNeeds)
	if err != nil {
		t.Fatal(err)
	}
	if len(gaps) != 2 || gaps[0].Right != "write:jira-work" || gaps[0].Minor || gaps[1].Right != "manage:jira-webhook" || !gaps[1].Minor {
		t.Errorf("missing rights: %+v", gaps)
	}
}

func TestConsentForAnotherSite(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	values := consentSettings(w)
	values["base_url"] = "https://other.atlassian.net"
	a := authorizationWith(t, values, w.clock)
	_, err := a.Exchange(t.Context(), consentAs(t, w, "read:jira-work", "offline_access"), connectors.Consent{Redirect: back})
	if e, ok := errors.AsType[*connectors.Error](err); !ok || e.Kind != connectors.Permission || !strings.Contains(e.Error(), "not other.atlassian.net") {
		t.Errorf("another site: %v", err)
	}
}

func TestMissingRightsInAProject(t *testing.T) {
	w := newWorld(t, sandbox.Options{Empty: true}, nil)
	for _, right := range []string{"EDIT_ISSUES", "DELETE_ISSUES"} {
		if err := w.sys.Deny(sandbox.DefaultEmail, "DELIV", right); err != nil {
			t.Fatal(err)
		}
	}
	needs := append(epicNeeds, connectors.Need{Object: "issue", Scope: connectors.Scope{"project": "OPS"}, Retire: true}, connectors.Need{Object: "issue", Scope: connectors.Scope{"project": "NOPE"}})
	gaps, err := connectors.AbilitiesOf(w.conn).RightsChecker.MissingRights(t.Context(), needs)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range gaps {
		got = append(got, g.Right+" in "+g.Where+": "+g.For)
	}
	if diff := cmp.Diff([]string{"Edit issues in project DELIV: edit issues", "Browse projects in project NOPE: see the project"}, got); diff != "" {
		t.Errorf("missing rights (-want +got):\n%s", diff)
	}
}
