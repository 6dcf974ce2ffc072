package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// carryOut carries out a batch of a plan's items.
func (a *applying) carryOut(ctx context.Context, items []PlanItem) error {
	subjects, err := a.subjects(items)
	if err != nil {
		return err
	}
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	d, err := a.decide(ctx, subjects, nil)
	if err != nil {
		return err
	}
	var todo []*job
	for i := range items {
		j := d.jobOf(i)
		switch state, what := d.stands(&items[i], j); state {
		case itemStale:
			a.result.stale(d.staleItem(&items[i], j, what))
		case itemDone:
			a.result.Before++
		default:
			todo = append(todo, j)
			a.result.Done++
			for _, c := range items[i].Changes {
				a.result.Counts[c.Action]++
			}
		}
	}
	if a.single && !a.o.SkipStale && len(a.result.Stale) > 0 {
		a.out.Refused, a.result.Done, a.result.Counts = true, 0, map[string]int{}
		return nil
	}
	if len(todo) == 0 {
		return nil
	}
	d.jobs = todo
	if a.run == 0 {
		if a.run, err = a.e.beginRun(ctx, a.m, runApply, a.o.By); err != nil {
			return err
		}
	}
	d.runID = a.run
	if err := d.enter(ctx); err != nil {
		return err
	}
	if err := a.write(ctx, d); err != nil {
		return err
	}
	return a.follow(ctx)
}

// decide decides about links and records as a drain does, without writing. The
// subjects' entries, where given, are those in the queue.
func (a *applying) decide(ctx context.Context, subjects []state.Subject, jobs []*job) (*drain, error) {
	var d *drain
	err := a.e.patiently(ctx, a.m, func() error {
		g, err := a.e.loadGuard(ctx, a.m)
		if err != nil {
			return err
		}
		if g.Stopped && g.Code == massMissingCode {
			return a.halted(g)
		}
		d = &drain{Engine: a.e, m: a.m, now: a.e.clock.Now(), since: a.head.At, guard: g, runID: a.run}
		if jobs != nil {
			d.jobs = jobs
		} else if err := d.imagine(ctx, subjects, applySource); err != nil {
			return err
		}
		a.m.room.reset(len(d.jobs) * len(a.m.Rules()))
		if err := d.learnDoubt(ctx); err != nil {
			return err
		}
		if err := d.decide(ctx); err != nil {
			return err
		}
		if g.Stopped && g.Code == massMissingCode {
			return errors.Join(d.stopMissing(ctx), a.halted(g))
		}
		if jobs != nil {
			return nil
		}
		if err := d.foreseeRefusals(ctx); err != nil {
			return err
		}
		if err := d.foreseeCreates(ctx); err != nil {
			return err
		}
		d.foreseeComments(ctx)
		d.foreseeFiles(ctx)
		return d.blamed()
	})
	return d, err
}

// halted is the error of a mapping whose records are missing.
func (a *applying) halted(g *guard) error {
	return &connectors.Error{
		Op: "apply", Kind: connectors.Conflict, Err: fmt.Errorf("%s: %w: %s", a.m.Name(), ErrStopped, g.Reason),
		Help: "mend the cause, or say that it is meant: tenon resume " + a.m.Name(),
	}
}

// enter puts the batch's jobs into the queue, so that what a crash interrupts is
// found there.
func (d *drain) enter(ctx context.Context) error {
	return d.Engine.commit(ctx, func(tx state.Tx) error {
		for _, j := range d.jobs {
			s := state.Subject{Mapping: d.m.Name(), Side: uint8(j.side), Record: j.entry.Record}
			if j.link != nil && j.link.ID != 0 {
				s = linkSubject(j.link)
			}
			if err := bump(tx, s, 3, hint{
				side: j.side, record: j.entry.Record, priority: connectors.PriorityBackfill, source: applySource, due: d.now, convert: j.entry.Convert,
			}, d.now); err != nil {
				return err
			}
			entry, err := tx.Entry(s)
			if err != nil {
				return err
			}
			entry.Source = applySource
			if err := tx.PutEntry(entry); err != nil {
				return err
			}
			kept := *entry
			j.entry = &kept
		}
		return nil
	})
}

// write takes decided jobs through the stages of a drain that write. A person
// has seen the plan, so no budget bounds it.
func (a *applying) write(ctx context.Context, d *drain) error {
	for _, j := range d.jobs {
		if mk := j.making; mk != nil { // worked out for the comparison; the create does so anew
			j.making = &making{to: mk.to, create: mk.create, orphan: mk.orphan}
		}
	}
	for _, stage := range []func(context.Context) error{d.write, d.remove, d.create, d.makeTasks, d.copyComments, d.copyFiles} {
		if err := stage(ctx); err != nil {
			return err
		}
	}
	d.writeConvertLinks(ctx)
	if err := d.keep(ctx); err != nil {
		return err
	}
	for _, j := range d.jobs {
		a.took(d, j)
	}
	return nil
}

