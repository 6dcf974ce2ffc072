package jql

import (
	"fmt"
	"strings"
)

// Limits that keep a query from costing more than its length: a deeper or
// longer one is refused as Jira refuses it.
const (
	maxLength = 64 << 10
	maxDepth  = 64
	maxOrder  = 7
)

// Parse reads a query. The error is always a *SyntaxError.
func Parse(input string) (*Query, error) {
	p := &parser{lex: lexer{input: input}}
	if len(input) > maxLength {
		return nil, p.lex.errorAt(maxLength, "The query is too long.")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	return q, nil
}

type parser struct {
	lex   lexer
	tok   token
	depth int
}

func (p *parser) advance() *SyntaxError {
	tok, err := p.lex.next()
	if err != nil {
		return err
	}
	p.tok = tok
	return nil
}

func (p *parser) failf(format string, args ...any) *SyntaxError {
	return p.lex.errorAt(p.tok.pos, fmt.Sprintf(format, args...))
}

func (p *parser) query() (*Query, *SyntaxError) {
	q := &Query{}
	if p.tok.kind != end && !p.tok.keyword("order") {
		where, err := p.or()
		if err != nil {
			return nil, err
		}
		q.Where = where
	}
	if p.tok.keyword("order") {
		if err := p.orderBy(q); err != nil {
			return nil, err
		}
	}
	if p.tok.kind != end {
		if len(q.Order) > 0 {
			return nil, p.failf("Expecting either ',' or the end of the query but got '%s'.", p.tok.text)
		}
		return nil, p.failf("Expecting either 'OR' or 'AND' but got '%s'.", p.tok.text)
	}
	return q, nil
}

func (p *parser) or() (Expr, *SyntaxError) {
	terms, err := p.chain(p.and, func() bool { return p.tok.keyword("or") || p.tok.is("||", "|") })
	if err != nil {
		return nil, err
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return Or(terms), nil
}

func (p *parser) and() (Expr, *SyntaxError) {
	terms, err := p.chain(p.not, func() bool { return p.tok.keyword("and") || p.tok.is("&&", "&") })
	if err != nil {
		return nil, err
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return And(terms), nil
}

func (p *parser) chain(operand func() (Expr, *SyntaxError), joins func() bool) ([]Expr, *SyntaxError) {
	var terms []Expr
	for {
		term, err := operand()
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
		if !joins() {
			return terms, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

func (p *parser) not() (Expr, *SyntaxError) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		return nil, p.failf("The query is nested too deeply.")
	}
	switch {
	case p.tok.keyword("not") || p.tok.is("!"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		term, err := p.not()
		if err != nil {
			return nil, err
		}
		return Not{term}, nil
	case p.tok.is("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.tok.is(")") {
			if p.tok.kind == end {
				return nil, p.failf("Expecting ')' before the end of the query.")
			}
			return nil, p.failf("Expecting ')' but got '%s'.", p.tok.text)
		}
		return inner, p.advance()
	}
	return p.clause()
}

func (p *parser) clause() (Expr, *SyntaxError) {
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	c := Clause{Field: field, Op: op}
	if op == In || op == NotIn {
		c.Operands, err = p.list()
	} else {
		var o Operand
		o, err = p.operand()
		c.Operands = []Operand{o}
	}
	if err != nil {
		return nil, err
	}
	if p.tok.keyword("after", "before", "by", "during", "on", "from", "to") {
		return nil, p.failf("Expecting either 'OR' or 'AND' but got '%s'.", p.tok.text)
	}
	if (op == Is || op == IsNot) && !c.Operands[0].Empty {
		return nil, p.failf("The operator '%s' only supports the values 'EMPTY' and 'NULL'.", op)
	}
	return c, nil
}

func (p *parser) field() (Field, *SyntaxError) {
	if p.tok.kind == end {
		return Field{}, p.failf("Expecting a field name at the end of the query.")
	}
	if p.tok.kind == symbol {
		return Field{}, p.failf("Expecting a field name but got '%s'. You must surround '%s' in quotation marks to use it as a field name.", p.tok.text, p.tok.text)
	}
	if p.tok.keyword("and", "or", "in", "is", "empty", "null", "order", "by") {
		return Field{}, p.failf("Expecting either a field name or one of the keywords but got '%s'. '%s' is a reserved JQL word. You must surround it in quotation marks to use it as a field name.", p.tok.text, p.tok.text)
	}
	f := Field{Name: p.tok.text}
	plain := p.tok.kind == word
	if err := p.advance(); err != nil {
		return Field{}, err
	}
	if !plain || !p.tok.is("[") {
		return f, nil
	}
	if err := p.advance(); err != nil {
		return Field{}, err
	}
	if p.tok.kind != word && p.tok.kind != quoted {
		return Field{}, p.failf("Expecting a property key or custom field id but got '%s'.", p.tok.text)
	}
	key := p.tok.text
	if err := p.advance(); err != nil {
		return Field{}, err
	}
	if !p.tok.is("]") {
		return Field{}, p.failf("Expecting ']' but got '%s'.", p.tok.text)
	}
	if err := p.advance(); err != nil {
		return Field{}, err
	}
	if strings.EqualFold(f.Name, "cf") {
		return Field{Name: "cf[" + key + "]"}, nil
	}
	f.Property = key
	if p.tok.kind == word && strings.HasPrefix(p.tok.text, ".") {
		f.Path = p.tok.text[1:]
		if err := p.advance(); err != nil {
			return Field{}, err
		}
	}
	return f, nil
}

const validOperators = "The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'."

func (p *parser) operator() (Op, *SyntaxError) {
	switch {
	case p.tok.kind == end:
		return "", p.failf("Expecting operator before the end of the query. %s", validOperators)
	case p.tok.is("=", "!=", "<", "<=", ">", ">=", "~", "!~"):
		op := Op(p.tok.text)
		return op, p.advance()
	case p.tok.keyword("in"):
		return In, p.advance()
	case p.tok.keyword("not"):
		if err := p.advance(); err != nil {
			return "", err
		}
		if !p.tok.keyword("in") {
			return "", p.failf("Expecting 'IN' but got '%s'.", p.tok.text)
		}
		return NotIn, p.advance()
	case p.tok.keyword("is"):
		if err := p.advance(); err != nil {
			return "", err
		}
		if p.tok.keyword("not") {
			return IsNot, p.advance()
		}
		return Is, nil
	}
	return "", p.failf("Expecting operator but got '%s'. %s", p.tok.text, validOperators)
}

func (p *parser) list() ([]Operand, *SyntaxError) {
	if !p.tok.is("(") {
		if p.tok.kind == word { // a function that gives a list
			o, err := p.operand()
			if err == nil && o.Function == "" {
				return nil, p.failf("Expecting '(' but got '%s'.", o.Text)
			}
			return []Operand{o}, err
		}
		return nil, p.failf("Expecting '(' but got '%s'.", p.tok.text)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	var list []Operand
	for {
		o, err := p.operand()
		if err != nil {
			return nil, err
		}
		list = append(list, o)
		switch {
		case p.tok.is(")"):
			return list, p.advance()
		case !p.tok.is(","):
			if p.tok.kind == end {
				return nil, p.failf("Expecting ')' before the end of the query.")
			}
			return nil, p.failf("Expecting ',' or ')' but got '%s'.", p.tok.text)
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

func (p *parser) operand() (Operand, *SyntaxError) {
	switch {
	case p.tok.kind == end:
		return Operand{}, p.failf("Expecting either a value, list or function before the end of the query.")
	case p.tok.kind == symbol:
		return Operand{}, p.failf("Expecting either a value, list or function but got '%s'. You must surround '%s' in quotation marks to use it as a value.", p.tok.text, p.tok.text)
	case p.tok.keyword("empty", "null"):
		return Operand{Empty: true}, p.advance()
	case p.tok.keyword("and", "or", "not", "in", "is", "order", "by"):
		return Operand{}, p.failf("Expecting either a value, list or function but got '%s'. You must surround '%s' in quotation marks to use it as a value.", p.tok.text, p.tok.text)
	}
	o := Operand{Text: p.tok.text, Quoted: p.tok.kind == quoted}
	if err := p.advance(); err != nil {
		return Operand{}, err
	}
	if o.Quoted || !p.tok.is("(") {
		return o, nil
	}
	args, err := p.arguments()
	return Operand{Function: o.Text, Args: args}, err
}

func (p *parser) arguments() ([]string, *SyntaxError) {
	var args []string
	for {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.is(")") && len(args) == 0 {
			return nil, p.advance()
		}
		if p.tok.kind != word && p.tok.kind != quoted {
			return nil, p.failf("Expecting either a value or ')' but got '%s'.", p.tok.text)
		}
		args = append(args, p.tok.text)
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.is(")") {
			return args, p.advance()
		}
		if !p.tok.is(",") {
			return nil, p.failf("Expecting ')' or ',' but got '%s'.", p.tok.text)
		}
	}
}

func (p *parser) orderBy(q *Query) *SyntaxError {
	if err := p.advance(); err != nil {
		return err
	}
	if !p.tok.keyword("by") {
		return p.failf("Expecting 'by' but got '%s'.", p.tok.text)
	}
	for {
		if err := p.advance(); err != nil {
			return err
		}
		field, err := p.field()
		if err != nil {
			return err
		}
		o := Order{Field: field}
		if p.tok.keyword("asc", "desc") {
			o.Descending = p.tok.keyword("desc")
			if err := p.advance(); err != nil {
				return err
			}
		}
		q.Order = append(q.Order, o)
		if len(q.Order) > maxOrder {
			return p.failf("The maximum number of fields that can be ordered by is %d.", maxOrder)
		}
		if !p.tok.is(",") {
			return nil
		}
	}
}
