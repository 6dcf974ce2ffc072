// Package richtext converts between the HTML that HubSpot keeps in its rich
// text properties and CommonMark.
//
// What both can say is kept: paragraphs, headings, lists, quotes, code, rules,
// line breaks, bold, italic, code spans and links. The rest degrades to text:
// images become links, table rows become lines with " | " between the cells,
// underlines, colours and alignment go. Neither direction lets raw HTML of the
// other side through.
//
// Hostile input costs no more than a long one: HTML that nests hundreds of
// elements, and texts with thousands of signs, are taken as plain text.
//
// FromHTML returns a normal form: FromHTML(ToHTML(m)) == m for every m that
// FromHTML returned, so that a text which passed once stays as it is.
package richtext

import (
	"reflect"
	"strings"
)

// maxInput bounds the text that is worked on, in bytes. HubSpot's own limit is
// 65 536 characters.
const maxInput = 1 << 20

// FromHTML returns the CommonMark of an HTML fragment, without a line break at
// its end; "" when the fragment shows no text.
func FromHTML(html string) string {
	doc := readHTML(clip(html))
	markdown := writeMarkdown(doc)
	for range 4 {
		back := readHTML(ToHTML(markdown))
		if reflect.DeepEqual(back, doc) {
			return markdown
		}
		again := writeMarkdown(back)
		if again == markdown {
			return markdown
		}
		doc, markdown = back, again
	}
	return writeMarkdown(plain(doc))
}

// ToHTML returns the HTML of a CommonMark text, as HubSpot's editor would write
// it. Raw HTML in the text is shown, not obeyed; links other than http, https,
// mailto and tel lose their address.
func ToHTML(markdown string) string {
	return writeHTML(readMarkdown(clip(markdown)))
}

func clip(s string) string {
	if len(s) > maxInput {
		s = s[:maxInput]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
