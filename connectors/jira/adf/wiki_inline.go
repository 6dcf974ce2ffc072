package adf

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	wikiImage = regexp.MustCompile(`^!([^!\s|][^!|\n]*)(?:\|[^!\n]*)?!`)
	wikiTag   = regexp.MustCompile(`^\{(?:color(?::[^}\n]*)?|anchor:[^}\n]*)\}`)
	wikiHref  = regexp.MustCompile(`^(?i:https?|ftp|mailto|file|accountid):\S+$`)
)

// maxReach bounds how far a mark or a link reaches, and maxTag how long a tag
// is, in bytes, so that markup that nothing closes costs little.
const (
	maxReach = 2000
	maxTag   = 100
)

// wikiInlines reads the marks, links and breaks of a text.
func wikiInlines(s string, marks []Mark, depth int) []*Node {
	w := wikiInliner{marks: orderMarks(marks)}
	last := ' '
	for i := 0; i < len(s); {
		if n := w.special(s, i, last, depth); n > 0 {
			last, _ = utf8.DecodeLastRuneInString(s[:i+n])
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		w.text.WriteString(s[i : i+size])
		last = r
		i += size
	}
	w.flush()
	return w.out
}

type wikiInliner struct {
	out   []*Node
	text  strings.Builder
	marks []Mark
}

func (w *wikiInliner) flush() {
	if w.text.Len() == 0 {
		return
	}
	s := w.text.String()
	w.text.Reset()
	w.add(text(s, w.marks...))
}

func (w *wikiInliner) add(nodes ...*Node) {
	for _, n := range nodes {
		if k := len(w.out); k > 0 && n.Type == "text" && w.out[k-1].Type == "text" && sameMarks(n.Marks, w.out[k-1].Marks) {
			w.out[k-1].Text += n.Text
			continue
		}
		w.out = append(w.out, n)
	}
}

// special reads markup at s[i:]; it returns its length, 0 for none.
func (w *wikiInliner) special(s string, i int, last rune, depth int) int {
	rest := s[i:]
	switch rest[0] {
	case '\\':
		if strings.HasPrefix(rest, `\\`) && !strings.HasPrefix(rest, `\\\`) {
			w.flush()
			w.add(&Node{Type: "hardBreak"})
			return 2
		}
		if len(rest) > 1 && isASCIIPunct(rest[1]) {
			w.text.WriteByte(rest[1])
			return 2
		}
	case '\n':
		w.flush()
		w.add(&Node{Type: "hardBreak"})
		return 1
	case '[':
		return w.link(rest, depth)
	case '!':
		if m := wikiImage.FindStringSubmatch(rest); m != nil && !isWord(last) {
			w.flush()
			if wikiHref.MatchString(m[1]) {
				w.add(text(m[1], orderMarks(append(w.marks, linkMark(m[1])))...))
			} else {
				w.add(&Node{Type: "mediaInline", Attrs: map[string]any{"type": "file", "id": m[1], "alt": m[1], "collection": ""}})
			}
			return len(m[0])
		}
	case '{':
		return w.braces(rest, depth)
	case '*', '_', '-', '+', '^', '~':
		return w.mark(rest, last, depth)
	}
	return 0
}

func (w *wikiInliner) link(rest string, depth int) int {
	label, href, end := wikiLinkParts(rest)
	if end < 0 || depth > maxDepth {
		return 0
	}
	if name, ok := strings.CutPrefix(label, "~"); ok && href == "" && name != "" {
		w.flush()
		w.add(&Node{Type: "mention", Attrs: map[string]any{"id": strings.TrimPrefix(name, "accountid:"), "text": "@" + strings.TrimPrefix(name, "accountid:")}})
		return end + 1
	}
	if href == "" {
		href = label
	}
	if !wikiHref.MatchString(href) || !safeLink(href) {
		return 0
	}
	w.flush()
	if label == href || label == "" {
		w.add(text(href, orderMarks(append(w.marks[:len(w.marks):len(w.marks)], linkMark(href)))...))
	} else {
		w.add(wikiInlines(label, append(w.marks[:len(w.marks):len(w.marks)], linkMark(href)), depth+1)...)
	}
	return end + 1
}

// wikiLinkParts takes "[label|href|tip]" apart; end is where its bracket closes,
// -1 where it is no link.
func wikiLinkParts(rest string) (label, href string, end int) {
	var bars []int
	for i := 1; i < min(len(rest), maxReach); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '[', '\n':
			return "", "", -1
		case '|':
			bars = append(bars, i)
		case ']':
			switch bars = append(bars, i); len(bars) {
			case 1:
				return rest[1:i], "", i
			default:
				return rest[1:bars[0]], rest[bars[0]+1 : bars[1]], i
			}
		}
	}
	return "", "", -1
}

func (w *wikiInliner) braces(rest string, depth int) int {
	if inner, ok := strings.CutPrefix(rest, "{{"); ok {
		if end := closingBraces(inner); end > 0 {
			code := strings.NewReplacer(`\{`, "{", `\}`, "}").Replace(inner[:end])
			w.flush()
			w.add(text(code, orderMarks(append(w.marks[:len(w.marks):len(w.marks)], Mark{Type: "code"}))...))
			return end + 4
		}
	}
	if m := wikiTag.FindString(rest[:min(len(rest), maxTag)]); m != "" {
		return len(m) // colours and anchors are lost
	}
	for _, m := range wikiMarks { // {*}bold{*}, inside a word
		open := "{" + m.open + "}"
		if m.kind == "code" || !strings.HasPrefix(rest, open) || depth > maxDepth {
			continue
		}
		if end := strings.Index(rest[len(open):min(len(rest), maxReach)], open); end > 0 {
			w.marked(m.kind, rest[len(open):len(open)+end], depth)
			return end + 2*len(open)
		}
	}
	return 0
}

// closingBraces returns where "}}" closes a code text on its line; escaped
// braces do not. It returns -1 if nothing closes it.
func closingBraces(s string) int {
	for i := 0; i+1 < min(len(s), maxReach) && s[i] != '\n'; i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '}' && s[i+1] == '}':
			return i
		}
	}
	return -1
}

// mark reads *bold* and the like, which hold at the borders of words only.
func (w *wikiInliner) mark(rest string, last rune, depth int) int {
	if isWord(last) || depth > maxDepth {
		return 0
	}
	c := rest[0]
	next, _ := utf8.DecodeRuneInString(rest[1:])
	if len(rest) < 3 || unicode.IsSpace(next) || rest[1] == c {
		return 0
	}
	for end := 2; end < min(len(rest), maxReach) && rest[end] != '\n'; end++ {
		if rest[end] == '\\' {
			end++
			continue
		}
		if rest[end] != c {
			continue
		}
		before, _ := utf8.DecodeLastRuneInString(rest[:end])
		after, _ := utf8.DecodeRuneInString(rest[end+1:])
		if unicode.IsSpace(before) || end+1 < len(rest) && isWord(after) {
			continue
		}
		for _, m := range wikiMarks {
			if m.open == string(c) {
				w.marked(m.kind, rest[1:end], depth)
				return end + 1
			}
		}
	}
	return 0
}

func (w *wikiInliner) marked(kind, inner string, depth int) {
	m := Mark{Type: kind}
	if kind == "sup" || kind == "sub" {
		m = Mark{Type: "subsup", Attrs: map[string]any{"type": kind}}
	}
	w.flush()
	w.add(wikiInlines(inner, append(w.marks[:len(w.marks):len(w.marks)], m), depth+1)...)
}
