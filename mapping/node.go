package mapping

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a mapping file. They are far above what people write, and keep
// a hostile file from costing more than a moment: the YAML library takes time in
// the square of some of them.
const (
	maxFileSize = 128 << 10 // bytes
	maxLines    = 4000
	maxLine     = 6000 // characters
	maxDepth    = 24
	maxProblems = 100
)

// position is a place in a file, counted from 1, in characters.
type position struct{ line, col, width int }

type nodeKind uint8

const (
	nullNode nodeKind = iota
	scalarNode
	listNode
	objectNode
	badNode // reported already
)

// node is one YAML value with its place.
type node struct {
	kind    nodeKind
	text    string  // of a scalar, as written
	isBool  bool    // a plain true or false
	plain   bool    // a scalar without quotes: a number or boolean is meant as such
	block   bool    // a literal or folded block: the text starts on the next line
	items   []*node // of a list
	entries []entry // of an object, in the order of the file
	pos     position
}

type entry struct {
	key   *node
	value *node
}

// get returns the value of a key, nil when it is not there.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key.text == key {
			return e.value
		}
	}
	return nil
}

// str returns a scalar's text, "" for anything else and for nil.
func (n *node) str() string {
	if n == nil || n.kind != scalarNode {
		return ""
	}
	return n.text
}

// what names the kind of a node for messages.
func (n *node) what() string {
	switch n.kind {
	case nullNode:
		return "nothing"
	case listNode:
		return "a list"
	case objectNode:
		return "a block of keys"
	}
	return fmt.Sprintf("`%s`", clip(n.text))
}

func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > 60 {
		return string([]rune(s)[:59]) + "…"
	}
	return s
}

// reporter collects problems of one file.
type reporter struct {
	file     string
	lines    []string
	start    string // how such a file begins, for one that is empty
	problems Problems
}

func newReporter(file string, src []byte) *reporter {
	text := strings.TrimPrefix(strings.ToValidUTF8(string(src), "\uFFFD"), "\uFEFF") // some editors put a mark there
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return &reporter{file: file, lines: strings.Split(text, "\n"), start: "`mapping: NAME`"}
}

func (r *reporter) add(s Severity, at position, hint, message string) {
	if r.full(s) {
		return
	}
	p := Problem{File: r.file, Line: at.line, Column: at.col, Width: at.width, Severity: s, Message: message, Hint: hint}
	if at.line >= 1 && at.line <= len(r.lines) {
		p.Source = strings.TrimRight(r.lines[at.line-1], " \t\r")
		p.Column = min(at.col, utf8.RuneCountInString(r.lines[at.line-1])+1) // nothing at the end of a line
		p.Width = max(1, min(at.width, utf8.RuneCountInString(p.Source)-at.col+1))
	}
	r.problems = append(r.problems, p)
}

// full reports whether further problems are dropped: when there are many, one
// of which stops the mapping.
func (r *reporter) full(s Severity) bool {
	if len(r.problems) < maxProblems || s == Error && r.problems.Err() == nil {
		return false
	}
	more := Problem{File: r.file, Severity: Warning, Message: fmt.Sprintf("there are more than %d problems; the others show once these are corrected", maxProblems)}
	if r.problems[len(r.problems)-1] != more {
		r.problems = append(r.problems, more)
	}
	return true
}

// errorf reports an error at a place; hint may be "".
func (r *reporter) errorf(at position, hint, format string, args ...any) {
	r.add(Error, at, hint, fmt.Sprintf(format, args...))
}

// warnf reports a warning at a place.
func (r *reporter) warnf(at position, hint, format string, args ...any) {
	r.add(Warning, at, hint, fmt.Sprintf(format, args...))
}

