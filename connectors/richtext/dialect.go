package richtext

import (
	"reflect"
	"strings"
)

// Dialect is what one system takes for rich text. The zero value is HTML.
type Dialect uint8

// The dialects. Each names the elements that its system keeps; what it cannot
// say is written with what it can: a heading as a bold paragraph, a table as
// lines with a bar between the cells, a quote as lines that begin with ">".
const (
	// HTML is what browsers show and HubSpot's editor writes.
	HTML Dialect = iota
	// AsanaNotes is the XML of html_notes of tasks and project briefs: a body,
	// line ends for breaks, headings of two levels and rules.
	AsanaNotes
	// AsanaText is the XML of html_text of comments and html_notes of projects,
	// which have neither headings nor rules.
	AsanaText
	// Salesforce is the HTML that rich text areas keep.
	Salesforce
	// SalesforceFeed is the HTML of Chatter posts: paragraphs, lists and links.
	SalesforceFeed
)

// dialect is what a system can say.
type dialect struct {
	root       string // the element around everything
	lines      bool   // line ends are breaks, and paragraphs have no element
	attributes bool   // of lists and code
	headings   int    // the lowest level of heading; 0 for none
	rules      bool
	quotes     bool
	codeBlocks bool
	tables     bool
	images     bool
	breaks     bool
	strong, em string // elements
}

var dialects = [...]dialect{
	HTML: {
		attributes: true, headings: 6, rules: true, quotes: true, codeBlocks: true, tables: true, images: true, breaks: true,
		strong: "strong", em: "em",
	},
	AsanaNotes:     {root: "body", lines: true, headings: 2, rules: true, codeBlocks: true, breaks: true, strong: "strong", em: "em"},
	AsanaText:      {root: "body", lines: true, codeBlocks: true, breaks: true, strong: "strong", em: "em"},
	Salesforce:     {headings: 6, rules: true, quotes: true, codeBlocks: true, tables: true, breaks: true, strong: "strong", em: "em"},
	SalesforceFeed: {strong: "b", em: "i"},
}

// From returns the CommonMark of a system's rich text, without a line break at
// its end; "" when it shows no text. The result is in normal form: From(To(m))
// is m for every m that From returned.
func (d Dialect) From(source string) string {
	return dialects[d].from(clip(source))
}

// To returns a CommonMark text as the system's rich text. Raw HTML in the text
// is shown, not obeyed, but for inline tags that say what CommonMark cannot;
// links other than http, https, mailto and tel lose their address.
func (d Dialect) To(markdown string) string {
	return dialects[d].to(clip(markdown))
}

func (d *dialect) from(source string) string {
	doc := d.read(source)
	markdown := writeMarkdown(doc)
	for range 4 {
		back := d.read(d.to(markdown))
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

func (d *dialect) to(markdown string) string {
	return d.write(normal(d.reduce(readMarkdown(markdown)), 0))
}

func (d *dialect) read(source string) []block {
	doc := readHTML(source, d.lines)
	if !d.quotes {
		doc = normal(quotesOf(doc), 0)
	}
	return doc
}

// reduce returns the blocks as the dialect can say them.
func (d *dialect) reduce(blocks []block) []block {
	var out []block
	for _, b := range blocks {
		switch {
		case b.kind == heading && d.headings == 0:
			out = append(out, d.reduceText(block{inline: bold(b.inline)})...)
		case b.kind == heading:
			b.level = min(b.level, d.headings)
			b.inline = d.linked(b.inline)
			out = append(out, b)
		case b.kind == rule && !d.rules:
		case b.kind == table && !d.tables:
			for _, line := range lines(b.rows) {
				out = append(out, d.reduceText(line)...)
			}
		case b.kind == table:
			for _, row := range b.rows {
				for i := range row {
					row[i] = d.linked(row[i])
				}
			}
			out = append(out, b)
		case b.kind == quote && !d.quotes:
			out = append(out, quoted(d.reduce(b.blocks))...)
		case b.kind == quote:
			b.blocks = d.reduce(b.blocks)
			out = append(out, b)
		case b.kind == code && !d.codeBlocks:
			for line := range strings.SplitSeq(b.text, "\n") {
				out = append(out, block{inline: appendText(nil, line, style{code: true})})
			}
		case b.kind == bullets || b.kind == numbers:
			for i := range b.items {
				b.items[i] = d.reduce(b.items[i])
			}
			out = append(out, b)
		case b.kind == paragraph:
			out = append(out, d.reduceText(b)...)
		default:
			out = append(out, b)
		}
	}
	return out
}

// reduceText returns a paragraph, one for each line where there is no break.
func (d *dialect) reduceText(b block) []block {
	b.inline = d.linked(b.inline)
	if d.breaks {
		return []block{b}
	}
	var out []block
	from := 0
	for i, t := range b.inline {
		if t.isBreak() {
			out = append(out, block{inline: b.inline[from:i]})
			from = i + 1
		}
	}
	return append(out, block{inline: b.inline[from:]})
}

// linked writes pictures as links where there are no pictures.
func (d *dialect) linked(tokens []token) []token {
	if d.images {
		return tokens
	}
	out := make([]token, 0, len(tokens))
	for _, t := range tokens {
		if t.style.image {
			out = appendText(out, t.text, style{href: t.style.href})
			continue
		}
		out = append(out, t)
	}
	return tidy(out)
}

func bold(tokens []token) []token {
	out := make([]token, len(tokens))
	for i, t := range tokens {
		out[i] = t
		if !t.style.image {
			out[i].style.strong = true
		}
	}
	return out
}

// quoted writes the blocks of a quote as paragraphs whose lines begin with ">",
// as people do in mail. Lists lose their form.
func quoted(blocks []block) []block {
	var out []block
	for _, b := range blocks {
		switch b.kind {
		case paragraph, heading:
			line := []token{{">", style{}}, {" ", style{}}}
			for _, t := range b.inline {
				line = append(line, t)
				if t.isBreak() {
					line = append(line, token{">", style{}}, token{" ", style{}})
				}
			}
			out = append(out, block{inline: line})
		case code:
			for line := range strings.SplitSeq(b.text, "\n") {
				out = append(out, quoted([]block{{inline: appendText(nil, line, style{code: true})}})...)
			}
		case bullets, numbers:
			for _, item := range b.items {
				out = append(out, quoted(item)...)
			}
		case quote:
			out = append(out, quoted(b.blocks)...)
		case table:
			out = append(out, quoted(lines(b.rows))...)
		}
	}
	return out
}

// quotesOf makes quotes of the paragraphs whose lines all begin with ">".
func quotesOf(blocks []block) []block {
	var out []block
	for _, b := range blocks {
		inner, ok := unquoted(b)
		if !ok {
			out = append(out, b)
			continue
		}
		if n := len(out); n > 0 && out[n-1].kind == quote {
			out[n-1].blocks = append(out[n-1].blocks, inner)
			continue
		}
		out = append(out, block{kind: quote, blocks: []block{inner}})
	}
	for i, b := range out {
		if b.kind == quote {
			out[i].blocks = quotesOf(b.blocks)
		}
	}
	return out
}

func unquoted(b block) (block, bool) {
	if b.kind != paragraph {
		return b, false
	}
	var inner []token
	start := true
	for i, t := range b.inline {
		switch {
		case start && (t != token{">", style{}} || i+1 == len(b.inline)):
			return b, false
		case start:
			start = false
		default:
			inner = append(inner, t)
			start = t.isBreak()
		}
	}
	return block{inline: tidy(inner)}, len(tidy(inner)) > 0
}
