package main

import (
	"slices"
	"strings"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/mapping"
)

// brokenMappings tells which mapping files do not run, and the first reason of
// each. err is that of systems that could not be asked.
func brokenMappings(files []*mapping.File, compiled []*mapping.Mapping, problems mapping.Problems, err error) []engine.BrokenMapping {
	var broken []engine.BrokenMapping
	known := map[string]bool{}
	for _, f := range files {
		known[f.Path] = true
		if slices.ContainsFunc(compiled, func(m *mapping.Mapping) bool { return m.Path() == f.Path }) {
			continue
		}
		broken = append(broken, engine.BrokenMapping{
			Name: f.Name, File: f.Path, Sides: f.Sides, Problem: firstProblem(f, problems, err),
		})
	}
	for _, p := range problems { // files that could not even be read
		if p.Severity == mapping.Error && !known[p.File] {
			known[p.File] = true
			broken = append(broken, engine.BrokenMapping{File: p.File, Problem: p.String()})
		}
	}
	return broken
}

func firstProblem(f *mapping.File, problems mapping.Problems, err error) string {
	for _, p := range problems {
		if p.Severity == mapping.Error && p.File == f.Path {
			return p.String()
		}
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			if reason, ok := strings.CutPrefix(line, "mapping "+f.Name+": "); ok {
				return strings.TrimSpace(reason)
			}
		}
		return err.Error()
	}
	return "it was left out"
}
