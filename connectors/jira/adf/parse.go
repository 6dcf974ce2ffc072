package adf

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	gmtext "github.com/yuin/goldmark/text"
)

var commonMark = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList)).Parser()

// maxMarkdown bounds the text that is parsed as markdown, in bytes. Jira keeps
// 32,767 characters; a longer text is refused by Jira, not here, and is
// converted as plain text.
const maxMarkdown = 256 << 10

// FromMarkdown returns the document for a CommonMark text. It keeps to the
// document schema: what may not stand inside a list, a quote or a panel is
// turned into paragraphs there.
func FromMarkdown(markdown string) *Node {
	markdown = strings.ReplaceAll(cleanText(markdown), "\t", "    ")
	doc := &Node{Type: "doc", Version: 1}
	if len(markdown) > maxMarkdown || deeplyNested.MatchString(markdown) {
		return textDocument(&Node{Type: "doc", Content: []*Node{{Type: "paragraph", Content: []*Node{text(markdown)}}}})
	}
	r := reader{source: []byte(markdown)}
	doc.Content = r.blocks(commonMark.Parse(gmtext.NewReader(r.source)), inDoc, 0)
	return doc
}

// deeplyNested matches a line that opens more containers than any person's text
// does; a parser needs time squared to take it apart.
var deeplyNested = regexp.MustCompile(`(?m)^(?: *(?:>|[-*+] |[0-9]{1,9}[.)] )){80}`)

// place is what a block stands in: the schema allows different blocks in each.
type place uint8

const (
	inDoc place = iota
	inItem
	inQuote
	inPanel
)

type reader struct {
	source []byte
	tasks  int
}

func (r *reader) blocks(parent ast.Node, in place, depth int) []*Node {
	var out []*Node
	for c := parent.FirstChild(); c != nil; c = c.NextSibling() {
		if depth > maxDepth {
			if s := strings.Join(strings.Fields(r.rawText(c)), " "); s != "" {
				out = append(out, &Node{Type: "paragraph", Content: []*Node{text(s)}})
			}
			continue
		}
		out = append(out, r.block(c, in, depth)...)
	}
	return out
}

func (r *reader) block(n ast.Node, in place, depth int) []*Node {
	switch n := n.(type) {
	case *ast.Paragraph, *ast.TextBlock:
		return r.paragraph(n)
	case *ast.Heading:
		content := r.inlines(n)
		if len(content) == 0 {
			return nil
		}
		if in == inDoc || in == inPanel {
			return []*Node{{Type: "heading", Attrs: map[string]any{"level": n.Level}, Content: content}}
		}
		return []*Node{{Type: "paragraph", Content: embolden(content)}}
	case *ast.ThematicBreak:
		if in == inDoc || in == inPanel {
			return []*Node{{Type: "rule"}}
		}
		return nil
	case *ast.FencedCodeBlock:
		return []*Node{r.code(n, string(n.Language(r.source)))}
	case *ast.CodeBlock:
		return []*Node{r.code(n, "")}
	case *ast.HTMLBlock:
		return r.htmlBlock(n)
	case *ast.Blockquote:
		return r.quote(n, in, depth)
	case *ast.List:
		return r.list(n, in, depth)
	case *extast.Table:
		return r.table(n, in)
	}
	return r.blocks(n, in, depth+1)
}

func (r *reader) paragraph(n ast.Node) []*Node {
	content := r.inlines(n)
	if len(content) == 0 {
		return nil
	}
	// An image that stands alone is a media block again.
	if only := n.FirstChild(); only.NextSibling() == nil {
		if m := r.media(only); m != nil {
			return []*Node{{Type: "mediaSingle", Attrs: map[string]any{"layout": "center"}, Content: []*Node{m}}}
		}
	}
	return []*Node{{Type: "paragraph", Content: content}}
}

func embolden(content []*Node) []*Node {
	for _, n := range content {
		if n.Type == "text" && n.mark("strong") == nil && n.mark("code") == nil {
			n.Marks = orderMarks(append(n.Marks, Mark{Type: "strong"}))
		}
	}
	return content
}

