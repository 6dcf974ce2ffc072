package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// route is one address of the service with all that is told of it: who may ask,
// what for, and what comes back. Requests are checked by it, and the OpenAPI
// document is made from it.
type route struct {
	pattern string // "GET /api/v1/links", as http.ServeMux takes it
	scope   Scope  // what the token must give
	open    string // instead of a scope: why none is needed
	group   string // the heading it stands under
	summary string // one line
	detail  string // more, in CommonMark; may be empty

	params []param // of the query; and of the path, where they are more than text
	body   any     // an example of the JSON body; nil: none
	raw    string  // instead: the media type of a body that the handler reads itself
	// maxBody bounds the body, in bytes; zero is Config.MaxBody.
	maxBody int64

	answer any    // a value of the answer's type; nil: no JSON
	media  string // the media type of an answer that is no JSON
	job    any    // a value of the type of the result, where the answer is a Job
	status int    // of success; zero is 200
	also   []int  // other statuses, which the description should name

	fn    func(*call) (any, error) // answers with JSON
	serve http.HandlerFunc         // instead of fn: answers itself
}

// paramKind is what a parameter holds.
type paramKind uint8

const (
	textParam   paramKind = iota
	numberParam           // a whole number from zero on
	flagParam             // true or false
	timeParam             // an instant, RFC 3339
)

// param is a parameter of the query or the path.
type param struct {
	name     string
	kind     paramKind
	summary  string
	required bool
	words    []string // the only values, if not nil
}

// The parameters that many lists take.
var (
	mappingParam = param{name: "mapping", summary: "Only this mapping."}
	limitParam   = param{name: "limit", kind: numberParam, summary: "At most this many rows: 100 unless given, 1000 at most."}
)

// afterParam is where a list goes on: the `next` of the answer before.
func afterParam(kind paramKind) param {
	return param{name: "after", kind: kind, summary: "Go on behind this place: the `next` of the answer before."}
}

const (
	maxLimit     = 1000
	defaultLimit = 100
)

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

func (rt *route) method() string { m, _, _ := strings.Cut(rt.pattern, " "); return m }
func (rt *route) path() string   { _, p, _ := strings.Cut(rt.pattern, " "); return p }

// pathNames returns the names of the parameters in the path.
func (rt *route) pathNames() []string {
	var names []string
	for _, m := range pathParam.FindAllStringSubmatch(rt.path(), -1) {
		names = append(names, m[1])
	}
	return names
}

// param returns what is told of a parameter.
func (rt *route) param(name string) (param, bool) {
	for _, p := range rt.params {
		if p.name == name {
			return p, true
		}
	}
	return param{name: name}, false
}

func (rt *route) success() int {
	if rt.status == 0 {
		return http.StatusOK
	}
	return rt.status
}

// check refuses a row that would be served without anybody being asked who
// they are, or that nobody could understand.
func (rt *route) check() error {
	switch {
	case (rt.scope == "") == (rt.open == ""):
		return fmt.Errorf("route %s: it needs a scope, or a word on why it is open", rt.pattern)
	case rt.scope != "" && !slices.Contains(Scopes(), rt.scope):
		return fmt.Errorf("route %s: there is no scope %q", rt.pattern, rt.scope)
	case rt.summary == "" || rt.group == "":
		return fmt.Errorf("route %s: it has no summary or no group", rt.pattern)
	case (rt.fn == nil) == (rt.serve == nil):
		return fmt.Errorf("route %s: it needs one handler", rt.pattern)
	case rt.fn != nil && rt.answer == nil:
		return fmt.Errorf("route %s: it tells no answer", rt.pattern)
	}
	return nil
}

// mountRoutes serves the rows of the table, and refuses everything else below
// /api/: without a token nobody is told what there is.
func (a api) mountRoutes(mux *http.ServeMux, routes []route) error {
	for i := range routes {
		rt := &routes[i]
		if err := rt.check(); err != nil {
			return err
		}
		if rt.scope == "" {
			mux.HandleFunc(rt.pattern, a.handler(rt))
			continue
		}
		mux.HandleFunc(rt.pattern, a.auth.need(rt.scope, a.handler(rt)))
	}
	mux.HandleFunc("/api/", a.auth.known(func(w http.ResponseWriter, r *http.Request) {
		if allowed := allowedMethods(mux, r); len(allowed) > 0 {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			problem(w, http.StatusMethodNotAllowed, "this address does not take "+r.Method, "it takes "+strings.Join(allowed, " and "))
			return
		}
		problem(w, http.StatusNotFound, "there is no such address", "GET /api/v1/openapi.json lists the addresses of the API")
	}))
	return nil
}

