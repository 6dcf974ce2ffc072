package server_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/server"
)

// provider is an OpenID Connect provider. It answers each code with the claims
// that a test gave it.
type provider struct {
	*httptest.Server
	t       *testing.T
	key     *rsa.PrivateKey
	claims  map[string]any // added to what each ID token holds
	bend    func(claims map[string]any)
	refuses bool // the token endpoint refuses

	challenge string // of the last question
	nonce     string
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.json(w, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) json(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		p.t.Error(err)
	}
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	verifier := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, secret, _ := r.BasicAuth()
	if p.refuses || r.FormValue("code") != "a-code" || base64.RawURLEncoding.EncodeToString(verifier[:]) != p.challenge ||
		id != "tenon" || secret != "hush" || r.FormValue("redirect_uri") != "https://tenon.example/login/oidc/callback" {
		w.WriteHeader(http.StatusBadRequest)
		p.json(w, map[string]any{"error": "invalid_grant", "error_description": "secret detail"})
		return
	}
	claims := map[string]any{
		"iss": p.URL, "aud": "tenon", "sub": "42", "nonce": p.nonce, "iat": testNow.Unix(), "exp": testNow.Add(time.Hour).Unix(),
	}
	for k, v := range p.claims {
		claims[k] = v
	}
	if p.bend != nil {
		p.bend(claims)
	}
	p.json(w, map[string]any{"access_token": "x", "token_type": "Bearer", "expires_in": 60, "id_token": p.sign(claims)})
}

func (p *provider) sign(claims map[string]any) string {
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

// through takes a person to the provider and back, with the state that it was
// given, changed by bend if that is not nil.
func (p *provider) through(who *person, bend func(url.Values)) *http.Response {
	p.t.Helper()
	r := who.get("/login/oidc?next=/queue")
	at, err := url.Parse(r.Header.Get("Location"))
	if err != nil || r.StatusCode != http.StatusSeeOther || !strings.HasPrefix(at.String(), p.URL+"/authorize?") {
		p.t.Fatalf("the login leads to %d %q (%v)", r.StatusCode, at, err)
	}
	q := at.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("client_id") != "tenon" || q.Get("response_type") != "code" || !strings.Contains(q.Get("scope"), "openid") {
		p.t.Errorf("the question is %v", q)
	}
	p.challenge, p.nonce = q.Get("code_challenge"), q.Get("nonce")
	back := url.Values{"code": {"a-code"}, "state": {q.Get("state")}}
	if bend != nil {
		bend(back)
	}
	// The provider sends the browser here: the request comes from another site.
	who.headers["Sec-Fetch-Site"] = "cross-site"
	defer func() { who.headers["Sec-Fetch-Site"] = "same-origin" }()
	return who.get("/login/oidc/callback?" + back.Encode())
}

func oidcFixture(t *testing.T, issuer string) *fixture {
	return newFixture(t, func(c *server.Config) {
		c.OIDC = server.OIDC{
			Issuer: issuer, ClientID: "tenon", ClientSecret: "hush",
			Read: []string{"@example.com", "group:watchers"}, Operate: []string{"ann@example.com", "group:operators"},
		}
	})
}

func TestOIDC(t *testing.T) {
	idp := newProvider(t)
	f := oidcFixture(t, idp.URL)
	answers(t, "the login", newPerson(t, f).get("/login"), 200, `id="oidc"`, `name="token"`)
	for _, c := range []struct {
		name   string
		claims map[string]any
		who    string // as the page shows; "" when nobody comes in
		acts   bool
	}{
		{"an address of the domain", map[string]any{"email": "bob@example.com", "email_verified": true}, "bob@example.com", false},
		{"verified in words", map[string]any{"email": "Bob@Example.COM", "email_verified": "true"}, "Bob@Example.COM", false},
		{"one who operates", map[string]any{"email": "ANN@example.com", "email_verified": true}, "ANN@example.com", true},
		{"by group", map[string]any{"groups": []string{"x", "operators"}}, "subject 42", true},
		{"by one group", map[string]any{"groups": "watchers"}, "subject 42", false},
		{"an address that nobody verified", map[string]any{"email": "ann@example.com", "email_verified": false}, "", false},
		{"an address of which nothing is said", map[string]any{"email": "ann@example.com"}, "", false},
		{"another domain", map[string]any{"email": "ann@example.com.evil.example", "email_verified": true}, "", false},
		{"the domain within a name", map[string]any{"email": "@example.com", "email_verified": true}, "", false},
		{"another group", map[string]any{"groups": []any{"operator", 7, nil}}, "", false},
		{"a stranger", nil, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			idp.claims = c.claims
			p := newPerson(t, f)
			r := idp.through(p, nil)
			if c.who == "" {
				answers(t, "back", r, 403, "on no list")
				leadsTo(t, "a page", p.get("/"), "/login")
				return
			}
			leadsTo(t, "back", r, "/queue")
			answers(t, "a page", p.get("/queue"), 200, c.who)
			if got := p.do("POST", "/resume", nil).StatusCode; got != 403 {
				t.Errorf("a form without a token: got %d, want 403", got)
			}
			_, acts := p.cookies["__Host-tenon-session"]
			if !acts || strings.Contains(read(t, p.get("/mappings/m")), `action="/queue/retry"`) != c.acts {
				t.Errorf("may act: got %v, want %v", !c.acts, c.acts)
			}
		})
	}
}

