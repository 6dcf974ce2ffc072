package engine_test

import (
	"slices"
	"strings"
	"testing"
)

func TestPlanWarnsOfARenamedMapping(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.crm.Create("record", nil, "ada", deal("Roll-out", nil))
	w.settle()
	p, err := w.eng.Plan(t.Context(), "pair", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) > 0 {
		t.Errorf("warnings under the old name: %q, want none", p.Warnings)
	}
	w.load(strings.Replace(twoWay, "mapping: pair", "mapping: renamed", 1))
	w.start()
	w.crm.Create("record", nil, "ada", deal("Another", nil))
	p, err = w.eng.Plan(t.Context(), "renamed", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"the state has links of mapping pair (1), which no file describes: if it was renamed, give it its old name again, else its records get second counterparts"}
	if p.Counts["create"] == 0 || !slices.Equal(p.Warnings, want) {
		t.Errorf("got %v and the warnings %q, want creates and %q", p.Counts, p.Warnings, want)
	}
}
