package engine_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/engine"
)

// troubleshooting is the page that is made from the advice, from its root.
const troubleshooting = "../docs/troubleshooting.md"

// The part of the page that is made.
const (
	madeFrom = "<!-- made from engine/advice_*.go: go test ./engine -run Troubleshooting -update -->\n"
	madeTo   = "<!-- end of what is made -->\n"
)

func TestTroubleshootingIsTheAdvice(t *testing.T) {
	src, err := os.ReadFile(troubleshooting)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(src), madeFrom)
	stands, after, ok2 := strings.Cut(rest, madeTo)
	if !ok || !ok2 {
		t.Fatalf("the page lacks the lines %q and %q", madeFrom, madeTo)
	}
	made := adviceInMarkdown()
	if *update {
		if err := os.WriteFile(troubleshooting, []byte(before+madeFrom+made+madeTo+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(stands, made); diff != "" {
		t.Errorf("docs/troubleshooting.md is stale; write it anew with -update (-page +advice):\n%s", diff)
	}
}

// adviceInMarkdown writes an index of the codes and a section for each.
func adviceInMarkdown() string {
	var b strings.Builder
	b.WriteString("\n| code | what is seen | it |\n|---|---|---|\n")
	for _, a := range engine.Advices() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", a.Code, a.Code, a.Title, a.Standing)
	}
	group := engine.AdviceGroup("")
	for _, a := range engine.Advices() {
		if a.Group != group {
			group = a.Group
			fmt.Fprintf(&b, "\n## %s\n", group)
		}
		fmt.Fprintf(&b, "\n### %s\n\n**%s.** %s\n\n", a.Code, a.Title, a.Cause)
		for _, s := range a.Do {
			b.WriteString("- " + s.Text)
			if s.Command != "" {
				fmt.Fprintf(&b, " `%s`", s.Command)
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("\n")
	return b.String()
}

var codeForm = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// TestEveryCodeHasItsAdvice looks through the source for the places at which a
// reason code is given, and holds them to the table, both ways.
func TestEveryCodeHasItsAdvice(t *testing.T) {
	used := codesInSource(t)
	for _, code := range slices.Sorted(maps.Keys(used)) {
		if _, ok := engine.AdviceOf(code); !ok {
			t.Errorf("%s: the code %q has no advice in advice_*.go", used[code], code)
		}
	}
	seen := map[string]bool{}
	for _, a := range engine.Advices() {
		if used[a.Code] == "" {
			t.Errorf("the code %q has advice, and nothing uses it", a.Code)
		}
		if seen[a.Code] {
			t.Errorf("the code %q has advice twice", a.Code)
		}
		seen[a.Code] = true
		if !codeForm.MatchString(a.Code) || a.Title == "" || a.Cause == "" || len(a.Do) == 0 || a.Standing == "" || !slices.Contains(engine.AdviceGroups(), a.Group) {
			t.Errorf("the advice of %q is not whole: %+v", a.Code, a)
		}
		if strings.HasSuffix(a.Title, ".") || !strings.HasSuffix(a.Cause, ".") {
			t.Errorf("the advice of %q: a title has no full stop, a cause has one", a.Code)
		}
	}
}

// codeArgument tells which argument of a call is a reason code.
var codeArgument = map[string]int{
	"fail": 0, "later": 1, "holdRecord": 2, "pause": 1, "tell": 0, "finding": 0, "block": 0, "make": 0, "leave": 0, "stop": 1,
}

// codesInSource returns the reason codes that the package gives, with a place of
// each.
func codesInSource(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	constants := map[string]string{}
	var parsed []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, f)
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Names) == len(spec.Values) {
				for i, name := range spec.Names {
					if lit, ok := spec.Values[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
						constants[name.Name], _ = strconv.Unquote(lit.Value)
					}
				}
			}
			return true
		})
	}
	used := map[string]string{
		// Put together from the policy, and from how a value is present.
		"cannot-archive": "quarantine.go", "cannot-delete": "quarantine.go", "hidden": "fields.go", "absent": "fields.go",
	}
	take := func(e ast.Expr) {
		text := ""
		switch e := e.(type) {
		case *ast.BasicLit:
			text, _ = strconv.Unquote(e.Value)
		case *ast.Ident:
			text = constants[e.Name]
		}
		if codeForm.MatchString(text) {
			used[text] = files.Position(e.Pos()).String()
		}
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name := ""
				switch fun := n.Fun.(type) {
				case *ast.SelectorExpr:
					name = fun.Sel.Name
				case *ast.Ident:
					name = fun.Name
				}
				if at, ok := codeArgument[name]; ok && at < len(n.Args) {
					take(n.Args[at])
				}
				if name == "hold" && len(n.Args) > 2 { // the kind comes before the code
					take(n.Args[len(n.Args)-2])
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && strings.EqualFold(key.Name, "code") && !strings.HasPrefix(filepath.Base(files.Position(n.Pos()).Filename), "advice_") {
					take(n.Value)
				}
				if key, ok := n.Key.(*ast.SelectorExpr); ok && filepath.Base(files.Position(n.Pos()).Filename) == "job.go" && fmt.Sprint(key.X) == "connectors" {
					take(n.Value) // the codes of the kinds of errors
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if sel, ok := left.(*ast.SelectorExpr); ok && sel.Sel.Name == "Code" && i < len(n.Rhs) {
						take(n.Rhs[i])
					}
				}
			case *ast.ReturnStmt:
				if len(n.Results) == 3 { // a value, a code, a reason
					take(n.Results[1])
				}
				for _, r := range n.Results {
					if id, ok := r.(*ast.Ident); ok && strings.HasPrefix(id.Name, "code") {
						take(r)
					}
				}
				if len(n.Results) == 2 && strings.HasSuffix(fmt.Sprint(n.Results[0]), "Unmatched") || len(n.Results) == 2 && strings.HasSuffix(fmt.Sprint(n.Results[0]), "Refused") {
					take(n.Results[1])
				}
			}
			return true
		})
	}
	return used
}
