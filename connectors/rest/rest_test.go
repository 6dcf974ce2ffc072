package rest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// manualClock moves when a sleeper waits for it: each Sleep advances it.
type manualClock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newManualClock() *manualClock {
	return &manualClock{now: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)}
}

func (c *manualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.slept = append(c.slept, d)
	c.now = c.now.Add(max(d, 0))
	return nil
}

func newClient(t *testing.T, h http.HandlerFunc, change func(*Config, *connectors.Options)) (*Client, *manualClock) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	clock := newManualClock()
	cfg := Config{Connection: "acme", BaseURL: server.URL}
	opts := connectors.Options{Clock: clock}
	if change != nil {
		change(&cfg, &opts)
	}
	c, err := New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, clock
}

// cutOff ends the connection without an answer.
func cutOff(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

func errorOf(t *testing.T, err error) *connectors.Error {
	t.Helper()
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want a *connectors.Error", err, err)
	}
	return e
}

func TestDoSendsAndDecodes(t *testing.T) {
	t.Parallel()
	var seen []connectors.Call
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if got, want := r.URL.EscapedPath(), "/v3/deals/a%2Fb"; got != want {
			t.Errorf("path %q, want %q", got, want)
		}
		if got, want := r.Header.Get("Authorization"), "Bearer topsecret"; got != want {
			t.Errorf("credentials %q, want %q", got, want)
		}
		if got, want := r.URL.RawQuery, "limit=5"; got != want {
			t.Errorf("query %q, want %q", got, want)
		}
		body, _ := io.ReadAll(r.Body)
		if got, want := string(body), `{"name":"<A & B>"}`; got != want {
			t.Errorf("body %s, want %s", got, want)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id": 12345678901234567890}`)
	}, func(cfg *Config, o *connectors.Options) {
		cfg.Auth = Bearer("topsecret")
		o.Observe = func(call connectors.Call) { seen = append(seen, call) }
	})
	var out map[string]any
	resp, err := c.Do(t.Context(), Request{
		Op: "create", Method: "POST", Path: "/v3/deals/{id}", Params: map[string]string{"id": "a/b"},
		Query: map[string][]string{"limit": {"5"}}, Body: map[string]string{"name": "<A & B>"}, Out: &out, UseNumber: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := out["id"], json.Number("12345678901234567890"); got != want || resp.Status != 201 {
		t.Errorf("id %v, status %d; want %v, 201", got, resp.Status, want)
	}
	if len(seen) != 1 || seen[0].Path != "/v3/deals/{id}" || seen[0].Status != 201 {
		t.Errorf("observed %+v", seen)
	}
}

func TestParamsCannotLeaveTheirPlace(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }, nil)
	for _, id := range []string{"", ".", ".."} {
		_, err := c.Do(t.Context(), Request{Op: "read", Path: "/deals/{id}", Params: map[string]string{"id": id}})
		if got := connectors.KindOf(err); err == nil || got != connectors.Internal {
			t.Errorf("id %q: error %v", id, err)
		}
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	t.Parallel()
	for name, auth := range map[string]Auth{
		"bearer": Bearer("topsecret"), "basic": Basic("me", "topsecret"),
		"query": Query(map[string]string{"token": "topsecret"}), "header": Header("X-Key", "topsecret"),
	} {
		for _, path := range []string{"/echo", "/cut"} {
			c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/cut" {
					cutOff(w)
					return
				}
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, "you sent "+r.URL.String()+r.Header.Get("Authorization")+r.Header.Get("X-Key"))
			}, func(cfg *Config, _ *connectors.Options) { cfg.Auth = auth })
			_, err := c.Do(t.Context(), Request{Op: "create", Method: "POST", Path: path, Body: 1})
			if err == nil || strings.Contains(err.Error(), "topsecret") {
				t.Errorf("%s %s: error %v", name, path, err)
			}
			if strings.Contains(err.Error(), "bWU6dG9wc2VjcmV0") {
				t.Errorf("%s %s: coded secret in %v", name, path, err)
			}
		}
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ kind, body, want string }{
		{"application/json", `{"message":"Property values were not valid"}`, "acme: update deals/1: Property values were not valid (status 400)"},
		{"application/json", `{"errorMessages":["a","b"],"errors":{}}`, "acme: update deals/1: a; b (status 400)"},
		{"text/html", "<html><title>secret stuff</title>", "acme: update deals/1: a page of 33 bytes instead of an answer (status 400)"},
		{"text/plain", "", "acme: update deals/1: Bad Request (status 400)"},
		{"text/plain", "one\ntwo\x00\u202e", "acme: update deals/1: one two (status 400)"},
		{"text/plain", strings.Repeat("x", 600), "acme: update deals/1: " + strings.Repeat("x", 500) + "… (status 400)"},
	} {
		c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", tc.kind)
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, tc.body)
		}, nil)
		_, err := c.Do(t.Context(), Request{Op: "update", Record: "deals/1", Method: "PATCH", Path: "/x", Body: 1})
		if got := err.Error(); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}