// readYAML parses src into a tree. It reports what it cannot use and returns
// nil then.
func (r *reporter) readYAML(src []byte) (root *node) {
	if len(src) > maxFileSize {
		r.errorf(position{}, "split the file", "the file has %d bytes; the limit is %d", len(src), maxFileSize)
		return nil
	}
	if !utf8.Valid(src) {
		r.errorf(position{}, "save the file as UTF-8", "the file is not UTF-8 text")
		return nil
	}
	if !r.bounded() {
		return nil
	}
	defer func() {
		// The YAML library has panicked on malformed input before.
		if recover() != nil {
			r.errorf(position{}, "compare it with an example of docs/mapping.md", "the file is not YAML that can be read")
			root = nil
		}
	}()
	text := strings.Join(r.lines, "\n")
	file, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntaxError(err)
		return nil
	}
	var docs []*ast.DocumentNode
	for _, d := range file.Docs {
		if d.Body != nil {
			docs = append(docs, d)
		}
	}
	if len(docs) == 0 {
		r.errorf(position{}, "start with "+r.start, "the file is empty")
		return nil
	}
	if len(docs) > 1 {
		r.errorf(r.placeOf(docs[1].Body), "put each into a file of its own", "the file holds more than one YAML document")
		return nil
	}
	return r.convert(docs[0].Body, 0)
}

// bounded refuses what would cost the parser much time: too many or too long
// lines, and deep nesting.
func (r *reporter) bounded() bool {
	if len(r.lines) > maxLines {
		r.errorf(position{maxLines + 1, 1, 1}, "split the file", "the file has %d lines; the limit is %d", len(r.lines), maxLines)
		return false
	}
	for i, line := range r.lines {
		if n := utf8.RuneCountInString(line); n > maxLine {
			r.errorf(position{i + 1, 1, 1}, "break the line", "the line has %d characters; the limit is %d", n, maxLine)
			return false
		}
		if openings(line) > maxDepth {
			r.errorf(position{i + 1, 1, 1}, "write it in several lines", "the line opens more than %d lists or blocks within each other", maxDepth)
			return false
		}
	}
	return true
}

// openings returns an upper bound of the nesting that a line opens: by brackets,
// or by indicators at its start.
func openings(line string) int {
	depth, deepest := 0, 0
	for _, c := range line {
		switch c {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
	}
	indicators := 0
	for _, word := range strings.Fields(line) {
		if word != "-" && word != "?" && !strings.HasPrefix(word, "&") && !strings.HasPrefix(word, "!") && !strings.HasSuffix(word, ":") {
			break
		}
		indicators++
	}
	return max(deepest, indicators)
}

// quotedStart finds a value that starts with a quoted text and goes on after it.
var quotedStart = regexp.MustCompile(`:\s*("[^"]*"|'[^']*')\s+[^\s,}\]#]`)

// commented reports whether a comment ends the line of a value, which may be
// the part of an expression from its # on.
func (r *reporter) commented(n *node) bool {
	return (n.plain || n.kind == nullNode) && n.pos.line >= 1 && n.pos.line <= len(r.lines) && strings.Contains(r.lines[n.pos.line-1], " #")
}

const commentHint = "put the expression into quotes: ` #` starts a comment in YAML"

func (r *reporter) syntaxError(err error) {
	var syntax *yaml.SyntaxError
	message := err.Error()
	at := position{}
	if errors.As(err, &syntax) {
		message = syntax.Message
		at = r.tokenPlace(syntax.Token)
	}
	line := ""
	if at.line > 0 && at.line <= len(r.lines) {
		line = r.lines[at.line-1]
	}
	hint := ""
	switch {
	case quotedStart.MatchString(line):
		hint = "put the whole value into quotes: '\"x\" in list'"
	case strings.Contains(line, "\t"):
		hint = "indent with blanks; YAML allows no tabs"
	case strings.ContainsAny(message, "{}[]"):
		hint = "a bracket that is opened must be closed"
	case strings.Count(line, ": ") > 1 && !strings.Contains(line, "{"):
		hint = "put a text that holds `: ` into quotes"
	case strings.Contains(message, "not allowed in this context"):
		hint = "check the blanks at the start of the line"
	case strings.Contains(message, "quoted text"):
		hint = "close the quotes, on the same line"
	default:
		hint = "check the quotes, the brackets and the blanks at the starts of the lines"
	}
	r.errorf(at, hint, "not valid YAML: %s", strings.TrimSuffix(message, "."))
}

func (r *reporter) tokenPlace(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column, max(1, utf8.RuneCountInString(strings.TrimSpace(firstLine(t.Value))))}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func (r *reporter) placeOf(n ast.Node) position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return r.tokenPlace(n.Values[0].Key.GetToken())
		}
	case *ast.MappingValueNode:
		return r.tokenPlace(n.Key.GetToken())
	}
	return r.tokenPlace(n.GetToken())
}

