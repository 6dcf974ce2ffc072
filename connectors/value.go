package connectors

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"
)

// Type is the type of a Value or of a schema field. The set is closed: the
// mapping language knows every pair of types and whether one converts to the
// other.
type Type uint8

// The types of values.
const (
	TypeNull      Type = iota // no value: the system says that the field is empty
	TypeText                  // plain text, one or many lines
	TypeRichText              // CommonMark
	TypeNumber                // an exact decimal
	TypeBool                  // true or false
	TypeDate                  // a calendar day, without a time or a zone
	TypeInstant               // a point in time, to the microsecond
	TypeOption                // one of a field's options
	TypeOptions               // a set of options or labels; order has no meaning
	TypePerson                // a user of the system
	TypeReference             // another record of the same connection
	TypeMoney                 // an exact decimal with a currency
	TypeFile                  // an attachment: name, address, size
)

var typeNames = [...]string{
	"null", "text", "rich text", "number", "boolean", "date", "instant",
	"option", "options", "person", "reference", "money", "file",
}

// String returns the type's name as people read it, such as "rich text".
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// Option is one choice of a field. ID is what the system stores and what makes
// two options the same; Label is what people see. For free labels both are the
// same text.
type Option struct {
	ID    string
	Label string
}

// Person is a user of a system. ID is the system's own id, empty for a person
// known by e-mail only (before the engine looked the id up). Email is lower
// case, and empty where the system does not show it.
type Person struct {
	ID    string
	Email string
	Name  string
}

// File names an attachment. Size is in bytes, -1 when unknown.
type File struct {
	ID   string
	Name string
	URL  string
	Size int64
}

// Value is one immutable field value. The zero Value is null: the field is
// cleared. Absent and hidden are not values; see Presence.
//
// A Value is small and safe to copy; the methods that return slices return the
// value's own memory, which must not be changed.
type Value struct {
	_    [0]func() // values are compared by Equal
	head int64     // the type in the lowest eight bits, above them the number: see number
	s    string    // text, markdown, decimal, option id, person id, reference id, file id
	more *more     // nil where all of it is empty
}

// more is what only some values need. It lies apart, so that a Value is small:
// four words, which the compiler keeps in registers. It never changes.
type more struct {
	label string   // option label, person e-mail, currency, reference object, file name
	note  string   // person name, reference title, file address
	set   []Option // options, sorted by ID, without repeats
	wide  bool     // the number does not fit beside the type
	n     int64    // where it is wide
}

// counted returns a value of a type that is, or has, a number: of a bool, a
// date (days since 1970-01-01), an instant (µs since 1970) or a file's size.
func counted(t Type, n int64) Value {
	if n<<8>>8 == n {
		return Value{head: n<<8 | int64(t)}
	}
	return Value{head: int64(t), more: &more{wide: true, n: n}}
}

func (v Value) number() int64 {
	if v.more != nil && v.more.wide {
		return v.more.n
	}
	return v.head >> 8
}

func moreOf(label, note string) *more {
	if label == "" && note == "" {
		return nil
	}
	return &more{label: label, note: note}
}

func (v Value) label() string {
	if v.more == nil {
		return ""
	}
	return v.more.label
}

func (v Value) note() string {
	if v.more == nil {
		return ""
	}
	return v.more.note
}

// Null is the value of a cleared field.
var Null = Value{}

// Text returns a text value; line ends become "\n". The empty text is a value
// of its own; connectors of systems that do not tell it from null return Null.
func Text(s string) Value { return Value{head: int64(TypeText), s: newlines(s)} }

// RichText returns a value of CommonMark; line ends become "\n".
func RichText(markdown string) Value { return Value{head: int64(TypeRichText), s: newlines(markdown)} }