func TestExplainCompletesFailures(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c, clock := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.WriteHeader(http.StatusForbidden)
		}
	}, func(cfg *Config, _ *connectors.Options) {
		cfg.Explain = func(a *Answer, f *Failure) {
			if a.Status == http.StatusForbidden {
				f.Kind, f.RetryAfter = connectors.RateLimited, 5*time.Second
			}
		}
	})
	start := clock.Now()
	if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); err != nil {
		t.Fatal(err)
	}
	if got := clock.Now().Sub(start); got != 5*time.Second {
		t.Errorf("waited %v, want 5s", got)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a stranger was asked")
	}))
	t.Cleanup(stranger.Close)
	var wrote atomic.Int32
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/old":
			http.Redirect(w, r, "/new", http.StatusMovedPermanently)
		case "/new":
			wrote.Add(1)
			_, _ = io.WriteString(w, `"here"`)
		default:
			http.Redirect(w, r, stranger.URL, http.StatusTemporaryRedirect)
		}
	}, func(cfg *Config, _ *connectors.Options) { cfg.Auth = Bearer("topsecret") })
	var out string
	if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/old", Out: &out}); err != nil || out != "here" {
		t.Errorf("got %q, %v; want to be led on", out, err)
	}
	for _, method := range []string{"GET", "POST"} {
		if _, err := c.Do(t.Context(), Request{Op: "call", Method: method, Path: "/away"}); err == nil {
			t.Errorf("%s was led to a stranger", method)
		}
	}
	if _, err := c.Do(t.Context(), Request{Op: "create", Method: "POST", Path: "/old", Body: 1}); err == nil || wrote.Load() != 1 {
		t.Errorf("a write was led on: %v", err)
	}
	if _, err := c.Do(t.Context(), Request{Op: "read", URL: stranger.URL + "/next"}); err == nil {
		t.Error("a foreign page address was followed")
	}
}

func TestSizeIsBounded(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1001))
	}, func(cfg *Config, _ *connectors.Options) { cfg.MaxBody = 1000 })
	if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); connectors.KindOf(err) != connectors.Internal || err == nil {
		t.Errorf("error %v", err)
	}
	if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x", MaxBody: 2000}); err != nil {
		t.Error(err)
	}
}

func TestLibrariesRideOnTheSameStack(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer topsecret" {
			t.Error("no credentials")
		}
		if r.Method == http.MethodGet && calls.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}, func(cfg *Config, _ *connectors.Options) { cfg.Auth = Bearer("topsecret") })
	resp, err := c.HTTP().Get(c.Base().String() + "/issue/12")
	if err := c.ErrorOf("read", "issue/12", resp, err); err != nil {
		t.Errorf("a read was not repeated: %v", err)
	}
	_ = resp.Body.Close()
	resp, err = c.HTTP().Post(c.Base().String()+"/issue", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	e := errorOf(t, c.ErrorOf("create", "", resp, nil))
	if e.Kind != connectors.Unavailable || !e.Unsure || e.Connection != "acme" {
		t.Errorf("error %+v", e)
	}
}

func TestCloseFailsCalls(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") }, nil)
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); connectors.KindOf(err) != connectors.Unavailable {
		t.Errorf("error %v", err)
	}
}

func TestBadBaseURLs(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "acme", "ftp://acme", "https://me:pw@acme", "https://acme?x=1", "https://%zz"} {
		_, err := New(Config{BaseURL: base}, connectors.Options{})
		if err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: error %v", base, err)
		}
	}
}

func TestDefaultPortsAreNoStrangers(t *testing.T) {
	t.Parallel()
	c, err := New(Config{BaseURL: "https://Acme.example:443/api", Hosts: []string{"files.acme.example"}}, connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"https://acme.example/x": true, "https://ACME.example:443/x": true, "https://files.acme.example/x": true,
		"http://acme.example/x": false, "https://acme.example:8443/x": false, "https://acme.example.evil/x": false, "https://evil/acme.example": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.ours(u); got != want {
			t.Errorf("%s: ours %v, want %v", address, got, want)
		}
	}
}

