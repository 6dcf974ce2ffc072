package jira

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// apiError is an answer in Jira's error shape.
type apiError struct {
	status   int
	messages []string
	errors   map[string]string
	header   http.Header
	raw      any // a whole body of another shape
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %v %v", e.status, e.messages, e.errors) }

func (e *apiError) body() any {
	if e.raw != nil {
		return e.raw
	}
	messages, fields := e.messages, e.errors
	if messages == nil {
		messages = []string{}
	}
	if fields == nil {
		fields = map[string]string{}
	}
	return object{"errorMessages": messages, "errors": fields}
}

func fail(status int, format string, args ...any) *apiError {
	return &apiError{status: status, messages: []string{fmt.Sprintf(format, args...)}}
}

func fieldErrors(errs map[string]string) *apiError {
	return &apiError{status: http.StatusBadRequest, errors: errs}
}

var (
	errNoIssue     = fail(http.StatusNotFound, "Issue does not exist or you do not have permission to see it.")
	errLogin       = fail(http.StatusUnauthorized, "Client must be authenticated to access this resource.")
	errUnsupported = fail(http.StatusBadRequest, "INVALID_INPUT")
	errBody        = fail(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
)

// reply is a successful answer. A nil body is an empty one.
type reply struct {
	status int
	body   any
	header http.Header
	bytes  []byte // sent as they are instead of body
}

func ok(body any) reply { return reply{status: http.StatusOK, body: body} }

func created(body any) reply { return reply{status: http.StatusCreated, body: body} }

var noContent = reply{status: http.StatusNoContent}

// call is one authenticated request. Handlers run with the system locked.
type call struct {
	sys   *System
	req   *http.Request
	view  *view
	user  *user // nil: anonymous
	grant *grant
	query url.Values
	body  []byte
	api   int

	route  *route
	values map[string]string // of the route's wildcards
}

type handler func(*call) (reply, error)

// access says who may call an endpoint.
type access int

const (
	anyone   access = iota // anonymous callers too
	loggedIn               // 401 for anonymous callers
	appOnly                // OAuth apps; 403 for everybody else
)

const maxBody = 32 << 20

// serveAPI answers everything that is not a page: it finds the caller, the
// version of the API and the endpoint.
func (s *System) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		send(w, reply{}, fail(http.StatusRequestEntityTooLarge, "Request body too large."))
		return
	}
	if s.serveIdentity(w, r, body) {
		return
	}
	rep, err := s.dispatch(w, r, body)
	send(w, rep, err)
}

func (s *System) dispatch(w http.ResponseWriter, r *http.Request, body []byte) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &call{sys: s, req: r, query: r.URL.Query(), body: body}
	path, gateway, ok := s.sitePath(r.URL.EscapedPath())
	if !ok {
		return reply{}, notFoundProblem(r)
	}
	if err := s.authenticate(c, w.Header(), gateway); err != nil {
		return reply{}, err
	}
	base := scheme(r) + "://" + r.Host
	s.origin = base
	if gateway {
		base += "/ex/jira/" + s.cloudID
	} else {
		base += s.opts.BasePath
	}
	segments, api, ok := s.segments(path)
	if !ok {
		return reply{}, notFoundProblem(r)
	}
	c.api = api
	c.view = &view{sys: s, api: api, base: base, viewer: c.user}
	rt, values, allowed := s.api.find(r.Method, segments)
	switch {
	case rt == nil && allowed:
		return reply{}, problem(http.StatusMethodNotAllowed, "Method Not Allowed", "Request method '"+r.Method+"' is not supported.", r)
	case rt == nil:
		return reply{}, notFoundProblem(r)
	}
	c.route, c.values = rt, values
	if err := s.limits.take(c, w.Header()); err != nil {
		return reply{}, err
	}
	if err := c.admit(rt.who, rt.scope); err != nil {
		return reply{}, err
	}
	rep, err := rt.handle(c)
	s.limits.charge(c, rep)
	return rep, err
}

func (c *call) admit(who access, scope string) error {
	switch {
	case who == appOnly && (c.grant == nil || c.grant.app == ""):
		return fail(http.StatusForbidden, "Only Connect and OAuth 2.0 apps can use this operation.")
	case who != anyone && c.user == nil:
		return errLogin
	case c.grant != nil && scope != "" && !slices.Contains(c.grant.scopes, scope):
		return &apiError{status: http.StatusUnauthorized, raw: object{"code": 401, "message": "Unauthorized; scope does not match"}}
	}
	return nil
}

// sitePath strips the gateway's prefix or the context path.
func (s *System) sitePath(path string) (rest string, gateway, ok bool) {
	if s.cloud() {
		if after, found := strings.CutPrefix(path, "/ex/jira/"); found {
			id, rest, _ := strings.Cut(after, "/")
			return "/" + rest, true, id == s.cloudID
		}
	}
	if s.opts.BasePath == "" {
		return path, false, true
	}
	rest, ok = strings.CutPrefix(path, s.opts.BasePath)
	return rest, false, ok && strings.HasPrefix(rest, "/")
}

// segments splits a path and takes the version of /rest/api out of it, so that
// one set of routes serves all versions. ok is false if there is no such version.
func (s *System) segments(path string) (list []string, api int, ok bool) {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" {
			continue
		}
		plain, err := url.PathUnescape(part)
		if err != nil {
			return nil, 0, false
		}
		list = append(list, plain)
	}
	if len(list) < 3 || list[0] != "rest" || list[1] != "api" {
		return list, 2, true
	}
	switch version := list[2]; {
	case version == "3" && s.cloud(), version == "latest" && s.cloud():
		api = 3
	case version == "2", version == "latest":
		api = 2
	}
	return append(list[:2:2], list[3:]...), api, api != 0
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func problem(status int, title, detail string, r *http.Request) *apiError {
	return &apiError{
		status: status, header: http.Header{"Content-Type": {"application/problem+json"}},
		raw: object{"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": r.URL.Path},
	}
}

