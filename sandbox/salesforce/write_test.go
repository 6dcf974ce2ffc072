package salesforce_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/salesforce"
)

func TestRefusedWrites(t *testing.T) {
	o := newOrg(t, nil)
	queue := at(o.query("SELECT Id FROM Group WHERE Type = 'Queue'"), 0, "Id")
	gone := at(o.query("SELECT Id FROM User WHERE IsActive = FALSE"), 0, "Id")
	o.deal("Keyed", object{"Tenon_Key__c": "k-1"})
	good := func(more object) object {
		out := object{"Name": "X", "StageName": "Prospecting", "CloseDate": "2026-06-30"}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	for name, c := range map[string]struct {
		body       object
		code, text string
	}{
		"required":        {object{"Amount": 5}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name, StageName, CloseDate]"},
		"restricted":      {good(object{"StageName": "Nonsense"}), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Stage: bad value for restricted picklist field: Nonsense"},
		"multi":           {good(object{"Delivery_Teams__c": "Design;Nobody"}), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Delivery Teams: bad value for restricted picklist field: Nobody"},
		"too long":        {good(object{"Name": strings.Repeat("é", 121)}), "STRING_TOO_LONG", "(max length=120)"},
		"read only":       {good(object{"IsWon": true, "CreatedDate": "2026-01-01T00:00:00Z"}), "INVALID_FIELD_FOR_INSERT_UPDATE", "Please check the security settings of this field and verify that it is read/write for your profile or permission set."},
		"unknown":         {good(object{"Nope": 1}), "INVALID_FIELD", "No such column 'Nope' on sobject of type Opportunity"},
		"duplicate":       {good(object{"Tenon_Key__c": "K-1"}), "DUPLICATE_VALUE", "duplicate value found: Tenon_Key__c duplicates value on record with id: 006"},
		"queue":           {good(object{"OwnerId": queue}), "FIELD_INTEGRITY_EXCEPTION", "Owner ID: id value of incorrect type: 00G"},
		"inactive":        {good(object{"OwnerId": gone}), "INACTIVE_OWNER_OR_USER", "operation performed with inactive user"},
		"no such account": {good(object{"AccountId": "001000000000000AAA"}), "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"},
		"malformed id":    {good(object{"AccountId": "12"}), "MALFORMED_ID", "Account ID: id value of incorrect type: 12"},
		"number":          {good(object{"Amount": "12,5"}), "JSON_PARSER_ERROR", "Cannot deserialize instance of double from VALUE_STRING value 12,5"},
		"range":           {good(object{"Amount": 1e17}), "NUMBER_OUTSIDE_VALID_RANGE", "Amount: value outside of valid range on numeric field"},
		"tiny":            {good(object{"Amount": "1e-999999999"}), "JSON_PARSER_ERROR", "Cannot deserialize instance of double"},
		"date":            {good(object{"CloseDate": "30.6.2026"}), "JSON_PARSER_ERROR", "Cannot deserialize instance of date from VALUE_STRING value 30.6.2026"},
		"boolean":         {good(object{"Delivery_Billable__c": nil}), "INVALID_TYPE_ON_FIELD_IN_RECORD", "value not of required type"},
		"foreign key":     {good(object{"Account": object{"Tenon_Key__c": "0116"}}), "INVALID_FIELD", "Foreign key external ID: 0116 not found for field Tenon_Key__c in entity Account"},
		"nested":          {good(object{"Name": object{"a": 1}}), "JSON_PARSER_ERROR", "START_OBJECT"},
	} {
		t.Run(name, func(t *testing.T) {
			o.t = t
			code, text := o.refused(400, "POST", "~/sobjects/Opportunity", c.body)
			if code != c.code || !strings.Contains(text, c.text) {
				t.Errorf("got %s %q, want %s %q", code, text, c.code, c.text)
			}
		})
	}
	o.t = t
	if got := len(o.All("Opportunity")); got != 1 {
		t.Errorf("after the refusals: %d opportunities, want 1", got)
	}
}

func TestOddValues(t *testing.T) {
	o := newOrg(t, nil)
	id := o.deal("X", object{
		"Delivery_Teams__c": "Support; design", "Delivery_Notes__c": `<p onclick="x()">Hi <a href="https://a.example">a</a><script>x</script></p>`, "Kickoff__c": "2026-05-01T09:25:37.9+02:00",
		"NextStep": "  a\r\nb ", "Delivery_Hours__c": 1.005, "Project_Url__c": "https://a.example/1", "Probability": 33,
	})
	got := o.must(200, "GET", "~/sobjects/Opportunity/"+id[:15], nil)
	for name, want := range map[string]any{
		"Delivery_Teams__c": "Design;Support", "Delivery_Notes__c": `<p>Hi <a href="https://a.example" target="_blank">a</a></p>`, "Kickoff__c": "2026-05-01T07:25:37.000+0000",
		"NextStep": "a\nb", "Delivery_Hours__c": num("1.01"), "Probability": num("33.0"), "Delivery_Billable__c": false, "Id": id,
	} {
		if at(got, name) != want {
			t.Errorf("%s: got %v, want %v", name, at(got, name), want)
		}
	}
	if got := o.must(200, "GET", "~/sobjects/opportunity/"+id+"?fields=name", nil); at(got, "Name") != "X" || at(got, "attributes", "type") != "Opportunity" {
		t.Errorf("names in another case: %v", got)
	}
}

func TestUpsert(t *testing.T) {
	o := newOrg(t, nil)
	path := "~/sobjects/Opportunity/Tenon_Key__c/key-1"
	body := object{"Name": "X", "StageName": "Prospecting", "CloseDate": "2026-06-30"}
	made := o.must(201, "PATCH", path, body)
	again := o.must(200, "PATCH", path, object{"Name": "Y"})
	if at(made, "created") != true || at(again, "created") != false || at(made, "id") != at(again, "id") {
		t.Errorf("upsert: %v, then %v", made, again)
	}
	if code, text := o.refused(404, "PATCH", "~/sobjects/Opportunity/Namez/1", body); code != "NOT_FOUND" || text != "Provided external ID field does not exist or is not accessible: Namez" {
		t.Errorf("an unknown key field: %s %q", code, text)
	}
	if code, _ := o.refused(400, "PATCH", path, object{"Tenon_Key__c": "key-1"}); code != "INVALID_FIELD" {
		t.Errorf("the key in the body: %s", code)
	}
	o.must(404, "PATCH", "~/sobjects/Opportunity/Tenon_Key__c/key-2?updateOnly=true", object{"Name": "Z"})
	o.must(404, "PATCH", "~/sobjects/Opportunity/Tenon_Key__c/a.inc", body)
	got := o.must(200, "PATCH", "~/sobjects/Opportunity/Id/"+at(made, "id").(string)+"?updateOnly=true", object{"NextStep": "n"})
	if at(got, "created") != false {
		t.Errorf("by id: %v", got)
	}
	if got := o.must(200, "GET", path, nil); at(got, "Name") != "Y" {
		t.Errorf("read by key: %v", got)
	}
	o.must(204, "DELETE", path, nil)
	if got := o.must(201, "PATCH", path, body); at(got, "id") == at(made, "id") {
		t.Error("a deleted record's key is still taken")
	}
	for range 2 {
		o.create("Contact", object{"LastName": "Twin", "Email": "twin@x.example"})
	}
	if got := list(o.must(300, "PATCH", "~/sobjects/Contact/Email/twin%40x.example", object{"LastName": "T"})); len(got) != 2 || !strings.HasPrefix(got[0].(string), data+"/sobjects/Contact/003") {
		t.Errorf("several: %v", got)
	}
}

func TestHabitsOfOpportunities(t *testing.T) {
	o := newOrg(t, nil)
	account := o.create("Account", object{"Name": "A"})
	book := at(o.query("SELECT Id FROM Pricebook2"), 0, "Id")
	entry := at(o.query("SELECT Id FROM PricebookEntry"), 0, "Id")
	id := o.deal("X", object{"Amount": 10, "Pricebook2Id": book, "AccountId": account})
	o.clock.Advance(time.Minute)
	line := o.create("OpportunityLineItem", object{"OpportunityId": id, "PricebookEntryId": entry, "Quantity": 2, "UnitPrice": 50})
	got := o.must(200, "GET", "~/sobjects/Opportunity/"+id, nil)
	if at(got, "Amount") != num("100.0") || at(got, "HasOpportunityLineItem") != true || at(got, "SystemModstamp") != "2026-03-12T09:31:00.000+0000" {
		t.Errorf("after a product: %v", got)
	}
	if got := o.must(200, "GET", "~/sobjects/Account/"+account, nil); at(got, "SystemModstamp") != "2026-03-12T09:31:00.000+0000" || at(got, "LastModifiedDate") != "2026-03-12T09:30:00.000+0000" {
		t.Errorf("the account after a product: %v", got)
	}
	o.must(204, "PATCH", "~/sobjects/Opportunity/"+id, object{"Amount": 7, "NextStep": "n"})
	if got := o.must(200, "GET", "~/sobjects/Opportunity/"+id, nil); at(got, "Amount") != num("100.0") || at(got, "NextStep") != "n" {
		t.Errorf("an amount beside products: %v", got)
	}
	o.must(204, "DELETE", "~/sobjects/OpportunityLineItem/"+line, nil)
	history := o.query("SELECT Field, OldValue, NewValue, CreatedBy.Username FROM OpportunityFieldHistory WHERE OpportunityId = '" + id + "' ORDER BY CreatedDate, Id")
	if len(history) != 3 || at(history, 0, "Field") != "created" || at(history, 1, "Field") != "Amount" || at(history, 1, "NewValue") != num("100.0") {
		t.Errorf("history: %v", history)
	}
	o.must(204, "DELETE", "~/sobjects/Account/"+account, nil)
	if rec, err := o.Get("Opportunity", id); err != nil || !rec.Deleted {
		t.Errorf("the account's opportunity: %+v, %v", rec, err)
	}
	if err := o.As("").Restore(account); err != nil {
		t.Fatal(err)
	}
	if rec, err := o.Get("Opportunity", id); err != nil || rec.Deleted {
		t.Errorf("after the account came back: %+v, %v", rec, err)
	}
}

func TestContractsLeadsAndCases(t *testing.T) {
	o := newOrg(t, nil)
	account := o.create("Account", object{"Name": "A"})
	if code, _ := o.refused(400, "POST", "~/sobjects/Contract", object{"AccountId": account, "Status": "Activated"}); code != "INVALID_STATUS" {
		t.Errorf("a contract that begins activated: %s", code)
	}
	contract := o.create("Contract", object{"AccountId": account, "StartDate": "2026-01-01", "ContractTerm": 12})
	if got := o.must(200, "GET", "~/sobjects/Contract/"+contract, nil); at(got, "EndDate") != "2026-12-31" || at(got, "ContractNumber") != "00000002" {
		t.Errorf("contract: %v", got)
	}
	lead := o.create("Lead", object{"LastName": "L", "Company": "C"})
	if err := o.As("").ConvertLead(lead, "Deal"); err != nil {
		t.Fatal(err)
	}
	if code, _ := o.refused(400, "PATCH", "~/sobjects/Lead/"+lead, object{"Company": "D"}); code != "CANNOT_UPDATE_CONVERTED_LEAD" {
		t.Errorf("a converted lead: %s", code)
	}
	got := o.must(200, "GET", "~/sobjects/Lead/"+lead+"?fields=ConvertedOpportunityId,IsConverted", nil)
	if at(got, "IsConverted") != true || at(got, "ConvertedOpportunityId") == nil {
		t.Errorf("lead: %v", got)
	}
	c := o.create("Case", object{"Subject": "s", "OwnerId": at(o.query("SELECT Id FROM Group"), 0, "Id")})
	o.must(204, "PATCH", "~/sobjects/Case/"+c, object{"Status": "Closed"})
	if got := o.query("SELECT IsClosed, ClosedDate, Owner.Email, Owner.Type FROM Case"); at(got, 0, "IsClosed") != true || at(got, 0, "ClosedDate") != "2026-03-12T09:30:00.000+0000" || at(got, 0, "Owner", "Email") != nil {
		t.Errorf("case: %v", got)
	}
}

func TestMerge(t *testing.T) {
	o := newOrg(t, nil)
	winner, loser := o.create("Account", object{"Name": "W"}), o.create("Account", object{"Name": "L"})
	contact := o.create("Contact", object{"LastName": "C", "AccountId": loser})
	if err := o.As("").Merge(winner, loser); err != nil {
		t.Fatal(err)
	}
	all := o.must(200, "GET", "~/queryAll?q=SELECT+Id,MasterRecordId,IsDeleted+FROM+Account+WHERE+IsDeleted=TRUE", nil)
	if at(all, "records", 0, "MasterRecordId") != winner {
		t.Errorf("the loser: %v", all)
	}
	if got := o.must(200, "GET", "~/sobjects/Contact/"+contact, nil); at(got, "AccountId") != winner {
		t.Errorf("the loser's contact: %v", got)
	}
}

func TestRulesOfAdmins(t *testing.T) {
	o := newOrg(t, nil)
	for _, err := range []error{
		o.AddValidation(salesforce.ValidationRule{Object: "Opportunity", When: "Amount = NULL AND StageName = 'Closed Won'", Message: "Say how much.", Field: "Amount"}),
		o.AddTrigger(salesforce.Trigger{Object: "Opportunity", When: "StageName = 'Closed Won'", Set: map[string]string{"NextStep": "Hand over"}}),
		o.AddTrigger(salesforce.Trigger{Object: "Opportunity", When: "Name = 'boom'", Throw: "System.LimitException: Apex CPU time limit exceeded"}),
		o.AddDuplicateRule(salesforce.DuplicateRule{Object: "Contact", Field: "Email"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	id := o.deal("X", nil)
	if code, text := o.refused(400, "PATCH", "~/sobjects/Opportunity/"+id, object{"StageName": "Closed Won"}); code != "FIELD_CUSTOM_VALIDATION_EXCEPTION" || text != "Say how much." {
		t.Errorf("validation: %s %q", code, text)
	}
	o.must(204, "PATCH", "~/sobjects/Opportunity/"+id, object{"StageName": "Closed Won", "Amount": 5})
	if rec, err := o.Get("Opportunity", id); err != nil || rec.Fields["NextStep"] != "Hand over" {
		t.Errorf("trigger: %v, %v", rec, err)
	}
	if code, text := o.refused(400, "PATCH", "~/sobjects/Opportunity/"+id, object{"Name": "boom"}); code != "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" || !strings.Contains(text, "Apex CPU time limit exceeded") {
		t.Errorf("exception: %s %q", code, text)
	}
	first := o.create("Contact", object{"LastName": "A", "Email": "a@x.example"})
	out := o.must(400, "POST", "~/sobjects/Contact", object{"LastName": "B", "Email": "A@x.example"})
	if at(out, 0, "errorCode") != "DUPLICATES_DETECTED" || at(out, 0, "duplicateResut", "matchResults", 0, "matchRecords", 0, "record", "Id") != first {
		t.Errorf("duplicate rule: %v", out)
	}
	o.header.Set("Sforce-Duplicate-Rule-Header", "allowSave=true")
	o.create("Contact", object{"LastName": "B", "Email": "A@x.example"})
}
