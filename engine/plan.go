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

// Plan reads what is in a mapping's scope and tells all that a sync would do. It
// writes nothing, neither to a system nor to the state.
func (e *Engine) Plan(ctx context.Context, name string, progress func(SyncProgress)) (*Plan, error) {
	return e.PlanWith(ctx, name, PlanOptions{Progress: progress})
}

// PlanWith is Plan with options. The mapping's work goes on meanwhile: it is
// held up for one batch of records at a time. What a limit of calls puts off for
// longer than a quarter of an hour is an error of kind RateLimited; a system
// that cannot be asked ends the plan with its error.
func (e *Engine) PlanWith(ctx context.Context, name string, o PlanOptions) (*Plan, error) {
	m, err := e.mapping(name)
	if err != nil {
		return nil, err
	}
	p := newPlanner(e, m, o)
	ctx = connectors.WithPriority(ctx, connectors.PriorityBackfill)
	for side := range mapping.SideID(2) {
		if err := p.list(ctx, side); err != nil {
			return nil, err
		}
	}
	if err := p.unlisted(ctx); err != nil {
		return nil, err
	}
	if err := p.queued(ctx); err != nil {
		return nil, err
	}
	return p.plan, p.conclude(ctx)
}

// The sources of what a plan looks at, and of what is carried out of one.
const (
	planSource  = "plan"
	applySource = "apply"
)

// planner goes through everything in a mapping's scope, a batch at a time. It
// remembers ids, never values.
type planner struct {
	e     *Engine
	m     *worked
	o     PlanOptions
	plan  *Plan
	told  SyncProgress
	begun time.Time
	since time.Time // the days of tasks are counted from it
	calls [2]int64  // of each side's connection, when it began

	links   bitset                 // looked at, or seen to be as they were
	listed  [2]bitset              // whose end a listing showed
	loose   [2]map[string]struct{} // records without a link that were looked at
	matched [2]map[string]bool     // records that a match would link
	waiting []state.Subject        // to be decided in the next batch

	kept    map[string]int // changes in the plan, by action
	lacks   map[lackKey]*PlanLack
	effects counts
	missing [2]absence
	tally   [2]tally
	changed int      // links and records with something to do
	looking [2]int64 // requests that deciding took, by side
	keys    [2]int   // requests that looked for the keys of creates
}

func newPlanner(e *Engine, m *worked, o PlanOptions) *planner {
	p := &planner{
		e: e, m: m, o: o, begun: e.clock.Now(), since: firstTime(o.at, e.clock.Now()), told: SyncProgress{Mapping: m.Name()},
		plan: &Plan{Mapping: m.Name(), At: e.clock.Now().UTC(), Counts: map[string]int{}, Changes: []PlanChange{}, Alone: map[string]int{}},
		kept: map[string]int{}, lacks: map[lackKey]*PlanLack{},
	}
	for side := range mapping.SideID(2) {
		p.loose[side], p.matched[side] = map[string]struct{}{}, map[string]bool{}
		p.calls[side] = e.callsOf(m.sides[side])
	}
	return p
}

func (e *Engine) callsOf(c *connection) int64 {
	if e.meter == nil {
		return 0
	}
	calls, _, _ := e.meter.of(c.name)
	return calls
}

func (p *planner) tell() {
	if p.o.Progress != nil {
		p.told.Listed, p.told.Done, p.told.Queued = p.plan.Listed, p.plan.Read, len(p.waiting)
		p.o.Progress(p.told)
	}
}

