package jql

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

type kind int

const (
	end kind = iota
	word
	quoted
	symbol // operators, parentheses, comma, brackets
)

type token struct {
	kind kind
	text string // unquoted
	pos  int    // byte offset
}

func (t token) is(symbols ...string) bool {
	if t.kind != symbol {
		return false
	}
	for _, s := range symbols {
		if t.text == s {
			return true
		}
	}
	return false
}

func (t token) keyword(words ...string) bool {
	if t.kind != word {
		return false
	}
	for _, w := range words {
		if strings.EqualFold(t.text, w) {
			return true
		}
	}
	return false
}

type lexer struct {
	input string
	pos   int
}

func (l *lexer) errorAt(pos int, message string) *SyntaxError {
	before := l.input[:min(pos, len(l.input))]
	line := strings.Count(before, "\n") + 1
	start := strings.LastIndexByte(before, '\n') + 1
	return &SyntaxError{Message: message, Line: line, Character: utf8.RuneCountInString(before[start:]) + 1}
}

const reservedSymbols = " \t\r\n()[],=!<>~&|\"'"

func (l *lexer) next() (token, *SyntaxError) {
	for l.pos < len(l.input) && strings.IndexByte(" \t\r\n", l.input[l.pos]) >= 0 {
		l.pos++
	}
	start := l.pos
	if start == len(l.input) {
		return token{kind: end, pos: start}, nil
	}
	switch c := l.input[start]; c {
	case '"', '\'':
		return l.quotedString(c)
	case '(', ')', '[', ']', ',', '=', '~':
		l.pos++
		return token{kind: symbol, text: string(c), pos: start}, nil
	case '!', '<', '>', '&', '|':
		return l.operator(c), nil
	}
	for l.pos < len(l.input) && strings.IndexByte(reservedSymbols, l.input[l.pos]) < 0 {
		if l.input[l.pos] == '\\' && l.pos+1 < len(l.input) {
			l.pos++
		}
		l.pos++
	}
	text := l.input[start:l.pos]
	if i := strings.IndexAny(text, "@#%^$?;:*+{}`"); i >= 0 && strings.IndexByte("@#%^$?;*+{}`", text[i]) >= 0 {
		return token{}, l.errorAt(start+i, "The character '"+text[i:i+1]+
			"' is a reserved JQL character. You must enclose it in a string or use the escape '\\u00"+strconv.FormatInt(int64(text[i]), 16)+"' instead.")
	}
	return token{kind: word, text: text, pos: start}, nil
}

func (l *lexer) operator(c byte) token {
	start := l.pos
	text := string(c)
	l.pos++
	if l.pos < len(l.input) {
		switch pair := text + string(l.input[l.pos]); pair {
		case "!=", "!~", "<=", ">=", "&&", "||":
			text = pair
			l.pos++
		}
	}
	return token{kind: symbol, text: text, pos: start}
}

func (l *lexer) quotedString(quote byte) (token, *SyntaxError) {
	start := l.pos
	var b strings.Builder
	for i := start + 1; i < len(l.input); i++ {
		c := l.input[i]
		switch {
		case c == quote:
			l.pos = i + 1
			return token{kind: quoted, text: b.String(), pos: start}, nil
		case c == '\\' && i+1 < len(l.input):
			i++
			n, ok := unescape(&b, l.input[i:])
			if !ok {
				return token{}, l.errorAt(i-1, "'\\"+string(l.input[i])+"' is an illegal JQL escape sequence. The valid escape sequences are \\', \\\", \\t, \\n, \\r, \\\\, '\\ ' and \\uXXXX.")
			}
			i += n - 1
		default:
			b.WriteByte(c)
		}
	}
	return token{}, l.errorAt(start, "The quoted string '"+b.String()+"' has not been completed.")
}

func unescape(b *strings.Builder, s string) (length int, ok bool) {
	switch s[0] {
	case '\'', '"', '\\', ' ':
		b.WriteByte(s[0])
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 'r':
		b.WriteByte('\r')
	case 'u':
		if len(s) < 5 {
			return 0, false
		}
		r, err := strconv.ParseUint(s[1:5], 16, 32)
		if err != nil {
			return 0, false
		}
		b.WriteRune(rune(r))
		return 5, true
	default:
		return 0, false
	}
	return 1, true
}
