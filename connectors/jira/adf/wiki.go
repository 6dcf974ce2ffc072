package adf

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Wiki returns the document in Jira's wiki markup, as API v2 and Data Center
// take it ("Text Formatting Notation Help" of Jira, read 2025-12). Task boxes
// become text, media the name of their file.
func (n *Node) Wiki() string { return wikiBlocks(n.Content, 0) }

func wikiBlocks(nodes []*Node, depth int) string {
	var parts []string
	for _, n := range flatten(nodes, 0) {
		if s := wikiBlock(n, depth); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "\n\n")
}

func wikiBlock(n *Node, depth int) string {
	if depth > maxDepth {
		return wikiEscape(n.PlainText(), ' ', ' ')
	}
	switch n.Type {
	case "heading":
		if s := strings.ReplaceAll(wikiInline(n.Content), "\n", " "); s != "" {
			return fmt.Sprintf("h%d. %s", min(max(n.number("level"), 1), 6), s)
		}
		return ""
	case "bulletList", "taskList", "decisionList":
		return wikiList(n, "*", depth)
	case "orderedList":
		return wikiList(n, "#", depth)
	case "codeBlock":
		code := codeText(n)
		if language := n.attr("language"); codeLanguage.MatchString(language) {
			return "{code:" + language + "}\n" + code + "\n{code}"
		}
		return "{code}\n" + code + "\n{code}"
	case "blockquote":
		return wikiWrap("quote", wikiBlocks(n.Content, depth+1))
	case "panel":
		return wikiWrap("panel", wikiBlocks(n.Content, depth+1))
	case "rule":
		return "----"
	case "table":
		return wikiTable(n)
	case "paragraph", "caption", "taskItem", "decisionItem":
		return wikiLineStarts(wikiInline(n.Content))
	case "media":
		return wikiInline([]*Node{n})
	case "blockCard", "embedCard":
		return wikiInline([]*Node{{Type: "inlineCard", Attrs: n.Attrs}})
	case "text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status", "mediaInline":
		return wikiLineStarts(wikiInline([]*Node{n}))
	}
	return wikiBlocks(n.Content, depth+1)
}

func codeText(n *Node) string {
	var b strings.Builder
	for _, c := range n.Content {
		c.appendText(&b, 0)
	}
	return strings.ReplaceAll(strings.Trim(b.String(), "\n"), "{code}", "{ code}")
}

func wikiWrap(macro, body string) string {
	if body == "" {
		return ""
	}
	return "{" + macro + "}\n" + body + "\n{" + macro + "}"
}

func wikiList(list *Node, marker string, depth int) string {
	var lines []string
	for _, item := range list.Content {
		if item == nil || len(marker) > maxDepth {
			continue
		}
		switch item.Type {
		case "taskItem":
			box := "☐ "
			if item.attr("state") == "DONE" {
				box = "☑ "
			}
			lines = append(lines, marker+" "+box+wikiInline(item.Content))
			continue
		case "decisionItem":
			lines = append(lines, marker+" "+wikiInline(item.Content))
			continue
		case "taskList", "bulletList":
			lines = append(lines, wikiList(item, marker+"*", depth+1))
			continue
		}
		lines = append(lines, wikiItem(item, marker, depth)...)
	}
	return strings.Join(lines, "\n")
}

func wikiItem(item *Node, marker string, depth int) []string {
	var text []string
	var lists []string
	for _, c := range flatten(item.Content, 0) {
		switch c.Type {
		case "bulletList", "taskList", "decisionList":
			lists = append(lists, wikiList(c, marker+"*", depth+1))
		case "orderedList":
			lists = append(lists, wikiList(c, marker+"#", depth+1))
		case "codeBlock":
			text = append(text, wikiBlock(c, depth+1))
		default:
			if s := wikiBlock(c, depth+1); s != "" {
				text = append(text, strings.ReplaceAll(s, "\n\n", "\n"))
			}
		}
	}
	return append([]string{strings.TrimRight(marker+" "+strings.Join(text, "\n"), " ")}, lists...)
}

func wikiTable(n *Node) string {
	var rows []string
	for _, row := range n.Content {
		if row == nil || row.Type != "tableRow" {
			continue
		}
		var b strings.Builder
		bar := "|"
		for _, c := range row.Content {
			if c == nil {
				continue
			}
			if bar = "|"; c.Type == "tableHeader" {
				bar = "||"
			}
			var parts []string
			for _, p := range flatten(c.Content, 0) {
				if s := wikiInline(cellInlines(p)); s != "" {
					parts = append(parts, s)
				}
			}
			body := strings.Join(parts, `\\`)
			if body == "" {
				body = " "
			}
			b.WriteString(bar + strings.ReplaceAll(body, "\n", `\\`))
		}
		rows = append(rows, b.String()+bar)
	}
	return strings.Join(rows, "\n")
}

func cellInlines(n *Node) []*Node {
	if n.Type == "paragraph" || n.Type == "heading" {
		return n.Content
	}
	if s := strings.Join(strings.Fields(n.PlainText()), " "); s != "" {
		return []*Node{text(s)}
	}
	return nil
}

