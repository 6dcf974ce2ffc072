package github

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// apiError is an answer in GitHub's error shape.
type apiError struct {
	status  int
	message string
	docs    string
	errors  []any // of "Validation Failed"
	header  http.Header
	moved   string // the new address
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s %v", e.status, e.message, e.errors) }

func (e *apiError) body() object {
	docs := e.docs
	if docs == "" {
		docs = "https://docs.github.com/rest"
	}
	out := object{"message": e.message, "documentation_url": docs, "status": strconv.Itoa(e.status)}
	if e.moved != "" {
		out["url"] = e.moved
		delete(out, "status")
	}
	if len(e.errors) > 0 {
		out["errors"] = e.errors
	}
	return out
}

func fail(status int, format string, args ...any) *apiError {
	return &apiError{status: status, message: fmt.Sprintf(format, args...)}
}

// invalid is "Validation Failed" for one field.
func invalid(resource, field, code string, more object) *apiError {
	one := object{"resource": resource, "field": field, "code": code}
	for k, v := range more {
		one[k] = v
	}
	return &apiError{status: http.StatusUnprocessableEntity, message: "Validation Failed", errors: []any{one}}
}

var (
	errNotFound = fail(http.StatusNotFound, "Not Found")
	errGone     = fail(http.StatusGone, "This issue was deleted")
	errNoIssues = fail(http.StatusGone, "Issues has been disabled in this repository.")
	errParsing  = fail(http.StatusBadRequest, "Problems parsing JSON")
	errObject   = fail(http.StatusBadRequest, "Body should be a JSON object")
)

// reply is a successful answer. A nil body is an empty one.
type reply struct {
	status   int
	body     any
	header   http.Header
	modified time.Time // Last-Modified
}

func ok(body any) reply { return reply{status: http.StatusOK, body: body} }

func created(body any, location string) reply {
	return reply{status: http.StatusCreated, body: body, header: http.Header{"Location": {location}}}
}

var noContent = reply{status: http.StatusNoContent}

// call is one request. Handlers run with the system locked.
type call struct {
	sys    *System
	req    *http.Request
	grant  *grant // nil: anonymous
	query  url.Values
	body   []byte
	prefix string // "" or "/api/v3"
	root   string // "http://host"
	path   string // of the API, without the prefix

	segments []string
	values   map[string]string // of the route's wildcards
	old      bool              // version 2022-11-28
	raw      *route
}

type handler func(*call) (reply, error)

const maxBody = 8 << 20

const enterprisePrefix = "/api/v3"

// versions of the REST API; the first is what callers get who name none.
var versions = []string{"2022-11-28", "2026-03-10"}

// serveAPI answers everything that is not a page.
func (s *System) serveAPI(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		s.send(w, nil, reply{}, fail(http.StatusRequestEntityTooLarge, "Payload too large"))
		return
	}
	c := &call{sys: s, req: r, query: r.URL.Query(), body: body, root: scheme(r) + "://" + r.Host, path: r.URL.EscapedPath(), old: true}
	if rest, ok := strings.CutPrefix(c.path, enterprisePrefix); ok && (rest == "" || rest[0] == '/') {
		c.prefix, c.path = enterprisePrefix, rest
	}
	if c.path == "/api/graphql" {
		c.path = "/graphql"
		c.prefix = enterprisePrefix
	}
	s.mu.Lock()
	s.origin = c.root
	rep, err := s.answer(c)
	s.mu.Unlock()
	s.send(w, c, rep, err)
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

func (s *System) answer(c *call) (reply, error) {
	if s.opts.Enterprise && c.prefix == "" {
		return reply{}, errNotFound
	}
	if c.req.UserAgent() == "" {
		return reply{}, fail(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.")
	}
	if v := c.req.Header.Get("X-Github-Api-Version"); v != "" {
		if !slices.Contains(versions, v) {
			return reply{}, fail(http.StatusBadRequest, "Unsupported 'X-GitHub-Api-Version' header value %q", v)
		}
		c.old = v == versions[0]
	}
	g, err := s.authenticate(c.req)
	if err != nil {
		return reply{}, err
	}
	c.grant = g
	if c.path == "/graphql" {
		return c.graphql()
	}
	c.segments, err = segmentsOf(c.path)
	if err != nil {
		return reply{}, errNotFound
	}
	s.resolveByID(c)
	rt, values, otherMethod := s.api.find(c.req.Method, c.segments)
	if rt == nil {
		if otherMethod && c.req.Method == http.MethodHead {
			return reply{}, errNotFound
		}
		return reply{}, errNotFound
	}
	c.raw, c.values = rt, values
	if err := s.admit(c, rt); err != nil {
		return reply{}, err
	}
	rep, err := rt.handle(c)
	if err == nil {
		rep = c.conditional(rep)
	}
	if rt.resource != "" && !s.opts.Enterprise && rep.status != http.StatusNotModified {
		s.limits.take(c.grant.account(), rt.resource, 1)
	}
	return rep, err
}

// segmentsOf cuts a path and decodes its parts.
func segmentsOf(path string) ([]string, error) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, p := range parts {
		plain, err := url.PathUnescape(p)
		if err != nil {
			return nil, err
		}
		parts[i] = plain
	}
	return parts, nil
}

// resolveByID turns /repositories/{id}/… into /repos/{owner}/{repo}/….
func (s *System) resolveByID(c *call) {
	if len(c.segments) < 2 || c.segments[0] != "repositories" {
		return
	}
	id, err := strconv.ParseInt(c.segments[1], 10, 64)
	if err != nil {
		return
	}
	if r := s.repoByID(id); r != nil {
		c.segments = append([]string{"repos", r.owner.login, r.name}, c.segments[2:]...)
	}
}

// admit checks who may call and the limits.
func (s *System) admit(c *call, rt *route) error {
	if rt.who == appOnly && (c.grant == nil || c.grant.kind != appJWT) {
		return errJWT
	}
	if rt.who != appOnly && c.grant != nil && c.grant.kind == appJWT && rt.who != anyone && !strings.HasSuffix(strings.Join(rt.segments, "/"), "installation") {
		return fail(http.StatusForbidden, "Resource not accessible by integration")
	}
	if rt.who == loggedIn && c.grant == nil {
		return errLogin
	}
	if rt.resource == "" || s.opts.Enterprise {
		return nil
	}
	if st := s.limits.look(c.grant.account(), rt.resource); st.remaining == 0 {
		e := fail(http.StatusForbidden, "API rate limit exceeded for user ID %s.", c.grant.account())
		e.docs = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
		return e
	}
	if e := s.limits.secondaryLimits(c.grant.account(), c.req.Method, rt.content); e != nil {
		return e
	}
	return nil
}

// conditional answers 304 to who has the latest already. Tags belong to a
// token.
func (c *call) conditional(rep reply) reply {
	if c.req.Method != http.MethodGet || rep.status != http.StatusOK || rep.body == nil {
		return rep
	}
	raw, err := kit.EncodeJSON(rep.body)
	if err != nil {
		return rep
	}
	token := ""
	if c.grant != nil {
		token = c.grant.token
	}
	sum := sha256.Sum256(append([]byte(token+"\n"), raw...))
	tag := `W/"` + hex.EncodeToString(sum[:]) + `"`
	if rep.header == nil {
		rep.header = http.Header{}
	}
	rep.header.Set("ETag", tag)
	same := strings.Contains(c.req.Header.Get("If-None-Match"), strings.TrimPrefix(tag, "W/"))
	if !rep.modified.IsZero() {
		rep.header.Set("Last-Modified", rep.modified.Format(http.TimeFormat))
		since, err := http.ParseTime(c.req.Header.Get("If-Modified-Since"))
		same = same || err == nil && c.req.Header.Get("If-None-Match") == "" && !rep.modified.After(since)
	}
	rep.header.Set("Cache-Control", "private, max-age=60, s-maxage=60")
	if same {
		return reply{status: http.StatusNotModified, header: rep.header}
	}
	return rep
}

// send writes an answer with the headers that all have.
func (s *System) send(w http.ResponseWriter, c *call, rep reply, err error) {
	h := w.Header()
	h.Set("Date", s.clock.Now().UTC().Format(http.TimeFormat))
	h.Set("X-Github-Media-Type", "github.v3; format=json")
	if c != nil {
		c.commonHeaders(h)
	}
	body, status := rep.body, rep.status
	if err != nil {
		e, known := errors.AsType[*apiError](err)
		if !known {
			e = fail(http.StatusInternalServerError, "Server Error")
		}
		rep.header, body, status = e.header, e.body(), e.status
		if e.moved != "" {
			h.Set("Location", e.moved)
		}
	}
	for k, v := range rep.header {
		h[http.CanonicalHeaderKey(k)] = v
	}
	if body == nil {
		w.WriteHeader(status)
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	kit.WriteJSON(w, status, body)
}

func (c *call) commonHeaders(h http.Header) {
	if c.sys.opts.Enterprise {
		h.Set("X-Github-Enterprise-Version", "3.17.4")
	} else if c.raw != nil && c.raw.resource != "" {
		c.sys.limits.look(c.grant.account(), c.raw.resource).headers(h)
	}
	version := versions[0]
	if !c.old {
		version = versions[1]
	}
	h.Set("X-Github-Api-Version-Selected", version)
	if c.grant != nil && c.grant.kind == classic {
		h.Set("X-Oauth-Scopes", strings.Join(c.grant.scopes, ", "))
		h.Set("X-Accepted-Oauth-Scopes", "repo")
	}
}

// renderInjected gives the faults that kit injects GitHub's shape; those of the
// edge before it are HTML.
func renderInjected(w http.ResponseWriter, _ *http.Request, status, _ int) {
	if status >= 502 {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Unicorn! &middot; GitHub</title></head><body><p><strong>No server is currently available to service your request.</strong></p></body></html>")
		return
	}
	e := fail(status, "Server Error")
	if status == http.StatusTooManyRequests || status == http.StatusForbidden {
		e = secondary(0)
		e.status = status
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	kit.WriteJSON(w, status, e.body())
}

// page cuts a page out of a list and adds the links to the others.
func page[T any](c *call, list []T, render func(T) any) (reply, error) {
	return c.cut(len(list), c.perPage(), c.atLeastOne("page", 1), func(from, to int) any {
		out := make([]any, 0, to-from)
		for _, t := range list[from:to] {
			out = append(out, render(t))
		}
		return out
	}), nil
}

func (c *call) cut(total, per, number int, render func(from, to int) any) reply {
	from := min((number-1)*per, total)
	to := min(from+per, total)
	rep := ok(render(from, to))
	last := max((total+per-1)/per, 1)
	var links []string
	link := func(n int, rel string) {
		q := url.Values{}
		for k, v := range c.query {
			q[k] = v
		}
		q.Set("page", strconv.Itoa(n))
		links = append(links, fmt.Sprintf(`<%s?%s>; rel="%s"`, c.linkPath(), q.Encode(), rel))
	}
	if number > 1 {
		link(min(number-1, last), "prev")
	}
	if number < last {
		link(number+1, "next")
		link(last, "last")
	}
	if number > 1 {
		link(1, "first")
	}
	if len(links) > 0 {
		rep.header = http.Header{"Link": {strings.Join(links, ", ")}}
	}
	return rep
}

// linkPath is the address of the call as links have it: repositories by id.
func (c *call) linkPath() string {
	parts := c.segments
	if len(parts) > 3 && parts[0] == "repos" {
		if r, _ := c.sys.repoByName(parts[1] + "/" + parts[2]); r != nil {
			parts = append([]string{"repositories", strconv.FormatInt(r.id, 10)}, parts[3:]...)
		}
	}
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = url.PathEscape(p)
	}
	return c.root + c.prefix + "/" + strings.Join(escaped, "/")
}

func (c *call) perPage() int { return min(c.atLeastOne("per_page", 30), 100) }

// atLeastOne reads a number of the query; what makes no sense counts as unset.
func (c *call) atLeastOne(name string, unset int) int {
	n, err := strconv.Atoi(c.query.Get(name))
	if err != nil || n < 1 {
		return unset
	}
	return n
}