func newlines(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// maxDigits bounds the digits and the exponent of a number, so that a hostile
// "1e999999999" cannot fill the memory when it is written out.
const maxDigits = 1000

// ParseNumber returns the exact decimal that s spells, such as "12.50" or
// "-1e3". Two spellings of one number give equal values. The error says that s
// is no number; NaN and infinities are none.
func ParseNumber(s string) (Value, error) {
	canon, err := canonicalDecimal(s)
	if err != nil {
		return Null, err
	}
	return Value{head: int64(TypeNumber), s: canon}, nil
}

// Int returns the number n.
func Int(n int64) Value { return Value{head: int64(TypeNumber), s: strconv.FormatInt(n, 10)} }

// Money returns an amount with its ISO 4217 currency, which may be empty where
// the system has one currency only.
func Money(amount, currency string) (Value, error) {
	canon, err := canonicalDecimal(amount)
	if err != nil {
		return Null, err
	}
	return Value{head: int64(TypeMoney), s: canon, more: moreOf(strings.ToUpper(currency), "")}, nil
}

func canonicalDecimal(s string) (string, error) {
	s = strings.TrimSpace(s)
	if canon, ok := plainDecimal(s); ok {
		return canon, nil
	}
	return anyDecimal(s)
}

// anyDecimal returns the normal form of a number in any notation.
func anyDecimal(s string) (string, error) {
	if len(s) > maxDigits {
		return "", fmt.Errorf("a number of %d characters is over the limit of %d", len(s), maxDigits)
	}
	var d apd.Decimal
	_, cond, err := d.SetString(s)
	if err != nil || cond.Any() || d.Form != apd.Finite {
		return "", fmt.Errorf("%q is not a number", clip(s))
	}
	if d.Exponent > maxDigits || d.Exponent < -maxDigits {
		return "", fmt.Errorf("the number %q is out of range", clip(s))
	}
	d.Reduce(&d)
	if d.IsZero() {
		return "0", nil
	}
	text := d.Text('f')
	if len(text) > maxDigits { // it could not be read back
		return "", fmt.Errorf("the number %q is out of range", clip(s))
	}
	return text, nil
}

// plainDecimal returns the normal form of a short number that is written with
// digits and a point only, as nearly all are; ok is false for others.
func plainDecimal(s string) (canon string, ok bool) {
	if len(s) > 40 {
		return "", false
	}
	digits, point := strings.TrimPrefix(s, "-"), -1
	for i := range len(digits) {
		switch c := digits[i]; {
		case c == '.' && point < 0:
			point = i
		case c < '0' || c > '9':
			return "", false
		}
	}
	whole := digits
	if point >= 0 {
		whole = digits[:point]
	}
	if whole == "" || len(whole) > 1 && whole[0] == '0' || point == len(digits)-1 {
		return "", false
	}
	if point >= 0 {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		s = "0"
	}
	return s, true
}

func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// Bool returns a boolean value.
func Bool(b bool) Value {
	if b {
		return counted(TypeBool, 1)
	}
	return counted(TypeBool, 0)
}

// Date returns a calendar day. Days out of range are normalised as by
// time.Date.
func Date(year int, month time.Month, day int) Value {
	return DateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// DateOf returns the calendar day of t in t's own location.
func DateOf(t time.Time) Value {
	_, offset := t.Zone()
	seconds := t.Unix() + int64(offset)
	days := seconds / 86400
	if seconds%86400 < 0 {
		days--
	}
	return counted(TypeDate, days)
}

// ParseDate returns the day written as YYYY-MM-DD.
func ParseDate(s string) (Value, error) {
	if v, ok := plainDate(s); ok {
		return v, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Null, fmt.Errorf("%q is not a date of the form YYYY-MM-DD", clip(s))
	}
	return DateOf(t), nil
}

// plainDate reads a day of the usual form at once; ok is false for others, and
// for days that no calendar has.
func plainDate(s string) (v Value, ok bool) {
	if len(s) != len(time.DateOnly) || s[4] != '-' || s[7] != '-' {
		return Null, false
	}
	number := func(part string) int {
		n := 0
		for i := range len(part) {
			if part[i] < '0' || part[i] > '9' {
				return -1
			}
			n = n*10 + int(part[i]-'0')
		}
		return n
	}
	year, month, day := number(s[:4]), number(s[5:7]), number(s[8:])
	if year < 0 || month < 1 || month > 12 || day < 1 || day > 28 {
		return Null, false // the last days of a month are left to the calendar
	}
	return Date(year, time.Month(month), day), true
}

// Instant returns the point in time t, cut to the microsecond.
func Instant(t time.Time) Value { return counted(TypeInstant, t.UnixMicro()) }

// Choice returns one option.
func Choice(o Option) Value {
	return Value{head: int64(TypeOption), s: o.ID, more: moreOf(o.Label, "")}
}

// Choices returns a set of options. Order and repeats in the arguments do not
// matter. The empty set is null.
func Choices(options ...Option) Value {
	if len(options) == 0 {
		return Null
	}
	set := slices.Clone(options)
	slices.SortFunc(set, func(a, b Option) int { return strings.Compare(a.ID, b.ID) })
	set = slices.CompactFunc(set, func(a, b Option) bool { return a.ID == b.ID })
	return Value{head: int64(TypeOptions), more: &more{set: set}}
}

// Labels returns a set of free labels.
func Labels(labels ...string) Value {
	options := make([]Option, len(labels))
	for i, l := range labels {
		options[i] = Option{ID: l, Label: l}
	}
	return Choices(options...)
}

// PersonValue returns a person; one without id and e-mail is null.
func PersonValue(p Person) Value {
	if p.ID == "" && p.Email == "" {
		return Null
	}
	return Value{head: int64(TypePerson), s: p.ID, more: moreOf(strings.ToLower(strings.TrimSpace(p.Email)), p.Name)}
}

// Reference returns a reference to another record of the same connection.
// Title is what people see and does not count when values are compared.
func Reference(object, id, title string) Value {
	return Value{head: int64(TypeReference), s: id, more: moreOf(object, title)}
}

// FileValue returns a file.
func FileValue(f File) Value {
	v := counted(TypeFile, f.Size)
	v.s = f.ID
	if f.Name != "" || f.URL != "" || v.more != nil {
		m := more{label: f.Name, note: f.URL}
		if v.more != nil {
			m.wide, m.n = true, v.more.n
		}
		v.more = &m
	}
	return v
}

// Type returns the value's type.
func (v Value) Type() Type { return Type(uint8(v.head)) }

// IsNull reports whether the field is cleared.
func (v Value) IsNull() bool { return v.Type() == TypeNull }

// Text returns the text of a text or rich-text value, "" for others.
func (v Value) Text() string {
	if v.Type() == TypeText || v.Type() == TypeRichText {
		return v.s
	}
	return ""
}

// Number returns the canonical decimal of a number or of an amount of money
// ("-12.5": no exponent, no trailing zeros), "" for others.
func (v Value) Number() string {
	if v.Type() == TypeNumber || v.Type() == TypeMoney {
		return v.s
	}
	return ""
}

// Currency returns the currency of an amount of money, "" for others.
func (v Value) Currency() string {
	if v.Type() == TypeMoney {
		return v.label()
	}
	return ""
}

// Bool returns a boolean's truth, false for others.
func (v Value) Bool() bool { return v.Type() == TypeBool && v.number() != 0 }

// Time returns an instant in UTC, or a date as its midnight in UTC; the zero
// time for others.
func (v Value) Time() time.Time {
	switch v.Type() {
	case TypeInstant:
		return time.UnixMicro(v.number()).UTC()
	case TypeDate:
		return time.Unix(v.number()*86400, 0).UTC()
	}
	return time.Time{}
}

// Option returns an option; the zero Option for others.
func (v Value) Option() Option {
	if v.Type() == TypeOption {
		return Option{ID: v.s, Label: v.label()}
	}
	return Option{}
}

// Options returns the options of a set, sorted by id; nil for others.
func (v Value) Options() []Option {
	if v.more == nil {
		return nil
	}
	return v.more.set
}

// Person returns a person; the zero Person for others.
func (v Value) Person() Person {
	if v.Type() == TypePerson {
		return Person{ID: v.s, Email: v.label(), Name: v.note()}
	}
	return Person{}
}

// Reference returns the object, id and title of a reference.
func (v Value) Reference() (object, id, title string) {
	if v.Type() == TypeReference {
		return v.label(), v.s, v.note()
	}
	return "", "", ""
}

// File returns a file; the zero File for others.
func (v Value) File() File {
	if v.Type() == TypeFile {
		return File{ID: v.s, Name: v.label(), URL: v.note(), Size: v.number()}
	}
	return File{}
}

// String returns the value as people read it: a label rather than an id, a
// date as YYYY-MM-DD, an instant in RFC 3339, UTC. Null is "".
func (v Value) String() string {
	switch v.Type() {
	case TypeText, TypeRichText, TypeNumber:
		return v.s
	case TypeMoney:
		return strings.TrimSpace(v.s + " " + v.label())
	case TypeBool:
		return fmt.Sprint(v.number() != 0)
	case TypeDate:
		return v.Time().Format(time.DateOnly)
	case TypeInstant:
		return v.Time().Format(time.RFC3339Nano)
	case TypeOption:
		return cmp.Or(v.label(), v.s)
	case TypeOptions:
		set := v.Options()
		labels := make([]string, len(set))
		for i, o := range set {
			labels[i] = cmp.Or(o.Label, o.ID)
		}
		return strings.Join(labels, ", ")
	case TypePerson:
		return cmp.Or(v.note(), v.label(), v.s)
	case TypeReference:
		return cmp.Or(v.note(), v.s)
	case TypeFile:
		return cmp.Or(v.label(), v.note(), v.s)
	}
	return ""
}
