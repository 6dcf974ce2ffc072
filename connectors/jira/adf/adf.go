// Package adf converts between CommonMark, which records carry, and the two
// rich-text forms of Jira: the Atlassian Document Format (ADF) of Jira Cloud's
// REST API v3 and the wiki markup of Data Center's API v2.
//
// The markdown it writes is in normal form: reading it and writing it again
// gives the same text, so that what Tenon wrote once never looks edited.
// Tables, strike-through and task lists follow GitHub's extension of
// CommonMark; underlined, raised and lowered text, and emphasis that CommonMark
// cannot delimit, are inline HTML tags; panels are block quotes that start with
// [!NOTE], [!TIP], [!IMPORTANT], [!WARNING] or [!CAUTION]; a media node is an
// image with a media: address, a mention a link with an accountid: address, and
// both come back as what they were. Colours, sizes, alignment and macros are
// lost.
//
// Node types follow developer.atlassian.com, "Atlassian Document Format"
// (structure pages and JSON schema), read 2025-12.
package adf

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Node is one node of an ADF document.
type Node struct {
	Type    string         `json:"type"`
	Version int            `json:"version,omitempty"`
	Attrs   map[string]any `json:"attrs,omitempty"`
	Content []*Node        `json:"content,omitempty"`
	Marks   []Mark         `json:"marks,omitempty"`
	Text    string         `json:"text,omitempty"`
}

// Mark is a property of an inline node: emphasis, a link.
type Mark struct {
	Type  string         `json:"type"`
	Attrs map[string]any `json:"attrs,omitempty"`
}

// maxDepth bounds the nesting that is converted; what lies deeper is kept as
// plain text.
const maxDepth = 40

// MarshalJSON writes the node; a document and a table cell always carry their
// content, as the schema wants.
func (n *Node) MarshalJSON() ([]byte, error) {
	type plain Node
	if len(n.Content) > 0 || n.Type != "doc" && n.Type != "tableCell" && n.Type != "tableHeader" {
		return json.Marshal((*plain)(n))
	}
	return json.Marshal(struct {
		*plain
		Content []*Node `json:"content"`
	}{(*plain)(n), []*Node{}})
}

// Parse reads a document. It takes nodes of unknown types, which Markdown
// reduces to their text. The error says that raw is no ADF document.
func Parse(raw []byte) (*Node, error) {
	var doc Node
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("not an Atlassian document: %w", err)
	}
	if doc.Type != "doc" {
		return nil, errors.New("not an Atlassian document: the root is no doc node")
	}
	return &doc, nil
}

// Markdown returns the document as CommonMark in normal form, without a line
// end at the end; "" for an empty document.
func (n *Node) Markdown() string {
	md := write(n)
	if len(md) > maxMarkdown {
		return md // more than Jira keeps: it cannot come back
	}
	for range 4 {
		again := write(FromMarkdown(md))
		if again == md {
			return md
		}
		md = again
	}
	return write(textDocument(n))
}

// textDocument returns a document of paragraphs with the text of n and nothing
// else.
func textDocument(n *Node) *Node {
	doc := &Node{Type: "doc", Version: 1}
	var b strings.Builder
	n.appendText(&b, 0)
	for line := range strings.Lines(b.String()) {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			doc.Content = append(doc.Content, &Node{Type: "paragraph", Content: []*Node{text(line)}})
		}
	}
	return doc
}

// PlainText returns the document's words, each block on a line of its own.
func (n *Node) PlainText() string {
	var b strings.Builder
	n.appendText(&b, 0)
	return strings.TrimSpace(b.String())
}

func (n *Node) appendText(b *strings.Builder, depth int) {
	if n == nil || depth > 10*maxDepth {
		return
	}
	switch n.Type {
	case "text":
		b.WriteString(n.Text)
	case "hardBreak":
		b.WriteByte('\n')
	default:
		b.WriteString(leafText(n))
	}
	for _, c := range n.Content {
		c.appendText(b, depth+1)
	}
	switch n.Type {
	case "paragraph", "heading", "codeBlock", "taskItem", "decisionItem", "blockCard", "embedCard", "tableCell", "tableHeader":
		b.WriteByte('\n')
	}
}

// leafText returns what an inline node without text of its own shows.
func leafText(n *Node) string {
	switch n.Type {
	case "mention", "status":
		return n.attr("text")
	case "emoji":
		if t := n.attr("text"); t != "" {
			return t
		}
		return n.attr("shortName")
	case "inlineCard", "blockCard", "embedCard":
		return n.attr("url")
	case "date":
		return dateText(n.Attrs["timestamp"])
	}
	return ""
}

func (n *Node) attr(name string) string {
	s, _ := n.Attrs[name].(string)
	return s
}

func (n *Node) number(name string) int {
	switch v := n.Attrs[name].(type) {
	case float64:
		return int(v)
	case int:
		return v
	}
	return 0
}

func (n *Node) mark(kind string) *Mark {
	for i := range n.Marks {
		if n.Marks[i].Type == kind {
			return &n.Marks[i]
		}
	}
	return nil
}

func text(s string, marks ...Mark) *Node { return &Node{Type: "text", Text: s, Marks: marks} }

// FromText returns the document of a plain text: blank lines part paragraphs,
// other line ends are breaks.
func FromText(s string) *Node {
	doc := &Node{Type: "doc", Version: 1}
	for part := range strings.SplitSeq(cleanText(s), "\n\n") {
		p := &Node{Type: "paragraph"}
		for i, line := range strings.Split(strings.Trim(part, "\n"), "\n") {
			if i > 0 {
				p.Content = append(p.Content, &Node{Type: "hardBreak"})
			}
			if line != "" {
				p.Content = append(p.Content, text(line))
			}
		}
		if len(p.Content) > 0 {
			doc.Content = append(doc.Content, p)
		}
	}
	return doc
}
