package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// comparison is one rule of one link: what both sides hold, against what each
// held when they last agreed.
type comparison struct {
	rule    *mapping.Rule
	field   state.Field // as stored; Rule is set
	aside   *state.Aside
	values  [2]connectors.Value
	prints  [2]state.Print
	changed [2]bool
	known   bool // both sides have a baseline
}

// fieldWrite is a value on its way to one side.
type fieldWrite struct {
	value    connectors.Value    // the whole value
	edit     *connectors.SetEdit // the same as an edit, for sets
	replaced connectors.Value
	why      string
}

// verdict is what becomes of one rule.
type verdict struct {
	comparison
	writes [2]*fieldWrite
	// next is the baseline when nothing is left to write, or what a write
	// carries: the side that is written to is set from what was read back.
	next  state.Field
	aside *state.Aside // the field is held back
	drop  bool         // a stored aside is settled
	event *state.EventField
	lost  *lostAnswer // a write before this one
	// conflict says that both sides had changed; lost is the value that gave way.
	conflict bool
	// putBack says that a person's edit, covered by our write, was written again.
	putBack bool
	// restored is the last write that put an edit back; it may have covered one
	// itself.
	restored *fieldWrite
	// ours is what our own write left behind, where somebody edited it since.
	ours       *connectors.Value
	heldValues *[2]connectors.Value // what an aside shows, where not the values read
	again      bool                 // the other direction is to be written next
	skip       bool                 // a side did not tell its value: everything stays
}

// translate converts a value for one side, people looked up.
type translate func(r *mapping.Rule, to mapping.SideID, v connectors.Value) (connectors.Value, mapping.Outcome, error)

// merger decides fields of one link. It does no I/O.
type merger struct {
	m         *worked
	link      *state.Link
	print     Printer
	translate translate
	edited    func(side mapping.SideID, field string) time.Time // when a side's value was last edited
	typed     func(choice string) *typed                        // reads a chosen value; nil where it cannot be
	now       time.Time
	retry     bool // try refused values again
	// applied tells, for noted writes, whether the system's history shows them;
	// nil where it keeps none.
	applied map[uint32]bool
	// covered are people's edits that a noted write covered, by rule.
	covered map[uint32]coveredEdit
}

// same reports whether a converted value is what the side holds.
func same(a, b connectors.Value) bool {
	if a.Type() == connectors.TypePerson && b.Type() == connectors.TypePerson {
		p, q := a.Person(), b.Person()
		if p.ID != "" && q.ID != "" {
			return p.ID == q.ID
		}
		return p.Email != "" && p.Email == q.Email
	}
	return connectors.Equal(a, b)
}

// agree reports whether the two values say the same under the rule.
func (g *merger) agree(c *comparison) bool {
	for to := range mapping.SideID(2) {
		if !c.rule.Flow().To(to) {
			continue
		}
		v, outcome, err := g.translate(c.rule, to, c.values[to.Other()])
		if err == nil && outcome == mapping.Write && same(v, c.values[to]) {
			return true
		}
	}
	return false
}

// compare fills in a comparison for values that both sides told.
func (g *merger) compare(r *mapping.Rule, f state.Field, values [2]connectors.Value) comparison {
	c := comparison{rule: r, field: f, values: values, known: f.Known[0] && f.Known[1]}
	for s, v := range values {
		c.prints[s] = g.print.Print(v)
		c.changed[s] = !f.Known[s] || f.Base[s] != c.prints[s]
	}
	return c
}

// settle resolves a write that was about to be sent when the service stopped.
func (g *merger) settle(c *comparison) {
	p := c.field.Pending
	if p == nil {
		return
	}
	to := mapping.SideID(p.To)
	now := c.prints[to]
	applied, told := g.applied[c.rule.ID()]
	switch {
	case told && applied && now != p.Target && !g.ours(c, p):
		// It took effect, and somebody edited the field since.
		c.field.Base[to], c.field.Base[to.Other()] = p.Target, p.Source
		c.field.Known = [2]bool{true, true}
	case c.field.Known[to] && now == c.field.Base[to]:
		// It did not take effect.
	case now == p.Target || g.ours(c, p):
		c.field.Base[to], c.field.Base[to.Other()] = now, p.Source
		c.field.Known = [2]bool{true, true}
	}
	c.field.Pending = nil
	c.known = c.field.Known[0] && c.field.Known[1]
	for s := range c.changed {
		c.changed[s] = !c.field.Known[s] || c.field.Base[s] != c.prints[s]
	}
}

