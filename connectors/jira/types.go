package jira

import (
	"bytes"
	"encoding/json"

	gojira "github.com/andygrunwald/go-jira"
)

// The wire types as Jira sends them, where go-jira's lose something: exact
// numbers, null against missing, allowed values, properties.

// issue is one issue. A field is missing from Fields when it was not asked for
// or does not apply to the issue, and JSON null when it is empty.
type issue struct {
	ID         string                     `json:"id"`
	Key        string                     `json:"key"`
	Fields     map[string]json.RawMessage `json:"fields"`
	Properties map[string]json.RawMessage `json:"properties"`
	Changelog  *changelog                 `json:"changelog"`
}

type issueList struct {
	Issues        []issue `json:"issues"`
	NextPageToken string  `json:"nextPageToken"`
	IsLast        bool    `json:"isLast"`

	// Of Data Center's search.
	StartAt int `json:"startAt"`
	Total   int `json:"total"`
}

// idText is an id, which Jira writes as a text or as a number.
type idText string

// UnmarshalJSON takes both forms.
func (t *idText) UnmarshalJSON(raw []byte) error {
	*t = idText(bytes.Trim(raw, `"`))
	if string(*t) == "null" {
		*t = ""
	}
	return nil
}

// named is whatever has an id and a name: an option, a status, a version, a
// project.
type named struct {
	ID    idText `json:"id"`
	Key   string `json:"key"`
	Name  string `json:"name"`
	Value string `json:"value"`
	Child *named `json:"child"`

	Children []named `json:"children"` // of allowed values
	Disabled bool    `json:"disabled"`
	Archived bool    `json:"archived"`
}

// fieldMeta is a field on a create, edit or transition screen.
type fieldMeta struct {
	FieldID         string             `json:"fieldId"`
	Key             string             `json:"key"`
	Name            string             `json:"name"`
	Required        bool               `json:"required"`
	HasDefaultValue bool               `json:"hasDefaultValue"`
	Operations      []string           `json:"operations"`
	Schema          gojira.FieldSchema `json:"schema"`
	AllowedValues   []json.RawMessage  `json:"allowedValues"`
}

// createMeta is a page of the fields of a create screen: Cloud names the list
// fields, Data Center values.
type createMeta struct {
	Fields  []fieldMeta `json:"fields"`
	Values  []fieldMeta `json:"values"`
	StartAt int         `json:"startAt"`
	Total   int         `json:"total"`
	IsLast  bool        `json:"isLast"`
}

// transition is one step that is open to the account now.
type transition struct {
	ID     string               `json:"id"`
	Name   string               `json:"name"`
	To     status               `json:"to"`
	Fields map[string]fieldMeta `json:"fields"`
}

type status struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category struct {
		Key string `json:"key"` // "new", "indeterminate" or "done"
	} `json:"statusCategory"`
}

// typeStatuses are the statuses of one issue type of a project.
type typeStatuses struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Statuses []status `json:"statuses"`
}

// property is an entity property in a write.
type property struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// edit is the body of a create or an edit.
type edit struct {
	Fields     map[string]any              `json:"fields,omitempty"`
	Update     map[string][]map[string]any `json:"update,omitempty"`
	Properties []property                  `json:"properties,omitempty"`
	Transition map[string]string           `json:"transition,omitempty"`
}

// bulkResult is the answer to a bulk create.
type bulkResult struct {
	Issues []issue `json:"issues"`
	Errors []struct {
		Status              int     `json:"status"`
		ElementErrors       refusal `json:"elementErrors"`
		FailedElementNumber int     `json:"failedElementNumber"`
	} `json:"errors"`
}

type comment struct {
	ID         string          `json:"id"`
	Author     gojira.User     `json:"author"`
	Body       json.RawMessage `json:"body"` // a text, or an ADF document
	Created    string          `json:"created"`
	Updated    string          `json:"updated"`
	Properties []struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	} `json:"properties"`
}

type commentPage struct {
	StartAt  int       `json:"startAt"`
	Total    int       `json:"total"`
	Comments []comment `json:"comments"`
}

// changelog holds histories of one issue.
type changelog struct {
	Histories []history `json:"histories"`
}

type history struct {
	ID      string          `json:"id"`
	Author  gojira.User     `json:"author"`
	Created json.RawMessage `json:"created"` // a text, or milliseconds since 1970
	Items   []historyItem   `json:"items"`
}

type historyItem struct {
	Field      string  `json:"field"`
	FieldID    string  `json:"fieldId"` // Cloud only
	From       *string `json:"from"`
	FromString *string `json:"fromString"`
	To         *string `json:"to"`
	ToString   *string `json:"toString"`
}
