package adf

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

type inlineWriter struct {
	b    strings.Builder
	last rune // the last character written; ' ' at a line's start
}

func (w *inlineWriter) put(s string) {
	if s == "" {
		return
	}
	w.b.WriteString(s)
	w.last, _ = utf8.DecodeLastRuneInString(s)
}

// spans writes spans; after is the character that will follow them.
func (w *inlineWriter) spans(spans []span, after rune) {
	if w.b.Len() == 0 {
		w.last = ' '
	}
	for i := 0; i < len(spans); {
		s := spans[i]
		if s.brk {
			w.hardBreak()
			i++
			continue
		}
		if len(s.marks) == 0 {
			w.plain(s, nextRune(spans[i+1:], after))
			i++
			continue
		}
		m, end := widestMark(spans[i:])
		run := stripMark(spans[i:i+end], m)
		lead, run, trail := splitBlanks(run, m)
		follow := nextRune(spans[i+end:], after)
		w.put(lead)
		if trail != "" {
			w.marked(m, run, ' ')
		} else {
			w.marked(m, run, follow)
		}
		w.put(trail)
		i += end
	}
}

// hardBreak ends a line with a backslash, or with blanks after a backslash of
// the text, which goldmark would take for one with it.
func (w *inlineWriter) hardBreak() {
	if w.last == '\\' {
		w.put("  \n")
	} else {
		w.put("\\\n")
	}
}

// breaks matches both forms of a hard break.
var breaks = regexp.MustCompile(`(?:\\|  )\n`)

func (w *inlineWriter) plain(s span, after rune) {
	if s.raw {
		w.put(s.text)
		return
	}
	w.put(escapeAt(s.text, w.last, after))
}

// widestMark returns the mark of the first span that goes on longest, and for
// how many spans.
func widestMark(spans []span) (Mark, int) {
	var best Mark
	widest := 0
	for _, m := range spans[0].marks {
		if m.Type == "code" {
			if len(spans[0].marks) == 1 {
				return m, 1 // innermost: nothing stands inside code
			}
			continue
		}
		n := 1
		for n < len(spans) && (spans[n].has(m) || spans[n].brk && n+1 < len(spans) && spans[n+1].has(m)) {
			n++
		}
		if n > widest {
			best, widest = m, n
		}
	}
	return best, widest
}

func stripMark(spans []span, m Mark) []span {
	out := make([]span, len(spans))
	for i, s := range spans {
		out[i] = s
		out[i].marks = nil
		for _, o := range s.marks {
			if !sameMark(o, m) {
				out[i].marks = append(out[i].marks, o)
			}
		}
	}
	return out
}

// splitBlanks moves white space at the ends of a marked run out of it.
func splitBlanks(run []span, m Mark) (lead string, inner []span, trail string) {
	if m.Type == "code" {
		return "", run, ""
	}
	for len(run) > 0 && !run[0].raw && run[0].plainSpace() {
		t := strings.TrimLeft(run[0].text, blank)
		lead += run[0].text[:len(run[0].text)-len(t)]
		run[0].text = t
		if t != "" {
			break
		}
		run = run[1:]
	}
	for len(run) > 0 {
		s := &run[len(run)-1]
		if s.raw || !s.plainSpace() {
			break
		}
		t := strings.TrimRight(s.text, blank)
		trail = s.text[len(t):] + trail
		s.text = t
		if t != "" {
			break
		}
		run = run[:len(run)-1]
	}
	return lead, run, trail
}

var delimiters = map[string][]string{"strong": {"**"}, "em": {"_", "*"}, "strike": {"~~"}}

var htmlTags = map[string]string{"strong": "strong", "em": "em", "strike": "s", "underline": "u"}

// marked writes a run inside a mark.
func (w *inlineWriter) marked(m Mark, run []span, after rune) {
	if len(run) == 0 {
		return
	}
	switch m.Type {
	case "link":
		w.link(m, run)
	case "code":
		w.put(codeSpan(run))
	case "subsup":
		tag := "sup"
		if m.Attrs["type"] == "sub" {
			tag = "sub"
		}
		w.tagged(tag, run)
	case "underline":
		w.tagged("u", run)
	default:
		for _, delimiter := range delimiters[m.Type] {
			inner := inlineWriter{last: rune(delimiter[0])}
			inner.b.WriteString(delimiter)
			inner.spans(run, rune(delimiter[0]))
			body := inner.b.String()[len(delimiter):]
			if w.flanks(delimiter, body, after) {
				w.put(delimiter + body + delimiter)
				return
			}
		}
		w.tagged(htmlTags[m.Type], run)
	}
}

