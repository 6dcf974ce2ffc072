package hubspot_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/hubspot"
)

func TestValues(t *testing.T) {
	a := newAccount(t, nil)
	owner := a.OwnerID("mei.tanaka@harbourworks.example")
	type c struct {
		object, property string
		sent             any
		want             string // stored text, or error code in brackets
	}
	for _, tc := range []c{
		{"deals", "amount", 5000, "5000"},
		{"deals", "amount", "5000.00", "5000.00"},
		{"deals", "amount", 5000.50, "5000.5"},
		{"deals", "amount", "1.4e-14", "[INVALID_INTEGER]"},
		{"deals", "amount", "5,000", "[INVALID_INTEGER]"},
		{"deals", "amount", " 5", "[INVALID_INTEGER]"},
		{"deals", "closedate", "2026-12-31", "2026-12-31T00:00:00Z"},
		{"deals", "closedate", "2026-12-31T10:00:00.250+02:00", "2026-12-31T08:00:00.250Z"},
		{"deals", "closedate", 1773300843846, "2026-03-12T07:34:03.846Z"},
		{"deals", "closedate", "tomorrow", "[INVALID_LONG]"},
		{"deals", "expected_delivery", "2026-12-31", "2026-12-31"},
		{"deals", "expected_delivery", 1798675200000, "2026-12-31"},
		{"deals", "expected_delivery", "2026-12-31T00:00:00Z", "2026-12-31"},
		{"deals", "expected_delivery", 1798675200, "[INVALID_DATE]"},
		{"deals", "expected_delivery", "2026-12-31T10:00:00Z", "[INVALID_DATE]"},
		{"deals", "dealtype", "newbusiness", "newbusiness"},
		{"deals", "dealtype", "NewBusiness", "[INVALID_OPTION]"},
		{"deals", "dealtype", "New Business", "[INVALID_OPTION]"},
		{"deals", "dealstage", "in_delivery", "in_delivery"},
		{"deals", "dealstage", "In Delivery", "[INVALID_OPTION]"},
		{"deals", "hubspot_owner_id", owner, owner},
		{"deals", "hubspot_owner_id", "ada.okafor@harbourworks.example", "[INVALID_OPTION]"},
		{"deals", "hs_is_closed", "true", "[READ_ONLY_VALUE]"},
		{"deals", "hs_object_id", "1", "[READ_ONLY_VALUE]"},
		{"deals", "none_such", "1", "[PROPERTY_DOESNT_EXIST]"},
		{"deals", "description", strings.Repeat("x", 65_537), "[INVALID_STRING_LENGTH]"},
		{"contacts", "email", "Ann.Lee@Example.COM", "ann.lee@example.com"},
		{"contacts", "email", "ann at example", "[INVALID_EMAIL]"},
		{"companies", "domain", "https://www.Example.com/about", "example.com"},
		{"tickets", "hs_ticket_category", "PRODUCT_ISSUE;BILLING_ISSUE", "PRODUCT_ISSUE;BILLING_ISSUE"},
		{"tickets", "hs_ticket_category", "PRODUCT_ISSUE;NONE", "[INVALID_OPTION]"},
	} {
		t.Run(fmt.Sprintf("%s=%.30v", tc.property, tc.sent), func(t *testing.T) {
			input := object{tc.property: tc.sent}
			if tc.object == "tickets" {
				input["hs_pipeline_stage"] = "1"
			}
			status, out, _ := a.do("POST", "/crm/v3/objects/"+tc.object, object{"properties": input})
			got, _ := at(out, "properties", tc.property).(string)
			if status == 400 {
				got = fmt.Sprintf("[%v]", at(out, "errors", 0, "code"))
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestClearingAndNull(t *testing.T) {
	a := newAccount(t, nil)
	id := a.create("deals", object{"dealname": "A", "amount": "5", "description": "text"})
	path := "/crm/v3/objects/deals/" + id
	a.must(200, "PATCH", path, object{"properties": object{"amount": nil, "description": ""}})
	got := a.must(200, "GET", path+"?properties=amount,description,closedate,none_such", nil)["properties"]
	for name, want := range (object{"amount": "5", "description": nil, "closedate": nil}) {
		if diff := cmp.Diff(want, at(got, name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, there := got.(object)["none_such"]; there {
		t.Error("an unknown property is in the answer")
	}
	if _, there := got.(object)["closedate"]; !there {
		t.Error("a known property without a value is missing")
	}
}

func TestMultipleChoiceAppends(t *testing.T) {
	a := newAccount(t, nil)
	id := a.create("tickets", object{"hs_pipeline_stage": "1", "hs_ticket_category": "PRODUCT_ISSUE"})
	got := a.must(200, "PATCH", "/crm/v3/objects/tickets/"+id, object{"properties": object{"hs_ticket_category": ";BILLING_ISSUE"}})
	if got, want := at(got, "properties", "hs_ticket_category"), "PRODUCT_ISSUE;BILLING_ISSUE"; got != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestTimeOfModification(t *testing.T) {
	a := newAccount(t, nil)
	id := a.create("deals", object{"dealname": "A"})
	path := "/crm/v3/objects/deals/" + id
	updated := func() string { return a.must(200, "GET", path, nil)["updatedAt"].(string) }
	first := updated()
	a.clock.Advance(10 * time.Second)
	settled := updated()
	if settled == first {
		t.Error("a fresh record did not change once more by itself")
	}
	a.must(200, "PATCH", path, object{"properties": object{"dealname": "A"}})
	if got := updated(); got != settled {
		t.Errorf("an equal write moved the time from %s to %s", settled, got)
	}
	a.must(200, "PATCH", path, object{"properties": object{"dealname": "B"}})
	if got, want := updated(), "2026-03-12T09:30:10.123Z"; got != want {
		t.Errorf("after a write: got %s, want %s", got, want)
	}
	contact := a.create("contacts", object{"firstname": "A"})
	a.clock.Advance(time.Minute)
	a.must(200, "PUT", "/crm/v4/objects/deals/"+id+"/associations/default/contacts/"+contact, nil)
	if got, want := updated(), "2026-03-12T09:31:10.123Z"; got != want {
		t.Errorf("after a link, whose counter moves the time: got %s, want %s", got, want)
	}
}

func TestHistory(t *testing.T) {
	a := newAccount(t, nil)
	id := a.create("deals", object{"dealname": "A", "amount": "1"})
	a.clock.Advance(time.Second)
	if err := a.As("rosa.delgado@harbourworks.example").Edit("deals", id, map[string]string{"amount": "2"}); err != nil {
		t.Fatal(err)
	}
	got := a.must(200, "GET", "/crm/v3/objects/deals/"+id+"?propertiesWithHistory=amount", nil)
	var texts []string
	for _, v := range list(at(got, "propertiesWithHistory", "amount")) {
		texts = append(texts, fmt.Sprintf("%v by %v at %v", at(v, "value"), at(v, "sourceType"), at(v, "timestamp")))
	}
	want := []string{"2 by CRM_UI at 2026-03-12T09:30:01.123Z", "1 by INTEGRATION at 2026-03-12T09:30:00.123Z"}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestUniqueValues(t *testing.T) {
	a := newAccount(t, nil)
	def := object{"name": "tenon_key", "label": "Key", "groupName": "dealinformation", "type": "string", "fieldType": "text", "hasUniqueValue": true}
	a.must(201, "POST", "/crm/v3/properties/deals", def)
	input := batch(object{"id": "k1", "idProperty": "tenon_key", "properties": object{"dealname": "A"}})
	early := a.must(400, "POST", "/crm/v3/objects/deals/batch/upsert", input)
	if got, want := at(early, "errors", 0, "code"), "PROPERTY_DOESNT_EXIST"; got != want {
		t.Errorf("at once: got %v, want %s", got, want)
	}
	a.clock.Advance(time.Second)
	first := at(a.must(200, "POST", "/crm/v3/objects/deals/batch/upsert", input), "results", 0)
	second := at(a.must(200, "POST", "/crm/v3/objects/deals/batch/upsert", input), "results", 0)
	if at(first, "new") != true || at(second, "new") != false || at(first, "id") != at(second, "id") {
		t.Errorf("upserts: %v, then %v", first, second)
	}
	id := at(first, "id").(string)
	found := a.must(200, "GET", "/crm/v3/objects/deals/k1?idProperty=tenon_key", nil)
	if found["id"] != id {
		t.Errorf("found %v by key, want %s", found["id"], id)
	}
	taken := a.must(400, "POST", "/crm/v3/objects/deals", object{"properties": object{"tenon_key": "k1"}})
	if got, want := at(taken, "errors", 0, "code"), "CONFLICTING_UNIQUE_VALUE"; got != want {
		t.Errorf("taken: got %v, want %s", got, want)
	}
	a.must(204, "DELETE", "/crm/v3/objects/deals/"+id, nil)
	a.must(404, "GET", "/crm/v3/objects/deals/k1?idProperty=tenon_key", nil)
	a.must(400, "POST", "/crm/v3/objects/deals/batch/upsert", input) // an archived record keeps its key
	a.must(400, "POST", "/crm/v3/objects/deals/batch/update", batch(object{"id": id, "idProperty": "hs_object_id", "properties": object{"dealname": "B"}}))
	for i := range 9 {
		def["name"] = fmt.Sprintf("unique_%d", i)
		a.must(201, "POST", "/crm/v3/properties/deals", def)
	}
	def["name"] = "unique_more"
	a.must(400, "POST", "/crm/v3/properties/deals", def)
}

func TestMerge(t *testing.T) {
	a := newAccount(t, nil)
	first := a.create("companies", object{"name": "First", "city": "Oslo"})
	second := a.create("companies", object{"name": "Second", "phone": "123"})
	deal := a.create("deals", object{"dealname": "D"})
	a.must(200, "PUT", "/crm/v4/objects/deals/"+deal+"/associations/default/companies/"+second, nil)
	merged := a.must(200, "POST", "/crm/v3/objects/companies/merge", object{"primaryObjectId": first, "objectIdToMerge": second})["id"].(string)
	if merged == first || merged == second {
		t.Errorf("the merged record has an old id: %s", merged)
	}
	for _, id := range []string{first, second, merged} {
		got := a.must(200, "GET", "/crm/v3/objects/companies/"+id+"?properties=name,phone,hs_merged_object_ids", nil)
		want := object{"name": "First", "phone": "123", "hs_merged_object_ids": first + ";" + second}
		for name, text := range want {
			if at(got, "properties", name) != text {
				t.Errorf("%s by id %s: got %v, want %v", name, id, at(got, "properties", name), text)
			}
		}
		if got["id"] != merged {
			t.Errorf("by id %s: got id %v, want %s", id, got["id"], merged)
		}
	}
	a.must(200, "PATCH", "/crm/v3/objects/companies/"+second, object{"properties": object{"city": "Bergen"}})
	a.must(207, "POST", "/crm/v3/objects/companies/batch/update", batch(object{"id": second, "properties": object{"city": "Bodø"}}))
	links := a.must(200, "GET", "/crm/v4/objects/deals/"+deal+"/associations/companies", nil)
	if got := fmt.Sprint(at(links, "results", 0, "toObjectId")); got != merged || len(list(links["results"])) != 1 {
		t.Errorf("the deal is linked to %v, want %s", links["results"], merged)
	}
}

func TestLists(t *testing.T) {
	a := newAccount(t, func(o *hubspot.Options) { o.NoSeed = false })
	var ids []string
	path := "/crm/v3/objects/deals?limit=7&properties=dealname"
	for path != "" {
		page := a.must(200, "GET", path, nil)
		for _, r := range list(page["results"]) {
			ids = append(ids, at(r, "id").(string))
		}
		link, _ := at(page, "paging", "next", "link").(string)
		_, path, _ = strings.Cut(link, "example.com")
	}
	if len(ids) != 40 || !slices.IsSorted(ids) {
		t.Errorf("walked %d deals, sorted %v; want 40 in order", len(ids), slices.IsSorted(ids))
	}
	a.must(400, "GET", "/crm/v3/objects/deals?limit=101", nil)
	a.must(400, "GET", "/crm/v3/objects/deals?limit=51&propertiesWithHistory=amount", nil)
	a.must(204, "DELETE", "/crm/v3/objects/deals/"+ids[0], nil)
	a.must(204, "DELETE", "/crm/v3/objects/deals/"+ids[0], nil)
	gone := a.must(200, "GET", "/crm/v3/objects/deals?archived=true", nil)
	if at(gone, "results", 0, "id") != ids[0] || at(gone, "results", 0, "archivedAt") == nil {
		t.Errorf("archived deals: %v, want %s", gone["results"], ids[0])
	}
	a.clock.Advance(91 * 24 * time.Hour)
	if gone := a.must(200, "GET", "/crm/v3/objects/deals?archived=true", nil); len(list(gone["results"])) != 0 {
		t.Errorf("still listed after 91 days: %v", gone["results"])
	}
	status, _, header := a.do("GET", "/crm/v3/objects/deals?properties="+strings.Repeat("dealname,", 2_000), nil)
	if got := header.Get("Content-Type"); status != 414 || got != "text/html" {
		t.Errorf("a long URL: status %d %s, want 414 text/html", status, got)
	}
}

func TestBatchBounds(t *testing.T) {
	a := newAccount(t, nil)
	var inputs []any
	for i := range 101 {
		inputs = append(inputs, object{"properties": object{"dealname": fmt.Sprint(i)}})
	}
	a.must(400, "POST", "/crm/v3/objects/deals/batch/create", batch(inputs...))
	if n := len(a.All("deals")); n != 0 {
		t.Errorf("a refused batch made %d deals", n)
	}
	bad := append(slices.Clone(inputs[:3]), object{"properties": object{"amount": "x"}})
	a.must(400, "POST", "/crm/v3/objects/deals/batch/create", batch(bad...))
	if n := len(a.All("deals")); n != 0 {
		t.Errorf("a batch with one bad input made %d deals", n)
	}
	a.must(409, "POST", "/crm/v3/objects/contacts/batch/create", batch(
		object{"properties": object{"email": "a@example.com"}}, object{"properties": object{"email": "A@example.com"}}))
	got := a.must(201, "POST", "/crm/v3/objects/deals/batch/create", batch(inputs[:100]...))
	if n := len(list(got["results"])); n != 100 {
		t.Errorf("100 inputs gave %d results", n)
	}
	first := at(got, "results", 0, "id")
	two := a.must(200, "POST", "/crm/v3/objects/deals/batch/read", object{"inputs": []any{object{"id": first}, object{"id": first}}, "properties": []any{"dealname"}})
	if n := len(list(two["results"])); n != 1 {
		t.Errorf("one id twice gave %d results, want 1", n)
	}
}

func TestStagesAndPipelines(t *testing.T) {
	a := newAccount(t, nil)
	none := a.must(201, "POST", "/crm/v3/objects/deals", object{"properties": object{"dealname": "A"}})
	if _, there := none["properties"].(object)["dealstage"]; there {
		t.Error("a create without a stage echoes one")
	}
	pl := a.must(201, "POST", "/crm/v3/pipelines/deals", object{"label": "Partners", "displayOrder": 1, "stages": []any{
		object{"label": "Open", "displayOrder": 0, "metadata": object{"probability": "0.3"}},
		object{"label": "Signed", "displayOrder": 1, "metadata": object{"probability": "1.0"}},
	}})
	signed := at(pl, "stages", 1, "id").(string)
	a.must(400, "POST", "/crm/v3/objects/deals", object{"properties": object{"pipeline": "default", "dealstage": signed}})
	got := a.must(201, "POST", "/crm/v3/objects/deals", object{"properties": object{"dealstage": signed, "amount": "100"}})
	for name, want := range (object{"pipeline": pl["id"], "hs_is_closed_won": "true", "hs_deal_stage_probability": "1", "hs_closed_amount": "100"}) {
		if diff := cmp.Diff(want, at(got, "properties", name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	moved := a.must(200, "PATCH", "/crm/v3/objects/deals/"+got["id"].(string), object{"properties": object{"pipeline": "default", "dealstage": "qualifiedtobuy"}})
	if got, want := at(moved, "properties", "hs_deal_stage_probability"), "0.40000000000000002220446049250313080847263336181640625"; got != want {
		t.Errorf("probability %v, want %s", got, want)
	}
}

func TestHiddenProperty(t *testing.T) {
	a := newAccount(t, nil)
	id := a.create("deals", object{"dealname": "A", "amount": "5"})
	a.Hide("deals", "amount", true)
	path := "/crm/v3/objects/deals/" + id
	if _, there := a.must(200, "GET", path+"?properties=amount", nil)["properties"].(object)["amount"]; there {
		t.Error("a hidden property is in the answer")
	}
	a.must(404, "GET", "/crm/v3/properties/deals/amount", nil)
	a.must(400, "PATCH", path, object{"properties": object{"amount": "6"}})
	if err := a.As("").Edit("deals", id, map[string]string{"amount": "7"}); err != nil {
		t.Errorf("a person edits what the token cannot see: %v", err)
	}
	a.Hide("deals", "amount", false)
	if got := at(a.must(200, "GET", path+"?properties=amount", nil), "properties", "amount"); got != "7" {
		t.Errorf("amount %v, want 7", got)
	}
}

func TestCompanyPerDomain(t *testing.T) {
	a := newAccount(t, func(o *hubspot.Options) { o.CompanyPerDomain = true })
	first := a.create("contacts", object{"email": "a@new.example"})
	second := a.create("contacts", object{"email": "b@new.example"})
	a.create("contacts", object{"email": "c@gmail.com"})
	if got := len(a.All("companies")); got != 0 {
		t.Errorf("%d companies at once, want 0", got)
	}
	a.clock.Advance(10 * time.Second)
	companies := a.All("companies")
	if len(companies) != 1 || companies[0].Properties["domain"] != "new.example" || !slices.Equal(companies[0].Linked["contacts"], []string{first, second}) {
		t.Errorf("companies %+v, want one that has both contacts", companies)
	}
}

func TestHollowBatches(t *testing.T) {
	a := newAccount(t, nil)
	a.HollowBatches(1)
	inputs := batch(object{"properties": object{"dealname": "A"}})
	got := a.must(201, "POST", "/crm/v3/objects/deals/batch/create", inputs)
	if len(list(got["results"])) != 0 || len(list(got["errors"])) != 1 || len(a.All("deals")) != 0 {
		t.Errorf("answer %v, %d deals", got, len(a.All("deals")))
	}
	a.must(201, "POST", "/crm/v3/objects/deals/batch/create", inputs)
	if n := len(a.All("deals")); n != 1 {
		t.Errorf("%d deals, want 1", n)
	}
}

// TestConcurrentUse lets clients, people and pages loose on one account; the
// race detector is the judge, and every edit must be there at the end.
func TestConcurrentUse(t *testing.T) {
	a, rc := watched(t, func(o *hubspot.Options) { o.Clock, o.NoSeed = nil, false })
	id := a.create("deals", object{"dealname": "A"})
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range 20 {
				a.do("PATCH", "/crm/v3/objects/deals/"+id, object{"properties": object{"description": fmt.Sprint(worker, i)}})
				a.do("POST", "/crm/v3/objects/deals", object{"properties": object{"dealname": fmt.Sprint(worker, i)}})
				a.do("POST", "/crm/v3/objects/deals/search", object{"limit": 5, "sorts": []any{"-amount"}})
				a.do("GET", "/crm/v3/properties/deals", nil)
				a.page("GET", "/", nil)
				a.page("GET", "/deals/"+id, nil)
				if err := a.As("").Edit("deals", id, map[string]string{"amount": fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	a.index()
	if got, want := len(a.All("deals")), 41+80; got != want {
		t.Errorf("%d deals, want %d", got, want)
	}
	if len(rc.all()) == 0 {
		t.Error("no webhooks came")
	}
}
