package salesforce_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/salesforce"
)

// names runs a statement that selects Name and returns the names.
func (o *org) names(q string) []string {
	o.t.Helper()
	out := []string{}
	for _, r := range o.query(q) {
		name, _ := at(r, "Name").(string)
		out = append(out, name)
	}
	return out
}

func TestWhere(t *testing.T) {
	o := newOrg(t, nil)
	account := o.create("Account", object{"Name": "Elbe"})
	o.deal("Alpha", object{"Amount": 100, "CloseDate": "2026-03-11", "AccountId": account, "Delivery_Teams__c": "Support;Design", "NextStep": "50% off_now"})
	o.clock.Advance(24 * time.Hour)
	o.token = o.NewToken()
	o.deal("Beta", object{"Amount": 99.5, "CloseDate": "2026-03-13", "StageName": "Closed Won", "Delivery_Teams__c": "Design", "NextStep": "it's \\ here"})
	o.clock.Advance(time.Hour)
	o.deal("Gamma", object{"CloseDate": "2026-04-01", "StageName": "Qualification", "NextStep": "50 percent offXnow"})
	for where, want := range map[string]string{
		"Name = 'ALPHA'":                     "Alpha",
		"Name != 'Alpha'":                    "Beta Gamma",
		"Name <> 'Alpha'":                    "Beta Gamma",
		"Name > 'alpha' AND Name <= 'beta'":  "Beta",
		"Amount != 100":                      "Beta Gamma",
		"Amount = NULL":                      "Gamma",
		"Amount >= 99.50":                    "Alpha Beta",
		"Amount < 100.0":                     "Beta",
		"Opportunity.Amount < 100":           "Beta",
		"o.Amount < 100":                     "Beta",
		"NOT Amount < 100":                   "Alpha Gamma",
		"Name LIKE 'a%' OR Name LIKE '%MM_'": "Alpha Gamma",
		`NextStep LIKE '50\% off\_now'`:      "Alpha",
		`NextStep LIKE '50% off_now'`:        "Alpha Gamma",
		`NextStep = 'it\'s \\ here'`:         "Beta",
		`NextStep LIKE 'it\'s \\ %'`:         "Beta",
		"IsWon = TRUE":                       "Beta",
		"IsClosed != true":                   "Alpha Gamma",
		"StageName IN ('closed won','x')":    "Beta",
		"StageName NOT IN ('Closed Won')":    "Alpha Gamma",
		"Account.Name = 'elbe'":              "Alpha",
		"AccountId = null":                   "Beta Gamma",
		"AccountId = '" + account[:15] + "'": "Alpha",
		"AccountId IN (SELECT Id FROM Account WHERE Name LIKE 'E%')": "Alpha",
		"Id NOT IN (SELECT Opportunity__c FROM Project__c)":          "Alpha Beta Gamma",
		"CloseDate = 2026-03-13":                                     "Beta",
		"CloseDate > TODAY":                                          "Gamma",
		"CloseDate = LAST_N_DAYS:3":                                  "Alpha Beta",
		"CloseDate < THIS_MONTH":                                     "",
		"CloseDate <= THIS_MONTH":                                    "Alpha Beta",
		"CreatedDate >= 2026-03-13T09:30:00Z":                        "Beta Gamma",
		"CreatedDate = 2026-03-13T10:30:00+01:00":                    "Beta",
		"CreatedDate = TODAY":                                        "Beta Gamma",
		"SystemModstamp < 2026-03-13T09:30:00.000Z":                  "Alpha",
		"Delivery_Teams__c INCLUDES ('Support','Infrastructure')":    "Alpha",
		"Delivery_Teams__c INCLUDES ('Design;Support')":              "Alpha",
		"Delivery_Teams__c EXCLUDES ('Support')":                     "Beta Gamma",
		"Delivery_Teams__c = 'Support;Design'":                       "Alpha",
		"Owner.Username = '" + salesforce.DefaultUsername + "' AND (Name = 'Beta' OR Name = 'X')": "Beta",
		"Owner.IsActive = TRUE AND CALENDAR_MONTH(CloseDate) = 4":                                 "Gamma",
	} {
		got := o.names("SELECT o.Name FROM Opportunity o WHERE " + where + " ORDER BY Name")
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", where, got, want)
		}
	}
}

