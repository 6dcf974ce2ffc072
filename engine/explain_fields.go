package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// describeFields tells how each rule of the mapping stands. Records without a
// counterpart have no fields to compare.
func (x *explaining) describeFields(ctx context.Context) {
	j := x.job
	if j == nil {
		j = x.partly
	}
	top := x.gravestOfAll()
	if x.link == nil && (j == nil || j.link == nil) {
		x.describeCreate(top)
		return
	}
	writes := Finding{}
	if x.due() {
		writes = top
	}
	for _, r := range x.m.Rules() {
		f := ExplainedField{
			Rule: r.ID(), Name: r.Name(), Fields: [2]string{r.Field(0), r.Field(1)}, Flow: x.flow(r), Standing: Unknown,
		}
		if j != nil {
			f.fill(r, j)
		}
		if v := x.verdictOf(r); v != nil {
			x.describeVerdict(&f, v, writes)
		} else {
			x.describeUndecided(&f, r, top)
		}
		if shares := x.shares(ctx, r, j); shares != "" {
			f.Why = strings.TrimPrefix(f.Why+"; "+shares, "; ")
		}
		x.out.Fields = append(x.out.Fields, f)
	}
}

// shares tells what each counterpart brings to a field that is rolled up.
func (x *explaining) shares(ctx context.Context, r *mapping.Rule, j *job) string {
	target, ok := r.Rollup()
	if !ok || j == nil || j.link == nil {
		return ""
	}
	var told []string
	if rec := j.recs[target.Other()]; rec != nil {
		if own, p, err := r.Share(rec); err == nil && p == connectors.Present {
			told = append(told, "this one brings "+shown(own))
		}
	}
	err := x.store.View(ctx, func(tx state.Tx) error {
		all, err := loadShares(tx, x.m.sharedField(r, j.link))
		for _, name := range sortedNames(all) {
			if name == x.m.Name() {
				continue
			}
			counts, failed := x.shareCounts(tx, name, all[name], r, x.m)
			if v, ok := x.openShare(all[name]); counts && ok && failed == nil {
				told = append(told, "the one of "+name+" "+shown(v))
			}
		}
		return err
	})
	if err != nil || len(told) == 0 {
		return ""
	}
	return "rolled up: " + strings.Join(told, ", ")
}

func shown(v connectors.Value) string {
	if v.IsNull() {
		return "nothing"
	}
	return v.String()
}

// describeCreate tells what each rule would put into the new record.
func (x *explaining) describeCreate(top Finding) {
	j := x.job
	if j == nil || j.making == nil || j.done() {
		return
	}
	for _, r := range x.m.Rules() {
		f := ExplainedField{
			Rule: r.ID(), Name: r.Name(), Fields: [2]string{r.Field(0), r.Field(1)}, Flow: x.flow(r),
			Standing: top.Standing, Code: top.Code, To: x.name(j.making.to), Why: "carried over when it is made",
		}
		f.fill(r, j)
		for _, p := range j.foreseen.fields {
			if p.Rule == r.ID() {
				f.After = p.After
				x.out.Fields = append(x.out.Fields, f)
			}
		}
	}
}

// flow says which way the values of a rule go.
func (x *explaining) flow(r *mapping.Rule) string {
	switch r.Flow() {
	case mapping.ToRight:
		return x.name(mapping.Left) + " -> " + x.name(mapping.Right)
	case mapping.ToLeft:
		return x.name(mapping.Right) + " -> " + x.name(mapping.Left)
	}
	return "both ways"
}

// fill takes the values as they were read.
func (f *ExplainedField) fill(r *mapping.Rule, j *job) {
	for side := range mapping.SideID(2) {
		if rec := j.recs[side]; rec != nil && rec.State != connectors.Deleted {
			v, presence, err := r.Value(side, rec)
			if err == nil && presence == connectors.Present {
				f.Values[side], f.Told[side] = v.String(), true
			}
		}
	}
}

func (x *explaining) verdictOf(r *mapping.Rule) *verdict {
	if x.job == nil || x.job.done() || x.job.ended {
		return nil
	}
	for i := range x.job.verdicts {
		if x.job.verdicts[i].rule == r {
			return &x.job.verdicts[i]
		}
	}
	return nil
}

