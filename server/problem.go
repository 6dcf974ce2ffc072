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

// Problem is the body of an error answer (RFC 9457).
type Problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail,omitempty"` // what to do
}

func problem(w http.ResponseWriter, status int, title, detail string) {
	writeJSON(w, "application/problem+json", status, Problem{Status: status, Title: title, Detail: detail})
}

func answer(w http.ResponseWriter, status int, body any) {
	writeJSON(w, "application/json", status, body)
}

func writeJSON(w http.ResponseWriter, contentType string, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil { // the bodies are plain rows
		status, text = http.StatusInternalServerError, []byte(`{"status":500,"title":"the answer could not be written"}`)
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
	status, title := statusOf(err)
	if r.Context().Err() == nil && status >= 500 {
		c.Logger.WarnContext(r.Context(), "request failed", "op", r.Pattern, "status_code", status, "err", err)
	}
	if status == http.StatusServiceUnavailable {
		setRetryAfter(w, connectors.RetryAfter(err))
	}
	detail := ""
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		detail = e.Help
	}
	problem(w, status, title, detail)
}

// setRetryAfter asks the client to come again after d, at least a second.
func setRetryAfter(w http.ResponseWriter, d time.Duration) {
	seconds := int(math.Ceil(d.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(max(seconds, 1)))
}
