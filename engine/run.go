package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// Run works until the context ends: it drains the queues, polls and sweeps the
// feeds and prunes what has expired. It starts the engine's only goroutines and
// returns when all have ended. Call it once.
func (e *Engine) Run(ctx context.Context) error {
	e.nudgeMu.Lock()
	e.nudges = map[string]chan struct{}{}
	for _, m := range e.mappings {
		e.nudges[m.Name()] = make(chan struct{}, 1)
	}
	e.nudgeMu.Unlock()
	if err := e.serveRuns(ctx); err != nil {
		return err
	}
	changed, err := e.Recover(ctx)
	if err != nil {
		return err
	}
	if err := e.warnOfGone(ctx); err != nil {
		return err
	}
	e.running.Store(true)
	defer e.running.Store(false)
	var wg sync.WaitGroup
	wg.Go(func() { e.inboxLoop(ctx) })
	for _, m := range e.mappings {
		if !e.readOnly { // what is due stays in the queue
			wg.Go(func() { e.drainLoop(ctx, m.Name()) })
		}
	}
	for _, f := range e.feeds {
		wg.Go(func() { e.pollLoop(ctx, f) })
		wg.Go(func() { e.sweepLoop(ctx, f, f.servesAny(changed)) })
	}
	for _, s := range e.streams {
		wg.Go(func() { e.streamLoop(ctx, s) })
	}
	wg.Go(func() { e.pruneLoop(ctx) })
	wg.Wait()
	return context.Cause(ctx)
}