// asideNow returns why a field is held back after what a run would decide now:
// a new reason, or the stored one that stands.
func (v *verdict) asideNow() *state.Aside {
	switch {
	case v.aside != nil:
		return v.aside
	case v.writes[0] == nil && v.writes[1] == nil && !v.drop:
		return v.comparison.aside
	}
	return nil
}

// describeVerdict tells how a rule stands that was decided.
func (x *explaining) describeVerdict(f *ExplainedField, v *verdict, writes Finding) {
	a := v.asideNow()
	for to := range mapping.SideID(2) {
		if w := v.writes[to]; w != nil {
			f.Standing, f.Code, f.To, f.After, f.Why = writes.Standing, writes.Code, x.name(to), w.value.String(), w.why
		}
	}
	switch {
	case f.To != "":
	case a != nil:
		f.Standing, f.Code, f.Why, f.Since = standingOf(a.Code), a.Code, a.Reason, a.Since
		if v.aside != nil && v.comparison.aside != nil {
			f.Since = v.comparison.aside.Since
		}
		f.To = x.name(mapping.SideID(a.To))
	case v.skip:
		f.Standing, f.Why = InSync, "nothing is told of it on one side"
	default:
		x.describeSettled(f, v)
	}
}

func standingOf(code string) Standing {
	if a, ok := AdviceOf(code); ok {
		return a.Standing
	}
	return NeedsYou
}

// describeSettled tells why nothing is to be written for a rule.
func (x *explaining) describeSettled(f *ExplainedField, v *verdict) {
	f.Standing = InSync
	g := x.d.merger(x.job, nil)
	if v.rule.IsSet() {
		return
	}
	if g.agree(&v.comparison) {
		if f.Told[0] && f.Told[1] && f.Values[0] != f.Values[1] {
			f.Code, f.Why = codeEqual, "the two say the same under the mapping"
		}
		return
	}
	if ev := x.undone(v.rule); ev != nil {
		f.Standing, f.Code = LeftAlone, codeUndone
		f.Why = fmt.Sprintf("an undo put a value back at %s (event %d); the next edit decides", clockTime(ev.At), ev.Seq)
		return
	}
	for to := range mapping.SideID(2) {
		if !v.rule.Flow().To(to) {
			continue
		}
		sent, outcome, err := g.translate(v.rule, to, v.values[to.Other()])
		switch {
		case err != nil:
		case outcome == mapping.Leave:
			f.Standing, f.Code, f.To = LeftAlone, codeLeftByTable, x.name(to)
			f.Why = fmt.Sprintf("the value table leaves %q alone", v.values[to.Other()].String())
			return
		case madeOf(v.values[to], sent):
			f.Code, f.Why = codeEqual, x.m.sides[to].name+" keeps the value in its own form"
			return
		}
	}
	if v.rule.Flow() == mapping.Both {
		f.Code, f.Why = codeEqual, "each side holds what it held when both last agreed"
		return
	}
	target := mapping.Right
	if v.rule.Flow() == mapping.ToLeft {
		target = mapping.Left
	}
	f.Standing, f.Code, f.To = LeftAlone, codeOneWay, x.name(target)
	f.Why = fmt.Sprintf("the %s was edited by hand; it stays until the %s changes", x.name(target), x.name(target.Other()))
}

// undone returns the undo that wrote a rule's field last, nil if something else
// came since.
func (x *explaining) undone(r *mapping.Rule) *state.Event {
	for _, ev := range x.events {
		for i := range ev.Fields {
			if ev.Fields[i].Rule != r.ID() {
				continue
			}
			if ev.Action == undone {
				return ev
			}
			return nil
		}
	}
	return nil
}

// describeUndecided tells how a rule stands of which nothing was decided: the
// link has ended, the record waits as a whole, or a side was not read.
func (x *explaining) describeUndecided(f *ExplainedField, r *mapping.Rule, top Finding) {
	for _, a := range x.asides() {
		if a.Rule == r.ID() {
			f.Standing, f.Code, f.Why, f.Since, f.To = standingOf(a.Code), a.Code, a.Reason, a.Since, x.name(mapping.SideID(a.To))
			return
		}
	}
	switch {
	case x.link != nil && x.link.Status == state.LinkEnded:
		f.Standing, f.Code = LeftAlone, codeUnlinked
	case x.link != nil && x.link.Status == state.LinkWaiting || x.job != nil && x.job.link != nil && x.job.link.Status == state.LinkWaiting:
		f.Standing, f.Code = LeftAlone, codeOutOfScope
	case x.options.Offline && x.entry == nil && x.link != nil && !x.link.Synced.IsZero():
		f.Standing = InSync
	case top.Code != "":
		f.Code, f.Why = top.Code, x.movedSince(r)
		if x.job != nil {
			f.Standing = top.Standing
		}
	}
}

