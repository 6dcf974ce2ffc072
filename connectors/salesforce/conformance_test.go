package salesforce_test

import (
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/salesforce"
)

func option(id string) connectors.Value { return connectors.Choice(connectors.Option{ID: id}) }

func number(s string) connectors.Value {
	v, err := connectors.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return v
}

func euros(s string) connectors.Value {
	v, err := connectors.Money(s, "EUR")
	if err != nil {
		panic(err)
	}
	return v
}

// person returns a user of the sandbox, whose ids depend on its seed only.
func person(email string) connectors.Value {
	s := sandbox.New(sandbox.Options{Seed: 7, NoSeed: true})
	defer s.Close()
	return connectors.PersonValue(connectors.Person{ID: s.UserID(email)})
}

// opportunities describes opportunities to the suite.
func opportunities(more map[string]string) connectortest.Harness {
	return connectortest.Harness{
		Open:     func(t connectortest.TB) connectortest.World { return openWorld(t, ofOpportunities, more) },
		Object:   "Opportunity",
		Scope:    connectors.Scope{"LeadSource": "Web"},
		Title:    "Name",
		Required: map[string]connectors.Value{"StageName": option("Prospecting"), "CloseDate": connectors.Date(2026, 6, 30)},
		Samples: []connectortest.Sample{
			{Field: "Description", One: connectors.Text("One\ntwo"), Two: connectors.Text("Other <b>text</b>")},
			{Field: "NextStep", One: connectors.Text("Call"), Two: connectors.Text(`O'Brien \ "x"`)},
			{Field: "Delivery_Notes__c", One: connectors.RichText("A **bold** start\n\n- one\n- two"), Two: connectors.RichText("Then\n\n[link](https://example.com/)")},
			{Field: "Amount", One: euros("1250.5"), Two: euros("999999999.01")},
			{Field: "Delivery_Progress__c", One: number("33"), Two: number("100")},
			{Field: "Delivery_Due__c", One: connectors.Date(2026, 12, 31), Two: connectors.Date(2028, 2, 29)},
			{Field: "Type", One: option("New Customer"), Two: option("Existing Customer - Upgrade")},
			{Field: "Delivery_Status__c", One: option("To Do"), Two: option("Done")},
			{Field: "Delivery_Teams__c", One: connectors.Labels("Design", "Support"), Two: connectors.Labels("Development")},
			{Field: "IsPrivate", One: connectors.Bool(true), Two: connectors.Bool(false)},
			{Field: "OwnerId", One: person(ada), Two: person(mei)},
		},
		Refused:  map[string]connectors.Value{"Delivery_Status__c": option("no such choice")},
		ReadOnly: connectortest.Sample{Field: "IsClosed", One: connectors.Bool(true)},
		BadScope: connectors.Scope{"StageName": "nowhere"},
		AbsentID: "0060000000ZZZZZAA5",
		Find:     connectortest.Sample{Field: "Project_Url__c", One: connectors.Text("https://e.com/1"), Two: connectors.Text("https://e.com/2")},
		Email:    ada,
		Child:    &connectortest.Child{Object: "Task", Title: "Subject"},

		Droppable: "Delivery_Due__c",
	}
}

func accounts() connectortest.Harness {
	h := opportunities(nil)
	h.Open = func(t connectortest.TB) connectortest.World { return &mergingWorld{openWorld(t, ofAccounts, nil)} }
	h.Object, h.Scope, h.Required = "Account", connectors.Scope{"Rating": "Hot"}, nil
	h.Samples = []connectortest.Sample{
		{Field: "Phone", One: connectors.Text("+44 1482 000"), Two: connectors.Text("1")},
		{Field: "Industry", One: option("Banking"), Two: option("Energy")},
		{Field: "NumberOfEmployees", One: connectors.Int(12), Two: connectors.Int(0)},
		{Field: "AnnualRevenue", One: euros("12000"), Two: euros("1")},
	}
	h.Refused = nil
	h.ReadOnly = connectortest.Sample{Field: "Id", One: connectors.Text("x")}
	h.BadScope = connectors.Scope{"Rating": "nowhere"}
	h.AbsentID = "0010000000ZZZZZAA5"
	h.Find.Field, h.Droppable = "Site", "Phone"
	h.Child = &connectortest.Child{Object: "Contact", Title: "LastName"}
	return h
}

