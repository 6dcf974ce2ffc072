package jql

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := []struct {
		query string
		want  Query
	}{
		{"", Query{}},
		{"project = ABC", Query{Where: Clause{Field: Field{Name: "project"}, Op: Equal, Operands: []Operand{{Text: "ABC"}}}}},
		{`labels in ("a b", c)`, Query{Where: Clause{Field: Field{Name: "labels"}, Op: In, Operands: []Operand{{Text: "a b", Quoted: true}, {Text: "c"}}}}},
		{"assignee is not EMPTY", Query{Where: Clause{Field: Field{Name: "assignee"}, Op: IsNot, Operands: []Operand{{Empty: true}}}}},
		{"updated >= -15m", Query{Where: Clause{Field: Field{Name: "updated"}, Op: GreaterOrEqual, Operands: []Operand{{Text: "-15m"}}}}},
		{"reporter = currentUser()", Query{Where: Clause{Field: Field{Name: "reporter"}, Op: Equal, Operands: []Operand{{Function: "currentUser"}}}}},
		{"created > startOfDay(-1)", Query{Where: Clause{Field: Field{Name: "created"}, Op: Greater, Operands: []Operand{{Function: "startOfDay", Args: []string{"-1"}}}}}},
		{"cf[10041] ~ deal", Query{Where: Clause{Field: Field{Name: "cf[10041]"}, Op: Contains, Operands: []Operand{{Text: "deal"}}}}},
		{"issue.property[a.b].c.d = 1", Query{Where: Clause{Field: Field{Name: "issue.property", Property: "a.b", Path: "c.d"}, Op: Equal, Operands: []Operand{{Text: "1"}}}}},
		{"order by updated desc, key", Query{Order: []Order{{Field: Field{Name: "updated"}, Descending: true}, {Field: Field{Name: "key"}}}}},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			got, err := Parse(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPrecedence(t *testing.T) {
	q, err := Parse("a = 1 or b = 2 and not (c = 3 || d = 4)")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	q.Clauses(func(c Clause) { names = append(names, c.Field.Name) })
	if got, want := strings.Join(names, ""), "abcd"; got != want {
		t.Errorf("clauses: got %q, want %q", got, want)
	}
	or, ok := q.Where.(Or)
	if !ok || len(or) != 2 {
		t.Fatalf("got %#v, want an Or of two", q.Where)
	}
	and, ok := or[1].(And)
	if !ok || len(and) != 2 {
		t.Fatalf("got %#v, want an And of two", or[1])
	}
	if _, ok := and[1].(Not); !ok {
		t.Errorf("got %#v, want a Not", and[1])
	}
}

func TestSyntaxErrors(t *testing.T) {
	tests := []struct{ query, want string }{
		{"project", "Expecting operator before the end of the query."},
		{"project ABC", "Expecting operator but got 'ABC'."},
		{"project = ABC foo", "Expecting either 'OR' or 'AND' but got 'foo'. (line 1, character 15)"},
		{"project =", "Expecting either a value, list or function before the end of the query. (line 1, character 10)"},
		{"(a = 1", "Expecting ')' before the end of the query."},
		{`a = "x`, "The quoted string 'x' has not been completed. (line 1, character 5)"},
		{"a in b", "Expecting '(' but got 'b'."},
		{"a = 1 order updated", "Expecting 'by' but got 'updated'."},
		{"a is 5", "The operator 'is' only supports the values 'EMPTY' and 'NULL'."},
		{`a = "\q"`, "is an illegal JQL escape sequence"},
		{"a = x@y", "The character '@' is a reserved JQL character."},
		{"a = 1 AND\nb", "(line 2, character 2)"},
		{strings.Repeat("(", 100) + "a = 1", "The query is nested too deeply."},
		{"order by a,b,c,d,e,f,g,h", "The maximum number of fields that can be ordered by is 7."},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			_, err := Parse(tt.query)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// tags is a binder over sets of words: a = x holds if the set has x.
func tags(c Clause) (func([]string) bool, error) {
	if c.Field.Name != "tag" {
		return nil, fmt.Errorf("no field %s", c.Field)
	}
	return func(subject []string) bool {
		hit := slices.ContainsFunc(c.Operands, func(o Operand) bool { return slices.Contains(subject, o.Text) })
		switch c.Op {
		case Is:
			return len(subject) == 0
		case IsNot:
			return len(subject) > 0
		case Equal, In:
			return hit
		default:
			return len(subject) > 0 && !hit
		}
	}, nil
}

func TestCompile(t *testing.T) {
	tests := []struct {
		query string
		want  []bool // for {}, {x}, {x y}
	}{
		{"tag = x", []bool{false, true, true}},
		{"tag != x", []bool{false, false, false}},
		{"not tag = y", []bool{false, true, false}}, // as tag != y: never matches the empty
		{"not (tag = x and tag = y)", []bool{false, true, false}},
		{"not not tag = x", []bool{false, true, true}},
		{"tag is empty or tag = y", []bool{true, false, true}},
		{"not tag is empty", []bool{false, true, true}},
		{"tag not in (y)", []bool{false, true, false}},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			q, err := Parse(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			match, errs := Compile(q, tags)
			if errs != nil {
				t.Fatal(errs)
			}
			got := []bool{match(nil), match([]string{"x"}), match([]string{"x", "y"})}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	q, err := Parse("foo = 1 and bar = 2 and tag = x")
	if err != nil {
		t.Fatal(err)
	}
	if _, errs := Compile(q, tags); len(errs) != 2 {
		t.Errorf("got %v, want two errors", errs)
	}
}

func TestInstant(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone data: ", err)
	}
	now := time.Date(2026, 3, 14, 12, 0, 30, 0, time.UTC) // 13:00:30 in Berlin, a Saturday
	tests := []struct {
		operand Operand
		want    string // RFC 3339 in UTC; empty: an error
	}{
		{Operand{Text: "2026-03-14 13:05", Quoted: true}, "2026-03-14T12:05:00Z"},
		{Operand{Text: "2026/03/14 13:05", Quoted: true}, "2026-03-14T12:05:00Z"},
		{Operand{Text: "2026-07-01"}, "2026-06-30T22:00:00Z"},
		{Operand{Text: "1773489600000"}, "2026-03-14T12:00:00Z"},
		{Operand{Text: "1773489600000", Quoted: true}, ""},
		{Operand{Text: "-15m"}, "2026-03-14T11:45:30Z"},
		{Operand{Text: "1w 2d"}, "2026-03-23T12:00:30Z"},
		{Operand{Function: "now"}, "2026-03-14T12:00:30Z"},
		{Operand{Function: "startOfDay"}, "2026-03-13T23:00:00Z"},
		{Operand{Function: "startOfDay", Args: []string{"-1"}}, "2026-03-12T23:00:00Z"},
		{Operand{Function: "startOfWeek"}, "2026-03-07T23:00:00Z"},
		{Operand{Function: "startOfMonth", Args: []string{"+1M"}}, "2026-03-31T22:00:00Z"},
		{Operand{Function: "endOfYear"}, "2026-12-31T22:59:59.999Z"},
		{Operand{Text: "2026-03-14T13:05:00", Quoted: true}, ""},
		{Operand{Text: "2026-03-14 13:05:59", Quoted: true}, ""},
		{Operand{Text: "yesterday"}, ""},
		{Operand{Function: "nextFriday"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.operand.Text+tt.operand.Function, func(t *testing.T) {
			got, err := Instant(tt.operand, "updated", now, berlin)
			if tt.want == "" {
				if err == nil {
					t.Errorf("got %v, want an error", got)
				}
				return
			}
			if err != nil || got.UTC().Format(time.RFC3339Nano) != tt.want {
				t.Errorf("got %v, %v, want %s", got.UTC().Format(time.RFC3339Nano), err, tt.want)
			}
		})
	}
}

func TestMatchText(t *testing.T) {
	const text = "Requirements: Northwind warehouse, phase-2"
	for query, want := range map[string]bool{
		"northwind": true, "warehouse requirements": true, "north*": true, "north": false, `"northwind warehouse"`: true,
		`"warehouse northwind"`: false, "phase-2": true, "missing": false, "": true,
	} {
		if got := MatchText(text, query); got != want {
			t.Errorf("MatchText(%q): got %v, want %v", query, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a = 1", "a in (1, f(2)) order by b", `a ~ "\u00e4" and not (b is empty)`, "issue.property[a].b.c != x", "a=1||b=2", "((("} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		q, err := Parse(query)
		if (q == nil) == (err == nil) {
			t.Fatalf("Parse(%q): got %v and %v", query, q, err)
		}
		if q != nil {
			Compile(q, tags)
		}
	})
}
