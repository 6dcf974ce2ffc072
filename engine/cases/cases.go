package cases

import (
	"context"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// Suite is a mapping with the cases of one test file. Schemas are those that the
// mapping was compiled with. TaskSchemas and Abilities may be nil, where tasks
// look like the side's records, and where nothing is known of a connection.
type Suite struct {
	Mapping     *mapping.Mapping
	File        *mapping.CaseFile
	Schemas     [2]*connectors.Schema
	TaskSchemas [2]*connectors.Schema
	Abilities   [2]*connectors.Abilities
	Facts       [2]connectors.Facts
	Guessed     [2]bool // the schema is a guess from the mapping and the cases
}

// Result is what came of one case. Without differences it holds. Expect is what
// to write under `expect` so that the case holds, in YAML.
type Result struct {
	Mapping     string       `json:"mapping"`
	File        string       `json:"file"`
	Line        int          `json:"line"`
	Column      int          `json:"column"`
	Name        string       `json:"name"`
	OK          bool         `json:"ok"`
	Differences []Difference `json:"differences,omitempty"`
	Expect      string       `json:"expect,omitempty"`

	Case *mapping.Case `json:"-"`
}

// Report is what came of a suite. Touched says, for each of the mapping's Parts,
// whether a case touched it.
type Report struct {
	Results []Result
	Touched []bool
}

// Run runs the cases that chosen lets pass, in the order of the file. The error
// is that of a runner that cannot work, or of the context: what is wrong with a
// case is among its differences. The same suite gives the same report each time.
func (s *Suite) Run(ctx context.Context, chosen func(name string) bool) (Report, error) {
	parts := s.Mapping.Parts()
	report := Report{Touched: make([]bool, len(parts))}
	for _, one := range s.File.Cases {
		if !chosen(one.Name) {
			continue
		}
		r, err := s.run(ctx, one, parts, report.Touched)
		if err != nil {
			return report, err
		}
		report.Results = append(report.Results, r)
	}
	return report, nil
}

func (s *Suite) run(ctx context.Context, one *mapping.Case, parts []mapping.Part, touched []bool) (Result, error) {
	r := Result{Mapping: s.Mapping.Name(), File: s.File.Path, Line: one.Line, Column: one.Column, Name: one.Name, Case: one}
	w, err := newWorld(ctx, s, one)
	if err != nil {
		return r, err
	}
	defer func() {
		for _, conn := range w.conns {
			_ = conn.Close() // of made-up systems
		}
	}()
	if err := w.setUp(ctx); err != nil {
		r.Differences = []Difference{{About: "the case", Got: err.Error()}}
		return r, ctx.Err()
	}
	before := w.scene()
	stopped, err := w.settle(ctx)
	if err != nil {
		return r, err
	}
	got, err := w.gather(ctx, before)
	if err != nil {
		return r, err
	}
	got.stopped = stopped
	if err := w.touch(ctx, got, parts, touched); err != nil {
		return r, err
	}
	r.Expect = s.expectation(one, got)
	if one.Expect == nil {
		r.Differences = []Difference{{About: "the case", Got: "it does not say what it expects"}}
		return r, nil
	}
	r.Differences = s.compare(one, got)
	r.OK = len(r.Differences) == 0
	return r, nil
}

// taskSchema describes the tasks of a side.
func (s *Suite) taskSchema(side mapping.SideID) *connectors.Schema {
	if s.TaskSchemas[side] != nil {
		return s.TaskSchemas[side]
	}
	return s.Schemas[side]
}

// titleField is the field that people call a side's records by.
func (s *Suite) titleField(side mapping.SideID) string {
	fields := s.Schemas[side].Fields
	for _, whole := range []bool{true, false} {
		for _, word := range []string{"summary", "title", "subject", "name"} {
			i := slices.IndexFunc(fields, func(f connectors.Field) bool {
				name := strings.ToLower(f.Name)
				return f.Type == connectors.TypeText && (name == word || !whole && strings.HasSuffix(name, word))
			})
			if i >= 0 {
				return fields[i].Name
			}
		}
	}
	return ""
}
