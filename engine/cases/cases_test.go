package cases_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine/cases"
	"github.com/tenonsync/tenon/mapping"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// suiteOf makes a suite of a mapping and its test file. Both sides have the
// sample's fields, unless the archive holds "guess".
func suiteOf(t *testing.T, archive *txtar.Archive) *cases.Suite {
	t.Helper()
	texts := map[string][]byte{}
	for _, f := range archive.Files {
		texts[f.Name] = f.Data
	}
	file, problems := mapping.Parse("pair.yaml", texts["pair.yaml"])
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	cf, problems := mapping.ReadCases("pair_test.yaml", texts["pair_test.yaml"])
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	if err := cf.For(file).Err(); err != nil {
		t.Fatal(err)
	}
	s := &cases.Suite{File: cf}
	var saved [2]*connectors.Schema
	_, guess := texts["guess"]
	for side := range saved {
		if s.Guessed[side] = guess; !guess {
			schema := memory.Sample().Schema
			saved[side] = &schema
		}
	}
	s.Schemas, problems = cf.Schemas(file, saved)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	m, problems := mapping.Compile(file, mapping.Env{Schemas: s.Schemas})
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s.Mapping = m
	if err := cf.Bind(m, s.Schemas, s.TaskSchemas).Err(); err != nil {
		t.Fatal(err)
	}
	return s
}

// shown writes a report as the goldens have it.
func shown(s *cases.Suite, r cases.Report) string {
	var b strings.Builder
	for _, c := range r.Results {
		word := "FAIL"
		if c.OK {
			word = "ok"
		}
		fmt.Fprintf(&b, "%s: %s\n", c.Name, word)
		for _, d := range c.Differences {
			fmt.Fprintf(&b, "  %s", d.About)
			for _, part := range []struct{ word, text string }{{"", d.Field}, {"want ", d.Want}, {"got ", d.Got}, {"why ", d.Why}} {
				if part.text != "" {
					fmt.Fprintf(&b, " | %s%s", part.word, part.text)
				}
			}
			b.WriteByte('\n')
		}
		if !c.OK {
			b.WriteString("  " + strings.ReplaceAll(strings.TrimSpace(c.Expect), "\n", "\n  ") + "\n")
		}
	}
	for i, p := range s.Mapping.Parts() {
		if !r.Touched[i] {
			fmt.Fprintf(&b, "untouched: %s\n", p.Text)
		}
	}
	return b.String()
}

// TestCases runs test files and compares what is told of them with
// testdata, whole.
func TestCases(t *testing.T) {
	archives, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			s := suiteOf(t, archive)
			report, err := s.Run(t.Context(), func(string) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			got, want := shown(s, report), -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want = i
				}
			}
			if *update {
				if want < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					want = len(archive.Files) - 1
				}
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want < 0 {
				t.Fatal("the archive says not what is wanted; run with -update")
			}
			if d := cmp.Diff(string(archive.Files[want].Data), got); d != "" {
				t.Errorf("results (-want +got), run with -update to accept:\n%s", d)
			}
			again, err := s.Run(t.Context(), func(string) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got, shown(s, again)); d != "" {
				t.Errorf("a second run differs (-first +second):\n%s", d)
			}
		})
	}
}

// TestWritten puts what comes of each case into the file: it then holds.
func TestWritten(t *testing.T) {
	archives, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range archive.Files {
				if f.Name == "pair_test.yaml" {
					archive.Files[i].Data = withoutExpect(f.Data)
				}
			}
			s := suiteOf(t, archive)
			report, err := s.Run(t.Context(), func(string) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			expect := map[*mapping.Case]string{}
			for _, r := range report.Results {
				expect[r.Case] = r.Expect
			}
			text, _ := s.File.Insert(func(c *mapping.Case) string { return expect[c] })
			for i, f := range archive.Files {
				if f.Name == "pair_test.yaml" {
					archive.Files[i].Data = []byte(text)
				}
			}
			s = suiteOf(t, archive)
			if report, err = s.Run(t.Context(), func(string) bool { return true }); err != nil {
				t.Fatal(err)
			}
			for _, r := range report.Results {
				if !r.OK && r.Expect != "" {
					t.Errorf("%s: %+v\nof\n%s", r.Name, r.Differences, expect[r.Case])
				}
			}
		})
	}
}

// withoutExpect drops the expectations of a test file, which stand last in each
// case.
func withoutExpect(src []byte) []byte {
	var out []string
	dropping := false
	for line := range strings.SplitSeq(string(src), "\n") {
		if dropping && strings.HasPrefix(line, "      ") {
			continue
		}
		if dropping = strings.HasPrefix(line, "    expect:"); !dropping {
			out = append(out, line)
		}
	}
	return []byte(strings.Join(out, "\n"))
}

// TestChosen runs only what is asked for.
func TestChosen(t *testing.T) {
	archive := txtar.Parse([]byte(`-- pair.yaml --
mapping: pair
between:
  a: {connection: x, object: record}
  b: {connection: y, object: record}
create: {b: {when: true}}
fields: [{a: title, b: title}]
-- pair_test.yaml --
cases:
  - {name: one, a: {title: x}, expect: {create: {b: {title: x}}}}
  - {name: two, a: {title: x}, expect: nothing}
`))
	s := suiteOf(t, archive)
	report, err := s.Run(t.Context(), func(name string) bool { return name == "one" })
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Results) != 1 || !report.Results[0].OK {
		t.Errorf("got %+v", report.Results)
	}
}
