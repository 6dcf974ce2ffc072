package adf

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// writer draws documents within the schema, the same ones each time.
type drawer struct{ *rand.Rand }

var words = []string{
	"alpha", "b", "snake_case", "2*3", "[x]", "<b>", "a&amp;b", "\\", "`", "*", "_", "~", "#", "1.", "-", "+", "!", "\"quoted\"",
	"(paren)", "ünï", "漢字", "https://e.com/a_b", "a|b", "|", ">", "...", "it's", "50%", "&", "<", "!x", "~~", "**", "::", "=", "---", "===",
}

func (d drawer) pick(n int) bool { return d.IntN(n) == 0 }

func (d drawer) marks() []Mark {
	var m []Mark
	for _, kind := range []string{"strong", "em", "strike", "underline"} {
		if d.pick(6) {
			m = append(m, Mark{Type: kind})
		}
	}
	if d.pick(12) {
		m = append(m, linkMark("https://example.com/?a=1&b="+fmt.Sprint(d.IntN(3))))
	}
	if d.pick(15) {
		m = append(m, Mark{Type: "subsup", Attrs: map[string]any{"type": "sub"}})
	}
	if d.pick(10) {
		m = append(m, Mark{Type: "code"})
	}
	return orderMarks(m)
}

func (d drawer) inlines() []*Node {
	var out []*Node
	for range 1 + d.IntN(5) {
		s := words[d.IntN(len(words))]
		for range d.IntN(4) {
			if !d.pick(4) {
				s += " "
			}
			s += words[d.IntN(len(words))]
		}
		switch d.IntN(6) {
		case 0:
			s = " " + s
		case 1:
			s += " "
		}
		out = append(out, text(s, d.marks()...))
		if d.pick(10) {
			out = append(out, &Node{Type: "hardBreak"})
		}
		if d.pick(15) {
			out = append(out, &Node{Type: "mention", Attrs: map[string]any{"id": "u1", "text": "@Ann"}})
		}
	}
	return out
}

func (d drawer) paragraph() *Node { return &Node{Type: "paragraph", Content: d.inlines()} }

func (d drawer) list(depth int) *Node {
	l := &Node{Type: "bulletList"}
	if d.pick(2) {
		l = &Node{Type: "orderedList", Attrs: map[string]any{"order": 1 + d.IntN(20)}}
	}
	for range 1 + d.IntN(3) {
		item := &Node{Type: "listItem", Content: []*Node{d.paragraph()}}
		if d.pick(4) {
			item.Content = append(item.Content, d.paragraph())
		}
		if depth < 3 && d.pick(3) {
			item.Content = append(item.Content, d.list(depth+1))
		}
		l.Content = append(l.Content, item)
	}
	return l
}

func (d drawer) block() *Node {
	switch d.IntN(9) {
	case 0:
		return &Node{Type: "heading", Attrs: map[string]any{"level": 1 + d.IntN(6)}, Content: d.inlines()}
	case 1, 2:
		return d.list(0)
	case 3:
		return &Node{Type: "blockquote", Content: []*Node{d.paragraph(), d.list(1)}}
	case 4:
		return &Node{Type: "panel", Attrs: map[string]any{"panelType": panelWords[d.IntN(5)].panel}, Content: []*Node{d.paragraph()}}
	case 5:
		return &Node{Type: "codeBlock", Content: []*Node{text("x := `" + words[d.IntN(len(words))] + "`\n\n  ```\n")}}
	case 6:
		t := &Node{Type: "table"}
		for i := range 1 + d.IntN(3) {
			row := &Node{Type: "tableRow"}
			for range 2 {
				kind := "tableCell"
				if i == 0 {
					kind = "tableHeader"
				}
				row.Content = append(row.Content, &Node{Type: kind, Content: []*Node{d.paragraph()}})
			}
			t.Content = append(t.Content, row)
		}
		return t
	}
	return d.paragraph()
}

// marked counts the characters under each mark and kind of block.
func marked(n *Node, kind string, into map[string]int) {
	if n.Type == "text" {
		count := 0
		for _, r := range n.Text {
			if !unicode.IsSpace(r) {
				count++
			}
		}
		into[kind] += count
		for _, m := range n.Marks {
			name := m.Type
			if name == "link" {
				name += fmt.Sprint(m.Attrs["href"])
			}
			into[name] += count
		}
	}
	switch n.Type {
	case "heading", "listItem", "blockquote", "panel", "codeBlock", "tableCell", "tableHeader":
		kind = n.Type
	}
	for _, c := range n.Content {
		marked(c, kind, into)
	}
}

func TestRandomDocumentsKeepTheirMeaning(t *testing.T) {
	d := drawer{rand.New(rand.NewPCG(7, 11))}
	for i := range 1500 {
		doc := &Node{Type: "doc", Version: 1}
		for range 1 + d.IntN(4) {
			doc.Content = append(doc.Content, d.block())
		}
		md := write(doc)
		back := FromMarkdown(md)
		if err := valid(back); err != nil {
			t.Fatalf("document %d: %v\n%s", i, err, md)
		}
		if again := write(back); again != md {
			t.Fatalf("document %d is not stable at once:\n once %q\ntwice %q", i, md, again)
		}
		if got, want := strings.Fields(back.PlainText()), strings.Fields(doc.PlainText()); !slices.Equal(got, want) {
			t.Fatalf("document %d lost words:\n got %q\nwant %q\nmarkdown %q", i, got, want, md)
		}
		got, want := map[string]int{}, map[string]int{}
		marked(back, "doc", got)
		marked(doc, "doc", want)
		if !maps.Equal(got, want) {
			t.Fatalf("document %d lost marks:\n got %v\nwant %v\nmarkdown %q", i, got, want, md)
		}
	}
}
