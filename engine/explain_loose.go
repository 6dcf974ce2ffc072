package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// loose tells how the record stands that has no counterpart.
func (x *explaining) loose(ctx context.Context) {
	j := x.job
	if j == nil {
		x.looseFromState()
		return
	}
	rec, err := x.read(x.side)
	switch {
	case connectors.KindOf(err) == connectors.NotFound && err != nil:
		x.tell(codeUnknownRecord, fmt.Sprintf("%s does not show it: %v", x.m.Side(x.side).Connection, err), ofConnection(x.m.Side(x.side).Connection))
	case j.done():
		x.decidedLoose(ctx, j.outcome)
	case rec == nil:
	case rec.State == connectors.Merged:
		into := x.m.ref(x.side, rec.MergedInto)
		x.tell(codeMerged, "it was merged into "+into.String(), ofRecord(into))
	case rec.State != connectors.Live:
		x.tell(codeGone, fmt.Sprintf("it is %s, and has no counterpart", rec.State))
	case !rec.InScope:
		x.outOfScope(ctx)
	case j.link != nil: // a match
		x.stored()
		x.fieldFindings()
		x.unsent(fmt.Sprintf("it matches %s (%s), and they are not linked yet", recordName(x.out.Sides[x.side.Other()].Record), eventDetail(j)))
		return
	case j.making != nil:
		x.stored()
		if x.entry == nil || x.entry.Code == "" {
			x.unsent(x.toBeMade())
		}
		return
	default:
		x.leftAlone(ctx, rec)
	}
	x.stored()
}

// toBeMade says what is to be made for the record.
func (x *explaining) toBeMade() string {
	j := x.job
	text := fmt.Sprintf("it is to have %s made for it", aThing(x.name(j.making.to)))
	if found := j.foreseen.found; found != "" {
		text = fmt.Sprintf("%s was made for it before, and is to be linked", x.m.ref(j.making.to, found))
	}
	for _, l := range j.foreseen.left {
		text += fmt.Sprintf(", without %s (%s)", l.Field, l.Reason)
	}
	return text
}

func eventDetail(j *job) string {
	if len(j.events) == 0 {
		return "matched"
	}
	return j.events[len(j.events)-1].Detail
}

// looseFromState tells what the state holds of a record without a link.
func (x *explaining) looseFromState() {
	x.stored()
	switch {
	case x.entry != nil && x.entry.Status == state.Ready && x.options.Offline:
		x.queued("it is due to be looked at")
	case len(x.out.Findings) == 0 && x.options.Offline:
		x.tell(codeNoMatch, "it has no counterpart; the reason can be told when the systems are asked (without --offline)", standing(Unknown))
	}
}

// decidedLoose tells the outcome of the look for a counterpart.
func (x *explaining) decidedLoose(ctx context.Context, o outcome) {
	switch o.code {
	case codeOutOfScope:
		x.outOfScope(ctx, standing(NeedsYou))
	case codeAmbiguous:
		x.ambiguous(ctx, o.reason)
	case "with":
		x.tell(o.code, fmt.Sprintf("the %s cannot be made: under `with:`, %s", x.name(x.side.Other()), o.reason))
	case "condition":
		x.tell(o.code, fmt.Sprintf("nobody can tell whether %s is to be made: %s", aThing(x.name(x.side.Other())), o.reason))
	default:
		x.decided(o)
	}
}

// ambiguous tells of several records that match, and how to link each of them.
func (x *explaining) ambiguous(ctx context.Context, reason string) {
	x.d.nameCandidates(ctx)
	to := x.side.Other()
	var names []string
	var steps []Step
	for _, c := range x.job.candidates {
		name := recordName(ExplainedRecord{Ref: c.Record, Title: c.Title})
		names = append(names, name)
		if c.Record.Connection != x.m.Side(to).Connection || c.Record.Object != x.m.Side(to).Object {
			continue
		}
		ids := [2]string{x.id, c.Record.ID}
		if to == mapping.Left {
			ids[0], ids[1] = ids[1], ids[0]
		}
		steps = append(steps, Step{Text: "Link it with " + name + ".", Command: fmt.Sprintf("tenon link %s %s %s", x.m.Name(), ids[0], ids[1])})
	}
	if len(names) > 0 {
		reason += "; the candidates: " + strings.Join(names, ", ")
	}
	f := x.make(codeAmbiguous, reason)
	if len(steps) > 0 {
		f.Do = append(steps, slices.DeleteFunc(f.Do, func(s Step) bool { return strings.HasPrefix(s.Command, "tenon link ") })...)
	}
	x.out.Findings = append(x.out.Findings, f)
}

// leftAlone tells why a record in scope has no counterpart and gets none.
func (x *explaining) leftAlone(ctx context.Context, rec *connectors.Record) {
	to := x.side.Other()
	c := x.m.Create(to)
	sought := x.sought(ctx)
	switch {
	case c != nil && c.HasWhen():
		condition, fields := c.Condition()
		text := fmt.Sprintf("it has no %s: one is made when %s, and that is not so: %s", x.name(to), condition, fieldValues(rec, fields))
		if b := c.Button(); b != nil {
			text += fmt.Sprintf("; nobody pressed %q either", b.Label)
		}
		x.tell(codeConditionNot, text+sought)
	case c != nil && c.Button() != nil:
		x.tell(codeNotPressed, fmt.Sprintf("it has no %s: one is made when somebody presses %q, and nobody did%s", x.name(to), c.Button().Label, sought))
	default:
		x.tell(codeNoMatch, fmt.Sprintf("it has no %s, and the mapping makes none%s", x.name(to), sought))
	}
}

