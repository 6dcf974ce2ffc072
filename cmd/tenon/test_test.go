package main

import (
	"bytes"
	"path/filepath"
	"testing"
)

// TestExampleCases runs the cases of every example as its admin would: all hold,
// and little of a mapping is left untouched.
func TestExampleCases(t *testing.T) {
	configs, err := filepath.Glob(filepath.Join("..", "..", "examples", "*", "tenon.yaml"))
	if err != nil || len(configs) == 0 {
		t.Fatalf("%d examples: %v", len(configs), err)
	}
	for _, config := range configs {
		t.Run(filepath.Base(filepath.Dir(config)), func(t *testing.T) {
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{"test", "--config", config, "--coverage", "--coverage-min", "80"}, nil, &out, &errs)
			if code != exitDone || errs.Len() > 0 {
				t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
			}
		})
	}
}
