package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/engine/cases"
	"github.com/tenonsync/tenon/mapping"
)

// testReport is the JSON output of test.
type testReport struct {
	OK       bool              `json:"ok"`
	Cases    []cases.Result    `json:"cases"`
	Coverage []mappingCoverage `json:"coverage,omitempty"`
	Problems mapping.Problems  `json:"problems"`
	Written  []string          `json:"written,omitempty"`
}

// mappingCoverage tells what the cases of one mapping touch.
type mappingCoverage struct {
	Mapping   string         `json:"mapping"`
	Touched   int            `json:"touched"`
	Parts     int            `json:"parts"`
	Untouched []coveragePart `json:"untouched,omitempty"`
}

type coveragePart struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Kind string `json:"kind"`
	Part string `json:"part"`
}

func (m mappingCoverage) percent() int { return percentOf(m.Touched, m.Parts) }

func percentOf(n, of int) int {
	if of == 0 {
		return 100
	}
	return n * 100 / of
}

// finish shows the results and says how the run ended.
func (t *testRun) finish() error {
	r := &t.report
	r.Cases = []cases.Result{}
	failed := 0
	for _, s := range t.suites {
		for _, c := range s.report.Results {
			if !c.OK {
				failed++
			}
			r.Cases = append(r.Cases, c)
		}
	}
	if t.o.coverage || t.o.coverageMin > 0 {
		r.Coverage = t.coverage()
	}
	low := ""
	for _, m := range r.Coverage {
		if m.percent() < t.o.coverageMin && low == "" {
			low = fmt.Sprintf("the cases of %s touch %d %% of it; %d %% are asked for", m.Mapping, m.percent(), t.o.coverageMin)
		}
	}
	r.OK = failed == 0 && low == "" && r.Problems.Err() == nil && len(r.Cases) > 0
	if t.o.junit != "" {
		if err := t.writeJUnit(); err != nil {
			return fail(exitUsage, "name a file that can be written", "--junit: %w", err)
		}
	}
	if t.json() {
		if err := t.printJSON(r); err != nil {
			return err
		}
	} else {
		t.show()
	}
	if err := t.testVerdict(failed, low); err != nil {
		if t.json() && !errors.Is(err, errNoCases) {
			f := &failure{}
			errors.As(err, &f)
			return &failure{code: f.code, err: f.err}
		}
		return err
	}
	return nil
}

var errNoCases = errors.New("no case matches --run")

func (t *testRun) testVerdict(failed int, low string) error {
	if t.json() {
		if t.report.Problems.Err() != nil {
			return fail(exitConfig, "", "a file has errors")
		}
	} else if err := t.problems(t.report.Problems); err != nil {
		return err
	}
	switch {
	case failed > 0:
		return fail(exitFound, "correct the mapping, or what the case expects", "%d of %s failed", failed, count(len(t.report.Cases), "case", "cases"))
	case len(t.report.Cases) == 0:
		return fail(exitFound, "`tenon test --verbose` shows the names", "%w", errNoCases)
	case low != "":
		return fail(exitFound, "`tenon test --coverage` lists what no case touches", "%s", low)
	}
	return nil
}

// coverage adds up what the test files of each mapping touch.
func (t *testRun) coverage() []mappingCoverage {
	parts := map[string][]mapping.Part{}
	touched := map[string][]bool{}
	var names []string
	files := map[string]string{}
	for _, s := range t.suites {
		m := s.suite.Mapping
		if parts[m.Name()] == nil {
			names = append(names, m.Name())
			parts[m.Name()], touched[m.Name()] = m.Parts(), make([]bool, len(s.report.Touched))
			files[m.Name()] = m.Path()
		}
		for i, yes := range s.report.Touched {
			touched[m.Name()][i] = touched[m.Name()][i] || yes
		}
	}
	slices.Sort(names)
	var out []mappingCoverage
	for _, name := range names {
		c := mappingCoverage{Mapping: name, Parts: len(parts[name])}
		for i, p := range parts[name] {
			if touched[name][i] {
				c.Touched++
			} else {
				c.Untouched = append(c.Untouched, coveragePart{files[name], p.Line, string(p.Kind), p.Text})
			}
		}
		slices.SortStableFunc(c.Untouched, func(a, b coveragePart) int { return a.Line - b.Line })
		out = append(out, c)
	}
	return out
}

