package trello

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

const (
	boardID  = "69b28000000000000000000a"
	listID   = "69b28000000000000000000b"
	memberID = "69b28000000000000000000c"
	labelID  = "69b28000000000000000000d"
	cardID   = "69b28000000000000000000e"
)

// fieldID returns the id of the n-th custom field of a test.
func fieldID(n int) string { return fmt.Sprintf("69b28001%016x", n) }

func testBoard() within {
	b := &board{
		ID: boardID, Name: "Client delivery", Lists: []list{{ID: listID, Name: "Planned"}},
		Labels: []label{{ID: labelID, Color: "green"}}, Members: []member{{ID: memberID, Username: "ada", FullName: "Ada Okafor", Email: "Ada@example.com"}},
	}
	for i, kind := range []string{"text", "number", "date", "checkbox", "list"} {
		b.CustomFields = append(b.CustomFields, customField{ID: fieldID(i), Name: kind, Type: kind})
	}
	b.CustomFields[4].Options = append(b.CustomFields[4].Options, struct {
		ID    string `json:"id"`
		Value struct {
			Text string `json:"text"`
		} `json:"value"`
	}{ID: "69b280020000000000000001"})
	b.CustomFields[4].Options[0].Value.Text = "Small"
	return within{board: b}
}

func readCard(t testing.TB, more string) *card {
	t.Helper()
	var w card
	text := `{"id":"` + cardID + `","idBoard":"` + boardID + `","idList":"` + listID + `","name":"Slipway gate","dateLastActivity":"2026-03-12T09:00:00.123Z"` + more + `}`
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		t.Fatal(err)
	}
	return &w
}

func value(t testing.TB, v connectors.Value, err error) connectors.Value {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRecord(t *testing.T) {
	c := &Connection{name: "t", markURL: markPage}
	number, err := connectors.ParseNumber("1250.50")
	w := readCard(t, `,"due":"2026-04-01T10:00:00.000Z","start":null,"dueReminder":-1,"pos":65535.5,"desc":"A **b**","idMembers":["`+memberID+`"],
		"idLabels":["`+labelID+`"],"badges":{"checkItems":3,"checkItemsChecked":1},"idShort":7,
		"attachments":[{"url":"https://example.com/x"},{"url":"https://crm.example.com/deal/7#tenon=k-1"}],
		"customFieldItems":[{"idCustomField":"`+fieldID(0)+`","value":{"text":"a"}},{"idCustomField":"`+fieldID(1)+`","value":{"number":"1250.50"}},
		{"idCustomField":"`+fieldID(2)+`","value":{"date":"2026-03-01T12:00:00.000Z"}},{"idCustomField":"`+fieldID(3)+`","value":{"checked":"true"}},
		{"idCustomField":"`+fieldID(4)+`","value":null,"idValue":"69b280020000000000000001"}]`)
	in := testBoard()
	want := map[string]connectors.Value{
		"name": connectors.Text("Slipway gate"), "desc": connectors.RichText("A **b**"), "idList": connectors.Choice(connectors.Option{ID: listID, Label: "Planned"}),
		"due": connectors.Instant(time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC)), "start": connectors.Null, "dueComplete": connectors.Bool(false),
		"dueReminder": connectors.Null, "idLabels": connectors.Choices(connectors.Option{ID: labelID, Label: "green"}), "idShort": connectors.Int(7),
		"idMembers":  connectors.Choices(connectors.Option{ID: memberID, Label: "Ada Okafor"}),
		"member":     connectors.PersonValue(connectors.Person{ID: memberID, Email: "ada@example.com", Name: "Ada Okafor"}),
		"checkItems": connectors.Int(3), "checkItemsChecked": connectors.Int(1), "urlSource": connectors.Text("https://crm.example.com/deal/7"),
		"closed": connectors.Bool(false), fieldID(0): connectors.Text("a"), fieldID(1): value(t, number, err),
		fieldID(2): connectors.Instant(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), fieldID(3): connectors.Bool(true),
		fieldID(4): connectors.Choice(connectors.Option{ID: "69b280020000000000000001", Label: "Small"}),
	}
	var wanted []string
	for name := range want {
		wanted = append(wanted, name)
	}
	r := c.record(w, wanted, in, in.CustomFields)
	for name, v := range want {
		got, presence := r.Get(name)
		if presence != connectors.Present || !connectors.Equal(got, v) || got.String() != v.String() {
			t.Errorf("%s: got %v (%v), want %v", name, got, presence, v)
		}
	}
	if r.Created.IsZero() || !r.InScope || r.State != connectors.Live || r.Modified.Format(time.RFC3339Nano) != "2026-03-12T09:00:00.123Z" {
		t.Errorf("record: got %+v", r)
	}
}

