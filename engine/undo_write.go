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

// write puts the open fields of some records back: noted first, sent in
// batches, looked at again, and stored with what the sides then agree on.
func (u *undoing) write(ctx context.Context, records []*undoRecord) error {
	records = slices.DeleteFunc(slices.Clone(records), func(r *undoRecord) bool { return len(r.open()) == 0 })
	if len(records) == 0 {
		return nil
	}
	if u.run == 0 {
		run, err := u.beginRun(ctx, u.m, runUndo, u.o.By+": "+u.order.String())
		if err != nil {
			return err
		}
		u.run = run
		u.out.Runs = append(u.out.Runs, run)
	}
	d := &drain{Engine: u.Engine, m: u.m, runID: u.run, now: u.clock.Now()}
	if err := u.intend(ctx, d, records); err != nil {
		return err
	}
	failed := u.send(ctx, records)
	u.readBack(ctx, records)
	u.covered(ctx, d, records)
	if err := u.keep(ctx, d, records); err != nil {
		return err
	}
	return failed
}

// rules calls fn for what the link remembers of every rule that speaks of a
// field, and of the rules that wrote it.
func (u *undoing) rules(f *undoField, fn func(*state.Field, *mapping.Rule)) {
	if f.link == nil || f.link.Ends[u.side].ID != f.record {
		return
	}
	for i := range f.link.Fields {
		lf := &f.link.Fields[i]
		r := u.m.rules[lf.Rule]
		speaks := r != nil && r.Field(u.side) == f.field
		wrote := slices.ContainsFunc(f.writes, func(w slotWrite) bool { return w.rule == lf.Rule })
		if speaks || wrote {
			fn(lf, r)
		}
	}
}

// intend stores what is about to be written, and counts it for the guards: a
// person has seen it, so it takes nothing of what the mapping may do by itself.
func (u *undoing) intend(ctx context.Context, d *drain, records []*undoRecord) error {
	g, err := u.loadGuard(ctx, u.m)
	if err != nil {
		return err
	}
	var c counts
	for _, r := range records {
		for _, f := range r.open() {
			if f.goal.IsNull() {
				c.Clears++
			} else {
				c.Overwrites++
			}
			u.noteField(d, f)
		}
		u.noteEnd(r)
	}
	g.roll(d.now, u.limits)
	g.counts, g.Allowed = g.counts.plus(c), g.Allowed.plus(c)
	return u.commit(ctx, func(tx state.Tx) error {
		if err := putLinks(tx, records); err != nil {
			return err
		}
		return g.put(tx, u.m)
	})
}

// noteField notes a write with the rules that would take it for an edit.
func (u *undoing) noteField(d *drain, f *undoField) {
	u.rules(f, func(lf *state.Field, r *mapping.Rule) {
		if r == nil || !lf.Known[0] || !lf.Known[1] || lf.Base[u.side] != f.writes[0].held {
			return
		}
		other := u.side.Other()
		p := &state.Pending{
			To: uint8(u.side), Source: lf.Base[other], Target: u.printer.Print(f.goal), Read: u.printer.Print(f.live), Run: u.run,
		}
		if r.IsSet() {
			p.SourceSet, p.TargetSet = lf.Sets[other], u.agreedElements(lf.Sets[u.side], f.live, f.goal)
		}
		p.Replaced, p.Empty = d.replaced(f.live)
		lf.Pending = p
	})
}

// agreedElements returns which elements count as agreed once before became
// after: what else stands in the set is somebody's edit that is still to come
// over.
func (u *undoing) agreedElements(agreed []state.Print, before, after connectors.Value) []state.Print {
	g := &merger{print: u.printer}
	return g.editPrints(agreed, connectors.SetEdit{Add: missing(after, before), Remove: missing(before, after)})
}

// missing returns the elements of a set that another one lacks.
func missing(of, from connectors.Value) (out []connectors.Option) {
	for _, o := range of.Options() {
		if !in(from.Options())(o) {
			out = append(out, o)
		}
	}
	return out
}

// noteEnd takes the version and the time that were read into a link, from which
// on a history would be asked.
func (u *undoing) noteEnd(r *undoRecord) {
	link := r.fields[0].link
	if link == nil || link.Ends[u.side].ID != r.id {
		return
	}
	end := &link.Ends[u.side]
	r.before = *end
	earlier := slices.ContainsFunc(link.Fields, func(f state.Field) bool {
		return f.Pending != nil && mapping.SideID(f.Pending.To) == u.side && f.Pending.Run != u.run
	})
	if end.Version = ""; !earlier {
		end.Version, end.Modified = r.rec.Version, r.rec.Modified
	}
}

