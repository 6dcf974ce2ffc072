package salesforce

import (
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"time"
)

// session is what an access token stands for.
type session struct {
	token, user, client string
	expires             time.Time
}

// startSession gives a user a new access token.
func (s *System) startSession(user, client string) *session {
	var raw [60]byte
	for i := range raw {
		raw[i] = byte(s.rand.IntN(256))
	}
	sess := &session{token: s.org[:15] + "!AQEAQ" + base64.RawURLEncoding.EncodeToString(raw[:]), user: user, client: client}
	s.use(sess)
	if len(s.sessions) >= maxKept {
		maps.DeleteFunc(s.sessions, func(_ string, old *session) bool { return !s.now().Before(old.expires) })
	}
	s.sessions[sess.token] = sess
	return sess
}

// maxKept is how many sessions, or open queries, there may be until those whose
// time is over are dropped.
const maxKept = 1_000

// use extends a session.
func (s *System) use(sess *session) { sess.expires = s.now().Add(s.opts.SessionLife) }

// authenticate finds the session of a request.
func (s *System) authenticate(r *http.Request, now time.Time) (*session, *apiError) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	sess := s.sessions[token]
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "OAuth") || sess == nil || !now.Before(sess.expires) {
		return nil, refuseCall(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
	}
	if u := s.find(sess.user); u == nil || !u.flag("IsActive") {
		return nil, refuseCall(http.StatusUnauthorized, "INVALID_SESSION_ID", "Session expired or invalid")
	}
	s.use(sess)
	return sess, nil
}

// ExpireSessions ends all sessions now, as their time would.
func (s *System) ExpireSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sess := range s.sessions {
		sess.expires = s.now()
	}
}

// RevokeRefreshTokens ends all refresh tokens: the person must connect again.
func (s *System) RevokeRefreshTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.refresh)
}

// NewToken starts a session of the integration user and returns its access
// token.
func (s *System) NewToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.startSession(s.apiUser, s.opts.ClientID).token
}
