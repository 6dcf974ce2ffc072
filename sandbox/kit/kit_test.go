package kit_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/kit"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func TestMatchPath(t *testing.T) {
	for _, tc := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "/any/thing", true},
		{"/a/b", "/a/b", true},
		{"/a/b", "/a/bc", false},
		{"/a/*", "/a/b", true},
		{"/a/*", "/a/b/c", false},
		{"/a/*/c", "/a/b/c", true},
		{"/a/*/c", "/a/b/b/c", false},
		{"/a/**", "/a/b/c", true},
		{"/**/c", "/a/b/c", true},
		{"/**/d", "/a/b/c", false},
		{"/a/b*/c", "/a/bcd/c", true},
		{"deal.*", "deal.creation", true},
	} {
		if got := kit.MatchPath(tc.pattern, tc.path); got != tc.want {
			t.Errorf("MatchPath(%q, %q) = %v, want %v", tc.pattern, tc.path, got, tc.want)
		}
	}
}

func TestWindows(t *testing.T) {
	clock := kit.NewManualClock(start.Add(500 * time.Millisecond))
	take := func(w *kit.Window, key string) string {
		v := w.Take(key)
		if v.OK {
			return "ok"
		}
		return v.Wait.String()
	}
	rolling := kit.NewRollingWindow(clock, 2, time.Second)
	fixed := kit.NewFixedWindow(clock, 2, time.Second)
	var got []string
	for range 3 {
		got = append(got, take(rolling, "a"), take(fixed, "a"))
	}
	got = append(got, take(rolling, "b"))
	clock.Advance(500 * time.Millisecond)
	got = append(got, take(rolling, "a"), take(fixed, "a"))
	clock.Advance(500 * time.Millisecond)
	got = append(got, take(rolling, "a"))
	want := []string{"ok", "ok", "ok", "ok", "1s", "500ms", "ok", "500ms", "ok", "ok"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	if v := kit.NewFixedWindow(clock, 0, time.Second).Take("a"); !v.OK {
		t.Errorf("a window without limit refused: %+v", v)
	}
}

func TestRandIsReproducible(t *testing.T) {
	a, b, other := kit.NewRand(7, "x"), kit.NewRand(7, "x"), kit.NewRand(7, "y")
	if got, want := a.UUID(), b.UUID(); got != want {
		t.Errorf("same stream: got %s, want %s", got, want)
	}
	if got := other.UUID(); got == kit.NewRand(7, "x").UUID() {
		t.Errorf("streams x and y both give %s", got)
	}
}

func TestManualClockFiresTimers(t *testing.T) {
	clock := kit.NewManualClock(start)
	due, later, stopped := clock.TimerAt(start.Add(time.Second)), clock.TimerAt(start.Add(time.Hour)), clock.TimerAt(start.Add(time.Second))
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop must report true once")
	}
	clock.Advance(time.Second)
	select {
	case got := <-due.C():
		if want := start.Add(time.Second); !got.Equal(want) {
			t.Errorf("fired at %v, want %v", got, want)
		}
	default:
		t.Error("the due timer did not fire")
	}
	select {
	case <-later.C():
		t.Error("a later timer fired")
	case <-stopped.C():
		t.Error("a stopped timer fired")
	default:
	}
}

// counter is an API that counts the effects that requests took.
type counter struct{ effects atomic.Int32 }

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.effects.Add(1)
	kit.WriteJSON(w, http.StatusCreated, map[string]string{"id": strings.Repeat("1", 200)})
}

func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		rule    kit.Rule
		status  int // 0: no answer
		effects int
		whole   bool
	}{
		{kit.Rule{Kind: kit.RateLimit, RetryAfter: 3}, 429, 0, false},
		{kit.Rule{Kind: kit.ServerError, Status: 503}, 503, 0, false},
		{kit.Rule{Kind: kit.ErrorAfter}, 502, 1, false},
		{kit.Rule{Kind: kit.ResetBefore}, 0, 0, false},
		{kit.Rule{Kind: kit.ResetAfter}, 0, 1, false},
		{kit.Rule{Kind: kit.Timeout, Delay: kit.Duration(time.Millisecond)}, 0, 0, false},
		{kit.Rule{Kind: kit.TimeoutAfter, Delay: kit.Duration(time.Millisecond)}, 0, 1, false},
		{kit.Rule{Kind: kit.Truncate}, 201, 1, false},
		{kit.Rule{Kind: kit.Malformed}, 201, 1, false},
		{kit.Rule{Kind: kit.Latency, Delay: kit.Duration(time.Millisecond)}, 201, 1, true},
		{kit.Rule{Kind: kit.ServerError, Method: "GET"}, 201, 1, true},
		{kit.Rule{Kind: kit.ServerError, Path: "/other"}, 201, 1, true},
		{kit.Rule{Kind: kit.ServerError, Skip: 1}, 201, 1, true},
		{kit.Rule{Kind: kit.WebhookLost}, 201, 1, true},
	} {
		t.Run(string(tc.rule.Kind), func(t *testing.T) {
			host := kit.NewHost("test", 1, kit.RealClock())
			api := &counter{}
			srv, err := kit.Listen("127.0.0.1:0", host.Handler(api, nil, nil))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = srv.Close(t.Context()) })
			tc.rule.Times = 1
			if _, err := host.Faults.Add(tc.rule); err != nil {
				t.Fatal(err)
			}
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			resp, err := client.Post(srv.URL()+"/things", "application/json", strings.NewReader("{}"))
			status, whole := 0, false
			if err == nil {
				status = resp.StatusCode
				body, readErr := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				whole = readErr == nil && json.Valid(body) && resp.StatusCode < 300
				if got := resp.Header.Get("Retry-After"); tc.rule.RetryAfter > 0 && got != "3" {
					t.Errorf("Retry-After %q, want 3", got)
				}
			}
			if status != tc.status || whole != tc.whole {
				t.Errorf("got status %d whole %v (%v), want %d %v", status, whole, err, tc.status, tc.whole)
			}
			if err := srv.Close(t.Context()); err != nil {
				t.Errorf("close: %v", err)
			}
			if got := int(api.effects.Load()); got != tc.effects {
				t.Errorf("took effect %d times, want %d", got, tc.effects)
			}
		})
	}
}

