package adf

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// write returns a document as markdown, without the check that it is stable.
func write(doc *Node) string { return blocks(doc.Content, 0) }

func blocks(nodes []*Node, depth int) string {
	var b strings.Builder
	var before string // the list marker of the block before, "" for other blocks
	for _, n := range flatten(nodes, 0) {
		marker := listMarker(n, before)
		s := block(n, marker, depth)
		if s == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(s)
		before = marker
	}
	return b.String()
}

// flatten replaces nodes that only group others by what they hold.
func flatten(nodes []*Node, depth int) []*Node {
	var out []*Node
	for _, n := range nodes {
		if n == nil {
			continue
		}
		switch n.Type {
		case "layoutSection", "layoutColumn", "bodiedExtension", "mediaSingle", "mediaGroup", "expand", "nestedExpand", "multiBodiedExtension", "extensionFrame":
			if title := n.attr("title"); title != "" {
				out = append(out, &Node{Type: "paragraph", Content: []*Node{text(title, Mark{Type: "strong"})}})
			}
			if depth < maxDepth {
				out = append(out, flatten(n.Content, depth+1)...)
			}
		default:
			out = append(out, n)
		}
	}
	return out
}

// listMarker returns the marker for a list, other than that of a list right
// before it, which it would else join; "" for no list.
func listMarker(n *Node, before string) string {
	switch n.Type {
	case "bulletList", "taskList", "decisionList":
		if before == "-" {
			return "*"
		}
		return "-"
	case "orderedList":
		if before == "." {
			return ")"
		}
		return "."
	}
	return ""
}

func block(n *Node, marker string, depth int) string {
	if depth > maxDepth {
		return lineStarts(escape(strings.Join(strings.Fields(n.PlainText()), " ")))
	}
	switch n.Type {
	case "heading":
		return heading(n)
	case "bulletList", "orderedList", "taskList", "decisionList":
		return list(n, marker, depth)
	case "codeBlock":
		return codeBlock(n)
	case "blockquote":
		return quote(blocks(n.Content, depth+1))
	case "panel":
		body := blocks(n.Content, depth+1)
		if body == "" {
			return ""
		}
		return quote("[!" + panelWord(n.attr("panelType")) + "]\n\n" + body)
	case "rule":
		if depth > 0 {
			return "___"
		}
		return "---"
	case "table":
		return table(n)
	case "media":
		return media(n)
	case "blockCard", "embedCard":
		return lineStarts(inline([]*Node{{Type: "inlineCard", Attrs: n.Attrs}}))
	case "paragraph", "caption":
		return lineStarts(inline(n.Content))
	case "taskItem", "decisionItem":
		return lineStarts(inline(n.Content))
	case "text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status", "mediaInline":
		return lineStarts(inline([]*Node{n}))
	}
	return blocks(n.Content, depth+1) // a node of an unknown type: what it holds
}

func heading(n *Node) string {
	level := min(max(n.number("level"), 1), 6)
	s := breaks.ReplaceAllString(inline(n.Content), " ")
	if s == "" {
		return ""
	}
	if hashes := len(s) - len(strings.TrimRight(s, "#")); hashes > 0 {
		s = s[:len(s)-hashes] + `\` + s[len(s)-hashes:] // or they would close the heading
	}
	return strings.Repeat("#", level) + " " + s
}

func list(n *Node, marker string, depth int) string {
	number := n.number("order")
	if _, given := n.Attrs["order"]; !given || number < 0 || number > 100_000_000 {
		number = 1
	}
	var items []string
	for _, item := range n.Content {
		if item == nil {
			continue
		}
		lead := marker
		if n.Type == "orderedList" {
			lead = strconv.Itoa(number) + marker
			number++
		}
		body := listItem(item, depth+1)
		if item.Type == "taskItem" {
			box := "[ ]"
			if item.attr("state") == "DONE" {
				box = "[x]"
			}
			if body == "" {
				body = "\u00a0" // a box needs a text after it
			}
			body = box + " " + body
		}
		if item.Type == "taskList" && len(items) > 0 {
			items[len(items)-1] += "\n" + indent(list(item, "-", depth+1), 2)
			continue
		}
		items = append(items, strings.TrimRight(lead+" "+strings.TrimLeft(indent(body, len(lead)+1), " "), " "))
	}
	return strings.Join(items, "\n")
}

func listItem(item *Node, depth int) string {
	if depth > maxDepth {
		return block(item, "", depth)
	}
	switch item.Type {
	case "taskItem", "decisionItem":
		return lineStarts(inline(item.Content))
	case "listItem":
	default:
		return block(item, listMarker(item, ""), depth)
	}
	var out, before string
	for _, c := range flatten(item.Content, 0) {
		marker := listMarker(c, before)
		s := block(c, marker, depth)
		if s == "" {
			continue
		}
		switch {
		case out == "":
		case marker != "" && interrupts.MatchString(s) && before == "":
			out += "\n"
		default:
			out += "\n\n"
		}
		out += s
		before = marker
	}
	return out
}

// interrupts matches lists that may follow a paragraph without a blank line.
var interrupts = regexp.MustCompile(`^(?:[-*]|1[.)]) \S`)

func indent(s string, width int) string {
	pad := strings.Repeat(" ", width)
	var b strings.Builder
	for line := range strings.Lines(s) {
		if strings.TrimRight(line, "\n") != "" {
			b.WriteString(pad)
		}
		b.WriteString(line)
	}
	return b.String()
}

func quote(s string) string {
	if s == "" {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(s) {
		if line == "\n" {
			b.WriteString(">")
		} else {
			b.WriteString("> ")
		}
		b.WriteString(line)
	}
	return b.String()
}

var panelWords = []struct{ panel, word string }{
	{"info", "NOTE"}, {"success", "TIP"}, {"note", "IMPORTANT"}, {"warning", "WARNING"}, {"error", "CAUTION"},
}

func panelWord(panel string) string {
	for _, p := range panelWords {
		if p.panel == panel {
			return p.word
		}
	}
	return "NOTE"
}

func codeBlock(n *Node) string {
	var b strings.Builder
	for _, c := range n.Content {
		c.appendText(&b, 0)
	}
	code := strings.TrimRight(b.String(), "\n")
	fence := strings.Repeat("`", max(3, longestRun(code, '`')+1))
	language := n.attr("language")
	if !codeLanguage.MatchString(language) {
		language = ""
	}
	if code == "" {
		return fence + language + "\n" + fence
	}
	return fence + language + "\n" + code + "\n" + fence
}

