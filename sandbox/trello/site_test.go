package trello

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// TestAuthorization: header, query and body all do; the form of ids is checked
// before the credentials.
func TestAuthorization(t *testing.T) {
	s := newSite(t, Options{})
	pair := "key=" + DefaultKey + "&token=" + DefaultToken
	s.ok("GET", "members/me", nil)
	header := s.auth
	s.auth = ""
	s.ok("GET", "members/me?"+pair, nil)
	s.ok("POST", "cards", map[string]any{"key": DefaultKey, "token": DefaultToken, "idList": s.lists[0], "name": "x"})
	s.refused(401, "invalid key", "GET", "members/me?key=0&token="+DefaultToken, nil)
	s.refused(401, "invalid token", "GET", "members/me?token=0&key="+DefaultKey, nil)
	s.refused(401, "missing scopes", "POST", "cards?key="+DefaultKey, map[string]any{"idList": s.lists[0], "name": "x"})
	s.refused(400, "invalid id", "GET", "cards/not-an-id?key=0&token=0", nil)
	s.refused(404, "Cannot GET /1/cards/", "GET", "cards/", nil)
	s.refused(404, "Cannot PATCH /1/cards/x", "PATCH", "cards/x", nil)
	s.auth = header
	if err := s.sys.SetRole(DefaultBoard, Bot, "observer"); err != nil {
		t.Fatal(err)
	}
	s.refused(401, "unauthorized card permission requested", "POST", "cards", map[string]any{"idList": s.lists[0], "name": "x"})
	if err := s.sys.SetRole(DefaultBoard, Bot, "none"); err != nil {
		t.Fatal(err)
	}
	s.refused(401, "unauthorized permission requested", "GET", "boards/"+s.board, nil)
	s.sys.RevokeToken("")
	s.refused(401, "invalid token", "GET", "members/me", nil)
}

func TestCards(t *testing.T) {
	s := newSite(t, Options{NoSeed: true})
	made := s.card(map[string]any{"name": " Trimmed ", "desc": "Text  \n", "due": "2026-04-01", "pos": "top", "urlSource": "https://crm.example.com/1"})
	id := made.str("id")
	if seconds, err := strconv.ParseInt(id[:8], 16, 64); err != nil || !time.Unix(seconds, 0).Equal(s.clock.Now()) {
		t.Errorf("the id %s does not begin with its time", id)
	}
	if made.str("name") != "Trimmed" || made.str("desc") != "Text" || made.str("due") != "2026-04-01T00:00:00.000Z" {
		t.Errorf("got %s", made.text)
	}
	links := s.ok("GET", "cards/"+made.str("shortLink")+"/attachments", nil).list()
	if len(links) != 1 {
		t.Errorf("urlSource: got %d attachments, want one from the create itself", len(links))
	}
	form := strings.NewReader("name=By+form&idLabels=" + s.sys.LabelID(DefaultBoard, "crm") + "," + s.sys.LabelID(DefaultBoard, "Refit"))
	req, err := http.NewRequestWithContext(t.Context(), "PUT", s.url+"/1/cards/"+id+"?dueComplete=true", form)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", s.auth)
	changed := s.send(req).object()
	if changed["name"] != "By form" || changed["dueComplete"] != true || len(changed["idLabels"].([]any)) != 2 {
		t.Errorf("query and form: got %v", changed)
	}
	crm := s.sys.LabelID(DefaultBoard, "crm")
	for words, body := range map[string]map[string]any{
		"label not found":           {"idLabels": []string{crm, crm}},
		"invalid value for idList":  {"idList": made.str("shortLink")},
		"invalid value for due":     {"due": "soon"},
		"invalid value for name":    {"name": "  "},
		"invalid value for desc":    {"desc": strings.Repeat("x", maxText+1)},
		"invalid value for pos":     {"pos": -1},
		"invalid value for idBoard": {"idBoard": "ffffffffffffffffffffffff"},
	} {
		s.refused(400, words, "PUT", "cards/"+id, body)
	}
	if v := s.ok("GET", "cards/"+id+"/name", nil); v.str("_value") != "By form" {
		t.Errorf("single field: got %s", v.text)
	}
	if v := s.ok("PUT", "cards/"+id+"/name?value=One", nil); v.str("name") != "One" {
		t.Errorf("single field: got %s", v.text)
	}
	s.refused(404, "Cannot PUT /1/cards/", "PUT", "cards/"+id+"/shortLink?value=x", nil)
	some := s.ok("GET", "cards/"+id+"?fields=name,due", nil).object()
	if len(some) != 3 {
		t.Errorf("fields: got %v, want id, name and due", some)
	}
	s.ok("DELETE", "cards/"+id, nil)
	s.refused(404, "The requested resource was not found.", "GET", "cards/"+id, nil)
	s.refused(404, "card not found", "GET", "cards/"+made.str("shortLink"), nil)
}

