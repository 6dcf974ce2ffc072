package github

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// Limits are what a System allows each account. Zero means wide: limits that
// are told, but are out of reach.
type Limits struct {
	Core          int // requests an hour
	GraphQL       int // points an hour
	Search        int // requests a minute
	Points        int // a minute: 1 for each read, 5 for each write
	ContentMinute int // creations of content a minute
	ContentHour   int // and an hour
}

// VendorLimits are those of github.com.
func VendorLimits() Limits {
	return Limits{Core: 5000, GraphQL: 5000, Search: 30, Points: 900, ContentMinute: 80, ContentHour: 500}
}

// wide is a limit that is told and not met.
const wide = 1_000_000

// limiter counts what accounts use.
type limiter struct {
	clock   kit.Clock
	limits  Limits
	minute  *kit.Window
	hour    *kit.Window
	perHour map[string]int

	mu       sync.Mutex
	used     map[string]*usage // by account and resource
	exceeded bool              // the next request meets a secondary limit without a word on how long
}

type usage struct {
	n     int
	until time.Time
}

// standing is how an account stands with one resource.
type standing struct {
	resource               string
	limit, used, remaining int
	reset                  time.Time
}

func newLimiter(clock kit.Clock, l Limits) *limiter {
	return &limiter{
		clock: clock, limits: l, used: map[string]*usage{},
		minute:  kit.NewRollingWindow(clock, l.ContentMinute, time.Minute),
		hour:    kit.NewRollingWindow(clock, l.ContentHour, time.Hour),
		perHour: map[string]int{"core": l.Core, "graphql": l.GraphQL, "search": l.Search, "points": l.Points},
	}
}

// look tells how an account stands; take counts besides.
func (l *limiter) look(account, resource string) standing { return l.take(account, resource, 0) }

func (l *limiter) take(account, resource string, n int) standing {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	key := resource + " " + account
	u := l.used[key]
	if u == nil || !now.Before(u.until) {
		u = &usage{until: now.Add(windowOf(resource)).Truncate(time.Second)}
		l.used[key] = u
	}
	u.n += n
	limit := l.perHour[resource]
	if limit == 0 {
		limit = wide
	}
	return standing{resource, limit, min(u.n, limit), max(limit-u.n, 0), u.until}
}

func windowOf(resource string) time.Duration {
	if resource == "search" || resource == "points" {
		return time.Minute
	}
	return time.Hour
}

func (st standing) headers(h http.Header) {
	h.Set("X-RateLimit-Limit", strconv.Itoa(st.limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(st.remaining))
	h.Set("X-RateLimit-Used", strconv.Itoa(st.used))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(st.reset.Unix(), 10))
	h.Set("X-RateLimit-Resource", st.resource)
}

func (st standing) json() object {
	return object{"limit": st.limit, "used": st.used, "remaining": st.remaining, "reset": st.reset.Unix()}
}

const secondaryDocs = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"

func secondary(wait time.Duration) *apiError {
	e := fail(http.StatusForbidden, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	e.docs = secondaryDocs
	if wait > 0 {
		e.header = http.Header{"Retry-After": {strconv.Itoa(int((wait + time.Second - 1) / time.Second))}}
	}
	return e
}

// secondaryLimits refuses what comes too fast; nil lets it pass.
func (l *limiter) secondaryLimits(account, method string, content bool) *apiError {
	l.mu.Lock()
	silent := l.exceeded
	l.exceeded = false
	l.mu.Unlock()
	if silent {
		return secondary(0)
	}
	points := 1
	if method != http.MethodGet && method != http.MethodHead {
		points = 5
	}
	if st := l.look(account, "points"); st.remaining < points {
		return secondary(st.reset.Sub(l.clock.Now()))
	}
	if content {
		if v := l.minute.Take(account); !v.OK {
			return secondary(v.Wait)
		}
		if v := l.hour.Take(account); !v.OK {
			return secondary(v.Wait)
		}
	}
	l.take(account, "points", points)
	return nil
}
