package salesforce_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	"github.com/tenonsync/tenon/connectors/salesforce"
	"github.com/tenonsync/tenon/sandbox/kit"
	sandbox "github.com/tenonsync/tenon/sandbox/salesforce"
)

func jwtSettings() map[string]string {
	return map[string]string{
		"private_key": sandbox.DefaultPrivateKey(), "username": sandbox.DefaultUsername, "client_secret": "",
		"audience": "https://login.salesforce.com",
	}
}

func TestWaysToLogIn(t *testing.T) {
	for name, more := range map[string]map[string]string{
		"jwt":                {"auth": ""},
		"client credentials": {"auth": "client_credentials"},
		"refresh token":      {"refresh_token": sandbox.DefaultRefreshToken, "auth": "oauth"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "jwt" {
				more = jwtSettings()
			}
			w := openWorld(t, ofOpportunities, more)
			a, err := w.conn.Check(t.Context())
			if err != nil || a.ID != w.sys.IntegrationUser() || !strings.HasPrefix(a.System, "org 00D") {
				t.Fatalf("Check: %+v, %v", a, err)
			}
			w.sys.ExpireSessions()
			if a, err = w.conn.Check(t.Context()); err != nil || a.ID != w.sys.IntegrationUser() {
				t.Errorf("Check after the session's end: %+v, %v", a, err)
			}
		})
	}
}

func TestRefusedLogins(t *testing.T) {
	bad := func(more map[string]string, name, value string) map[string]string {
		if more == nil {
			more = map[string]string{}
		}
		more[name] = value
		return more
	}
	for _, tc := range []struct {
		name  string
		more  map[string]string
		org   sandbox.Options
		words string
	}{
		{"wrong secret", bad(nil, "client_secret", "wrong-secret-of-the-app"), sandbox.Options{}, "invalid_client"},
		{"wrong audience", bad(jwtSettings(), "audience", "https://elsewhere.example"), sandbox.Options{}, "audience is invalid"},
		{"unknown user", bad(jwtSettings(), "username", "nobody@example.com"), sandbox.Options{}, "invalid_grant"},
		{"not approved", jwtSettings(), sandbox.Options{NotApproved: true}, "user hasn't approved this consumer"},
		{"dead refresh token", map[string]string{"refresh_token": "5Aep-not-a-token", "auth": "oauth"}, sandbox.Options{}, "expired access/refresh token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := openOrg(t, ofOpportunities, tc.org, tc.more)
			_, err := w.conn.Check(t.Context())
			if connectors.KindOf(err) != connectors.Auth || !strings.Contains(err.Error(), tc.words) {
				t.Errorf("Check: %v, want an Auth error about %q", err, tc.words)
			}
			if strings.Contains(err.Error(), "wrong-secret-of-the-app") || strings.Contains(err.Error(), "5Aep-not-a-token") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

// Callers whose session ended share one renewal.
func TestOneRenewalForAll(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	id := w.Create(connectortest.T(t), map[string]connectors.Value{"Name": connectors.Text("x"), "StageName": option("Prospecting"), "CloseDate": connectors.Date(2026, 1, 1)})
	sel := connectors.Selection{Object: "Opportunity", Fields: []string{"Name"}}
	if _, err := w.conn.Read(t.Context(), sel, []string{id}); err != nil {
		t.Fatal(err)
	}
	logins := func() (n int) {
		for _, r := range w.sys.Requests().Since(0) {
			if strings.HasSuffix(r.Path, "/oauth2/token") {
				n++
			}
		}
		return n
	}
	before := logins()
	w.sys.ExpireSessions()
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if got, err := w.conn.Read(t.Context(), sel, []string{id}); err != nil || got[0].Err != nil {
				t.Errorf("Read: %v", err)
			}
		})
	}
	wg.Wait()
	if got := logins() - before; got != 1 {
		t.Errorf("%d logins after the session's end, want 1", got)
	}
}

// Requests go to the instance that the token's answer names, the login to the
// login host.
func TestInstance(t *testing.T) {
	var mu sync.Mutex
	hosts := map[string]bool{}
	var sys *sandbox.System
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hosts[strings.Split(r.Host, ":")[0]+" "+map[bool]string{true: "login", false: "api"}[strings.HasSuffix(r.URL.Path, "/token")]] = true
		mu.Unlock()
		sys.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := clock{kit.NewManualClock(time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC))}
	sys = sandbox.New(sandbox.Options{Seed: 7, NoSeed: true, Clock: c.ManualClock, InstanceURL: "http://localhost:" + u.Port()})
	t.Cleanup(sys.Close)
	conn := open(t, map[string]string{
		"login_url": server.URL, "client_id": sandbox.DefaultClientID, "client_secret": sandbox.DefaultClientSecret,
	}, connectors.Options{Clock: c})
	if _, err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if !hosts["127.0.0.1 login"] || !hosts["localhost api"] || hosts["127.0.0.1 api"] || hosts["localhost login"] {
		t.Errorf("requests went to %v", hosts)
	}
}

