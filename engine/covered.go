package engine

import (
	"context"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

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
		var ids, fields []string
		since := d.now
		for _, j := range jobs {
			if !j.sent[side] || !j.writesTo(side) || j.recs[side].Modified.IsZero() {
				continue
			}
			asking, ids = append(asking, j), append(ids, j.link.Ends[side].ID)
			since = earliest(since, j.recs[side].Modified)
			for _, v := range j.verdicts {
				if v.writes[side] != nil && (!v.rule.IsSet() || !c.facts.SetEdits) {
					fields = append(fields, v.rule.Field(side))
				}
			}
		}
		if len(asking) == 0 || len(fields) == 0 {
			continue
		}
		edits, err := d.history(ctx, side, ids, fields, since)
		if err != nil {
			for _, j := range asking {
				// The note of our write stays until its history was seen.
				j.unsure[side] = j.unsure[side] || j.awaitHistory(err)
			}
			continue
		}
		var restores []connectors.Update
		var restored []*job
		for i, j := range asking {
			u := d.coveredJob(j, side, edits[i])
			if len(u.Fields) > 0 {
				restores, restored = append(restores, u), append(restored, j)
			}
		}
		d.restore(ctx, side, restores, restored)
	}
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
		before, ours, now := d.aroundWrite(j, v, side, edits)
		if now != nil && v.ours == nil {
			v.ours = &ours
		}
		if before == nil {
			continue
		}
		if v.rule.IsSet() {
			d.coveredSet(v, w, *before, ours, now, &u)
			continue
		}
		if now == nil && d.coveredField(j, v, side, *before, ours) {
			u.Fields[before.Field] = before.Value
		}
	}
	return u
}

// coveredSet adds to an update what puts the elements back that a covered edit
// added or took out. now is what somebody made of the set since, nil if nobody
// did.
func (d *drain) coveredSet(v *verdict, w *fieldWrite, before connectors.FieldEdit, ours connectors.Value, now *connectors.Value, u *connectors.Update) {
	in := func(options []connectors.Option) func(connectors.Option) bool {
		return func(o connectors.Option) bool {
			return slices.ContainsFunc(options, func(x connectors.Option) bool { return x.ID == o.ID })
		}
	}
	if now == nil {
		now = &ours
	}
	edit := uncovered(before.Value, ours, *now, in(w.edit.Add), in(w.edit.Remove))
	if len(edit.Add)+len(edit.Remove) == 0 {
		return
	}
	u.Fields[before.Field] = applyEdit(now.Options(), edit)
	if v.putBack = true; v.ours == nil {
		v.ours = &ours
	}
	w.why += "; elements edited meanwhile are put back"
}

// aroundWrite finds our own write among the edits of a field since it was read.
// It returns the last edit that our write covered, if any, what our write left
// behind, and what the field holds since, if somebody edited it after our write.
func (d *drain) aroundWrite(j *job, v *verdict, side mapping.SideID, edits []connectors.FieldEdit) (before *connectors.FieldEdit, ours connectors.Value, now *connectors.Value) {
	w, read := v.writes[side], j.recs[side]
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
		w.why += "; an edit meanwhile was replaced"
		w.replaced = e.Value
		return false
	}
	switch v.rule.Conflict() {
	case mapping.LeftWins, mapping.RightWins:
		if (v.rule.Conflict() == mapping.LeftWins) != (side == mapping.Left) {
			w.why += "; an edit meanwhile was replaced by policy"
			w.replaced = e.Value
			return false
		}
	case mapping.Newest:
		if sourceAt := j.recs[side.Other()].Modified; sourceAt.After(e.At.Add(time.Second)) {
			w.why += "; an older edit meanwhile was replaced"
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
	w.why += "; an edit made meanwhile is put back"
	v.putBack = true
	return true
}

// restore puts covered edits back.
func (d *drain) restore(ctx context.Context, side mapping.SideID, updates []connectors.Update, jobs []*job) {
	if len(updates) == 0 {
		return
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
			continue
		}
		// The note of our write stays: the next look finds the covered edit in
		// the history again.
		j.unsure[side] = true
		if !j.done() {
			j.blame(results[i].Err)
		}
	}
}
