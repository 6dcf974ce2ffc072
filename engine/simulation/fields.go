package simulation

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// alike compares what two systems hold; one of them may trim texts, and round
// numbers and times.
func (a *auditor) alike(x, y connectors.Value) bool {
	switch {
	case x.Type() != y.Type():
	case x.Type() == connectors.TypeText:
		return strings.TrimSpace(x.Text()) == strings.TrimSpace(y.Text())
	case x.Type() == connectors.TypeNumber && a.w.v.Numbers:
		return whole(x) == whole(y)
	case x.Type() == connectors.TypeInstant && a.w.v.Numbers:
		return x.Time().Truncate(time.Minute).Equal(y.Time().Truncate(time.Minute))
	}
	if p, q := x.Person(), y.Person(); p.ID != "" || q.ID != "" {
		return p.ID == q.ID
	}
	return connectors.Equal(x, y)
}

// whole rounds a number that is not negative.
func whole(v connectors.Value) float64 {
	f, err := strconv.ParseFloat(v.Number(), 64)
	if err != nil {
		panic(err)
	}
	return math.Floor(f + 0.5)
}

// twoWay: both sides hold the value of the last edit, or of an earlier one
// where the journal tells of a conflict.
func (a *auditor) twoWay(l engine.LinkRow, field string, values [2]connectors.Value, edits []edit, journal []engine.EventRow) {
	if !a.alike(values[0], values[1]) {
		a.fault("link %d: %s differs: %q and %q", l.ID, field, values[0], values[1])
		return
	}
	if len(edits) == 0 {
		if !values[0].IsNull() {
			a.fault("link %d: %s = %q, which nobody wrote", l.ID, field, values[0])
		}
		return
	}
	last := edits[len(edits)-1]
	if a.alike(last.after, values[0]) {
		if own := values[last.side]; !last.card && !a.same(last.after, own) && !conflictTold(journal, field, last.at, a.w.slack()) {
			a.fault("link %d: %s was %q where a person left it so, and is %q: what the other side makes of it came back", l.ID, field, last.after, own)
		}
		return
	}
	written := slices.ContainsFunc(edits, func(e edit) bool { return a.alike(e.after, values[0]) || a.alike(e.before, values[0]) })
	if !written && !slices.ContainsFunc(a.w.admin.typed, func(v connectors.Value) bool { return a.alike(v, values[0]) }) {
		a.fault("link %d: %s = %q, which nobody wrote", l.ID, field, values[0])
		return
	}
	if len(a.w.v.Hands) > 0 && a.w.past.twin[l.Records[0].ID] != "" && last.at.Before(l.Created) {
		return // the deal wins the first sync of what was linked by hand
	}
	if coincides(edits, a.alike) {
		return
	}
	if slices.ContainsFunc(undone(edits, a.alike, a.w.v.Second != ""), func(e edit) bool { return a.alike(e.after, values[0]) }) {
		return
	}
	tied := slices.ContainsFunc(edits, func(e edit) bool { return a.alike(e.after, values[0]) && !e.at.Before(last.at) })
	if !a.w.v.Faults && !tied && !strings.Contains(a.w.v.Mapping, "conflict: ask") && !strings.Contains(a.w.v.Mapping, "first_sync: fill") && len(a.w.past.twins) == 0 {
		// Nothing failed or came late: the newest edit wins, unless both were
		// made at the same time.
		a.fault("link %d: the last edit of %s, %q, gave way to an older one, %q", l.ID, field, last.after, values[0])
		return
	}
	if a.w.admin.unseen[l.Records[last.side].String()+" "+field] {
		return // the undo said that it could not see what was edited at that moment
	}
	if !conflictTold(journal, field, last.at, a.w.slack()) {
		a.fault("link %d: the last edit of %s, %q at %s on %s, was lost to %q without a word", l.ID, field, last.after, last.at.Sub(start), sideConn[last.side], values[0])
	}
}

// coincides reports whether the last edit set the very value that the other
// side had been given before: by its value alone it is the service's own copy.
func coincides(edits []edit, alike func(x, y connectors.Value) bool) bool {
	last := edits[len(edits)-1]
	return slices.ContainsFunc(edits[:len(edits)-1], func(e edit) bool {
		return e.elsewhere(last) && alike(e.after, last.after)
	})
}

// undone looks for an edit that put a record back to what it held while others
// were edited: as nobody keeps what lies between two looks, that is no change,
// and the last edit of another record stands. It returns those edits. Where a
// record has two counterparts, what one put back reaches the other as the
// record's own value.
func undone(edits []edit, alike func(x, y connectors.Value) bool, through bool) []edit {
	last := edits[len(edits)-1]
	if !slices.ContainsFunc(edits, func(e edit) bool { return (through || !e.elsewhere(last)) && alike(e.before, last.after) }) {
		return nil
	}
	var stand []edit
	for _, e := range slices.Backward(edits) {
		if e.elsewhere(last) && !slices.ContainsFunc(stand, func(s edit) bool { return !s.elsewhere(e) }) {
			stand = append(stand, e)
		}
	}
	return stand
}

