package richtext

import (
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
)

var parser = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList)).Parser()

// maxSigns bounds the signs that may open or close something in a text: the
// parser's time grows with the square of their number.
const maxSigns = 4_000

// signs counts the brackets, stars and the like that no backslash disarms.
func signs(markdown string) int {
	n := 0
	for i := 0; i < len(markdown); i++ {
		switch markdown[i] {
		case '\\':
			i++
		case '*', '_', '[', '`', '<', '>', '~', '|':
			n++
		}
	}
	return n
}

// plainText takes a text by the word: paragraphs between blank lines.
func plainText(text string) []block {
	var out []block
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		out = append(out, block{inline: appendText(nil, paragraph, style{})})
	}
	return normal(out, 0)
}

// readMarkdown parses CommonMark.
func readMarkdown(markdown string) []block {
	if signs(markdown) > maxSigns {
		return plainText(markdown)
	}
	source := []byte(markdown)
	return normal(markdownBlocks(parser.Parse(text.NewReader(source)), source, 0), 0)
}

// maxTree bounds the recursion over a hostile document.
const maxTree = 200

func markdownBlocks(parent ast.Node, source []byte, depth int) []block {
	if depth > maxTree {
		return nil
	}
	var out []block
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			out = append(out, block{kind: heading, level: n.Level, inline: markdownInline(nil, n, source, style{}, 0)})
		case *ast.ThematicBreak:
			out = append(out, block{kind: rule})
		case *ast.FencedCodeBlock:
			b := block{kind: code, text: linesOf(n, source)}
			if m := language.FindStringSubmatch("language-" + string(n.Language(source))); m != nil {
				b.language = m[1]
			}
			out = append(out, b)
		case *ast.CodeBlock:
			out = append(out, block{kind: code, text: linesOf(n, source)})
		case *ast.HTMLBlock:
			raw := linesOf(n, source)
			if n.HasClosure() {
				raw += string(n.ClosureLine.Value(source))
			}
			out = append(out, block{inline: appendText(nil, raw, style{})})
		case *ast.Blockquote:
			out = append(out, block{kind: quote, blocks: markdownBlocks(n, source, depth+1)})
		case *ast.List:
			b := block{kind: bullets}
			if n.IsOrdered() {
				b.kind, b.level = numbers, n.Start
			}
			for item := n.FirstChild(); item != nil; item = item.NextSibling() {
				b.items = append(b.items, markdownBlocks(item, source, depth+1))
			}
			out = append(out, b)
		case *extast.Table:
			out = append(out, block{kind: table, rows: markdownRows(n, source)})
		default:
			out = append(out, block{inline: markdownInline(nil, n, source, style{}, 0)})
		}
	}
	return out
}

func markdownRows(n *extast.Table, source []byte) [][][]token {
	var rows [][][]token
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells [][]token
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, markdownInline(nil, cell, source, style{}, 0))
		}
		rows = append(rows, cells)
	}
	return rows
}

func linesOf(n ast.Node, source []byte) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Write(line.Value(source))
	}
	return b.String()
}

