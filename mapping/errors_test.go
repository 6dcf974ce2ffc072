package mapping

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tenonsync/tenon/connectors"
)

// TestErrors compares what people are told about typical mistakes with
// testdata/errors, whole. Each archive holds one file that is wrong (or several,
// for mistakes between files) and the messages. A file without `mapping:` is
// put behind a common head, with its line numbers kept by the message's text.
func TestErrors(t *testing.T) {
	archives, err := filepath.Glob(filepath.Join("testdata", "errors", "*.txtar"))
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var mappings []*Mapping
			var problems Problems
			want, wantAt := "", -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want, wantAt = string(f.Data), i
					continue
				}
				m, found := check(f.Name, f.Data)
				problems = append(problems, found...)
				if m != nil {
					mappings = append(mappings, m)
				}
			}
			if len(mappings) > 1 {
				problems = append(problems, CheckTogether(mappings)...)
			}
			for _, p := range problems {
				if p.Severity == Error && p.Hint == "" {
					t.Errorf("nothing says what to do:\n%s", p)
				}
			}
			got := problems.String() + "\n"
			if *update {
				if wantAt < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					wantAt = len(archive.Files) - 1
				}
				archive.Files[wantAt].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("messages (-want +got), run with -update to accept:\n%s", d)
			}
		})
	}
}

// check parses and compiles a file against the fixtures, with connections that
// can do little.
func check(name string, src []byte) (*Mapping, Problems) {
	f, problems := Parse(name, src)
	if f == nil || problems.Err() != nil {
		return nil, problems
	}
	env := testEnv()
	env.Abilities = [2]*connectors.Abilities{{}, {}}
	env.Abilities[Left].Finder = noFinder{}
	m, found := Compile(f, env)
	return m, append(problems, found...)
}

// noFinder can look for records, and finds none.
type noFinder struct{ connectors.Finder }
