package adf

import (
	"regexp"
	"strings"
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
