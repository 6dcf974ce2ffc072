package rest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// rule is how a made-up system counts calls: it takes a call of so many units
// or refuses it, and tells in the headers what is left.
type rule interface {
	take(now time.Time, units int) (ok bool, wait time.Duration)
	tell(now time.Time, h http.Header)
}

// rolling allows so many calls in any window, as HubSpot does.
type rolling struct {
	limit  int
	window time.Duration
	names  [3]string // limit, remaining, window in milliseconds
	taken  []time.Time
}

func (r *rolling) expire(now time.Time) {
	for len(r.taken) > 0 && !r.taken[0].After(now.Add(-r.window)) {
		r.taken = r.taken[1:]
	}
}

func (r *rolling) take(now time.Time, _ int) (bool, time.Duration) {
	r.expire(now)
	if len(r.taken) >= r.limit {
		return false, r.taken[0].Add(r.window).Sub(now)
	}
	r.taken = append(r.taken, now)
	return true, 0
}

func (r *rolling) tell(now time.Time, h http.Header) {
	r.expire(now)
	h.Set(r.names[0], strconv.Itoa(r.limit))
	h.Set(r.names[1], strconv.Itoa(r.limit-len(r.taken)))
	h.Set(r.names[2], strconv.FormatInt(r.window.Milliseconds(), 10))
}

// daily allows so many calls from midnight to midnight of its zone. Other
// programs use the account, too.
type daily struct {
	limit  int
	zone   *time.Location
	others func(sinceMidnight time.Duration) int // how much they have used by then

	day  time.Time
	used int
	most int // of ours in one day
}

func (d *daily) left(now time.Time) int {
	y, m, day := now.In(d.zone).Date()
	if midnight := time.Date(y, m, day, 0, 0, 0, 0, d.zone); !midnight.Equal(d.day) {
		d.day, d.used = midnight, 0
	}
	return max(d.limit-d.used-d.others(now.Sub(d.day)), 0)
}

func (d *daily) take(now time.Time, _ int) (bool, time.Duration) {
	if d.left(now) == 0 {
		return false, d.day.Add(24 * time.Hour).Sub(now)
	}
	d.used++
	d.most = max(d.most, d.used)
	return true, 0
}

func (d *daily) tell(now time.Time, h http.Header) {
	h.Set("X-Daily", strconv.Itoa(d.limit))
	h.Set("X-Daily-Remaining", strconv.Itoa(d.left(now)))
}

// hourly allows so many points in an hour of the clock, as Jira does: one for a
// call, and more for what its answer holds, which the headers do not tell yet.
type hourly struct {
	limit      int
	start      time.Time
	used, told int
}

func (p *hourly) take(now time.Time, units int) (bool, time.Duration) {
	if start := now.Truncate(time.Hour); !start.Equal(p.start) {
		p.start, p.used = start, 0
	}
	if p.used >= p.limit {
		return false, p.start.Add(time.Hour).Sub(now)
	}
	p.used++
	p.told = p.used
	p.used += units - 1
	return p.used <= p.limit, p.start.Add(time.Hour).Sub(now)
}

func (p *hourly) tell(now time.Time, h http.Header) {
	left := p.start.Add(time.Hour).Sub(now)
	h.Set("RateLimit-Policy", fmt.Sprintf(`"global-app-quota";q=%d;w=3600`, p.limit))
	h.Set("RateLimit", fmt.Sprintf(`"global-app-quota";r=%d;t=%d`, p.limit-p.told, int((left+time.Second-1)/time.Second)))
}

// vendor is a system that counts strictly, over a network whose delays differ.
type vendor struct {
	mu      sync.Mutex
	rules   []rule
	rng     *rand.Rand
	delay   time.Duration // the longest way, there or back
	served  int           // units
	refused int
	early   int // calls before the end of a wait that was asked for
	until   time.Time
}

func (v *vendor) way() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.delay/5 + time.Duration(v.rng.Int64N(int64(v.delay)*4/5))
}

// RoundTrip implements http.RoundTripper.
func (v *vendor) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(v.way())
	resp := v.answer(req)
	time.Sleep(v.way())
	return resp, nil
}

