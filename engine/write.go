package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// write sends the updates that the verdicts ask for. Before anything is sent, a
// note of every field about to be written is stored, so that after a crash our
// own write is not taken for a person's edit.
func (d *drain) write(ctx context.Context) error {
	var writing []*job
	for _, j := range d.jobs {
		if !j.done() && j.writesTo(mapping.Left, mapping.Right) {
			writing = append(writing, j)
		}
	}
	d.parkFlips(writing)
	writing = slices.DeleteFunc(writing, func(j *job) bool { return !j.writesTo(mapping.Left, mapping.Right) })
	if len(writing) == 0 {
		return nil
	}
	err := d.commit(ctx, func(tx state.Tx) error {
		for _, j := range writing {
			l := *j.link
			l.Fields = slices.Clone(j.link.Fields)
			for i := range j.verdicts {
				v := &j.verdicts[i]
				if v.skip {
					continue
				}
				d.noteReplaced(v)
				j.noteSince(v)
				setField(&l, v.noted())
			}
			j.noteRead(&l)
			if err := tx.PutLink(&l); err != nil {
				return err
			}
			j.link.ID = l.ID
			if err := d.noteConflicts(tx, j); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, state.ErrTaken) {
		for _, j := range writing {
			j.outcome = outcome{kind: outcomeAgain}
		}
		return nil
	}
	if err != nil {
		return err
	}
	for side := range mapping.SideID(2) {
		d.writeSide(ctx, side, writing)
	}
	d.readBack(ctx, writing)
	d.covered(ctx, writing)
	return nil
}

// noteConflicts tells the journal of values that are about to give way, in a
// conflict or when a pair starts, before they do: the note must be there even if the service dies right after.
func (d *drain) noteConflicts(tx state.Tx, j *job) error {
	var fields []state.EventField
	for i := range j.verdicts {
		v := &j.verdicts[i]
		for _, w := range v.writes {
			if w != nil && (v.conflict || !v.known && !w.replaced.IsNull()) {
				fields = append(fields, d.writtenField(v, w))
			}
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return d.journal(tx, &state.Event{
		At: d.now, Mapping: d.m.Name(), Link: j.link.ID, Records: j.ids(), Action: "conflict", Source: j.entry.Source, Fields: fields,
	})
}

// noted is what stands in the link while a write is under way.
func (v *verdict) noted() state.Field {
	if v.writes[0] == nil && v.writes[1] == nil {
		return v.next
	}
	f := v.comparison.field
	f.Pending = v.next.Pending
	return f
}

// noteRead takes the times and versions that were read into a link.
func (j *job) noteRead(l *state.Link) {
	for side := range mapping.SideID(2) {
		if rec := j.recs[side]; rec != nil && rec.State == connectors.Live {
			l.Ends[side].Version, l.Ends[side].State = rec.Version, rec.State
			if j.keepsNote(side) {
				l.Ends[side].Version = "" // it is the one at which a write was noted, or none
			} else {
				l.Ends[side].Modified = rec.Modified
			}
		}
	}
}

// noteSince keeps with the note of a write when its target was read, where the
// side's own time stands still: what was written there before must not be taken
// for it.
func (j *job) noteSince(v *verdict) {
	p := v.next.Pending
	if p == nil || v.putBack || v.writes[p.To] == nil {
		return
	}
	if side := mapping.SideID(p.To); j.keepsNote(side) && j.recs[side] != nil {
		p.Since = j.recs[side].Modified
	}
}

// keepsNote reports whether a note of a write to a side still stands that could
// not be settled: the time from which its history must be asked may not move.
func (j *job) keepsNote(side mapping.SideID) bool {
	for i := range j.link.Fields {
		f := &j.link.Fields[i]
		if f.Pending == nil || mapping.SideID(f.Pending.To) != side {
			continue
		}
		if !slices.ContainsFunc(j.verdicts, func(v verdict) bool { return v.rule.ID() == f.Rule }) {
			return true // its rule is not in the mapping just now
		}
	}
	return slices.ContainsFunc(j.verdicts, func(v verdict) bool {
		p := v.comparison.field.Pending
		if v.putBack && p != nil && mapping.SideID(p.To) == side {
			return true
		}
		return v.skip && p != nil && mapping.SideID(p.To) == side
	})
}

func setField(l *state.Link, f state.Field) {
	i, ok := slices.BinarySearchFunc(l.Fields, f.Rule, func(x state.Field, rule uint32) int {
		return int(int64(x.Rule) - int64(rule))
	})
	if ok {
		l.Fields[i] = f
		return
	}
	l.Fields = slices.Insert(l.Fields, i, f)
}

func (j *job) writesTo(sides ...mapping.SideID) bool {
	for _, v := range j.verdicts {
		for _, s := range sides {
			if v.writes[s] != nil {
				return true
			}
		}
	}
	return false
}

// parkFlips holds back fields that somebody else's automation flips.
func (d *drain) parkFlips(jobs []*job) {
	for _, j := range jobs {
		for i := range j.verdicts {
			v := &j.verdicts[i]
			if v.rule.IsSet() {
				continue
			}
			for to, w := range v.writes {
				if w == nil || j.link.ID == 0 || !d.flips.note(j.link.ID, v.rule, d.printer.Print(w.value), d.now) {
					continue
				}
				g := d.merger(j, nil)
				v.aside = g.hold(*v, state.AsideFlips, mapping.SideID(to), "oscillating", fmt.Sprintf(
					"the field was written more than %d times within %s, back and forth; something else changes it back", d.limits.Flips, d.limits.FlipWindow))
				v.writes, v.next, v.drop = [2]*fieldWrite{}, v.comparison.field, false
				d.flips.forget(j.link.ID, v.rule.ID())
			}
		}
	}
}

// maxRefusals is how often one update is sent again without the fields that the
// system refused.
const maxRefusals = 4

// writeSide sends the updates of one side, in batches. What a system refuses is
// set aside and the rest sent again.
func (d *drain) writeSide(ctx context.Context, side mapping.SideID, jobs []*job) {
	c := d.m.sides[side]
	s := d.m.Side(side)
	pendingJobs := jobs
	for range maxRefusals {
		var batch []*job
		var updates []connectors.Update
		for _, j := range pendingJobs {
			if j.done() || !j.writesTo(side) {
				continue
			}
			u := connectors.Update{Object: s.Object, Scope: s.Scope, ID: j.link.Ends[side].ID, IfVersion: j.recs[side].Version}
			for _, v := range j.verdicts {
				w := v.writes[side]
				if w == nil {
					continue
				}
				if w.edit != nil && c.facts.SetEdits {
					if u.Edits == nil {
						u.Edits = map[string]connectors.SetEdit{}
					}
					u.Edits[v.rule.Field(side)] = *w.edit
					continue
				}
				if u.Fields == nil {
					u.Fields = map[string]connectors.Value{}
				}
				u.Fields[v.rule.Field(side)] = w.value
			}
			batch, updates = append(batch, j), append(updates, u)
		}
		if len(batch) == 0 {
			return
		}
		results := c.Update(ctx, updates)
		pendingJobs = nil
		for i, j := range batch {
			if i >= len(results) {
				j.outcome = outcome{kind: outcomeRetry, code: "internal", reason: c.name + " gave no result"}
				continue
			}
			if d.took(j, side, results[i]) {
				pendingJobs = append(pendingJobs, j)
			}
		}
	}
	for _, j := range pendingJobs {
		j.fail("refused", "the system refuses the update again and again")
	}
}

// took takes in the result of one update. It reports whether the update is to
// be sent again, without the fields that were refused.
func (d *drain) took(j *job, side mapping.SideID, res connectors.WriteResult) (again bool) {
	d.note(d.m.sides[side], res.Err)
	if res.Err == nil {
		for _, f := range res.Refused {
			d.refuse(j, side, f.Field, f.Reason)
		}
		if res.Record != nil {
			j.after[side] = res.Record
		}
		j.sent[side] = true
		return false
	}
	if connectors.IsUnsure(res.Err) {
		// It may have taken effect: the note stays, the next read tells.
		j.unsure[side] = true
		j.blame(res.Err)
		return false
	}
	kind := connectors.KindOf(res.Err)
	if kind == connectors.Invalid || kind == connectors.Permission {
		if e, ok := errors.AsType[*connectors.Error](res.Err); ok && len(e.Fields) > 0 {
			refused := false
			for _, f := range e.Fields {
				refused = d.refuse(j, side, f.Field, f.Reason) || refused
			}
			if refused {
				return j.writesTo(side)
			}
		}
		if kind == connectors.Invalid && d.refuseOnly(j, side, res.Err) {
			return false
		}
	}
	d.blame(j, res.Err)
	return false
}

// refuse sets a field aside with the target's own words.
func (d *drain) refuse(j *job, side mapping.SideID, field, reason string) bool {
	for i := range j.verdicts {
		v := &j.verdicts[i]
		if v.writes[side] == nil || v.rule.Field(side) != field {
			continue
		}
		g := d.merger(j, nil)
		v.aside = g.hold(*v, state.AsideRefused, side, "refused", reason)
		v.writes[side], v.drop = nil, false
		v.next = v.comparison.field
		return true
	}
	return false
}

// refuseOnly sets aside the one field of an update that was refused as a whole.
func (d *drain) refuseOnly(j *job, side mapping.SideID, err error) bool {
	var fields []string
	for _, v := range j.verdicts {
		if v.writes[side] != nil {
			fields = append(fields, v.rule.Field(side))
		}
	}
	return len(fields) == 1 && d.refuse(j, side, fields[0], err.Error())
}

// readBack reads the records whose writes were answered without their state.
func (d *drain) readBack(ctx context.Context, jobs []*job) {
	for side := range mapping.SideID(2) {
		var asking []*job
		var ids []string
		for _, j := range jobs {
			if j.sent[side] && !d.shows(j, side) {
				asking, ids = append(asking, j), append(ids, j.link.Ends[side].ID)
			}
		}
		if len(asking) == 0 {
			continue
		}
		results, err := d.fetch(ctx, side, ids)
		for i, j := range asking {
			if err == nil && results[i].Err == nil {
				j.after[side] = results[i].Record
			} else {
				j.unsure[side] = true // the note stays; the next read tells
				if !j.done() {
					j.outcome = outcome{kind: outcomeAgain}
				}
			}
		}
	}
}

// shows reports whether the answer to a write tells every field written.
func (d *drain) shows(j *job, side mapping.SideID) bool {
	rec := j.after[side]
	if rec == nil {
		return false
	}
	for _, v := range j.verdicts {
		if v.writes[side] == nil {
			continue
		}
		if _, presence := rec.Get(v.rule.Field(side)); presence == connectors.Absent {
			return false
		}
	}
	return true
}

// agreedSet returns the elements that count as agreed after our own edit of a
// set: what the edit carried. An element that the system wrote its own way
// stands for the one that was sent; what else is there is somebody's edit.
func (d *drain) agreedSet(v *verdict, side mapping.SideID, now connectors.Value) []state.Print {
	g := &merger{print: d.printer}
	agreed := slices.Clone(v.next.Sets[side])
	there, before := g.elements(now), g.elements(v.values[side])
	var missing, foreign []state.Print
	for _, o := range v.writes[side].edit.Add {
		if p := d.printer.PrintOption(o); !there.byPrint[p] {
			missing = append(missing, p)
		}
	}
	for _, p := range there.prints {
		if !contains(agreed, p) && !before.byPrint[p] {
			foreign = append(foreign, p)
		}
	}
	if len(missing) == 0 || len(missing) != len(foreign) {
		return agreed
	}
	agreed = slices.DeleteFunc(agreed, func(p state.Print) bool { return slices.Contains(missing, p) })
	agreed = append(agreed, foreign...)
	slices.Sort(agreed)
	return agreed
}

// settledVersion reports whether a record after our write differs from what was
// read before it by our write alone, so that its version needs no further look.
// others says that a mapped field differs that we did not write.
func (d *drain) settledVersion(j *job, side mapping.SideID) (complete, others bool) {
	rec := j.after[side]
	if rec == nil {
		return false, false
	}
	complete = true
	for i := range j.verdicts {
		v := &j.verdicts[i]
		now, presence, err := v.rule.Value(side, rec)
		if err != nil || presence == connectors.Absent {
			complete = false
			continue
		}
		if v.ours != nil || v.again {
			others = true
		}
		if w := v.writes[side]; w != nil && v.rule.IsSet() && !connectors.Equal(now, w.value) {
			others = true
		}
		if v.skip || v.writes[side] != nil || presence != connectors.Present {
			continue
		}
		if !connectors.Equal(now, v.values[side]) && d.printer.Print(now) != v.prints[side] {
			others = true
		}
	}
	return complete, others
}

// agreed returns the new baseline of a rule whose write took effect.
func (d *drain) agreed(j *job, v *verdict) state.Field {
	f := v.next
	f.Pending = nil
	for side := range mapping.SideID(2) {
		if v.writes[side] == nil {
			continue
		}
		f.Known[side] = true
		value := v.writes[side].value
		if rec := j.after[side]; rec != nil {
			if now, presence := rec.Get(v.rule.Field(side)); presence == connectors.Present {
				value = now
			}
		}
		if v.ours != nil {
			value = *v.ours
		}
		f.Base[side] = d.printer.Print(value)
		if v.rule.IsSet() {
			f.Sets[side] = d.agreedSet(v, side, value)
		}
	}
	return f
}
