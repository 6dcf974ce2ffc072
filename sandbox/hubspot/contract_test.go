package hubspot_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/hubspot"
)

// spelling is one way to write the API's paths.
type spelling struct {
	name                                                        string
	objects, pairs, links, properties, pipelines, owners, model string
	account, webhooks                                           string
	gone, linked                                                int // statuses of batches of links: deleted and made
}

func dated(v string) spelling {
	return spelling{
		name: v, objects: "/crm/objects/" + v, pairs: "/crm/objects/" + v, links: "/crm/associations/" + v, properties: "/crm/properties/" + v,
		pipelines: "/crm/pipelines/" + v, owners: "/crm/owners/" + v, model: "/crm-object-schemas/" + v + "/schemas", account: "/account-info/" + v + "/details", webhooks: "/webhooks/" + v, gone: http.StatusOK, linked: http.StatusCreated,
	}
}

var spellings = []spelling{
	{
		name: "v3", objects: "/crm/v3/objects", pairs: "/crm/v4/objects", links: "/crm/v4/associations", properties: "/crm/v3/properties",
		pipelines: "/crm/v3/pipelines", owners: "/crm/v3/owners", model: "/crm-object-schemas/v3/schemas", account: "/account-info/v3/details", webhooks: "/webhooks/v3", gone: http.StatusNoContent, linked: http.StatusCreated,
	},
	dated("2025-09"), dated("2026-03"), func() spelling {
		newest := dated("2026-09")
		newest.linked, newest.webhooks = http.StatusOK, "/app-webhooks/2026-09"
		return newest
	}(),
}

// TestSpellings walks through the API in each spelling. Where the vendor's
// OpenAPI documents are at hand, each exchange is checked against them.
func TestSpellings(t *testing.T) {
	for _, sp := range spellings {
		t.Run(sp.name, func(t *testing.T) { walk(t, newAccount(t, nil), sp) })
	}
}

func TestContract(t *testing.T) {
	for _, sp := range spellings {
		t.Run(sp.name, func(t *testing.T) {
			known := loadSpecs(t)
			a := newAccount(t, nil)
			a.seen = known.check
			walk(t, a, sp)
			t.Logf("%d exchanges checked; without a document: %v", known.checked, keys(known.unchecked))
		})
	}
}

func walk(t *testing.T, a *account, sp spelling) {
	t.Helper()
	walkRecords(a, sp)
	walkLinks(a, sp)
	walkDefinitions(a, sp)
	walkSchemas(a, sp)
	walkWebhooks(a, sp)
	a.must(200, "GET", sp.account, nil)
	a.must(200, "GET", "/account-info/v3/api-usage/daily/private-apps", nil)
	a.must(200, "GET", "/crm/limits/2026-09/custom-properties", nil)
	owners := a.must(200, "GET", sp.owners+"?limit=2", nil)
	id := at(owners, "results", 0, "id").(string)
	a.must(200, "GET", sp.owners+"/"+id, nil)
	a.must(404, "GET", sp.owners+"/1", nil)
	a.must(200, "GET", sp.owners+"?archived=true", nil)
}

