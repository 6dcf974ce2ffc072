package jira

import (
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// Lifetimes of OAuth 2.0 (3LO) tokens.
const (
	accessLife    = time.Hour
	refreshLeeway = 10 * time.Minute
	refreshIdle   = 90 * 24 * time.Hour
	refreshLife   = 365 * 24 * time.Hour
	codeLife      = 5 * time.Minute
)

// chain is one user's consent: the refresh tokens that follow from it.
type chain struct {
	app     string
	user    *user
	scopes  []string
	started time.Time
	dead    bool
}

type refreshToken struct {
	chain  *chain
	issued time.Time
	used   time.Time
}

type authCode struct {
	app, redirect string
	user          *user
	scopes        []string
	expires       time.Time
}

// Tokens are the tokens of one OAuth grant.
type Tokens struct {
	Access  string
	Refresh string // empty without the scope offline_access
	Expires time.Time
}

// Grant consents to the OAuth app on behalf of the account with this e-mail, as
// the consent screen does. It reports whether there is such an account.
func (s *System) Grant(email string, scopes ...string) (Tokens, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByEmail(email)
	if u == nil {
		return Tokens{}, false
	}
	return s.issue(&chain{app: s.opts.ClientID, user: u, scopes: slices.Clone(scopes), started: s.now()}), true
}

// Authorize consents to the OAuth app on behalf of the account with this e-mail
// and returns the code that the browser takes to the callback URL. It reports
// whether there is such an account.
func (s *System) Authorize(email, redirect string, scopes ...string) (code string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByEmail(email)
	if u == nil {
		return "", false
	}
	code = s.rand.UUID()
	s.auth.codes[code] = &authCode{app: s.opts.ClientID, redirect: redirect, user: u, scopes: slices.Clone(scopes), expires: s.now().Add(codeLife)}
	return code, true
}

// ExpireAccessTokens ends the life of all OAuth access tokens.
func (s *System) ExpireAccessTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.auth.access {
		g.expires = s.now()
	}
}

// RevokeGrants withdraws every consent: access and refresh tokens are dead.
func (s *System) RevokeGrants() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.auth.access)
	for _, t := range s.auth.refresh {
		t.chain.dead = true
	}
}

func (s *System) issue(c *chain) Tokens {
	t := Tokens{Access: s.rand.UUID() + s.rand.UUID(), Expires: s.now().Add(accessLife)}
	s.auth.access[t.Access] = &grant{app: c.app, user: c.user, scopes: c.scopes, expires: t.Expires}
	if slices.Contains(c.scopes, scopeOffline) {
		t.Refresh = s.rand.UUID() + s.rand.UUID()
		s.auth.refresh[t.Refresh] = &refreshToken{chain: c, issued: s.now()}
	}
	return t
}

// serveIdentity answers what is not the site's own: the token endpoint, the
// consent screen, the list of sites, the look-up of the cloud id.
func (s *System) serveIdentity(w http.ResponseWriter, r *http.Request, body []byte) bool {
	if !s.cloud() {
		return false
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /oauth/token":
		s.serveToken(w, r, body)
	case "GET /oauth/token/accessible-resources":
		s.serveResources(w, r)
	case "GET /authorize":
		s.serveConsent(w, r)
	case "GET /_edge/tenant_info":
		s.mu.Lock()
		id := s.cloudID
		s.mu.Unlock()
		kit.WriteJSON(w, http.StatusOK, object{"cloudId": id})
	default:
		return false
	}
	return true
}

