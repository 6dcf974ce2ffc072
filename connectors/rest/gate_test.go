package rest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

func testPace(change func(*Pace)) Pace {
	cfg := Config{}
	if change != nil {
		change(&cfg.Pace)
	}
	fillDefaults(&cfg)
	return cfg.Pace
}

// enterAs enters and leaves at once, and notes its name.
func enterAs(t *testing.T, g *gate, p connectors.Priority, lane, name string, done chan<- string) {
	t.Helper()
	go func() {
		place, err := g.enter(connectors.WithPriority(context.Background(), p), lane, 1)
		if err != nil {
			done <- name + ": " + err.Error()
			return
		}
		done <- name
		place.leave(Learnt{})
	}()
	synctest.Wait()
}

// pass enters and leaves at once.
func (g *gate) pass(ctx context.Context) error {
	place, err := g.enter(ctx, "", 1)
	if err == nil {
		place.leave(Learnt{})
	}
	return err
}

// told lets a call of a lane end whose answer told of an allowance.
func (g *gate) told(l Learnt, lane string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	place := pass{g: g, lane: g.lane(lane), units: 1, sent: now}
	place.lane.take(now)
	g.budget.take(connectors.PriorityButton, 1)
	g.free--
	place.end(l)
}

func drain(done chan string, n int) []string {
	var names []string
	for range n {
		names = append(names, <-done)
	}
	return names
}

func TestGateServesTheMostUrgentFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(connectors.SystemClock(), testPace(func(p *Pace) { p.PerSecond, p.Burst = 1, 1 }), nil)
		defer g.close()
		done := make(chan string, 10)
		enterAs(t, g, connectors.PriorityPoll, "", "first", done)
		enterAs(t, g, connectors.PrioritySweep, "", "sweep 1", done)
		enterAs(t, g, connectors.PrioritySweep, "", "sweep 2", done)
		enterAs(t, g, connectors.PriorityWebhook, "", "webhook 1", done)
		enterAs(t, g, connectors.PriorityBackfill, "", "backfill", done)
		enterAs(t, g, connectors.PriorityWebhook, "", "webhook 2", done)
		enterAs(t, g, connectors.PriorityButton, "", "button", done)
		start := time.Now()
		got := drain(done, 7)
		want := []string{"first", "button", "webhook 1", "webhook 2", "backfill", "sweep 1", "sweep 2"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if got, want := time.Since(start), 6*time.Second; got != want {
			t.Errorf("took %v, want %v", got, want)
		}
	})
}

func TestGateLanesHaveTheirOwnPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(connectors.SystemClock(), testPace(nil), map[string]Pace{"search": {PerSecond: 0.1, Burst: 1}})
		defer g.close()
		done := make(chan string, 10)
		enterAs(t, g, connectors.PriorityPoll, "search", "search 1", done)
		enterAs(t, g, connectors.PriorityButton, "search", "search 2", done)
		enterAs(t, g, connectors.PrioritySweep, "", "sweep", done)
		if diff := cmp.Diff([]string{"search 1", "sweep", "search 2"}, drain(done, 3)); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestGateKeepsTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(connectors.SystemClock(), testPace(func(p *Pace) { p.PerSecond, p.Burst = 10, 5 }), nil)
		defer g.close()
		start := time.Now()
		for range 105 {
			if err := g.pass(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := time.Since(start), 10*time.Second; got != want {
			t.Errorf("105 calls took %v, want %v", got, want)
		}
	})
}

func TestGateForgetsWhoGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(connectors.SystemClock(), testPace(func(p *Pace) { p.Concurrent = 1 }), nil)
		defer g.close()
		first, err := g.enter(t.Context(), "", 1)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		gaveUp := make(chan error, 1)
		go func() { _, err := g.enter(ctx, "", 1); gaveUp <- err }()
		synctest.Wait()
		reason := errors.New("enough")
		cancel(reason)
		if err := <-gaveUp; !errors.Is(err, reason) {
			t.Errorf("error %v, want the context's cause", err)
		}
		done := make(chan string, 1)
		enterAs(t, g, connectors.PriorityPoll, "", "next", done)
		first.leave(Learnt{})
		if got := <-done; got != "next" {
			t.Error(got)
		}
	})
}

func TestGateClosesOnWaiters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(connectors.SystemClock(), testPace(nil), nil)
		g.pause(20*time.Second, time.Now())
		done := make(chan string, 1)
		enterAs(t, g, connectors.PriorityPoll, "", "call", done)
		g.close()
		if got, want := <-done, "call: : the connection is closed"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// kinds enters once with each priority and returns who passed.
func kinds(t *testing.T, g *gate) string {
	t.Helper()
	passed := ""
	for p := range connectors.Priorities {
		err := g.pass(connectors.WithPriority(t.Context(), connectors.Priority(p)))
		switch {
		case err == nil:
			passed += connectors.Priority(p).String() + " "
		case connectors.KindOf(err) != connectors.RateLimited || connectors.RetryAfter(err) <= 0:
			t.Errorf("%v: %v", connectors.Priority(p), err)
		}
	}
	return passed
}