func walkRecords(a *account, sp spelling) {
	a.t.Helper()
	for _, kind := range []string{"0-3", "deals", "deal"} {
		base := sp.objects + "/" + kind
		id := a.must(201, "POST", base, object{"properties": object{"dealname": "One", "dealstage": "closedwon"}, "associations": []any{}})["id"].(string)
		a.must(200, "GET", base+"/"+id+"?properties=dealname&propertiesWithHistory=dealstage&associations=contacts", nil)
		a.must(200, "PATCH", base+"/"+id, object{"properties": object{"amount": "5"}})
		a.must(400, "PATCH", base+"/"+id, object{"properties": object{"amount": "much"}})
		a.must(404, "GET", base+"/1", nil)
		a.must(200, "GET", base+"?limit=1", nil)
		a.must(200, "POST", base+"/batch/read", object{"inputs": []any{object{"id": id}}, "properties": []any{"dealname"}, "propertiesWithHistory": []any{"dealname"}})
		a.must(207, "POST", base+"/batch/read", object{"inputs": []any{object{"id": id}, object{"id": "2"}}, "properties": []any{}, "propertiesWithHistory": []any{}})
		a.must(201, "POST", base+"/batch/create", batch(object{"properties": object{"dealname": "Two"}, "associations": []any{}}))
		a.must(207, "POST", base+"/batch/create", batch(
			object{"properties": object{"dealname": "Three"}, "associations": []any{}, "objectWriteTraceId": "a"},
			object{"properties": object{"dealname": "Four", "amount": "x"}, "associations": []any{}, "objectWriteTraceId": "b"}))
		a.must(200, "POST", base+"/batch/update", batch(object{"id": id, "properties": object{"dealname": "Five"}}))
		a.must(207, "POST", base+"/batch/update", batch(object{"id": id, "properties": object{"dealname": "Six"}}, object{"id": "3", "properties": object{"dealname": "Seven"}}))
		a.index()
		a.must(200, "POST", base+"/search", object{
			"filterGroups": []any{object{"filters": []any{object{"propertyName": "dealname", "operator": "EQ", "value": "six"}}}},
			"sorts":        []any{object{"propertyName": "dealname", "direction": "DESCENDING"}}, "limit": 5, "after": "0", "properties": []any{"dealname"},
		})
		second := a.must(201, "POST", base, object{"properties": object{"dealname": "Twin"}})["id"].(string)
		merged := a.must(200, "POST", base+"/merge", object{"primaryObjectId": id, "objectIdToMerge": second})["id"].(string)
		a.must(204, "DELETE", base+"/"+merged, nil)
		a.must(200, "GET", base+"/"+merged+"?archived=true", nil)
		a.must(204, "POST", base+"/batch/archive", batch(object{"id": merged}))
	}
	contacts := sp.objects + "/contacts"
	upsert := batch(object{"id": "ann@example.com", "idProperty": "email", "properties": object{"firstname": "Ann"}})
	a.must(200, "POST", contacts+"/batch/upsert", upsert)
	a.must(200, "POST", contacts+"/batch/upsert", upsert)
	a.must(409, "POST", contacts, object{"properties": object{"email": "ANN@example.com"}})
	a.must(200, "GET", contacts+"/ann@example.com?idProperty=email", nil)
	a.must(204, "POST", contacts+"/gdpr-delete", object{"objectId": "ann@example.com", "idProperty": "email"})
	a.must(404, "GET", contacts+"/ann@example.com?idProperty=email", nil)
}

func walkLinks(a *account, sp spelling) {
	a.t.Helper()
	deal, contact, company := a.create("deals", object{"dealname": "D"}), a.create("contacts", object{"firstname": "C"}), a.create("companies", object{"name": "F"})
	pair := sp.pairs + "/deals/" + deal + "/associations/"
	a.must(200, "PUT", sp.pairs+"/deals/"+deal+"/associations/default/companies/"+company, nil)
	a.must(201, "PUT", pair+"contacts/"+contact, []any{object{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}})
	a.must(200, "GET", pair+"contacts", nil)
	a.must(200, "POST", sp.links+"/deals/contacts/batch/read", batch(object{"id": deal}))
	a.must(207, "POST", sp.links+"/deals/contacts/batch/read", batch(object{"id": deal}, object{"id": "5"}))
	types := []any{object{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}}
	from, to := object{"id": deal}, object{"id": contact}
	a.must(sp.linked, "POST", sp.links+"/deals/contacts/batch/create", batch(object{"from": from, "to": to, "types": types}))
	a.must(207, "POST", sp.links+"/deals/contacts/batch/create", batch(object{"from": from, "to": object{"id": "x"}, "types": types}))
	a.must(200, "POST", sp.links+"/deals/contacts/batch/associate/default", batch(object{"from": from, "to": to}))
	a.must(sp.gone, "POST", sp.links+"/deals/contacts/batch/labels/archive", batch(object{"from": from, "to": to, "types": types}))
	a.must(sp.gone, "POST", sp.links+"/deals/contacts/batch/archive", batch(object{"from": from, "to": []any{to}}))
	made := a.must(200, "POST", sp.links+"/deals/contacts/labels", object{"name": "sponsor", "label": "Sponsor", "inverseLabel": "Sponsored"})
	id := at(made, "results", 0, "typeId")
	a.must(204, "PUT", sp.links+"/deals/contacts/labels", object{"associationTypeId": id, "label": "Main sponsor"})
	a.must(201, "PUT", pair+"contacts/"+contact, []any{object{"associationCategory": "USER_DEFINED", "associationTypeId": id}})
	a.must(200, "GET", sp.links+"/deals/contacts/labels", nil)
	a.must(204, "DELETE", sp.links+"/deals/contacts/labels/"+id.(json.Number).String(), nil)
	a.must(204, "DELETE", pair+"contacts/"+contact, nil)
}

