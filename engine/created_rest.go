package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
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
	later := func(j *job, err error) {
		if err != nil && !j.done() {
			j.later(d.now.Add(d.limits.RetryMin), "finding", err.Error())
		}
	}
	edited, err := d.editedSince(ctx, to, ids, fields, since)
	var results []connectors.ReadResult
	if err == nil {
		results, err = d.fetchFields(ctx, to, ids, fields)
	}
	var writing []*job
	var updates []connectors.Update
	for i, j := range found {
		if err == nil && results[i].Err != nil {
			later(j, results[i].Err)
			continue
		}
		if err != nil {
			later(j, err)
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
