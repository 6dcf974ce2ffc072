package mapping

import "github.com/tenonsync/tenon/connectors"

// Rule keeps one field of each side in step.
type Rule struct {
	id       uint32
	name     string
	fields   [2]ruleField
	flow     Flow
	conflict Policy
	enforce  bool
	isSet    bool
	set      *computed // the source of a `set` rule
	source   SideID    // the side that set computes for
	convert  [2]*converter
	rollup   *rollup   // nil unless the field is shared with other mappings
	line     int       // in the file
	written  [2]string // the fields' names as the file has them
}

type ruleField struct {
	name  string
	label string
	typ   connectors.Type
}

// ID returns a hash of the pair of field names, stable across releases. No two
// rules of a mapping share it.
func (r *Rule) ID() uint32 { return r.id }

// Name returns the rule as people read it, such as "dealname ↔ summary".
func (r *Rule) Name() string { return r.name }

// Field returns the API name of a side's field, "" on the source side of a
// `set` rule.
func (r *Rule) Field(side SideID) string { return r.fields[side&1].name }

// Label returns what people call a side's field.
func (r *Rule) Label(side SideID) string { return r.fields[side&1].label }

// TypeOf returns the type of a side's values. On the source side of a `set`
// rule it is the type of the target field.
func (r *Rule) TypeOf(side SideID) connectors.Type { return r.fields[side&1].typ }

// PeopleOf reports whether the side holds people, whose ids must be looked up
// by e-mail before a converted value is written.
func (r *Rule) PeopleOf(side SideID) bool {
	return r.fields[side&1].typ == connectors.TypePerson
}

// Flow returns which way values go.
func (r *Rule) Flow() Flow { return r.flow }

// Conflict returns the rule's policy, or the mapping's where it has none.
func (r *Rule) Conflict() Policy { return r.conflict }

// Enforce reports whether a one-way rule's target is restored when somebody
// edits it by hand.
func (r *Rule) Enforce() bool { return r.enforce }

// IsSet reports whether the values of both sides are sets, which merge element
// by element. The computed source of a `set` rule counts as a set of the
// target's options: people's own labels on the target stay.
func (r *Rule) IsSet() bool { return r.isSet }

// Computed reports whether a `set` expression takes the place of a source
// field, and on which side.
func (r *Rule) Computed() (source SideID, ok bool) { return r.source, r.set != nil }

// Value returns what a side holds: its field, or on the source side of a `set`
// rule the computed value, which already has the target's type; on that of a
// roll-up what all its shares come to (see WithOthers). The value
// counts only when it is Present; a computed one is Hidden or Absent when a
// field that the expression reads is. The error says in words for people why
// an expression failed on this record.
func (r *Rule) Value(side SideID, rec *connectors.Record) (connectors.Value, connectors.Presence, error) {
	switch {
	case r.rollup != nil && side != r.rollup.target:
		return r.rolled(rec)
	case r.set != nil && side == r.source:
		return r.set.value(rec)
	}
	v, p := rec.Get(r.fields[side&1].name)
	return v, p, nil
}

// Convert turns the other side's value into what this side's field would hold.
// Null stays null unless the rule says otherwise. A person comes out with the
// e-mail only: the caller looks the id up. Options are those of the target's
// schema. Leave says that the field keeps what it has. The error says in words
// for people why the value cannot be written; the field is then set aside.
func (r *Rule) Convert(to SideID, v connectors.Value) (connectors.Value, Outcome, error) {
	return r.convert[to&1].value(v)
}

// ConvertElement turns one element of the other side's set into this side's.
func (r *Rule) ConvertElement(to SideID, o connectors.Option) (connectors.Option, Outcome, error) {
	return r.convert[to&1].element(o)
}