func walkDefinitions(a *account, sp spelling) {
	a.t.Helper()
	properties := sp.properties + "/deals"
	a.must(200, "GET", properties, nil)
	a.must(201, "POST", properties+"/groups", object{"name": "walk", "label": "Walk", "displayOrder": 1})
	a.must(409, "POST", properties+"/groups", object{"name": "walk", "label": "Walk"})
	a.must(200, "GET", properties+"/groups", nil)
	a.must(200, "GET", properties+"/groups/walk", nil)
	a.must(200, "PATCH", properties+"/groups/walk", object{"label": "Walked"})
	def := object{"name": "walked_at", "label": "Walked", "groupName": "walk", "type": "date", "fieldType": "date"}
	a.must(201, "POST", properties, def)
	a.must(409, "POST", properties, def)
	a.must(200, "GET", properties+"/walked_at", nil)
	a.must(404, "GET", properties+"/walked_on", nil)
	a.must(200, "PATCH", properties+"/walked_at", object{"label": "Walked at"})
	a.must(400, "DELETE", properties+"/groups/walk", nil)
	a.must(207, "POST", properties+"/batch/create", batch(def, object{"name": "other", "label": "Other", "groupName": "walk", "type": "string", "fieldType": "text"}))
	a.must(207, "POST", properties+"/batch/read", object{"archived": false, "inputs": []any{object{"name": "other"}, object{"name": "none"}}})
	a.must(204, "POST", properties+"/batch/archive", batch(object{"name": "other"}))
	a.must(204, "DELETE", properties+"/walked_at", nil)
	a.must(204, "DELETE", properties+"/groups/walk", nil)

	pipelines := sp.pipelines + "/deals"
	stage := object{"label": "Start", "displayOrder": 0, "metadata": object{"probability": "0.5"}}
	input := object{"label": "Second", "displayOrder": 1, "stages": []any{stage}}
	id := a.must(201, "POST", pipelines, input)["id"].(string)
	a.must(200, "GET", pipelines, nil)
	a.must(200, "GET", pipelines+"/"+id, nil)
	a.must(200, "GET", pipelines+"/"+id+"/audit", nil)
	a.must(200, "PATCH", pipelines+"/"+id, object{"label": "Third"})
	a.must(200, "PUT", pipelines+"/"+id, input)
	won := a.must(201, "POST", pipelines+"/"+id+"/stages", object{"label": "Won", "displayOrder": 1, "metadata": object{"probability": "1.0"}})["id"].(string)
	stages := pipelines + "/" + id + "/stages"
	a.must(200, "GET", stages, nil)
	a.must(200, "GET", stages+"/"+won, nil)
	a.must(200, "PATCH", stages+"/"+won, object{"label": "Signed", "metadata": object{}})
	a.must(200, "PUT", stages+"/"+won, object{"label": "Won", "displayOrder": 1, "metadata": object{"probability": "1.0"}})
	a.must(200, "GET", stages+"/"+won+"/audit", nil)
	deal := a.create("deals", object{"dealname": "In use", "pipeline": id, "dealstage": won})
	a.must(400, "DELETE", stages+"/"+won, nil)
	a.must(400, "DELETE", pipelines+"/"+id+"?validateReferencesBeforeDelete=true", nil)
	a.must(204, "DELETE", "/crm/v3/objects/deals/"+deal, nil)
	a.must(204, "DELETE", stages+"/"+won, nil)
	a.must(204, "DELETE", pipelines+"/"+id, nil)
}

