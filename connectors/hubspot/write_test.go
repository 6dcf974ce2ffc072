package hubspot

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

// testWriter returns a writer without a system, and its jobs.
func testWriter(t *testing.T, action string, n int) (*writer, []job) {
	t.Helper()
	c := testConnection(t, map[string]string{"token": "t"})
	m := newMeta(standardType("deals"), []wireProperty{{Name: "dealname", Type: "string"}, {Name: keyProperty, Type: "string"}}, nil)
	w := &writer{c: c, op: action, m: m, object: "deals", results: make([]connectors.WriteResult, n)}
	jobs := make([]job, n)
	for i := range jobs {
		digit := string(rune('0' + i))
		jobs[i] = job{at: i, sent: []string{"dealname"}, input: batchInput{Properties: map[string]string{"dealname": "D" + digit}}}
		if action == "update" {
			jobs[i].input.ID = "10" + digit
		} else {
			jobs[i].input.TraceID = digit
		}
	}
	return w, jobs
}

func TestSettle(t *testing.T) {
	tests := []struct {
		name, action string
		keys         []string
		answer       string
		want         []string // id, or the error's text; " ?" marks an unsure one
	}{
		{
			"shuffled, by what was written", "create", nil,
			`{"results":[{"id":"7","properties":{"dealname":"D1"}},{"id":"8","properties":{"dealname":"D0"}}]}`,
			[]string{"8", "7"},
		},
		{
			"by trace id, though HubSpot changed the text", "create", nil,
			`{"results":[{"id":"7","objectWriteTraceId":"1","properties":{"dealname":"x"}},{"id":"8","objectWriteTraceId":"0","properties":{"dealname":"y"}}]}`,
			[]string{"8", "7"},
		},
		{
			"by key", "create",
			[]string{"k0", "k1"},
			`{"results":[{"id":"7","properties":{"tenon_key":"k1"}},{"id":"8","properties":{"tenon_key":"k0"}}]}`,
			[]string{"8", "7"},
		},
		{
			"by what is left over", "create", nil,
			`{"results":[{"id":"7","properties":{"dealname":"changed"}}],"errors":[{"category":"VALIDATION_ERROR","message":"no","context":{"objectWriteTraceId":["0"]}}]}`,
			[]string{"crm: create deals: no", "7"},
		},
		{
			"one error, one unknown", "create", nil,
			`{"results":[],"errors":[{"category":"CONFLICT","message":"Contact already exists. Existing ID: 5","context":{"objectWriteTraceId":["1"],"existingId":["5"]}}]}`,
			[]string{"crm: create deals: HubSpot's answer does not say what became of the record ?", "crm: create deals: Contact already exists. Existing ID: 5"},
		},
		{
			"an error that names nobody", "create", nil,
			`{"errors":[{"category":"VALIDATION_ERROR","message":"bad batch"}]}`,
			[]string{"crm: create deals: bad batch", "crm: create deals: bad batch"},
		},
		{
			"a result and an error that names nobody", "update", nil,
			`{"results":[{"id":"101","properties":{"dealname":"D1"}}],"errors":[{"category":"INTERNAL_ERROR","message":"oops"}]}`,
			[]string{"crm: update deals/100: oops ?", "101"},
		},
		{
			"gone", "update", nil,
			`{"results":[{"id":"100","properties":{"dealname":"D0"}}],"errors":[{"category":"OBJECT_NOT_FOUND","message":"gone","context":{"ids":["101"]}}]}`,
			[]string{"100", "crm: update deals/101: gone"},
		},
		{"nothing", "update", nil, `{}`, []string{
			"crm: update deals/100: HubSpot's answer does not say what became of the record ?",
			"crm: update deals/101: HubSpot's answer does not say what became of the record ?",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, jobs := testWriter(t, tt.action, 2)
			for i, k := range tt.keys {
				jobs[i].key = k
				jobs[i].input.Properties[keyProperty] = k
			}
			var answer batchAnswer
			if err := json.Unmarshal([]byte(tt.answer), &answer); err != nil {
				t.Fatal(err)
			}
			w.settle(t.Context(), jobs, &answer)
			got := make([]string, len(w.results))
			for i, r := range w.results {
				got[i] = r.ID
				if r.Err != nil {
					got[i] = r.Err.Error()
					if connectors.IsUnsure(r.Err) {
						got[i] += " ?"
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
		})
	}
}

// The answer to a write leaves out what is empty after it; where it leaves out
// what was written, it does not count as the record.
func TestEcho(t *testing.T) {
	w, jobs := testWriter(t, "update", 2)
	jobs[0].input.Properties = map[string]string{"dealname": ""}
	var answer batchAnswer
	if err := json.Unmarshal([]byte(`{"results":[{"id":"100","properties":{}},{"id":"101","properties":null}]}`), &answer); err != nil {
		t.Fatal(err)
	}
	w.settle(t.Context(), jobs, &answer)
	if r := w.results[0].Record; r == nil {
		t.Error("no record after clearing a field")
	} else if v, presence := r.Get("dealname"); !v.IsNull() || presence != connectors.Present {
		t.Errorf("cleared field = %q, %v; want null, present", v, presence)
	}
	if w.results[1].Record != nil || w.results[1].Err != nil || w.results[1].ID != "101" {
		t.Errorf("an answer without the field written = %+v, want an id and no record", w.results[1])
	}
}
