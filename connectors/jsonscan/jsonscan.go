// Package jsonscan walks JSON in place, without building what it skips. A
// webhook's body may hold a whole record, of which three or four short fields
// matter; decoding all of it would be most of the work of taking it in.
//
// It accepts what encoding/json.Valid accepts, up to a depth of MaxDepth.
package jsonscan

import (
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects may be nested.
const MaxDepth = 512

// ErrSyntax says that the text is not JSON.
var ErrSyntax = errors.New("the text is not JSON")

// ErrDepth says that the text is nested deeper than MaxDepth.
var ErrDepth = errors.New("the JSON is nested too deep")

// Value is the text of one JSON value without the space around it. It shares
// the bytes of the text it was found in.
type Value []byte

// Parse checks a whole text and returns its value.
func Parse(text []byte) (Value, error) {
	start := space(text, 0)
	end, err := skip(text, start, 0)
	if err != nil {
		return nil, err
	}
	if space(text, end) != len(text) {
		return nil, ErrSyntax
	}
	return text[start:end], nil
}

// IsObject reports whether v is an object.
func (v Value) IsObject() bool { return len(v) > 0 && v[0] == '{' }

// IsArray reports whether v is an array.
func (v Value) IsArray() bool { return len(v) > 0 && v[0] == '[' }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return len(v) > 0 && v[0] == 'n' }

// Elements calls yield for each element of an array that Parse has checked,
// until it returns false.
func (v Value) Elements(yield func(Value) bool) {
	if !v.IsArray() {
		return
	}
	for i := space(v, 1); i < len(v) && v[i] != ']'; {
		end, err := skip(v, i, 0)
		if err != nil || !yield(v[i:end]) {
			return
		}
		if i = space(v, end); i < len(v) && v[i] == ',' {
			i = space(v, i+1)
		}
	}
}

// Fields calls yield for each field of an object that Parse has checked, until
// it returns false. Names come as they are written, without the quotes; those
// with escapes are resolved.
func (v Value) Fields(yield func(name []byte, value Value) bool) {
	if !v.IsObject() {
		return
	}
	for i := space(v, 1); i < len(v) && v[i] == '"'; {
		end, escaped, err := text(v, i)
		if err != nil {
			return
		}
		name := v[i+1 : end-1]
		if escaped {
			name = []byte(v[i:end].Text())
		}
		i = space(v, space(v, end)+1)
		end, err = skip(v, i, 0)
		if err != nil || !yield(name, v[i:end]) {
			return
		}
		if i = space(v, end); i < len(v) && v[i] == ',' {
			i = space(v, i+1)
		}
	}
}

// Field returns the last field of that name, nil when there is none.
func (v Value) Field(name string) (found Value) {
	v.Fields(func(n []byte, value Value) bool {
		if string(n) == name {
			found = value
		}
		return true
	})
	return found
}

// Text returns the string that v is, "" when it is none.
func (v Value) Text() string {
	if len(v) < 2 || v[0] != '"' {
		return ""
	}
	plain := v[1 : len(v)-1]
	for _, c := range plain {
		if c == '\\' || c >= utf8.RuneSelf {
			var s string
			if json.Unmarshal(v, &s) != nil {
				return ""
			}
			return s
		}
	}
	return string(plain)
}

// Int returns the whole number that v is, ok false when it is none or too
// large.
func (v Value) Int() (n int64, ok bool) {
	digits := v
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if v[0] == '-' {
		n = -n
	}
	return n, true
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skip returns where the value ends that begins at i.
func skip(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return 0, ErrSyntax
	}
	switch b[i] {
	case '"':
		end, _, err := text(b, i)
		return end, err
	case '{':
		return object(b, i, depth+1)
	case '[':
		return array(b, i, depth+1)
	case 't':
		return word(b, i, "true")
	case 'f':
		return word(b, i, "false")
	case 'n':
		return word(b, i, "null")
	}
	return number(b, i)
}

func object(b []byte, i, depth int) (int, error) {
	if depth > MaxDepth {
		return 0, ErrDepth
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return 0, ErrSyntax
		}
		end, _, err := text(b, i)
		if err != nil {
			return 0, err
		}
		if i = space(b, end); i >= len(b) || b[i] != ':' {
			return 0, ErrSyntax
		}
		if i, err = skip(b, space(b, i+1), depth); err != nil {
			return 0, err
		}
		switch i = space(b, i); {
		case i < len(b) && b[i] == '}':
			return i + 1, nil
		case i >= len(b) || b[i] != ',':
			return 0, ErrSyntax
		}
		i = space(b, i+1)
	}
}

func array(b []byte, i, depth int) (int, error) {
	if depth > MaxDepth {
		return 0, ErrDepth
	}
	i = space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		var err error
		if i, err = skip(b, i, depth); err != nil {
			return 0, err
		}
		switch i = space(b, i); {
		case i < len(b) && b[i] == ']':
			return i + 1, nil
		case i >= len(b) || b[i] != ',':
			return 0, ErrSyntax
		}
		i = space(b, i+1)
	}
}

func word(b []byte, i int, w string) (int, error) {
	if len(b)-i < len(w) || string(b[i:i+len(w)]) != w {
		return 0, ErrSyntax
	}
	return i + len(w), nil
}

// text returns where the string ends that begins at i, and whether it has
// escapes.
func text(b []byte, i int) (end int, escaped bool, err error) {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, escaped, nil
		case c < ' ':
			return 0, false, ErrSyntax
		case c == '\\':
			escaped = true
			if i++; i >= len(b) {
				return 0, false, ErrSyntax
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					if i++; i >= len(b) || !isHex(b[i]) {
						return 0, false, ErrSyntax
					}
				}
			default:
				return 0, false, ErrSyntax
			}
		}
	}
	return 0, false, ErrSyntax
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func number(b []byte, i int) (int, error) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	default:
		end := digits(b, i)
		if end == i {
			return 0, ErrSyntax
		}
		i = end
	}
	if i < len(b) && b[i] == '.' {
		end := digits(b, i+1)
		if end == i+1 {
			return 0, ErrSyntax
		}
		i = end
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		end := digits(b, i)
		if end == i {
			return 0, ErrSyntax
		}
		i = end
	}
	return i, nil
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	return i
}
