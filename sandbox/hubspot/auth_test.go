package hubspot_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// form posts a form and decodes the answer.
func (a *account) form(path string, values url.Values) (int, object) {
	a.t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	var out object
	if w.Body.Len() > 0 && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			a.t.Fatal(err)
		}
	}
	return w.Code, out
}

const redirect = "http://localhost:9000/back"

func credentials(grant string, more ...string) url.Values {
	v := url.Values{"grant_type": {grant}, "client_id": {hubspot.DefaultClientID}, "client_secret": {hubspot.DefaultClientSecret}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func TestOAuth(t *testing.T) {
	for _, path := range []string{"/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-03/token", "/oauth/2026-09/token"} {
		t.Run(path, func(t *testing.T) {
			a := newAccount(t, nil)
			code := a.Authorize(redirect, []string{"crm.objects.deals.read"}, "")
			status, out := a.form(path, credentials("authorization_code", "code", code, "redirect_uri", redirect))
			if status != 200 || out["expires_in"] != 1800.0 || out["token_type"] != "bearer" {
				t.Fatalf("exchange: %d %v", status, out)
			}
			if status, _ := a.form(path, credentials("authorization_code", "code", code, "redirect_uri", redirect)); status != 400 {
				t.Errorf("a code used twice: status %d, want 400", status)
			}
			a.token = out["access_token"].(string)
			_, _, header := a.do("GET", "/crm/v3/objects/deals", nil)
			if header.Get("X-HubSpot-RateLimit-Daily") != "" || header.Get("X-HubSpot-RateLimit-Max") == "" {
				t.Errorf("limits of an OAuth app: %v", header)
			}
			a.must(403, "GET", "/crm/v3/objects/contacts", nil)
			a.clock.Advance(31 * time.Minute)
			if got := a.must(401, "GET", "/crm/v3/objects/deals", nil); got["category"] != "EXPIRED_AUTHENTICATION" {
				t.Errorf("expired: %v", got)
			}
			refresh := out["refresh_token"].(string)
			status, out = a.form(path, credentials("refresh_token", "refresh_token", refresh))
			if status != 200 || out["refresh_token"] != refresh {
				t.Fatalf("refresh: %d %v", status, out)
			}
			a.token = out["access_token"].(string)
			a.must(200, "GET", "/crm/v3/objects/deals", nil)
			a.ExpireTokens()
			a.must(401, "GET", "/crm/v3/objects/deals", nil)
		})
	}
}

func TestOAuthRefuses(t *testing.T) {
	a := newAccount(t, nil)
	code := a.Authorize(redirect, nil, "")
	late := a.Authorize(redirect, nil, "")
	for name, tc := range map[string]struct {
		values url.Values
		old    string
	}{
		"secret":   {credentials("refresh_token", "client_secret", "x"), "BAD_CLIENT_SECRET"},
		"client":   {credentials("refresh_token", "client_id", "x"), "BAD_CLIENT_ID"},
		"refresh":  {credentials("refresh_token", "refresh_token", "x"), "BAD_REFRESH_TOKEN"},
		"redirect": {credentials("authorization_code", "code", code, "redirect_uri", "http://localhost/other"), "BAD_REDIRECT_URI"},
		"code":     {credentials("authorization_code", "code", "x"), "BAD_AUTH_CODE"},
		"grant":    {credentials("password"), "BAD_GRANT_TYPE"},
	} {
		if status, out := a.form("/oauth/v1/token", tc.values); status != 400 || out["status"] != tc.old {
			t.Errorf("%s: %d %v, want 400 %s", name, status, out, tc.old)
		}
	}
	a.clock.Advance(2 * time.Minute)
	if status, _ := a.form("/oauth/v1/token", credentials("authorization_code", "code", late, "redirect_uri", redirect)); status != 400 {
		t.Errorf("a late code: status %d, want 400", status)
	}
}

func TestRefreshRotation(t *testing.T) {
	a := newAccount(t, func(o *hubspot.Options) { o.RotateRefreshTokens = true })
	code := a.Authorize(redirect, []string{"oauth"}, "mei.tanaka@harbourworks.example")
	_, out := a.form("/oauth/v3/token", credentials("authorization_code", "code", code, "redirect_uri", redirect))
	first := out["refresh_token"].(string)
	_, out = a.form("/oauth/v3/token", credentials("refresh_token", "refresh_token", first))
	second := out["refresh_token"].(string)
	if first == second {
		t.Error("the refresh token did not rotate")
	}
	if status, _ := a.form("/oauth/v3/token", credentials("refresh_token", "refresh_token", first)); status != 400 {
		t.Errorf("the old refresh token: status %d, want 400", status)
	}
	token := out["access_token"].(string)
	info := a.must(200, "GET", "/oauth/v1/access-tokens/"+token, nil)
	if info["user"] != "mei.tanaka@harbourworks.example" {
		t.Errorf("token info: %v", info)
	}
	_, seen := a.form("/oauth/2026-09/token/introspect", credentials("", "token", token))
	if seen["active"] != true || seen["token_use"] != "access_token" {
		t.Errorf("introspection: %v", seen)
	}
	a.form("/oauth/v3/token/revoke", credentials("", "token", second))
	if status, _ := a.form("/oauth/v3/token", credentials("refresh_token", "refresh_token", second)); status != 400 {
		t.Errorf("a revoked refresh token: status %d, want 400", status)
	}
}

func TestConsentPage(t *testing.T) {
	a := newAccount(t, nil)
	ask := func(values url.Values) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest("GET", "/oauth/authorize?"+values.Encode(), nil))
		return w
	}
	good := url.Values{"client_id": {hubspot.DefaultClientID}, "redirect_uri": {redirect}, "scope": {"oauth tickets"}, "state": {`"><b>`}}
	w := ask(good)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "tickets") || strings.Contains(w.Body.String(), "<b>") {
		t.Errorf("consent: %d %s", w.Code, w.Body)
	}
	if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, "form-action 'self' http://localhost:9000;") {
		t.Errorf("policy %q does not let the form lead back", got)
	}
	for name, bad := range map[string]url.Values{
		"client":   {"client_id": {"x"}, "redirect_uri": {redirect}, "scope": {"oauth"}},
		"redirect": {"client_id": {hubspot.DefaultClientID}, "redirect_uri": {"http://evil.example"}, "scope": {"oauth"}},
		"script":   {"client_id": {hubspot.DefaultClientID}, "redirect_uri": {"javascript:alert(1)"}, "scope": {"oauth"}},
		"scope":    {"client_id": {hubspot.DefaultClientID}, "redirect_uri": {redirect}},
	} {
		if w := ask(bad); w.Code != 400 || strings.Contains(w.Body.String(), "<form") {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
	back := func(answer string) url.Values {
		r := httptest.NewRequest("POST", "/oauth/authorize", strings.NewReader(url.Values{
			"client_id": {hubspot.DefaultClientID}, "redirect_uri": {redirect}, "scope": {"oauth"}, "state": {"s 1"}, "answer": {answer},
		}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		u, err := url.Parse(w.Header().Get("Location"))
		if err != nil || w.Code != http.StatusFound {
			t.Fatalf("answer %s: %d %v", answer, w.Code, err)
		}
		return u.Query()
	}
	if q := back("deny"); q.Get("error") != "access_denied" || q.Get("state") != "s 1" {
		t.Errorf("denied: %v", q)
	}
	if q := back("connect"); q.Get("code") == "" || q.Get("state") != "s 1" {
		t.Errorf("connected: %v", q)
	}
}

func TestTokensAndScopes(t *testing.T) {
	a := newAccount(t, nil)
	a.SetScopes([]string{"crm.objects.deals.read", "crm.objects.contacts.read"})
	for path, want := range map[string]int{
		"/crm/v3/objects/deals": 200, "/crm/v3/objects/notes": 200, "/crm/v3/objects/companies": 403, "/crm/v3/objects/tickets": 403, "/crm/v3/owners": 403,
		"/crm/v3/properties/deals": 200, "/crm/v3/properties/companies": 403, "/crm/v3/pipelines/deals": 200, "/account-info/v3/details": 200, "/crm/v3/schemas": 403,
	} {
		a.must(want, "GET", path, nil)
	}
	got := a.must(403, "POST", "/crm/v3/objects/deals", object{"properties": object{"dealname": "A"}})
	want := []any{"crm.objects.deals.write"}
	if diff := cmp.Diff(want, at(got, "context", "requiredGranularScopes")); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	a.RevokeToken()
	if got := a.must(401, "GET", "/crm/v3/objects/deals", nil); got["category"] != "INVALID_AUTHENTICATION" {
		t.Errorf("revoked: %v", got)
	}
	a.token = ""
	a.must(401, "GET", "/crm/v3/objects/deals", nil)
}

func TestRateLimits(t *testing.T) {
	a := newAccount(t, func(o *hubspot.Options) { o.Limits = hubspot.Limits{Burst: 3, Daily: 5, Search: 2} })
	get := func(want string) {
		t.Helper()
		status, out, header := a.do("GET", "/crm/v3/objects/deals", nil)
		got, _ := out["policyName"].(string)
		if got != want || (status == 429) != (want != "") {
			t.Errorf("status %d policy %q, want %q", status, got, want)
		}
		if want == "" && header.Get("X-HubSpot-RateLimit-Interval-Milliseconds") != "10000" {
			t.Errorf("headers %v", header)
		}
		if want != "" && (out["errorType"] != "RATE_LIMIT" || out["category"] != nil) {
			t.Errorf("body %v", out)
		}
	}
	get("")
	get("")
	get("")
	get("TEN_SECONDLY_ROLLING")
	a.clock.Advance(10 * time.Second)
	get("")
	get("DAILY")
	a.clock.Advance(24 * time.Hour)
	get("")
	search := func() (int, object, http.Header) { return a.do("POST", "/crm/v3/objects/deals/search", object{}) }
	if status, _, header := search(); status != 200 || header.Get("X-HubSpot-RateLimit-Max") != "" {
		t.Errorf("search: %d %v", status, header)
	}
	search()
	if status, out, _ := search(); status != 429 || out["policyName"] != "SECONDLY" {
		t.Errorf("third search: %d %v", status, out)
	}
}

func TestInjectedErrors(t *testing.T) {
	a := newAccount(t, nil)
	for _, tc := range []struct {
		rule kit.Rule
		want string
	}{
		{kit.Rule{Kind: kit.RateLimit, RetryAfter: 7}, "application/json;charset=utf-8"},
		{kit.Rule{Kind: kit.ServerError}, "application/json;charset=utf-8"},
		{kit.Rule{Kind: kit.ServerError, Status: 423}, "application/json;charset=utf-8"},
		{kit.Rule{Kind: kit.ServerError, Status: 477, RetryAfter: 86_400}, "application/json;charset=utf-8"},
		{kit.Rule{Kind: kit.ErrorAfter, Status: 524}, "text/html; charset=UTF-8"},
	} {
		tc.rule.Times = 1
		if _, err := a.Faults().Add(tc.rule); err != nil {
			t.Fatal(err)
		}
		status, _, header := a.do("POST", "/crm/v3/objects/deals", object{"properties": object{"dealname": "A"}})
		if got := header.Get("Content-Type"); status < 400 || got != tc.want {
			t.Errorf("%s %d: %d %s, want %s", tc.rule.Kind, tc.rule.Status, status, got, tc.want)
		}
	}
	if n := len(a.All("deals")); n != 1 {
		t.Errorf("%d deals, want 1: of the request that took effect", n)
	}
}

func TestPathsThatAreNotThere(t *testing.T) {
	a := newAccount(t, nil)
	for _, tc := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/crm/v3/nothing", 404}, {"PUT", "/crm/v3/objects/deals", 405}, {"DELETE", "/crm/v3/objects/deals", 405}, {"POST", "/crm/v3/objects/feedback_submissions", 405},
	} {
		a.must(tc.want, tc.method, tc.path, nil)
	}
	r := httptest.NewRequest("POST", "/crm/v3/objects/deals", strings.NewReader("a=b"))
	r.Header.Set("Authorization", "Bearer "+a.token)
	r.Header.Set("Content-Type", "text/plain")
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	if w.Code != 415 {
		t.Errorf("plain text: status %d, want 415", w.Code)
	}
	modern := newAccount(t, func(o *hubspot.Options) { o.NoLegacyPaths = true })
	modern.must(404, "GET", "/crm/v3/objects/deals", nil)
	modern.must(200, "GET", "/crm/objects/2026-09/deals", nil)
}