// tokens keeps what a connection stores.
type tokens struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (s *tokens) LoadToken(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept[name], nil
}

func (s *tokens) SaveToken(_ context.Context, name string, token []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string][]byte{}
	}
	s.kept[name] = token
	return nil
}

// A rotated refresh token outlives the process.
func TestRotation(t *testing.T) {
	w := openOrg(t, ofOpportunities, sandbox.Options{RotateRefreshTokens: true}, nil)
	store := &tokens{}
	settings := w.settings(map[string]string{"refresh_token": sandbox.DefaultRefreshToken, "auth": "oauth"})
	for range 3 {
		conn := open(t, settings, connectors.Options{Clock: w.clock, Tokens: store})
		if _, err := conn.Check(t.Context()); err != nil {
			t.Fatalf("Check: %v", err)
		}
		_ = conn.Close()
		w.clock.Advance(3 * time.Hour)
	}
}

func TestConsent(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	set, err := connectors.NewSettings(salesforce.Connector{}.Info().Settings, w.settings(map[string]string{"auth": "oauth"}))
	if err != nil {
		t.Fatal(err)
	}
	config := connectors.Config{Name: "crm", Settings: set}
	pending, err := salesforce.Connector{}.Open(config, connectors.Options{Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pending.Check(t.Context()); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("Check before a consent: %v, want an Auth error", err)
	}
	a, err := salesforce.Connector{}.Authorization(config, connectors.Options{Clock: w.clock})
	if err != nil || a == nil {
		t.Fatalf("Authorization: %v, %v", a, err)
	}
	required, _ := a.Scopes(nil)
	ask := connectors.Consent{
		Redirect: "http://localhost:8485/callback", State: "a-state", Required: required,
		Verifier: "a-verifier-of-a-sufficient-length-for-the-standard-0123456789",
	}
	code := consent(t, a.ConsentURL(ask), ask.State)
	g, err := a.Exchange(t.Context(), code, ask)
	if err != nil {
		t.Fatalf("Exchange: %v", err)
	}
	if g.Settings["refresh_token"] == "" || !strings.HasPrefix(g.System, "org 00D") || strings.Contains(g.String(), g.Settings["refresh_token"]) {
		t.Errorf("grant: %s, %d settings", g, len(g.Settings))
	}
	config.Settings = set.With(g.Settings)
	conn, err := salesforce.Connector{}.Open(config, connectors.Options{Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Check(t.Context()); err != nil {
		t.Errorf("Check after the consent: %v", err)
	}
	if _, err := a.Exchange(t.Context(), code, ask); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("the code again: %v, want an Auth error", err)
	}
}

// consent presses "Allow" on the page and returns the code.
func consent(t *testing.T, page, state string) string {
	t.Helper()
	u, err := url.Parse(page)
	if err != nil {
		t.Fatal(err)
	}
	form := u.Query()
	form.Set("answer", "allow")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	u.RawQuery = ""
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil || back.Query().Get("code") == "" || back.Query().Get("state") != state {
		t.Fatalf("consent: %s, back to %v, %v", resp.Status, back, err)
	}
	return back.Query().Get("code")
}

func TestSettings(t *testing.T) {
	for _, tc := range []struct {
		settings map[string]string
		want     string
	}{
		{map[string]string{"client_id": "x", "private_key": "no key", "username": "u"}, `setting "private_key" is no RSA key in PEM form`},
		{map[string]string{"client_id": "x", "private_key": sandbox.DefaultPrivateKey()}, `setting "username" is missing: a JWT names the integration user`},
		{map[string]string{"client_id": "x", "auth": "client_credentials", "client_secret": "y"}, `setting "login_url": client_credentials works at your My Domain only: write https://NAME.my.salesforce.com`},
		{map[string]string{"client_id": "x", "client_secret": "y", "login_url": "acme", "api_version": "66", "key_field": "a b", "daily_share": "200", "key_fields": "Opportunity", "currency": "euro", "bulk_from": "-1", "requests_per_second": "x"}, `setting "login_url" is not an address: write https://login.salesforce.com or your My Domain; setting "api_version": "66" is no version such as 66.0; setting "key_field": "a b" is no field's API name; setting "currency": "euro" is no ISO code such as EUR; setting "key_fields": "Opportunity" has not the form Object=Field; setting "bulk_from": "-1" is no number of records; setting "daily_share": "200" is no percentage between 1 and 100; setting "requests_per_second": "x" is not a number between 0 and 1000`},
	} {
		s, err := connectors.NewSettings(salesforce.Connector{}.Info().Settings, tc.settings)
		if err != nil {
			t.Fatal(err)
		}
		_, err = salesforce.Connector{}.Open(connectors.Config{Name: "crm", Settings: s}, connectors.Options{})
		if err == nil || err.Error() != tc.want {
			t.Errorf("Open: got %v\nwant %s", err, tc.want)
		}
	}
}
