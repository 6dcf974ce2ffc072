package salesforce_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/sandbox/salesforce"
)

func (o *org) page(method, path string, fields url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(fields.Encode()))
	if fields != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	return w
}

func TestPages(t *testing.T) {
	o := newOrg(t, func(opts *salesforce.Options) { opts.NoSeed = false })
	id := o.deal("<i>Deal</i>", object{"Tenon_Convert__c": "https://tenon.example/convert?id=1&sig=a", "Project_Url__c": "javascript:alert(1)"})
	board := o.page("GET", "/", nil).Body.String()
	for _, want := range []string{"Negotiation/Review", "&lt;i&gt;Deal", "Convert to project", `href="https://tenon.example/convert?id=1&amp;sig=a"`, "/lightning/r/Opportunity/" + id + "/view"} {
		if !strings.Contains(board, want) {
			t.Errorf("the board lacks %q", want)
		}
	}
	if strings.Contains(board, "javascript:") {
		t.Error("the board links to a script")
	}
	base := "/lightning/r/Opportunity/" + id
	saved := o.page("POST", base+"/edit", url.Values{"Name": {"Renamed"}, "Amount": {"12.50"}, "StageName": {"Closed Won"}, "Description": {"a\r\nb"}})
	if saved.Code != http.StatusSeeOther {
		t.Fatalf("save: %d %s", saved.Code, saved.Body)
	}
	got, err := o.Get("Opportunity", id)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Name": "Renamed", "Amount": "12.5", "StageName": "Closed Won", "Description": "a\nb", "IsWon": "true", "CloseDate": "2026-06-30"} {
		if got.Fields[name] != want {
			t.Errorf("%s: got %q, want %q", name, got.Fields[name], want)
		}
	}
	bad := o.page("POST", base+"/edit", url.Values{"Name": {"Kept"}, "Amount": {"12,5"}})
	if body := bad.Body.String(); bad.Code != 400 || !strings.Contains(body, "Cannot deserialize instance of double") || !strings.Contains(body, `value="Kept"`) {
		t.Errorf("a wrong amount: %d %s", bad.Code, body)
	}
	if w := o.page("POST", base+"/post", url.Values{"post": {"Called & agreed"}}); w.Code != http.StatusSeeOther {
		t.Errorf("post: %d", w.Code)
	}
	if w := o.page("POST", base+"/log", url.Values{"subject": {"Progress note"}, "comments": {"Sent\r\nthe plan"}}); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), base+"/view") {
		t.Errorf("log: %d %s", w.Code, w.Header().Get("Location"))
	}
	if body := o.page("GET", base+"/view", nil).Body.String(); !strings.Contains(body, "Called &amp; agreed") || !strings.Contains(body, "Progress note\nSent\nthe plan") {
		t.Error("the record's page lacks its post or its task")
	}
	if w := o.page("GET", "/"+id[:15], nil); w.Code != http.StatusFound {
		t.Errorf("a short link: %d", w.Code)
	}
	for _, kind := range []string{"Account", "Contact", "Task", "Project__c"} {
		if w := o.page("GET", "/lightning/r/"+kind+"/"+o.All(kind)[0].ID+"/view", nil); w.Code != http.StatusOK {
			t.Errorf("the page of a %s: %d", kind, w.Code)
		}
	}
	if w := o.page("POST", base+"/delete", url.Values{}); w.Code != http.StatusSeeOther {
		t.Errorf("delete: %d", w.Code)
	}
	if w := o.page("GET", base+"/view", nil); w.Code != http.StatusNotFound {
		t.Errorf("a deleted record: %d", w.Code)
	}
	if w := o.page("POST", "/opportunities", url.Values{"Name": {"New one"}}); w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/lightning/r/Opportunity/006") {
		t.Errorf("create: %d %s", w.Code, w.Header().Get("Location"))
	}
	o.SetConvertLink("https://tenon.example/convert/deals")
	if body := o.page("GET", "/", nil).Body.String(); !strings.Contains(body, "https://tenon.example/convert/deals?id=006") {
		t.Error("the board lacks the formula's link")
	}
	foreign := httptest.NewRequest("POST", "/opportunities", strings.NewReader("Name=x"))
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	o.ServeHTTP(w, foreign)
	if w.Code != http.StatusForbidden {
		t.Errorf("a form from another site: status %d, want 403", w.Code)
	}
}