// nudge wakes a mapping's drainer.
func (e *Engine) nudge(name string) {
	e.nudgeMu.Lock()
	defer e.nudgeMu.Unlock()
	if ch := e.nudges[name]; ch != nil {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// idle is how long a drainer sleeps when nothing is due; a nudge wakes it.
const idle = time.Minute

// drainLoop drains one mapping.
func (e *Engine) drainLoop(ctx context.Context, name string) {
	e.nudgeMu.Lock()
	nudged := e.nudges[name]
	e.nudgeMu.Unlock()
	failures := 0
	for ctx.Err() == nil {
		out, err := e.Drain(ctx, name)
		wait := time.Duration(0)
		now := e.clock.Now()
		switch {
		case err != nil:
			if ctx.Err() != nil {
				return
			}
			failures++
			wait = e.backoff(failures)
			e.log.Error("drain ended early", "mapping", name, "wait", wait, "err", err)
		case out.Stopped, out.Paused != nil:
			wait, failures = idle, 0
		case !out.Wait.IsZero():
			wait, failures = out.Wait.Sub(now), 0
		case out.Worked == 0:
			wait, failures = idle, 0
			if !out.Next.IsZero() {
				wait = min(wait, out.Next.Sub(now))
			}
		case out.Done == 0:
			wait, failures = 10*time.Millisecond, 0
		default:
			failures = 0
		}
		if wait > 0 && !e.rest(ctx, nudged, wait) {
			return
		}
	}
}

// rest waits for the time, a nudge or the end; false for the end.
func (e *Engine) rest(ctx context.Context, nudged <-chan struct{}, wait time.Duration) bool {
	t := time.NewTimer(max(wait, time.Millisecond))
	defer t.Stop()
	select {
	case <-t.C:
	case <-nudged:
	case <-ctx.Done():
		return false
	}
	return true
}

// pollLoop polls one feed.
func (e *Engine) pollLoop(ctx context.Context, f *feed) {
	failures := 0
	for ctx.Err() == nil {
		out, err := e.Poll(ctx, f.name)
		wait := e.jitter(e.pollEvery(f.conn, f.object()))
		switch {
		case err != nil:
			if ctx.Err() != nil {
				return
			}
			failures++
			wait = max(e.backoff(failures), connectors.RetryAfter(err))
			e.log.Warn("poll ended early", "connection", f.conn.name, "wait", wait, "err", err)
		case !out.Wait.IsZero():
			wait = out.Wait.Sub(e.clock.Now())
		case out.More:
			wait, failures = 0, 0
		default:
			failures = 0
		}
		if wait > 0 && !e.rest(ctx, f.nudge, wait) {
			return
		}
	}
}

// streamLoop keeps a connection's stream open. While it stands the lists are
// asked less often; a gap and its end have them asked at once.
func (e *Engine) streamLoop(ctx context.Context, s *stream) {
	failures := 0
	wakeFeeds := func() {
		for _, f := range s.feeds {
			f.wake()
		}
	}
	for ctx.Err() == nil {
		began := e.clock.Now()
		out, err := e.Listen(ctx, s.conn.name, wakeFeeds)
		if ctx.Err() != nil {
			return
		}
		if failures++; out.Batches > 1 || e.clock.Now().Sub(began) > settleTime {
			failures = 1 // it stood
		}
		wait := idle
		switch {
		case !out.Wait.IsZero():
			wait, failures = out.Wait.Sub(e.clock.Now()), 0
		case out.Paused != nil:
			failures = 0
		default:
			wait = max(e.backoff(failures), connectors.RetryAfter(err))
			if k := connectors.KindOf(err); k == connectors.Permission || k == connectors.NotFound {
				wait = e.jitter(e.limits.RetryMax) // a person has to do something first
			}
			e.log.Warn("stream broke", "connection", s.conn.name, "wait", wait, "err", err)
			wakeFeeds()
		}
		s.retry(e.clock.Now().Add(wait))
		if !e.rest(ctx, s.nudge, wait) {
			return
		}
	}
}

// sweepLoop sweeps one feed now and then, or first of all at once.
func (e *Engine) sweepLoop(ctx context.Context, f *feed, atOnce bool) {
	wait := e.untilSweep(ctx, f)
	if atOnce {
		wait = 0
	}
	for ; e.rest(ctx, nil, wait); wait = e.jitter(e.limits.Sweep) {
		s, err := e.Sweep(f.name)
		if err != nil {
			return
		}
		if !e.sweepThrough(ctx, f, s) {
			return
		}
	}
}

// maxSweepFailures is how many steps in a row may fail before a sweep is given
// up until its next time.
const maxSweepFailures = 10

// sweepThrough steps a sweep until it is done; a step that failed is tried
// again. It returns false when the context has ended.
func (e *Engine) sweepThrough(ctx context.Context, f *feed, s *Sweeper) bool {
	for failures := 0; ; {
		out, err := s.Step(ctx)
		pause := sweepPause
		switch {
		case err != nil:
			if failures++; failures > maxSweepFailures || ctx.Err() != nil {
				e.log.Warn("sweep ended early", "connection", f.conn.name, "err", err)
				return ctx.Err() == nil
			}
			pause = max(e.backoff(failures), connectors.RetryAfter(err))
		case out.Done:
			e.noteSweep(ctx, f)
			return true
		case out.Wait:
			pause = e.limits.Probe
		default:
			failures = 0
		}
		if !e.rest(ctx, nil, pause) {
			return false
		}
	}
}

// sweepDocs holds when each feed was last swept through, so that a service that
// is started often sweeps all the same.
const sweepDocs = "sweep"

func (e *Engine) noteSweep(ctx context.Context, f *feed) {
	now := binary.BigEndian.AppendUint64(nil, uint64(e.clock.Now().Unix()))
	if err := e.commit(ctx, func(tx state.Tx) error { return tx.SetDoc(sweepDocs, f.name, now) }); err != nil {
		e.log.Warn("the time of a sweep is not kept", "connection", f.conn.name, "err", err)
	}
}

// untilSweep returns how long a feed's next sweep is off.
func (e *Engine) untilSweep(ctx context.Context, f *feed) time.Duration {
	wait := e.jitter(e.limits.Sweep)
	var doc []byte
	err := e.store.View(ctx, func(tx state.Tx) (err error) {
		doc, err = tx.Doc(sweepDocs, f.name)
		return err
	})
	if err == nil && doc == nil {
		e.noteSweep(ctx, f) // counted from the first start
	}
	if err != nil || len(doc) != 8 {
		return wait
	}
	since := e.clock.Now().Sub(time.Unix(int64(binary.BigEndian.Uint64(doc)), 0))
	if since < 0 {
		return wait // the clock was set back
	}
	return max(wait-since, min(wait, settleTime))
}

// settleTime is what a start leaves to live work before the first sweep.
const settleTime = time.Minute

// sweepPause lies between two pages of a sweep, so that it never crowds out
// live work.
const sweepPause = 200 * time.Millisecond

// pruneLoop removes what has expired.
func (e *Engine) pruneLoop(ctx context.Context) {
	for e.rest(ctx, nil, time.Minute) {
		for ctx.Err() == nil {
			n, err := e.Prune(ctx)
			if err != nil {
				e.log.Warn("prune ended early", "err", err)
			}
			if n == 0 || err != nil {
				break
			}
		}
	}
}

// Prune removes a batch of what has expired and returns how many rows went.
func (e *Engine) Prune(ctx context.Context) (int, error) {
	n := 0
	now := e.clock.Now()
	err := e.store.Update(ctx, func(tx state.Tx) error {
		seen, err := tx.PruneDeliveries(now, 1000)
		if err != nil {
			return err
		}
		old, err := tx.PruneJournal(now.Add(-e.limits.KeepJournal), 1000)
		if err != nil {
			return err
		}
		forgotten, err := tx.ForgetReplaced(now.Add(-max(e.limits.KeepReplaced, 0)), 1000)
		n = seen + old + forgotten
		return err
	})
	return n, err
}

// Sync brings one mapping into step once: it reads everything in scope, then
// works the queue until nothing is due. Entries that wait for longer than the
// context lasts stay in the queue.
func (e *Engine) Sync(ctx context.Context, name string, progress func(SyncProgress)) error {
	m, err := e.mapping(name)
	if err != nil {
		return err
	}
	if p, err := e.paused(ctx, m); err != nil {
		return err
	} else if p != nil {
		return p.err("sync")
	}
	end, err := e.syncRun(ctx, m)
	if err != nil {
		return err
	}
	defer end()
	told := SyncProgress{Mapping: name}
	tell := func() {
		if progress != nil {
			progress(told)
		}
	}
	for _, f := range e.feeds {
		if !f.serves(m) {
			continue
		}
		s, err := e.Sweep(f.name)
		if err != nil {
			return err
		}
		s.source = syncSource
		for {
			out, err := s.Step(ctx)
			if err != nil {
				return err
			}
			told.Listed += out.Rows
			tell()
			if out.Done {
				break
			}
			if out.Paused != nil {
				return out.Paused.err("sync")
			}
			if out.Wait {
				if err := e.clock.Sleep(ctx, e.limits.Probe); err != nil {
					return err
				}
			}
		}
	}
	return e.drainDry(ctx, m, &told, tell)
}

func (f *feed) servesAny(names []string) bool {
	return slices.ContainsFunc(f.users, func(u feedUser) bool { return slices.Contains(names, u.m.Name()) })
}

func (f *feed) serves(m *worked) bool {
	for _, u := range f.users {
		if u.m == m {
			return true
		}
	}
	return false
}

// ErrStopped is what Sync returns for a mapping that a guard stopped.
var ErrStopped = errors.New("the mapping is stopped by a guard")

// patience is how long Sync waits for entries that are not due yet.
const patience = 10 * time.Second

func (e *Engine) drainDry(ctx context.Context, m *worked, told *SyncProgress, tell func()) error {
	for {
		out, err := e.Drain(ctx, m.Name())
		if err != nil {
			return err
		}
		told.Done += out.Done
		if err := e.store.View(ctx, func(tx state.Tx) error {
			counts, err := tx.CountEntries(m.Name())
			told.Queued = counts[state.Ready] + counts[state.Waiting]
			return err
		}); err != nil {
			return err
		}
		tell()
		now := e.clock.Now()
		switch {
		case out.Paused != nil:
			return out.Paused.err("sync")
		case out.Stopped:
			return ErrStopped
		case !out.Wait.IsZero():
			if err := e.clock.Sleep(ctx, out.Wait.Sub(now)); err != nil {
				return err
			}
		case out.Worked > 0:
		case out.Next.IsZero() || out.Next.Sub(now) > patience:
			return nil
		default:
			if err := e.clock.Sleep(ctx, out.Next.Sub(now)); err != nil {
				return err
			}
		}
	}
}
