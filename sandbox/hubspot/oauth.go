package hubspot

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// tokenLife is how long an OAuth access token is good for.
const tokenLife = 30 * time.Minute

// codeLife is how long an authorisation code is good for.
const codeLife = time.Minute

// grant is what a person has agreed to: behind a code or a refresh token.
type grant struct {
	clientID, redirect string
	scopes             []string
	userID             int
	expires            time.Time // of a code
	challenge          string    // of a code: the hash of the verifier that goes with it
}

// installer is the user who installed the app.
func (s *System) installer() int {
	if len(s.owners) == 0 {
		return 0
	}
	return s.owners[0].UserIDIncludingInactive
}

func (s *System) oauthRoutes(mux *http.ServeMux) {
	for _, base := range append([]string{"/oauth/v1", "/oauth/v3"}, "/oauth/2025-09", "/oauth/2026-03", "/oauth/2026-09") {
		mux.HandleFunc("POST "+base+"/token", s.oauth(s.exchange))
		mux.HandleFunc("POST "+base+"/token/introspect", s.oauth(s.introspect))
		mux.HandleFunc("POST "+base+"/token/revoke", s.oauth(s.revoke))
	}
	mux.HandleFunc("POST /oauth/v2/private-apps/get/access-token-info", s.staticTokenInfo)
	mux.HandleFunc("GET /oauth/v1/access-tokens/{token}", s.oauth(s.accessTokenInfo))
	mux.HandleFunc("GET /oauth/v1/refresh-tokens/{token}", s.oauth(s.refreshTokenInfo))
	mux.HandleFunc("DELETE /oauth/v1/refresh-tokens/{token}", s.oauth(s.revokeByPath))
}

// oauth wraps a token call, which takes a form and knows no bearer.
func (s *System) oauth(op func(r *http.Request, now time.Time) (int, any, *apiError)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		if err := r.ParseForm(); err != nil {
			notThere(w, http.StatusBadRequest)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		s.locked(func() reply { return s.reply(op(r, s.tick())) }).write(w)
	}
}

// oauthError has the older member that v1 clients look at in its status.
func oauthError(r *http.Request, old, message string) *apiError {
	e := newError(http.StatusBadRequest, "VALIDATION_ERROR", "%s", message)
	if strings.HasPrefix(r.URL.Path, "/oauth/v1/") {
		e.Status = old
	}
	return e
}

