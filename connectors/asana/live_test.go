package asana_test

import (
	"os"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/asana"
)

// With TENON_TEST_ASANA_TOKEN and TENON_TEST_ASANA_PROJECT set, the connector
// reads a real project: who it is, its fields, the first tasks. It writes nothing.
func TestLiveAccount(t *testing.T) {
	token, project := os.Getenv("TENON_TEST_ASANA_TOKEN"), os.Getenv("TENON_TEST_ASANA_PROJECT")
	if token == "" || project == "" {
		t.Skip("TENON_TEST_ASANA_TOKEN and TENON_TEST_ASANA_PROJECT are not set")
	}
	set, err := connectors.NewSettings(asana.New().Info().Settings, map[string]string{
		"token": token, "workspace": os.Getenv("TENON_TEST_ASANA_WORKSPACE"), "requests_per_minute": "120",
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := asana.New().Open(connectors.Config{Name: "asana-live", Settings: set}, connectors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	account, err := c.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, %s", account.Name, account.System)
	scope := connectors.Scope{"project": project}
	schema, err := c.Schema(t.Context(), "task", scope)
	if err != nil {
		t.Fatal(err)
	}
	sel := connectors.Selection{Object: "task", Scope: scope}
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
			t.Errorf("task %s: %v", ids[i], r.Err)
			continue
		}
		for name, v := range r.Record.Fields {
			if f := schema.Field(name); !v.IsNull() && v.Type() != f.Type {
				t.Errorf("task %s: %s is %v, the schema says %v", ids[i], name, v.Type(), f.Type)
			}
		}
	}
}