func TestClearedIsNotHidden(t *testing.T) {
	c := &Connection{name: "t", markURL: markPage}
	in := testBoard()
	w := readCard(t, `,"customFieldItems":[]`)
	cleared := c.record(w, []string{fieldID(0), fieldID(3)}, in, in.CustomFields)
	if v, p := cleared.Get(fieldID(0)); p != connectors.Present || !v.IsNull() {
		t.Errorf("an unset field: got %v, %v, want null", v, p)
	}
	if v, p := cleared.Get(fieldID(3)); p != connectors.Present || !connectors.Equal(v, connectors.Bool(false)) {
		t.Errorf("an unset checkbox: got %v, %v, want false", v, p)
	}
	if v, p := c.record(w, []string{fieldID(0)}, in, nil).Get(fieldID(0)); p != connectors.Hidden {
		t.Errorf("a field of a board without custom fields: got %v, %v, want hidden", v, p)
	}
}

func TestStates(t *testing.T) {
	c := &Connection{name: "t", markURL: markPage}
	shutBoard, shutList := testBoard(), testBoard()
	shutBoard.Closed, shutList.Lists[0].Closed = true, true
	only := testBoard()
	only.only = "69b28000000000000000ffff"
	tests := []struct {
		name  string
		more  string
		in    within
		state connectors.State
		holds bool
	}{
		{"open", "", testBoard(), connectors.Live, true},
		{"archived", `,"closed":true`, testBoard(), connectors.Archived, true},
		{"in an archived list", "", shutList, connectors.Archived, true},
		{"on an archived board", "", shutBoard, connectors.Archived, true},
		{"in another list than the scope's", "", only, connectors.Live, false},
		{"a mirror", `,"cardRole":"mirror"`, testBoard(), connectors.Live, false},
		{"a template", `,"isTemplate":true`, testBoard(), connectors.Live, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := c.record(readCard(t, tt.more), nil, tt.in, nil)
			if r.State != tt.state || r.InScope != tt.holds {
				t.Errorf("got %v, in scope %v; want %v, %v", r.State, r.InScope, tt.state, tt.holds)
			}
		})
	}
}

func TestEncodeCustom(t *testing.T) {
	in := testBoard()
	number, err := connectors.ParseNumber("1e3")
	tests := []struct {
		field int
		v     connectors.Value
		want  string
	}{
		{0, connectors.Text("a"), `{"idCustomField":"` + fieldID(0) + `","value":{"text":"a"}}`},
		{0, connectors.Null, `{"idCustomField":"` + fieldID(0) + `","value":""}`},
		{1, value(t, number, err), `{"idCustomField":"` + fieldID(1) + `","value":{"number":"1000"}}`},
		{2, connectors.Instant(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), `{"idCustomField":"` + fieldID(2) + `","value":{"date":"2026-03-01T12:00:00.000Z"}}`},
		{3, connectors.Bool(true), `{"idCustomField":"` + fieldID(3) + `","value":{"checked":"true"}}`},
		{3, connectors.Bool(false), `{"idCustomField":"` + fieldID(3) + `","value":""}`},
		{4, connectors.Choice(connectors.Option{ID: "69b280020000000000000001"}), `{"idCustomField":"` + fieldID(4) + `","idValue":"69b280020000000000000001"}`},
		{4, connectors.Null, `{"idCustomField":"` + fieldID(4) + `","idValue":""}`},
		{4, connectors.Choice(connectors.Option{ID: "x", Label: "Huge"}), `error: the field "list" has no option "Huge"`},
		{1, connectors.Text("12"), "error: a value of the type text does not fit"},
		{3, connectors.Text("yes"), "error: a value of the type text does not fit"},
	}
	for _, tt := range tests {
		got := ""
		if out, err := encodeCustom(&in.CustomFields[tt.field], tt.v); err != nil {
			got = "error: " + err.Error()
		} else if raw, err := json.Marshal(out); err == nil {
			got = string(raw)
		}
		if got != tt.want {
			t.Errorf("%s %v: got %s, want %s", in.CustomFields[tt.field].Type, tt.v, got, tt.want)
		}
	}
}

func TestMarks(t *testing.T) {
	for _, tt := range []struct{ link, key, want string }{
		{"https://crm.example.com/d/7", "a-1", "https://crm.example.com/d/7#tenon=a-1"},
		{"https://crm.example.com/#/d/7", "a-1", "https://crm.example.com/#/d/7&tenon=a-1"},
	} {
		marked := mark(tt.link, tt.key)
		link, key := unmark(marked)
		if marked != tt.want || link != tt.link || key != tt.key {
			t.Errorf("mark(%q): got %q, back %q and %q", tt.link, marked, link, key)
		}
	}
	for _, s := range []string{"", "https://example.com/#tenon=", "https://example.com/#tenon=Ä", "https://example.com/?tenon=a", "https://example.com/#tenon=a b"} {
		if _, key := unmark(s); key != "" {
			t.Errorf("unmark(%q): got the key %q, want none", s, key)
		}
	}
	c := &Connection{markURL: markPage}
	for _, body := range []string{"Said", "Two\n\nlines", "Ends in a [link](https://example.com/)", "a [·](https://example.com/)"} {
		if got, key := undot(body + "\n\n" + c.dot("k-2")); got != body || key != "k-2" {
			t.Errorf("undot: got %q and %q, want %q", got, key, body)
		}
		if got, key := undot(body); got != body || key != "" {
			t.Errorf("undot without a mark: got %q and %q, want %q", got, key, body)
		}
	}
}

