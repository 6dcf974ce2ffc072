package gql

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// kind is the kind of a token.
type kind uint8

const (
	end kind = iota
	name
	punctuation
	number
	text
)

type token struct {
	kind kind
	text string // the name, the sign, the number as written, or the string's value
	line int
	col  int
}

// SyntaxError says where a document cannot be read.
type SyntaxError struct {
	Line, Column int
	Why          string
}

// Error returns the reason.
func (e *SyntaxError) Error() string { return e.Why }

// lexer cuts a document into tokens.
type lexer struct {
	src  string
	at   int
	line int
	from int // where the line begins
}

func (l *lexer) fail(format string, args ...any) error {
	return &SyntaxError{Line: l.line, Column: l.at - l.from + 1, Why: fmt.Sprintf(format, args...)}
}

// next returns the next token; commas, blanks and comments are none.
func (l *lexer) next() (token, error) {
	l.blanks()
	t := token{line: l.line, col: l.at - l.from + 1}
	if l.at >= len(l.src) {
		return t, nil
	}
	c := l.src[l.at]
	switch {
	case strings.HasPrefix(l.src[l.at:], "..."):
		t.kind, t.text = punctuation, "..."
		l.at += 3
	case strings.IndexByte("!$&():=@[]{}|", c) >= 0:
		t.kind, t.text = punctuation, string(c)
		l.at++
	case c == '"':
		s, err := l.string()
		t.kind, t.text = text, s
		return t, err
	case isNameStart(c):
		t.kind, t.text = name, l.run(func(c byte) bool { return isNameStart(c) || isDigit(c) })
	case isDigit(c) || c == '-':
		t.kind, t.text = number, l.run(func(c byte) bool { return isDigit(c) || strings.IndexByte("+-.eE", c) >= 0 })
		if _, err := strconv.ParseFloat(t.text, 64); err != nil {
			return t, l.fail("Expected a number, actual: %q", t.text)
		}
	default:
		return t, l.fail("Expected one of SCHEMA, SCALAR, TYPE, ENUM, INPUT, UNION, INTERFACE, actual: UNKNOWN_CHAR (%q)", string(c))
	}
	return t, nil
}

func (l *lexer) blanks() {
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == '\n':
			l.at++
			l.line, l.from = l.line+1, l.at
		case c == ' ' || c == '\t' || c == '\r' || c == ',':
			l.at++
		case c == '#':
			for l.at < len(l.src) && l.src[l.at] != '\n' {
				l.at++
			}
		case strings.HasPrefix(l.src[l.at:], "\ufeff"):
			l.at += len("\ufeff")
		default:
			return
		}
	}
}

func (l *lexer) run(in func(byte) bool) string {
	start := l.at
	for l.at < len(l.src) && in(l.src[l.at]) {
		l.at++
	}
	return l.src[start:l.at]
}

func isNameStart(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// string reads a string, or a block string.
func (l *lexer) string() (string, error) {
	if rest, ok := strings.CutPrefix(l.src[l.at:], `"""`); ok {
		body, _, closed := strings.Cut(rest, `"""`)
		if !closed {
			return "", l.fail("Expected the end of a block string")
		}
		l.at += 6 + len(body)
		l.line += strings.Count(body, "\n")
		return strings.TrimSpace(body), nil
	}
	l.at++
	var b strings.Builder
	for l.at < len(l.src) {
		c := l.src[l.at]
		l.at++
		switch {
		case c == '"':
			return b.String(), nil
		case c == '\n':
			return "", l.fail("Expected the end of a string")
		case c != '\\':
			b.WriteByte(c)
		default:
			if err := l.escape(&b); err != nil {
				return "", err
			}
		}
	}
	return "", l.fail("Expected the end of a string")
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (l *lexer) escape(b *strings.Builder) error {
	if l.at >= len(l.src) {
		return l.fail("Expected the end of a string")
	}
	c := l.src[l.at]
	l.at++
	if plain, ok := escapes[c]; ok {
		b.WriteByte(plain)
		return nil
	}
	if c != 'u' || l.at+4 > len(l.src) {
		return l.fail("Bad escape in a string")
	}
	n, err := strconv.ParseUint(l.src[l.at:l.at+4], 16, 32)
	if err != nil {
		return l.fail("Bad escape in a string")
	}
	l.at += 4
	if r := rune(n); utf8.ValidRune(r) {
		b.WriteRune(r)
	} else {
		b.WriteRune(utf8.RuneError)
	}
	return nil
}
