package mapping

import (
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// tableEnd is one side of a rule's `values`.
type tableEnd struct {
	side  SideID
	field *connectors.Field
}

// tables compiles `values`, `back` and `otherwise` into one table for each
// side that is written; nil where there is none.
func (k *compilation) tables(d *ruleDraft) (tables [2]*table, ok bool) {
	values, back := d.item.get("values"), d.item.get("back")
	if values == nil && d.item.get("otherwise") == nil {
		return tables, true
	}
	first := tableEnd{d.first, d.fields[d.first]}
	second := tableEnd{d.first.Other(), d.fields[d.first.Other()]}
	before := len(k.problems)
	if values == nil {
		for _, end := range []tableEnd{first, second} {
			if d.flow.To(end.side) {
				tables[end.side] = k.sameNames(d, end)
			}
		}
	} else {
		if d.flow.To(second.side) {
			tables[second.side] = k.forward(values, first, second)
		}
		if d.flow.To(first.side) {
			tables[first.side] = k.backward(values, back, first, second)
		} else if back != nil {
			k.warnf(back.pos, "drop it", "`back` has no effect: nothing goes back to `%s`", k.sideName(first.side))
		}
	}
	for _, end := range []tableEnd{first, second} {
		if tables[end.side] != nil {
			k.otherwise(d, tables[end.side], end)
			k.uncovered(d, tables[end.side], end)
		}
	}
	for _, p := range k.problems[before:] {
		if p.Severity == Error {
			return tables, false
		}
	}
	return tables, true
}

// sameNames makes the table of a rule that has `otherwise` only: options of the
// same name become one another.
func (k *compilation) sameNames(d *ruleDraft, to tableEnd) *table {
	t := &table{entries: map[string]connectors.Value{}}
	from := d.fields[to.side.Other()]
	if (to.field.Type != connectors.TypeOption && to.field.Type != connectors.TypeOptions) || to.field.Open && len(from.Options) == 0 {
		return t
	}
	c := &converter{to: to.field}
	for _, o := range from.Options {
		if v, err := c.option(connectors.Choice(o)); err == nil {
			t.entries[o.ID] = forSet(v, from, to.field)
		}
	}
	if len(from.Options) == 0 {
		for _, o := range to.field.Options {
			for _, name := range []string{o.Label, o.ID} {
				t.entries[name] = forSet(connectors.Choice(o), from, to.field)
			}
		}
	}
	return t
}

// forSet wraps an option for a field that holds several, unless the table goes
// element by element.
func forSet(v connectors.Value, from, to *connectors.Field) connectors.Value {
	if to.Type == connectors.TypeOptions && from.Type != connectors.TypeOptions && v.Type() == connectors.TypeOption {
		return connectors.Choices(v.Option())
	}
	return v
}

// forward is the table from the side that the rule names first.
func (k *compilation) forward(values *node, from, to tableEnd) *table {
	t := &table{entries: map[string]connectors.Value{}}
	for _, e := range values.entries {
		key, ok := k.tableValue(e.key, from, to)
		value, ok2 := k.tableValue(e.value, to, from)
		if ok && ok2 {
			k.addEntry(t, e.key, e.value, key, forSet(value, from.field, to.field))
		}
	}
	return t
}

func (k *compilation) addEntry(t *table, at, becomes *node, key, value connectors.Value) {
	name := tableKey(key)
	if _, twice := t.entries[name]; twice {
		k.errorf(at.pos, "keep one of them", "`%s` is listed twice", clip(at.text))
		return
	}
	t.add(name, value, at, becomes)
}

func (t *table) add(key string, v connectors.Value, from, to *node) {
	t.entries[key] = v
	t.rows = append(t.rows, tableRow{key, from.text + " → " + to.text, from.pos.line, to.pos})
}

// backward is the table towards the side that the rule names first. Where
// several values become one, `back` says which returns.
func (k *compilation) backward(values, back *node, first, second tableEnd) *table {
	t := &table{entries: map[string]connectors.Value{}}
	chosen := map[string]bool{}
	if back != nil {
		for _, e := range back.entries {
			key, ok := k.tableValue(e.key, second, first)
			value, ok2 := k.tableValue(e.value, first, second)
			if ok && ok2 {
				k.addEntry(t, e.key, e.value, key, forSet(value, second.field, first.field))
				chosen[tableKey(key)] = true
			}
		}
	}
	from := map[string]string{}
	for _, e := range values.entries {
		key, ok := k.tableQuietly(e.value, second)
		value, ok2 := k.tableQuietly(e.key, first)
		if !ok || !ok2 {
			k.tableValue(e.value, second, first)
			k.tableValue(e.key, first, second)
			continue
		}
		name := tableKey(key)
		if chosen[name] {
			continue
		}
		if other, twice := from[name]; twice {
			k.errorf(e.value.pos, "say which one returns: `back: {"+e.value.text+": "+other+"}`",
				"both `%s` and `%s` become `%s`: it is not said which one it becomes on the way back", clip(other), clip(e.key.text), clip(e.value.text))
			chosen[name] = true
			continue
		}
		from[name] = e.key.text
		t.add(name, forSet(value, second.field, first.field), e.value, e.key)
	}
	return t
}

// tableQuietly resolves a value of a table for a field.
func (k *compilation) tableQuietly(n *node, end tableEnd) (connectors.Value, bool) {
	f := end.field
	switch f.Type {
	case connectors.TypeOption, connectors.TypeOptions:
		if o, ok := f.Option(n.text); ok {
			return connectors.Choice(o), true
		}
		if f.Open {
			return connectors.Choice(connectors.Option{ID: n.text, Label: n.text}), true
		}
		return connectors.Null, false
	case connectors.TypeText:
		return connectors.Text(n.text), true
	case connectors.TypeBool:
		return connectors.Bool(n.text == "true"), n.text == "true" || n.text == "false"
	}
	v, err := connectors.ParseNumber(n.text)
	return v, err == nil
}

// tableValue resolves a value of a table and reports when there is none. other
// is where the value may belong if both sides were exchanged.
func (k *compilation) tableValue(n *node, end, other tableEnd) (connectors.Value, bool) {
	v, ok := k.tableQuietly(n, end)
	if ok {
		return v, true
	}
	name := k.displayName(end.side, end.field)
	switch end.field.Type {
	case connectors.TypeBool:
		k.errorf(n.pos, "write `true` or `false`", "%s is true or false, not `%s`", name, clip(n.text))
	case connectors.TypeNumber:
		k.errorf(n.pos, "write digits, or leave the row out", "%s is a number; `%s` is none", name, clip(n.text))
	default:
		hint := didYouMean(n.text, optionNames(end.field.Options))
		if renamed := k.renamedOption(end, n.text); renamed != "" {
			hint = renamed
		}
		if len(other.field.Options) > 0 {
			if _, swapped := k.tableQuietly(n, other); swapped {
				hint = "the side that the rule names first stands on the left of the table"
			}
		}
		if hint == "" {
			hint = "it has " + strings.Replace(oneOf(optionLabels(end.field.Options)), " or ", " and ", 1)
		}
		k.errorf(n.pos, hint, "%s has no option `%s`", name, clip(n.text))
	}
	return connectors.Null, false
}

func optionLabels(options []connectors.Option) []string {
	labels := make([]string, len(options))
	for i, o := range options {
		labels[i] = firstNonEmpty(o.Label, o.ID)
	}
	return labels
}

// otherwise reads what becomes of unlisted values.
func (k *compilation) otherwise(d *ruleDraft, t *table, to tableEnd) {
	n := d.item.get("otherwise")
	if n == nil {
		return
	}
	if from := d.fields[to.side.Other()]; from.Open || len(from.Options) == 0 || len(t.missing(from)) > 0 {
		t.other = n.pos.line
	}
	switch n.text {
	case "error":
		t.otherwise = otherwiseError
	case "leave":
		t.otherwise = otherwiseLeave
	case "clear":
		t.otherwise = otherwiseClear
		if !to.field.Clearable && to.field.Required {
			k.errorf(n.pos, "write `leave`, or a value", "%s cannot be empty", k.displayName(to.side, to.field))
		}
	case "copy":
		t.otherwise = otherwiseCopy
	default:
		if d.flow == Both {
			k.errorf(n.pos, "write `leave`, `clear`, `copy` or `error`, or list the values for each way with `values` and `back`",
				"a value for `otherwise` needs a one-way rule: it belongs to one side only")
			return
		}
		if v, ok := k.tableValue(n, to, tableEnd{to.side.Other(), d.fields[to.side.Other()]}); ok {
			t.otherwise, t.value = otherwiseValue, forSet(v, d.fields[to.side.Other()], to.field)
		}
	}
}

// uncovered warns of options that can come and are not listed.
func (k *compilation) uncovered(d *ruleDraft, t *table, to tableEnd) {
	from := d.fields[to.side.Other()]
	values := d.item.get("values")
	if t.otherwise != otherwiseError || values == nil || d.item.get("otherwise") != nil {
		return
	}
	if missing := t.missing(from); len(missing) > 0 {
		k.warnf(values.pos, "list them, or say what becomes of other values: `otherwise: leave`",
			"%s also has %s: such a value sets the field aside", k.displayName(to.side.Other(), from), oneAnd(missing))
	}
}

// missing lists the options of a field that the table has no row for.
func (t *table) missing(from *connectors.Field) []string {
	var labels []string
	for _, o := range from.Options {
		if _, ok := t.entries[o.ID]; !ok {
			labels = append(labels, firstNonEmpty(o.Label, o.ID))
		}
	}
	return labels
}
