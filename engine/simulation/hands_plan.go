package simulation

import (
	"bytes"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// storedPlan is a plan's file, with what the systems held when it was made.
type storedPlan struct {
	file    []byte
	changes []engine.PlanChange
	held    [2]map[string]map[string]connectors.Value
	applied bool
}

// planOrApply makes a plan, or carries one out.
func (w *world) planOrApply() {
	if len(w.admin.plans) == 0 || w.rng.IntN(2) == 0 {
		w.plan()
		return
	}
	p := w.admin.plans[len(w.admin.plans)-1-w.rng.IntN(min(2, len(w.admin.plans)))]
	o := engine.ApplyOptions{SkipStale: w.rng.IntN(2) == 0, By: "ada"}
	edits, writes, ended := len(w.past.edits), w.writes, false
	w.admin.effects = nil
	w.step("apply", func() error {
		res, err := w.eng.Apply(w.ctx, bytes.NewReader(p.file), o)
		if ended = err == nil; err != nil {
			return err
		}
		if res.Refused && (w.writes != writes || o.SkipStale) {
			w.breach("a plan was refused, and written")
		}
		for _, m := range res.Mappings {
			ended = ended && len(m.Left) == 0
			w.log("applied: %d done, %d before, %d stale, %d left, refused: %v", m.Done, m.Before, len(m.Stale), len(m.Left), res.Refused)
		}
		return nil
	})
	if !p.applied && !w.admin.loose && edits == len(w.past.edits) {
		w.checkApplied(p)
	}
	p.applied = true
	w.admin.loose = w.admin.loose || !ended
}

func (w *world) plan() {
	var file bytes.Buffer
	p := &storedPlan{}
	writes := w.writes
	w.step("plan", func() error {
		for side, s := range w.systems {
			p.held[side] = map[string]map[string]connectors.Value{}
			for _, id := range s.IDs("record") {
				p.held[side][id] = s.Truth(id)
			}
		}
		edits := len(w.past.edits)
		plans, err := w.eng.WritePlan(w.ctx, []string{"pair"}, &file, engine.PlanOptions{})
		if err != nil {
			return err
		}
		p.file, p.changes = file.Bytes(), plans[0].Changes
		p.applied = edits != len(w.past.edits)
		w.admin.plans = append(w.admin.plans, p)
		w.log("plan of %d changes", len(p.changes))
		return nil
	})
	if w.writes != writes {
		w.breach("a plan wrote")
	}
}

// checkApplied holds what an apply wrote against what its plan said of pairs
// that were linked then: just these fields, over what they held then, with what
// the other side held then.
func (w *world) checkApplied(p *storedPlan) {
	a := &auditor{w: w}
	planned, linked := map[place]bool{}, map[string]bool{}
	for _, c := range p.changes {
		side := slices.Index([]string{"deal", "epic"}, c.To)
		if side < 0 || c.Action != engine.PlanUpdate {
			continue
		}
		linked[sideConn[0]+c.Records[0].ID], linked[sideConn[1]+c.Records[1].ID] = true, true
		for _, f := range c.Fields {
			planned[place{side, c.Records[side].ID, f.Field}] = true
		}
	}
	for _, c := range p.changes {
		if c.Action != engine.PlanUpdate && c.Action != engine.PlanComment {
			// What follows from a link, a create or a conflict is not foretold.
			delete(linked, sideConn[0]+c.Records[0].ID)
			delete(linked, sideConn[1]+c.Records[1].ID)
		}
	}
	for _, e := range w.admin.effects {
		if !linked[sideConn[e.side]+e.record] || e.field == "labels" {
			continue
		}
		if !planned[e.place] {
			a.fault("apply wrote %s of %s %s, of which its plan says nothing", e.field, sideConn[e.side], e.record)
			continue
		}
		if then := p.held[e.side][e.record][e.field]; !a.alike(then, e.before) {
			a.fault("apply wrote %s of %s %s over %q; when the plan was made it held %q", e.field, sideConn[e.side], e.record, e.before, then)
		}
	}
	for _, text := range a.found {
		w.breach("%s", text)
	}
}
