package rest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// gate lets a connection's calls pass: most urgent first, and in the order of
// arrival among equals. A call passes when no pause holds, a slot is free, its
// lane's pace allows it and the allowance is not reserved for more urgent work.
type gate struct {
	clock   connectors.Clock
	maxWait time.Duration
	ctx     context.Context
	stop    context.CancelFunc

	mu     sync.Mutex
	free   int
	queue  [connectors.Priorities][]*waiter
	main   *bucket
	lanes  map[string]*bucket
	budget budget
	closed bool

	pausedUntil time.Time
	pausedAt    time.Time // when the last pause began
	strikes     int       // refusals in a row that named no wait

	wakeAt time.Time // the earliest time that a sleeper waits for; zero: none sleeps
}

type waiter struct {
	lane *bucket
	done chan error // receives once: nil lets pass
}

// bucket spaces calls by the generic cell rate algorithm: at most burst at
// once and one each interval in the long run. Interval 0 lets all pass.
type bucket struct {
	interval time.Duration
	burst    int
	fixed    bool      // set by the admin or the connector, not learnt
	next     time.Time // when the bucket is full again
}

func newBucket(p Pace) *bucket {
	b := &bucket{fixed: p.PerSecond > 0}
	if b.fixed {
		b.set(p.PerSecond, p.Burst)
	}
	return b
}

func (b *bucket) set(perSecond float64, burst int) {
	b.interval = max(time.Duration(float64(time.Second)/perSecond), 1)
	if burst <= 0 {
		burst = max(int(perSecond), 1)
	}
	b.burst = burst
}

// opens returns when the next call may pass.
func (b *bucket) opens() time.Time {
	return b.next.Add(-time.Duration(b.burst-1) * b.interval)
}

func (b *bucket) take(now time.Time) {
	if b.interval == 0 {
		return
	}
	if b.next.Before(now) {
		b.next = now
	}
	b.next = b.next.Add(b.interval)
}

func newGate(clock connectors.Clock, pace Pace, lanes map[string]Pace) *gate {
	ctx, stop := context.WithCancel(context.Background())
	g := &gate{
		clock: clock, maxWait: pace.MaxWait, ctx: ctx, stop: stop, free: pace.Concurrent,
		main: newBucket(pace), lanes: make(map[string]*bucket, len(lanes)),
		budget: newBudget(pace),
	}
	for name, p := range lanes {
		g.lanes[name] = newBucket(p)
	}
	return g
}

func (g *gate) lane(name string) *bucket {
	if b, ok := g.lanes[name]; ok {
		return b
	}
	return g.main
}

var errClosed = errors.New("the connection is closed")

// enter waits until the call may go out. The caller must call leave when it
// ends with nil. The error is a *connectors.Error or the context's cause;
// nothing was sent.
func (g *gate) enter(ctx context.Context, lane string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w := &waiter{lane: g.lane(lane), done: make(chan error, 1)}
	p := connectors.PriorityOf(ctx)
	g.mu.Lock()
	g.queue[p] = append(g.queue[p], w)
	g.dispatch()
	g.mu.Unlock()
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.queue[p], w); i >= 0 {
		g.queue[p] = slices.Delete(g.queue[p], i, i+1)
	} else if err := <-w.done; err == nil {
		g.free++
		g.dispatch()
	}
	return context.Cause(ctx)
}

// leave gives the slot back.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free++
	g.dispatch()
}

// pause holds all calls for d, or as long as a pause that already holds. A
// wait of zero means that the system named none: then the pause doubles with
// each refusal of a call that went out after the last pause. sent is when the
// refused call went out. It returns the time that is left to wait.
func (g *gate) pause(d time.Duration, sent time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if d <= 0 {
		if !sent.Before(g.pausedAt) {
			g.strikes = min(g.strikes+1, 6)
		}
		d = time.Second << max(g.strikes-1, 0)
		if sent.Before(g.pausedAt) {
			d = 0
		}
	}
	if until := now.Add(d); d > 0 && until.After(g.pausedUntil) {
		g.pausedUntil, g.pausedAt = until, now
	}
	g.dispatch()
	return max(g.pausedUntil.Sub(now), 0)
}

// calm notes that the system answered a call normally.
func (g *gate) calm() {
	g.mu.Lock()
	g.strikes = 0
	g.mu.Unlock()
}

// learn takes in what the answer of a call in a lane told.
func (g *gate) learn(l Learnt, lane string) {
	if !l.Limit.Known {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.lane(lane)
	if w := l.Limit.Window; !b.fixed && l.Limit.PerWindow > 0 && w > 0 && w <= shortWindow {
		// A rolling window of n calls is kept by a burst of n/10 and the rest
		// spread over the window.
		burst := max(l.Limit.PerWindow/10, 1)
		b.set(float64(max(l.Limit.PerWindow-burst, 1))/w.Seconds(), burst)
	}
	if b == g.main {
		g.budget.learn(l, g.clock.Now())
	}
	g.dispatch()
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.stop()
	g.dispatch()
}

// dispatch lets pass whoever may, and sees to it that somebody wakes for those
// who may not yet.
func (g *gate) dispatch() {
	now := g.clock.Now()
	pause := g.pausedUntil.Sub(now)
	switch {
	case g.closed:
		g.failAll(&connectors.Error{Kind: connectors.Unavailable, Err: errClosed})
		return
	case pause > g.maxWait:
		g.failAll(limited(pause, "the system asked for a pause"))
		return
	case pause > 0:
		g.wake(g.pausedUntil, now)
		return
	}
	var blocked []*bucket
	for p := range g.queue {
		kept := g.queue[p][:0]
		for _, w := range g.queue[p] {
			if g.free == 0 || slices.Contains(blocked, w.lane) {
				kept = append(kept, w)
				continue
			}
			if at, why := g.budget.opens(connectors.Priority(p), now); at.After(now) {
				if at.Sub(now) > g.maxWait {
					w.done <- limited(at.Sub(now), why)
					continue
				}
				g.wake(at, now)
				kept = append(kept, w)
				continue
			}
			if at := w.lane.opens(); w.lane.interval > 0 && at.After(now) {
				blocked = append(blocked, w.lane)
				g.wake(at, now)
				kept = append(kept, w)
				continue
			}
			w.lane.take(now)
			g.budget.take()
			g.free--
			w.done <- nil
		}
		clear(g.queue[p][len(kept):])
		g.queue[p] = kept
	}
}

func (g *gate) failAll(err *connectors.Error) {
	for p := range g.queue {
		for _, w := range g.queue[p] {
			own := *err
			w.done <- &own
		}
		g.queue[p] = nil
	}
}

// wake makes sure that dispatch runs again at the given time.
func (g *gate) wake(at, now time.Time) {
	if g.idle() || !g.wakeAt.IsZero() && !at.Before(g.wakeAt) {
		return
	}
	g.wakeAt = at
	go func() {
		err := g.clock.Sleep(g.ctx, at.Sub(now))
		g.mu.Lock()
		defer g.mu.Unlock()
		if err != nil || g.closed {
			return
		}
		if g.wakeAt.Equal(at) {
			g.wakeAt = time.Time{}
		}
		g.dispatch()
	}()
}

func (g *gate) idle() bool {
	for p := range g.queue {
		if len(g.queue[p]) > 0 {
			return false
		}
	}
	return true
}

func limited(wait time.Duration, why string) *connectors.Error {
	return &connectors.Error{Kind: connectors.RateLimited, RetryAfter: wait, Err: errors.New(why)}
}
