package richtext

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
)

type kind uint8

const (
	paragraph kind = iota
	heading
	bullets
	numbers
	quote
	code
	rule
	table
)

// maxDepth bounds how deep lists and quotes may nest; what is deeper is
// flattened.
const maxDepth = 12

// block is one block of a document. Which fields count depends on its kind.
type block struct {
	kind     kind
	level    int         // of a heading: 1 to 6; of numbers: the first number
	inline   []token     // of a paragraph or heading
	text     string      // of code, without a line break at the end
	language string      // of code
	items    [][]block   // of lists
	blocks   []block     // of a quote
	rows     [][][]token // of a table: rows of cells, the first row its head
}

// style is how a piece of text looks and where it leads.
type style struct {
	strong, em, code, strike, under bool
	href                            string
	image                           bool // the text stands for the picture at href
}

func (s style) common(t style) style {
	c := style{
		strong: s.strong && t.strong, em: s.em && t.em, code: s.code && t.code,
		strike: s.strike && t.strike, under: s.under && t.under,
	}
	if s.href == t.href && !s.image && !t.image {
		c.href = s.href
	}
	return c
}

// token is a word, one space, a line break or a picture.
type token struct {
	text  string // of a word or a picture; " " for a space, "\n" for a break
	style style
}

// An open and a ticked box begin the items of task lists.
const openBox, tickedBox = "\u2610", "\u2611"

// picture returns the token of an image, a word where its address is none that
// may be followed.
func picture(tokens []token, alt, src string, s style) []token {
	alt = strings.Join(strings.Fields(visible(alt)), " ")
	href := address(src)
	if href == "" {
		return appendText(tokens, alt, s)
	}
	if alt == "" {
		alt = "image"
	}
	return append(tokens, token{alt, style{href: href, image: true}})
}

func (t token) isSpace() bool { return t.text == " " }
func (t token) isBreak() bool { return t.text == "\n" }
func (t token) isWord() bool  { return t.text != " " && t.text != "\n" }

// appendText appends the words and spaces of a text.
func appendText(tokens []token, text string, s style) []token {
	for text != "" {
		word := strings.IndexFunc(text, unicode.IsSpace)
		switch {
		case word == 0:
			text = strings.TrimLeftFunc(text, unicode.IsSpace)
			tokens = append(tokens, token{" ", s})
			continue
		case word < 0:
			word = len(text)
		}
		if w := visible(text[:word]); w != "" {
			tokens = append(tokens, token{w, s})
		}
		text = text[word:]
	}
	return tokens
}

// visible drops control characters and the marks that have no width.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u200B' || r == '\uFEFF' {
			return -1
		}
		return r
	}, s)
}

// tidy brings the tokens of one block into normal form: words of one style in
// one token, single spaces between words, no spaces or breaks at the ends, and
// a space as bold as both of its neighbours.
func tidy(tokens []token) []token {
	out := make([]token, 0, len(tokens))
	for _, t := range tokens {
		var last *token
		if n := len(out); n > 0 {
			last = &out[n-1]
		}
		switch {
		case !t.isWord() && last == nil:
			continue
		case t.isSpace() && !last.isWord():
			if last.isSpace() {
				last.style = last.style.common(t.style)
			}
			continue
		case t.isBreak() && last.isSpace():
			out[len(out)-1] = t
			continue
		case t.isWord() && last != nil && last.isWord() && last.style == t.style && !t.style.image:
			last.text += t.text
			continue
		}
		out = append(out, t)
	}
	for len(out) > 0 && !out[len(out)-1].isWord() {
		out = out[:len(out)-1]
	}
	for i := range out {
		if out[i].isWord() {
			continue
		}
		if out[i].isBreak() {
			out[i].style = style{}
			continue
		}
		out[i].style = out[i].style.common(out[i-1].style).common(out[i+1].style)
	}
	return out
}

// withoutBreaks returns tokens with breaks as spaces, for headings.
func withoutBreaks(tokens []token) []token {
	out := slices.Clone(tokens)
	for i, t := range out {
		if t.isBreak() {
			out[i] = token{" ", t.style}
		}
	}
	return tidy(out)
}

