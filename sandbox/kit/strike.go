package kit

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
	"time"
)

// An ErrorWriter renders an injected error in the vendor's own shape: status is
// 429 or 5xx; retryAfter is in seconds, 0 for none. Kit has already set the
// Retry-After header.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, status, retryAfter int)

// Wrap lets the rules strike the requests on their way to next.
func (f *Faults) Wrap(clock Clock, render ErrorWriter, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rule, struck := f.strike(false, r.Method, r.URL.Path)
		if !struck {
			next.ServeHTTP(w, r)
			return
		}
		if sw, ok := w.(*statusWriter); ok {
			sw.fault = string(rule.Kind)
		}
		s := striker{rule: rule, clock: clock, render: render, next: next}
		s.serve(w, r)
	})
}

type striker struct {
	rule   Rule
	clock  Clock
	render ErrorWriter
	next   http.Handler
}

func (s striker) serve(w http.ResponseWriter, r *http.Request) {
	switch s.rule.Kind {
	case Latency:
		if s.wait(r, time.Second) {
			s.next.ServeHTTP(w, r)
		}
	case RateLimit:
		s.fail(w, r, http.StatusTooManyRequests)
	case ServerError:
		s.fail(w, r, http.StatusInternalServerError)
	case ErrorAfter:
		s.record(r)
		s.fail(w, r, http.StatusBadGateway)
	case ResetBefore:
		drop(w)
	case ResetAfter:
		s.record(r)
		drop(w)
	case Timeout:
		s.wait(r, 30*time.Second)
		drop(w)
	case TimeoutAfter:
		s.record(r)
		s.wait(r, 30*time.Second)
		drop(w)
	case Truncate:
		rec := s.record(r)
		rec.header.Set("Content-Length", strconv.Itoa(rec.body.Len()))
		rec.copyTo(w, rec.body.Bytes()[:rec.body.Len()/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // closes the connection behind what was sent
	case Malformed:
		rec := s.record(r)
		rec.header.Del("Content-Length")
		rec.copyTo(w, rec.body.Bytes()[:rec.body.Len()/2])
	default:
		s.next.ServeHTTP(w, r)
	}
}

// wait reports whether the rule's delay passed before the client gave up.
func (s striker) wait(r *http.Request, unset time.Duration) bool {
	d := time.Duration(s.rule.Delay)
	if d == 0 {
		d = unset
	}
	t := s.clock.TimerAt(s.clock.Now().Add(d))
	defer t.Stop()
	select {
	case <-t.C():
		return true
	case <-r.Context().Done():
		return false
	}
}

func (s striker) fail(w http.ResponseWriter, r *http.Request, unset int) {
	status := s.rule.Status
	if status == 0 {
		status = unset
	}
	if s.rule.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(s.rule.RetryAfter))
	}
	if s.render != nil {
		s.render(w, r, status, s.rule.RetryAfter)
		return
	}
	http.Error(w, http.StatusText(status), status)
}

// record lets the request take effect and keeps the answer.
func (s striker) record(r *http.Request) *recorder {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	s.next.ServeHTTP(rec, r)
	return rec
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func (r *recorder) copyTo(w http.ResponseWriter, body []byte) {
	for k, v := range r.header {
		w.Header()[k] = v
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(body)
}

// drop closes the connection with a reset where the transport allows it.
func drop(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
