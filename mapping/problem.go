package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tenonsync/tenon/connectors"
)

// Severity says whether a problem stops a mapping.
type Severity uint8

// The severities.
const (
	Error   Severity = iota // the mapping does not run
	Warning                 // it runs, but look at this
)

// String returns "error" or "warning".
func (s Severity) String() string { return [...]string{"error", "warning"}[s&1] }

// MarshalText writes the severity as String does.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Problem is one thing that is wrong with a mapping file. Line and Column count
// from 1, columns in characters; both are 0 for a problem of the file as a
// whole. Width is the number of characters that are wrong.
type Problem struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Width    int      `json:"width"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
	Source   string   `json:"source,omitempty"` // the line as it stands in the file
}

// String renders the problem for people: place and message, the line with a
// caret under what is wrong, and the hint. It ends without a line break.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Severity == Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(p.Message)
	if p.Line > 0 && p.Source != "" {
		number := fmt.Sprintf("%5d", p.Line)
		line, before, width := window(p.Source, p.Column-1, max(1, p.Width))
		fmt.Fprintf(&b, "\n%s | %s\n%s | ", number, line, strings.Repeat(" ", len(number)))
		b.WriteString(padding(line, before))
		b.WriteString(strings.Repeat("^", width))
	}
	if p.Hint != "" {
		b.WriteString("\nhint: " + p.Hint)
	}
	return b.String()
}

// window cuts a long line to the part around width characters at an offset, and
// returns it with the offset and width within it.
func window(line string, offset, width int) (part string, at, wide int) {
	const limit, lead = 160, 60
	runes := []rune(line)
	if len(runes) <= limit {
		return line, offset, width
	}
	start := max(0, min(offset-lead, len(runes)-limit))
	end := min(len(runes), start+limit)
	part = string(runes[start:end])
	at = offset - start
	if start > 0 {
		part = "…" + string(runes[start+1:end])
	}
	if end < len(runes) {
		part += "…"
	}
	return part, at, min(width, limit-at)
}

// padding returns blanks as wide as the first n characters of line, with its
// tabs kept, so that the caret stands right in any terminal.
func padding(line string, n int) string {
	var b strings.Builder
	for _, r := range line {
		if n <= 0 {
			break
		}
		n--
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	b.WriteString(strings.Repeat(" ", max(0, n)))
	return b.String()
}

// Problems are what Parse, Compile and CheckTogether found, sorted by file,
// line and column.
type Problems []Problem

// Err returns an error that lists the errors among the problems, nil when there
// are only warnings or nothing.
func (ps Problems) Err() error {
	var texts []string
	for _, p := range ps {
		if p.Severity == Error {
			texts = append(texts, p.String())
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return errors.New(strings.Join(texts, "\n\n"))
}

// String renders all problems, with an empty line between two.
func (ps Problems) String() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.String()
	}
	return strings.Join(texts, "\n\n")
}

// sorted puts the problems in order and drops repeats.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			strings.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Severity, b.Severity),
			strings.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(ps)
}

// nearest returns the candidates that a person may have meant by word, best
// first (of equals, the first given), at most three; nil when none is close.
func nearest(word string, candidates []string) []string {
	type near struct {
		text string
		d    int
	}
	var found []near
	w := strings.ToLower(word)
	limit := max(1, utf8.RuneCountInString(w)/3)
	for _, c := range candidates {
		l := strings.ToLower(c)
		d := distance(w, l)
		if d > limit && len(w) >= 4 && (strings.Contains(l, w) || len(l) >= 4 && strings.Contains(w, l)) {
			d = limit
		}
		if d <= limit {
			found = append(found, near{c, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.d, b.d) })
	var texts []string
	for _, f := range found {
		same := func(t string) bool { return strings.EqualFold(t, f.text) }
		if !slices.ContainsFunc(texts, same) && len(texts) < 3 {
			texts = append(texts, f.text)
		}
	}
	return texts
}

// distance counts the edits (insert, drop, replace, swap two neighbours) from a
// to b. Texts over 64 characters are cut.
func distance(a, b string) int {
	ra, rb := []rune(a), []rune(b)
	ra, rb = ra[:min(len(ra), 64)], rb[:min(len(rb), 64)]
	rows := make([][]int, len(ra)+1)
	for i := range rows {
		rows[i] = make([]int, len(rb)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(ra); i++ {
		for j := 1; j <= len(rb); j++ {
			cost := 1
			if ra[i-1] == rb[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && ra[i-1] == rb[j-2] && ra[i-2] == rb[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(ra)][len(rb)]
}

// Suggest returns advice for a word that is none of the candidates: the near
// misses where there are any, else the list, introduced by the words before it
// ("keys are").
func Suggest(word, before string, candidates []string) string {
	if hint := didYouMean(word, candidates); hint != "" {
		return hint
	}
	return before + " " + strings.Join(candidates, ", ")
}

// didYouMean returns "did you mean `a` or `b`?", "" without near misses.
func didYouMean(word string, candidates []string) string {
	near := nearest(word, candidates)
	if len(near) == 0 {
		return ""
	}
	return "did you mean " + oneOf(near) + "?"
}

// oneOf joins words as "`a`, `b` or `c`", at most twelve.
func oneOf(words []string) string {
	quoted := make([]string, 0, len(words))
	for _, w := range words {
		quoted = append(quoted, "`"+w+"`")
	}
	if len(quoted) > 12 {
		rest := len(quoted) - 12
		return strings.Join(quoted[:12], ", ") + fmt.Sprintf(" and %d more", rest)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}

// nameHint proposes a name in the form that names have.
func nameHint(text string) string {
	if s := slug(text); s != "" {
		return "write `" + s + "`"
	}
	return "write a name such as `won-deal-to-epic`"
}

// valueHint says how a constant of a field's type is written.
func valueHint(f *connectors.Field) string {
	switch f.Type {
	case connectors.TypeDate:
		return "write the day as 2026-12-24"
	case connectors.TypeInstant:
		return "write the time as 2026-12-24T09:00:00Z"
	case connectors.TypeNumber, connectors.TypeMoney:
		return "write it in digits: 12.50"
	case connectors.TypeBool:
		return "write `true` or `false`"
	case connectors.TypePerson:
		return "write the person's e-mail"
	}
	return "write " + article(f.Type)
}

// operatorHint says what to write for an operator of expr that the language has
// not.
func operatorHint(operator string) string {
	switch operator {
	case "..":
		return "compare both ends: `x >= 1 and x <= 5`"
	case "**", "^":
		return "multiply: `x * x`"
	case "|":
		return "write the function around the value: `lower(x)`"
	}
	return expressionHint
}
