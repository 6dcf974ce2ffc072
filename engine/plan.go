package engine

import (
	"context"
	"fmt"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// Plan reads everything in a mapping's scope and tells what a run would do. It
// writes nothing, neither to a system nor to the state.
func (e *Engine) Plan(ctx context.Context, name string, progress func(SyncProgress)) (*Plan, error) {
	m, err := e.mapping(name)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	ctx = connectors.WithPriority(ctx, connectors.PriorityBackfill)
	p := &Plan{Mapping: name, Counts: map[string]int{}}
	told := SyncProgress{Mapping: name}
	done := planned{links: map[uint64]bool{}, matched: [2]map[string]bool{{}, {}}}
	for side := range mapping.SideID(2) {
		cursor := ""
		sel := m.selection(side)
		sel.Fields = nil
		seen := map[string]bool{}
		for {
			page, err := m.sides[side].Changes(ctx, sel, cursor)
			if err != nil {
				return nil, err
			}
			var ids []string
			for _, c := range page.Changes {
				if !seen[c.ID] {
					seen[c.ID] = true
					ids = append(ids, c.ID)
				}
			}
			for len(ids) > 0 {
				n := min(len(ids), e.limits.Batch)
				if err := e.planBatch(ctx, m, side, ids[:n], done, p); err != nil {
					return nil, err
				}
				ids = ids[n:]
			}
			told.Listed, told.Done = told.Listed+len(page.Changes), p.Read
			if progress != nil {
				progress(told)
			}
			if !page.More {
				break
			}
			if page.Next == cursor {
				return nil, fmt.Errorf("engine: %s lists the same page again and again", m.sides[side].name)
			}
			cursor = page.Next
		}
	}
	return p, nil
}

// planned is what a plan has told already: links, and records that a match
// would link.
type planned struct {
	links   map[uint64]bool
	matched [2]map[string]bool
}

// planBatch decides about some records of one side.
func (e *Engine) planBatch(ctx context.Context, m *worked, side mapping.SideID, ids []string, done planned, p *Plan) error {
	d := &drain{Engine: e, m: m, now: e.clock.Now(), guard: &guard{}, plan: true}
	err := e.store.View(ctx, func(tx state.Tx) error {
		d.jobs = nil
		for _, id := range ids {
			if done.matched[side][id] {
				continue
			}
			entry := &state.Entry{Subject: state.Subject{Mapping: m.Name(), Side: uint8(side), Record: id}, Sides: 3, Source: "plan"}
			j, err := loadJob(tx, entry)
			if err != nil {
				return err
			}
			if j.link != nil && done.links[j.link.ID] {
				continue
			}
			if j.link != nil {
				done.links[j.link.ID] = true
				j.link = cloneLink(j.link)
			}
			d.jobs = append(d.jobs, j)
		}
		return nil
	})
	if err != nil || len(d.jobs) == 0 {
		return err
	}
	if err := d.decide(ctx); err != nil {
		return err
	}
	p.Read += len(d.jobs)
	for _, j := range d.jobs {
		e.planJob(d, j, p)
		if j.link != nil && j.link.ID == 0 {
			for s, end := range j.link.Ends {
				done.matched[s][end.ID] = true
			}
		}
	}
	return nil
}

func cloneLink(l *state.Link) *state.Link {
	c := *l
	c.Fields = append([]state.Field(nil), l.Fields...)
	return &c
}

// planJob tells what a run would do about one record.
func (e *Engine) planJob(d *drain, j *job, p *Plan) {
	change := PlanChange{}
	ids := j.ids()
	for side := range mapping.SideID(2) {
		change.Records[side] = d.m.ref(side, ids[side])
		if rec := j.recs[side]; rec != nil && change.Title == "" {
			change.Title = firstText(rec.Title, rec.Key)
		}
	}
	add := func(action string, to mapping.SideID, reason string, fields []PlanField) {
		c := change
		c.Action, c.To, c.Reason, c.Fields = action, d.m.Side(to).Name, reason, fields
		p.Counts[action]++
		p.Changes = append(p.Changes, c)
	}
	switch {
	case j.done():
		add("failed", j.side, j.outcome.reason, nil)
		return
	case j.making != nil && j.link == nil:
		var fields []PlanField
		for _, r := range d.m.Rules() {
			if !r.Flow().To(j.making.to) {
				continue
			}
			v, presence, err := r.Value(j.side, j.recs[j.side])
			if err != nil || presence != connectors.Present || v.IsNull() {
				continue
			}
			fields = append(fields, PlanField{Name: r.Name(), After: v.String(), Why: "created with it"})
		}
		add("create", j.making.to, "", fields)
		return
	case j.removal != nil:
		add(j.removal.policy.String(), j.removal.gone.Other(), "the other record is gone", nil)
		return
	case j.link != nil && j.link.ID == 0:
		add("link", j.side.Other(), "matched", nil)
	}
	for to := range mapping.SideID(2) {
		var fields []PlanField
		for _, v := range j.verdicts {
			if w := v.writes[to]; w != nil {
				fields = append(fields, PlanField{Name: v.rule.Name(), Before: w.replaced.String(), After: w.value.String(), Why: w.why})
			}
		}
		if len(fields) > 0 {
			add("update", to, "", fields)
		}
	}
	for _, v := range j.verdicts {
		if v.aside == nil {
			continue
		}
		action := "set aside"
		if v.aside.Kind == state.AsideConflict {
			action = "conflict"
		}
		add(action, mapping.SideID(v.aside.To), v.rule.Name()+": "+v.aside.Reason, nil)
	}
}
