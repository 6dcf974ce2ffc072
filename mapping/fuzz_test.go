package mapping

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/tenonsync/tenon/connectors"
)

// FuzzParse reads any text as a mapping file: it never panics, tells the same
// each time, and every problem stands at a place that is there.
func FuzzParse(f *testing.F) {
	f.Add(string(exampleFile(f)))
	archives, err := filepath.Glob(filepath.Join("testdata", "errors", "*.txtar"))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(archive.Files[0].Data))
	}
	f.Add("a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[")
	f.Add("? {a: b}\n: c\n")
	f.Add("mapping: !!binary aGk=\n<<: *x\n")
	f.Add("mapping: te\rst\rfields: `")
	f.Add("mapping: test\r\nbetween: |\r\n  x\r\n")
	f.Fuzz(func(t *testing.T, src string) {
		m, problems := check("fuzz.yaml", []byte(src))
		if (m == nil) != (problems.Err() != nil) {
			t.Fatalf("mapping is nil: %v, error: %v", m == nil, problems.Err())
		}
		lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(src), "\n")
		for _, p := range problems {
			if p.Line < 0 || p.Line > len(lines) || p.Line > 0 && (p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1) {
				t.Errorf("the place %d:%d is not in the file: %s", p.Line, p.Column, p.Message)
			}
			if p.Message == "" || p.File != "fuzz.yaml" {
				t.Errorf("empty problem %+v", p)
			}
		}
		if _, again := check("fuzz.yaml", []byte(src)); !cmp.Equal(problems, again) {
			t.Errorf("a second run tells something else:\n%s", cmp.Diff(problems, again))
		}
	})
}

// FuzzCases reads any text as a test file, with and without saved schemas.
func FuzzCases(f *testing.F) {
	archives, err := filepath.Glob(filepath.Join("testdata", "cases", "*.txtar"))
	if err != nil || len(archives) == 0 {
		f.Fatal("no archives", err)
	}
	for _, name := range archives {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == "pair_test.yaml" {
				f.Add(string(file.Data), strings.Contains(name, "guess"))
			}
		}
	}
	f.Add("cases: [{name: a, deal: [{id: 1}, {}], edits: {deal: moved}}]\nschema: {deal: {a: [b]}}\ngiven: {epic: [{}]}\n", true)
	file, problems := Parse("pair.yaml", []byte(pairFile))
	if err := problems.Err(); err != nil {
		f.Fatal(err)
	}
	read := func(src string, guess bool) (*CaseFile, Problems) {
		cf, problems := ReadCases("fuzz_test.yaml", []byte(src))
		if cf == nil {
			return nil, problems
		}
		if problems = append(problems, cf.For(file)...); problems.Err() != nil {
			return cf, problems
		}
		env := testEnv()
		if guess {
			env.Schemas = [2]*connectors.Schema{}
		}
		schemas, more := cf.Schemas(file, env.Schemas)
		problems = append(problems, more...)
		env.Schemas = schemas
		if m, more := Compile(file, env); m == nil {
			problems = append(problems, more...) // a declared field does not go with the mapping
		} else {
			problems = append(problems, cf.Bind(m, schemas, [2]*connectors.Schema{})...)
		}
		return cf, problems
	}
	f.Fuzz(func(t *testing.T, src string, guess bool) {
		cf, problems := read(src, guess)
		lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(src), "\n")
		for _, p := range problems {
			if p.File == "fuzz_test.yaml" && (p.Line < 0 || p.Line > len(lines) || p.Line > 0 && (p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1)) {
				t.Errorf("the place %d:%d is not in the file: %s", p.Line, p.Column, p.Message)
			}
		}
		if _, again := read(src, guess); !cmp.Equal(problems, again) {
			t.Errorf("a second run tells something else:\n%s", cmp.Diff(problems, again))
		}
		if cf == nil || problems.Err() != nil {
			return
		}
		text, added := cf.Insert(func(*Case) string { return "expect: nothing\n" })
		if written, problems := read(text, guess); problems.Err() != nil || len(written.Cases) != len(cf.Cases) || len(written.Unexpected()) != len(cf.Unexpected())-added {
			t.Errorf("%d expectations added to %q give %q: %v", added, src, text, problems)
		}
	})
}

