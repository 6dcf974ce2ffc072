package hubspot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// apiError is an answer in HubSpot's error shape.
type apiError struct {
	code     int            // HTTP status
	problems []valueProblem // of refused values

	Status        string              `json:"status"` // "error"
	Message       string              `json:"message"`
	CorrelationID string              `json:"correlationId,omitempty"`
	ErrorType     string              `json:"errorType,omitempty"` // of 429 only
	PolicyName    string              `json:"policyName,omitempty"`
	RequestID     string              `json:"requestId,omitempty"`
	Errors        []errorDetail       `json:"errors,omitempty"`
	Context       map[string][]string `json:"context,omitempty"`
	Category      string              `json:"category,omitempty"`
	SubCategory   string              `json:"subCategory,omitempty"`
	Links         map[string]string   `json:"links,omitempty"`
}

type errorDetail struct {
	Message     string              `json:"message"`
	Code        string              `json:"code,omitempty"`
	In          string              `json:"in,omitempty"`
	SubCategory string              `json:"subCategory,omitempty"`
	Context     map[string][]string `json:"context,omitempty"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.code, e.Category, e.Message) }

func newError(code int, category, format string, args ...any) *apiError {
	return &apiError{code: code, Status: "error", Category: category, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *apiError {
	return newError(http.StatusBadRequest, "VALIDATION_ERROR", format, args...)
}

func (e *apiError) with(key string, values ...string) *apiError {
	if e.Context == nil {
		e.Context = map[string][]string{}
	}
	e.Context[key] = values
	return e
}

func (e *apiError) sub(category string) *apiError {
	e.SubCategory = category
	return e
}

// detail is the error as it stands inside a batch answer.
func (e *apiError) detail() batchError {
	ctx := e.Context
	if ctx == nil {
		ctx = map[string][]string{}
	}
	return batchError{Status: "error", Category: e.Category, SubCategory: e.SubCategory, Message: e.Message, Errors: e.Errors, Context: ctx}
}

type batchError struct {
	Status      string              `json:"status"`
	ID          string              `json:"id,omitempty"`
	Category    string              `json:"category"`
	SubCategory string              `json:"subCategory,omitempty"`
	Message     string              `json:"message"`
	Errors      []errorDetail       `json:"errors,omitempty"`
	Context     map[string][]string `json:"context,omitempty"`
}

func notFound(id string) *apiError {
	return newError(http.StatusNotFound, "OBJECT_NOT_FOUND", "Object not found.  objectId are usually numeric.").with("id", id)
}

func missingFields(names ...string) *apiError {
	return invalid("Invalid input JSON on line 1, column 2. Some required fields were not set: [%s]", strings.Join(names, ", "))
}

// valueProblem is one property value that was refused.
type valueProblem struct {
	IsValid   bool   `json:"isValid"`
	Message   string `json:"message"`
	Error     string `json:"error"`
	Name      string `json:"name"`
	Localized string `json:"localizedErrorMessage,omitempty"`
	Value     string `json:"propertyValue,omitempty"`
	PortalID  int    `json:"portalId,omitempty"`
}

// maxDetails is how many problems errors holds; the message holds all of them
// (recorded: three of four).
const maxDetails = 3

// valuesInvalid tells the problems twice, as HubSpot does: as JSON inside the
// message, and the first few in errors.
func valuesInvalid(problems []valueProblem) *apiError {
	text, err := json.Marshal(problems)
	if err != nil {
		panic(err) // plain structs of text always marshal
	}
	e := invalid("Property values were not valid: %s", text)
	e.problems = problems
	for _, p := range problems[:min(maxDetails, len(problems))] {
		e.Errors = append(e.Errors, errorDetail{Message: p.Message, Code: p.Error, Context: map[string][]string{"propertyName": {p.Name}}})
	}
	return e
}
