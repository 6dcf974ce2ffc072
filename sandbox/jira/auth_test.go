package jira

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestWrongTokenIsSilentlyAnonymous(t *testing.T) {
	s := newSite(t, Options{})
	key := s.create("Seen", nil)
	bad := s.with(basic(DefaultEmail, "wrong"))
	a := bad.want(http.StatusOK, "GET", "/rest/api/3/search/jql?jql=project%3DDELIV", nil)
	if a.len("issues") != 0 || a.header.Get("X-Seraph-LoginReason") != "AUTHENTICATED_FAILED" {
		t.Errorf("got %s with %q", a.raw, a.header.Get("X-Seraph-LoginReason"))
	}
	if a := bad.want(http.StatusOK, "GET", "/rest/api/3/project/search", nil); a.at("total") != 0.0 {
		t.Errorf("projects: got %s", a.raw)
	}
	bad.want(http.StatusNotFound, "GET", "/rest/api/3/issue/"+key, nil)
	bad.want(http.StatusUnauthorized, "GET", "/rest/api/3/myself", nil)
	bad.want(http.StatusUnauthorized, "POST", "/rest/api/3/issue", `{}`)
	s.ExpireToken(DefaultToken)
	s.want(http.StatusUnauthorized, "GET", "/rest/api/3/myself", nil)
	if got := s.search("project = DELIV"); len(got) != 0 {
		t.Errorf("expired: got %v", got)
	}
	s.RenewToken(DefaultToken)
	s.want(http.StatusOK, "GET", "/rest/api/3/myself", nil)
	s.with("Bearer "+DefaultToken).want(http.StatusForbidden, "GET", "/rest/api/3/myself", nil)

	strict := newSite(t, Options{RefuseBadTokens: true})
	strict.with(basic(DefaultEmail, "wrong")).want(http.StatusUnauthorized, "GET", "/rest/api/3/search/jql?jql=project%3DDELIV", nil)
}

