package github_test

import (
	"os"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// With TENON_TEST_GITHUB_TOKEN and TENON_TEST_GITHUB_REPOSITORY (owner/name) set,
// the connector reads a real repository: who the account is, the fields, and the
// first issues by both ways, which must tell the same. It writes nothing.
func TestLiveRepository(t *testing.T) {
	token, repo := os.Getenv("TENON_TEST_GITHUB_TOKEN"), os.Getenv("TENON_TEST_GITHUB_REPOSITORY")
	if token == "" || repo == "" {
		t.Skip("TENON_TEST_GITHUB_TOKEN and TENON_TEST_GITHUB_REPOSITORY are not set")
	}
	base := os.Getenv("TENON_TEST_GITHUB_URL")
	if base == "" {
		base = "https://api.github.com"
	}
	c := open(t, base, map[string]string{"token": token}, connectors.Options{UserAgent: "tenon-test"})
	account, err := c.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s at %s, missing %v, warnings %v", account.Name, account.System, account.Missing, account.Warnings)
	sel := connectors.Selection{Object: "issue", Scope: connectors.Scope{"repo": repo}}
	schema, err := c.Schema(t.Context(), sel.Object, sel.Scope)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range schema.Fields {
		sel.Fields = append(sel.Fields, f.Name)
	}
	page, err := c.Changes(t.Context(), sel, "")
	if err != nil {
		t.Fatal(err)
	}
	rows := page.Changes[:min(len(page.Changes), 50)]
	var ids []string
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	results, err := c.Read(t.Context(), sel, ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("issue %s: %v", ids[i], r.Err)
			continue
		}
		if r.Record.Version != rows[i].Version {
			t.Errorf("issue %s: the list tells the version %s, a read %s", ids[i], rows[i].Version, r.Record.Version)
		}
		for name, v := range r.Record.Fields {
			if f := schema.Field(name); !v.IsNull() && v.Type() != f.Type {
				t.Errorf("issue %s: %s is %v, the schema says %v", ids[i], name, v.Type(), f.Type)
			}
		}
	}
}
