package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDC says how people log in to the pages through an identity provider. The
// zero value means not at all.
type OIDC struct {
	Issuer       string // "https://login.example.com"; discovery is below it
	ClientID     string
	ClientSecret string // may be empty for a public client: PKCE is always used
	// Read and Operate list who gets these scopes; who may operate may read.
	// Each is an e-mail address, a domain "@example.com" or "group:NAME". An
	// address counts only if the provider says that it was verified.
	Read, Operate []string
	GroupsClaim   string // of the ID token; "groups" unless set

	Client *http.Client // for tests; nil: one with a bound on time
}

// oidcLogin talks to the provider. Its discovery document is read at the first
// login, so that a provider that is down does not keep the service from
// starting.
type oidcLogin struct {
	OIDC
	callback string
	client   *http.Client
	now      func() time.Time
	places   chan struct{} // for requests that wait for the provider

	mu       sync.Mutex
	provider *oidc.Provider
}

// Bounds of what is asked of the provider: the time of one request, and how many
// visitors wait for it at once. A provider that is slow keeps others out of the
// login, not out of the service.
const (
	oidcTimeout = 10 * time.Second
	maxAsking   = 16
)

func newOIDC(c *Config) *oidcLogin {
	if c.OIDC.Issuer == "" {
		return nil
	}
	base := c.PublicURL
	if base == "" {
		base = "http://" + c.Listen
	}
	l := &oidcLogin{OIDC: c.OIDC, callback: base + "/login/oidc/callback", client: c.OIDC.Client, now: c.Clock.Now, places: make(chan struct{}, maxAsking)}
	if l.client == nil {
		l.client = &http.Client{Timeout: oidcTimeout}
	}
	if l.GroupsClaim == "" {
		l.GroupsClaim = "groups"
	}
	return l
}

// errCrowd says that too many visitors wait for the provider.
var errCrowd = errors.New("too many logins wait for the identity provider")

// ask does something that the provider has a part in, if few others do.
func (l *oidcLogin) ask(fn func() error) error {
	select {
	case l.places <- struct{}{}:
		defer func() { <-l.places }()
		return fn()
	default:
		return errCrowd
	}
}

// discover returns the provider, reading its description if that is not known.
func (l *oidcLogin) discover(ctx context.Context) (*oidc.Provider, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.provider == nil {
		// The provider keeps the client of this context beyond the request.
		p, err := oidc.NewProvider(oidc.ClientContext(ctx, l.client), l.Issuer)
		if err != nil {
			return nil, fmt.Errorf("the identity provider %s: %w", l.Issuer, err)
		}
		l.provider = p
	}
	return l.provider, nil
}

func (l *oidcLogin) oauth(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: l.ClientID, ClientSecret: l.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: l.callback, Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// flow is one login that is at the provider.
type flow struct {
	state, nonce, verifier string
	next                   string
	began                  time.Time
}

// flowLife is how long a person may take at the provider.
const flowLife = 10 * time.Minute

const flowCookie = "tenon-login"

// hold remembers a flow and returns the secret for the browser that it belongs
// to.
func (s *Sessions) hold(f flow) string {
	secret := newSecret()
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range s.flows {
		if f.began.Sub(v.began) >= flowLife {
			delete(s.flows, k)
		}
	}
	for k := range s.flows {
		if len(s.flows) < maxFlows {
			break
		}
		delete(s.flows, k)
	}
	s.flows[sha256.Sum256([]byte(secret))] = &f
	return secret
}

// take returns a flow once.
func (s *Sessions) take(secret string, now time.Time) (flow, bool) {
	key := sha256.Sum256([]byte(secret))
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.flows[key]
	delete(s.flows, key)
	if !ok || now.Sub(f.began) >= flowLife {
		return flow{}, false
	}
	return *f, true
}

func (l login) oidcStart(w http.ResponseWriter, r *http.Request) {
	next := r.URL.Query().Get("next")
	var provider *oidc.Provider
	if err := l.oidc.ask(func() (err error) {
		provider, err = l.oidc.discover(r.Context())
		return err
	}); err != nil {
		l.providerFailed(w, r, next, "discovery", err)
		return
	}
	f := flow{state: newSecret(), nonce: newSecret(), verifier: oauth2.GenerateVerifier(), next: localPath(next), began: l.Clock.Now()}
	l.setCookie(w, flowCookie, l.Sessions.hold(f), flowLife)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, l.oidc.oauth(provider).AuthCodeURL(f.state, oidc.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier)), http.StatusSeeOther)
}

// providerFailed answers a login in which the provider had no part that helps.
func (l login) providerFailed(w http.ResponseWriter, r *http.Request, next, op string, err error) {
	l.Logger.WarnContext(r.Context(), "login failed", "op", op, "err", err)
	status := http.StatusBadGateway
	if errors.Is(err, errCrowd) {
		status = http.StatusServiceUnavailable
		setRetryAfter(w, oidcTimeout)
	}
	l.form(w, r, status, next, "login.provider")
}

