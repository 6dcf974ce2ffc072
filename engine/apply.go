package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// ApplyOptions say how a plan is carried out.
type ApplyOptions struct {
	// SkipStale leaves out what has changed since the plan was made. Without
	// it, one stale change refuses the whole plan before the first write.
	SkipStale bool
	By        string // who carries it out, for the journal
	Progress  func(SyncProgress)
}

// Applied is what became of a plan.
type Applied struct {
	// Refused says that something was stale, and nothing was written.
	Refused  bool             `json:"refused"`
	Mappings []AppliedMapping `json:"mappings"`
}

// AppliedMapping is what became of one mapping's plan.
type AppliedMapping struct {
	Mapping string         `json:"mapping"`
	Planned int            `json:"planned"`           // links and records of the plan
	Done    int            `json:"done"`              // carried out now
	Before  int            `json:"before"`            // found to have been carried out before
	Counts  map[string]int `json:"counts"`            // changes carried out now, by action
	Stale   []StaleItem    `json:"stale,omitempty"`   // what has changed since
	Left    []LeftItem     `json:"left,omitempty"`    // what waits, failed or was set aside
	Omitted int            `json:"omitted,omitempty"` // rows of Stale and Left beyond what is listed
}

// StaleItem is a link or a record about which a sync would do something else
// than the plan says.
type StaleItem struct {
	Records [2]connectors.Ref `json:"records"`
	Title   string            `json:"title,omitempty"`
	What    []string          `json:"what"` // what has changed, in words
}

// LeftItem is something that the plan could not bring to its end.
type LeftItem struct {
	Records [2]connectors.Ref `json:"records"`
	Field   string            `json:"field,omitempty"` // "": the record as a whole
	Status  string            `json:"status"`          // "waiting", "failed", "set aside"
	Code    string            `json:"code"`
	Reason  string            `json:"reason"`
}

// maxListed bounds the rows of each list of an Applied.
const maxListed = 1000

func (a *AppliedMapping) stale(s StaleItem) {
	if len(a.Stale) >= maxListed {
		a.Omitted++
		return
	}
	a.Stale = append(a.Stale, s)
}

func (a *AppliedMapping) leave(l LeftItem) {
	if len(a.Left) >= maxListed {
		a.Omitted++
		return
	}
	a.Left = append(a.Left, l)
}

// Apply carries out a plan that WritePlan wrote: just that, and what follows
// from it (the new record's key, written back). Each change is decided anew and
// compared with the plan; what is other now is stale. The guards let the plan
// through, since a person has seen it; records that go missing together stop it
// all the same. A repeat, also after a crash, does what is left to do.
//
// Kinds of errors: Invalid for a file that is none, was changed, or was not
// written with this state's key, Conflict when the mapping, the state or an
// account is another than the plan's.
func (e *Engine) Apply(ctx context.Context, r io.ReadSeeker, o ApplyOptions) (*Applied, error) {
	if err := e.mayWrite("apply"); err != nil {
		return nil, err
	}
	ctx = connectors.WithPriority(ctx, connectors.PriorityBackfill)
	a := &applying{e: e, o: o, out: &Applied{Mappings: []AppliedMapping{}}, fit: map[string]*worked{}}
	if err := a.each(ctx, r, nil); err != nil { // the whole file, before anything is asked
		return nil, err
	}
	a.single = a.items <= e.limits.Batch && a.parts == 1
	if !o.SkipStale && !a.single {
		a.stage = "checking"
		if err := a.each(ctx, r, a.check); err != nil {
			return nil, err
		}
		for _, m := range a.out.Mappings {
			a.out.Refused = a.out.Refused || len(m.Stale) > 0
		}
		if a.out.Refused {
			return a.out, nil
		}
		a.out.Mappings = a.out.Mappings[:0]
	}
	a.stage = "writing"
	err := a.each(ctx, r, a.carryOut)
	return a.out, err
}

// applying is a plan on its way.
type applying struct {
	e     *Engine
	o     ApplyOptions
	out   *Applied
	stage string

	fit    map[string]*worked // mappings that the plan is known to hold for
	parts  int                // of the file
	items  int                // that can be carried out, in the whole file
	single bool               // one batch holds them all: it is compared and written at once

	// Of the mapping at hand.
	m      *worked
	head   *planHead
	result *AppliedMapping
	open   []openItem // of what waits for its time
	run    uint64     // begun with the first write; 0: not yet
}

// openItem is something that was begun and is not at its end.
type openItem struct {
	subject state.Subject
	records [2]connectors.Ref
}

