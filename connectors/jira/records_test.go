package jira

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	gojira "github.com/andygrunwald/go-jira"
	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

func testConnection() *Connection {
	return &Connection{name: "jira-test", cloud: true, site: "https://acme.atlassian.net", api: "/rest/api/3", clock: connectors.SystemClock(), resolution: "Done"}
}

func fieldOf(id, kind, items, custom string) *field {
	s := gojira.FieldSchema{Type: kind, Items: items}
	if custom != "" {
		s.Custom = "com.atlassian.jira.plugin.system.customfieldtypes:" + custom
	}
	return &field{id: id, name: id, schema: s, shape: shapeOf(id, s)}
}

func num(s string) connectors.Value {
	v, err := connectors.ParseNumber(s)
	if err != nil {
		panic(err)
	}
	return v
}

func TestDecodeAndEncode(t *testing.T) {
	option := func(id, label string) connectors.Option { return connectors.Option{ID: id, Label: label} }
	for _, c := range []struct {
		name  string
		field *field
		raw   string
		want  connectors.Value
		wire  string // what is written for the value; "": not written
	}{
		{"text", fieldOf("summary", "string", "", ""), `"A"`, connectors.Text("A"), `"A"`},
		{"empty text", fieldOf("customfield_1", "string", "", "textfield"), `""`, connectors.Null, `null`},
		{"null", fieldOf("customfield_1", "string", "", "textfield"), `null`, connectors.Null, `null`},
		{"exact number", fieldOf("customfield_2", "number", "", "float"), `12345678901234567.125`, num("12345678901234567.125"), `12345678901234567.125`},
		{"number with exponent", fieldOf("customfield_2", "number", "", "float"), `1.5E+3`, num("1500"), `1500`},
		{"date", fieldOf("duedate", "date", "", ""), `"2026-03-29"`, connectors.Date(2026, 3, 29), `"2026-03-29"`},
		{"instant", fieldOf("customfield_3", "datetime", "", "datetime"), `"2019-02-15T19:01:52.971-0800"`, connectors.Instant(time.Date(2019, 2, 16, 3, 1, 52, 971e6, time.UTC)), `"2019-02-16T03:01:52.971+0000"`},
		{"select", fieldOf("customfield_4", "option", "", "select"), `{"id":"10","value":"red"}`, connectors.Choice(option("10", "red")), `{"id":"10"}`},
		{"priority", fieldOf("priority", "priority", "", ""), `{"id":"3","name":"High"}`, connectors.Choice(option("3", "High")), `{"id":"3"}`},
		{"number as id", fieldOf("priority", "priority", "", ""), `{"id":3,"name":"High"}`, connectors.Choice(option("3", "High")), `{"id":"3"}`},
		{"multi select", fieldOf("customfield_5", "array", "option", "multiselect"), `[{"id":"2","value":"b"},{"id":"1","value":"a"}]`, connectors.Choices(option("1", "a"), option("2", "b")), `[{"id":"1"},{"id":"2"}]`},
		{"empty set", fieldOf("components", "array", "component", ""), `[]`, connectors.Null, `[]`},
		{"labels", fieldOf("labels", "array", "string", ""), `["b","a"]`, connectors.Labels("a", "b"), `["a","b"]`},
		{"cascade", fieldOf("customfield_6", "option-with-child", "", "cascadingselect"), `{"id":"1","value":"Europe","child":{"id":"2","value":"Berlin"}}`, connectors.Choice(option("1/2", "Europe / Berlin")), `{"child":{"id":"2"},"id":"1"}`},
		{"cascade without child", fieldOf("customfield_6", "option-with-child", "", "cascadingselect"), `{"id":"1","value":"Europe"}`, connectors.Choice(option("1", "Europe")), `{"id":"1"}`},
		{"parent", fieldOf("parent", "issuelink", "", ""), `{"id":"10001","key":"A-1"}`, connectors.Reference("issue", "10001", "A-1"), `{"id":"10001"}`},
		{"description", fieldOf("description", "string", "", ""), `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"hi"}]}]}`, connectors.RichText("hi"), `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"hi"}]}]}`},
		{"empty document", fieldOf("description", "string", "", ""), `{"type":"doc","version":1,"content":[]}`, connectors.Null, `null`},
		{"wiki text", fieldOf("description", "string", "", ""), `"*bold*"`, connectors.RichText("**bold**"), `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","marks":[{"type":"strong"}],"text":"bold"}]}]}`},
		{"app's text", fieldOf("customfield_7", "any", "", "someapp"), `"x"`, connectors.Text("x"), ""},
		{"app's object", fieldOf("customfield_7", "any", "", "someapp"), `{ "a": 1 }`, connectors.Text(`{"a":1}`), ""},
		{"people", fieldOf("customfield_8", "array", "user", "multiuserpicker"), `[{"accountId":"u1","displayName":"Ann"}]`, connectors.Choices(option("u1", "Ann")), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := testConnection()
			got, err := conn.decode(c.field, json.RawMessage(c.raw))
			if err != nil || !connectors.Equal(got, c.want) || got.String() != c.want.String() {
				t.Fatalf("decode: %v %q, %v; want %v %q", got.Type(), got, err, c.want.Type(), c.want)
			}
			if c.wire == "" {
				if why := c.field.readOnly(); why == "" {
					t.Errorf("the field is not read only")
				}
				return
			}
			wire, err := conn.encode(c.field, got)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(wire)
			if err != nil {
				t.Fatal(err)
			}
			var g, w any
			if json.Unmarshal(raw, &g) != nil || json.Unmarshal([]byte(c.wire), &w) != nil {
				t.Fatalf("wire %s or %s is no JSON", raw, c.wire)
			}
			if diff := cmp.Diff(w, g); diff != "" {
				t.Errorf("encode (-want +got)\n%s", diff)
			}
		})
	}
}

