package engine

import (
	"fmt"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// changesOf tells what a sync would do about a job; nothing: it would leave it
// alone.
func (d *drain) changesOf(j *job) []PlanChange {
	c := changing{d: d, j: j, base: PlanChange{Records: [2]connectors.Ref{}}}
	ids := j.ids()
	for side := range mapping.SideID(2) {
		c.base.Records[side] = d.m.ref(side, ids[side])
		if rec := j.recs[side]; rec != nil {
			c.base.Versions[side] = rec.Version
			c.base.Title = firstText(c.base.Title, titleOf(rec))
		}
	}
	c.tell()
	return c.out
}

// changing collects the changes of one job.
type changing struct {
	d    *drain
	j    *job
	base PlanChange
	out  []PlanChange
}

func (c *changing) add(action string, to mapping.SideID) *PlanChange {
	change := c.base
	change.Action, change.To = action, c.d.m.Side(to).Name
	c.out = append(c.out, change)
	return &c.out[len(c.out)-1]
}

func (c *changing) tell() {
	j := c.j
	switch {
	case j.done():
		c.undecided()
		return
	case j.making != nil && j.link == nil:
		c.create()
		return
	case j.removal != nil:
		action := PlanArchive
		if j.removal.policy == mapping.DeleteOther {
			action = PlanDelete
		}
		c.gone(action, j.removal.gone.Other(), j.removal.gone, c.d.limits.DeleteWait)
		return
	case j.removed:
		c.gone(PlanRecreate, c.goneSide(), c.goneSide(), 0)
		return
	case j.ended && j.link != nil && j.link.Status == state.LinkEnded && j.touched:
		c.gone(PlanUnlink, c.goneSide().Other(), c.goneSide(), 0)
		return
	case j.link != nil && j.link.ID == 0:
		link := c.add(PlanLink, j.side.Other())
		link.Rule, link.Reason = j.rule, "both hold the same"
		if j.rule == "" {
			link.Reason = "by hand"
		}
	}
	if j.button != "" && j.link == nil {
		field := c.d.m.Create(j.side.Other()).Button().Field
		before, _ := j.recs[j.side].Get(field)
		offer := c.add(PlanOffer, j.side)
		offer.Fields = []PlanField{{
			Name: field, Field: field, Before: before.String(), After: j.button, Why: "the button's address",
			Prints: c.d.prints(before, connectors.Text(j.button)),
		}}
	}
	for _, a := range j.putAsides { // the record as a whole
		if a.Rule == recordRule {
			c.aside(PlanConflict, a)
		}
	}
	c.writes()
	c.asides()
	for to, ids := range j.foreseen.comments {
		if len(ids) > 0 {
			comment := c.add(PlanComment, mapping.SideID(to))
			comment.Comments, comment.Reason = ids, plural(len(ids), "comment")
		}
	}
	for to, files := range j.foreseen.files {
		if len(files) > 0 {
			attach := c.add(PlanAttach, mapping.SideID(to))
			attach.Files, attach.Reason = files, filesReason(files)
		}
	}
}

// undecided tells of a job that ended before it came to a decision.
func (c *changing) undecided() {
	action := PlanWait
	if c.j.outcome.kind == outcomeFail {
		action = PlanFailed
		if c.j.outcome.code == "ambiguous-match" {
			action = PlanAmbiguous
		}
	}
	change := c.add(action, c.j.side)
	change.Code, change.Reason = c.j.outcome.code, c.j.outcome.reason
	if change.Reason == "" && len(c.j.events) > 0 {
		change.Reason = c.j.events[len(c.j.events)-1].Detail
	}
	change.Candidates = c.j.candidates
}

func (c *changing) create() {
	j := c.j
	if j.making.orphan {
		c.add(PlanWait, j.making.to).Reason = "the record is gone; what was made of it is looked for"
		return
	}
	if id := j.foreseen.found; id != "" {
		link := c.add(PlanLink, j.making.to)
		link.Records[j.making.to] = c.d.m.ref(j.making.to, id)
		link.Reason = "it was made from this record before, as its key tells"
		return
	}
	change := c.add(PlanCreate, j.making.to)
	change.Fields, change.Tasks = j.foreseen.fields, j.foreseen.tasks
	for _, r := range c.d.m.Rules() {
		if !r.Flow().To(j.making.to) && r.Flow().To(j.side) {
			change.Back = append(change.Back, firstText(r.Label(j.side), r.Field(j.side)))
		}
	}
	if j.entry.Convert {
		change.Reason = "the button was pressed"
	}
	for _, lack := range j.foreseen.left {
		aside := c.add(PlanAside, j.making.to)
		aside.Rule, aside.Code, aside.Reason = lack.Field, lack.Code, lack.Reason
	}
}

// goneSide returns the side whose record is not there any more.
func (c *changing) goneSide() mapping.SideID {
	if rec := c.j.recs[mapping.Left]; rec != nil && rec.State != connectors.Live {
		return mapping.Left
	}
	return mapping.Right
}

// gone tells what follows from a record that is not there any more.
func (c *changing) gone(action string, to, gone mapping.SideID, wait time.Duration) {
	change := c.add(action, to)
	state := connectors.Deleted.String()
	if rec := c.j.recs[gone]; rec != nil {
		state = rec.State.String()
	}
	change.Reason = fmt.Sprintf("the %s is %s", c.d.m.Side(gone).Name, state)
	if c.j.errs[gone] != nil {
		change.Reason = fmt.Sprintf("the %s is not there any more; it is looked for again after %s first", c.d.m.Side(gone).Name, inWords(c.d.limits.Missing))
	}
	if wait > 0 {
		change.Reason += fmt.Sprintf("; this follows %s later", inWords(wait))
	}
}

// writes tells the field writes of a link.
func (c *changing) writes() {
	for to := range mapping.SideID(2) {
		var fresh, again []PlanField
		for i := range c.j.verdicts {
			v := &c.j.verdicts[i]
			w := v.writes[to]
			if w == nil {
				continue
			}
			f := PlanField{
				Name: v.rule.Name(), Field: v.rule.Field(to), Before: w.replaced.String(), After: w.value.String(), Why: w.why,
				Rule: v.rule.ID(), Prints: c.d.prints(w.replaced, w.value),
			}
			if a := v.comparison.aside; a != nil && a.Kind == state.AsideRefused && a.Prints == v.prints && mapping.SideID(a.To) == to {
				f.Why += "; refused before: " + a.Reason
				again = append(again, f)
				continue
			}
			fresh = append(fresh, f)
		}
		if len(fresh) > 0 {
			c.add(PlanUpdate, to).Fields = fresh
		}
		if len(again) > 0 {
			c.add(PlanRepeat, to).Fields = again
		}
	}
}

// asides tells the fields that will be held back and were not before.
func (c *changing) asides() {
	for i := range c.j.verdicts {
		v := &c.j.verdicts[i]
		if v.aside == nil || sameAside(c.j.asides[v.rule.ID()], v.aside) {
			continue
		}
		action := PlanAside
		if v.aside.Kind == state.AsideConflict {
			action = PlanConflict
		}
		change := c.aside(action, v.aside)
		if action == PlanConflict {
			change.Fields = []PlanField{{
				Name: v.rule.Name(), Before: v.values[0].String(), After: v.values[1].String(), Why: "both sides changed it",
				Rule: v.rule.ID(), Prints: c.d.prints(v.values[0], v.values[1]),
			}}
		}
	}
}

func (c *changing) aside(action string, a *state.Aside) *PlanChange {
	change := c.add(action, mapping.SideID(a.To))
	change.Rule, change.Code, change.Reason = a.Name, a.Code, a.Reason
	return change
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// lackKey is what lacks are told together by.
type lackKey struct{ field, to, code, reason string }

// lacking reports whether a reason code says that something has no counterpart,
// or is not within reach.
func lacking(code string) bool {
	return code == "unmatched" || code == "cannot-convert" || code == "refused"
}
