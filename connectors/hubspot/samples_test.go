package hubspot

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/connectors"
)

// sample reads recorded traffic that may lie beside the repository.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "samples", "hubspot", name))
	if err != nil {
		t.Skip("the recorded samples are not beside the repository")
	}
	if !strings.HasSuffix(name, ".gz") {
		return raw
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// recorded is one recorded exchange.
type recorded struct {
	Path     string          `json:"path"`
	Response json.RawMessage `json:"response"`
}

func exchanges(t *testing.T, name string) []recorded {
	t.Helper()
	var out []recorded
	if err := json.Unmarshal(sample(t, name), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecordedProperties(t *testing.T) {
	var body struct {
		Results []wireProperty `json:"results"`
	}
	if err := json.Unmarshal(exchanges(t, "rest.fetch-properties.json.gz")[0].Response, &body); err != nil {
		t.Fatal(err)
	}
	s := newMeta(standardType("companies"), body.Results, nil).schema("companies", scope{})
	writable := 0
	for _, f := range s.Fields {
		if f.Writable {
			writable++
		}
	}
	if len(body.Results) != 247 || writable != 65 {
		t.Errorf("%d of %d company properties can be written, want 65 of 247", writable, len(body.Results))
	}
	for name, want := range map[string]connectors.Type{
		"name": connectors.TypeText, "description": connectors.TypeText, "hs_quick_context": connectors.TypeRichText,
		"annualrevenue": connectors.TypeNumber, "closedate": connectors.TypeInstant, "hs_intent_paid_up_to_date": connectors.TypeDate,
		"hs_is_target_account": connectors.TypeBool, "lifecyclestage": connectors.TypeOption, "hs_keywords": connectors.TypeOptions,
		"hubspot_owner_id": connectors.TypePerson,
	} {
		if f := s.Field(name); f == nil || f.Type != want {
			t.Errorf("%s = %+v, want %v", name, f, want)
		}
	}
}

func TestRecordedRecords(t *testing.T) {
	for _, name := range []string{"rest.deals.json", "rest.list-deals.json", "rest.list-tickets.json", "rest.tasks.json", "rest.search-companies.json", "rest.products.json"} {
		for _, x := range exchanges(t, name) {
			var page recordPage
			if err := json.Unmarshal(x.Response, &page); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for i := range page.Results {
				w := &page.Results[i]
				var properties []wireProperty
				for p := range w.Properties {
					properties = append(properties, wireProperty{Name: p, Type: "string"})
				}
				r, _ := newMeta(standardType("deals"), properties, nil).record("crm", "deals", w, scope{}, nil)
				if r.Ref.ID == "" || r.Modified.IsZero() || r.Created.IsZero() || r.State != connectors.Live {
					t.Errorf("%s: record %+v", name, r)
				}
			}
			if len(page.Results) == 0 && strings.Contains(string(x.Response), `"id"`) {
				t.Errorf("%s: no record in %.200s", name, x.Response)
			}
		}
	}
}

func TestRecordedBatchErrors(t *testing.T) {
	for name, want := range map[string]connectors.Kind{
		"batch.create.207_partial.json": connectors.Conflict,
		"batch.update.207_partial.json": connectors.NotFound,
	} {
		var answer batchAnswer
		if err := json.Unmarshal(sample(t, name), &answer); err != nil {
			t.Fatal(err)
		}
		if len(answer.Errors) != 1 || answer.Errors[0].kind() != want || len(answer.Results) != 1 {
			t.Errorf("%s: %+v, want one error of kind %v", name, answer, want)
		}
	}
	var refused apiError
	if err := json.Unmarshal(sample(t, "batch.create.400_invalid_properties.json"), &refused); err != nil {
		t.Fatal(err)
	}
	if got := refused.fields(); len(got) != 2 || got[0].Field != "first000name" {
		t.Errorf("fields = %+v, want the two that do not exist", got)
	}
}
