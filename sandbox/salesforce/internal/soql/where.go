package soql

import (
	"strconv"
	"strings"
)

// condition reads comparisons that are joined by AND or by OR, never by both at
// one level: Salesforce refuses those.
func (p *parser) condition() (Expr, *Error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	first, err := p.simple()
	if err != nil {
		return nil, err
	}
	joint := ""
	parts := []Expr{first}
	for p.word("AND", "OR") {
		word := strings.ToUpper(p.peek().text)
		if joint != "" && word != joint {
			return nil, p.unexpected()
		}
		joint = word
		p.at++
		x, err := p.simple()
		if err != nil {
			return nil, err
		}
		parts = append(parts, x)
	}
	switch joint {
	case "AND":
		return And(parts), nil
	case "OR":
		return Or(parts), nil
	}
	return first, nil
}

func (p *parser) simple() (Expr, *Error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	switch {
	case p.word("NOT"):
		p.at++
		x, err := p.simple()
		return Not{x}, err
	case p.accept("("):
		x, err := p.condition()
		if err != nil {
			return nil, err
		}
		return x, p.expect(")")
	}
	return p.compare()
}

func (p *parser) compare() (Expr, *Error) {
	left, err := p.field()
	if err != nil {
		return nil, err
	}
	c := &Compare{Left: left}
	t := p.peek()
	switch {
	case t.kind == tokenPunct && strings.Contains(" = != <> < <= > >= ", " "+t.text+" "):
		p.at++
		if c.Op = t.text; c.Op == "<>" {
			c.Op = "!="
		}
		v, err := p.value()
		c.Values = []Value{v}
		return c, err
	case p.word("LIKE"):
		p.at++
		c.Op = "LIKE"
		v, err := p.value()
		c.Values = []Value{v}
		return c, err
	case p.word("IN", "INCLUDES", "EXCLUDES"):
		c.Op = strings.ToUpper(p.take().text)
		return c, p.list(c)
	case p.words("NOT", "IN"):
		p.at += 2
		c.Op = "NOT IN"
		return c, p.list(c)
	}
	return nil, p.unexpected()
}

func (p *parser) list(c *Compare) *Error {
	if err := p.expect("("); err != nil {
		return err
	}
	if p.word("SELECT") && strings.HasSuffix(c.Op, "IN") {
		sub, err := p.statement(true)
		if err != nil {
			return err
		}
		c.Sub = sub
		return p.expect(")")
	}
	for {
		v, err := p.value()
		if err != nil {
			return err
		}
		c.Values = append(c.Values, v)
		if !p.accept(",") {
			return p.expect(")")
		}
	}
}

func (p *parser) value() (Value, *Error) {
	t := p.peek()
	v := Value{Text: t.text, Pos: t.pos}
	switch t.kind {
	case tokenString:
		v.Kind, v.Like = Text, t.like
	case tokenNumber:
		if _, err := strconv.ParseFloat(t.text, 64); err != nil {
			return Value{}, p.unexpected()
		}
		v.Kind = Number
	case tokenDate:
		v.Kind = Date
	case tokenDateTime:
		v.Kind = DateTime
	case tokenWord:
		return p.wordValue(v)
	default:
		return Value{}, p.unexpected()
	}
	p.at++
	return v, nil
}

func (p *parser) wordValue(v Value) (Value, *Error) {
	v.Text = strings.ToUpper(v.Text)
	switch v.Text {
	case "NULL":
		v.Kind = Null
	case "TRUE", "FALSE":
		v.Kind = Bool
	default:
		numbered, known := dateWords[v.Text]
		if !known {
			return Value{}, p.unexpected()
		}
		v.Kind = DateWord
		if numbered {
			p.at++
			if !p.punct(":") {
				return Value{}, p.unexpected()
			}
			p.at++
			n, err := strconv.Atoi(p.peek().text)
			if err != nil || n < 0 || n > 100_000 {
				return Value{}, p.unexpected()
			}
			v.N = n
		}
	}
	p.at++
	return v, nil
}

// dateWords are the relative dates that are known; true if they take a number.
var dateWords = map[string]bool{
	"YESTERDAY": false, "TODAY": false, "TOMORROW": false,
	"LAST_WEEK": false, "THIS_WEEK": false, "NEXT_WEEK": false,
	"LAST_MONTH": false, "THIS_MONTH": false, "NEXT_MONTH": false,
	"LAST_90_DAYS": false, "NEXT_90_DAYS": false,
	"LAST_QUARTER": false, "THIS_QUARTER": false, "NEXT_QUARTER": false,
	"LAST_YEAR": false, "THIS_YEAR": false, "NEXT_YEAR": false,
	"LAST_FISCAL_QUARTER": false, "THIS_FISCAL_QUARTER": false, "NEXT_FISCAL_QUARTER": false,
	"LAST_FISCAL_YEAR": false, "THIS_FISCAL_YEAR": false, "NEXT_FISCAL_YEAR": false,
	"LAST_N_DAYS": true, "NEXT_N_DAYS": true, "N_DAYS_AGO": true,
	"LAST_N_WEEKS": true, "NEXT_N_WEEKS": true, "N_WEEKS_AGO": true,
	"LAST_N_MONTHS": true, "NEXT_N_MONTHS": true, "N_MONTHS_AGO": true,
	"LAST_N_QUARTERS": true, "NEXT_N_QUARTERS": true, "N_QUARTERS_AGO": true,
	"LAST_N_YEARS": true, "NEXT_N_YEARS": true, "N_YEARS_AGO": true,
}
