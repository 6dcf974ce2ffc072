package hubspot_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampleFolder is where recorded exchanges may lie, beside the repository.
const sampleFolder = "../../../shared/samples/hubspot"

func sample(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(sampleFolder, name))
	if err != nil {
		t.Skip("the samples are not beside the repository")
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

type exchange struct {
	Method, Path string
	Query        map[string]string
	Body         any
	Response     object
}

func recorded(t *testing.T, name string) exchange {
	t.Helper()
	var list []exchange
	sample(t, name, &list)
	return list[0]
}

// plain is v with numbers as encoding/json reads them by default.
func plain(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRecordedCreates repeats recorded creates: the answers have the same
// members, every property of ours was in the recording, with a value of the
// same shape, and all that was sent reads back as recorded.
func TestRecordedCreates(t *testing.T) {
	for _, name := range []string{
		"rest.create-deal.json", "rest.create-company.json", "rest.create-contact.json", "rest.create-ticket.json", "rest.create-task.json", "rest.create-note.json",
	} {
		t.Run(name, func(t *testing.T) {
			rec := recorded(t, name)
			a := newAccount(t, nil)
			body := rec.Body.(object)
			properties := body["properties"].(object)
			delete(body, "associations") // the other end is not in this account
			if properties["hubspot_owner_id"] != nil {
				properties["hubspot_owner_id"] = a.OwnerID("ada.okafor@harbourworks.example")
			}
			got := plain(t, a.must(201, "POST", rec.Path, body)).(object)
			if diff := cmp.Diff(keys(rec.Response), keys(got)); diff != "" {
				t.Errorf("members (-recorded +got):\n%s", diff)
			}
			want, have := rec.Response["properties"].(object), got["properties"].(object)
			for key, value := range have {
				if _, ok := want[key]; !ok {
					t.Errorf("property %s is not in the recording", key)
				} else if shape(value) != shape(want[key]) {
					t.Errorf("property %s is %v, recorded as %v", key, value, want[key])
				}
			}
			for key := range properties {
				if key != "hubspot_owner_id" && have[key] != want[key] {
					t.Errorf("property %s reads back as %v, want %v", key, have[key], want[key])
				}
			}
		})
	}
}

var digits, letters = regexp.MustCompile(`\d+`), regexp.MustCompile(`[a-zA-Z]{2,}`)

// shape is a value with all numbers and words alike.
func shape(v any) string {
	text, ok := v.(string)
	if !ok {
		return "not text"
	}
	switch text {
	case "true", "false":
		return "bool"
	}
	return letters.ReplaceAllString(digits.ReplaceAllString(text, "0"), "w")
}

var volatile = []string{"correlationId", "startedAt", "completedAt"}

// steady is v without what differs from call to call.
func steady(v any) any {
	if m, ok := v.(object); ok {
		for _, key := range volatile {
			if _, ok := m[key]; ok {
				m[key] = "…"
			}
		}
	}
	return v
}

// TestRecordedErrors provokes recorded errors: the answers are the same but for
// ids and times.
func TestRecordedErrors(t *testing.T) {
	person := func(name string) object { return object{"properties": object{name: "x", "last000name": "y"}} }
	for _, tc := range []struct {
		file, method, path string
		status             int
		token              []string
		body               object
	}{
		{"error.search_invalid_object.json", "POST", "/crm/v3/objects/butterflies/search", 400, nil, object{}},
		{"error.403_missing_scopes.json", "GET", "/crm/v3/schemas", 403, []string{"crm.objects.deals.read"}, nil},
		{
			"batch.update.400_duplicate_ids.json", "POST", "/crm/v3/objects/contacts/batch/update", 400, nil,
			batch(object{"id": "123456", "properties": object{"city": "a"}}, object{"id": "123456", "properties": object{"city": "b"}}),
		},
		{
			"batch.create.400_invalid_properties.json", "POST", "/crm/v3/objects/contacts/batch/create", 400, nil,
			batch(person("first000name"), person("first000name")),
		},
	} {
		t.Run(tc.file, func(t *testing.T) {
			var want any
			sample(t, tc.file, &want)
			a := newAccount(t, nil)
			if tc.token != nil {
				a.SetScopes(tc.token)
			}
			var body any
			if tc.body != nil {
				body = tc.body
			}
			got := plain(t, a.must(tc.status, tc.method, tc.path, body))
			if diff := cmp.Diff(steady(want), steady(got)); diff != "" {
				t.Errorf("answer (-recorded +got):\n%s", diff)
			}
		})
	}
}

// TestRecordedPartialBatches compares the errors of batches that went through in
// part.
func TestRecordedPartialBatches(t *testing.T) {
	t.Run("create", func(t *testing.T) {
		var want object
		sample(t, "batch.create.207_partial.json", &want)
		a := newAccount(t, nil)
		id := a.create("contacts", object{"email": "siena@example.com"})
		got := plain(t, a.must(207, "POST", "/crm/v3/objects/contacts/batch/create", batch(
			object{"objectWriteTraceId": "0", "properties": object{"email": "Siena@example.com"}},
			object{"objectWriteTraceId": "1", "properties": object{"email": "new@example.com"}}))).(object)
		failed := at(want, "errors", 0).(object)
		failed["message"] = "Contact already exists. Existing ID: " + id
		failed["context"].(object)["existingId"] = []any{id}
		comparePartial(t, want, got)
	})
	t.Run("update", func(t *testing.T) {
		var want object
		sample(t, "batch.update.207_partial.json", &want)
		a := newAccount(t, nil)
		id := a.create("contacts", object{"firstname": "Siena"})
		got := plain(t, a.must(207, "POST", "/crm/v3/objects/contacts/batch/update", batch(
			object{"id": id, "properties": object{"firstname": "Siena (updated)"}},
			object{"id": "unknownIdentifier888", "properties": object{"firstname": "x"}}))).(object)
		comparePartial(t, want, got)
	})
	t.Run("associations", func(t *testing.T) {
		var want object
		sample(t, "associations.batch-create.errors.json", &want)
		a := newAccount(t, nil)
		id := a.create("contacts", object{"firstname": "Siena"})
		types := []any{object{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 449}}
		me := object{"id": id}
		got := plain(t, a.must(207, "POST", "/crm/associations/2026-03/contacts/contacts/batch/create", batch(
			object{"from": me, "to": object{"id": "unknown_id_123456798"}, "types": types}, object{"from": me, "to": me, "types": types}))).(object)
		at(want, "errors", 1).(object)["message"] = "Object " + id + " cannot be associated to itself (" + id + ")"
		comparePartial(t, want, got)
	})
}

func comparePartial(t *testing.T, want, got object) {
	t.Helper()
	if diff := cmp.Diff(keys(want), keys(got)); diff != "" {
		t.Errorf("members (-recorded +got):\n%s", diff)
	}
	if diff := cmp.Diff(want["errors"], got["errors"]); diff != "" {
		t.Errorf("errors (-recorded +got):\n%s", diff)
	}
	if diff := cmp.Diff(len(list(want["results"])), len(list(got["results"]))); diff != "" {
		t.Errorf("results (-recorded +got):\n%s", diff)
	}
}

// TestRecordedDefinitions compares property definitions, pipelines, owners and
// account details.
func TestRecordedDefinitions(t *testing.T) {
	a := newAccount(t, nil)
	t.Run("property", func(t *testing.T) {
		rec := recorded(t, "rest.create-property.json")
		got := plain(t, a.must(201, "POST", rec.Path, rec.Body)).(object)
		for _, key := range []string{"createdAt", "updatedAt", "createdUserId", "updatedUserId"} {
			rec.Response[key] = got[key]
		}
		if diff := cmp.Diff(rec.Response, got); diff != "" {
			t.Errorf("answer (-recorded +got):\n%s", diff)
		}
	})
	t.Run("pipeline", func(t *testing.T) {
		var want object
		sample(t, "rest.pipelines.deals.json", &want)
		got := plain(t, a.must(200, "GET", "/crm/v3/pipelines/deals", nil)).(object)
		mine := at(got, "results", 0).(object)
		mine["stages"] = mine["stages"].([]any)[:7] // the account has two of its own behind them
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("answer (-recorded +got):\n%s", diff)
		}
	})
	t.Run("stage property", func(t *testing.T) {
		var want object
		sample(t, "rest.properties.deals.sampled.json", &want)
		for _, v := range list(want["results"]) {
			def := v.(object)
			got := plain(t, a.must(200, "GET", "/crm/v3/properties/deals/"+def["name"].(string), nil)).(object)
			for _, key := range []string{"label", "type", "fieldType", "groupName", "options", "externalOptions", "calculated", "hasUniqueValue"} {
				if diff := cmp.Diff(def[key], got[key]); diff != "" {
					t.Errorf("%s of %s (-recorded +got):\n%s", key, def["name"], diff)
				}
			}
		}
	})
	t.Run("owner", func(t *testing.T) {
		want := at(recorded(t, "rest.owners.json").Response, "results", 0).(object)
		got := at(a.must(200, "GET", "/crm/v3/owners", nil), "results", 0).(object)
		delete(got, "teams")
		if diff := cmp.Diff(keys(want), keys(got)); diff != "" {
			t.Errorf("members (-recorded +got):\n%s", diff)
		}
		if at(got, "id") == at(got, "userId") {
			t.Error("owner id and user id are the same")
		}
	})
	t.Run("account", func(t *testing.T) {
		want := recorded(t, "rest.fetch-account-information.json").Response
		got := a.must(200, "GET", "/account-info/v3/details", nil)
		if diff := cmp.Diff(keys(want), keys(got)); diff != "" {
			t.Errorf("members (-recorded +got):\n%s", diff)
		}
	})
	t.Run("old association", func(t *testing.T) {
		rec := recorded(t, "rest.create-association.json")
		contact, company := a.create("contacts", object{"firstname": "A"}), a.create("companies", object{"name": "B"})
		got := a.must(201, "POST", rec.Path, batch(object{"from": object{"id": contact}, "to": object{"id": company}, "type": "contact_to_company"}))
		kinds := func(v any) []string {
			var out []string
			for _, r := range list(at(v, "results")) {
				out = append(out, at(r, "type").(string))
			}
			slices.Sort(out)
			return out
		}
		if diff := cmp.Diff(kinds(rec.Response), kinds(got)); diff != "" {
			t.Errorf("types (-recorded +got):\n%s", diff)
		}
	})
}
