package salesforce_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/salesforce"
)

// FuzzBodies sends any body to the calls that take one, and any text as a
// query: what comes back is an answer or a refusal, never a fault.
func FuzzBodies(f *testing.F) {
	paths := []string{
		"POST /sobjects/Opportunity", "POST /composite/sobjects", "PATCH /composite/sobjects", "PATCH /composite/sobjects/Contact/Tenon_Key__c",
		"POST /composite/sobjects/Contact", "POST /composite", "POST /composite/batch", "POST /composite/graph", "POST /composite/tree/Account",
		"POST /jobs/ingest", "POST /jobs/query", "POST /tooling/sobjects/CustomField", "POST /chatter/feed-elements", "POST /parameterizedSearch",
		"PATCH /sobjects/Contact/Tenon_Key__c/k", "GET /query?q=", "GET /search?q=", "GET /tooling/query?q=",
	}
	for i, body := range []string{
		`{"Name":"X","StageName":"Prospecting","CloseDate":"2026-06-30","Amount":1e9,"Account":{"Tenon_Key__c":"a"}}`,
		`{"allOrNone":true,"records":[{"attributes":{"type":"Contact"},"LastName":"A"}]}`,
		`{"records":[{"attributes":{"type":"Contact"},"id":"003000000000000AAA","Email":"a@b.example"}]}`,
		`{"records":[{"attributes":{"type":"Contact"},"Tenon_Key__c":"k","LastName":"A"}]}`,
		`{"ids":["003000000000000AAA"],"fields":["Name"]}`,
		`{"allOrNone":true,"compositeRequest":[{"method":"POST","url":"/services/data/v66.0/sobjects/Account","referenceId":"a","body":{"Name":"@{b.id}"}}]}`,
		`{"batchRequests":[{"method":"GET","url":"v66.0/limits"}]}`,
		`{"graphs":[{"graphId":"1","compositeRequest":[{"method":"GET","url":"/services/data/v66.0/limits","referenceId":"a"}]}]}`,
		`{"records":[{"attributes":{"type":"Account","referenceId":"a"},"Name":"A","Contacts":{"records":[]}}]}`,
		`{"object":"Account","operation":"insert"}`,
		`{"operation":"query","query":"SELECT Id FROM Account"}`,
		`{"FullName":"Account.X__c","Metadata":{"label":"X","type":"Text","length":20}}`,
		`{"feedElementType":"FeedItem","subjectId":"006","body":{"messageSegments":[{"type":"Text","text":"a"}]}}`,
		`{"q":"Elbe","sobjects":[{"name":"Account","fields":["Name"]}]}`,
		`{"LastName":"K","Birthdate":"2026-02-30"}`,
		`SELECT Id, (SELECT Id FROM Contacts), Owner.Name FROM Account WHERE Name LIKE '%a_' ORDER BY Industry DESC NULLS LAST`,
		`FIND {Elbe} RETURNING Account(Id, Name)`,
		`SELECT Id FROM CustomField WHERE DeveloperName = 'X'`,
	} {
		f.Add(uint8(i), body)
	}
	sys := salesforce.New(salesforce.Options{Seed: 1, Clock: kit.NewManualClock(start), NoSeed: true})
	f.Cleanup(sys.Close)
	token, calls := sys.NewToken(), 0
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		if calls++; calls%1000 == 0 { // or the records that inputs make would slow it down
			if err := sys.Reseed(1); err != nil {
				t.Fatal(err)
			}
			token = sys.NewToken()
		}
		method, path, _ := strings.Cut(paths[int(which)%len(paths)], " ")
		content := body
		if strings.HasSuffix(path, "=") {
			path, content = path+url.QueryEscape(body), ""
		}
		r := httptest.NewRequest(method, data+path, strings.NewReader(content))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		sys.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code == 401 {
			t.Errorf("%s %s with %q: %d %s", method, path, body, w.Code, w.Body)
		}
	})
}
