package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// pair decides about records without a link: adopt an existing counterpart,
// make one, or leave the record alone.
func (d *drain) pair(ctx context.Context) error {
	var loose []*job
	for _, j := range d.jobs {
		if j.done() || j.link != nil || j.ended {
			continue
		}
		rec := j.recs[j.side]
		if rec == nil || rec.State != connectors.Live {
			if rec == nil || !j.wasSent() {
				j.leave(rec)
				continue
			}
			j.making = &making{to: j.side.Other(), create: d.m.Create(j.side.Other()), orphan: true}
			continue
		}
		if !rec.InScope {
			if j.entry.Convert {
				j.fail("out-of-scope", "the record is outside the mapping's scope; it is converted when it comes into scope")
			} else {
				j.leave(rec)
			}
			continue
		}
		loose = append(loose, j)
	}
	if len(loose) == 0 {
		return nil
	}
	for _, j := range loose {
		d.shield(j, "wish", func() { d.wish(j) })
	}
	if err := d.match(ctx, loose); err != nil {
		return err
	}
	for _, j := range loose {
		if j.done() || j.link != nil {
			continue
		}
		switch {
		case j.making != nil:
		case j.entry.Convert:
			j.fail("not-convertible", fmt.Sprintf("mapping %s makes nothing from a %s", d.m.Name(), d.m.Side(j.side).Name))
		default:
			j.leave(j.recs[j.side])
		}
	}
	return nil
}

// wasSent reports whether a create for the record may have taken effect.
func (j *job) wasSent() bool { return wasSent(j.intents) }

func wasSent(intents []*state.Intent) bool {
	for _, i := range intents {
		if i.Kind == state.IntentRecord && !i.Sent.IsZero() {
			return true
		}
	}
	return false
}

// leave lets a record alone until it has another version.
func (j *job) leave(rec *connectors.Record) {
	j.ended = true
	if rec != nil {
		j.known, j.setKnown = rec.Version, rec.Version != ""
	}
}

// wish asks whether a record is to have a counterpart made.
func (d *drain) wish(j *job) {
	target := j.side.Other()
	c := d.m.Create(target)
	if c == nil {
		return
	}
	rec := j.recs[j.side]
	wanted := j.entry.Convert || len(j.intents) > 0
	if !wanted && c.HasWhen() {
		yes, err := c.When(rec)
		if err != nil {
			j.fail("condition", err.Error())
			return
		}
		wanted = yes
	}
	if b := c.Button(); b != nil && b.Field != "" && d.link != nil && !wanted && (!d.plan || d.foresee) {
		ref := d.m.ref(j.side, j.entry.Record)
		v, presence := rec.Get(b.Field)
		if address := d.link(d.m.Name(), ref); presence == connectors.Present && v.String() != address {
			j.button = address
		}
	}
	if wanted {
		j.making = &making{to: target, create: c}
	}
}

// match looks for existing counterparts by the mapping's match rules.
func (d *drain) match(ctx context.Context, loose []*job) error {
	d.taken = [2]map[string]bool{{}, {}}
	for _, rule := range d.m.Match() {
		for side := range mapping.SideID(2) {
			var asking []*job
			var values []connectors.Value
			for _, j := range loose {
				if j.side != side || j.done() || j.link != nil || j.wasSent() {
					continue // what a lost create made is found by its key
				}
				v, presence := rule.Value(side, j.recs[side])
				if presence != connectors.Present || v.IsNull() || v.String() == "" {
					continue
				}
				out, outcome, err := rule.Convert(side.Other(), v)
				if err != nil || outcome != mapping.Write || out.IsNull() {
					continue
				}
				asking, values = append(asking, j), append(values, out)
			}
			if len(asking) == 0 {
				continue
			}
			if err := d.matchBy(ctx, rule, side.Other(), asking, values); err != nil {
				return err
			}
		}
	}
	return nil
}