// list goes through everything that a side lists.
func (p *planner) list(ctx context.Context, side mapping.SideID) error {
	c, sel := p.m.sides[side], p.m.selection(side)
	u := feedUser{m: p.m, side: side}
	for cursor := ""; ; {
		var page connectors.ChangePage
		if err := p.e.patiently(ctx, p.m, func() (err error) {
			page, err = c.Changes(ctx, sel, cursor)
			p.e.note(c, err)
			return err
		}); err != nil {
			return err
		}
		p.plan.Listed += len(page.Changes)
		if err := p.e.store.View(ctx, func(tx state.Tx) error {
			for _, row := range page.Changes {
				if err := p.row(tx, u, row); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
		p.tell()
		if err := p.flush(ctx, p.e.limits.Batch); err != nil {
			return err
		}
		if !page.More {
			return p.flush(ctx, 1)
		}
		if page.Next == cursor {
			return fmt.Errorf("engine: %s lists the same page again and again", c.name)
		}
		cursor = page.Next
	}
}

// row takes in one listed row, by the rules of a sweep: what is as it was when
// it was dealt with needs no further look.
func (p *planner) row(tx state.Tx, u feedUser, c connectors.Change) error {
	link, err := tx.LinkOf(p.m.Name(), uint8(u.side), c.ID)
	if errors.Is(err, state.ErrNotFound) {
		return p.looseRow(tx, u, c)
	}
	if err != nil {
		return err
	}
	p.listed[u.side].set(link.ID)
	if p.links.has(link.ID) {
		return nil
	}
	if settled, err := p.e.settled(tx, u, link, c); settled || err != nil {
		return err
	}
	p.links.set(link.ID)
	p.waiting = append(p.waiting, state.Subject{Mapping: p.m.Name(), Link: link.ID, Side: uint8(u.side)})
	return nil
}

func (p *planner) looseRow(tx state.Tx, u feedUser, c connectors.Change) error {
	if _, seen := p.loose[u.side][c.ID]; seen || c.ID == "" || len(c.ID) > maxID || p.matched[u.side][c.ID] {
		return nil
	}
	p.loose[u.side][c.ID] = struct{}{}
	s := state.Subject{Mapping: p.m.Name(), Side: uint8(u.side), Record: c.ID}
	wished := c.Record != nil && u.wishes(c.Record)
	if c.Version != "" && !wished {
		mark, err := tx.Known(p.m.Name(), uint8(u.side), c.ID)
		if err != nil {
			return err
		}
		if mark != nil && string(mark) == p.m.mark(c.Version) {
			if _, err := tx.Entry(s); errors.Is(err, state.ErrNotFound) {
				p.plan.Alone[p.m.Side(u.side).Name]++
				return nil
			}
		}
	}
	p.waiting = append(p.waiting, s)
	return nil
}

// unlisted looks at the links whose record a listing did not show.
func (p *planner) unlisted(ctx context.Context) error {
	for after := uint64(0); ; {
		var links []*state.Link
		if err := p.e.store.View(ctx, func(tx state.Tx) (err error) {
			links, err = tx.ListLinks(p.m.Name(), after, requeuePage)
			return err
		}); err != nil {
			return err
		}
		for _, l := range links {
			after = l.ID
			if l.Status == state.LinkEnded || p.links.has(l.ID) || p.listed[0].has(l.ID) && p.listed[1].has(l.ID) {
				continue
			}
			p.links.set(l.ID)
			p.waiting = append(p.waiting, linkSubject(l))
			if err := p.flush(ctx, p.e.limits.Batch); err != nil {
				return err
			}
		}
		if len(links) < requeuePage {
			return p.flush(ctx, 1)
		}
	}
}

// queued looks at what waits in the queue and was not listed.
func (p *planner) queued(ctx context.Context) error {
	var after *state.Subject
	for {
		var entries []*state.Entry
		if err := p.e.store.View(ctx, func(tx state.Tx) (err error) {
			entries, err = tx.ListEntries(p.m.Name(), after, requeuePage)
			return err
		}); err != nil {
			return err
		}
		for _, entry := range entries {
			s := entry.Subject
			after = &s
			if s.Link != 0 {
				if p.links.has(s.Link) {
					continue
				}
				p.links.set(s.Link)
			} else {
				if _, seen := p.loose[s.Side][s.Record]; seen || p.matched[s.Side][s.Record] {
					continue
				}
				p.loose[s.Side][s.Record] = struct{}{}
			}
			p.waiting = append(p.waiting, s)
			if err := p.flush(ctx, p.e.limits.Batch); err != nil {
				return err
			}
		}
		if len(entries) < requeuePage {
			return p.flush(ctx, 1)
		}
	}
}

// flush decides about what waits, as long as there are that many.
func (p *planner) flush(ctx context.Context, least int) error {
	for len(p.waiting) >= least && len(p.waiting) > 0 {
		n := min(len(p.waiting), p.e.limits.Batch)
		if err := p.batch(ctx, p.waiting[:n]); err != nil {
			return err
		}
		p.waiting = slices.Delete(p.waiting, 0, n)
		p.tell()
	}
	return nil
}

// batch decides about some links and records, while nobody else works the
// mapping.
func (p *planner) batch(ctx context.Context, subjects []state.Subject) error {
	subjects = slices.DeleteFunc(slices.Clone(subjects), func(s state.Subject) bool {
		return s.Link == 0 && p.matched[s.Side][s.Record]
	})
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	before := [2]int64{p.e.callsOf(p.m.sides[0]), p.e.callsOf(p.m.sides[1])}
	d, err := p.e.foresee(ctx, p.m, subjects, p.since)
	if err != nil || len(d.jobs) == 0 {
		return err
	}
	for side, c := range p.m.sides {
		p.looking[side] += p.e.callsOf(c) - before[side]
		p.keys[side] += d.keyCalls[side]
	}
	p.plan.Read += len(d.jobs)
	for side := range mapping.SideID(2) {
		read, gone := d.turned(side)
		p.missing[side].Read += read
		p.missing[side].Gone += len(gone)
	}
	for _, j := range d.jobs {
		if j.link != nil && j.link.ID == 0 {
			for side, end := range j.link.Ends {
				p.matched[side][end.ID] = true
			}
		}
	}
	for _, j := range d.jobs {
		if err := p.take(d, j); err != nil {
			return err
		}
	}
	return nil
}
