package salesforce

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

const (
	someID = "0065g00000B1abcAAB"
	userID = "0055g00000A1abcAAB"
)

func mustID(s string) string {
	id, ok := id18(s[:15])
	if !ok {
		panic(s)
	}
	return id
}

// opportunityMeta describes an object with a field of each type.
func opportunityMeta() *meta {
	field := func(name, typ string, more func(*wireField)) wireField {
		f := wireField{
			Name: name, Label: name, Type: typ, Nillable: true, Createable: true, Updateable: true, Filterable: true, Length: 255, Scale: 2,
		}
		if more != nil {
			more(&f)
		}
		return f
	}
	set := func(f *wireField) { f.Createable, f.Updateable = false, false }
	return newMeta(&wireDescribe{
		wireObject: wireObject{Name: "Opportunity", Label: "Opportunity", KeyPrefix: "006", Createable: true, Updateable: true, Deletable: true, Queryable: true},
		Fields: []wireField{
			field("Id", "id", set),
			field("Name", "string", func(f *wireField) { f.Nillable, f.NameField, f.Length = false, true, 120 }),
			field("SystemModstamp", "datetime", set), field("CreatedDate", "datetime", set), field("IsDeleted", "boolean", set),
			field("Description", "textarea", func(f *wireField) { f.Length, f.Filterable = 32000, false }),
			field("Brief__c", "textarea", func(f *wireField) { f.Length, f.HTML, f.Filterable = 32768, true, false }),
			field("Amount", "currency", nil), field("Probability", "percent", nil), field("Seats__c", "int", nil), field("Rate__c", "double", nil),
			field("CloseDate", "date", nil), field("Kickoff__c", "datetime", nil), field("Vip__c", "boolean", nil),
			field("StageName", "picklist", func(f *wireField) {
				f.Restricted = true
				f.PicklistEntries = []wirePicklist{{"New", "Neu", true}, {"Closed Won", "Gewonnen", true}, {"Old", "Alt", false}}
			}),
			field("Areas__c", "multipicklist", func(f *wireField) {
				f.PicklistEntries = []wirePicklist{{"North", "North", true}, {"South", "South", true}}
			}),
			field("OwnerId", "reference", func(f *wireField) { f.ReferenceTo, f.Label = []string{"Group", "User"}, "Owner ID" }),
			field("AccountId", "reference", func(f *wireField) { f.ReferenceTo = []string{"Account"} }),
			field("Secret__c", "encryptedstring", nil),
			field("Address__c", "address", set),
			field("Formula__c", "string", func(f *wireField) { set(f); f.Calculated = true }),
			field("Tenon_Key__c", "string", func(f *wireField) { f.Unique, f.ExternalID, f.Length = true, true, 64 }),
		},
		RecordTypes: []wireRecordType{{ID: mustID("012000000000001"), Name: "New business", Developer: "New_Business", Active: true}},
	}, map[string]bool{"StageName": true})
}

