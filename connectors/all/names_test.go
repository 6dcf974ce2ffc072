package all

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const modulePath = "github.com/tenonsync/tenon"

// eachFile parses the files of a folder and those below it, tests apart.
func eachFile(t *testing.T, dir string, do func(path string, file *ast.File, set *token.FileSet)) {
	t.Helper()
	count := 0
	err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err == nil {
			count++
			do(path, file, set)
		}
		return err
	})
	if err != nil || count == 0 {
		t.Fatalf("%s: %d files: %v", dir, count, err)
	}
}

// TestNothingElseNamesASystem holds the engine, the server and the mapping
// language to asking for abilities: no identifier and no text there names a kind
// of connector. What the suites write as examples does not count.
func TestNothingElseNamesASystem(t *testing.T) {
	registry, err := Registry()
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?i)(` + strings.Join(registry.Kinds(), "|") + `)`)
	for _, dir := range []string{"engine", "server", "mapping"} {
		eachFile(t, dir, func(path string, file *ast.File, set *token.FileSet) {
			for _, part := range []string{"statetest", "simulation", "mapping/spec"} {
				if strings.Contains(filepath.ToSlash(path), part) {
					return
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				text := ""
				switch n := n.(type) {
				case *ast.ImportSpec:
					return false
				case *ast.Ident:
					text = n.Name
				case *ast.BasicLit:
					text = n.Value
				}
				if names.MatchString(text) {
					t.Errorf("%s names a system: %s", set.Position(n.Pos()), text)
				}
				return true
			})
		})
	}
}

// TestConnectorsKnowNoOther holds each connector to its own system.
func TestConnectorsKnowNoOther(t *testing.T) {
	registry, err := Registry()
	if err != nil {
		t.Fatal(err)
	}
	kinds := registry.Kinds()
	for _, kind := range kinds {
		eachFile(t, "connectors/"+kind, func(path string, file *ast.File, _ *token.FileSet) {
			for _, imported := range file.Imports {
				for _, other := range kinds {
					own := modulePath + "/connectors/" + other
					if other != kind && (strings.Trim(imported.Path.Value, `"`) == own || strings.HasPrefix(strings.Trim(imported.Path.Value, `"`), own+"/")) {
						t.Errorf("%s imports %s", path, imported.Path.Value)
					}
				}
			}
		})
	}
}
