package salesforce_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/salesforce"
)

func TestSeveralCurrencies(t *testing.T) {
	o := newOrg(t, func(opts *salesforce.Options) { opts.Currencies = []string{"EUR", "USD"} })
	id := o.deal("X", object{"Amount": 5})
	o.must(204, "PATCH", "~/sobjects/Opportunity/"+id, object{"CurrencyIsoCode": "USD"})
	if got := o.query("SELECT CurrencyIsoCode FROM Opportunity"); at(got, 0, "CurrencyIsoCode") != "USD" {
		t.Errorf("currency: %v", got)
	}
	if got := o.query("SELECT IsoCode FROM CurrencyType WHERE IsCorporate = TRUE"); at(got, 0, "IsoCode") != "EUR" {
		t.Errorf("corporate currency: %v", got)
	}
	if code, _ := o.refused(400, "PATCH", "~/sobjects/Opportunity/"+id, object{"CurrencyIsoCode": "XXX"}); code != "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" {
		t.Errorf("an unknown currency: %s", code)
	}
	if code, _ := newOrg(t, nil).badQuery("SELECT CurrencyIsoCode FROM Opportunity"); code != "INVALID_FIELD" {
		t.Errorf("with one currency: %s", code)
	}
}

func TestAssignmentRules(t *testing.T) {
	o := newOrg(t, func(opts *salesforce.Options) { opts.AssignmentRules = true })
	o.create("Case", object{"Subject": "a"})
	o.header.Set("Sforce-Auto-Assign", "FALSE")
	o.create("Case", object{"Subject": "b"})
	got := o.query("SELECT Owner.Type FROM Case ORDER BY Subject")
	if at(got, 0, "Owner", "Type") != "Group" || at(got, 1, "Owner", "Type") != "User" {
		t.Errorf("owners: %v", got)
	}
}

func TestAllowanceOfTheApp(t *testing.T) {
	o := newOrg(t, func(opts *salesforce.Options) { opts.Limits.PerApp = 1 })
	if w, _ := o.send("GET", "~/limits", nil); w.Header().Get("Sforce-Limit-Info") != "api-usage=1/1000000; per-app-api-usage=1/1(appName=tenon-sandbox)" {
		t.Errorf("limit header: %q", w.Header().Get("Sforce-Limit-Info"))
	}
	if code, _ := o.refused(403, "GET", "~/limits", nil); code != "REQUEST_LIMIT_EXCEEDED" {
		t.Errorf("over the app's share: %s", code)
	}
}

func TestRecycleBinIsEmptied(t *testing.T) {
	o := newOrg(t, nil)
	id := o.deal("X", nil)
	o.must(204, "DELETE", "~/sobjects/Opportunity/"+id, nil)
	o.clock.Advance(16 * 24 * time.Hour)
	o.token = o.NewToken()
	if got := o.must(200, "GET", "~/queryAll?q=SELECT+Id+FROM+Opportunity", nil); at(got, "totalSize") != num("0") {
		t.Errorf("after 16 days: %v", got)
	}
}

func TestLockRate(t *testing.T) {
	o := newOrg(t, nil)
	id := o.deal("X", nil)
	o.SetLockRate(1)
	if code, _ := o.refused(400, "PATCH", "~/sobjects/Opportunity/"+id, object{"NextStep": "n"}); code != "UNABLE_TO_LOCK_ROW" {
		t.Errorf("a row that others hold: %s", code)
	}
	o.SetLockRate(0)
	o.must(204, "PATCH", "~/sobjects/Opportunity/"+id, object{"NextStep": "n"})
}