// sought tells what the match rules looked for in vain.
func (x *explaining) sought(ctx context.Context) string {
	if len(x.m.Match()) == 0 {
		return ""
	}
	to := x.side.Other()
	labels := x.labels(ctx, x.m, to)
	var looked []string
	for _, s := range x.job.sought {
		look := fmt.Sprintf("%s = %q", firstText(labels[s.field], s.field), s.value.String())
		if len(s.found) > 0 {
			look += " (found by the search, but it does not hold that any more, or is not live)"
		}
		looked = append(looked, look)
	}
	if len(looked) == 0 {
		var fields []string
		for _, rule := range x.m.Match() {
			fields = append(fields, rule.Fields[x.side])
		}
		return fmt.Sprintf("; no %s was looked for, since %s is empty", x.name(to), strings.Join(fields, " and "))
	}
	text := fmt.Sprintf("; no %s was found by %s", x.name(to), strings.Join(looked, " or "))
	if lag := x.m.sides[to].facts.IndexLag; lag > 0 {
		text += fmt.Sprintf(" (the search of %s may lag by %s; what is made there meanwhile is matched when it is listed)", x.m.sides[to].name, lag)
	}
	return text
}

// fieldValues shows what a record holds in some fields.
func fieldValues(rec *connectors.Record, fields []string) string {
	parts := make([]string, 0, len(fields))
	for _, f := range fields {
		v, presence := rec.Get(f)
		switch {
		case presence != connectors.Present:
			parts = append(parts, fmt.Sprintf("%s is %s", f, presence))
		case v.IsNull():
			parts = append(parts, f+" is empty")
		case v.Type() == connectors.TypeOption && v.Option().ID != v.String():
			parts = append(parts, fmt.Sprintf("%s is %q (%s)", f, v.Option().ID, v.String()))
		default:
			parts = append(parts, fmt.Sprintf("%s is %q", f, v.String()))
		}
	}
	return strings.Join(parts, ", ")
}

// outOfScope tells which part of the scope does not hold, for each side that is
// outside.
func (x *explaining) outOfScope(ctx context.Context, change ...option) {
	for side := range mapping.SideID(2) {
		rec, _ := x.read(side)
		if rec == nil || rec.InScope || rec.State != connectors.Live {
			continue
		}
		text := fmt.Sprintf("the %s is outside the mapping's scope: %s", x.name(side), x.scopeParts(ctx, side, rec.Ref.ID))
		if x.link != nil {
			text += "; nothing is written until it is back"
		}
		x.tell(codeOutOfScope, text, change...)
	}
}

// scopeParts tells which parts of the scope do not hold for a record.
func (x *explaining) scopeParts(ctx context.Context, side mapping.SideID, id string) string {
	s := x.m.Side(side)
	var outside []string
	for _, key := range slices.Sorted(maps.Keys(s.Scope)) {
		holds, held := x.scopeHolds(ctx, side, id, key)
		switch {
		case holds:
		case held != "":
			outside = append(outside, fmt.Sprintf("its %s is %q, not %q", key, held, s.Scope[key]))
		default:
			outside = append(outside, fmt.Sprintf("it is not in %s %q", key, s.Scope[key]))
		}
	}
	if len(outside) == 0 {
		return "the mapping takes " + scopeWords(s.Scope)
	}
	return strings.Join(outside, ", and ")
}

// scopeHolds asks for a record by one part of the scope alone, and where the
// system cannot tell that, by all the other parts: when those hold, it is this
// one that does not. It also returns what the record shows for that part.
func (x *explaining) scopeHolds(ctx context.Context, side mapping.SideID, id, key string) (holds bool, held string) {
	s := x.m.Side(side)
	others := maps.Clone(s.Scope)
	delete(others, key)
	for _, scope := range []connectors.Scope{{key: s.Scope[key]}, others} {
		sel := connectors.Selection{Object: s.Object, Scope: scope, Fields: []string{key}}
		results, err := x.m.sides[side].Read(ctx, sel, []string{id})
		if err != nil || len(results) != 1 || results[0].Record == nil {
			continue
		}
		rec := results[0].Record
		if v, presence := rec.Get(key); presence == connectors.Present {
			held = v.String()
		}
		_, alone := scope[key]
		return rec.InScope == alone, held
	}
	return true, "" // nobody can tell
}

func scopeWords(scope connectors.Scope) string {
	parts := make([]string, 0, len(scope))
	for _, key := range slices.Sorted(maps.Keys(scope)) {
		parts = append(parts, fmt.Sprintf("%s %q", key, scope[key]))
	}
	return strings.Join(parts, ", ")
}

// aThing puts the article before what a mapping calls a side.
func aThing(name string) string {
	if name != "" && strings.ContainsRune("aeiouAEIOU", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}
