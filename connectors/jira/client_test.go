package jira

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

type answers func(*http.Request) *http.Response

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	resp := a(req)
	resp.Request, resp.Proto, resp.ProtoMajor, resp.ProtoMinor = req, "HTTP/1.1", 1, 1
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	return resp, nil
}

func answer(status int, kind, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {kind}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func openWith(t *testing.T, a answers) *Connection {
	t.Helper()
	set, err := connectors.NewSettings(New().Info().Settings, map[string]string{"base_url": "https://acme.atlassian.net", "email": "a@b.c", "token": "hush-hush"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := New().Open(connectors.Config{Name: "jira-test", Settings: set}, connectors.Options{Transport: a})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*Connection)
}

func TestAnswersAreUnderstood(t *testing.T) {
	const json, page = "application/json;charset=UTF-8", "text/html;charset=UTF-8"
	for _, c := range []struct {
		name   string
		answer *http.Response
		kind   connectors.Kind
		words  string
	}{
		{"anonymous", answer(200, json, `{"issues":[]}`, "X-Seraph-LoginReason", "AUTHENTICATED_FAILED"), connectors.Auth, "anonymous"},
		{"login page", answer(200, page, "<!DOCTYPE html><html>Log in</html>"), connectors.Auth, "anonymous"},
		{"not seen by strangers", answer(404, json, `{"errorMessages":["No project could be found"],"errors":{}}`, "X-Seraph-LoginReason", "AUTHENTICATED_FAILED"), connectors.Auth, "anonymous"},
		{"wrong token", answer(401, "text/plain", "Client must be authenticated to access this resource."), connectors.Auth, "must be authenticated"},
		{"missing scope", answer(401, json, `{"code":401,"message":"Unauthorized; scope does not match"}`), connectors.Permission, "scope does not match"},
		{"captcha", answer(403, json, `{}`, "X-Authentication-Denied-Reason", "CAPTCHA_CHALLENGE; login-url=https://x", "X-Seraph-LoginReason", "AUTHENTICATION_DENIED"), connectors.Auth, ""},
		{"no right", answer(403, json, `{"errorMessages":["You may not."],"errors":{}}`), connectors.Permission, "You may not."},
		{"removed", answer(410, json, `{"errorMessages":["The requested API has been removed."],"errors":{}}`), connectors.Internal, "removed"},
		{"fields", answer(400, json, `{"errorMessages":[],"errors":{"b":"B is bad","a":{"nested":1}}}`), connectors.Invalid, "B is bad"},
		{"unknown path", answer(404, "application/problem+json", `{"title":"Not Found","detail":"No message available","status":404}`), connectors.NotFound, "No message available"},
		{"broken page", answer(200, json, `{"issues":`), connectors.Internal, "makes no sense"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := openWith(t, func(*http.Request) *http.Response {
				return answer(c.answer.StatusCode, c.answer.Header.Get("Content-Type"), readAll(t, c.answer), flat(c.answer.Header)...)
			})
			_, err := conn.search(t.Context(), "search", searchQuery{jql: "x", max: 1})
			e, ok := asError(err)
			if !ok || e.Kind != c.kind || !strings.Contains(e.Error()+e.Help, c.words) || strings.Contains(e.Error(), "hush-hush") {
				t.Errorf("error %v, want %v with %q", err, c.kind, c.words)
			}
		})
	}
}

func flat(h http.Header) []string {
	var out []string
	for name, values := range h {
		out = append(out, name, values[0])
	}
	return out
}

// readAll reads a prepared body once and puts it back.
func readAll(t *testing.T, r *http.Response) string {
	t.Helper()
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(strings.NewReader(string(raw)))
	return string(raw)
}

func TestExplain(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	f := rest.Failure{Kind: connectors.Invalid}
	explain(standing{now})(&rest.Answer{Status: 400, Header: http.Header{}, Body: []byte(`{"errorMessages":["One","Two"],"errors":{"z":"Z","summary":"S"}}`)}, &f)
	want := rest.Failure{Kind: connectors.Invalid, Message: "One; Two", Fields: []connectors.FieldError{{Field: "summary", Reason: "S"}, {Field: "z", Reason: "Z"}}}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("400 (-want +got)\n%s", diff)
	}
	f = rest.Failure{Kind: connectors.RateLimited}
	explain(standing{now})(&rest.Answer{Status: 429, Header: http.Header{"X-Ratelimit-Reset": {"2026-03-02T10:07Z"}}}, &f)
	if f.RetryAfter != 7*time.Minute {
		t.Errorf("429 without Retry-After waits %v, want until the reset", f.RetryAfter)
	}
}

type standing struct{ now time.Time }

func (c standing) Now() time.Time { return c.now }

func (c standing) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }
