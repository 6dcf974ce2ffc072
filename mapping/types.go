package mapping

import (
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// kinds is the static type of an expression: the set of what its value may be.
// Fields may always be null, so null is left out of most checks.
type kinds uint16

const (
	kNull kinds = 1 << iota
	kText
	kNumber // money too
	kBool
	kDate
	kInstant
	kSpan // days or working days to add to a date
	kOption
	kPerson
	kReference
	kFile
	kList
)

// Groups of kinds that operators and functions take.
const (
	kWords = kText | kOption | kPerson | kReference // what may stand for a text
	kTimes = kDate | kInstant
	kAll   = kNull | kText | kNumber | kBool | kDate | kInstant | kSpan | kOption | kPerson | kReference | kFile | kList
)

var kindNames = [...]string{
	"nil", "a text", "a number", "true or false", "a date", "an instant", "a number of days",
	"an option", "a person", "a reference", "a file", "a list",
}

// String names the kinds for messages; null only when it is alone.
func (k kinds) String() string {
	if k != kNull {
		k &^= kNull
	}
	switch k &^ kNull {
	case kAll &^ kNull, kAll &^ (kNull | kSpan):
		return "a value of any kind"
	case kWords:
		return kText.String()
	}
	var names []string
	for i, name := range kindNames {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// fits reports whether a value of kinds k may be one of want.
func (k kinds) fits(want kinds) bool { return k == kNull || k&^kNull&want != 0 }

// kindsOf returns the kinds of a field's values.
func kindsOf(t connectors.Type) kinds {
	switch t {
	case connectors.TypeText, connectors.TypeRichText:
		return kText | kNull
	case connectors.TypeNumber, connectors.TypeMoney:
		return kNumber | kNull
	case connectors.TypeBool:
		return kBool | kNull
	case connectors.TypeDate:
		return kDate | kNull
	case connectors.TypeInstant:
		return kInstant | kNull
	case connectors.TypeOption:
		return kOption | kNull
	case connectors.TypeOptions:
		return kList | kNull
	case connectors.TypePerson:
		return kPerson | kNull
	case connectors.TypeReference:
		return kReference | kNull
	case connectors.TypeFile:
		return kFile | kNull
	}
	return kNull
}

// value is what an expression computes: one value, a list, or a span of days.
//
// It is seven words, so that a step hands it on in registers.
type value struct {
	v    connectors.Value
	list *[]connectors.Value // nil unless it is a list, which may be empty
	span span                // v is a number of days
}

type span uint8

const (
	noSpan span = iota
	spanDays
	spanWorkdays
)

func listValue(list []connectors.Value) value { return value{list: &list} }

// many reports whether the value is a list, also an empty one.
func (x value) many() bool { return x.list != nil }

// items returns the elements of a list, none for other values.
func (x value) items() []connectors.Value {
	if x.list == nil {
		return nil
	}
	return *x.list
}

func one(v connectors.Value) value { return value{v: v} }

func textValue(s string) value { return value{v: connectors.Text(s)} }

func boolValue(b bool) value { return value{v: connectors.Bool(b)} }

// of turns a field's value into an expression's: sets become lists of options.
func of(v connectors.Value) value {
	if v.Type() != connectors.TypeOptions {
		return value{v: v}
	}
	options := v.Options()
	list := make([]connectors.Value, len(options))
	for i, o := range options {
		list[i] = connectors.Choice(o)
	}
	return listValue(list)
}

// isNull reports whether there is nothing: null, or an empty list.
func (x value) isNull() bool { return x.v.IsNull() && len(x.items()) == 0 }

// kind returns what the value is.
func (x value) kind() kinds {
	if x.many() {
		return kList
	}
	if x.span != noSpan {
		return kSpan
	}
	if x.v.IsNull() {
		return kNull
	}
	return kindsOf(x.v.Type()) &^ kNull
}

// text returns what stands for the value where an expression wants a text: an
// option's id, a person's e-mail, a reference's id; "" for null.
func text(v connectors.Value) string {
	switch v.Type() {
	case connectors.TypeText, connectors.TypeRichText:
		return v.Text()
	case connectors.TypeOption:
		return v.Option().ID
	case connectors.TypePerson:
		return v.Person().Email
	case connectors.TypeReference:
		_, id, _ := v.Reference()
		return id
	}
	return v.String()
}
