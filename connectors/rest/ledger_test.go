package rest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

// shelf is a place for tokens that outlives the clients.
type shelf struct {
	mu     sync.Mutex
	tokens map[string][]byte
	saves  int
	fail   error
	slow   time.Duration // how long a save takes
}

func (s *shelf) LoadToken(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[name], s.fail
}

func (s *shelf) SaveToken(_ context.Context, name string, token []byte) error {
	time.Sleep(s.slow)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if s.tokens == nil {
		s.tokens = map[string][]byte{}
	}
	s.tokens[name] = token
	s.saves++
	return nil
}

// copied is the shelf as a crash leaves it.
func (s *shelf) copied() *shelf {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &shelf{tokens: maps.Clone(s.tokens), slow: s.slow}
}

func restClient(t *testing.T, v http.RoundTripper, s *shelf, pace Pace) *Client {
	t.Helper()
	c, err := New(Config{
		Connection: "acme", BaseURL: "https://acme.example", Pace: pace, Limits: headers.Read,
		Lanes: map[string]Pace{"search": {PerSecond: 4, Burst: 1}},
	}, connectors.Options{Transport: v, Tokens: s})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// scripted answers each request by a function.
type scripted func(*http.Request) *http.Response

// RoundTrip implements http.RoundTripper.
func (s scripted) RoundTrip(req *http.Request) (*http.Response, error) { return s(req), nil }

func answered(status int, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: http.NoBody}
}

func TestNoCallBeforeRetryAfterAlsoAfterACrash(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusLocked} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var free time.Time
				calls := 0
				v := scripted(func(*http.Request) *http.Response {
					if calls++; calls == 1 {
						free = time.Now().Add(time.Hour)
						return answered(status, "Retry-After", "3600")
					}
					if time.Now().Before(free) {
						t.Errorf("a call went out %v early", time.Until(free))
					}
					return answered(http.StatusOK)
				})
				s := &shelf{}
				c := restClient(t, v, s, Pace{})
				if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); connectors.RetryAfter(err) != time.Hour {
					t.Fatalf("wait %v, want an hour: %v", connectors.RetryAfter(err), err)
				}
				for i := range 7 { // a crash and a start each ten minutes: the first 50 min, then an hour and more
					if i < 6 {
						c = restClient(t, v, s.copied(), Pace{})
					}
					want := max(time.Until(free), 0)
					if got := time.Until(c.Budget().PausedUntil); max(got, 0) != want {
						t.Errorf("after %d min: paused for %v, want %v", i*10, got, want)
					}
					for p := range connectors.Priority(connectors.Priorities) {
						for _, lane := range []string{"", "search"} {
							_, err := c.Do(connectors.WithPriority(t.Context(), p), Request{Op: "read", Path: "/x", Lane: lane})
							if got := connectors.RetryAfter(err); got != want || (err == nil) != (want == 0) {
								t.Errorf("after %d min, %v: wait %v, want %v: %v", i*10, p, got, want, err)
							}
						}
					}
					if want == 0 {
						break
					}
					time.Sleep(10 * time.Minute)
				}
				if calls != 1+10 {
					t.Errorf("%d calls, want the first and ten at the end", calls)
				}
			})
		})
	}
}

// TestARestartDoesNotUseTheShareTwice crashes the client again and again in the
// middle of its work. The system tells nothing, so that only our own count keeps
// the share.
func TestARestartDoesNotUseTheShareTwice(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{false, true} {
		t.Run(fmt.Sprintf("told=%v", told), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const share, crashes = 2000, 20
				d := &daily{limit: 2 * share, zone: time.UTC, others: nobody}
				v := &vendor{rules: []rule{d}, rng: rand.New(rand.NewPCG(3, 4)), delay: 60 * time.Millisecond}
				var network http.RoundTripper = v
				if !told {
					network = silent{v}
				}
				d.left(time.Now())
				time.Sleep(time.Until(d.day.Add(24 * time.Hour)))
				pace := Pace{PerSecond: 5, Daily: 2 * share, DailyShare: 50}
				s := &shelf{slow: time.Second}
				button := []connectors.Priority{connectors.PriorityButton}
				for range crashes {
					c := restClient(t, network, s, pace)
					ctx, crash := context.WithTimeout(context.Background(), 11*time.Second)
					work := press(ctx, c, "", []int{1}, button...)
					<-ctx.Done()
					s = s.copied() // what the crash leaves
					crash()
					work.Wait()
					_ = c.Close()
				}
				c := restClient(t, network, s, pace)
				ctx, stop := context.WithTimeout(context.Background(), 12*time.Hour)
				press(ctx, c, "", []int{1}, button...).Wait()
				stop()
				if got := d.most; got > share || got < share*95/100 {
					t.Errorf("%d calls in a day with %d crashes, want at most %d, and nearly as many", got, crashes, share)
				}
				b := c.Budget()
				if b.Day.Left != 0 || b.Day.Used < share || b.Opens[connectors.PriorityButton].IsZero() {
					t.Errorf("the budget tells %+v", b)
				}
				_ = c.Close()
				if s.saves > crashes+share/(share/500)+20 {
					t.Errorf("%d saves for %d calls", s.saves, share)
				}
			})
		})
	}
}

