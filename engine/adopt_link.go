package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// link links pairs that were found good, in one commit.
func (a *adopting) link(ctx context.Context, rows []LinkedRow) error {
	if err := a.begin(ctx); err != nil {
		return err
	}
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	now := a.e.clock.Now()
	var out []LinkedRow
	err := a.e.commit(ctx, func(tx state.Tx) error {
		out = append(out[:0], rows...)
		for i := range out {
			row := &out[i]
			if err := a.judge(tx, row); err != nil { // the mapping's work went on since
				return err
			}
			if row.Status != RowLinked {
				continue
			}
			l := &state.Link{Mapping: a.m.Name(), Created: now}
			for side := range mapping.SideID(2) {
				l.Ends[side].ID = row.Records[side].ID
			}
			if err := a.put(tx, l, "by hand, by "+firstText(a.by, "somebody")); err != nil {
				return err
			}
			row.Link = l.ID
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, row := range out {
		a.out.add(row)
	}
	return nil
}

// begin begins the run that the links belong to.
func (a *adopting) begin(ctx context.Context) (err error) {
	if a.run == 0 {
		a.run, err = a.e.beginRun(ctx, a.m, linkSource, a.by)
	}
	return err
}

// put stores a new link, in the place of an ended one, and makes it due.
func (a *adopting) put(tx state.Tx, l *state.Link, detail string) error {
	now := l.Created
	for side := range mapping.SideID(2) {
		old, err := tx.LinkOf(a.m.Name(), uint8(side), l.Ends[side].ID)
		switch {
		case err == nil:
			if err := tx.DeleteLink(old.ID); err != nil {
				return err
			}
		case !errors.Is(err, state.ErrNotFound):
			return err
		}
		if err := tx.DeleteEntry(state.Subject{Mapping: a.m.Name(), Side: uint8(side), Record: l.Ends[side].ID}); err != nil {
			return err
		}
	}
	if err := tx.PutLink(l); err != nil {
		return err
	}
	if err := a.e.journal(tx, &state.Event{
		At: now, Run: a.run, Mapping: a.m.Name(), Link: l.ID, Records: [2]string{l.Ends[0].ID, l.Ends[1].ID},
		Action: linkedAction, To: uint8(mapping.Right), Source: "person", Detail: detail,
	}); err != nil {
		return err
	}
	return bump(tx, linkSubject(l), 3, hint{side: mapping.Left, priority: connectors.PriorityBackfill, source: linkSource, due: now}, now)
}

// foresee tells what a reconcile would write to pairs once they are linked.
func (a *adopting) foresee(ctx context.Context, rows []LinkedRow) (*Plan, error) {
	p := newPlanner(a.e, a.m, PlanOptions{Limit: maxLinkedRows})
	for len(rows) > 0 {
		n := min(len(rows), a.e.limits.Batch)
		if err := a.foreseeBatch(ctx, p, rows[:n]); err != nil {
			return nil, err
		}
		rows = rows[n:]
	}
	return p.plan, p.conclude(ctx)
}

func (a *adopting) foreseeBatch(ctx context.Context, p *planner, rows []LinkedRow) error {
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	d, err := a.e.lookAhead(ctx, a.m, p.since, func(d *drain) error {
		d.jobs = nil
		for _, row := range rows {
			j := &job{
				entry: &state.Entry{
					Subject: state.Subject{Mapping: a.m.Name(), Record: row.Records[0].ID}, Sides: 3, Source: planSource, First: d.now,
				},
				asides: map[uint32]*state.Aside{},
			}
			j.newLink(d, row.Records[1].ID)
			d.jobs = append(d.jobs, j)
		}
		return nil
	}, func(*drain) error { return nil })
	if err != nil {
		return err
	}
	p.plan.Read += len(d.jobs)
	for _, j := range d.jobs {
		if err := p.take(d, j); err != nil {
			return err
		}
	}
	return nil
}

// Unlink ends a link: both records stay as they are, and neither gets another
// counterpart by itself. It returns the link as it stands then. NotFound says
// that there is no such link, Conflict that it has ended already.
func (e *Engine) Unlink(ctx context.Context, id uint64, by string) (*LinkRow, error) {
	var name string
	err := e.store.View(ctx, func(tx state.Tx) error {
		l, err := tx.Link(id)
		if err == nil {
			name = l.Mapping
		}
		return err
	})
	if errors.Is(err, state.ErrNotFound) {
		return nil, noLink("unlink", id)
	}
	if err != nil {
		return nil, err
	}
	m, err := e.adopting(name, false)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err = e.commit(ctx, func(tx state.Tx) error {
		l, err := tx.Link(id)
		if err != nil {
			return err
		}
		if l.Status == state.LinkEnded {
			return &connectors.Error{Op: "unlink", Kind: connectors.Conflict, Err: fmt.Errorf("link %d has ended already", id)}
		}
		l.Status = state.LinkEnded
		if err := tx.PutLink(l); err != nil {
			return err
		}
		if err := e.dropShares(tx, m, l); err != nil {
			return err
		}
		asides, err := tx.AsidesOf(id)
		if err != nil {
			return err
		}
		for _, a := range asides {
			if err := tx.DeleteAside(id, a.Rule); err != nil {
				return err
			}
		}
		if err := tx.DeleteEntry(linkSubject(l)); err != nil {
			return err
		}
		return e.journal(tx, &state.Event{
			At: e.clock.Now(), Mapping: name, Link: id, Records: [2]string{l.Ends[0].ID, l.Ends[1].ID},
			Action: "unlinked", Source: "person", Detail: "by hand, by " + firstText(by, "somebody"),
		})
	})
	if err != nil {
		return nil, err
	}
	rows, err := e.Links(ctx, name, id-1, 1)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}
