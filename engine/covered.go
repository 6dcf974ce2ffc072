package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// putBackRounds bounds how often what was put back is looked at again: that
// write may have covered an edit as well.
const putBackRounds = 4

// covered looks for edits that people made between our read and our write, and
// that our write covered. Such an edit is a conflict like any other: the policy
// decides, and where the covered edit wins it is put back, so that the next
// reconcile carries it to the other side.
func (d *drain) covered(ctx context.Context, jobs []*job) {
	for side := range mapping.SideID(2) {
		c := d.m.sides[side]
		if c.can.HistoryReader == nil || c.facts.ConditionalWrites {
			continue
		}
		var asking []*job
		for _, j := range jobs {
			if j.sent[side] && j.writesTo(side) && !j.recs[side].Modified.IsZero() {
				asking = append(asking, j)
			}
		}
		for range putBackRounds {
			if len(asking) == 0 {
				break
			}
			asking = d.coveredRound(ctx, side, asking)
		}
		for _, j := range asking {
			j.unsure[side] = true // the note stays, the next look goes on
		}
	}
}

// coveredRound looks once at what the writes to some records covered, and puts
// back what wins. It returns the jobs for which something was put back.
func (d *drain) coveredRound(ctx context.Context, side mapping.SideID, asking []*job) []*job {
	var ids, fields []string
	since := d.now
	for _, j := range asking {
		ids = append(ids, j.link.Ends[side].ID)
		since = earliest(since, j.recs[side].Modified)
		for _, v := range j.verdicts {
			if v.writes[side] != nil && (!v.rule.IsSet() || !d.m.sides[side].facts.SetEdits) {
				fields = append(fields, v.rule.Field(side))
			}
		}
	}
	if len(fields) == 0 {
		return nil
	}
	edits, err := d.history(ctx, side, ids, fields, since)
	if err != nil {
		for _, j := range asking {
			// The note of our write stays until its history was seen.
			j.unsure[side] = j.unsure[side] || j.awaitHistory(err)
		}
		return nil
	}
	var restores []connectors.Update
	var restored []*job
	for i, j := range asking {
		u := d.coveredJob(j, side, edits[i])
		if len(u.Fields) > 0 {
			restores, restored = append(restores, u), append(restored, j)
		}
	}
	return d.restore(ctx, side, restores, restored)
}

// coveredJob finds the covered edits of one record and returns the update that
// puts back those that win.
func (d *drain) coveredJob(j *job, side mapping.SideID, edits []connectors.FieldEdit) connectors.Update {
	s := d.m.Side(side)
	u := connectors.Update{Object: s.Object, Scope: s.Scope, ID: j.link.Ends[side].ID, Fields: map[string]connectors.Value{}}
	for i := range j.verdicts {
		v := &j.verdicts[i]
		w := v.writes[side]
		if w == nil || (v.rule.IsSet() && d.m.sides[side].facts.SetEdits) {
			continue
		}
		last := w
		if v.restored != nil {
			last = v.restored
		}
		before, ours, now := d.aroundWrite(j, v, side, last, edits)
		if now != nil && v.ours == nil {
			v.ours = &ours
		}
		v.restored = nil
		if before == nil {
			continue
		}
		if v.rule.IsSet() {
			d.coveredSet(v, last, *before, ours, now, &u)
			continue
		}
		if now == nil && d.coveredField(j, v, side, *before, ours) {
			u.Fields[before.Field] = before.Value
			v.restored = &fieldWrite{value: before.Value, replaced: ours}
		}
	}
	return u
}

// in returns what tells whether an option is one of some.
func in(options []connectors.Option) func(connectors.Option) bool {
	return func(o connectors.Option) bool {
		return slices.ContainsFunc(options, func(x connectors.Option) bool { return x.ID == o.ID })
	}
}

