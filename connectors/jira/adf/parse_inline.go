package adf

import (
	"bytes"
	"cmp"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
)

// inlineReader collects inline nodes and the marks that are open.
type inlineReader struct {
	r     *reader
	out   []*Node
	marks []Mark
	tags  []string // HTML tags that opened a mark, innermost last
}

func (r *reader) inlines(n ast.Node) []*Node {
	in := inlineReader{r: r}
	in.children(n, 0)
	return trimInlines(in.out)
}

func (in *inlineReader) children(n ast.Node, depth int) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if depth > maxDepth {
			in.text(in.r.rawText(c))
			continue
		}
		in.node(c, depth)
	}
}

func (in *inlineReader) node(n ast.Node, depth int) {
	switch n := n.(type) {
	case *ast.Text:
		in.text(in.r.plain(n))
		if n.HardLineBreak() {
			in.hardBreak()
		} else if n.SoftLineBreak() {
			in.text(" ")
		}
	case *ast.String:
		in.text(string(n.Value))
	case *ast.CodeSpan:
		in.within(Mark{Type: "code"}, func() { in.text(in.code(n)) })
	case *ast.Emphasis:
		kind := "em"
		if n.Level == 2 {
			kind = "strong"
		}
		in.within(Mark{Type: kind}, func() { in.children(n, depth+1) })
	case *extast.Strikethrough:
		in.within(Mark{Type: "strike"}, func() { in.children(n, depth+1) })
	case *ast.Link:
		in.link(string(unescape(n.Destination)), n, depth)
	case *ast.AutoLink:
		href := string(n.URL(in.r.source))
		if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(href), "mailto:") {
			href = "mailto:" + href
		}
		in.within(linkMark(href), func() { in.text(string(n.Label(in.r.source))) })
	case *ast.Image:
		in.image(n)
	case *ast.RawHTML:
		in.html(n)
	case *extast.TaskCheckBox:
		in.checkBox(n)
	default:
		in.children(n, depth+1)
	}
}

// checkBox writes the box of a list that is no task list as text.
func (in *inlineReader) checkBox(n *extast.TaskCheckBox) {
	if list, ok := n.Parent().Parent().Parent().(*ast.List); ok && !list.IsOrdered() && in.r.isTaskList(list) && !inQuoteOf(list) {
		return
	}
	if n.IsChecked {
		in.text("[x] ")
	} else {
		in.text("[ ] ")
	}
}

// inQuoteOf reports whether a list stands directly in a plain quote, where no
// task list may be.
func inQuoteOf(list *ast.List) bool {
	_, ok := list.Parent().(*ast.Blockquote)
	return ok
}

func (in *inlineReader) within(m Mark, f func()) {
	if slices.ContainsFunc(in.marks, func(o Mark) bool { return o.Type == m.Type }) {
		f()
		return
	}
	in.marks = append(in.marks, m)
	f()
	if i := slices.IndexFunc(in.marks, func(o Mark) bool { return o.Type == m.Type }); i >= 0 {
		in.marks = slices.Delete(in.marks, i, i+1)
	}
}

func (in *inlineReader) text(s string) {
	if s == "" {
		return
	}
	s = strings.ReplaceAll(s, "\n", " ")
	marks := orderMarks(in.marks)
	if n := len(in.out); n > 0 && in.out[n-1].Type == "text" && sameMarks(in.out[n-1].Marks, marks) {
		in.out[n-1].Text += s
		return
	}
	in.out = append(in.out, text(s, marks...))
}

func (in *inlineReader) hardBreak() {
	in.out = append(in.out, &Node{Type: "hardBreak"})
}

// orderMarks returns the marks that ADF allows together, in normal order.
func orderMarks(marks []Mark) []Mark {
	var out []Mark
	code := slices.ContainsFunc(marks, func(m Mark) bool { return m.Type == "code" })
	for _, kind := range markOrder {
		for _, m := range marks {
			if m.Type == kind && (!code || kind == "code" || kind == "link") {
				out = append(out, m)
				break
			}
		}
	}
	return out
}

func (in *inlineReader) code(n *ast.CodeSpan) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Segment.Value(in.r.source))
		}
	}
	return strings.ReplaceAll(b.String(), "\n", " ")
}

func (in *inlineReader) link(href string, n ast.Node, depth int) {
	if escaped, ok := strings.CutPrefix(href, mentionScheme); ok {
		if id, err := url.PathUnescape(escaped); err == nil && id != "" {
			in.out = append(in.out, &Node{Type: "mention", Attrs: map[string]any{"id": id, "text": in.r.rawText(n)}})
			return
		}
	}
	if m := in.r.media(n); m != nil {
		m.Type = "mediaInline"
		in.out = append(in.out, m)
		return
	}
	if !safeLink(href) {
		in.children(n, depth+1)
		return
	}
	in.within(linkMark(href), func() { in.children(n, depth+1) })
}

