package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"

	"github.com/tenonsync/tenon/connectors"
)

// converter turns values into those of one field.
type converter struct {
	to       *connectors.Field
	zone     *time.Location
	clock    *time.Time // the time of day that a date gets
	truncate bool
	plain    bool // between plain and rich text only the words go over
	done     bool // the values are the target's already
	table    *table
}

// otherwise says what becomes of a value that a table does not list.
type otherwise uint8

const (
	otherwiseError otherwise = iota
	otherwiseLeave
	otherwiseClear
	otherwiseCopy
	otherwiseValue
)

// table is one direction of a rule's `values`.
type table struct {
	entries   map[string]connectors.Value // by tableKey
	otherwise otherwise
	value     connectors.Value // of otherwiseValue
	rows      []tableRow       // as the file lists them
	other     int              // the line of `otherwise`; 0: not given
}

// tableRow is a row of a table as the file has it.
type tableRow struct {
	key  string // in table.entries
	text string
	line int
	to   position // of the value that it becomes
}

// tableKey returns what a table knows a value by.
func tableKey(v connectors.Value) string {
	if n := v.Number(); n != "" {
		return n
	}
	return text(v)
}

// value converts one value.
func (c *converter) value(v connectors.Value) (connectors.Value, Outcome, error) {
	if v.IsNull() || c.done || c.table == nil && c.asItIs(v) {
		return v, Write, nil
	}
	if v.Type() == connectors.TypeOptions && c.to.Type == connectors.TypeOptions {
		return c.set(v)
	}
	if c.table != nil {
		return c.fromTable(v)
	}
	out, err := c.copy(v)
	return out, Write, err
}

// asItIs reports whether a value goes over unchanged, as most do.
func (c *converter) asItIs(v connectors.Value) bool {
	if v.Type() != c.to.Type {
		return false
	}
	switch c.to.Type {
	case connectors.TypeBool, connectors.TypeDate, connectors.TypeInstant:
		return true
	case connectors.TypeText, connectors.TypeRichText:
		return !c.to.OneLine && (c.to.MaxLength <= 0 || len(v.Text()) <= c.to.MaxLength)
	case connectors.TypeNumber, connectors.TypeMoney:
		return c.to.Scale < 0
	}
	return false
}

// element converts one element of a set.
func (c *converter) element(o connectors.Option) (connectors.Option, Outcome, error) {
	if c.done {
		return o, Write, nil
	}
	var v connectors.Value
	var outcome Outcome
	var err error
	if c.table != nil {
		v, outcome, err = c.fromTable(connectors.Choice(o))
	} else {
		v, err = c.option(connectors.Choice(o))
	}
	if err != nil || outcome == Leave {
		return connectors.Option{}, outcome, err
	}
	if set := v.Options(); len(set) > 0 {
		return set[0], Write, nil
	}
	if v.IsNull() {
		return connectors.Option{}, Leave, nil
	}
	return v.Option(), Write, nil
}

// set converts a set element by element; those that the table leaves out are
// left out.
func (c *converter) set(v connectors.Value) (connectors.Value, Outcome, error) {
	options := make([]connectors.Option, 0, len(v.Options()))
	for _, o := range v.Options() {
		out, outcome, err := c.element(o)
		if err != nil {
			return connectors.Null, Leave, err
		}
		if outcome == Write {
			options = append(options, out)
		}
	}
	return connectors.Choices(options...), Write, nil
}

func (c *converter) fromTable(v connectors.Value) (connectors.Value, Outcome, error) {
	if out, ok := c.table.entries[tableKey(v)]; ok {
		return out, Write, nil
	}
	switch c.table.otherwise {
	case otherwiseLeave:
		return connectors.Null, Leave, nil
	case otherwiseClear:
		return connectors.Null, Write, nil
	case otherwiseValue:
		return c.table.value, Write, nil
	case otherwiseCopy:
		out, err := c.copy(v)
		return out, Write, err
	}
	return connectors.Null, Leave, fmt.Errorf("`values` does not list `%s`", clip(v.String()))
}

// copy converts a value without a table, and keeps the target's limits.
func (c *converter) copy(v connectors.Value) (connectors.Value, error) {
	switch c.to.Type {
	case connectors.TypeText, connectors.TypeRichText:
		return c.words(v)
	case connectors.TypeNumber, connectors.TypeMoney:
		return c.number(v)
	case connectors.TypeDate:
		return c.date(v)
	case connectors.TypeInstant:
		return c.instant(v)
	case connectors.TypeOption:
		return c.option(v)
	case connectors.TypeOptions:
		return c.options(of(v))
	case connectors.TypePerson:
		return c.person(v)
	case connectors.TypeBool:
		if v.Type() == connectors.TypeBool {
			return v, nil
		}
		if s := text(v); s == "true" || s == "false" {
			return connectors.Bool(s == "true"), nil
		}
	case connectors.TypeReference:
		if s := text(v); v.Type() == connectors.TypeText && s != "" {
			return connectors.Reference(c.to.Object, s, ""), nil
		}
	}
	return connectors.Null, c.cannot(v)
}

func (c *converter) cannot(v connectors.Value) error {
	return fmt.Errorf("%s `%s` cannot become %s", v.Type(), clip(v.String()), article(c.to.Type))
}

func article(t connectors.Type) string {
	switch t {
	case connectors.TypeInstant, connectors.TypeOption:
		return "an " + t.String()
	case connectors.TypeRichText, connectors.TypeMoney:
		return t.String()
	case connectors.TypeOptions:
		return "a set of options"
	}
	return "a " + t.String()
}

// words makes a text and keeps to the field's length and lines.
func (c *converter) words(v connectors.Value) (connectors.Value, error) {
	s := v.String()
	changed := v.Type() != c.to.Type
	switch from := v.Type(); {
	case from == connectors.TypeFile:
		return connectors.Null, c.cannot(v)
	case from == connectors.TypeText && c.to.Type == connectors.TypeRichText:
		s = richFromText(s, c.plain)
	case from == connectors.TypeRichText && c.to.Type == connectors.TypeText:
		s = textFromRich(s, c.plain)
	case from == connectors.TypeInstant:
		s = v.Time().In(c.zone).Format("2006-01-02 15:04:05.999999 -07:00")
	case from == connectors.TypePerson && v.Person().Email != "":
		s = v.Person().Email
	}
	if c.to.OneLine && strings.ContainsAny(s, "\r\n") {
		s, changed = strings.Join(strings.Fields(s), " "), true
	}
	if n := c.to.MaxLength; n > 0 && len(s) > n && utf8.RuneCountInString(s) > n {
		if !c.truncate {
			return connectors.Null, fmt.Errorf("the text has %d characters; the field takes %d (`truncate: true` cuts it)", utf8.RuneCountInString(s), n)
		}
		s, changed = cut(s, n), true
	}
	if !changed {
		return v, nil
	}
	if c.to.Type == connectors.TypeRichText {
		return connectors.RichText(s), nil
	}
	return connectors.Text(s), nil
}

// cut shortens a text to n characters, the last of them an ellipsis.
func cut(s string, n int) string {
	runes := []rune(s)
	return strings.TrimRight(string(runes[:n-1]), " \n") + "…"
}

func (c *converter) number(v connectors.Value) (connectors.Value, error) {
	digits := v.Number()
	if v.Type() == connectors.TypeText {
		parsed, err := connectors.ParseNumber(v.Text())
		if err != nil {
			return connectors.Null, err
		}
		digits = parsed.Number()
	}
	if digits == "" {
		return connectors.Null, c.cannot(v)
	}
	changed := v.Type() != c.to.Type
	if _, decimals, _ := strings.Cut(digits, "."); c.to.Scale >= 0 && len(decimals) > c.to.Scale {
		parsed, err := connectors.ParseNumber(digits)
		if err != nil {
			return connectors.Null, err
		}
		x, err := round(one(parsed), c.to.Scale, apd.RoundHalfUp)
		if err != nil {
			return connectors.Null, err
		}
		digits, changed = x.v.Number(), true
	}
	switch {
	case !changed:
		return v, nil
	case c.to.Type == connectors.TypeMoney:
		return connectors.Money(digits, v.Currency())
	}
	return connectors.ParseNumber(digits)
}

func (c *converter) date(v connectors.Value) (connectors.Value, error) {
	switch v.Type() {
	case connectors.TypeDate:
		return v, nil
	case connectors.TypeInstant:
		return connectors.DateOf(v.Time().In(c.zone)), nil
	case connectors.TypeText:
		return connectors.ParseDate(strings.TrimSpace(v.Text()))
	}
	return connectors.Null, c.cannot(v)
}

