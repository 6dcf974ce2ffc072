package salesforce

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// value is what a field holds: nil, string, bool, number, or time.Time for
// instants. Dates and times of day are strings in their wire form.
type value any

// number is a decimal number without superfluous zeros.
type number string

// stampLayout is how instants look in answers.
const stampLayout = "2006-01-02T15:04:05.000-0700"

func stamp(t time.Time) string { return t.UTC().Format(stampLayout) }

// rat returns the number's worth.
func (n number) rat() *big.Rat {
	r, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// newNumber reads a decimal number and rounds it half up to scale places; scale
// below 0 keeps all.
func newNumber(text string, scale int) (number, bool) {
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if len(text) > 60 || len(strings.TrimLeft(exponent, "+-0")) > 2 {
		return "", false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f > 1e30 || f < -1e30 || f != 0 && f < 1e-30 && f > -1e-30 || f != f {
		return "", false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok || strings.ContainsAny(text, "/_xXpP") {
		return "", false
	}
	if scale < 0 {
		scale = 18
	}
	out := r.FloatString(scale)
	if strings.Contains(out, ".") {
		out = strings.TrimRight(strings.TrimRight(out, "0"), ".")
	}
	if out == "-0" {
		out = "0"
	}
	return number(out), true
}

// wire is the JSON of a value: doubles always have a decimal point.
func (f *field) wire(v value) any {
	switch v := v.(type) {
	case time.Time:
		return stamp(v)
	case number:
		if f.kind != "int" && f.kind != "long" && !strings.Contains(string(v), ".") {
			return json.RawMessage(string(v) + ".0")
		}
		return json.RawMessage(v)
	default:
		return v
	}
}

// csv is the text of a value in the results of bulk queries.
func (f *field) csv(v value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.000Z")
	case number:
		if f.kind == "int" {
			return string(v)
		}
		n, _ := v.rat().Float64()
		if n >= 1e7 || n <= -1e7 {
			return strings.Replace(strconv.FormatFloat(n, 'E', -1, 64), "E+0", "E", 1)
		}
		if !strings.Contains(string(v), ".") {
			return string(v) + ".0"
		}
		return string(v)
	}
	return fmt.Sprint(v)
}

var emailShape = regexp.MustCompile(`^[^@\s,;<>()\[\]"]+@[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]{2,}$`)

// parse reads what a client sent for the field.
func (f *field) parse(raw json.RawMessage) (value, *apiError) {
	if isNull(raw) {
		return nil, nil
	}
	switch c := first(raw); {
	case c == '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, jsonFault("%s", parserText(raw, err))
		}
		return f.fromText(text)
	case c == 't' || c == 'f':
		if f.kind != "boolean" {
			return f.fromText(strings.TrimSpace(string(raw)))
		}
		return c == 't', nil
	case c == '-' || c >= '0' && c <= '9':
		text := strings.TrimSpace(string(raw))
		if f.kind == "datetime" {
			ms, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, f.mismatch(text)
			}
			return time.UnixMilli(ms).UTC().Truncate(time.Second), nil
		}
		return f.fromText(text)
	}
	return nil, jsonFault("Cannot deserialize instance of %s from %s value (FieldName: %s)", f.soap(), shapeOf(raw), f.name)
}

func shapeOf(raw json.RawMessage) string {
	if first(raw) == '[' {
		return "START_ARRAY"
	}
	return "START_OBJECT"
}

// mismatch is the refusal of a value that the parser cannot make into the type.
func (f *field) mismatch(text string) *apiError {
	return jsonFault("Cannot deserialize instance of %s from VALUE_STRING value %s or request may be missing a required field at [line:1, column:1]", f.soapName(), text)
}

// fromText reads the text form of a value. White space at both ends goes, and
// what is empty then is no value.
func (f *field) fromText(text string) (value, *apiError) {
	if f.kind != "base64" {
		text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	}
	if text == "" {
		return nil, nil
	}
	switch f.kind {
	case "boolean":
		switch strings.ToLower(text) {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		}
		return nil, f.mismatch(text)
	case "int", "double", "currency", "percent", "long":
		return f.fromNumber(text)
	case "date":
		return f.fromDate(text)
	case "datetime":
		t, ok := parseInstant(text)
		if !ok {
			return nil, f.mismatch(text)
		}
		return t, nil
	case "time":
		for _, layout := range []string{"15:04:05.000Z", "15:04:05Z", "15:04:05.000", "15:04:05", "15:04"} {
			if t, err := time.Parse(layout, text); err == nil {
				return t.Format("15:04:05.000Z"), nil
			}
		}
		return nil, f.mismatch(text)
	case "id", "reference":
		id, ok := normalID(text)
		if !ok {
			return nil, refuse("MALFORMED_ID", "%s: id value of incorrect type: %s", f.label, text).on(f.name)
		}
		return id, nil
	case "base64":
		if _, err := base64.StdEncoding.DecodeString(text); err != nil {
			return nil, jsonFault("Cannot deserialize instance of base64Binary from VALUE_STRING value")
		}
		return text, nil
	case "multipicklist":
		return f.fromChoices(text)
	}
	return f.checkText(text)
}

