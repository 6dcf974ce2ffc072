package salesforce_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func row(kind string, fields object) object {
	out := object{"attributes": object{"type": kind}}
	for k, v := range fields {
		out[k] = v
	}
	return out
}

func rows(list ...any) object { return object{"allOrNone": false, "records": list} }

// codes are the outcomes of a collection call: "ok" or the error's code.
func codes(out any) []string {
	var all []string
	for _, r := range list(out) {
		code := "ok"
		if at(r, "success") != true {
			code, _ = at(r, "errors", 0, "statusCode").(string)
		}
		all = append(all, code)
	}
	return all
}

func want(t *testing.T, out any, expected ...string) {
	t.Helper()
	if diff := cmp.Diff(expected, codes(out)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestCollections(t *testing.T) {
	o := newOrg(t, nil)
	out := o.must(200, "POST", "~/composite/sobjects", rows(row("Contact", object{"LastName": "A"}), row("Contact", object{"FirstName": "B"}), row("Account", object{"Name": "C"}), row("Account", object{"id": "001000000000000AAA", "Name": "D"})))
	want(t, out, "ok", "REQUIRED_FIELD_MISSING", "ok", "INVALID_FIELD_FOR_INSERT_UPDATE")
	if diff := cmp.Diff(any(object{"success": false, "errors": []any{object{"statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [LastName]", "fields": []any{"LastName"}}}}), at(out, 1)); diff != "" {
		t.Errorf("a refused row (-want +got):\n%s", diff)
	}
	contact, account := at(out, 0, "id").(string), at(out, 2, "id").(string)
	all := object{"allOrNone": true, "records": []any{row("Contact", object{"LastName": "E"}), row("Contact", object{})}}
	want(t, o.must(200, "POST", "~/composite/sobjects", all), "ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING")
	if got := len(o.All("Contact")); got != 1 {
		t.Errorf("after a rollback: %d contacts, want 1", got)
	}
	want(t, o.must(200, "PATCH", "~/composite/sobjects", rows(
		row("Contact", object{"id": contact, "Phone": "1"}), row("Contact", object{"Phone": "2"}), row("Contact", object{"id": contact, "Phone": "3"}),
		row("Contact", object{"id": "003000000000000AAA", "Phone": "4"}), row("Contact", object{"id": "x", "Phone": "5"}), row("Contact", object{"id": account, "Phone": "5"}),
	)), "ok", "MISSING_ARGUMENT", "DUPLICATE_VALUE", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "INVALID_CROSS_REFERENCE_KEY")
	up := o.must(200, "PATCH", "~/composite/sobjects/Contact/Tenon_Key__c", rows(
		row("Contact", object{"Tenon_Key__c": "k1", "LastName": "K"}), row("Contact", object{"LastName": "L"}), row("Contact", object{"Tenon_Key__c": "K1", "LastName": "M"}),
	))
	want(t, up, "ok", "MISSING_ARGUMENT", "DUPLICATE_VALUE")
	if at(up, 0, "created") != true || at(up, 1, "created") != false {
		t.Errorf("upsert: %v", up)
	}
	want(t, o.must(200, "PATCH", "~/composite/sobjects/Contact/Tenon_Key__c", rows(
		row("Contact", object{"Tenon_Key__c": "k1", "LastName": "N"}), object{"Tenon_Key__c": "k2", "LastName": "O"}, row("Account", object{"Tenon_Key__c": "k3"}),
	)), "ok", "JSON_PARSER_ERROR", "INVALID_TYPE")
	want(t, o.must(200, "DELETE", "~/composite/sobjects?ids="+contact+",003000000000000AAA,"+contact, nil), "ok", "INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED")
	for name, c := range map[string]struct {
		method, path string
		body         any
		code         string
	}{
		"empty":     {"POST", "~/composite/sobjects", rows(), "REQUIRED_FIELD_MISSING"},
		"no type":   {"POST", "~/composite/sobjects", rows(object{"LastName": "A"}), "INVALID_FIELD"},
		"no object": {"POST", "~/composite/sobjects", rows(row("Nope", nil)), "INVALID_TYPE"},
		"no key":    {"PATCH", "~/composite/sobjects/Contact/Nope__c", rows(row("Contact", nil)), "INVALID_FIELD"},
		"no JSON":   {"POST", "~/composite/sobjects", "{", "JSON_PARSER_ERROR"},
		"no ids":    {"DELETE", "~/composite/sobjects?ids=", nil, "REQUIRED_FIELD_MISSING"},
	} {
		if code, _ := o.refused(400, c.method, c.path, c.body); code != c.code {
			t.Errorf("%s: got %s, want %s", name, code, c.code)
		}
	}
	many := []any{}
	for range 201 {
		many = append(many, row("Contact", object{"LastName": "x"}))
	}
	if code, _ := o.refused(400, "POST", "~/composite/sobjects", rows(many...)); code != "EXCEEDED_ID_LIMIT" {
		t.Errorf("201 records: %s", code)
	}
	mixed := []any{}
	for i := range 11 {
		mixed = append(mixed, row([]string{"Contact", "Account"}[i%2], nil))
	}
	if code, _ := o.refused(400, "POST", "~/composite/sobjects", rows(mixed...)); code != "LIMIT_EXCEEDED" {
		t.Errorf("eleven runs of types: %s", code)
	}
	o.must(200, "GET", "~/composite/sobjects/Account?ids="+account+"&fields=Name", nil)
}

func TestComposite(t *testing.T) {
	o := newOrg(t, nil)
	part := func(ref, method, path string, body any) object {
		p := object{"referenceId": ref, "method": method, "url": data + path}
		if body != nil {
			p["body"] = body
		}
		return p
	}
	out := o.must(200, "POST", "~/composite", object{"allOrNone": true, "compositeRequest": []any{
		part("a", "POST", "/sobjects/Account", object{"Name": `Q"uote`}),
		part("q", "GET", "/query?q=SELECT+Id,Name+FROM+Account+WHERE+Id='@{a.id}'", nil),
		part("c", "POST", "/sobjects/Contact", object{"LastName": "@{q.records[0].Name}", "AccountId": "@{a.id}"}),
		part("u", "PATCH", "/sobjects/Contact/@{c.id}", object{"Phone": "1"}),
	}})
	var statuses []any
	for _, r := range list(at(out, "compositeResponse")) {
		statuses = append(statuses, at(r, "httpStatusCode"))
	}
	if diff := cmp.Diff([]any{num("201"), num("200"), num("201"), num("204")}, statuses); diff != "" {
		t.Fatalf("statuses (-want +got):\n%s in %v", diff, out)
	}
	if got := o.names("SELECT Name FROM Contact"); got[0] != `Q"uote` {
		t.Errorf("a reference with a quotation mark: %v", got)
	}
	failed := o.must(200, "POST", "~/composite", object{"allOrNone": true, "compositeRequest": []any{
		part("a", "POST", "/sobjects/Account", object{"Name": "gone"}), part("b", "POST", "/sobjects/Contact", object{}), part("c", "POST", "/sobjects/Account", object{"Name": "never"}),
	}})
	for i, code := range []string{"PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"} {
		if got := at(failed, "compositeResponse", i, "body", 0, "errorCode"); got != code {
			t.Errorf("part %d: got %v, want %s", i, got, code)
		}
	}
	if got := len(o.All("Account")); got != 1 {
		t.Errorf("after a rollback: %d accounts, want 1", got)
	}
	loose := o.must(200, "POST", "~/composite", object{"compositeRequest": []any{
		part("a", "POST", "/sobjects/Contact", object{}), part("b", "GET", "/sobjects/Contact/@{a.id}", nil), part("c", "POST", "/sobjects/Account", object{"Name": "stays"}),
	}})
	if at(loose, "compositeResponse", 1, "body", 0, "errorCode") != "PROCESSING_HALTED" || at(loose, "compositeResponse", 2, "httpStatusCode") != num("201") {
		t.Errorf("without allOrNone: %v", loose)
	}
	for name, parts := range map[string][]any{
		"no reference": {part("", "GET", "/limits", nil)},
		"twice":        {part("a", "GET", "/limits", nil), part("a", "GET", "/limits", nil)},
	} {
		if code, _ := o.refused(400, "POST", "~/composite", object{"compositeRequest": parts}); code != "INVALID_INPUT" {
			t.Errorf("%s: %s", name, code)
		}
	}
	var many []any
	for i := range 26 {
		many = append(many, part(fmt.Sprint("r", i), "GET", "/limits", nil))
	}
	if code, _ := o.refused(400, "POST", "~/composite", object{"compositeRequest": many}); code != "LIMIT_EXCEEDED" {
		t.Errorf("26 parts: %s", code)
	}
	before := o.Requests().Since(0)
	o.must(200, "GET", "~/limits", nil)
	if w, _ := o.send("GET", "~/limits", nil); w.Header().Get("Sforce-Limit-Info") != fmt.Sprintf("api-usage=%d/1000000", len(before)+2) {
		t.Errorf("usage: %s after %d requests", w.Header().Get("Sforce-Limit-Info"), len(before)+2)
	}
}

func TestBatchGraphAndTree(t *testing.T) {
	o := newOrg(t, nil)
	out := o.must(200, "POST", "~/composite/batch", object{"haltOnError": true, "batchRequests": []any{
		object{"method": "GET", "url": "v66.0/query?q=SELECT+COUNT()+FROM+Account"}, object{"method": "POST", "url": "v66.0/sobjects/Account", "richInput": object{}}, object{"method": "GET", "url": "v66.0/limits"},
	}})
	if at(out, "hasErrors") != true || at(out, "results", 0, "result", "totalSize") != num("0") || at(out, "results", 1, "statusCode") != num("400") || at(out, "results", 2, "statusCode") != num("412") {
		t.Errorf("batch: %v", out)
	}
	node := func(ref, path string, body object) object {
		return object{"referenceId": ref, "method": "POST", "url": data + path, "body": body}
	}
	graphs := o.must(200, "POST", "~/composite/graph", object{"graphs": []any{
		object{"graphId": "1", "compositeRequest": []any{node("p", "/sobjects/Project__c", object{"Name": "P"}), node("m", "/sobjects/Milestone__c", object{"Project__c": "@{p.id}", "Title__c": "M"})}},
		object{"graphId": "2", "compositeRequest": []any{node("p", "/sobjects/Project__c", object{"Name": "Q"}), node("m", "/sobjects/Milestone__c", object{"Title__c": "M"})}},
	}})
	if at(graphs, "graphs", 0, "isSuccessful") != true || at(graphs, "graphs", 1, "isSuccessful") != false || len(o.All("Project__c")) != 1 {
		t.Errorf("graphs: %v", graphs)
	}
	ref := func(kind, name string) object { return object{"type": kind, "referenceId": name} }
	tree := object{"records": []any{object{"attributes": ref("Account", "a"), "Name": "A", "Contacts": object{"records": []any{object{"attributes": ref("Contact", "c"), "LastName": "C"}}}}}}
	made := o.must(201, "POST", "~/composite/tree/Account", tree)
	if at(made, "hasErrors") != false || len(list(at(made, "results"))) != 2 || at(o.query("SELECT Account.Name FROM Contact"), 0, "Account", "Name") != "A" {
		t.Errorf("tree: %v", made)
	}
	bad := object{"records": []any{object{"attributes": ref("Account", "a"), "Name": "B"}, object{"attributes": ref("Account", "b")}}}
	if out := o.must(400, "POST", "~/composite/tree/Account", bad); at(out, "results", 0, "referenceId") != "b" || len(o.All("Account")) != 1 {
		t.Errorf("a bad tree: %v", out)
	}
}

func TestBulk(t *testing.T) {
	o := newOrg(t, nil)
	o.create("Account", object{"Name": "Old", "Tenon_Key__c": "a-1"})
	job := o.must(200, "POST", "~/jobs/ingest", object{"object": "Account", "operation": "upsert", "externalIdFieldName": "Tenon_Key__c", "contentType": "CSV", "lineEnding": "LF"})
	content := at(job, "contentUrl").(string)
	if at(job, "state") != "Open" || !strings.HasPrefix(content, "services/data/v66.0/jobs/ingest/750") {
		t.Fatalf("job: %v", job)
	}
	path := "~/jobs/ingest/" + at(job, "id").(string)
	o.header.Set("Content-Type", "text/csv")
	csv := "Tenon_Key__c,Name,AnnualRevenue,Phone\na-1,New,912000000,#N/A\na-2,\"Two, \"\"2\"\"\",,\na-3,,5,\n"
	o.must(201, "PUT", "/"+content, csv)
	if code, _ := o.refused(400, "PUT", "/"+content, csv); code != "INVALIDJOBSTATE" {
		t.Errorf("a second upload: %s", code)
	}
	o.header.Del("Content-Type")
	o.must(200, "PATCH", path, object{"state": "UploadComplete"})
	if got := o.must(200, "GET", path, nil); at(got, "state") != "InProgress" {
		t.Errorf("state: %v", at(got, "state"))
	}
	done := o.must(200, "GET", path, nil)
	if at(done, "state") != "JobComplete" || at(done, "numberRecordsProcessed") != num("3") || at(done, "numberRecordsFailed") != num("1") {
		t.Errorf("job: %v", done)
	}
	_, good := o.send("GET", path+"/successfulResults", nil)
	if text := string(good); !strings.HasPrefix(text, "sf__Id,sf__Created,Tenon_Key__c,Name,AnnualRevenue,Phone\n") || !strings.Contains(text, `,false,a-1,New,912000000,#N/A`) || !strings.Contains(text, `,true,a-2,"Two, ""2""",,`) {
		t.Errorf("good rows: %s", text)
	}
	if _, bad := o.send("GET", path+"/failedResults", nil); !strings.Contains(string(bad), `,REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --,a-3,,5,`) {
		t.Errorf("bad rows: %s", bad)
	}
	o.must(204, "DELETE", path, nil)

	query := o.must(200, "POST", "~/jobs/query", object{"operation": "query", "query": "SELECT Id, Name, AnnualRevenue, Owner.Email, Phone FROM Account ORDER BY Name"})
	path = "~/jobs/query/" + at(query, "id").(string)
	if code, _ := o.refused(400, "GET", path+"/results", nil); code != "INVALIDJOBSTATE" {
		t.Errorf("results too early: %s", code)
	}
	o.must(200, "GET", path, nil)
	if got := o.must(200, "GET", path, nil); at(got, "state") != "JobComplete" || at(got, "jobType") != "V2Query" {
		t.Errorf("query job: %v", got)
	}
	w, raw := o.send("GET", path+"/results?maxRecords=1", nil)
	if lines := strings.Split(string(raw), "\n"); w.Header().Get("Sforce-Locator") == "null" || w.Header().Get("Sforce-NumberOfRecords") != "1" || lines[0] != `"Id","Name","AnnualRevenue","Owner.Email","Phone"` || !strings.Contains(lines[1], `"New","9.12E8","tenon.integration@harbourworks.example",""`) {
		t.Errorf("first page: %v %s", w.Header(), raw)
	}
	w, raw = o.send("GET", path+"/results?locator="+w.Header().Get("Sforce-Locator"), nil)
	if w.Header().Get("Sforce-Locator") != "null" || !strings.Contains(string(raw), `"Two, ""2"""`) {
		t.Errorf("last page: %v %s", w.Header(), raw)
	}
	for _, q := range []string{"SELECT COUNT() FROM Account", "SELECT Id, (SELECT Id FROM Contacts) FROM Account", "SELECT BillingAddress FROM Account", "SELECT Id FROM Account OFFSET 5"} {
		if code, _ := o.refused(400, "POST", "~/jobs/query", object{"operation": "query", "query": q}); code != "INVALIDJOB" {
			t.Errorf("%s: %s", q, code)
		}
	}
	job = o.must(200, "POST", "~/jobs/ingest", object{"object": "Account", "operation": "insert"})
	path = "~/jobs/ingest/" + at(job, "id").(string)
	o.header = http.Header{"Content-Type": {"text/csv; charset=UTF-8"}}
	o.must(201, "PUT", path+"/batches", "Name,Nope\na,b\n")
	o.header = http.Header{}
	o.must(200, "PATCH", path, object{"state": "UploadComplete"})
	o.must(200, "GET", path, nil)
	if got := o.must(200, "GET", path, nil); at(got, "state") != "Failed" || at(got, "errorMessage") != "InvalidBatch : Field name not found : Nope" {
		t.Errorf("an unknown column: %v", got)
	}
	if got := o.must(200, "GET", "~/jobs/ingest", nil); len(list(at(got, "records"))) != 1 {
		t.Errorf("jobs: %v", got)
	}
}
