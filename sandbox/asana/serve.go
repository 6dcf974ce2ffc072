package asana

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// apiBase is the path of the API.
const apiBase = "/api/1.0"

// maxBody bounds a request's body; attachments may have 100 MB.
const (
	maxBody   = 8 << 20
	maxUpload = 101 << 20
)

// apiError is a refusal in Asana's form.
type apiError struct {
	status  int
	message string
	more    map[string]any // members besides errors
	wait    int            // seconds
}

func refuse(status int, format string, args ...any) *apiError {
	return &apiError{status: status, message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, format, args...)
}

func unknown(what, gid string) *apiError {
	return refuse(http.StatusNotFound, "%s: Unknown object: %s", what, gid)
}

func forbidden(format string, args ...any) *apiError {
	return refuse(http.StatusForbidden, format, args...)
}

func (e *apiError) body() map[string]any {
	one := map[string]any{
		"message": e.message, "help": "For more information on API status codes and how to handle them, read the docs on errors: https://developers.asana.com/docs/errors",
	}
	if e.status == http.StatusInternalServerError {
		one["phrase"] = "6 sad squid snuggle softly"
	}
	out := map[string]any{"errors": []any{one}}
	for name, v := range e.more {
		out[name] = v
	}
	return out
}

// renderFault gives injected errors Asana's form.
func renderFault(w http.ResponseWriter, _ *http.Request, status, _ int) {
	e := refuse(status, "%s", http.StatusText(status))
	switch status {
	case http.StatusTooManyRequests:
		e.message = tooMany
	case http.StatusInternalServerError:
		e.message = "Server Error"
	}
	kit.WriteJSON(w, status, e.body())
}

// call is one call of the API, alone or in a batch.
type call struct {
	s      *System
	token  *token
	user   *user
	method string
	path   string // below the base
	vars   map[string]string
	query  url.Values
	data   map[string]any
	now    time.Time

	fields, expand selection
	limit          int // 0: not given
	offset         string
	pretty         bool
	upload         *upload
	change         string // for the header Asana-Change
}

// answer is what an operation returns: one resource, a list, or nothing.
type answer struct {
	status int // 200 unless set
	one    resource
	list   []resource
	isList bool
	whole  bool           // the list is never paged
	raw    any            // data as it is
	more   map[string]any // members besides data
}

func just(r resource) (*answer, *apiError) { return &answer{one: r}, nil }
func created(r resource) (*answer, *apiError) {
	return &answer{one: r, status: http.StatusCreated}, nil
}
func nothing() (*answer, *apiError)          { return &answer{raw: map[string]any{}}, nil }
func list(l []resource) (*answer, *apiError) { return &answer{list: l, isList: true}, nil }
func entire(l []resource) (*answer, *apiError) {
	return &answer{list: l, isList: true, whole: true}, nil
}

// serveAPI answers a request to the API or to OAuth.
func (s *System) serveAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", s.clock.Now().UTC().Format(http.TimeFormat))
	if s.serveOAuth(w, r) || s.serveDownload(w, r) {
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, apiBase)
	if !ok {
		s.write(w, r, nil, refuse(http.StatusNotFound, "Not Found"))
		return
	}
	c := &call{s: s, method: r.Method, path: strings.TrimSuffix(path, "/")}
	done, err := s.enter(r, c)
	if c.change != "" {
		w.Header().Set("Asana-Change", c.change)
	}
	if err == nil {
		defer done()
		err = c.read(w, r)
	}
	if err != nil {
		s.write(w, r, c, err)
		return
	}
	out, status, err := s.dispatch(c)
	if err != nil {
		s.write(w, r, c, err)
		return
	}
	if location := locationOf(out, status); location != "" {
		w.Header().Set("Location", location)
	}
	c.reply(w, status, out)
}

func locationOf(out map[string]any, status int) string {
	data, _ := out["data"].(map[string]any)
	kind, _ := data["resource_type"].(string)
	if status != http.StatusCreated || kind == "" {
		return ""
	}
	return fmt.Sprintf("%s/%ss/%v", apiBase, kind, data["gid"])
}

func (c *call) reply(w http.ResponseWriter, status int, body any) {
	if !c.pretty {
		kit.WriteJSON(w, status, body)
		return
	}
	raw, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n'))
}

func (s *System) write(w http.ResponseWriter, _ *http.Request, c *call, e *apiError) {
	if e.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.wait))
	}
	if c == nil {
		c = &call{}
	}
	c.reply(w, e.status, e.body())
}

// read takes the request's query and body apart.
func (c *call) read(w http.ResponseWriter, r *http.Request) *apiError {
	c.query = r.URL.Query()
	if r.Method == http.MethodGet || r.Method == http.MethodDelete {
		return c.options(c.query, nil)
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "multipart/form-data":
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
		return c.readUpload(r)
	case "application/x-www-form-urlencoded":
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			return invalid("Could not parse request data")
		}
		c.data = map[string]any{}
		for name, values := range r.PostForm {
			c.data[name] = values[len(values)-1]
		}
		return c.options(c.query, nil)
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return refuse(http.StatusRequestEntityTooLarge, "The request was too large")
	}
	var body struct {
		Data    map[string]any `json:"data"`
		Options map[string]any `json:"options"`
	}
	if len(bytes.TrimSpace(raw)) > 0 {
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&body); err != nil {
			return invalid("Could not parse request data, invalid JSON")
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return invalid("Could not parse request data, invalid JSON")
		}
	}
	c.data = body.Data
	if c.data == nil {
		c.data = map[string]any{}
	}
	return c.options(c.query, body.Options)
}

