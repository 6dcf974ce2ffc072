package salesforce

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	codeLife = 15 * time.Minute
	// maxJWTLife is how far ahead a JWT may expire.
	maxJWTLife = 5 * time.Minute
	jwtGrant   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// grant is what a person has agreed to: behind a code or a refresh token.
type grant struct {
	clientID, redirect, user, scope string
	expires                         time.Time // of a code
	challenge                       string    // of a code
}

type oauthError struct{ code, text string }

// serveOAuth answers below /services/oauth2/ and /id/; the bool is whether the
// path is there.
func (s *System) serveOAuth(w http.ResponseWriter, r *http.Request) bool {
	var op func(r *http.Request) (int, any)
	switch path := strings.TrimPrefix(r.URL.Path, "/services/oauth2/"); {
	case path == "token" && r.Method == http.MethodPost:
		op = s.token
	case path == "revoke":
		op = s.revoke
	case path == "introspect" && r.Method == http.MethodPost:
		op = s.introspect
	case path == "userinfo":
		op = s.userinfo
	case strings.HasPrefix(r.URL.Path, "/id/"):
		op = s.identity
	case r.URL.Path == "/.well-known/openid-configuration":
		op = s.discovery
	default:
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "", http.StatusBadRequest)
		return true
	}
	w.Header().Set("Cache-Control", "no-cache, no-store")
	s.mu.Lock()
	s.tick()
	status, out := op(r)
	s.mu.Unlock()
	if e, ok := out.(*oauthError); ok {
		out = members{{"error", e.code}, {"error_description", e.text}}
	}
	if out == nil {
		w.WriteHeader(status)
		return true
	}
	kit.WriteJSON(w, status, out)
	return true
}

func fail(code, text string) (int, any) { return http.StatusBadRequest, &oauthError{code, text} }

func (s *System) token(r *http.Request) (int, any) {
	form := r.PostForm
	switch form.Get("grant_type") {
	case jwtGrant:
		return s.jwt(r, form.Get("assertion"), form)
	case "client_credentials":
		return s.clientCredentials(r)
	case "refresh_token":
		if status, out, bad := s.checkClient(r, false); bad {
			return status, out
		}
		text := form.Get("refresh_token")
		g := s.refresh[text]
		if g == nil || !s.active(g.user) {
			return fail("invalid_grant", "expired access/refresh token")
		}
		if !s.opts.RotateRefreshTokens {
			return s.issue(r, g, "")
		}
		delete(s.refresh, text)
		return s.issue(r, g, s.newRefresh(g))
	case "authorization_code":
		return s.exchange(r)
	case "password":
		return fail("invalid_grant", "authentication failure")
	}
	return fail("unsupported_grant_type", "grant type not supported")
}

func (s *System) active(user string) bool {
	u := s.find(user)
	return u != nil && u.flag("IsActive")
}

// checkClient checks client id and secret, from the form or as HTTP Basic. The
// secret may be left out unless it is demanded.
func (s *System) checkClient(r *http.Request, demand bool) (int, any, bool) {
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		id, secret = user, pass
	}
	if id != s.opts.ClientID {
		status, out := fail("invalid_client_id", "client identifier invalid")
		return status, out, true
	}
	if secret != s.opts.ClientSecret && (secret != "" || demand) {
		status, out := fail("invalid_client", "invalid client credentials")
		return status, out, true
	}
	return 0, nil, false
}

func (s *System) clientCredentials(r *http.Request) (int, any) {
	if s.opts.LoginHost != "" && r.Host == s.opts.LoginHost {
		return fail("invalid_grant", "request not supported on this domain")
	}
	if status, out, bad := s.checkClient(r, true); bad {
		return status, out
	}
	if s.opts.NotApproved || !s.active(s.apiUser) {
		return fail("invalid_grant", "no client credentials user enabled")
	}
	return s.issue(r, &grant{clientID: s.opts.ClientID, user: s.apiUser, scope: "api"}, "")
}

