package asana

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// The kinds of tokens.
const (
	tokenPAT     = "pat"
	tokenService = "service"
	tokenOAuth   = "oauth"
)

// token is what a request is authorised with.
type token struct {
	text, kind string
	user       *user
	app        string   // the OAuth app's id; "" for other kinds
	scopes     []string // nil: all
	expires    time.Time
	dead       bool

	reads, writes atomic.Int64 // under way
}

// grant is what a person has agreed to: behind a code or a refresh token.
type grant struct {
	redirect, challenge string
	user                *user
	scopes              []string
	expires             time.Time
}

const (
	accessLife = time.Hour
	codeLife   = 5 * time.Minute
)

func (s *System) addToken(text, kind string, u *user, scopes []string) *token {
	t := &token{text: text, kind: kind, user: u, scopes: scopes}
	if kind == tokenOAuth {
		t.app = s.opts.ClientID
	}
	s.tokens[text] = t
	return t
}

// usage is what a token has used in a minute.
type usage struct {
	minute                time.Time
	calls, searches, cost int
}

const tooMany = "You've made too many requests and hit a rate limit. Please retry after the given amount of time."

// enter authorises a request and counts it. done must be called at its end.
func (s *System) enter(r *http.Request, c *call) (done func(), err *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calledAt = "http://" + r.Host
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	t := s.tokens[strings.TrimSpace(text)]
	if !ok || t == nil || t.dead || s.blocked || !t.expires.IsZero() && !s.now().Before(t.expires) {
		return nil, refuse(http.StatusUnauthorized, "Not Authorized")
	}
	c.token, c.user, c.change = t, t.user, s.change
	if c.path != "/batch" { // a batch counts its actions
		if err := s.count(t, 1, strings.HasSuffix(c.path, "/tasks/search")); err != nil {
			return nil, err
		}
	}
	under, limit := &t.reads, s.opts.Limits.Reads
	if r.Method != http.MethodGet {
		under, limit = &t.writes, s.opts.Limits.Writes
	}
	if n := under.Add(1); limit > 0 && n > int64(limit) {
		under.Add(-1)
		return nil, &apiError{status: http.StatusTooManyRequests, message: tooMany, wait: 1}
	}
	return func() { under.Add(-1) }, nil
}

// count takes calls off a token's minute; refused ones count, too. It is called
// with mu held.
func (s *System) count(t *token, n int, search bool) *apiError {
	u, l := s.usage[t.text], s.opts.Limits
	now := s.now()
	minute := now.Truncate(time.Minute)
	if u == nil {
		u = &usage{}
		s.usage[t.text] = u
	}
	if !u.minute.Equal(minute) {
		over := max(u.cost-l.Cost, 0)
		*u = usage{minute: minute}
		if l.Cost > 0 {
			u.cost = min(over, l.Cost)
		}
	}
	u.calls += n
	if search {
		u.searches++
	}
	if l.PerMinute > 0 && u.calls > l.PerMinute || search && l.Search > 0 && u.searches > l.Search || l.Cost > 0 && u.cost > l.Cost {
		wait := int(minute.Add(time.Minute).Sub(now)/time.Second) + 1
		return &apiError{status: http.StatusTooManyRequests, message: tooMany, wait: wait}
	}
	return nil
}

func (s *System) spend(t *token, cost int) {
	if u := s.usage[t.text]; u != nil {
		u.cost += cost
	}
}

// mayCall refuses what the token has no right to.
func (s *System) mayCall(c *call, rt *route) *apiError {
	if c.token.scopes != nil {
		if rt.scope == "" || !slices.Contains(c.token.scopes, rt.scope) {
			need := rt.scope
			if need == "" {
				need = "default"
			}
			return forbidden("You do not have the required scope to perform this action: %s", need)
		}
	}
	if s.denied && c.method != http.MethodGet && rt.pattern != "/batch" {
		return forbidden("You do not have permission to perform this action.")
	}
	if rt.paid && s.free {
		return refuse(http.StatusPaymentRequired, "This feature is available for paid plans only: %s", rt.pattern)
	}
	return nil
}