func walkSchemas(a *account, sp spelling) {
	a.t.Helper()
	schema := a.must(201, "POST", sp.model, object{
		"name": "site", "labels": object{"singular": "Site", "plural": "Sites"}, "requiredProperties": []any{"title"}, "searchableProperties": []any{"title"},
		"primaryDisplayProperty": "title", "associatedObjects": []any{"DEAL"}, "secondaryDisplayProperties": []any{},
		"properties": []any{object{"name": "title", "label": "Title", "type": "string", "fieldType": "text"}},
	})
	a.must(400, "POST", sp.model, object{
		"name": "site2", "labels": object{"singular": "Site", "plural": "Sites 2"}, "requiredProperties": []any{}, "associatedObjects": []any{}, "properties": []any{},
	})
	id, full := schema["objectTypeId"].(string), schema["fullyQualifiedName"].(string)
	a.must(200, "GET", sp.model, nil)
	a.must(200, "GET", sp.model+"/"+full, nil)
	a.must(200, "PATCH", sp.model+"/"+id, object{"labels": object{"singular": "Building site", "plural": "Building sites"}})
	base := sp.objects + "/" + full
	a.must(400, "POST", base, object{"properties": object{}})
	record := a.must(201, "POST", base, object{"properties": object{"title": "North"}})["id"].(string)
	deal := a.create("deals", object{"dealname": "Site deal"})
	a.must(200, "PUT", sp.pairs+"/"+id+"/"+record+"/associations/default/deals/"+deal, nil)
	got := a.must(200, "GET", sp.objects+"/p_site/"+record+"?properties=title&associations=deals", nil)
	if id := at(got, "associations", "deals", "results", 0, "id"); id != deal {
		a.t.Errorf("associated deal %v, want %s", id, deal)
	}
	a.must(400, "DELETE", sp.model+"/"+id, nil)
	a.must(204, "DELETE", base+"/"+record, nil)
	a.must(204, "DELETE", sp.model+"/"+id, nil)
	a.must(400, "GET", base, nil)
	a.must(204, "DELETE", sp.model+"/"+id+"?archived=true", nil)
	a.clock.Advance(time.Second)
}

func walkWebhooks(a *account, sp spelling) {
	a.t.Helper()
	base := fmt.Sprintf("%s/%d", sp.webhooks, a.AppID())
	key := "?hapikey=" + hubspot.DefaultDeveloperKey
	a.must(404, "GET", base+"/settings"+key, nil)
	a.must(200, "PUT", base+"/settings"+key, object{"targetUrl": "http://127.0.0.1:1/in", "throttling": object{"maxConcurrentRequests": 10, "period": "SECONDLY"}})
	a.must(200, "GET", base+"/settings"+key, nil)
	made := a.must(201, "POST", base+"/subscriptions"+key, object{"eventType": "ticket.propertyChange", "propertyName": "subject", "active": true})
	id := made["id"].(string)
	a.must(200, "GET", base+"/subscriptions"+key, nil)
	a.must(200, "GET", base+"/subscriptions/"+id+key, nil)
	a.must(200, "PATCH", base+"/subscriptions/"+id+key, object{"active": false})
	number, err := strconv.Atoi(id)
	if err != nil {
		a.t.Fatal(err)
	}
	a.must(207, "POST", base+"/subscriptions/batch/update"+key, batch(object{"id": number, "active": true}, object{"id": 1, "active": true}))
	a.must(204, "DELETE", base+"/subscriptions/"+id+key, nil)
	a.must(204, "DELETE", base+"/settings"+key, nil)
}
