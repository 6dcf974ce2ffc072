package engine_test

import (
	"errors"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// TestLinkAgreed links two records that differ: nothing is written, until one of
// them is edited.
func TestLinkAgreed(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	deal := w.crm.Create("record", nil, "u1", map[string]connectors.Value{
		"title": connectors.Text("Deal"), "notes": connectors.Text("a"), "labels": connectors.Labels("x", "y"),
	})
	epic := w.pm.Create("record", nil, "u1", map[string]connectors.Value{
		"title": connectors.Text("Epic"), "notes": connectors.Text("b"), "labels": connectors.Labels("y", "z"),
	})
	ids := [2]string{deal, epic}
	if _, err := w.eng.LinkAgreed(t.Context(), "pair", ids); err != nil {
		t.Fatal(err)
	}
	w.sweep()
	if got := w.get(w.pm, epic, "title").String() + w.get(w.crm, deal, "title").String(); got != "EpicDeal" {
		t.Errorf("got %s, want both titles as they were", got)
	}
	w.crm.Edit(deal, "u1", "notes", connectors.Text("c"))
	w.crm.Edit(deal, "u1", "labels", connectors.Labels("y"))
	w.settle()
	if got := w.get(w.pm, epic, "notes").String(); got != "c" {
		t.Errorf("got notes %q, want c", got)
	}
	if got := w.get(w.pm, epic, "labels"); !connectors.Equal(got, connectors.Labels("y", "z")) {
		t.Errorf("got labels %v, want y and z", got)
	}
	if got := w.get(w.pm, epic, "title").String(); got != "Epic" {
		t.Errorf("got title %q, want Epic", got)
	}
	if _, err := w.eng.LinkAgreed(t.Context(), "pair", ids); !errors.Is(err, state.ErrTaken) {
		t.Errorf("got %v for records with a link, want ErrTaken", err)
	}
	if _, err := w.eng.LinkAgreed(t.Context(), "pair", [2]string{"99", epic}); connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("got %v for a record that is not there", err)
	}
	if _, err := w.eng.LinkAgreed(t.Context(), "nothing", ids); err == nil {
		t.Error("there is no such mapping")
	}
}
