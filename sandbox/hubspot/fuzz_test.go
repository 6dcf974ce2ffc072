package hubspot_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/sandbox/hubspot"
)

// fuzzed are the calls that take a body; ID stands for a deal's id.
var fuzzed = []string{
	"POST /crm/v3/objects/deals",
	"PATCH /crm/v3/objects/deals/ID",
	"POST /crm/v3/objects/deals/search",
	"POST /crm/v3/objects/deals/merge",
	"POST /crm/v3/objects/contacts/gdpr-delete",
	"POST /crm/v3/objects/deals/batch/read",
	"POST /crm/v3/objects/deals/batch/create",
	"POST /crm/v3/objects/deals/batch/update",
	"POST /crm/v3/objects/contacts/batch/upsert",
	"POST /crm/v3/objects/deals/batch/archive",
	"PUT /crm/v4/objects/deals/ID/associations/contacts/1",
	"POST /crm/v4/associations/deals/contacts/batch/create",
	"POST /crm/v4/associations/deals/contacts/batch/read",
	"POST /crm/v4/associations/deals/contacts/batch/archive",
	"POST /crm/v4/associations/deals/contacts/labels",
	"PUT /crm/v4/associations/deals/contacts/labels",
	"POST /crm/v3/associations/deals/contacts/batch/create",
	"POST /crm/v3/properties/deals",
	"PATCH /crm/v3/properties/deals/project_url",
	"POST /crm/v3/properties/deals/batch/create",
	"POST /crm/v3/properties/deals/groups",
	"POST /crm/v3/pipelines/deals",
	"PUT /crm/v3/pipelines/deals/default",
	"PATCH /crm/v3/pipelines/deals/default/stages/closedwon",
	"POST /crm/v3/schemas",
	"PUT /_sandbox/subscriptions",
	"PUT /_sandbox/faults",
	"POST /_sandbox/edit",
	"POST /oauth/v1/token",
}

// FuzzBodies sends any body to any call: no answer may be a server error, and
// the account must go on answering.
func FuzzBodies(f *testing.F) {
	for i := range fuzzed {
		for _, body := range []string{
			`{}`, `null`, `[]`, `{"inputs":[null]}`, `{"inputs":[{"id":null,"properties":null}]}`, `{"properties":{"dealname":"x","amount":1e400}}`,
			`{"inputs":[{"id":"1","idProperty":"email","properties":{"email":{}}}]}`, `{"filterGroups":[{"filters":[{}]}],"sorts":[1]}`, `[{"associationTypeId":3}]`,
			`{"label":"a","displayOrder":0,"stages":[{"label":"b","displayOrder":1,"metadata":null}]}`,
			`{"name":"n","labels":{},"requiredProperties":[],"properties":[{"name":"a","label":"b"}],"associatedObjects":["x"]}`,
		} {
			f.Add(i, body)
		}
	}
	f.Fuzz(func(t *testing.T, which int, body string) {
		a := newAccount(t, func(o *hubspot.Options) { o.Lag = -1 })
		id := a.create("deals", object{"dealname": "A"})
		method, path, _ := strings.Cut(fuzzed[((which%len(fuzzed))+len(fuzzed))%len(fuzzed)], " ")
		r := httptest.NewRequest(method, strings.ReplaceAll(path, "ID", id), strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+a.token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s answers %d to %q: %s", method, path, w.Code, body, w.Body)
		}
		a.Faults().Clear()
		a.must(200, "GET", "/account-info/v3/details", nil)
	})
}
