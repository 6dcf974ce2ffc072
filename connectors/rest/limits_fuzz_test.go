package rest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// FuzzHeaders lets an answer have any headers, "Name: value" a line. What is
// learnt from them is bounded, and holds a call up for a bounded time.
func FuzzHeaders(f *testing.F) {
	f.Add("RateLimit-Policy: \"global\";q=65000;w=3600\nRateLimit: \"global\";r=11000;t=600")
	f.Add("RateLimit-Policy: \"a\";q=100;w=60, \"b\";q=5;w=1\nRateLimit: \"a\";r=1;t=9, \"b\";r=0;t=1")
	f.Add("RateLimit-Policy: a;q=1073741823;w=1073741823\nRateLimit: a;r=0")
	f.Add("RateLimit: \"lost\";r=0;t=1\nRateLimit-Policy: ;;;,,;q=;w")
	f.Add("X-RateLimit-Limit: 100\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 2026-03-04T12:30Z\nDate: Wed, 04 Mar 2026 11:00:00 GMT")
	f.Add("X-RateLimit-Limit: 100\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 9999-12-31T23:59:59Z\nDate: Mon, 01 Jan 0001 00:00:00 GMT")
	f.Add("RateLimit-Policy: a;q=5;w=604800\nRateLimit: a;r=0;t=604800")
	f.Add("Retry-After: NaN\nRetry-After: 1e308")
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		h := http.Header{}
		for line := range strings.Lines(text) {
			if name, value, ok := strings.Cut(line, ":"); ok {
				h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
			}
		}
		if wait := retryAfter(h, now); wait < 0 || wait > maxRetryAfter {
			t.Errorf("Retry-After is %v", wait)
		}
		l := StandardLimits(h, now)
		if l.Limit.Window < 0 || l.Limit.Window > maxRetryAfter || l.Reset.Sub(now) > maxRetryAfter {
			t.Errorf("learnt %+v", l)
		}
		g := newGate(newManualClock(), testPace(nil), nil)
		defer g.close()
		g.told(l, "")
		_, err := g.enter(connectors.WithPriority(t.Context(), connectors.PriorityButton), "", 1)
		if err != nil && (connectors.KindOf(err) != connectors.RateLimited || connectors.RetryAfter(err) > maxRetryAfter+time.Minute) {
			t.Errorf("after %+v: %v, wait %v", l, err, connectors.RetryAfter(err))
		}
	})
}
