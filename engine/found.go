package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// completeFound writes what a create had still to write when its answer was
// lost: some systems take several requests for one record. What rules write is
// the merge's matter; this is about the values that are set once. A field that
// holds something, or that its history shows, is left as it is.
func (d *drain) completeFound(ctx context.Context, to mapping.SideID, jobs []*job) {
	var found []*job
	var ids, fields []string
	since := d.now
	for _, j := range jobs {
		mk := j.making
		if j.done() || !mk.adopted || mk.orphan || mk.intent.Sent.IsZero() {
			continue
		}
		if once := mk.setOnce(d.m, to); len(once) > 0 {
			found, ids, fields = append(found, j), append(ids, mk.result.Ref.ID), append(fields, once...)
			since = earliest(since, mk.result.Created, mk.intent.Sent)
		}
	}
	if len(found) == 0 {
		return
	}
	slices.Sort(fields)
	fields = slices.Compact(fields)
	edited, err := d.editedSince(ctx, to, ids, fields, since)
	var results []connectors.ReadResult
	if err == nil {
		results, err = d.fetchFields(ctx, to, ids, fields)
	}
	var writing []*job
	var updates []connectors.Update
	for i, j := range found {
		failed := err
		if failed == nil {
			failed = results[i].Err
		}
		if failed != nil {
			j.later(d.now.Add(d.limits.RetryMin), "finding", failed.Error())
			continue
		}
		u := connectors.Update{Object: d.m.Side(to).Object, Scope: d.m.Side(to).Scope, ID: ids[i], Fields: map[string]connectors.Value{}}
		for _, name := range j.making.setOnce(d.m, to) {
			now, p := results[i].Record.Get(name)
			if p == connectors.Present && now.IsNull() && !edited[i][name] {
				u.Fields[name] = j.making.request.Fields[name]
			}
		}
		if len(u.Fields) > 0 {
			writing, updates = append(writing, j), append(updates, u)
		}
	}
	d.sendRest(ctx, to, writing, updates)
}

