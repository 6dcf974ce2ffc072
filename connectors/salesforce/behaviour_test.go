package salesforce_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
	sandbox "github.com/tenonsync/tenon/sandbox/salesforce"
)

// won is what an opportunity needs, with a name.
func won(name string) map[string]connectors.Value {
	return map[string]connectors.Value{"Name": connectors.Text(name), "StageName": option("Prospecting"), "CloseDate": connectors.Date(2026, 6, 30)}
}

var all = connectors.Selection{Object: "Opportunity", Scope: connectors.Scope{"LeadSource": "Web"}, Fields: []string{"Name"}}

func TestPartialFailures(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	tb := connectortest.T(t)
	var ids []string
	for i := range 5 {
		ids = append(ids, w.Create(tb, won(fmt.Sprint(i))))
	}
	if err := errors.Join(
		w.sys.AddValidation(sandbox.ValidationRule{Object: "Opportunity", When: "NextStep = 'bad'", Message: "No bad steps, please", Field: "NextStep"}),
		w.sys.LockRecord(ids[1], true), w.sys.HoldRow(ids[2], true),
	); err != nil {
		t.Fatal(err)
	}
	update := func(id, step string) connectors.Update {
		return connectors.Update{Object: "Opportunity", ID: id, Fields: map[string]connectors.Value{"NextStep": connectors.Text(step), "Name": connectors.Text("New")}}
	}
	results := w.conn.Update(t.Context(), []connectors.Update{update(ids[0], "bad"), update(ids[1], "ok"), update(ids[2], "ok"), update(ids[3], strings.Repeat("x", 256)), update(ids[4], "ok")})
	type verdict struct {
		kind   connectors.Kind
		fields []connectors.FieldError
	}
	var got []verdict
	for _, r := range results {
		e, _ := errors.AsType[*connectors.Error](r.Err)
		if e == nil {
			got = append(got, verdict{})
			continue
		}
		if e.Unsure {
			t.Errorf("unsure: %v", e)
		}
		got = append(got, verdict{e.Kind, e.Fields})
	}
	want := []verdict{
		{connectors.Invalid, []connectors.FieldError{{Field: "NextStep", Reason: "No bad steps, please"}}},
		{connectors.Invalid, nil},
		{connectors.Conflict, nil},
		{connectors.Invalid, []connectors.FieldError{{Field: "NextStep", Reason: "256 characters where Salesforce takes 255"}}},
		{},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(verdict{})); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if r, err := w.sys.Get("Opportunity", ids[4]); err != nil || r.Fields["Name"] != "New" {
		t.Errorf("the good record beside bad ones: %+v, %v", r, err)
	}
}

// Records that another transaction holds for a moment are written all the same,
// and the key of a create among them is not used up.
func TestHeldRecords(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	id := w.Create(connectortest.T(t), won("Held"))
	w.sys.HoldNext(2)
	r := w.conn.Update(t.Context(), []connectors.Update{{Object: "Opportunity", ID: id, Fields: map[string]connectors.Value{"Name": connectors.Text("Free")}}})[0]
	if got, err := w.sys.Get("Opportunity", id); r.Err != nil || err != nil || got.Fields["Name"] != "Free" {
		t.Errorf("Update: %v; the name is %q", r.Err, got.Fields["Name"])
	}
	w.sys.HoldNext(1)
	if r := w.conn.Create(t.Context(), []connectors.Create{{Object: "Opportunity", Key: "tenon-held", Fields: won("New")}})[0]; r.Err != nil || r.ID == "" {
		t.Errorf("Create: %+v", r)
	}
	if n := len(w.sys.All("Opportunity")); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}

// A field whose right to write is taken away while the connection is open is
// named, and does not spoil the records without it.
func TestFieldBecomesReadOnly(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	tb := connectortest.T(t)
	one, two := w.Create(tb, won("One")), w.Create(tb, won("Two"))
	if _, err := w.conn.Read(t.Context(), all, []string{one}); err != nil {
		t.Fatal(err)
	}
	if err := w.sys.ReadOnly("Opportunity", "NextStep", true); err != nil {
		t.Fatal(err)
	}
	results := w.conn.Update(t.Context(), []connectors.Update{
		{Object: "Opportunity", ID: one, Fields: map[string]connectors.Value{"NextStep": connectors.Text("x")}},
		{Object: "Opportunity", ID: two, Fields: map[string]connectors.Value{"Name": connectors.Text("Other")}},
	})
	e, ok := errors.AsType[*connectors.Error](results[0].Err)
	if !ok || e.Kind != connectors.Invalid || len(e.Fields) != 1 || e.Fields[0].Field != "NextStep" || e.Unsure {
		t.Errorf("update of the field: %+v", results[0].Err)
	}
	if results[1].Err != nil {
		t.Errorf("update beside it: %v", results[1].Err)
	}
}

