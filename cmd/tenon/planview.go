package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
)

// planView shows plans to people.
type planView struct {
	w       io.Writer
	details bool
	limit   int
}

func (v planView) line(format string, args ...any) { fmt.Fprintf(v.w, format+"\n", args...) }

func (v planView) plans(plans []*engine.Plan) {
	for i, p := range plans {
		if i > 0 {
			v.line("")
		}
		v.line("%s: %s (%d listed, %d looked at)", p.Mapping, p, p.Listed, p.Read)
		v.plan(p)
	}
}

func (v planView) plan(p *engine.Plan) {
	for _, action := range engine.PlanActions {
		n, shown := p.Counts[action], 0
		if n == 0 {
			continue
		}
		v.line("\n  %s  %d", action, n)
		for _, ch := range p.Changes {
			if ch.Action == action {
				v.change(ch)
				shown++
			}
		}
		if shown < n {
			v.line("    … and %d more", n-shown)
		}
	}
	if len(p.Lacks) > 0 {
		v.line("\n  without a counterpart")
		for i, l := range p.Lacks {
			if v.limit > 0 && i == v.limit {
				v.line("    … and %d more", len(p.Lacks)-i)
				break
			}
			v.line("    %s -> %s: %s  (%s, such as %s)", oneLine(l.Field), oneLine(l.To), oneLine(l.Reason), count(l.Records, "record", "records"), refList(l.Examples))
		}
	}
	for _, w := range p.Warnings {
		v.line("\n  careful: %s", oneLine(w))
	}
	for _, g := range p.Guards {
		v.line("\n  a sync would stop and ask: %s", oneLine(g))
	}
	v.standing(p)
	v.cost(p.Cost)
}

// standing tells what a sync does nothing about.
func (v planView) standing(p *engine.Plan) {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(p.Standing)) {
		parts = append(parts, fmt.Sprintf("%d %s", p.Standing[kind], kind))
	}
	if len(parts) > 0 {
		v.line("\n  set aside before, and waiting: %s (tenon conflicts --all)", strings.Join(parts, ", "))
	}
	parts = nil
	for _, side := range slices.Sorted(maps.Keys(p.Alone)) {
		parts = append(parts, fmt.Sprintf("%d %s", p.Alone[side], side))
	}
	if len(parts) > 0 && v.details {
		v.line("\n  left alone, without a counterpart: %s", oneLine(strings.Join(parts, ", ")))
	}
}

func (v planView) cost(cost *engine.PlanCost) {
	if cost == nil {
		return
	}
	var parts []string
	for _, n := range cost.Calls {
		text := count(n.Reads+n.Writes, "call", "calls") + " to " + n.Connection
		switch {
		case !n.Enough:
			text += fmt.Sprintf(" (only %d of today's are left)", n.Left)
		case n.Known:
			text += fmt.Sprintf(" (%d of today's are left)", n.Left)
		}
		parts = append(parts, text)
	}
	v.line("\n  takes about %s, and %s", strings.Join(parts, ", "), time.Duration(cost.Seconds)*time.Second)
	if v.details {
		v.line("    worked out %s", cost.Basis)
	}
}

func (v planView) change(ch engine.PlanChange) {
	text := oneLine(planRecords(ch))
	if ch.Title != "" {
		text += "  " + short(ch.Title, 60)
	}
	switch {
	case ch.Action == engine.PlanLink && ch.Rule != "":
		text += "  (" + oneLine(ch.Rule) + ")"
	case ch.Rule != "" && ch.Reason != "":
		text += "  " + oneLine(ch.Rule) + ": " + oneLine(ch.Reason)
	case ch.Reason != "":
		text += "  (" + oneLine(ch.Reason) + ")"
	}
	v.line("    %s", text)
	for _, cand := range ch.Candidates {
		v.line("        %s  %s", oneLine(cand.Record.String()), short(cand.Title, 60))
	}
	v.fields(ch)
	for _, t := range ch.Tasks {
		v.task(t)
	}
	if len(ch.Back) > 0 {
		v.line("        then back, as far as the new one holds it: %s", oneLine(strings.Join(ch.Back, ", ")))
	}
}

func (v planView) fields(ch engine.PlanChange) {
	if !v.details {
		var names []string
		for _, f := range ch.Fields {
			if !slices.Contains(names, f.Name) {
				names = append(names, oneLine(f.Name))
			}
		}
		if len(names) > 0 && ch.Action != engine.PlanConflict {
			v.line("        %s", strings.Join(names, ", "))
		}
		return
	}
	for _, f := range ch.Fields {
		switch ch.Action {
		case engine.PlanCreate:
			v.line("        %s: %s", oneLine(f.Name), value(f.After))
		case engine.PlanConflict:
			v.line("        %s: %s against %s", oneLine(f.Name), value(f.Before), value(f.After))
		default:
			v.line("        %s: %s -> %s  (%s)", oneLine(f.Name), value(f.Before), value(f.After), oneLine(f.Why))
		}
	}
}

func (v planView) task(t engine.PreviewTask) {
	text := "task " + value(t.Title)
	if t.Assignee != "" {
		text += " for " + oneLine(t.Assignee)
	}
	if !t.Due.IsZero() {
		text += " by " + t.Due.Format(time.DateOnly)
	}
	v.line("        %s", text)
}

// valueShown is how many letters of a value are shown.
const valueShown = 200

// value shows a value in quotes; nothing stands for an empty one.
func value(s string) string {
	if s == "" {
		return "empty"
	}
	return fmt.Sprintf("%q", short(s, valueShown))
}

// short cuts a text that is shown on a line.
func short(s string, letters int) string {
	if utf8.RuneCountInString(s) > letters {
		s = string([]rune(s)[:letters]) + "…"
	}
	return oneLine(s)
}

func planRecords(ch engine.PlanChange) string {
	text := refs(ch.Records)
	if ch.To != "" && ch.Action != engine.PlanLink {
		text += " -> " + ch.To
	}
	return text
}

// refs names the records of a pair.
func refs(records [2]connectors.Ref) string {
	var names []string
	for _, r := range records {
		if r.ID != "" {
			names = append(names, oneLine(r.String()))
		}
	}
	return strings.Join(names, " = ")
}

func refList(list []connectors.Ref) string {
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = oneLine(r.String())
	}
	return strings.Join(names, ", ")
}