func TestListenRefusesOtherAddresses(t *testing.T) {
	_, err := kit.Listen("0.0.0.0:0", http.NotFoundHandler())
	if got, want := errText(err), `sandbox address "0.0.0.0:0" is not a loopback address`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestControlAPI(t *testing.T) {
	clock := kit.NewManualClock(start)
	host := kit.NewHost("test", 1, clock)
	var flushed int
	host.Flush = func(context.Context) error { flushed++; return nil }
	host.Reseed = func(uint64) error { return nil }
	h := host.Handler(&counter{}, nil, nil)
	for _, tc := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/things?x=1", "", 201, `{"id":"` + strings.Repeat("1", 200) + `"}`},
		{"GET", "/_sandbox/requests", "", 200, `{"requests":[{"seq":1,"time":"2026-03-02T09:00:00Z","method":"GET","path":"/things","query":"x=1","status":201}]}`},
		{"GET", "/_sandbox/requests?since=1", "", 200, `{"requests":[]}`},
		{"POST", "/_sandbox/faults", `{"kind":"latency","delay":"2s"}`, 201, `{"id":"fault-1","kind":"latency","delay":"2s","struck":0}`},
		{"POST", "/_sandbox/faults", `{"kind":"nonsense"}`, 400, `{"error":"unknown kind \"nonsense\""}`},
		{"PUT", "/_sandbox/faults", `{"rules":[{"kind":"timeout","probability":2}]}`, 400, `{"error":"rule 0: probability 2 is not between 0 and 1"}`},
		{"DELETE", "/_sandbox/faults?id=fault-1", "", 204, ""},
		{"GET", "/_sandbox/faults", "", 200, `{"rules":[]}`},
		{"POST", "/_sandbox/clock", `{"advance":"90s"}`, 200, `{"manual":true,"now":"2026-03-02T09:01:30Z"}`},
		{"POST", "/_sandbox/flush", "", 204, ""},
		{"POST", "/_sandbox/seed", `{"seed":9}`, 204, ""},
		{"POST", "/_sandbox/seed", `{"sead":9}`, 400, `{"error":"json: unknown field \"sead\""}`},
		{"GET", "/_sandbox/", "", 200, `{"calls":["faults","seed","requests","flush","webhooks","clock"],"now":"2026-03-02T09:01:30Z","seed":9,"system":"test"}`},
		{"GET", "/_sandbox/webhooks", "", 200, `{"attempts":[],"pending":[]}`},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, strings.NewReader(tc.body)))
		if w.Code != tc.status {
			t.Errorf("%s %s: status %d, want %d", tc.method, tc.path, w.Code, tc.status)
		}
		if diff := cmp.Diff(tc.want, w.Body.String()); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tc.method, tc.path, diff)
		}
	}
	if flushed != 1 {
		t.Errorf("flushed %d times, want 1", flushed)
	}

	foreign := httptest.NewRequest("POST", "/_sandbox/flush", http.NoBody)
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, foreign)
	if w.Code != http.StatusForbidden {
		t.Errorf("a call from another origin: status %d, want 403", w.Code)
	}
}

func TestPages(t *testing.T) {
	pages := kit.NewPages("Shop", "#0b5", nil, `{{define "list"}}<p>{{.}}</p>{{end}}`)
	w := httptest.NewRecorder()
	pages.Render(w, http.StatusOK, "list", kit.Page{Title: "A & B", Refresh: 5, Notice: "saved", Data: "<script>"})
	body := w.Body.String()
	for _, want := range []string{
		"<title>A &amp; B · Shop sandbox</title>", "<p>&lt;script&gt;</p>", `http-equiv="refresh" content="5"`, "saved", "--accent:#0b5",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q:\n%s", want, body)
		}
	}
}

func TestActivityPage(t *testing.T) {
	g := &target{statuses: []int{500}}
	o, clock, url := newOutbox(t, g)
	host := kit.NewHost("shop", 1, clock)
	host.Outbox = o
	h := host.Handler(&counter{}, nil, nil)
	get := func(path string) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w.Body.String()
	}
	if body := get("/_sandbox/activity"); strings.Count(body, "None yet.") != 2 {
		t.Errorf("an empty page: %s", body)
	}
	get("/things/%3Cb%3E")
	o.Send(kit.Delivery{URL: url, Event: "thing.changed", Body: []byte("a"), Due: start.Add(time.Second)})
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	body := get("/_sandbox/activity")
	for _, want := range []string{"Activity · Shop sandbox", "/things/%3Cb%3E", "201", "thing.changed", "500", "again in 1m0s", "1 waiting", "09:00:00.000"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q:\n%s", want, body)
		}
	}
}
