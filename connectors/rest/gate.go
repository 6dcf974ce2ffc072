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
// lane's pace allows it and the allowance is not kept for more urgent work.
type gate struct {
	clock   connectors.Clock
	maxWait time.Duration
	ctx     context.Context
	stop    context.CancelFunc
	ledger  *ledger

	mu      sync.Mutex
	free    int
	spare   int // slots that are kept for what people and webhooks wait for
	queue   [connectors.Priorities][]*waiter
	refused [connectors.Priorities]int64
	main    *bucket
	lanes   map[string]*bucket
	budget  budget
	closed  bool

	pausedUntil time.Time
	pausedAt    time.Time // when the last pause began
	strikes     int       // refusals in a row that named no wait

	wakeAt time.Time // the earliest time that a sleeper waits for; zero: none sleeps
}

// pass is one call's place in a gate. Who holds one gives it back with leave.
type pass struct {
	g        *gate
	lane     *bucket
	priority connectors.Priority
	units    int
	sent     time.Time // when it was let pass
}

type waiter struct {
	pass
	done chan error // receives once: nil lets pass
}

// spareFrom is how many slots there must be for one to be kept.
const spareFrom = 4

func newGate(clock connectors.Clock, pace Pace, lanes map[string]Pace) *gate {
	ctx, stop := context.WithCancel(context.Background())
	g := &gate{
		clock: clock, maxWait: pace.MaxWait, ctx: ctx, stop: stop, free: pace.Concurrent, ledger: &ledger{turn: make(chan struct{}, 1)},
		main: newBucket(pace), lanes: make(map[string]*bucket, len(lanes)),
		budget: newBudget(pace),
	}
	if pace.Concurrent >= spareFrom {
		g.spare = 1
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

// enter waits until a call that costs so many units may go out. The error is a
// *connectors.Error or the context's cause; nothing was sent.
func (g *gate) enter(ctx context.Context, lane string, units int) (*pass, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := g.load(ctx); err != nil {
		return nil, err
	}
	p := connectors.PriorityOf(ctx)
	w := &waiter{
		pass: pass{g: g, lane: g.lane(lane), priority: p, units: max(units, 1)},
		done: make(chan error, 1),
	}
	g.mu.Lock()
	g.queue[p] = append(g.queue[p], w)
	g.dispatch()
	g.mu.Unlock()
	select {
	case err := <-w.done:
		return &w.pass, err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.queue[p], w); i >= 0 {
		g.queue[p] = slices.Delete(g.queue[p], i, i+1)
	} else if err := <-w.done; err == nil {
		w.end(Learnt{})
	}
	return nil, context.Cause(ctx)
}

// leave gives the place back, with what the answer told.
func (p *pass) leave(l Learnt) {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	p.end(l)
}

// end is leave with the lock held.
func (p *pass) end(l Learnt) {
	g, now := p.g, p.g.clock.Now()
	g.free++
	if l.Limit.Known {
		p.lane.learn(l.Limit.PerWindow, l.Limit.Remaining, l.Limit.Window, p.sent, now)
		if p.lane != g.main {
			l = Learnt{} // the lane's own
		}
	}
	p.lane.leave(now)
	g.budget.leave(p.units, p.sent, l, now)
	g.dispatch()
}

// pause holds all calls for d, or as long as a pause that already holds. A
// wait of zero means that the system named none: then the pause doubles with
// each refusal of a call that went out after the last pause. sent is when the
// refused call went out. It returns the time that is left to wait, once the
// pause is noted where it outlives the process.
func (g *gate) pause(d time.Duration, sent time.Time) time.Duration {
	left, longer := g.hold(d, sent)
	if longer {
		g.save()
	}
	return left
}

func (g *gate) hold(d time.Duration, sent time.Time) (left time.Duration, longer bool) {
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
		g.pausedUntil, g.pausedAt, longer = until, now, true
	}
	g.dispatch()
	return max(g.pausedUntil.Sub(now), 0), longer
}

// calm notes that the system answered a call normally.
func (g *gate) calm() {
	g.mu.Lock()
	g.strikes = 0
	g.mu.Unlock()
}

func (g *gate) close() {
	g.mu.Lock()
	was := g.closed
	g.closed = true
	g.stop()
	g.dispatch()
	g.mu.Unlock()
	if !was {
		g.settle()
	}
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
		g.failAll(limited(pause, errPaused))
		return
	case pause > 0:
		g.wake(g.pausedUntil, now)
		return
	}
	var blocked []*bucket
	for p := range g.queue {
		kept := g.queue[p][:0]
		for _, w := range g.queue[p] {
			if !g.admit(w, &blocked, now) {
				kept = append(kept, w)
			}
		}
		clear(g.queue[p][len(kept):])
		g.queue[p] = kept
	}
}

// admit lets a waiter pass or turns it away; false: it stays.
func (g *gate) admit(w *waiter, blocked *[]*bucket, now time.Time) bool {
	slots := g.free
	if w.priority > connectors.PriorityWebhook {
		slots -= g.spare
	}
	if slots <= 0 || slices.Contains(*blocked, w.lane) {
		return false
	}
	if at, why := g.budget.opens(w.priority, w.units, now); why != nil {
		if at.Sub(now) > g.maxWait {
			g.refused[w.priority]++
			g.spend(at, why)
			w.done <- limited(at.Sub(now), why)
			return true
		}
		g.wake(at, now)
		return false
	}
	if at := w.lane.opens(now); !at.Equal(now) {
		*blocked = append(*blocked, w.lane)
		if !at.IsZero() {
			g.wake(at, now)
		}
		return false
	}
	if !g.covered() {
		return false // the note of its use is on its way
	}
	w.sent = now
	w.lane.take(now)
	g.budget.take(w.priority, w.units)
	g.free--
	w.done <- nil
	return true
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

var errPaused = errors.New("the system asked for a pause")

func limited(wait time.Duration, why error) *connectors.Error {
	return &connectors.Error{Kind: connectors.RateLimited, RetryAfter: wait, Err: why}
}

// standing returns how the gate stands.
func (g *gate) standing(now time.Time) connectors.Budget {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := connectors.Budget{
		PerSecond: g.main.perSecond(), Share: g.budget.share,
		Refused: g.refused,
	}
	g.budget.tell(&b, now)
	if g.pausedUntil.After(now) {
		b.PausedUntil = g.pausedUntil
	}
	for p := range b.Waiting {
		b.Waiting[p] = len(g.queue[p])
		at, _ := g.budget.opens(connectors.Priority(p), 1, now)
		if at = later(at, b.PausedUntil); at.After(now) {
			b.Opens[p] = at
		}
	}
	return b
}
