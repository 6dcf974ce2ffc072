package rest

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

func TestWhatIsUnsure(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		kind    connectors.Kind
		unsure  bool
	}{
		{"cut before the answer", func(w http.ResponseWriter, _ *http.Request) { cutOff(w) }, connectors.Unavailable, true},
		{"cut within the answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"id":`)
		}, connectors.Unavailable, true},
		{"nonsense as success", answer(200, `{"id":`), connectors.Internal, true},
		{"400", answer(400, `{"message":"no"}`), connectors.Invalid, false},
		{"401", answer(401, ``), connectors.Auth, false},
		{"403", answer(403, ``), connectors.Permission, false},
		{"404", answer(404, ``), connectors.NotFound, false},
		{"408", answer(408, ``), connectors.Unavailable, true},
		{"409", answer(409, ``), connectors.Conflict, false},
		{"429", answer(429, ``), connectors.RateLimited, false},
		{"500", answer(500, ``), connectors.Unavailable, true},
		{"502", answer(502, `<html>x</html>`), connectors.Unavailable, true},
		{"503", answer(503, ``), connectors.Unavailable, false},
		{"504", answer(504, ``), connectors.Unavailable, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				tc.handler(w, r)
			}, nil)
			var out struct{ ID string }
			_, err := c.Do(t.Context(), Request{Op: "create", Method: "POST", Path: "/x", Body: 1, Out: &out})
			e := errorOf(t, err)
			if e.Kind != tc.kind || e.Unsure != tc.unsure {
				t.Errorf("kind %v, unsure %v; want %v, %v (%v)", e.Kind, e.Unsure, tc.kind, tc.unsure, e)
			}
			if got := calls.Load(); got != 1 {
				t.Errorf("the write was sent %d times, want once", got)
			}
		})
	}
}

func TestNothingSentIsSure(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	dial := func(err error) http.RoundTripper {
		return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for name, transport := range map[string]http.RoundTripper{
		"refused":             dial(refused),
		"no such host":        dial(&net.DNSError{Err: "no such host", Name: "acme", IsNotFound: true}),
		"unknown certificate": nil,
		"refused, untraced":   roundTripper(func(*http.Request) (*http.Response, error) { return nil, refused }),
	} {
		c, err := New(Config{Connection: "acme", BaseURL: server.URL}, connectors.Options{Clock: newManualClock(), Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Do(t.Context(), Request{Op: "create", Method: "POST", Path: "/x", Body: 1})
		if e := errorOf(t, err); e.Unsure || e.Kind != connectors.Unavailable {
			t.Errorf("%s: %v: kind %v, unsure %v", name, e, e.Kind, e.Unsure)
		}
	}
	reset := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("reset") })
	c, err := New(Config{Connection: "acme", BaseURL: server.URL}, connectors.Options{Clock: newManualClock(), Transport: reset})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(t.Context(), Request{Op: "create", Method: "POST", Path: "/x", Body: 1})
	if e := errorOf(t, err); !e.Unsure {
		t.Errorf("an error that tells nothing is sure: %v", e)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOnlyWhatMayBeRepeatedIs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		req  Request
		want int32
	}{
		{"read", Request{Path: "/x"}, 3},
		{"reading POST", Request{Method: "POST", Path: "/x", Body: 1, Reads: true}, 3},
		{"idempotent write", Request{Method: "PUT", Path: "/x", Body: 1, Idempotent: true}, 3},
		{"write", Request{Method: "PUT", Path: "/x", Body: 1}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.Method != http.MethodGet && string(body) != "1" {
					t.Errorf("body %q", body)
				}
				switch calls.Add(1) {
				case 1:
					cutOff(w)
				case 2:
					w.WriteHeader(http.StatusBadGateway)
				}
			}, nil)
			tc.req.Op = "call"
			_, err := c.Do(t.Context(), tc.req)
			if (err == nil) != (tc.want == 3) {
				t.Errorf("error %v", err)
			}
			if got := calls.Load(); got != tc.want {
				t.Errorf("sent %d times, want %d", got, tc.want)
			}
		})
	}
}

func TestRepeatedWriteStaysUnsure(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			cutOff(w)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}, nil)
	_, err := c.Do(t.Context(), Request{Op: "delete", Method: "DELETE", Path: "/x", Idempotent: true})
	if e := errorOf(t, err); e.Kind != connectors.NotFound || !e.Unsure {
		t.Errorf("kind %v, unsure %v; want not found, true", e.Kind, e.Unsure)
	}
}

