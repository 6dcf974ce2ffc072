package adf

import (
	"fmt"
	"regexp"
	"strings"
)

// Wiki renders a document as wiki markup, as REST API v2 and webhooks show it.
// What wiki markup cannot say (media, panels' colours) is left out or reduced.
func Wiki(doc *Node) string {
	if doc == nil {
		return ""
	}
	return strings.TrimRight(wikiBlocks(doc.Content, "\n\n"), "\n")
}

func wikiBlocks(nodes []*Node, sep string) string {
	parts := make([]string, 0, len(nodes))
	for _, n := range nodes {
		parts = append(parts, wikiBlock(n))
	}
	return strings.Join(parts, sep)
}

func wikiBlock(n *Node) string {
	switch n.Type {
	case "paragraph", "taskItem", "decisionItem", "caption":
		return wikiInline(n.Content)
	case "heading":
		return fmt.Sprintf("h%v. %s", n.Attrs["level"], wikiInline(n.Content))
	case "bulletList":
		return wikiList(n, "*")
	case "orderedList":
		return wikiList(n, "#")
	case "taskList", "decisionList":
		return wikiBlocks(n.Content, "\n")
	case "codeBlock":
		lang, _ := n.Attrs["language"].(string)
		if lang != "" {
			lang = ":" + lang
		}
		return "{code" + lang + "}\n" + Text(n) + "\n{code}"
	case "blockquote":
		return "{quote}" + wikiBlocks(n.Content, "\n\n") + "{quote}"
	case "panel":
		return "{panel}\n" + wikiBlocks(n.Content, "\n\n") + "\n{panel}"
	case "rule":
		return "----"
	case "table":
		return wikiBlocks(n.Content, "\n")
	case "tableRow":
		return wikiRow(n)
	case "blockCard", "embedCard":
		return wikiInline([]*Node{{Type: "inlineCard", Attrs: n.Attrs}})
	case "mediaSingle", "mediaGroup", "media":
		return ""
	default:
		return wikiBlocks(n.Content, "\n\n")
	}
}

func wikiList(list *Node, prefix string) string {
	var lines []string
	for _, item := range list.Content {
		for i, child := range item.Content {
			switch {
			case child.Type == "bulletList":
				lines = append(lines, wikiList(child, prefix+"*"))
			case child.Type == "orderedList":
				lines = append(lines, wikiList(child, prefix+"#"))
			case i == 0:
				lines = append(lines, prefix+" "+wikiBlock(child))
			default:
				lines = append(lines, wikiBlock(child))
			}
		}
	}
	return strings.Join(lines, "\n")
}

func wikiRow(row *Node) string {
	var b strings.Builder
	bar := "|"
	for _, cell := range row.Content {
		bar = "|"
		if cell.Type == "tableHeader" {
			bar = "||"
		}
		b.WriteString(bar + wikiBlocks(cell.Content, "\n"))
	}
	return b.String() + bar
}

var wikiMarks = map[string][2]string{
	"strong": {"*", "*"}, "em": {"_", "_"}, "strike": {"-", "-"}, "underline": {"+", "+"}, "code": {"{{", "}}"},
}

func wikiInline(nodes []*Node) string {
	var b strings.Builder
	for _, n := range nodes {
		switch n.Type {
		case "text":
			b.WriteString(wikiText(n))
		case "hardBreak":
			b.WriteByte('\n')
		case "mention":
			fmt.Fprintf(&b, "[~accountid:%v]", n.Attrs["id"])
		case "inlineCard":
			fmt.Fprintf(&b, "[%v]", n.Attrs["url"])
		default:
			writeText(&b, n)
		}
	}
	return b.String()
}

func wikiText(n *Node) string {
	text := n.Text
	link := ""
	code := false
	for _, m := range n.Marks {
		switch m.Type {
		case "link":
			link, _ = m.Attrs["href"].(string)
		case "code":
			code = true
		}
	}
	if !code {
		text = escapeWiki(text)
	}
	for _, m := range n.Marks {
		if around, ok := wikiMarks[m.Type]; ok {
			text = around[0] + text + around[1]
		}
	}
	if link != "" {
		if link == n.Text {
			return "[" + link + "]"
		}
		return "[" + text + "|" + link + "]"
	}
	return text
}

