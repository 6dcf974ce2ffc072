package server

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// language is one that the pages speak.
type language uint8

// The languages, in the order of a phrase's texts.
const (
	english language = iota
	chinese
	languages
)

// tag is the language as HTML and HTTP name it.
func (l language) tag() string { return [...]string{"en", "zh-CN"}[l] }

// name is what its readers call it.
func (l language) name() string { return [...]string{"English", "简体中文"}[l] }

func languageNamed(tag string) (language, bool) {
	for l := range languages {
		if l.tag() == tag {
			return l, true
		}
	}
	return english, false
}

// languageOf returns what the reader chose, else what the browser asks for.
func (c *Config) languageOf(r *http.Request) language {
	if l, ok := languageNamed(c.cookie(r, languageCookie)); ok {
		return l
	}
	return accepted(r.Header.Get("Accept-Language"))
}

// accepted returns the language that an Accept-Language header likes best,
// English where it names none of ours.
func accepted(header string) language {
	best, weight := english, 0.0
	for part := range strings.SplitSeq(header[:min(len(header), 1000)], ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if text, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		l := slices.Index([]string{"en", "zh"}, primary)
		if l >= 0 && q > weight {
			best, weight = language(l), q
		}
	}
	return best
}

// phrase is one text of the pages in all languages. A text may hold fmt verbs;
// one that counts may have two forms, "%d task|%d tasks", for one and for more.
type phrase [languages]string

// catalogue holds all texts of the pages by key.
var catalogue = func() map[string]phrase {
	all := map[string]phrase{}
	for _, table := range [][]entry{frameWords, overviewWords, listWords, explainWords, convertWords, undoWords, actWords, engineWords, reasonWords} {
		for _, e := range table {
			if _, twice := all[e.key]; twice {
				panic("server: the phrase " + e.key + " is there twice")
			}
			all[e.key] = phrase{e.en, e.zh}
		}
	}
	return all
}()

// entry is a row of the catalogue.
type entry struct{ key, en, zh string }

// text returns a phrase. A key that is in no catalogue is a fault of the
// program; it shows itself.
func (l language) text(key string, args ...any) string {
	p, ok := catalogue[key]
	if !ok {
		return key
	}
	form := p[l]
	if one, many, counts := strings.Cut(form, "|"); counts {
		form = many
		if len(args) > 0 && fmt.Sprint(args[0]) == "1" {
			form = one
		}
	}
	if len(args) == 0 {
		return form
	}
	for i, a := range args {
		if n, ok := a.(int); ok {
			args[i] = number(n)
		}
	}
	return fmt.Sprintf(strings.ReplaceAll(form, "%d", "%s"), args...)
}

// known returns a word of the engine's own vocabulary in this language, the word
// itself where it is not in the catalogue: group is "action", "state", "code", …
func (l language) known(group, word string) string {
	if p, ok := catalogue[group+"."+word]; ok {
		return p[l]
	}
	return word
}

// said marks a text that the engine or a system wrote, which is in English
// whatever the page's language.
func (l language) said(text string) template.HTML {
	safe := template.HTMLEscapeString(text)
	if l != english && text != "" {
		safe = `<span lang="en">` + safe + `</span>`
	}
	return template.HTML(safe) //nolint:gosec // escaped above
}

// number writes a whole number with its thousands apart.
func number[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), "\u202f")
}

// stamp is an instant in the configured zone.
func (p *pages) stamp(l language, t time.Time) string {
	if t.IsZero() {
		return l.text("time.never")
	}
	return t.In(p.Zone).Format("2006-01-02 15:04:05 MST")
}

// ago tells how long ago an instant was, or how soon it will be, in the largest
// unit that fits.
func (p *pages) ago(l language, t time.Time) string {
	if t.IsZero() {
		return l.text("time.never")
	}
	d := p.Clock.Now().Sub(t)
	direction := "time.ago"
	if d < 0 {
		direction = "time.in"
	}
	d = d.Abs()
	switch {
	case d < time.Second:
		return l.text("time.now")
	case d < time.Minute:
		return l.text(direction, l.text("time.seconds", int(d.Seconds())))
	case d < time.Hour:
		return l.text(direction, l.text("time.minutes", int(d.Minutes())))
	case d < 48*time.Hour:
		return l.text(direction, l.text("time.hours", int(d.Hours())))
	}
	return l.text(direction, l.text("time.days", int(d.Hours()/24)))
}

// when shows an instant both ways: how long ago, and by the clock.
func (p *pages) when(l language, t time.Time) template.HTML {
	if t.IsZero() {
		return template.HTML(template.HTMLEscapeString(l.text("time.never"))) //nolint:gosec // escaped
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s<small>%s</small></time>`, //nolint:gosec // numbers, and escaped texts
		t.UTC().Format(time.RFC3339), template.HTMLEscapeString(p.ago(l, t)), template.HTMLEscapeString(p.stamp(l, t))))
}

// day is a date without a time.
func (l language) day(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case l == chinese:
		return t.Format("2006年1月2日")
	}
	return t.Format("2 Jan 2006")
}
