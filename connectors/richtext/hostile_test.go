package richtext

import (
	"strings"
	"testing"
)

// Texts that make parsers slow; each is worked on in well under a second.
func TestHostileInputIsStable(t *testing.T) {
	for name, s := range map[string]string{
		"elements never closed": strings.Repeat("<b>", 8_000) + "x",
		"nested lists":          strings.Repeat("<ul><li>", 3_000) + "x",
		"nested tables":         strings.Repeat("<table><tr><td>", 2_000) + "x",
		"quotes":                strings.Repeat("> ", 1_000) + "x",
		"bullets":               strings.Repeat("- ", 500) + "x",
		"brackets":              strings.Repeat("[", 20_000),
		"stars":                 strings.Repeat("*a_b", 6_000),
		"ticks":                 strings.Repeat("`a``b```", 3_000),
		"ampersands":            strings.Repeat("&", 20_000),
		"many links":            strings.Repeat(`<a href="https://e.com">a</a> `, 800),
		"crossed":               strings.Repeat("<b>a<i>b</b>c</i>", 800),
		"not UTF-8":             strings.Repeat("a\xff\xfe ", 1_000),
		"null bytes":            strings.Repeat("a\x00*b* ", 1_000),
	} {
		t.Run(name, func(t *testing.T) {
			checkStable(t, FromHTML(s))
			checkStable(t, FromHTML(ToHTML(s)))
		})
	}
}

func TestManySignsAreKeptAsText(t *testing.T) {
	in := strings.Repeat("*x* ", maxSigns)
	if got := FromHTML(ToHTML(in)); strings.ReplaceAll(got, `\*`, "*") != strings.TrimSpace(in) {
		t.Errorf("the text changed: %.80q", got)
	}
}