// oidcEnd takes the provider's answer. Each answer is good once, for the browser
// that asked, and with the state, nonce and verifier of that question.
func (l login) oidcEnd(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f, ok := l.Sessions.take(l.cookie(r, flowCookie), l.Clock.Now())
	l.setCookie(w, flowCookie, "", 0)
	if !ok || subtle.ConstantTimeCompare([]byte(f.state), []byte(q.Get("state"))) != 1 {
		l.form(w, r, http.StatusForbidden, "", "login.stale")
		return
	}
	if refusal := q.Get("error"); refusal != "" {
		l.Logger.InfoContext(r.Context(), "login refused", "op", "login", "how", "identity provider", "reason", oneWord(refusal), "client", l.clientOf(r))
		l.form(w, r, http.StatusForbidden, f.next, "login.refused")
		return
	}
	var who person
	if err := l.oidc.ask(func() (err error) {
		who, err = l.oidc.exchange(r.Context(), q.Get("code"), f)
		return err
	}); err != nil {
		l.providerFailed(w, r, f.next, "login", err)
		return
	}
	scopes := l.oidc.scopesOf(who)
	if len(scopes) == 0 {
		l.Logger.InfoContext(r.Context(), "login refused", "op", "login", "how", "identity provider", "who", who.name(), "reason", "on no list", "client", l.clientOf(r))
		l.form(w, r, http.StatusForbidden, f.next, "login.nobody")
		return
	}
	l.begin(w, r, session{name: who.name(), scopes: scopes}, "identity provider", f.next)
}

// oneWord keeps of a text that somebody else wrote what an error code may hold.
func oneWord(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '_' || c == '-' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, text[:min(len(text), 64)])
}

// person is what the ID token says.
type person struct {
	Subject  string
	Email    string
	Verified bool
	Groups   []string
}

// name is who acted, for the history.
func (p person) name() string {
	if p.Email != "" && p.Verified {
		return p.Email
	}
	return "subject " + p.Subject
}

func (l *oidcLogin) exchange(ctx context.Context, code string, f flow) (person, error) {
	provider, err := l.discover(ctx)
	if err != nil {
		return person{}, err
	}
	ctx = oidc.ClientContext(ctx, l.client)
	token, err := l.oauth(provider).Exchange(ctx, code, oauth2.VerifierOption(f.verifier))
	if err != nil {
		if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
			return person{}, fmt.Errorf("the code was not taken: %s", oneWord(refused.ErrorCode)) // the body may quote secrets
		}
		return person{}, fmt.Errorf("exchange of the code: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return person{}, errors.New("the answer has no ID token")
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: l.ClientID, Now: l.now}).Verify(ctx, raw)
	if err != nil {
		return person{}, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.nonce)) != 1 {
		return person{}, errors.New("the ID token answers another question")
	}
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return person{}, fmt.Errorf("the claims: %w", err)
	}
	return personOf(id.Subject, claims, l.GroupsClaim), nil
}

// personOf reads the claims. Providers write "verified" as truth or as text, and
// groups as a list or as one text.
func personOf(subject string, claims map[string]any, groups string) person {
	p := person{Subject: subject}
	p.Email, _ = claims["email"].(string)
	switch v := claims["email_verified"].(type) {
	case bool:
		p.Verified = v
	case string:
		p.Verified = v == "true"
	}
	switch v := claims[groups].(type) {
	case string:
		p.Groups = []string{v}
	case []any:
		for _, g := range v {
			if name, ok := g.(string); ok {
				p.Groups = append(p.Groups, name)
			}
		}
	}
	return p
}

// scopesOf returns what a person may do, nothing for those who are on no list.
func (l *oidcLogin) scopesOf(p person) []Scope {
	switch {
	case p.isAmong(l.Operate):
		return []Scope{ScopeRead, ScopeOperate}
	case p.isAmong(l.Read):
		return []Scope{ScopeRead}
	}
	return nil
}

func (p person) isAmong(rules []string) bool {
	return slices.ContainsFunc(rules, func(rule string) bool {
		if group, ok := strings.CutPrefix(rule, "group:"); ok {
			return slices.Contains(p.Groups, group)
		}
		if !p.Verified || p.Email == "" {
			return false
		}
		if strings.HasPrefix(rule, "@") {
			i := strings.LastIndexByte(p.Email, '@')
			return i > 0 && strings.EqualFold(p.Email[i:], rule)
		}
		return strings.EqualFold(p.Email, rule)
	})
}

// check refuses a half-filled OIDC. The configuration says so with its place.
func (o OIDC) check() error {
	switch {
	case o.Issuer == "" && (o.ClientID != "" || len(o.Read)+len(o.Operate) > 0):
		return errors.New("server.oidc.issuer is missing")
	case o.Issuer == "":
		return nil
	case o.ClientID == "":
		return errors.New("server.oidc.client_id is missing")
	case len(o.Read)+len(o.Operate) == 0:
		return errors.New("nobody may log in: server.oidc.read and server.oidc.operate are both empty")
	}
	return nil
}
