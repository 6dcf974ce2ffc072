package hubspot

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tenonsync/tenon/connectors"
)

// sameValue compares values in their normal form.
var sameValue = cmp.Comparer(connectors.Equal)

func testPeople() *people {
	return newPeople([]wireOwner{
		{ID: "71", Email: "Ada@Example.com", First: "Ada", Last: "L", UserID: "900"},
		{ID: "72", Email: "gone@example.com", UserID: "901", Archived: true},
		{ID: "73", Email: "gone@example.com", UserID: "902"},
	})
}

func testProperty(t *testing.T, w wireProperty) *property {
	t.Helper()
	return newProperty(&w, standardType("deals"))
}

var dealtype = wireProperty{
	Name: "dealtype", Type: "enumeration", FieldType: "radio",
	Options: []wireOption{{Label: "New Business", Value: "newbusiness"}, {Label: "Existing Business", Value: "existing"}},
}

func number(t *testing.T, s string) connectors.Value {
	t.Helper()
	v, err := connectors.ParseNumber(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDecode(t *testing.T) {
	checkbox := dealtype
	checkbox.FieldType = "checkbox"
	tests := []struct {
		name string
		p    wireProperty
		raw  string
		want connectors.Value
	}{
		{"text", wireProperty{Name: "a", Type: "string", FieldType: "text"}, "x", connectors.Text("x")},
		{"line ends", wireProperty{Name: "a", Type: "string", FieldType: "textarea"}, "x\r\ny", connectors.Text("x\ny")},
		{"rich text", wireProperty{Name: "a", Type: "string", FieldType: "html"}, "<p>a <b>b</b></p>", connectors.RichText("a **b**")},
		{"rich text without text", wireProperty{Name: "a", Type: "string", FieldType: "html"}, "<p><br></p>", connectors.Null},
		{"note body", wireProperty{Name: "hs_note_body", Type: "string", FieldType: "textarea"}, "<p>a</p>", connectors.RichText("a")},
		{"number", wireProperty{Name: "amount", Type: "number"}, "5000.00", number(t, "5000")},
		{"number that is none", wireProperty{Name: "amount", Type: "number"}, "5,000", connectors.Text("5,000")},
		{"bool", wireProperty{Name: "b", Type: "bool", FieldType: "booleancheckbox"}, "true", connectors.Bool(true)},
		{"yes-no enumeration", wireProperty{
			Name: "b", Type: "enumeration", FieldType: "booleancheckbox",
			Options: []wireOption{{"Yes", "true", false}, {"No", "false", false}},
		}, "false", connectors.Bool(false)},
		{"date", wireProperty{Name: "d", Type: "date"}, "2026-03-12", connectors.Date(2026, 3, 12)},
		{"date as milliseconds", wireProperty{Name: "d", Type: "date"}, "1773273600000", connectors.Date(2026, 3, 12)},
		{"instant", wireProperty{Name: "d", Type: "datetime"}, "2026-03-12T07:34:03.846Z", connectors.Instant(time.UnixMilli(1773300843846))},
		{"instant without milliseconds", wireProperty{Name: "d", Type: "datetime"}, "2026-03-12T10:00:00Z", connectors.Instant(time.Date(2026, 3, 12, 10, 0, 0, 0, time.UTC))},
		{"option", dealtype, "existing", connectors.Choice(connectors.Option{ID: "existing", Label: "Existing Business"})},
		{"options", checkbox, "existing;newbusiness", connectors.Choices(connectors.Option{ID: "newbusiness"}, connectors.Option{ID: "existing"})},
		{"options after an append", checkbox, ";existing;", connectors.Choices(connectors.Option{ID: "existing"})},
		{"owner", wireProperty{Name: "hubspot_owner_id", Type: "enumeration"}, "71", connectors.PersonValue(connectors.Person{ID: "71"})},
		{"empty", dealtype, "", connectors.Null},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := testProperty(t, tt.p).decode(&tt.raw, testPeople())
			if diff := cmp.Diff(tt.want, got, sameValue); diff != "" {
				t.Errorf("decode(%q) = %s %q, want %s %q", tt.raw, got.Type(), got, tt.want.Type(), tt.want)
			}
		})
	}
	if got := testProperty(t, dealtype).decode(nil, nil); !got.IsNull() {
		t.Errorf("decode(null) = %q, want null", got)
	}
	raw := "71"
	owner := testProperty(t, wireProperty{Name: ownerProperty}).decode(&raw, testPeople()).Person()
	if want := (connectors.Person{ID: "71", Email: "ada@example.com", Name: "Ada L"}); owner != want {
		t.Errorf("owner = %+v, want %+v", owner, want)
	}
}