func TestOddValuesStayAbsent(t *testing.T) {
	conn := testConnection()
	w := &issue{ID: "1", Key: "A-1", Fields: map[string]json.RawMessage{
		"summary": []byte(`{"x":1}`), "duedate": []byte(`"soon"`), "labels": []byte(`"x"`), "priority": []byte(`[1]`),
		"updated": []byte(`7`), "customfield_2": []byte(`"12"`), "created": []byte(`"2026-01-01T00:00:00.000+0000"`),
	}}
	wanted := []*field{
		fieldOf("summary", "string", "", ""), fieldOf("duedate", "date", "", ""), fieldOf("labels", "array", "string", ""),
		fieldOf("priority", "priority", "", ""), fieldOf("customfield_2", "number", "", "float"), fieldOf("created", "datetime", "", ""), fieldOf("environment", "string", "", ""),
	}
	r, odd := conn.record(w, wanted, scopeRef{})
	if diff := cmp.Diff([]string{"summary", "duedate", "labels", "priority", "customfield_2"}, odd); diff != "" {
		t.Errorf("odd fields (-want +got)\n%s", diff)
	}
	for _, f := range wanted {
		_, p := r.Get(f.id)
		if want := f.id == "created"; (p == connectors.Present) != want {
			t.Errorf("%s is %v", f.id, p)
		}
	}
	if !r.Modified.IsZero() || r.Version != "" || r.URL != "https://acme.atlassian.net/browse/A-1" {
		t.Errorf("record %+v", r)
	}
}

func TestEncodeRefusesOtherTypes(t *testing.T) {
	conn := testConnection()
	for _, c := range []struct {
		field *field
		v     connectors.Value
	}{
		{fieldOf("customfield_2", "number", "", "float"), connectors.Text("12")},
		{fieldOf("duedate", "date", "", ""), connectors.Text("2026-01-01")},
		{fieldOf("customfield_3", "datetime", "", "datetime"), connectors.Date(2026, 1, 1)},
		{fieldOf("priority", "priority", "", ""), connectors.Text("High")},
		{fieldOf("labels", "array", "string", ""), connectors.Text("a")},
		{fieldOf("parent", "issuelink", "", ""), connectors.Text("A-1")},
		{fieldOf("summary", "string", "", ""), connectors.Labels("a")},
		{fieldOf("customfield_7", "any", "", "someapp"), connectors.Text("x")},
	} {
		if got, err := conn.encode(c.field, c.v); err == nil {
			t.Errorf("%s took a %s: %v", c.field.id, c.v.Type(), got)
		}
	}
}

func TestJQLTime(t *testing.T) {
	load := func(name string) *time.Location {
		l, err := time.LoadLocation(name)
		if err != nil {
			t.Skipf("no zone %s on this machine", name)
		}
		return l
	}
	for _, c := range []struct {
		name, zone string
		at         time.Time
		want       string
	}{
		{"floored to the minute", "UTC", time.Date(2026, 3, 2, 9, 30, 59, 999e6, time.UTC), "2026/03/02 09:30"},
		{"behind", "America/Los_Angeles", time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC), "2026/03/01 19:00"},
		{"ahead by a half hour", "Asia/Kolkata", time.Date(2026, 3, 2, 20, 0, 0, 0, time.UTC), "2026/03/03 01:30"},
		// 01:30 happens twice in New York on 1 November 2026. The time that is
		// written must not lie too late in either reading.
		{"second half past one", "America/New_York", time.Date(2026, 11, 1, 6, 30, 0, 0, time.UTC), "2026/11/01 01:30"},
		{"first half past one", "America/New_York", time.Date(2026, 11, 1, 5, 30, 0, 0, time.UTC), "2026/11/01 00:30"},
		{"clocks go forward", "Europe/Berlin", time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC), "2026/03/29 01:30"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := jqlTime(c.at, load(c.zone)); got != c.want {
				t.Errorf("jqlTime: %s, want %s", got, c.want)
			}
		})
	}
	w := walk{Zone: "No/Such_Zone", Since: 1}
	if _, offset := time.Now().In(w.location()).Zone(); offset != -12*60*60 {
		t.Errorf("an unknown zone lies %d s off UTC; want the earliest there is", offset)
	}
}

