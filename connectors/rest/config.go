package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Defaults of Config and Pace.
const (
	DefaultMaxBody    = 32 << 20
	DefaultTimeout    = 60 * time.Second
	DefaultRetries    = 3
	DefaultConcurrent = 8
	DefaultMaxWait    = 30 * time.Second
)

// Config describes one connection's HTTP side. Zero fields mean defaults.
type Config struct {
	Connection string   // the connection's name, for errors and metrics
	BaseURL    string   // required; http or https, a path prefix is kept
	Hosts      []string // more hosts that may be sent the credentials
	Auth       Auth     // default: none

	Header http.Header // sent with every request
	Pace   Pace
	Lanes  map[string]Pace // allowances of their own, by the Request.Lane that uses them

	MaxBody int64         // bytes of an answer; default 32 MiB
	Timeout time.Duration // of one attempt, body included; default 60 s
	Retries int           // repeats of what may be repeated; default 3, negative none

	// Explain completes the account of a refused request: the system's own
	// words, the fields it names, and where the status alone misleads, the kind
	// and the wait. The failure comes filled in from the status. It is called
	// for every answer outside 2xx that the request does not accept, possibly
	// by several goroutines at once.
	Explain func(answer *Answer, failure *Failure)

	// Limits reads the allowance from an answer's headers. Default:
	// StandardLimits.
	Limits func(h http.Header, now time.Time) Learnt

	// Template names the path of a request that carries no WithCall. Default:
	// the path with "{id}" for each segment that looks like an id.
	Template func(r *http.Request) string
}

// Pace is how fast a connection or a lane may go.
type Pace struct {
	PerSecond float64 // 0: as learnt from the system's headers
	Untold    float64 // requests a second until headers tell; 0: unbounded
	Burst     int     // requests at once after a rest; default: a second's worth, a twentieth of a learnt window

	// The rest counts for the connection only, not for a lane.
	Concurrent int            // requests under way at the same time; default 8
	MaxWait    time.Duration  // a longer pause is answered RateLimited; default 30 s
	Daily      int            // requests a day where no header tells; 0: unknown
	DailyShare int            // percent of the allowances of a day, or a long window, that Tenon may use; 0: 100
	DayZone    *time.Location // where the system's day ends; default: UTC, and as the headers show

	zoneSet bool
}

// Client sends a connection's requests. It is safe for concurrent use.
type Client struct {
	cfg   Config
	base  *url.URL
	hosts map[string]bool
	auth  Auth
	log   *slog.Logger
	clock connectors.Clock
	tell  func(connectors.Call)
	agent string

	send  http.RoundTripper // the network
	owned *http.Transport   // send, when it is ours to close
	gate  *gate
	http  *http.Client
	rand  func() float64 // jitter, in [0,1)
}