// FuzzExpression compiles any text as an expression and runs it: no panic, and
// a result of the kind that the check foretold.
func FuzzExpression(f *testing.F) {
	src, err := os.ReadFile("expression_test.go")
	if err != nil {
		f.Fatal(err)
	}
	for i, part := range strings.Split(string(src), "`") {
		if i%2 == 1 {
			f.Add(part)
		}
	}
	f.Fuzz(func(t *testing.T, source string) {
		sc := dealScope(t)
		e, problems := compileExpression(source, sc)
		if (e == nil) != (len(problems) > 0) {
			t.Fatalf("expression is nil: %v, %d problems", e == nil, len(problems))
		}
		for _, p := range problems {
			if p.offset < 0 || p.offset > len([]rune(source)) {
				t.Errorf("offset %d is not in the expression: %s", p.offset, p.message)
			}
		}
		if e == nil {
			return
		}
		now := time.Date(2026, 4, 2, 12, 0, 0, 0, time.UTC)
		for _, rec := range []*connectors.Record{aDeal(), {}} {
			x, err := e.run(rec, now)
			if err != nil {
				continue
			}
			if k := x.kind(); k != kNull && e.kinds&k == 0 {
				t.Errorf("the value is %s, the checker said %s", k, e.kinds)
			}
			for i := range sc.schema.Fields {
				c := &converter{to: &sc.schema.Fields[i], zone: sc.zone}
				v, err := c.result(x)
				if err == nil && !v.IsNull() && v.Type() != c.to.Type {
					t.Errorf("a result for %s is %s", c.to.Type, v.Type())
				}
			}
		}
		if _, problems := compileTemplate(source, sc); len(problems) > 0 && problems[0].message == "" {
			t.Error("empty problem")
		}
	})
}

// FuzzConvert sends any text and number through rules of all kinds: what comes
// out has the target's type and keeps to its limits.
func FuzzConvert(f *testing.F) {
	f.Add("Acme", "12.5")
	f.Add("a\rb\r\nc", "\r")
	f.Add("# a\n\n* b\n* c\n", "1e999")
	f.Add("closedwon", "-0")
	f.Add("```\ncode  \n```\nline\\\nx", "0.30000000000000004")
	m := compileText(f, head+`
  - {deal: dealname, epic: summary}
  - {deal: description, epic: description}
  - {deal: project_url, epic: "CRM deal", truncate: true}
  - {deal: amount, epic: Budget}
  - {deal: dealstage, epic: status, values: {closedwon: To Do}, otherwise: leave}
  - {deal: priority, epic: priority}
  - {deal: services, epic: labels, flow: deal -> epic}
  - {deal: hubspot_owner_id, epic: assignee}
  - {deal: expected_delivery, epic: Go-live, at: "02:30"}
`, testEnv())
	f.Fuzz(func(t *testing.T, text, digits string) {
		values := []connectors.Value{
			connectors.Text(text), connectors.RichText(text), connectors.Labels(text, digits),
			connectors.Choice(connectors.Option{ID: text, Label: digits}),
			connectors.PersonValue(connectors.Person{ID: digits, Email: text}),
			connectors.FileValue(connectors.File{Name: text}), connectors.Reference("o", text, digits),
			connectors.Date(2026, 3, len(text)), connectors.Instant(time.Unix(int64(len(digits)), 0)),
		}
		if n, err := connectors.ParseNumber(digits); err == nil {
			values = append(values, n)
		}
		for _, r := range m.Rules() {
			for _, to := range []SideID{Left, Right} {
				schema := testEnv().Schemas[to]
				for _, v := range values {
					out, outcome, err := r.Convert(to, v)
					if err != nil || outcome == Leave || out.IsNull() {
						continue
					}
					field := schema.Field(r.Field(to))
					if out.Type() != field.Type {
						t.Errorf("%s: %s became %s, want %s", r.Name(), v.Type(), out.Type(), field.Type)
					}
					if n := utf8.RuneCountInString(out.Text()); field.MaxLength > 0 && n > field.MaxLength {
						t.Errorf("%s: %d characters, limit %d", r.Name(), n, field.MaxLength)
					}
					if field.OneLine && strings.Contains(out.Text(), "\n") {
						t.Errorf("%s: more than one line", r.Name())
					}
				}
			}
		}
		wordsOf(text)
		if plain := wordsOf(escapeMarkdown(text)); !utf8.ValidString(plain) && utf8.ValidString(text) {
			t.Errorf("%q lost its encoding", text)
		}
	})
}