func TestEncode(t *testing.T) {
	checkbox := dealtype
	checkbox.FieldType = "checkbox"
	money, err := connectors.Money("12.50", "EUR")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		p       wireProperty
		v       connectors.Value
		want    string
		wantErr string
	}{
		{"null clears", dealtype, connectors.Null, "", ""},
		{"text", wireProperty{Name: "a", Type: "string"}, connectors.Text("x"), "x", ""},
		{"number into text", wireProperty{Name: "a", Type: "string"}, connectors.Int(7), "7", ""},
		{"rich text", wireProperty{Name: "a", Type: "string", FieldType: "html"}, connectors.RichText("a **b**"), "<p>a <strong>b</strong></p>", ""},
		{"plain into rich text", wireProperty{Name: "a", Type: "string", FieldType: "html"}, connectors.Text("a <b>\nc"), "<p>a &lt;b&gt;<br>c</p>", ""},
		{"number", wireProperty{Name: "n", Type: "number"}, number(t, "12.50"), "12.5", ""},
		{"money", wireProperty{Name: "n", Type: "number"}, money, "12.5", ""},
		{"text into number", wireProperty{Name: "n", Type: "number"}, connectors.Text("12"), "", "a value of type text where HubSpot wants number"},
		{"bool", wireProperty{Name: "b", Type: "bool"}, connectors.Bool(true), "true", ""},
		{"date", wireProperty{Name: "d", Type: "date"}, connectors.Date(2026, 3, 12), "2026-03-12", ""},
		{"instant into date", wireProperty{Name: "d", Type: "date"}, connectors.Instant(time.Unix(0, 0)), "", "a value of type instant where HubSpot wants date"},
		{"instant", wireProperty{Name: "d", Type: "datetime"}, connectors.Instant(time.UnixMilli(1773300843846)), "2026-03-12T07:34:03.846Z", ""},
		{"date into instant", wireProperty{Name: "d", Type: "datetime"}, connectors.Date(2026, 3, 12), "2026-03-12T00:00:00.000Z", ""},
		{"option", dealtype, connectors.Choice(connectors.Option{ID: "existing"}), "existing", ""},
		{"option by label", dealtype, connectors.Choice(connectors.Option{Label: "new business"}), "newbusiness", ""},
		{"option that is none", dealtype, connectors.Choice(connectors.Option{Label: "Old"}), "", `"Old" is none of newbusiness (New Business), existing (Existing Business)`},
		{"options", checkbox, connectors.Choices(connectors.Option{ID: "b"}, connectors.Option{ID: "a"}), "a;b", ""},
		{"owner", wireProperty{Name: ownerProperty}, connectors.PersonValue(connectors.Person{ID: "5", Email: "x@y.z"}), "5", ""},
		{"owner by e-mail, the active one", wireProperty{Name: ownerProperty}, connectors.PersonValue(connectors.Person{Email: "gone@example.com"}), "73", ""},
		{"nobody", wireProperty{Name: ownerProperty}, connectors.PersonValue(connectors.Person{Email: "x@y.z"}), "", "no owner in HubSpot has the e-mail x@y.z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := testProperty(t, tt.p).encode(tt.v, testPeople())
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got != tt.want || text != tt.wantErr {
				t.Errorf("encode = %q, %q; want %q, %q", got, text, tt.want, tt.wantErr)
			}
		})
	}
}