type tokenRequest struct {
	GrantType    string `json:"grant_type"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Code         string `json:"code"`
	RedirectURI  string `json:"redirect_uri"`
	RefreshToken string `json:"refresh_token"`
}

func readTokenRequest(r *http.Request, body []byte) (req tokenRequest, ok bool) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return req, json.Unmarshal(body, &req) == nil
	}
	form, err := url.ParseQuery(string(body))
	req = tokenRequest{
		GrantType: form.Get("grant_type"), ClientID: form.Get("client_id"), ClientSecret: form.Get("client_secret"),
		Code: form.Get("code"), RedirectURI: form.Get("redirect_uri"), RefreshToken: form.Get("refresh_token"),
	}
	if id, secret, basic := r.BasicAuth(); basic && req.ClientID == "" {
		req.ClientID, req.ClientSecret = id, secret
	}
	return req, err == nil
}

func oauthError(status int, code, description string) *apiError {
	return &apiError{status: status, raw: object{"error": code, "error_description": description}}
}

func (s *System) serveToken(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Cache-Control", "no-store")
	out, err := s.exchange(r, body)
	if err != nil {
		send(w, reply{}, err)
		return
	}
	send(w, ok(out), nil)
}

// exchange gives tokens for a code or a refresh token.
func (s *System) exchange(r *http.Request, body []byte) (object, error) {
	req, sound := readTokenRequest(r, body)
	if !sound {
		return nil, oauthError(http.StatusBadRequest, "invalid_request", "The request body is invalid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if secret, known := s.auth.apps[req.ClientID]; !known || secret != req.ClientSecret {
		return nil, oauthError(http.StatusUnauthorized, "access_denied", "Unauthorized")
	}
	var tokens Tokens
	var scopes []string
	switch req.GrantType {
	case "authorization_code":
		code := s.auth.codes[req.Code]
		delete(s.auth.codes, req.Code)
		if code == nil || code.app != req.ClientID || code.redirect != req.RedirectURI || s.now().After(code.expires) {
			return nil, oauthError(http.StatusForbidden, "invalid_grant", "Invalid authorization code")
		}
		scopes = code.scopes
		tokens = s.issue(&chain{app: req.ClientID, user: code.user, scopes: scopes, started: s.now()})
	case "refresh_token":
		var renewed bool
		if tokens, scopes, renewed = s.renew(req); !renewed {
			return nil, oauthError(http.StatusForbidden, "invalid_grant", "Unknown or invalid refresh token.")
		}
	default:
		return nil, oauthError(http.StatusForbidden, "unsupported_grant_type", "Unsupported grant type: "+req.GrantType)
	}
	out := object{"access_token": tokens.Access, "expires_in": int(accessLife / time.Second), "scope": strings.Join(scopes, " "), "token_type": "Bearer"}
	if tokens.Refresh != "" {
		out["refresh_token"] = tokens.Refresh
	}
	return out, nil
}

// renew rotates a refresh token. Its second use is forgiven for a leeway; after
// that it ends the whole chain.
func (s *System) renew(req tokenRequest) (tokens Tokens, scopes []string, ok bool) {
	t := s.auth.refresh[req.RefreshToken]
	now := s.now()
	switch {
	case t == nil, t.chain.dead, t.chain.app != req.ClientID, now.Sub(t.issued) > refreshIdle, now.Sub(t.chain.started) > refreshLife:
		return Tokens{}, nil, false
	case !t.used.IsZero() && now.Sub(t.used) > refreshLeeway:
		t.chain.dead = true
		return Tokens{}, nil, false
	case t.used.IsZero():
		t.used = now
	}
	return s.issue(t.chain), t.chain.scopes, true
}

func (s *System) serveResources(w http.ResponseWriter, r *http.Request) {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	s.mu.Lock()
	g, id := s.auth.access[token], s.cloudID
	valid := g != nil && s.now().Before(g.expires)
	s.mu.Unlock()
	if !valid {
		kit.WriteJSON(w, http.StatusUnauthorized, object{"code": 401, "message": "Unauthorized"})
		return
	}
	kit.WriteJSON(w, http.StatusOK, []any{object{
		"id": id, "name": "sandbox", "url": scheme(r) + "://" + r.Host, "scopes": g.scopes,
		"avatarUrl": scheme(r) + "://" + r.Host + "/secure/siteavatar",
	}})
}

var consentPage = template.Must(template.New("consent").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Authorise the app</title>
<h1>Authorise the app for the sandbox site</h1>
<p>It asks for: {{.Scope}}</p>
<p>{{range .Choices}}<a href="{{.URL}}">Accept as {{.Name}}</a><br>{{end}}<a href="{{.Decline}}">Decline</a></p>
</html>`))

type consentChoice struct{ Name, URL string }

// serveConsent is the consent screen: a choice of accounts first, then the
// redirect. The parameter account makes the choice at once.
func (s *System) serveConsent(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	redirect, err := url.Parse(q.Get("redirect_uri"))
	if q.Get("client_id") != s.opts.ClientID || err != nil || redirect.Host == "" || q.Get("response_type") != "code" ||
		len(s.opts.Redirects) > 0 && !slices.Contains(s.opts.Redirects, q.Get("redirect_uri")) {
		http.Error(w, "The request to authorise is not valid.", http.StatusBadRequest)
		return
	}
	if id := q.Get("account"); id != "" {
		http.Redirect(w, r, s.consent(r, id, redirect), http.StatusFound)
		return
	}
	choices := s.choices(q)
	q.Set("account", "-")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = consentPage.Execute(w, struct {
		Scope   string
		Choices []consentChoice
		Decline string
	}{q.Get("scope"), choices, "/authorize?" + q.Encode()})
}

// choices lists the accounts that can consent.
func (s *System) choices(q url.Values) []consentChoice {
	s.mu.Lock()
	defer s.mu.Unlock()
	var choices []consentChoice
	for _, u := range s.users {
		if u.active && u.accountType == "atlassian" {
			q.Set("account", u.accountID)
			choices = append(choices, consentChoice{u.displayName, "/authorize?" + q.Encode()})
		}
	}
	return choices
}

// consent notes an account's answer and gives the address to send it back to.
func (s *System) consent(r *http.Request, accountID string, redirect *url.URL) string {
	q := r.URL.Query()
	back := redirect.Query()
	back.Set("state", q.Get("state"))
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.userByID(accountID); u == nil {
		back.Set("error", "access_denied")
		back.Set("error_description", "User did not authorize the request")
	} else {
		code := s.rand.UUID()
		s.auth.codes[code] = &authCode{
			app: q.Get("client_id"), redirect: q.Get("redirect_uri"), user: u, scopes: strings.Fields(q.Get("scope")), expires: s.now().Add(codeLife),
		}
		back.Set("code", code)
	}
	redirect.RawQuery = back.Encode()
	return redirect.String()
}
