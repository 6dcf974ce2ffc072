package hubspot_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/kit"
)

var start = time.Date(2026, 3, 12, 9, 30, 0, 123_000_000, time.UTC)

// account is an emulated account on a clock that the test moves.
type account struct {
	*hubspot.System
	t     *testing.T
	clock *kit.ManualClock
	token string
	// seen is called with each exchange.
	seen func(method, path string, request []byte, status int, response []byte)
}

func newAccount(t *testing.T, change func(*hubspot.Options)) *account {
	t.Helper()
	clock := kit.NewManualClock(start)
	opts := hubspot.Options{Seed: 7, Clock: clock, NoSeed: true, WebhookDoubles: -1}
	if change != nil {
		change(&opts)
	}
	sys := hubspot.New(opts)
	t.Cleanup(sys.Close)
	return &account{System: sys, t: t, clock: clock, token: hubspot.DefaultToken}
}

// object is decoded JSON.
type object = map[string]any

// do sends a call with a JSON body (nil: none) and decodes the answer into an
// object (nil if there is none).
func (a *account) do(method, path string, body any) (int, object, http.Header) {
	a.t.Helper()
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			a.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(raw))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	answer, err := io.ReadAll(w.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if a.seen != nil {
		a.seen(method, r.URL.Path, raw, w.Code, answer)
	}
	var out object
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		dec := json.NewDecoder(bytes.NewReader(answer))
		dec.UseNumber()
		if err := dec.Decode(&out); err != nil {
			a.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
	return w.Code, out, w.Header()
}

// must is do for a call that has to end with this status.
func (a *account) must(status int, method, path string, body any) object {
	a.t.Helper()
	got, out, _ := a.do(method, path, body)
	if got != status {
		text, _ := json.Marshal(out)
		a.t.Fatalf("%s %s: status %d, want %d: %s", method, path, got, status, text)
	}
	return out
}

// create makes a record and returns its id.
func (a *account) create(kind string, properties object) string {
	a.t.Helper()
	return a.must(http.StatusCreated, "POST", "/crm/v3/objects/"+kind, object{"properties": properties})["id"].(string)
}

func list(v any) []any {
	out, _ := v.([]any)
	return out
}

func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(object)
			v = m[step]
		case int:
			l := list(v)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

// batch makes the inputs of a batch call.
func batch(inputs ...any) object { return object{"inputs": append([]any{}, inputs...)} }

// index lets the search index take over everything.
func (a *account) index() {
	a.t.Helper()
	if err := a.Flush(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
}
