package rest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// tokenEndpoint answers every request with one answer and remembers what was
// sent in the header.
type tokenEndpoint struct {
	status int
	kind   string
	wait   string
	body   []byte
	sent   []string // Authorization of requests elsewhere than at the endpoint
	asked  int
}

// RoundTrip implements http.RoundTripper.
func (e *tokenEndpoint) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := http.StatusOK, []byte("{}")
	if r.URL.Path == "/token" {
		status, body = e.status, e.body
		e.asked++
	} else {
		e.sent = append(e.sent, r.Header.Get("Authorization"))
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {e.kind}, "Retry-After": {e.wait}}, Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// FuzzTokenAnswer lets a token endpoint answer anything. A request then either
// goes out with the token that the answer holds, or fails with an error that
// shows neither the client's secrets nor the answer's.
func FuzzTokenAnswer(f *testing.F) {
	const clientSecret, firstRefresh, hidden = "client-secret-77", "refresh-one-55", "hidden-token-99"
	f.Add(200, "application/json", "", []byte(`{"access_token":"hidden-token-99","token_type":"bearer","expires_in":1800,"refresh_token":"hidden-token-99b"}`))
	f.Add(200, "application/json", "", []byte(`{"access_token":"hidden-token-99","expires_in":"1800"}`))
	f.Add(200, "application/x-www-form-urlencoded", "", []byte(`access_token=hidden-token-99&expires_in=1e9&token_type=`))
	f.Add(200, "application/json", "", []byte(`{"access_token":"a\r\nX-Evil: 1","token_type":"Bearer\nx","expires_in":-5}`))
	f.Add(200, "application/json", "", []byte(`{"access_token":"","error":"invalid_grant"}`))
	f.Add(400, "application/json", "", []byte(`{"error":"invalid_grant","error_description":"refresh-one-55 was revoked for client-secret-77"}`))
	f.Add(401, "text/html", "", []byte(`<html>hidden-token-99</html>`))
	f.Add(429, "application/json", "7", []byte(`{"error":{"code":1},"error_description":[]}`))
	f.Add(503, "", "Wed, 04 Mar 2026 12:00:30 GMT", []byte("\xff\x00"))
	f.Add(302, "text/plain", "-1", []byte("null"))
	f.Fuzz(func(t *testing.T, status int, kind, wait string, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		for _, refresh := range []string{"", firstRefresh} {
			end := &tokenEndpoint{status: status, kind: kind, wait: wait, body: body}
			clock := newManualClock()
			c, err := New(Config{
				Connection: "acme", BaseURL: "https://acme.example", Retries: -1,
				Auth: OAuth2(OAuth{ClientID: "id", ClientSecret: clientSecret, TokenURL: "https://acme.example/token", RefreshToken: refresh}),
			}, connectors.Options{Transport: end, Clock: clock})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Do(context.WithoutCancel(t.Context()), Request{Op: "read", Path: "/record"})
			_ = c.Close()
			if end.asked > 2 {
				t.Errorf("the endpoint was asked %d times for one token", end.asked)
			}
			for _, h := range end.sent {
				if _, token, ok := strings.Cut(h, " "); !ok || token == "" || strings.ContainsAny(h, "\r\n") {
					t.Errorf("a request went out with %q", h)
				}
			}
			if err == nil {
				if len(end.sent) != 1 {
					t.Errorf("%d requests went out, want 1", len(end.sent))
				}
				continue
			}
			for _, secret := range []string{clientSecret, refresh} {
				if secret != "" && strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows %q: %v", secret, err)
				}
			}
			if status == http.StatusOK && strings.Contains(err.Error(), hidden) {
				t.Errorf("the error shows what was granted: %v", err)
			}
			if wait := connectors.RetryAfter(err); wait < 0 || wait > maxRetryAfter || len(err.Error()) > 1000 {
				t.Errorf("wait %v, %d bytes: %v", wait, len(err.Error()), err)
			}
		}
	})
}
