package mapping

import "github.com/tenonsync/tenon/connectors"

// PartKind says what a Part of a mapping is.
type PartKind string

// The kinds of parts.
const (
	PartRule   PartKind = "rule"   // one way of a rule
	PartValue  PartKind = "value"  // one row of a rule's `values`, one way
	PartOther  PartKind = "other"  // a rule's `otherwise`, one way
	PartMatch  PartKind = "match"  // a rule of `match`
	PartWhen   PartKind = "when"   // a condition of `create`, met
	PartUnless PartKind = "unless" // a condition of `create`, not met
	PartButton PartKind = "button" // a button
	PartTask   PartKind = "task"   // a task
)

// Part is a piece of a mapping that its cases may touch or leave untested.
type Part struct {
	Kind PartKind
	Text string // for people: "dealstage → status: closedwon → To Do"
	Line int
	To   SideID // the side that it writes to

	Rule  *Rule  // of PartRule, PartValue and PartOther
	Row   string // of PartValue: what Rule.Rows returns of the value
	Index int    // of PartMatch and PartTask: its place in the mapping
	Key   string // of PartTask: the task's key
}

// Parts lists what there is to test in the mapping, in the order of the file
// within each kind.
func (m *Mapping) Parts() []Part {
	var parts []Part
	if match := m.file.root.get("match"); match != nil {
		for i := range m.match {
			parts = append(parts, Part{Kind: PartMatch, Index: i, Line: match.items[i].pos.line, Text: m.matchText(match.items[i])})
		}
	}
	for side := range SideID(2) {
		parts = append(parts, m.createParts(side)...)
	}
	for _, r := range m.rules {
		for to := range SideID(2) {
			if r.flow.To(to) {
				parts = append(parts, m.ruleParts(r, to)...)
			}
		}
	}
	return parts
}

func (m *Mapping) createParts(side SideID) []Part {
	c := m.create[side]
	if c == nil {
		return nil
	}
	name := m.sides[side].Name
	n := m.file.root.get("create").get(name)
	var parts []Part
	if c.when != nil {
		line := n.get("when").pos.line
		parts = append(parts, Part{Kind: PartWhen, To: side, Line: line, Text: "create " + name + " when: true"})
		if !c.when.expr.constant {
			parts = append(parts, Part{Kind: PartUnless, To: side, Line: line, Text: "create " + name + " when: false"})
		}
	}
	if c.button != nil {
		parts = append(parts, Part{Kind: PartButton, To: side, Line: n.get("button").pos.line, Text: "create " + name + " by the button"})
	}
	for i := range c.tasks {
		t := &c.tasks[i]
		parts = append(parts, Part{Kind: PartTask, To: side, Index: i, Key: t.key, Line: n.get("tasks").items[i].pos.line, Text: "task " + t.key})
	}
	return parts
}

func (m *Mapping) matchText(item *node) string {
	return "match " + m.sides[Left].Name + "." + item.get(m.sides[Left].Name).str() + " = " + m.sides[Right].Name + "." + item.get(m.sides[Right].Name).str()
}

// arrow returns one way of a rule as people read it.
func (m *Mapping) arrow(r *Rule, to SideID) string {
	end := func(side SideID) string {
		if r.written[side] == "" {
			return "computed"
		}
		return m.sides[side].Name + "." + r.written[side]
	}
	return end(to.Other()) + " → " + end(to)
}

func (m *Mapping) ruleParts(r *Rule, to SideID) []Part {
	arrow := m.arrow(r, to)
	parts := []Part{{Kind: PartRule, Rule: r, To: to, Line: r.line, Text: arrow}}
	t := r.convert[to].table
	if t == nil {
		return parts
	}
	for _, row := range t.rows {
		parts = append(parts, Part{Kind: PartValue, Rule: r, To: to, Row: row.key, Line: row.line, Text: arrow + ": " + row.text})
	}
	if t.other > 0 {
		parts = append(parts, Part{Kind: PartOther, Rule: r, To: to, Line: t.other, Text: arrow + ": otherwise"})
	}
	return parts
}

// Rows returns the rows of the rule's table that a value of the other side is
// looked up in on its way to a side, and whether part of it is in none. Without
// a table there are none.
func (r *Rule) Rows(to SideID, v connectors.Value) (rows []string, unlisted bool) {
	t := r.convert[to&1].table
	if t == nil || v.IsNull() {
		return nil, false
	}
	values := []connectors.Value{v}
	if v.Type() == connectors.TypeOptions {
		values = of(v).items()
	}
	for _, one := range values {
		key := tableKey(one)
		if _, ok := t.entries[key]; ok {
			rows = append(rows, key)
		} else {
			unlisted = true
		}
	}
	return rows, unlisted
}
