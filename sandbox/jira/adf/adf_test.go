package adf

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	doc := func(content string) string { return `{"type":"doc","version":1,"content":[` + content + `]}` }
	tests := []struct {
		name, raw string
		want      error
	}{
		{"minimum", doc(`{"type":"paragraph","content":[{"type":"text","text":"hi"}]}`), nil},
		{"empty", doc(``), nil},
		{"empty paragraph", doc(`{"type":"paragraph"}`), nil},
		{"marks", doc(`{"type":"paragraph","content":[{"type":"text","text":"hi","marks":[{"type":"strong"},{"type":"link","attrs":{"href":"https://a.example"}}]}]}`), nil},
		{"nested list", doc(`{"type":"bulletList","content":[{"type":"listItem","content":[{"type":"paragraph"},{"type":"orderedList","content":[{"type":"listItem","content":[{"type":"paragraph"}]}]}]}]}`), nil},
		{"table", doc(`{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableHeader","content":[{"type":"paragraph"}]}]}]}`), nil},
		{"mention", doc(`{"type":"paragraph","content":[{"type":"mention","attrs":{"id":"5b10"}}]}`), nil},
		{"string", `"hi"`, ErrNotDocument},
		{"number", `1`, ErrNotDocument},
		{"no version", `{"type":"doc","content":[]}`, ErrNotDocument},
		{"not a doc", `{"type":"paragraph","version":1}`, ErrNotDocument},
		{"unknown node", doc(`{"type":"marquee"}`), ErrUnsupported},
		{"empty text", doc(`{"type":"paragraph","content":[{"type":"text","text":""}]}`), ErrUnsupported},
		{"text at the top", doc(`{"type":"text","text":"hi"}`), ErrUnsupported},
		{"unknown mark", doc(`{"type":"paragraph","content":[{"type":"text","text":"hi","marks":[{"type":"blink"}]}]}`), ErrUnsupported},
		{"mark twice", doc(`{"type":"paragraph","content":[{"type":"text","text":"hi","marks":[{"type":"em"},{"type":"em"}]}]}`), ErrUnsupported},
		{"code and strong", doc(`{"type":"paragraph","content":[{"type":"text","text":"hi","marks":[{"type":"code"},{"type":"strong"}]}]}`), ErrUnsupported},
		{"link without target", doc(`{"type":"paragraph","content":[{"type":"text","text":"hi","marks":[{"type":"link"}]}]}`), ErrUnsupported},
		{"empty list", doc(`{"type":"bulletList","content":[]}`), ErrUnsupported},
		{"heading without level", doc(`{"type":"heading","content":[]}`), ErrUnsupported},
		{"heading level 7", doc(`{"type":"heading","attrs":{"level":7}}`), ErrUnsupported},
		{"null child", doc(`null`), ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse([]byte(tt.raw)); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestFromWiki(t *testing.T) {
	tests := []struct{ name, wiki, text string }{
		{"paragraphs", "One\nmore\n\nTwo", "One\nmore\nTwo"},
		{"marks", "a *b* _c_ -d- +e+ {{f}}", "a b c d e f"},
		{"inside words", "snake_case_name 2*3*4", "snake_case_name 2*3*4"},
		{"heading", "h2. Title\nbody", "Title\nbody"},
		{"list", "* one\n** deep\n* two\n# first", "one\ndeep\ntwo\nfirst"},
		{"code", "{code:go}\nx := *y\n{code}\nafter", "x := *y\nafter"},
		{"quote", "{quote}said{quote}", "said"},
		{"link", "see [the deal|https://crm.example/1] or [https://b.example]", "see the deal or https://b.example"},
		{"not a link", "[CRM] a note", "[CRM] a note"},
		{"escaped", `\*not bold\*`, "*not bold*"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := FromWiki(tt.wiki)
			if err := Validate(doc); err != nil {
				t.Fatalf("not a sound document: %v", err)
			}
			if got := Text(doc); got != tt.text {
				t.Errorf("got text %q, want %q", got, tt.text)
			}
		})
	}
}

func TestWikiReadsBack(t *testing.T) {
	for _, wiki := range []string{
		"plain", "a *b* c", "h1. T\n\ntext", "* one\n** deep\n* two", "{code:go}\nx\n{code}", "{quote}said{quote}", "----",
		"[text|https://a.example]", "[~accountid:5b10]", "one\ntwo", "price [EUR] 5*3",
	} {
		if got := Wiki(FromWiki(wiki)); got != wiki {
			t.Errorf("got %q, want %q", got, wiki)
		}
	}
}

func TestTextWithMarkupIsEscaped(t *testing.T) {
	for _, text := range []string{"*stars*", "_under_", `back\slash`, "[https://a.example]", "{{code}}", "+a+ -b-"} {
		doc := FromText(text)
		if got := Text(FromWiki(Wiki(doc))); got != text {
			t.Errorf("got %q, want %q (wiki %q)", got, text, Wiki(doc))
		}
	}
}

func TestJSON(t *testing.T) {
	const raw = `{"version":1,"type":"doc","content":[{"type":"heading","attrs":{"level":2},"content":[{"type":"text","text":"T","marks":[{"type":"strong"}]}]},{"type":"paragraph"}]}`
	doc, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if json.Unmarshal(out, &got) != nil || json.Unmarshal([]byte(raw), &want) != nil {
		t.Fatal("not JSON")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if out, _ := json.Marshal(FromText("")); string(out) != `{"version":1,"type":"doc","content":[]}` {
		t.Errorf("empty document: got %s", out)
	}
}

func FuzzFromWiki(f *testing.F) {
	for _, seed := range []string{"*a*", "* a\n** b\n# c", "{quote}{code}", "{code}\n{code}", "h1. ", "[|https://a]", "{{}}", "\\", "{quote}* a{quote}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 2000 || strings.ContainsRune(text, 0) {
			return
		}
		doc := FromWiki(text)
		if err := Validate(doc); err != nil {
			t.Fatalf("FromWiki(%q): %v", text, err)
		}
		_ = Wiki(doc)
	})
}
