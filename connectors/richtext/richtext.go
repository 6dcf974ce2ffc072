// Package richtext converts between the HTML that systems keep in their rich
// text and CommonMark, with the tables, strike-through and task lists of
// GitHub's extension.
//
// What both can say is kept: paragraphs, headings, lists, task lists, quotes,
// code, rules, tables, line breaks, bold, italic, struck and underlined text,
// code spans, links and pictures. The rest degrades to text: colours and
// alignment go, and tables that lay out a page become what stands in them.
// Underlined text is the inline tag <u> in CommonMark; the boxes of task lists
// are the signs ☐ and ☑ in HTML. Neither direction lets other raw HTML
// through.
//
// Hostile input costs no more than a long one: HTML that nests hundreds of
// elements, and texts with thousands of signs, are taken as plain text.
//
// From returns a normal form: From(To(m)) == m for every m that From returned,
// so that a text which passed once stays as it is.
package richtext

import "strings"

// maxInput bounds the text that is worked on, in bytes. HubSpot's own limit is
// 65 536 characters.
const maxInput = 1 << 20

// FromHTML is HTML.From.
func FromHTML(html string) string { return HTML.From(html) }

// ToHTML is HTML.To.
func ToHTML(markdown string) string { return HTML.To(markdown) }

func clip(s string) string {
	if len(s) > maxInput {
		s = s[:maxInput]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
