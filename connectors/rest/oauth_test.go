package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// provider is a token endpoint with rotating refresh tokens, and the API that
// takes its access tokens.
type provider struct {
	mu      sync.Mutex
	n       int
	refresh string
	access  string
	saved   func(refresh string) bool // whether a refresh token is on stable storage
	grants  int
	problem int  // status to answer refreshes with
	quotes  bool // refusals hold the refresh token
	calls   int
	t       *testing.T
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.URL.Path != "/token" {
		p.calls++
		if r.Header.Get("Authorization") != "Bearer "+p.access || p.access == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if p.saved != nil && !p.saved(p.refresh) {
			p.t.Errorf("an access token was used before its refresh token %s was kept", p.refresh)
		}
		return
	}
	p.grants++
	w.Header().Set("Content-Type", "application/json")
	if p.problem != 0 {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(p.problem)
		return
	}
	if got := r.FormValue("refresh_token"); got != p.refresh {
		w.WriteHeader(http.StatusBadRequest)
		description := "the token was used before"
		if p.quotes {
			description = "no good: " + r.FormValue("refresh_token")
		}
		_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":%q}`, description)
		return
	}
	p.n++
	p.refresh, p.access = fmt.Sprint("refresh-", p.n), fmt.Sprint("access-", p.n)
	_, _ = fmt.Fprintf(w, `{"access_token":%q,"refresh_token":%q,"token_type":"bearer","expires_in":3600}`, p.access, p.refresh)
}

func (p *provider) revoke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.access = ""
}

// watchedTokens is a store that can fail.
type watchedTokens struct {
	memoryTokens
	broken atomic.Bool
	before func() // runs before a save
}

