package salesforce

import (
	"fmt"
	"net/http"
	"strings"
)

// apiError is a refusal: an HTTP status and one item, or several, of the body.
type apiError struct {
	status int
	Code   string
	Text   string
	Fields []string
	// noFields leaves the member "fields" out, as errors about a whole call do.
	noFields bool
	// duplicate is the extra member of a duplicate rule's refusal.
	duplicate any
	// choices is the body of a 300: the paths of the records that fit.
	choices []string
}

func (e *apiError) Error() string { return e.Code + ": " + e.Text }

// refuse is an error about a record, which names fields.
func refuse(code, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, Code: code, Text: fmt.Sprintf(format, args...), Fields: []string{}}
}

// refuseCall is an error about a whole call.
func refuseCall(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, Code: code, Text: fmt.Sprintf(format, args...), noFields: true}
}

func (e *apiError) on(fields ...string) *apiError {
	e.Fields = fields
	return e
}

func notFound() *apiError {
	return refuseCall(http.StatusNotFound, "NOT_FOUND", "The requested resource does not exist")
}

// body is the form of errors of single calls: an array.
func (e *apiError) body() any {
	if e.choices != nil {
		return e.choices
	}
	item := members{{"message", e.Text}, {"errorCode", e.Code}}
	if !e.noFields {
		item = append(item, member{"fields", e.Fields})
	}
	if e.duplicate != nil {
		item = append(item, member{"duplicateResut", e.duplicate}) // spelt so by Salesforce
	}
	return []any{item}
}

// row is the form of errors inside the results of collections, where the code
// has another name.
func (e *apiError) row() any {
	fields := e.Fields
	if fields == nil {
		fields = []string{}
	}
	return members{{"statusCode", e.Code}, {"message", e.Text}, {"fields", fields}}
}

// csv is the form of errors in the results of bulk jobs.
func (e *apiError) csv() string {
	return e.Code + ":" + e.Text + ":" + strings.Join(e.Fields, ",") + " --"
}

// jsonFault is the refusal of a body that cannot be read.
func jsonFault(format string, args ...any) *apiError {
	return refuseCall(http.StatusBadRequest, "JSON_PARSER_ERROR", format, args...)
}
