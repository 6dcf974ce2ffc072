package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sessions are the people who have logged in to the pages. They are kept in
// memory, under a hash of the secret that the browser holds: a service that
// starts anew asks everybody to log in again, unless it is given the same
// Sessions. All methods may be called by several goroutines at once.
type Sessions struct {
	mu     sync.Mutex
	open   map[digest]*session
	flows  map[digest]*flow // logins that are at the identity provider
	failed map[string]int   // failed logins by client, in the minute since
	since  time.Time
	key    [32]byte // of the tokens in forms
}

type digest = [sha256.Size]byte

// session is one person's visit.
type session struct {
	name    string // for the history
	scopes  []Scope
	tokenID string // of the API token that opened it; "" with OIDC
	began   time.Time
	seen    time.Time
}

// Bounds of what is remembered. Of more sessions the one that was quiet for the
// longest ends.
const (
	maxSessions = 10_000
	maxFlows    = 1_000
	maxFailed   = 20 // logins of one client that fail within a minute
	maxClients  = 10_000
)

// NewSessions returns Sessions of nobody.
func NewSessions() *Sessions {
	s := &Sessions{open: map[digest]*session{}, flows: map[digest]*flow{}, failed: map[string]int{}}
	_, _ = rand.Read(s.key[:]) // never fails
	return s
}

// newSecret returns 256 random bits as text.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// begin remembers a session and returns the secret for the browser.
func (s *Sessions) begin(v session, now time.Time) string {
	v.began, v.seen = now, now
	secret := newSecret()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= maxSessions {
		s.makeRoom()
	}
	s.open[sha256.Sum256([]byte(secret))] = &v
	return secret
}

// makeRoom ends the session that was quiet for the longest.
func (s *Sessions) makeRoom() {
	var oldest digest
	var at time.Time
	for k, v := range s.open {
		if at.IsZero() || v.seen.Before(at) {
			oldest, at = k, v.seen
		}
	}
	delete(s.open, oldest)
}

// find returns the session of a secret, if it has not ended: it ends after idle
// without a request, and after life in any case.
func (s *Sessions) find(secret string, now time.Time, idle, life time.Duration) (session, bool) {
	if secret == "" || len(secret) > 128 {
		return session{}, false
	}
	key := sha256.Sum256([]byte(secret))
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.open[key]
	if !ok {
		return session{}, false
	}
	if now.Sub(v.seen) >= idle || now.Sub(v.began) >= life {
		delete(s.open, key)
		return session{}, false
	}
	v.seen = now
	return *v, true
}

// end forgets a session; one that is not there is no error.
func (s *Sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(secret)))
}

// formToken returns the token that the forms of one visitor carry: nobody who
// cannot read that visitor's pages knows it.
func (s *Sessions) formToken(subject string) string {
	h := hmac.New(sha256.New, s.key[:])
	h.Write([]byte("form\x00" + subject))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// goodForm compares in constant time.
func (s *Sessions) goodForm(subject, token string) bool {
	return hmac.Equal([]byte(s.formToken(subject)), []byte(token))
}

// mayTry reports whether a client may try to log in: it may not after too many
// failures within a minute.
func (s *Sessions) mayTry(client string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.minute(now)
	return s.failed[client] < maxFailed
}

// fail counts a failed login. It reports false for one more of more clients than
// are counted.
func (s *Sessions) fail(client string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.minute(now)
	_, known := s.failed[client]
	if !known && len(s.failed) >= maxClients {
		return false
	}
	s.failed[client]++
	return true
}

func (s *Sessions) minute(now time.Time) {
	if now.Sub(s.since) >= time.Minute || now.Before(s.since) {
		clear(s.failed)
		s.since = now
	}
}

// clientOf names the machine that a request came from. Proxies that are trusted
// say it in X-Forwarded-For, where each writes behind the others from whom it
// got the request: the last one that is no such proxy is the client. What stands
// before that one, the client may have written itself.
func (c *Config) clientOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for c.trusts(host) && len(hops) > 0 {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-1]))
		if err != nil {
			break
		}
		host, hops = hop.Unmap().String(), hops[:len(hops)-1]
	}
	return host
}

// trusts reports whether an address is that of a trusted proxy.
func (c *Config) trusts(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && slices.ContainsFunc(c.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

// visitor is who looks at the pages.
type visitor struct {
	caller
	subject string // what the tokens of this visitor's forms are made of
	secret  string // of the session; "" where there is none to end
}

// cookieName returns the name of a cookie: with the prefix that browsers give
// to this very host only, where the service is reached by TLS.
func (c *Config) cookieName(name string) string {
	if c.secure() {
		return "__Host-" + name
	}
	return name
}

func (c *Config) secure() bool { return strings.HasPrefix(c.PublicURL, "https://") }

// setCookie gives the browser a cookie; an empty value takes it away. A life of
// zero lasts until the browser is closed.
func (c *Config) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	age := int(life.Seconds())
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: c.cookieName(name), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: c.secure(), SameSite: http.SameSiteLaxMode,
	})
}

func (c *Config) cookie(r *http.Request, name string) string {
	k, err := r.Cookie(c.cookieName(name))
	if err != nil {
		return ""
	}
	return k.Value
}

const sessionCookie = "tenon-session"

// visitorOf finds out who looks: by a token in the request, by a session, or as
// somebody on the same machine where the service is reached in no other way.
// Nil: nobody who proved anything.
func (a *auth) visitorOf(r *http.Request) (*visitor, error) {
	c, err := a.identify(r)
	if err != nil {
		return nil, err
	}
	if c != nil {
		return &visitor{caller: *c, subject: "token " + r.Header.Get("Authorization")}, nil
	}
	secret := a.config.cookie(r, sessionCookie)
	s, ok := a.config.Sessions.find(secret, a.config.Clock.Now(), a.config.SessionIdle, a.config.SessionLife)
	if ok && s.tokenID != "" {
		if ok, err = a.stillGood(r, &s); err != nil {
			return nil, err
		}
		if !ok {
			a.config.Sessions.end(secret)
		}
	}
	switch {
	case ok:
		return &visitor{caller: caller{name: s.name, scopes: s.scopes}, subject: secret, secret: secret}, nil
	case a.openPages && direct(r):
		return &visitor{caller: caller{name: "this machine", scopes: []Scope{ScopeRead, ScopeOperate}}, subject: "open"}, nil
	}
	return nil, nil
}

// stillGood looks whether the API token behind a session was revoked or has
// expired since, and takes its scopes as they are now.
func (a *auth) stillGood(r *http.Request, s *session) (bool, error) {
	t, ok, err := a.tokens.find(r.Context(), s.tokenID)
	if err != nil || !ok {
		return false, err
	}
	s.scopes = t.Scopes
	return t.Expires.IsZero() || a.config.Clock.Now().Before(t.Expires), nil
}

// may reports whether the visitor has a scope; nobody has none.
func (v *visitor) may(s Scope) bool { return v != nil && slices.Contains(v.scopes, s) }