func TestWalkIsReadBack(t *testing.T) {
	for _, w := range []walk{{}, {Since: 5}, {Since: 1, Zone: "Asia/Tokyo", Begun: 2, Token: "t/+=", Start: 3, Last: 4}} {
		got, err := parseWalk(w.String())
		if err != nil || got != w {
			t.Errorf("parseWalk: %+v, %v; want %+v", got, err, w)
		}
	}
}

func TestQuoteJQL(t *testing.T) {
	for in, want := range map[string]string{
		`a "b" \c`: `"a \"b\" \\c"`, "x\ny": `"x\ny"`, "": `""`, `" OR project = X`: `"\" OR project = X"`,
	} {
		if got := quoteJQL(in); got != want {
			t.Errorf("quoteJQL(%q) = %s, want %s", in, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	shapes := []*field{
		fieldOf("summary", "string", "", ""), fieldOf("description", "string", "", ""), fieldOf("customfield_2", "number", "", "float"),
		fieldOf("duedate", "date", "", ""), fieldOf("customfield_3", "datetime", "", "datetime"), fieldOf("priority", "priority", "", ""),
		fieldOf("components", "array", "component", ""), fieldOf("labels", "array", "string", ""), fieldOf("assignee", "user", "", ""),
		fieldOf("parent", "issuelink", "", ""), fieldOf("customfield_6", "option-with-child", "", "cascadingselect"), fieldOf("customfield_7", "any", "", "app"),
	}
	for i, raw := range []string{
		`"a"`, `{"type":"doc","content":[{"type":"paragraph"}]}`, `1e400`, `"2026-02-30"`, `"2026-01-01T00:00:00.000+9900"`, `{"id":[]}`, `[{"id":1},null]`, `["a",null]`, `{"accountId":null}`, `{"id":"","key":3}`, `{"id":"1","child":{"child":{}}}`, `[[[`,
	} {
		f.Add(uint8(i), []byte(raw))
	}
	conn := testConnection()
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		fld := shapes[int(which)%len(shapes)]
		v, err := conn.decode(fld, raw)
		if err != nil {
			return
		}
		if !v.IsNull() && v.Type() != fld.typeOf() {
			t.Fatalf("%s: a value of type %v, want %v", fld.id, v.Type(), fld.typeOf())
		}
		if fld.readOnly() != "" || fld.shape == person || fld.shape == opaque {
			return
		}
		wire, err := conn.encode(fld, v)
		if err != nil {
			t.Fatalf("%s: what was read cannot be written: %v", fld.id, err)
		}
		if _, err := json.Marshal(wire); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(walk{Since: 1, Token: "x"}.String())
	f.Add("jira1.")
	f.Add("")
	f.Fuzz(func(t *testing.T, cursor string) {
		w, err := parseWalk(cursor)
		if err != nil {
			return
		}
		if again, err := parseWalk(w.String()); err != nil || again != w {
			t.Fatalf("%+v is read back as %+v, %v", w, again, err)
		}
		_ = w.jql(scopeRef{project: "1"})
	})
}

func BenchmarkRecord(b *testing.B) {
	conn := testConnection()
	w := &issue{ID: "10001", Key: "A-1", Fields: map[string]json.RawMessage{
		"summary": []byte(`"Benchmark"`), "updated": []byte(`"2026-01-01T00:00:00.000+0000"`), "created": []byte(`"2026-01-01T00:00:00.000+0000"`),
		"project": []byte(`{"id":"1"}`), "issuetype": []byte(`{"id":"2"}`), "description": []byte(`{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"Some text with "},{"type":"text","text":"bold","marks":[{"type":"strong"}]},{"type":"text","text":" words."}]},{"type":"bulletList","content":[{"type":"listItem","content":[{"type":"paragraph","content":[{"type":"text","text":"one"}]}]}]}]}`),
	}}
	wanted := []*field{fieldOf("summary", "string", "", ""), fieldOf("description", "string", "", "")}
	for i := range 38 {
		id := fmt.Sprintf("customfield_%d", i)
		var fld *field
		switch i % 4 {
		case 0:
			fld, w.Fields[id] = fieldOf(id, "string", "", "textfield"), []byte(`"`+strings.Repeat("x", 30)+`"`)
		case 1:
			fld, w.Fields[id] = fieldOf(id, "number", "", "float"), []byte(`1234.5`)
		case 2:
			fld, w.Fields[id] = fieldOf(id, "option", "", "select"), []byte(`{"self":"https://acme.atlassian.net/rest/api/3/customFieldOption/10","value":"red","id":"10"}`)
		default:
			fld, w.Fields[id] = fieldOf(id, "date", "", "datepicker"), []byte(`"2026-01-01"`)
		}
		wanted = append(wanted, fld)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r, odd := conn.record(w, wanted, scopeRef{project: "1", issueType: "2"}); !r.InScope || len(odd) > 0 {
			b.Fatal("not read")
		}
	}
}
