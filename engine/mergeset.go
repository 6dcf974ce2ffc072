package engine

import (
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// elements are the options of one side with their fingerprints.
type elements struct {
	options []connectors.Option
	prints  []state.Print // ascending, as stored
	byPrint map[state.Print]bool
}

func (g *merger) elements(v connectors.Value) elements {
	e := elements{options: v.Options(), byPrint: map[state.Print]bool{}}
	if v.Type() == connectors.TypeOption {
		e.options = []connectors.Option{v.Option()}
	}
	for _, o := range e.options {
		p := g.print.PrintOption(o)
		e.prints = append(e.prints, p)
		e.byPrint[p] = true
	}
	slices.Sort(e.prints)
	return e
}

func contains(set []state.Print, p state.Print) bool {
	_, ok := slices.BinarySearch(set, p)
	return ok
}

// set decides a rule that merges element by element: what was added on one side
// is added on the other, what was taken out is taken out. Elements without a
// counterpart are left alone.
func (g *merger) set(c comparison) verdict {
	sides := [2]elements{g.elements(c.values[0]), g.elements(c.values[1])}
	noted := c.field
	g.settleSet(&c, sides)
	if e, ok := g.covered[c.rule.ID()]; ok && noted.Pending != nil {
		if v, ok := g.uncoverSet(c, noted, sides, e); ok {
			return v
		}
	}
	settled := c.field
	g.join(&c, sides)
	v := verdict{comparison: c, next: c.field}
	v.drop = c.aside != nil
	if p := noted.Pending; p != nil && c.known && slices.Equal(settled.Sets[p.To], p.TargetSet) {
		v.confirm(p, p.Target)
	}
	v.next.Sets = [2][]state.Print{sides[0].prints, sides[1].prints}
	v.next.Base, v.next.Known, v.next.Pending = c.prints, [2]bool{true, true}, nil
	if c.known && slices.Equal(c.field.Sets[0], sides[0].prints) && slices.Equal(c.field.Sets[1], sides[1].prints) {
		return v
	}
	for _, to := range []mapping.SideID{mapping.Right, mapping.Left} {
		if !c.rule.Flow().To(to) || !c.known && g.keepsOnStart(c.rule, to) {
			continue
		}
		edit, err := g.setEdit(&c, sides, to)
		if err != nil {
			v.aside, v.drop = g.hold(v, state.AsideRefused, to, "cannot-convert", err.Error()), false
			v.writes, v.next = [2]*fieldWrite{}, c.field
			return v
		}
		if len(edit.Add)+len(edit.Remove) == 0 {
			continue
		}
		if v.writes[to.Other()] != nil {
			// One side at a time, so that one note tells all that was sent.
			v.again = true
			continue
		}
		if a := c.aside; a != nil && !g.retry && mapping.SideID(a.To) == to && a.Prints == c.prints && a.Kind == state.AsideRefused {
			v.drop, v.next = false, c.field
			return v
		}
		g.writeSet(&v, sides, to, edit)
	}
	return v
}

// join takes what stands on both sides, and was new on either, as agreed:
// whoever takes it out of one side from now on takes it out of both.
func (g *merger) join(c *comparison, sides [2]elements) {
	if !c.known {
		return
	}
	agreed := c.field.Sets
	for to := range mapping.SideID(2) {
		if !c.rule.Flow().To(to) {
			continue
		}
		for _, o := range sides[to.Other()].options {
			t, outcome, err := c.rule.ConvertElement(to, o)
			if err != nil || outcome != mapping.Write {
				continue
			}
			there, here := g.print.PrintOption(o), g.print.PrintOption(t)
			if !sides[to].byPrint[here] {
				continue
			}
			agreed[to.Other()], agreed[to] = with(agreed[to.Other()], there), with(agreed[to], here)
		}
	}
	c.field.Sets = agreed
}

// with returns a sorted set with one more element; the given one stays as it is.
func with(set []state.Print, p state.Print) []state.Print {
	i, ok := slices.BinarySearch(set, p)
	if ok {
		return set
	}
	return slices.Insert(slices.Clone(set), i, p)
}

// writeSet makes an edit the verdict's write. What the edit carries becomes the
// agreement; what else is new on the side stays new.
func (g *merger) writeSet(v *verdict, sides [2]elements, to mapping.SideID, edit connectors.SetEdit) {
	c := &v.comparison
	whole := applyEdit(sides[to].options, edit)
	why := g.m.Side(to.Other()).Name + " changed"
	base := c.field.Sets[to]
	if !c.known {
		why = "first sync"
		base = g.startOf(c, sides, to)
		c.field.Sets[to] = base // so that the note tells what it takes out
	}
	v.writes[to] = &fieldWrite{value: whole, edit: &edit, replaced: c.values[to], why: why}
	v.next.Sets[to] = g.editPrints(base, edit)
	v.next.Pending = &state.Pending{
		To: uint8(to), Source: v.prints[to.Other()], Target: g.print.Print(whole), Read: v.prints[to],
		SourceSet: sides[to.Other()].prints, TargetSet: v.next.Sets[to],
	}
}

// editPrints applies an edit to fingerprints.
func (g *merger) editPrints(base []state.Print, edit connectors.SetEdit) []state.Print {
	out := slices.Clone(base)
	for _, o := range edit.Remove {
		p := g.print.PrintOption(o)
		out = slices.DeleteFunc(out, func(x state.Print) bool { return x == p })
	}
	for _, o := range edit.Add {
		out = append(out, g.print.PrintOption(o))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// startOf returns which elements of a side count as agreed when a link starts:
// those that the other side has too; all of them where nothing flows back.
func (g *merger) startOf(c *comparison, sides [2]elements, to mapping.SideID) []state.Print {
	if !c.rule.Flow().To(to.Other()) || g.keepsOnStart(c.rule, to.Other()) {
		return sides[to].prints
	}
	var agreed []state.Print
	for _, o := range sides[to.Other()].options {
		t, outcome, err := c.rule.ConvertElement(to, o)
		if p := g.print.PrintOption(t); err == nil && outcome == mapping.Write && sides[to].byPrint[p] {
			agreed = append(agreed, p)
		}
	}
	slices.Sort(agreed)
	return slices.Compact(agreed)
}

// uncoverSet puts back what a person changed in a set while a write was under
// way that was noted before the service died. That note stands until it is done.
func (g *merger) uncoverSet(c comparison, noted state.Field, sides [2]elements, e coveredEdit) (verdict, bool) {
	to := mapping.SideID(noted.Pending.To)
	added, removed := e.did(g.print, noted.Pending, noted.Sets[to])
	edit := uncovered(e.theirs.Value, e.ours, c.values[to], added, removed)
	if len(edit.Add)+len(edit.Remove) == 0 {
		return verdict{}, false
	}
	v := verdict{comparison: c, next: c.field, conflict: true, drop: c.aside != nil}
	now := c.values[to]
	v.putBack, v.ours = true, &e.first
	v.writes[to] = &fieldWrite{value: applyEdit(sides[to].options, edit), edit: &edit, replaced: now, why: "elements edited meanwhile are put back"}
	v.comparison.field, v.next.Pending = noted, noted.Pending
	return v, true
}

// noteEdit tells what a noted write added to the agreed elements of a set, and
// what it took out.
func noteEdit(pr Printer, p *state.Pending, base []state.Print) (added, removed func(connectors.Option) bool) {
	added = func(o connectors.Option) bool {
		t := pr.PrintOption(o)
		return contains(p.TargetSet, t) && !contains(base, t)
	}
	removed = func(o connectors.Option) bool {
		t := pr.PrintOption(o)
		return !contains(p.TargetSet, t) && contains(base, t)
	}
	return added, removed
}

// uncovered returns what must be done to a set that holds now, where our own
// write left ours behind and covered an edit to theirs: what that edit added
// and took out, other than what we added and removed ourselves.
func uncovered(theirs, ours, now connectors.Value, added, removed func(connectors.Option) bool) connectors.SetEdit {
	has := func(v connectors.Value, o connectors.Option) bool {
		return slices.ContainsFunc(v.Options(), func(x connectors.Option) bool { return x.ID == o.ID })
	}
	var edit connectors.SetEdit
	for _, o := range theirs.Options() {
		if !has(ours, o) && !has(now, o) && !removed(o) {
			edit.Add = append(edit.Add, o)
		}
	}
	for _, o := range ours.Options() {
		if !has(theirs, o) && has(now, o) && !added(o) {
			edit.Remove = append(edit.Remove, o)
		}
	}
	return edit
}

// keepsOnStart reports whether a side's set is the one that wins when a link
// starts, so that nothing is written to it.
func (g *merger) keepsOnStart(r *mapping.Rule, side mapping.SideID) bool {
	first := g.m.FirstSync()
	return r.Flow() == mapping.Both &&
		(first == mapping.FirstLeftWins && side == mapping.Left || first == mapping.FirstRightWins && side == mapping.Right)
}

// settleSet resolves a set write that was about to be sent when the service
// stopped: it took effect when what it added is there and what it took out is
// gone.
func (g *merger) settleSet(c *comparison, sides [2]elements) {
	p := c.field.Pending
	if p == nil {
		return
	}
	to := mapping.SideID(p.To)
	base, now := c.field.Sets[to], sides[to]
	applied := true
	for _, t := range p.TargetSet {
		if !contains(base, t) && !now.byPrint[t] {
			applied = false
		}
	}
	for _, b := range base {
		if !contains(p.TargetSet, b) && now.byPrint[b] {
			applied = false
		}
	}
	if shown, told := g.applied[c.rule.ID()]; told && shown {
		applied = true
	}
	if applied {
		c.field.Sets[to], c.field.Sets[to.Other()] = p.TargetSet, p.SourceSet
		c.field.Base[to], c.field.Base[to.Other()] = p.Target, p.Source
		c.field.Known, c.known = [2]bool{true, true}, true
	} else if !c.known {
		c.field.Sets[to] = nil // it stood there for the note alone
	}
	c.field.Pending = nil
}

// setEdit returns what must be added to and taken out of one side.
func (g *merger) setEdit(c *comparison, sides [2]elements, to mapping.SideID) (connectors.SetEdit, error) {
	from := to.Other()
	var edit connectors.SetEdit
	wanted := map[string]bool{} // what the other side stands for, in this side's ids
	for _, o := range sides[from].options {
		t, outcome, err := c.rule.ConvertElement(to, o)
		if err != nil {
			return edit, err
		}
		if outcome == mapping.Leave {
			continue
		}
		wanted[t.ID] = true
		if c.known && contains(c.field.Sets[from], g.print.PrintOption(o)) {
			continue // it was there before: if it is gone here, it was taken out here
		}
		if !slices.ContainsFunc(sides[to].options, func(x connectors.Option) bool { return x.ID == t.ID }) {
			edit.Add = append(edit.Add, t)
		}
	}
	for _, o := range sides[to].options {
		if wanted[o.ID] {
			continue
		}
		if g.takenOut(c, sides, to, o) {
			edit.Remove = append(edit.Remove, o)
		}
	}
	if c.known && c.rule.Enforce() && c.rule.Flow() != mapping.Both {
		g.enforceSet(&edit, c, sides, to)
	}
	return edit, nil
}

// takenOut reports whether the counterpart of an element was taken out of the
// other side since both agreed, while this element was there.
func (g *merger) takenOut(c *comparison, sides [2]elements, to mapping.SideID, o connectors.Option) bool {
	from := to.Other()
	if !c.known {
		first := g.m.FirstSync()
		return c.rule.Flow() == mapping.Both &&
			(first == mapping.FirstLeftWins && to == mapping.Right || first == mapping.FirstRightWins && to == mapping.Left) &&
			g.hasCounterpart(c, to, o)
	}
	if !contains(c.field.Sets[to], g.print.PrintOption(o)) {
		return false // added here since
	}
	removed := slices.ContainsFunc(c.field.Sets[from], func(p state.Print) bool { return !sides[from].byPrint[p] })
	if !removed {
		return false
	}
	back, outcome, err := c.rule.ConvertElement(from, o)
	if err != nil || outcome == mapping.Leave {
		return g.removedByForward(c, sides, to, o)
	}
	p := g.print.PrintOption(back)
	return contains(c.field.Sets[from], p) && !sides[from].byPrint[p]
}

func (g *merger) hasCounterpart(c *comparison, to mapping.SideID, o connectors.Option) bool {
	_, outcome, err := c.rule.ConvertElement(to.Other(), o)
	return err == nil && outcome == mapping.Write
}

// removedByForward serves rules that convert one way only: a free label on a
// computed side is the element itself.
func (g *merger) removedByForward(c *comparison, sides [2]elements, to mapping.SideID, o connectors.Option) bool {
	if _, computed := c.rule.Computed(); !computed {
		return false
	}
	p := g.print.PrintOption(o)
	return contains(c.field.Sets[to.Other()], p) && !sides[to.Other()].byPrint[p]
}

// enforceSet restores on the target what the source says and somebody changed.
func (g *merger) enforceSet(edit *connectors.SetEdit, c *comparison, sides [2]elements, to mapping.SideID) {
	for _, o := range sides[to.Other()].options {
		t, outcome, err := c.rule.ConvertElement(to, o)
		if err != nil || outcome == mapping.Leave {
			continue
		}
		has := func(x connectors.Option) bool { return x.ID == t.ID }
		if !slices.ContainsFunc(sides[to].options, has) && !slices.ContainsFunc(edit.Add, has) {
			edit.Add = append(edit.Add, t)
		}
	}
}

func applyEdit(options []connectors.Option, edit connectors.SetEdit) connectors.Value {
	var whole []connectors.Option
	for _, o := range options {
		if !slices.ContainsFunc(edit.Remove, func(x connectors.Option) bool { return x.ID == o.ID }) {
			whole = append(whole, o)
		}
	}
	return connectors.Choices(append(whole, edit.Add...)...)
}
