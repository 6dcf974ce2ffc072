package salesforce

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

func TestExplain(t *testing.T) {
	for _, tc := range []struct {
		name   string
		status int
		body   string
		start  rest.Failure
		want   rest.Failure
	}{
		{
			"session", 401, `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`,
			rest.Failure{Kind: connectors.Auth},
			rest.Failure{Kind: connectors.Auth, Message: "INVALID_SESSION_ID: Session expired or invalid", Help: "check that the integration user is active and may use the API"},
		},
		{
			"allowance", 403, `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`,
			rest.Failure{Kind: connectors.Permission},
			rest.Failure{Kind: connectors.RateLimited, RetryAfter: limitWait, Message: "REQUEST_LIMIT_EXCEEDED: TotalRequests Limit exceeded.", Help: limitHelp},
		},
		{
			"long requests", 403, `[{"message":"ConcurrentPerOrgLongTxn Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`,
			rest.Failure{Kind: connectors.Permission},
			rest.Failure{Kind: connectors.RateLimited, RetryAfter: 10 * time.Second, Message: "REQUEST_LIMIT_EXCEEDED: ConcurrentPerOrgLongTxn Limit exceeded."},
		},
		{
			"column", 400, `[{"message":"\nSELECT Foo FROM Lead\n       ^\nERROR at Row:1:Column:8\nNo such column 'Foo' on entity 'Lead'.","errorCode":"INVALID_FIELD"}]`,
			rest.Failure{Kind: connectors.Invalid},
			rest.Failure{
				Kind: connectors.Invalid, Message: "INVALID_FIELD: No such column 'Foo' on entity 'Lead'.",
				Fields: []connectors.FieldError{{Field: "Foo", Reason: rest.Clip("\nSELECT Foo FROM Lead\n       ^\nERROR at Row:1:Column:8\nNo such column 'Foo' on entity 'Lead'.")}},
			},
		},
		{
			"lock", 400, `[{"message":"unable to obtain exclusive access","errorCode":"UNABLE_TO_LOCK_ROW"}]`,
			rest.Failure{Kind: connectors.Invalid},
			rest.Failure{Kind: connectors.Conflict, Message: "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access"},
		},
		{
			"server error stays unsure", 500, `[{"message":"An unexpected error occurred. ErrorId: 1","errorCode":"UNKNOWN_EXCEPTION"}]`,
			rest.Failure{Kind: connectors.Unavailable, Unsure: true},
			rest.Failure{Kind: connectors.Unavailable, Unsure: true, Message: "UNKNOWN_EXCEPTION: An unexpected error occurred. ErrorId: 1"},
		},
		{
			"a page", 503, `<html>`,
			rest.Failure{Kind: connectors.Unavailable, Message: "a page"},
			rest.Failure{Kind: connectors.Unavailable, Message: "a page"},
		},
		{
			"retired version", 410, `[{"message":"The requested resource is no longer available","errorCode":"UNSUPPORTED_API_VERSION"}]`,
			rest.Failure{Kind: connectors.NotFound},
			rest.Failure{Kind: connectors.NotFound, Message: "UNSUPPORTED_API_VERSION: The requested resource is no longer available", Help: "this version of the API has ended: set api_version to a newer one"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.start
			explain(&rest.Answer{Status: tc.status, Body: []byte(tc.body)}, &got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
		})
	}
}

// The errors of single records of a write.
func TestRefusedRecords(t *testing.T) {
	for _, tc := range []struct {
		name   string
		op     string
		body   map[string]any
		key    string
		refs   bool
		err    string
		kind   connectors.Kind
		fields []string
		help   string
	}{
		{"validation rule", "update", map[string]any{"StageName": "x"}, "", false, `{"statusCode":"FIELD_CUSTOM_VALIDATION_EXCEPTION","message":"A won deal needs a reason","fields":["StageName"]}`, connectors.Invalid, []string{"StageName"}, ""},
		{"rule about another field", "update", map[string]any{"Name": "x"}, "", false, `{"statusCode":"FIELD_CUSTOM_VALIDATION_EXCEPTION","message":"no","fields":["Reason__c"]}`, connectors.Invalid, nil, ""},
		{"the key again", "create", map[string]any{"Tenon_Key__c": "k"}, "k", false, `{"statusCode":"DUPLICATE_VALUE","message":"duplicate value found: Tenon_Key__c duplicates value on record with id: 0065g00000B1abc","fields":[]}`, connectors.Conflict, nil, ""},
		{"another unique value", "create", map[string]any{"Tenon_Key__c": "k", "Code__c": "1"}, "k", false, `{"statusCode":"DUPLICATE_VALUE","message":"duplicate value found: Code__c duplicates value on record with id: 0065g00000B1abc"}`, connectors.Invalid, nil, "match by Code__c in the mapping, so that the record is adopted"},
		{"a unique value in an update", "update", map[string]any{"Code__c": "1"}, "", false, `{"statusCode":"DUPLICATE_VALUE","message":"duplicate value found: Code__c duplicates value on record with id: 0065g00000B1abc"}`, connectors.Invalid, []string{"Code__c"}, ""},
		{"duplicate rule", "create", map[string]any{"Name": "x"}, "", false, `{"statusCode":"DUPLICATES_DETECTED","message":"Use one of these records?","fields":[]}`, connectors.Invalid, nil, "match by a field in the mapping, so that the record is adopted; or set duplicates: allow"},
		{"lock", "update", map[string]any{"Name": "x"}, "", false, `{"statusCode":"UNABLE_TO_LOCK_ROW","message":"unable"}`, connectors.Conflict, nil, ""},
		{"storage", "create", map[string]any{"Name": "x"}, "", false, `{"statusCode":"STORAGE_LIMIT_EXCEEDED","message":"storage limit exceeded"}`, connectors.Permission, nil, "the org's data storage is full: make room or buy more"},
		{"some fault", "update", map[string]any{"Name": "x"}, "", false, `{"statusCode":"UNKNOWN_EXCEPTION","message":"An unexpected error occurred."}`, connectors.Internal, nil, ""},
		{"unknown id", "update", map[string]any{"Name": "x"}, "", false, `{"statusCode":"INVALID_CROSS_REFERENCE_KEY","message":"invalid cross reference id"}`, connectors.NotFound, nil, ""},
		{"unknown lookup", "update", map[string]any{"AccountId": "x"}, "", true, `{"statusCode":"INVALID_CROSS_REFERENCE_KEY","message":"invalid cross reference id"}`, connectors.Invalid, nil, ""},
		{"deleted", "update", map[string]any{"Name": "x"}, "", false, `{"statusCode":"ENTITY_IS_DELETED","message":"entity is deleted"}`, connectors.NotFound, nil, ""},
		{"no right", "update", map[string]any{"Name": "x"}, "", false, `{"statusCode":"INSUFFICIENT_ACCESS_OR_READONLY","message":"insufficient access rights on object id"}`, connectors.Permission, nil, ""},
		{"required at a create", "create", map[string]any{"Name": nil}, "", false, `{"statusCode":"REQUIRED_FIELD_MISSING","message":"Required fields are missing: [CloseDate]","fields":["CloseDate"]}`, connectors.Invalid, nil, ""},
		{"required, cleared", "update", map[string]any{"CloseDate": nil}, "", false, `{"statusCode":"REQUIRED_FIELD_MISSING","message":"Required fields are missing: [CloseDate]","fields":["CloseDate"]}`, connectors.Invalid, []string{"CloseDate"}, ""},
		{"allowance", "update", map[string]any{"Name": "x"}, "", false, `{"statusCode":"REQUEST_LIMIT_EXCEEDED","message":"no"}`, connectors.RateLimited, nil, limitHelp},
		{"the key's field is hidden", "create", map[string]any{"Tenon_Key__c": "k"}, "k", false, `{"statusCode":"INVALID_FIELD_FOR_INSERT_UPDATE","message":"Unable to create/update fields: Tenon_Key__c.","fields":["Tenon_Key__c"]}`, connectors.Invalid, nil, "run `tenon prepare`: it makes the field Tenon_Key__c on Opportunity in Salesforce; or name an existing text field of it in key_fields"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := &connection{name: "crm", o: options{keyField: "Tenon_Key__c"}}
			client, err := rest.New(rest.Config{Connection: "crm", BaseURL: "https://example.com"}, connectors.Options{})
			if err != nil {
				t.Fatal(err)
			}
			c.client = client
			w := &writer{c: c, op: tc.op, m: opportunityMeta(), object: "Opportunity"}
			j := job{body: tc.body, key: tc.key, refs: tc.refs}
			if tc.op == "update" {
				j.id = mustID(someID)
			}
			var e apiError
			if err := json.Unmarshal([]byte(tc.err), &e); err != nil {
				t.Fatal(err)
			}
			got, ok := asError(w.failed(j, &saveResult{Errors: []apiError{e}}))
			if !ok || got.Kind != tc.kind || got.Unsure || got.Help != tc.help {
				t.Fatalf("got %+v, want kind %v, help %q", got, tc.kind, tc.help)
			}
			var names []string
			for _, f := range got.Fields {
				names = append(names, f.Field)
			}
			if diff := cmp.Diff(tc.fields, names); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	for header, want := range map[string]connectors.Limit{
		"api-usage=18/15000": {Known: true, PerWindow: -1, Remaining: -1, Daily: 15000, DailyLeft: 14982},
		"api-usage=25/5000; per-app-api-usage=17/250(appName=sample-app)": {Known: true, PerWindow: -1, Remaining: -1, Daily: 250, DailyLeft: 233},
		"api-usage=6000/5000":       {Known: true, PerWindow: -1, Remaining: -1, Daily: 5000, DailyLeft: 0},
		"":                          {},
		"api-usage=x/5000":          {},
		"api-usage=5/0":             {},
		"other=5/10; api-usage=5/a": {},
	} {
		if got := limits(http.Header{"Sforce-Limit-Info": {header}}, time.Time{}).Limit; got != want {
			t.Errorf("%q: got %+v, want %+v", header, got, want)
		}
	}
}

// FuzzExplain: any body of a refusal makes a short, valid failure.
func FuzzExplain(f *testing.F) {
	f.Add(400, []byte(`[{"message":"No such column 'x' on entity 'y'","errorCode":"INVALID_FIELD","fields":["a","b"]}]`))
	f.Add(403, []byte(`[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`))
	f.Add(500, []byte(`<html>`))
	f.Add(400, []byte(`{"error":"invalid_grant"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		got := rest.Failure{Kind: connectors.Invalid, Unsure: status >= 500}
		explain(&rest.Answer{Status: status, Body: body}, &got)
		if got.Kind > connectors.Unavailable || got.RetryAfter < 0 || got.RetryAfter > time.Hour {
			t.Fatalf("got %+v", got)
		}
		if len(got.Message) > 600 || !utf8.ValidString(got.Message) || strings.ContainsAny(got.Message, "\n\r") {
			t.Fatalf("message %q", got.Message)
		}
		for _, field := range got.Fields {
			if len(field.Reason) > 600 {
				t.Fatalf("reason of %d bytes", len(field.Reason))
			}
		}
	})
}