// TestActivity: it does not move with places and custom fields.
func TestActivity(t *testing.T) {
	s := newSite(t, Options{NoSeed: true})
	id := s.card(nil).str("id")
	at := func() string { return s.ok("GET", "cards/"+id+"?fields=dateLastActivity", nil).str("dateLastActivity") }
	budget, _ := s.sys.FieldID(DefaultBoard, "Budget")
	for _, tt := range []struct {
		name, method, path string
		body               map[string]any
		moves              bool
	}{
		{"place", "PUT", "cards/" + id, map[string]any{"pos": "top"}, false},
		{"custom field", "PUT", "cards/" + id + "/customField/" + budget + "/item", map[string]any{"value": map[string]any{"number": "1"}}, false},
		{"name", "PUT", "cards/" + id, map[string]any{"name": "Other"}, true},
		{"the same name", "PUT", "cards/" + id, map[string]any{"name": "Other"}, false},
		{"label", "POST", "cards/" + id + "/idLabels", map[string]any{"value": s.sys.LabelID(DefaultBoard, "crm")}, true},
		{"comment", "POST", "cards/" + id + "/actions/comments", map[string]any{"text": "x"}, true},
		{"list", "PUT", "cards/" + id, map[string]any{"idList": s.lists[1]}, true},
	} {
		before := at()
		s.clock.Advance(time.Minute)
		s.ok(tt.method, tt.path, tt.body)
		if moved := at() != before; moved != tt.moves {
			t.Errorf("%s: activity moved %v, want %v", tt.name, moved, tt.moves)
		}
	}
}

func TestMoves(t *testing.T) {
	s := newSite(t, Options{NoSeed: true})
	budget, _ := s.sys.FieldID(DefaultBoard, "Budget")
	id := s.card(map[string]any{"idLabels": s.sys.LabelID(DefaultBoard, "crm"), "idMembers": s.sys.MemberID(Ada)}).str("id")
	s.ok("PUT", "cards/"+id+"/customFields", map[string]any{"customFieldItems": []any{map[string]any{"idCustomField": budget, "value": map[string]any{"number": "42.50"}}}})
	if items := s.ok("GET", "cards/"+id+"/customFieldItems", nil).list(); len(items) != 1 || items[0].(map[string]any)["value"].(map[string]any)["number"] != "42.50" {
		t.Errorf("items: got %v, want the digits as they were written", items)
	}
	if err := s.sys.SetRole(InternalBoard, Ada, "none"); err != nil {
		t.Fatal(err)
	}
	moved := s.ok("PUT", "cards/"+id+"?customFieldItems=true", map[string]any{"idBoard": s.sys.BoardID(InternalBoard), "idList": s.sys.ListID(InternalBoard, "Ideas")}).object()
	for _, name := range []string{"idLabels", "idMembers", "customFieldItems"} {
		if len(moved[name].([]any)) != 0 {
			t.Errorf("%s after a move to another board: got %v, want none", name, moved[name])
		}
	}
	from := kinds(s.ok("GET", "boards/"+s.board+"/actions?filter=moveCardFromBoard,deleteCard", nil).list())
	to := kinds(s.ok("GET", "boards/"+s.sys.BoardID(InternalBoard)+"/actions?filter=all", nil).list())
	if !slices.Equal(from, []string{"moveCardFromBoard"}) || !slices.Equal(to, []string{"moveCardToBoard"}) {
		t.Errorf("actions: got %v and %v", from, to)
	}
}

