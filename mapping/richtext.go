package mapping

import (
	"fmt"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	reader "github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// richFromText turns a plain text into CommonMark. The text is taken as
// Markdown whose line breaks count; as plain words it is escaped.
func richFromText(s string, plain bool) string {
	if plain {
		s = escapeMarkdown(s)
	}
	if !strings.Contains(s, "\n") {
		return s
	}
	lines := strings.Split(s, "\n")
	fenced := ""
	for i, line := range lines {
		fenced = fenceAfter(fenced, line)
		if fenced != "" || !goesOn(lines, i) || isBlock(line) || isBlock(lines[i+1]) {
			continue
		}
		if bare := withoutBreak(line); bare != "" {
			lines[i] = bare + "  "
		}
	}
	return strings.Join(lines, "\n")
}

// textFromRich turns CommonMark into a plain text: Markdown whose line breaks
// are plain, or the words only.
func textFromRich(s string, plain bool) string {
	if plain {
		return wordsOf(s)
	}
	if !strings.Contains(s, "\n") {
		return s
	}
	lines := strings.Split(s, "\n")
	fenced := ""
	for i, line := range lines {
		fenced = fenceAfter(fenced, line)
		if bare := withoutBreak(line); fenced == "" && goesOn(lines, i) && bare != "" {
			lines[i] = bare
		}
	}
	return strings.Join(lines, "\n")
}

// goesOn reports whether a line and the one after it are of one paragraph.
func goesOn(lines []string, i int) bool {
	return i+1 < len(lines) && strings.TrimSpace(lines[i]) != "" && strings.TrimSpace(lines[i+1]) != ""
}

// withoutBreak returns a line without the blanks or the backslash that make a
// hard line break.
func withoutBreak(line string) string {
	bare := strings.TrimRight(line, " ")
	backslashes := len(bare) - len(strings.TrimRight(bare, `\`))
	if backslashes%2 == 1 {
		bare = strings.TrimRight(bare[:len(bare)-1], " ")
	}
	return bare
}

// isBlock reports whether a line is a heading, a rule, a fence or a row of a
// table, which end at the line's end by themselves.
func isBlock(line string) bool {
	l := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(l, "#"), strings.HasPrefix(l, "```"), strings.HasPrefix(l, "~~~"), strings.HasPrefix(l, "|"):
		return true
	}
	return len(l) >= 3 && (strings.Trim(l, "-") == "" || strings.Trim(l, "=") == "" || strings.Trim(l, "*") == "")
}

// fenceAfter returns the fence that is open after a line, "" for none.
func fenceAfter(open, line string) string {
	l := strings.TrimSpace(line)
	for _, f := range []string{"```", "~~~"} {
		if strings.HasPrefix(l, f) {
			switch open {
			case "":
				return f
			case f:
				return ""
			}
		}
	}
	return open
}

// escapeMarkdown puts a backslash before what would be markup.
func escapeMarkdown(s string) string {
	if !strings.ContainsAny(s, "\\`*_{}[]<>#+-!|~&.)\t=") && !strings.Contains(s, "  ") {
		return s
	}
	var b strings.Builder
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			b.WriteByte('\n')
		}
		line = strings.TrimSpace(line)
		start := true
		for j, c := range line {
			switch {
			case strings.ContainsRune("\\`*_[]<>&~|", c), start && strings.ContainsRune("#+-=", c):
				b.WriteByte('\\')
			case (c == '.' || c == ')') && j > 0 && strings.Trim(line[:j], "0123456789") == "":
				b.WriteByte('\\')
			}
			b.WriteRune(c)
			start = false
		}
	}
	return b.String()
}

// wordsOf returns the words of a CommonMark text, with bullets and numbers of
// lists, an empty line between paragraphs, and addresses after links.
func wordsOf(markdown string) string {
	source := []byte(markdown)
	w := &wordWriter{source: source}
	w.blocks(goldmark.DefaultParser().Parse(reader.NewReader(source)), "")
	return strings.TrimSpace(strings.Join(w.paragraphs, "\n"))
}

type wordWriter struct {
	source     []byte
	paragraphs []string
}

func (w *wordWriter) blocks(parent ast.Node, indent string) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		w.block(n, indent)
	}
}

func (w *wordWriter) block(n ast.Node, indent string) {
	switch n := n.(type) {
	case *ast.List:
		number := n.Start
		for item := n.FirstChild(); item != nil; item = item.NextSibling() {
			bullet := "- "
			if n.IsOrdered() {
				bullet = fmt.Sprintf("%d. ", number)
				number++
			}
			at := len(w.paragraphs)
			w.blocks(item, indent+"  ")
			if at < len(w.paragraphs) {
				w.paragraphs[at] = indent + bullet + strings.TrimLeft(w.paragraphs[at], " ")
			} else {
				w.paragraphs = append(w.paragraphs, indent+strings.TrimSpace(bullet))
			}
		}
		w.gap(n)
	case *ast.CodeBlock, *ast.FencedCodeBlock, *ast.HTMLBlock:
		lines := n.Lines()
		for i := range lines.Len() {
			segment := lines.At(i)
			w.paragraphs = append(w.paragraphs, indent+strings.TrimRight(string(segment.Value(w.source)), "\n"))
		}
		w.gap(n)
	case *ast.ThematicBreak:
	case *ast.Blockquote:
		w.blocks(n, indent)
		w.gap(n)
	default:
		if n.FirstChild() != nil {
			var b strings.Builder
			w.inline(n, &b)
			for line := range strings.SplitSeq(b.String(), "\n") {
				w.paragraphs = append(w.paragraphs, indent+line)
			}
		}
		if _, tight := n.(*ast.TextBlock); !tight {
			w.gap(n)
		}
	}
}

// gap puts an empty line after a block that another one follows.
func (w *wordWriter) gap(n ast.Node) {
	if n.NextSibling() != nil && len(w.paragraphs) > 0 && w.paragraphs[len(w.paragraphs)-1] != "" {
		w.paragraphs = append(w.paragraphs, "")
	}
}

func (w *wordWriter) inline(parent ast.Node, b *strings.Builder) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Text:
			b.Write(unescape(n, w.source))
			if n.HardLineBreak() {
				b.WriteByte('\n')
			} else if n.SoftLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(w.source))
		case *ast.RawHTML:
		case *ast.Link:
			at := b.Len()
			w.inline(n, b)
			if label := b.String()[at:]; label != string(n.Destination) && len(n.Destination) > 0 {
				fmt.Fprintf(b, " (%s)", n.Destination)
			}
		default:
			w.inline(n, b)
		}
	}
}

// unescape returns the characters that a piece of CommonMark text stands for.
func unescape(n *ast.Text, source []byte) []byte {
	raw := n.Segment.Value(source)
	if n.IsRaw() {
		return raw
	}
	return util.ResolveNumericReferences(util.ResolveEntityNames(util.UnescapePunctuations(raw)))
}
