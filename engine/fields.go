package engine

import (
	"context"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// merge decides every rule of every link whose two records were read.
func (d *drain) merge(ctx context.Context) {
	var asked, merging []*job
	for _, j := range d.jobs {
		if j.done() || j.ended || j.removal != nil || j.link == nil || j.recs[0] == nil || j.recs[1] == nil || d.stale(j) {
			continue
		}
		merging = append(merging, j)
	}
	d.findApplied(ctx, merging)
	for _, j := range merging {
		if j.done() {
			continue
		}
		d.shield(j, "merge", func() { d.mergeJob(j, nil) })
		if d.needsTimes(j) {
			asked = append(asked, j)
		}
	}
	if len(asked) == 0 {
		return
	}
	times := d.editTimes(ctx, asked)
	for _, j := range asked {
		d.shield(j, "merge", func() { d.mergeJob(j, times) })
	}
}

// staleLimit is how often a record older than our own last write is put off
// before it is believed: clocks of systems can be set back.
const staleLimit = 6

// stale reports whether a read is older than what this service saw before.
func (d *drain) stale(j *job) bool {
	for side := range mapping.SideID(2) {
		end, rec := j.link.Ends[side], j.recs[side]
		if !rec.Modified.IsZero() && rec.Modified.Before(end.Modified) && rec.Version != end.Version && j.entry.Attempts < staleLimit {
			j.outcome = outcome{kind: outcomeRetry, code: "stale-read", reason: d.m.sides[side].name + " answered with an older state of the record than it showed before"}
			return true
		}
	}
	return false
}

func (d *drain) merger(j *job, times map[editKey]time.Time) *merger {
	link, source := j.link, j.entry.Source
	if link == nil {
		link = &state.Link{Scheme: d.m.Hash()}
	}
	return &merger{
		m: d.m, link: link, print: d.printer, now: d.now, applied: j.applied, covered: j.covered, typed: d.openTyped,
		retry: triesAgain(source) || link.Scheme != d.m.Hash(),
		translate: func(r *mapping.Rule, to mapping.SideID, v connectors.Value) (connectors.Value, mapping.Outcome, error) {
			return d.translate(d.m, r, to, v)
		},
		edited: func(side mapping.SideID, field string) time.Time {
			if at, ok := times[editKey{link.ID, j.ids()[side], side, field}]; ok {
				return at
			}
			return j.recs[side].Modified
		},
	}
}

// triesAgain reports whether what a system refused is tried again for a hint of
// this source.
func triesAgain(source string) bool {
	switch source {
	case "retry", sweepSource, syncSource, planSource, applySource:
		return true
	}
	return false
}

func (d *drain) mergeJob(j *job, times map[editKey]time.Time) {
	g := d.merger(j, times)
	if j.verdicts = j.verdicts[:0]; cap(j.verdicts) == 0 {
		j.verdicts = d.m.room.take(len(d.m.Rules()))
	}
	for _, r := range d.m.Rules() {
		j.verdicts = append(j.verdicts, d.rule(g, j, r))
	}
}

// rule decides one rule of one link.
func (d *drain) rule(g *merger, j *job, r *mapping.Rule) verdict {
	field := state.Field{Rule: r.ID()}
	if f := fieldOf(j.link, r.ID()); f != nil {
		field = *f
	}
	c := comparison{rule: r, field: field, aside: j.asides[r.ID()]}
	v := verdict{comparison: c, next: field, skip: true}
	var values [2]connectors.Value
	for side := range mapping.SideID(2) {
		value, presence, err := r.Value(side, j.recs[side])
		if err != nil {
			v.aside = g.hold(v, state.AsideRefused, side.Other(), "expression", err.Error())
			return v
		}
		if presence != connectors.Present {
			if presence == connectors.Hidden || !d.neverTold(r, side) {
				v.aside = g.hold(v, state.AsideRefused, side, string(presence.String()), d.m.sides[side].name+" does not show "+r.Label(side)+" of this record; nothing is taken for empty")
			}
			return v
		}
		values[side] = value
	}
	aside := c.aside
	c = g.compare(r, field, values)
	c.aside = aside
	if aside != nil && aside.Kind == state.AsideFlips && !g.retry && d.now.Sub(aside.Since) < d.limits.Window {
		v.comparison = c
		return v
	}
	if r.IsSet() {
		return g.set(c)
	}
	return g.scalar(c)
}

// neverTold reports whether a side has no field of its own under the rule.
func (d *drain) neverTold(r *mapping.Rule, side mapping.SideID) bool { return r.Field(side) == "" }

type editKey struct {
	link  uint64
	id    string
	side  mapping.SideID
	field string
}

// needsTimes reports whether a decision depends on when values were edited.
func (d *drain) needsTimes(j *job) bool {
	return slices.ContainsFunc(j.verdicts, byTime)
}

func byTime(v verdict) bool {
	return v.conflict && v.rule.Flow() == mapping.Both && v.rule.Conflict() == mapping.Newest
}

// editTimes asks the systems that keep a history when the contested fields were
// edited last. Without an answer the records' own times decide.
func (d *drain) editTimes(ctx context.Context, jobs []*job) map[editKey]time.Time {
	times := map[editKey]time.Time{}
	for side := range mapping.SideID(2) {
		if d.m.sides[side].can.HistoryReader == nil {
			continue
		}
		var ids, fields []string
		since := d.now
		for _, j := range jobs {
			ids = append(ids, j.ids()[side])
			since = earliest(since, j.link.Synced, j.link.Created)
			for _, v := range j.verdicts {
				if byTime(v) {
					fields = append(fields, v.rule.Field(side))
				}
			}
		}
		edits, err := d.history(ctx, side, ids, fields, since.Add(-historySlack))
		if err != nil {
			continue
		}
		for i, j := range jobs {
			for _, e := range edits[i] {
				key := editKey{j.link.ID, ids[i], side, e.Field}
				if e.At.After(times[key]) {
					times[key] = e.At
				}
			}
		}
	}
	return times
}

// findApplied asks the systems that keep a history whether writes that were
// noted and not confirmed took effect.
func (d *drain) findApplied(ctx context.Context, jobs []*job) {
	for side := range mapping.SideID(2) {
		if d.m.sides[side].can.HistoryReader == nil {
			continue
		}
		var asking []*job
		var ids, fields []string
		since := d.now
		for _, j := range jobs {
			found := false
			for _, f := range j.link.Fields {
				r := d.m.rules[f.Rule]
				if r == nil || f.Pending == nil || mapping.SideID(f.Pending.To) != side || r.Field(side) == "" {
					continue
				}
				fields, found = append(fields, r.Field(side)), true
			}
			if found {
				asking, ids = append(asking, j), append(ids, j.link.Ends[side].ID)
				since = earliest(since, j.link.Ends[side].Modified, j.recs[side].Created)
			}
		}
		if len(asking) == 0 {
			continue
		}
		edits, err := d.history(ctx, side, ids, fields, since)
		if err != nil {
			for _, j := range asking {
				j.awaitHistory(err)
			}
			continue
		}
		for i, j := range asking {
			j.noteApplied(d, side, edits[i])
		}
	}
}

// coveredEdit is a person's edit that a write of ours covered.
type coveredEdit struct {
	theirs connectors.FieldEdit
	ours   connectors.Value // what the write that covered it left behind
	first  connectors.Value // what the noted write left behind
	// edit is what the covering write did to a set, where it was not the noted
	// write but one that put an edit back; else nil.
	edit *connectors.SetEdit
}

// did tells what the covering write added to a set and took out of it.
func (c *coveredEdit) did(pr Printer, p *state.Pending, base []state.Print) (added, removed func(connectors.Option) bool) {
	if c.edit == nil {
		return noteEdit(pr, p, base)
	}
	return in(c.edit.Add), in(c.edit.Remove)
}

// noteApplied looks for noted writes in a record's history, and for the edits
// that they covered.
func (j *job) noteApplied(d *drain, side mapping.SideID, edits []connectors.FieldEdit) {
	if j.applied == nil {
		j.applied, j.covered = map[uint32]bool{}, map[uint32]coveredEdit{}
	}
	end := j.link.Ends[side]
	for _, f := range j.link.Fields {
		r := d.m.rules[f.Rule]
		if r == nil || f.Pending == nil || mapping.SideID(f.Pending.To) != side {
			continue
		}
		if f.Pending.Read == 0 && f.Pending.Target == d.printer.Print(connectors.Null) {
			continue // made with nothing in it: no history shows that, and it covered nothing
		}
		j.applied[f.Rule] = false
		if v := j.recs[side].Version; v != "" && v == end.Version {
			continue // nothing has happened since the write was noted
		}
		from := end.Modified
		if f.Pending.Since.After(from) {
			from = f.Pending.Since
		}
		// All that was made before the side was read is not later than this.
		read := from.Add(max(d.m.sides[side].facts.TimePrecision, 1))
		var covered *connectors.FieldEdit
		var since []connectors.FieldEdit // from the noted write on
		unread, held := f.Pending.Read != 0, d.printer.Print(connectors.Null)
		for i, e := range edits {
			if e.Field != r.Field(side) {
				continue
			}
			p := d.printer.Print(e.Value)
			if e.At.Before(from) {
				held = p
				continue
			}
			unread = unread && held != f.Pending.Read
			switch {
			case p == f.Pending.Read && (unread && e.At.Before(read) || covered != nil) &&
				(!j.applied[f.Rule] || d.showsValue(edits[i+1:], e.Field, f.Pending.Target)):
				// What came before is what was read.
				unread, covered, j.applied[f.Rule] = false, nil, false
				continue
			case j.applied[f.Rule]:
				if c, ok := j.covered[f.Rule]; ok {
					d.notePutBack(j, c, f, since, e.Value)
				}
				since = append(since, e)
			case p == f.Pending.Target || p != f.Pending.Read && j.madeOfSent(d, &f, e.Value):
				j.applied[f.Rule], since = true, append(since, e)
				if covered != nil {
					j.covered[f.Rule] = coveredEdit{theirs: *covered, ours: e.Value, first: e.Value}
				}
			default:
				if covered = &edits[i]; f.Known[side] && p == f.Base[side] {
					covered = nil // back to what was agreed
				}
			}
		}
	}
}

// madeOfSent reports whether a value is what a system may have made of what a
// noted write sent. That is known as long as its source holds the same.
func (j *job) madeOfSent(d *drain, f *state.Field, v connectors.Value) bool {
	to, r := mapping.SideID(f.Pending.To), d.m.rules[f.Rule]
	source, presence, err := r.Value(to.Other(), j.recs[to.Other()])
	if err != nil || presence != connectors.Present || r.IsSet() || d.printer.Print(source) != f.Pending.Source {
		return false
	}
	sent, outcome, err := d.translate(d.m, r, to, source)
	return err == nil && outcome == mapping.Write && d.printer.Print(sent) == f.Pending.Target && madeOf(v, sent)
}

// showsValue reports whether a history shows a value of a field.
func (d *drain) showsValue(edits []connectors.FieldEdit, field string, p state.Print) bool {
	return slices.ContainsFunc(edits, func(e connectors.FieldEdit) bool { return e.Field == field && d.printer.Print(e.Value) == p })
}

// notePutBack looks whether a later value of a field has the covered edit in
// it: then that edit was put back. The write that did so may in turn have
// covered an edit of a set, made since the value that it was built on. since
// are the edits from the noted write on, before that value.
func (d *drain) notePutBack(j *job, c coveredEdit, f state.Field, since []connectors.FieldEdit, later connectors.Value) {
	if !d.m.rules[f.Rule].IsSet() {
		if same(c.theirs.Value, later) {
			delete(j.covered, f.Rule)
		}
		return
	}
	added, removed := c.did(d.printer, f.Pending, f.Sets[f.Pending.To])
	if edit := uncovered(c.theirs.Value, c.ours, later, added, removed); len(edit.Add)+len(edit.Remove) > 0 {
		return
	}
	delete(j.covered, f.Rule)
	last := since[len(since)-1]
	for i := len(since) - 1; i >= 0; i-- {
		edit := uncovered(c.theirs.Value, c.ours, since[i].Value, added, removed)
		if !connectors.Equal(applyEdit(since[i].Value.Options(), edit), later) {
			continue
		}
		if i < len(since)-1 {
			j.covered[f.Rule] = coveredEdit{theirs: last, ours: later, first: c.first, edit: &edit}
		}
		return
	}
}

// awaitHistory puts a job off whose history could not be read just now: without
// it, an edit that a write of ours covered would be lost. After some attempts
// the values alone decide. It reports whether the job waits.
func (j *job) awaitHistory(err error) bool {
	kind := connectors.KindOf(err)
	if j.entry.Attempts >= historyLimit || !kind.Temporary() && kind != connectors.Auth && kind != connectors.Permission {
		return false
	}
	if !j.done() {
		j.outcome = outcome{kind: outcomeRetry, code: "history", reason: err.Error()}
	}
	return true
}

// historyLimit is how often a history that cannot be read is waited for.
const historyLimit = 10

// historySlack is how far before the last agreement a history is asked for:
// the clocks of two systems differ.
const historySlack = 2 * time.Minute

func earliest(a time.Time, others ...time.Time) time.Time {
	for _, b := range others {
		if !b.IsZero() && b.Before(a) {
			a = b
		}
	}
	return a
}
