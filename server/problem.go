package server

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// Problem is the body of an error answer (RFC 9457). Code is one word that
// programs may rely on; the texts are for people.
type Problem struct {
	Type   string `json:"type"` // "urn:tenon:problem:" and the code
	Code   string `json:"code"`
	Status int    `json:"status"`
	Title  string `json:"title"`            // what happened
	Detail string `json:"detail,omitempty"` // what to do
}

// The codes of problems, as docs/http.md lists them.
const (
	codeInvalid     = "invalid"
	codeNoToken     = "no_token"
	codeForbidden   = "forbidden"
	codeNotFound    = "not_found"
	codeMethod      = "method"
	codeConflict    = "conflict"
	codeGone        = "gone"
	codeTooLarge    = "too_large"
	codeEncoded     = "encoded"
	codeCancelled   = "cancelled"
	codeUnavailable = "unavailable"
	codeInternal    = "internal"
)

// codeOf returns the code that goes with a status.
func codeOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return codeNoToken
	case http.StatusForbidden:
		return codeForbidden
	case http.StatusNotFound:
		return codeNotFound
	case http.StatusMethodNotAllowed:
		return codeMethod
	case http.StatusConflict:
		return codeConflict
	case http.StatusGone:
		return codeGone
	case http.StatusRequestEntityTooLarge:
		return codeTooLarge
	case http.StatusUnsupportedMediaType:
		return codeEncoded
	case http.StatusServiceUnavailable:
		return codeUnavailable
	}
	if status < http.StatusInternalServerError {
		return codeInvalid
	}
	return codeInternal
}

func newProblem(status int, code, title, detail string) *Problem {
	return &Problem{Type: "urn:tenon:problem:" + code, Code: code, Status: status, Title: title, Detail: detail}
}

// problemOf returns what a caller may be told of an error.
func problemOf(err error) *Problem {
	status, title := statusOf(err)
	detail := ""
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		detail = e.Help
	}
	return newProblem(status, codeOf(status), title, detail)
}

func problem(w http.ResponseWriter, status int, title, detail string) {
	writeJSON(w, "application/problem+json", status, newProblem(status, codeOf(status), title, detail))
}

func answer(w http.ResponseWriter, status int, body any) {
	writeJSON(w, "application/json", status, body)
}

func writeJSON(w http.ResponseWriter, contentType string, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // the bodies are plain rows
		status, text = http.StatusInternalServerError, []byte(`{"type":"urn:tenon:problem:internal","code":"internal","status":500,"title":"the answer could not be written"}`)
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

// What requests are told before an error says so.
const (
	titleFull     = "the service takes nothing in for the moment"
	titleTooLarge = "the request is too large"
)

// errPanicked stands for an outcome that never came.
var errPanicked = errors.New("the request panicked")

// isFull reports whether nothing can be taken in, whoever asks: the queue or
// the disk is full.
func isFull(err error) bool {
	return errors.Is(err, engine.ErrOverload) || errors.Is(err, state.ErrFull)
}

// statusOf maps an error to an HTTP status and what the caller may be told.
func statusOf(err error) (status int, title string) {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return http.StatusRequestEntityTooLarge, titleTooLarge
	}
	switch {
	case errors.Is(err, state.ErrFull):
		return http.StatusServiceUnavailable, "there is no room to write the state"
	case errors.Is(err, engine.ErrOverload), errors.Is(err, state.ErrClosed):
		return http.StatusServiceUnavailable, titleFull
	case errors.Is(err, state.ErrNotFound):
		return http.StatusNotFound, err.Error()
	case errors.Is(err, errLost):
		return http.StatusGone, err.Error()
	}
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok {
		return http.StatusInternalServerError, "an internal error; see the service's log"
	}
	switch e.Kind {
	case connectors.Auth:
		return http.StatusUnauthorized, err.Error()
	case connectors.Permission:
		return http.StatusForbidden, err.Error()
	case connectors.NotFound:
		return http.StatusNotFound, err.Error()
	case connectors.Invalid:
		return http.StatusBadRequest, err.Error()
	case connectors.Conflict:
		return http.StatusConflict, err.Error()
	case connectors.RateLimited, connectors.Unavailable:
		return http.StatusServiceUnavailable, err.Error()
	}
	return http.StatusInternalServerError, "an internal error; see the service's log"
}

// fail answers with what err means, and logs what is the service's own fault.
func (c *Config) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if r.Context().Err() == nil && p.Status >= 500 {
		c.Logger.WarnContext(r.Context(), "request failed", "op", r.Pattern, "status_code", p.Status, "err", err)
	}
	if p.Status == http.StatusServiceUnavailable {
		setRetryAfter(w, connectors.RetryAfter(err))
	}
	writeJSON(w, "application/problem+json", p.Status, p)
}

// setRetryAfter asks the client to come again after d, at least a second.
func setRetryAfter(w http.ResponseWriter, d time.Duration) {
	seconds := int(math.Ceil(d.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(max(seconds, 1)))
}
