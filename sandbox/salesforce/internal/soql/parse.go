package soql

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds nested conditions and sub-queries.
const maxDepth = 40

type parser struct {
	query string
	toks  []token
	at    int
	depth int
}

// Parse reads a statement. The error is in the vendor's words.
func Parse(query string) (*Query, *Error) {
	p, err := newParser(query)
	if err != nil {
		return nil, err
	}
	q, err := p.statement(false)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokenEnd {
		return nil, p.unexpected()
	}
	return q, nil
}

// ParseWhere reads a condition alone, as after WHERE.
func ParseWhere(condition string) (Expr, *Error) {
	p, err := newParser(condition)
	if err != nil {
		return nil, err
	}
	x, err := p.condition()
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokenEnd {
		return nil, p.unexpected()
	}
	return x, nil
}

func newParser(query string) (*parser, *Error) {
	if utf8.RuneCountInString(query) > MaxLength {
		return nil, &Error{Code: "QUERY_TOO_COMPLICATED", Text: "SOQL statements cannot be longer than " + itoa(MaxLength) + " characters."}
	}
	toks, err := tokens(query)
	if err != nil {
		return nil, err
	}
	return &parser{query: query, toks: toks}, nil
}

func (p *parser) peek() token { return p.toks[p.at] }

func (p *parser) take() token {
	t := p.toks[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

func (p *parser) fail(pos int, message string) *Error {
	return &Error{Code: "MALFORMED_QUERY", Text: Pointed(p.query, pos, message)}
}

func (p *parser) unexpected() *Error {
	t := p.peek()
	if t.kind == tokenEnd {
		return &Error{Code: "MALFORMED_QUERY", Text: "unexpected token: '<EOF>'"}
	}
	text := t.text
	if t.kind == tokenString {
		text = "'" + text + "'"
	}
	return p.fail(t.pos, "unexpected token: '"+text+"'")
}

// word reports whether the next token is one of these words, in any case.
func (p *parser) word(words ...string) bool {
	t := p.peek()
	return t.kind == tokenWord && slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, t.text) })
}

// words reports whether the next tokens are these words.
func (p *parser) words(words ...string) bool {
	for i, w := range words {
		if p.at+i >= len(p.toks) || p.toks[p.at+i].kind != tokenWord || !strings.EqualFold(p.toks[p.at+i].text, w) {
			return false
		}
	}
	return true
}

func (p *parser) punct(text string) bool {
	t := p.peek()
	return t.kind == tokenPunct && t.text == text
}