func (s *System) exchange(r *http.Request, now time.Time) (int, any, *apiError) {
	form := r.PostForm
	if strings.HasPrefix(r.URL.Path, "/oauth/v1/") {
		form = r.Form // v1 takes parameters from the query, too
	}
	if form.Get("client_id") != s.opts.ClientID {
		return 0, nil, oauthError(r, "BAD_CLIENT_ID", "missing or unknown client id")
	}
	if form.Get("client_secret") != s.opts.ClientSecret {
		return 0, nil, oauthError(r, "BAD_CLIENT_SECRET", "missing or unknown client secret")
	}
	switch form.Get("grant_type") {
	case "authorization_code":
		code := form.Get("code")
		g := s.codes[code]
		delete(s.codes, code)
		if g == nil || !now.Before(g.expires) {
			return 0, nil, oauthError(r, "BAD_AUTH_CODE", "missing or unknown auth code")
		}
		if form.Get("redirect_uri") != g.redirect {
			return 0, nil, oauthError(r, "BAD_REDIRECT_URI", "redirect_uri does not match the one used when the code was issued")
		}
		if g.challenge != "" && challengeOf(form.Get("code_verifier")) != g.challenge {
			return 0, nil, oauthError(r, "BAD_CODE_VERIFIER", "code_verifier does not match the code_challenge")
		}
		return http.StatusOK, s.issue(r, g, "", now), nil
	case "refresh_token":
		text := form.Get("refresh_token")
		g := s.refresh[text]
		if g == nil {
			return 0, nil, oauthError(r, "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
		}
		if s.opts.RotateRefreshTokens {
			delete(s.refresh, text)
			text = ""
		}
		return http.StatusOK, s.issue(r, g, text, now), nil
	default:
		return 0, nil, oauthError(r, "BAD_GRANT_TYPE", "grant_type is not supported")
	}
}

// challengeOf is the hash of a verifier, as RFC 7636 has it.
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// issue gives out an access token, and a refresh token unless one is passed.
func (s *System) issue(r *http.Request, g *grant, refresh string, now time.Time) map[string]any {
	t := s.addToken("C"+s.rand.UUID()+s.rand.UUID(), g.scopes)
	t.oauth, t.expires, t.userID = true, now.Add(tokenLife), g.userID
	if refresh == "" {
		refresh = "eu1-" + s.rand.UUID()
		s.refresh[refresh] = g
	}
	out := map[string]any{
		"token_type": "bearer", "access_token": t.text, "refresh_token": refresh, "expires_in": int(tokenLife / time.Second),
	}
	if !strings.HasPrefix(r.URL.Path, "/oauth/v1/") {
		out["hub_id"], out["user_id"], out["scopes"], out["token_use"] = s.portalID, g.userID, g.scopes, "access_token"
	}
	return out
}

func (t *token) scopeList() []string {
	out := []string{}
	for scope := range t.scopes {
		out = append(out, scope)
	}
	slices.Sort(out)
	return out
}

func (s *System) accessInfo(t *token, now time.Time) map[string]any {
	out := map[string]any{
		"token": t.text, "hub_id": s.portalID, "hub_domain": "tenon-sandbox.example", "app_id": s.appID, "scopes": t.scopeList(),
		"user_id": t.userID, "token_type": "access", "expires_in": int(t.expires.Sub(now) / time.Second), "is_private_distribution": false,
	}
	for _, o := range s.owners {
		if o.UserIDIncludingInactive == t.userID {
			out["user"] = o.Email
		}
	}
	return out
}

// staticTokenInfo tells about the token of a private app, which is in the body.
func (s *System) staticTokenInfo(w http.ResponseWriter, r *http.Request) {
	var in struct {
		TokenKey string `json:"tokenKey"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&in); err != nil {
		notThere(w, http.StatusBadRequest)
		return
	}
	s.locked(func() reply {
		s.tick()
		t := s.tokens[in.TokenKey]
		if t == nil || t.oauth {
			return s.reply(0, nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "access token not found"))
		}
		scopes := t.scopeList()
		if t.scopes == nil {
			scopes = s.allScopes()
		}
		return s.reply(http.StatusOK, map[string]any{"userId": s.installer(), "hubId": s.portalID, "appId": s.appID, "scopes": scopes}, nil)
	}).write(w)
}

// allScopes are those of an app that may do everything.
func (s *System) allScopes() []string {
	scopes := []string{"crm.objects.owners.read", "oauth"}
	for _, ot := range s.types {
		scopes = append(scopes, ot.read, ot.write)
		for _, right := range []string{"read", "write"} {
			scopes = append(scopes, schemaScope(ot, right)...)
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

func (s *System) accessTokenInfo(r *http.Request, now time.Time) (int, any, *apiError) {
	t := s.tokens[r.PathValue("token")]
	if t == nil || !t.oauth || !now.Before(t.expires) {
		return 0, nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "access token not found")
	}
	return http.StatusOK, s.accessInfo(t, now), nil
}

func (s *System) refreshInfo(text string, g *grant) map[string]any {
	return map[string]any{
		"token": text, "client_id": g.clientID, "hub_id": s.portalID, "hub_domain": "tenon-sandbox.example", "app_id": s.appID,
		"scopes": append([]string{}, g.scopes...), "user_id": g.userID, "token_type": "refresh",
	}
}

func (s *System) refreshTokenInfo(r *http.Request, _ time.Time) (int, any, *apiError) {
	text := r.PathValue("token")
	if g := s.refresh[text]; g != nil {
		return http.StatusOK, s.refreshInfo(text, g), nil
	}
	return 0, nil, newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "refresh token not found")
}

func (s *System) introspect(r *http.Request, now time.Time) (int, any, *apiError) {
	if r.PostForm.Get("client_id") != s.opts.ClientID || r.PostForm.Get("client_secret") != s.opts.ClientSecret {
		return 0, nil, newError(http.StatusUnauthorized, "INVALID_AUTHENTICATION", "invalid client credentials")
	}
	text := r.PostForm.Get("token")
	if t := s.tokens[text]; t != nil && t.oauth && now.Before(t.expires) {
		out := s.accessInfo(t, now)
		out["active"], out["token_use"], out["client_id"] = true, "access_token", s.opts.ClientID
		return http.StatusOK, out, nil
	}
	if g := s.refresh[text]; g != nil {
		out := s.refreshInfo(text, g)
		out["active"], out["token_use"] = true, "refresh_token"
		return http.StatusOK, out, nil
	}
	return http.StatusOK, map[string]any{"active": false}, nil
}

// revoke ends a refresh token; access tokens live on until they expire.
func (s *System) revoke(r *http.Request, _ time.Time) (int, any, *apiError) {
	delete(s.refresh, r.PostForm.Get("token"))
	return http.StatusNoContent, nil, nil
}

func (s *System) revokeByPath(r *http.Request, _ time.Time) (int, any, *apiError) {
	delete(s.refresh, r.PathValue("token"))
	return http.StatusNoContent, nil, nil
}

// consent is the data of the authorisation page.
type consent struct {
	ClientID  string
	Scopes    []string
	Optional  []string
	State     string
	Redirect  string
	Challenge string
	Users     []*owner
}

// askConsent shows GET /oauth/authorize, or refuses what is wrong about it.
func (s *System) askConsent(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	q := r.URL.Query()
	data := consent{
		ClientID: q.Get("client_id"), Scopes: strings.Fields(q.Get("scope")), Optional: strings.Fields(q.Get("optional_scope")),
		State: q.Get("state"), Redirect: q.Get("redirect_uri"), Challenge: q.Get("code_challenge"), Users: s.activeOwners(),
	}
	s.mu.Unlock()
	page := kit.Page{Title: "Connect an app", Data: data}
	status := http.StatusOK
	switch {
	case data.ClientID != s.opts.ClientID:
		page.Problem, status = "Authorization failed because the app ID is not known.", http.StatusBadRequest
	case !soundRedirect(data.Redirect):
		page.Problem, status = "Authorization failed because the redirect URL must use https, except for localhost.", http.StatusBadRequest
	case !s.redirectKnown(data.Redirect):
		page.Problem, status = "Authorization failed because the redirect URL doesn't match the registered redirect URL for this app.", http.StatusBadRequest
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256":
		page.Problem, status = "Authorization failed because the code challenge's method is not S256.", http.StatusBadRequest
	case len(s.opts.AppScopes) > 0 && !contains(s.opts.AppScopes, data.Scopes):
		page.Problem, status = "Authorization failed because there is a scope mismatch: the app does not have all the scopes that were asked for.", http.StatusBadRequest
	case len(data.Scopes) == 0:
		page.Problem, status = "Authorization failed because there is a scope mismatch: no scope was asked for.", http.StatusBadRequest
	}
	if page.Problem != "" {
		page.Data = consent{}
	} else if u, err := url.Parse(data.Redirect); err == nil {
		page.FormTo = u.Scheme + "://" + u.Host
	}
	s.pages.Render(w, status, "consent", page)
}

// contains reports whether all of the scopes are among those of the app.
func contains(app, scopes []string) bool {
	return !slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(app, scope) })
}

func (s *System) redirectKnown(text string) bool {
	return len(s.opts.Redirects) == 0 || slices.Contains(s.opts.Redirects, text)
}

func soundRedirect(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return false
	}
	host := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || host == "127.0.0.1" || host == "::1")
}

func (s *System) activeOwners() []*owner {
	var out []*owner
	for _, o := range s.owners {
		if !o.Archived {
			out = append(out, o)
		}
	}
	return out
}

// giveConsent answers the authorisation page's form with a code.
func (s *System) giveConsent(w http.ResponseWriter, r *http.Request) {
	back, err := url.Parse(r.PostFormValue("redirect_uri"))
	if err != nil || !soundRedirect(back.String()) || !s.redirectKnown(back.String()) || r.PostFormValue("client_id") != s.opts.ClientID {
		http.Error(w, "unknown app or redirect URL", http.StatusBadRequest)
		return
	}
	q := back.Query()
	if state := r.PostFormValue("state"); state != "" {
		q.Set("state", state)
	}
	if r.PostFormValue("answer") != "connect" {
		q.Set("error", "access_denied")
		q.Set("error_description", "The user denied access")
	} else {
		code := s.Authorize(back.String(), s.offered(strings.Fields(r.PostFormValue("scope"))), r.PostFormValue("user"))
		s.mu.Lock()
		s.codes[code].challenge = r.PostFormValue("code_challenge")
		s.mu.Unlock()
		q.Set("code", code)
	}
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// offered leaves out the scopes that the app does not have.
func (s *System) offered(scopes []string) []string {
	if len(s.opts.AppScopes) == 0 {
		return scopes
	}
	return slices.DeleteFunc(scopes, func(scope string) bool { return !slices.Contains(s.opts.AppScopes, scope) })
}

// Uninstall takes the app out of the account: its tokens are dead, of either
// kind.
func (s *System) Uninstall() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.refresh)
	for text, t := range s.tokens {
		if t.oauth {
			delete(s.tokens, text)
		}
	}
}

// Authorize returns an authorisation code, as if the owner with this e-mail
// (the first one if there is none) had agreed on the consent page.
func (s *System) Authorize(redirect string, scopes []string, email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	user := s.installer()
	if o := s.ownerByEmail(email); o != nil {
		user = o.UserIDIncludingInactive
	}
	code := "eu1-" + s.rand.UUID()
	s.codes[code] = &grant{clientID: s.opts.ClientID, redirect: redirect, scopes: append([]string{}, scopes...), userID: user, expires: s.now().Add(codeLife)}
	return code
}
