package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Config is what a server works with. Engine, Tokens and Signer are required;
// zero fields mean the defaults.
type Config struct {
	Engine      Engine
	Tokens      Tokens
	Signer      *Signer
	Connections map[string]connectors.Connection
	Sources     map[string]Source // the convertible side of each mapping with a button
	Grants      Grants            // takes new consents; nil: none are taken
	Rules       Rules             // the mapping files as they are now; nil: there are none

	Listen    string // the address that Serve's listener has, to know whether it is loopback
	PublicURL string // without a slash at the end
	Zone      *time.Location
	Version   string
	Clock     connectors.Clock
	Logger    *slog.Logger
	Metrics   *Metrics
	Sessions  *Sessions // of the pages; given by who starts several servers one after another
	OIDC      OIDC      // another way to log in to the pages

	MaxBody         int64          // bytes; 4 MiB
	MaxHeld         int64          // bytes of bodies larger than 64 KiB in memory; 16 × MaxBody
	MaxSpooled      int64          // bytes of the files that jobs take and write; 2 GiB
	MaxRequests     int            // at the same time, for each connection's webhooks and for the rest; 256
	MaxConnections  int            // of clients; 4 × MaxRequests
	ReadTimeout     time.Duration  // 30 s
	WriteTimeout    time.Duration  // 2 min
	ShutdownTimeout time.Duration  // 30 s
	PressWait       time.Duration  // 20 s
	SessionIdle     time.Duration  // of the pages, without a request; 1 h
	SessionLife     time.Duration  // in any case; 12 h
	TrustedProxies  []netip.Prefix // whose X-Forwarded-For says where a login comes from
	TempDir         string         // for the files of jobs, which hold customers' values; the system's

	room    *room // for large webhooks
	apiRoom *room // for large bodies of the API
}

// Server answers HTTP.
type Server struct {
	config  *Config
	handler http.Handler
	jobs    *jobs
}

// New returns a server that does not listen yet.
func New(c Config) (*Server, error) {
	if c.Engine == nil || c.Tokens.Store == nil || c.Signer == nil {
		return nil, fmt.Errorf("server: an engine, tokens and a signer are needed")
	}
	c.setDefaults()
	if err := c.OIDC.check(); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	c.room, c.apiRoom = &room{limit: c.MaxHeld}, &room{limit: max(c.MaxHeld, maxPairsBody)}
	if err := c.Metrics.watch(c.Engine); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	a := &auth{tokens: c.Tokens, signer: c.Signer, config: &c, openPages: onlyLocal(c.Listen, c.PublicURL)}
	h, err := newHooks(&c)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	j, err := newJobs(&c)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	p, err := newPages(&c, a, j)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	if err := (api{&c, a, j}).mount(mux, h.routes(), convert{&c, a, p}.routes(), health{&c}.routes()); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	p.mount(mux)
	mux.HandleFunc("GET /metrics", a.page(c.Metrics.handler().ServeHTTP))
	return &Server{config: &c, handler: c.wrap(mux), jobs: j}, nil
}

func (c *Config) setDefaults() {
	span := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	span(&c.ReadTimeout, 30*time.Second)
	span(&c.WriteTimeout, 2*time.Minute)
	span(&c.ShutdownTimeout, 30*time.Second)
	span(&c.PressWait, 20*time.Second)
	span(&c.SessionIdle, time.Hour)
	span(&c.SessionLife, 12*time.Hour)
	if c.MaxBody == 0 {
		c.MaxBody = 4 << 20
	}
	if c.MaxHeld == 0 {
		c.MaxHeld = 16 * c.MaxBody
	}
	if c.MaxSpooled == 0 {
		c.MaxSpooled = 2 * maxSpooled
	}
	if c.MaxRequests == 0 {
		c.MaxRequests = 256
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = 4 * c.MaxRequests
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Clock == nil {
		c.Clock = connectors.SystemClock()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics()
	}
	if c.Sessions == nil {
		c.Sessions = NewSessions()
	}
}

// Handler returns the whole service as one handler. Who uses it without Serve
// calls Close at the end.
func (s *Server) Handler() http.Handler { return s.handler }

// Close cancels the jobs that are at work and waits for them. Serve does that
// by itself; a repeat is harmless.
func (s *Server) Close() { s.jobs.close() }

// maxHeader bounds a request's line and headers, in bytes.
const maxHeader = 32 << 10

// Serve answers on l until ctx ends, then waits for open requests as long as
// the shutdown time-out allows. It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	c := s.config
	defer s.Close()
	guests := newCrowd(l, c.MaxConnections)
	hs := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: min(10*time.Second, c.ReadTimeout),
		ReadTimeout:       c.ReadTimeout,
		WriteTimeout:      c.WriteTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ConnState:         guests.state,
		ConnContext:       guests.context,
		ErrorLog:          slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(guests) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	// Open requests may end in peace, although the service is being stopped;
	// jobs are told to end now, so that none is waited for in vain.
	s.Close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.ShutdownTimeout)
	defer cancel()
	err := hs.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = hs.Close()
	}
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// wrap puts the bounds and the common headers around all routes.
func (c *Config) wrap(mux *http.ServeMux) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusForbidden, "a form of another site may not act here", "open the page itself")
	}))
	inner := crossOrigin.Handler(mux)
	places := make(chan struct{}, c.MaxRequests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := c.Clock.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				c.recovered(rec, r, p)
			}
			c.Metrics.request(r.Pattern, rec.status(), c.Clock.Now().Sub(start))
		}()
		if isHook(r) {
			// Webhooks have places of their own, so that pages cannot keep them
			// out; and no browser's cookies, so they may come from anywhere.
			mux.ServeHTTP(rec, r)
			return
		}
		h := w.Header()
		h["X-Content-Type-Options"], h["Referrer-Policy"] = noSniff, ownReferrer
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			complete(r)
			inner.ServeHTTP(rec, r)
		default:
			_, r.Pattern = mux.Handler(r)
			setRetryAfter(rec, 0)
			problem(rec, http.StatusServiceUnavailable, "too many requests at the same time", "")
		}
	})
}

// Values of headers that all answers share. Other sites learn no address. With
// "no-referrer" browsers would also hide from this service where its own forms
// come from, and over plain HTTP, where they send no Sec-Fetch-Site, each form
// would pass for that of another site.
var noSniff, ownReferrer = []string{"nosniff"}, []string{"same-origin"}

// recovered ends a request whose handler panicked. Healthy requests go on.
func (c *Config) recovered(rec *recorder, r *http.Request, p any) {
	if p == http.ErrAbortHandler { //nolint:errorlint // the very value, by net/http's contract
		panic(p)
	}
	c.Logger.ErrorContext(r.Context(), "request panicked", "op", r.Pattern, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
	if rec.code == 0 {
		problem(rec, http.StatusInternalServerError, "an internal error; see the service's log", "")
	}
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	code int
}

func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