// allowedMethods returns the methods that an address takes, none if there is no
// such address.
func allowedMethods(mux *http.ServeMux, r *http.Request) []string {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		probe := *r
		probe.Method = method
		if _, pattern := mux.Handler(&probe); pattern != "" && pattern != "/api/" {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

// fileTime bounds how long a file may take to come.
const fileTime = 10 * time.Minute

func (a api) handler(rt *route) http.HandlerFunc {
	if rt.serve != nil {
		return rt.serve
	}
	limit := rt.maxBody
	if limit == 0 {
		limit = a.MaxBody
	}
	return func(w http.ResponseWriter, r *http.Request) {
		if rt.raw != "" { // a file takes longer than a request may otherwise
			if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(fileTime)); err != nil {
				a.Logger.DebugContext(r.Context(), "a file keeps its time-out", "err", err)
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		if rt.raw == "" {
			held := &heldBody{ReadCloser: r.Body, room: a.apiRoom}
			defer held.release()
			r.Body = held
		}
		c := &call{Request: r, route: rt, query: r.URL.Query()}
		if err := c.checkParams(); err != nil {
			a.fail(w, r, err)
			return
		}
		body, err := rt.fn(c)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		status := rt.success()
		if re, ok := body.(reply); ok {
			status, body = re.status, re.body
			if re.location != "" {
				w.Header().Set("Location", re.location)
			}
		}
		answer(w, status, body)
	}
}

// reply is an answer with another status than the route's, or with a place
// where to ask on.
type reply struct {
	status   int
	location string
	body     any
}

// call is one request to a route whose parameters have been checked.
type call struct {
	*http.Request
	route *route
	query url.Values
}

func invalid(format string, args ...any) error {
	return &connectors.Error{Op: "read the request", Kind: connectors.Invalid, Err: fmt.Errorf(format, args...)}
}

// checkParams refuses parameters that the route does not know, comes to twice,
// needs, or cannot read.
func (c *call) checkParams() error {
	inPath := c.route.pathNames()
	for _, name := range slices.Sorted(maps.Keys(c.query)) {
		p, known := c.route.param(name)
		if !known || slices.Contains(inPath, name) {
			return invalid("unknown parameter %q", name)
		}
		if len(c.query[name]) > 1 {
			return invalid("%s: given more than once", name)
		}
		if err := p.check(c.query.Get(name)); err != nil {
			return err
		}
	}
	for _, p := range c.route.params {
		if p.required && c.query.Get(p.name) == "" && !slices.Contains(inPath, p.name) {
			return invalid("%s is missing: %s", p.name, p.summary)
		}
	}
	for _, name := range inPath {
		p, _ := c.route.param(name)
		if err := p.check(c.PathValue(name)); err != nil {
			return err
		}
	}
	return nil
}

func (p param) check(text string) error {
	if text == "" {
		return nil
	}
	if p.words != nil && !slices.Contains(p.words, text) {
		return invalid("%s: %q is none of %s", p.name, text, strings.Join(p.words, ", "))
	}
	switch p.kind {
	case numberParam:
		if _, err := strconv.ParseUint(text, 10, 63); err != nil {
			return invalid("%s: %q is not a number", p.name, text)
		}
	case flagParam:
		if text != "true" && text != "false" {
			return invalid("%s: %q is neither true nor false", p.name, text)
		}
	case timeParam:
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return invalid("%s: %q is not a time like 2026-01-31T12:00:00Z", p.name, text)
		}
	}
	return nil
}

// text returns a parameter of the path or the query, "" when it is not given;
// so do the methods below for the other kinds.
func (c *call) text(name string) string {
	if v := c.PathValue(name); v != "" {
		return v
	}
	return c.query.Get(name)
}

func (c *call) number(name string) uint64 {
	n, _ := strconv.ParseUint(c.text(name), 10, 63) // checkParams has refused what is none
	return n
}

func (c *call) flag(name string) bool { return c.text(name) == "true" }

func (c *call) time(name string) time.Time {
	t, _ := time.Parse(time.RFC3339, c.text(name)) // as above
	return t
}

// limit returns how many rows the caller wants.
func (c *call) limit() int {
	n := c.number("limit")
	if n == 0 {
		return defaultLimit
	}
	return int(min(n, maxLimit))
}

// by names the caller, for the history.
func (c *call) by() string { return callerOf(c.Context()).name }

// bodyOf reads the JSON body; an empty one is the zero value.
func bodyOf[T any](c *call) (T, error) {
	var v T
	dec := json.NewDecoder(c.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(&v)
	if errors.Is(err, io.EOF) {
		return v, nil
	}
	if err == nil && dec.More() {
		err = errors.New("there is more than one value")
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge || err == nil || errors.Is(err, errNoRoom) {
		return v, err
	}
	return v, invalid("the body: %w", err)
}

// List is the body of a list answer. Next, when set, is the value of "after"
// (history: "before") that asks for the following rows.
type List[T any] struct {
	Rows []T    `json:"rows"`
	Next string `json:"next,omitempty"`
}

// list makes a list answer; next names the place behind a row, and is nil for
// lists that come whole.
func list[T any](rows []T, limit int, next func(last T) string) List[T] {
	l := List[T]{Rows: rows}
	if l.Rows == nil {
		l.Rows = []T{}
	}
	if len(rows) >= limit && next != nil {
		l.Next = next(rows[len(rows)-1])
	}
	return l
}