func TestRetryAfterHoldsAllCalls(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var free time.Time
	var clock *manualClock
	first := true
	c, clock := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if first {
			first = false
			free = clock.Now().Add(7 * time.Second)
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if clock.Now().Before(free) {
			t.Errorf("a call went out %v early", free.Sub(clock.Now()))
		}
	}, nil)
	_, err := c.Do(t.Context(), Request{Op: "create", Method: "POST", Path: "/x", Body: 1})
	if e := errorOf(t, err); e.Kind != connectors.RateLimited || e.RetryAfter != 7*time.Second || e.Unsure {
		t.Fatalf("error %+v", e)
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestLongPauseIsAnsweredNotWaitedFor(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c, clock := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
	}, nil)
	for range 3 {
		_, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"})
		if e := errorOf(t, err); e.RetryAfter != time.Hour || !e.Kind.Temporary() {
			t.Errorf("kind %v, wait %v; want an hour", e.Kind, e.RetryAfter)
		}
	}
	if got := calls.Load(); got != 1 {
		t.Errorf("%d calls were sent, want 1", got)
	}
	clock.mu.Lock()
	defer clock.mu.Unlock()
	if len(clock.slept) > 0 {
		t.Errorf("slept %v", clock.slept)
	}
}

func TestRefusalWithoutWaitDoubles(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c, clock := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 4 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}, nil)
	start := clock.Now()
	if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); err != nil {
		t.Fatal(err)
	}
	if got, want := clock.Now().Sub(start), 7*time.Second; got != want {
		t.Errorf("waited %v, want 1+2+4 s", got)
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	c, _ := newClient(t, func(http.ResponseWriter, *http.Request) {
		n := now.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		now.Add(-1)
	}, func(cfg *Config, _ *connectors.Options) { cfg.Pace.Concurrent = 3 })
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := most.Load(); got > 3 {
		t.Errorf("%d requests at once, want at most 3", got)
	}
}

func TestReadsAreNeverUnsure(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"cut":      func(w http.ResponseWriter, _ *http.Request) { cutOff(w) },
		"500":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"nonsense": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{") },
	} {
		c, _ := newClient(t, h, nil)
		for _, req := range []Request{{Path: "/x"}, {Method: "POST", Path: "/x", Body: 1, Reads: true}} {
			req.Op, req.Out = "read", &struct{}{}
			_, err := c.Do(t.Context(), req)
			if e := errorOf(t, err); e.Unsure {
				t.Errorf("%s: a read is unsure: %v", name, e)
			}
		}
	}
}

func TestRepeatedWriteStaysUnsureWhenCutOff(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}, func(_ *Config, o *connectors.Options) {
		o.Observe = func(connectors.Call) { cancel() } // between the first attempt and the second
	})
	_, err := c.Do(ctx, Request{Op: "update", Method: "PUT", Path: "/x", Body: 1, Idempotent: true})
	if e := errorOf(t, err); !e.Unsure {
		t.Errorf("unsure %v, want true: %v", e.Unsure, e)
	}
	if got := calls.Load(); got != 1 {
		t.Errorf("sent %d times after the context had ended, want 1", got)
	}
}

func TestRepeatedWriteStaysUnsureWhenItWaitsTooLong(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c, clock := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		cutOff(w)
	}, nil)
	// While the repeat waits, another call is told to pause for an hour.
	c.rand = func() float64 {
		c.gate.pause(time.Hour, clock.Now())
		return 0
	}
	_, err := c.Do(t.Context(), Request{Op: "update", Method: "PUT", Path: "/x", Body: 1, Idempotent: true})
	if e := errorOf(t, err); !e.Unsure || e.Kind != connectors.RateLimited || calls.Load() != 1 {
		t.Errorf("kind %v, unsure %v after %d calls; want rate limited, true, 1", e.Kind, e.Unsure, calls.Load())
	}
}

func TestClosedConnectionIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	c, clock := newClient(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }, nil)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); err == nil {
		t.Error("no error")
	}
	clock.mu.Lock()
	defer clock.mu.Unlock()
	if len(clock.slept) > 0 {
		t.Errorf("slept %v between tries", clock.slept)
	}
}

func TestAnswersAreWaitedForWithinTheTimeLimit(t *testing.T) {
	t.Parallel()
	block := make(chan struct{})
	t.Cleanup(func() { close(block) })
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-block:
		case <-r.Context().Done():
		}
	}, func(cfg *Config, _ *connectors.Options) { cfg.Timeout = 50 * time.Millisecond })
	_, err := c.Do(t.Context(), Request{Op: "create", Method: "POST", Path: "/x", Body: 1})
	e := errorOf(t, err)
	if got, want := e.Error(), "acme: create: no whole answer within 50ms"; got != want || e.Kind != connectors.Unavailable {
		t.Errorf("got %q (%v), want %q", got, e.Kind, want)
	}
}

func TestAnAnswerEndsTheDoubling(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c, clock := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1)%2 == 1 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}, nil)
	start := clock.Now()
	for range 3 {
		if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := clock.Now().Sub(start), 3*time.Second; got != want {
		t.Errorf("waited %v, want %v: a second each time", got, want)
	}
}
