package rest

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tenonsync/tenon/connectors"
)

func FuzzRefusal(f *testing.F) {
	f.Add(400, "application/json", "5", []byte(`{"message":"no","errors":[{"message":"x"}]}`))
	f.Add(429, "text/html", "Wed, 21 Oct 2026 07:28:00 GMT", []byte("<html>slow down</html>"))
	f.Add(503, "", "-1", []byte("\xff\xfe\x00\u202e"))
	f.Add(302, "", "99999999999999999999", []byte(strings.Repeat("é", 400)))
	f.Add(500, "application/json", "1e400", []byte(`{"errorMessages":["a",1],"error":{"x":1},"detail":null}`))
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	c, err := New(Config{Connection: "acme", BaseURL: "https://acme.example", Auth: Bearer("topsecret")}, connectors.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, kind, wait string, raw []byte) {
		h := http.Header{"Content-Type": {kind}, "Retry-After": {wait}, "Location": {wait}}
		a := &Answer{Status: status, Header: h, Body: raw, Method: http.MethodPost}
		got := failureOf(a, false, now)
		if len(got.Message) > maxMessage+10 || !utf8.ValidString(got.Message) || strings.ContainsAny(got.Message, "\n\x00\u202e") {
			t.Errorf("message %q", got.Message)
		}
		if got.RetryAfter < 0 || got.RetryAfter > maxRetryAfter {
			t.Errorf("wait %v", got.RetryAfter)
		}
		if status >= 500 && status != http.StatusServiceUnavailable && !got.Unsure {
			t.Errorf("status %d is sure", status)
		}
		if strings.Contains(c.scrub(got.Message), "topsecret") {
			t.Errorf("message %q shows the secret", got.Message)
		}
	})
}

func FuzzLimits(f *testing.F) {
	f.Add("100", "5", "1772625600", "10")
	f.Add("-1", "9999999999999", "2026-03-04T12:30Z", "0")
	f.Add("1", "0", "", "2000000000")
	f.Add("", "x", "9999-12-31T23:59:59Z", "4000000000")
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, limit, left, reset, window string) {
		l := StandardLimits(http.Header{
			"X-Ratelimit-Limit": {limit}, "X-Ratelimit-Remaining": {left},
			"X-Ratelimit-Reset": {reset}, "X-Ratelimit-Interval-Seconds": {window},
		}, now)
		g := newGate(newManualClock(), testPace(nil), nil)
		defer g.close()
		g.told(l, "")
		_, err := g.enter(connectors.WithPriority(t.Context(), connectors.PriorityButton), "", 1)
		if err != nil && (connectors.KindOf(err) != connectors.RateLimited || connectors.RetryAfter(err) > maxRetryAfter+time.Minute) {
			t.Errorf("after %+v: %v, wait %v", l, err, connectors.RetryAfter(err))
		}
	})
}

func FuzzTemplate(f *testing.F) {
	f.Add("/rest/api/3/issue/10021")
	f.Add("//a@b/%2e%2e/12")
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequest(http.MethodGet, "https://acme.example/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Path = path
		for _, part := range strings.Split(guessTemplate(r), "/") {
			if len(part) > 40 || strings.ContainsAny(part, "@: ") {
				t.Errorf("%q shows %q", path, part)
			}
		}
	})
}
