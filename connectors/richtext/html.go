package richtext

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxNesting bounds how deep elements may nest: the parser's time grows with
// the square of it.
const maxNesting = 200

// nestsTooDeep reports whether a fragment opens more elements than it closes at
// some place. Elements that another of their kind closes do not count.
func nestsTooDeep(fragment string) bool {
	z := html.NewTokenizer(strings.NewReader(fragment))
	depth := 0
	for {
		switch z.Next() {
		case html.ErrorToken:
			return false
		case html.EndTagToken:
			depth = max(depth-1, 0)
		case html.StartTagToken:
			name, _ := z.TagName()
			switch atom.Lookup(name) {
			case atom.P, atom.Li, atom.Tr, atom.Td, atom.Th, atom.Dt, atom.Dd, atom.Br, atom.Hr, atom.Img, atom.Input,
				atom.Meta, atom.Link, atom.Col, atom.Wbr:
				continue
			}
			if depth++; depth > maxNesting {
				return true
			}
		}
	}
}

// readHTML parses a fragment as a browser would.
func readHTML(fragment string) []block {
	if nestsTooDeep(fragment) {
		return normal([]block{{inline: appendText(nil, bareText(fragment), style{})}}, 0)
	}
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(fragment), body)
	if err != nil { // nested deeper than the parser goes
		return normal([]block{{inline: appendText(nil, bareText(fragment), style{})}}, 0)
	}
	var r htmlReader
	for _, n := range nodes {
		r.node(n, style{})
	}
	return normal(r.done(), 0)
}

// bareText returns the text between the tags.
func bareText(fragment string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(fragment))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			b.Write(z.Text())
			b.WriteByte(' ')
		}
	}
}

// htmlReader gathers blocks; inline text outside of blocks becomes paragraphs.
type htmlReader struct {
	blocks []block
	inline []token
}

func (r *htmlReader) done() []block {
	r.flush()
	return r.blocks
}

func (r *htmlReader) flush() {
	if len(r.inline) > 0 {
		r.blocks = append(r.blocks, block{inline: r.inline})
		r.inline = nil
	}
}

func (r *htmlReader) add(b block) {
	r.flush()
	r.blocks = append(r.blocks, b)
}

func (r *htmlReader) children(n *html.Node, s style) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.node(c, s)
	}
}

func within(n *html.Node, s style) []block {
	var r htmlReader
	r.children(n, s)
	return r.done()
}

func (r *htmlReader) node(n *html.Node, s style) {
	if n.Type == html.TextNode {
		r.inline = appendText(r.inline, n.Data, s)
		return
	}
	if n.Type != html.ElementNode {
		return
	}
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Template, atom.Title, atom.Iframe, atom.Object, atom.Svg, atom.Math:
	case atom.Br:
		r.inline = append(r.inline, token{"\n", s})
	case atom.Hr:
		r.add(block{kind: rule})
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		level, _ := strconv.Atoi(n.Data[1:])
		r.add(block{kind: heading, level: level, inline: flat(n, s)})
	case atom.Ul, atom.Menu:
		r.add(block{kind: bullets, items: listItems(n, s)})
	case atom.Ol:
		first := 1
		if v, err := strconv.Atoi(attr(n, "start")); err == nil {
			first = v
		}
		r.add(block{kind: numbers, level: first, items: listItems(n, s)})
	case atom.Blockquote:
		r.add(block{kind: quote, blocks: within(n, s)})
	case atom.Pre:
		r.add(block{kind: code, text: innerText(n), language: languageOf(n)})
	case atom.Tr:
		r.row(n, s)
	case atom.Img:
		r.image(n, s)
	case atom.P, atom.Div, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main, atom.Aside, atom.Nav,
		atom.Address, atom.Figure, atom.Figcaption, atom.Table, atom.Caption, atom.Li, atom.Dl, atom.Dt, atom.Dd,
		atom.Form, atom.Fieldset, atom.Details, atom.Summary, atom.Center:
		r.flush()
		r.children(n, styleOf(n, s))
		r.flush()
	default:
		r.children(n, styleOf(n, s))
	}
}

// flat returns the inline text of everything below n.
func flat(n *html.Node, s style) []token {
	var tokens []token
	for _, b := range within(n, s) {
		tokens = append(tokens, flatBlock(b)...)
		tokens = append(tokens, token{" ", style{}})
	}
	return tokens
}

func flatBlock(b block) []token {
	tokens := append([]token(nil), b.inline...)
	if b.kind == code {
		tokens = appendText(tokens, b.text, style{})
	}
	for _, item := range append(b.items, b.blocks) {
		for _, inner := range item {
			tokens = append(append(tokens, token{" ", style{}}), flatBlock(inner)...)
		}
	}
	return tokens
}

// row writes a table's row as a line.
func (r *htmlReader) row(n *html.Node, s style) {
	var tokens []token
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Td && c.DataAtom != atom.Th {
			continue
		}
		if len(tokens) > 0 {
			tokens = append(tokens, token{" ", style{}}, token{"|", style{}}, token{" ", style{}})
		}
		tokens = append(tokens, withoutBreaks(tidy(flat(c, s)))...)
	}
	r.add(block{inline: tokens})
}