func TestBudgetOfTheDay(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("east", 3600)
	clock := newManualClock()
	g := newGate(clock, testPace(func(p *Pace) { p.DayZone, p.DailyShare = berlin, 50 }), nil)
	defer g.close()
	learn := func(daily, left int) {
		g.told(Learnt{Limit: connectors.Limit{Known: true, Daily: daily, DailyLeft: left, PerWindow: -1, Remaining: -1}}, "")
	}
	for _, tc := range []struct {
		left int
		want string
	}{
		{1000, "button webhook poll backfill sweep "},
		{45, "button webhook poll backfill "}, // 20 % of our half is for those, when the whole day lies ahead
		{22, "button webhook poll "},
		{10, "button webhook "},
		{4, "button "},
		{0, ""},
	} {
		learn(1000, tc.left)
		if got := kinds(t, g); got != tc.want {
			t.Errorf("%d left of 1000: %q pass, want %q", tc.left, got, tc.want)
		}
	}
	err := g.pass(t.Context())
	if got, want := connectors.RetryAfter(err), 11*time.Hour+skew; got != want {
		t.Errorf("wait %v, want %v until midnight in the east", got, want)
	}
	if err := clock.Sleep(t.Context(), 11*time.Hour); err != nil {
		t.Fatal(err)
	}
	if got, want := kinds(t, g), "button webhook poll backfill sweep "; got != want {
		t.Errorf("the next day: %q pass, want %q", got, want)
	}
}

func TestBudgetCountsOwnCalls(t *testing.T) {
	t.Parallel()
	g := newGate(newManualClock(), testPace(func(p *Pace) { p.Daily, p.DailyShare = 100, 10 }), nil)
	defer g.close()
	n := 0
	for range 100 {
		if g.pass(connectors.WithPriority(t.Context(), connectors.PriorityButton)) == nil {
			n++
		}
	}
	if n != 10 {
		t.Errorf("%d calls passed, want 10", n)
	}
}

func TestBudgetOfAWindow(t *testing.T) {
	t.Parallel()
	clock := newManualClock()
	g := newGate(clock, testPace(nil), nil)
	defer g.close()
	learn := func(left int) {
		h := http.Header{}
		h.Set("X-RateLimit-Limit", "5000")
		h.Set("X-RateLimit-Remaining", map[int]string{5000: "5000", 300: "300", 0: "0"}[left])
		h.Set("X-RateLimit-Reset", "2026-03-04T12:30:00Z")
		g.told(StandardLimits(h, clock.Now()), "")
	}
	for _, tc := range []struct {
		left int
		want string
	}{{5000, "button webhook poll backfill sweep "}, {300, "button webhook poll "}, {0, ""}} {
		learn(tc.left)
		if got := kinds(t, g); got != tc.want {
			t.Errorf("%d left: %q pass, want %q", tc.left, got, tc.want)
		}
	}
	if got, want := connectors.RetryAfter(g.pass(t.Context())), 30*time.Minute+skew; got != want {
		t.Errorf("wait %v, want %v", got, want)
	}
}

func TestPaceIsLearnt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(connectors.SystemClock(), testPace(nil), nil)
		defer g.close()
		g.told(LimitHeaders{PerWindow: "M", Remaining: "R", WindowMS: "I"}.Read(http.Header{"M": {"190"}, "R": {"189"}, "I": {"10000"}}, time.Now()), "")
		start := time.Now()
		n := 0
		for {
			if err := g.pass(t.Context()); err != nil {
				t.Fatal(err)
			}
			if time.Since(start) >= 10*time.Second {
				break
			}
			n++
		}
		if n > 190 || n < 150 {
			t.Errorf("%d calls in 10 s, want close under 190", n)
		}
	})
}

