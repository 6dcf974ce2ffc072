package mapping

import (
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// template is a text with {{ expressions }} in it. One that is nothing but an
// expression keeps that expression's kind of value.
type template struct {
	pieces []piece
	kinds  kinds
}

// piece is a fixed text, or an expression.
type piece struct {
	text string
	expr *expression
}

// compileTemplate checks and compiles a template; offsets of problems count
// from the start of source.
func compileTemplate(source string, sc *scope) (*template, []exprProblem) {
	t := &template{kinds: kText}
	var problems []exprProblem
	rest, offset := source, 0
	for {
		start := strings.Index(rest, "{{")
		if start < 0 {
			break
		}
		t.add(piece{text: rest[:start]})
		inner := rest[start+2:]
		end := closing(inner)
		offset += len([]rune(rest[:start]))
		if end < 0 {
			return nil, append(problems, exprProblem{offset, 2, "`{{` is not closed", "write `}}` after the expression"})
		}
		expr, found := compileExpression(inner[:end], sc)
		for _, p := range found {
			p.offset += offset + 2
			problems = append(problems, p)
		}
		if expr != nil && expr.kinds.fits(kSpan) && expr.kinds&^(kSpan|kNull) == 0 {
			problems = append(problems, exprProblem{offset, 2, "a number of days is no value", "add it to a date"})
		}
		t.add(piece{expr: expr})
		offset += 2 + len([]rune(inner[:end])) + 2
		rest = inner[end+2:]
	}
	t.add(piece{text: rest})
	if len(problems) > 0 {
		return nil, problems
	}
	if len(t.pieces) == 1 && t.pieces[0].expr != nil {
		t.kinds = t.pieces[0].expr.kinds
	}
	return t, nil
}

func (t *template) add(p piece) {
	if p.text != "" || p.expr != nil {
		t.pieces = append(t.pieces, p)
	}
}

// closing returns where the expression ends that text starts with: at the first
// }} outside of quotes.
func closing(text string) int {
	var quote byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case c == '}' && strings.HasPrefix(text[i:], "}}"):
			return i
		}
	}
	return -1
}

// constant reports whether the template reads nothing.
func (t *template) constant() bool {
	for _, p := range t.pieces {
		if p.expr != nil && !p.expr.constant {
			return false
		}
	}
	return true
}

func (t *template) needs() []string {
	var needs []string
	for _, p := range t.pieces {
		if p.expr != nil {
			needs = append(needs, p.expr.needs...)
		}
	}
	return needs
}

// fixedText returns the words of the template without its expressions.
func (t *template) fixedText() string {
	var b strings.Builder
	for _, p := range t.pieces {
		b.WriteString(p.text)
	}
	return b.String()
}

// run evaluates the template. In a text, values stand as people read them.
func (t *template) run(rec *connectors.Record, now time.Time) (value, error) {
	if len(t.pieces) == 1 && t.pieces[0].expr != nil {
		return t.pieces[0].expr.run(rec, now)
	}
	var b strings.Builder
	for _, p := range t.pieces {
		b.WriteString(p.text)
		if p.expr == nil {
			continue
		}
		x, err := p.expr.run(rec, now)
		if err != nil {
			return value{}, err
		}
		b.WriteString(x.shown())
		if b.Len() > maxResult {
			return value{}, errTooLong
		}
	}
	return textValue(b.String()), nil
}

// shown returns the value as people read it.
func (x value) shown() string {
	if !x.many() {
		return x.v.String()
	}
	texts := make([]string, len(x.items()))
	for i, v := range x.items() {
		texts[i] = v.String()
	}
	return strings.Join(texts, ", ")
}
