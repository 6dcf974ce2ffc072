package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fuzzTarget  = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)
	fuzzListing = regexp.MustCompile("`([a-z/]+)` ((?:`Fuzz\\w+`(?:, )?)+)")
	fuzzName    = regexp.MustCompile(`Fuzz\w+`)
)

// TestFuzzing holds the tables of fuzzing.md against the targets that there are.
func TestFuzzing(t *testing.T) {
	listed := map[string]bool{}
	page := parse(t, "docs/fuzzing.md")
	for _, m := range fuzzListing.FindAllStringSubmatch(string(page.src), -1) {
		for _, name := range fuzzName.FindAllString(m[2], -1) {
			listed[m[1]+" "+name] = true
		}
	}
	there := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
		for _, m := range fuzzTarget.FindAllStringSubmatch(string(src), -1) {
			there[folder+" "+m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for target := range there {
		if !listed[target] {
			t.Errorf("docs/fuzzing.md does not list %s", target)
		}
	}
	for target := range listed {
		if !there[target] {
			t.Errorf("docs/fuzzing.md lists %s, which there is not", target)
		}
	}
}