func TestCustomFields(t *testing.T) {
	s := newSite(t, Options{NoSeed: true})
	id := s.card(nil).str("id")
	field := func(name string) string {
		f, _ := s.sys.FieldID(DefaultBoard, name)
		return "cards/" + id + "/customField/" + f + "/item"
	}
	_, sizes := s.sys.FieldID(DefaultBoard, "Size")
	type object = map[string]any
	for _, tt := range []struct {
		field string
		body  object
		ok    bool
	}{
		{"Budget", object{"value": object{"number": "1e3"}}, true},
		{"Budget", object{"value": object{"number": 7}}, false},
		{"Budget", object{"value": object{"text": "7"}}, false},
		{"Budget", object{"value": object{"number": "seven"}}, false},
		{"Kick-off", object{"value": object{"date": "2026-03-01T12:00:00Z"}}, true},
		{"Kick-off", object{"value": object{"date": "March"}}, false},
		{"Contract signed", object{"value": object{"checked": "true"}}, true},
		{"Contract signed", object{"value": object{"checked": true}}, false},
		{"Size", object{"idValue": sizes["Large"]}, true},
		{"Size", object{"value": object{"text": "Large"}}, false},
		{"Size", object{"idValue": "ffffffffffffffffffffffff"}, false},
	} {
		a := s.call("PUT", field(tt.field), tt.body)
		if (a.status == 200) != tt.ok || !tt.ok && !strings.Contains(a.text, "Invalid custom field item value.") {
			t.Errorf("%s %v: got %d %s", tt.field, tt.body, a.status, a.text)
		}
	}
	if n := len(s.ok("GET", "cards/"+id+"/customFieldItems", nil).list()); n != 4 {
		t.Errorf("%d items, want 4", n)
	}
	s.ok("PUT", field("Size"), object{"idValue": ""})
	s.ok("PUT", field("Contract signed"), object{"value": object{"checked": "false"}})
	if n := len(s.ok("GET", "cards/"+id+"/customFieldItems", nil).list()); n != 2 {
		t.Errorf("%d items after clearing two, want 2", n)
	}
	made := s.ok("POST", "customFields", object{"idModel": s.board, "modelType": "board", "name": "Risk", "type": "list", "pos": "top", "options": []any{object{"value": object{"text": "High"}}}})
	if o := made.object()["options"].([]any)[0].(object); o["_id"] == nil || o["id"] != nil {
		t.Errorf("a new option: got %v, want _id", o)
	}
	if err := s.sys.EnableCustomFields(DefaultBoard, false); err != nil {
		t.Fatal(err)
	}
	if n := len(s.ok("GET", "boards/"+s.board+"/customFields", nil).list()) + len(s.ok("GET", "cards/"+id+"/customFieldItems", nil).list()); n != 0 {
		t.Errorf("switched off, %d show", n)
	}
	s.refused(404, "", "PUT", field("Budget"), object{"value": object{"number": "1"}})
}

func TestActions(t *testing.T) {
	s := newSite(t, Options{NoSeed: true})
	id := s.card(nil).str("id")
	for i := range 60 {
		s.clock.Advance(time.Second)
		s.ok("PUT", "cards/"+id, map[string]any{"name": "Name " + strconv.Itoa(i)})
	}
	s.ok("PUT", "cards/"+id, map[string]any{"idList": s.lists[1]})
	s.ok("POST", "cards/"+id+"/idLabels", map[string]any{"value": s.sys.LabelID(DefaultBoard, "crm")})
	path := "boards/" + s.board + "/actions"
	if n := len(s.ok("GET", path, nil).list()); n != 50 {
		t.Errorf("%d actions without a limit, want 50", n)
	}
	all := s.ok("GET", path+"?limit=1000", nil).list()
	if slices.Contains(kinds(all), "addLabelToCard") || len(all) != 63 {
		t.Errorf("%d actions, kinds %v; want 63 without addLabelToCard", len(all), kinds(all)[:3])
	}
	last := all[10].(map[string]any)
	if n := len(s.ok("GET", path+"?limit=1000&since="+last["id"].(string), nil).list()); n != 10 {
		t.Errorf("since an id: got %d, want 10", n)
	}
	if n := len(s.ok("GET", path+"?limit=1000&since="+url.QueryEscape(last["date"].(string)), nil).list()); n != 10 {
		t.Errorf("since a time: got %d, want 10", n)
	}
	if n := len(s.ok("GET", path+"?limit=1000&before="+last["id"].(string), nil).list()); n != 52 {
		t.Errorf("before: got %d, want 52", n)
	}
	if got := kinds(s.ok("GET", path+"?filter=updateCard:idList", nil).list()); !slices.Equal(got, []string{"updateCard"}) {
		t.Errorf("moves: got %v", got)
	}
	if n := len(s.ok("GET", "cards/"+id+"/actions", nil).list()); n != 1 {
		t.Errorf("a card's actions unasked: got %d, want the move alone", n)
	}
	s.refused(400, "invalid value for limit", "GET", path+"?limit=1001", nil)
	s.refused(400, "invalid value for since", "GET", path+"?since=soon", nil)
	s.ok("DELETE", "cards/"+id, nil)
	gone := s.ok("GET", path+"?filter=deleteCard", nil).list()[0].(map[string]any)
	if diff := cmp.Diff([]string{"id", "idShort", "shortLink"}, keysOf(gone["data"].(map[string]any)["card"])); diff != "" {
		t.Errorf("a deleted card in its action (-want +got):\n%s", diff)
	}
}

