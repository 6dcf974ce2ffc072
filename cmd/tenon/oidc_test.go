package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// identityProvider logs everybody in as the person that it is told: it sends
// the browser back at once.
type identityProvider struct {
	*httptest.Server
	t   *testing.T
	key *rsa.PrivateKey

	mu    sync.Mutex
	email string
	asked map[string]url.Values // what the login asked, by code
}

func newIdentityProvider(t *testing.T) *identityProvider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &identityProvider{t: t, key: key, asked: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *identityProvider) answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		p.t.Error(err)
	}
}

func (p *identityProvider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.mu.Lock()
	code := fmt.Sprintf("code-%d", len(p.asked))
	p.asked[code] = q
	p.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusSeeOther)
}

func (p *identityProvider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	q, email := p.asked[r.FormValue("code")], p.email
	p.mu.Unlock()
	verifier := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, secret, _ := r.BasicAuth()
	if id != "tenon" || secret != "hush" || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(verifier[:]) || r.FormValue("redirect_uri") != q.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		p.answer(w, map[string]any{"error": "invalid_grant"})
		return
	}
	now := time.Now()
	p.answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "expires_in": 60, "id_token": p.sign(map[string]any{
		"iss": p.URL, "aud": "tenon", "sub": "42", "nonce": q.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"email": email, "email_verified": true,
	})})
}

func (p *identityProvider) sign(claims map[string]any) string {
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			p.t.Error(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(map[string]any{"alg": "RS256", "kid": "1", "typ": "JWT"}) + "." + part(claims)
	digest := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, digest[:])
	if err != nil {
		p.t.Error(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// as returns a browser in which a person has logged in, and the page that this
// led to.
func (p *identityProvider) as(email, service string) (browser *http.Client, page string, status int) {
	p.t.Helper()
	p.mu.Lock()
	p.email = email
	p.mu.Unlock()
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	browser = &http.Client{Jar: jar}
	page, status = p.visit(browser.Get(service + "/login/oidc?next=/mappings/won-deal-to-epic"))
	return browser, page, status
}

func (p *identityProvider) visit(r *http.Response, err error) (page string, status int) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text), r.StatusCode
}

// TestLoginThroughAProvider configures an identity provider in tenon.yaml and
// logs people in to a service that is a process of its own: one who operates
// pauses the mapping, one who reads cannot, and a stranger stays outside.
func TestLoginThroughAProvider(t *testing.T) {
	b := newTestbed(t, 8, "IDP_SECRET=hush")
	idp := newIdentityProvider(t)
	path := filepath.Join(b.dir, "tenon.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const server = "\nserver:\n"
	if strings.Count(string(text), server) != 1 {
		t.Fatalf("the demo's configuration has no server:\n%s", text)
	}
	more := fmt.Sprintf("%s  public_url: %s\n  oidc: {issuer: %q, client_id: tenon, client_secret: \"${IDP_SECRET}\", read: [\"@example.com\"], operate: [ann@example.com]}\n", server, b.url(), idp.URL)
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), server, more, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.tenon("validate", "--offline")
	p := b.serve()

	const pause = `action="/pause"`
	if _, _, status := idp.as("eve@example.org", b.url()); status != http.StatusForbidden {
		t.Errorf("a stranger: got %d, want 403", status)
	}
	if _, page, status := idp.as("bob@example.com", b.url()); status != http.StatusOK || !strings.Contains(page, "bob@example.com") || strings.Contains(page, pause) {
		t.Errorf("one who reads: got %d, want the page without a way to act:\n%s", status, page)
	}
	ann, page, status := idp.as("ann@example.com", b.url())
	token := regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(page)
	if status != http.StatusOK || !strings.Contains(page, "ann@example.com") || token == nil || !strings.Contains(page, pause) {
		t.Fatalf("one who operates: got %d:\n%s", status, page)
	}
	form := url.Values{"form": {token[1]}, "back": {"/"}, "name": {"mapping:won-deal-to-epic"}, "reason": {"for a test"}}
	if page, status := idp.visit(ann.PostForm(b.url()+"/pause", form)); status != http.StatusOK {
		t.Errorf("pause: got %d:\n%s", status, page)
	}
	p.stop(t)
	if got := b.tenon("history", "--action", "paused"); !strings.Contains(got, "ann@example.com") {
		t.Errorf("the history does not tell who paused the mapping:\n%s", got)
	}
	for _, words := range []string{"who=ann@example.com", "who=bob@example.com", "who=eve@example.org"} {
		if !strings.Contains(p.log.String(), words) {
			t.Errorf("the log does not tell of %q:\n%s", words, tail(p.log.String(), 4000))
		}
	}
}
