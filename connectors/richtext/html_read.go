package richtext

import (
	"iter"
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

// readHTML parses a fragment as a browser would; with lines, line ends count, as
// in systems that have no element for a break.
func readHTML(fragment string, lines bool) []block {
	if nestsTooDeep(fragment) {
		return normal([]block{{inline: appendText(nil, bareText(fragment), style{})}}, 0)
	}
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(fragment), body)
	if err != nil { // nested deeper than the parser goes
		return normal([]block{{inline: appendText(nil, bareText(fragment), style{})}}, 0)
	}
	r := htmlReader{lines: lines}
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
	lines  bool
	blocks []block
	inline []token
}

func (r *htmlReader) done() []block {
	r.flush()
	return r.blocks
}

func (r *htmlReader) flush() {
	for _, part := range r.parts() {
		r.blocks = append(r.blocks, block{inline: part})
	}
	r.inline = nil
}

// parts returns the paragraphs of the inline text: where lines count, an empty
// one parts paragraphs.
func (r *htmlReader) parts() [][]token {
	if len(r.inline) == 0 {
		return nil
	}
	if !r.lines {
		return [][]token{r.inline}
	}
	var parts [][]token
	from := 0
	for i := 1; i < len(r.inline); i++ {
		if r.inline[i].isBreak() && r.inline[i-1].isBreak() {
			parts = append(parts, r.inline[from:i])
			from = i + 1
		}
	}
	return append(parts, r.inline[min(from, len(r.inline)):])
}

func (r *htmlReader) text(data string, s style) {
	if !r.lines {
		r.inline = appendText(r.inline, data, s)
		return
	}
	first := true
	for line := range strings.SplitSeq(strings.ReplaceAll(data, "\r\n", "\n"), "\n") {
		if !first {
			if n := len(r.inline); n > 0 && r.inline[n-1].isSpace() {
				r.inline = r.inline[:n-1]
			}
			r.inline = append(r.inline, token{"\n", style{}})
		}
		first = false
		r.inline = appendText(r.inline, line, s)
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

func (r *htmlReader) within(n *html.Node, s style) []block {
	inner := htmlReader{lines: r.lines}
	inner.children(n, s)
	return inner.done()
}

func (r *htmlReader) node(n *html.Node, s style) {
	if n.Type == html.TextNode {
		r.text(n.Data, s)
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
		r.add(block{kind: heading, level: level, inline: r.flat(n, s)})
	case atom.Ul, atom.Menu:
		r.add(block{kind: bullets, items: r.listItems(n, s)})
	case atom.Ol:
		first := 1
		if v, err := strconv.Atoi(attr(n, "start")); err == nil {
			first = v
		}
		r.add(block{kind: numbers, level: first, items: r.listItems(n, s)})
	case atom.Blockquote:
		r.add(block{kind: quote, blocks: r.within(n, s)})
	case atom.Pre:
		r.add(block{kind: code, text: innerText(n), language: languageOf(n)})
	case atom.Table:
		r.table(n, s)
	case atom.Code:
		// A code span of several lines is how a system without code blocks shows one.
		if text := innerText(n); r.lines && strings.Contains(strings.Trim(text, "\n"), "\n") {
			r.add(block{kind: code, text: text})
			return
		}
		r.children(n, styleOf(n, s))
	case atom.Img:
		r.image(n, s)
	case atom.P, atom.Div, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main, atom.Aside, atom.Nav,
		atom.Address, atom.Figure, atom.Figcaption, atom.Caption, atom.Li, atom.Dl, atom.Dt, atom.Dd,
		atom.Form, atom.Fieldset, atom.Details, atom.Summary, atom.Center:
		r.flush()
		r.children(n, styleOf(n, s))
		r.flush()
	default:
		r.children(n, styleOf(n, s))
	}
}

// flat returns the inline text of everything below n.
func (r *htmlReader) flat(n *html.Node, s style) []token {
	var tokens []token
	for _, b := range r.within(n, s) {
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

// table reads a table of texts as one. A table that holds lists, headings or
// other tables lays out a page: what stands in its cells follows one after
// another.
func (r *htmlReader) table(n *html.Node, s style) {
	var rows [][][]block
	simple, columns := true, 0
	for row := range descendants(n, atom.Tr, atom.Table) {
		var cells [][]block
		for c := row.FirstChild; c != nil; c = c.NextSibling {
			if c.DataAtom != atom.Td && c.DataAtom != atom.Th {
				continue
			}
			look := styleOf(c, s)
			look.strong = look.strong || c.DataAtom == atom.Th && len(rows) > 0
			cell := normal(r.within(c, look), 0)
			for _, b := range cell {
				simple = simple && b.kind == paragraph
			}
			cells = append(cells, cell)
			span, _ := strconv.Atoi(attr(c, "colspan"))
			for range min(span, 50) - 1 {
				cells = append(cells, nil)
			}
		}
		rows = append(rows, cells)
		columns = max(columns, len(cells))
	}
	for caption := range descendants(n, atom.Caption, atom.Table) {
		r.add(block{inline: r.flat(caption, s)})
	}
	if simple && columns > 1 && len(rows) > 1 {
		r.add(block{kind: table, rows: inlineRows(rows)})
		return
	}
	if simple && columns > 1 {
		r.flush()
		r.blocks = append(r.blocks, lines(inlineRows(rows))...)
		return
	}
	r.flush()
	for _, row := range rows {
		for _, cell := range row {
			r.blocks = append(r.blocks, cell...)
		}
	}
}

func inlineRows(rows [][][]block) [][][]token {
	out := make([][][]token, len(rows))
	for i, row := range rows {
		out[i] = make([][]token, len(row))
		for j, cell := range row {
			for n, b := range cell {
				if n > 0 {
					out[i][j] = append(out[i][j], token{" ", style{}})
				}
				out[i][j] = append(out[i][j], b.inline...)
			}
		}
	}
	return out
}

// descendants yields the elements of a kind below n, none of those within an
// element of the kind stop.
func descendants(n *html.Node, kind, stop atom.Atom) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		var walk func(*html.Node) bool
		walk = func(n *html.Node) bool {
			for c := n.FirstChild; c != nil; c = c.NextSibling {
				switch {
				case c.DataAtom == kind && !yield(c):
					return false
				case c.DataAtom != kind && c.DataAtom != stop && !walk(c):
					return false
				}
			}
			return true
		}
		walk(n)
	}
}

// image keeps a picture that can be seen: those of one point report who reads.
func (r *htmlReader) image(n *html.Node, s style) {
	for _, side := range []string{attr(n, "width"), attr(n, "height")} {
		if side == "0" || side == "1" {
			return
		}
	}
	r.inline = picture(r.inline, attr(n, "alt"), attr(n, "src"), s)
}

// listItems returns the items of a list. A list that stands in a list without
// an item of its own, as old editors write it, belongs to the item before it.
func (r *htmlReader) listItems(list *html.Node, s style) [][]block {
	var items [][]block
	for c := list.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Li {
			items = append(items, r.within(c, styleOf(c, s)))
			continue
		}
		inner := htmlReader{lines: r.lines}
		inner.node(c, s)
		blocks := normal(inner.done(), 0)
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
	case atom.B, atom.Strong:
		s.strong = true
	case atom.I, atom.Em, atom.Cite, atom.Var, atom.Dfn:
		s.em = true
	case atom.Code, atom.Kbd, atom.Samp, atom.Tt:
		s.code = true
	case atom.S, atom.Strike, atom.Del:
		s.strike = true
	case atom.U, atom.Ins:
		s.under = true
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
