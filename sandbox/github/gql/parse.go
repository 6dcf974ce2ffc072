package gql

import (
	"errors"
	"fmt"
	"strconv"
)

// Document is a parsed document.
type Document struct {
	operations []*operation
	fragments  map[string]*fragment
}

type operation struct {
	kind      string // "query" or "mutation"
	name      string
	variables []variable
	selection []selection
}

type variable struct {
	name     string
	required bool
	fallback *value
}

type fragment struct {
	name, on  string
	selection []selection
}

// selection is a field, or what a fragment spreads.
type selection struct {
	alias, name string // of a field
	args        []argument
	directives  []directive
	selection   []selection
	on          string // the type of an inline fragment
	inline      bool
	spread      string // the name of a fragment
	line, col   int
}

type argument struct {
	name  string
	value value
}

type directive struct {
	name string
	args []argument
}

// value is a literal, or a variable's name.
type value struct {
	variable string
	literal  any // nil, bool, int64, float64, string, enum, []value, []argument
}

// enum is a bare word where a value stands.
type enum string

// maxDepth bounds how deep selections and values may nest.
const maxDepth = 60

// Parse reads a document. Errors are *SyntaxError.
func Parse(src string) (*Document, error) {
	p := &parser{lex: lexer{src: src, line: 1}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	d := &Document{fragments: map[string]*fragment{}}
	for p.tok.kind != end {
		if err := p.definition(d); err != nil {
			return nil, err
		}
	}
	if len(d.operations) == 0 {
		return nil, p.lex.fail("A query attribute must be specified and must be a string.")
	}
	return d, nil
}

type parser struct {
	lex   lexer
	tok   token
	depth int
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lex.next()
	return err
}

func (p *parser) unexpected(want string) error {
	got := strconv.Quote(p.tok.text)
	if p.tok.kind == end {
		got = "(end of document)"
	}
	return &SyntaxError{Line: p.tok.line, Column: p.tok.col, Why: fmt.Sprintf("Expected %s, actual: %s at [%d, %d]", want, got, p.tok.line, p.tok.col)}
}

func (p *parser) is(sign string) bool { return p.tok.kind == punctuation && p.tok.text == sign }

func (p *parser) word(w string) bool { return p.tok.kind == name && p.tok.text == w }

func (p *parser) take(sign string) error {
	if !p.is(sign) {
		return p.unexpected(strconv.Quote(sign))
	}
	return p.advance()
}

func (p *parser) name() (string, error) {
	if p.tok.kind != name {
		return "", p.unexpected("a name")
	}
	n := p.tok.text
	return n, p.advance()
}

func (p *parser) definition(d *Document) error {
	switch {
	case p.is("{"):
		sel, err := p.selections()
		d.operations = append(d.operations, &operation{kind: "query", selection: sel})
		return err
	case p.word("query"), p.word("mutation"):
		op, err := p.operation()
		d.operations = append(d.operations, op)
		return err
	case p.word("fragment"):
		f, err := p.fragment()
		if err == nil {
			d.fragments[f.name] = f
		}
		return err
	}
	return p.unexpected("a query, a mutation or a fragment")
}

func (p *parser) operation() (*operation, error) {
	op := &operation{kind: p.tok.text}
	err := p.advance()
	if err == nil && p.tok.kind == name {
		op.name, err = p.name()
	}
	if err == nil && p.is("(") {
		op.variables, err = p.variables()
	}
	if err == nil {
		_, err = p.directives()
	}
	if err == nil {
		op.selection, err = p.selections()
	}
	return op, err
}

func (p *parser) variables() ([]variable, error) {
	if err := p.take("("); err != nil {
		return nil, err
	}
	var out []variable
	for !p.is(")") {
		v, err := p.variable()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, p.advance()
}

func (p *parser) variable() (v variable, err error) {
	if err = p.take("$"); err != nil {
		return v, err
	}
	if v.name, err = p.name(); err != nil {
		return v, err
	}
	if err = p.take(":"); err != nil {
		return v, err
	}
	if v.required, err = p.typeRef(); err != nil {
		return v, err
	}
	if p.is("=") {
		if err = p.advance(); err != nil {
			return v, err
		}
		fallback, err := p.value()
		v.fallback = &fallback
		return v, err
	}
	return v, nil
}

// typeRef reads a type and tells whether it takes no null.
func (p *parser) typeRef() (required bool, err error) {
	if p.depth++; p.depth > maxDepth {
		return false, p.unexpected("a shallower type")
	}
	defer func() { p.depth-- }()
	if p.is("[") {
		if err = p.advance(); err != nil {
			return false, err
		}
		if _, err = p.typeRef(); err != nil {
			return false, err
		}
		err = p.take("]")
	} else {
		_, err = p.name()
	}
	if err == nil && p.is("!") {
		return true, p.advance()
	}
	return false, err
}

func (p *parser) fragment() (*fragment, error) {
	f := &fragment{}
	err := p.advance()
	if err == nil {
		f.name, err = p.name()
	}
	if err == nil && !p.word("on") {
		err = p.unexpected(`"on"`)
	}
	if err == nil {
		err = p.advance()
	}
	if err == nil {
		f.on, err = p.name()
	}
	if err == nil {
		_, err = p.directives()
	}
	if err == nil {
		f.selection, err = p.selections()
	}
	return f, err
}

func (p *parser) selections() ([]selection, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.unexpected("a shallower query")
	}
	defer func() { p.depth-- }()
	if err := p.take("{"); err != nil {
		return nil, err
	}
	var out []selection
	for !p.is("}") {
		s, err := p.selection()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, p.unexpected("a field")
	}
	return out, p.advance()
}

func (p *parser) selection() (s selection, err error) {
	s.line, s.col = p.tok.line, p.tok.col
	if p.is("...") {
		return p.spread(s)
	}
	if s.name, err = p.name(); err != nil {
		return s, err
	}
	s.alias = s.name
	if p.is(":") {
		if err = p.advance(); err != nil {
			return s, err
		}
		if s.name, err = p.name(); err != nil {
			return s, err
		}
	}
	if p.is("(") {
		if s.args, err = p.arguments(")"); err != nil {
			return s, err
		}
	}
	if s.directives, err = p.directives(); err != nil {
		return s, err
	}
	if p.is("{") {
		s.selection, err = p.selections()
	}
	return s, err
}

func (p *parser) spread(s selection) (selection, error) {
	err := p.advance()
	switch {
	case err != nil:
		return s, err
	case p.tok.kind == name && p.tok.text != "on":
		if s.spread, err = p.name(); err != nil {
			return s, err
		}
		s.directives, err = p.directives()
		return s, err
	case p.word("on"):
		if err = p.advance(); err != nil {
			return s, err
		}
		if s.on, err = p.name(); err != nil {
			return s, err
		}
	}
	s.inline = true
	if s.directives, err = p.directives(); err != nil {
		return s, err
	}
	s.selection, err = p.selections()
	return s, err
}

func (p *parser) directives() ([]directive, error) {
	var out []directive
	for p.is("@") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		n, err := p.name()
		if err != nil {
			return nil, err
		}
		d := directive{name: n}
		if p.is("(") {
			if d.args, err = p.arguments(")"); err != nil {
				return nil, err
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// arguments reads "name: value" pairs up to a closing sign.
func (p *parser) arguments(closing string) ([]argument, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	out := []argument{}
	for !p.is(closing) {
		n, err := p.name()
		if err != nil {
			return nil, err
		}
		if err := p.take(":"); err != nil {
			return nil, err
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		out = append(out, argument{n, v})
	}
	return out, p.advance()
}

func (p *parser) value() (v value, err error) {
	if p.depth++; p.depth > maxDepth {
		return v, p.unexpected("a shallower value")
	}
	defer func() { p.depth-- }()
	switch {
	case p.is("$"):
		if err = p.advance(); err == nil {
			v.variable, err = p.name()
		}
		return v, err
	case p.is("{"):
		args, err := p.arguments("}")
		v.literal = args
		return v, err
	case p.is("["):
		return p.list()
	case p.tok.kind == text:
		v.literal = p.tok.text
	case p.tok.kind == number:
		v.literal = parseNumber(p.tok.text)
	case p.tok.kind == name:
		v.literal = map[string]any{"true": true, "false": false}[p.tok.text]
		if v.literal == nil && p.tok.text != "null" {
			v.literal = enum(p.tok.text)
		}
	default:
		return v, p.unexpected("a value")
	}
	return v, p.advance()
}

func (p *parser) list() (v value, err error) {
	if err = p.advance(); err != nil {
		return v, err
	}
	list := []value{}
	for !p.is("]") {
		if p.tok.kind == end {
			return v, p.unexpected(`"]"`)
		}
		item, err := p.value()
		if err != nil {
			return v, err
		}
		list = append(list, item)
	}
	v.literal = list
	return v, p.advance()
}

func parseNumber(s string) any {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil
	}
	return f
}