func TestQueryErrors(t *testing.T) {
	o := newOrg(t, nil)
	for _, c := range []struct{ query, code, text string }{
		{"SELECT Id,Name,BillingCity,IsDeleted FROM Accout", "INVALID_TYPE", "ERROR at Row:1:Column:43\nsObject type 'Accout' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names."},
		{"SELECT Nope FROM Account", "INVALID_FIELD", "ERROR at Row:1:Column:8\nNo such column 'Nope' on entity 'Account'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."},
		{"SELECT Owner2.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Owner2' in field path."},
		{"SELECT Id, (SELECT Id FROM Kids) FROM Account", "INVALID_TYPE", "Didn't understand relationship 'Kids' in FROM part of query call."},
		{"SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "field 'Description' can not be filtered in a query call"},
		{"SELECT Id FROM Account ORDER BY Description", "INVALID_FIELD", "field 'Description' can not be sorted in a query call"},
		{"SELECT Id FROM Opportunity WHERE CloseDate = '2026-01-01'", "INVALID_FIELD", "value of filter criterion for field 'CloseDate' must be of type date and should not be enclosed in quotes"},
		{"SELECT Id FROM Opportunity WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD", "must be of type dateTime and should not be enclosed in quotes"},
		{"SELECT Id FROM Opportunity WHERE Amount = '5'", "INVALID_FIELD", "must be of type double and should not be enclosed in quotes"},
		{"SELECT Id FROM Opportunity WHERE Name = 5", "INVALID_FIELD", "must be of type string and should be enclosed in quotes"},
		{"SELECT Id FROM Account WHERE Id LIKE '001%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field"},
		{"SELECT Id FROM Account WHERE Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: abc"},
		{"SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"},
		{"SELECT Id, Id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"},
		{"SELECT Name, COUNT(Id) FROM Account GROUP BY Industry", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"},
		{"SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY", "must have a LIMIT of at most 200"},
		{"SELECT Id FROM ContentDocumentLink", "MALFORMED_QUERY", "Implementation restriction: ContentDocumentLink requires a filter"},
		{"SELECT", "MALFORMED_QUERY", "unexpected token: '<EOF>'"},
	} {
		code, text := o.badQuery(c.query)
		if code != c.code || !strings.Contains(text, c.text) {
			t.Errorf("%s: got %s %q, want %s %q", c.query, code, text, c.code, c.text)
		}
	}
	w, _ := o.send("GET", "~/query?q=SELECT+Id+FROM+Account+WHERE+Name+IN+("+strings.Repeat("%27x%27,", 3000)+"%27y%27)", nil)
	if w.Code != http.StatusRequestURITooLong {
		t.Errorf("a long query: got %d, want 414", w.Code)
	}
}

func TestQueryShapes(t *testing.T) {
	o := newOrg(t, nil)
	account := o.create("Account", object{"Name": "Elbe", "BillingCity": "Dresden"})
	contact := o.create("Contact", object{"LastName": "Lind", "FirstName": "Eva", "AccountId": account})
	deal := o.deal("Portal", object{"AccountId": account, "Amount": 5})
	o.create("Task", object{"Subject": "Call", "WhatId": deal, "WhoId": contact})
	out := o.must(200, "GET", "~/query?q="+url.QueryEscape("SELECT Name, BillingAddress, ParentId, Parent.Name, (SELECT Name, Owner.Alias FROM Contacts), (SELECT Id FROM Cases) FROM Account"), nil)
	path := func(kind, id string) object {
		return object{"type": kind, "url": data + "/sobjects/" + kind + "/" + id}
	}
	want := object{"totalSize": num("1"), "done": true, "records": []any{object{
		"attributes": path("Account", account), "Name": "Elbe", "ParentId": nil, "Parent": nil, "Cases": nil,
		"BillingAddress": object{"city": "Dresden", "country": nil, "geocodeAccuracy": nil, "latitude": nil, "longitude": nil, "postalCode": nil, "state": nil, "street": nil},
		"Contacts": object{"totalSize": num("1"), "done": true, "records": []any{object{
			"attributes": path("Contact", contact), "Name": "Eva Lind", "Owner": object{"attributes": path("User", o.IntegrationUser()), "Alias": "tenonint"},
		}}},
	}}}
	if diff := cmp.Diff(any(want), out); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
	tasks := o.query("SELECT What.Type, What.Name, Who.Name, TYPEOF What WHEN Opportunity THEN Amount, Account.Name ELSE Id END FROM Task")
	if at(tasks, 0, "Who", "Name") != "Eva Lind" || at(tasks, 0, "What", "Amount") != num("5.0") || at(tasks, 0, "What", "Account", "Name") != "Elbe" {
		t.Errorf("polymorphic: %v", tasks)
	}
	groups := o.query("SELECT StageName, COUNT(Id), SUM(Amount) total, MAX(CloseDate) FROM Opportunity GROUP BY StageName")
	if diff := cmp.Diff(any(object{"attributes": object{"type": "AggregateResult"}, "StageName": "Prospecting", "expr0": num("1"), "total": num("5.0"), "expr1": "2026-06-30"}), at(groups, 0)); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	for i, stage := range []string{"Qualification", "Qualification", "Closed Won"} {
		o.deal("D", object{"StageName": stage, "Amount": 10 * i})
	}
	ordered := o.query("SELECT StageName st, COUNT(Id) n, AVG(Amount) mean FROM Opportunity GROUP BY StageName HAVING COUNT(Id) > 1 OR MAX(Amount) >= 20 ORDER BY COUNT(Id) DESC, StageName LIMIT 5")
	if len(ordered) != 2 || at(ordered, 0, "st") != "Qualification" || at(ordered, 0, "mean") != num("5.0") || at(ordered, 1, "st") != "Closed Won" {
		t.Errorf("groups in order: %v", ordered)
	}
	if got := o.must(200, "GET", "~/query?q=SELECT+COUNT()+FROM+Contact", nil); at(got, "totalSize") != num("1") || len(list(at(got, "records"))) != 0 {
		t.Errorf("count: %v", got)
	}
	if got := o.query("SELECT toLabel(StageName), FORMAT(Amount) shown FROM Opportunity"); at(got, 0, "StageName") != "Prospecting" || at(got, 0, "shown") != "5.0" {
		t.Errorf("functions: %v", got)
	}
	if got := o.query("SELECT FIELDS(CUSTOM) FROM Opportunity LIMIT 200"); len(got) != 4 {
		t.Errorf("FIELDS: %v", got)
	}
	if got := o.query("SELECT QualifiedApiName FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Opportunity' AND IsFieldHistoryTracked = TRUE AND QualifiedApiName = 'Amount'"); len(got) != 1 {
		t.Errorf("field definitions: %v", got)
	}
}

func TestPagesOfQueries(t *testing.T) {
	o := newOrg(t, nil)
	for i := range 11 {
		rows := []any{}
		for n := range 200 {
			rows = append(rows, object{"attributes": object{"type": "Contact"}, "LastName": fmt.Sprintf("C%04d", i*200+n)})
		}
		o.must(200, "POST", "~/composite/sobjects", object{"records": rows})
	}
	first := o.must(200, "GET", "~/query?q=SELECT+Name+FROM+Contact+ORDER+BY+Name", nil)
	next, _ := at(first, "nextRecordsUrl").(string)
	if len(list(at(first, "records"))) != 2000 || at(first, "done") != false || at(first, "totalSize") != num("2200") || !strings.HasSuffix(next, "-2000") {
		t.Fatalf("first page: %d rows, done %v, next %q", len(list(at(first, "records"))), at(first, "done"), next)
	}
	o.clock.Advance(47 * time.Hour)
	o.token = o.NewToken()
	second := o.must(200, "GET", next, nil)
	if len(list(at(second, "records"))) != 200 || at(second, "done") != true || at(second, "nextRecordsUrl") != nil || at(second, "records", 0, "Name") != "C2000" {
		t.Errorf("second page: %v", at(second, "records", 0))
	}
	o.clock.Advance(2 * time.Hour)
	o.token = o.NewToken()
	if code, _ := o.refused(400, "GET", next, nil); code != "INVALID_QUERY_LOCATOR" {
		t.Errorf("a dead locator: %s", code)
	}
	if got := o.must(200, "GET", "~/query?q=SELECT+Name,Description+FROM+Contact", nil); len(list(at(got, "records"))) != 1000 {
		t.Errorf("a long text on the page: %d rows, want 1000", len(list(at(got, "records"))))
	}
	o.header.Set("Sforce-Query-Options", "batchSize=250")
	if got := o.must(200, "GET", "~/query?q=SELECT+Name+FROM+Contact", nil); len(list(at(got, "records"))) != 250 {
		t.Errorf("a wish for 250: %d rows", len(list(at(got, "records"))))
	}
}