// conflictTold reports whether the journal tells of a conflict about a field,
// not long before an edit or after it.
func conflictTold(journal []engine.EventRow, field string, at time.Time, slack time.Duration) bool {
	for _, ev := range journal {
		if ev.At.Before(at.Add(-time.Minute - slack)) {
			continue
		}
		for _, f := range ev.Fields {
			if strings.HasPrefix(f.Name, field) && (strings.Contains(f.Why, "conflict") || strings.Contains(f.Why, "meanwhile") || strings.Contains(f.Why, "first sync") || strings.Contains(f.Why, "chosen")) {
				return true
			}
		}
	}
	return false
}

// slack is how far the journal's times may lie before the systems'.
func (w *world) slack() time.Duration {
	if w.v.Skew {
		return time.Hour
	}
	return 0
}

// same is alike where nothing is lost on the way.
func (a *auditor) same(x, y connectors.Value) bool {
	if p, q := x.Person(), y.Person(); p.ID != "" || q.ID != "" {
		return p.ID == q.ID
	}
	return connectors.Equal(x, y)
}

// oneWay: the target holds its source's value, unless a person edited the
// target after the source's last change.
func (a *auditor) oneWay(l engine.LinkRow, field string, source int, values [2]connectors.Value, edits []edit) {
	target := 1 - source
	held := connectors.Null
	for _, e := range edits {
		if e.side == source {
			held = e.after
		}
	}
	if !a.alike(held, values[source]) {
		a.fault("link %d: %s: the source holds %q, where people left %q: nothing may flow back", l.ID, field, values[source], held)
	}
	if a.alike(values[0], values[1]) {
		return
	}
	if a.w.past.twin[l.Records[0].ID] != "" && strings.Contains(a.w.v.Mapping, "fill blanks") &&
		slices.ContainsFunc(edits, func(e edit) bool { return e.side == target && a.alike(e.after, values[target]) }) {
		return // what the target held at the start stays until its source changes
	}
	if strings.Contains(a.w.v.Mapping, "enforce: true") && target == 1 {
		a.fault("link %d: %s: the target holds %q, though %q is enforced", l.ID, field, values[target], values[source])
	}
	for i := len(edits) - 1; i >= 0; i-- {
		e := edits[i]
		if e.side == target && a.alike(e.after, values[target]) {
			return
		}
		if e.side == source && !slices.ContainsFunc(edits, func(x edit) bool { return x.side == source && a.alike(x.before, values[source]) }) {
			break // else the source went back to what it held: no change
		}
	}
	a.fault("link %d: %s: the target holds %q, its source %q", l.ID, field, values[target], values[source])
}

// labels: both sides hold the same set, each label was somebody's, and none is
// missing that was added and never taken out.
func (a *auditor) labels(l engine.LinkRow, values [2]connectors.Value, edits []edit, journal []engine.EventRow) {
	apart := a.leftApart(l, values)
	values[0], values[1] = without(values[0], apart), without(values[1], apart)
	if !connectors.Equal(values[0], values[1]) {
		a.fault("link %d: labels differ: %q and %q", l.ID, values[0], values[1])
		return
	}
	has := func(v connectors.Value, id string) bool {
		return slices.ContainsFunc(v.Options(), func(o connectors.Option) bool { return o.ID == id })
	}
	added, removed := map[string]bool{}, map[string]bool{}
	for _, e := range edits {
		for _, o := range e.after.Options() {
			if !has(e.before, o.ID) {
				added[o.ID] = true
			}
		}
		for _, o := range e.before.Options() {
			if !has(e.after, o.ID) {
				removed[o.ID] = true
			}
		}
	}
	for _, o := range values[0].Options() {
		if !added[o.ID] {
			a.fault("link %d: label %q, which nobody added", l.ID, o.ID)
		}
	}
	if (a.w.past.twin[l.Records[0].ID] != "" || a.w.v.Others != nil && conflictTold(journal, "labels", start, 0)) && strings.Contains(a.w.v.Mapping, " wins\n") {
		return // the first sync takes out what the side that loses had of its own
	}
	for id := range added {
		if apart(id) {
			continue
		}
		if !removed[id] && !has(values[0], id) {
			a.fault("link %d: label %q was added and is gone", l.ID, id)
		}
		if removed[id] && has(values[0], id) {
			a.fault("link %d: label %q was taken out and is there", l.ID, id)
		}
	}
	slices.Sort(a.found)
}