func (w *inlineWriter) tagged(tag string, run []span) {
	w.put("<" + tag + ">")
	w.spans(run, '<')
	w.put("</" + tag + ">")
}

// flanks reports whether CommonMark reads the delimiters around body as
// emphasis, given what stands before and after.
func (w *inlineWriter) flanks(delimiter, body string, after rune) bool {
	first, _ := utf8.DecodeRuneInString(body)
	last, _ := utf8.DecodeLastRuneInString(body)
	d := rune(delimiter[0])
	if body == "" || w.last == d || after == d || first == d || last == d {
		return false
	}
	if d == '_' && (isWord(w.last) || isWord(after)) {
		return false
	}
	opens := !unicode.IsSpace(first) && (!isPunct(first) || unicode.IsSpace(w.last) || isPunct(w.last))
	closes := !unicode.IsSpace(last) && (!isPunct(last) || unicode.IsSpace(after) || isPunct(after))
	return opens && closes
}

func isPunct(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

func (w *inlineWriter) link(m Mark, run []span) {
	href, _ := m.Attrs["href"].(string)
	if len(run) == 1 && len(run[0].marks) == 0 && !run[0].raw && !run[0].brk {
		t := run[0].text
		if t == href && autolink.MatchString(t) || href == "mailto:"+t && autoMail.MatchString(t) {
			w.put("<" + t + ">")
			return
		}
	}
	w.put("[")
	w.spans(run, ']')
	w.put("](" + destination(href) + ")")
}

var (
	autolink = regexp.MustCompile(`^(?i:https?|ftp|mailto)://?[^\s<>\\&` + "`" + `*_\[\]|]*[^\s<>\\&` + "`" + `*_\[\]|]$`)
	autoMail = regexp.MustCompile(`^[A-Za-z0-9.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$`)
)

func codeSpan(run []span) string {
	var b strings.Builder
	for _, s := range run {
		if s.brk {
			b.WriteByte(' ')
		}
		b.WriteString(s.text)
	}
	code := b.String()
	fence := "`"
	for strings.Contains("`"+code+"`", fence) && hasRun(code, len(fence)) {
		fence += "`"
	}
	if strings.HasPrefix(code, "`") || strings.HasSuffix(code, "`") ||
		strings.HasPrefix(code, " ") && strings.HasSuffix(code, " ") && strings.Trim(code, " ") != "" {
		code = " " + code + " "
	}
	return fence + code + fence
}

// hasRun reports whether s holds a run of exactly n backticks.
func hasRun(s string, n int) bool {
	run := 0
	for i := range len(s) + 1 {
		if i < len(s) && s[i] == '`' {
			run++
			continue
		}
		if run == n {
			return true
		}
		run = 0
	}
	return false
}

// nextRune returns the first character that will be written for spans.
func nextRune(spans []span, after rune) rune {
	if len(spans) == 0 {
		return after
	}
	s := spans[0]
	switch {
	case s.brk:
		return ' '
	case len(s.marks) > 0:
		if t := strings.TrimLeft(s.text, blank); t != s.text && !s.isCode() {
			return ' '
		}
		return '<' // any delimiter: punctuation; the writer never puts two runs of one delimiter together
	case s.raw:
		return '!'
	}
	r, _ := utf8.DecodeRuneInString(escapeAt(s.text, 'a', after))
	return r
}

func escape(s string) string { return escapeAt(s, ' ', ' ') }

// escapeAt escapes what markdown would read as markup; before and after are
// the characters around s.
func escapeAt(s string, before, after rune) string {
	if !strings.ContainsAny(s, "\\`*_[]<~&!|") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 8)
	last := before
	for i, r := range s {
		next := after
		if rest := s[i+utf8.RuneLen(r):]; rest != "" {
			next, _ = utf8.DecodeRuneInString(rest)
		}
		if needsEscape(r, last, next, s[i:]) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

func needsEscape(r, last, next rune, rest string) bool {
	switch r {
	case '\\', '`', '*', '[', ']', '~':
		return true
	case '_':
		return !isAlnum(last) || !isAlnum(next)
	case '<':
		return next == '/' || next == '!' || next == '?' || unicode.IsLetter(next) || len(rest) == 1 && !unicode.IsSpace(next)
	case '&':
		return entity.MatchString(rest)
	case '!':
		return len(rest) == 1 && isPunct(next)
	}
	return false
}

func isAlnum(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func isWord(r rune) bool { return isAlnum(r) || r == '_' }

var entity = regexp.MustCompile(`^&(?:#[0-9]|#[xX]|[A-Za-z][A-Za-z0-9]*;)`)