// TestOIDCRefuses bends each part of a login.
func TestOIDCRefuses(t *testing.T) {
	idp := newProvider(t)
	idp.claims = map[string]any{"email": "ann@example.com", "email_verified": true}
	f := oidcFixture(t, idp.URL)
	token := func(bend func(map[string]any)) func(*testing.T) {
		return func(t *testing.T) {
			idp.bend = bend
			defer func() { idp.bend = nil }()
			p := newPerson(t, f)
			answers(t, "back", idp.through(p, nil), 502, "did not answer as it should")
			leadsTo(t, "a page", p.get("/"), "/login")
		}
	}
	set := func(key string, value any) func(*testing.T) {
		return token(func(c map[string]any) { c[key] = value })
	}
	t.Run("another issuer", set("iss", "https://evil.example"))
	t.Run("another audience", set("aud", "somebody-else"))
	t.Run("expired", set("exp", testNow.Add(-time.Minute).Unix()))
	t.Run("another nonce", set("nonce", "x"))
	t.Run("no nonce", token(func(c map[string]any) { delete(c, "nonce") }))

	answer := func(status int, words string, bend func(url.Values)) func(*testing.T) {
		return func(t *testing.T) {
			p := newPerson(t, f)
			answers(t, "back", idp.through(p, bend), status, words)
			leadsTo(t, "a page", p.get("/"), "/login")
		}
	}
	t.Run("another state", answer(403, "in another browser", func(q url.Values) { q.Set("state", "x") }))
	t.Run("no state", answer(403, "in another browser", func(q url.Values) { q.Del("state") }))
	t.Run("another code", answer(502, "did not answer", func(q url.Values) { q.Set("code", "x") }))
	t.Run("denied", answer(403, "did not let you in", func(q url.Values) { q.Set("error", "access_denied<script>") }))

	t.Run("in another browser", func(t *testing.T) {
		at, err := url.Parse(newPerson(t, f).get("/login/oidc").Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		back := url.Values{"code": {"a-code"}, "state": {at.Query().Get("state")}}
		answers(t, "back", newPerson(t, f).get("/login/oidc/callback?"+back.Encode()), 403, "in another browser")
	})
	t.Run("twice", func(t *testing.T) {
		p := newPerson(t, f)
		var cookie *http.Cookie
		var query url.Values
		leadsTo(t, "once", idp.through(p, func(q url.Values) { cookie, query = p.cookies["__Host-tenon-login"], q }), "/queue")
		other := newPerson(t, f)
		other.cookies[cookie.Name] = cookie
		answers(t, "again", other.get("/login/oidc/callback?"+query.Encode()), 403, "in another browser")
	})
	t.Run("the provider refuses", func(t *testing.T) {
		idp.refuses = true
		defer func() { idp.refuses = false }()
		p := newPerson(t, f)
		r := idp.through(p, nil)
		if text := read(t, r); r.StatusCode != 502 || strings.Contains(text, "secret detail") {
			t.Errorf("got %d: %s", r.StatusCode, text)
		}
	})
	t.Run("the provider is down", func(t *testing.T) {
		down := httptest.NewServer(http.NotFoundHandler())
		down.Close()
		answers(t, "the way there", newPerson(t, oidcFixture(t, down.URL)).get("/login/oidc"), 502, "did not answer as it should")
	})
	t.Run("none is configured", func(t *testing.T) {
		answers(t, "the way there", newPerson(t, newFixture(t, nil)).get("/login/oidc"), 404)
	})
}

// TestOIDCTakesTooLong comes back after the flow has ended.
func TestOIDCTakesTooLong(t *testing.T) {
	idp := newProvider(t)
	clock := &movingClock{testNow}
	f := newFixture(t, func(c *server.Config) {
		c.Clock = clock
		c.OIDC = server.OIDC{Issuer: idp.URL, ClientID: "tenon", ClientSecret: "hush", Read: []string{"group:all"}}
	})
	p := newPerson(t, f)
	r := idp.through(p, func(url.Values) { clock.now = clock.now.Add(10 * time.Minute) })
	answers(t, "back", r, 403, "took too long")
}
