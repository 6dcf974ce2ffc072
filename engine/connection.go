package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// connection is a connection with its breaker and what the status shows of it.
type connection struct {
	connectors.Connection
	name  string
	log   *slog.Logger
	can   connectors.Abilities
	facts connectors.Facts

	mu          sync.Mutex
	paused      bool
	code        string
	reason      string
	since       time.Time
	retryAt     time.Time
	probes      int
	failures    int // in a row, while not paused
	withheld    withheld
	lastWebhook time.Time
	lastPoll    time.Time

	stream *stream // set by New; nil where there is none
}

func newConnection(name string, c connectors.Connection) *connection {
	return &connection{Connection: c, name: name, log: slog.New(slog.DiscardHandler), can: connectors.AbilitiesOf(c), facts: c.Facts()}
}

// failuresBeforePause is how many calls in a row must find a system unavailable
// before the whole connection is paused.
const failuresBeforePause = 3

// note takes the outcome of a call into the breaker.
func (e *Engine) note(c *connection, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.failures = 0
		return
	}
	now := e.clock.Now()
	switch connectors.KindOf(err) {
	case connectors.Auth:
		e.pause(c, "auth", err, now)
	case connectors.RateLimited:
		wait := connectors.RetryAfter(err)
		if wait <= 0 {
			wait = e.limits.Probe
		}
		code := codeRateLimited
		if w, ok := errors.AsType[*connectors.Withheld](err); ok {
			if w.From > connectors.PriorityButton {
				c.withheld.keep(w, now.Add(wait))
				return
			}
			code = codeQuota
		}
		if !c.paused {
			c.paused, c.code, c.reason, c.since = true, code, told(err), now
			c.retryAt = now.Add(wait)
		} else if at := now.Add(wait); at.After(c.retryAt) {
			c.retryAt = at
		}
	case connectors.Unavailable:
		c.failures++
		if c.failures >= failuresBeforePause {
			e.pause(c, "unavailable", err, now)
		}
	}
}

func (e *Engine) pause(c *connection, code string, err error, now time.Time) {
	if !c.paused || waits(c.code) {
		c.since, c.probes = now, 0
		e.log.Warn("connection paused", "connection", c.name, "op", code, "err", err)
	}
	c.paused, c.code, c.reason = true, code, told(err)
	wait := e.limits.Probe << min(c.probes, 6)
	wait = max(min(wait, 5*time.Minute), connectors.RetryAfter(err))
	c.probes++
	c.retryAt = now.Add(e.jitter(wait))
}

// open reports whether calls may be sent, and if not, when to look again. A
// paused connection is probed by one Check when its time has come.
func (e *Engine) open(ctx context.Context, c *connection) (bool, time.Time) {
	c.mu.Lock()
	paused, code, at := c.paused, c.code, c.retryAt
	c.mu.Unlock()
	if !paused {
		return true, time.Time{}
	}
	if now := e.clock.Now(); now.Before(at) {
		return false, at
	}
	if !waits(code) {
		if _, err := c.Check(ctx); err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			switch connectors.KindOf(err) {
			case connectors.Auth:
				e.pause(c, "auth", err, e.clock.Now())
			default:
				e.pause(c, "unavailable", err, e.clock.Now())
			}
			return false, c.retryAt
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !waits(code) {
		e.log.Info("connection resumed", "connection", c.name)
	}
	c.paused, c.code, c.reason, c.failures, c.probes = false, "", "", 0, 0
	return true, time.Time{}
}

// openBoth is open for both sides of a mapping.
func (e *Engine) openBoth(ctx context.Context, m *worked) (bool, time.Time) {
	for _, c := range m.sides {
		if ok, at := e.open(ctx, c); !ok {
			return false, at
		}
	}
	return true, time.Time{}
}

// jitter spreads a wait over [¾ d, 1¼ d).
func (e *Engine) jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	e.randMu.Lock()
	defer e.randMu.Unlock()
	return d*3/4 + time.Duration(e.random.Int64N(int64(d)/2+1))
}

func (e *Engine) backoff(attempts int) time.Duration {
	d := e.limits.RetryMin << min(max(attempts-1, 0), 20)
	return e.jitter(min(max(d, e.limits.RetryMin), e.limits.RetryMax))
}
