package soql

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenString
	tokenNumber
	tokenDate
	tokenDateTime
	tokenPunct
)

type token struct {
	kind tokenKind
	text string // of a string: without quotes and escapes
	like string // of a string: as LIKE reads it, with \% and \_ kept
	pos  int    // in bytes
}

type lexer struct {
	query string
	pos   int
}

func (l *lexer) fail(pos int, message string) *Error {
	return &Error{Code: "MALFORMED_QUERY", Text: Pointed(l.query, pos, message)}
}

// tokens splits the statement.
func tokens(query string) ([]token, *Error) {
	l := &lexer{query: query}
	var out []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		if t.kind == tokenEnd {
			return out, nil
		}
	}
}

func (l *lexer) next() (token, *Error) {
	for l.pos < len(l.query) && strings.IndexByte(" \t\r\n", l.query[l.pos]) >= 0 {
		l.pos++
	}
	start := l.pos
	if start >= len(l.query) {
		return token{kind: tokenEnd, pos: start}, nil
	}
	c := l.query[start]
	switch {
	case c == '\'':
		return l.text()
	case isLetter(c):
		for l.pos < len(l.query) && (isLetter(l.query[l.pos]) || isDigit(l.query[l.pos])) {
			l.pos++
		}
		return token{kind: tokenWord, text: l.query[start:l.pos], pos: start}, nil
	case isDigit(c), (c == '-' || c == '+' || c == '.') && start+1 < len(l.query) && (isDigit(l.query[start+1]) || l.query[start+1] == '.'):
		return l.number()
	}
	for _, punct := range []string{"!=", "<>", "<=", ">="} {
		if strings.HasPrefix(l.query[start:], punct) {
			l.pos += 2
			return token{kind: tokenPunct, text: punct, pos: start}, nil
		}
	}
	if strings.IndexByte("(),.:=<>", c) >= 0 {
		l.pos++
		return token{kind: tokenPunct, text: string(c), pos: start}, nil
	}
	r, _ := utf8.DecodeRuneInString(l.query[start:])
	if !unicode.IsPrint(r) {
		r = '?'
	}
	return token{}, l.fail(start, "line 1:"+itoa(start)+" no viable alternative at character '"+string(r)+"'")
}

func (l *lexer) text() (token, *Error) {
	start := l.pos
	var plain, like strings.Builder
	for l.pos++; l.pos < len(l.query); {
		switch c := l.query[l.pos]; c {
		case '\'':
			l.pos++
			if utf8.RuneCountInString(plain.String()) > MaxString {
				return token{}, &Error{Code: "INVALID_QUERY_FILTER_OPERATOR", Text: Pointed(l.query, start, "filter value is too long")}
			}
			return token{kind: tokenString, text: plain.String(), like: like.String(), pos: start}, nil
		case '\\':
			text, kept, n := escape(l.query[l.pos:])
			if n == 0 {
				return token{}, l.fail(l.pos, "Invalid string literal '"+l.query[start:min(len(l.query), l.pos+2)]+"'. Illegal character sequence '"+l.query[l.pos:min(len(l.query), l.pos+2)]+"' in string literal.")
			}
			plain.WriteString(text)
			like.WriteString(kept)
			l.pos += n
		case '\n', '\r':
			return token{}, l.fail(l.pos, "line breaks not allowed in string literals")
		default:
			plain.WriteByte(c)
			like.WriteByte(c)
			l.pos++
		}
	}
	return token{}, l.fail(start, "unexpected token: '''")
}

// escape reads one escape sequence: what it stands for, what LIKE is to see, and
// its length; 0 if there is no such sequence.
func escape(s string) (text, like string, n int) {
	if len(s) < 2 {
		return "", "", 0
	}
	switch c := s[1]; c {
	case 'n', 'N':
		return "\n", "\n", 2
	case 'r', 'R':
		return "\r", "\r", 2
	case 't', 'T':
		return "\t", "\t", 2
	case 'b', 'B':
		return "\b", "\b", 2
	case 'f', 'F':
		return "\f", "\f", 2
	case '"', '\'':
		return string(c), string(c), 2
	case '\\':
		return `\`, `\\`, 2
	case '_', '%':
		return string(c), `\` + string(c), 2
	case 'u':
		if len(s) < 6 {
			return "", "", 0
		}
		var r rune
		for _, h := range []byte(s[2:6]) {
			d := strings.IndexByte("0123456789abcdef", h|0x20)
			if d < 0 || h < '0' {
				return "", "", 0
			}
			r = r<<4 | rune(d)
		}
		return string(r), string(r), 6
	}
	return "", "", 0
}

func (l *lexer) number() (token, *Error) {
	start := l.pos
	if n := matchShape(l.query[start:], "dddd-dd-dd"); n > 0 {
		l.pos += n
		m := matchShape(l.query[l.pos:], "Tdd:dd:dd")
		if m == 0 {
			return token{kind: tokenDate, text: l.query[start:l.pos], pos: start}, nil
		}
		l.pos += m
		if strings.HasPrefix(l.query[l.pos:], ".") {
			for l.pos++; l.pos < len(l.query) && isDigit(l.query[l.pos]); l.pos++ { //nolint:revive // the loop is the work
			}
		}
		for _, zone := range []string{"Z", "z", "+dd:dd", "-dd:dd", "+dddd", "-dddd"} {
			if m := matchShape(l.query[l.pos:], zone); m > 0 {
				l.pos += m
				return token{kind: tokenDateTime, text: l.query[start:l.pos], pos: start}, nil
			}
		}
		return token{}, l.fail(start, "line 1:"+itoa(start)+" mismatched character: a time needs its zone")
	}
	l.pos++
	for l.pos < len(l.query) && (isDigit(l.query[l.pos]) || l.query[l.pos] == '.') {
		l.pos++
	}
	if rest := l.query[l.pos:]; len(rest) > 1 && rest[0]|0x20 == 'e' {
		n := 1
		if rest[1] == '-' || rest[1] == '+' {
			n++
		}
		if n < len(rest) && isDigit(rest[n]) {
			for n < len(rest) && isDigit(rest[n]) {
				n++
			}
			l.pos += n
		}
	}
	return token{kind: tokenNumber, text: l.query[start:l.pos], pos: start}, nil
}

// matchShape reports the length of shape if s starts with it; d stands for a digit.
func matchShape(s, shape string) int {
	if len(s) < len(shape) {
		return 0
	}
	for i := range len(shape) {
		if shape[i] == 'd' && !isDigit(s[i]) || shape[i] != 'd' && s[i] != shape[i] {
			return 0
		}
	}
	return len(shape)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