func (p *parser) accept(text string) bool {
	if !p.punct(text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(text string) *Error {
	if !p.accept(text) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) enter() *Error {
	if p.depth++; p.depth > maxDepth {
		return &Error{Code: "QUERY_TOO_COMPLICATED", Text: "Query is either selecting too many fields or the filter conditions are too complicated."}
	}
	return nil
}

func (p *parser) statement(child bool) (*Query, *Error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if !p.word("SELECT") {
		return nil, p.unexpected()
	}
	p.at++
	q := &Query{Text: p.query, Limit: -1, Offset: -1}
	if err := p.selected(q, child); err != nil {
		return nil, err
	}
	if !p.word("FROM") {
		return nil, p.unexpected()
	}
	p.at++
	if p.peek().kind != tokenWord {
		return nil, p.unexpected()
	}
	from := p.take()
	q.From, q.FromPos = from.text, from.pos
	if p.peek().kind == tokenWord && !p.word("USING", "WHERE", "WITH", "GROUP", "ORDER", "LIMIT", "OFFSET", "FOR", "ALL", "UPDATE") {
		q.Alias = p.take().text
	}
	return q, p.clauses(q)
}

func (p *parser) selected(q *Query, child bool) *Error {
	if p.words("COUNT") && p.at+2 < len(p.toks) && p.toks[p.at+1].text == "(" && p.toks[p.at+2].text == ")" && !child {
		p.at += 3
		q.Count = true
		return nil
	}
	for {
		f, err := p.item(child)
		if err != nil {
			return err
		}
		q.Fields = append(q.Fields, f)
		if !p.accept(",") {
			return nil
		}
	}
}

func (p *parser) item(child bool) (Field, *Error) {
	pos := p.peek().pos
	switch {
	case p.punct("("):
		if child {
			return Field{}, p.unexpected()
		}
		p.at++
		sub, err := p.statement(true)
		if err != nil {
			return Field{}, err
		}
		return Field{Sub: sub, Pos: pos}, p.expect(")")
	case p.word("TYPEOF"):
		return p.typeOf(pos)
	case p.word("FIELDS") && p.toks[p.at+1].text == "(":
		p.at += 2
		if !p.word("ALL", "CUSTOM", "STANDARD") {
			return Field{}, p.unexpected()
		}
		f := Field{Star: strings.ToUpper(p.take().text), Pos: pos}
		return f, p.expect(")")
	}
	f, err := p.field()
	if err == nil && p.peek().kind == tokenWord && !p.word("FROM") {
		f.Alias = p.take().text
	}
	return f, err
}

func (p *parser) typeOf(pos int) (Field, *Error) {
	p.at++
	if p.peek().kind != tokenWord {
		return Field{}, p.unexpected()
	}
	t := &TypeOf{Relation: p.take().text}
	for p.word("WHEN") {
		p.at++
		w := TypeWhen{Type: p.take().text}
		if !p.word("THEN") {
			return Field{}, p.unexpected()
		}
		p.at++
		var err *Error
		if w.Fields, err = p.fieldList(); err != nil {
			return Field{}, err
		}
		t.When = append(t.When, w)
	}
	if p.word("ELSE") {
		p.at++
		var err *Error
		if t.Else, err = p.fieldList(); err != nil {
			return Field{}, err
		}
	}
	if len(t.When) == 0 || !p.word("END") {
		return Field{}, p.unexpected()
	}
	p.at++
	return Field{Type: t, Pos: pos}, nil
}

func (p *parser) fieldList() ([]Field, *Error) {
	var out []Field
	for {
		f, err := p.field()
		if err != nil {
			return nil, err
		}
		out = append(out, f)
		if !p.accept(",") {
			return out, nil
		}
	}
}

// field reads a path or a function of one.
func (p *parser) field() (Field, *Error) {
	t := p.peek()
	if t.kind != tokenWord || p.word("SELECT", "FROM", "WHERE", "LIMIT") {
		return Field{}, p.unexpected()
	}
	p.at++
	f := Field{Path: []string{t.text}, Pos: t.pos}
	if p.punct("(") {
		p.at++
		f.Func, f.Path = strings.ToUpper(t.text), nil
		if p.accept(")") {
			return f, nil
		}
		inner, err := p.field()
		if err != nil {
			return Field{}, err
		}
		f.Path = inner.Path
		if inner.Func != "" {
			f.Func += "(" + inner.Func
		}
		return f, p.expect(")")
	}
	for p.accept(".") {
		if p.peek().kind != tokenWord {
			return Field{}, p.unexpected()
		}
		f.Path = append(f.Path, p.take().text)
	}
	return f, nil
}

func (p *parser) clauses(q *Query) *Error {
	if p.words("USING", "SCOPE") {
		p.at += 2
		p.take()
	}
	if p.word("WHERE") {
		p.at++
		x, err := p.condition()
		if err != nil {
			return err
		}
		q.Where = x
	}
	if p.word("WITH") {
		p.at++
		if !p.word("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE") {
			return p.unexpected()
		}
		p.at++
	}
	if err := p.group(q); err != nil {
		return err
	}
	if err := p.order(q); err != nil {
		return err
	}
	var err *Error
	if q.Limit, err = p.count("LIMIT"); err != nil {
		return err
	}
	if q.Offset, err = p.count("OFFSET"); err != nil {
		return err
	}
	for p.word("FOR") {
		p.at++
		if !p.word("VIEW", "REFERENCE", "UPDATE") {
			return p.unexpected()
		}
		p.at++
		q.ForView = true
	}
	if p.words("ALL", "ROWS") {
		p.at += 2
		q.AllRows = true
	}
	return nil
}

func (p *parser) group(q *Query) *Error {
	if !p.words("GROUP", "BY") {
		return nil
	}
	p.at += 2
	var err *Error
	if q.GroupBy, err = p.fieldList(); err != nil {
		return err
	}
	if p.word("HAVING") {
		p.at++
		q.Having, err = p.condition()
	}
	return err
}

func (p *parser) order(q *Query) *Error {
	if !p.words("ORDER", "BY") {
		return nil
	}
	p.at += 2
	for {
		f, err := p.field()
		if err != nil {
			return err
		}
		o := Order{Field: f}
		if p.word("ASC", "DESC") {
			o.Desc = strings.EqualFold(p.take().text, "DESC")
		}
		if p.word("NULLS") {
			p.at++
			if !p.word("FIRST", "LAST") {
				return p.unexpected()
			}
			o.NullsLast = strings.EqualFold(p.take().text, "LAST")
		} else {
			o.NullsLast = o.Desc
		}
		q.OrderBy = append(q.OrderBy, o)
		if !p.accept(",") {
			return nil
		}
	}
}

func (p *parser) count(word string) (int, *Error) {
	if !p.word(word) {
		return -1, nil
	}
	p.at++
	t := p.peek()
	n, err := strconv.Atoi(t.text)
	if t.kind != tokenNumber || err != nil || n < 0 {
		return 0, p.unexpected()
	}
	p.at++
	return n, nil
}
