// Package adf reads and writes the Atlassian Document Format, the rich text of
// Jira Cloud's REST API v3, as strictly as Jira does: nodes outside the schema
// are refused. It also converts to and from wiki markup, which REST API v2
// serves from the same store, and to plain text, which search indexes.
//
// Facts are from the published ADF schema (structure page, read 2025-12).
package adf

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNotDocument says that a value is no document at all: a plain string, say.
var ErrNotDocument = errors.New("operation value must be an Atlassian Document (see the Atlassian Document Format)")

// ErrUnsupported is wrapped by the errors for documents whose content breaks
// the schema.
var ErrUnsupported = errors.New("unsupported document content")

// Node is one node of a document. A document is a node of type "doc". Nodes are
// treated as immutable once they are stored.
type Node struct {
	Type    string
	Version int
	Attrs   map[string]any
	Content []*Node
	Marks   []Mark
	Text    string
}

// Mark is a property of an inline node: emphasis, a link.
type Mark struct {
	Type  string         `json:"type"`
	Attrs map[string]any `json:"attrs,omitempty"`
}

type wireNode struct {
	Version int            `json:"version,omitempty"`
	Type    string         `json:"type"`
	Attrs   map[string]any `json:"attrs,omitempty"`
	Content *[]*Node       `json:"content,omitempty"`
	Marks   []Mark         `json:"marks,omitempty"`
	Text    string         `json:"text,omitempty"`
}