func (r *reader) code(n ast.Node, language string) *Node {
	out := &Node{Type: "codeBlock"}
	if codeLanguage.MatchString(language) {
		out.Attrs = map[string]any{"language": language}
	}
	if s := strings.TrimRight(r.lines(n), "\n"); s != "" {
		out.Content = []*Node{text(s)}
	}
	return out
}

func (r *reader) lines(n ast.Node) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Write(line.Value(r.source))
	}
	return b.String()
}

func (r *reader) htmlBlock(n *ast.HTMLBlock) []*Node {
	s := r.lines(n)
	if n.HasClosure() {
		closure := n.ClosureLine
		s += string(closure.Value(r.source))
	}
	var content []*Node
	for line := range strings.Lines(htmlComment.ReplaceAllString(s, "")) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(content) > 0 {
			content = append(content, &Node{Type: "hardBreak"})
		}
		content = append(content, text(line))
	}
	if len(content) == 0 {
		return nil
	}
	return []*Node{{Type: "paragraph", Content: content}}
}

var htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)

func (r *reader) quote(n *ast.Blockquote, in place, depth int) []*Node {
	panel := r.panelType(n)
	if panel != "" && in == inDoc {
		content := r.blocks(n, inPanel, depth+1)
		content = dropPanelWord(content)
		if len(content) == 0 {
			return nil
		}
		return []*Node{{Type: "panel", Attrs: map[string]any{"panelType": panel}, Content: content}}
	}
	content := r.blocks(n, inQuote, depth+1)
	if len(content) == 0 {
		return nil
	}
	if in != inDoc {
		return content
	}
	return []*Node{{Type: "blockquote", Content: content}}
}

var panelStart = regexp.MustCompile(`^\[!([A-Z]+)\][ \t]*\n?$`)

// panelType returns the type of panel that a quote stands for, "" for none.
func (r *reader) panelType(n *ast.Blockquote) string {
	p, ok := n.FirstChild().(*ast.Paragraph)
	if !ok || p.Lines().Len() == 0 {
		return ""
	}
	line := p.Lines().At(0)
	m := panelStart.FindSubmatch(line.Value(r.source))
	if m == nil {
		return ""
	}
	for _, w := range panelWords {
		if w.word == string(m[1]) {
			return w.panel
		}
	}
	return ""
}

// dropPanelWord takes the line [!WORD] off the first paragraph.
func dropPanelWord(content []*Node) []*Node {
	if len(content) == 0 || content[0].Type != "paragraph" || len(content[0].Content) == 0 {
		return content
	}
	p := content[0]
	first := p.Content[0]
	_, rest, ok := strings.Cut(first.Text, "]")
	if !ok {
		return content
	}
	if rest = strings.TrimLeft(rest, blank); rest != "" {
		first.Text = rest
		return content
	}
	p.Content = p.Content[1:]
	for len(p.Content) > 0 && p.Content[0].Type == "hardBreak" {
		p.Content = p.Content[1:]
	}
	if len(p.Content) == 0 {
		return content[1:]
	}
	if c := p.Content[0]; c.Type == "text" && c.mark("code") == nil {
		if c.Text = strings.TrimLeft(c.Text, blank); c.Text == "" {
			p.Content = p.Content[1:]
		}
	}
	return content
}

func (r *reader) list(n *ast.List, in place, depth int) []*Node {
	if !n.IsOrdered() && in != inQuote && r.isTaskList(n) {
		return r.taskList(n, in, depth)
	}
	out := &Node{Type: "bulletList"}
	if n.IsOrdered() {
		out.Type = "orderedList"
		out.Attrs = map[string]any{"order": n.Start}
	}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		item := &Node{Type: "listItem", Content: r.blocks(c, inItem, depth+1)}
		if len(item.Content) == 0 || !itemStart(item.Content[0].Type) {
			item.Content = append([]*Node{{Type: "paragraph"}}, item.Content...)
		}
		out.Content = append(out.Content, item)
	}
	return []*Node{out}
}

func itemStart(kind string) bool {
	return kind == "paragraph" || kind == "codeBlock" || kind == "mediaSingle"
}

