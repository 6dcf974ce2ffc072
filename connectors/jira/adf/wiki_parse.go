package adf

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	wikiHeading = regexp.MustCompile(`^h([1-6])\.\s+(.*)$`)
	wikiBQ      = regexp.MustCompile(`^bq\.\s+(.*)$`)
	wikiListRow = regexp.MustCompile(`^\s*([*#]+|-)\s+(.*)$`)
	wikiRule    = regexp.MustCompile(`^-{4,5}\s*$`)
	wikiMacro   = regexp.MustCompile(`^\s*\{(code|noformat|quote|panel|color)(?::([^}]*))?\}(.*)$`)
)

// FromWiki returns the document of a text in wiki markup. Markup that it does
// not know is text.
func FromWiki(wiki string) *Node {
	wiki = cleanText(wiki)
	doc := &Node{Type: "doc", Version: 1}
	if len(wiki) > maxMarkdown {
		return FromText(wiki)
	}
	p := wikiParser{lines: strings.Split(wiki, "\n")}
	doc.Content = p.blocks(0, "")
	return doc
}

type wikiParser struct {
	lines []string
	at    int
	rest  string // what stands behind a closing macro on its line
}

// blocks reads blocks up to the closing macro, or to the end where it is "".
func (p *wikiParser) blocks(depth int, until string) []*Node {
	var out []*Node
	var para []string
	flush := func() {
		if content := trimInlines(wikiInlines(strings.Join(para, "\n"), nil, 0)); len(content) > 0 {
			out = append(out, &Node{Type: "paragraph", Content: content})
		}
		para = nil
	}
	for p.at < len(p.lines) {
		line := p.lines[p.at]
		if until != "" {
			if before, after, ok := strings.Cut(line, "{"+until+"}"); ok {
				para = append(para, before)
				flush()
				p.at++
				p.rest = after
				return out
			}
		}
		switch {
		case strings.TrimSpace(line) == "":
			flush()
			p.at++
		case wikiMacro.MatchString(line) && depth < maxDepth && p.macro(line, depth, flush, &out):
		case wikiHeading.MatchString(line):
			flush()
			m := wikiHeading.FindStringSubmatch(line)
			if content := trimInlines(wikiInlines(m[2], nil, 0)); len(content) > 0 {
				out = append(out, &Node{Type: "heading", Attrs: map[string]any{"level": int(m[1][0] - '0')}, Content: content})
			}
			p.at++
		case wikiBQ.MatchString(line):
			flush()
			if content := trimInlines(wikiInlines(wikiBQ.FindStringSubmatch(line)[1], nil, 0)); len(content) > 0 {
				out = append(out, &Node{Type: "blockquote", Content: []*Node{{Type: "paragraph", Content: content}}})
			}
			p.at++
		case wikiRule.MatchString(line):
			flush()
			out = append(out, &Node{Type: "rule"})
			p.at++
		case wikiListRow.MatchString(line):
			flush()
			out = append(out, p.list()...)
		case strings.HasPrefix(line, "|") && strings.Count(line, "|") > 1:
			flush()
			out = append(out, p.table())
		default:
			para = append(para, line)
			p.at++
		}
	}
	flush()
	return out
}

// macro reads a block in braces; false if it is not closed.
func (p *wikiParser) macro(line string, depth int, flush func(), out *[]*Node) bool {
	m := wikiMacro.FindStringSubmatch(line)
	name, args, rest := m[1], m[2], m[3]
	if name == "color" || !p.closed(name, rest) {
		return false
	}
	flush()
	p.lines[p.at] = rest
	if name == "code" || name == "noformat" {
		*out = append(*out, p.code(name, args))
	} else {
		kind := &Node{Type: "blockquote"}
		if name == "panel" {
			kind = &Node{Type: "panel", Attrs: map[string]any{"panelType": "info"}}
		}
		if kind.Content = p.blocks(depth+1, name); len(kind.Content) > 0 {
			*out = append(*out, kind)
		}
	}
	if strings.TrimSpace(p.rest) != "" { // go on behind the closing macro
		p.at--
		p.lines[p.at] = p.rest
	}
	p.rest = ""
	return true
}

func (p *wikiParser) closed(name, rest string) bool {
	if strings.Contains(rest, "{"+name+"}") {
		return true
	}
	for _, l := range p.lines[p.at+1:] {
		if strings.Contains(l, "{"+name+"}") {
			return true
		}
	}
	return false
}

func (p *wikiParser) code(name, args string) *Node {
	n := &Node{Type: "codeBlock"}
	for part := range strings.SplitSeq(args, "|") {
		language := strings.TrimPrefix(part, "language=")
		if name == "code" && codeLanguage.MatchString(language) && !strings.Contains(language, "=") {
			n.Attrs = map[string]any{"language": language}
		}
	}
	var lines []string
	for p.at < len(p.lines) {
		before, after, ok := strings.Cut(p.lines[p.at], "{"+name+"}")
		lines = append(lines, before)
		p.at++
		if ok {
			p.rest = after
			break
		}
	}
	if s := strings.Trim(strings.Join(lines, "\n"), "\n"); s != "" {
		n.Content = []*Node{text(s)}
	}
	return n
}