func (r *htmlReader) image(n *html.Node, s style) {
	text := strings.TrimSpace(attr(n, "alt"))
	href := address(attr(n, "src"))
	if text == "" && href != "" {
		text = "image"
	}
	if s.href == "" {
		s.href = href
	}
	r.inline = appendText(r.inline, text, s)
}

// listItems returns the items of a list. A list that stands in a list without
// an item of its own, as old editors write it, belongs to the item before it.
func listItems(list *html.Node, s style) [][]block {
	var items [][]block
	for c := list.FirstChild; c != nil; c = c.NextSibling {
		var r htmlReader
		if c.DataAtom == atom.Li {
			r.children(c, styleOf(c, s))
			items = append(items, r.done())
			continue
		}
		r.node(c, s)
		blocks := normal(r.done(), 0)
		switch {
		case len(blocks) == 0:
		case len(items) == 0:
			items = append(items, blocks)
		default:
			items[len(items)-1] = append(items[len(items)-1], blocks...)
		}
	}
	return items
}

var (
	boldStyle   = regexp.MustCompile(`(?i)font-weight\s*:\s*(bold|[6-9]00)`)
	italicStyle = regexp.MustCompile(`(?i)font-style\s*:\s*italic`)
	language    = regexp.MustCompile(`(?:^|\s)lang(?:uage)?-([A-Za-z0-9_+.#-]{1,20})`)
)

func styleOf(n *html.Node, s style) style {
	switch n.DataAtom {
	case atom.B, atom.Strong, atom.Th:
		s.strong = true
	case atom.I, atom.Em, atom.Cite, atom.Var, atom.Dfn:
		s.em = true
	case atom.Code, atom.Kbd, atom.Samp, atom.Tt:
		s.code = true
	case atom.A:
		s.href = address(attr(n, "href"))
	case atom.Span, atom.P, atom.Div, atom.Font, atom.Li:
		if css := attr(n, "style"); css != "" {
			s.strong = s.strong || boldStyle.MatchString(css)
			s.em = s.em || italicStyle.MatchString(css)
		}
	}
	return s
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func languageOf(pre *html.Node) string {
	class := attr(pre, "class")
	if c := pre.FirstChild; c != nil && c.DataAtom == atom.Code {
		class += " " + attr(c, "class")
	}
	if m := language.FindStringSubmatch(class); m != nil {
		return m[1]
	}
	return ""
}

func innerText(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
		case n.DataAtom == atom.Br:
			b.WriteByte('\n')
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return b.String()
}

// writeHTML writes a document without white space between the blocks.
func writeHTML(blocks []block) string {
	var b strings.Builder
	for _, bl := range blocks {
		writeBlockHTML(&b, bl)
	}
	return b.String()
}

func writeBlockHTML(b *strings.Builder, bl block) {
	switch bl.kind {
	case paragraph:
		b.WriteString("<p>" + inlineHTML(bl.inline) + "</p>")
	case heading:
		fmt.Fprintf(b, "<h%d>%s</h%d>", bl.level, inlineHTML(bl.inline), bl.level)
	case rule:
		b.WriteString("<hr>")
	case code:
		b.WriteString("<pre><code")
		if bl.language != "" {
			b.WriteString(` class="language-` + html.EscapeString(bl.language) + `"`)
		}
		b.WriteString(">" + html.EscapeString(bl.text) + "</code></pre>")
	case quote:
		b.WriteString("<blockquote>" + writeHTML(bl.blocks) + "</blockquote>")
	case bullets:
		b.WriteString("<ul>" + itemsHTML(bl.items) + "</ul>")
	case numbers:
		open := "<ol>"
		if bl.level != 1 {
			open = fmt.Sprintf(`<ol start="%d">`, bl.level)
		}
		b.WriteString(open + itemsHTML(bl.items) + "</ol>")
	}
}

func itemsHTML(items [][]block) string {
	var b strings.Builder
	for _, item := range items {
		paragraphs := 0
		for _, bl := range item {
			if bl.kind == paragraph {
				paragraphs++
			}
		}
		b.WriteString("<li>")
		for _, bl := range item {
			if bl.kind == paragraph && paragraphs == 1 {
				b.WriteString(inlineHTML(bl.inline))
				continue
			}
			writeBlockHTML(&b, bl)
		}
		b.WriteString("</li>")
	}
	return b.String()
}

func inlineHTML(tokens []token) string {
	var b strings.Builder
	var open style
	for _, t := range tokens {
		if t.style != open {
			b.WriteString(closeHTML(open) + openHTML(t.style))
			open = t.style
		}
		if t.isBreak() {
			b.WriteString("<br>")
			continue
		}
		b.WriteString(html.EscapeString(t.text))
	}
	b.WriteString(closeHTML(open))
	return b.String()
}

func openHTML(s style) string {
	out := ""
	if s.href != "" {
		out += `<a href="` + html.EscapeString(s.href) + `">`
	}
	if s.strong {
		out += "<strong>"
	}
	if s.em {
		out += "<em>"
	}
	if s.code {
		out += "<code>"
	}
	return out
}

func closeHTML(s style) string {
	out := ""
	if s.code {
		out += "</code>"
	}
	if s.em {
		out += "</em>"
	}
	if s.strong {
		out += "</strong>"
	}
	if s.href != "" {
		out += "</a>"
	}
	return out
}