// took notes what is left of a job.
func (a *applying) took(d *drain, j *job) {
	records := [2]connectors.Ref{d.m.ref(mapping.Left, j.ids()[0]), d.m.ref(mapping.Right, j.ids()[1])}
	for _, aside := range j.putAsides {
		if aside.Kind != state.AsideConflict {
			a.result.leave(LeftItem{Records: records, Field: aside.Name, Status: "set aside", Code: aside.Code, Reason: aside.Reason})
		}
	}
	if j.outcome.kind == outcomeDone && j.taskError == nil {
		return
	}
	s := j.entry.Subject
	if j.link != nil && j.link.ID != 0 && !j.removed {
		s = linkSubject(j.link)
	}
	a.open = append(a.open, openItem{subject: s, records: records})
}

// maxFollow bounds how often what follows from a change is looked at: a record
// that was made has its tasks made next, then what it holds flows back.
const maxFollow = 20

// follow works what the last batches left due, until nothing of it is.
func (a *applying) follow(ctx context.Context) error {
	for range maxFollow {
		due, _, err := a.due(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		for len(due) > 0 {
			n := min(len(due), a.e.limits.Batch)
			d, err := a.decide(ctx, nil, due[:n])
			if err != nil {
				return err
			}
			if err := a.write(ctx, d); err != nil {
				return err
			}
			due = due[n:]
		}
	}
	return nil
}

// due takes the open items that are due now out of the list, as jobs. next is
// when the first of the others is, zero if none will be.
func (a *applying) due(ctx context.Context) (jobs []*job, next time.Time, err error) {
	now := a.e.clock.Now()
	var left []openItem
	err = a.e.store.View(ctx, func(tx state.Tx) error {
		jobs, left, next = nil, nil, time.Time{}
		seen := map[state.Subject]bool{}
		for _, item := range a.open {
			entry, err := tx.Entry(item.subject)
			if errors.Is(err, state.ErrNotFound) || seen[item.subject] {
				continue // at its end
			}
			if err != nil {
				return err
			}
			seen[item.subject] = true
			if entry.Status == state.Failed || entry.Due.After(now) {
				if entry.Status != state.Failed && (next.IsZero() || entry.Due.Before(next)) {
					next = entry.Due
				}
				left = append(left, item)
				continue
			}
			j, err := loadJob(tx, entry)
			if err != nil {
				return err
			}
			jobs = append(jobs, j)
		}
		return nil
	})
	if err == nil {
		a.open = left
	}
	return jobs, next, err
}

// finish waits a little for what is not due yet, and tells what is left of the
// mapping's plan.
func (a *applying) finish(ctx context.Context, wrote bool) error {
	if !wrote || a.m == nil || len(a.open) == 0 {
		return nil
	}
	m := a.m
	for deadline := a.e.clock.Now().Add(patience); ; {
		jobs, next, err := a.due(ctx)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			s := j.entry.Subject
			a.open = append(a.open, openItem{subject: s, records: [2]connectors.Ref{m.ref(mapping.Left, j.ids()[0]), m.ref(mapping.Right, j.ids()[1])}})
		}
		if len(jobs) > 0 {
			m.mu.Lock()
			err := a.follow(ctx)
			m.mu.Unlock()
			if err != nil {
				return err
			}
		}
		now := a.e.clock.Now()
		if len(a.open) == 0 || len(jobs) == 0 && (next.IsZero() || next.After(deadline)) || !now.Before(deadline) {
			return a.leftOver(ctx)
		}
		if wait := next.Sub(now); len(jobs) == 0 && wait > 0 {
			if err := a.e.clock.Sleep(ctx, wait); err != nil {
				return err
			}
		}
	}
}

// leftOver tells what is still in the queue.
func (a *applying) leftOver(ctx context.Context) error {
	open := slices.Clone(a.open)
	a.open = nil
	return a.e.store.View(ctx, func(tx state.Tx) error {
		for _, item := range open {
			entry, err := tx.Entry(item.subject)
			if errors.Is(err, state.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			status := entry.Status.String()
			if entry.Status == state.Ready {
				status = state.Waiting.String()
			}
			a.result.leave(LeftItem{Records: item.records, Status: status, Code: entry.Code, Reason: entry.Reason})
		}
		return nil
	})
}