// New returns a client. It does no I/O. The error says what is wrong with the
// base URL or the credentials.
func New(cfg Config, opts connectors.Options) (*Client, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	fillDefaults(&cfg)
	c := &Client{
		cfg: cfg, base: base, auth: cfg.Auth,
		hosts: map[string]bool{hostOf(base): true},
		log:   opts.Logger, clock: opts.Clock, tell: opts.Observe, agent: opts.UserAgent,
		send: opts.Transport, rand: rand.Float64,
	}
	for _, h := range cfg.Hosts {
		c.hosts[hostOf(&url.URL{Scheme: base.Scheme, Host: h})] = true
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.log = c.log.With("connection", cfg.Connection)
	if c.clock == nil {
		c.clock = connectors.SystemClock()
	}
	if c.send == nil {
		c.owned = ownTransport(cfg.Pace.Concurrent)
		c.send = c.owned
	}
	if b, ok := c.auth.(binder); ok {
		if err := b.bind(c.send, c.clock, opts.Tokens); err != nil {
			return nil, err
		}
	}
	c.gate = newGate(c.clock, cfg.Pace, cfg.Lanes)
	c.gate.ledger.store, c.gate.ledger.log = opts.Tokens, c.log
	c.http = &http.Client{Transport: c.withRetries(), CheckRedirect: c.checkRedirect}
	return c, nil
}

func fillDefaults(cfg *Config) {
	if cfg.Auth == nil {
		cfg.Auth = None()
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Retries == 0 {
		cfg.Retries = DefaultRetries
	}
	if cfg.Pace.Concurrent <= 0 {
		cfg.Pace.Concurrent = DefaultConcurrent
	}
	if cfg.Pace.MaxWait <= 0 {
		cfg.Pace.MaxWait = DefaultMaxWait
	}
	if cfg.Pace.DailyShare <= 0 || cfg.Pace.DailyShare > 100 {
		cfg.Pace.DailyShare = 100
	}
	if cfg.Pace.zoneSet = cfg.Pace.DayZone != nil; !cfg.Pace.zoneSet {
		cfg.Pace.DayZone = time.UTC
	}
	if cfg.Limits == nil {
		cfg.Limits = StandardLimits
	}
	if cfg.Template == nil {
		cfg.Template = guessTemplate
	}
}

func parseBase(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	switch {
	case err != nil:
		return nil, errors.New("the base URL is not a URL; write https://host")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, fmt.Errorf("the base URL %q is not complete; write https://host", u.Redacted())
	case u.User != nil:
		return nil, errors.New("the base URL holds credentials; they belong in the connection's settings")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the base URL holds a query; write https://host only")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// hostOf returns the host in lower case, with its port unless it is the
// scheme's own.
func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" || port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http" {
		return strings.ToLower(u.Hostname())
	}
	return strings.ToLower(u.Hostname()) + ":" + port
}

// ours reports whether an address belongs to the connection, so that it may be
// sent the credentials.
func (c *Client) ours(u *url.URL) bool {
	return c.hosts[hostOf(u)] && (u.Scheme == "https" || u.Scheme == c.base.Scheme)
}

func ownTransport(concurrent int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = concurrent
	t.MaxResponseHeaderBytes = 1 << 20
	return t
}

// HTTP returns an HTTP client over the same stack, for vendors' libraries.
// Answers with an error status come back as answers; see ErrorOf.
func (c *Client) HTTP() *http.Client { return c.http }

// Base returns a copy of the base URL, without a slash at its end.
func (c *Client) Base() *url.URL {
	u := *c.base
	return &u
}

// Budget returns how the connection stands with its allowances. It asks the
// system nothing.
func (c *Client) Budget() connectors.Budget {
	if err := c.gate.load(context.Background()); err != nil {
		c.log.Debug("allowances unknown", "err", err)
	}
	return c.gate.standing(c.clock.Now())
}

// SetDayZone says in which zone the system's day ends, once that is known.
func (c *Client) SetDayZone(zone *time.Location) {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.gate.budget.setZone(zone, c.clock.Now())
}

// Close fails the calls that wait, and those that come. It waits for nothing
// that is under way; closing twice is harmless.
func (c *Client) Close() error {
	c.gate.close()
	if c.owned != nil {
		c.owned.CloseIdleConnections()
	}
	return nil
}

// Call describes a request that a vendor's library sends. Do fills one in from
// its Request.
type Call struct {
	Path       string // the template, for metrics
	Lane       string
	Reads      bool // a POST that changes nothing: it may be repeated and is never unsure
	Idempotent bool // a write that may be repeated
	MaxBody    int64
	Accept     []int // statuses outside 2xx that are no failure
	Units      int   // as Request.Units

	streams bool // the answer's body, or the request's, is a file
}

type callKey struct{}

// WithCall returns a context that describes the requests made with it.
func WithCall(ctx context.Context, call Call) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

func callOf(r *http.Request) Call {
	call, _ := r.Context().Value(callKey{}).(Call)
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, "":
		call.Reads = true
	}
	return call
}

func (c *Client) repeatable(call Call) bool { return call.Reads || call.Idempotent }
