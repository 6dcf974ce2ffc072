package rest

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Auth puts credentials onto requests. Implementations are safe for concurrent
// use.
type Auth interface {
	// Authorize adds the credentials to the request, which it may change, and
	// returns a stamp that names them without revealing them. It may wait for a
	// renewal, within the request's context.
	Authorize(req *http.Request) (stamp string, err error)

	// Renew is told that the system refused the credentials of the stamp with
	// 401. It reports whether others are at hand now, so that the request is
	// worth sending again.
	Renew(ctx context.Context, stamp string) (bool, error)

	// Secrets returns the texts that must not show in errors and logs.
	Secrets() []string
}

// binder is an Auth that needs the client's means.
type binder interface {
	bind(send http.RoundTripper, clock connectors.Clock, tokens connectors.TokenStore) error
}

// static is an Auth whose credentials never change.
type static struct {
	header, value string
	query         url.Values
	secrets       []string
}

// None returns an Auth that adds nothing.
func None() Auth { return static{} }

// Bearer returns an Auth that sends "Authorization: Bearer token".
func Bearer(token string) Auth {
	return static{header: "Authorization", value: "Bearer " + token, secrets: []string{token}}
}

// Basic returns an Auth that sends HTTP basic authentication.
func Basic(user, password string) Auth {
	coded := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	return static{header: "Authorization", value: "Basic " + coded, secrets: []string{password, coded}}
}

// Header returns an Auth that sends one header. Secrets are the parts of its
// value that must not show; none means the whole value.
func Header(name, value string, secrets ...string) Auth {
	if len(secrets) == 0 {
		secrets = []string{value}
	}
	return static{header: name, value: value, secrets: secrets}
}

// Query returns an Auth that sends query parameters. All their values count as
// secret.
func Query(params map[string]string) Auth {
	s := static{query: url.Values{}}
	for name, v := range params {
		s.query.Set(name, v)
		s.secrets = append(s.secrets, v, url.QueryEscape(v))
	}
	return s
}

// Authorize implements Auth.
func (s static) Authorize(req *http.Request) (string, error) {
	if s.header != "" {
		req.Header.Set(s.header, s.value)
	}
	if len(s.query) > 0 {
		q := req.URL.Query()
		for name := range s.query {
			q.Set(name, s.query.Get(name))
		}
		req.URL.RawQuery = q.Encode()
	}
	return "", nil
}

// Renew implements Auth: there is nothing else to try.
func (static) Renew(context.Context, string) (bool, error) { return false, nil }

// Secrets implements Auth.
func (s static) Secrets() []string { return s.secrets }

// AccessToken is a token that runs out. A zero Expiry means that it does not.
// Origin is where it is used, "https://host", where the system says so itself;
// empty: at the base URL's host. Requests for the base URL's host go there then.
type AccessToken struct {
	Token  string
	Scheme string // before the token in the header; default "Bearer"
	Expiry time.Time
	Origin string
}

// Fetched returns an Auth that gets its token by a call of fetch, again
// shortly before it runs out and when the system refuses it. One fetch runs at
// a time; its errors should be *connectors.Error. The http.Client given to
// fetch has the connection's transport, without credentials, gate or retries,
// and is bounded to 30 s.
func Fetched(fetch func(ctx context.Context, client *http.Client) (AccessToken, error)) Auth {
	return &fetched{fetch: fetch, turn: make(chan struct{}, 1)}
}

// early is how long before its end a token is taken for expired, unless it
// lives so short that this were most of its life.
const early = time.Minute

type fetched struct {
	fetch  func(ctx context.Context, client *http.Client) (AccessToken, error)
	client *http.Client
	clock  connectors.Clock

	turn      chan struct{} // holds one: whose turn it is to fetch
	pause     error         // why nothing is fetched until pausedFor; belongs to the turn
	pausedFor time.Time

	mu      sync.Mutex
	current AccessToken
	renewAt time.Time // when current is taken for expired; zero: never
	secrets []string  // the tokens of late, newest last
}

func (f *fetched) bind(send http.RoundTripper, clock connectors.Clock, _ connectors.TokenStore) error {
	f.clock = clock
	f.client = tokenClient(send)
	return nil
}

func tokenClient(send http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: send, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Authorize implements Auth.
func (f *fetched) Authorize(req *http.Request) (string, error) {
	t, err := f.token(req.Context(), "")
	if err != nil {
		return "", err
	}
	scheme := t.Scheme
	if scheme == "" {
		scheme = "Bearer"
	}
	if err := moveTo(req, t.Origin); err != nil {
		return "", err
	}
	req.Header.Set("Authorization", scheme+" "+t.Token)
	return t.Token, nil
}

// moveTo sends a request to another origin. One that would leave TLS, or is no
// origin, is refused: the token would go there.
func moveTo(req *http.Request, origin string) error {
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != req.URL.Scheme {
		return &connectors.Error{Kind: connectors.Internal, Err: errors.New("the system names an address for its tokens that is none, or not safe")}
	}
	req.URL.Scheme, req.URL.Host, req.Host = u.Scheme, u.Host, ""
	return nil
}

// Renew implements Auth.
func (f *fetched) Renew(ctx context.Context, stamp string) (bool, error) {
	t, err := f.token(ctx, stamp)
	return err == nil && t.Token != stamp, err
}

// token returns a good token that is not the refused one.
func (f *fetched) token(ctx context.Context, refused string) (AccessToken, error) {
	if t, ok := f.good(refused); ok {
		return t, nil
	}
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return AccessToken{}, notSent(context.Cause(ctx))
	}
	if t, ok := f.good(refused); ok {
		return t, nil // another call fetched it meanwhile
	}
	if err := f.paused(); err != nil {
		return AccessToken{}, err
	}
	t, err := f.fetch(ctx, f.client)
	if err == nil && !fitsHeader(t.Scheme+t.Token) {
		err = &connectors.Error{Kind: connectors.Unavailable, Err: errors.New("renew the access token: what was granted is no token")}
	}
	if err != nil {
		f.pause, f.pausedFor = err, f.clock.Now().Add(connectors.RetryAfter(err))
		return AccessToken{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.current, f.renewAt = t, renewAt(t, f.clock.Now())
	f.secrets = append(f.secrets, t.Token)
	f.secrets = f.secrets[max(len(f.secrets)-4, 0):]
	return t, nil
}

// fitsHeader reports whether a text can stand in a header.
func fitsHeader(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// paused returns the last error while the wait that it asked for lasts.
func (f *fetched) paused() error {
	left := f.pausedFor.Sub(f.clock.Now())
	e, ok := errors.AsType[*connectors.Error](f.pause)
	if left <= 0 || !ok {
		return nil
	}
	again := *e
	again.RetryAfter = left
	return &again
}

func (f *fetched) good(refused string) (AccessToken, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.current
	return t, t.Token != "" && t.Token != refused && (f.renewAt.IsZero() || f.clock.Now().Before(f.renewAt))
}

func renewAt(t AccessToken, now time.Time) time.Time {
	if t.Expiry.IsZero() {
		return time.Time{}
	}
	return t.Expiry.Add(-min(early, t.Expiry.Sub(now)/4))
}

// Secrets implements Auth.
func (f *fetched) Secrets() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.secrets...)
}