func (f *field) fromNumber(text string) (value, *apiError) {
	scale := f.scale
	if f.kind == "int" || f.kind == "long" {
		scale = 0
		if strings.Contains(text, ".") && !strings.HasSuffix(strings.TrimRight(text, "0"), ".") {
			return nil, f.mismatch(text)
		}
	}
	n, ok := newNumber(text, scale)
	if !ok {
		return nil, f.mismatch(text)
	}
	whole, _, _ := strings.Cut(strings.TrimPrefix(string(n), "-"), ".")
	if most := f.precision - f.scale; f.precision > 0 && len(whole) > most {
		return nil, refuse("NUMBER_OUTSIDE_VALID_RANGE", "%s: value outside of valid range on numeric field: %s", f.label, text).on(f.name)
	}
	if f.digits > 0 && len(whole) > f.digits {
		return nil, refuse("NUMBER_OUTSIDE_VALID_RANGE", "%s: value outside of valid range on numeric field: %s", f.label, text).on(f.name)
	}
	return n, nil
}

func (f *field) fromDate(text string) (value, *apiError) {
	if t, err := time.Parse(time.DateOnly, text); err == nil && t.Year() >= 1700 && t.Year() <= 4000 {
		return text, nil
	}
	if t, ok := parseInstant(text); ok {
		return t.UTC().Format(time.DateOnly), nil
	}
	return nil, f.mismatch(text)
}

// parseInstant reads an instant in the forms that are taken; it has whole seconds.
func parseInstant(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Second), t.Year() >= 1700 && t.Year() <= 4000
		}
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, true
	}
	return time.Time{}, false
}

func (f *field) fromChoices(text string) (value, *apiError) {
	var chosen []string
	for _, part := range strings.Split(text, ";") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		p, ok := f.option(part)
		if !ok {
			if f.restricted {
				return nil, f.badChoice(part)
			}
			p.Value = part
		}
		if !slices.Contains(chosen, p.Value) {
			chosen = append(chosen, p.Value)
		}
	}
	slices.SortStableFunc(chosen, func(a, b string) int { return f.rank(a) - f.rank(b) })
	if len(chosen) == 0 {
		return nil, nil
	}
	return strings.Join(chosen, ";"), nil
}

func (f *field) rank(text string) int {
	i := slices.IndexFunc(f.picklist, func(p pick) bool { return p.Value == text })
	if i < 0 {
		return len(f.picklist)
	}
	return i
}

func (f *field) badChoice(text string) *apiError {
	return refuse("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "%s: bad value for restricted picklist field: %s", f.label, text).on(f.name)
}

func (f *field) checkText(text string) (value, *apiError) {
	if f.kind == "picklist" {
		p, ok := f.option(text)
		switch {
		case ok && p.Active:
			text = p.Value
		case f.restricted:
			return nil, f.badChoice(text)
		}
	}
	if f.kind == "email" && !emailShape.MatchString(text) {
		return nil, refuse("INVALID_EMAIL_ADDRESS", "%s: invalid email address: %s", f.label, text).on(f.name)
	}
	if f.length > 0 && utf8.RuneCountInString(text) > f.length {
		shown := text
		if len(shown) > 80 {
			shown = strings.ToValidUTF8(shown[:80], "") + "..."
		}
		return nil, refuse("STRING_TOO_LONG", "%s: data value too large: %s (max length=%d)", f.label, shown, f.length).on(f.name)
	}
	if f.html {
		text = tidyHTML(text)
	}
	return text, nil
}

// tidyHTML is what becomes of a rich text: scripts go, and links open a new
// window.
func tidyHTML(text string) string {
	text = scripts.ReplaceAllString(text, "")
	text = handlers.ReplaceAllString(text, "")
	return links.ReplaceAllStringFunc(text, func(a string) string {
		if strings.Contains(a, "target=") {
			return a
		}
		return a[:len(a)-1] + ` target="_blank">`
	})
}

var (
	scripts  = regexp.MustCompile(`(?is)<(script|style|iframe|object)\b.*?</(script|style|iframe|object)\s*>`)
	handlers = regexp.MustCompile(`(?i)\s+on[a-z]+\s*=\s*("[^"]*"|'[^']*')`)
	links    = regexp.MustCompile(`(?i)<a\s[^>]*>`)
)

// same reports whether two values are equal.
func same(a, b value) bool {
	if t, ok := a.(time.Time); ok {
		u, ok := b.(time.Time)
		return ok && t.Equal(u)
	}
	return a == b
}

func (f *field) soapName() string { _, name, _ := strings.Cut(f.soap(), ":"); return name }

// soap is the type that describe names in soapType.
func (f *field) soap() string {
	switch f.kind {
	case "id", "reference":
		return "tns:ID"
	case "boolean", "date", "time", "int", "long":
		return "xsd:" + f.kind
	case "datetime":
		return "xsd:dateTime"
	case "double", "currency", "percent":
		return "xsd:double"
	case "base64":
		return "xsd:base64Binary"
	case "address":
		return "urn:address"
	case "location":
		return "urn:location"
	case "anyType":
		return "xsd:anyType"
	}
	return "xsd:string"
}
