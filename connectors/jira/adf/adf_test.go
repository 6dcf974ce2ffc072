package adf

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each text is in normal form already: a pass through ADF leaves it alone.
func TestNormalFormIsKept(t *testing.T) {
	for _, md := range []string{
		"",
		"Hello world",
		"One\n\nTwo",
		"One\\\nTwo\\\n\\\nFour",
		"# Title\n\ntext\n\n### Third",
		"**bold** and _em_ and ~~gone~~ and `code` and **_both_**",
		"**_a_ b** c",
		"x*y*z and x**y**z",
		"a <u>under</u> H<sub>2</sub>O x<sup>2</sup>",
		"[a link](https://example.com/a?b=c&d=e) and <https://example.com> and <a@example.com>",
		"[**bold** link](</a (b)>)",
		"- one\n- two\n  - deep\n  - deeper\n- three",
		"1. one\n2. two\n   - in\n3. three",
		"5. five\n6. six",
		"- a\n\n* b",
		"1. a\n\n1) b",
		"- para\n\n  second para\n- next",
		"- [ ] open\n- [x] done",
		"- [ ] open\n  - [x] below",
		"> quote\n>\n> more\n>\n> - list",
		"> [!NOTE]\n>\n> Panel **text**",
		"> [!CAUTION]\n>\n> # Head\n>\n> text",
		"---",
		"```go\nfunc main() {}\n\n  x\n```",
		"````\n```\n````",
		"| a | b |\n| --- | --- |\n| 1 | 2<br>3 |\n| | \\| |",
		"| | |\n| --- | --- |\n| 1 | 2 |",
		"![file.png](media:abc-1?collection=c)",
		"text ![file.png](media:abc-1) more",
		"[@Anna Smith](accountid:557058:f58131cb-b67d-43c7-b30d-6b58d40bd077) please",
		`1\. not a list`,
		`\- not a list`,
		`\# not a heading`,
		`\> not a quote`,
		"a\\\n\\---",
		"a\\\n\\===",
		`snake_case and 2 \* 3 \* 4 and \[x\] and a < b & c`,
		`AT&T \&amp; \<b>`,
		"Ends with a backslash\\\\",
		"``a`b``",
		"` `` `",
		"`` ` ``",
		"hey\\![x](y)",
		"<strong>\"a\"</strong>b",
		"- ```\n  code\n  ```",
		"-",
		"- - a",
	} {
		if got := normal(md); got != md {
			t.Errorf("normal(%q)\n got %q", md, got)
		}
	}
}

func TestNormalForm(t *testing.T) {
	for _, c := range []struct{ name, md, want string }{
		{"soft breaks", "a\nb", "a b"},
		{"two spaces break", "a  \nb", "a\\\nb"},
		{"setext", "Title\n===\ntext", "# Title\n\ntext"},
		{"star bullets", "* a\n* b", "- a\n- b"},
		{"underscores", "__a__ _b_", "**a** _b_"},
		{"blank ends of bold", "<b> a </b>b", "**a** b"},
		{"heading in a list", "- # a", "- **a**"},
		{"quote in a quote", "> > a", "> a"},
		{"rule in a quote", "> a\n>\n> ---", "> a"},
		{"image", "![alt](https://e.com/i.png)", "[alt](https://e.com/i.png)"},
		{"link made of a media image", "[a.png](media:1)\n\nsee [b.png](media:2?collection=c)", "![a.png](media:1)\n\nsee ![b.png](media:2?collection=c)"},
		{"script link", "[x](javascript:alert)", "x"},
		{"html block", "<div>\n<b>x</b>\n</div>", "\\<div>\\\n\\<b>x\\</b>\\\n\\</div>"},
		{"comment", "a <!-- x --> b\n\n<!-- y -->", "a  b"},
		{"entities", "&lt;b&gt; &amp; &eacute;", `\<b> & é`},
		{"indented code", "    a\n    b", "```\na\nb\n```"},
		{"bold in code", "**`x`**", "`x`"},
		{"crlf", "a\r\n\r\nb", "a\n\nb"},
		{"half a task list", "- [ ] a\n- b", "- \\[ \\] a\n- b"},
		{"only breaks", "<br><br>", ""},
		{"table in a list", "- | a | b |\n  | --- | --- |\n  | 1 | 2 |", "- a | b\n\n  1 | 2"},
		{"unclosed tag", "<u>a", `\<u>a`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := normal(c.md)
			if got != c.want {
				t.Errorf("normal(%q)\n got %q\nwant %q", c.md, got, c.want)
			}
			if again := normal(got); again != got {
				t.Errorf("not stable: %q then %q", got, again)
			}
		})
	}
}