func TestGateway(t *testing.T) {
	s := newSite(t, Options{})
	gateway := "/ex/jira/" + s.CloudID() + "/rest/api/3/myself"
	s.want(http.StatusUnauthorized, "GET", gateway, nil) // an unscoped token
	if !s.AddToken(ada, "scoped", scopeRead) {
		t.Fatal("no account")
	}
	scoped := s.with(basic(ada, "scoped"))
	scoped.want(http.StatusUnauthorized, "GET", "/rest/api/3/myself", nil) // at the site
	a := scoped.want(http.StatusUnauthorized, "GET", gateway, nil)
	if got, want := a.text("message"), "Unauthorized; scope does not match"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	scoped.want(http.StatusOK, "GET", "/ex/jira/"+s.CloudID()+"/rest/api/3/project", nil)
	scoped.want(http.StatusNotFound, "GET", "/ex/jira/other/rest/api/3/project", nil)

	tokens, _ := s.Grant(ada, scopeRead, scopeUser)
	if tokens.Refresh != "" {
		t.Error("a refresh token without offline_access")
	}
	app := s.with("Bearer " + tokens.Access)
	me := app.want(http.StatusOK, "GET", gateway, nil)
	if !strings.Contains(me.text("self"), "/ex/jira/"+s.CloudID()+"/rest/api/3/user") {
		t.Errorf("self: got %q", me.text("self"))
	}
	sites := app.want(http.StatusOK, "GET", "/oauth/token/accessible-resources", nil)
	if sites.text("0.id") != s.CloudID() {
		t.Errorf("got %s", sites.raw)
	}
	s.clock.Advance(accessLife)
	app.want(http.StatusUnauthorized, "GET", gateway, nil)
	if a := s.with("").want(http.StatusOK, "GET", "/_edge/tenant_info", nil); a.text("cloudId") != s.CloudID() {
		t.Errorf("tenant info: got %s", a.raw)
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	s := newSite(t, Options{})
	first, _ := s.Grant(ada, scopeRead, scopeOffline)
	refresh := func(token, secret string) answer {
		return s.with("").call("POST", "/oauth/token", object{
			"grant_type": "refresh_token", "client_id": DefaultClientID, "client_secret": secret, "refresh_token": token,
		})
	}
	ok := refresh(first.Refresh, DefaultClientSecret)
	second := ok.text("refresh_token")
	if ok.status != http.StatusOK || second == "" || second == first.Refresh || ok.at("expires_in") != 3600.0 {
		t.Fatalf("got %d %s", ok.status, ok.raw)
	}
	s.clock.Advance(9 * time.Minute)
	if a := refresh(first.Refresh, DefaultClientSecret); a.status != http.StatusOK {
		t.Errorf("within the leeway: got %d %s", a.status, a.raw)
	}
	if a := refresh(second, "wrong"); a.status != http.StatusUnauthorized || a.text("error") != "access_denied" {
		t.Errorf("wrong secret: got %d %s", a.status, a.raw)
	}
	s.clock.Advance(2 * time.Minute)
	for _, token := range []string{first.Refresh, second} { // the late one ends the whole chain
		a := refresh(token, DefaultClientSecret)
		if a.status != http.StatusForbidden || a.text("error") != "invalid_grant" || a.text("error_description") != "Unknown or invalid refresh token." {
			t.Errorf("after the leeway: got %d %s", a.status, a.raw)
		}
	}
}

func TestAuthorizationCode(t *testing.T) {
	s := newSite(t, Options{})
	q := url.Values{
		"audience": {"api.atlassian.com"}, "client_id": {DefaultClientID}, "scope": {scopeRead + " " + scopeUser + " " + scopeOffline},
		"redirect_uri": {"http://127.0.0.1:1/back"}, "state": {"st"}, "response_type": {"code"}, "prompt": {"consent"},
	}
	page := s.with("").want(http.StatusOK, "GET", "/authorize?"+q.Encode(), nil)
	if !strings.Contains(string(page.raw), "Accept as Ada Okafor") {
		t.Errorf("consent page: got %s", page.raw)
	}
	q.Set("account", s.userByEmail(ada).accountID)
	back, err := url.Parse(s.with("").want(http.StatusFound, "GET", "/authorize?"+q.Encode(), nil).header.Get("Location"))
	if err != nil || back.Query().Get("state") != "st" {
		t.Fatalf("redirect: got %v, %v", back, err)
	}
	body := object{
		"grant_type": "authorization_code", "client_id": DefaultClientID, "client_secret": DefaultClientSecret, "code": back.Query().Get("code"),
		"redirect_uri": "http://127.0.0.1:1/back",
	}
	a := s.with("").want(http.StatusOK, "POST", "/oauth/token", body)
	s.with("Bearer "+a.text("access_token")).want(http.StatusOK, "GET", "/ex/jira/"+s.CloudID()+"/rest/api/3/myself", nil)
	s.with("").want(http.StatusForbidden, "POST", "/oauth/token", body) // a code works once
	q.Set("account", "-")
	declined := s.with("").want(http.StatusFound, "GET", "/authorize?"+q.Encode(), nil).header.Get("Location")
	if !strings.Contains(declined, "error=access_denied") {
		t.Errorf("declined: got %q", declined)
	}
}

func TestDataCenterLogin(t *testing.T) {
	s := newSite(t, Options{Flavour: DataCenter, BasePath: "/jira"})
	s.want(http.StatusOK, "GET", "/rest/api/2/myself", nil)
	s.with("Bearer wrong").want(http.StatusUnauthorized, "GET", "/rest/api/2/serverInfo", nil)
	s.with(basic("ada.okafor", DefaultPassword)).want(http.StatusOK, "GET", "/rest/api/2/myself", nil)
	s.with(basic("ada.okafor", DefaultToken)).want(http.StatusUnauthorized, "GET", "/rest/api/2/myself", nil) // a PAT is no password
	for range captchaAfter {
		s.with(basic("tom.becker", "wrong")).call("GET", "/rest/api/2/myself", nil)
	}
	a := s.with(basic("tom.becker", DefaultPassword)).want(http.StatusForbidden, "GET", "/rest/api/2/myself", nil)
	if got := a.header.Get("X-Authentication-Denied-Reason"); !strings.HasPrefix(got, "CAPTCHA_CHALLENGE; login-url=") {
		t.Errorf("got %q", got)
	}
	page := newSite(t, Options{Flavour: DataCenter, LoginPage: true}).with("Bearer wrong").want(http.StatusOK, "GET", "/rest/api/2/myself", nil)
	if !strings.HasPrefix(string(page.raw), "<!DOCTYPE html>") {
		t.Errorf("login page: got %s", page.raw)
	}
}