// coveredSet adds to an update what puts the elements back that a covered edit
// added or took out. now is what somebody made of the set since, nil if nobody
// did.
func (d *drain) coveredSet(v *verdict, last *fieldWrite, before connectors.FieldEdit, ours connectors.Value, now *connectors.Value, u *connectors.Update) {
	if now == nil {
		now = &ours
	}
	edit := uncovered(before.Value, ours, *now, in(last.edit.Add), in(last.edit.Remove))
	if len(edit.Add)+len(edit.Remove) == 0 {
		return
	}
	whole := applyEdit(now.Options(), edit)
	u.Fields[before.Field] = whole
	v.restored = &fieldWrite{value: whole, edit: &edit, replaced: *now}
	if v.putBack = true; v.ours == nil {
		v.ours = &ours
	}
	v.tell("; elements edited meanwhile are put back")
}

// tell adds to why a verdict's values are written, once.
func (v *verdict) tell(more string) {
	for _, w := range v.writes {
		if w != nil && !strings.HasSuffix(w.why, more) {
			w.why += more
		}
	}
}

// aroundWrite finds our own write among the edits of a field since it was read.
// It returns the last edit that our write covered, if any, what our write left
// behind, and what the field holds since, if somebody edited it after our write.
func (d *drain) aroundWrite(j *job, v *verdict, side mapping.SideID, w *fieldWrite, edits []connectors.FieldEdit) (before *connectors.FieldEdit, ours connectors.Value, now *connectors.Value) {
	read := j.recs[side]
	var since []connectors.FieldEdit
	for _, e := range edits {
		if e.Field == v.rule.Field(side) && !e.At.Before(read.Modified) {
			since = append(since, e)
		}
	}
	own := len(since) - 1 // reformatted beyond recognition: the last one
	for k := len(since) - 1; k >= 0; k-- {
		if same(since[k].Value, w.value) {
			own = k
			break
		}
	}
	if own < 0 {
		return nil, w.value, nil
	}
	if own > 0 && !same(since[own-1].Value, w.replaced) {
		before = &since[own-1]
	}
	if last := len(since) - 1; own < last {
		now = &since[last].Value
	}
	return before, since[own].Value, now
}

// coveredField decides about one covered edit and reports whether it is put
// back.
func (d *drain) coveredField(j *job, v *verdict, side mapping.SideID, e connectors.FieldEdit, now connectors.Value) bool {
	w := v.writes[side]
	v.conflict = true
	if !v.rule.Flow().To(side.Other()) {
		v.tell("; an edit meanwhile was replaced")
		w.replaced = e.Value
		return false
	}
	switch v.rule.Conflict() {
	case mapping.LeftWins, mapping.RightWins:
		if (v.rule.Conflict() == mapping.LeftWins) != (side == mapping.Left) {
			v.tell("; an edit meanwhile was replaced by policy")
			w.replaced = e.Value
			return false
		}
	case mapping.Newest:
		if sourceAt := j.recs[side.Other()].Modified; sourceAt.After(e.At.Add(time.Second)) {
			v.tell("; an older edit meanwhile was replaced")
			w.replaced = e.Value
			return false
		}
	case mapping.Ask:
		g := d.merger(j, nil)
		held := *v
		held.values[side] = e.Value
		held.prints[side] = d.printer.Print(now)
		v.aside = g.hold(held, state.AsideConflict, side, "conflict", "an edit was made while the field was being written; a person chooses")
		v.heldValues = &held.values
		v.drop = false
		return false
	}
	v.tell("; an edit made meanwhile is put back")
	v.putBack = true
	return true
}

// restore puts covered edits back, and returns the jobs for which that took
// effect.
func (d *drain) restore(ctx context.Context, side mapping.SideID, updates []connectors.Update, jobs []*job) (done []*job) {
	if len(updates) == 0 {
		return nil
	}
	results := d.m.sides[side].Update(ctx, updates)
	for i, j := range jobs {
		if i >= len(results) {
			continue
		}
		d.note(d.m.sides[side], results[i].Err)
		if results[i].Err == nil {
			if !j.done() {
				j.outcome = outcome{kind: outcomeAgain}
			}
			done = append(done, j)
			continue
		}
		// The note of our write stays: the next look finds the covered edit in
		// the history again.
		j.unsure[side] = true
		if !j.done() {
			j.blame(results[i].Err)
		}
	}
	return done
}
