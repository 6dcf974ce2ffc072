package hubspot_test

import (
	"os"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// With TENON_TEST_HUBSPOT_TOKEN set, the connector reads a real account: who it
// is, its definitions, the first deals. It writes nothing.
func TestLiveAccount(t *testing.T) {
	token := os.Getenv("TENON_TEST_HUBSPOT_TOKEN")
	if token == "" {
		t.Skip("TENON_TEST_HUBSPOT_TOKEN is not set")
	}
	c := open(t, map[string]string{"token": token}, connectors.Options{})
	account, err := c.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, zone %s, missing %v, warnings %v", account.System, account.Zone, account.Missing, account.Warnings)
	schema, err := c.Schema(t.Context(), "deals", nil)
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.Changes(t.Context(), connectors.Selection{Object: "deals"}, "")
	if err != nil {
		t.Fatal(err)
	}
	sel := connectors.Selection{Object: "deals"}
	for _, f := range schema.Fields {
		sel.Fields = append(sel.Fields, f.Name)
	}
	var ids []string
	for _, row := range page.Changes[:min(len(page.Changes), 20)] {
		ids = append(ids, row.ID)
	}
	results, err := c.Read(t.Context(), sel, ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("deal %s: %v", ids[i], r.Err)
			continue
		}
		for name, v := range r.Record.Fields {
			if f := schema.Field(name); !v.IsNull() && v.Type() != f.Type {
				t.Errorf("deal %s: %s is %v, the schema says %v", ids[i], name, v.Type(), f.Type)
			}
		}
	}
}