// ours reports whether a side holds what its system made of the value that was
// sent, so that the write took effect.
func (g *merger) ours(c *comparison, p *state.Pending) bool {
	to := mapping.SideID(p.To)
	if c.prints[to.Other()] != p.Source || c.prints[to] == p.Read {
		return false
	}
	sent, outcome, err := g.translate(c.rule, to, c.values[to.Other()])
	return err == nil && outcome == mapping.Write && g.print.Print(sent) == p.Target && madeOf(c.values[to], sent)
}

// scalar decides a rule whose values are taken as a whole.
func (g *merger) scalar(c comparison) verdict {
	noted := c.field
	pending := noted.Pending
	g.settle(&c)
	v := verdict{comparison: c, next: c.field}
	v.drop = c.aside != nil
	if pending != nil && c.known && c.field.Base[pending.To^1] == pending.Source && c.field.Base != noted.Base {
		v.confirm(pending, c.field.Base[pending.To])
	}
	if e, ok := g.covered[c.rule.ID()]; ok && pending != nil && (c.prints[pending.To] == pending.Target || same(e.ours, c.values[pending.To])) {
		if restored, ok := g.uncover(v, noted, e.theirs); ok {
			return restored
		}
	}
	switch {
	case c.aside != nil && c.aside.Kind == state.AsideConflict && c.aside.Choice != "":
		return g.chosen(v)
	case !c.known:
		return g.start(v)
	case c.aside != nil && c.aside.Kind == state.AsideConflict:
		// It stands until both sides agree or a person chose, even where one
		// side went back to what it held: that was an edit too.
		if g.agree(&c) {
			return g.settled(v, "both sides say the same")
		}
		return g.conflict(v)
	case !c.changed[0] && !c.changed[1]:
		return v
	case c.changed[0] && c.changed[1]:
		if g.agree(&c) {
			return g.settled(v, "both sides say the same")
		}
		return g.conflict(v)
	}
	side := mapping.Left
	if c.changed[1] {
		side = mapping.Right
	}
	if c.rule.Flow().To(side.Other()) {
		return g.carry(v, side.Other(), g.m.Side(side).Name+" changed")
	}
	if c.rule.Enforce() {
		return g.carry(v, side, "enforced")
	}
	return g.settled(v, g.m.Side(side).Name+" was edited by hand and stays until its source changes")
}

// settled takes the present values as the agreement.
func (g *merger) settled(v verdict, why string) verdict {
	v.next.Base, v.next.Known = v.prints, [2]bool{true, true}
	v.event = &state.EventField{Rule: v.rule.ID(), Name: v.rule.Name(), Why: why}
	return v
}

// start decides a rule without a baseline.
func (g *merger) start(v verdict) verdict {
	if g.agree(&v.comparison) {
		return g.settled(v, "same at the start")
	}
	switch v.rule.Flow() {
	case mapping.ToRight, mapping.ToLeft:
		to := mapping.Right
		if v.rule.Flow() == mapping.ToLeft {
			to = mapping.Left
		}
		if g.m.FirstSync() == mapping.FirstFillBlanks && (!v.values[to].IsNull() || v.values[to.Other()].IsNull()) {
			return g.settled(v, "first sync: fill blanks")
		}
		return g.carry(v, to, "first sync")
	}
	switch g.m.FirstSync() {
	case mapping.FirstLeftWins:
		return g.carry(v, mapping.Right, "first sync: "+g.m.Side(mapping.Left).Name+" wins")
	case mapping.FirstRightWins:
		return g.carry(v, mapping.Left, "first sync: "+g.m.Side(mapping.Right).Name+" wins")
	case mapping.FirstFillBlanks:
		for to := range mapping.SideID(2) {
			if v.values[to].IsNull() {
				return g.carry(v, to, "first sync: fill blanks")
			}
		}
		return g.conflict(v)
	}
	return g.carry(v, g.newest(&v.comparison).Other(), "first sync: newest")
}

// newest returns the side whose value was edited last; left where the times are
// the same or not known.
func (g *merger) newest(c *comparison) mapping.SideID {
	l := g.edited(mapping.Left, c.rule.Field(mapping.Left))
	r := g.edited(mapping.Right, c.rule.Field(mapping.Right))
	if r.After(l) {
		return mapping.Right
	}
	return mapping.Left
}