func (w *watchedTokens) SaveToken(ctx context.Context, name string, token []byte) error {
	if w.before != nil {
		w.before()
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if w.broken.Load() {
		return errors.New("the disk is full")
	}
	return w.memoryTokens.SaveToken(ctx, name, token)
}

func (w *watchedTokens) holds(refresh string) bool {
	raw, _ := w.LoadToken(context.Background(), "oauth")
	return strings.Contains(string(raw), `"`+refresh+`"`)
}

func newOAuth(t *testing.T, store *watchedTokens) (*Client, *provider, *manualClock, string) {
	t.Helper()
	p := &provider{t: t, refresh: "configured", saved: store.holds}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	clock := newManualClock()
	return oauthClient(t, server.URL, store, clock), p, clock, server.URL
}

func oauthClient(t *testing.T, base string, store connectors.TokenStore, clock connectors.Clock) *Client {
	t.Helper()
	c, err := New(Config{
		Connection: "acme", BaseURL: base,
		Auth: OAuth2(OAuth{ClientID: "id", ClientSecret: "shh-secret", TokenURL: base + "/token", RefreshToken: "configured"}),
	}, connectors.Options{Clock: clock, Tokens: store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func call(t *testing.T, c *Client) error {
	t.Helper()
	_, err := c.Do(t.Context(), Request{Op: "create", Method: "POST", Path: "/x", Body: 1})
	return err
}

func TestOAuthRefreshesOnceForAll(t *testing.T) {
	t.Parallel()
	c, p, clock, _ := newOAuth(t, &watchedTokens{})
	for range 3 { // at first, after the time is up, after a revocation
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := call(t, c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if err := clock.Sleep(t.Context(), 2*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if p.grants != 3 {
		t.Errorf("%d refreshes, want 3", p.grants)
	}
}

func TestOAuthRenewsAfterA401AndSendsAWriteAgain(t *testing.T) {
	t.Parallel()
	c, p, _, _ := newOAuth(t, &watchedTokens{})
	if err := call(t, c); err != nil {
		t.Fatal(err)
	}
	p.revoke()
	if err := call(t, c); err != nil {
		t.Fatal(err)
	}
	if p.calls != 3 || p.grants != 2 {
		t.Errorf("%d calls and %d refreshes, want 3 and 2", p.calls, p.grants)
	}
}

func TestOAuthChainSurvivesRestarts(t *testing.T) {
	t.Parallel()
	store := &watchedTokens{}
	c, p, clock, base := newOAuth(t, store)
	for i := range 4 {
		if err := call(t, c); err != nil {
			t.Fatalf("start %d: %v", i, err)
		}
		c = oauthClient(t, base, store, clock)
	}
	if p.grants != 1 {
		t.Errorf("%d refreshes, want 1: the access token is still good", p.grants)
	}
	if err := clock.Sleep(t.Context(), 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := call(t, c); err != nil {
		t.Errorf("with the kept refresh token: %v", err)
	}
}

func TestOAuthTwoProcesses(t *testing.T) {
	t.Parallel()
	store := &watchedTokens{}
	one, p, clock, base := newOAuth(t, store)
	two := oauthClient(t, base, store, clock)
	for i := range 4 {
		c := []*Client{one, two}[i%2]
		p.revoke()
		if err := call(t, c); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
}

func TestOAuthKeepsWhatItCouldNotSave(t *testing.T) {
	t.Parallel()
	store := &watchedTokens{}
	c, p, _, _ := newOAuth(t, store)
	store.broken.Store(true)
	if err := call(t, c); connectors.KindOf(err) != connectors.Unavailable {
		t.Fatalf("error %v, want unavailable", err)
	}
	if p.calls != 0 {
		t.Errorf("%d calls with a token that is not kept", p.calls)
	}
	store.broken.Store(false)
	if err := call(t, c); err != nil {
		t.Fatal(err)
	}
	if p.grants != 1 {
		t.Errorf("%d refreshes, want 1", p.grants)
	}
}

func TestOAuthProblems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*provider)
		kind   connectors.Kind
		text   string
	}{
		{"refused", func(p *provider) { p.refresh = "another" }, connectors.Auth, "acme: create: renew the access token: invalid_grant: the token was used before"},
		{"down", func(p *provider) { p.problem = 503 }, connectors.Unavailable, "acme: create: renew the access token: status 503"},
		{"limited", func(p *provider) { p.problem = 429 }, connectors.RateLimited, "acme: create: renew the access token: status 429"},
	} {
		c, p, _, _ := newOAuth(t, &watchedTokens{})
		tc.change(p)
		e := errorOf(t, call(t, c))
		if e.Kind != tc.kind || e.Error() != tc.text || e.Unsure {
			t.Errorf("%s: kind %v, unsure %v, %q; want %v, %q", tc.name, e.Kind, e.Unsure, e, tc.kind, tc.text)
		}
		if limited := tc.kind != connectors.Auth; limited && e.RetryAfter != 2*time.Minute || !limited && e.RetryAfter != 0 {
			t.Errorf("%s: wait %v", tc.name, e.RetryAfter)
		}
		if (e.Help != "") != (tc.kind == connectors.Auth) {
			t.Errorf("%s: help %q", tc.name, e.Help)
		}
		if p.calls != 0 {
			t.Errorf("%s: %d calls went out without a token", tc.name, p.calls)
		}
	}
}

func TestOAuthNewlyConfiguredTokenStartsAnew(t *testing.T) {
	t.Parallel()
	store := &watchedTokens{}
	c, p, clock, base := newOAuth(t, store)
	if err := call(t, c); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.refresh, p.access = "pasted", ""
	p.mu.Unlock()
	c, err := New(Config{Connection: "acme", BaseURL: base, Auth: OAuth2(OAuth{
		ClientID: "id", TokenURL: base + "/token", RefreshToken: "pasted",
	})}, connectors.Options{Clock: clock, Tokens: store})
	if err != nil {
		t.Fatal(err)
	}
	if err := call(t, c); err != nil {
		t.Error(err)
	}
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	var grants atomic.Int32
	c, clock := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			if user, secret, _ := r.BasicAuth(); user != "id" || secret != "shh" || r.FormValue("grant_type") != "client_credentials" {
				t.Errorf("grant %v of %s", r.Form, user)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"access_token":"a%d","expires_in":600}`, grants.Add(1))
			return
		}
		if got, want := r.Header.Get("Authorization"), fmt.Sprint("Bearer a", grants.Load()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}, func(cfg *Config, _ *connectors.Options) {
		cfg.Auth = OAuth2(OAuth{ClientID: "id", ClientSecret: "shh", TokenURL: cfg.BaseURL + "/token"})
	})
	for range 3 {
		if err := call(t, c); err != nil {
			t.Fatal(err)
		}
		if err := clock.Sleep(t.Context(), 9*time.Minute+time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if got := grants.Load(); got != 3 {
		t.Errorf("%d grants, want 3", got)
	}
}

func TestBodiesAreSentAgainWholeAfterA401(t *testing.T) {
	t.Parallel()
	var fetches, calls atomic.Int32
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if got := string(body); got != `"whole"` {
			t.Errorf("body %s", got)
		}
		if calls.Add(1); r.Header.Get("Authorization") != "Token t3" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "refused: "+r.Header.Get("Authorization"))
		}
	}, func(cfg *Config, _ *connectors.Options) {
		cfg.Auth = Fetched(func(context.Context, *http.Client) (AccessToken, error) {
			return AccessToken{Token: fmt.Sprint("t", fetches.Add(1)), Scheme: "Token"}, nil
		})
	})
	send := func() error {
		_, err := c.Do(t.Context(), Request{Op: "create", Method: "POST", Path: "/x", Body: "whole"})
		return err
	}
	// t1 and t2 are refused: one renewal a call, no more.
	err := send()
	if connectors.KindOf(err) != connectors.Auth || calls.Load() != 2 {
		t.Errorf("%d calls, %v; want two and an auth error", calls.Load(), err)
	}
	if err := send(); err != nil {
		t.Error(err)
	}
	if calls.Load() != 4 || fetches.Load() != 3 {
		t.Errorf("%d calls and %d tokens, want 4 and 3", calls.Load(), fetches.Load())
	}
	// A body that cannot be had again is not sent half.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.Base().String()+"/x", io.NopCloser(strings.NewReader(`"whole"`)))
	if err != nil {
		t.Fatal(err)
	}
	c.auth.(*fetched).mu.Lock()
	c.auth.(*fetched).current.Token = "spoilt"
	c.auth.(*fetched).mu.Unlock()
	resp, err := c.HTTP().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized || calls.Load() != 5 {
		t.Errorf("status %d after %d calls; want 401, 5", resp.StatusCode, calls.Load())
	}
}

func TestFetchedTokensAreSecret(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}, func(cfg *Config, _ *connectors.Options) {
		cfg.Auth = Fetched(func(context.Context, *http.Client) (AccessToken, error) {
			return AccessToken{Token: "fetched-secret"}, nil
		})
	})
	if err := call(t, c); err == nil || strings.Contains(err.Error(), "fetched-secret") {
		t.Errorf("error %v", err)
	}
}

func TestShortLivedTokensAreUsedMoreThanOnce(t *testing.T) {
	t.Parallel()
	var fetches atomic.Int32
	clock := newManualClock()
	c, _ := newClient(t, func(http.ResponseWriter, *http.Request) {}, func(cfg *Config, o *connectors.Options) {
		o.Clock = clock
		cfg.Auth = Fetched(func(context.Context, *http.Client) (AccessToken, error) {
			fetches.Add(1)
			return AccessToken{Token: "short", Expiry: clock.Now().Add(40 * time.Second)}, nil
		})
	})
	for range 5 {
		if err := call(t, c); err != nil {
			t.Fatal(err)
		}
		if err := clock.Sleep(t.Context(), 6*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if got := fetches.Load(); got != 1 {
		t.Errorf("%d fetches within 30 s, want 1", got)
	}
}

func TestOAuthSavesAlthoughTheCallerLeaves(t *testing.T) {
	t.Parallel()
	store := &watchedTokens{}
	c, p, _, _ := newOAuth(t, store)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	store.before = cancel // the caller goes away as the new token is to be kept
	_, _ = c.Do(ctx, Request{Op: "read", Path: "/x"})
	p.mu.Lock()
	defer p.mu.Unlock()
	if !store.holds(p.refresh) {
		t.Errorf("the refresh token %s is lost", p.refresh)
	}
}

func TestOAuthKeepsATokenThatDoesNotRotate(t *testing.T) {
	t.Parallel()
	var grants atomic.Int32
	c, clock := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			return
		}
		if got := r.FormValue("refresh_token"); got != "lasting" {
			t.Errorf("refresh token %q", got)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"a%d","expires_in":600}`, grants.Add(1))
	}, func(cfg *Config, _ *connectors.Options) {
		cfg.Auth = OAuth2(OAuth{ClientID: "id", ClientSecret: "shh", TokenURL: cfg.BaseURL + "/token", RefreshToken: "lasting"})
	})
	for range 3 {
		if err := call(t, c); err != nil {
			t.Fatal(err)
		}
		if err := clock.Sleep(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if got := grants.Load(); got != 3 {
		t.Errorf("%d grants, want 3", got)
	}
}

func TestRefreshTokensAreSecret(t *testing.T) {
	t.Parallel()
	c, p, _, _ := newOAuth(t, &watchedTokens{})
	p.quotes = true
	for range 2 { // the configured token, then a rotated one
		if err := call(t, c); err != nil {
			t.Fatal(err)
		}
		p.mu.Lock()
		p.access = ""
		sound := p.refresh
		p.refresh = "another"
		p.mu.Unlock()
		err := call(t, c)
		if connectors.KindOf(err) != connectors.Auth || strings.Contains(err.Error(), "refresh-") || !strings.Contains(err.Error(), "no good: ***") {
			t.Errorf("error %v", err)
		}
		p.mu.Lock()
		p.refresh = sound
		p.mu.Unlock()
	}
}

func TestTokenEndpointIsNotHammered(t *testing.T) {
	t.Parallel()
	c, p, clock, _ := newOAuth(t, &watchedTokens{})
	p.problem = http.StatusTooManyRequests // for two minutes
	for i := range 5 {
		err := call(t, c)
		if got, want := connectors.RetryAfter(err), 2*time.Minute-time.Duration(i)*20*time.Second; got != want {
			t.Errorf("call %d: wait %v, want %v", i, got, want)
		}
		if err := clock.Sleep(t.Context(), 20*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if p.grants != 1 {
		t.Errorf("%d requests for a token within the pause, want 1", p.grants)
	}
	if err := clock.Sleep(t.Context(), 20*time.Second); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	p.problem = 0
	p.mu.Unlock()
	if err := call(t, c); err != nil {
		t.Error(err)
	}
}
