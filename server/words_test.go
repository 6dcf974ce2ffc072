package server

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/engine"
)

// TestCatalogueIsWhole holds the catalogue to what templates and code ask for,
// in both languages.
func TestCatalogueIsWhole(t *testing.T) {
	for key, p := range catalogue {
		if strings.HasPrefix(key, "todo.") {
			if p[chinese] == "" {
				t.Errorf("%s: nothing in Chinese", key)
			}
			continue
		}
		if p[english] == "" || p[chinese] == "" {
			t.Errorf("%s: got %q, want a text in each language", key, p)
		}
		if got, want := strings.Count(p[chinese], "%"), verbs(p[english]); got != want {
			t.Errorf("%s: %d verbs in Chinese, %d in English", key, got, want)
		}
	}
	for code := range chineseReasons {
		if _, ok := engine.AdviceOf(code); !ok {
			t.Errorf("the engine has no reason %q", code)
		}
	}
	asked := regexp.MustCompile(`(?:\bt|\bcount|\bsay\(r,|\.text\(|Key:|Verdict =|return) "([a-z]+\.[a-z0-9.]+)"|(?:"verdict|"done|"login|"error|"convert|"nav|"filter)\.[a-z0-9.]+"`)
	files, err := filepath.Glob("templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	code, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, code...) {
		if strings.HasSuffix(file, "_test.go") || strings.HasPrefix(file, "words_") || strings.HasPrefix(file, "api") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range asked.FindAllString(string(text), -1) {
			key := m[strings.IndexByte(m, '"')+1 : len(m)-1]
			if _, ok := catalogue[key]; !ok && !strings.HasPrefix(key, "server.") && key != "error." {
				t.Errorf("%s asks for %q, which is in no catalogue", file, key)
			}
		}
	}
}

// verbs counts the verbs of a text, of one form where it has two.
func verbs(text string) int {
	one, _, _ := strings.Cut(text, "|")
	return strings.Count(one, "%")
}

func TestAcceptedLanguage(t *testing.T) {
	for header, want := range map[string]language{
		"": english, "en": english, "zh": chinese, "zh-CN,zh;q=0.9,en;q=0.8": chinese, "en-GB,en;q=0.9,zh;q=0.8": english,
		"de-DE,de;q=0.9": english, "de,zh;q=0.5,en;q=0.4": chinese, "zh;q=0": english, "zh;q=x,en": english, ";;;,,": english,
		"fr;q=1,zh-Hans-CN;q=0.3": chinese, strings.Repeat("x,", 10_000) + "zh": english,
	} {
		if got := accepted(header); got != want {
			t.Errorf("%.40q: got %s, want %s", header, got.tag(), want.tag())
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{english.text("links.asides", 1), "1 field set aside"},
		{english.text("links.asides", 1234), "1\u202f234 fields set aside"},
		{chinese.text("links.asides", 2), "搁置 2 个字段"},
		{english.known("action", "updated"), "updated"},
		{chinese.known("action", "updated"), "已更新"},
		{chinese.known("action", "of the future"), "of the future"},
		{string(chinese.said("<b>")), `<span lang="en">&lt;b&gt;</span>`},
		{string(english.said("<b>")), "&lt;b&gt;"},
		{number(0), "0"},
		{number(-1234567), "-1\u202f234\u202f567"},
		{number(999), "999"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestLocalPath(t *testing.T) {
	for text, want := range map[string]string{
		"/history?link=7": "/history?link=7", "/": "/", "": "/", "history": "/", "//evil.example": "/", "/\\evil.example": "/",
		"https://evil.example/": "/", "javascript:alert(1)": "/", "/a\nb": "/", "/\t/evil.example": "/", "/" + strings.Repeat("x", 3000): "/",
		"/explain?record=https://jira.example/browse/D-1": "/explain?record=https://jira.example/browse/D-1",
	} {
		if got := localPath(text); got != want {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
	}
}
