package salesforce

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors/jsonscan"
)

// wireField is what describe tells about a field, as far as it matters here.
type wireField struct {
	Name            string         `json:"name"`
	Label           string         `json:"label"`
	Type            string         `json:"type"`
	Extra           string         `json:"extraTypeInfo"`
	HTML            bool           `json:"htmlFormatted"`
	Length          int            `json:"length"`
	Scale           int            `json:"scale"`
	Digits          int            `json:"digits"`
	Nillable        bool           `json:"nillable"`
	Createable      bool           `json:"createable"`
	Updateable      bool           `json:"updateable"`
	Defaulted       bool           `json:"defaultedOnCreate"`
	Calculated      bool           `json:"calculated"`
	AutoNumber      bool           `json:"autoNumber"`
	Unique          bool           `json:"unique"`
	ExternalID      bool           `json:"externalId"`
	NameField       bool           `json:"nameField"`
	Custom          bool           `json:"custom"`
	Filterable      bool           `json:"filterable"`
	Sortable        bool           `json:"sortable"`
	Hidden          bool           `json:"deprecatedAndHidden"`
	Cascade         bool           `json:"cascadeDelete"`
	Restricted      bool           `json:"restrictedPicklist"`
	ReferenceTo     []string       `json:"referenceTo"`
	Relationship    string         `json:"relationshipName"`
	PicklistEntries []wirePicklist `json:"picklistValues"`
}

type wirePicklist struct {
	Value  string `json:"value"`
	Label  string `json:"label"`
	Active bool   `json:"active"`
}

type wireRecordType struct {
	ID        string `json:"recordTypeId"`
	Name      string `json:"name"`
	Developer string `json:"developerName"`
	Active    bool   `json:"active"`
	Available bool   `json:"available"`
	Master    bool   `json:"master"`
}

// wireObject is an object in the list of all, or at the head of a describe.
type wireObject struct {
	Name          string `json:"name"`
	Label         string `json:"label"`
	KeyPrefix     string `json:"keyPrefix"`
	Createable    bool   `json:"createable"`
	Updateable    bool   `json:"updateable"`
	Deletable     bool   `json:"deletable"`
	Queryable     bool   `json:"queryable"`
	Replicateable bool   `json:"replicateable"`
	Deprecated    bool   `json:"deprecatedAndHidden"`
}

type wireDescribe struct {
	wireObject
	Fields      []wireField      `json:"fields"`
	RecordTypes []wireRecordType `json:"recordTypeInfos"`
	Children    []wireChild      `json:"childRelationships"`
}

// wireChild is a lookup of another object to this one.
type wireChild struct {
	Object string `json:"childSObject"`
	Field  string `json:"field"`
}

// queryPage is a page of a query's rows.
type queryPage struct {
	Total   int    `json:"totalSize"`
	Done    bool   `json:"done"`
	Next    string `json:"nextRecordsUrl"`
	Records []row  `json:"records"`

	server time.Time // the server's clock when it answered
}

// row is one record on the wire: the texts of its fields by name, nil for null.
// A field of a related record has the name "Owner.Name", a part of a compound
// one "BillingAddress.city".
type row map[string]*string

// text returns a field's text, "" where there is none.
func (r row) text(name string) string {
	if v := r[name]; v != nil {
		return *v
	}
	return ""
}

// maxNesting bounds the relations of relations in a row.
const maxNesting = 6

// UnmarshalJSON implements json.Unmarshaler. Null makes a nil row.
func (r *row) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, []byte("null")) {
		*r = nil
		return nil
	}
	*r = make(row, 48)
	texts := make([]string, 0, 48)
	return r.add("", raw, 0, &texts)
}

// add takes in the fields of an object that was checked to be JSON. The texts lie
// side by side in texts.
func (r row) add(prefix string, raw jsonscan.Value, depth int, texts *[]string) (err error) {
	if depth > maxNesting {
		return errors.New("a row is nested too deep")
	}
	if !raw.IsObject() {
		return errors.New("a row is no object")
	}
	for name, v := range raw.Fields {
		switch {
		case string(name) == "attributes":
		case v.IsNull():
			r[prefix+string(name)] = nil
		case v.IsObject():
			err = r.add(prefix+string(name)+".", v, depth+1, texts)
		default: // a text, a number, true or false, or a list of related records
			text := ""
			if v[0] == '"' {
				text, err = unquote(v)
			} else {
				text = string(v)
			}
			*texts = append(*texts, text)
			r[prefix+string(name)] = &(*texts)[len(*texts)-1]
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unquote returns the text of a JSON string.
func unquote(raw []byte) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 && len(raw) >= 2 {
		return strings.ToValidUTF8(string(raw[1:len(raw)-1]), "\uFFFD"), nil
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err
}

// saveResult is what became of one record of a write.
type saveResult struct {
	ID      string     `json:"id"`
	Success bool       `json:"success"`
	Errors  []apiError `json:"errors"`
}

// collection is the body of a write of many records.
type collection struct {
	AllOrNone bool             `json:"allOrNone"`
	Records   []map[string]any `json:"records"`
}

// subrequest is one request of a composite call. It does not inherit the call's
// headers, but for those of the login and of the content.
type subrequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	ID      string            `json:"referenceId"`
	Headers map[string]string `json:"httpHeaders,omitempty"`
	Body    any               `json:"body,omitempty"`
}

// compositeRequest is a composite call. Its requests are done in order only
// where they are not collated.
type compositeRequest struct {
	AllOrNone bool         `json:"allOrNone"`
	Collate   bool         `json:"collateSubrequests"`
	Requests  []subrequest `json:"compositeRequest"`
}

// compositeAnswer is the answer to a composite call.
type compositeAnswer struct {
	Responses []struct {
		Body   rawBody `json:"body"`
		Status int     `json:"httpStatusCode"`
	} `json:"compositeResponse"`
}

// rawBody is the answer to one request of a composite call.
type rawBody []byte

// UnmarshalJSON implements json.Unmarshaler.
func (b *rawBody) UnmarshalJSON(raw []byte) error {
	*b = bytes.Clone(raw)
	return nil
}

func (b rawBody) decode(out any) error { return json.Unmarshal(b, out) }

// deletedList is what was deleted within a time.
type deletedList struct {
	Records []struct {
		ID string `json:"id"`
		At string `json:"deletedDate"`
	} `json:"deletedRecords"`
	Earliest string `json:"earliestDateAvailable"`
	Covered  string `json:"latestDateCovered"`
}