func TestMarkdownOfNodes(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"empty", ``, ""},
		{"text newline", `{"type":"paragraph","content":[{"type":"text","text":"a\nb"}]}`, "a\\\nb"},
		{"bold space", `{"type":"paragraph","content":[{"type":"text","text":"a "},{"type":"text","text":" b ","marks":[{"type":"strong"}]},{"type":"text","text":"c"}]}`, "a  **b** c"},
		{"adjacent marks", `{"type":"paragraph","content":[{"type":"text","text":"a","marks":[{"type":"strong"}]},{"type":"text","text":"b","marks":[{"type":"em"}]},{"type":"text","text":"c","marks":[{"type":"em"},{"type":"strong"}]}]}`, "**a**_b**c**_"},
		{"emoji and date", `{"type":"paragraph","content":[{"type":"emoji","attrs":{"shortName":":smile:","text":"😄"}},{"type":"text","text":" "},{"type":"date","attrs":{"timestamp":"1582152559000"}},{"type":"text","text":" "},{"type":"status","attrs":{"text":"DONE","color":"green"}}]}`, "😄 2020-02-19 DONE"},
		{"mention", `{"type":"paragraph","content":[{"type":"mention","attrs":{"id":"ABC","text":"@Bo"}}]}`, "[@Bo](accountid:ABC)"},
		{"card", `{"type":"blockCard","attrs":{"url":"https://e.com/x"}}`, "<https://e.com/x>"},
		{"expand", `{"type":"expand","attrs":{"title":"More"},"content":[{"type":"paragraph","content":[{"type":"text","text":"in"}]}]}`, "**More**\n\nin"},
		{"media group", `{"type":"mediaGroup","content":[{"type":"media","attrs":{"type":"file","id":"1","collection":""}},{"type":"media","attrs":{"type":"file","id":"2","collection":""}}]}`, "![](media:1)\n\n![](media:2)"},
		{"colour", `{"type":"paragraph","content":[{"type":"text","text":"red","marks":[{"type":"textColor","attrs":{"color":"#f00"}}]}]}`, "red"},
		{"unknown", `{"type":"fancy","content":[{"type":"paragraph","content":[{"type":"text","text":"kept"}]}]}`, "kept"},
		{"panel without type", `{"type":"panel","content":[{"type":"paragraph","content":[{"type":"text","text":"x"}]}]}`, "> [!NOTE]\n>\n> x"},
		{"decision", `{"type":"decisionList","attrs":{"localId":"1"},"content":[{"type":"decisionItem","attrs":{"localId":"2","state":"DECIDED"},"content":[{"type":"text","text":"go"}]}]}`, "- go"},
		{"null child", `null,{"type":"paragraph","content":[null,{"type":"text","text":"x"}]}`, "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, err := Parse([]byte(`{"type":"doc","version":1,"content":[` + c.content + `]}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := doc.Markdown(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestFromMarkdownWire(t *testing.T) {
	for _, c := range []struct{ md, want string }{
		{"", `{"type":"doc","version":1,"content":[]}`},
		{"hi **there**", `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"hi "},{"type":"text","marks":[{"type":"strong"}],"text":"there"}]}]}`},
		{"-", `{"type":"doc","version":1,"content":[{"type":"bulletList","content":[{"type":"listItem","content":[{"type":"paragraph"}]}]}]}`},
	} {
		got, err := json.Marshal(FromMarkdown(c.md))
		if err != nil {
			t.Fatal(err)
		}
		var g, w any
		_ = json.Unmarshal(got, &g)
		_ = json.Unmarshal([]byte(c.want), &w)
		if d := cmp.Diff(w, g); d != "" {
			t.Errorf("FromMarkdown(%q) (-want +got)\n%s", c.md, d)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, raw := range []string{``, `"text"`, `{"type":"paragraph"}`, `[]`, `{`} {
		if _, err := Parse([]byte(raw)); err == nil {
			t.Errorf("Parse(%q) took it", raw)
		}
	}
}

func TestHostileNesting(t *testing.T) {
	for _, md := range []string{
		strings.Repeat("> ", 3_000) + "x", strings.Repeat("- ", 3_000) + "x", strings.Repeat("1. ", 3_000),
		strings.Repeat(")", 2_000) + "\t~\t`", strings.Repeat("- ", 200) + "~`", strings.Repeat("-", 500) + "~", strings.Repeat("9) ", 100) + "*a*",
		strings.Repeat("[", 2_000), strings.Repeat("![", 1_000), strings.Repeat("[a](", 500), strings.Repeat("*a **a ", 500),
		strings.Repeat("<u>", 1_000), strings.Repeat("`", 1_001) + strings.Repeat(" ``", 500),
	} {
		got := normal(md)
		if again := normal(got); again != got {
			t.Errorf("%.20q… is not stable", md)
		}
	}
}

func BenchmarkMarkdown(b *testing.B) {
	doc := FromMarkdown(strings.Repeat("Some text with **bold** words and a [link](https://example.com/).\n\n- one\n- two\n\n", 20))
	b.ReportAllocs()
	for b.Loop() {
		if doc.Markdown() == "" {
			b.Fatal("empty")
		}
	}
}
