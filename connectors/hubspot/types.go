package hubspot

import (
	"encoding/json"
	"strings"
)

// wireID is a record id, which some calls write as a string and some as a
// number.
type wireID string

// UnmarshalJSON reads both forms.
func (id *wireID) UnmarshalJSON(b []byte) error {
	var s string
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*id = wireID(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*id = wireID(n.String())
	return nil
}

type wireRecord struct {
	ID         wireID             `json:"id"`
	Properties map[string]*string `json:"properties"`
	History    map[string][]edit  `json:"propertiesWithHistory"`
	CreatedAt  string             `json:"createdAt"`
	UpdatedAt  string             `json:"updatedAt"`
	Archived   bool               `json:"archived"`
	ArchivedAt string             `json:"archivedAt"`
	URL        string             `json:"url"`
	TraceID    string             `json:"objectWriteTraceId"`
	New        *bool              `json:"new"`
}

type edit struct {
	Value           string `json:"value"`
	Timestamp       string `json:"timestamp"`
	SourceType      string `json:"sourceType"`
	SourceID        string `json:"sourceId"`
	UpdatedByUserID wireID `json:"updatedByUserId"`
}

type paging struct {
	Next *struct {
		After string `json:"after"`
	} `json:"next"`
}

func (p *paging) after() string {
	if p == nil || p.Next == nil {
		return ""
	}
	return p.Next.After
}

type recordPage struct {
	Total   int          `json:"total"`
	Results []wireRecord `json:"results"`
	Paging  *paging      `json:"paging"`
}

// batchAnswer is the answer of every batch call; errors may stand in any 2xx.
type batchAnswer struct {
	Results []wireRecord `json:"results"`
	Errors  []apiError   `json:"errors"`
}

// apiError is the body of a refused request and an entry of errors.
type apiError struct {
	Status        string       `json:"status"`
	Message       string       `json:"message"`
	CorrelationID string       `json:"correlationId"`
	Category      string       `json:"category"`
	SubCategory   any          `json:"subCategory"`
	ErrorType     string       `json:"errorType"`
	PolicyName    string       `json:"policyName"`
	Code          string       `json:"code"`
	Context       errorContext `json:"context"`
	Errors        []apiError   `json:"errors"`
}

// errorContext holds lists of texts; what has another form is left out.
type errorContext map[string][]string

// UnmarshalJSON takes texts and lists of texts.
func (c *errorContext) UnmarshalJSON(b []byte) error {
	*c = errorContext{}
	var raw any
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	object, _ := raw.(map[string]any)
	for name, v := range object {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, v := range list {
			if text, ok := v.(string); ok {
				(*c)[name] = append((*c)[name], text)
			}
		}
	}
	return nil
}

type wireProperty struct {
	Name                 string       `json:"name"`
	Label                string       `json:"label"`
	Type                 string       `json:"type"`
	FieldType            string       `json:"fieldType"`
	GroupName            string       `json:"groupName,omitempty"`
	Description          string       `json:"description,omitempty"`
	Options              []wireOption `json:"options,omitempty"`
	Calculated           bool         `json:"calculated,omitempty"`
	ExternalOptions      bool         `json:"externalOptions,omitempty"`
	ReferencedObjectType string       `json:"referencedObjectType,omitempty"`
	HasUniqueValue       bool         `json:"hasUniqueValue"`
	Archived             bool         `json:"archived,omitempty"`
	FormField            bool         `json:"formField"`
	Modification         struct {
		ReadOnlyValue bool `json:"readOnlyValue"`
	} `json:"modificationMetadata,omitzero"`
}

type wireOption struct {
	Label  string `json:"label"`
	Value  string `json:"value"`
	Hidden bool   `json:"hidden"`
}

type wirePipeline struct {
	ID       string      `json:"id"`
	Label    string      `json:"label"`
	Archived bool        `json:"archived"`
	Stages   []wireStage `json:"stages"`
}

type wireStage struct {
	ID       string `json:"id"`
	Label    string `json:"label"`
	Archived bool   `json:"archived"`
}

type wireOwner struct {
	ID       wireID `json:"id"`
	Email    string `json:"email"`
	Type     string `json:"type"`
	First    string `json:"firstName"`
	Last     string `json:"lastName"`
	UserID   wireID `json:"userIdIncludingInactive"`
	Archived bool   `json:"archived"`
}

func (o wireOwner) name() string { return strings.TrimSpace(o.First + " " + o.Last) }

type wireSchema struct {
	TypeID  string `json:"objectTypeId"`
	Name    string `json:"name"`
	Full    string `json:"fullyQualifiedName"`
	Display string `json:"primaryDisplayProperty"`
	Labels  struct {
		Singular string `json:"singular"`
		Plural   string `json:"plural"`
	} `json:"labels"`
	Required []string `json:"requiredProperties"`
}

type wireAccount struct {
	PortalID    wireID `json:"portalId"`
	AccountType string `json:"accountType"`
	TimeZone    string `json:"timeZone"`
	UIDomain    string `json:"uiDomain"`
}

type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Value    string   `json:"value,omitempty"`
	Values   []string `json:"values,omitempty"`
}

type filterGroup struct {
	Filters []filter `json:"filters"`
}

type sorting struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

type searchRequest struct {
	Groups     []filterGroup `json:"filterGroups"`
	Sorts      []sorting     `json:"sorts,omitempty"`
	Properties []string      `json:"properties"`
	Limit      int           `json:"limit"`
	After      string        `json:"after"` // always "0": walks go on by filter, not by offset
}

type batchInput struct {
	ID         string            `json:"id,omitempty"`
	IDProperty string            `json:"idProperty,omitempty"`
	TraceID    string            `json:"objectWriteTraceId,omitempty"`
	Properties map[string]string `json:"properties,omitzero"`   // writes want it, if empty
	Links      []association     `json:"associations,omitzero"` // creates want a list, if an empty one
}

// batchRequest is the body of every batch call. Reads want both lists of
// properties, if empty ones; writes have none.
type batchRequest struct {
	Inputs      []batchInput `json:"inputs"`
	Properties  []string     `json:"properties,omitzero"`
	WithHistory []string     `json:"propertiesWithHistory,omitzero"`
	IDProperty  string       `json:"idProperty,omitempty"`
}

type createRequest struct {
	Properties map[string]string `json:"properties"`
	Links      []association     `json:"associations"`
}

type association struct {
	To struct {
		ID string `json:"id"`
	} `json:"to"`
	Types []associationType `json:"types"`
}

type associationType struct {
	Category string `json:"associationCategory"`
	TypeID   int    `json:"associationTypeId"`
}
