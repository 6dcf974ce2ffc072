package adf

import (
	"fmt"
	"slices"
	"strings"
)

// The part of the ADF schema that FromMarkdown writes, after the JSON schema at
// go.atlassian.com/adf-json-schema (full), read 2025-12.
var (
	inlineTypes = []string{"text", "hardBreak", "mention", "mediaInline"}
	panelTypes  = []string{"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "mediaSingle", "taskList", "rule"}
	children    = map[string][]string{
		"doc":         {"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "blockquote", "panel", "rule", "table", "mediaSingle", "taskList"},
		"paragraph":   inlineTypes,
		"heading":     inlineTypes,
		"taskItem":    inlineTypes,
		"bulletList":  {"listItem"},
		"orderedList": {"listItem"},
		"listItem":    {"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle", "taskList"},
		"codeBlock":   {"text"},
		"blockquote":  {"paragraph", "bulletList", "orderedList", "codeBlock", "mediaSingle"},
		"panel":       panelTypes,
		"table":       {"tableRow"},
		"tableRow":    {"tableCell", "tableHeader"},
		"tableCell":   {"paragraph"},
		"tableHeader": {"paragraph"},
		"mediaSingle": {"media"},
		"taskList":    {"taskItem", "taskList"},
	}
	leaves    = []string{"text", "hardBreak", "mention", "mediaInline", "media", "rule"}
	needsMore = []string{"bulletList", "orderedList", "listItem", "blockquote", "panel", "table", "tableRow", "tableCell", "tableHeader", "mediaSingle", "taskList"}
)

// valid checks a document against the schema.
func valid(n *Node) error {
	allowed, known := children[n.Type]
	switch {
	case !known && !slices.Contains(leaves, n.Type):
		return fmt.Errorf("unknown type %q", n.Type)
	case (n.Type == "text") != (n.Text != ""):
		return fmt.Errorf("%s with text %q", n.Type, n.Text)
	case n.Type == "text" && strings.ContainsAny(n.Text, "\r\x00"):
		return fmt.Errorf("text %q", n.Text)
	case slices.Contains(needsMore, n.Type) && len(n.Content) == 0:
		return fmt.Errorf("empty %s", n.Type)
	case n.Type == "listItem" && !itemStart(n.Content[0].Type):
		return fmt.Errorf("list item starts with %s", n.Content[0].Type)
	case n.mark("code") != nil && slices.ContainsFunc(n.Marks, func(m Mark) bool { return m.Type != "code" && m.Type != "link" }):
		return fmt.Errorf("marks %v with code", n.Marks)
	}
	for i, m := range n.Marks {
		if slices.ContainsFunc(n.Marks[:i], func(o Mark) bool { return o.Type == m.Type }) {
			return fmt.Errorf("mark %s twice", m.Type)
		}
	}
	for _, c := range n.Content {
		if !slices.Contains(allowed, c.Type) {
			return fmt.Errorf("%s in %s", c.Type, n.Type)
		}
		if n.Type == "codeBlock" && len(c.Marks) > 0 {
			return fmt.Errorf("marks in a code block")
		}
		if n.Type != "codeBlock" && c.Type == "text" && strings.Contains(c.Text, "\n") {
			return fmt.Errorf("line end in text %q", c.Text)
		}
		if err := valid(c); err != nil {
			return err
		}
	}
	return nil
}

// normal returns the normal form of a markdown text: what Jira Cloud gives back
// after it was written there.
func normal(markdown string) string { return FromMarkdown(markdown).Markdown() }
