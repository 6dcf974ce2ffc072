package salesforce

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// apiError is one error in Salesforce's words. Single calls name the code one
// way, results of many records another.
type apiError struct {
	Code    string   `json:"errorCode"`
	Status  string   `json:"statusCode"`
	Message string   `json:"message"`
	Fields  []string `json:"fields"`
}

func (e *apiError) code() string { return cmp.Or(e.Code, e.Status) }

// text is the error in Salesforce's words, with its code.
func (e *apiError) text() string {
	words := strings.TrimSpace(e.Message)
	if i := strings.LastIndex(words, "\n"); i >= 0 && strings.Contains(words, "ERROR at Row:") {
		words = words[i+1:] // the query and a caret stand before it
	}
	if e.code() == "" {
		return rest.Clip(words)
	}
	return rest.Clip(e.code() + ": " + words)
}

// limitWait is how long nothing is sent after the day's allowance is used up:
// the window rolls.
const limitWait = 5 * time.Minute

const lockedCode = "UNABLE_TO_LOCK_ROW"

// kindOf says what a code means; status is that of the answer, 0 for a code in a
// record's result.
func (e *apiError) kind(status int) connectors.Kind {
	switch e.code() {
	case "INVALID_SESSION_ID", "INVALID_AUTH_HEADER":
		return connectors.Auth
	case "REQUEST_LIMIT_EXCEEDED", "TXN_SECURITY_METERING_ERROR":
		return connectors.RateLimited
	case lockedCode: // another transaction writes the record, or its parent, just now
		return connectors.Conflict
	case "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION", "ORG_IN_MAINTENANCE":
		return connectors.Unavailable
	case "ENTITY_IS_DELETED", "NOT_FOUND":
		return connectors.NotFound
	case "INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "INSUFFICIENT_ACCESS",
		"API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED", "CANNOT_INSERT_UPDATE_ENTITY", "FUNCTIONALITY_NOT_ENABLED",
		"STORAGE_LIMIT_EXCEEDED", "LIMIT_EXCEEDED": // an admin has to make room
		return connectors.Permission
	case "INVALID_QUERY_LOCATOR", "MALFORMED_QUERY":
		return connectors.Invalid
	}
	if status == 0 {
		return connectors.Invalid
	}
	return 0
}

// explain reads Salesforce's account of a refused request.
func explain(answer *rest.Answer, failure *rest.Failure) {
	e := errorIn(answer.Body)
	if e == nil {
		return
	}
	failure.Message = e.text()
	if kind := e.kind(answer.Status); kind != connectors.Internal {
		failure.Kind = kind
		failure.Unsure = failure.Unsure && kind == connectors.Unavailable
	}
	switch e.code() {
	case "REQUEST_LIMIT_EXCEEDED":
		failure.RetryAfter, failure.Help = limitWait, limitHelp
		if strings.Contains(e.Message, "Concurrent") {
			failure.RetryAfter, failure.Help = 10*time.Second, ""
		}
	case "INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE":
		failure.Fields = e.named()
	case "INVALID_SESSION_ID":
		failure.Help = "check that the integration user is active and may use the API"
	case "API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED":
		failure.Help = "give the integration user the permission API Enabled"
	}
	if answer.Status == http.StatusGone {
		failure.Help = "this version of the API has ended: set api_version to a newer one"
	}
}

const limitHelp = "the org's API requests of 24 hours are used up: wait, buy more, or find what uses them (Setup, System Overview)"

// errorIn returns the first error of a refused request's body; nil where it has
// another form.
func errorIn(body []byte) *apiError {
	var list []apiError
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		return &list[0]
	}
	return nil
}

var (
	noColumn   = regexp.MustCompile(`No such column '([A-Za-z0-9_.]+)'`)
	duplicates = regexp.MustCompile(`duplicate value found: ([A-Za-z0-9_]+) duplicates value on record with id: ([A-Za-z0-9]{15,18})`)
)

// named returns the fields that an error names, in its list or in its words.
func (e *apiError) named() []connectors.FieldError {
	names := e.Fields
	if len(names) == 0 {
		if found := noColumn.FindStringSubmatch(e.Message); found != nil {
			names = found[1:2]
		} else if found := duplicates.FindStringSubmatch(e.Message); found != nil {
			names = found[1:2]
		}
	}
	var out []connectors.FieldError
	for _, n := range names {
		out = append(out, connectors.FieldError{Field: n, Reason: rest.Clip(e.Message)})
	}
	return out
}

// codeOf returns Salesforce's code of an error, "" where it has none.
func codeOf(err error) string {
	e, ok := errors.AsType[*rest.StatusError](err)
	if !ok {
		return ""
	}
	code, _, found := strings.Cut(e.Message, ": ")
	if !found || strings.ToUpper(code) != code {
		return ""
	}
	return code
}

// subError is the error of a request inside a composite call.
func (c *connection) subError(op, record string, status int, body []byte) *connectors.Error {
	e := errorIn(body)
	if e == nil {
		return c.fail(op, record, connectors.Internal, "status %d without a reason", status)
	}
	kind := e.kind(status)
	if kind == connectors.Internal {
		kind = connectors.Invalid
	}
	err := c.fail(op, record, kind, "%w", &rest.StatusError{Status: status, Message: c.client.Clip(e.text())})
	if code := e.code(); code == "INVALID_FIELD" || code == "INVALID_FIELD_FOR_INSERT_UPDATE" {
		err.Fields = e.named()
	}
	return err
}

// stale reports whether a request was refused because a field is not there for
// us any more, so that describe has to be read anew.
func stale(err error) bool {
	return slices.Contains([]string{"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE"}, codeOf(err))
}
