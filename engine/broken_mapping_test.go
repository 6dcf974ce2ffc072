package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/mapping"
)

// A mapping whose file has errors is still the one that its records are linked
// under, and the one that a person names.
func TestABrokenMappingIsNotUnknown(t *testing.T) {
	w, id, _ := linked(t, twoWay, nil)
	w.remake(func(c *engine.Config) {
		c.Mappings = nil
		c.Broken = []engine.BrokenMapping{{
			Name: "pair", File: "mappings/pair.yaml", Problem: "mappings/pair.yaml:17:10: no field `titel` on crm record",
			Sides: [2]mapping.Side{w.maps[0].Side(mapping.Left), w.maps[0].Side(mapping.Right)},
		}}
	})
	// Both systems count from 1: an id alone is a record of either.
	_, err := w.eng.Explain(t.Context(), id, engine.ExplainOptions{})
	if want := fmt.Sprintf("may be crm/record/%[1]s or pm/record/%[1]s", id); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("explain %s: got %v, want %q", id, err, want)
	}
	_, err = w.eng.Plan(t.Context(), "pair", nil)
	if want := `mapping "pair" does not run: its file has errors`; connectors.KindOf(err) != connectors.NotFound || !strings.Contains(err.Error(), want) {
		t.Errorf("plan: got %v, want NotFound with %q", err, want)
	}
}
