package salesforce_test

import (
	"os"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// With TENON_TEST_SALESFORCE_URL, _CLIENT_ID and _CLIENT_SECRET set, the
// connector reads a real org: who it is, its opportunities' fields, the first of
// them. It writes nothing.
func TestLiveOrg(t *testing.T) {
	const prefix = "TENON_TEST_SALESFORCE_"
	if os.Getenv(prefix+"URL") == "" {
		t.Skip(prefix + "URL is not set")
	}
	c := open(t, map[string]string{
		"login_url": os.Getenv(prefix + "URL"), "client_id": os.Getenv(prefix + "CLIENT_ID"), "client_secret": os.Getenv(prefix + "CLIENT_SECRET"),
	}, connectors.Options{})
	account, err := c.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, zone %s, missing %v, warnings %v", account.System, account.Zone, account.Missing, account.Warnings)
	schema, err := c.Schema(t.Context(), "Opportunity", nil)
	if err != nil {
		t.Fatal(err)
	}
	sel := connectors.Selection{Object: "Opportunity"}
	for _, f := range schema.Fields {
		sel.Fields = append(sel.Fields, f.Name)
	}
	page, err := c.Changes(t.Context(), sel, "")
	if err != nil {
		t.Fatal(err)
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
			t.Errorf("opportunity %s: %v", ids[i], r.Err)
			continue
		}
		for name, v := range r.Record.Fields {
			if f := schema.Field(name); !v.IsNull() && v.Type() != f.Type {
				t.Errorf("opportunity %s: %s is %v, the schema says %v", ids[i], name, v.Type(), f.Type)
			}
		}
	}
}
