package richtext

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFromHTML(t *testing.T) {
	tests := []struct{ name, html, want string }{
		{"plain text", "Hello, world", "Hello, world"},
		{"paragraphs", "<p>One</p><p>Two</p>", "One\n\nTwo"},
		{"divs and breaks", "<div>One<br>two</div><div>Three</div>", "One\\\ntwo\n\nThree"},
		{"spaces that do not break", "<p>a&nbsp;&nbsp;b </p>", "a b"},
		{"bold and italic", "<p>a <b>bold</b> and <i>italic </i>word</p>", "a **bold** and *italic* word"},
		{"both", "<p><strong><em>x</em></strong></p>", "***x***"},
		{"bold by style", `<p><span style="font-weight: 700">x</span> y</p>`, "**x** y"},
		{"part of a word", "<p>un<b>believ</b>able</p>", "un**believ**able"},
		{"bold that CommonMark cannot say", "<p>a<b>(b)</b>c</p>", "a(b)c"},
		{"link", `<p>see <a href="https://e.com/a?b=1&amp;c=2">here</a></p>`, "see [here](https://e.com/a?b=1&c=2)"},
		{"link in bold", `<p><b>see <a href="https://e.com">here</a> now</b></p>`, "**see [here](https://e.com) now**"},
		{"script address", `<p><a href="javascript:alert(1)">x</a></p>`, "x"},
		{"script", `<p>a</p><script>alert(1)</script><style>p{}</style>`, "a"},
		{"list", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "- a\n- b\n  - c"},
		{"list in a list without an item", "<ul><li>a</li><ul><li>b</li></ul></ul>", "- a\n  - b"},
		{"numbers", `<ol start="3"><li><p>a</p></li><li>b</li></ol>`, "3. a\n4. b"},
		{"item of two paragraphs", "<ul><li><p>a</p><p>b</p></li></ul>", "- a\n\n  b"},
		{"heading", "<h2>Big <b>thing</b></h2>text", "## Big **thing**\n\ntext"},
		{"quote", "<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"},
		{"code", "<pre><code class=\"language-go\">x := 1\n\ty</code></pre>", "```go\nx := 1\n    y\n```"},
		{"code span", "<p>run <code>a`b</code></p>", "run ``a`b``"},
		{"rule", "<p>a</p><hr><p>b</p>", "a\n\n***\n\nb"},
		{"image", `<img src="https://e.com/x.png" alt="plan">`, "![plan](https://e.com/x.png)"},
		{"image that counts readers", `<p>a<img src="https://e.com/x.png" width="1" height="1"></p>`, "a"},
		{"table", "<table><tr><th>a</th><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>", "| a | b |\n| --- | --- |\n| c | d |"},
		{"table with bars and code", "<table><tr><td>a|b</td><td>x</td></tr><tr><td><code>c|d</code></td><th>y</th></tr></table>", "| a\\|b | x |\n| --- | --- |\n| `c\\|d` | **y** |"},
		{"table of a mail's layout", "<table><tr><td><h1>Hi</h1></td><td><ul><li>a</li></ul></td></tr></table>", "# Hi\n\n- a"},
		{"table of one row", "<table><tr><td>a</td><td>b</td></tr></table>", "a | b"},
		{"struck and underlined", "<p><s>a</s> <u>b</u> <strike><b>c</b></strike></p>", "~~a~~ <u>b</u> **~~c~~**"},
		{"task list", "<ul><li>\u2610 a</li><li>\u2611 b</li></ul>", "- [ ] a\n- [x] b"},
		{"tildes", "<p>~5 days, ~~x~~</p>", `\~5 days, \~\~x\~\~`},
		{"one tilde", "<p>in ~5 days</p>", "in ~5 days"},
		{"signs", "<p># 1 * 2 &lt; 3 [x] &amp;amp; snake_case _x_</p>", `\# 1 \* 2 \< 3 \[x\] \&amp; snake_case \_x\_`},
		{"number at the start", "<p>1. not a list</p>", `1\. not a list`},
		{"empty", "<p>&nbsp;</p><br>", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := FromHTML(tt.html); got != tt.want {
				t.Errorf("FromHTML(%q)\n got  %q\n want %q", tt.html, got, tt.want)
			}
		})
	}
}

