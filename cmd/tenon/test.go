package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/cases"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/mapping/schemas"
)

// testOptions are the flags of test.
type testOptions struct {
	run         string
	junit       string
	coverage    bool
	coverageMin int
	write       bool
	verbose     bool
}

func (c *cli) testCommand() *cobra.Command {
	var o testOptions
	cmd := &cobra.Command{
		Use:   "test [FILE...]",
		Short: "Run the cases of the mappings' test files, without any system",
		Long: `Runs the cases in mappings/*_test.yaml, or in the files given: what is there,
what people do, and what is to come of it. Each case runs through the real
engine over made-up systems that hold its records; no system is asked, nothing
is written, and no secret is needed. docs/mapping.md describes the files.

How records look is taken from schemas/CONNECTION.OBJECT.json beside tenon.yaml,
which "tenon validate --save-schemas" writes. A new case needs no "expect":
--write fills in what comes of it, for you to read and correct.

Exit code 0: all cases hold. 1: a case fails, there is none, or too little is
covered. 3: a file has errors.`,
		Example: `  tenon test --run "won deal" --coverage`,
		RunE:    func(cmd *cobra.Command, args []string) error { return c.test(cmd.Context(), o, args) },
	}
	f := cmd.Flags()
	f.StringVar(&o.run, "run", "", "only cases whose names match the regular `expression`")
	f.StringVar(&o.junit, "junit", "", "write the results as JUnit XML to a `file`")
	f.BoolVar(&o.coverage, "coverage", false, "tell which rules, values, tasks and conditions no case touches")
	f.IntVar(&o.coverageMin, "coverage-min", 0, "fail when less than so many `percent` are touched")
	f.BoolVar(&o.write, "write", false, "add what comes of a case to cases that do not say what they expect")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show the cases that hold, too")
	return cmd
}

// testRun is one run of test.
type testRun struct {
	*cli
	o        testOptions
	cfg      *config.Config
	conns    connections
	mappings []*mapping.File
	unread   mapping.Problems // of all mapping files
	folder   schemas.Folder
	chosen   func(name string) bool

	report testReport
	suites []ranSuite
}

// ranSuite is a test file that was run.
type ranSuite struct {
	suite  *cases.Suite
	report cases.Report
}

func (c *cli) test(ctx context.Context, o testOptions, args []string) error {
	pattern, err := regexp.Compile(o.run)
	if err != nil {
		return fail(exitUsage, "write a regular expression, such as --run 'won deal'", "--run: %w", err)
	}
	if o.coverageMin < 0 || o.coverageMin > 100 {
		return fail(exitUsage, "write a number from 0 to 100", "--coverage-min %d is no percentage", o.coverageMin)
	}
	cfg, err := c.load(config.Options{NoSecrets: true})
	if err != nil {
		return err
	}
	t := &testRun{cli: c, o: o, cfg: cfg, folder: schemaFolder(cfg), chosen: pattern.MatchString}
	t.report.Problems = mapping.Problems{}
	paths, err := testFiles(cfg.Mappings, args)
	if err != nil {
		return err
	}
	files, problems, err := parseMappings(cfg.Mappings)
	if err != nil {
		return err
	}
	t.mappings, t.unread = files, problems
	if len(args) == 0 {
		t.tell(problems)
	}
	if t.conns, err = c.open(cfg, connectors.Options{Logger: quiet()}, nil); err != nil {
		t.conns = connections{} // what they can do is not known then
	}
	defer t.conns.close()
	for _, path := range paths {
		if err := t.file(ctx, path); err != nil {
			return err
		}
	}
	return t.finish()
}

// schemaFolder is where schemas are saved.
func schemaFolder(cfg *config.Config) schemas.Folder {
	return schemas.Folder(filepath.Join(filepath.Dir(cfg.Path), "schemas"))
}

// testFiles returns the test files given, or those beside the mappings, sorted.
func testFiles(patterns, given []string) ([]string, error) {
	found := map[string]bool{}
	for _, path := range given {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return nil, fail(exitConfig, "name a file, or leave the names away to run all beside the mappings", "%w", err)
		case info.IsDir():
			patterns = []string{path}
		default:
			found[path] = true
			patterns = nil
		}
	}
	if len(found) > 0 {
		return slices.Sorted(maps.Keys(found)), nil
	}
	for _, p := range patterns {
		if info, err := os.Stat(p); err != nil || !info.IsDir() {
			p = filepath.Dir(p)
		}
		paths, err := filepath.Glob(filepath.Join(p, "*_test.yaml"))
		if err != nil {
			return nil, fail(exitConfig, "", "mappings: %q: %w", p, err)
		}
		for _, path := range paths {
			found[path] = true
		}
	}
	if len(found) == 0 {
		return nil, fail(exitFound, "write mappings/NAME_test.yaml beside mappings/NAME.yaml; docs/mapping.md shows how", "there are no test files in %s", strings.Join(patterns, ", "))
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// file runs one test file. What is wrong with it, or with its mapping, is
// reported and stops no other.
func (t *testRun) file(ctx context.Context, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fail(exitConfig, "", "%w", err)
	}
	cf, problems := mapping.ReadCases(shownPath(path), text)
	t.tell(problems)
	if cf == nil {
		return nil
	}
	m := t.mappingOf(cf, path)
	if m == nil {
		return nil
	}
	suite, problems, err := t.prepare(ctx, cf, m)
	t.tell(problems)
	if suite == nil || err != nil {
		return err
	}
	ran, err := suite.Run(ctx, t.chosen)
	if err != nil {
		return fmt.Errorf("%s: %w", cf.Path, err)
	}
	t.suites = append(t.suites, ranSuite{suite, ran})
	if t.o.write {
		return t.writeExpected(cf, path, ran.Results)
	}
	return nil
}

// mappingOf finds the mapping that a test file is about.
func (t *testRun) mappingOf(cf *mapping.CaseFile, path string) *mapping.File {
	var names []string
	beside := strings.TrimSuffix(path, "_test.yaml") + ".yaml"
	for _, m := range t.mappings {
		if cf.Mapping == m.Name || cf.Mapping == "" && m.Path == shownPath(beside) {
			return m
		}
		names = append(names, m.Name)
	}
	message, hint := fmt.Sprintf("there is no mapping `%s`", cf.Mapping), mapping.Suggest(cf.Mapping, "mappings are", names)
	if cf.Mapping == "" {
		message = "the file does not say which mapping it tests, and there is no " + shownPath(beside)
		hint = "write `mapping: NAME` at its top; " + hint
	}
	if len(names) == 0 {
		hint = "correct the mapping first"
	}
	t.tell(t.unread) // one of these may be the mapping
	t.tell(mapping.Problems{cf.MappingProblem(message, hint)})
	return nil
}

// tell adds to what is wrong with files, each once.
func (t *testRun) tell(problems mapping.Problems) {
	for _, p := range problems {
		if !slices.Contains(t.report.Problems, p) {
			t.report.Problems = append(t.report.Problems, p)
		}
	}
}

// prepare compiles a mapping with what is known of its sides, and reads the
// cases by it. The suite is nil where there are errors.
func (t *testRun) prepare(ctx context.Context, cf *mapping.CaseFile, m *mapping.File) (*cases.Suite, mapping.Problems, error) {
	problems := cf.For(m)
	if failed(problems) {
		return nil, problems, nil
	}
	from := savedSchemas{t.folder}
	s := &cases.Suite{File: cf}
	var saved [2]*connectors.Schema
	env := mapping.Env{Zone: t.cfg.TimeZone}
	for i, side := range m.Sides {
		schema, err := t.folder.Load(side.Connection, side.Object, side.Scope)
		if err != nil {
			return nil, problems, fail(exitConfig, "save it anew: tenon validate --save-schemas", "%w", err)
		}
		saved[i], s.Guessed[i] = schema, schema == nil
		if schema != nil {
			s.TaskSchemas[i] = taskSchema(ctx, from, side, schema.Child)
		} else {
			s.TaskSchemas[i] = taskSchema(ctx, from, side, "")
		}
		if conn := t.conns[side.Connection]; conn != nil {
			abilities := connectors.AbilitiesOf(conn)
			s.Abilities[i], s.Facts[i] = &abilities, conn.Facts()
		}
	}
	all, ps := cf.Schemas(m, saved)
	problems = append(problems, ps...)
	if failed(ps) {
		return nil, problems, nil
	}
	s.Schemas = all
	env.Schemas, env.TaskSchemas, env.Abilities, env.Facts = s.Schemas, s.TaskSchemas, s.Abilities, s.Facts
	compiled, ps := mapping.Compile(m, env)
	if failed(ps) {
		return nil, append(problems, ps...), nil
	}
	s.Mapping = compiled
	ps = cf.Bind(compiled, s.Schemas, s.TaskSchemas)
	problems = append(problems, ps...)
	if failed(ps) {
		return nil, problems, nil
	}
	return s, problems, nil
}

// failed reports whether an error is among problems.
func failed(ps mapping.Problems) bool { return ps.Err() != nil }

// savedSchemas tells how objects look from the files beside the mappings.
type savedSchemas struct{ folder schemas.Folder }

// schema implements schemas: NotFound where nothing is saved.
func (s savedSchemas) schema(_ context.Context, connection, object string, scope connectors.Scope) (*connectors.Schema, error) {
	schema, err := s.folder.Load(connection, object, scope)
	if err == nil && schema == nil {
		err = &connectors.Error{
			Op: "saved schema", Connection: connection, Kind: connectors.NotFound,
			Err: errors.New("nothing is saved of " + object),
		}
	}
	return schema, err
}

// writeExpected adds what came of the cases to those that do not say.
func (t *testRun) writeExpected(cf *mapping.CaseFile, path string, results []cases.Result) error {
	text, added := cf.Insert(func(one *mapping.Case) string {
		for _, r := range results {
			if r.Case == one {
				return r.Expect
			}
		}
		return ""
	})
	if added == 0 {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fail(exitConfig, "", "%w", err)
	}
	if err := os.WriteFile(path, []byte(text), info.Mode().Perm()); err != nil {
		return fail(exitConfig, "", "%w", err)
	}
	t.report.Written = append(t.report.Written, fmt.Sprintf("%s: wrote what %s", cf.Path, count(added, "case expects", "cases expect")))
	for i := range results {
		if results[i].Case.Expect == nil && results[i].Expect != "" {
			results[i].OK, results[i].Differences = true, nil
		}
	}
	return nil
}
