package server

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// caller is who sent a request, as far as it proved that.
type caller struct {
	name   string // for the history
	scopes []Scope
}

func (c *caller) may(s Scope) bool { return c != nil && slices.Contains(c.scopes, s) }

type callerKey struct{}

// callerOf returns who sent the request, nil when nobody proved anything.
func callerOf(ctx context.Context) *caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	return c
}

// auth finds out who calls.
type auth struct {
	tokens    Tokens
	signer    *Signer
	config    *Config
	openPages bool // a loopback service without a public address

	// forbidden answers a browser whose visitor is known but lacks the scope.
	forbidden func(w http.ResponseWriter, r *http.Request, scope Scope)
}

// identify looks for a token: "Authorization: Bearer TOKEN", or as the password
// of HTTP basic authentication, which browsers can ask people for.
func (a *auth) identify(r *http.Request) (*caller, error) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		if _, password, basic := r.BasicAuth(); basic {
			text = password
		}
	}
	if text == "" || len(text) > 512 {
		return nil, nil
	}
	now := a.config.Clock.Now()
	if scopes, ok := a.signer.openLocal(text, now); ok {
		return &caller{name: "command line", scopes: scopes}, nil
	}
	token, good, err := a.tokens.open(r.Context(), text, now)
	if err != nil || !good {
		return nil, err
	}
	return &caller{name: "token " + token.Name, scopes: token.Scopes}, nil
}

// known lets requests pass that come with a good token, whatever it gives.
func (a *auth) known(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := a.identify(r)
		switch {
		case err != nil:
			a.config.fail(w, r, err)
		case c == nil:
			w.Header().Set("WWW-Authenticate", `Bearer realm="Tenon"`)
			problem(w, http.StatusUnauthorized, "a token is needed", "send Authorization: Bearer TOKEN; `tenon token create` makes one")
		default:
			next(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
		}
	}
}

// need lets requests pass whose token gives the scope.
func (a *auth) need(scope Scope, next http.HandlerFunc) http.HandlerFunc {
	return a.known(func(w http.ResponseWriter, r *http.Request) {
		if !callerOf(r.Context()).may(scope) {
			problem(w, http.StatusForbidden, "the token has no scope \""+string(scope)+"\"", "make another with `tenon token create --scopes "+string(scope)+"`")
			return
		}
		next(w, r)
	})
}

// direct reports whether a request came to the loopback address itself: not by
// way of a proxy, and not through a foreign name that was made to resolve to
// this machine. HTTP/1.0 is what proxies speak that say nothing of themselves;
// no browser does.
func direct(r *http.Request) bool {
	if !r.ProtoAtLeast(1, 1) {
		return false
	}
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	return isLoopback(r.Host)
}

// isLoopback reports whether host or host:port is this machine.
func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

// onlyLocal reports whether a service with this listen address and public URL
// is reached from its own machine only.
func onlyLocal(listen, publicURL string) bool {
	u, err := url.Parse(publicURL)
	return isLoopback(listen) && err == nil && (publicURL == "" || isLoopback(u.Host))
}
