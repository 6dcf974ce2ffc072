package jira

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// Limits are the rate limits of a site. A zero means no limit.
type Limits struct {
	// Points an OAuth app may spend within an hour of the UTC clock.
	PointsPerHour int
	// Calls a second for each endpoint, by method.
	GetBurst, PostBurst, PutBurst, DeleteBurst int
	// Writes to one issue within 2 s and within 30 s.
	IssueWrites2s, IssueWrites30s int
	// Data Center: calls a minute for each account.
	CallsPerMinute int
}

// VendorLimits are the limits of Jira Cloud as published in August 2026.
func VendorLimits() Limits {
	return Limits{
		PointsPerHour: 65_000, GetBurst: 100, PostBurst: 100, PutBurst: 50, DeleteBurst: 50, IssueWrites2s: 20, IssueWrites30s: 100,
	}
}

type limiter struct {
	limits    Limits
	clock     kit.Clock
	points    *kit.Window
	bursts    map[string]*kit.Window
	short     *kit.Window
	long      *kit.Window
	perMinute *kit.Window
}

func newLimiter(clock kit.Clock, l Limits) *limiter {
	return &limiter{
		limits: l, clock: clock,
		points: kit.NewFixedWindow(clock, l.PointsPerHour, time.Hour),
		bursts: map[string]*kit.Window{
			http.MethodGet: kit.NewRollingWindow(clock, l.GetBurst, time.Second), http.MethodPost: kit.NewRollingWindow(clock, l.PostBurst, time.Second),
			http.MethodPut: kit.NewRollingWindow(clock, l.PutBurst, time.Second), http.MethodDelete: kit.NewRollingWindow(clock, l.DeleteBurst, time.Second),
		},
		short:     kit.NewRollingWindow(clock, l.IssueWrites2s, 2*time.Second),
		long:      kit.NewRollingWindow(clock, l.IssueWrites30s, 30*time.Second),
		perMinute: kit.NewRollingWindow(clock, l.CallsPerMinute, time.Minute),
	}
}

// take counts a call against every limit that applies, and refuses it with 429
// if one is reached.
func (l *limiter) take(c *call, header http.Header) error {
	if !c.sys.cloud() {
		return l.takeDC(c, header)
	}
	method := c.req.Method
	if v := l.bursts[method].Take(strings.Join(c.route.segments, "/")); !v.OK {
		return l.refuse(v, "jira-burst-based")
	} else if v.Limit > 0 && v.Remaining*5 < v.Limit {
		header.Set("X-RateLimit-NearLimit", "true")
	}
	if c.grant != nil && c.grant.app != "" && l.limits.PointsPerHour > 0 {
		v := l.points.Take(c.grant.app)
		header.Set("RateLimit-Policy", fmt.Sprintf(`"global-app-quota";q=%d;w=3600`, l.limits.PointsPerHour))
		header.Set("RateLimit", fmt.Sprintf(`"global-app-quota";r=%d;t=%d`, v.Remaining, seconds(v.Reset.Sub(l.clock.Now()))))
		if !v.OK {
			return l.refuse(v, "jira-quota-global-based")
		}
	}
	if id, write := writtenIssue(c); write {
		for _, w := range []*kit.Window{l.short, l.long} {
			if v := w.Take(id); !v.OK {
				return l.refuse(v, "jira-per-issue-on-write")
			}
		}
	}
	return nil
}

// charge counts the points of what an answer holds, besides the one that each
// call costs: one for an issue, two for a user.
func (l *limiter) charge(c *call, rep reply) {
	if c.grant == nil || c.grant.app == "" || l.limits.PointsPerHour == 0 {
		return
	}
	body, isObject := rep.body.(object)
	points := 0
	switch {
	case isObject && body["issues"] != nil:
		list, _ := body["issues"].([]any)
		points = len(list)
	case isObject && body["fields"] != nil:
		points = 1
	case strings.Contains(strings.Join(c.route.segments, "/"), "user"):
		list, _ := rep.body.([]any)
		points = 2 * max(1, len(list))
	}
	for range points {
		l.points.Take(c.grant.app)
	}
}

// writtenIssue gives the issue that a call writes to.
func writtenIssue(c *call) (id string, write bool) {
	if c.req.Method == http.MethodGet {
		return "", false
	}
	i := c.sys.lookup(c.pathValue("issue"))
	if i == nil {
		return "", false
	}
	return i.idText(), true
}

func seconds(d time.Duration) int { return max(0, int(math.Ceil(d.Seconds()))) }

func (l *limiter) refuse(v kit.Verdict, reason string) error {
	e := fail(http.StatusTooManyRequests, "Rate limit exceeded.")
	e.header = http.Header{}
	e.header.Set("Retry-After", strconv.Itoa(max(1, seconds(v.Wait))))
	e.header.Set("X-RateLimit-Limit", strconv.Itoa(v.Limit))
	e.header.Set("X-RateLimit-Remaining", "0")
	e.header.Set("X-RateLimit-Reset", l.clock.Now().Add(v.Wait).UTC().Format("2006-01-02T15:04Z07:00"))
	e.header.Set("RateLimit-Reason", reason)
	return e
}

func (l *limiter) takeDC(c *call, header http.Header) error {
	if c.user == nil || l.limits.CallsPerMinute == 0 {
		return nil
	}
	v := l.perMinute.Take(c.user.key)
	header.Set("X-RateLimit-Limit", strconv.Itoa(v.Limit))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(v.Remaining))
	header.Set("X-RateLimit-FillRate", strconv.Itoa(v.Limit))
	header.Set("X-RateLimit-Interval-Seconds", "60")
	header.Set("Retry-After", strconv.Itoa(seconds(v.Wait)))
	if v.OK {
		return nil
	}
	return &apiError{status: http.StatusTooManyRequests, raw: object{"message": "Rate limit exceeded.", "status-code": 429}}
}