// each goes through a plan's file, batch by batch; without fn it only reads it.
func (a *applying) each(ctx context.Context, file io.ReadSeeker, fn func(context.Context, []PlanItem) error) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := newPlanReader(file, a.e.sealer)
	var batch []PlanItem
	flush := func() error {
		if fn == nil || len(batch) == 0 {
			batch = batch[:0]
			return nil
		}
		err := fn(ctx, batch)
		batch = batch[:0]
		a.tell()
		return err
	}
	for {
		head, item, err := r.next()
		if err != nil {
			return err
		}
		if item == nil {
			if err := errors.Join(flush()); err != nil {
				return err
			}
			if err := a.finish(ctx, fn != nil); err != nil {
				return err
			}
		}
		switch {
		case head != nil:
			if err := a.begin(ctx, head, fn != nil); err != nil {
				return err
			}
			continue
		case item == nil:
			return nil
		}
		if fn != nil {
			a.result.Planned++
		}
		if applicable(item) {
			batch = append(batch, *item)
			if fn == nil {
				a.items++
			}
		}
		if len(batch) >= a.e.limits.Batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

// begin turns to the plan of the next mapping.
func (a *applying) begin(ctx context.Context, head *planHead, ask bool) error {
	if !ask {
		a.parts++
		return nil
	}
	m := a.fit[head.Mapping]
	if m == nil {
		var err error
		if m, err = a.e.fits(ctx, head); err != nil {
			return err
		}
		a.fit[head.Mapping] = m
	}
	a.m, a.head, a.run = m, head, 0
	a.out.Mappings = append(a.out.Mappings, AppliedMapping{Mapping: m.Name(), Counts: map[string]int{}})
	a.result = &a.out.Mappings[len(a.out.Mappings)-1]
	a.tell()
	return nil
}

func (a *applying) tell() {
	if a.o.Progress != nil && a.result != nil {
		a.o.Progress(SyncProgress{
			Mapping: a.result.Mapping, Stage: a.stage, Listed: a.result.Planned, Done: a.result.Done + a.result.Before, Queued: len(a.open),
		})
	}
}

// applicable reports whether a plan's item has anything that can be carried out.
func applicable(item *PlanItem) bool {
	for _, c := range item.Changes {
		switch c.Action {
		case PlanWait, PlanFailed, PlanAmbiguous:
		default:
			return true
		}
	}
	return false
}

// subjects names what the items are about. A side that the mapping does not
// have makes the file invalid.
func (a *applying) subjects(items []PlanItem) ([]state.Subject, error) {
	subjects := make([]state.Subject, len(items))
	for i, item := range items {
		s := state.Subject{Mapping: a.m.Name(), Link: item.Link}
		if item.Link == 0 {
			side, ok := a.m.SideNamed(item.Side)
			if !ok || item.Record == "" {
				return nil, errPlanFile("a change names no record of mapping %s", a.m.Name())
			}
			s.Side, s.Record = uint8(side), item.Record
		}
		subjects[i] = s
	}
	return subjects, nil
}

// check compares a batch with what a sync would do now. It writes nothing.
func (a *applying) check(ctx context.Context, items []PlanItem) error {
	subjects, err := a.subjects(items)
	if err != nil {
		return err
	}
	a.m.mu.Lock()
	defer a.m.mu.Unlock()
	d, err := a.e.foresee(ctx, a.m, subjects, a.head.At)
	if err != nil {
		return err
	}
	for i := range items {
		j := d.jobOf(i)
		if state, what := d.stands(&items[i], j); state == itemStale {
			a.result.stale(d.staleItem(&items[i], j, what))
		} else {
			a.result.Before++ // looked at, for the progress
		}
	}
	return nil
}

// jobOf returns the job of the i-th subject that a plan looked at; nil where
// there is none any more.
func (d *drain) jobOf(i int) *job {
	for _, j := range d.jobs {
		if at, ok := d.order[j]; ok && at == i {
			return j
		}
	}
	return nil
}

func (d *drain) staleItem(item *PlanItem, j *job, what []string) StaleItem {
	s := StaleItem{Records: item.Changes[0].Records, Title: item.Changes[0].Title, What: what}
	if j == nil {
		return s
	}
	for side := range mapping.SideID(2) {
		if rec := j.recs[side]; rec != nil && titleOf(rec) != "" {
			s.Title = titleOf(rec)
			break
		}
	}
	return s
}

// planned lists the reasons why something does not stand, in words that people
// read.
func quoted(f PlanField) string { return fmt.Sprintf("%q -> %q", f.Before, f.After) }