// silent takes the headers away.
type silent struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (s silent) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req)
	resp.Header = http.Header{}
	return resp, err
}

func TestASpentWindowIsRememberedAfterACrash(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &hourly{limit: 500}
		v := &vendor{rules: []rule{p}, rng: rand.New(rand.NewPCG(5, 6)), delay: 60 * time.Millisecond}
		time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour)))
		s := &shelf{}
		button := []connectors.Priority{connectors.PriorityButton}
		for range 4 { // a crash each quarter of an hour
			c := restClient(t, v, s, Pace{})
			ctx, crash := context.WithTimeout(context.Background(), 14*time.Minute)
			work := press(ctx, c, "", []int{1, 11}, button...)
			<-ctx.Done()
			s = s.copied()
			crash()
			work.Wait()
			_ = c.Close()
		}
		if served, refused := v.count(); refused > 0 || served < 475 || served > 500 {
			t.Errorf("%d points used and %d calls refused, want nearly 500 and 0", served, refused)
		}
	})
}

func TestWithoutItsNoteTheClientGoesOn(t *testing.T) {
	t.Parallel()
	ok := scripted(func(*http.Request) *http.Response {
		return answered(http.StatusOK, "X-Daily", "10", "X-Daily-Remaining", "9")
	})
	t.Run("a note that makes no sense", func(t *testing.T) {
		t.Parallel()
		c := restClient(t, ok, &shelf{tokens: map[string][]byte{ledgerName: []byte(`{"pausedUntil": 7`)}}, Pace{})
		if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); err != nil {
			t.Error(err)
		}
	})
	t.Run("a note from a clock that was wrong", func(t *testing.T) {
		t.Parallel()
		note := `{"pausedUntil": "2999-01-01T00:00:00Z", "day": {"size": 9, "used": 99, "end": "2999-01-01T00:00:00Z"}, "window": {"size": 9, "end": "2999-01-01T00:00:00Z"}}`
		c := restClient(t, ok, &shelf{tokens: map[string][]byte{ledgerName: []byte(note)}}, Pace{})
		if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); err != nil {
			t.Error(err)
		}
	})
	t.Run("a store that does not answer", func(t *testing.T) {
		t.Parallel()
		s := &shelf{fail: errors.New("disk on fire")}
		c := restClient(t, ok, s, Pace{})
		_, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"})
		if connectors.KindOf(err) != connectors.Unavailable || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("error %v, want that the note cannot be read: a pause may hold", err)
		}
		s.fail = nil
		if _, err := c.Do(t.Context(), Request{Op: "read", Path: "/x"}); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.fail = errors.New("disk full")
		s.mu.Unlock()
		for range 5 {
			if _, err := c.Do(connectors.WithPriority(t.Context(), connectors.PriorityButton), Request{Op: "read", Path: "/x"}); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestWhatIsKeptIsKeptFromTheLessUrgentOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)))
		left := "100"
		v := scripted(func(*http.Request) *http.Response {
			return answered(http.StatusOK, "X-Daily", "1000", "X-Daily-Remaining", left)
		})
		c := restClient(t, v, &shelf{}, Pace{})
		try := func(p connectors.Priority) error {
			_, err := c.Do(connectors.WithPriority(t.Context(), p), Request{Op: "read", Path: "/x"})
			return err
		}
		if err := try(connectors.PriorityButton); err != nil {
			t.Fatal(err)
		}
		for _, p := range []connectors.Priority{connectors.PriorityBackfill, connectors.PrioritySweep} {
			w, ok := errors.AsType[*connectors.Withheld](try(p))
			if !ok || w.From != connectors.PriorityBackfill {
				t.Errorf("%v: %+v, want that backfill and sweep wait", p, w)
			}
		}
		if err := try(connectors.PriorityPoll); err != nil {
			t.Error(err)
		}
		left = "0"
		if err := try(connectors.PriorityWebhook); err != nil {
			t.Error(err)
		}
		err := try(connectors.PriorityButton)
		if w, ok := errors.AsType[*connectors.Withheld](err); !ok || w.From != connectors.PriorityButton {
			t.Errorf("%v, want that nothing is left", err)
		}
		if got, want := connectors.RetryAfter(err), 24*time.Hour+skew; got != want {
			t.Errorf("wait %v, want %v: to midnight", got, want)
		}
		got := c.Budget()
		midnight := time.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)
		want := connectors.Budget{
			Share: 100,
			Day:   connectors.Allowance{Total: 1000, Ours: 1000, Used: 3, Left: 0, Ends: midnight, Per: 24 * time.Hour},
			Used:  [connectors.Priorities]int{1, 1, 1, 0, 0}, Refused: [connectors.Priorities]int64{1, 0, 0, 1, 1},
		}
		for p := range want.Opens {
			want.Opens[p] = midnight.Add(skew)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("budget (-want +got):\n%s", diff)
		}
	})
}

func TestASlotIsSpareForUrgentCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(connectors.SystemClock(), testPace(nil), nil)
		defer g.close()
		for range 20 {
			go func() {
				place, err := g.enter(connectors.WithPriority(context.Background(), connectors.PrioritySweep), "", 1)
				if err == nil {
					time.Sleep(time.Minute)
					place.leave(Learnt{})
				}
			}()
		}
		synctest.Wait()
		start := time.Now()
		if err := g.pass(connectors.WithPriority(t.Context(), connectors.PriorityButton)); err != nil {
			t.Error(err)
		}
		if waited := time.Since(start); waited > 0 {
			t.Errorf("a press waited %v behind sweeps that take a minute each", waited)
		}
		time.Sleep(time.Hour)
	})
}

func TestStructuredLimits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, policy, left string
		want               Learnt
	}{
		{"Jira", `"global-app-quota";q=65000;w=3600`, `"global-app-quota";r=11000;t=600`, Learnt{
			Limit: connectors.Limit{Known: true, PerWindow: 65000, Remaining: 11000, Window: time.Hour, Daily: -1, DailyLeft: -1}, Reset: now.Add(10 * time.Minute),
		}},
		{"the one with the least part left", `"a";q=100;w=60, "b";q=1000;w=3600`, `"a";r=50;t=6,"b";r=20;t=60`, Learnt{
			Limit: connectors.Limit{Known: true, PerWindow: 1000, Remaining: 20, Window: time.Hour, Daily: -1, DailyLeft: -1}, Reset: now.Add(time.Minute),
		}},
		{"of no policy", `"a";q=100;w=60`, `"b";r=50;t=6`, Learnt{}},
		{"nonsense", `;;;=,q=5`, `"a";r=-1;t=99999999999999`, Learnt{}},
	} {
		h := http.Header{"Ratelimit-Policy": {tc.policy}, "Ratelimit": {tc.left}}
		if diff := cmp.Diff(tc.want, StandardLimits(h, now)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestResetsGoByTheSystemsClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	h := http.Header{}
	h.Set("X-RateLimit-Limit", "5000")
	h.Set("X-RateLimit-Remaining", "0")
	h.Set("X-RateLimit-Reset", "2026-03-04T12:30:00Z")
	h.Set("Date", "Wed, 04 Mar 2026 12:10:00 GMT")
	if got, want := StandardLimits(h, now).Reset, now.Add(20*time.Minute); !got.Equal(want) {
		t.Errorf("the window ends at %v, want %v: the system's clock is ten minutes ahead", got, want)
	}
}
