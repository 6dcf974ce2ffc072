// Package docs_test holds the project's documents against the code.
package docs_test

import (
	"bytes"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/tenonsync/tenon/mapping"
)

// page is one Markdown file.
type page struct {
	path string // from the root of the module, with slashes
	src  []byte
	root ast.Node
}

// pages returns every document, sorted by path.
func pages(t *testing.T) []page {
	t.Helper()
	paths := []string{"README.md", "CHANGELOG.md", "CONTRIBUTING.md"}
	for _, dir := range []string{"docs", "examples"} {
		err := filepath.WalkDir(filepath.Join("..", dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" {
				paths = append(paths, strings.TrimPrefix(filepath.ToSlash(path), "../"))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(paths)
	found := make([]page, 0, len(paths))
	for _, p := range paths {
		found = append(found, parse(t, p))
	}
	return found
}

func parse(t *testing.T, path string) page {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	return page{path: path, src: src, root: md.Parser().Parse(text.NewReader(src))}
}

// each calls f with every node of the page.
func (p page) each(t *testing.T, f func(ast.Node)) {
	t.Helper()
	err := ast.Walk(p.root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			f(n)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// plain returns the text of an inline node without its markup.
func (p page) plain(n ast.Node) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if s, ok := c.(*ast.Text); ok {
			b.Write(s.Segment.Value(p.src))
			continue
		}
		b.WriteString(p.plain(c))
	}
	return b.String()
}

// fence returns the lines of a code block.
func (p page) fence(n ast.Node) string {
	var b strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		b.Write(line.Value(p.src))
	}
	return b.String()
}

// TestLinks checks that every relative link leads to a file of the repository,
// and its fragment to a heading there.
func TestLinks(t *testing.T) {
	for _, p := range pages(t) {
		p.each(t, func(n ast.Node) {
			var to string
			switch n := n.(type) {
			case *ast.Link:
				to = string(n.Destination)
			case *ast.Image:
				to = string(n.Destination)
			default:
				return
			}
			u, err := url.Parse(to)
			if err != nil {
				t.Errorf("%s: link %q: %v", p.path, to, err)
				return
			}
			if u.IsAbs() {
				return
			}
			target := p.path
			if u.Path != "" {
				target = filepath.ToSlash(filepath.Join(filepath.Dir(p.path), u.Path))
			}
			if _, err := os.Stat(filepath.Join("..", target)); err != nil {
				t.Errorf("%s: link %q leads to no file", p.path, to)
				return
			}
			if u.Fragment != "" && !slices.Contains(anchors(t, target), u.Fragment) {
				t.Errorf("%s: link %q leads to no heading of %s", p.path, to, target)
			}
		})
	}
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)

// anchors returns the fragments of a page's headings, as GitHub makes them.
func anchors(t *testing.T, path string) []string {
	t.Helper()
	p := parse(t, path)
	var found []string
	p.each(t, func(n ast.Node) {
		if h, ok := n.(*ast.Heading); ok {
			name := notInAnchor.ReplaceAllString(strings.ToLower(p.plain(h)), "")
			found = append(found, strings.ReplaceAll(name, " ", "-"))
		}
	})
	return found
}

// TestMappings parses every whole mapping that a page shows.
func TestMappings(t *testing.T) {
	shown := 0
	for _, p := range pages(t) {
		p.each(t, func(n ast.Node) {
			block, ok := n.(*ast.FencedCodeBlock)
			if !ok || string(block.Language(p.src)) != "yaml" {
				return
			}
			src := p.fence(block)
			if !strings.HasPrefix(src, "mapping:") && !strings.Contains(src, "\nmapping:") {
				return
			}
			shown++
			if _, problems := mapping.Parse(p.path, []byte(src)); len(problems) > 0 {
				t.Errorf("%s: a mapping has problems:\n%v", p.path, problems)
			}
		})
	}
	if shown == 0 {
		t.Error("no page shows a whole mapping")
	}
}

var (
	commandHeading = regexp.MustCompile(`(?m)^## tenon ([a-z]+)(?: ([a-z]+))?$`)
	commandNamed   = regexp.MustCompile(`\btenon ([a-z]+)(?: ([a-z]+)\b)?`)
	// tenonElse finds the user, the unit, the container and the namespace of that name.
	tenonElse = regexp.MustCompile(`(?:-u|--now|compose exec|--namespace) tenon `)
)

// TestCommands checks that every command that a page names in code is in the
// generated reference of the commands.
func TestCommands(t *testing.T) {
	reference := parse(t, "docs/cli.md")
	commands := map[string][]string{"help": nil, "completion": nil} // cobra's own
	for _, m := range commandHeading.FindAllStringSubmatch(string(reference.src), -1) {
		commands[m[1]] = append(commands[m[1]], m[2])
	}
	if len(commands) < 10 {
		t.Fatalf("docs/cli.md names %d commands; is it generated in another form now?", len(commands))
	}
	for _, p := range pages(t) {
		p.each(t, func(n ast.Node) {
			var code string
			switch n := n.(type) {
			case *ast.CodeSpan:
				code = p.plain(n)
			case *ast.FencedCodeBlock:
				if lang := n.Language(p.src); bytes.Equal(lang, []byte("mermaid")) {
					return
				}
				code = p.fence(n)
			default:
				return
			}
			for _, m := range commandNamed.FindAllStringSubmatch(tenonElse.ReplaceAllString(code, ""), -1) {
				parts, ok := commands[m[1]]
				if !ok {
					t.Errorf("%s names the command %q, which is not in docs/cli.md", p.path, "tenon "+m[1])
					continue
				}
				if m[2] != "" && len(parts) > 1 && !slices.Contains(parts, m[2]) {
					t.Errorf("%s names the command %q, which is not in docs/cli.md", p.path, m[0])
				}
			}
		})
	}
}

// reasonCode finds the codes that the engine gives to what waits, fails or is
// set aside, by the few forms in which it does so.
var reasonCode = regexp.MustCompile(`(?:\bfail\(|\bcode: |\bCode: |\bhold\([^"\n]*|\blater\([^"\n]*, |connectors\.[A-Z]\w+: |\bpause\(c, |Code = |AsideUnmatched, )"([a-z]+(?:-[a-z]+)*)"`)

// TestReasonCodes checks that troubleshooting.md has a heading for every code.
func TestReasonCodes(t *testing.T) {
	files, err := filepath.Glob("../engine/*.go")
	if err != nil {
		t.Fatal(err)
	}
	described := anchors(t, "docs/troubleshooting.md")
	seen := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range reasonCode.FindAllStringSubmatch(string(src), -1) {
			code := m[1]
			if !seen[code] && !slices.Contains(described, code) {
				t.Errorf("docs/troubleshooting.md has no heading for the code %q of %s", code, filepath.Base(file))
			}
			seen[code] = true
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d codes were found in the engine; does it give them in another form now?", len(seen))
	}
}

// TestDependencies checks that every direct dependency has its reason.
func TestDependencies(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	reasons := string(parse(t, "docs/dependencies.md").src)
	for line := range strings.Lines(string(mod)) {
		module, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "require ")), " ")
		direct := strings.Contains(line, " v") && !strings.Contains(line, "// indirect")
		if direct && !strings.Contains(reasons, "`"+module+"`") {
			t.Errorf("docs/dependencies.md gives no reason for %s", module)
		}
	}
}