func TestToHTML(t *testing.T) {
	tests := []struct{ name, markdown, want string }{
		{"paragraphs", "a\nb\n\nc", "<p>a b</p><p>c</p>"},
		{"hard break", "a\\\nb", "<p>a<br>b</p>"},
		{"marks", "**a** *b* `c`", "<p><strong>a</strong> <em>b</em> <code>c</code></p>"},
		{"raw HTML is shown", "a <big>x</big> <script>y</script>", "<p>a &lt;big&gt;x&lt;/big&gt; &lt;script&gt;y&lt;/script&gt;</p>"},
		{"HTML block is shown", "<div onclick=x>\nhi\n</div>", "<p>&lt;div onclick=x&gt; hi &lt;/div&gt;</p>"},
		{"script address", "[x](javascript:alert(1))", "<p>x</p>"},
		{"reference link", "[x]\n\n[x]: https://e.com", `<p><a href="https://e.com">x</a></p>`},
		{"autolink", "<https://e.com/a_b>", `<p><a href="https://e.com/a_b">https://e.com/a_b</a></p>`},
		{"mail", "<a@e.com>", `<p><a href="mailto:a@e.com">a@e.com</a></p>`},
		{"lists", "1. a\n2. b\n   - c", "<ol><li>a</li><li>b<ul><li>c</li></ul></li></ol>"},
		{"entities", `\&amp; &copy; &bogus;`, "<p>&amp;amp; © &amp;bogus;</p>"},
		{"code", "```go\na < b\n```", `<pre><code class="language-go">a &lt; b</code></pre>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ToHTML(tt.markdown); got != tt.want {
				t.Errorf("ToHTML(%q)\n got  %q\n want %q", tt.markdown, got, tt.want)
			}
		})
	}
}

// checkStable fails unless a text that passed once stays as it is in every
// dialect, unless no live HTML came out, and unless Asana gets what it takes.
func checkStable(t interface {
	Helper()
	Fatalf(string, ...any)
}, markdown string,
) {
	t.Helper()
	for d := range dialects {
		d := Dialect(d)
		once := markdown
		if d != HTML {
			once = d.From(d.To(markdown))
		}
		source := d.To(once)
		if again := d.From(source); again != once {
			t.Fatalf("dialect %d is not stable:\n once  %q\n again %q\n html  %q", d, once, again, source)
		}
		if html := strings.ToLower(source); strings.Contains(html, "<script") || strings.Contains(html, `href="javascript`) {
			t.Fatalf("live script in %q", html)
		}
		if err := outside(d, source); err != nil {
			t.Fatalf("dialect %d: %v in %q", d, err, source)
		}
	}
}

var pieces = []string{
	"a", "b", " ", "  ", "\n", "\n\n", "*", "**", "***", "_", "`", "``", "```\n", "[", "](https://e.com/(x))", "]", "(", ")", "!",
	"<b>", "</b>", "<i>", "</i>", "<p>", "</p>", "<ul>", "<li>", "</li>", "</ul>", "<ol start=7>", "</ol>", "<blockquote>", "</blockquote>",
	"<pre>", "</pre>", "<code>", "</code>", "<h3>", "</h3>", "<br>", "<hr>", `<a href="https://e.com?a=1&amp;copy;=2">`, "</a>", "<tr><td>",
	"<table>", "</table>", "- ", "1. ", "12) ", "# ", "> ", "=", "~~~", "\\", "&amp;", "&lt;", "&#35;", "é", "\u00a0", ".", ",", "(a)", "|", "\t", "+ ", "<", ">",
}

// composed draws a text of pieces that matter in both languages. Its length is
// bounded so that a run takes milliseconds.
func composed(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 30).Draw(t, "pieces"), "")
}

func TestStableAfterOnePass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := composed(t)
		checkStable(t, FromHTML(s))
		checkStable(t, FromHTML(ToHTML(s)))
	})
}

func FuzzFromHTML(f *testing.F) {
	f.Add("<p>a <b>b</b></p>")
	f.Add("<ul><li>a<ol start=3><li># b</ol></ul>")
	f.Fuzz(func(t *testing.T, html string) {
		if len(html) > 4096 {
			t.Skip("longer than the fuzzing bound")
		}
		checkStable(t, FromHTML(html))
	})
}

func FuzzToHTML(f *testing.F) {
	f.Add("- a\n\n  > b\n\n```\nx\n```")
	f.Add("**a***b*_c_ [x](<https://e.com/(a)>)")
	f.Fuzz(func(t *testing.T, markdown string) {
		if len(markdown) > 4096 {
			t.Skip("longer than the fuzzing bound")
		}
		checkStable(t, FromHTML(ToHTML(markdown)))
	})
}

func BenchmarkFromHTML(b *testing.B) {
	html := strings.Repeat("<p>A <b>bold</b> word and a <a href=\"https://e.com\">link</a>.</p><ul><li>one</li><li>two</li></ul>", 10)
	for b.Loop() {
		FromHTML(html)
	}
}
