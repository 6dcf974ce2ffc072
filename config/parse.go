package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/tenonsync/tenon/mapping"
)

// maxFile bounds tenon.yaml, in bytes.
const maxFile = 1 << 20

// node is a value with its place in the file. Exactly one of scalar, list and
// keys is in use, as kind says.
type node struct {
	kind         nodeKind
	line, column int
	width        int
	scalar       string
	list         []node
	keys         []entry
}

type nodeKind uint8

const (
	scalarNode nodeKind = iota
	nullNode
	listNode
	mapNode
	badNode // told as a problem already
)

func (k nodeKind) String() string {
	return [...]string{"a value", "nothing", "a list", "a group of keys", "that"}[k]
}

type entry struct {
	key   node
	value node
}

// source is a file with what is wrong with it.
type source struct {
	path     string
	lines    []string
	problems mapping.Problems
}

func newSource(path string, text []byte) *source {
	return &source{path: path, lines: strings.Split(string(text), "\n")}
}

func (s *source) problem(n node, severity mapping.Severity, hint, format string, args ...any) {
	p := mapping.Problem{
		File: s.path, Line: n.line, Column: n.column, Width: n.width,
		Severity: severity, Message: fmt.Sprintf(format, args...), Hint: hint,
	}
	if n.line > 0 && n.line <= len(s.lines) {
		p.Source = strings.TrimRight(s.lines[n.line-1], "\r")
	}
	s.problems = append(s.problems, p)
}

func (s *source) fail(n node, hint, format string, args ...any) {
	s.problem(n, mapping.Error, hint, format, args...)
}

// sorted returns the problems in the order of the files.
func (s *source) sorted() mapping.Problems {
	slices.SortStableFunc(s.problems, func(a, b mapping.Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(s.problems)
}

// parse reads the YAML text into one group of keys. Duplicate keys are problems
// and the first one counts.
func (s *source) parse(text []byte) (node, bool) {
	if len(text) > maxFile {
		s.fail(node{}, "drop what is no configuration", "the file is larger than %d bytes", maxFile)
		return node{}, false
	}
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at := node{line: 1, column: 1, width: 1}
		message := err.Error()
		if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok {
			message = syntax.Message
			if syntax.Token != nil && syntax.Token.Position != nil {
				at.line, at.column = syntax.Token.Position.Line, syntax.Token.Position.Column
			}
		}
		s.fail(at, "check the quotes, the brackets and the blanks at the starts of the lines, here and in the line before", "this is not YAML: %s", message)
		return node{}, false
	}
	var body ast.Node
	for i, doc := range file.Docs {
		if i > 0 && doc.Body != nil {
			s.fail(place(doc.Body), "drop the line `---` and what follows it", "the file holds more than one document")
			return node{}, false
		}
		if doc.Body != nil {
			body = doc.Body
		}
	}
	if body == nil {
		s.fail(node{}, "begin with docs/configuration.md or with `tenon init`", "the file is empty")
		return node{}, false
	}
	root := s.node(body, 0)
	if root.kind == badNode {
		return node{}, false
	}
	if root.kind != mapNode {
		s.fail(root, "write `connections:` and below it one key for each connection", "the file must be a group of keys")
		return node{}, false
	}
	return root, true
}

func place(n ast.Node) node {
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return node{}
	}
	width := utf8.RuneCountInString(strings.TrimSpace(t.Origin))
	if cut, _, multi := strings.Cut(strings.TrimSpace(t.Origin), "\n"); multi {
		width = utf8.RuneCountInString(cut)
	}
	return node{line: t.Position.Line, column: t.Position.Column, width: max(width, 1)}
}

// maxDepth bounds how deep groups and lists may stand in one another.
const maxDepth = 16

func (s *source) node(n ast.Node, depth int) node {
	at := place(n)
	if depth > maxDepth {
		s.fail(at, "check the blanks at the starts of the lines", "the file is nested too deeply")
		at.kind = badNode
		return at
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return s.keysOf(n.Values, at, depth)
	case *ast.MappingValueNode:
		return s.keysOf([]*ast.MappingValueNode{n}, at, depth)
	case *ast.SequenceNode:
		at.kind = listNode
		for _, v := range n.Values {
			at.list = append(at.list, s.node(v, depth+1))
		}
	case *ast.NullNode:
		at.kind = nullNode
	case *ast.StringNode:
		at.scalar = n.Value
	case *ast.LiteralNode:
		at.scalar = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		at.scalar = n.GetToken().Value
	default:
		s.fail(at, "write the value out; quotes make a text of it", "anchors, aliases, tags and merge keys are not used here")
		at.kind = badNode
	}
	return at
}

func (s *source) keysOf(values []*ast.MappingValueNode, at node, depth int) node {
	at.kind = mapNode
	if len(values) > 0 {
		first := place(values[0].Key)
		at.line, at.column, at.width = first.line, first.column, first.width
	}
	seen := map[string]node{}
	for _, v := range values {
		key := place(v.Key)
		if text, ok := v.Key.(*ast.StringNode); ok {
			key.scalar = text.Value
		} else {
			key.scalar = v.Key.GetToken().Value
		}
		if first, dup := seen[key.scalar]; dup {
			s.fail(key, fmt.Sprintf("it stands in line %d already; keep one of them", first.line), "key `%s` is there twice", key.scalar)
			continue
		}
		seen[key.scalar] = key
		at.keys = append(at.keys, entry{key, s.node(v.Value, depth+1)})
	}
	return at
}