func TestRedirectOfAWriteTellsWhere(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://login.acme.example/?token=topsecret")
		w.WriteHeader(http.StatusFound)
	}, nil)
	_, err := c.Do(t.Context(), Request{Op: "create", Method: "POST", Path: "/x", Body: 1})
	e := errorOf(t, err)
	if got, want := e.Error(), "acme: create: the answer redirects to https://login.acme.example (status 302)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if e.Help == "" || e.Unsure {
		t.Errorf("help %q, unsure %v", e.Help, e.Unsure)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Join([]string{
			r.Header.Get("User-Agent"), r.Header.Get("X-Version"), r.Header.Get("Accept"), r.Header.Get("Content-Type"),
		}, "|"))
	}, func(cfg *Config, o *connectors.Options) {
		cfg.Header = http.Header{"X-Version": {"1"}, "accept": {"never seen"}}
		o.UserAgent = "tenon/1"
	})
	for _, tc := range []struct {
		req  Request
		want string
	}{
		{Request{}, "tenon/1|1|application/json|"},
		{Request{Method: "POST", Body: url.Values{"a": {"b c"}}}, "tenon/1|1|application/json|application/x-www-form-urlencoded"},
		{Request{Method: "POST", Body: []byte("x"), Header: http.Header{"Content-Type": {"text/plain"}, "x-version": {"2"}}}, "tenon/1|2|application/json|text/plain"},
	} {
		var got []byte
		tc.req.Op, tc.req.Path, tc.req.Out = "call", "/x", &got
		if _, err := c.Do(t.Context(), tc.req); err != nil || string(got) != tc.want {
			t.Errorf("got %q, %v; want %q", got, err, tc.want)
		}
	}
}

func TestAcceptedStatuses(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, nil)
	resp, err := c.Do(t.Context(), Request{Op: "read", Path: "/x", Accept: []int{404}})
	if err != nil || resp.Status != http.StatusNotFound {
		t.Errorf("got %+v, %v; want the answer", resp, err)
	}
}

func TestKindsOfStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]connectors.Kind{
		302: connectors.Internal, 400: connectors.Invalid, 402: connectors.Permission, 405: connectors.Invalid,
		410: connectors.NotFound, 412: connectors.Conflict, 413: connectors.Invalid, 422: connectors.Invalid,
		423: connectors.Unavailable, 425: connectors.Unavailable, 451: connectors.Permission, 507: connectors.Unavailable, 524: connectors.Unavailable,
	} {
		if got := kindOf(status); got != want {
			t.Errorf("%d: got %v, want %v", status, got, want)
		}
	}
	for status, want := range map[int]bool{302: false, 303: true, 307: false, 408: true, 429: false, 503: false, 524: true} {
		a := &Answer{Status: status, Header: http.Header{}}
		if got := failureOf(a, false, time.Time{}).Unsure; got != want {
			t.Errorf("%d: a write is unsure: %v, want %v", status, got, want)
		}
		if failureOf(a, true, time.Time{}).Unsure {
			t.Errorf("%d: a read is unsure", status)
		}
	}
}

func TestRedirectsEnd(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		status := http.StatusFound
		if r.Method == http.MethodPost {
			status = http.StatusSeeOther
		}
		http.Redirect(w, r, "/again", status)
	}, nil)
	if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); err == nil || calls.Load() != 6 {
		t.Errorf("%d calls, %v; want an error after five redirects", calls.Load(), err)
	}
	calls.Store(0)
	// A reading POST that is told to GET another page would lose its body.
	if _, err := c.Do(t.Context(), Request{Op: "search", Method: "POST", Path: "/x", Body: 1, Reads: true}); err == nil || calls.Load() != 1 {
		t.Errorf("%d calls, %v; want an error at once", calls.Load(), err)
	}
}

func TestDecodingIsExact(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `{"a":1} {"a":2}`) }, nil)
	for _, exact := range []bool{false, true} {
		var out any
		if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x", Out: &out, UseNumber: exact}); connectors.KindOf(err) != connectors.Internal || err == nil {
			t.Errorf("two values: %v", err)
		}
	}
}

func TestErrorOfALibraryThatCannotRead(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, func(http.ResponseWriter, *http.Request) {}, func(cfg *Config, _ *connectors.Options) { cfg.Auth = Bearer("topsecret") })
	for method, unsure := range map[string]bool{http.MethodGet: false, http.MethodPost: true} {
		req, err := http.NewRequestWithContext(t.Context(), method, c.Base().String()+"/x", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.HTTP().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		e := errorOf(t, c.ErrorOf("call", "x/1", resp, errors.New("cannot read topsecret")))
		if e.Kind != connectors.Internal || e.Unsure != unsure || strings.Contains(e.Error(), "topsecret") {
			t.Errorf("%s: kind %v, unsure %v, %v; want internal, %v", method, e.Kind, e.Unsure, e, unsure)
		}
	}
	if err := c.ErrorOf("call", "", nil, nil); err != nil {
		t.Errorf("no error: %v", err)
	}
}

func TestShortSecretsDoNotEatMessages(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "a plain refusal")
	}, func(cfg *Config, _ *connectors.Options) { cfg.Auth = Basic("me", "") })
	_, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"})
	if got, want := err.Error(), "acme: read: a plain refusal (status 400)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
