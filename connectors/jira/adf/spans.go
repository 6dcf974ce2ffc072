package adf

import (
	"cmp"
	"net/url"
	"strings"
)

// Marks in the order in which they nest where nothing else decides.
var markOrder = []string{"link", "strike", "strong", "em", "underline", "subsup", "code"}

// span is an inline node on its way to markdown: a text or something already
// written, with the marks that still have to be put around it.
type span struct {
	text  string
	raw   bool // text is markdown already
	brk   bool // a hard break
	marks []Mark
}

func (s *span) has(m Mark) bool {
	for _, o := range s.marks {
		if sameMark(o, m) {
			return true
		}
	}
	return false
}

func sameMark(a, b Mark) bool {
	if a.Type != b.Type {
		return false
	}
	switch a.Type {
	case "link":
		return a.Attrs["href"] == b.Attrs["href"]
	case "subsup":
		return a.Attrs["type"] == b.Attrs["type"]
	}
	return true
}

// inline writes inline nodes; hard breaks are a backslash at the line's end.
func inline(nodes []*Node) string {
	spans := trimSpans(toSpans(nodes, 0))
	w := inlineWriter{}
	w.spans(spans, ' ')
	return w.b.String()
}

func toSpans(nodes []*Node, depth int) []span {
	var out []span
	for _, n := range nodes {
		if n == nil {
			continue
		}
		switch n.Type {
		case "text":
			for i, part := range strings.Split(cleanText(n.Text), "\n") {
				if i > 0 {
					out = append(out, span{brk: true})
				}
				if part != "" {
					out = append(out, span{text: part, marks: keptMarks(n)})
				}
			}
		case "hardBreak":
			out = append(out, span{brk: true})
		case "mention":
			out = append(out, mentionSpan(n))
		case "inlineCard":
			if href := n.attr("url"); safeLink(href) {
				out = append(out, span{text: href, marks: []Mark{linkMark(href)}})
			}
		case "media", "mediaInline":
			if s := media(n); s != "" {
				out = append(out, span{text: s, raw: true})
			}
		default:
			if s := cleanText(leafText(n)); s != "" {
				out = append(out, span{text: strings.ReplaceAll(s, "\n", " "), marks: keptMarks(n)})
			} else if depth < maxDepth {
				out = append(out, toSpans(n.Content, depth+1)...)
			}
		}
	}
	return mergeSpans(out)
}

// cleanText takes out what no text of a document should hold.
func cleanText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.ContainsAny(s, "\r\x00\v\f") {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD", "\v", " ", "\f", " ").Replace(s)
	}
	return s
}

func mentionSpan(n *Node) span {
	name := cmp.Or(n.attr("text"), n.attr("id"))
	if !strings.HasPrefix(name, "@") {
		name = "@" + name
	}
	name = strings.Join(strings.Fields(cleanText(name)), " ")
	id := n.attr("id")
	if id == "" {
		return span{text: name}
	}
	return span{text: name, marks: []Mark{linkMark(mentionScheme + url.PathEscape(id))}}
}

const mentionScheme = "accountid:"

func linkMark(href string) Mark {
	return Mark{Type: "link", Attrs: map[string]any{"href": href}}
}

// safeLink reports whether a link's address may be kept: no scripts.
func safeLink(href string) bool {
	scheme, _, ok := strings.Cut(strings.ToLower(strings.TrimSpace(href)), ":")
	return href != "" && !(ok && (scheme == "javascript" || scheme == "vbscript" || scheme == "data"))
}

// keptMarks returns the marks of a node that markdown can say.
func keptMarks(n *Node) []Mark {
	var kept []Mark
	code := n.mark("code") != nil
	for _, kind := range markOrder {
		m := n.mark(kind)
		switch {
		case m == nil, code && kind != "code" && kind != "link":
			continue
		case kind == "link":
			href, _ := m.Attrs["href"].(string)
			if safeLink(href) {
				kept = append(kept, linkMark(href))
			}
		default:
			kept = append(kept, *m)
		}
	}
	return kept
}

func mergeSpans(spans []span) []span {
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && !s.brk && !s.raw && !out[n-1].brk && !out[n-1].raw && sameMarks(out[n-1].marks, s.marks) {
			out[n-1].text += s.text
			continue
		}
		out = append(out, s)
	}
	return out
}

func sameMarks(a, b []Mark) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameMark(a[i], b[i]) {
			return false
		}
	}
	return true
}

const blank = " \t"

// trimSpans takes white space and breaks from the ends of the text and white
// space from around breaks, where markdown has no place for them.
func trimSpans(spans []span) []span {
	for again := true; again; {
		again = false
		out := spans[:0:0]
		for i, s := range spans {
			edgeBefore := i == 0 || spans[i-1].brk
			edgeAfter := i == len(spans)-1 || spans[i+1].brk
			if s.brk {
				if i == 0 || i == len(spans)-1 {
					again = true
					continue
				}
				out = append(out, s)
				continue
			}
			if !s.raw && s.plainSpace() {
				t := s.text
				if edgeBefore {
					t = strings.TrimLeft(t, blank)
				}
				if edgeAfter {
					t = strings.TrimRight(t, blank)
				}
				if again = again || t != s.text; t == "" {
					continue
				}
				s.text = t
			}
			out = append(out, s)
		}
		spans = out
	}
	return spans
}

func (s *span) isCode() bool {
	return len(s.marks) > 0 && s.marks[len(s.marks)-1].Type == "code"
}

// plainSpace reports whether white space at the ends of the span has no meaning.
func (s *span) plainSpace() bool { return !s.isCode() }