func TestRecord(t *testing.T) {
	m := opportunityMeta()
	s, err := m.resolve(connectors.Scope{"StageName": "Neu"})
	if err != nil {
		t.Fatal(err)
	}
	owner := mustID(userID)
	var w row
	if err := json.Unmarshal([]byte(`{
		"attributes":{"type":"Opportunity"},"Id":"`+mustID(someID)+`","Name":"Bridge","SystemModstamp":"2026-05-01T07:25:37.000+0000",
		"CreatedDate":"2026-04-01T07:25:37.000+0000","IsDeleted":false,"Description":"One\r\ntwo","Brief__c":"<p>A <b>bold</b> start</p>",
		"Amount":15000.50,"Probability":33.0,"Seats__c":7,"Rate__c":1.2E3,"CloseDate":"2026-12-31","Kickoff__c":"2026-05-01T07:25:37.000+0000",
		"Vip__c":false,"StageName":"New","Areas__c":"South;North","OwnerId":"`+owner+`","AccountId":null,"Secret__c":"****",
		"Address__c":{"street":"1 Quay","city":"Hull","postalCode":"HU1","state":null,"country":"UK"}}`), &w); err != nil {
		t.Fatal(err)
	}
	fields := append([]string{"Gone__c", "Never__c"}, m.order...)
	m.lost["Gone__c"] = true
	r := &reading{
		connection: "crm", instance: "https://acme.my.salesforce.com", object: "Opportunity", m: m, scope: s, fields: fields, currency: "EUR",
		people: map[string]connectors.Person{owner: {ID: owner, Name: "Ada", Email: "ada@example.com"}},
		server: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC),
	}
	rec := r.record(w)
	money, _ := connectors.Money("15000.5", "EUR")
	number := func(s string) connectors.Value { v, _ := connectors.ParseNumber(s); return v }
	for name, want := range map[string]connectors.Value{
		"Name": connectors.Text("Bridge"), "Description": connectors.Text("One\ntwo"), "Brief__c": connectors.RichText("A **bold** start"),
		"Amount": money, "Probability": number("33"), "Seats__c": number("7"), "Rate__c": number("1200"), "CloseDate": connectors.Date(2026, 12, 31),
		"Kickoff__c": connectors.Instant(time.Date(2026, 5, 1, 7, 25, 37, 0, time.UTC)), "Vip__c": connectors.Bool(false),
		"StageName": connectors.Choice(connectors.Option{ID: "New", Label: "Neu"}), "Areas__c": connectors.Labels("North", "South"),
		"OwnerId": connectors.PersonValue(connectors.Person{ID: owner}), "AccountId": connectors.Null,
		"Address__c": connectors.Text("1 Quay\nHU1 Hull\nUK"),
	} {
		if got, p := rec.Get(name); p != connectors.Present || !connectors.Equal(got, want) {
			t.Errorf("%s: got %v (%v), want %v", name, got, p, want)
		}
	}
	for name, want := range map[string]connectors.Presence{"Secret__c": connectors.Hidden, "Gone__c": connectors.Hidden, "Never__c": connectors.Absent, "Formula__c": connectors.Absent} {
		if _, got := rec.Get(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if rec.Version != "2026-05-01T07:25:37.000Z" || !rec.InScope || rec.Title != "Bridge" || rec.State != connectors.Live ||
		rec.URL != "https://acme.my.salesforce.com/lightning/r/Opportunity/"+mustID(someID)+"/view" {
		t.Errorf("record: got %+v", rec)
	}
}

// A stamp of the present second may stand for another change yet.
func TestVersion(t *testing.T) {
	stamp := time.Date(2026, 5, 1, 7, 25, 37, 0, time.UTC)
	for _, tc := range []struct {
		server time.Time
		want   string
	}{
		{stamp, ""},
		{stamp.Add(time.Second), ""},
		{stamp.Add(2 * time.Second), "2026-05-01T07:25:37.000Z"},
		{stamp.Add(-time.Hour), ""},
		{time.Time{}, ""},
	} {
		if got := versionOf(stamp, tc.server); got != tc.want {
			t.Errorf("version at %v: got %q, want %q", tc.server, got, tc.want)
		}
	}
}

func TestDeletedAndMerged(t *testing.T) {
	m := opportunityMeta()
	yes, into := "true", mustID("006000000000009")
	id := mustID(someID)
	r := &reading{m: m, object: "Opportunity"}
	if got := r.record(row{"Id": &id, "IsDeleted": &yes}).State; got != connectors.Archived {
		t.Errorf("deleted: got %v", got)
	}
	rec := r.record(row{"Id": &id, "IsDeleted": &yes, "MasterRecordId": &into})
	if rec.State != connectors.Merged || rec.MergedInto != into {
		t.Errorf("merged: got %v into %q", rec.State, rec.MergedInto)
	}
}

func TestEncode(t *testing.T) {
	m := opportunityMeta()
	people := map[string]connectors.Person{"ada@example.com": {ID: mustID(userID)}}
	money, _ := connectors.Money("12.5", "EUR")
	for _, tc := range []struct {
		field string
		v     connectors.Value
		want  any
		fails string
	}{
		{"Name", connectors.Text("x"), "x", ""},
		{"Name", connectors.Text(strings.Repeat("ü", 121)), nil, "121 characters where Salesforce takes 120"},
		{"Name", connectors.Null, nil, ""},
		{"Amount", money, json.Number("12.5"), ""},
		{"Amount", connectors.Int(3), json.Number("3"), ""},
		{"Amount", connectors.Text("3"), nil, "a value of type text where Salesforce wants money"},
		{"Vip__c", connectors.Bool(true), true, ""},
		{"Vip__c", connectors.Null, nil, "a checkbox is on or off, never empty"},
		{"CloseDate", connectors.Date(2026, 12, 31), "2026-12-31", ""},
		{"Kickoff__c", connectors.Instant(time.UnixMilli(1777620337123)), "2026-05-01T07:25:37.123Z", ""},
		{"StageName", connectors.Choice(connectors.Option{ID: "New"}), "New", ""},
		{"StageName", connectors.Choice(connectors.Option{Label: "gewonnen"}), "Closed Won", ""},
		{"StageName", connectors.Choice(connectors.Option{Label: "nope"}), nil, `"nope" is no option of this field`},
		{"Areas__c", connectors.Labels("South", "North"), "North;South", ""},
		{"Areas__c", connectors.Labels("a;b"), nil, `an option cannot hold a semicolon: "a;b"`},
		{"OwnerId", connectors.PersonValue(connectors.Person{Email: "ada@example.com"}), mustID(userID), ""},
		{"OwnerId", connectors.PersonValue(connectors.Person{Email: "no@example.com"}), nil, "no active user in Salesforce has the e-mail no@example.com"},
		{"AccountId", connectors.Reference("Account", "001000000000001", ""), mustID("001000000000001"), ""},
		{"AccountId", connectors.Text("none"), nil, `"none" is no id of a record`},
		{"Brief__c", connectors.Text("a < b\nc"), "<p>a &lt; b<br>c</p>", ""},
	} {
		got, err := m.props[tc.field].encode(tc.v, people)
		if fails := fmt.Sprint(err); tc.fails != "" && fails != tc.fails {
			t.Errorf("%s = %v: got error %v, want %s", tc.field, tc.v, err, tc.fails)
		} else if tc.fails == "" && (err != nil || got != tc.want) {
			t.Errorf("%s = %v: got %#v, %v, want %#v", tc.field, tc.v, got, err, tc.want)
		}
	}
}

// A record has one currency for all its amounts; an org with one has no field
// for it.
func TestCurrencies(t *testing.T) {
	money := func(amount, currency string) connectors.Value {
		v, err := connectors.Money(amount, currency)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	many := opportunityMeta()
	many.props[fieldCurrency] = &property{name: fieldCurrency, wire: "picklist", typ: connectors.TypeOption, open: true, creatable: true, writable: true}
	many.fold["currencyisocode"] = fieldCurrency
	many.props["Cost__c"] = &property{name: "Cost__c", wire: "currency", typ: connectors.TypeMoney, creatable: true, writable: true}
	for _, tc := range []struct {
		name   string
		m      *meta
		own    string // of an org with one
		fields map[string]connectors.Value
		want   map[string]any
		fails  string
	}{
		{"one currency, not said", opportunityMeta(), "", map[string]connectors.Value{"Amount": money("5", "USD")}, map[string]any{"Amount": json.Number("5")}, ""},
		{"one currency, another amount", opportunityMeta(), "EUR", map[string]connectors.Value{"Amount": money("5", "USD")}, nil, "an amount in USD where the org has EUR only"},
		{"many currencies", many, "", map[string]connectors.Value{"Amount": money("5", "USD")}, map[string]any{"Amount": json.Number("5"), fieldCurrency: "USD"}, ""},
		{"many currencies, none told", many, "", map[string]connectors.Value{"Amount": money("5", "")}, map[string]any{"Amount": json.Number("5")}, ""},
		{"two in one record", many, "", map[string]connectors.Value{"Amount": money("5", "USD"), "Cost__c": money("5", "EUR")}, nil, "an amount in EUR beside one in USD: a record has one currency"},
	} {
		w := &writer{c: &connection{o: options{currency: tc.own}}, m: tc.m, object: "Opportunity", op: "update"}
		if tc.fails == "" {
			j, err := w.encode(tc.fields, false)
			if diff := cmp.Diff(tc.want, j.body); diff != "" || err != nil {
				t.Errorf("%s (-want +got), %v:\n%s", tc.name, err, diff)
			}
			continue
		}
		_, err := w.encode(tc.fields, false)
		e, ok := asError(err)
		if !ok || e.Kind != connectors.Invalid || len(e.Fields) != 1 || !strings.HasPrefix(e.Fields[0].Reason, "an amount in") {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.fails)
		}
	}
	r := &reading{m: many, currency: "EUR", fields: []string{"Amount"}, object: "Opportunity"}
	five, dollars := "5.0", "USD"
	if got, _ := r.record(row{"Amount": &five, fieldCurrency: &dollars}).Get("Amount"); !connectors.Equal(got, money("5", "USD")) {
		t.Errorf("read: got %v", got)
	}
}

func TestScope(t *testing.T) {
	m := opportunityMeta()
	s, err := m.resolve(connectors.Scope{"stagename": "closed won", "RecordType": "New business", "parent": "accountid", "vip__c": "true"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"StageName": "Closed Won", "RecordTypeId": mustID("012000000000001"), "Vip__c": "true"}
	if diff := cmp.Diff(want, s.equal); diff != "" || s.parent != "AccountId" {
		t.Errorf("scope (-want +got), parent %q:\n%s", s.parent, diff)
	}
	for _, in := range []connectors.Scope{{"StageName": "nowhere"}, {"RecordType": "x"}, {"Nothing": "x"}, {"Description": "x"}, {"parent": "Name"}, {"Vip__c": "maybe"}} {
		if _, err := m.resolve(in); err == nil {
			t.Errorf("scope %v makes sense", in)
		}
	}
}

func TestSchema(t *testing.T) {
	s := opportunityMeta().schema("Opportunity", scope{})
	for name, want := range map[string]connectors.Field{
		"Name":       {Name: "Name", Label: "Name", Type: connectors.TypeText, Writable: true, Creatable: true, Required: true, Findable: true, OneLine: true, MaxLength: 120, Scale: -1},
		"Amount":     {Name: "Amount", Label: "Amount", Type: connectors.TypeMoney, Writable: true, Creatable: true, Clearable: true, Findable: true, OneLine: true, Scale: 2},
		"OwnerId":    {Name: "OwnerId", Label: "Owner", Type: connectors.TypePerson, Writable: true, Creatable: true, Clearable: true, Findable: true, OneLine: true, Scale: -1},
		"AccountId":  {Name: "AccountId", Label: "AccountId", Type: connectors.TypeReference, Writable: true, Creatable: true, Clearable: true, Findable: true, OneLine: true, Scale: -1, Object: "Account"},
		"Formula__c": {Name: "Formula__c", Label: "Formula__c", Type: connectors.TypeText, ReadOnly: "Salesforce computes it", Findable: true, OneLine: true, MaxLength: 255, Scale: -1},
	} {
		if diff := cmp.Diff(want, *s.Field(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	stage := s.Field("StageName")
	if len(stage.Options) != 2 || stage.Open || !stage.History || stage.Options[1].Label != "Gewonnen" {
		t.Errorf("StageName: got %+v", stage)
	}
}

// FuzzRow: a row of any form is read or refused, and what was read is told the
// same again.
func FuzzRow(f *testing.F) {
	f.Add([]byte(`{"Id":"0065g00000B1abcAAB","Name":"x","Amount":1.5E3,"Areas__c":"a;b","Owner":{"attributes":{},"Name":"Ada"},"Kickoff__c":"2026-05-01T07:25:37.000+0000"}`))
	f.Add([]byte(`{"Address__c":{"street":null,"city":"Hull"},"Vip__c":true,"Secret__c":"***","OwnerId":"0055g00000A1abcAAB"}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":1}}}}}}}}`))
	m := opportunityMeta()
	r := &reading{m: m, object: "Opportunity", fields: m.order, server: time.Now()}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var w row
		if json.Unmarshal(raw, &w) != nil {
			return
		}
		one, two := r.record(w), r.record(w)
		for name, v := range one.Fields {
			again, p := two.Get(name)
			if p != connectors.Present || !connectors.Equal(v, again) {
				t.Fatalf("%s: got %v, then %v", name, v, again)
			}
			p2 := m.props[name]
			if v.IsNull() || p2.compound {
				continue
			}
			if v.Type() != p2.typ && v.Type() != connectors.TypeText {
				t.Fatalf("%s is %v, want %v", name, v.Type(), p2.typ)
			}
		}
		if one.Ref.ID != "" && !isID(one.Ref.ID) {
			t.Fatalf("id %q", one.Ref.ID)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	var fields []wireField
	var body strings.Builder
	body.WriteString(`{"attributes":{"type":"Opportunity","url":"/services/data/v66.0/sobjects/Opportunity/0065g00000B1abcAAB"},"Id":"0065g00000B1abcAAB"`)
	for i := range 40 {
		name := fmt.Sprintf("Field_%02d__c", i)
		typ, value := "string", `"Some text of a usual length"`
		switch i % 5 {
		case 1:
			typ, value = "currency", `15000.50`
		case 2:
			typ, value = "datetime", `"2026-05-01T07:25:37.000+0000"`
		case 3:
			typ, value = "picklist", `"Closed Won"`
		case 4:
			typ, value = "date", `"2026-12-31"`
		}
		fields = append(fields, wireField{Name: name, Label: name, Type: typ, Createable: true, Updateable: true})
		body.WriteString(`,"` + name + `":` + value)
	}
	body.WriteString("}")
	m := newMeta(&wireDescribe{wireObject: wireObject{Name: "Opportunity"}, Fields: fields}, nil)
	r := &reading{m: m, object: "Opportunity", fields: m.order}
	raw := []byte(body.String())
	b.ReportAllocs()
	for b.Loop() {
		var w row
		if err := json.Unmarshal(raw, &w); err != nil {
			b.Fatal(err)
		}
		r.record(w)
	}
}
