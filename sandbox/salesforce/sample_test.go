package salesforce_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample reads a recorded answer from the folder of samples beside the
// repository, or skips.
func sample(t *testing.T, name string) any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "samples", "salesforce", name))
	if err != nil {
		t.Skipf("the samples are not there: %v", err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func keys(v any) []string {
	m, _ := v.(object)
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// lacks are the names that recorded answers have and an answer has not.
func lacks(recorded, got any) []string {
	have := keys(got)
	return slices.DeleteFunc(keys(recorded), func(k string) bool { return slices.Contains(have, k) })
}

func TestDescribeHasTheMembersOfSamples(t *testing.T) {
	o := newOrg(t, nil)
	recorded := at(sample(t, "rest.composite.describe.account_sampled.json"), "compositeResponse", 0, "body")
	got := o.must(200, "GET", "~/sobjects/Account/describe", nil)
	if missing := lacks(recorded, got); len(missing) > 0 {
		t.Errorf("describe lacks %v", missing)
	}
	byName := map[any]any{}
	for _, f := range list(at(got, "fields")) {
		byName[at(f, "name")] = f
	}
	for _, f := range list(at(recorded, "fields")) {
		mine := byName[at(f, "name")]
		if mine == nil {
			continue // the recorded organisation has more fields
		}
		if missing := lacks(f, mine); len(missing) > 0 {
			t.Errorf("field %v lacks %v", at(f, "name"), missing)
		}
		for _, member := range []string{"type", "nillable", "createable", "updateable", "defaultedOnCreate", "soapType", "relationshipName", "custom", "calculated", "nameField", "length"} {
			if a, b := toJSON(t, at(f, member)), toJSON(t, at(mine, member)); a != b {
				t.Errorf("field %v: %s is %s, recorded %s", at(f, "name"), member, b, a)
			}
		}
	}
	global := sample(t, "rest.describe_global.json")
	mine := o.must(200, "GET", "~/sobjects", nil)
	if missing := append(lacks(global, mine), lacks(at(global, "sobjects", 0), at(mine, "sobjects", 0))...); len(missing) > 0 {
		t.Errorf("describe global lacks %v", missing)
	}
}

func TestAnswersHaveTheShapeOfSamples(t *testing.T) {
	o := newOrg(t, nil)
	id := o.deal("X", nil)
	contact := o.create("Contact", object{"LastName": "C"})
	o.create("OpportunityContactRole", object{"OpportunityId": id, "ContactId": contact})
	for name, got := range map[string]any{
		"rest.create.201.json":                 o.must(201, "POST", "~/sobjects/Account", object{"Name": "A"}),
		"rest.query.opportunities.json":        o.must(200, "GET", "~/query?q=SELECT+Id,Name,AccountId,Amount,StageName+FROM+Opportunity", nil),
		"rest.query.empty.json":                o.must(200, "GET", "~/query?q=SELECT+Id+FROM+Case", nil),
		"rest.get_updated.json":                o.must(200, "GET", "~/sobjects/Account/updated?start=2026-03-12T09:00:00Z&end=2026-03-12T10:00:00Z", nil),
		"rest.get_deleted.json":                o.must(200, "GET", "~/sobjects/Account/deleted?start=2026-03-12T09:00:00Z&end=2026-03-12T10:00:00Z", nil),
		"bulk.query.create_job.json":           o.must(200, "POST", "~/jobs/query", object{"operation": "query", "query": "SELECT Id FROM Account"}),
		"bulk.ingest.create_job.json":          o.must(200, "POST", "~/jobs/ingest", object{"object": "Opportunity", "operation": "upsert", "externalIdFieldName": "Tenon_Key__c"}),
		"oauth.userinfo.json":                  o.must(200, "GET", "/services/oauth2/userinfo", nil),
		"rest.composite.response.success.json": o.must(200, "POST", "~/composite", object{"compositeRequest": []any{object{"method": "GET", "url": data + "/limits", "referenceId": "a"}}}),
	} {
		recorded := sample(t, name)
		if missing := lacks(recorded, got); len(missing) > 0 {
			t.Errorf("%s: the answer lacks %v", name, missing)
		}
		for _, part := range []string{"records", "deletedRecords", "compositeResponse"} {
			if missing := lacks(at(recorded, part, 0), at(got, part, 0)); len(list(at(got, part))) > 0 && len(missing) > 0 {
				t.Errorf("%s: %s lacks %v", name, part, missing)
			}
		}
	}
}

func TestErrorsAreThoseOfSamples(t *testing.T) {
	o := newOrg(t, nil)
	id := o.create("Account", object{"Name": "A"})
	o.must(204, "DELETE", "~/sobjects/Account/"+id, nil)
	for name, got := range map[string]any{
		"rest.error.describe_not_found.404.json":         o.must(404, "GET", "~/sobjects/Nope/describe", nil),
		"rest.error.entity_is_deleted.404.json":          o.must(404, "DELETE", "~/sobjects/Account/"+id, nil),
		"rest.error.field_not_writeable.400.json":        o.must(400, "POST", "~/sobjects/Account", object{"Name": "A", "MasterRecordId": id}),
		"rest.error.upsert_no_such_external_id.404.json": o.must(404, "PATCH", "~/sobjects/Account/Namez/1", object{"Name": "A"}),
		"rest.error.soql_unknown_object.400.json":        o.must(400, "GET", "~/query?q=SELECT+Id,Name,BillingCity,IsDeleted+FROM+Accout", nil),
		"rest.error.no_such_column.400.json":             o.must(400, "POST", "~/sobjects/Account", object{"AccountNumer": "1"}),
		"rest.error.search_malformed.400.json":           o.must(400, "GET", "~/search?q=FIND+bar", nil),
		"rest.collections.create.error_empty.400.json":   o.must(400, "POST", "~/composite/sobjects", object{"records": []any{}}),
		"rest.collections.create.rolled_back.json": o.must(200, "POST", "~/composite/sobjects", object{"allOrNone": true, "records": []any{
			row("Contact", object{"FirstName": "a"}), row("Contact", object{"LastName": "b"}),
		}}),
		"rest.collections.update.missing_ids.json": o.must(200, "PATCH", "~/composite/sobjects", rows(row("Contact", object{"LastName": "a"}), row("Contact", object{"LastName": "b"}))),
	} {
		if diff := cmp.Diff(sample(t, name), got); diff != "" {
			t.Errorf("%s (-recorded +got):\n%s", name, diff)
		}
	}
	o.ExpireSessions()
	if diff := cmp.Diff(sample(t, "rest.error.session_expired.401.json"), o.must(401, "GET", "~/limits", nil)); diff != "" {
		t.Errorf("session (-recorded +got):\n%s", diff)
	}
}
