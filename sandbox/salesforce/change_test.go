package salesforce_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenonsync/tenon/sandbox/salesforce"
)

func TestReplication(t *testing.T) {
	o := newOrg(t, nil)
	a, b := o.deal("A", nil), o.deal("B", nil)
	o.clock.Advance(10 * time.Minute)
	o.must(204, "DELETE", "~/sobjects/Opportunity/"+b, nil)
	o.clock.Advance(5 * time.Minute)
	window := "start=2026-03-12T09:00:00Z&end=2026-03-12T10:00:00%2B00:00"
	if diff := cmp.Diff(any(object{"ids": []any{a}, "latestDateCovered": "2026-03-12T09:45:00.000+0000"}), o.must(200, "GET", "~/sobjects/Opportunity/updated?"+window, nil)); diff != "" {
		t.Errorf("updated (-want +got):\n%s", diff)
	}
	want := any(object{
		"deletedRecords": []any{object{"id": b, "deletedDate": "2026-03-12T09:40:00.000+0000"}}, "earliestDateAvailable": "2026-02-25T09:45:00.000+0000", "latestDateCovered": "2026-03-12T09:45:00.000+0000",
	})
	if diff := cmp.Diff(want, o.must(200, "GET", "~/sobjects/Opportunity/deleted/?"+window, nil)); diff != "" {
		t.Errorf("deleted (-want +got):\n%s", diff)
	}
	for _, query := range []string{
		"start=2026-03-12T09:00:00Z&end=2026-03-12T09:00:30Z", "start=2026-01-01T00:00:00Z&end=2026-03-12T09:00:00Z", "start=x&end=2026-03-12T09:00:00Z",
	} {
		if code, _ := o.refused(400, "GET", "~/sobjects/Opportunity/updated?"+query, nil); code != "INVALID_REPLICATION_DATE" {
			t.Errorf("%s: %s", query, code)
		}
	}
	o.deal("C", nil)
	o.SetReplicationLimit(1)
	if code, _ := o.refused(400, "GET", "~/sobjects/Opportunity/updated?"+window, nil); code != "EXCEEDED_ID_LIMIT" {
		t.Errorf("too many ids: %s", code)
	}
	if err := o.As("").Purge(b); err != nil {
		t.Fatal(err)
	}
	all := o.must(200, "GET", "~/queryAll?q=SELECT+Id+FROM+Opportunity", nil)
	if len(list(at(all, "records"))) != 2 {
		t.Errorf("a purged record: %v", all)
	}
}

func TestLateCommits(t *testing.T) {
	o := newOrg(t, nil)
	id := o.deal("A", nil)
	o.clock.Advance(time.Minute)
	if err := o.As("").EditLate(id, map[string]string{"NextStep": "late"}, 4*time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := o.As("").CreateLate("Account", map[string]string{"Name": "late"}, 4*time.Minute); err != nil {
		t.Fatal(err)
	}
	o.clock.Advance(3 * time.Minute)
	if got := o.query("SELECT NextStep FROM Opportunity"); at(got, 0, "NextStep") != nil || len(o.All("Account")) != 0 {
		t.Errorf("before the commit: %v", got)
	}
	if got := o.must(200, "GET", "~/sobjects/Opportunity/updated?start=2026-03-12T09:00:00Z&end=2026-03-12T10:00:00Z", nil); at(got, "latestDateCovered") != "2026-03-12T09:31:00.000+0000" {
		t.Errorf("covered: %v", got)
	}
	o.clock.Advance(time.Minute)
	if got := o.query("SELECT NextStep, SystemModstamp FROM Opportunity"); at(got, 0, "NextStep") != "late" || at(got, 0, "SystemModstamp") != "2026-03-12T09:31:00.000+0000" {
		t.Errorf("after the commit: %v", got)
	}
	if err := o.As("").CreateLate("Account", map[string]string{"Name": "flushed"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := o.Flush(t.Context()); err != nil || len(o.All("Account")) != 2 {
		t.Errorf("flush: %v, %d accounts", err, len(o.All("Account")))
	}
}

func TestListen(t *testing.T) {
	o := newOrg(t, nil)
	var got []salesforce.Commit
	stop := o.Listen(func(c salesforce.Commit) { got = append(got, c) })
	o.header.Set("Sforce-Call-Options", "client=tenon")
	id := o.deal("A", object{"Amount": 5})
	o.clock.Advance(1500 * time.Millisecond)
	o.must(204, "PATCH", "~/sobjects/Opportunity/"+id, object{"StageName": "Closed Won"})
	o.must(204, "PATCH", "~/sobjects/Opportunity/"+id, object{"StageName": "Closed Won"}) // changes nothing
	o.must(200, "POST", "~/composite/sobjects", object{"allOrNone": true, "records": []any{row("Contact", object{"LastName": "x"}), row("Contact", object{})}})
	rosa := o.UserID("rosa.delgado@harbourworks.example")
	if err := o.As("rosa.delgado@harbourworks.example").Delete(id); err != nil {
		t.Fatal(err)
	}
	if err := o.As("rosa.delgado@harbourworks.example").Restore(id); err != nil {
		t.Fatal(err)
	}
	stop()
	o.deal("B", nil)
	api, browser := "com/salesforce/api/rest/66.0;client=tenon", "com/salesforce/api/soap/66.0;client=SfdcInternalAPI/"
	later := start.Add(1500 * time.Millisecond)
	want := []salesforce.Commit{
		{At: start, User: o.IntegrationUser(), Origin: api, Changes: []salesforce.Change{{Object: "Opportunity", ID: id, Kind: salesforce.Created}}},
		{At: later, User: o.IntegrationUser(), Origin: api, Changes: []salesforce.Change{{Object: "Opportunity", ID: id, Kind: salesforce.Updated, Fields: []string{
			"ExpectedRevenue", "ForecastCategory", "ForecastCategoryName", "IsClosed", "IsWon", "LastModifiedDate", "LastStageChangeDate", "Probability", "StageName",
		}}}},
		{At: later, User: rosa, Origin: browser, Changes: []salesforce.Change{{Object: "Opportunity", ID: id, Kind: salesforce.Deleted}}},
		{At: later, User: rosa, Origin: browser, Changes: []salesforce.Change{{Object: "Opportunity", ID: id, Kind: salesforce.Undeleted}}},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(salesforce.Commit{}, "Transaction", "Number"), cmpopts.IgnoreFields(salesforce.Change{}, "Values", "Before")); diff != "" {
		t.Fatalf("commits (-want +got):\n%s", diff)
	}
	for i, c := range got {
		if c.Transaction == "" || i > 0 && (c.Number <= got[i-1].Number || c.Transaction == got[i-1].Transaction) {
			t.Errorf("commit %d: number %d, transaction %q", i, c.Number, c.Transaction)
		}
	}
	if v := got[0].Changes[0]; v.Values["Amount"] != salesforce.Decimal("5") || v.Before != nil {
		t.Errorf("values of a create: %v, before %v", v.Values["Amount"], v.Before)
	}
	if v := got[1].Changes[0]; v.Before["StageName"] != "Prospecting" || v.Values["StageName"] != "Closed Won" {
		t.Errorf("values of an update: %v, before %v", v.Values["StageName"], v.Before["StageName"])
	}
	if _, ok := o.Session(o.token); !ok {
		t.Error("the session is unknown")
	}
	if _, ok := o.Session("x"); ok {
		t.Error("an unknown session is good")
	}
}