// contacts describes contacts, whose tasks and comments hang on a lookup of
// their own.
func contacts() connectortest.Harness {
	h := opportunities(nil)
	h.Open = func(t connectortest.TB) connectortest.World { return &mergingWorld{openWorld(t, ofContacts, nil)} }
	h.Object, h.Required, h.Title = "Contact", nil, "LastName"
	h.Samples = []connectortest.Sample{
		{Field: "EmailBouncedDate", One: connectors.Instant(time.Date(2026, 5, 1, 7, 25, 37, 0, time.UTC)), Two: connectors.Instant(time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC))},
		{Field: "Title", One: connectors.Text("Harbour master"), Two: connectors.Text("Ōsaka")},
		{Field: "OwnerId", One: person("tom.becker@harbourworks.example"), Two: person(mei)},
	}
	h.Refused = map[string]connectors.Value{"Email": connectors.Text("no e-mail")}
	h.ReadOnly = connectortest.Sample{Field: "Name", One: connectors.Text("x")}
	h.BadScope, h.AbsentID, h.Droppable = connectors.Scope{"LeadSource": "nowhere"}, "0030000000ZZZZZAA5", ""
	h.Find.Field = "Department"
	return h
}

// projects describes a custom object, whose milestones are its details.
func projects() connectortest.Harness {
	h := opportunities(nil)
	h.Open = func(t connectortest.TB) connectortest.World { return openWorld(t, ofProjects, nil) }
	h.Object, h.Scope, h.Required = "Project__c", connectors.Scope{"Status__c": "Active"}, nil
	h.Samples = []connectortest.Sample{
		{Field: "Summary__c", One: connectors.RichText("A **bold** start"), Two: connectors.RichText("Then *more*")},
		{Field: "Kickoff__c", One: connectors.Instant(time.Date(2026, 5, 1, 7, 25, 37, 0, time.UTC)), Two: connectors.Instant(time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC))},
		{Field: "Due__c", One: connectors.Date(2026, 12, 31), Two: connectors.Date(2028, 2, 29)},
		{Field: "Hours__c", One: number("7.25"), Two: number("1000")},
		{Field: "Billable__c", One: connectors.Bool(false), Two: connectors.Bool(true)},
		{Field: "Skills__c", One: connectors.Labels("Go", "SQL"), Two: connectors.Labels("Design")},
	}
	h.Refused = map[string]connectors.Value{"Contact_Email__c": connectors.Text("no e-mail")}
	h.ReadOnly = connectortest.Sample{Field: "CreatedById", One: person(ada)}
	h.BadScope = connectors.Scope{"Status__c": "nowhere"}
	h.AbsentID = "a010000000ZZZZZAA5"
	h.Find.Field, h.Find.One, h.Find.Two = "Contact_Email__c", connectors.Text("one@example.com"), connectors.Text("two@example.com")
	h.Droppable = "Due__c"
	h.Child = &connectortest.Child{Object: "Milestone__c", Title: "Title__c"}
	return h
}

func TestConformance(t *testing.T) {
	t.Run("contacts", func(t *testing.T) { connectortest.Run(t, contacts()) })
	t.Run("a custom object", func(t *testing.T) { connectortest.Run(t, projects()) })
	t.Run("opportunities", func(t *testing.T) { connectortest.Run(t, opportunities(nil)) })
	t.Run("accounts", func(t *testing.T) { connectortest.Run(t, accounts()) })
}
