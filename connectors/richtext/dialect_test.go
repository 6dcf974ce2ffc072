package richtext

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// elements are what the strict systems take, as their pages list them.
var elements = map[Dialect][]string{
	AsanaNotes:     {"body", "strong", "em", "u", "s", "code", "a", "ol", "ul", "li", "h1", "h2", "hr"},
	AsanaText:      {"body", "strong", "em", "u", "s", "code", "a", "ol", "ul", "li"},
	SalesforceFeed: {"p", "a", "b", "code", "i", "u", "s", "ul", "ol", "li", "img"},
}

// outside returns what a strict system would refuse in a text.
func outside(d Dialect, source string) error {
	allowed := elements[d]
	if allowed == nil || source == "" {
		return nil
	}
	if d == SalesforceFeed {
		source = "<p>" + source + "</p>"
	}
	decoder := xml.NewDecoder(strings.NewReader(source))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains(allowed, start.Name.Local) {
			return fmt.Errorf("element %s", start.Name.Local)
		}
		for _, a := range start.Attr {
			if start.Name.Local != "a" || a.Name.Local != "href" {
				return fmt.Errorf("attribute %s of %s", a.Name.Local, start.Name.Local)
			}
		}
	}
}

func TestDialectsTo(t *testing.T) {
	const table = "| a | b |\n| --- | --- |\n| **c** | d |"
	tests := []struct {
		name     string
		dialect  Dialect
		markdown string
		want     string
	}{
		{"asana paragraphs", AsanaNotes, "a\\\nb\n\nc", "<body>a\nb\n\nc</body>"},
		{"asana nothing", AsanaNotes, "", ""},
		{
			"asana marks", AsanaNotes, "**a** _b_ ~~c~~ <u>d</u> `e` [f](https://e.com/(g))",
			`<body><strong>a</strong> <em>b</em> <s>c</s> <u>d</u> <code>e</code> <a href="https://e.com/(g)">f</a></body>`,
		},
		{"asana list", AsanaNotes, "a\n\n- b\n  1. c\n- [x] d\n\ne", "<body>a<ul><li>b<ol><li>c</li></ol></li><li>☑ d</li></ul>e</body>"},
		{"asana heading", AsanaNotes, "# a\n\n#### b\n\n***", "<body><h1>a</h1><h2>b</h2><hr/></body>"},
		{"asana comment's heading", AsanaText, "# a\n\n***\n\nb", "<body><strong>a</strong>\n\nb</body>"},
		{"asana code", AsanaNotes, "```go\nx := 1\n  y\n```", "<body><code>x := 1\n  y</code></body>"},
		{"asana quote", AsanaText, "> a\\\n> b\n>\n> c", "<body>&gt; a\n&gt; b\n\n&gt; c</body>"},
		{"asana table", AsanaText, table, "<body>a | b\n\n<strong>c</strong> | d</body>"},
		{"asana image", AsanaText, "![p](https://e.com/p.png)", `<body><a href="https://e.com/p.png">p</a></body>`},
		{
			"salesforce table", Salesforce, table,
			"<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td><strong>c</strong></td><td>d</td></tr></tbody></table>",
		},
		{"salesforce code", Salesforce, "```go\nx\n```", "<pre><code>x</code></pre>"},
		{"feed", SalesforceFeed, "## a\n\nb\\\n*c*", "<p><b>a</b></p><p>b</p><p><i>c</i></p>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.dialect.To(tt.markdown); got != tt.want {
				t.Errorf("To(%q)\n got  %q\n want %q", tt.markdown, got, tt.want)
			}
		})
	}
}

func TestDialectsFrom(t *testing.T) {
	tests := []struct {
		name    string
		dialect Dialect
		source  string
		want    string
	}{
		{"asana lines", AsanaNotes, "<body>a\nb\n\n\nc  d\n</body>", "a\\\nb\n\nc d"},
		{"asana list after text", AsanaNotes, "<body><strong>Docs</strong>\n<ul><li>a</li><li>b</li></ul></body>", "**Docs**\n\n- a\n- b"},
		{
			"asana mention", AsanaNotes,
			`<body>Hi <a href="https://app.asana.com/0/1/list" data-asana-gid="1" data-asana-type="user" data-asana-dynamic="true">@Ada</a></body>`,
			"Hi [@Ada](https://app.asana.com/0/1/list)",
		},
		{"asana code", AsanaNotes, "<body><code>x\n  y</code></body>", "```\nx\n  y\n```"},
		{"asana pre and blockquote", AsanaNotes, "<body><pre>x\nw</pre><blockquote>y\nz</blockquote></body>", "```\nx\nw\n```\n\n> y\\\n> z"},
		{"asana quote", AsanaText, "<body>&gt; a\n&gt; &gt; b</body>", "> a\\\n> \\> b"},
		{"asana empty", AsanaNotes, "<body></body>", ""},
		{"salesforce", Salesforce, `<p>a <a href="https://e.com" target="_blank">b</a></p><p><br></p><ul><li>c</li></ul>`, "a [b](https://e.com)\n\n- c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.dialect.From(tt.source); got != tt.want {
				t.Errorf("From(%q)\n got  %q\n want %q", tt.source, got, tt.want)
			}
		})
	}
}
