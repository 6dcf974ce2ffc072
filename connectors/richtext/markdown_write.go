package richtext

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// writeMarkdown writes a document, without a line break at its end.
func writeMarkdown(blocks []block) string { return joinBlocks(blocks, false) }

// joinBlocks writes blocks with blank lines between them; in a tight list item,
// a list follows its text without one.
func joinBlocks(blocks []block, tight bool) string {
	var b strings.Builder
	for i, bl := range blocks {
		if i > 0 {
			b.WriteByte('\n')
			follows := bl.kind == bullets || bl.kind == numbers && bl.level == 1
			if !tight || !follows || blocks[i-1].kind != paragraph {
				b.WriteByte('\n')
			}
		}
		b.WriteString(blockMarkdown(bl))
	}
	return b.String()
}

func blockMarkdown(b block) string {
	switch b.kind {
	case heading:
		return strings.Repeat("#", b.level) + " " + inlineMarkdown(b.inline, true)
	case rule:
		return "***"
	case code:
		fence := strings.Repeat("`", max(3, longestRun(b.text, '`')+1))
		return fence + b.language + "\n" + b.text + "\n" + fence
	case quote:
		return prefixed(joinBlocks(b.blocks, false), "> ", "> ")
	case bullets, numbers:
		return listMarkdown(b)
	case table:
		return tableMarkdown(b.rows)
	}
	return inlineMarkdown(b.inline, false)
}

func listMarkdown(b block) string {
	tight := true
	for _, item := range b.items {
		for i, bl := range item {
			if i > 0 && bl.kind != bullets && bl.kind != numbers || bl.kind != paragraph && i == 0 {
				tight = false
			}
		}
	}
	var items []string
	for i, item := range b.items {
		marker := "- "
		if b.kind == numbers {
			marker = strconv.Itoa(b.level+i) + ". "
		}
		box, item := boxOf(item)
		items = append(items, prefixed(box+joinBlocks(item, tight), marker, strings.Repeat(" ", len(marker))))
	}
	if tight {
		return strings.Join(items, "\n")
	}
	return strings.Join(items, "\n\n")
}

// prefixed puts a prefix before the first line and another before the rest;
// blank lines get no trailing spaces.
func prefixed(s, first, rest string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		p := rest
		if i == 0 {
			p = first
		}
		if line == "" {
			lines[i] = strings.TrimRight(p, " ")
			continue
		}
		lines[i] = p + line
	}
	return strings.Join(lines, "\n")
}

