package salesforce

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// quote returns a text as a query takes it.
func quote(s string) string {
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte('\'')
	for _, r := range s {
		switch r {
		case '\\', '\'', '"':
			b.WriteByte('\\')
			b.WriteRune(r)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		default:
			if r < ' ' || r == 0x7f {
				fmt.Fprintf(&b, `\u%04X`, r)
				continue
			}
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

func quoteAll(texts []string) string {
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = quote(s)
	}
	return "(" + strings.Join(quoted, ",") + ")"
}

// timeLiteral is how a query takes an instant: without quotes.
func timeLiteral(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// literal returns a wire text of the property as a query takes it.
func (p *property) literal(text string) string {
	switch p.wire {
	case "boolean", "int", "long", "double", "percent", "currency", "date", "time":
		return text
	case "datetime":
		if t, ok := parseTime(text); ok {
			return timeLiteral(t)
		}
	}
	return quote(text)
}

// where returns the conditions that a scope puts on records.
func (s scope) where(m *meta) []string {
	var out []string
	for _, name := range s.fields() {
		if p := m.props[name]; p != nil {
			out = append(out, name+" = "+p.literal(s.equal[name]))
		}
	}
	return out
}

func selectFrom(object string, fields, where []string, tail string) string {
	var b strings.Builder
	b.WriteString("SELECT " + strings.Join(fields, ", ") + " FROM " + object)
	if len(where) > 0 {
		b.WriteString(" WHERE " + strings.Join(where, " AND "))
	}
	if tail != "" {
		b.WriteString(" " + tail)
	}
	return b.String()
}

// wanted returns the fields to ask for: those named, as far as they are there
// for us, and those that the record itself needs.
func (m *meta) wanted(fields []string, s scope) []string {
	names := []string{fieldID, m.modified, m.title, fieldCreated, fieldDeleted}
	names = append(names, m.parents(s)...)
	names = append(names, s.fields()...)
	money := false
	for _, f := range fields {
		p := m.prop(f)
		if p == nil {
			continue
		}
		money = money || p.typ == connectors.TypeMoney
		names = append(names, p.name)
	}
	if money {
		names = append(names, fieldCurrency)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !m.has(n) })
	slices.Sort(names)
	return slices.Compact(names)
}

// parents returns the fields that say what a record belongs to, the first that
// holds something counting.
func (m *meta) parents(s scope) []string {
	switch {
	case s.parent != "":
		return []string{s.parent}
	case m.has("WhatId") && m.has("WhoId"):
		return []string{"WhatId", "WhoId"}
	}
	for _, name := range m.order {
		if m.props[name].cascade {
			return []string{name}
		}
	}
	return nil
}