// isTaskList reports whether every item is a box with one paragraph, and
// perhaps a task list below it.
func (r *reader) isTaskList(n *ast.List) bool {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		first := c.FirstChild()
		if first == nil || first.FirstChild() == nil {
			return false
		}
		if _, ok := first.FirstChild().(*extast.TaskCheckBox); !ok {
			return false
		}
		for rest := first.NextSibling(); rest != nil; rest = rest.NextSibling() {
			sub, ok := rest.(*ast.List)
			if !ok || sub.IsOrdered() || !r.isTaskList(sub) {
				return false
			}
		}
	}
	return true
}

func (r *reader) taskList(n *ast.List, in place, depth int) []*Node {
	out := &Node{Type: "taskList", Attrs: map[string]any{"localId": r.localID("list")}}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		first := c.FirstChild()
		state := "TODO"
		if box, ok := first.FirstChild().(*extast.TaskCheckBox); ok && box.IsChecked {
			state = "DONE"
		}
		out.Content = append(out.Content, &Node{
			Type:    "taskItem",
			Attrs:   map[string]any{"localId": r.localID("item"), "state": state},
			Content: r.inlines(first),
		})
		for sub := first.NextSibling(); sub != nil && depth < maxDepth; sub = sub.NextSibling() {
			out.Content = append(out.Content, r.taskList(sub.(*ast.List), in, depth+1)...)
		}
	}
	return []*Node{out}
}

// localID returns an id that is unique in the document and the same each time.
func (r *reader) localID(kind string) string {
	r.tasks++
	return fmt.Sprintf("%s-%d", kind, r.tasks)
}

func (r *reader) table(n *extast.Table, in place) []*Node {
	out := &Node{Type: "table", Attrs: map[string]any{"isNumberColumnEnabled": false, "layout": "default"}}
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		kind := "tableCell"
		if c.Kind() == extast.KindTableHeader {
			kind = "tableHeader"
		}
		row, filled := &Node{Type: "tableRow"}, kind == "tableCell"
		for tc := c.FirstChild(); tc != nil; tc = tc.NextSibling() {
			content := r.inlines(tc)
			filled = filled || len(content) > 0
			row.Content = append(row.Content, &Node{Type: kind, Attrs: map[string]any{}, Content: []*Node{{Type: "paragraph", Content: content}}})
		}
		if filled {
			out.Content = append(out.Content, row)
		}
	}
	switch {
	case len(out.Content) == 0:
		return nil
	case in == inDoc:
		return []*Node{out}
	}
	return rowsAsParagraphs(out)
}

// rowsAsParagraphs is a table where none may stand: a paragraph a row.
func rowsAsParagraphs(table *Node) []*Node {
	var out []*Node
	for _, row := range table.Content {
		p := &Node{Type: "paragraph"}
		for _, c := range row.Content {
			if len(c.Content[0].Content) == 0 {
				continue
			}
			if len(p.Content) > 0 {
				p.Content = append(p.Content, text(" | "))
			}
			p.Content = append(p.Content, c.Content[0].Content...)
		}
		if len(p.Content) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// media returns the media node that an image stands for, or a link that another
// system has made of the image; nil for other nodes.
func (r *reader) media(n ast.Node) *Node {
	var destination []byte
	switch n := n.(type) {
	case *ast.Image:
		destination = n.Destination
	case *ast.Link:
		destination = n.Destination
	}
	address, ok := strings.CutPrefix(string(destination), "media:")
	if !ok {
		return nil
	}
	id, query, _ := strings.Cut(address, "?")
	id, err := url.PathUnescape(id)
	if err != nil || id == "" || !utf8.ValidString(id) {
		return nil
	}
	values, _ := url.ParseQuery(query)
	attrs := map[string]any{"type": "file", "id": id, "collection": values.Get("collection")}
	if alt := r.rawText(n); alt != "" {
		attrs["alt"] = alt
	}
	return &Node{Type: "media", Attrs: attrs}
}

// rawText returns the words below a node.
func (r *reader) rawText(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch c := c.(type) {
		case *ast.Text:
			b.WriteString(r.plain(c))
			if c.SoftLineBreak() || c.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			b.WriteString(r.lines(c))
		case *ast.String:
			b.Write(c.Value)
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// plain returns a text node's characters, with escapes and entities resolved.
func (r *reader) plain(n *ast.Text) string {
	raw := n.Segment.Value(r.source)
	if n.IsRaw() {
		return string(raw)
	}
	return unescape(raw)
}