func longestRun(s string, c byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

// inlineWriter says how far a text's style is written.
type inlineWriter struct {
	em         string // the delimiter of emphasis; "": none
	strong     bool
	more       bool // strike-through and underline
	plain      bool // no style at all, and every sign escaped
	tildes     bool // a tilde could begin or end a strike-through
	inHeading  bool
	b          strings.Builder
	startsLine bool
}

// inlineMarkdown writes the text of one block. CommonMark cannot say every
// nesting of bold and italic within words: what does not read back as meant is
// written with less style, in the end with none.
func inlineMarkdown(tokens []token, inHeading bool) string {
	if text, ok := harmless(tokens); ok {
		return text
	}
	ways := []inlineWriter{
		{em: "*", strong: true, more: true},
		{em: "_", strong: true, more: true},
		{strong: true, more: true},
		{more: true},
		{},
	}
	for i := range ways {
		w := &ways[i]
		w.inHeading = inHeading
		out := w.write(tokens)
		if readsBack(out, tokens, w) {
			return out
		}
	}
	w := &inlineWriter{plain: true, inHeading: inHeading}
	return w.write(unstyled(tokens))
}

// harmless returns the text of tokens that hold no style and no sign that
// CommonMark knows, as most texts do.
func harmless(tokens []token) (string, bool) {
	length := 0
	for i, t := range tokens {
		if t.style != (style{}) || t.isBreak() || strings.ContainsAny(t.text, "\\`*_[]<>&#+-=~!") {
			return "", false
		}
		if i == 0 && t.text[0] >= '0' && t.text[0] <= '9' {
			return "", false
		}
		length += len(t.text)
	}
	var b strings.Builder
	b.Grow(length)
	for _, t := range tokens {
		b.WriteString(t.text)
	}
	return b.String(), true
}

func (w *inlineWriter) write(tokens []token) string {
	w.startsLine = true
	if !w.plain {
		tokens = w.reduced(tokens)
	}
	count := 0
	for _, t := range tokens {
		count += strings.Count(t.text, "~")
		if t.style.strike {
			count += 2
		}
	}
	w.tildes = count > 1
	w.run(tokens, style{})
	return w.b.String()
}

// reduced drops the styles that this writer does not write.
func (w *inlineWriter) reduced(tokens []token) []token {
	out := slices.Clone(tokens)
	for i := range out {
		out[i].style.strong = out[i].style.strong && w.strong
		out[i].style.em = out[i].style.em && w.em != ""
		out[i].style.strike = out[i].style.strike && w.more
		out[i].style.under = out[i].style.under && w.more
	}
	return tidy(out)
}

// readsBack reports whether out parses to the tokens as w reduces them. The
// style of a space shows little and is not compared.
func readsBack(out string, tokens []token, w *inlineWriter) bool {
	prefix := ""
	if w.inHeading {
		prefix = "# "
	}
	blocks := readMarkdown(prefix + out)
	if len(blocks) != 1 || blocks[0].kind > heading || (blocks[0].kind == heading) != w.inHeading {
		return false
	}
	return slices.EqualFunc(blocks[0].inline, w.reduced(tokens), func(a, b token) bool {
		return a.text == b.text && (!a.isWord() || a.style == b.style)
	})
}

// attribute is one of the things that a style can have.
type attribute uint8

const (
	none attribute = iota
	strong
	em
	strike
	under
	link
	codeSpan
)

// run writes tokens that all have the attributes of open, which stand open.
func (w *inlineWriter) run(tokens []token, open style) {
	for i := 0; i < len(tokens); {
		t := tokens[i]
		switch {
		case t.isBreak():
			w.b.WriteString("\\\n")
			w.startsLine = true
			i++
		case t.isSpace():
			w.b.WriteByte(' ')
			i++
		case t.style.image:
			w.startsLine = false
			w.b.WriteString("![")
			w.word(t.text, false)
			w.b.WriteString("](" + destination(t.style.href) + ")")
			i++
		default:
			a, n := longest(tokens[i:], open)
			if a == none {
				beforeLink := i+1 < len(tokens) && tokens[i+1].style.href != "" && open.href == ""
				w.word(t.text, beforeLink)
			} else {
				w.styled(a, tokens[i:i+n], open)
			}
			i += n
		}
	}
}

// longest returns the attribute not yet open that the tokens share longest from
// the first one on, and for how many tokens, without a space at the end.
func longest(tokens []token, open style) (a attribute, length int) {
	first := tokens[0].style
	length = 1
	consider := func(candidate attribute, applies bool, has func(style) bool) {
		if !applies {
			return
		}
		n := 1
		for n < len(tokens) && (has(tokens[n].style) || tokens[n].isBreak()) {
			n++
		}
		for n > 1 && !tokens[n-1].isWord() {
			n--
		}
		if a == none || n > length {
			a, length = candidate, n
		}
	}
	consider(strong, first.strong && !open.strong, func(s style) bool { return s.strong })
	consider(em, first.em && !open.em, func(s style) bool { return s.em })
	consider(strike, first.strike && !open.strike, func(s style) bool { return s.strike })
	consider(under, first.under && !open.under, func(s style) bool { return s.under })
	consider(link, first.href != "" && open.href == "", func(s style) bool { return s.href == first.href && !s.image })
	consider(codeSpan, first.code && !open.code, func(s style) bool { return s == first })
	return a, length
}

// styled writes tokens within the delimiters of an attribute.
func (w *inlineWriter) styled(a attribute, tokens []token, open style) {
	w.startsLine = false
	switch a {
	case strong:
		open.strong = true
		w.b.WriteString("**")
		w.run(tokens, open)
		w.b.WriteString("**")
	case em:
		open.em = true
		w.b.WriteString(w.em)
		w.run(tokens, open)
		w.b.WriteString(w.em)
	case strike:
		open.strike = true
		w.b.WriteString("~~")
		w.run(tokens, open)
		w.b.WriteString("~~")
	case under:
		open.under = true
		w.b.WriteString("<u>")
		w.run(tokens, open)
		w.b.WriteString("</u>")
	case link:
		open.href = tokens[0].style.href
		w.b.WriteByte('[')
		w.run(tokens, open)
		w.b.WriteString("](" + destination(open.href) + ")")
	default:
		w.code(tokens)
	}
}

func (w *inlineWriter) code(tokens []token) {
	var b strings.Builder
	for _, t := range tokens {
		if t.isBreak() {
			b.WriteByte(' ')
			continue
		}
		b.WriteString(t.text)
	}
	text := b.String()
	fence := strings.Repeat("`", longestRun(text, '`')+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	w.b.WriteString(fence + text + fence)
}

// reference is what CommonMark may read as a character reference.
var reference = regexp.MustCompile(`&(#?[A-Za-z0-9]+;)`)

// destination writes an address, which holds no spaces and no angle brackets,
// so that neither brackets nor character references in it are read.
func destination(href string) string {
	href = reference.ReplaceAllString(href, "&amp;$1")
	if strings.ContainsAny(href, "()") {
		return "<" + href + ">"
	}
	return href
}

// word writes a word of plain text, with a backslash before what would be read
// as a sign.
func (w *inlineWriter) word(text string, beforeLink bool) {
	start := w.startsLine
	w.startsLine = false
	lead := 0
	if start && !w.inHeading {
		lead = leadingSign(text)
	}
	for i := range len(text) {
		c := text[i]
		if isPunct(c) && (w.plain || lead == i+1 || w.needsEscape(text, i, beforeLink)) {
			w.b.WriteByte('\\')
		}
		w.b.WriteByte(c)
	}
}

// leadingSign returns the position, from 1, of the sign that would make a
// block of a line that starts with the word; 0 for none.
func leadingSign(word string) int {
	switch word[0] {
	case '#', '+', '-', '>', '=', '~':
		return 1
	}
	digits := strings.IndexFunc(word, func(r rune) bool { return r < '0' || r > '9' })
	if digits > 0 && (word[digits] == '.' || word[digits] == ')') {
		return digits + 1
	}
	return 0
}

func (w *inlineWriter) needsEscape(text string, i int, beforeLink bool) bool {
	switch text[i] {
	case '\\', '`', '*', '[', ']', '<':
		return true
	case '_':
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[i+1:])
		return !isAlnum(before) || !isAlnum(after)
	case '&':
		return i+1 < len(text) && (text[i+1] == '#' || isAlnum(rune(text[i+1])))
	case '~':
		return w.tildes
	case '!':
		return beforeLink && i == len(text)-1
	case '#':
		return w.inHeading
	}
	return false
}

func isAlnum(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
