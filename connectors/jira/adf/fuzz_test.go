package adf

import (
	"encoding/json"
	"testing"
)

func FuzzMarkdown(f *testing.F) {
	for _, md := range []string{
		"# T\n\n- a\n  - b\n\n> [!TIP]\n> x", "| a | b |\n|--|--|\n| 1 | `x|y` |", "**a *b* c** ~~d~~ <u>e</u>",
		"- [ ] a\n- [x] b", "a\\\nb  \nc", "![x](media:1?collection=2) <https://e.com>", "1) a\n2) b\n\n\n1. c",
		"```x\n``\n```", "&amp; \\& &#35;", "[a](<b c> \"t\")", "> > - > x", "***a** b*", "a\u00a0\n-", "_a_b_ *a*b*",
	} {
		f.Add(md)
	}
	f.Fuzz(func(t *testing.T, md string) {
		doc := FromMarkdown(md)
		if err := valid(doc); err != nil {
			t.Fatalf("%q makes an invalid document: %v", md, err)
		}
		once := doc.Markdown()
		if twice := normal(once); twice != once {
			t.Fatalf("not stable:\n from %q\n once %q\ntwice %q", md, once, twice)
		}
	})
}

func FuzzDocument(f *testing.F) {
	for _, raw := range []string{
		`{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"a","marks":[{"type":"strong"}]}]}]}`,
		`{"type":"doc","content":[{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableHeader","content":[{"type":"paragraph"}]}]}]}]}`,
		`{"type":"doc","content":[{"type":"orderedList","attrs":{"order":3},"content":[{"type":"listItem","content":[{"type":"codeBlock","content":[{"type":"text","text":"x\n"}]}]}]}]}`,
		`{"type":"doc","content":[{"type":"mediaSingle","content":[{"type":"media","attrs":{"id":"1","alt":"[]"}}]},{"type":"panel","attrs":{"panelType":"error"},"content":[{"type":"heading","attrs":{"level":9},"content":[{"type":"text","text":"#"}]}]}]}`,
		`{"type":"doc","content":[{"type":"taskList","content":[{"type":"taskItem","attrs":{"state":"DONE"}},{"type":"taskList","content":[null]}]}]}`,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := Parse(raw)
		if err != nil {
			return
		}
		md := doc.Markdown()
		if again := normal(md); again != md {
			t.Fatalf("not stable:\n once %q\ntwice %q", md, again)
		}
		if _, err := json.Marshal(doc); err != nil {
			t.Fatal(err)
		}
	})
}