// image keeps an image's address: as media where it names one, else as a link.
func (in *inlineReader) image(n *ast.Image) {
	if m := in.r.media(n); m != nil {
		m.Type = "mediaInline"
		in.out = append(in.out, m)
		return
	}
	href := string(unescape(n.Destination))
	label := cmp.Or(in.r.rawText(n), href)
	if !safeLink(href) {
		in.text(label)
		return
	}
	in.within(linkMark(href), func() { in.text(label) })
}

var (
	htmlOpen  = regexp.MustCompile(`^<([A-Za-z]+)\s*/?>$`)
	htmlClose = regexp.MustCompile(`^</([A-Za-z]+)\s*>$`)
	htmlMarks = map[string]Mark{
		"strong": {Type: "strong"}, "b": {Type: "strong"}, "em": {Type: "em"}, "i": {Type: "em"},
		"s": {Type: "strike"}, "del": {Type: "strike"}, "u": {Type: "underline"}, "ins": {Type: "underline"},
		"sub": {Type: "subsup", Attrs: map[string]any{"type": "sub"}},
		"sup": {Type: "subsup", Attrs: map[string]any{"type": "sup"}},
	}
)

// html reads the few tags that stand for marks; others are text.
func (in *inlineReader) html(n *ast.RawHTML) {
	var raw []byte
	for i := range n.Segments.Len() {
		seg := n.Segments.At(i)
		raw = append(raw, seg.Value(in.r.source)...)
	}
	if bytes.HasPrefix(raw, []byte("<!--")) {
		return
	}
	if m := htmlClose.FindSubmatch(raw); m != nil {
		if in.closeTag(strings.ToLower(string(m[1]))) {
			return
		}
	} else if m := htmlOpen.FindSubmatch(raw); m != nil {
		tag := strings.ToLower(string(m[1]))
		if tag == "br" {
			in.hardBreak()
			return
		}
		if mark, ok := htmlMarks[tag]; ok && in.closes(n, tag) {
			if !slices.ContainsFunc(in.marks, func(o Mark) bool { return o.Type == mark.Type }) {
				in.marks = append(in.marks, mark)
				tag += "+"
			}
			in.tags = append(in.tags, tag)
			return
		}
	}
	in.text(string(raw))
}

// maxTagged bounds how far a tag reaches, in inline nodes.
const maxTagged = 300

// closes reports whether a tag is closed among the siblings that follow.
func (in *inlineReader) closes(n ast.Node, tag string) bool {
	open, steps := 1, 0
	for c := n.NextSibling(); c != nil && steps < maxTagged; c = c.NextSibling() {
		steps++
		raw, ok := c.(*ast.RawHTML)
		if !ok || raw.Segments.Len() == 0 {
			continue
		}
		seg := raw.Segments.At(0)
		s := strings.ToLower(string(seg.Value(in.r.source)))
		switch {
		case strings.HasPrefix(s, "</"+tag) && htmlClose.MatchString(s):
			open--
		case strings.HasPrefix(s, "<"+tag) && htmlOpen.MatchString(s):
			open++
		}
		if open == 0 {
			return true
		}
	}
	return false
}

func (in *inlineReader) closeTag(tag string) bool {
	for i := len(in.tags) - 1; i >= 0; i-- {
		opened, owns := strings.CutSuffix(in.tags[i], "+")
		if opened != tag {
			continue
		}
		in.tags = slices.Delete(in.tags, i, i+1)
		if kind := htmlMarks[tag].Type; owns {
			in.marks = slices.DeleteFunc(in.marks, func(m Mark) bool { return m.Type == kind })
		}
		return true
	}
	return false
}

// trimInlines takes breaks and white space from the ends.
func trimInlines(nodes []*Node) []*Node {
	for len(nodes) > 0 && empty(nodes[0], strings.TrimLeft) {
		nodes = nodes[1:]
	}
	for len(nodes) > 0 && empty(nodes[len(nodes)-1], strings.TrimRight) {
		nodes = nodes[:len(nodes)-1]
	}
	return nodes
}

func empty(n *Node, trim func(string, string) string) bool {
	if n.Type == "text" && n.mark("code") == nil {
		n.Text = trim(n.Text, blank)
		return n.Text == ""
	}
	return n.Type == "hardBreak"
}

var entityText = regexp.MustCompile(`^&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});`)

// unescape resolves backslash escapes and entities in one pass, as CommonMark
// does.
func unescape(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 && bytes.IndexByte(raw, '&') < 0 {
		return string(raw)
	}
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '\\' && i+1 < len(raw) && isASCIIPunct(raw[i+1]) {
			i++
			b.WriteByte(raw[i])
			continue
		}
		if c == '&' {
			if m := entityText.Find(raw[i:]); m != nil {
				if s := html.UnescapeString(string(m)); s != string(m) {
					b.WriteString(cleanText(s))
					i += len(m) - 1
					continue
				}
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

func isASCIIPunct(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}