func (s *System) exchange(r *http.Request) (int, any) {
	if status, out, bad := s.checkClient(r, false); bad {
		return status, out
	}
	form := r.PostForm
	g := s.codes[form.Get("code")]
	delete(s.codes, form.Get("code"))
	switch {
	case g == nil:
		return fail("invalid_grant", "invalid authorization code")
	case !s.now().Before(g.expires):
		return fail("invalid_grant", "expired authorization code")
	case form.Get("redirect_uri") != g.redirect:
		return fail("redirect_uri_mismatch", "redirect_uri must match configuration")
	case g.challenge == "" && form.Get("client_secret") == "":
		return fail("invalid_client", "invalid client credentials")
	case g.challenge != "" && challengeOf(form.Get("code_verifier")) != g.challenge:
		return fail("invalid_grant", "invalid code verifier")
	}
	refresh := ""
	if strings.Contains(g.scope, "refresh_token") || strings.Contains(g.scope, "offline_access") || strings.Contains(g.scope, "full") {
		refresh = s.newRefresh(g)
	}
	return s.issue(r, g, refresh)
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (s *System) newRefresh(g *grant) string {
	text := "5Aep861" + strings.ReplaceAll(s.rand.UUID()+s.rand.UUID(), "-", "")
	s.refresh[text] = g
	return text
}

// issue starts a session and answers with its token. There is no expires_in.
func (s *System) issue(r *http.Request, g *grant, refresh string) (int, any) {
	sess := s.startSession(g.user, g.clientID)
	id := s.origin(r) + "/id/" + s.org + "/" + g.user
	issued := strconv.FormatInt(s.now().UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(s.opts.ClientSecret))
	mac.Write([]byte(id + issued))
	out := members{{"access_token", sess.token}}
	if refresh != "" {
		out = append(out, member{"refresh_token", refresh})
	}
	return http.StatusOK, append(
		out, member{"signature", base64.StdEncoding.EncodeToString(mac.Sum(nil))}, member{"scope", g.scope}, member{"instance_url", s.instance(r)},
		member{"id", id}, member{"token_type", "Bearer"}, member{"issued_at", issued},
	)
}

// origin is the address that was asked.
func (s *System) origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *System) instance(r *http.Request) string {
	if s.opts.InstanceURL != "" {
		return s.opts.InstanceURL
	}
	return s.origin(r)
}

// jwt is the JWT bearer flow. The certificate of the app decides.
func (s *System) jwt(r *http.Request, assertion string, form url.Values) (int, any) {
	if form.Has("scope") {
		return fail("invalid_request", "scope parameter not supported")
	}
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return fail("invalid_grant", "invalid assertion")
	}
	var header struct {
		Alg string `json:"alg"`
	}
	var claims struct {
		Iss string          `json:"iss"`
		Sub string          `json:"sub"`
		Aud any             `json:"aud"`
		Exp json.RawMessage `json:"exp"`
	}
	if !decodePart(parts[0], &header) || !decodePart(parts[1], &claims) || header.Alg != "RS256" {
		return fail("invalid_grant", "invalid assertion")
	}
	if claims.Iss != s.opts.ClientID {
		return fail("invalid_client_id", "client identifier invalid")
	}
	key, err := publicKey(s.opts.Certificate)
	if err != nil {
		return fail("invalid_app_access", err.Error())
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
		return fail("invalid_grant", "invalid assertion")
	}
	if !s.audience(r, claims.Aud) {
		return fail("invalid_grant", "audience is invalid")
	}
	seconds, err := strconv.ParseFloat(strings.Trim(string(claims.Exp), `"`), 64)
	if err != nil || math.IsNaN(seconds) {
		return fail("invalid_grant", "expiration time is invalid")
	}
	left := time.Duration(math.Min(seconds-float64(s.now().UnixMilli())/1000, 1e6) * float64(time.Second))
	if left <= 0 || left > maxJWTLife {
		return fail("invalid_grant", "expired authorization code")
	}
	user := s.userNamed(claims.Sub)
	if user == nil || s.opts.NotApproved || user.id != s.apiUser {
		return fail("invalid_grant", "user hasn't approved this consumer")
	}
	if !user.flag("IsActive") {
		return fail("inactive_user", "user is inactive")
	}
	return s.issue(r, &grant{clientID: s.opts.ClientID, user: user.id, scope: "api"}, "")
}

func decodePart(text string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	return err == nil && json.Unmarshal(raw, into) == nil
}

func (s *System) audience(r *http.Request, aud any) bool {
	accepted := append([]string{s.origin(r), s.instance(r)}, Audiences...)
	switch aud := aud.(type) {
	case string:
		return slices.Contains(accepted, aud)
	case []any:
		return slices.ContainsFunc(aud, func(a any) bool { text, ok := a.(string); return ok && slices.Contains(accepted, text) })
	}
	return false
}

func (s *System) userNamed(username string) *record {
	users := s.object("User")
	for _, u := range users.having(users.field("Username"), username) {
		return u
	}
	return nil
}

func (s *System) revoke(r *http.Request) (int, any) {
	text := r.Form.Get("token")
	if s.sessions[text] != nil {
		delete(s.sessions, text)
		return http.StatusOK, nil
	}
	if g := s.refresh[text]; g != nil {
		delete(s.refresh, text)
		for token, sess := range s.sessions {
			if sess.user == g.user && sess.client == g.clientID {
				delete(s.sessions, token)
			}
		}
		return http.StatusOK, nil
	}
	return fail("unsupported_token_type", "this token type is not supported")
}

func (s *System) introspect(r *http.Request) (int, any) {
	if status, out, bad := s.checkClient(r, true); bad {
		return status, out
	}
	sess := s.sessions[r.PostForm.Get("token")]
	if sess == nil || !s.now().Before(sess.expires) {
		return http.StatusOK, members{{"active", false}}
	}
	u := s.find(sess.user)
	return http.StatusOK, members{
		{"active", true},
		{"scope", "api"},
		{"client_id", sess.client},
		{"username", u.text("Username")},
		{"sub", s.origin(r) + "/id/" + s.org + "/" + u.id},
		{"token_type", "access_token"},
		{"exp", sess.expires.Unix()},
		{"iat", s.now().Unix()},
	}
}