func TestPartOf(t *testing.T) {
	tests := []struct {
		raw  string
		want part
	}{
		{`{"200":{"id":"1"}}`, part{status: 200, body: json.RawMessage(`{"id":"1"}`)}},
		{`{"404":{"name":"NotFoundError","message":"gone","statusCode":404}}`, part{status: 404, body: json.RawMessage(`{"name":"NotFoundError","message":"gone","statusCode":404}`), words: "gone"}},
		{`{"name":"UnauthorizedError","message":"unauthorized","statusCode":401}`, part{status: 401, words: "unauthorized"}},
		{`{}`, part{}},
		{`null`, part{}},
		{`[1]`, part{}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, partOf(json.RawMessage(tt.raw)), cmp.AllowUnexported(part{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.raw, diff)
		}
	}
}

// TestSignature checks the vector of the vendor's rule: the raw body and behind
// it the address, byte by byte.
func TestSignature(t *testing.T) {
	c := &Connection{secrets: connectors.NewRing("newer", "secret")}
	body, address := `{"action":{"id":"1"},"model":{"name":"Zürich"}}`, "https://hooks.example.com/trello"
	req := connectors.WebhookRequest{URL: address, Header: http.Header{"X-Trello-Webhook": {"iV6lIJhwEQl3kGQZk44ncdayBbc="}}, Body: []byte(body)}
	d, err := c.ParseWebhook(req)
	if err != nil || d.Secret != 1 {
		t.Fatalf("got %+v, %v; want the older secret", d, err)
	}
	req.URL += "/"
	if _, err := c.ParseWebhook(req); connectors.KindOf(err) != connectors.Auth {
		t.Errorf("another address: got %v, want an Auth error", err)
	}
}

func TestHints(t *testing.T) {
	secrets := connectors.NewRing("s")
	c := &Connection{secrets: secrets}
	item := "69b2800000000000000000ff"
	tests := []struct {
		name, action string
		want         []connectors.Change
	}{
		{"an edit", `{"id":"` + boardID + `","type":"updateCard","date":"2026-03-12T09:00:00.000Z","data":{"card":{"id":"` + cardID + `"}}}`, []connectors.Change{
			{Object: "card", ID: cardID, Modified: time.Date(2026, 3, 12, 9, 0, 0, 0, time.UTC)},
		}},
		{"a delete", `{"type":"deleteCard","data":{"card":{"id":"` + cardID + `","idShort":3}}}`, []connectors.Change{{Object: "card", ID: cardID, State: connectors.Deleted}}},
		{"an item", `{"type":"updateCheckItemStateOnCard","data":{"card":{"id":"` + cardID + `"},"checkItem":{"id":"` + item + `"}}}`, []connectors.Change{
			{Object: "card", ID: cardID}, {Object: "checkitem", ID: cardID + "/" + item},
		}},
		{"a list's name", `{"type":"updateList","data":{"list":{"id":"` + listID + `"}}}`, nil},
		{"odd forms", `{"type":7,"data":{"card":"x"}}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := []byte(`{"action":` + tt.action + `,"model":{}}`)
			d, err := c.ParseWebhook(connectors.WebhookRequest{URL: "u", Header: http.Header{"X-Trello-Webhook": {sign("s", body, "u")}}, Body: body})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, d.Hints, cmp.AllowUnexported(connectors.Record{})); diff != "" {
				t.Errorf("hints (-want +got):\n%s", diff)
			}
		})
	}
}

// BenchmarkRecord converts a card with 40 wanted fields.
func BenchmarkRecord(b *testing.B) {
	c := &Connection{name: "t", markURL: markPage}
	in := testBoard()
	wanted := []string{"name", "desc", "idList", "member", "idMembers", "idLabels", "due", "start", "dueComplete", "url"}
	var items []string
	in.CustomFields = nil
	for i := range 30 {
		kind := []string{"text", "number", "date"}[i%3]
		v := []string{"a text of some words", "1250.5", "2026-03-01T12:00:00.000Z"}[i%3]
		in.CustomFields = append(in.CustomFields, customField{ID: fieldID(i), Name: kind, Type: kind})
		items = append(items, `{"idCustomField":"`+fieldID(i)+`","value":{"`+kind+`":"`+v+`"}}`)
		wanted = append(wanted, fieldID(i))
	}
	w := readCard(b, `,"desc":"A **bold** start","idMembers":["`+memberID+`"],"idLabels":["`+labelID+`"],"due":"2026-04-01T10:00:00.000Z","customFieldItems":[`+strings.Join(items, ",")+`]`)
	b.ReportAllocs()
	for b.Loop() {
		if r := c.record(w, wanted, in, in.CustomFields); r.Title == "" {
			b.Fatal("no title")
		}
	}
}
