package salesforce

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// sample reads recorded traffic that may lie beside the repository.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "samples", "salesforce", name))
	if err != nil {
		t.Skip("the recorded samples are not beside the repository")
	}
	return raw
}

func sampleInto(t *testing.T, name string, out any) {
	t.Helper()
	if err := json.Unmarshal(sample(t, name), out); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// described returns an object of a recorded describe inside a composite call.
func described(t *testing.T, name string) *meta {
	t.Helper()
	var body struct {
		Responses []struct {
			Body rawBody `json:"body"`
		} `json:"compositeResponse"`
	}
	sampleInto(t, name, &body)
	var d wireDescribe
	if err := body.Responses[0].Body.decode(&d); err != nil {
		t.Fatal(err)
	}
	return newMeta(&d, nil)
}

func TestRecordedDescribe(t *testing.T) {
	m := described(t, "rest.composite.describe.account_sampled.json")
	s := m.schema("Account", scope{})
	name := s.Field("Name")
	if name == nil || name.Type != connectors.TypeText || !name.Required || !name.Writable || name.MaxLength != 255 || !name.OneLine {
		t.Errorf("Name: got %+v", name)
	}
	if by := s.Field("CreatedById"); by == nil || by.Type != connectors.TypePerson || by.Writable || by.Creatable || by.Label != "Created By" {
		t.Errorf("CreatedById: got %+v", by)
	}
	if photo := s.Field("PhotoUrl"); photo == nil || photo.Writable || photo.ReadOnly == "" || photo.Required {
		t.Errorf("PhotoUrl: got %+v", photo)
	}
	if m.title != "Name" || m.KeyPrefix == "" && m.name == "" {
		t.Errorf("meta: title %q, prefix %q", m.title, m.KeyPrefix)
	}
	custom := described(t, "rest.composite.describe.custom_object.json")
	if !custom.has(fieldID) || custom.KeyPrefix == "" && custom.name == "" {
		t.Errorf("custom object: got %+v", custom.wireObject)
	}
}

func TestRecordedRows(t *testing.T) {
	var page queryPage
	sampleInto(t, "rest.query.leads.compound_address.json", &page)
	if !page.Done || len(page.Records) == 0 {
		t.Fatalf("page: done %v, %d rows", page.Done, len(page.Records))
	}
	v, told := compound(page.Records[0], "Address")
	if want := "321 Westcott Building\n32306 Tallahassee\nFL\nUSA"; !told || v.Text() != want {
		t.Errorf("address: got %q, want %q", v.Text(), want)
	}
	if got := page.Records[1]["City"]; got != nil {
		t.Errorf("City of the second: got %q, want null", *got)
	}
	sampleInto(t, "rest.query.with_parent_and_child.json", &page)
	if got, want := page.Records[0].text("ParentWhizbang__r.Name"), "Parent Whizbang"; got != want {
		t.Errorf("parent: got %q, want %q", got, want)
	}
	stamp, ok := parseTime(page.Records[0].text("DateTime_Label"))
	if want := time.Date(2011, 7, 7, 0, 37, 0, 0, time.UTC); !ok || !stamp.Equal(want) {
		t.Errorf("time: got %v, %v, want %v", stamp, ok, want)
	}
	sampleInto(t, "rest.query.page1.json", &page)
	if page.Done || page.Next == "" {
		t.Errorf("first page: done %v, next %q", page.Done, page.Next)
	}
}

func TestRecordedResults(t *testing.T) {
	var saved []saveResult
	sampleInto(t, "rest.collections.create.success.json", &saved)
	if len(saved) != 2 || !saved[0].Success || !isID(saved[0].ID) {
		t.Errorf("create: got %+v", saved)
	}
	sampleInto(t, "rest.collections.update.missing_ids.json", &saved)
	if e := saved[0].Errors[0]; saved[0].Success || e.code() != "MISSING_ARGUMENT" || e.kind(0) != connectors.Invalid {
		t.Errorf("update without ids: got %+v", saved[0])
	}
	var gone deletedList
	sampleInto(t, "rest.get_deleted.json", &gone)
	if len(gone.Records) != 1 || !isID(gone.Records[0].ID) || gone.Covered == "" {
		t.Errorf("deleted: got %+v", gone)
	}
	var job bulkJob
	sampleInto(t, "bulk.query.create_job.json", &job)
	if !isID(job.ID) || job.State != "UploadComplete" {
		t.Errorf("job: got %+v", job)
	}
}

// The catalogue of errors: each is of the kind that its class asks for.
func TestRecordedErrors(t *testing.T) {
	var cases []struct {
		Case string          `json:"case"`
		HTTP int             `json:"http"`
		Body json.RawMessage `json:"body"`
	}
	sampleInto(t, "errors.json", &cases)
	want := map[string]connectors.Kind{
		"session expired": connectors.Auth, "daily allowance used up": connectors.RateLimited, "no edit right": connectors.Permission,
		"read of an unknown or hidden field": connectors.Invalid, "write of a read-only field": connectors.Invalid,
		"required field missing": connectors.Invalid, "restricted picklist": connectors.Invalid, "validation rule": connectors.Invalid,
		"row lock": connectors.Conflict, "record deleted": connectors.NotFound, "converted lead": connectors.Invalid,
	}
	got := map[string]connectors.Kind{}
	for _, c := range cases {
		if _, ok := want[c.Case]; !ok {
			continue
		}
		f := rest.Failure{Kind: byStatus(c.HTTP)}
		explain(&rest.Answer{Status: c.HTTP, Body: c.Body}, &f)
		got[c.Case] = f.Kind
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

// byStatus is what the client makes of a status alone, for those of the
// catalogue.
func byStatus(status int) connectors.Kind {
	switch status {
	case 401:
		return connectors.Auth
	case 403:
		return connectors.Permission
	case 404:
		return connectors.NotFound
	}
	return connectors.Invalid
}

func TestRecordedColumns(t *testing.T) {
	e := errorIn(sample(t, "rest.error.soql_unknown_object.400.json"))
	if e == nil || e.code() != "INVALID_TYPE" || e.text() != "INVALID_TYPE: sObject type 'Accout' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names." {
		t.Errorf("unknown object: got %+v", e)
	}
	e = errorIn(sample(t, "rest.error.no_such_column.400.json"))
	if e == nil || len(e.named()) != 1 {
		t.Errorf("no such column: got %+v", e)
	}
}