// setOnce returns the fields of a create that no rule writes.
func (mk *making) setOnce(m *worked, to mapping.SideID) []string {
	var names []string
	for name := range mk.request.Fields {
		if !slices.ContainsFunc(m.Rules(), func(r *mapping.Rule) bool { return r.Field(to) == name && r.Flow().To(to) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// editedSince tells, for each record, which fields its history shows; nothing
// where the system keeps none.
func (d *drain) editedSince(ctx context.Context, to mapping.SideID, ids, fields []string, since time.Time) ([]map[string]bool, error) {
	out := make([]map[string]bool, len(ids))
	if d.m.sides[to].can.HistoryReader == nil {
		return out, nil
	}
	edits, err := d.history(ctx, to, ids, slices.Clone(fields), since)
	if err != nil {
		return nil, err
	}
	for i, list := range edits {
		out[i] = map[string]bool{}
		for _, e := range list {
			out[i][e.Field] = true
		}
	}
	return out, nil
}

// fetchFields reads some fields of records. Results come one for each id.
func (d *drain) fetchFields(ctx context.Context, to mapping.SideID, ids, fields []string) ([]connectors.ReadResult, error) {
	c := d.m.sides[to]
	sel := d.m.selection(to)
	sel.Fields = fields
	results, err := c.Read(ctx, sel, ids)
	if err == nil && len(results) != len(ids) {
		err = fmt.Errorf("%s answered %d records for %d ids", c.name, len(results), len(ids))
	}
	d.note(c, err)
	return results, err
}

// sendRest writes what was left out. What the system refuses is told as left
// out; else the record is looked for once more.
func (d *drain) sendRest(ctx context.Context, to mapping.SideID, jobs []*job, updates []connectors.Update) {
	if len(jobs) == 0 {
		return
	}
	c := d.m.sides[to]
	results := c.Update(ctx, updates)
	for i, j := range jobs {
		var res connectors.WriteResult
		if res.Err = fmt.Errorf("%s answered %d of %d updates", c.name, len(results), len(updates)); len(results) == len(updates) {
			res = results[i]
		}
		d.note(c, res.Err)
		switch kind := connectors.KindOf(res.Err); {
		case res.Err == nil:
		case kind == connectors.Invalid || kind == connectors.Permission:
			j.making.skipped = append(j.making.skipped, res.Err.Error())
		default:
			j.later(d.now.Add(d.limits.RetryMin), "finding", res.Err.Error())
			continue
		}
		for _, f := range res.Refused {
			j.making.skipped = append(j.making.skipped, f.Field+": "+f.Reason)
		}
	}
}

// claimMade looks whether a found record is another's counterpart meanwhile:
// people may have merged that one's into it. The error is of the store.
func (d *drain) claimMade(ctx context.Context, to mapping.SideID, jobs []*job) error {
	return d.store.View(ctx, func(tx state.Tx) error {
		for _, j := range jobs {
			if j.done() || !j.making.adopted {
				continue
			}
			id := j.making.result.Ref.ID
			linked, err := isLinked(tx, d.m, to, id)
			if err != nil {
				return err
			}
			if linked {
				j.fail("ambiguous-match", fmt.Sprintf("%s was made for it, but is linked to another %s meanwhile",
					j.making.result.Ref, d.m.Side(j.side).Name))
				continue
			}
			for _, o := range d.jobs {
				if o.followed != nil && o.followed.side == to && o.link.Ends[to].ID == id {
					o.stayBehind()
				}
			}
		}
		return nil
	})
}

// findCleared asks the system which fields of found records were edited since
// they were made. A field that holds nothing, though a value was sent, was
// refused then, or cleared since: the history tells.
func (d *drain) findCleared(ctx context.Context, to mapping.SideID, jobs []*job) {
	if d.m.sides[to].can.HistoryReader == nil {
		return
	}
	var asking []*job
	var ids, fields []string
	since := d.now
	for _, j := range jobs {
		if !j.making.adopted || j.making.orphan {
			continue
		}
		empty := false
		for _, r := range d.m.Rules() {
			if now, presence := j.making.result.Get(r.Field(to)); presence == connectors.Present && now.IsNull() && r.Flow().To(to) {
				empty, fields = true, append(fields, r.Field(to))
			}
		}
		if empty {
			asking, ids = append(asking, j), append(ids, j.making.result.Ref.ID)
			since = earliest(since, j.making.result.Created)
		}
	}
	if len(asking) == 0 {
		return
	}
	edits, err := d.history(ctx, to, ids, fields, since)
	for i, j := range asking {
		if err != nil {
			j.awaitHistory(err)
			continue
		}
		j.making.edited = map[string]bool{}
		for _, e := range edits[i] {
			j.making.edited[e.Field] = true
		}
	}
}

// baselineOfAdopted takes what the stored intent says that it sent as agreed;
// what was edited since is then a change like any other.
func (d *drain) baselineOfAdopted(j *job) {
	var sent []state.Field
	if len(j.making.intent.Doc) > 0 {
		var err error
		if sent, err = decodeSent(j.making.intent.Doc); err != nil {
			d.log.Warn("intent unreadable", "mapping", d.m.Name(), "record_id", j.entry.Record, "err", err)
		}
	}
	noted := false
	for _, r := range d.m.Rules() {
		if !r.IsSet() || slices.ContainsFunc(sent, func(f state.Field) bool { return f.Rule == r.ID() }) {
			continue
		}
		f := state.Field{Rule: r.ID(), Known: [2]bool{true, true}}
		d.unseenSet(&f)
		setField(j.link, f)
	}
	for _, f := range sent {
		if f.Pending == nil || d.m.rules[f.Rule] == nil {
			continue
		}
		to := mapping.SideID(f.Pending.To)
		f.Known = [2]bool{true, true}
		f.Base[to], f.Base[to.Other()] = f.Pending.Target, f.Pending.Source
		now, presence := j.making.result.Get(d.m.rules[f.Rule].Field(to))
		// Nothing where something was sent, and no edit that anybody knows of:
		// refused or hidden then, rather than cleared since. The first sync decides.
		lost := presence == connectors.Present && now.IsNull() && f.Pending.Target != d.printer.Print(connectors.Null) &&
			!j.making.edited[d.m.rules[f.Rule].Field(to)]
		if (presence != connectors.Present || lost) && !d.m.rules[f.Rule].IsSet() {
			continue
		}
		if presence != connectors.Present || lost {
			// The note stays: the history tells whether the set was taken, and
			// else nothing is taken out.
			d.unseenSet(&f)
			setField(j.link, f)
			noted = true
			continue
		}
		if d.m.rules[f.Rule].IsSet() {
			f.Sets[to], f.Sets[to.Other()] = f.Pending.TargetSet, f.Pending.SourceSet
		} else if presence == connectors.Present && f.Pending.Target != d.printer.Print(now) {
			// Another value: trimmed or rounded by the system, or edited by a
			// person. The merge cannot tell, and takes the edit for real.
			d.reformatted(j, &f, to, now)
		}
		f.Pending = nil
		setField(j.link, f)
	}
	d.baselineOfBack(j)
	j.noteRead(j.link)
	if noted {
		j.link.Ends[j.making.to].Version = ""
		j.link.Ends[j.making.to].Modified = j.making.result.Created
	}
}

// baselineOfBack lets rules that flow only from a found record start from the
// nothing that it was made with, so that a value there is an edit.
func (d *drain) baselineOfBack(j *job) {
	to := j.making.to
	for _, r := range d.m.Rules() {
		if r.IsSet() || r.Flow().To(to) {
			continue
		}
		source, presence, err := r.Value(to.Other(), j.recs[to.Other()])
		if err != nil || presence != connectors.Present {
			continue
		}
		f := state.Field{Rule: r.ID(), Known: [2]bool{true, true}}
		f.Base[to], f.Base[to.Other()] = d.printer.Print(connectors.Null), d.printer.Print(source)
		setField(j.link, f)
	}
}