// escapeWiki puts a backslash before the characters that would be read as
// markup, and leaves text alone that reads back as itself.
func escapeWiki(text string) string {
	back := parseInline(text)
	if len(back) == 1 && back[0].Text == text && len(back[0].Marks) == 0 && !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune(`\*_-+{}[]`, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

var (
	wikiHeading = regexp.MustCompile(`^h([1-6])\.\s+(.*)$`)
	wikiItem    = regexp.MustCompile(`^([*#-]+)\s+(.*)$`)
	wikiRule    = regexp.MustCompile(`^-{4,}$`)
	wikiCode    = regexp.MustCompile(`^\{(code|noformat)(?::([^}]*))?\}(.*)$`)
)

// FromWiki reads wiki markup into a document, as REST API v2 does with what it
// is given. Markup it does not know stays as text. Empty text makes an empty
// document.
func FromWiki(text string) *Node {
	doc := &Node{Type: "doc", Version: 1}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	var para []string
	flush := func() {
		if len(para) > 0 {
			doc.Content = append(doc.Content, &Node{Type: "paragraph", Content: inlineLines(para)})
			para = nil
		}
	}
	for i := 0; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], " \t")
		switch {
		case line == "":
			flush()
		case wikiRule.MatchString(line):
			flush()
			doc.Content = append(doc.Content, &Node{Type: "rule"})
		case wikiHeading.MatchString(line):
			flush()
			m := wikiHeading.FindStringSubmatch(line)
			doc.Content = append(doc.Content, &Node{
				Type: "heading", Attrs: map[string]any{"level": float64(m[1][0] - '0')}, Content: parseInline(m[2]),
			})
		case wikiCode.MatchString(line):
			flush()
			block, next := wikiCodeBlock(lines, i)
			doc.Content = append(doc.Content, block)
			i = next
		case strings.HasPrefix(line, "{quote}"):
			flush()
			block, next := wikiQuote(lines, i)
			doc.Content = append(doc.Content, block)
			i = next
		case wikiItem.MatchString(line):
			flush()
			list, next := wikiListItems(lines, i, 1)
			doc.Content = append(doc.Content, list)
			i = next - 1
		default:
			para = append(para, line)
		}
	}
	flush()
	return doc
}

func inlineLines(lines []string) []*Node {
	var out []*Node
	for i, line := range lines {
		if i > 0 {
			out = append(out, &Node{Type: "hardBreak"})
		}
		out = append(out, parseInline(line)...)
	}
	return out
}

func wikiCodeBlock(lines []string, start int) (block *Node, last int) {
	m := wikiCode.FindStringSubmatch(lines[start])
	closing := "{" + m[1] + "}"
	block = &Node{Type: "codeBlock"}
	if m[2] != "" {
		block.Attrs = map[string]any{"language": m[2]}
	}
	var body []string
	last = len(lines) - 1
	rest := m[3]
	for i := start; i < len(lines); i++ {
		line := lines[i]
		if i == start {
			line = rest
		}
		before, _, closed := strings.Cut(line, closing)
		if i > start || before != "" {
			if !closed || before != "" {
				body = append(body, before)
			}
		}
		if closed {
			last = i
			break
		}
	}
	if text := strings.Join(body, "\n"); text != "" {
		block.Content = []*Node{{Type: "text", Text: text}}
	}
	return block, last
}

func wikiQuote(lines []string, start int) (block *Node, last int) {
	var body []string
	last = len(lines) - 1
	for i := start; i < len(lines); i++ {
		line := lines[i]
		if i == start {
			line = strings.TrimPrefix(line, "{quote}")
		}
		before, _, closed := strings.Cut(line, "{quote}")
		body = append(body, before)
		if closed {
			last = i
			break
		}
	}
	inner := FromWiki(strings.Trim(strings.Join(body, "\n"), "\n"))
	block = &Node{Type: "blockquote"}
	for _, child := range inner.Content {
		if child.Type == "paragraph" || child.Type == "bulletList" || child.Type == "orderedList" || child.Type == "codeBlock" {
			block.Content = append(block.Content, child)
		} else {
			block.Content = append(block.Content, &Node{Type: "paragraph", Content: parseInline(Text(child))})
		}
	}
	if len(block.Content) == 0 {
		block.Content = []*Node{{Type: "paragraph"}}
	}
	return block, last
}