func (v *vendor) answer(req *http.Request) *http.Response {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := time.Now()
	units, err := strconv.Atoi(strings.TrimPrefix(req.URL.Path, "/"))
	if err != nil {
		panic(err)
	}
	if now.Before(v.until) {
		v.early++
	}
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: req}
	for _, r := range v.rules {
		if ok, wait := r.take(now, units); !ok {
			v.refused++
			resp.StatusCode = http.StatusTooManyRequests
			resp.Header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		}
	}
	for _, r := range v.rules {
		r.tell(now, resp.Header)
	}
	if resp.StatusCode == http.StatusOK {
		v.served += units
	}
	return resp
}

func (v *vendor) count() (served, refused int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.served, v.refused
}

// press lets callers of the given priorities send without end, each as soon as
// it may, until the context ends.
func press(ctx context.Context, c *Client, lane string, units []int, priorities ...connectors.Priority) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i, p := range priorities {
		for k := range 5 {
			wg.Go(func() {
				for n := i + k; ctx.Err() == nil; n++ {
					cost := units[n%len(units)]
					_, err := c.Do(connectors.WithPriority(ctx, p), Request{
						Op: "read", Path: fmt.Sprintf("/%d", cost), Units: cost, Lane: lane,
					})
					if err != nil {
						wait := time.NewTimer(connectors.RetryAfter(err))
						select {
						case <-wait.C:
						case <-ctx.Done():
						}
					}
				}
			})
		}
	}
	return &wg
}

var (
	hubspotNames = [3]string{"X-Max", "X-Remaining", "X-Interval-Milliseconds"}
	everyone     = []connectors.Priority{
		connectors.PriorityButton, connectors.PriorityWebhook, connectors.PriorityPoll,
		connectors.PriorityBackfill, connectors.PrioritySweep,
	}
	headers = LimitHeaders{
		PerWindow: "X-Max", Remaining: "X-Remaining", WindowMS: "X-Interval-Milliseconds",
		Daily: "X-Daily", DailyLeft: "X-Daily-Remaining", Structured: true,
	}
)

func nobody(time.Duration) int { return 0 }

