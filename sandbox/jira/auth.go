package jira

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// authority knows the credentials of the site.
type authority struct {
	tokens    map[string]*apiToken // API tokens, personal access tokens
	passwords map[string]string    // Data Center: by user name
	failures  map[string]int       // Data Center: failed logins by user name
	access    map[string]*grant    // OAuth access tokens
	refresh   map[string]*refreshToken
	codes     map[string]*authCode
	apps      map[string]string // client secrets by client id
}

type apiToken struct {
	user    *user
	scopes  []string // nil: unscoped
	expired bool
}

// grant is what an access token may do.
type grant struct {
	app     string // client id; empty for a scoped API token
	user    *user
	scopes  []string
	expires time.Time
}

// The classic scopes.
const (
	scopeRead     = "read:jira-work"
	scopeWrite    = "write:jira-work"
	scopeUser     = "read:jira-user"
	scopeWebhook  = "manage:jira-webhook"
	scopeOffline  = "offline_access"
	captchaAfter  = 3
	loginReason   = "X-Seraph-LoginReason"
	captchaReason = "X-Authentication-Denied-Reason"
)

// DefaultPassword is the password of every Data Center account.
const DefaultPassword = "sandbox-password"

func newAuthority(s *System) authority {
	a := authority{
		tokens: map[string]*apiToken{}, passwords: map[string]string{}, failures: map[string]int{}, access: map[string]*grant{},
		refresh: map[string]*refreshToken{}, codes: map[string]*authCode{}, apps: map[string]string{s.opts.ClientID: s.opts.ClientSecret},
	}
	a.tokens[s.opts.Token] = &apiToken{user: s.userByEmail(s.opts.Email)}
	if !s.cloud() {
		for _, u := range s.users {
			a.passwords[u.name] = DefaultPassword
		}
	}
	return a
}

// authenticate finds the caller. A nil user is an anonymous one.
func (s *System) authenticate(c *call, header http.Header, gateway bool) error {
	c.sys = s
	auth := c.req.Header.Get("Authorization")
	kind, rest, _ := strings.Cut(auth, " ")
	var err error
	switch {
	case gateway:
		err = s.atGateway(c, kind, rest)
	case s.cloud():
		err = s.atSite(c, kind, header)
	default:
		err = s.atDataCenter(c, kind, rest, header)
	}
	if err != nil {
		return err
	}
	if c.user != nil {
		if s.cloud() {
			header.Set("X-Aaccountid", c.user.accountID)
		} else {
			header.Set("X-Ausername", c.user.name)
			header.Set(loginReason, "OK")
		}
	}
	return nil
}

func (s *System) atGateway(c *call, kind, token string) error {
	unauthorized := &apiError{status: http.StatusUnauthorized, raw: object{"code": 401, "message": "Unauthorized"}}
	switch strings.ToLower(kind) {
	case "bearer":
		g := s.auth.access[token]
		if g == nil || !s.now().Before(g.expires) || !g.user.active {
			return unauthorized
		}
		c.grant, c.user = g, g.user
		return nil
	case "basic":
		t, ok := s.basicToken(c.req)
		if !ok || t.scopes == nil {
			return unauthorized
		}
		c.grant, c.user = &grant{user: t.user, scopes: t.scopes}, t.user
		return nil
	}
	return unauthorized
}

// atSite is the site host of Cloud: Basic with an unscoped API token. Wrong
// credentials make an anonymous call, which only a header tells.
func (s *System) atSite(c *call, kind string, header http.Header) error {
	switch strings.ToLower(kind) {
	case "":
		return nil
	case "basic":
		t, ok := s.basicToken(c.req)
		switch {
		case ok && t.scopes == nil:
			c.user = t.user
			return nil
		case ok, s.opts.RefuseBadTokens:
			header.Set(loginReason, "AUTHENTICATED_FAILED")
			return errLogin
		}
		header.Set(loginReason, "AUTHENTICATED_FAILED")
		return nil
	case "bearer":
		return &apiError{status: http.StatusForbidden, raw: object{"error": "Failed to parse Connect Session Auth Token"}}
	}
	return errLogin
}

// basicToken reads Basic credentials made of an e-mail and an API token.
func (s *System) basicToken(r *http.Request) (*apiToken, bool) {
	email, token, ok := r.BasicAuth()
	t := s.auth.tokens[token]
	if !ok || t == nil || t.expired || t.user == nil || !t.user.active || !strings.EqualFold(t.user.email, email) {
		return nil, false
	}
	return t, true
}

func (s *System) atDataCenter(c *call, kind, token string, header http.Header) error {
	denied := &apiError{
		status: http.StatusUnauthorized, header: http.Header{"Www-Authenticate": {`OAuth realm="` + s.opts.BasePath + `"`}},
		raw: object{"message": "Client must be authenticated to access this resource.", "status-code": 401},
	}
	if s.opts.LoginPage {
		denied = &apiError{status: http.StatusOK, raw: plainText("<!DOCTYPE html>\n<html><head><title>Log in</title></head><body><form action=\"/login\"></form></body></html>")}
	}
	switch strings.ToLower(kind) {
	case "":
		return nil
	case "bearer":
		t := s.auth.tokens[token]
		if t == nil || t.expired || t.user == nil || !t.user.active {
			return denied
		}
		c.user = t.user
		return nil
	case "basic":
		name, password, _ := c.req.BasicAuth()
		if s.auth.failures[name] >= captchaAfter {
			header.Set(loginReason, "AUTHENTICATION_DENIED")
			header.Set(captchaReason, "CAPTCHA_CHALLENGE; login-url="+scheme(c.req)+"://"+c.req.Host+s.opts.BasePath+"/login.jsp")
			return &apiError{status: http.StatusForbidden, raw: object{"message": "Basic Authentication Failure - Reason : AUTHENTICATION_DENIED", "status-code": 403}}
		}
		u := s.userByName(name)
		if u == nil || !u.active || s.auth.passwords[u.name] != password {
			if len(s.auth.failures) < 1000 {
				s.auth.failures[name]++
			}
			header.Set(loginReason, "AUTHENTICATED_FAILED")
			return denied
		}
		delete(s.auth.failures, name)
		c.user = u
		return nil
	}
	return denied
}

// AddToken gives the account with this e-mail another token: an API token on
// Cloud, a personal access token on Data Center. With scopes, Cloud accepts it
// at the gateway only. It reports whether there is such an account.
func (s *System) AddToken(email, token string, scopes ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByEmail(email)
	if u == nil {
		return false
	}
	s.auth.tokens[token] = &apiToken{user: u, scopes: slices.Clone(scopes)}
	return true
}

// ExpireToken makes an API token or personal access token invalid, as after a
// year; RenewToken makes it valid again.
func (s *System) ExpireToken(token string) { s.setExpired(token, true) }

// RenewToken undoes ExpireToken.
func (s *System) RenewToken(token string) { s.setExpired(token, false) }

func (s *System) setExpired(token string, expired bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.auth.tokens[token]; t != nil {
		t.expired = expired
	}
}
