package jira

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
)

// A fieldKind knows the wire forms of one type of field.
type fieldKind interface {
	// parse reads what a client sets, which is never null. The error's text is
	// Jira's message for the field.
	parse(c *valueContext, raw json.RawMessage) (v value, empty bool, err error)
	// render gives the value as REST shows it.
	render(v *view, f *field, val value) any
	// words gives the value as the changelog shows it.
	words(s *System, f *field, val value) (id, text string)
	// allowed lists what may be set; nil where anything may.
	allowed(v *view, p *project, f *field) []any
}

// A listKind has elements that can be added and removed one by one.
type listKind interface {
	fieldKind
	// element reads one element and gives the text that stands for it in value.list.
	element(c *valueContext, raw json.RawMessage) (string, error)
}

// valueContext is what the meaning of a value can depend on.
type valueContext struct {
	sys       *System
	api       int // 2: wiki text, 3: documents
	field     *field
	project   *project
	issueType *issueType
	issue     *issue // nil at creation
}

const longText = 32_767

var errTooLong = says("The entered text is too long. It exceeds the allowed limit of 32,767 characters.")

// says makes an error of Jira's own words, which are sentences.
func says(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

type refusal string

func (r refusal) Error() string { return string(r) }

// noChoice is embedded by kinds without a list of allowed values.
type noChoice struct{}

func (noChoice) allowed(*view, *project, *field) []any { return nil }

type textKind struct {
	noChoice
	limit   int
	summary bool
	url     bool
}

func (k textKind) parse(_ *valueContext, raw json.RawMessage) (value, bool, error) {
	text, ok := asString(raw)
	if !ok {
		return value{}, false, says("Operation value must be a string")
	}
	if k.summary {
		text = strings.TrimSpace(text)
		switch {
		case text == "":
			return value{}, false, says("You must specify a summary of the issue.")
		case strings.ContainsAny(text, "\r\n"):
			return value{}, false, says("The summary is invalid because it contains newline characters.")
		case utf8.RuneCountInString(text) > k.limit:
			return value{}, false, says("Summary can't exceed 255 characters.")
		}
	}
	if utf8.RuneCountInString(text) > k.limit {
		return value{}, false, says("The entered text is too long. It exceeds the allowed limit of %d characters.", k.limit)
	}
	if k.url && text != "" {
		if u, err := url.Parse(text); err != nil || u.Scheme == "" || u.Host == "" {
			return value{}, false, says("The URL '%s' is not valid.", text)
		}
	}
	return value{text: text}, text == "", nil
}

func (textKind) render(_ *view, _ *field, val value) any { return val.text }

func (textKind) words(_ *System, _ *field, val value) (id, text string) { return "", val.text }

type docKind struct{ noChoice }

func (docKind) parse(c *valueContext, raw json.RawMessage) (value, bool, error) {
	doc, err := parseDoc(c.api, raw)
	if err != nil {
		return value{}, false, err
	}
	return value{doc: doc}, adf.IsEmpty(doc), nil
}

// parseDoc reads rich text: a document in v3, wiki markup in v2.
func parseDoc(api int, raw json.RawMessage) (*adf.Node, error) {
	if api != 3 {
		text, ok := asString(raw)
		if !ok {
			return nil, says("Operation value must be a string")
		}
		if utf8.RuneCountInString(text) > longText {
			return nil, errTooLong
		}
		return adf.FromWiki(text), nil
	}
	doc, err := adf.Parse(raw)
	switch {
	case errors.Is(err, adf.ErrNotDocument):
		return nil, says("Operation value must be an Atlassian Document (see the Atlassian Document Format)")
	case err != nil:
		return nil, err
	case utf8.RuneCountInString(adf.Wiki(doc)) > longText:
		return nil, errTooLong
	}
	return doc, nil
}

func (docKind) render(v *view, _ *field, val value) any { return v.doc(val.doc) }

func (docKind) words(_ *System, _ *field, val value) (id, text string) { return "", adf.Wiki(val.doc) }

type numberKind struct{ noChoice }

func (numberKind) parse(_ *valueContext, raw json.RawMessage) (value, bool, error) {
	var n float64
	if err := json.Unmarshal(raw, &n); err != nil || bytes.HasPrefix(raw, []byte(`"`)) {
		return value{}, false, says("Operation value must be a number")
	}
	if math.Abs(n) > 1e14 {
		return value{}, false, says("Number value must be between -100,000,000,000,000 and 100,000,000,000,000")
	}
	return value{number: n}, false, nil
}

func (numberKind) render(_ *view, _ *field, val value) any {
	// Jira shows numbers as doubles: 5 is 5.0.
	text := strconv.FormatFloat(val.number, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return json.RawMessage(text)
}

func (numberKind) words(_ *System, _ *field, val value) (id, text string) {
	return "", strconv.FormatFloat(val.number, 'f', -1, 64)
}

type dateKind struct{ noChoice }

func (dateKind) parse(_ *valueContext, raw json.RawMessage) (value, bool, error) {
	text, ok := asString(raw)
	if ok && text == "" {
		return value{}, true, nil
	}
	if _, err := time.Parse(time.DateOnly, text); !ok || err != nil {
		return value{}, false, says("Error parsing date string: %s", strings.Trim(string(raw), `"`))
	}
	return value{text: text}, false, nil
}

func (dateKind) render(_ *view, _ *field, val value) any { return val.text }

func (dateKind) words(_ *System, f *field, val value) (id, text string) {
	t, err := time.Parse(time.DateOnly, val.text)
	if err != nil || f.isCustom() {
		return val.text, val.text
	}
	return val.text, t.Format("2006-01-02 15:04:05.0")
}

const instantLayout = "2006-01-02T15:04:05.000-0700"

type dateTimeKind struct{ noChoice }

func (dateTimeKind) parse(_ *valueContext, raw json.RawMessage) (value, bool, error) {
	text, _ := asString(raw)
	for _, layout := range []string{instantLayout, "2006-01-02T15:04:05-0700", time.RFC3339Nano, "2006-01-02T15:04:05.000Z0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return value{time: t.UTC()}, false, nil
		}
	}
	return value{}, false, says("Error parsing time: %s", strings.Trim(string(raw), `"`))
}

func (dateTimeKind) render(v *view, _ *field, val value) any { return v.time(val.time) }

func (dateTimeKind) words(_ *System, _ *field, val value) (id, text string) {
	return val.time.Format("2006-01-02T15:04-0700"), val.time.Format("02/Jan/06 3:04 PM")
}

type labelsKind struct{ noChoice }

func (k labelsKind) parse(c *valueContext, raw json.RawMessage) (value, bool, error) {
	return parseList(k, c, raw)
}

func (labelsKind) element(_ *valueContext, raw json.RawMessage) (string, error) {
	text, ok := asString(raw)
	switch {
	case !ok:
		return "", errors.New("string expected at index 0")
	case strings.ContainsAny(text, " \t\n"):
		return "", says("The label '%s' contains spaces which is invalid.", text)
	case utf8.RuneCountInString(text) > 255:
		return "", says("The label '%s' exceeds the maximum length for a label of 255 characters.", text)
	}
	return text, nil
}

func (labelsKind) render(_ *view, _ *field, val value) any { return nonNil(val.list) }

func (labelsKind) words(_ *System, _ *field, val value) (id, text string) {
	return "", strings.Join(val.list, " ")
}

// parseList reads a whole list. Elements are kept once, labels sorted as Jira
// returns them.
func parseList(k listKind, c *valueContext, raw json.RawMessage) (value, bool, error) {
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return value{}, false, errors.New("data was not an array")
	}
	var list []string
	for _, e := range elements {
		text, err := k.element(c, e)
		if err != nil {
			return value{}, false, err
		}
		if text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	if _, labels := k.(labelsKind); labels {
		slices.Sort(list)
	}
	return value{list: list}, len(list) == 0, nil
}

// opaqueKind is a field that no client can set. Its values, if there are any,
// are rendered from the issue itself.
type opaqueKind struct{ noChoice }

func (opaqueKind) parse(c *valueContext, _ json.RawMessage) (value, bool, error) {
	return value{}, false, errNotOnScreen(c.field.id)
}

func (opaqueKind) render(_ *view, _ *field, val value) any { return val.text }

func (opaqueKind) words(_ *System, _ *field, val value) (id, text string) { return "", val.text }

func errNotOnScreen(id string) error {
	return says("Field '%s' cannot be set. It is not on the appropriate screen, or unknown.", id)
}

func asString(raw json.RawMessage) (text string, ok bool) {
	var p *string
	if err := json.Unmarshal(raw, &p); err != nil || p == nil {
		return "", false
	}
	return *p, true
}

func isNull(raw json.RawMessage) bool {
	trimmed := bytes.TrimSpace(raw)
	return len(trimmed) == 0 || string(trimmed) == "null"
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
