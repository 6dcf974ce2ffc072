package pubsub

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hamba/avro/v2"
)

func accounts() Object {
	address := func(name string) Field {
		f := Field{Name: name, Kind: Compound, Type: "Address"}
		for _, part := range []string{"Street", "City", "State", "PostalCode", "Country", "StateCode", "CountryCode"} {
			f.Parts = append(f.Parts, Field{Name: part})
		}
		f.Parts = append(f.Parts, Field{Name: "Latitude", Kind: Double})
		return f
	}
	return Object{Name: "Account", Fields: []Field{
		{Name: "Name", Kind: Compound, Type: "Switchable_PersonName", Text: true, Parts: []Field{{Name: "FirstName"}, {Name: "LastName"}}},
		{Name: "Type"},
		address("BillingAddress"), address("ShippingAddress"),
		{Name: "AnnualRevenue", Kind: Double},
		{Name: "NumberOfEmployees", Kind: Int},
		{Name: "IsPartner", Kind: Boolean},
		{Name: "LastModifiedDate", Kind: Long},
	}}
}

// TestEventsAreAvro reads events with a decoder of others.
func TestEventsAreAvro(t *testing.T) {
	t.Parallel()
	s, err := schemaOf(accounts())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := avro.ParseWithCache(s.json, "", &avro.SchemaCache{})
	if err != nil {
		t.Fatalf("the schema cannot be read: %v\n%s", err, s.json)
	}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	payload, err := s.encode(header{
		entity: "Account", kind: "UPDATE", records: []string{"001A", "001B"}, at: at, number: 1745500706683617281, sequence: 2,
		changed: s.bitmaps([]string{"Type", "BillingAddress.City", "LastModifiedDate"}), nulled: s.bitmaps([]string{"Type"}),
	}, map[string]any{
		"Name": "Harbourworks", "BillingAddress": map[string]any{"City": "Hull", "Latitude": "53.75"}, "AnnualRevenue": "12.5",
		"NumberOfEmployees": 7, "IsPartner": true, "LastModifiedDate": at,
	})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := avro.Unmarshal(parsed, payload, &got); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, want := range []string{
		`"entityName":"Account"`, `"recordIds":["001A","001B"]`, `"changeType":"UPDATE"`, `"sequenceNumber":2`, `"commitNumber":1745500706683617281`,
		`"commitTimestamp":1772442000000`, `"changedFields":["0x0104","3-0x02"]`, `"nulledFields":["0x04"]`, `"Harbourworks"`, `"Hull"`, `"ShippingAddress":null`,
		`12.5`, `53.75`, `true`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the event lacks %s:\n%s", want, text)
		}
	}
}

// TestBitmapsAreTheVendors holds bitmaps to the published vectors, where they are
// at hand: fields are told by their place in the account's schema.
func TestBitmapsAreTheVendors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "samples", "salesforce", "cdc.bitmap_vectors.json"))
	if err != nil {
		t.Skip("the samples are not here")
	}
	var samples struct {
		Vectors []struct{ Wire, Fields []string }
	}
	if err := json.Unmarshal(raw, &samples); err != nil {
		t.Fatal(err)
	}
	// The order of fields that the vectors name; those between do not matter.
	order := map[int]string{2: "Type", 16: "Description", 22: "LastModifiedDate"}
	s := &schema{}
	for i := 1; i <= 23; i++ {
		f := Field{Name: order[i]}
		if i == 4 {
			f = Field{Name: "BillingAddress", Kind: Compound, Parts: []Field{{Name: "Street"}, {Name: "City"}, {Name: "State"}}}
		}
		s.fields = append(s.fields, f)
	}
	for _, v := range samples.Vectors {
		got := s.bitmaps(v.Fields)
		if got == nil {
			got = []string{}
		}
		if diff := cmp.Diff(v.Wire, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", v.Fields, diff)
		}
	}
}

func TestTheSchemasIDFollowsTheFields(t *testing.T) {
	t.Parallel()
	one, err := schemaOf(accounts())
	if err != nil {
		t.Fatal(err)
	}
	more := accounts()
	more.Fields = append(more.Fields, Field{Name: "Rating"})
	two, err := schemaOf(more)
	if err != nil {
		t.Fatal(err)
	}
	again, err := schemaOf(accounts())
	if err != nil {
		t.Fatal(err)
	}
	if one.id == two.id || one.id != again.id || len(one.id) != 22 {
		t.Errorf("ids %q, %q, %q: want the same for the same fields, and another for others", one.id, two.id, again.id)
	}
}

func TestTheSameChangeIsOneEvent(t *testing.T) {
	t.Parallel()
	change := func(id, kind, name string) Change {
		return Change{Object: "Account", ID: id, Type: kind, Changed: []string{"Type"}, Values: map[string]any{"Type": name}}
	}
	groups := grouped([]Change{
		change("1", "UPDATE", "a"), change("2", "UPDATE", "a"), change("3", "UPDATE", "b"), change("4", "CREATE", "b"), change("5", "CREATE", "b"),
		{Object: "Account", ID: "6", Type: "DELETE"},
		{Object: "Account", ID: "7", Type: "DELETE"},
	})
	var got []int
	for _, g := range groups {
		got = append(got, len(g))
	}
	if diff := cmp.Diff([]int{2, 1, 1, 1, 2}, got); diff != "" {
		t.Errorf("records of each event (-want +got):\n%s", diff)
	}
}
