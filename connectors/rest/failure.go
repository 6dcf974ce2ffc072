package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tenonsync/tenon/connectors"
)

// Answer is a refused request's answer, as Config.Explain gets it.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Method string
	Path   string // the template
}

// Failure is what a refused request means. Config.Explain may change all of
// it.
type Failure struct {
	Kind       connectors.Kind
	RetryAfter time.Duration // more than zero pauses the whole connection
	Unsure     bool          // the write may have taken effect
	Message    string        // the system's own words
	Fields     []connectors.FieldError
	Help       string
}

// maxMessage is how many bytes of a refusal's text an error shows.
const maxMessage = 500

// maxRetryAfter bounds what a header can make a connection wait.
const maxRetryAfter = 7 * 24 * time.Hour

// failureOf judges an answer by its status.
func failureOf(a *Answer, reads bool, now time.Time) *Failure {
	f := &Failure{Kind: kindOf(a.Status), Message: message(a)}
	if to := redirectsTo(a); to != "" {
		f.Message, f.Help = "the answer redirects to "+to, "check the connection's base URL"
	}
	if kind := f.Kind; kind == connectors.RateLimited || kind == connectors.Unavailable {
		f.RetryAfter = retryAfter(a.Header, now)
	}
	switch a.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
	case http.StatusRequestTimeout, http.StatusSeeOther:
		f.Unsure = !reads
	default:
		f.Unsure = a.Status >= 500 && !reads
	}
	return f
}

// redirectsTo returns the origin that a redirect leads to, "" for others. The
// rest of the address may hold what is secret.
func redirectsTo(a *Answer) string {
	if a.Status < 300 || a.Status >= 400 {
		return ""
	}
	u, err := url.Parse(a.Header.Get("Location"))
	if err != nil || a.Header.Get("Location") == "" {
		return ""
	}
	if u.Host == "" {
		return "another path"
	}
	return Clip(u.Scheme + "://" + u.Host)
}

func kindOf(status int) connectors.Kind {
	switch status {
	case http.StatusUnauthorized:
		return connectors.Auth
	case http.StatusPaymentRequired, http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return connectors.Permission
	case http.StatusNotFound, http.StatusGone:
		return connectors.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return connectors.Conflict
	case http.StatusTooManyRequests:
		return connectors.RateLimited
	case http.StatusRequestTimeout, http.StatusLocked, http.StatusTooEarly:
		return connectors.Unavailable
	}
	switch {
	case status >= 500:
		return connectors.Unavailable
	case status >= 400:
		return connectors.Invalid
	}
	return connectors.Internal // a redirect that was not followed, or worse
}

// retryAfter reads the header as seconds or as a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	var d time.Duration
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		d = time.Duration(min(max(s, 0), maxRetryAfter.Seconds()) * float64(time.Second))
	} else if t, err := http.ParseTime(v); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// message returns the words of a refusal: the usual members of a JSON body,
// else its text. A page of HTML is only counted.
func message(a *Answer) string {
	text := bytes.TrimSpace(a.Body)
	if len(text) == 0 {
		return ""
	}
	if strings.Contains(a.Header.Get("Content-Type"), "html") || text[0] == '<' {
		return fmt.Sprintf("a page of %d bytes instead of an answer", len(a.Body))
	}
	var object map[string]json.RawMessage
	if text[0] == '{' && json.Unmarshal(text, &object) == nil {
		var words []string
		for _, key := range []string{"message", "error_description", "error", "errorMessages", "detail", "title"} {
			var one string
			var many []string
			if json.Unmarshal(object[key], &one) == nil && one != "" {
				words = append(words, one)
			} else if json.Unmarshal(object[key], &many) == nil {
				words = append(words, many...)
			}
		}
		if len(words) > 0 {
			return Clip(strings.Join(words, "; "))
		}
	}
	return Clip(string(text))
}

// Clip returns text from a system as an error may show it: at most 500 bytes,
// valid, on one line.
func Clip(s string) string {
	cut := len(s) > maxMessage
	if cut {
		s = s[:maxMessage]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.TrimSpace(s)
	if cut {
		s += "…"
	}
	return s
}

// Clip is the function Clip for words in an accepted answer, such as those about
// one record of a batch: it takes known secrets out, too.
func (c *Client) Clip(s string) string { return Clip(c.scrub(s)) }

// scrub takes known secrets out of a text.
func (c *Client) scrub(s string) string {
	for _, secret := range c.auth.Secrets() {
		if len(secret) >= 4 {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	return s
}

// errorOf builds the connection's error out of a failure.
func (c *Client) errorOf(op, record string, status int, f *Failure) *connectors.Error {
	text := f.Message
	if text == "" {
		text = http.StatusText(status)
	}
	return &connectors.Error{
		Op: op, Connection: c.cfg.Connection, Record: record,
		Kind: f.Kind, RetryAfter: f.RetryAfter, Unsure: f.Unsure, Fields: f.Fields, Help: f.Help,
		Err: &StatusError{Status: status, Message: text},
	}
}

// StatusError is the cause of an error that the system answered.
type StatusError struct {
	Status  int
	Message string // the system's words, clipped
}

// Error returns the words, or the status where there are none.
func (e *StatusError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("status %d", e.Status)
	}
	return fmt.Sprintf("%s (status %d)", e.Message, e.Status)
}

// StatusOf returns the HTTP status that err came from, 0 if none.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return e.Status
	}
	return 0
}

// ErrorOf turns what a vendor's library got from HTTP into an error of the
// connection: nil when the answer is a success and err is nil. Resp may be
// nil. An error that the library made of a good answer (it could not read it)
// is Internal, and unsure after a write.
func (c *Client) ErrorOf(op, record string, resp *http.Response, err error) error {
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		return c.named(e, op, record)
	}
	if resp != nil && resp.Body != nil {
		if b, ok := resp.Body.(*body); ok && b.failure != nil {
			return c.errorOf(op, record, resp.StatusCode, b.failure)
		}
	}
	if err == nil {
		return nil
	}
	e := &connectors.Error{Op: op, Connection: c.cfg.Connection, Record: record, Kind: connectors.KindOf(err)}
	e.Err = errors.New(Clip(c.scrub(err.Error())))
	e.Unsure = resp != nil && resp.Request != nil && !callOf(resp.Request).Reads
	return e
}

// named completes an error from below with what the caller knows.
func (c *Client) named(e *connectors.Error, op, record string) *connectors.Error {
	full := *e
	full.Op, full.Connection, full.Record = op, c.cfg.Connection, record
	return &full
}
