package hubspot_test

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	_ "time/tzdata" // the account is in a time zone with summer time

	"github.com/tenonsync/tenon/sandbox/hubspot"
)

func (a *account) page(method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func TestPages(t *testing.T) {
	a := newAccount(t, func(o *hubspot.Options) { o.NoSeed = false })
	person := a.As("")
	id, err := person.Create("deals", map[string]string{"dealname": "<i>Deal</i>", "dealstage": "closedwon", "pipeline": "default", "tenon_convert": "https://tenon.example/convert?id=1&sig=a", "project_url": "javascript:alert(1)"})
	if err != nil {
		t.Fatal(err)
	}
	board := a.page("GET", "/", nil).Body.String()
	for _, want := range []string{"In Delivery", "&lt;i&gt;Deal", "Convert to project", `href="https://tenon.example/convert?id=1&amp;sig=a"`} {
		if !strings.Contains(board, want) {
			t.Errorf("the board lacks %q", want)
		}
	}
	if strings.Contains(board, "javascript:") {
		t.Error("the board links to a script")
	}

	saved := a.page("POST", "/deals/"+id, url.Values{"dealname": {"Renamed"}, "amount": {"12.50"}, "closedate": {"2026-06-01"}, "description": {"a\r\nb"}})
	if saved.Code != http.StatusSeeOther {
		t.Fatalf("save: %d %s", saved.Code, saved.Body)
	}
	got, err := a.Get("deals", id)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"dealname": "Renamed", "amount": "12.50", "closedate": "2026-05-31T22:00:00Z", "description": "a\nb", "dealstage": "closedwon"} {
		if got.Properties[name] != want {
			t.Errorf("%s: got %q, want %q", name, got.Properties[name], want)
		}
	}
	bad := a.page("POST", "/deals/"+id, url.Values{"dealname": {"Kept"}, "amount": {"12,5"}})
	if body := bad.Body.String(); bad.Code != 400 || !strings.Contains(body, "12,5 was not a valid number.") || !strings.Contains(body, `value="Kept"`) {
		t.Errorf("a wrong amount: %d %s", bad.Code, body)
	}
	a.page("POST", "/deals/"+id+"/notes", url.Values{"note": {"Called & agreed"}})
	if body := a.page("GET", "/deals/"+id, nil).Body.String(); !strings.Contains(body, "Called &amp; agreed") {
		t.Error("the deal's page lacks its note")
	}
	if w := a.page("POST", "/deals/"+id+"/archive", url.Values{}); w.Code != http.StatusSeeOther {
		t.Errorf("delete: status %d", w.Code)
	}
	if w := a.page("GET", "/deals/"+id, nil); w.Code != 404 {
		t.Errorf("a deleted deal: status %d, want 404", w.Code)
	}
	if w := a.page("POST", "/deals", url.Values{"dealname": {"New one"}}); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/deals/") {
		t.Errorf("create: %d %s", w.Code, w.Header().Get("Location"))
	}
	foreign := httptest.NewRequest("POST", "/deals", strings.NewReader("dealname=x"))
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	a.ServeHTTP(w, foreign)
	if w.Code != http.StatusForbidden {
		t.Errorf("a form from another site: status %d, want 403", w.Code)
	}
}

// The same seed gives the same account.
func TestSeed(t *testing.T) {
	build := func(seed uint64) *account {
		return newAccount(t, func(o *hubspot.Options) { o.NoSeed, o.Seed = false, seed })
	}
	a, b, other := build(3), build(3), build(4)
	for object, want := range map[string]int{"deals": 40, "companies": 12, "contacts": 24, "notes": 10, "tasks": 8, "tickets": 4} {
		if got := len(a.All(object)); got != want {
			t.Errorf("%d %s, want %d", got, object, want)
		}
	}
	first := func(a *account) string { return a.All("deals")[0].ID }
	if first(a) != first(b) {
		t.Errorf("seed 3 gives deal %s and deal %s", first(a), first(b))
	}
	if first(a) == first(other) {
		t.Errorf("seeds 3 and 4 both give deal %s", first(a))
	}
	if err := a.Reseed(4); err != nil {
		t.Fatal(err)
	}
	if first(a) != first(other) {
		t.Errorf("sown again with 4: deal %s, want %s", first(a), first(other))
	}
	if got := a.must(200, "POST", "/crm/v3/objects/deals/search", object{})["total"]; got.(interface{ String() string }).String() != "40" {
		t.Errorf("the index knows %v deals, want 40", got)
	}
}

func TestControlCalls(t *testing.T) {
	a := newAccount(t, nil)
	call := func(want int, method, path, body string) string {
		t.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != want {
			t.Fatalf("%s %s: status %d, want %d: %s", method, path, w.Code, want, w.Body)
		}
		return w.Body.String()
	}
	made := call(201, "POST", "/_sandbox/create", `{"object":"deals","user":"mei.tanaka@harbourworks.example","properties":{"dealname":"A"}}`)
	id := strings.Trim(strings.TrimPrefix(made, `{"id":`), `"}`)
	one := `{"object":"deals","id":"` + id + `"`
	call(204, "POST", "/_sandbox/edit", one+`,"properties":{"dealname":"B"}}`)
	call(400, "POST", "/_sandbox/edit", one+`,"properties":{"amount":"x"}}`)
	call(204, "POST", "/_sandbox/archive", one+`}`)
	if got := call(200, "GET", "/_sandbox/records?object=deals&id="+id, ""); !strings.Contains(got, `"dealname":"B"`) || !strings.Contains(got, `"archived":true`) {
		t.Errorf("record %s", got)
	}
	call(204, "POST", "/_sandbox/restore", one+`}`)
	if got := call(200, "GET", "/_sandbox/records?object=deals", ""); !strings.Contains(got, id) {
		t.Errorf("records %s", got)
	}
	call(404, "GET", "/_sandbox/records?object=nothing", "")
	call(204, "POST", "/_sandbox/hollow", `{"batches":1}`)
	call(400, "POST", "/_sandbox/subscriptions/test", `{"eventType":"nothing"}`)
	call(502, "POST", "/_sandbox/card", `{"method":"POST","url":"http://127.0.0.1:1/"}`)
	if got := call(201, "POST", "/_sandbox/workflow", `{"url":"http://127.0.0.1:1/","object":"deals","id":"`+id+`"}`); !strings.Contains(got, "callbackId") {
		t.Errorf("workflow %s", got)
	}
}

// TestRecordAddressLeadsToItsPage follows a record's address to the page.
func TestRecordAddressLeadsToItsPage(t *testing.T) {
	s := hubspot.New(hubspot.Options{Seed: 3})
	t.Cleanup(s.Close)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.SetUI(server.URL)
	deal := s.All("deals")[0]
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/crm/v3/objects/deals/"+deal.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+hubspot.DefaultToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	var record struct{ URL string }
	err = json.NewDecoder(res.Body).Decode(&record)
	res.Body.Close()
	if err != nil || !strings.HasPrefix(record.URL, server.URL) {
		t.Fatalf("address %q, %v; want one at %s", record.URL, err, server.URL)
	}
	page, err := http.Get(record.URL)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(page.Body)
	page.Body.Close()
	if err != nil || page.StatusCode != http.StatusOK || !strings.Contains(string(text), html.EscapeString(deal.Properties["dealname"])) {
		t.Errorf("status %d, %v; the page does not show the deal", page.StatusCode, err)
	}
}