func (r *reporter) convert(n ast.Node, depth int) *node {
	out := &node{pos: r.placeOf(n)}
	if depth > maxDepth {
		r.errorf(out.pos, "check the blanks at the starts of the lines", "the file is nested deeper than %d levels", maxDepth)
		return out
	}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		out.kind = objectNode
		for _, v := range n.Values {
			r.addEntry(out, v, depth)
		}
	case *ast.MappingValueNode:
		out.kind = objectNode
		r.addEntry(out, n, depth)
	case *ast.SequenceNode:
		out.kind = listNode
		for _, v := range n.Values {
			out.items = append(out.items, r.convert(v, depth+1))
		}
	case *ast.LiteralNode:
		out.kind, out.block, out.text = scalarNode, true, strings.TrimRight(n.Value.Value, "\n")
	case *ast.StringNode:
		out.kind, out.text = scalarNode, n.Value
		out.plain = n.Token.Type == token.StringType
		r.setWidth(out, n.Token)
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		out.kind = badNode
		r.errorf(out.pos, "write the value out", "anchors, aliases and tags are not part of the mapping language")
	case ast.ScalarNode:
		t := n.GetToken()
		out.kind, out.plain, out.text = scalarNode, true, t.Value
		_, out.isBool = n.(*ast.BoolNode)
		r.setWidth(out, t)
	default:
		out.kind = badNode
		r.errorf(out.pos, "write a text, a list or a block of keys", "this kind of YAML is not part of the mapping language")
	}
	return out
}

// setWidth makes the place of a quoted scalar span its quotes.
func (r *reporter) setWidth(n *node, t *token.Token) {
	if t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		n.pos.width += 2
	}
}

func (r *reporter) addEntry(object *node, v *ast.MappingValueNode, depth int) {
	var key *node
	if m, ok := v.Key.(*ast.MappingKeyNode); ok && m.Value != nil {
		key = r.convert(m.Value, depth+1)
	} else {
		key = r.convert(v.Key, depth+1)
	}
	if key.kind == nullNode {
		key.kind, key.text = scalarNode, "null"
	}
	if key.kind != scalarNode {
		r.errorf(key.pos, "write `key: value`", "a key must be a text")
		return
	}
	if first := object.get(key.text); first != nil {
		r.errorf(key.pos, "keep one of them", "`%s` is given twice", clip(key.text))
		return
	}
	value := &node{pos: position{key.pos.line, key.pos.col, key.pos.width}}
	if v.Value != nil {
		if _, isNull := v.Value.(*ast.NullNode); !isNull {
			value = r.convert(v.Value, depth+1)
		}
	}
	object.entries = append(object.entries, entry{key, value})
}

// inside returns the place of width characters at the offset (in characters)
// of a scalar's text, by walking along the source as it is written.
func (r *reporter) inside(n *node, offset, width int) position {
	line, col := n.pos.line, n.pos.col
	if n.block {
		line, col = line+1, 1
	}
	at := position{line, col, max(1, width)}
	escaped := !n.plain && !n.block && r.runeAt(line, col) == '"'
	if !n.plain && !n.block {
		col++
	}
	for i, want := range []rune(n.text) {
		line, col = r.seek(line, col, want, escaped)
		if line == 0 {
			return n.pos
		}
		if i == offset {
			at.line, at.col = line, col
			return at
		}
		at.line, at.col = line, col+1
		col++
	}
	return at
}

// seek returns the place at or after line, col where the character want is
// written; line 0 when there is none. Line breaks stand for any blank.
func (r *reporter) seek(line, col int, want rune, escaped bool) (int, int) {
	for line >= 1 && line <= len(r.lines) {
		c := r.runeAt(line, col)
		switch {
		case c == want:
			return line, col
		case c == 0 && unicode.IsSpace(want):
			return line, col
		case c == '\\' && escaped && strings.ContainsRune("nrtx/\u0000", want):
			return line, col
		case c == 0:
			line, col = line+1, 1
		default:
			col++
		}
	}
	return 0, 0
}

// runeAt returns the character at a place, 0 at the end of a line.
func (r *reporter) runeAt(line, col int) rune {
	if line < 1 || line > len(r.lines) {
		return 0
	}
	for _, c := range r.lines[line-1] {
		if col--; col == 0 {
			return c
		}
	}
	return 0
}
