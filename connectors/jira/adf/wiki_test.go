package adf

import (
	"strings"
	"testing"
)

// throughWiki is what Data Center gives back for a markdown text.
func throughWiki(md string) string { return FromWiki(FromMarkdown(md).Wiki()).Markdown() }

func TestThroughWiki(t *testing.T) {
	for _, md := range []string{
		"", "Hello world", "One\n\nTwo", "One\\\nTwo", "# Title\n\ntext", "**bold** and _em_ and ~~gone~~ and `code{x}`",
		"x**y**z", "a <u>under</u> x<sup>2</sup> and <sub>low</sub>", "[a link](https://example.com/a?b=c&d=e) and <https://example.com>",
		"[a \\[b\\] c](https://example.com/)", "- one\n- two\n  - deep\n- three", "1. one\n2. two\n   - in\n3. three",
		"> quote\n>\n> more", "> [!NOTE]\n>\n> Panel **text**", "---", "```go\nfunc main() {}\n\n  x\n```", "```\nplain\n```",
		"| a | b |\n| --- | --- |\n| 1 | 2<br>3 |\n| x | \\| |", "snake_case and 2 \\* 3, a-b - c, {x} \\[y\\] wow! yes",
		"[@jsmith](accountid:jsmith) please", "a\\\n\\- no list", "\\# no", "**_both_**",
	} {
		if got := throughWiki(md); got != md {
			t.Errorf("through wiki: %q\n got %q\nwiki %q", md, got, FromMarkdown(md).Wiki())
		}
	}
}

func TestFromWiki(t *testing.T) {
	for _, c := range []struct{ name, wiki, want string }{
		{"heading", "h2. Plan", "## Plan"},
		{"line ends break", "a\nb\n\nc", "a\\\nb\n\nc"},
		{"bold and italic", "*a* _b_ -c- +d+ ^e^ {{f}}", "**a** _b_ ~~c~~ <u>d</u> <sup>e</sup> `f`"},
		{"no marks within words", "2*3*4 a_b_c x-y-z", "2\\*3\\*4 a_b_c x-y-z"},
		{"links", "[text|https://e.com] [https://e.com] [~anna]", "[text](https://e.com) <https://e.com> [@anna](accountid:anna)"},
		{"no link", "[not a link]", "\\[not a link\\]"},
		{"lists", "* a\n** b\n*# c\n* d", "- a\n  - b\n\n  1. c\n- d"},
		{"dash list", "- a\n- b", "- a\n- b"},
		{"code", "{code:java}\nint x;\n{code}", "```java\nint x;\n```"},
		{"code with title", "{code:title=A.java|borderStyle=solid}\nx\n{code}", "```\nx\n```"},
		{"noformat", "{noformat}*x*{noformat}", "```\n*x*\n```"},
		{"quote", "{quote}a\n\nb{quote}\nafter", "> a\n>\n> b\n\nafter"},
		{"bq", "bq. said", "> said"},
		{"open macro is text", "{quote}a", "{quote}a"},
		{"colour", "{color:red}alarm{color}", "alarm"},
		{"table", "||h1||h2||\n|a|b|", "| h1 | h2 |\n| --- | --- |\n| a | b |"},
		{"image", "!shot.png|thumbnail!", "![shot.png](media:shot.png)"},
		{"forced break", `a\\b`, "a\\\nb"},
		{"escape", `\*a\* \{b}`, "\\*a\\* {b}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := FromWiki(c.wiki).Markdown()
			if got != c.want {
				t.Errorf("FromWiki(%q)\n got %q\nwant %q", c.wiki, got, c.want)
			}
		})
	}
}

func TestHostileWiki(t *testing.T) {
	for _, wiki := range []string{
		strings.Repeat("*a ", 3_000), strings.Repeat("[", 5_000) + "]", strings.Repeat("[a|", 3_000), strings.Repeat("{color:", 2_000),
		strings.Repeat("{*}a", 2_000), strings.Repeat("{{a", 2_000), strings.Repeat("!a", 3_000), strings.Repeat("{quote}\n", 1_000),
		strings.Repeat("{quote}a", 500), strings.Repeat("*", 3_000) + " a", strings.Repeat("|[", 2_000), strings.Repeat("_*", 2_000),
	} {
		md := FromWiki(wiki).Markdown()
		if again := normal(md); again != md {
			t.Errorf("%.20q… is not stable", wiki)
		}
	}
}

func FuzzWiki(f *testing.F) {
	for _, s := range []string{"h1. x\n* a\n** b", "{quote}a{quote}b", "||a||\n|b|", "*a _b_* [x|https://e.com]", "{code}\n{quote}\n{code}", "{*}a{*}b !x.png!", "* a\n{panel}\n* b\n{panel}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, wiki string) {
		doc := FromWiki(wiki)
		md := doc.Markdown()
		if again := normal(md); again != md {
			t.Fatalf("not stable:\n once %q\ntwice %q", md, again)
		}
		_ = FromMarkdown(md).Wiki()
	})
}