func markdownInline(tokens []token, parent ast.Node, source []byte, s style, depth int) []token {
	if depth > maxTree {
		return tokens
	}
	var open tags
	outer := s
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		s := open.over(outer)
		switch n := n.(type) {
		case *ast.Text:
			raw := string(n.Segment.Value(source))
			if !n.IsRaw() && !s.code {
				raw = unescape(raw)
			}
			tokens = appendText(tokens, raw, s)
			if n.HardLineBreak() {
				tokens = append(tokens, token{"\n", s})
			} else if n.SoftLineBreak() {
				tokens = append(tokens, token{" ", s})
			}
		case *ast.String:
			tokens = appendText(tokens, string(n.Value), s)
		case *ast.RawHTML:
			raw := rawText(n, source)
			if lineBreak.MatchString(raw) {
				tokens = append(tokens, token{"\n", s})
			} else if !open.take(n, raw, source) {
				tokens = appendText(tokens, raw, s)
			}
		case *extast.Strikethrough:
			inner := s
			inner.strike = true
			tokens = markdownInline(tokens, n, source, inner, depth+1)
		case *extast.TaskCheckBox:
			box := openBox
			if n.IsChecked {
				box = tickedBox
			}
			tokens = append(tokens, token{box, s}, token{" ", s})
		case *ast.CodeSpan:
			inner := s
			inner.code = true
			tokens = markdownInline(tokens, n, source, inner, depth+1)
		case *ast.Emphasis:
			inner := s
			inner.strong = s.strong || n.Level == 2
			inner.em = s.em || n.Level == 1
			tokens = markdownInline(tokens, n, source, inner, depth+1)
		case *ast.Link:
			inner := s
			inner.href = address(unescape(string(n.Destination)))
			tokens = markdownInline(tokens, n, source, inner, depth+1)
		case *ast.Image:
			var alt strings.Builder
			for _, t := range markdownInline(nil, n, source, style{}, depth+1) {
				alt.WriteString(t.text)
			}
			tokens = picture(tokens, alt.String(), unescape(string(n.Destination)), s)
		case *ast.AutoLink:
			inner := s
			target := string(n.URL(source))
			if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(target), "mailto:") {
				target = "mailto:" + target
			}
			inner.href = address(target)
			tokens = appendText(tokens, string(n.Label(source)), inner)
		default:
			tokens = markdownInline(tokens, n, source, s, depth+1)
		}
	}
	return tokens
}

var (
	lineBreak = regexp.MustCompile(`(?i)^<br\s*/?>$`)
	tagName   = regexp.MustCompile(`(?i)^<(/?)([a-z]+)>$`)
)

func rawText(n *ast.RawHTML, source []byte) string {
	var b strings.Builder
	for i := range n.Segments.Len() {
		segment := n.Segments.At(i)
		b.Write(segment.Value(source))
	}
	return b.String()
}

// tags are the inline HTML tags that stand open among the parts of one text,
// for looks that CommonMark has no sign for.
type tags []string

// taken are the tags that are obeyed; every other one is shown.
var taken = map[string]func(*style){
	"u": func(s *style) { s.under = true }, "ins": func(s *style) { s.under = true },
	"s": func(s *style) { s.strike = true }, "del": func(s *style) { s.strike = true },
	"strong": func(s *style) { s.strong = true }, "b": func(s *style) { s.strong = true },
	"em": func(s *style) { s.em = true }, "i": func(s *style) { s.em = true },
	"sub": func(*style) {}, "sup": func(*style) {},
}

func (t tags) over(s style) style {
	for _, name := range t {
		taken[name](&s)
	}
	return s
}

// take opens or closes the tag that raw is, and reports whether it did: one
// that nothing closes is text.
func (t *tags) take(n ast.Node, raw string, source []byte) bool {
	m := tagName.FindStringSubmatch(raw)
	if m == nil {
		return false
	}
	name := strings.ToLower(m[2])
	if m[1] != "" {
		at := slices.Index(*t, name)
		if at < 0 {
			return false
		}
		*t = slices.Delete(*t, at, at+1)
		return true
	}
	if taken[name] == nil || slices.Contains(*t, name) {
		return false
	}
	for next := n.NextSibling(); next != nil; next = next.NextSibling() {
		if r, ok := next.(*ast.RawHTML); ok && strings.EqualFold(rawText(r, source), "</"+name+">") {
			*t = append(*t, name)
			return true
		}
	}
	return false
}

// unescape resolves backslashes and character references as CommonMark does.
func unescape(s string) string {
	if !strings.ContainsAny(s, `\&`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && isPunct(s[i+1]):
			i++
			b.WriteByte(s[i])
		case s[i] == '&':
			end := strings.IndexByte(s[i:min(len(s), i+34)], ';')
			if end > 1 {
				if resolved := html.UnescapeString(s[i : i+end+1]); resolved != s[i:i+end+1] {
					b.WriteString(resolved)
					i += end
					continue
				}
			}
			b.WriteByte('&')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func isPunct(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}