// options reads the output and paging options of a query or of a body.
func (c *call) options(q url.Values, body map[string]any) *apiError {
	get := func(name string) string {
		if v := q.Get("opt_" + name); v != "" {
			return v
		}
		switch v := body[name].(type) {
		case string:
			return v
		case []any:
			var parts []string
			for _, p := range v {
				parts = append(parts, fmt.Sprint(p))
			}
			return strings.Join(parts, ",")
		case bool, json.Number:
			return fmt.Sprint(v)
		}
		return ""
	}
	c.fields, c.expand = parseFields(get("fields")), parseFields(get("expand"))
	c.pretty = get("pretty") == "true"
	limit, offset := q.Get("limit"), q.Get("offset")
	if v, ok := body["limit"]; ok {
		limit = fmt.Sprint(v)
	}
	if v, ok := body["offset"].(string); ok {
		offset = v
	}
	c.offset = offset
	if limit == "" {
		return nil
	}
	n, err := strconv.Atoi(limit)
	if err != nil || n < 1 || n > 100 {
		return invalid("limit: Must be between 1 and 100")
	}
	c.limit = n
	return nil
}

// dispatch carries a call out and returns its body.
func (s *System) dispatch(c *call) (map[string]any, int, *apiError) {
	rt, err := s.match(c)
	if err != nil {
		return nil, 0, err
	}
	if rt.free != nil {
		return rt.free(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.now = s.now()
	s.tick(c.now)
	if err := s.mayCall(c, rt); err != nil {
		return nil, 0, err
	}
	a, err := rt.op(c)
	if err != nil {
		return nil, 0, err
	}
	return s.shown(c, a)
}

// shown makes the body of an answer. It is called with mu held.
func (s *System) shown(c *call, a *answer) (map[string]any, int, *apiError) {
	v := &viewer{s: s, token: c.token}
	out := map[string]any{}
	switch {
	case a.isList:
		rows, next, err := s.page(c, a)
		if err != nil {
			return nil, 0, err
		}
		data := make([]any, len(rows))
		for i, r := range rows {
			data[i] = v.object(r, c.fields, false)
		}
		out["data"] = data
		if c.limit > 0 && !a.whole {
			out["next_page"] = next
		}
	case a.one != nil && len(c.fields) > 0:
		out["data"] = v.object(a.one, c.fields, false)
	case a.one != nil:
		out["data"] = v.object(a.one, c.expand, true)
	default:
		out["data"] = a.raw
	}
	for name, x := range a.more {
		out[name] = x
	}
	s.spend(c.token, v.cost)
	if a.status == 0 {
		return out, http.StatusOK, nil
	}
	return out, a.status, nil
}

// offset is where a list goes on.
type offset struct {
	path    string
	after   string // the gid of the last row
	index   int
	expires time.Time
}

const (
	offsetLife = 15 * time.Minute
	maxUnpaged = 1000
	maxOffsets = 10_000
)

// page cuts a list as the call asks.
func (s *System) page(c *call, a *answer) ([]resource, any, *apiError) {
	rows := a.list
	if a.whole {
		return rows, nil, nil
	}
	start := 0
	if c.offset != "" {
		o, ok := s.offsets[c.offset]
		if !ok || o.path != c.path || !c.now.Before(o.expires) {
			return nil, nil, invalid("offset: Your pagination token has expired.")
		}
		start = min(o.index, len(rows))
		if i := slices.IndexFunc(rows, func(r resource) bool { return r.id() == o.after }); i >= 0 {
			start = i + 1
		}
	}
	if c.limit == 0 {
		if len(rows) > maxUnpaged {
			return nil, nil, invalid("The result is too large. You should use pagination (may require specifying a workspace)")
		}
		return rows[start:], nil, nil
	}
	if s.pageCap > 0 && start >= s.pageCap {
		return nil, nil, invalid("There is currently an upper limit on the number of results returned for this query. Please see docs at https://developers.asana.com/docs/api-limits. We apologize for any inconvenience this has caused.")
	}
	end := min(start+c.limit, len(rows))
	if end >= len(rows) {
		return rows[start:], nil, nil
	}
	if len(s.offsets) > maxOffsets {
		clear(s.offsets)
	}
	text := "eyJ0eXAiOJiKV1iQLCJhbGciOiJIUzI1NiJ9." + strings.ReplaceAll(s.rand.UUID(), "-", "")
	s.offsets[text] = offset{path: c.path, after: rows[end-1].id(), index: end, expires: c.now.Add(offsetLife)}
	q := url.Values{}
	for name, values := range c.query {
		q[name] = values
	}
	q.Set("offset", text)
	path := c.path + "?" + q.Encode()
	return rows[start:end], map[string]any{"offset": text, "path": path, "uri": "https://app.asana.com" + apiBase + path}, nil
}

// CapPages refuses pages that begin behind so many rows, as Asana does with very
// long lists; 0 refuses none.
func (s *System) CapPages(rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pageCap = rows
}

// ExpireOffsets ends all paging tokens.
func (s *System) ExpireOffsets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.offsets)
}