func notFoundProblem(r *http.Request) *apiError {
	return problem(http.StatusNotFound, "Not Found", "No endpoint "+r.Method+" "+r.URL.Path+".", r)
}

// send sends a reply or, in Jira's shape, an error.
func send(w http.ResponseWriter, rep reply, err error) {
	var body any
	switch e, isAPI := errors.AsType[*apiError](err); {
	case isAPI:
		rep.status, rep.header, body = e.status, e.header, e.body()
	case errors.Is(err, adf.ErrUnsupported):
		rep.status, body = errUnsupported.status, errUnsupported.body()
	case err != nil:
		rep.status, body = http.StatusBadRequest, fail(http.StatusBadRequest, "%s", err.Error()).body()
	default:
		body = rep.body
	}
	for k, v := range rep.header {
		w.Header()[k] = v
	}
	if err == nil && rep.bytes != nil {
		w.WriteHeader(rep.status)
		_, _ = w.Write(rep.bytes)
		return
	}
	if text, isText := body.(plainText); isText {
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		w.WriteHeader(rep.status)
		_, _ = io.WriteString(w, string(text))
		return
	}
	if body == nil {
		w.WriteHeader(rep.status)
		return
	}
	kit.WriteJSON(w, rep.status, body)
}

// injectedWords are the messages of injected errors that Jira words itself.
var injectedWords = map[int]string{
	http.StatusTooManyRequests:       "Rate limit exceeded.",
	http.StatusConflict:              "The issue could not be updated due to a conflicting update. Try again.",
	http.StatusRequestEntityTooLarge: "The limit for this issue has been reached.",
	http.StatusUnprocessableEntity:   "A configuration problem prevents the request from being fulfilled.",
}

// renderInjected gives the faults that kit injects Jira's shape; those of the
// edge before Jira are HTML.
func renderInjected(w http.ResponseWriter, _ *http.Request, status, retryAfter int) {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<html><head><title>%d %s</title></head><body><h1>%s</h1></body></html>", status, http.StatusText(status), http.StatusText(status))
		return
	case http.StatusTooManyRequests:
		h := w.Header()
		h.Set("X-RateLimit-Limit", "100")
		h.Set("X-RateLimit-Remaining", "0")
		h.Set("RateLimit-Reason", "jira-burst-based")
		if retryAfter > 60 {
			h.Set("RateLimit-Reason", "jira-quota-global-based")
		}
	}
	send(w, reply{}, fail(status, "%s", orElse(injectedWords[status], "Internal server error")))
}

// decode reads the JSON body of a call.
func (c *call) decode(into any) error {
	dec := json.NewDecoder(bytes.NewReader(c.body))
	if err := dec.Decode(into); err != nil {
		var wrongType *json.UnmarshalTypeError
		if errors.As(err, &wrongType) {
			return errBody
		}
		return fail(http.StatusBadRequest, "There was an error parsing JSON. Check that your request body is valid.")
	}
	return nil
}

func (c *call) pathValue(name string) string { return c.values[name] }

// number reads a query parameter; what is no number counts as an error.
func (c *call) number(name string, unset int) (int, error) {
	text := c.query.Get(name)
	if text == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fail(http.StatusBadRequest, "The value '%s' of the parameter '%s' is not a number.", text, name)
	}
	return n, nil
}

// list reads a query parameter that may be repeated, or hold commas.
func (c *call) list(name string) []string {
	var out []string
	for _, v := range c.query[name] {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

func (c *call) selection(fallback string) selection {
	return selection{fields: parseFieldSet(c.query["fields"], fallback), expand: c.list("expand"), properties: c.list("properties")}
}

// visible finds the issue of the path; hidden ones do not exist.
func (c *call) visible(idOrKey string) (*issue, error) {
	i := c.sys.lookup(idOrKey)
	if i == nil || !c.sys.may(c.user, i.project, browseProjects) {
		return nil, errNoIssue
	}
	return i, nil
}

func (c *call) pathIssue() (*issue, error) { return c.visible(c.pathValue("issue")) }

// window cuts a page out of a list.
func window[T any](list []T, startAt, maxResults int) []T {
	startAt = min(max(startAt, 0), len(list))
	end := min(startAt+max(maxResults, 0), len(list))
	return list[startAt:end]
}

// page renders one page of a list in the shape of most paged endpoints.
func page[T any](c *call, list []T, unset, most int, render func(T) any) (object, error) {
	startAt, err := c.number("startAt", 0)
	if err != nil {
		return nil, err
	}
	maxResults, err := c.number("maxResults", unset)
	if err != nil {
		return nil, err
	}
	maxResults = min(max(maxResults, 0), most)
	values := []any{}
	for _, t := range window(list, startAt, maxResults) {
		values = append(values, render(t))
	}
	out := object{
		"startAt": startAt, "maxResults": maxResults, "total": len(list), "isLast": startAt+len(values) >= len(list), "values": values,
		"self": c.pageURL(startAt, maxResults),
	}
	if startAt+len(values) < len(list) {
		out["nextPage"] = c.pageURL(startAt+len(values), maxResults)
	}
	return out, nil
}

func (c *call) pageURL(startAt, maxResults int) string {
	q := url.Values{}
	for k, v := range c.query {
		q[k] = v
	}
	q.Set("startAt", strconv.Itoa(startAt))
	q.Set("maxResults", strconv.Itoa(maxResults))
	return scheme(c.req) + "://" + c.req.Host + c.req.URL.EscapedPath() + "?" + q.Encode()
}
