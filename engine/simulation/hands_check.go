package simulation

import (
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// minded looks at each call and effect: what a person paused is left alone.
func (w *world) minded(side int, m memory.Moment) {
	if w.doing != "drain" && w.doing != "poll" && w.doing != "sweep" {
		return
	}
	switch {
	case m.After:
	case w.admin.paused[sideConn[side]]:
		w.breach("%s calls %s while %s is paused", w.doing, m.Call, sideConn[side])
	case w.doing == "drain" && w.admin.paused["pair"] && len(w.maps) == 1:
		w.breach("a drain calls %s while its mapping is paused", m.Call)
	}
}

// personWrote notes that a person wrote a field last.
func (w *world) personWrote(p place) {
	a := w.admin.acts[p]
	a.person = true
	w.admin.acts[p] = a
}

// observe takes in what an update of the service changed.
func (w *world) observe(side int, id string, now map[string]connectors.Value) {
	if len(w.v.Hands) == 0 {
		return
	}
	if side == 0 && w.admin.parted[id] || side == 1 && w.partedEpic(id) {
		if w.doing != "undo" {
			w.breach("%s %s was written, though a person ended its link", sideConn[side], id)
		}
	}
	for _, field := range allFields {
		p := place{side, id, field}
		before, after := w.held[field], now[field]
		if connectors.Equal(before, after) {
			w.coincided(p, after)
			continue
		}
		switch w.doing {
		case "undo":
			w.tookBack(p, before, after)
		case "apply":
			w.admin.effects = append(w.admin.effects, effect{p, before, after})
		}
		w.wrote(p, after)
	}
}

// coincided looks at a field that a write did not change: somebody may have
// entered at that moment just what it carried.
func (w *world) coincided(p place, now connectors.Value) {
	if !w.between || len(w.past.edits) == 0 {
		return
	}
	last := w.past.edits[len(w.past.edits)-1]
	if (place{last.side, last.record, last.field}) != p {
		return
	}
	w.wrote(p, now)
	if pair, ok := w.pairOf(p.side, p.record); ok && w.doing == "undo" {
		w.splitField(p, pair, last.before, now, false)
	}
}

// wrote notes that the service wrote a field last.
func (w *world) wrote(p place, v connectors.Value) {
	a := w.admin.acts[p]
	a.person, a.wrote = false, append(a.wrote, v)
	w.admin.acts[p] = a
}

func (w *world) partedEpic(epic string) bool {
	for deal := range w.admin.parted {
		if l := w.linkOf(deal); l != nil && l.Ends[1].ID == epic {
			return true
		}
	}
	return false
}

// tookBack looks at one field that an undo wrote: no person had written it since
// the service did, and from now on the sides may differ until one is edited.
func (w *world) tookBack(p place, before, after connectors.Value) {
	again := w.admin.touched[p]
	a := w.admin.acts[p]
	// A value that the service wrote once counts as its own, whoever set it again.
	ours := slices.ContainsFunc(a.wrote, func(v connectors.Value) bool { return connectors.Equal(v, before) })
	if pair, ok := w.pairOf(p.side, p.record); ok && (p.field == "owner" || p.field == "stage") {
		// So does one of few values that the other side holds too: a write that
		// was noted and not sent would have left just that.
		ours = ours || connectors.Equal(w.systems[1-p.side].Truth(pair[1-p.side])[p.field], before)
	}
	if !w.between && !again && (len(a.wrote) == 0 || a.person && !ours) {
		w.breach("an undo wrote %s of %s %s over a person's %q", p.field, sideConn[p.side], p.record, before)
	}
	w.admin.touched[p] = true
	pair, ok := w.pairOf(p.side, p.record)
	if !ok {
		return
	}
	w.splitField(p, pair, before, after, again)
	w.admin.decided = slices.DeleteFunc(w.admin.decided, func(d decided) bool { return d.joint == joint{pair, p.field} })
}

// splitField notes what an undo left different, element by element where the
// field is a set.
func (w *world) splitField(p place, pair [2]string, before, after connectors.Value, again bool) {
	other := w.systems[1-p.side].Truth(pair[1-p.side])[p.field]
	if p.field != "labels" {
		w.splitAt(joint{pair, p.field}, p.side, before, after, other, again)
		return
	}
	for _, e := range elements(before, after) {
		if !connectors.Equal(has(before, e), has(after, e)) {
			w.splitAt(joint{pair, "labels/" + e}, p.side, has(before, e), has(after, e), has(other, e), again)
		}
	}
}

// splitAt notes that an undo left a field different on purpose: where both sides
// were in step before, each may keep what it holds. Where they were not, what
// the other side holds is an edit that is still to come over. A field that the
// undo writes once more was edited meanwhile.
func (w *world) splitAt(j joint, side int, before, after, other connectors.Value, again bool) {
	a := &auditor{w: w}
	kept, apart := w.admin.split[j]
	inStep := a.alike(before, other) || apart && connectors.Equal(kept[side], before) && connectors.Equal(kept[1-side], other)
	if !again && apart {
		w.admin.prior[j] = kept
	}
	was, ok := w.admin.prior[j]
	switch {
	case again && ok && connectors.Equal(was[side], after) && connectors.Equal(was[1-side], other):
		// It is as it was before the undo, and might stay so then.
	case again || !inStep && w.between:
		delete(w.admin.split, j)
		return
	case !inStep && !(apart && connectors.Equal(kept[side], before)):
		kept[1-side] = before // that edit may be taken back before anybody looks
	}
	if kept[side] = after; inStep {
		kept[1-side] = other
	}
	w.admin.split[j] = kept
}

// elements returns what is in either of two sets.
func elements(x, y connectors.Value) []string {
	in := map[string]bool{}
	for _, o := range append(slices.Clone(x.Options()), y.Options()...) {
		in[o.ID] = true
	}
	return slices.Sorted(maps.Keys(in))
}

// has tells whether an element is in a set.
func has(v connectors.Value, id string) connectors.Value {
	return connectors.Bool(slices.ContainsFunc(v.Options(), func(o connectors.Option) bool { return o.ID == id }))
}

// pairOf returns the records of a record's link.
func (w *world) pairOf(side int, id string) (pair [2]string, ok bool) {
	_ = w.store.View(w.ctx, func(tx state.Tx) error {
		if l, err := tx.LinkOf("pair", uint8(side), id); err == nil {
			pair, ok = [2]string{l.Ends[0].ID, l.Ends[1].ID}, true
		}
		return nil
	})
	return pair, ok
}

// leftDifferent reports whether both sides hold what they held when the last
// undo of a field ended, with nothing to come over.
func (a *auditor) leftDifferent(pair [2]string, field string, values [2]connectors.Value) bool {
	kept, apart := a.w.admin.split[joint{pair, field}]
	return apart && a.alike(kept[0], values[0]) && a.alike(kept[1], values[1])
}

// leftApart tells which elements of a pair's sets an undo left different.
func (a *auditor) leftApart(l engine.LinkRow, values [2]connectors.Value) func(id string) bool {
	pair := [2]string{l.Records[0].ID, l.Records[1].ID}
	return func(id string) bool {
		return a.leftDifferent(pair, "labels/"+id, [2]connectors.Value{has(values[0], id), has(values[1], id)})
	}
}

// without leaves elements out of a set.
func without(v connectors.Value, out func(id string) bool) connectors.Value {
	return connectors.Choices(slices.DeleteFunc(slices.Clone(v.Options()), func(o connectors.Option) bool { return out(o.ID) })...)
}

// decisions: what a person decided stands on both sides, unless somebody edited
// the field or took the decision back since.
func (a *auditor) decisions(l engine.LinkRow, pair [2]string, truth [2]map[string]connectors.Value, open []string) {
	for _, d := range a.w.admin.decided {
		if d.pair != pair || d.at.Before(l.Created) || a.leftDifferent(pair, d.field, [2]connectors.Value{truth[0][d.field], truth[1][d.field]}) {
			continue
		}
		later := func(e edit) bool { return !e.at.Before(d.at) }
		if slices.ContainsFunc(a.w.past.of(pair, "", d.field), later) {
			continue
		}
		if slices.ContainsFunc(open, func(name string) bool { return strings.HasPrefix(name, d.field) }) {
			a.fault("link %d: %s was decided and is asked about again", l.ID, d.field)
			continue
		}
		for side := range 2 {
			if got := truth[side][d.field]; !a.alike(got, d.want) {
				a.fault("link %d: %s was decided to be %q and is %q on %s", l.ID, d.field, d.want, got, sideConn[side])
			}
		}
	}
}