// normal drops empty blocks, joins neighbouring lists of one kind and flattens
// what is too deep.
func normal(blocks []block, depth int) []block {
	var out []block
	for _, b := range blocks {
		switch b.kind {
		case paragraph, heading:
			if b.inline = tidy(b.inline); len(b.inline) == 0 {
				continue
			}
			if b.kind == heading {
				b.inline = withoutBreaks(b.inline)
				b.level = min(max(b.level, 1), 6)
			}
		case code:
			if b.text = codeText(b.text); b.text == "" {
				continue
			}
		case quote:
			b.blocks = normal(b.blocks, depth+1)
			if depth >= maxDepth {
				out = append(out, b.blocks...)
				continue
			}
			if len(b.blocks) == 0 {
				continue
			}
		case bullets, numbers:
			b.items = normalItems(b.items, depth)
			if depth >= maxDepth {
				for _, item := range b.items {
					out = append(out, item...)
				}
				continue
			}
			if len(b.items) == 0 {
				continue
			}
			b.level = min(max(b.level, 0), 999_999)
			if n := len(out); n > 0 && out[n-1].kind == b.kind {
				out[n-1].items = append(out[n-1].items, b.items...)
				continue
			}
		case table:
			if b.rows = normalRows(b.rows); len(b.rows) == 0 || len(b.rows[0]) < 2 {
				out = append(out, normal(lines(b.rows), depth)...)
				continue
			}
		}
		out = append(out, b)
	}
	return out
}

// normalRows returns rows of one length, without those that hold nothing.
func normalRows(rows [][][]token) [][][]token {
	var kept [][][]token
	width := 0
	for _, row := range rows {
		cells, filled := make([][]token, len(row)), false
		for i, cell := range row {
			cells[i] = withoutBreaks(tidy(cell))
			if len(cells[i]) > 0 {
				filled, width = true, max(width, i+1)
			}
		}
		if filled {
			kept = append(kept, cells)
		}
	}
	for i, row := range kept {
		for len(row) < width {
			row = append(row, nil)
		}
		kept[i] = row[:width]
	}
	return kept
}

// lines writes rows as paragraphs with a bar between the cells.
func lines(rows [][][]token) []block {
	var out []block
	for _, row := range rows {
		var tokens []token
		for i, cell := range row {
			if i > 0 {
				tokens = append(tokens, token{" ", style{}}, token{"|", style{}}, token{" ", style{}})
			}
			tokens = append(tokens, cell...)
		}
		out = append(out, block{inline: tokens})
	}
	return out
}

func normalItems(items [][]block, depth int) [][]block {
	var kept [][]block
	for _, item := range items {
		if item = normal(item, depth+1); len(item) > 0 {
			kept = append(kept, item)
		}
	}
	return kept
}

// codeText has plain line ends and spaces, and nothing invisible.
func codeText(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", "    ", "\u00A0", " ").Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRightFunc(visible(l), unicode.IsSpace)
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	return strings.Join(lines, "\n")
}

// plain reduces a document to paragraphs without any style.
func plain(blocks []block) []block {
	var out []block
	for _, b := range blocks {
		switch b.kind {
		case paragraph, heading:
			out = append(out, block{inline: unstyled(b.inline)})
		case code:
			for line := range strings.SplitSeq(b.text, "\n") {
				out = append(out, block{inline: appendText(nil, line, style{})})
			}
		case quote:
			out = append(out, plain(b.blocks)...)
		case bullets, numbers:
			for _, item := range b.items {
				out = append(out, plain(item)...)
			}
		case table:
			out = append(out, plain(lines(b.rows))...)
		}
	}
	return normal(out, 0)
}

func unstyled(tokens []token) []token {
	out := slices.Clone(tokens)
	for i := range out {
		out[i].style = style{}
	}
	return tidy(out)
}

// address returns a link's address in the form that both languages carry
// unchanged, "" for one that must not be followed.
func address(href string) string {
	href = strings.TrimSpace(visible(href))
	u, err := url.Parse(href)
	if err != nil || len(href) > 2000 {
		return ""
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
		if u.Host == "" {
			return ""
		}
	case "mailto", "tel":
	default:
		return ""
	}
	var b strings.Builder
	for i := range len(href) {
		switch c := href[i]; {
		case c <= ' ' || c == 0x7f || strings.IndexByte("<>\\`\"^{|}[]", c) >= 0:
			b.WriteString(percent(c))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func percent(c byte) string {
	const hex = "0123456789ABCDEF"
	return string([]byte{'%', hex[c>>4], hex[c&15]})
}