func TestActionsAndPicklists(t *testing.T) {
	o := newOrg(t, nil)
	id := o.deal("X", nil)
	o.must(200, "GET", "~/actions/standard", nil)
	out := o.must(400, "POST", "~/actions/standard/chatterPost", object{"inputs": []any{object{"text": "Hi", "subjectNameOrId": id}, object{"text": "Hi", "subjectNameOrId": "x"}}})
	if at(out, 0, "isSuccess") != true || at(out, 1, "isSuccess") != false {
		t.Errorf("action: %v", out)
	}
	kind := at(o.query("SELECT Id FROM RecordType ORDER BY Name"), 0, "Id").(string)
	got := o.must(200, "GET", "~/ui-api/object-info/Opportunity/picklist-values/"+kind, nil)
	if at(got, "picklistFieldValues", "StageName", "values", 0, "value") != "Prospecting" {
		t.Errorf("picklists: %v", got)
	}
	o.must(404, "GET", "~/ui-api/object-info/Account/picklist-values/"+kind, nil)
}

func TestCallout(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, r.Method+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	defer srv.Close()
	o := newOrg(t, nil)
	got := o.must(200, "POST", "/_sandbox/callout", object{"url": srv.URL, "headers": object{"Authorization": "Bearer s"}, "body": `{"id":"006"}`})
	if at(got, "status") != num("202") || at(got, "body") != `POST Bearer s {"id":"006"}` {
		t.Errorf("callout: %v", got)
	}
	if _, err := o.RunCallout(t.Context(), salesforce.Callout{Method: "TRACE", URL: srv.URL}); err == nil {
		t.Error("a flow sent TRACE")
	}
}

func TestAdminsReshapeObjects(t *testing.T) {
	o := newOrg(t, nil)
	id := o.deal("X", object{"Delivery_Status__c": "Done"})
	for _, err := range []error{
		o.DropOption("Opportunity", "Delivery_Status__c", "Done"), o.AddOption("Opportunity", "Delivery_Status__c", "Waiting"),
		o.AddField(salesforce.CustomField{Object: "Opportunity", Name: "Size__c", Type: "Picklist", Values: []string{"S", "L"}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := o.must(200, "GET", "~/sobjects/Opportunity/"+id, nil); at(got, "Delivery_Status__c") != "Done" || at(got, "Size__c") != nil {
		t.Errorf("a record with an option that was dropped: %v", got)
	}
	if code, _ := o.refused(400, "PATCH", "~/sobjects/Opportunity/"+o.deal("Y", nil), object{"Delivery_Status__c": "Done"}); code != "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST" {
		t.Errorf("an option that was dropped: %s", code)
	}
	o.must(204, "PATCH", "~/sobjects/Opportunity/"+id, object{"Delivery_Status__c": "Waiting", "Size__c": "L"})
	if err := o.DropField("Opportunity", "Size__c"); err != nil {
		t.Fatal(err)
	}
	if code, _ := o.badQuery("SELECT Size__c FROM Opportunity"); code != "INVALID_FIELD" {
		t.Errorf("a field that was dropped: %s", code)
	}
	if err := o.DropOption("Opportunity", "StageName", "Nothing"); err == nil {
		t.Error("an option that there is not was dropped")
	}
}

func TestSameSeedSameOrganisation(t *testing.T) {
	seeded := func(opts *salesforce.Options) { opts.NoSeed = false }
	a, b := newOrg(t, seeded), newOrg(t, seeded)
	if err := b.Reseed(7); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"User", "Account", "Contact", "Opportunity", "Task", "FeedItem"} {
		if diff := cmp.Diff(a.All(kind), b.All(kind)); diff != "" {
			t.Errorf("%s (-new +sown again):\n%s", kind, diff)
		}
	}
	if a.OrgID() != b.OrgID() {
		t.Errorf("organisations %s and %s", a.OrgID(), b.OrgID())
	}
	if err := b.Reseed(8); err != nil {
		t.Fatal(err)
	}
	if a.OrgID() == b.OrgID() {
		t.Error("another seed gives the same organisation")
	}
}

func TestPagesAreWhereTheUIIs(t *testing.T) {
	o := newOrg(t, nil)
	o.SetUI("http://127.0.0.1:8003")
	if got := o.must(200, "GET", "~/sobjects/Account/describe", nil); at(got, "urls", "uiDetailTemplate") != "http://127.0.0.1:8003/{ID}" {
		t.Errorf("urls: %v", at(got, "urls"))
	}
}