func TestLimitHeaders(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	unknown := connectors.Limit{Known: true, PerWindow: -1, Remaining: -1, Daily: -1, DailyLeft: -1}
	with := func(change func(*connectors.Limit)) connectors.Limit {
		l := unknown
		change(&l)
		return l
	}
	for _, tc := range []struct {
		name string
		in   map[string]string
		want Learnt
	}{
		{"none", nil, Learnt{}},
		{"nonsense", map[string]string{"X-Ratelimit-Limit": "many", "X-Ratelimit-Remaining": "-4"}, Learnt{}},
		{"epoch", map[string]string{"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "1772625600"}, Learnt{
			Limit: with(func(l *connectors.Limit) { l.Remaining = 0 }), Reset: now,
		}},
		{"far off", map[string]string{"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "9972625600"}, Learnt{
			Limit: with(func(l *connectors.Limit) { l.Remaining = 0 }),
		}},
		{"interval", map[string]string{"X-Ratelimit-Limit": "20", "X-Ratelimit-Interval-Seconds": "1"}, Learnt{
			Limit: with(func(l *connectors.Limit) { l.PerWindow, l.Window = 20, time.Second }),
		}},
	} {
		h := http.Header{}
		for k, v := range tc.in {
			h.Set(k, v)
		}
		if diff := cmp.Diff(tc.want, StandardLimits(h, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestRetryAfterForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "0.5": time.Second / 2, "-3": 0, "NaN": 0, "Inf": maxRetryAfter, "1e99": maxRetryAfter, "soon": 0,
		"Wed, 04 Mar 2026 12:00:09 GMT": 9 * time.Second, "Wed, 04 Mar 2020 12:00:09 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {in}}, now); got != want {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}

func TestGuessedTemplatesHoldNoIDs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/rest/api/3/issue/10021":                         "/rest/api/3/issue/{id}",
		"/rest/api/2/issue/DELIV-12/comment":              "/rest/api/2/issue/{id}/comment",
		"/crm/v3/objects/deals/42":                        "/crm/v3/objects/deals/{id}",
		"/repos/acme/site/issues/7":                       "/repos/acme/site/issues/{id}",
		"/users/ada@example.com":                          "/users/{id}",
		"/x/averyveryveryveryveryveryverylongtokenindeed": "/x/{id}",
	} {
		r, err := http.NewRequest(http.MethodGet, "https://acme"+in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := guessTemplate(r); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestGateTakesBackWhatWasGrantedTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(connectors.SystemClock(), testPace(func(p *Pace) { p.Concurrent = 1 }), nil)
		defer g.close()
		for range 50 { // grant and end of the context come at once: either may win
			first, err := g.enter(t.Context(), "", 1)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			type entered struct {
				place *pass
				err   error
			}
			done := make(chan entered, 1)
			go func() { place, err := g.enter(ctx, "", 1); done <- entered{place, err} }()
			synctest.Wait()
			g.mu.Lock()
			cancel()
			first.end(Learnt{})
			g.mu.Unlock()
			if second := <-done; second.err == nil {
				second.place.leave(Learnt{})
			}
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.free != 1 {
			t.Errorf("%d slots are free, want 1", g.free)
		}
	})
}

func TestRefusalsOfOneBurstCountOnce(t *testing.T) {
	t.Parallel()
	clock := newManualClock()
	g := newGate(clock, testPace(nil), nil)
	defer g.close()
	sent := clock.Now()
	step := func(d time.Duration) {
		if err := clock.Sleep(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	step(100 * time.Millisecond)
	for i := range 8 { // eight calls were under way when the system had enough
		if got, want := g.pause(0, sent), time.Second; got != want {
			t.Errorf("refusal %d: wait %v, want %v", i, got, want)
		}
	}
	step(400 * time.Millisecond)
	if got, want := g.pause(0, sent), 600*time.Millisecond; got != want {
		t.Errorf("a late refusal of the burst: wait %v, want %v", got, want)
	}
	step(2 * time.Second)
	if got, want := g.pause(0, clock.Now()), 2*time.Second; got != want {
		t.Errorf("refused again: wait %v, want %v", got, want)
	}
	step(3 * time.Second)
	g.calm()
	if got, want := g.pause(0, clock.Now()), time.Second; got != want {
		t.Errorf("refused after an answer: wait %v, want %v", got, want)
	}
}

func TestLearntLimitsKeepToTheirPlace(t *testing.T) {
	t.Parallel()
	clock := newManualClock()
	told := Learnt{Limit: connectors.Limit{Known: true, PerWindow: 100, Remaining: 0, Window: 10 * time.Second, Daily: -1, DailyLeft: -1}}
	g := newGate(clock, testPace(func(p *Pace) { p.PerSecond, p.Burst = 2, 1 }), map[string]Pace{"search": {}})
	defer g.close()
	g.told(told, "")
	if g.main.interval != time.Second/2 {
		t.Errorf("a fixed pace became one call each %v", g.main.interval)
	}
	before := clock.Now()
	if err := g.pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := clock.Now().Sub(before); got != time.Second {
		t.Errorf("with nothing left of a rolling window: waited %v, want a tenth of it", got)
	}
	other := newGate(clock, testPace(nil), map[string]Pace{"search": {}})
	defer other.close()
	other.told(told, "search")
	before = clock.Now()
	if err := other.pass(connectors.WithPriority(t.Context(), connectors.PrioritySweep)); err != nil {
		t.Fatal(err)
	}
	if clock.Now() != before {
		t.Errorf("the allowance of a lane held up the others")
	}
}

func TestShortWindowsKeepNoReserve(t *testing.T) {
	t.Parallel()
	clock := newManualClock()
	g := newGate(clock, testPace(func(p *Pace) { p.PerSecond = 1000 }), nil)
	defer g.close()
	g.told(Learnt{Limit: connectors.Limit{Known: true, PerWindow: 100, Remaining: 3, Window: 10 * time.Second, Daily: -1, DailyLeft: -1}}, "")
	before := clock.Now()
	if err := g.pass(connectors.WithPriority(t.Context(), connectors.PrioritySweep)); err != nil {
		t.Fatal(err)
	}
	if clock.Now() != before {
		t.Errorf("waited %v with calls left of a short window", clock.Now().Sub(before))
	}
}
