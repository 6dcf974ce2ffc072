package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// MatchOrder asks for everything to be linked that a mapping's match rules find.
type MatchOrder struct {
	Mapping string `json:"mapping"`
	Dry     bool   `json:"dry,omitempty"` // only look
	By      string `json:"-"`             // who asks, for the journal
}

// Match links the records that a mapping's match rules find for each other, and
// writes nothing to them: the next reconcile does. What several records match,
// or none does, is written to report, which may be nil, in the form that
// ReadPairs reads. Interrupted, it goes on where it was when it is called again.
func (e *Engine) Match(ctx context.Context, o MatchOrder, report io.Writer, progress func(SyncProgress)) (*Adopted, error) {
	m, err := e.adopting(o.Mapping, o.Dry)
	if err != nil {
		return nil, err
	}
	if len(m.Match()) == 0 {
		return nil, &connectors.Error{Op: "link", Kind: connectors.Invalid, Err: fmt.Errorf("mapping %s has no match rules", m.Name()), Help: "add match: to it, or name the pairs: tenon link " + m.Name() + " --from pairs.csv"}
	}
	ctx = connectors.WithPriority(ctx, connectors.PriorityBackfill)
	x := &matching{
		adopting: adopting{e: e, m: m, by: o.By, out: &Adopted{Mapping: m.Name(), Rows: []LinkedRow{}}, told: SyncProgress{Mapping: m.Name()}, show: progress},
		dry:      o.Dry, named: map[[2]string]bool{}, matched: [2]map[string]bool{{}, {}}, seen: [2]map[string]bool{{}, {}},
	}
	if report != nil {
		x.report = NewPairWriter(report, m.sideNames())
	}
	for side := range mapping.SideID(2) {
		if err := x.list(ctx, side); err != nil {
			return x.out, err
		}
	}
	e.nudge(m.Name())
	if report == nil {
		return x.out, nil
	}
	x.out.Reported = x.report.Rows()
	return x.out, x.report.Flush()
}

// matching looks at every record that has no link.
type matching struct {
	adopting
	dry     bool
	report  *PairWriter
	named   map[[2]string]bool // ambiguous pairs that are in the report
	matched [2]map[string]bool
	seen    [2]map[string]bool
	waiting []state.Subject
}

// list goes through what a side lists.
func (x *matching) list(ctx context.Context, side mapping.SideID) error {
	c, sel := x.m.sides[side], x.m.selection(side)
	sel.Fields = nil
	for cursor := ""; ; {
		var page connectors.ChangePage
		if err := x.e.patiently(ctx, x.m, func() (err error) {
			page, err = c.Changes(ctx, sel, cursor)
			x.e.note(c, err)
			return err
		}); err != nil {
			return err
		}
		if err := x.e.store.View(ctx, func(tx state.Tx) error {
			for _, row := range page.Changes {
				if row.ID == "" || len(row.ID) > maxID || x.seen[side][row.ID] {
					continue
				}
				x.seen[side][row.ID] = true
				linked, err := isLinked(tx, x.m, side, row.ID)
				if err != nil {
					return err
				}
				if !linked {
					x.waiting = append(x.waiting, state.Subject{Mapping: x.m.Name(), Side: uint8(side), Record: row.ID})
				}
			}
			return nil
		}); err != nil {
			return err
		}
		x.told.Listed += len(page.Changes)
		for len(x.waiting) >= x.e.limits.Batch || !page.More && len(x.waiting) > 0 {
			n := min(len(x.waiting), x.e.limits.Batch)
			if err := x.batch(ctx, side, x.waiting[:n]); err != nil {
				return err
			}
			x.waiting = x.waiting[n:]
		}
		switch {
		case !page.More:
			return nil
		case page.Next == cursor:
			return fmt.Errorf("engine: %s lists the same page again and again", c.name)
		}
		cursor = page.Next
	}
}