func keysOf(v any) []string {
	o, _ := v.(map[string]any)
	var out []string
	for k := range o {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func TestBatch(t *testing.T) {
	s := newSite(t, Options{NoSeed: true})
	id := s.card(nil).str("id")
	urls := []string{"/cards/" + id + "?fields=name%2Cdue", "/cards/ffffffffffffffffffffffff", "/cards/x", "/boards/" + s.board + "/customFields"}
	got := s.ok("GET", "batch?urls="+url.QueryEscape(strings.Join(urls, ",")), nil).list()
	if len(got) != 4 {
		t.Fatalf("got %d answers", len(got))
	}
	if diff := cmp.Diff([]string{"due", "id", "name"}, keysOf(got[0].(map[string]any)["200"])); diff != "" {
		t.Errorf("a comma that was encoded twice (-want +got):\n%s", diff)
	}
	if got[1].(map[string]any)["404"] == nil || got[2].(map[string]any)["statusCode"] != 400.0 || got[3].(map[string]any)["200"] == nil {
		t.Errorf("got %v", got)
	}
	s.refused(400, "invalid value for urls", "GET", "batch?urls="+strings.Repeat("/members/me,", 11), nil)
}

func TestLimits(t *testing.T) {
	s := newSite(t, Options{Limits: VendorLimits()})
	for range 100 {
		s.ok("GET", "boards/"+s.board, nil)
	}
	a := s.call("GET", "boards/"+s.board, nil)
	if a.status != 429 || a.str("error") != "API_TOKEN_LIMIT_EXCEEDED" || a.header.Get("Retry-After") != "" || a.header.Get("X-Rate-Limit-Api-Token-Interval-Ms") != "10000" {
		t.Errorf("got %d %s %v", a.status, a.text, a.header)
	}
	s.clock.Advance(11 * time.Second)
	if a = s.ok("GET", "boards/"+s.board, nil); a.header.Get("X-Rate-Limit-Api-Token-Remaining") != "99" || a.header.Get("X-Rate-Limit-Api-Key-Max") != "300" {
		t.Errorf("got %v", a.header)
	}
	for range 10 {
		s.clock.Advance(11 * time.Second)
		for range 10 {
			s.ok("GET", "members/me", nil)
		}
	}
	if a = s.call("GET", "members/me", nil); a.str("error") != "MEMBER_LIMIT_EXCEEDED" {
		t.Errorf("got %d %s", a.status, a.text)
	}
	s.ok("GET", "boards/"+s.board+"/members", nil)
}

func TestSearchLags(t *testing.T) {
	s := newSite(t, Options{NoSeed: true})
	s.card(map[string]any{"name": "Slipway gate"})
	find := func(q string) int {
		return len(s.ok("GET", "search?modelTypes=cards&query="+q, nil).object()["cards"].([]any))
	}
	if n := find("slipway"); n != 0 {
		t.Errorf("at once: got %d, want none", n)
	}
	s.clock.Advance(6 * time.Second)
	if find("slipway") != 1 || find("slip") != 0 || find("slip&partial=true") != 1 {
		t.Error("whole words are found, beginnings with partial=true only")
	}
}

func TestLabelsComeFiftyAtMost(t *testing.T) {
	s := newSite(t, Options{})
	for i := range 60 {
		s.ok("POST", "labels", map[string]any{"idBoard": s.board, "name": "L" + strconv.Itoa(i), "color": "lime_dark"})
	}
	if a, b := len(s.ok("GET", "boards/"+s.board+"/labels", nil).list()), len(s.ok("GET", "boards/"+s.board+"/labels?limit=1000", nil).list()); a != 50 || b != 66 {
		t.Errorf("got %d and %d, want 50 and 66", a, b)
	}
	s.refused(400, "invalid value for color", "POST", "labels", map[string]any{"idBoard": s.board, "name": "x", "color": "mauve"})
}

func TestPages(t *testing.T) {
	s := newSite(t, Options{Seed: 3})
	get := func(path string) answer {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s.send(req)
	}
	id := s.sys.CardIDs(DefaultBoard)[0]
	cd, _ := s.sys.Card(id)
	b := s.ok("GET", "boards/"+s.board, nil).str("shortUrl")
	for path, words := range map[string]string{"/": DefaultBoard, "/b/" + b[strings.LastIndex(b, "/")+1:]: cd.Name, "/c/" + cd.ShortLink + "/1-x": "Description"} {
		if a := get(path); a.status != 200 || !strings.Contains(a.text, strings.ReplaceAll(words, "&", "&amp;")) {
			t.Errorf("%s: got %d, want %q on it", path, a.status, words)
		}
	}
	post := func(path string, form url.Values) answer {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return s.send(req)
	}
	budget, _ := s.sys.FieldID(DefaultBoard, "Budget")
	post("/c/"+cd.ShortLink, url.Values{
		"do": {"save"}, "name": {"By hand"}, "desc": {"New"}, "idList": {s.lists[1]}, "due": {"2026-05-01T10:00"}, "dueComplete": {"true"},
		"idLabels": {s.sys.LabelID(DefaultBoard, "crm")}, "idMembers": {s.sys.MemberID(Mei)}, "field-" + budget: {"77"},
	})
	post("/c/"+cd.ShortLink, url.Values{"do": {"comment"}, "text": {"Said by hand"}})
	got, _ := s.sys.Card(id)
	if got.Name != "By hand" || got.List != "In progress" || !got.DueComplete || got.Due.Format(time.RFC3339) != "2026-05-01T10:00:00Z" || got.Fields[budget] != "77" ||
		!slices.Equal(got.Members, []string{s.sys.MemberID(Mei)}) || !slices.Equal(got.Comments, []string{"Said by hand"}) {
		t.Errorf("got %+v", got)
	}
	if a := post("/c/"+cd.ShortLink, url.Values{"do": {"save"}, "name": {" "}, "idList": {s.lists[1]}}); a.status != 422 || !strings.Contains(a.text, "invalid value for name") {
		t.Errorf("a card without a name: got %d", a.status)
	}
	post("/c/"+cd.ShortLink, url.Values{"do": {"archive"}})
	if got, _ = s.sys.Card(id); !got.Closed {
		t.Error("the card is not archived")
	}
	post("/c/"+cd.ShortLink, url.Values{"do": {"delete"}})
	if _, there := s.sys.Card(id); there {
		t.Error("the card is not deleted")
	}
	grant := post("/1/authorize", url.Values{"key": {DefaultKey}, "name": {"Tenon"}, "scope": {"read"}, "expiration": {"1hour"}})
	from := strings.Index(grant.text, "ATTA")
	if from < 0 {
		t.Fatalf("no token was granted: %d %s", grant.status, grant.text)
	}
	s.auth = `OAuth oauth_consumer_key="` + DefaultKey + `", oauth_token="` + grant.text[from:from+68] + `"`
	s.ok("GET", "members/me", nil)
	s.refused(401, "unauthorized permission requested", "POST", "cards", map[string]any{"idList": s.lists[0], "name": "x"})
	s.clock.Advance(2 * time.Hour)
	s.refused(401, "invalid token", "GET", "members/me", nil)
}

func TestControl(t *testing.T) {
	s := newSite(t, Options{})
	control := func(path, body string, want int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/_sandbox/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if a := s.send(req); a.status != want {
			t.Errorf("%s %s: got %d %s, want %d", path, body, a.status, a.text, want)
		}
	}
	control("emails", `{"visible":true}`, 204)
	if m := s.ok("GET", "boards/"+s.board+"/members?fields=email", nil).list()[1].(map[string]any); m["email"] != Ada {
		t.Errorf("got %v, want the e-mail", m)
	}
	control("custom-fields", `{"board":"`+DefaultBoard+`","enabled":false}`, 204)
	control("custom-fields", `{"board":"Nowhere","enabled":false}`, 404)
	control("role", `{"board":"`+DefaultBoard+`","who":"ada_okafor","role":"boss"}`, 404)
	control("accepted", `{"on":true}`, 204)
	if a := s.call("POST", "cards", map[string]any{"idList": s.lists[0], "name": "x"}); a.status != 202 {
		t.Errorf("got %d, want 202", a.status)
	}
	control("token", `{"write":false}`, 204)
	s.refused(401, "unauthorized", "POST", "cards", map[string]any{"idList": s.lists[0], "name": "x"})
	control("token", `{"revoked":true}`, 204)
	s.refused(401, "invalid token", "GET", "members/me", nil)
	control("seed", `{"seed":9}`, 204)
	s.board = s.sys.BoardID(DefaultBoard)
	s.ok("GET", "boards/"+s.board, nil)
	if _, err := s.sys.Faults().Add(kit.Rule{Kind: kit.ServerError, Status: 503, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if a := s.call("GET", "boards/"+s.board, nil); a.status != 503 || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		t.Errorf("got %d %v, want a page of HTML", a.status, a.header)
	}
}