// What was decoded and written back decodes to the same value.
func TestDecodeEncodeDecode(t *testing.T) {
	properties := []wireProperty{
		{Name: "a", Type: "string", FieldType: "text"},
		{Name: "a", Type: "string", FieldType: "html"},
		{Name: "a", Type: "date"},
		{Name: "a", Type: "datetime"},
		{Name: "a", Type: "bool"},
		{Name: "a", Type: "enumeration", FieldType: "select"},
		{Name: "a", Type: "enumeration", FieldType: "checkbox"},
		{Name: "a", Type: "number"},
	}
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.SampledFrom(properties).Draw(t, "property")
		raw := rapid.OneOf(
			rapid.StringOfN(rapid.RuneFrom([]rune("a;0-1:.TZ <b>*_\n&é")), 0, 20, -1),
			rapid.SampledFrom([]string{"2026-03-12", "2026-03-12T10:00:00Z", "true", "-12.50", "1773300843846", "a;b"}),
		).Draw(t, "raw")
		p := newProperty(&w, standardType("deals"))
		once := p.decode(&raw, nil)
		text, err := p.encode(once, nil)
		if err != nil {
			return // a text that does not fit is shown, and refused when written
		}
		if again := p.decode(&text, nil); !connectors.Equal(once, again) {
			t.Fatalf("%s %q: once %q, again %q", w.Type, raw, once, again)
		}
	})
}

func TestRecord(t *testing.T) {
	var w wireRecord
	err := json.Unmarshal([]byte(`{"id":493561802994,"properties":{"dealname":"Roof","amount":"10.0","dealstage":null,"unheard_of":"x","pipeline":"default"},
		"createdAt":"2026-03-12T07:34:03.846Z","updatedAt":"2026-03-12T07:34:04.426Z","archived":false,"url":"https://e.com/1"}`), &w)
	if err != nil {
		t.Fatal(err)
	}
	m := newMeta(standardType("deals"), []wireProperty{
		{Name: "dealname", Type: "string"},
		{Name: "amount", Type: "number"},
		{Name: "dealstage", Type: "enumeration", FieldType: "radio"},
		{Name: "pipeline", Type: "enumeration", FieldType: "select"},
		{Name: "description", Type: "string"},
	}, []wirePipeline{{ID: "default", Label: "Sales", Stages: []wireStage{{ID: "won", Label: "Won"}}}})
	r, complete := m.record("crm", "deals", &w, scope{equal: map[string]string{"pipeline": "default"}}, nil)
	if !complete || !r.InScope || r.State != connectors.Live || r.Title != "Roof" || r.URL != "https://e.com/1" {
		t.Errorf("record = %+v, complete %v", r, complete)
	}
	if got, want := r.Ref.String(), "crm/deals/493561802994"; got != want {
		t.Errorf("ref = %q, want %q", got, want)
	}
	if got, want := r.Modified, time.UnixMilli(1773300844426).UTC(); !got.Equal(want) {
		t.Errorf("modified = %v, want %v", got, want)
	}
	for field, want := range map[string]connectors.Presence{
		"dealname": connectors.Present, "dealstage": connectors.Present, "description": connectors.Absent, "unheard_of": connectors.Absent,
	} {
		if _, got := r.Get(field); got != want {
			t.Errorf("%s is %v, want %v", field, got, want)
		}
	}
	if v, _ := r.Get("dealstage"); !v.IsNull() {
		t.Errorf("dealstage = %q, want null", v)
	}
	other := "other"
	w.Properties["pipeline"] = &other
	if r, complete = m.record("crm", "deals", &w, scope{equal: map[string]string{"pipeline": "default"}}, nil); r.InScope || complete {
		t.Errorf("in another, unknown pipeline: in scope %v, complete %v; want neither", r.InScope, complete)
	}
}