// wikiListItems reads the list that starts at lines[start] with markers of the
// given depth, and returns the index of the first line after it.
func wikiListItems(lines []string, start, depth int) (list *Node, next int) {
	first := wikiItem.FindStringSubmatch(lines[start])
	kind := "bulletList"
	if first[1][min(depth, len(first[1]))-1] == '#' {
		kind = "orderedList"
	}
	list = &Node{Type: kind}
	i := start
	for i < len(lines) {
		m := wikiItem.FindStringSubmatch(strings.TrimRight(lines[i], " \t"))
		if m == nil || len(m[1]) < depth {
			break
		}
		if len(m[1]) > depth && len(list.Content) > 0 {
			var nested *Node
			nested, i = wikiListItems(lines, i, depth+1)
			item := list.Content[len(list.Content)-1]
			item.Content = append(item.Content, nested)
			continue
		}
		list.Content = append(list.Content, &Node{
			Type: "listItem", Content: []*Node{{Type: "paragraph", Content: parseInline(m[2])}},
		})
		i++
	}
	return list, i
}

var (
	wikiLink    = regexp.MustCompile(`^\[(?:([^\]|\n]+)\|)?((?:https?://|mailto:)[^\]\s|]+)\]`)
	wikiMention = regexp.MustCompile(`^\[~(?:accountid:)?([^\]\s]+)\]`)
	wikiSpans   = []struct {
		mark string
		re   *regexp.Regexp
	}{
		{"strong", regexp.MustCompile(`^\*([^*\s](?:[^*\n]*[^*\s])?)\*`)},
		{"em", regexp.MustCompile(`^_([^_\s](?:[^_\n]*[^_\s])?)_`)},
		{"strike", regexp.MustCompile(`^-([^-\s](?:[^-\n]*[^-\s])?)-`)},
		{"underline", regexp.MustCompile(`^\+([^+\s](?:[^+\n]*[^+\s])?)\+`)},
		{"code", regexp.MustCompile(`^\{\{([^}\n]+)\}\}`)},
	}
)

func parseInline(text string) []*Node {
	var out []*Node
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			out = append(out, &Node{Type: "text", Text: plain.String()})
			plain.Reset()
		}
	}
	boundary := true
	for i := 0; i < len(text); {
		rest := text[i:]
		if rest[0] == '\\' && len(rest) > 1 && strings.IndexByte(`\*_-+{}[]`, rest[1]) >= 0 {
			plain.WriteByte(rest[1])
			i += 2
			boundary = false
			continue
		}
		if node, n := parseSpan(rest, boundary); node != nil {
			flush()
			out = append(out, node)
			i += n
			boundary = true
			continue
		}
		boundary = !isWord(rest[0])
		plain.WriteByte(rest[0])
		i++
	}
	flush()
	return out
}

func parseSpan(rest string, boundary bool) (node *Node, length int) {
	switch rest[0] {
	case '[':
		if m := wikiLink.FindStringSubmatch(rest); m != nil {
			label := m[1]
			if label == "" {
				label = m[2]
			}
			return &Node{Type: "text", Text: label, Marks: []Mark{{Type: "link", Attrs: map[string]any{"href": m[2]}}}}, len(m[0])
		}
		if m := wikiMention.FindStringSubmatch(rest); m != nil {
			return &Node{Type: "mention", Attrs: map[string]any{"id": m[1], "text": "@" + m[1]}}, len(m[0])
		}
	case '*', '_', '-', '+', '{':
		if !boundary {
			return nil, 0
		}
		for _, span := range wikiSpans {
			m := span.re.FindStringSubmatch(rest)
			if m == nil || (len(m[0]) < len(rest) && isWord(rest[len(m[0])])) {
				continue
			}
			return &Node{Type: "text", Text: m[1], Marks: []Mark{{Type: span.mark}}}, len(m[0])
		}
	}
	return nil, 0
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