func putLinks(tx state.Tx, records []*undoRecord) error {
	for _, r := range records {
		if link := r.fields[0].link; link != nil {
			if err := tx.PutLink(link); err != nil {
				return fmt.Errorf("store link %d: %w", link.ID, err)
			}
		}
	}
	return nil
}

// send sends the updates. What a system refuses is left, and the rest of the
// record sent again. It returns the error of the connection as a whole, if any.
func (u *undoing) send(ctx context.Context, records []*undoRecord) (failed error) {
	c, s := u.m.sides[u.side], u.m.Side(u.side)
	for round := 0; len(records) > 0; round++ {
		var batch []*undoRecord
		var updates []connectors.Update
		for _, r := range records {
			open := r.open()
			if len(open) == 0 {
				continue
			}
			if round == maxRefusals {
				r.leave("refused", "the system refuses the update again and again")
				continue
			}
			up := connectors.Update{Object: s.Object, Scope: s.Scope, ID: r.id, IfVersion: r.rec.Version}
			for _, f := range open {
				f.addTo(&up, c.facts.SetEdits)
			}
			batch, updates = append(batch, r), append(updates, up)
		}
		records = nil
		if len(batch) == 0 {
			return failed
		}
		results := c.Update(ctx, updates)
		for i, r := range batch {
			if i >= len(results) {
				r.leave("internal", "%s gave no result", c.name)
				continue
			}
			again, err := u.took(c, r, results[i])
			if again {
				records = append(records, r)
			}
			if failed == nil {
				failed = err
			}
		}
	}
	return failed
}

// addTo adds a field to an update.
func (f *undoField) addTo(up *connectors.Update, edits bool) {
	if edits && f.live.Type() == connectors.TypeOptions && (f.goal.IsNull() || f.goal.Type() == connectors.TypeOptions) {
		if up.Edits == nil {
			up.Edits = map[string]connectors.SetEdit{}
		}
		up.Edits[f.field] = connectors.SetEdit{Add: missing(f.goal, f.live), Remove: missing(f.live, f.goal)}
		return
	}
	if up.Fields == nil {
		up.Fields = map[string]connectors.Value{}
	}
	up.Fields[f.field] = f.goal
}

// took takes in the result of one update. again says that it is to be sent once
// more, without the fields that were refused; failed is an error of the
// connection as a whole.
func (u *undoing) took(c *connection, r *undoRecord, res connectors.WriteResult) (again bool, failed error) {
	u.note(c, res.Err)
	if res.Err == nil {
		for _, x := range res.Refused {
			r.refuse(x)
		}
		for _, f := range r.open() {
			f.sent = true
		}
		r.after = res.Record
		return false, nil
	}
	if connectors.IsUnsure(res.Err) {
		r.unsure = true
		r.leave("unsure", "the answer was lost: %s; the next reconcile finds out, and a repeat of the undo tells", res.Err)
		return false, nil
	}
	switch kind := connectors.KindOf(res.Err); kind {
	case connectors.Auth, connectors.RateLimited, connectors.Unavailable:
		r.leave("not-sent", "%s; a repeat of the undo goes on", res.Err)
		return false, res.Err
	case connectors.Conflict:
		r.leave("edited-since", "the record was changed at that moment; a repeat of the undo looks again")
	case connectors.NotFound:
		r.leave(codeGone, "the record is not there any more")
	default:
		if e, ok := errors.AsType[*connectors.Error](res.Err); ok && (kind == connectors.Invalid || kind == connectors.Permission) {
			refused := false
			for _, x := range e.Fields {
				refused = r.refuse(x) || refused
			}
			if refused {
				return len(r.open()) > 0, nil
			}
		}
		r.leave("refused", "%s", res.Err)
	}
	return false, nil
}

// refuse leaves a field with the system's own words.
func (r *undoRecord) refuse(x connectors.FieldError) bool {
	for _, f := range r.open() {
		if f.field == x.Field {
			f.leave("refused", "%s", x.Reason)
			return true
		}
	}
	return false
}