func TestDuplicateRule(t *testing.T) {
	for setting, want := range map[string]connectors.Kind{"refuse": connectors.Invalid, "allow": 0} {
		w := openWorld(t, ofOpportunities, map[string]string{"duplicates": setting})
		if err := w.sys.AddDuplicateRule(sandbox.DuplicateRule{Object: "Opportunity", Field: "Name"}); err != nil {
			t.Fatal(err)
		}
		w.Create(connectortest.T(t), won("Twin"))
		other := w.Create(connectortest.T(t), won("Other"))
		r := w.conn.Create(t.Context(), []connectors.Create{{Object: "Opportunity", Fields: won("Twin")}})[0]
		u := w.conn.Update(t.Context(), []connectors.Update{{Object: "Opportunity", ID: other, Fields: map[string]connectors.Value{"Name": connectors.Text("Twin")}}})[0]
		for what, err := range map[string]error{"create": r.Err, "update": u.Err} {
			if want == 0 && err != nil || want != 0 && connectors.KindOf(err) != want {
				t.Errorf("%s with duplicates: %s: %v", what, setting, err)
			}
		}
	}
}

func TestPrepare(t *testing.T) {
	w := openOrg(t, ofOpportunities, sandbox.Options{Bare: true}, nil)
	need := connectors.Need{Object: "Opportunity", Create: true, Comment: true}
	can := connectors.AbilitiesOf(w.conn)
	missing, err := can.Preparer.Missing(t.Context(), need)
	want := []string{
		"the field Tenon_Key__c (text of 64 characters, External ID, unique) on Opportunity",
		"the field Tenon_Key__c (text of 64 characters, External ID, unique) on Task",
	}
	if diff := cmp.Diff(want, missing); diff != "" || err != nil {
		t.Fatalf("Missing (-want +got), %v:\n%s", err, diff)
	}
	create := []connectors.Create{{Object: "Opportunity", Key: "tenon-1", Fields: won("x")}}
	if e, ok := errors.AsType[*connectors.Error](w.conn.Create(t.Context(), create)[0].Err); !ok || e.Kind != connectors.Invalid || !strings.Contains(e.Help, "tenon prepare") {
		t.Errorf("Create without the field: %+v", e)
	}
	if err := can.Preparer.Prepare(t.Context(), need); err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	r := w.conn.Create(t.Context(), create)[0]
	if r.Err != nil {
		t.Fatalf("Create: %v", r.Err)
	}
	if again := w.conn.Create(t.Context(), create)[0]; connectors.KindOf(again.Err) != connectors.Conflict {
		t.Errorf("Create again: %v, want a Conflict", again.Err)
	}
	made := []connectors.Field{
		{Name: "Brief__c", Label: "Brief", Type: connectors.TypeRichText},
		{Name: "Steps__c", Label: "Steps", Type: connectors.TypeText},
		{Name: "Code__c", Label: "Code", Type: connectors.TypeText, OneLine: true},
		{Name: "Rate__c", Label: "Rate", Type: connectors.TypeNumber, Scale: 3},
		{Name: "Vip__c", Label: "VIP", Type: connectors.TypeBool},
		{Name: "Day__c", Label: "Day", Type: connectors.TypeDate},
		{Name: "At__c", Label: "At", Type: connectors.TypeInstant},
		{Name: "Size__c", Label: "Size", Type: connectors.TypeOption, Options: []connectors.Option{{ID: "S", Label: "Small"}, {ID: "L", Label: "Large"}}},
		{Name: "Areas__c", Label: "Areas", Type: connectors.TypeOptions, Options: []connectors.Option{{ID: "N", Label: "North"}}},
	}
	for range 2 {
		if err := can.FieldMaker.MakeFields(t.Context(), "Opportunity", made); err != nil {
			t.Fatalf("MakeFields: %v", err)
		}
	}
	s, err := w.conn.Schema(t.Context(), "Opportunity", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range made {
		if got := s.Field(f.Name); got == nil || got.Type != f.Type || !got.Writable || got.OneLine != f.OneLine && f.Type == connectors.TypeText {
			t.Errorf("%s: got %+v", f.Name, got)
		}
	}
	for _, name := range []string{"brief", "Brief", "a__b__c", "_x__c", strings.Repeat("x", 41) + "__c"} {
		if can.FieldMaker.MakesField(connectors.Field{Name: name, Type: connectors.TypeText}) {
			t.Errorf("a field %q would be made", name)
		}
	}
}

func TestMissingRights(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	if err := errors.Join(
		w.sys.Deny("Opportunity", "update", true), w.sys.Deny("Opportunity", "delete", true), w.sys.Deny("Task", "create", true),
		w.sys.Deny("Account", "read", true), w.sys.Hide("Opportunity", "Amount", true),
	); err != nil {
		t.Fatal(err)
	}
	gaps, err := connectors.AbilitiesOf(w.conn).RightsChecker.MissingRights(t.Context(), []connectors.Need{
		{Object: "Opportunity", Write: true, Create: true, Comment: true, Retire: true, Fields: []string{"Name", "Amount"}}, {Object: "Account"}, {Object: "Account"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range gaps {
		got = append(got, g.Right+": "+g.Where+", to "+g.For)
	}
	want := []string{
		"Edit: object Opportunity, to write Opportunity", "Delete: object Opportunity, to delete Opportunity",
		"Field access: field Opportunity.Amount, to read and write Amount", "Edit Tasks: object Task, to read and write comments of Opportunity",
		"Read: object Account, to read Account",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	tb := connectortest.T(t)
	fields := won("O'Brien \\ \"x\"")
	fields["Amount"], fields["OwnerId"], fields["Type"] = euros("12.50"), person(mei), option("New Customer")
	id := w.Create(tb, fields)
	w.Create(tb, won("Other"))
	finder := connectors.AbilitiesOf(w.conn).Finder
	for _, tc := range []struct {
		field string
		v     connectors.Value
	}{
		{"Name", connectors.Text("o'brien \\ \"X\"")},
		{"Amount", euros("12.5")},
		{"Id", connectors.Text(id[:15])},
		{"OwnerId", connectors.PersonValue(connectors.Person{Email: mei})},
		{"Type", option("New Customer")},
		{"CloseDate", connectors.Date(2026, 6, 30)},
	} {
		got, err := finder.Find(t.Context(), all, tc.field, []connectors.Value{tc.v}, 1)
		if err != nil || len(got) != 1 || len(got[0]) != 1 || tc.field != "CloseDate" && got[0][0] != id {
			t.Errorf("Find by %s = %v: %v, %v", tc.field, tc.v, got, err)
		}
	}
	// A question that is too long for an address.
	var many []connectors.Value
	for i := range 90 {
		many = append(many, connectors.Text(fmt.Sprintf("%03d %s", i, strings.Repeat("long ", 20))))
	}
	many = append(many, connectors.Text("Other"))
	got, err := finder.Find(t.Context(), all, "Name", many, 2)
	if err != nil || len(got[90]) != 1 || len(got[0]) != 0 {
		t.Errorf("Find of many: %v", err)
	}
	if _, err := finder.Find(t.Context(), all, "Description", []connectors.Value{connectors.Text("x")}, 1); connectors.KindOf(err) != connectors.Invalid {
		t.Errorf("Find by a long text: %v, want Invalid", err)
	}
}

// Of several users with one e-mail the one whose username it is counts.
func TestPeopleOfOneEmail(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	finder := connectors.AbilitiesOf(w.conn).PeopleFinder
	twin := w.sys.UserID(mei)
	if err := w.sys.As(ada).Edit(twin, map[string]string{"Email": ada}); err != nil {
		t.Fatal(err)
	}
	got, err := finder.PeopleByEmail(t.Context(), []string{ada, mei})
	if err != nil || got[0].ID != "" || got[1].ID != "" {
		t.Errorf("two users with one e-mail: %+v, %v, want nobody", got, err)
	}
	if err := w.sys.As(ada).Edit(twin, map[string]string{"Username": ada}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	if got, err = finder.PeopleByEmail(t.Context(), []string{ada}); err != nil || got[0].ID != twin {
		t.Errorf("the one whose username it is: %+v, %v, want %s", got, err, twin)
	}
	if err := w.sys.As(ada).Edit(twin, map[string]string{"IsActive": "false"}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	if got, err = finder.PeopleByEmail(t.Context(), []string{ada}); err != nil || got[0].ID == twin || got[0].ID == "" {
		t.Errorf("without the one that is not active: %+v, %v", got, err)
	}
}

// The other ways to log in and to keep keys and comments pass the suite as well.
func TestOtherPlaces(t *testing.T) {
	more := jwtSettings()
	more["key_fields"], more["notes"] = "Opportunity=Project_Status__c", "chatter"
	connectortest.Run(t, opportunities(more))
}

func TestLocate(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	id := w.Create(connectortest.T(t), won("x"))
	locator := connectors.AbilitiesOf(w.conn).Locator
	if _, err := w.conn.Schema(t.Context(), "opportunity", nil); err != nil { // as a mapping may write it
		t.Fatal(err)
	}
	want := connectors.Ref{Connection: "crm", Object: "opportunity", ID: id}
	for _, text := range []string{
		w.base + "/lightning/r/Opportunity/" + id + "/view", w.base + "/" + id[:15], w.base + "/lightning/r/" + id + "/view", w.base + "/" + id + "/e",
	} {
		if got, err := locator.Locate(t.Context(), text); err != nil || got != want {
			t.Errorf("Locate(%s): %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"https://elsewhere.example/" + id, w.base + "/lightning/o/Opportunity/list", id, w.base + "/ZZZ000000000001", "006"} {
		if got, err := locator.Locate(t.Context(), text); err != nil || !got.IsZero() {
			t.Errorf("Locate(%s): %v, %v, want nothing", text, got, err)
		}
	}
}

// The org's allowance is kept to our share; what is spent is told.
func TestAllowance(t *testing.T) {
	w := openOrg(t, ofOpportunities, sandbox.Options{Limits: sandbox.Limits{Daily: 100}}, map[string]string{"daily_share": "20"})
	var err error
	for range 40 {
		if _, err = w.conn.Read(t.Context(), all, nil); err == nil {
			_, err = w.conn.Schema(t.Context(), "Account", nil)
		}
		if err != nil {
			break
		}
	}
	if connectors.KindOf(err) != connectors.RateLimited {
		t.Fatalf("40 calls with a share of 20: %v, want RateLimited", err)
	}
	b := connectors.AbilitiesOf(w.conn).BudgetTeller.Budget()
	if b.Day.Total != 100 || b.Day.Ours != 20 || b.Day.Left > 5 {
		t.Errorf("Budget: %+v", b.Day)
	}
}

// In an org with several currencies an amount has the record's, and brings its
// own where it is written.
func TestSeveralCurrencies(t *testing.T) {
	w := openOrg(t, ofOpportunities, sandbox.Options{Currencies: []string{"EUR", "USD"}}, map[string]string{"currency": ""})
	dollars, err := connectors.Money("12.5", "USD")
	if err != nil {
		t.Fatal(err)
	}
	fields := won("Dollars")
	fields["Amount"] = dollars
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "Opportunity", Fields: fields}})[0]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	amount := func(id string) connectors.Value {
		t.Helper()
		got, err := w.conn.Read(t.Context(), connectors.Selection{Object: "Opportunity", Fields: []string{"Amount"}}, []string{id})
		if err != nil || got[0].Err != nil {
			t.Fatalf("Read: %v, %+v", err, got)
		}
		v, _ := got[0].Record.Get("Amount")
		return v
	}
	if got := amount(r.ID); !connectors.Equal(got, dollars) {
		t.Errorf("what was made in dollars reads %v", got)
	}
	u := w.conn.Update(t.Context(), []connectors.Update{{Object: "Opportunity", ID: r.ID, Fields: map[string]connectors.Value{"Amount": euros("7")}}})[0]
	if got := amount(r.ID); u.Err != nil || !connectors.Equal(got, euros("7")) {
		t.Errorf("written in euros: %v, reads %v", u.Err, got)
	}
}

// Assignment rules would move the owner of what Tenon makes.
func TestNoAssignmentRules(t *testing.T) {
	w := openOrg(t, kind{object: "Case"}, sandbox.Options{AssignmentRules: true}, nil)
	r := w.conn.Create(t.Context(), []connectors.Create{{Object: "Case", Fields: map[string]connectors.Value{"Subject": connectors.Text("x"), "OwnerId": person(mei)}}})[0]
	if got, err := w.sys.Get("Case", r.ID); r.Err != nil || err != nil || got.Fields["OwnerId"] != person(mei).Person().ID {
		t.Errorf("Create: %v; the owner is %s", r.Err, got.Fields["OwnerId"])
	}
}
