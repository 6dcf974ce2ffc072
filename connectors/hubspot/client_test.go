package hubspot

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

func TestExplain(t *testing.T) {
	tests := []struct {
		name   string
		status int
		header http.Header
		body   string
		start  rest.Failure
		want   rest.Failure
	}{
		{
			"validation, told twice", 400, nil,
			`{"status":"error","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"12x is no number\",\"error\":\"INVALID_LONG\",\"name\":\"amount\"},{\"isValid\":false,\"message\":\"no such\",\"name\":\"b\"}]","correlationId":"c-1","category":"VALIDATION_ERROR","errors":[{"message":"12x is no number","code":"INVALID_LONG","context":{"propertyName":["amount"]}}]}`,
			rest.Failure{Kind: connectors.Invalid},
			rest.Failure{Kind: connectors.Invalid, Message: "Property values were not valid (correlation id c-1)", Fields: []connectors.FieldError{
				{Field: "amount", Reason: "12x is no number"}, {Field: "b", Reason: "no such"},
			}},
		},
		{
			"unique value taken", 400, nil,
			`{"status":"error","message":"Property values were not valid: [{\"isValid\":false,\"message\":\"501 already has that value.\",\"error\":\"CONFLICTING_UNIQUE_VALUE\",\"name\":\"tenon_key\"}]","category":"VALIDATION_ERROR"}`,
			rest.Failure{Kind: connectors.Invalid},
			rest.Failure{Kind: connectors.Conflict, Message: "Property values were not valid", Fields: []connectors.FieldError{
				{Field: "tenon_key", Reason: "501 already has that value."},
			}},
		},
		{
			"missing scopes", 403, nil,
			`{"status":"error","message":"One or more of the following scopes are required.","context":{"requiredGranularScopes":["crm.objects.deals.read"]},"category":"MISSING_SCOPES"}`,
			rest.Failure{Kind: connectors.Permission},
			rest.Failure{Kind: connectors.Permission, Message: "One or more of the following scopes are required.", Help: "give the app in HubSpot the scope crm.objects.deals.read"},
		},
		{
			"missing scopes inside errors", 403, nil,
			`{"message":"no","errors":[{"message":"m","context":{"requiredGranularScopes":["tickets","x"]}}],"category":"MISSING_SCOPES"}`,
			rest.Failure{Kind: connectors.Permission},
			rest.Failure{Kind: connectors.Permission, Message: "no", Help: "give the app in HubSpot the scope tickets or x"},
		},
		{
			"ten-second limit", 429, nil, `{"message":"limit","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}`,
			rest.Failure{Kind: connectors.RateLimited},
			rest.Failure{Kind: connectors.RateLimited, Message: "limit", RetryAfter: 10 * time.Second},
		},
		{
			"search limit", 429, nil, `{"message":"limit","policyName":"SECONDLY"}`,
			rest.Failure{Kind: connectors.RateLimited},
			rest.Failure{Kind: connectors.RateLimited, Message: "limit", RetryAfter: time.Second},
		},
		{
			"daily limit", 429, nil, `{"message":"limit","policyName":"DAILY"}`,
			rest.Failure{Kind: connectors.RateLimited},
			rest.Failure{Kind: connectors.RateLimited, Message: "limit", RetryAfter: 15 * time.Minute},
		},
		{
			"the header counts", 429, nil, `{"message":"limit","policyName":"DAILY"}`,
			rest.Failure{Kind: connectors.RateLimited, RetryAfter: 3 * time.Second},
			rest.Failure{Kind: connectors.RateLimited, Message: "limit", RetryAfter: 3 * time.Second},
		},
		{
			"moving house", 477,
			http.Header{"Retry-After": {"60"}},
			``,
			rest.Failure{Kind: connectors.Invalid},
			rest.Failure{Kind: connectors.Unavailable, RetryAfter: time.Minute},
		},
		{
			"a page of HTML", 414, nil, `<html>too long</html>`,
			rest.Failure{Kind: connectors.Invalid, Message: "a page"},
			rest.Failure{Kind: connectors.Invalid, Message: "a page"},
		},
		{
			"token", 401, nil, `{"message":"expired","category":"EXPIRED_AUTHENTICATION"}`,
			rest.Failure{Kind: connectors.Auth},
			rest.Failure{Kind: connectors.Auth, Message: "expired", Help: "renew the token in HubSpot and put it into the connection's settings"},
		},
		{
			"odd context", 400, nil, `{"message":"m","context":{"a":1,"propertyName":"p"},"category":"VALIDATION_ERROR","subCategory":{"x":1}}`,
			rest.Failure{Kind: connectors.Invalid},
			rest.Failure{Kind: connectors.Invalid, Message: "m", Fields: []connectors.FieldError{{Field: "p", Reason: "m"}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.start
			explain(&rest.Answer{Status: tt.status, Header: tt.header, Body: []byte(tt.body)}, &got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOpenRefusesSettings(t *testing.T) {
	tests := []struct {
		name     string
		settings map[string]string
		want     string
	}{
		{"nothing", nil, `setting "token" is missing: write the token of a private app or service key, or client_id and client_secret for OAuth`},
		{"half of OAuth", map[string]string{"client_id": "x"}, `setting "client_secret" is missing: OAuth needs it`},
		{"both", map[string]string{"token": "x", "refresh_token": "y"}, `settings "token" and "refresh_token" exclude each other: keep one`},
		{"address", map[string]string{"token": "x", "base_url": "hubapi"}, `setting "base_url" is not an address: write https://api.hubapi.com`},
		{"pace", map[string]string{"token": "x", "requests_per_second": "fast"}, `setting "requests_per_second": "fast" is not a number between 0 and 1000`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := connectors.NewSettings(Connector{}.Info().Settings, tt.settings)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Connector{}.Open(connectors.Config{Name: "crm", Settings: s}, connectors.Options{})
			if err == nil || err.Error() != tt.want {
				t.Errorf("Open = %v, want %s", err, tt.want)
			}
		})
	}
}

func FuzzExplain(f *testing.F) {
	f.Add(400, `{"message":"Property values were not valid: [{\"name\":\"a\",\"message\":\"m\"}]","category":"VALIDATION_ERROR","context":{"propertyName":["b"],"x":1}}`)
	f.Add(429, `{"policyName":"DAILY"}`)
	f.Add(477, `<html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		failure := rest.Failure{Kind: connectors.Invalid}
		explain(&rest.Answer{Status: status, Header: http.Header{"Retry-After": {body}}, Body: []byte(body)}, &failure)
		seen := map[string]bool{}
		for _, e := range failure.Fields {
			if e.Field == "" || seen[e.Field] {
				t.Errorf("fields = %+v", failure.Fields)
			}
			seen[e.Field] = true
		}
		if failure.RetryAfter < 0 || failure.RetryAfter > 24*time.Hour {
			t.Errorf("retry after %v", failure.RetryAfter)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add(cursor{From: 12, ID: "5"}.String())
	f.Add("e30")
	f.Fuzz(func(t *testing.T, text string) {
		at, ok := parseCursor(text)
		if !ok {
			return
		}
		at.Start = 1
		at.next()
		if back, ok := parseCursor(at.String()); !ok || back != at {
			t.Errorf("%+v does not come back: %+v, %v", at, back, ok)
		}
	})
}

// answers is a system that gives a fixed answer by path, "{}" by default.
type answers map[string]struct {
	status int
	body   string
}

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := a[r.URL.Path]
	if answer.status == 0 {
		answer.status, answer.body = http.StatusOK, "{}"
	}
	return &http.Response{
		StatusCode: answer.status, Status: http.StatusText(answer.status), Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer.body)),
	}, nil
}

func TestCheckWithoutTheRightToAskWhoWeAre(t *testing.T) {
	s, err := connectors.NewSettings(Connector{}.Info().Settings, map[string]string{"token": "t", "client_secret": "s"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Connector{}.Open(connectors.Config{Name: "crm", Settings: s}, connectors.Options{Transport: answers{
		pathAccount: {http.StatusForbidden, `{"category":"MISSING_SCOPES","context":{"requiredGranularScopes":["oauth"]}}`},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	account, err := c.Check(t.Context())
	if err != nil || account.ID != "crm" {
		t.Fatalf("Check = %+v, %v", account, err)
	}
	want := []string{"the account's details cannot be read: give the app in HubSpot the scope oauth"}
	if diff := cmp.Diff(want, account.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