// show prints the results for people.
func (t *testRun) show() {
	for _, s := range t.suites {
		good := 0
		for _, r := range s.report.Results {
			if r.OK {
				good++
			}
		}
		if n := len(s.report.Results); good == n && n > 0 {
			fmt.Fprintf(t.stdout, "ok    %s  %s\n", s.suite.File.Path, count(n, "case", "cases"))
		}
		for _, r := range s.report.Results {
			t.showResult(r)
		}
	}
	for _, w := range t.report.Written {
		fmt.Fprintln(t.stdout, w)
	}
	for _, m := range t.report.Coverage {
		fmt.Fprintf(t.stdout, "coverage of %s: %d of %d (%d %%)\n", m.Mapping, m.Touched, m.Parts, m.percent())
		for _, p := range m.Untouched {
			fmt.Fprintf(t.stdout, "  %s:%d: no case touches %s\n", p.File, p.Line, oneLine(p.Part))
		}
	}
}

func (t *testRun) showResult(r cases.Result) {
	if r.OK {
		if t.o.verbose {
			fmt.Fprintf(t.stdout, "      ok  %s\n", oneLine(r.Name))
		}
		return
	}
	fmt.Fprintf(t.stdout, "FAIL  %s:%d:%d  %s\n", r.File, r.Line, r.Column, oneLine(r.Name))
	fmt.Fprint(t.stdout, differencesText(r))
}

// differencesText shows the differences of a case, those of one thing together.
func differencesText(r cases.Result) string {
	var b strings.Builder
	about := ""
	width := 0
	for _, d := range r.Differences {
		width = max(width, len([]rune(oneLine(d.Field))))
	}
	if r.Case != nil && r.Case.Expect == nil && r.Expect != "" {
		b.WriteString("      the case does not say what it expects; `tenon test --write` adds what comes of it:\n")
		for line := range strings.SplitSeq(strings.TrimRight(r.Expect, "\n"), "\n") {
			b.WriteString("        " + oneLine(line) + "\n")
		}
		return b.String()
	}
	for _, d := range r.Differences {
		if d.About != about {
			about = d.About
			fmt.Fprintf(&b, "      %s\n", oneLine(about))
		}
		pad := strings.Repeat(" ", 8)
		b.WriteString(pad)
		if d.Field != "" {
			fmt.Fprintf(&b, "%-*s  ", width, oneLine(d.Field))
			pad += strings.Repeat(" ", width+2)
		}
		if d.Want == "" {
			fmt.Fprintf(&b, "not expected: %s%s\n", oneLine(d.Got), reason(d.Why))
			continue
		}
		fmt.Fprintf(&b, "want %s\n%sgot  %s%s\n", oneLine(d.Want), pad, oneLine(d.Got), reason(d.Why))
	}
	return b.String()
}

func reason(why string) string {
	if why == "" {
		return ""
	}
	return "  (" + oneLine(why) + ")"
}

// The elements of JUnit's XML that programs read.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string      `xml:"name,attr"`
	Class   string      `xml:"classname,attr"`
	File    string      `xml:"file,attr"`
	Line    int         `xml:"line,attr"`
	Failure *junitText  `xml:"failure"`
	Error   *junitError `xml:"error"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type junitError junitText

// writeJUnit writes one suite for each test file, and one with the errors of
// files.
func (t *testRun) writeJUnit() error {
	all := junitSuites{}
	for _, s := range t.suites {
		suite := junitSuite{Name: s.suite.File.Path}
		for _, r := range s.report.Results {
			one := junitCase{Name: r.Name, Class: r.Mapping, File: r.File, Line: r.Line}
			suite.Tests++
			if !r.OK {
				suite.Failures++
				one.Failure = &junitText{Message: "what came is not what the case expects", Text: differencesText(r)}
			}
			suite.Cases = append(suite.Cases, one)
		}
		all.Suites = append(all.Suites, suite)
	}
	broken := junitSuite{Name: "files"}
	for _, p := range t.report.Problems {
		if p.Severity == mapping.Error {
			broken.Tests++
			broken.Errors++
			broken.Cases = append(broken.Cases, junitCase{
				Name: p.Message, Class: p.File, File: p.File, Line: p.Line, Error: &junitError{Message: p.Message, Text: p.String()},
			})
		}
	}
	if broken.Tests > 0 {
		all.Suites = append(all.Suites, broken)
	}
	for _, s := range all.Suites {
		all.Tests += s.Tests
		all.Failures += s.Failures + s.Errors
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(t.o.junit, append([]byte(xml.Header), append(text, '\n')...), 0o644) //nolint:gosec // a report for other programs
}