// readBack reads the records whose update was answered without the fields.
func (u *undoing) readBack(ctx context.Context, records []*undoRecord) {
	var asking []*undoRecord
	var ids, fields []string
	for _, r := range records {
		lacks := slices.ContainsFunc(r.open(), func(f *undoField) bool {
			if r.after == nil {
				return true
			}
			_, presence := r.after.Get(f.field)
			return presence == connectors.Absent
		})
		if !lacks {
			continue
		}
		asking, ids = append(asking, r), append(ids, r.id)
		for _, f := range r.open() {
			fields = append(fields, f.field)
		}
	}
	if len(asking) == 0 {
		return
	}
	results, err := u.fetchFields(ctx, ids, fields)
	for i, r := range asking {
		if err == nil && results[i].Err == nil && results[i].Record != nil {
			r.after = results[i].Record
		}
	}
}

// keep stores what came of a batch: the links with what the sides agree on now,
// and the journal.
func (u *undoing) keep(ctx context.Context, d *drain, records []*undoRecord) error {
	var events []*state.Event
	for _, r := range records {
		var fields []state.EventField
		for _, f := range r.fields {
			if !f.open() {
				u.unnote(r, f)
				continue
			}
			u.settle(f)
			w := f.writes[0]
			ef := state.EventField{Rule: w.rule, Name: w.name, Why: fmt.Sprintf("undo of event %d", w.seq), Target: f.field, Held: u.printer.Print(f.after)}
			ef.Replaced, ef.Empty = d.replaced(f.live)
			fields = append(fields, ef)
		}
		u.keepEnd(d, r)
		if len(fields) == 0 {
			continue
		}
		ev := &state.Event{
			At: d.now, Mapping: u.m.Name(), Link: r.fields[0].slotKey.link, Action: undone, To: uint8(u.side), Source: runUndo,
			Detail: "by " + u.o.By, Fields: fields,
		}
		if link := r.fields[0].link; link != nil {
			ev.Records = [2]string{link.Ends[0].ID, link.Ends[1].ID}
		}
		ev.Records[u.side] = r.id
		events = append(events, ev)
	}
	return u.commit(ctx, func(tx state.Tx) error {
		if err := putLinks(tx, records); err != nil {
			return err
		}
		for _, ev := range events {
			stored := *ev
			if err := d.journal(tx, &stored); err != nil {
				return err
			}
		}
		return nil
	})
}

// settle makes what was put back the side's own baseline. The other side's stays:
// what somebody changes there is an edit like any other.
func (u *undoing) settle(f *undoField) {
	u.rules(f, func(lf *state.Field, r *mapping.Rule) {
		if lf.Base[u.side] != f.writes[0].held || !lf.Known[u.side] {
			return
		}
		lf.Base[u.side], lf.Pending = u.printer.Print(f.after), nil
		if r != nil && r.IsSet() || len(lf.Sets[u.side]) > 0 {
			lf.Sets[u.side] = u.agreedElements(lf.Sets[u.side], f.live, f.after)
		}
	})
}

// unnote takes back the note of a write that was not made. One whose end is not
// known keeps it: the next reconcile looks.
func (u *undoing) unnote(r *undoRecord, f *undoField) {
	if r.unsure {
		return
	}
	u.rules(f, func(lf *state.Field, _ *mapping.Rule) {
		if lf.Pending != nil && lf.Pending.Run == u.run && mapping.SideID(lf.Pending.To) == u.side {
			lf.Pending = nil
		}
	})
}

// keepEnd keeps the version of a record that surely holds what both sides
// agreed on, so that nobody need look at it again. Where anything else of the
// record was not looked at yet, a comment say, its next look is left to come.
func (u *undoing) keepEnd(d *drain, r *undoRecord) {
	link := r.fields[0].link
	if link == nil || link.Ends[u.side].ID != r.id || r.unsure {
		return
	}
	end := &link.Ends[u.side]
	if end.Version = ""; pending(link) {
		return
	}
	// Other fields may have been edited since they were looked at.
	end.Modified = r.before.Modified
	seen := r.before.Version != "" && r.before.Version == r.rec.Version && !u.m.CarriesTo(u.side.Other())
	if seen && r.after != nil && len(r.open()) > 0 && d.holds(u.m, u.side, link, r.after) {
		end.Version, end.Modified = r.after.Version, r.after.Modified
	}
}