var wikiMarks = []struct{ kind, open, end string }{
	{"strong", "*", "*"},
	{"em", "_", "_"},
	{"strike", "-", "-"},
	{"underline", "+", "+"},
	{"sup", "^", "^"},
	{"sub", "~", "~"},
	{"code", "{{", "}}"},
}

// wikiInline writes inline nodes; a hard break is a line end.
func wikiInline(nodes []*Node) string {
	var b strings.Builder
	spans := trimSpans(toWikiSpans(nodes))
	for i, s := range spans {
		before, after := ' ', ' '
		if b.Len() > 0 {
			before, _ = utf8.DecodeLastRuneInString(b.String())
		}
		if i+1 < len(spans) && !spans[i+1].brk && spans[i+1].text != "" {
			after, _ = utf8.DecodeRuneInString(spans[i+1].text)
		}
		switch {
		case s.brk:
			b.WriteByte('\n')
		case s.raw:
			b.WriteString(s.text)
		default:
			b.WriteString(wikiSpan(&s, before, after))
		}
	}
	return b.String()
}

func toWikiSpans(nodes []*Node) []span {
	var out []span
	for _, n := range nodes {
		if n == nil {
			continue
		}
		switch n.Type {
		case "mention":
			if id := n.attr("id"); wikiName.MatchString(id) {
				out = append(out, span{raw: true, text: "[~" + id + "]"})
			} else {
				out = append(out, span{text: n.attr("text")})
			}
		case "media", "mediaInline":
			if name := n.attr("alt"); wikiFile.MatchString(name) {
				out = append(out, span{raw: true, text: "!" + name + "!"})
			} else if name != "" {
				out = append(out, span{text: strings.Join(strings.Fields(name), " ")})
			}
		default:
			out = append(out, toSpans([]*Node{n}, 0)...)
		}
	}
	return mergeSpans(out)
}

var (
	wikiName = regexp.MustCompile(`^[A-Za-z0-9._:@-]+$`)
	wikiFile = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]*\.[A-Za-z0-9]+$`)
)

func wikiSpan(s *span, before, after rune) string {
	node := Node{Marks: s.marks}
	link := node.mark("link")
	if node.mark("code") != nil {
		return "{{" + strings.NewReplacer("{", `\{`, "}", `\}`).Replace(s.text) + "}}"
	}
	lead, body, trail := cutBlanks(s.text)
	if body == "" {
		return s.text
	}
	marked := func(kind string) bool {
		if kind == "sup" || kind == "sub" {
			m := node.mark("subsup")
			return m != nil && (m.Attrs["type"] == "sub") == (kind == "sub")
		}
		return node.mark(kind) != nil
	}
	if link == nil && len(s.marks) == 0 {
		return lead + wikiEscape(body, runeOr(lead, before), runeOr(trail, after)) + trail
	}
	out := wikiEscape(body, ' ', ' ')
	if link != nil {
		href, _ := link.Attrs["href"].(string)
		href = strings.NewReplacer("|", "%7C", "]", "%5D", "[", "%5B", " ", "%20", "\n", "").Replace(href)
		if body == href {
			out = "[" + href + "]"
		} else {
			out = "[" + out + "|" + href + "]"
		}
	}
	// Marks hold at the borders of words only; braces make them hold inside.
	inside := lead == "" && isWord(before) || trail == "" && isWord(after)
	for _, m := range wikiMarks {
		if m.kind == "code" || !marked(m.kind) {
			continue
		}
		if inside {
			out = "{" + m.open + "}" + out + "{" + m.end + "}"
		} else {
			out = m.open + out + m.end
		}
	}
	return lead + out + trail
}

func runeOr(s string, r rune) rune {
	if s != "" {
		return ' '
	}
	return r
}

func cutBlanks(s string) (lead, body, trail string) {
	body = strings.TrimLeft(s, blank)
	lead = s[:len(s)-len(body)]
	trimmed := strings.TrimRight(body, blank)
	return lead, trimmed, body[len(trimmed):]
}

// wikiEscape escapes what wiki markup would read as markup.
func wikiEscape(s string, before, after rune) string {
	if !strings.ContainsAny(s, "*_-+^~{}[]|!\\") {
		return s
	}
	var b strings.Builder
	last := before
	for i, r := range s {
		next := after
		if rest := s[i+utf8.RuneLen(r):]; rest != "" {
			next, _ = utf8.DecodeRuneInString(rest)
		}
		switch r {
		case '{', '}', '[', ']', '|', '\\':
			b.WriteByte('\\')
		case '!':
			if !unicode.IsSpace(next) {
				b.WriteByte('\\')
			}
		case '*', '_', '-', '+', '^', '~':
			opens := !isWord(last) && !unicode.IsSpace(next)
			closes := !unicode.IsSpace(last) && !isWord(next)
			if opens || closes {
				b.WriteByte('\\')
			}
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// wikiLineStarts escapes what would start a block at the start of a line.
func wikiLineStarts(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if m := wikiBlockStart.FindStringSubmatch(line); m != nil {
			lines[i] = m[1] + `\` + line[len(m[1]):]
		}
	}
	return strings.Join(lines, "\n")
}

var wikiBlockStart = regexp.MustCompile(`^(h[1-6]|bq)\.\s|^()[*#-]+\s|^()----`)
