package jira

import (
	"slices"
	"strings"

	"github.com/tenonsync/tenon/sandbox/jira/jql"
)

// searchable is how search sees one field: through one of the functions.
type searchable struct {
	name string
	// values gives ids or words that are compared for equality, resolve finds
	// what an operand stands for.
	values  func(i *issue) []string
	resolve func(o jql.Operand) ([]string, error)
	// number gives a value with an order; parse reads an operand for it.
	number func(i *issue) (float64, bool)
	parse  func(o jql.Operand) (float64, error)
	// text gives words for the ~ operator.
	text func(i *issue) string
}

func errUnknownField(name string) error {
	return says("Field '%s' does not exist or you do not have permission to view it.", name)
}

func errOperator(op jql.Op, name string) error {
	return says("The operator '%s' is not supported by the '%s' field.", op, name)
}

func errUnknownValue(text, name string) error {
	return says("The value '%s' does not exist for the field '%s'.", text, name)
}

// bind gives the meaning of one clause.
func (b *binder) bind(c jql.Clause) (func(*issue) bool, error) {
	if len(c.Operands) == 1 && strings.EqualFold(c.Operands[0].Function, "issuesWithRemoteLinksByGlobalId") {
		return b.byRemoteLink(c)
	}
	f, err := b.field(c.Field)
	if err != nil {
		return nil, err
	}
	if f.name == "resolution" {
		for n, o := range c.Operands {
			c.Operands[n].Empty = o.Empty || strings.EqualFold(o.Text, "Unresolved")
		}
	}
	switch c.Op {
	case jql.Is, jql.IsNot:
		return f.emptiness(c.Op), nil
	case jql.Contains, jql.NotContains:
		return f.contains(c)
	case jql.Less, jql.LessOrEqual, jql.Greater, jql.GreaterOrEqual:
		return f.compare(c)
	}
	if f.values == nil && f.number == nil {
		return nil, errOperator(c.Op, f.name)
	}
	return f.equals(c)
}

func (f *searchable) has(i *issue) bool {
	switch {
	case f.values != nil:
		return len(f.values(i)) > 0
	case f.number != nil:
		_, ok := f.number(i)
		return ok
	}
	return f.text(i) != ""
}

func (f *searchable) emptiness(op jql.Op) func(*issue) bool {
	return func(i *issue) bool { return f.has(i) == (op == jql.IsNot) }
}

func (f *searchable) contains(c jql.Clause) (func(*issue) bool, error) {
	if f.text == nil {
		return nil, errOperator(c.Op, f.name)
	}
	query := c.Operands[0].Text
	if strings.HasPrefix(query, "*") || strings.HasPrefix(query, "?") {
		return nil, says("The text query '%s' for field '%s' is not allowed to start with character '%c'.", query, f.name, query[0])
	}
	return func(i *issue) bool {
		text := f.text(i)
		if c.Op == jql.NotContains {
			return text != "" && !jql.MatchText(text, query)
		}
		return jql.MatchText(text, query)
	}, nil
}

func (f *searchable) compare(c jql.Clause) (func(*issue) bool, error) {
	if f.number == nil {
		return nil, errOperator(c.Op, f.name)
	}
	limit, err := f.parse(c.Operands[0])
	if err != nil {
		return nil, err
	}
	return func(i *issue) bool {
		n, ok := f.number(i)
		if !ok {
			return false
		}
		switch c.Op {
		case jql.Less:
			return n < limit
		case jql.LessOrEqual:
			return n <= limit
		case jql.Greater:
			return n > limit
		default:
			return n >= limit
		}
	}, nil
}

// equals serves =, != and the list operators. The negative ones never match an
// issue without a value.
func (f *searchable) equals(c jql.Clause) (func(*issue) bool, error) {
	negative := c.Op == jql.NotEqual || c.Op == jql.NotIn
	wantEmpty := false
	var ids []string
	var numbers []float64
	for _, o := range c.Operands {
		switch {
		case o.Empty:
			wantEmpty = true
		case f.values != nil:
			found, err := f.resolve(o)
			if err != nil {
				return nil, err
			}
			ids = append(ids, found...)
		default:
			n, err := f.parse(o)
			if err != nil {
				return nil, err
			}
			numbers = append(numbers, n)
		}
	}
	in := func(i *issue) bool {
		if f.values != nil {
			return slices.ContainsFunc(f.values(i), func(v string) bool { return slices.Contains(ids, v) })
		}
		n, ok := f.number(i)
		return ok && slices.Contains(numbers, n)
	}
	return func(i *issue) bool {
		if !f.has(i) {
			return wantEmpty && !negative
		}
		return in(i) != negative
	}, nil
}

func (b *binder) byRemoteLink(c jql.Clause) (func(*issue) bool, error) {
	negative := c.Op == jql.NotIn || c.Op == jql.NotEqual
	ids := c.Operands[0].Args
	return func(i *issue) bool {
		linked := slices.ContainsFunc(i.remoteLinks, func(l *remoteLink) bool { return slices.Contains(ids, l.globalID) })
		return linked != negative
	}, nil
}
