package rest

import (
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// FuzzNote finds any bytes where the note of the allowances is kept: the first
// call goes out, or is told to come again within about a week.
func FuzzNote(f *testing.F) {
	f.Add([]byte(`{"pausedUntil":"2026-03-04T12:10:00Z","by":[1,2,3,4,5],"day":{"size":1000,"left":10,"used":990,"end":"2026-03-05T00:00:00Z"},"window":{"size":100,"left":0,"end":"2026-03-04T12:00:10Z","per":10000000000}}`))
	f.Add([]byte(`{"pausedUntil":"9999-12-31T23:59:59Z","by":[-1],"day":{"size":-5,"left":9223372036854775807,"used":9223372036854775807,"end":"2026-03-04T12:00:01Z"}}`))
	f.Add([]byte(`{"window":{"size":9223372036854775807,"left":-9223372036854775808,"used":1,"end":"2026-03-11T12:00:00Z","per":-1}}`))
	f.Add([]byte(`{"by":[1,2,3,4,5,6,7]}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, text []byte) {
		v := &tokenEndpoint{kind: "application/json"}
		c, err := New(Config{
			Connection: "acme", BaseURL: "https://acme.example", Auth: Bearer("token"), Retries: -1,
			Pace: Pace{PerSecond: 10, DailyShare: 50, Daily: 1000},
		}, connectors.Options{Transport: v, Clock: newManualClock(), Tokens: &shelf{tokens: map[string][]byte{ledgerName: text}}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.Do(connectors.WithPriority(t.Context(), connectors.PriorityButton), Request{Op: "read", Path: "/record"})
		if err == nil {
			return
		}
		if wait := connectors.RetryAfter(err); connectors.KindOf(err) != connectors.RateLimited || wait <= 0 || wait > maxRetryAfter+time.Minute {
			t.Errorf("the first call fails with %v, wait %v", err, wait)
		}
	})
}
