package salesforce_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/salesforce"
)

// grant asks for a token.
func (o *org) grant(form url.Values) (int, object) {
	o.t.Helper()
	r := httptest.NewRequest("POST", "http://login.example/services/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	var out object
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		o.t.Fatalf("token: %v in %s", err, w.Body)
	}
	return w.Code, out
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func refreshForm(token string) url.Values {
	return form("grant_type", "refresh_token", "refresh_token", token, "client_id", salesforce.DefaultClientID, "client_secret", salesforce.DefaultClientSecret)
}

func TestRefresh(t *testing.T) {
	o := newOrg(t, nil)
	status, got := o.grant(refreshForm(salesforce.DefaultRefreshToken))
	if status != 200 || got["instance_url"] != "http://login.example" || got["token_type"] != "Bearer" || !strings.HasPrefix(got["access_token"].(string), o.OrgID()[:15]+"!") ||
		got["id"] != "http://login.example/id/"+o.OrgID()+"/"+o.IntegrationUser() || has(got, "expires_in") || has(got, "refresh_token") {
		t.Errorf("refresh: %d %v", status, got)
	}
	o.token = got["access_token"].(string)
	o.clock.Advance(119 * time.Minute)
	o.must(200, "GET", "~/limits", nil) // use extends the session
	o.clock.Advance(119 * time.Minute)
	o.must(200, "GET", "~/limits", nil)
	o.clock.Advance(121 * time.Minute)
	o.refused(401, "GET", "~/limits", nil)
	for name, c := range map[string]struct {
		change [2]string
		code   string
	}{
		"token":  {[2]string{"refresh_token", "x"}, "invalid_grant"},
		"client": {[2]string{"client_id", "x"}, "invalid_client_id"},
		"secret": {[2]string{"client_secret", "x"}, "invalid_client"},
		"grant":  {[2]string{"grant_type", "x"}, "unsupported_grant_type"},
	} {
		f := refreshForm(salesforce.DefaultRefreshToken)
		f.Set(c.change[0], c.change[1])
		if status, got := o.grant(f); status != 400 || got["error"] != c.code || got["error_description"] == "" {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
	o.RevokeRefreshTokens()
	if _, got := o.grant(refreshForm(salesforce.DefaultRefreshToken)); got["error_description"] != "expired access/refresh token" {
		t.Errorf("after the revocation: %v", got)
	}
}

func TestRotation(t *testing.T) {
	o := newOrg(t, func(opts *salesforce.Options) { opts.RotateRefreshTokens = true })
	_, got := o.grant(refreshForm(salesforce.DefaultRefreshToken))
	next, _ := got["refresh_token"].(string)
	if next == "" {
		t.Fatalf("no new refresh token: %v", got)
	}
	if status, _ := o.grant(refreshForm(salesforce.DefaultRefreshToken)); status != 400 {
		t.Errorf("the old token: %d", status)
	}
	if status, _ := o.grant(refreshForm(next)); status != 200 {
		t.Errorf("the new token: %d", status)
	}
}

// assertion signs claims with the key of the sandbox's app.
func assertion(t *testing.T, claims object) string {
	t.Helper()
	block, _ := pem.Decode([]byte(salesforce.DefaultPrivateKey()))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := part(object{"alg": "RS256"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestJWT(t *testing.T) {
	o := newOrg(t, nil)
	claims := func(change object) object {
		out := object{"iss": salesforce.DefaultClientID, "sub": salesforce.DefaultUsername, "aud": "https://login.salesforce.com", "exp": start.Add(2 * time.Minute).Unix()}
		for k, v := range change {
			out[k] = v
		}
		return out
	}
	jwt := func(text string) (int, object) {
		return o.grant(form("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", text))
	}
	status, got := jwt(assertion(t, claims(nil)))
	if status != 200 || has(got, "refresh_token") {
		t.Errorf("jwt: %d %v", status, got)
	}
	for name, c := range map[string]struct {
		claims     object
		code, text string
	}{
		"issuer":       {claims(object{"iss": "x"}), "invalid_client_id", "client identifier invalid"},
		"user":         {claims(object{"sub": "nobody@x.example"}), "invalid_grant", "user hasn't approved this consumer"},
		"not approved": {claims(object{"sub": "ada.okafor@harbourworks.example.sandbox"}), "invalid_grant", "user hasn't approved this consumer"},
		"audience":     {claims(object{"aud": "https://elsewhere.example"}), "invalid_grant", "audience is invalid"},
		"past":         {claims(object{"exp": start.Unix()}), "invalid_grant", "expired authorization code"},
		"far ahead":    {claims(object{"exp": start.Add(6 * time.Minute).Unix()}), "invalid_grant", "expired authorization code"},
	} {
		if status, got := jwt(assertion(t, c.claims)); status != 400 || got["error"] != c.code || got["error_description"] != c.text {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
	good := assertion(t, claims(nil))
	parts := strings.Split(good, ".")
	other := strings.Split(assertion(t, claims(object{"exp": start.Add(time.Minute).Unix()})), ".")
	if _, got := jwt(parts[0] + "." + parts[1] + "." + other[2]); got["error_description"] != "invalid assertion" {
		t.Errorf("a forged signature: %v", got)
	}
	if _, got := o.grant(form("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion", good, "scope", "api")); got["error"] != "invalid_request" {
		t.Errorf("with a scope: %v", got)
	}
}

func TestClientCredentials(t *testing.T) {
	f := form("grant_type", "client_credentials", "client_id", salesforce.DefaultClientID, "client_secret", salesforce.DefaultClientSecret)
	o := newOrg(t, nil)
	if status, got := o.grant(f); status != 200 || has(got, "refresh_token") {
		t.Errorf("client credentials: %d %v", status, got)
	}
	o = newOrg(t, func(opts *salesforce.Options) { opts.LoginHost = "login.example" })
	if _, got := o.grant(f); got["error_description"] != "request not supported on this domain" {
		t.Errorf("at the login host: %v", got)
	}
	o = newOrg(t, func(opts *salesforce.Options) { opts.NotApproved = true })
	if _, got := o.grant(f); got["error_description"] != "no client credentials user enabled" {
		t.Errorf("without a user: %v", got)
	}
	o = newOrg(t, func(opts *salesforce.Options) { opts.InstanceURL = "http://instance.example" })
	if _, got := o.grant(f); got["instance_url"] != "http://instance.example" {
		t.Errorf("another instance: %v", got)
	}
}

func TestWebFlow(t *testing.T) {
	o := newOrg(t, nil)
	sum := sha256.Sum256([]byte("verifier"))
	ask := form("response_type", "code", "client_id", salesforce.DefaultClientID, "redirect_uri", "https://tenon.example/cb", "scope", "api refresh_token", "state", "s 1",
		"code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256")
	page := func(method, query string, body url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/services/oauth2/authorize"+query, strings.NewReader(body.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		o.ServeHTTP(w, r)
		return w
	}
	if w := page("GET", "?"+ask.Encode(), nil); w.Code != 200 || !strings.Contains(w.Body.String(), "asks for access") || !strings.Contains(w.Body.String(), "Ada Okafor") {
		t.Errorf("the question: %d %s", w.Code, w.Body)
	}
	if w := page("GET", "?client_id=x", nil); w.Code != 400 || !strings.Contains(w.Body.String(), "client identifier invalid") {
		t.Errorf("an unknown app: %d", w.Code)
	}
	answer := func(text string) url.Values {
		f := url.Values{"answer": {text}, "user": {o.IntegrationUser()}}
		for k, v := range ask {
			f[k] = v
		}
		back, err := url.Parse(page("POST", "", f).Header().Get("Location"))
		if err != nil || back.Host != "tenon.example" {
			t.Fatalf("back: %v %v", back, err)
		}
		return back.Query()
	}
	if q := answer("deny"); q.Get("error") != "access_denied" || q.Get("state") != "s 1" {
		t.Errorf("denied: %v", q)
	}
	exchange := func(code, verifier string) (int, object) {
		return o.grant(form("grant_type", "authorization_code", "code", code, "redirect_uri", "https://tenon.example/cb", "client_id", salesforce.DefaultClientID, "code_verifier", verifier))
	}
	if _, got := exchange(answer("allow").Get("code"), "wrong"); got["error_description"] != "invalid code verifier" {
		t.Errorf("a wrong verifier: %v", got)
	}
	code := answer("allow").Get("code")
	status, got := exchange(code, "verifier")
	if status != 200 || got["refresh_token"] == nil {
		t.Errorf("exchange: %d %v", status, got)
	}
	if _, again := exchange(code, "verifier"); again["error_description"] != "invalid authorization code" {
		t.Errorf("the code once more: %v", again)
	}
	late := answer("allow").Get("code")
	o.clock.Advance(16 * time.Minute)
	if _, got := exchange(late, "verifier"); got["error_description"] != "expired authorization code" {
		t.Errorf("a late code: %v", got)
	}
}

func TestIdentity(t *testing.T) {
	o := newOrg(t, nil)
	info := o.must(200, "GET", "/services/oauth2/userinfo", nil)
	if at(info, "organization_id") != o.OrgID() || at(info, "user_id") != o.IntegrationUser() || at(info, "preferred_username") != salesforce.DefaultUsername {
		t.Errorf("userinfo: %v", info)
	}
	me := o.must(200, "GET", "/id/"+o.OrgID()+"/"+o.IntegrationUser(), nil)
	if at(me, "username") != salesforce.DefaultUsername || at(me, "urls", "query") != "http://example.com/services/data/v{version}/query/" {
		t.Errorf("identity: %v", me)
	}
	o.must(403, "GET", "/id/"+o.OrgID()+"/"+o.UserID("ada.okafor@harbourworks.example"), nil)
	o.must(200, "GET", "/.well-known/openid-configuration", nil)
	o.header.Set("Content-Type", "application/x-www-form-urlencoded")
	state := o.must(200, "POST", "/services/oauth2/introspect", form("token", o.token, "client_id", salesforce.DefaultClientID, "client_secret", salesforce.DefaultClientSecret).Encode())
	if at(state, "active") != true || at(state, "username") != salesforce.DefaultUsername {
		t.Errorf("introspect: %v", state)
	}
	if w, _ := o.send("POST", "/services/oauth2/revoke", "token="+url.QueryEscape(o.token)); w.Code != http.StatusOK {
		t.Errorf("revoke: %d", w.Code)
	}
	o.refused(401, "GET", "~/limits", nil)
}