// TestUseOfAllowances lets a client work as hard as it may against systems that
// count strictly, by the rules of the vendors. Nothing may be refused, and what
// is allowed must be used. The log has the figures:
//
//	go test ./connectors/rest -run TestUseOfAllowances -v
func TestUseOfAllowances(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("east", 5*3600+1800)
	low := []connectors.Priority{connectors.PrioritySweep}
	for _, tc := range []struct {
		name  string
		rules func() []rule
		pace  Pace
		lane  string
		units []int
		work  []connectors.Priority
		delay time.Duration
		lasts time.Duration
		given float64 // units in that time

		guessed bool // when the day ends cannot be known
	}{
		{
			name:  "HubSpot, 190 calls in any 10 s",
			rules: func() []rule { return []rule{&rolling{limit: 190, window: 10 * time.Second, names: hubspotNames}} },
			pace:  Pace{Untold: 9}, lasts: 5 * time.Minute, given: 190 * 30,
		},
		{
			name:  "HubSpot, 100 calls in any 10 s, slow answers",
			rules: func() []rule { return []rule{&rolling{limit: 100, window: 10 * time.Second, names: hubspotNames}} },
			delay: 300 * time.Millisecond, lasts: 5 * time.Minute, given: 100 * 30,
		},
		{
			name:  "HubSpot's search, 5 calls in any second: 4 are ours",
			rules: func() []rule { return []rule{&rolling{limit: 5, window: time.Second, names: hubspotNames}} },
			lane:  "search", lasts: 5 * time.Minute, given: 4 * 300,
		},
		{
			name: "HubSpot, half of 8,000 calls a day of its zone",
			rules: func() []rule {
				return []rule{&daily{limit: 8_000, zone: east, others: nobody}, &rolling{limit: 190, window: 10 * time.Second, names: hubspotNames}}
			},
			pace: Pace{DailyShare: 50, DayZone: east}, lasts: 48 * time.Hour, given: 8_000,
		},
		{
			name:  "the same, where only a sweep has work",
			rules: func() []rule { return []rule{&daily{limit: 4_000, zone: east, others: nobody}} },
			pace:  Pace{DailyShare: 50, DayZone: east}, work: low, lasts: 48 * time.Hour, given: 4_000,
		},
		{
			name: "a day that other programs use, too: 60 % of it by noon",
			rules: func() []rule {
				return []rule{&daily{limit: 10_000, zone: east, others: func(d time.Duration) int { return min(int(d.Hours()*500), 6000) }}}
			},
			pace: Pace{PerSecond: 0.08, DailyShare: 50, DayZone: east}, lasts: 48 * time.Hour, given: 8000,
		},
		{
			name: "a day of which others used a half before",
			rules: func() []rule {
				return []rule{&daily{limit: 4_000, zone: east, others: func(time.Duration) int { return 2_000 }}}
			},
			pace: Pace{DailyShare: 100, DayZone: east}, lasts: 48 * time.Hour, given: 4_000,
		},
		{
			// Until its end was seen once, the share of the first day may be used
			// twice; the day's whole allowance never.
			name:  "a day whose zone nobody told",
			rules: func() []rule { return []rule{&daily{limit: 4_000, zone: east, others: nobody}} },
			pace:  Pace{DailyShare: 90, PerSecond: 0.08}, lasts: 5 * 24 * time.Hour, given: 5 * 3600, guessed: true,
		},
		{
			name:  "a day whose end the headers show",
			rules: func() []rule { return []rule{&daily{limit: 4_000, zone: east, others: nobody}} },
			pace:  Pace{DailyShare: 90, PerSecond: 0.02}, lasts: 3 * 24 * time.Hour, given: 0.02 * 86400 * 3,
		},
		{
			name:  "Jira, 65,000 points an hour",
			rules: func() []rule { return []rule{&hourly{limit: 65_000}} },
			units: []int{101, 1, 51, 1, 1, 3}, lasts: 3 * time.Hour, given: 3 * 65_000,
		},
		{
			name:  "Jira, a quarter of 65,000 points an hour",
			rules: func() []rule { return []rule{&hourly{limit: 65_000}} },
			pace:  Pace{DailyShare: 25}, units: []int{101, 1, 1}, lasts: 3 * time.Hour, given: 3 * 65_000 / 4,
		},
		{
			name:  "Jira, 65,000 points an hour, where only a backfill has work",
			rules: func() []rule { return []rule{&hourly{limit: 65_000}} },
			units: []int{101, 1, 1}, work: []connectors.Priority{connectors.PriorityBackfill}, lasts: 3 * time.Hour, given: 3 * 65_000,
		},
		{
			name:  "Jira Data Center, 300 calls in any minute",
			rules: func() []rule { return []rule{&rolling{limit: 300, window: time.Minute, names: hubspotNames}} },
			lasts: 20 * time.Minute, given: 300 * 20,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rules := tc.rules()
				v := &vendor{rules: rules, rng: rand.New(rand.NewPCG(1, 2)), delay: max(tc.delay, 120*time.Millisecond)}
				c, err := New(Config{
					Connection: "acme", BaseURL: "https://acme.example", Pace: tc.pace, Limits: headers.Read,
					Lanes: map[string]Pace{"search": {PerSecond: 4, Burst: 1}},
				}, connectors.Options{Transport: v})
				if err != nil {
					t.Fatal(err)
				}
				if tc.units == nil {
					tc.units = []int{1}
				}
				if tc.work == nil {
					tc.work = everyone
				}
				if d, ok := rules[0].(*daily); ok { // begin with the day
					d.left(time.Now())
					time.Sleep(time.Until(d.day.Add(24 * time.Hour)))
				}
				ctx, stop := context.WithTimeout(context.Background(), tc.lasts)
				press(ctx, c, tc.lane, tc.units, tc.work...).Wait()
				stop()
				told := c.Budget().Day
				_ = c.Close()
				served, refused := v.count()
				use := float64(served) / tc.given * 100
				t.Logf("used %.1f %% of %.0f, %d refused", use, tc.given, refused)
				if refused > 0 {
					t.Errorf("%d calls were refused, want 0", refused)
				}
				if use < 95 || use > 106 { // a part of a window more than whole ones
					t.Errorf("%.1f %% of the allowance were used, want 95 to 100", use)
				}
				if d, ok := rules[0].(*daily); ok && !tc.guessed && told.Ends.Sub(d.day)%(24*time.Hour) != 0 {
					t.Errorf("the day is thought to end at %v, want %v", told.Ends, d.day.Add(24*time.Hour))
				}
				if d, ok := rules[0].(*daily); ok && tc.pace.DayZone != nil && d.most > d.limit*tc.pace.DailyShare/100 {
					t.Errorf("%d calls in one day, more than %d %% of %d", d.most, tc.pace.DailyShare, d.limit)
				}
			})
		})
	}
}