// serveOAuth answers the token calls.
func (s *System) serveOAuth(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodPost || r.URL.Path != "/-/oauth_token" && r.URL.Path != "/-/oauth_revoke" {
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		kit.WriteJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return true
	}
	w.Header().Set("Cache-Control", "no-store")
	s.mu.Lock()
	defer s.mu.Unlock()
	f := r.PostForm
	if f.Get("client_id") != s.opts.ClientID || f.Get("client_secret") != s.opts.ClientSecret {
		kit.WriteJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client", "error_description": "The client_id or client_secret is not valid."})
		return true
	}
	if r.URL.Path == "/-/oauth_revoke" {
		delete(s.refresh, f.Get("token"))
		kit.WriteJSON(w, http.StatusOK, map[string]any{})
		return true
	}
	out, problem := s.exchange(f, s.now())
	if problem != "" {
		kit.WriteJSON(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": problem})
		return true
	}
	kit.WriteJSON(w, http.StatusOK, out)
	return true
}

// exchange trades a code or a refresh token. A refresh gives no new refresh
// token.
func (s *System) exchange(f url.Values, now time.Time) (map[string]any, string) {
	out := map[string]any{"token_type": "bearer", "expires_in": int(accessLife / time.Second)}
	var g *grant
	switch f.Get("grant_type") {
	case "authorization_code":
		g = s.codes[f.Get("code")]
		delete(s.codes, f.Get("code"))
		switch {
		case g == nil || !now.Before(g.expires):
			return nil, "The code provided was invalid."
		case f.Get("redirect_uri") != g.redirect:
			return nil, "The redirect_uri does not match."
		case g.challenge != "" && challengeOf(f.Get("code_verifier")) != g.challenge:
			return nil, "The code_verifier does not match the code_challenge."
		}
		text := "2/" + g.user.gid + "/" + s.newGID() + ":" + strings.ReplaceAll(s.rand.UUID(), "-", "")
		s.refresh[text] = g
		out["refresh_token"] = text
	case "refresh_token":
		if g = s.refresh[f.Get("refresh_token")]; g == nil {
			return nil, "The refresh token provided was invalid."
		}
	default:
		return nil, "The grant_type is not supported."
	}
	t := s.addToken("1/"+g.user.gid+":"+strings.ReplaceAll(s.rand.UUID(), "-", ""), tokenOAuth, g.user, g.scopes)
	t.expires = now.Add(accessLife)
	out["access_token"] = t.text
	out["data"] = map[string]any{"id": g.user.gid, "gid": g.user.gid, "name": g.user.name, "email": g.user.email}
	return out, ""
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Authorize returns an authorisation code, as if the user with this e-mail (the
// token's if there is none) had agreed on the consent page. Scopes nil or with
// "default" means all.
func (s *System) Authorize(redirect, email string, scopes []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.authorize(redirect, "", email, scopes)
}

func (s *System) authorize(redirect, challenge, email string, scopes []string) string {
	u := s.userByEmail(email)
	if u == nil {
		u = s.userByEmail(DefaultUser)
	}
	if slices.Contains(scopes, "default") || len(scopes) == 0 {
		scopes = nil
	}
	code := strings.ReplaceAll(s.rand.UUID(), "-", "")
	s.codes[code] = &grant{redirect: redirect, challenge: challenge, user: u, scopes: scopes, expires: s.now().Add(codeLife)}
	return code
}

// Grant returns a refresh token of the sandbox's OAuth app, as an exchange gives
// one, for the user with this e-mail.
func (s *System) Grant(email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByEmail(email)
	if u == nil {
		u = s.userByEmail(DefaultUser)
	}
	text := "2/" + u.gid + "/" + s.newGID() + ":" + strings.ReplaceAll(s.rand.UUID(), "-", "")
	s.refresh[text] = &grant{user: u}
	return text
}

// IssueToken returns a new token of a kind: "pat", "service" or "oauth". Scopes
// nil means all.
func (s *System) IssueToken(kind, email string, scopes []string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByEmail(email)
	if u == nil {
		u = s.userByEmail(DefaultUser)
	}
	return s.addToken("2/"+u.gid+"/"+s.newGID()+":"+strings.ReplaceAll(s.rand.UUID(), "-", ""), kind, u, scopes).text
}

// ExpireToken makes a token a bad one, all of them for the empty text; refresh
// tokens included.
func (s *System) ExpireToken(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		t.dead = t.dead || text == "" || t.text == text
	}
	if text == "" {
		clear(s.refresh)
	}
	delete(s.refresh, text)
}

// RenewToken makes a token good again.
func (s *System) RenewToken(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[text]; t != nil {
		t.dead = false
	}
}
