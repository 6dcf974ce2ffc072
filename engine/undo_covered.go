package engine

import (
	"context"
	"fmt"

	"github.com/tenonsync/tenon/connectors"
)

// covered looks in the systems' histories for edits that people made between
// the read and the write, and that the undo covered: those are put back.
func (u *undoing) covered(ctx context.Context, d *drain, records []*undoRecord) {
	for _, r := range records {
		for _, f := range r.open() {
			f.after = f.goal
			if r.after == nil {
				continue
			}
			if v, presence := r.after.Get(f.field); presence == connectors.Present && (same(v, f.goal) || madeOf(v, f.goal)) {
				f.after = v
			}
		}
	}
	c := u.m.sides[u.side]
	if c.can.HistoryReader == nil || c.facts.ConditionalWrites {
		return
	}
	var asking []*undoRecord
	var ids, fields []string
	since := d.now
	for _, r := range records {
		if len(r.open()) == 0 || r.rec.Modified.IsZero() {
			continue
		}
		asking, ids, since = append(asking, r), append(ids, r.id), earliest(since, r.rec.Modified)
		for _, f := range r.open() {
			fields = append(fields, f.field)
		}
	}
	if len(asking) == 0 {
		return
	}
	edits, err := d.history(ctx, u.side, ids, fields, since)
	if err != nil {
		for _, r := range asking { // the notes stay, and the next reconcile looks
			r.unsure = true
			r.leave("unsure", "what was edited at that moment cannot be seen: %s; the next reconcile looks again", err)
		}
		return
	}
	for i, r := range asking {
		u.coveredRecord(ctx, r, edits[i])
	}
}

func (u *undoing) coveredRecord(ctx context.Context, r *undoRecord, edits []connectors.FieldEdit) {
	s := u.m.Side(u.side)
	up := connectors.Update{Object: s.Object, Scope: s.Scope, ID: r.id, Fields: map[string]connectors.Value{}}
	var theirs []*undoField
	for _, f := range r.open() {
		if edit := f.coveredEdit(r.rec, edits); edit != nil {
			up.Fields[f.field] = *edit
			theirs = append(theirs, f)
		}
	}
	if len(theirs) == 0 {
		return
	}
	c := u.m.sides[u.side]
	res := connectors.WriteResult{Err: fmt.Errorf("%s gave no result", c.name)}
	for range putBackRounds {
		if results := c.Update(ctx, []connectors.Update{up}); len(results) == 1 {
			res = results[0]
		}
		if u.note(c, res.Err); res.Err == nil || connectors.IsUnsure(res.Err) {
			break
		}
	}
	r.unsure = res.Err != nil // the note stays, and the next reconcile puts the edit back
	for _, f := range theirs {
		f.row.Now = up.Fields[f.field].String()
		if f.leave("edited-since", "somebody edited it at that moment; that edit was put back"); res.Err != nil {
			f.leave("edited-since", "somebody edited it at that moment; to put that edit back failed: %s", res.Err)
		}
	}
}

// coveredEdit returns the edit that the write of a field covered, nil if none.
func (f *undoField) coveredEdit(read *connectors.Record, edits []connectors.FieldEdit) *connectors.Value {
	var since []connectors.FieldEdit
	for _, e := range edits {
		if e.Field == f.field && !e.At.Before(read.Modified) {
			since = append(since, e)
		}
	}
	for own := len(since) - 1; own >= 0; own-- {
		if !same(since[own].Value, f.goal) {
			continue
		}
		if own < len(since)-1 {
			f.after = since[own].Value // what came later is somebody's edit
		}
		if own > 0 && !same(since[own-1].Value, f.live) {
			return &since[own-1].Value
		}
		break
	}
	return nil
}