// batch decides about some records, and links those that match.
func (x *matching) batch(ctx context.Context, side mapping.SideID, subjects []state.Subject) error {
	if !x.dry {
		if err := x.begin(ctx); err != nil {
			return err
		}
	}
	x.m.mu.Lock()
	defer x.m.mu.Unlock()
	var todo []state.Subject
	for _, s := range subjects {
		if !x.matched[side][s.Record] {
			todo = append(todo, s)
		}
	}
	d, err := x.e.lookAhead(ctx, x.m, x.e.clock.Now(), func(d *drain) error { return d.imagine(ctx, todo, planSource) }, func(d *drain) error {
		d.nameCandidates(ctx)
		return nil
	})
	if err != nil {
		return err
	}
	if err := x.linkFound(ctx, d); err != nil {
		return err
	}
	for _, j := range d.jobs {
		if err := x.tellOf(d, j, side); err != nil {
			return err
		}
	}
	x.adopting.tell(len(subjects))
	return nil
}

// linkFound links the jobs that the match rules found a counterpart for.
func (x *matching) linkFound(ctx context.Context, d *drain) error {
	var rows []LinkedRow
	now := x.e.clock.Now()
	keep := func(tx state.Tx) error {
		rows = rows[:0]
		for _, j := range d.jobs {
			if j.link == nil || j.link.ID != 0 || j.double {
				continue
			}
			row := LinkedRow{Status: RowLinked, Reason: j.rule}
			l := &state.Link{Mapping: x.m.Name(), Created: now}
			for side := range mapping.SideID(2) {
				l.Ends[side].ID = j.link.Ends[side].ID
				row.Records[side], row.Titles[side] = x.m.ref(side, l.Ends[side].ID), titleOf(j.recs[side])
			}
			if !x.dry {
				if err := x.put(tx, l, fmt.Sprintf("found by %s, by %s", j.rule, firstText(x.by, "somebody"))); err != nil {
					return err
				}
			}
			row.Link = l.ID
			rows = append(rows, row)
		}
		return nil
	}
	var err error
	if x.dry {
		err = x.e.store.View(ctx, keep)
	} else if err = x.e.commit(ctx, keep); errors.Is(err, state.ErrTaken) {
		return nil // somebody linked one of them meanwhile; a repeat sees it
	}
	if err != nil {
		return err
	}
	for _, row := range rows {
		for side := range mapping.SideID(2) {
			x.matched[side][row.Records[side].ID] = true
		}
		x.out.add(row)
	}
	return nil
}

// tellOf puts a record that was not linked into the report.
func (x *matching) tellOf(d *drain, j *job, side mapping.SideID) error {
	if j.link != nil || j.double || j.recs[side] == nil || j.recs[side].State != connectors.Live || !j.recs[side].InScope {
		return nil
	}
	var ids [2]string
	ids[side] = j.entry.Record
	title := firstText(titleOf(j.recs[side]), "without a title")
	if j.done() && j.outcome.code == "ambiguous-match" && len(j.candidates) > 0 {
		x.out.Ambiguous++
		for _, c := range j.candidates {
			ids[side.Other()] = c.Record.ID
			if x.named[ids] {
				continue
			}
			x.named[ids] = true
			titles := [2]string{}
			titles[side], titles[side.Other()] = title, firstText(c.Title, "without a title")
			if err := x.write(ids, fmt.Sprintf("ambiguous: %s and %s; keep one row of each", titles[0], titles[1])); err != nil {
				return err
			}
		}
		return nil
	}
	x.out.Alone++
	why := "nothing matches"
	switch {
	case j.done():
		why = firstText(j.outcome.reason, why)
	case j.making != nil:
		why += fmt.Sprintf("; a sync would make a new %s", x.m.Side(j.making.to).Name)
	}
	return x.write(ids, fmt.Sprintf("%s: %s", title, strings.ReplaceAll(why, "\n", " ")))
}

func (x *matching) write(ids [2]string, comment string) error {
	if x.report == nil {
		return nil
	}
	return x.report.Write(ids, comment)
}
