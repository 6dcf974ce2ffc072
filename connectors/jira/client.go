package jira

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// do sends a request below the REST API's root; the path starts with "/issue".
func (c *Connection) do(ctx context.Context, r rest.Request) (*rest.Response, error) {
	r.Path = c.api + r.Path
	return c.http.Do(ctx, r)
}

// calling describes a call that go-jira makes.
func calling(ctx context.Context, path string) context.Context {
	return rest.WithCall(ctx, rest.Call{Path: "/rest/api/2" + path})
}

// Headers with which Jira tells that it took a call for an anonymous one.
const (
	loginReasonHeader = "X-Seraph-Loginreason"
	deniedHeader      = "X-Authentication-Denied-Reason"
)

// loginGuard turns answers to anonymous callers into 401: every call of a
// connection carries credentials, so nobody being logged in means that they
// were refused.
type loginGuard struct {
	next  http.RoundTripper
	owned *http.Transport // next, when it is ours to close
}

func newLoginGuard(next http.RoundTripper) *loginGuard {
	if next != nil {
		return &loginGuard{next: next}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = rest.DefaultConcurrent
	t.MaxResponseHeaderBytes = 1 << 20
	return &loginGuard{next: t, owned: t}
}

func (g *loginGuard) close() {
	if g.owned != nil {
		g.owned.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (g *loginGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(req)
	if err != nil || resp.StatusCode >= 500 || resp.Header.Get(deniedHeader) != "" {
		return resp, err
	}
	reason := resp.Header.Get(loginReasonHeader)
	refused := slices.Contains([]string{"AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED", "AUTHORISATION_FAILED", "OUT"}, reason)
	page := resp.StatusCode == http.StatusOK && strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") &&
		!strings.Contains(req.URL.Path, "/attachment/") // a page that somebody attached
	if refused || page {
		resp.StatusCode, resp.Status = http.StatusUnauthorized, "401 Unauthorized"
		resp.Header.Set("X-Tenon-Anonymous", "true")
	}
	return resp, nil
}

// refusal is the body of Jira's errors.
type refusal struct {
	ErrorMessages []string                   `json:"errorMessages"`
	Errors        map[string]json.RawMessage `json:"errors"`
	Message       string                     `json:"message"`
}

// words returns the messages and the fields that a refusal names, in order.
func (r *refusal) words() (string, []connectors.FieldError) {
	messages := slices.Clone(r.ErrorMessages)
	if r.Message != "" {
		messages = append(messages, r.Message)
	}
	var fields []connectors.FieldError
	for name, raw := range r.Errors {
		var reason string
		if json.Unmarshal(raw, &reason) != nil {
			reason = string(raw)
		}
		fields = append(fields, connectors.FieldError{Field: name, Reason: rest.Clip(reason)})
	}
	slices.SortFunc(fields, func(a, b connectors.FieldError) int { return strings.Compare(a.Field, b.Field) })
	if len(messages) == 0 {
		for _, f := range fields {
			messages = append(messages, f.Field+": "+f.Reason)
		}
	}
	return rest.Clip(strings.Join(messages, "; ")), fields
}

const (
	helpToken = "create a new API token in Jira and put it into the connection's settings"
	helpScope = "give the token the scopes read:jira-work, write:jira-work and read:jira-user"
)

// explain completes the account of a refused request.
func explain(clock connectors.Clock) func(*rest.Answer, *rest.Failure) {
	return func(a *rest.Answer, f *rest.Failure) {
		var r refusal
		if json.Unmarshal(a.Body, &r) == nil {
			if words, fields := r.words(); words != "" {
				f.Message = words
				if a.Status == http.StatusBadRequest {
					f.Fields = fields
				}
			}
		}
		switch a.Status {
		case http.StatusUnauthorized:
			f.Help = helpToken
			if bytes.Contains(a.Body, []byte("scope does not match")) {
				f.Kind, f.Help = connectors.Permission, helpScope
			}
			if a.Header.Get("X-Tenon-Anonymous") != "" {
				f.Message, f.Fields = "Jira took the call for an anonymous one: the credentials are wrong or have expired", nil
			}
		case http.StatusForbidden:
			if a.Header.Get(deniedHeader) != "" {
				f.Kind, f.Help = connectors.Auth, "log in to Jira in a browser once, to answer its CAPTCHA"
			}
		case http.StatusGone:
			f.Kind = connectors.Internal
		case http.StatusTooManyRequests:
			if f.RetryAfter == 0 {
				if t, err := parseTime(a.Header.Get("X-RateLimit-Reset")); err == nil {
					f.RetryAfter = min(max(t.Sub(clock.Now()), time.Second), time.Hour)
				}
			}
		}
	}
}
