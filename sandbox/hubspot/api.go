package hubspot

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// call is one API request that was let in. The System is locked while it is
// answered.
type call struct {
	s     *System
	r     *http.Request
	query url.Values
	body  []byte
	token *token
	now   time.Time
	src   source
}

// operation answers a call with a status and a body (nil: none).
type operation func(c *call) (int, any, *apiError)

const (
	maxBody = 8 << 20
	maxURL  = 16_000 // bytes of path and query, assumed
)

// serveAPI answers everything that is neither page nor control call.
func (s *System) serveAPI(w http.ResponseWriter, r *http.Request) {
	if len(r.URL.RequestURI()) > maxURL {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusRequestURITooLong)
		_, _ = io.WriteString(w, "<html>\r\n<head><title>414 Request-URI Too Large</title></head>\r\n<body>\r\n<center><h1>414 Request-URI Too Large</h1></center>\r\n</body>\r\n</html>\r\n")
		return
	}
	if s.opts.NoLegacyPaths && isLegacyPath(r.URL.Path) {
		notThere(w, http.StatusNotFound)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// handle wraps an operation for the mux: body, token, limits, lock, errors.
func (s *System) handle(op operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		limit := int64(maxBody)
		if isUpload(r) {
			limit = 2 * maxUpload
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
		if err != nil {
			code := http.StatusBadRequest
			if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
				code = http.StatusRequestEntityTooLarge
			}
			notThere(w, code)
			return
		}
		s.locked(func() reply { return s.reply(s.answer(w, r, body, op)) }).write(w)
	}
}

// locked makes an answer under the lock.
func (s *System) locked(answer func() reply) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return answer()
}

// reply is an answer that no longer needs the lock: a client that reads slowly
// must not stop the others.
type reply struct {
	status      int
	body        []byte
	correlation string // of errors
}

func (s *System) reply(status int, out any, problem *apiError) reply {
	var r reply
	if problem != nil {
		e := *problem
		if e.CorrelationID == "" {
			e.CorrelationID = s.rand.UUID()
		}
		r.correlation, status, out = e.CorrelationID, e.code, &e
	}
	r.status = status
	if out == nil {
		return r
	}
	body, err := kit.EncodeJSON(out)
	if err != nil {
		panic(err) // all bodies are plain data
	}
	r.body = body
	return r
}

func (r reply) write(w http.ResponseWriter) {
	if r.correlation != "" {
		w.Header().Set("X-Hubspot-Correlation-Id", r.correlation)
	}
	if r.body != nil {
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body)
}

func (s *System) answer(w http.ResponseWriter, r *http.Request, body []byte, op operation) (int, any, *apiError) {
	now := s.tick()
	t, problem := s.authenticate(r, now)
	if problem != nil {
		return 0, nil, problem
	}
	if problem := s.take(w, t, strings.HasSuffix(r.URL.Path, "/search"), now); problem != nil {
		return 0, nil, problem
	}
	if len(body) > 0 && r.Method != http.MethodGet && !isUpload(r) {
		kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		if strings.TrimSpace(kind) != "application/json" {
			return 0, nil, newError(http.StatusUnsupportedMediaType, "", "HTTP 415 Unsupported Media Type")
		}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return 0, nil, invalid("Invalid query string")
	}
	return op(&call{s: s, r: r, query: query, body: body, token: t, now: now, src: s.apiSource(t)})
}

func (s *System) apiSource(t *token) source {
	return source{kind: "INTEGRATION", id: strconv.Itoa(s.appID), label: "Tenon sandbox app", userID: t.userID}
}

// renderFault gives injected errors HubSpot's shape.
func (s *System) renderFault(w http.ResponseWriter, _ *http.Request, status, _ int) {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 521, 522, 523, 524:
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<!DOCTYPE html>\n<html><head><title>api.hubapi.com | "+strconv.Itoa(status)+"</title></head><body></body></html>\n")
		return
	}
	s.locked(func() reply {
		switch status {
		case http.StatusTooManyRequests:
			return s.reply(0, nil, s.tooMany("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit."))
		case http.StatusLocked:
			return s.reply(0, nil, newError(status, "LOCKED", "The resource is locked, try again later.")) // assumed
		case statusMigration:
			return s.reply(0, nil, newError(status, "MIGRATION_IN_PROGRESS", "This account is being moved to another data center.")) // assumed
		}
		return s.reply(0, nil, newError(status, "INTERNAL_ERROR", "internal error"))
	}).write(w)
}

// statusMigration is HubSpot's own status for an account that is being moved.
const statusMigration = 477

// notThere is the answer to unknown paths: a status without a body.
func notThere(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
}

// decode reads the JSON body.
func (c *call) decode(into any) *apiError {
	if len(c.body) == 0 {
		return invalid("Invalid input JSON on line 0, column 0: No content to map due to end-of-input")
	}
	if err := json.Unmarshal(c.body, into); err != nil {
		var typeErr *json.UnmarshalTypeError
		if errors.As(err, &typeErr) {
			return invalid("Invalid input JSON on line 1, column %d: Cannot deserialize value of field %q from %s", typeErr.Offset, typeErr.Field, typeErr.Value)
		}
		return invalid("Invalid input JSON on line 1, column 1: %s", err)
	}
	return nil
}

// objectType is the type that the path names.
func (c *call) objectType(name string) (*objectType, *apiError) {
	text := c.r.PathValue(name)
	if ot := c.s.typeByName(text); ot != nil {
		return ot, nil
	}
	// Without a category, as recorded.
	return nil, newError(http.StatusBadRequest, "", "Unable to infer object type from: %s", text)
}

func (c *call) flag(name string) (bool, *apiError) {
	switch text := c.query.Get(name); text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, invalid("Invalid value for query parameter %s: %s", name, text)
	}
}

func (c *call) limit(unset, most int) (int, *apiError) {
	text := c.query.Get("limit")
	if text == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, invalid("Invalid value for query parameter limit: %s", text)
	}
	if n > most {
		return 0, invalid("The requested limit of %d is above the maximum of %d", n, most)
	}
	return n, nil
}

func (c *call) after() (int, *apiError) {
	text := c.query.Get("after")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, invalid("Invalid value for query parameter after: %s", text)
	}
	return n, nil
}

// list reads a parameter that holds names separated by commas, or is repeated.
func (c *call) list(name string) []string {
	var out []string
	for _, text := range c.query[name] {
		for _, part := range strings.Split(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// next is the paging member that leads to the page after this one.
func (c *call) next(after string) *wirePaging {
	query := url.Values{}
	for k, v := range c.query {
		query[k] = v
	}
	query.Set("after", after)
	scheme := "http://"
	if c.r.TLS != nil {
		scheme = "https://"
	}
	return &wirePaging{Next: wireNext{After: after, Link: scheme + c.r.Host + c.r.URL.Path + "?" + query.Encode()}}
}
