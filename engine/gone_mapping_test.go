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

// TestARenamedMappingStopsAndAsks: under another name all records look as if
// they had no counterpart. None is made until a person says so.
func TestARenamedMappingStopsAndAsks(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.crm.Create("record", nil, "ada", deal("Roll-out", nil))
	w.settle()
	made := len(w.pm.IDs("record"))

	w.load(strings.Replace(twoWay, "mapping: pair", "mapping: renamed", 1))
	w.start()
	for range 3 {
		w.settle()
		w.sweep()
	}
	if got := len(w.pm.IDs("record")); got != made {
		t.Errorf("%d records, want %d: no second counterparts", got, made)
	}
	status, err := w.eng.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m := status.Mappings[0]; m.State != "stopped" || m.Code != "renamed" || !strings.Contains(m.Reason, "under mapping pair") {
		t.Errorf("mapping: %+v, want it stopped as renamed", m)
	}

	// With its old name it goes on as if nothing had been.
	w.load(twoWay)
	w.start()
	id := w.crm.Create("record", nil, "ada", deal("Another", nil))
	w.settle()
	if got := w.links(); len(got) != 2 || got[1].Records[0].ID != id {
		t.Errorf("links under the old name: %+v", got)
	}

	// A person may mean it.
	w.load(strings.Replace(twoWay, "mapping: pair", "mapping: renamed", 1))
	w.start()
	if err := w.eng.Resume(t.Context(), "renamed", "ada"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.sweep()
	rows, err := w.eng.Links(t.Context(), "renamed", 0, 10)
	if err != nil || len(rows) != 2 {
		w.dump()
		t.Errorf("links after the resume: %+v, %v; want 2", rows, err)
	}
}