// MarshalJSON writes the node in Jira's form: containers always carry content,
// leaves never do.
func (n *Node) MarshalJSON() ([]byte, error) {
	w := wireNode{Version: n.Version, Type: n.Type, Attrs: n.Attrs, Marks: n.Marks, Text: n.Text}
	if len(n.Content) > 0 || n.Type == "doc" || n.Type == "tableCell" {
		content := n.Content
		if content == nil {
			content = []*Node{}
		}
		w.Content = &content
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads a node without checking it; see Parse.
func (n *Node) UnmarshalJSON(data []byte) error {
	var w wireNode
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*n = Node{Version: w.Version, Type: w.Type, Attrs: w.Attrs, Marks: w.Marks, Text: w.Text}
	if w.Content != nil {
		n.Content = *w.Content
	}
	return nil
}

// Parse decodes and validates a document. The error is ErrNotDocument or wraps
// ErrUnsupported.
func Parse(raw []byte) (*Node, error) {
	var doc Node
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, ErrNotDocument
	}
	if doc.Type != "doc" || doc.Version != 1 {
		return nil, ErrNotDocument
	}
	if err := Validate(&doc); err != nil {
		return nil, err
	}
	return &doc, nil
}

type nodeRule struct {
	children []string // permitted types of children; nil for a leaf
	nonEmpty bool
	attrs    []string // required attributes
	marks    []string
}

var (
	inlines = []string{"text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status", "mediaInline", "inlineExtension", "placeholder"}
	cells   = []string{"paragraph", "panel", "blockquote", "orderedList", "bulletList", "rule", "heading", "codeBlock", "mediaGroup", "mediaSingle", "decisionList", "taskList", "blockCard", "embedCard", "extension", "nestedExpand"}
	blocks  = append([]string{"table", "expand", "bodiedExtension", "layoutSection"}, cells[:len(cells)-1]...)

	textMarks = []string{"strong", "em", "code", "strike", "underline", "link", "textColor", "subsup", "backgroundColor", "annotation", "border"}
	layout    = []string{"alignment", "indentation", "breakout", "dataConsumer", "fragment"}

	rules = map[string]nodeRule{
		"doc":          {children: blocks},
		"paragraph":    {children: inlines, marks: layout},
		"heading":      {children: inlines, attrs: []string{"level"}, marks: layout},
		"bulletList":   {children: []string{"listItem"}, nonEmpty: true},
		"orderedList":  {children: []string{"listItem"}, nonEmpty: true},
		"listItem":     {children: []string{"paragraph", "bulletList", "orderedList", "taskList", "codeBlock", "mediaSingle", "extension"}, nonEmpty: true},
		"codeBlock":    {children: []string{"text"}, marks: layout},
		"blockquote":   {children: []string{"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle", "mediaGroup", "extension"}, nonEmpty: true},
		"panel":        {children: cells[:len(cells)-1], nonEmpty: true, attrs: []string{"panelType"}},
		"rule":         {},
		"table":        {children: []string{"tableRow"}, nonEmpty: true, marks: layout},
		"tableRow":     {children: []string{"tableCell", "tableHeader"}},
		"tableCell":    {children: cells},
		"tableHeader":  {children: cells},
		"mediaSingle":  {children: []string{"media", "caption"}, nonEmpty: true, marks: []string{"link"}},
		"mediaGroup":   {children: []string{"media"}, nonEmpty: true},
		"media":        {attrs: []string{"type"}, marks: []string{"link", "border", "annotation"}},
		"mediaInline":  {attrs: []string{"id"}, marks: []string{"link", "border", "annotation"}},
		"caption":      {children: inlines},
		"taskList":     {children: []string{"taskItem", "taskList", "blockTaskItem"}, nonEmpty: true, attrs: []string{"localId"}},
		"taskItem":     {children: inlines, attrs: []string{"localId", "state"}},
		"decisionList": {children: []string{"decisionItem"}, nonEmpty: true, attrs: []string{"localId"}},
		"decisionItem": {children: inlines, attrs: []string{"localId", "state"}},
		"expand":       {children: append([]string{"table"}, cells...), nonEmpty: true, marks: layout},
		"nestedExpand": {children: cells[:len(cells)-1], nonEmpty: true},
		"blockCard":    {},
		"embedCard":    {attrs: []string{"url", "layout"}},
		"text":         {marks: textMarks},
		"hardBreak":    {},
		"mention":      {attrs: []string{"id"}, marks: []string{"annotation"}},
		"emoji":        {attrs: []string{"shortName"}, marks: []string{"annotation"}},
		"inlineCard":   {marks: []string{"annotation"}},
		"date":         {attrs: []string{"timestamp"}, marks: []string{"annotation"}},
		"status":       {attrs: []string{"text", "color"}, marks: []string{"annotation"}},
	}

	markAttrs = map[string]string{
		"link": "href", "textColor": "color", "backgroundColor": "color", "subsup": "type",
		"alignment": "align", "indentation": "level", "breakout": "mode", "annotation": "id",
	}
)

// Validate checks a decoded document against the schema. Its errors wrap
// ErrUnsupported and name the path of the offending node.
func Validate(doc *Node) error {
	if doc == nil || doc.Type != "doc" {
		return ErrNotDocument
	}
	return validate(doc, "doc")
}

func validate(n *Node, path string) error {
	rule, known := rules[n.Type]
	if !known {
		return fmt.Errorf("%w: %s: node type %q", ErrUnsupported, path, n.Type)
	}
	for _, name := range rule.attrs {
		if _, ok := n.Attrs[name]; !ok {
			return fmt.Errorf("%w: %s: attribute %q is required", ErrUnsupported, path, name)
		}
	}
	if n.Type == "heading" {
		if level, ok := n.Attrs["level"].(float64); !ok || level < 1 || level > 6 {
			return fmt.Errorf("%w: %s: heading level", ErrUnsupported, path)
		}
	}
	if (n.Type == "text") != (n.Text != "") {
		return fmt.Errorf("%w: %s: text", ErrUnsupported, path)
	}
	if rule.nonEmpty && len(n.Content) == 0 {
		return fmt.Errorf("%w: %s: %s has no content", ErrUnsupported, path, n.Type)
	}
	if err := validateMarks(n, rule, path); err != nil {
		return err
	}
	for i, child := range n.Content {
		if child == nil || !slices.Contains(rule.children, child.Type) {
			return fmt.Errorf("%w: %s: %s does not belong in %s", ErrUnsupported, path, typeOf(child), n.Type)
		}
		if n.Type == "codeBlock" && len(child.Marks) > 0 {
			return fmt.Errorf("%w: %s: marks in a code block", ErrUnsupported, path)
		}
		if err := validate(child, fmt.Sprintf("%s/%d:%s", path, i, child.Type)); err != nil {
			return err
		}
	}
	return nil
}

func validateMarks(n *Node, rule nodeRule, path string) error {
	code := slices.ContainsFunc(n.Marks, func(m Mark) bool { return m.Type == "code" })
	for i, m := range n.Marks {
		if !slices.Contains(rule.marks, m.Type) {
			return fmt.Errorf("%w: %s: mark %q", ErrUnsupported, path, m.Type)
		}
		if slices.ContainsFunc(n.Marks[:i], func(o Mark) bool { return o.Type == m.Type && o.Type != "annotation" }) {
			return fmt.Errorf("%w: %s: mark %q twice", ErrUnsupported, path, m.Type)
		}
		if code && !slices.Contains([]string{"code", "link", "annotation"}, m.Type) {
			return fmt.Errorf("%w: %s: mark %q together with code", ErrUnsupported, path, m.Type)
		}
		if name := markAttrs[m.Type]; name != "" {
			if v, ok := m.Attrs[name]; !ok || v == "" {
				return fmt.Errorf("%w: %s: mark %q needs %q", ErrUnsupported, path, m.Type, name)
			}
		}
	}
	return nil
}

func typeOf(n *Node) string {
	if n == nil {
		return "null"
	}
	return n.Type
}

// Text gives the words of a document without any markup: blocks on lines of
// their own. A nil document has no words.
func Text(n *Node) string {
	var b strings.Builder
	writeText(&b, n)
	return strings.TrimRight(b.String(), "\n")
}

func writeText(b *strings.Builder, n *Node) {
	if n == nil {
		return
	}
	switch n.Type {
	case "text":
		b.WriteString(n.Text)
	case "hardBreak":
		b.WriteByte('\n')
	case "mention", "emoji", "status":
		text, _ := n.Attrs["text"].(string)
		if text == "" {
			text, _ = n.Attrs["shortName"].(string)
		}
		b.WriteString(text)
	case "inlineCard", "blockCard", "embedCard":
		url, _ := n.Attrs["url"].(string)
		b.WriteString(url)
	}
	for _, child := range n.Content {
		writeText(b, child)
	}
	switch n.Type {
	case "paragraph", "heading", "codeBlock", "taskItem", "decisionItem", "blockCard", "embedCard":
		b.WriteByte('\n')
	}
}

// FromText makes a document of plain text: each line a paragraph. Empty text
// makes an empty document.
func FromText(text string) *Node {
	doc := &Node{Type: "doc", Version: 1}
	if text == "" {
		return doc
	}
	for line := range strings.SplitSeq(text, "\n") {
		p := &Node{Type: "paragraph"}
		if line != "" {
			p.Content = []*Node{{Type: "text", Text: line}}
		}
		doc.Content = append(doc.Content, p)
	}
	return doc
}

// IsEmpty reports whether a document has nothing to show.
func IsEmpty(doc *Node) bool {
	return doc == nil || len(doc.Content) == 0
}
