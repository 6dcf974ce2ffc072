package trello

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// apiError is a refusal: plain text, or JSON where Trello answers JSON.
type apiError struct {
	status int
	text   string
	json   any
}

func (e *apiError) Error() string { return e.text }

func text(status int, words string) *apiError { return &apiError{status: status, text: words} }

func invalid(parameter string) *apiError {
	return text(http.StatusBadRequest, "invalid value for "+parameter)
}

var (
	errID       = text(http.StatusBadRequest, "invalid id")
	errKey      = text(http.StatusUnauthorized, "invalid key")
	errToken    = text(http.StatusUnauthorized, "invalid token")
	errRight    = text(http.StatusUnauthorized, "unauthorized permission requested")
	errCard     = text(http.StatusUnauthorized, "unauthorized card permission requested")
	errNotFound = text(http.StatusNotFound, "The requested resource was not found.")
	errNoCard   = text(http.StatusNotFound, "card not found")
)

// call is one request. Handlers run with the system locked.
type call struct {
	sys    *System
	method string
	path   string
	header http.Header
	p      params
	upload *upload
	token  *token
	client string // X-Trello-Client-Identifier
	seg    []string
	raw    *rawAnswer // set by a handler that answers no JSON
	out    http.Header
}

type rawAnswer struct {
	mime, name string
	content    []byte
}

// id returns the n-th variable of the path.
func (c *call) id(n int) string {
	if n >= len(c.seg) {
		return ""
	}
	return c.seg[n]
}

func (c *call) me() *member { return c.token.member }

const maxBody = 300 << 20

// serveAPI answers everything that is not a page.
func (s *System) serveAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.clock.Now().UTC().Format(http.TimeFormat))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			sendError(w, text(http.StatusRequestEntityTooLarge, "Request entity too large"))
			return
		}
		sendError(w, text(http.StatusBadRequest, "Error reading body"))
		return
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), "/1/")
	if !ok {
		sendError(w, text(http.StatusNotFound, "Cannot "+r.Method+" "+r.URL.Path))
		return
	}
	query, wrong := url.ParseQuery(r.URL.RawQuery)
	p, up, bad := readParams(query, r.Header, body)
	if wrong != nil || bad != nil {
		sendError(w, text(http.StatusBadRequest, "Error parsing body"))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{
		sys: s, method: r.Method, path: path, header: r.Header, p: p, upload: up,
		client: r.Header.Get("X-Trello-Client-Identifier"), out: w.Header(),
	}
	answer, refusal := s.answer(c)
	switch {
	case refusal != nil:
		sendError(w, refusal)
	case c.raw != nil:
		w.Header().Set("Content-Type", c.raw.mime)
		w.Header().Set("Content-Disposition", "attachment")
		_, _ = w.Write(c.raw.content)
	default:
		status := http.StatusOK
		if s.accepted && r.Method == http.MethodPost {
			status = http.StatusAccepted
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		kit.WriteJSON(w, status, answer)
	}
}

// answer finds the route of a call, who makes it, and runs it. The order of the
// checks is Trello's: the form of ids comes before the credentials.
func (s *System) answer(c *call) (any, *apiError) {
	rt, ok := s.routes.find(c)
	if !ok {
		plain, err := url.PathUnescape(c.path)
		if err != nil {
			plain = c.path
		}
		return nil, text(http.StatusNotFound, "Cannot "+c.method+" /1/"+plain)
	}
	for i, kind := range rt.kinds {
		if !wellFormed(kind, c.id(i)) {
			return nil, errID
		}
	}
	if !rt.open {
		if err := s.authenticate(c); err != nil {
			return nil, err
		}
		if err := s.limits.take(c); err != nil {
			return nil, err
		}
		if c.method != http.MethodGet && !c.token.write {
			return nil, errRight
		}
	}
	out, err := rt.run(c)
	if err == nil {
		return out, nil
	}
	if e, ok := errors.AsType[*apiError](err); ok {
		return nil, e
	}
	return nil, text(http.StatusInternalServerError, err.Error())
}

// wellFormed checks a variable of a path: "id" takes ids and short links.
func wellFormed(kind, v string) bool {
	switch kind {
	case "id":
		return isID(v)
	case "link":
		return isID(v) || isShortLink(v)
	}
	return v != ""
}

func sendError(w http.ResponseWriter, e *apiError) {
	if e.json != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		kit.WriteJSON(w, e.status, e.json)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(e.status)
	_, _ = io.WriteString(w, e.text)
}

// renderFault gives injected errors Trello's shape.
func renderFault(w http.ResponseWriter, _ *http.Request, status, _ int) {
	switch {
	case status == http.StatusTooManyRequests:
		setLimit(w.Header(), "api-token", 100, 0, 10_000)
		sendError(w, rateLimited("API_TOKEN_LIMIT_EXCEEDED"))
	case status == http.StatusUnauthorized:
		sendError(w, errRight)
	case status == http.StatusNotFound:
		sendError(w, errNotFound)
	case status >= 500:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<!doctype html><html><head><title>Trello</title></head><body><h1>"+http.StatusText(status)+"</h1></body></html>")
	default:
		sendError(w, text(status, http.StatusText(status)))
	}
}