// matchBy asks one side for the values of some jobs.
func (d *drain) matchBy(ctx context.Context, rule mapping.MatchRule, target mapping.SideID, jobs []*job, values []connectors.Value) error {
	c := d.m.sides[target]
	found := make([][]string, len(values))
	switch {
	case rule.ByID[target]:
		for i, v := range values {
			found[i] = []string{v.String()}
		}
	case c.can.Finder == nil:
		return nil
	default:
		var err error
		found, err = c.can.Finder.Find(ctx, d.m.selection(target), rule.Fields[target], values, 3)
		d.note(c, err)
		if d.blameAll(jobs, err) {
			return nil
		}
	}
	var candidates []*job
	var ids []string
	for i, j := range jobs {
		if d.plan {
			j.sought = append(j.sought, sought{field: rule.Fields[target], value: values[i], found: found[i]})
		}
		switch len(found[i]) {
		case 0:
		case 1:
			candidates, ids = append(candidates, j), append(ids, found[i][0])
		default:
			j.fail("ambiguous-match", fmt.Sprintf("%s %s: %s each hold %s = %q; link the right one by hand",
				c.name, d.m.Side(target).Object, strings.Join(found[i], ", "), rule.Fields[target], values[i]))
			j.candidates = d.candidates(target, found[i])
		}
	}
	if len(candidates) == 0 {
		return nil
	}
	results, err := d.fetch(ctx, target, ids)
	var rivals [][]string
	if err == nil {
		rivals, err = d.rivals(ctx, rule, target, candidates)
	}
	if d.blameAll(candidates, err) {
		return nil
	}
	return d.store.View(ctx, func(tx state.Tx) error {
		for i, j := range candidates {
			if len(rivals[i]) > 1 {
				j.fail("ambiguous-match", fmt.Sprintf("%s %s each match %s by %s; link the right one by hand",
					d.m.Side(j.side).Object, strings.Join(rivals[i], ", "), d.m.ref(target, ids[i]), rule.Fields[target]))
				j.candidates = d.candidates(target, ids[i:i+1])
				continue
			}
			if err := d.adopt(tx, j, rule, target, results[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// blameAll ends jobs whose call failed as a whole, and reports whether it did.
func (d *drain) blameAll(jobs []*job, err error) bool {
	if err == nil {
		return false
	}
	for _, j := range jobs {
		d.blame(j, err)
	}
	return true
}

// rivals asks the jobs' own side who else holds the value that a candidate was
// found by.
func (d *drain) rivals(ctx context.Context, rule mapping.MatchRule, target mapping.SideID, jobs []*job) ([][]string, error) {
	side := target.Other()
	c := d.m.sides[side]
	if rule.ByID[side] || c.can.Finder == nil {
		return make([][]string, len(jobs)), nil
	}
	values := make([]connectors.Value, len(jobs))
	for i, j := range jobs {
		values[i], _ = rule.Value(side, j.recs[side])
	}
	found, err := c.can.Finder.Find(ctx, d.m.selection(side), rule.Fields[side], values, 3)
	d.note(c, err)
	if err == nil && len(found) != len(jobs) {
		err = fmt.Errorf("%s answered %d results for %d values", c.name, len(found), len(jobs))
	}
	return found, err
}

// holds reports whether a record holds what the rule makes of the other's value.
func holds(rule mapping.MatchRule, target mapping.SideID, rec, other *connectors.Record) bool {
	v, presence := rule.Value(target, rec)
	mine, _ := rule.Value(target.Other(), other)
	want, _, err := rule.Convert(target, mine)
	return err == nil && presence == connectors.Present && same(want, v)
}

func isLinked(tx state.Tx, m *worked, side mapping.SideID, id string) (bool, error) {
	_, err := tx.LinkOf(m.Name(), uint8(side), id)
	if errors.Is(err, state.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// adopt links a job to a candidate that really holds the value: a search may
// be old.
func (d *drain) adopt(tx state.Tx, j *job, rule mapping.MatchRule, target mapping.SideID, res connectors.ReadResult) error {
	rec := res.Record
	if rec == nil || rec.State != connectors.Live || !rec.InScope {
		return nil // gone since the search
	}
	if !holds(rule, target, rec, j.recs[j.side]) {
		return nil
	}
	id := rec.Ref.ID
	linked, err := isLinked(tx, d.m, target, id)
	if err != nil {
		return err
	}
	if !linked {
		intents, err := tx.IntentsOf(d.m.Name(), uint8(target), id)
		if err != nil {
			return err
		}
		if wasSent(intents) {
			j.later(d.now.Add(d.limits.RetryMin), "finding", "the record may be the one that is being made for "+rec.Ref.String())
			return nil
		}
	}
	if linked || d.taken[target][id] {
		if d.taken[target][id] || d.taken[j.side][j.entry.Record] {
			j.outcome = outcome{kind: outcomeAgain}
			return nil
		}
		j.fail("ambiguous-match", fmt.Sprintf("%s matches by %s, but it is linked to another %s already",
			rec.Ref, rule.Fields[target], d.m.Side(j.side).Name))
		return nil
	}
	d.taken[target][id], d.taken[j.side][j.entry.Record] = true, true
	j.newLink(d, id)
	j.recs[target] = rec
	j.making, j.button = nil, ""
	j.rule = fmt.Sprintf("%s.%s = %s.%s", d.m.Side(j.side).Name, rule.Fields[j.side], d.m.Side(target).Name, rule.Fields[target])
	j.event("linked", uint8(target), fmt.Sprintf("found by %s", rule.Fields[target]))
	return nil
}

// newLink gives a loose job a link that is not stored yet.
func (j *job) newLink(d *drain, other string) {
	l := &state.Link{Mapping: d.m.Name(), Created: d.now}
	l.Ends[j.side].ID, l.Ends[j.side.Other()].ID = j.entry.Record, other
	j.link, j.touched = l, true
}
