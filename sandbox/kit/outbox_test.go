package kit_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// target is a webhook receiver that answers with the next of its statuses, then 200.
type target struct {
	mu       sync.Mutex
	bodies   []string
	statuses []int
}

func (g *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bodies = append(g.bodies, string(b))
	if len(g.statuses) > 0 {
		w.WriteHeader(g.statuses[0])
		g.statuses = g.statuses[1:]
	}
}

func (g *target) got() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string{}, g.bodies...)
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func newOutbox(t *testing.T, g *target, rules ...kit.Rule) (*kit.Outbox, *kit.ManualClock, string) {
	t.Helper()
	srv := httptest.NewServer(g)
	t.Cleanup(srv.Close)
	clock := kit.NewManualClock(start)
	faults := kit.NewFaults(1)
	if err := faults.Replace(rules); err != nil {
		t.Fatal(err)
	}
	o := kit.NewOutbox(kit.OutboxOptions{
		Clock: clock, Faults: faults, InFlight: 1,
		Again: func(d kit.Delivery, _ *http.Response) (time.Duration, bool) { return time.Minute, d.Attempt < 2 },
	})
	t.Cleanup(o.Close)
	return o, clock, srv.URL
}

func TestOutboxRetries(t *testing.T) {
	g := &target{statuses: []int{500, 404, 500}}
	o, clock, url := newOutbox(t, g)
	o.Send(kit.Delivery{URL: url, Event: "e", Body: []byte("a")})
	for n := range 3 {
		waitFor(t, "a try", func() bool { return len(o.Attempts()) == n+1 })
		if n < 2 {
			waitFor(t, "the next try to be queued", func() bool { return len(o.Pending()) == 1 })
			clock.Advance(time.Minute)
		}
	}
	var got []kit.Attempt
	for _, a := range o.Attempts() {
		a.URL = ""
		got = append(got, a)
	}
	want := []kit.Attempt{
		{Delivery: 1, Event: "e", Attempt: 0, Time: start, Status: 500, Again: "1m0s"},
		{Delivery: 1, Event: "e", Attempt: 1, Time: start.Add(time.Minute), Status: 404, Again: "1m0s"},
		{Delivery: 1, Event: "e", Attempt: 2, Time: start.Add(2 * time.Minute), Status: 500},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	if p := o.Pending(); len(p) != 0 {
		t.Errorf("still pending: %v", p)
	}
}

func TestOutboxFaults(t *testing.T) {
	for _, tc := range []struct {
		name string
		rule kit.Rule
		want []string
	}{
		{"lost", kit.Rule{Kind: kit.WebhookLost, Path: "first"}, []string{"b", "c"}},
		{"doubled", kit.Rule{Kind: kit.WebhookDoubled, Path: "first"}, []string{"a", "a", "b", "c"}},
		{"delayed", kit.Rule{Kind: kit.WebhookDelayed, Path: "first"}, []string{"b", "c", "a"}},
		{"reordered", kit.Rule{Kind: kit.WebhookReordered, Path: "first"}, []string{"b", "a", "c"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := &target{}
			o, clock, url := newOutbox(t, g, tc.rule)
			due := start.Add(time.Second)
			o.Send(kit.Delivery{URL: url, Event: "first", Body: []byte("a"), Due: due})
			o.Send(kit.Delivery{URL: url, Event: "second", Body: []byte("b"), Due: due})
			o.Send(kit.Delivery{URL: url, Event: "third", Body: []byte("c"), Due: due})
			// Everything is sent in the order of due times once they have passed.
			clock.Advance(time.Minute)
			waitFor(t, "all tries", func() bool { return len(g.got()) >= len(tc.want) })
			if err := o.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, g.got()); diff != "" {
				t.Errorf("bodies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutboxFlushDoesNotWaitForDueTimes(t *testing.T) {
	g := &target{}
	o, _, url := newOutbox(t, g)
	o.Send(kit.Delivery{URL: url, Event: "e", Body: []byte("a"), Due: start.Add(time.Hour)})
	o.Send(kit.Delivery{Event: "e", Body: []byte("no target")})
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a"}, g.got()); diff != "" {
		t.Errorf("bodies (-want +got):\n%s", diff)
	}
	o.Close()
	o.Close()
	o.Send(kit.Delivery{URL: url, Event: "e", Body: []byte("late")})
	if p := o.Pending(); len(p) != 0 {
		t.Errorf("a closed outbox took %v", p)
	}
}
