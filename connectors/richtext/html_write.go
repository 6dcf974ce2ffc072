package richtext

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// htmlWriter writes a document in a dialect, without white space between the
// blocks.
type htmlWriter struct {
	*dialect
	b strings.Builder
}

func (d *dialect) write(blocks []block) string {
	w := htmlWriter{dialect: d}
	w.blocks(blocks)
	if d.root == "" || w.b.Len() == 0 {
		return w.b.String()
	}
	return "<" + d.root + ">" + w.b.String() + "</" + d.root + ">"
}

func (w *htmlWriter) blocks(blocks []block) {
	for i, b := range blocks {
		if w.lines && i > 0 && isText(b) && isText(blocks[i-1]) {
			w.b.WriteString("\n\n")
		}
		w.block(b)
	}
}

// isText reports whether a dialect of lines writes the block as bare text.
func isText(b block) bool { return b.kind == paragraph || b.kind == code }

func (w *htmlWriter) block(b block) {
	switch b.kind {
	case paragraph:
		if w.lines {
			w.inline(b.inline)
			return
		}
		w.element("p", "", func() { w.inline(b.inline) })
	case heading:
		w.element(fmt.Sprintf("h%d", b.level), "", func() { w.inline(b.inline) })
	case rule:
		w.b.WriteString(w.void("hr"))
	case code:
		w.code(b)
	case quote:
		w.element("blockquote", "", func() { w.blocks(b.blocks) })
	case bullets:
		w.element("ul", "", func() { w.items(b.items) })
	case numbers:
		start := ""
		if b.level != 1 && w.attributes {
			start = fmt.Sprintf(` start="%d"`, b.level)
		}
		w.element("ol", start, func() { w.items(b.items) })
	case table:
		w.table(b.rows)
	}
}

func (w *htmlWriter) element(name, attributes string, content func()) {
	w.b.WriteString("<" + name + attributes + ">")
	content()
	w.b.WriteString("</" + name + ">")
}

func (w *htmlWriter) void(name string) string {
	if w.root != "" {
		return "<" + name + "/>"
	}
	return "<" + name + ">"
}

func (w *htmlWriter) code(b block) {
	language := ""
	if b.language != "" && w.attributes {
		language = ` class="language-` + html.EscapeString(b.language) + `"`
	}
	if w.lines {
		w.element("code", "", func() { w.b.WriteString(html.EscapeString(b.text)) })
		return
	}
	w.element("pre", "", func() {
		w.element("code", language, func() { w.b.WriteString(html.EscapeString(b.text)) })
	})
}

func (w *htmlWriter) items(items [][]block) {
	for _, item := range items {
		paragraphs := 0
		for _, b := range item {
			if b.kind == paragraph {
				paragraphs++
			}
		}
		w.element("li", "", func() {
			if w.lines {
				w.blocks(item)
				return
			}
			for _, b := range item {
				if b.kind == paragraph && paragraphs == 1 {
					w.inline(b.inline)
					continue
				}
				w.block(b)
			}
		})
	}
}

func (w *htmlWriter) table(rows [][][]token) {
	row := func(name string, cells [][]token) {
		w.element("tr", "", func() {
			for _, cell := range cells {
				w.element(name, "", func() { w.inline(cell) })
			}
		})
	}
	w.element("table", "", func() {
		w.element("thead", "", func() { row("th", rows[0]) })
		w.element("tbody", "", func() {
			for _, cells := range rows[1:] {
				row("td", cells)
			}
		})
	})
}

func (w *htmlWriter) inline(tokens []token) {
	var open style
	for _, t := range tokens {
		if t.style.image {
			w.closing(open)
			open = style{}
			fmt.Fprintf(&w.b, `<img src="%s" alt="%s">`, html.EscapeString(t.style.href), html.EscapeString(t.text))
			continue
		}
		if t.style != open {
			w.closing(open)
			w.opening(t.style)
			open = t.style
		}
		switch {
		case !t.isBreak():
			w.b.WriteString(html.EscapeString(t.text))
		case w.lines:
			w.b.WriteByte('\n')
		default:
			w.b.WriteString(w.void("br"))
		}
	}
	w.closing(open)
}

// looks returns the elements of a style, the outermost first.
func (w *htmlWriter) looks(s style) []string {
	var names []string
	for _, look := range []struct {
		on   bool
		name string
	}{{s.strike, "s"}, {s.under, "u"}, {s.strong, w.strong}, {s.em, w.em}, {s.code, "code"}} {
		if look.on {
			names = append(names, look.name)
		}
	}
	return names
}

func (w *htmlWriter) opening(s style) {
	if s.href != "" {
		w.b.WriteString(`<a href="` + html.EscapeString(s.href) + `">`)
	}
	for _, name := range w.looks(s) {
		w.b.WriteString("<" + name + ">")
	}
}

func (w *htmlWriter) closing(s style) {
	for _, name := range slices.Backward(w.looks(s)) {
		w.b.WriteString("</" + name + ">")
	}
	if s.href != "" {
		w.b.WriteString("</a>")
	}
}
