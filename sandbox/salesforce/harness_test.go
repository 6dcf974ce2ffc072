package salesforce_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/salesforce"
)

var start = time.Date(2026, 3, 12, 9, 30, 0, 0, time.UTC)

const data = "/services/data/v66.0"

// org is an emulated organisation on a clock that the test moves.
type org struct {
	*salesforce.System
	t      *testing.T
	clock  *kit.ManualClock
	token  string
	header http.Header
}

func newOrg(t *testing.T, change func(*salesforce.Options)) *org {
	t.Helper()
	clock := kit.NewManualClock(start)
	opts := salesforce.Options{Seed: 7, Clock: clock, NoSeed: true, WebhookDoubles: -1}
	if change != nil {
		change(&opts)
	}
	sys := salesforce.New(opts)
	t.Cleanup(sys.Close)
	return &org{System: sys, t: t, clock: clock, token: sys.NewToken(), header: http.Header{}}
}

// object is decoded JSON.
type object = map[string]any

// send sends a call with a body (a string as it is, else as JSON; nil: none) and
// returns the answer and its body.
func (o *org) send(method, path string, body any) (*httptest.ResponseRecorder, []byte) {
	o.t.Helper()
	var raw []byte
	switch body := body.(type) {
	case nil:
	case string:
		raw = []byte(body)
	default:
		var err error
		if raw, err = json.Marshal(body); err != nil {
			o.t.Fatal(err)
		}
	}
	if strings.HasPrefix(path, "~") {
		path = data + path[1:]
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(raw))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if o.token != "" {
		r.Header.Set("Authorization", "Bearer "+o.token)
	}
	for name, values := range o.header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	o.ServeHTTP(w, r)
	answer, err := io.ReadAll(w.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return w, answer
}

// must is send for a call that has to end with this status; the body is decoded.
func (o *org) must(status int, method, path string, body any) any {
	o.t.Helper()
	w, raw := o.send(method, path, body)
	if w.Code != status {
		o.t.Fatalf("%s %s: status %d, want %d: %s", method, path, w.Code, status, raw)
	}
	if len(raw) == 0 {
		return nil
	}
	var out any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		o.t.Fatalf("%s %s: %v in %s", method, path, err, raw)
	}
	return out
}

// refused is must for an error in the array form; it returns code and message.
func (o *org) refused(status int, method, path string, body any) (code, message string) {
	o.t.Helper()
	out := o.must(status, method, path, body)
	code, _ = at(out, 0, "errorCode").(string)
	message, _ = at(out, 0, "message").(string)
	return code, message
}

// query runs a statement and returns its records.
func (o *org) query(q string) []any {
	o.t.Helper()
	return list(at(o.must(200, "GET", "~/query?q="+url.QueryEscape(q), nil), "records"))
}

// badQuery runs a statement that has to fail.
func (o *org) badQuery(q string) (code, message string) {
	o.t.Helper()
	return o.refused(400, "GET", "~/query?q="+url.QueryEscape(q), nil)
}

// create makes a record and returns its id.
func (o *org) create(kind string, fields object) string {
	o.t.Helper()
	return at(o.must(201, "POST", "~/sobjects/"+kind, fields), "id").(string)
}

// deal makes an opportunity and returns its id.
func (o *org) deal(name string, more object) string {
	o.t.Helper()
	fields := object{"Name": name, "StageName": "Prospecting", "CloseDate": "2026-06-30"}
	for k, v := range more {
		fields[k] = v
	}
	return o.create("Opportunity", fields)
}

// num is a decoded number.
func num(text string) json.Number { return json.Number(text) }

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
