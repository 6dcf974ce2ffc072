package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// foresee decides about links and records as a sync would, and writes nothing.
// Deletions are foreseen as they end, however long they wait. since is what the
// days of tasks are counted from. The caller holds the mapping.
func (e *Engine) foresee(ctx context.Context, m *worked, subjects []state.Subject, since time.Time) (*drain, error) {
	return e.lookAhead(ctx, m, since, func(d *drain) error { return d.imagine(ctx, subjects, planSource) }, func(d *drain) error {
		if err := d.foreseeRefusals(ctx); err != nil {
			return err
		}
		if err := d.foreseeCreates(ctx); err != nil {
			return err
		}
		d.foreseeComments(ctx)
		d.foreseeFiles(ctx)
		d.nameCandidates(ctx)
		return nil
	})
}

// lookAhead decides about the jobs that imagine gives a drain, then does more
// with them. What a limit of calls interrupts begins anew.
func (e *Engine) lookAhead(ctx context.Context, m *worked, since time.Time, imagine, more func(*drain) error) (*drain, error) {
	var d *drain
	err := e.patiently(ctx, m, func() error {
		d = &drain{Engine: e, m: m, now: e.clock.Now(), since: since, guard: &guard{}, plan: true, foresee: true}
		if err := imagine(d); err != nil {
			return err
		}
		m.room.reset(len(d.jobs) * len(m.Rules()))
		if err := d.learnDoubt(ctx); err != nil {
			return err
		}
		if err := d.decide(ctx); err != nil {
			return err
		}
		if err := more(d); err != nil {
			return err
		}
		return d.blamed()
	})
	return d, err
}

// imagine gives the drain jobs for links and records, as if a sync had come
// upon them. What the queue knows of them counts.
func (d *drain) imagine(ctx context.Context, subjects []state.Subject, source string) error {
	return d.store.View(ctx, func(tx state.Tx) error {
		d.jobs, d.order = make([]*job, 0, len(subjects)), make(map[*job]int, len(subjects))
		for i, s := range subjects {
			j, err := imagined(tx, d.m, s, source, d.now)
			if err != nil {
				return err
			}
			if j != nil {
				d.jobs = append(d.jobs, j)
				d.order[j] = i
			}
		}
		return nil
	})
}

// imagined makes the job of one link or record; nil where the link is not there
// any more. The job's entry need not be in the queue.
func imagined(tx state.Tx, m *worked, s state.Subject, source string, now time.Time) (*job, error) {
	if s.Link == 0 { // it may have been linked meanwhile
		link, err := tx.LinkOf(m.Name(), s.Side, s.Record)
		switch {
		case err == nil:
			s = state.Subject{Mapping: m.Name(), Link: link.ID, Side: s.Side}
		case !errors.Is(err, state.ErrNotFound):
			return nil, err
		}
	}
	queued := s
	if s.Link != 0 {
		queued = state.Subject{Mapping: s.Mapping, Link: s.Link}
	}
	entry := &state.Entry{Subject: s, First: now}
	found, err := tx.Entry(queued)
	switch {
	case err == nil:
		c := *found
		entry = &c
		entry.Side = s.Side
	case !errors.Is(err, state.ErrNotFound):
		return nil, err
	}
	begun := entry.Source == applySource
	entry.Sides, entry.Source = 3, source
	j, err := loadJob(tx, entry)
	if err != nil || s.Link != 0 && j.link == nil {
		return nil, err
	}
	if j.link != nil {
		j.link = cloneLink(j.link)
	}
	j.begun = begun
	return j, nil
}

func cloneLink(l *state.Link) *state.Link {
	c := *l
	c.Fields = slices.Clone(l.Fields)
	return &c
}

// planPatience bounds how long a plan waits for an allowance or a pause.
const planPatience = 15 * time.Minute

// patiently calls fn when both connections take calls. What ends because one of
// them wants a pause is called again after it.
func (e *Engine) patiently(ctx context.Context, m *worked, fn func() error) error {
	for {
		if err := e.await(ctx, m); err != nil {
			return err
		}
		err := fn()
		if connectors.KindOf(err) != connectors.RateLimited || err == nil {
			return err
		}
	}
}

// await waits until both connections of a mapping take calls of the plan's
// priority.
func (e *Engine) await(ctx context.Context, m *worked) error {
	switch p, err := e.paused(ctx, m); {
	case err != nil:
		return err
	case p != nil && p.Connection != "": // a paused mapping may be planned: a person asks for just that
		return p.err("plan")
	}
	for _, c := range m.sides {
		for {
			ok, at := e.open(ctx, c)
			if ok {
				if at = e.withheldUntil(c, connectors.PriorityBackfill); at.IsZero() {
					break
				}
			}
			if err := e.awaitOne(ctx, c, at); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) awaitOne(ctx context.Context, c *connection, at time.Time) error {
	c.mu.Lock()
	code, reason := c.code, c.reason
	c.mu.Unlock()
	wait := at.Sub(e.clock.Now())
	kind := connectors.RateLimited
	switch {
	case code != "" && !waits(code):
		kind = kindOfCode(code)
	case wait <= planPatience:
		return e.clock.Sleep(ctx, max(wait, time.Millisecond))
	}
	if reason == "" {
		reason = "what is left of the allowance is kept for more urgent work"
	}
	return &connectors.Error{Op: "plan", Connection: c.name, Kind: kind, RetryAfter: wait, Err: errors.New(reason)}
}

// kindOfCode is the kind of error behind the code of a connection that cannot be
// called.
func kindOfCode(code string) connectors.Kind {
	switch code {
	case "auth":
		return connectors.Auth
	case codeRateLimited, codeQuota:
		return connectors.RateLimited
	}
	return connectors.Unavailable
}

// blamed returns the error of a connection that could not be asked, so that
// nothing can be said about the batch.
func (d *drain) blamed() error {
	for _, j := range d.jobs {
		if j.outcome.kind == outcomeKeep || j.outcome.kind == outcomeRetry && j.outcome.code == "unavailable" {
			return &connectors.Error{Op: "plan", Kind: kindOfCode(j.outcome.code), Err: errors.New(j.outcome.reason)}
		}
	}
	return nil
}
