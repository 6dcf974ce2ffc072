package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// driftAction is the journal's word for a difference that a sweep found and
// left alone, since the policy is to report.
const driftAction = "drift"

// reportDrift tells the journal what the jobs of a sweep would write, and makes
// them write nothing. Their baselines stay, so that the next hint of the record
// repairs it and the next sweep sees it again; it is told once.
func (d *drain) reportDrift(ctx context.Context) error {
	return d.store.View(ctx, func(tx state.Tx) error {
		for _, j := range d.jobs {
			if j.done() || j.entry.Source != sweepSource || j.entry.Convert || len(j.intents) > 0 {
				continue
			}
			detail := d.drift(j)
			if detail == "" {
				continue
			}
			j.verdicts, j.removal, j.making, j.button = nil, nil, nil, ""
			j.putAsides, j.dropAsides, j.events = nil, nil, nil
			j.removed, j.touched, j.ended = false, false, true
			if j.link != nil && j.link.ID == 0 {
				j.link = nil
			}
			if rec := j.recs[j.side]; j.link == nil && rec != nil {
				j.known, j.setKnown = driftAction+" "+rec.Version, true
			}
			told, err := d.toldBefore(tx, j, detail)
			if err != nil {
				return err
			}
			if !told {
				j.event(driftAction, uint8(j.side), detail)
			}
		}
		return nil
	})
}

// drift says in a line what a job would do; "" where it would write nothing to
// a system.
func (d *drain) drift(j *job) string {
	return d.difference(j, (*mapping.Rule).Field)
}

// difference is drift with the fields named as the caller wants.
func (d *drain) difference(j *job, named func(*mapping.Rule, mapping.SideID) string) string {
	var parts []string
	name := func(side mapping.SideID) string { return d.m.Side(side).Name }
	switch {
	case j.making != nil:
		parts = append(parts, "the "+name(j.making.to)+" is missing")
	case j.removal != nil:
		parts = append(parts, "the "+name(j.removal.gone)+" is gone; the "+name(j.removal.gone.Other())+" would be "+j.removal.policy.String()+"d")
	case j.removed:
		parts = append(parts, "a record is gone and would be made again")
	case j.link != nil && j.link.ID == 0:
		parts = append(parts, "the records match and are not linked")
	}
	for side := range mapping.SideID(2) {
		var fields []string
		for i := range j.verdicts {
			if j.verdicts[i].writes[side] != nil {
				fields = append(fields, named(j.verdicts[i].rule, side))
			}
		}
		if len(fields) > 0 {
			slices.Sort(fields)
			parts = append(parts, name(side)+" differs in "+strings.Join(fields, ", "))
		}
	}
	return strings.Join(parts, "; ")
}

// toldBefore reports whether the same drift was told already: by the journal's
// last word about a link, or by the mark of a record that has none.
func (d *drain) toldBefore(tx state.Tx, j *job, detail string) (bool, error) {
	if j.link == nil {
		mark, err := tx.Known(d.m.Name(), uint8(j.side), j.entry.Record)
		return string(mark) == d.m.mark(j.known), err
	}
	events, err := tx.ListJournal(0, 1, state.EventFilter{Link: j.link.ID})
	return len(events) > 0 && events[0].Action == driftAction && events[0].Detail == detail, err
}