// movedSince says which side has changed since both last agreed, where only one
// of them could be read.
func (x *explaining) movedSince(r *mapping.Rule) string {
	if x.partly == nil || x.link == nil {
		return ""
	}
	for side := range mapping.SideID(2) {
		rec := x.partly.recs[side]
		if rec == nil || x.partly.recs[side.Other()] != nil {
			continue
		}
		if v, presence, err := r.Value(side, rec); err == nil && presence == connectors.Present && x.moved(fieldOf(x.link, r.ID()), side, v) {
			return "the " + x.name(side) + " has changed since both last agreed"
		}
	}
	return ""
}

// movedAny reports whether a side that was read alone has changed.
func (x *explaining) movedAny() bool {
	return slices.ContainsFunc(x.m.Rules(), func(r *mapping.Rule) bool { return x.movedSince(r) != "" })
}

// asides returns what the state holds back of the link's fields.
func (x *explaining) asides() map[uint32]*state.Aside {
	switch {
	case x.job != nil:
		return x.job.asides
	case x.partly != nil:
		return x.partly.asides
	}
	return x.held
}

// fieldFindings tells of each field that is not in step and that no run would
// write.
func (x *explaining) fieldFindings() {
	for i := range x.job.verdicts {
		v := &x.job.verdicts[i]
		var f ExplainedField
		x.describeVerdict(&f, v, Finding{})
		written := v.writes[0] != nil || v.writes[1] != nil
		if written || f.Code == "" || f.Standing == InSync {
			continue
		}
		if a := v.asideNow(); a != nil {
			x.tellAside(v.rule, a, x.bothValues(v))
			continue
		}
		x.tell(f.Code, v.rule.Name()+": "+f.Why+x.bothValues(v), ofRule(v.rule))
	}
}

// bothValues shows the values of a field that differ and stay so.
func (x *explaining) bothValues(v *verdict) string {
	return fmt.Sprintf(" (%s: %q, %s: %q)", x.name(0), brief(v.values[0].String()), x.name(1), brief(v.values[1].String()))
}

// tellAside tells of a field that is held back.
func (x *explaining) tellAside(r *mapping.Rule, a *state.Aside, values string) {
	if a.Choice != "" {
		x.tell(a.Code, fmt.Sprintf("%s: a person decided; it is carried out with the next reconcile", r.Name()), ofRule(r), standing(OnItsWay))
		return
	}
	text := r.Name() + ": " + a.Reason
	connection := x.m.sides[a.To&1].name
	if a.Kind == state.AsideRefused && a.Code == "refused" {
		text = fmt.Sprintf("%s: %s refuses the value: %s", r.Name(), connection, a.Reason)
	}
	if a.Kind == state.AsideConflict {
		text += values
	}
	x.tell(a.Code, text, ofRule(r), ofConnection(connection))
}

// storedAsides tells of what is held back, where nothing could be decided.
func (x *explaining) storedAsides() {
	for _, r := range x.m.Rules() {
		if a := x.asides()[r.ID()]; a != nil {
			x.tellAside(r, a, "")
		}
	}
	if a := x.asides()[recordRule]; a != nil && (x.entry == nil || x.entry.Code != a.Code) {
		x.heldRecord(a)
	}
}

// gravestOfAll returns the finding about the record as a whole that weighs most:
// it says why what is to be written is not written yet.
func (x *explaining) gravestOfAll() Finding {
	var all []Finding
	if x.hindered() {
		all = slices.Clone(x.blocks)
	}
	if x.job != nil {
		all = append(all, x.idle...)
	}
	for _, f := range x.out.Findings {
		if f.Rule == 0 && f.Field == "" {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return Finding{Code: codeQueued, Standing: OnItsWay}
	}
	gravest(all)
	return all[0]
}
