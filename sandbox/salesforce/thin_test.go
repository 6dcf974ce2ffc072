package salesforce_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/salesforce"
)

func TestCreateReadUpdateDelete(t *testing.T) {
	o := newOrg(t, nil)
	w, raw := o.send("POST", "~/sobjects/Opportunity", object{"name": "  Portal  ", "StageName": "negotiation/review", "CloseDate": "2026-06-30", "Amount": 1200.505, "Description": ""})
	if w.Code != 201 {
		t.Fatalf("create: %d %s", w.Code, raw)
	}
	location := w.Header().Get("Location")
	got := o.must(200, "GET", location, nil).(object)
	for name, want := range map[string]any{
		"Name": "Portal", "StageName": "Negotiation/Review", "Probability": num("90.0"), "IsClosed": false, "Description": nil, "Amount": num("1200.51"), "CloseDate": "2026-06-30",
		"SystemModstamp": "2026-03-12T09:30:00.000+0000", "OwnerId": o.IntegrationUser(), "ForecastCategoryName": "Pipeline",
	} {
		if got[name] != want {
			t.Errorf("%s: got %v, want %v", name, got[name], want)
		}
	}
	if at(got, "attributes", "url") != location {
		t.Errorf("attributes.url: got %v, want %v", at(got, "attributes", "url"), location)
	}
	o.clock.Advance(1500 * time.Millisecond)
	w, _ = o.send("PATCH", location, object{"StageName": "Closed Won", "Amount": nil})
	if w.Code != 204 || w.Header().Get("Sforce-Limit-Info") != "" {
		t.Errorf("update: %d with limit header %q, want 204 without", w.Code, w.Header().Get("Sforce-Limit-Info"))
	}
	got = o.must(200, "GET", location+"?fields=IsWon,Amount,SystemModstamp,Probability", nil).(object)
	if got["IsWon"] != true || got["Amount"] != nil || got["SystemModstamp"] != "2026-03-12T09:30:01.000+0000" || got["Probability"] != num("100.0") {
		t.Errorf("after the update: %v", got)
	}
	o.must(204, "DELETE", location, nil)
	if code, _ := o.refused(404, "DELETE", location, nil); code != "ENTITY_IS_DELETED" {
		t.Errorf("delete again: got %s", code)
	}
	if rows := o.query("SELECT Id FROM Opportunity"); len(rows) != 0 {
		t.Errorf("query after delete: %v", rows)
	}
	all := o.must(200, "GET", "~/queryAll?q=SELECT+Id,IsDeleted+FROM+Opportunity", nil)
	if at(all, "records", 0, "IsDeleted") != true {
		t.Errorf("queryAll after delete: %v", all)
	}
}

func TestSeedIsWhole(t *testing.T) {
	o := newOrg(t, func(opts *salesforce.Options) { opts.NoSeed = false })
	for object, want := range map[string]int{"Account": 12, "Contact": 24, "Opportunity": 40, "Lead": 4, "Case": 4, "Project__c": 1, "Milestone__c": 3, "OpportunityStage": 10} {
		if got := len(o.All(object)); got != want {
			t.Errorf("%s: got %d records, want %d", object, got, want)
		}
	}
	w, _ := o.send("GET", "~/sobjects", nil)
	if w.Code != http.StatusOK {
		t.Errorf("describe global: %d", w.Code)
	}
	for _, name := range o.Objects() {
		o.must(200, "GET", "~/sobjects/"+name+"/describe", nil)
	}
	rows := o.query("SELECT Id, Name, Owner.Email, Account.Name FROM Opportunity WHERE Owner.Email = 'ada.okafor@harbourworks.example' AND StageName = 'Prospecting' ORDER BY Name LIMIT 3")
	if len(rows) == 0 || at(rows, 0, "Owner", "Email") != "ada.okafor@harbourworks.example" || at(rows, 0, "Account", "Name") == nil {
		t.Errorf("query with parents: %v", rows)
	}
}
