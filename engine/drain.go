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

// Drained is what one batch of a mapping's queue came to.
type Drained struct {
	Worked  int       // entries taken
	Done    int       // entries that left the queue
	Next    time.Time // when the next entry is due, zero if none; set when Worked is 0
	Wait    time.Time // a connection is paused, or keeps its allowance for more urgent work; zero if none
	Stopped bool      // a guard stopped the mapping
	Paused  *Pause    // a person paused the mapping or a connection of it
}

// Drain works one batch of a mapping's queue: reads what changed, merges,
// writes the differences and stores the result. Nothing is due: Worked is 0. An
// error leaves the entries in the queue; what was already written is found
// again by the notes that were stored before.
func (e *Engine) Drain(ctx context.Context, name string) (Drained, error) {
	if e.readOnly {
		return Drained{}, fmt.Errorf("engine: opened for reading")
	}
	m, err := e.mapping(name)
	if err != nil {
		return Drained{}, err
	}
	if err := e.takenIn(ctx); err != nil {
		return Drained{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	g, err := e.loadGuard(ctx, m)
	if err != nil {
		return Drained{}, err
	}
	if p, err := e.paused(ctx, m); p != nil || err != nil {
		return Drained{Paused: p}, err
	}
	if stopped, err := e.stopped(ctx, m, g); stopped || err != nil {
		return Drained{Stopped: stopped}, err
	}
	if ok, at := e.openBoth(ctx, m); !ok {
		return Drained{Wait: at}, nil
	}
	jobs, none, err := e.load(ctx, m)
	if err != nil || len(jobs) == 0 {
		return none, err
	}
	priority := jobs[0].entry.Priority
	d := &drain{Engine: e, m: m, jobs: jobs, guard: g, now: e.clock.Now()}
	m.room.reset(len(jobs) * len(m.Rules()))
	if err := d.run(connectors.WithPriority(ctx, priority)); err != nil {
		return Drained{}, err
	}
	e.learnTurn(m, priority, len(jobs), e.clock.Now().Sub(d.now))
	return d.result(), nil
}

// drain is one batch on its way through the stages. The stages change the jobs
// only; notes, calls that write, and the last commit are the effects.
type drain struct {
	*Engine
	m     *worked
	jobs  []*job
	guard *guard
	now   time.Time
	plan  bool   // decide, but write nothing
	runID uint64 // the run it belongs to; 0: the mapping's present one

	// foresee tells a plan how deletions end that a drain puts off, and since
	// is what the days of tasks are counted from; zero: now.
	foresee bool
	since   time.Time
	order   map[*job]int // which of the subjects that were asked about

	keyCalls [2]int // requests that looked for the keys of creates, by side

	taken [2]map[string]bool
}

// run takes the jobs through all stages and stores what came of them.
func (d *drain) run(ctx context.Context) error {
	if err := d.learnDoubt(ctx); err != nil {
		return err
	}
	if err := d.decide(ctx); err != nil {
		return err
	}
	if d.limits.ReportDrift {
		if err := d.reportDrift(ctx); err != nil {
			return err
		}
	}
	if err := d.checkGuards(ctx); err != nil {
		return err
	}
	if !d.guard.Stopped {
		if err := d.write(ctx); err != nil {
			return err
		}
		if err := d.remove(ctx); err != nil {
			return err
		}
		if err := d.create(ctx); err != nil {
			return err
		}
		if err := d.makeTasks(ctx); err != nil {
			return err
		}
		if err := d.copyComments(ctx); err != nil {
			return err
		}
		if err := d.copyFiles(ctx); err != nil {
			return err
		}
		d.writeConvertLinks(ctx)
	}
	return d.keep(ctx)
}

// decide reads and merges. It writes nothing.
func (d *drain) decide(ctx context.Context) error {
	d.dropDoubles()
	if err := d.read(ctx); err != nil {
		return err
	}
	d.survey()
	for _, j := range d.jobs {
		if !j.done() {
			d.shield(j, "presence", func() { d.presence(j) })
		}
	}
	d.giveWay()
	if err := d.pair(ctx); err != nil {
		return err
	}
	if err := d.fetchPeople(ctx, d.m, d.open()); err != nil {
		for _, j := range d.open() {
			j.blame(err)
		}
		return nil
	}
	if err := d.rollInRest(ctx); err != nil {
		return err
	}
	d.merge(ctx)
	return nil
}

// open returns the jobs that no stage has ended yet.
func (d *drain) open() []*job {
	var open []*job
	for _, j := range d.jobs {
		if !j.done() {
			open = append(open, j)
		}
	}
	return open
}

// dropDoubles ends jobs whose link another job of the batch works: an entry of
// a record that was linked meanwhile.
func (d *drain) dropDoubles() {
	first := map[uint64]*job{}
	for _, j := range d.jobs {
		if j.link == nil || j.link.ID == 0 {
			continue
		}
		if f := first[j.link.ID]; f != nil {
			f.entry.Sides |= j.entry.Sides
			f.entry.Convert = f.entry.Convert || j.entry.Convert
			j.double = true
			continue
		}
		first[j.link.ID] = j
	}
}

// read fetches what the hints named, and the other side of those links where
// something differs from the baseline.
func (d *drain) read(ctx context.Context) error {
	var wanted [2][]*job
	for _, j := range d.jobs {
		if j.done() {
			continue
		}
		for side := range mapping.SideID(2) {
			if d.wants(j, side) {
				wanted[side] = append(wanted[side], j)
			}
		}
	}
	for side := range mapping.SideID(2) {
		if err := d.readSide(ctx, side, wanted[side]); err != nil {
			return err
		}
	}
	wanted = [2][]*job{}
	for _, j := range d.jobs {
		if j.done() || j.link == nil {
			continue
		}
		for side := range mapping.SideID(2) {
			if j.recs[side] != nil || j.errs[side] != nil {
				continue
			}
			if j.errs[side.Other()] != nil || !d.quiet(j, side.Other()) {
				wanted[side] = append(wanted[side], j)
			}
		}
	}
	for side := range mapping.SideID(2) {
		if err := d.readSide(ctx, side, wanted[side]); err != nil {
			return err
		}
	}
	return nil
}

// wants reports whether a side is read in the first round.
func (d *drain) wants(j *job, side mapping.SideID) bool {
	if j.link == nil {
		return j.side == side
	}
	return j.entry.Sides&(1<<side) != 0 || j.entry.Sides == 0 || j.entry.Convert || len(j.intents) > 0 ||
		j.link.Scheme != d.m.Hash() || j.entry.Source == "retry" || j.entry.Source == "resolve" || j.entry.Attempts > 0
}

// readSide reads one side of jobs. The error is of the store.
func (d *drain) readSide(ctx context.Context, side mapping.SideID, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ids()[side]
	}
	results, err := d.readApart(ctx, side, ids)
	for i, j := range jobs {
		switch {
		case err != nil:
			if !j.done() {
				d.blame(j, err)
			}
		case results[i].Err != nil:
			j.errs[side] = results[i].Err
		case results[i].Record == nil:
			j.errs[side] = &connectors.Error{Op: "read", Connection: d.m.sides[side].name, Record: ids[i], Kind: connectors.Internal, Err: errors.New("neither a record nor an error was answered")}
		default:
			j.recs[side] = results[i].Record
		}
	}
	return d.rollIn(ctx, side, jobs)
}

// fetch reads records of a side, and tells the breaker. Results come one for
// each id.
func (d *drain) fetch(ctx context.Context, side mapping.SideID, ids []string) ([]connectors.ReadResult, error) {
	c := d.m.sides[side]
	results, err := c.Read(ctx, d.m.selection(side), ids)
	if err == nil && len(results) != len(ids) {
		err = fmt.Errorf("%s answered %d records for %d ids", c.name, len(results), len(ids))
	}
	d.note(c, err)
	return results, err
}

// history asks a side for the edits of fields, and tells the breaker. Results
// come one for each id.
func (d *drain) history(ctx context.Context, side mapping.SideID, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error) {
	c := d.m.sides[side]
	slices.Sort(fields)
	edits, err := c.can.HistoryReader.History(ctx, d.m.Side(side).Object, ids, slices.Compact(fields), since)
	if err == nil && len(edits) != len(ids) {
		err = fmt.Errorf("%s answered %d histories for %d ids", c.name, len(edits), len(ids))
	}
	d.note(c, err)
	return edits, err
}

// blame sets the outcome of a job for an error of a call. Where the connection
// is to blame, the entry stays untouched.
func (d *drain) blame(j *job, err error) {
	j.blame(err)
	switch connectors.KindOf(err) {
	case connectors.Auth, connectors.RateLimited, connectors.Unavailable:
		j.outcome.kind = outcomeKeep
	}
}

// quiet reports whether a side holds just what it held when both agreed, so
// that the other side need not be read.
func (d *drain) quiet(j *job, side mapping.SideID) bool {
	rec := j.recs[side]
	l := j.link
	if rec == nil || rec.State != connectors.Live || !rec.InScope || l.Status != state.LinkActive || l.Scheme != d.m.Hash() || j.asides[recordRule] != nil {
		return false
	}
	if len(j.asides) > 0 && rec.Version != l.Ends[side].Version {
		return false
	}
	for _, a := range j.asides {
		if a.Choice != "" || a.Kind != state.AsideConflict {
			return false
		}
	}
	if pending(l) {
		return false
	}
	known := rec.Version != "" && rec.Version == l.Ends[side].Version && j.entry.Attempts == 0
	if known && len(j.asides) > 0 {
		return true
	}
	if !known && d.m.CarriesTo(side.Other()) {
		return false
	}
	return d.unchanged(j, side) // a value that the system computes may move without the version
}

func pending(l *state.Link) bool {
	for i := range l.Fields {
		if l.Fields[i].Pending != nil {
			return true
		}
	}
	return false
}

// pendingTo reports whether a write to a side is noted and not settled.
func pendingTo(l *state.Link, side mapping.SideID) bool {
	return slices.ContainsFunc(l.Fields, func(f state.Field) bool {
		return f.Pending != nil && mapping.SideID(f.Pending.To) == side
	})
}

// unchanged compares every rule's value on a side with its baseline.
func (d *drain) unchanged(j *job, side mapping.SideID) bool {
	for _, r := range d.m.Rules() {
		v, presence, err := r.Value(side, j.recs[side])
		if err != nil || presence != connectors.Present {
			continue
		}
		if d.moved(fieldOf(j.link, r.ID()), side, v) {
			return false
		}
	}
	return true
}

// holds reports whether a record surely holds a side's baseline: every rule's
// value is there, or hidden as before, and none has changed.
func (e *Engine) holds(m *worked, side mapping.SideID, link *state.Link, rec *connectors.Record) bool {
	for _, r := range m.Rules() {
		v, presence, err := r.Value(side, rec)
		f := fieldOf(link, r.ID())
		switch {
		case err != nil || presence == connectors.Absent || f == nil:
			return false
		case presence == connectors.Present && e.moved(f, side, v):
			return false
		}
	}
	return true
}

// moved reports whether a value is not the side's baseline; what has none has
// moved.
func (e *Engine) moved(f *state.Field, side mapping.SideID, v connectors.Value) bool {
	return f == nil || !f.Known[side] || f.Base[side] != e.printer.Print(v)
}

func fieldOf(l *state.Link, rule uint32) *state.Field {
	for i := range l.Fields {
		if l.Fields[i].Rule == rule {
			return &l.Fields[i]
		}
	}
	return nil
}

func (d *drain) result() Drained {
	out := Drained{Worked: len(d.jobs), Stopped: d.guard.Stopped}
	for _, j := range d.jobs {
		if j.outcome.kind == outcomeDone {
			out.Done++
		}
	}
	return out
}