// list reads the rows of a list with those below it.
func (p *wikiParser) list() []*Node {
	var roots []*Node
	var open []*Node // the list open at each level
	for p.at < len(p.lines) {
		m := wikiListRow.FindStringSubmatch(p.lines[p.at])
		if m == nil || wikiRule.MatchString(p.lines[p.at]) {
			break
		}
		p.at++
		body := []string{m[2]}
		for p.at < len(p.lines) && p.continues(p.lines[p.at]) {
			body = append(body, p.lines[p.at])
			p.at++
		}
		marker := m[1]
		if len(marker) > maxDepth {
			marker = marker[:maxDepth]
		}
		open = open[:min(len(open), len(marker))]
		if n := len(open); n > 0 && n == len(marker) && open[n-1].Type != wikiListType(marker) {
			open = open[:n-1]
		}
		for len(open) < len(marker) {
			l := &Node{Type: wikiListType(marker[:len(open)+1])}
			if l.Type == "orderedList" {
				l.Attrs = map[string]any{"order": 1}
			}
			if len(open) == 0 {
				roots = append(roots, l)
			} else {
				parent := open[len(open)-1]
				if len(parent.Content) == 0 {
					parent.Content = append(parent.Content, &Node{Type: "listItem", Content: []*Node{{Type: "paragraph"}}})
				}
				last := parent.Content[len(parent.Content)-1]
				last.Content = append(last.Content, l)
			}
			open = append(open, l)
		}
		item := &Node{Type: "listItem", Content: []*Node{{Type: "paragraph", Content: trimInlines(wikiInlines(strings.Join(body, "\n"), nil, 0))}}}
		l := open[len(open)-1]
		l.Content = append(l.Content, item)
	}
	return roots
}

func wikiListType(marker string) string {
	if strings.HasSuffix(marker, "#") {
		return "orderedList"
	}
	return "bulletList"
}

// continues reports whether a line goes on with the list item above it.
func (p *wikiParser) continues(line string) bool {
	return strings.TrimSpace(line) != "" && !wikiListRow.MatchString(line) && !wikiHeading.MatchString(line) &&
		!wikiMacro.MatchString(line) && !wikiRule.MatchString(line) && !strings.HasPrefix(line, "|") && !strings.Contains(line, "{quote}") && !strings.Contains(line, "{panel}")
}

func (p *wikiParser) table() *Node {
	t := &Node{Type: "table", Attrs: map[string]any{"isNumberColumnEnabled": false, "layout": "default"}}
	for p.at < len(p.lines) && strings.HasPrefix(p.lines[p.at], "|") {
		row := &Node{Type: "tableRow"}
		cells := wikiCells(strings.TrimRight(p.lines[p.at], " \t"))
		for _, c := range cells {
			kind := "tableCell"
			if c.head {
				kind = "tableHeader"
			}
			content := trimInlines(wikiInlines(c.text, nil, 0))
			row.Content = append(row.Content, &Node{Type: kind, Attrs: map[string]any{}, Content: []*Node{{Type: "paragraph", Content: content}}})
		}
		if len(row.Content) > 0 {
			t.Content = append(t.Content, row)
		}
		p.at++
	}
	return t
}

type wikiCell struct {
	text string
	head bool
}

// wikiCells parts a row at its bars, but for those escaped or inside links.
func wikiCells(line string) []wikiCell {
	var out []wikiCell
	var cell strings.Builder
	head, inLink := false, false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && i+1 < len(line):
			cell.WriteString(line[i : i+2])
			i++
			continue
		case c == '[':
			inLink = strings.Contains(line[i:], "]")
		case c == ']':
			inLink = false
		case c == '|' && !inLink:
			if i > 0 {
				out = append(out, wikiCell{cell.String(), head})
				cell.Reset()
			}
			head = i+1 < len(line) && line[i+1] == '|'
			if head {
				i++
			}
			continue
		}
		cell.WriteByte(c)
	}
	if s := cell.String(); strings.TrimSpace(s) != "" {
		out = append(out, wikiCell{s, head})
	}
	return out
}

var (
	wikiLink  = regexp.MustCompile(`^\[([^\]|\n]*?)(?:\|([^\]\n]+?))?(?:\|[^\]\n]*)?\]`)
	wikiImage = regexp.MustCompile(`^!([^!\s|][^!|\n]*)(?:\|[^!\n]*)?!`)
	wikiTag   = regexp.MustCompile(`^\{(?:color(?::[^}\n]*)?|anchor:[^}\n]*)\}`)
	wikiHref  = regexp.MustCompile(`^(?i:https?|ftp|mailto|file|accountid):\S+$`)
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
	m := wikiLink.FindStringSubmatch(rest)
	if m == nil || depth > maxDepth {
		return 0
	}
	label, href := m[1], m[2]
	if name, ok := strings.CutPrefix(label, "~"); ok && href == "" && name != "" {
		w.flush()
		w.add(&Node{Type: "mention", Attrs: map[string]any{"id": strings.TrimPrefix(name, "accountid:"), "text": "@" + strings.TrimPrefix(name, "accountid:")}})
		return len(m[0])
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
	return len(m[0])
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
	if m := wikiTag.FindString(rest); m != "" {
		return len(m) // colours and anchors are lost
	}
	for _, m := range wikiMarks { // {*}bold{*}, inside a word
		open := "{" + m.open + "}"
		if m.kind == "code" || !strings.HasPrefix(rest, open) || depth > maxDepth {
			continue
		}
		if end := strings.Index(rest[len(open):], open); end > 0 {
			w.marked(m.kind, rest[len(open):len(open)+end], depth)
			return end + 2*len(open)
		}
	}
	return 0
}

// closingBraces returns where "}}" closes a code text on its line; escaped
// braces do not. It returns -1 if nothing closes it.
func closingBraces(s string) int {
	for i := 0; i+1 < len(s) && s[i] != '\n'; i++ {
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
	for end := 2; end < len(rest) && rest[end] != '\n'; end++ {
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
