package hubspot_test

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/hubspot"
	sandbox "github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/kit"
)

const back = "http://localhost:8485/callback"

// dealNeeds are those of deals with notes.
var dealNeeds = []connectors.Need{{Object: "deals", Write: true, Create: true, Comment: true}, {Object: "tickets"}}

// oauthApp is a sandbox with an OAuth app whose account nobody has connected.
func oauthApp(t *testing.T, o sandbox.Options) (*sandbox.System, map[string]string, clock) {
	t.Helper()
	ticking := clock{kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC))}
	o.Clock, o.Redirects = ticking.ManualClock, []string{back}
	sys := sandbox.New(o)
	t.Cleanup(sys.Close)
	server := httptest.NewServer(sys)
	t.Cleanup(server.Close)
	return sys, map[string]string{
		"client_id": sandbox.DefaultClientID, "client_secret": sandbox.DefaultClientSecret,
		"base_url": server.URL, "authorize_url": server.URL + "/oauth/authorize",
	}, ticking
}

func authorization(t *testing.T, values map[string]string, clock connectors.Clock) connectors.Authorization {
	t.Helper()
	s, err := connectors.NewSettings(hubspot.Connector{}.Info().Settings, values)
	if err != nil {
		t.Fatal(err)
	}
	a, err := hubspot.Connector{}.Authorization(connectors.Config{Name: "crm", Settings: s}, connectors.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestConsentURL(t *testing.T) {
	_, values, clock := oauthApp(t, sandbox.Options{})
	a := authorization(t, values, clock)
	required, optional := a.Scopes(dealNeeds)
	if diff := cmp.Diff([]string{
		"oauth", "crm.objects.deals.read", "crm.objects.deals.write", "crm.objects.contacts.read", "crm.objects.contacts.write",
		"tickets", "crm.objects.owners.read",
	}, required); diff != "" {
		t.Errorf("required scopes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"crm.schemas.deals.write"}, optional); diff != "" {
		t.Errorf("optional scopes (-want +got):\n%s", diff)
	}
	u, err := url.Parse(a.ConsentURL(connectors.Consent{Redirect: back, State: "a state", Verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", Required: required, Optional: optional}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name := range u.Query() {
		got[name] = u.Query().Get(name)
	}
	want := map[string]string{
		"client_id": sandbox.DefaultClientID, "redirect_uri": back, "response_type": "code", "state": "a state",
		"scope": strings.Join(required, " "), "optional_scope": "crm.schemas.deals.write",
		"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256", // the example of RFC 7636
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
}

func TestConnectByConsent(t *testing.T) {
	sys, values, clock := oauthApp(t, sandbox.Options{RotateRefreshTokens: true, PortalID: 62515})
	a := authorization(t, values, clock)
	required, _ := a.Scopes(dealNeeds)

	pending := open(t, values, connectors.Options{Clock: clock})
	_, err := pending.Check(t.Context())
	if e, ok := errors.AsType[*connectors.Error](err); !ok || e.Kind != connectors.Auth || !strings.Contains(e.Help, "tenon connect crm") {
		t.Errorf("Check before anybody consented: %v", err)
	}

	grant, err := a.Exchange(t.Context(), sys.Authorize(back, required, ada), connectors.Consent{Redirect: back})
	if err != nil {
		t.Fatal(err)
	}
	if grant.System != "portal 62515" || grant.Person != ada || !slices.Contains(grant.Scopes, "tickets") || grant.Settings["refresh_token"] == "" {
		t.Errorf("grant %+v", grant)
	}
	values["refresh_token"] = grant.Settings["refresh_token"]
	conn := open(t, values, connectors.Options{Clock: clock})
	account, err := conn.Check(t.Context())
	if err != nil || account.System != "portal 62515" {
		t.Errorf("Check: %+v, %v", account, err)
	}
	gaps, err := connectors.AbilitiesOf(conn).RightsChecker.MissingRights(t.Context(), append(dealNeeds, connectors.Need{Object: "companies"}))
	if err != nil {
		t.Fatal(err)
	}
	// The scope to define properties is not there, but that to write records does.
	if len(gaps) != 1 || gaps[0].Right != "crm.objects.companies.read" || gaps[0].Minor || len(gaps[0].Scopes) != 1 {
		t.Errorf("missing rights: %+v", gaps)
	}
}

func TestExchangeRefuses(t *testing.T) {
	sys, values, clock := oauthApp(t, sandbox.Options{})
	a := authorization(t, values, clock)
	late := sys.Authorize(back, []string{"oauth"}, ada)
	clock.Advance(2 * time.Minute)
	twice := sys.Authorize(back, []string{"oauth"}, ada)
	if _, err := a.Exchange(t.Context(), twice, connectors.Consent{Redirect: back}); err != nil {
		t.Fatal(err)
	}
	values["client_secret"] = "another"
	stranger := authorization(t, values, clock)
	for name, tc := range map[string]struct {
		a        connectors.Authorization
		code     string
		redirect string
	}{
		"unknown code":   {a, "guessed", back},
		"late code":      {a, late, back},
		"code again":     {a, twice, back},
		"other redirect": {a, sys.Authorize(back, []string{"oauth"}, ada), "http://localhost:1/callback"},
		"wrong secret":   {stranger, sys.Authorize(back, []string{"oauth"}, ada), back},
	} {
		_, err := tc.a.Exchange(t.Context(), tc.code, connectors.Consent{Redirect: tc.redirect})
		e, ok := errors.AsType[*connectors.Error](err)
		if !ok || e.Kind != connectors.Auth || e.Connection != "crm" || e.Help == "" || strings.Contains(e.Error(), "status 400") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), tc.code) {
			t.Errorf("%s: the error shows the code: %v", name, err)
		}
	}
}

func TestMissingRightsOfStaticTokens(t *testing.T) {
	sys := sandbox.New(sandbox.Options{Scopes: []string{"crm.objects.deals.read", "crm.objects.contacts.read"}})
	t.Cleanup(sys.Close)
	server := httptest.NewServer(sys)
	t.Cleanup(server.Close)
	conn := open(t, map[string]string{"token": sandbox.DefaultToken, "base_url": server.URL}, connectors.Options{})
	gaps, err := connectors.AbilitiesOf(conn).RightsChecker.MissingRights(t.Context(), dealNeeds)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range gaps {
		got = append(got, g.Right+": "+g.For)
	}
	if diff := cmp.Diff([]string{
		"crm.objects.deals.write: write deals", "crm.objects.contacts.write: write notes on deals",
		"crm.schemas.deals.write: make Tenon's property tenon_key on deals", "tickets: read tickets", "crm.objects.owners.read: match people by their e-mail",
	}, got); diff != "" {
		t.Errorf("missing rights (-want +got):\n%s", diff)
	}
}
