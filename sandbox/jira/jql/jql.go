// Package jql parses the Jira Query Language and compiles it into predicates.
// It knows the grammar, the error texts and the rules of time; what a field
// means is left to the Binder of the caller.
//
// Facts are from Atlassian's pages "JQL operators", "JQL keywords" and "JQL
// functions" (read 2025-12) and from the error texts of live sites.
package jql

import (
	"fmt"
	"strings"
)

// Op is a comparison.
type Op string

// The operators of JQL. NotIn, IsNot and so on are operators of their own, not
// negations: they never match an empty field, save IsNot and Is.
const (
	Equal          Op = "="
	NotEqual       Op = "!="
	Less           Op = "<"
	LessOrEqual    Op = "<="
	Greater        Op = ">"
	GreaterOrEqual Op = ">="
	Contains       Op = "~"
	NotContains    Op = "!~"
	In             Op = "in"
	NotIn          Op = "not in"
	Is             Op = "is"
	IsNot          Op = "is not"
)

var opposite = map[Op]Op{
	Equal: NotEqual, NotEqual: Equal, Less: GreaterOrEqual, GreaterOrEqual: Less, Greater: LessOrEqual, LessOrEqual: Greater,
	Contains: NotContains, NotContains: Contains, In: NotIn, NotIn: In, Is: IsNot, IsNot: Is,
}

// Query is a parsed query. Where is nil when the query has no restriction.
type Query struct {
	Where Expr
	Order []Order
}

// Order is one term of ORDER BY.
type Order struct {
	Field      Field
	Descending bool
}

// Expr is And, Or, Not or Clause.
type Expr interface{ isExpr() }

// And holds when all of its terms hold.
type And []Expr

// Or holds when one of its terms holds.
type Or []Expr

// Not holds when its term does not.
type Not struct{ Term Expr }

// Clause compares one field with operands. In and NotIn take any number of
// them, the other operators one.
type Clause struct {
	Field    Field
	Op       Op
	Operands []Operand
}

func (And) isExpr()    {}
func (Or) isExpr()     {}
func (Not) isExpr()    {}
func (Clause) isExpr() {}

// Field names what a clause is about. For an entity property Name is
// "issue.property", Property its key and Path the path within the value.
type Field struct {
	Name     string
	Property string
	Path     string
}

// String gives the field as a query writes it.
func (f Field) String() string {
	if f.Property != "" {
		return fmt.Sprintf("%s[%s].%s", f.Name, f.Property, f.Path)
	}
	return f.Name
}

// Operand is a literal, a function call (Function set) or EMPTY.
type Operand struct {
	Text     string
	Quoted   bool
	Empty    bool
	Function string
	Args     []string
}

// SyntaxError is a query that does not parse. Its text is Jira's own.
type SyntaxError struct {
	Message         string
	Line, Character int
}

// Error gives the message as Jira shows it.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("Error in the JQL Query: %s (line %d, character %d)", e.Message, e.Line, e.Character)
}

// Binder gives the meaning of one clause: a test of subjects of type T.
type Binder[T any] func(Clause) (func(T) bool, error)

// Compile turns the restriction of a query into one predicate. NOT is pushed
// down to the operators, as Jira does it: NOT (labels = x) is labels != x, and
// matches no issue without labels. All errors of the binder are collected, in
// the order of the query.
func Compile[T any](q *Query, bind Binder[T]) (func(T) bool, []error) {
	if q.Where == nil {
		return func(T) bool { return true }, nil
	}
	c := compiler[T]{bind: bind}
	match := c.compile(q.Where, false)
	if len(c.errs) > 0 {
		return nil, c.errs
	}
	return match, nil
}

type compiler[T any] struct {
	bind Binder[T]
	errs []error
}

func (c *compiler[T]) compile(e Expr, negate bool) func(T) bool {
	switch e := e.(type) {
	case Not:
		return c.compile(e.Term, !negate)
	case And:
		return c.join(e, !negate, negate)
	case Or:
		return c.join(e, negate, negate)
	case Clause:
		if negate {
			e.Op = opposite[e.Op]
		}
		match, err := c.bind(e)
		if err != nil {
			c.errs = append(c.errs, err)
			return func(T) bool { return false }
		}
		return match
	}
	return func(T) bool { return false }
}

func (c *compiler[T]) join(terms []Expr, all, negate bool) func(T) bool {
	tests := make([]func(T) bool, 0, len(terms))
	for _, term := range terms {
		tests = append(tests, c.compile(term, negate))
	}
	return func(subject T) bool {
		for _, test := range tests {
			if test(subject) != all {
				return !all
			}
		}
		return all
	}
}

// Clauses calls f for each clause of the query's restriction, in order.
func (q *Query) Clauses(f func(Clause)) {
	var walk func(Expr)
	walk = func(e Expr) {
		switch e := e.(type) {
		case And:
			for _, t := range e {
				walk(t)
			}
		case Or:
			for _, t := range e {
				walk(t)
			}
		case Not:
			walk(e.Term)
		case Clause:
			f(e)
		}
	}
	if q.Where != nil {
		walk(q.Where)
	}
}

// Words splits text as the text index does: lower case, at everything that is
// neither letter nor digit.
func Words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 0x7f)
	})
}

// MatchText reports whether text matches the argument of the ~ operator: all
// of its words in any order, a word* as a prefix, a "quoted phrase" in order.
func MatchText(text, query string) bool {
	words := Words(text)
	if phrase, ok := strings.CutPrefix(query, `"`); ok {
		return containsPhrase(words, Words(strings.TrimSuffix(phrase, `"`)))
	}
	for _, term := range strings.Fields(query) {
		prefix := strings.HasSuffix(term, "*")
		for _, want := range Words(term) {
			if !containsWord(words, want, prefix) {
				return false
			}
		}
	}
	return true
}

func containsWord(words []string, want string, prefix bool) bool {
	for _, w := range words {
		if w == want || prefix && strings.HasPrefix(w, want) {
			return true
		}
	}
	return false
}

func containsPhrase(words, phrase []string) bool {
	for i := 0; i+len(phrase) <= len(words); i++ {
		same := true
		for j, w := range phrase {
			same = same && words[i+j] == w
		}
		if same {
			return true
		}
	}
	return false
}