// conflict decides a rule that both sides changed differently.
func (g *merger) conflict(v verdict) verdict {
	v.conflict = true
	switch v.rule.Flow() {
	case mapping.ToRight:
		return g.carry(v, mapping.Right, "conflict: "+g.m.Side(mapping.Left).Name+" is the source")
	case mapping.ToLeft:
		return g.carry(v, mapping.Left, "conflict: "+g.m.Side(mapping.Right).Name+" is the source")
	}
	switch v.rule.Conflict() {
	case mapping.LeftWins:
		return g.carry(v, mapping.Right, "conflict: "+g.m.Side(mapping.Left).Name+" wins")
	case mapping.RightWins:
		return g.carry(v, mapping.Left, "conflict: "+g.m.Side(mapping.Right).Name+" wins")
	case mapping.Newest:
		winner := g.newest(&v.comparison)
		return g.carry(v, winner.Other(), "conflict: newest, "+g.m.Side(winner).Name+" was edited last")
	}
	v.aside = g.hold(v, state.AsideConflict, 0, "conflict", fmt.Sprintf("%s and %s both changed it; a person chooses",
		g.m.Side(mapping.Left).Name, g.m.Side(mapping.Right).Name))
	v.drop = false
	return v
}

// carry takes the other side's value to one side.
func (g *merger) carry(v verdict, to mapping.SideID, why string) verdict {
	from := to.Other()
	if a := v.comparison.aside; a != nil && !g.retry && a.Choice == "" && mapping.SideID(a.To) == to && a.Prints == v.prints &&
		(a.Kind == state.AsideRefused || a.Kind == state.AsideUnmatched) {
		v.drop = false
		return v
	}
	value, outcome, err := g.translate(v.rule, to, v.values[from])
	switch {
	case err != nil:
		kind, code := asideFor(err)
		v.aside, v.drop = g.hold(v, kind, to, code, err.Error()), false
		return v
	case outcome == mapping.Leave:
		return g.settled(v, why+"; the table leaves this value alone")
	case same(value, v.values[to]):
		return g.settled(v, why)
	}
	v.writes[to] = &fieldWrite{value: value, replaced: v.values[to], why: why}
	v.next.Base[from], v.next.Known[from] = v.prints[from], true
	v.next.Pending = &state.Pending{
		To: uint8(to), Source: v.prints[from], Target: g.print.Print(value), Read: v.prints[to],
	}
	return v
}

// asideFor returns how a value that cannot be converted is held back.
func asideFor(err error) (state.AsideKind, string) {
	if _, ok := errors.AsType[*unmatchedError](err); ok {
		return state.AsideUnmatched, "unmatched"
	}
	return state.AsideRefused, "cannot-convert"
}

// hold makes the aside of a field that is held back.
func (g *merger) hold(v verdict, kind state.AsideKind, to mapping.SideID, code, reason string) *state.Aside {
	since := g.now
	if old := v.comparison.aside; old != nil && old.Kind == kind && old.Prints == v.prints {
		since = old.Since
	}
	return &state.Aside{
		Link: g.link.ID, Rule: v.rule.ID(), Mapping: g.m.Name(), Name: v.rule.Name(), Kind: kind,
		Since: since, To: uint8(to), Prints: v.prints, Code: code, Reason: reason,
	}
}

// uncover decides about an edit that a write covered which was noted before the
// service died: where the edit wins, it is put back.
func (g *merger) uncover(v verdict, noted state.Field, e connectors.FieldEdit) (verdict, bool) {
	to := mapping.SideID(noted.Pending.To)
	if !v.rule.Flow().To(to.Other()) || v.changed[to.Other()] || same(e.Value, v.values[to]) {
		return v, false
	}
	switch policy := v.rule.Conflict(); {
	case policy == mapping.LeftWins && to == mapping.Right, policy == mapping.RightWins && to == mapping.Left:
		v.event = &state.EventField{Rule: v.rule.ID(), Name: v.rule.Name(), Why: "conflict: an edit meanwhile was replaced by policy"}
		v.conflict = true
		return v, true
	case policy == mapping.Ask:
		held := v
		held.values[to] = e.Value
		v.aside = g.hold(held, state.AsideConflict, to, "conflict", "an edit was made while the field was being written; a person chooses")
		v.heldValues, v.drop, v.conflict = &held.values, false, true
		return v, true
	}
	ours := v.values[to]
	v.conflict, v.putBack, v.ours = true, true, &ours
	v.writes[to] = &fieldWrite{value: e.Value, replaced: ours, why: "conflict: an edit made meanwhile is put back"}
	v.comparison.field, v.next.Pending = noted, noted.Pending
	return v, true
}