var codeLanguage = regexp.MustCompile(`^[A-Za-z0-9+#.-]{1,40}$`)

func longestRun(s string, c byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] == c {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

func table(n *Node) string {
	var rows [][]string
	columns, header := 0, false
	for i, row := range n.Content {
		if row == nil || row.Type != "tableRow" {
			continue
		}
		var cells []string
		heads := 0
		for _, c := range row.Content {
			if c == nil {
				continue
			}
			if c.Type == "tableHeader" {
				heads++
			}
			cells = append(cells, cell(c))
		}
		header = header || i == 0 && heads > 0 && heads == len(cells)
		columns = max(columns, len(cells))
		rows = append(rows, cells)
	}
	if columns == 0 {
		return ""
	}
	if !header {
		rows = append([][]string{nil}, rows...)
	}
	var b strings.Builder
	for i, cells := range rows {
		for c := range columns {
			b.WriteString("| ")
			if c < len(cells) && cells[c] != "" {
				b.WriteString(cells[c] + " ")
			}
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("| --- ", columns) + "|\n")
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// cell writes what a table cell holds on one line.
func cell(n *Node) string {
	var nodes []*Node
	for _, b := range flatten(n.Content, 0) {
		if len(nodes) > 0 {
			nodes = append(nodes, &Node{Type: "hardBreak"})
		}
		switch b.Type {
		case "paragraph", "heading":
			nodes = append(nodes, b.Content...)
		case "media":
			nodes = append(nodes, b)
		default:
			for i, line := range strings.Split(b.PlainText(), "\n") {
				if i > 0 {
					nodes = append(nodes, &Node{Type: "hardBreak"})
				}
				nodes = append(nodes, text(line))
			}
		}
	}
	s := breaks.ReplaceAllString(inline(nodes), "<br>")
	return escapePipes(s)
}

func escapePipes(s string) string {
	var b strings.Builder
	slashes := 0
	for i := range len(s) {
		if s[i] == '|' && slashes%2 == 0 {
			b.WriteByte('\\')
		}
		if s[i] == '\\' {
			slashes++
		} else {
			slashes = 0
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// media writes a media node as an image whose address keeps its identity.
func media(n *Node) string {
	if href := n.attr("url"); href != "" {
		return inline([]*Node{text(cmp.Or(n.attr("alt"), href), Mark{Type: "link", Attrs: map[string]any{"href": href}})})
	}
	id := n.attr("id")
	if id == "" {
		return ""
	}
	address := "media:" + url.PathEscape(id)
	if c := n.attr("collection"); c != "" {
		address += "?collection=" + url.QueryEscape(c)
	}
	return "![" + escape(strings.Join(strings.Fields(n.attr("alt")), " ")) + "](" + destination(address) + ")"
}

func dateText(stamp any) string {
	var ms int64
	switch v := stamp.(type) {
	case string:
		ms, _ = strconv.ParseInt(v, 10, 64)
	case float64:
		ms = int64(v)
	}
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.DateOnly)
}

func destination(href string) string {
	href = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, href)
	if plainDestination.MatchString(href) {
		return href
	}
	return "<" + destinationEscapes.Replace(href) + ">"
}

var (
	plainDestination   = regexp.MustCompile(`^[A-Za-z0-9:/?#@!$+,;=._~%-]+(?:&[A-Za-z0-9:/?#@!$+,=._~%-]*)*$`)
	destinationEscapes = strings.NewReplacer(`\`, `\\`, "<", `\<`, ">", `\>`, "&", `\&`, "`", "\\`")
)

// lineStarts escapes what would start a block at the start of a line of a
// paragraph.
func lineStarts(s string) string {
	if s == "" {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(s) {
		body := strings.TrimRight(line, "\n")
		switch {
		case blockStart.MatchString(body):
			b.WriteByte('\\')
			b.WriteString(line)
		case orderedStart.MatchString(body):
			i := strings.IndexAny(line, ".)")
			fmt.Fprintf(&b, "%s\\%s", line[:i], line[i:])
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}

var (
	blockStart   = regexp.MustCompile(`^(?:#{1,6}(?:[ \t]|$)|[-+](?:[ \t]|$)|>|=+[ \t]*$|[-:|][-:| \t]*\\?$)`)
	orderedStart = regexp.MustCompile(`^[0-9]{1,9}[.)](?:[ \t]|$)`)
)