func TestSchema(t *testing.T) {
	m := newMeta(standardType("deals"), []wireProperty{
		{Name: "dealname", Label: "Deal Name", Type: "string", FieldType: "text"},
		{Name: "dealstage", Label: "Deal Stage", Type: "enumeration", FieldType: "radio", ExternalOptions: true},
		{Name: "pipeline", Label: "Pipeline", Type: "enumeration", FieldType: "select", ExternalOptions: true},
		{Name: "days_to_close", Label: "Days to close", Type: "number", FieldType: "calculation_equation", Calculated: true},
		{Name: "gone", Type: "string", Archived: true},
	}, []wirePipeline{
		{ID: "default", Label: "Sales", Stages: []wireStage{{ID: "won", Label: "Won"}, {ID: "old", Label: "Old", Archived: true}}},
		{ID: "p2", Label: "Partners", Stages: []wireStage{{ID: "won2", Label: "Won"}}},
	})
	s, err := m.resolve(connectors.Scope{"pipeline": "partners"})
	if err != nil {
		t.Fatal(err)
	}
	schema := m.schema("deals", s)
	if diff := cmp.Diff([]connectors.Option{{ID: "won2", Label: "Won"}}, schema.Field("dealstage").Options); diff != "" {
		t.Errorf("stages of one pipeline (-want +got):\n%s", diff)
	}
	if got := len(m.schema("deals", scope{}).Field("dealstage").Options); got != 2 {
		t.Errorf("stages of all pipelines: %d, want 2", got)
	}
	if f := schema.Field("days_to_close"); f.Writable || f.ReadOnly != "HubSpot computes it" || f.History {
		t.Errorf("days_to_close = %+v", f)
	}
	if schema.Field("gone") != nil {
		t.Error("an archived property is in the schema")
	}
	if f := schema.Field("dealname"); !f.Required || f.Clearable || !f.Writable || !f.OneLine {
		t.Errorf("dealname = %+v", f)
	}
	_, err = m.resolve(connectors.Scope{"pipeline": "Partner", "dealnam": "x"})
	want := `scope "dealnam": deals have no property of that name with a choice; scopes are pipeline, parent, or such a property
scope "pipeline": "Partner" is none of default (Sales), p2 (Partners)`
	if err == nil || err.Error() != want {
		t.Errorf("resolve = %v\nwant %s", err, want)
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add([]byte(`{"id":"1","properties":{"a":"x","n":"1e9","d":"2026-01-01","o":"a;b","h":"<p>x","t":"1"},"updatedAt":"2026-03-12T07:34:04Z"}`))
	f.Add([]byte(`{"id":12,"properties":null,"propertiesWithHistory":{"a":[{"value":"x","timestamp":"2026-03-12T07:34:04Z","updatedByUserId":5}]}}`))
	m := newMeta(standardType("deals"), []wireProperty{
		{Name: "a", Type: "string"},
		{Name: "n", Type: "number"},
		{Name: "d", Type: "date"},
		{Name: "t", Type: "datetime"},
		{Name: "o", Type: "enumeration", FieldType: "checkbox"},
		{Name: "h", Type: "string", FieldType: "html"},
		{Name: ownerProperty},
	}, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		var w wireRecord
		if json.Unmarshal(body, &w) != nil {
			return
		}
		r, _ := m.record("c", "deals", &w, scope{}, nil)
		for name, v := range r.Fields {
			if raw := w.Properties[name]; (raw == nil || *raw == "") && !v.IsNull() {
				t.Errorf("%s: %q out of nothing", name, v)
			}
		}
		m.edits(&w, []string{"a"}, time.Time{}, nil)
	})
}

func BenchmarkRecord(b *testing.B) {
	var properties []wireProperty
	w := wireRecord{ID: "493561802994", UpdatedAt: "2026-03-12T07:34:04.426Z", CreatedAt: "2026-03-12T07:34:04.426Z", Properties: map[string]*string{}}
	kinds := []struct{ typ, fieldType, raw string }{
		{"string", "text", "A text of some words"},
		{"number", "number", "12345.50"},
		{"datetime", "date", "2026-03-12T07:34:04.426Z"},
		{"date", "date", "2026-03-12"},
		{"enumeration", "checkbox", "a;b;c"},
		{"bool", "booleancheckbox", "true"},
		{"enumeration", "select", "a"},
		{"string", "html", "<p>A <b>rich</b> text</p>"},
	}
	for i := range 40 {
		k := kinds[i%len(kinds)]
		name := fmt.Sprintf("p%d", i)
		properties = append(properties, wireProperty{Name: name, Type: k.typ, FieldType: k.fieldType})
		w.Properties[name] = &k.raw
	}
	m := newMeta(standardType("deals"), properties, nil)
	for b.Loop() {
		m.record("c", "deals", &w, scope{}, nil)
	}
}

func TestCursor(t *testing.T) {
	at := cursor{From: 12, To: 15, Seen: 14, ID: "77", Archive: archiveCursor{Since: 3, Before: 4, Due: 99}}
	back, ok := parseCursor(at.String())
	at.Version = cursorVersion
	if !ok || back != at {
		t.Errorf("parseCursor = %+v, %v; want %+v", back, ok, at)
	}
	for _, bad := range []string{"x", "{}", strings.Repeat("A", 40), "eyJ2Ijo5fQ", cursor{From: -1}.String(), cursor{ID: "1 OR 1"}.String()} {
		if _, ok := parseCursor(bad); ok {
			t.Errorf("parseCursor(%q) is taken", bad)
		}
	}
}
