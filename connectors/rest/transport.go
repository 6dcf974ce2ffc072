package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// body is an answer's body, read whole, with the verdict on the answer.
type body struct {
	bytes.Reader
	raw     []byte
	failure *Failure      // nil for an answer that is accepted
	stream  io.ReadCloser // in place of raw, for a file
}

// Close implements io.Closer.
func (*body) Close() error { return nil }

// attempt is the round tripper below the retries: one request, sent a second
// time only after a 401 that new credentials may mend. Errors are
// *connectors.Error with Kind, RetryAfter and Unsure set, or the context's.
type attempt struct{ *Client }

// RoundTrip implements http.RoundTripper.
func (c attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := c.allowed(req); err != nil {
		closeBody(req)
		return nil, err
	}
	call := callOf(req)
	for again := false; ; again = true {
		sent, err := rewound(req, again)
		if err != nil {
			return nil, err
		}
		resp, used, err := c.once(sent, call)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || again || !rewinds(req) {
			return resp, err
		}
		renewed, err := c.auth.Renew(req.Context(), used)
		if err != nil {
			return nil, c.authError(err)
		}
		if !renewed {
			return resp, nil
		}
	}
}

// allowed refuses requests to strangers: they would get the credentials.
func (c attempt) allowed(req *http.Request) error {
	if c.ours(req.URL) {
		return nil
	}
	return &connectors.Error{
		Kind: connectors.Internal,
		Err:  fmt.Errorf("refused to send a request to %s://%s, which is not %s", req.URL.Scheme, req.URL.Host, c.base.Host),
		Help: "check the connection's base URL",
	}
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

func rewinds(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// rewound returns a copy of the request that may be changed and sent.
func rewound(req *http.Request, again bool) (*http.Request, error) {
	sent := req.Clone(req.Context())
	if !again || req.GetBody == nil {
		return sent, nil
	}
	b, err := req.GetBody()
	if err != nil {
		return nil, &connectors.Error{Kind: connectors.Internal, Err: err}
	}
	sent.Body = b
	return sent, nil
}

// once sends the request through the gate and reads the whole answer. It
// returns the stamp of the credentials used.
func (c attempt) once(req *http.Request, call Call) (resp *http.Response, used string, err error) {
	ctx := req.Context()
	used, err = c.auth.Authorize(req) // may wait for a renewal: before the slot is taken
	if err != nil {
		closeBody(req)
		return nil, "", c.authError(err)
	}
	place, err := c.gate.enter(ctx, call.Lane, call.Units)
	if err != nil {
		closeBody(req)
		return nil, used, notSent(err)
	}
	var learnt Learnt
	defer func() { place.leave(learnt) }()
	for name, values := range c.cfg.Header {
		if req.Header.Get(name) == "" {
			req.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	if c.agent != "" {
		req.Header.Set("User-Agent", c.agent)
	}
	start := c.clock.Now()
	resp, err = c.exchange(req, call)
	learnt = c.account(req, call, resp, start)
	return resp, used, err
}

// exchange is the network part: one request and its whole answer within the
// time limit.
func (c attempt) exchange(req *http.Request, call Call) (*http.Response, error) {
	var wire wire
	timeout := c.cfg.Timeout
	if call.streams {
		timeout = max(timeout, fileTimeout)
	}
	ctx, cancel := context.WithTimeoutCause(req.Context(), timeout, fmt.Errorf("no whole answer within %v", timeout))
	handedOn := false
	defer func() {
		if !handedOn {
			cancel()
		}
	}()
	sent := c.clock.Now()
	resp, err := c.send.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, wire.trace())))
	if err != nil {
		return nil, &connectors.Error{
			Kind: connectors.Unavailable, Unsure: !call.Reads && wire.mayHaveSent(err),
			Err: c.plain(ctx, err),
		}
	}
	if call.streams && call.Reads && resp.StatusCode >= 200 && resp.StatusCode < 300 {
		handedOn = true
		c.gate.calm()
		resp.Body = &body{stream: &opened{ReadCloser: resp.Body, cancel: cancel}}
		return resp, nil
	}
	limit := c.cfg.MaxBody
	if call.MaxBody > 0 {
		limit = call.MaxBody
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	_ = resp.Body.Close()
	if err == nil && int64(len(raw)) > limit {
		return nil, &connectors.Error{
			Kind: connectors.Internal, Unsure: !call.Reads,
			Err: fmt.Errorf("the answer is longer than %d bytes", limit),
		}
	}
	if err != nil {
		return nil, &connectors.Error{
			Kind: connectors.Unavailable, Unsure: !call.Reads,
			Err: fmt.Errorf("the answer (%s) was cut short: %w", resp.Status, c.plain(ctx, err)),
		}
	}
	b := &body{raw: raw}
	b.Reset(raw)
	resp.Body, resp.ContentLength = b, int64(len(raw))
	if !accepted(resp.StatusCode, call) {
		b.failure = c.explain(req, resp, raw, call, sent)
	} else {
		c.gate.calm()
	}
	return resp, nil
}

func accepted(status int, call Call) bool {
	return status >= 200 && status < 300 || slices.Contains(call.Accept, status)
}

// explain judges a refused request and lets the whole connection pause where
// the system asks for it.
func (c attempt) explain(req *http.Request, resp *http.Response, raw []byte, call Call, sent time.Time) *Failure {
	a := &Answer{
		Status: resp.StatusCode, Header: resp.Header, Method: req.Method, Path: c.template(req, call),
		Body: []byte(c.scrub(string(raw))), // before anything is cut out of it
	}
	f := failureOf(a, call.Reads, c.clock.Now())
	if c.cfg.Explain != nil {
		c.cfg.Explain(a, f)
	}
	f.Message = c.scrub(f.Message)
	for i := range f.Fields {
		f.Fields[i].Reason = c.scrub(f.Fields[i].Reason)
	}
	if f.Kind == connectors.RateLimited || f.RetryAfter > 0 {
		f.RetryAfter = c.gate.pause(f.RetryAfter, sent)
		c.log.Warn("connection paused", "status_code", a.Status, "wait", f.RetryAfter)
	}
	return f
}

// account tells metrics about an exchange, and returns what its answer told.
func (c attempt) account(req *http.Request, call Call, resp *http.Response, start time.Time) (learnt Learnt) {
	now := c.clock.Now()
	told := connectors.Call{
		Connection: c.cfg.Connection, Method: req.Method, Path: c.template(req, call),
		Duration: now.Sub(start),
	}
	if resp != nil {
		told.Status = resp.StatusCode
		learnt = c.cfg.Limits(resp.Header, now)
		told.Limit = learnt.Limit
	}
	c.log.Debug("request", "method", told.Method, "path", told.Path, "status_code", told.Status, "duration", told.Duration)
	if c.tell != nil {
		c.tell(told)
	}
	return learnt
}

func (c attempt) template(req *http.Request, call Call) string {
	if call.Path != "" {
		return call.Path
	}
	return c.cfg.Template(req)
}

// plain returns the cause of a transport error without what may be secret.
func (c attempt) plain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if text := err.Error(); text != c.scrub(text) {
		return errors.New(c.scrub(text))
	}
	return err
}

// wire watches whether any byte of a request may have left.
type wire struct{ asked, got atomic.Bool }

func (w *wire) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { w.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { w.got.Store(true) },
	}
}

// mayHaveSent reports whether a request that ended in err may have reached the
// system. It is false only for certain: no connection was ever had.
func (w *wire) mayHaveSent(err error) bool {
	if w.asked.Load() {
		return w.got.Load()
	}
	// A transport that does not tell: only errors that come before a
	// connection are certain.
	var dns *net.DNSError
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns), errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &record):
		return false
	case errors.As(err, &op):
		return op.Op != "dial"
	}
	return true
}

// notSent turns an error of the gate into a sure one. It may be the cause of a
// context that other calls share, so it is not changed itself.
func notSent(err error) error {
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		own := *e
		own.Unsure = false
		return &own
	}
	return &connectors.Error{Kind: connectors.Unavailable, Err: err}
}

// authError completes an error of the credentials. A token endpoint may quote
// what it was sent.
func (c attempt) authError(err error) error {
	e := &connectors.Error{Kind: connectors.Auth, Err: err}
	if given, ok := errors.AsType[*connectors.Error](err); ok {
		own := *given
		e = &own
	} else if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		e.Kind = connectors.Unavailable
	}
	if e.Err != nil {
		if text := e.Err.Error(); text != c.scrub(text) {
			e.Err = errors.New(c.scrub(text))
		}
	}
	return e
}