func (c *converter) instant(v connectors.Value) (connectors.Value, error) {
	switch v.Type() {
	case connectors.TypeInstant:
		return v, nil
	case connectors.TypeDate:
		if c.clock == nil {
			return connectors.Null, fmt.Errorf("the day %s needs a time of day to become an instant", v)
		}
		return instantAt(v, *c.clock, c.zone), nil
	case connectors.TypeText:
		t, err := time.Parse(time.RFC3339, strings.TrimSpace(v.Text()))
		if err != nil {
			return connectors.Null, fmt.Errorf("`%s` is not an instant such as 2026-12-24T09:00:00Z", clip(v.Text()))
		}
		return connectors.Instant(t), nil
	}
	return connectors.Null, c.cannot(v)
}

// option finds the target's option of the same name. Ids of two systems mean
// nothing to each other, so an option with a label goes by its label.
func (c *converter) option(v connectors.Value) (connectors.Value, error) {
	name := text(v)
	var o connectors.Option
	var ok bool
	switch v.Type() {
	case connectors.TypeOption:
		from := v.Option()
		if from.Label != "" && from.Label != from.ID {
			name = from.Label
		}
		if slices.Contains(c.to.Options, from) {
			return v, nil
		}
		o, ok = optionLabelled(c.to.Options, name)
		if !ok && (from.Label == "" || from.Label == from.ID) {
			o, ok = c.to.Option(name)
		}
	case connectors.TypeText, connectors.TypeNumber, connectors.TypeBool:
		o, ok = c.to.Option(name)
	default:
		return connectors.Null, c.cannot(v)
	}
	switch {
	case ok:
		return connectors.Choice(o), nil
	case c.to.Open && strings.TrimSpace(name) != "":
		return connectors.Choice(connectors.Option{ID: name, Label: name}), nil
	}
	return connectors.Null, fmt.Errorf("the field `%s` has no option `%s`", c.to.Name, clip(name))
}

// optionLabelled returns the one option with a label, else the one with that
// label in another case.
func optionLabelled(options []connectors.Option, label string) (found connectors.Option, ok bool) {
	var folded connectors.Option
	exact, near := 0, 0
	for _, o := range options {
		if o.Label == label {
			found, exact = o, exact+1
		} else if strings.EqualFold(o.Label, label) {
			folded, near = o, near+1
		}
	}
	if exact > 0 {
		return found, exact == 1
	}
	return folded, near == 1
}

func (c *converter) options(x value) (connectors.Value, error) {
	list := x.items()
	if !x.many() {
		list = []connectors.Value{x.v}
	}
	options := make([]connectors.Option, 0, len(list))
	for _, item := range list {
		o, err := c.option(item)
		if err != nil {
			return connectors.Null, err
		}
		options = append(options, o.Option())
	}
	return connectors.Choices(options...), nil
}

func (c *converter) person(v connectors.Value) (connectors.Value, error) {
	switch v.Type() {
	case connectors.TypePerson:
		p := v.Person()
		if p.Email == "" {
			return connectors.Null, fmt.Errorf("the e-mail of %s cannot be seen", firstNonEmpty(p.Name, p.ID))
		}
		return connectors.PersonValue(connectors.Person{Email: p.Email, Name: p.Name}), nil
	case connectors.TypeText:
		email := strings.TrimSpace(v.Text())
		if email == "" {
			return connectors.Null, nil
		}
		if !strings.Contains(email, "@") {
			return connectors.Null, fmt.Errorf("`%s` is no e-mail", clip(email))
		}
		return connectors.PersonValue(connectors.Person{Email: email}), nil
	}
	return connectors.Null, c.cannot(v)
}

func firstNonEmpty(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// result converts what an expression or template computed.
func (c *converter) result(x value) (connectors.Value, error) {
	switch {
	case x.isNull():
		return connectors.Null, nil
	case x.span != noSpan:
		return connectors.Null, fmt.Errorf("a number of days is no value: add it to a date")
	case c.to.Type == connectors.TypeOptions:
		return c.options(x)
	case x.many():
		return connectors.Null, fmt.Errorf("a list cannot become %s", article(c.to.Type))
	case x.kind() == kText && c.to.Type != connectors.TypeText && c.to.Type != connectors.TypeRichText && strings.TrimSpace(x.v.Text()) == "":
		return connectors.Null, nil
	case x.v.Type() == connectors.TypeRichText && c.to.Type != connectors.TypeText && c.to.Type != connectors.TypeRichText:
		return c.copy(connectors.Text(x.v.Text()))
	}
	return c.copy(x.v)
}
