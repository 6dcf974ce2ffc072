package salesforce

import (
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one request, or one part of a composite request, that was let in. The
// System is locked while it is answered.
type call struct {
	s       *System
	method  string
	header  http.Header
	host    *http.Request // the request that came in
	version string        // "66.0"
	path    []string      // below the version
	param   map[string]string
	query   url.Values
	body    []byte
	session *session
	now     time.Time
	part    bool // inside a composite request
	tx      *tx  // of the composite request around it; nil: its own
}

// answer is what an operation answers.
type answer struct {
	status int
	body   any         // nil: none
	raw    []byte      // instead of body
	kind   string      // content type of raw
	header http.Header // optional
}

// operation answers a call.
type operation func(c *call) (answer, *apiError)

const (
	maxBody = 64 << 20
	maxURL  = 16_384 // bytes of address and headers together
)

func ok(body any) (answer, *apiError) { return answer{status: http.StatusOK, body: body}, nil }

// serveAPI answers everything that is neither page nor control call.
func (s *System) serveAPI(w http.ResponseWriter, r *http.Request) {
	size := len(r.URL.RequestURI())
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + 4
		}
	}
	if len(r.URL.RequestURI()) > maxURL || size > 2*maxURL {
		w.Header().Set("Content-Type", "text/html;charset=utf-8")
		w.WriteHeader(http.StatusRequestURITooLong)
		_, _ = io.WriteString(w, "<html><head><title>Error 414 URI Too Long</title></head><body><h1>URI Too Long</h1></body></html>")
		return
	}
	if s.serveOAuth(w, r) {
		return
	}
	s.serveData(w, r)
}

// serveData answers below /services/data.
func (s *System) serveData(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(w, r)
	if err != nil {
		s.write(w, r, answer{}, err, nil)
		return
	}
	s.mu.Lock()
	a, sess, problem := s.answer(r, body)
	var usage string
	if sess != nil {
		usage = s.usageText()
	}
	s.mu.Unlock()
	if usage != "" && (problem != nil || a.status != http.StatusNoContent) {
		w.Header().Set("Sforce-Limit-Info", usage)
	}
	s.write(w, r, a, problem, sess)
}

// usageText is what the limit header tells.
func (s *System) usageText() string {
	usage := fmt.Sprintf("api-usage=%d/%d", s.used, max(0, s.opts.Limits.Daily))
	if s.opts.Limits.PerApp > 0 {
		usage += fmt.Sprintf("; per-app-api-usage=%d/%d(appName=%s)", s.used, s.opts.Limits.PerApp, appName)
	}
	return usage
}

// appName is the name of the app whose credentials the sandbox gives out.
const appName = "tenon-sandbox"

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *apiError) {
	var from io.Reader = http.MaxBytesReader(w, r.Body, maxBody)
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		zip, err := gzip.NewReader(from)
		if err != nil {
			return nil, refuseCall(http.StatusBadRequest, "UNKNOWN_EXCEPTION", "Not in GZIP format")
		}
		from = io.LimitReader(zip, maxBody)
	}
	body, err := io.ReadAll(from)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, refuseCall(http.StatusRequestEntityTooLarge, "REQUEST_TOO_LARGE", "The request entity is too large")
	}
	if err != nil {
		return nil, refuseCall(http.StatusBadRequest, "UNKNOWN_EXCEPTION", "The request body could not be read")
	}
	return body, nil
}

// answer routes a request. The session is nil where the limit header is missing.
func (s *System) answer(r *http.Request, body []byte) (answer, *session, *apiError) {
	now := s.tick()
	path := strings.Trim(r.URL.Path, "/")
	if path == "services/data" && r.Method == http.MethodGet {
		return answer{status: http.StatusOK, body: versions()}, nil, nil
	}
	version, rest, problem := splitPath(path)
	if problem != nil {
		return answer{}, nil, problem
	}
	sess, problem := s.authenticate(r, now)
	if problem != nil {
		return answer{}, nil, problem
	}
	if most := s.opts.Limits.PerApp; most > 0 && s.used >= most {
		return answer{}, sess, refuseCall(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "ConnectedApp Limit exceeded.") // assumed
	}
	if v := s.usage.Take(s.org); !v.OK {
		return answer{}, sess, refuseCall(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
	} else if v.Limit > 0 {
		s.used = v.Limit - v.Remaining
	} else {
		s.used++
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return answer{}, sess, refuseCall(http.StatusBadRequest, "UNKNOWN_EXCEPTION", "Invalid query string")
	}
	s.version = version
	c := &call{s: s, method: r.Method, header: r.Header, host: r, version: version, path: rest, query: query, body: body, session: sess, now: now}
	if m := query.Get("_HttpMethod"); m != "" && r.Method == http.MethodPost {
		c.method = strings.ToUpper(m)
	}
	a, problem := s.dispatch(c)
	return a, sess, problem
}

// dispatch runs the operation that a call names.
func (s *System) dispatch(c *call) (answer, *apiError) {
	op, param, problem := s.router.find(c.method, c.path)
	if problem != nil {
		return answer{}, problem
	}
	c.param = param
	return op(c)
}

// splitPath takes services/data/vXX.0 off a path.
func splitPath(path string) (version string, rest []string, problem *apiError) {
	parts := strings.Split(path, "/")
	if len(parts) < 3 || parts[0] != "services" || parts[1] != "data" || !strings.HasPrefix(parts[2], "v") {
		return "", nil, notFound()
	}
	version = parts[2][1:]
	n, err := strconv.ParseFloat(version, 64)
	switch {
	case err != nil || n != float64(int(n)) || !strings.HasSuffix(version, ".0") || n > newestVersion:
		return "", nil, notFound()
	case n < oldestVersion:
		return "", nil, refuseCall(http.StatusGone, "UNSUPPORTED_API_VERSION", "API version %s has been retired", version)
	}
	return version, parts[3:], nil
}

const (
	oldestVersion = 31
	newestVersion = 66
)

// versions lists the versions, the oldest first.
func versions() any {
	var out []any
	for n := oldestVersion; n <= newestVersion; n++ {
		season, year := []string{"Summer", "Winter", "Spring"}[(n-31)%3], 14+(n-31+2)/3
		out = append(out, members{{"label", fmt.Sprintf("%s '%d", season, year)}, {"url", fmt.Sprintf("/services/data/v%d.0", n)}, {"version", fmt.Sprintf("%d.0", n)}})
	}
	return out
}

// write sends an answer, as XML if that was asked for and compressed if the
// client can read it.
func (s *System) write(w http.ResponseWriter, r *http.Request, a answer, problem *apiError, _ *session) {
	if problem != nil {
		a = answer{status: problem.status, body: problem.body()}
		if strings.Contains(r.Header.Get("Accept"), "application/xml") && problem.choices == nil {
			a.raw, a.kind = xmlErrors(problem), "application/xml;charset=UTF-8"
		}
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Cache-Control", "no-cache,must-revalidate,max-age=0,no-store,private")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Date", s.clock.Now().UTC().Format(http.TimeFormat))
	if a.raw == nil && a.body != nil {
		raw, err := encode(a.body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		a.raw, a.kind = raw, "application/json;charset=UTF-8"
	}
	if a.raw == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	if len(a.raw) > 1024 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(a.status)
		if zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed); err == nil {
			_, _ = zip.Write(a.raw)
			_ = zip.Close()
		}
		return
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.raw)
}

// xmlErrors is the XML form of an error.
func xmlErrors(e *apiError) []byte {
	type item struct {
		Code    string   `xml:"errorCode"`
		Fields  []string `xml:"fields,omitempty"`
		Message string   `xml:"message"`
	}
	type errorList struct {
		XMLName xml.Name `xml:"Errors"`
		Error   item     `xml:"Error"`
	}
	body, err := xml.Marshal(errorList{Error: item{e.Code, e.Fields, e.Text}})
	if err != nil {
		return nil
	}
	return append([]byte(xml.Header), body...)
}

// renderFault gives injected errors Salesforce's shape: there is no 429, so a
// rate limit is a refusal of the daily allowance.
func (s *System) renderFault(w http.ResponseWriter, r *http.Request, status, _ int) {
	switch status {
	case http.StatusTooManyRequests:
		w.Header().Del("Retry-After")
		s.write(w, r, answer{}, refuseCall(http.StatusForbidden, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), nil)
	case http.StatusInternalServerError:
		s.write(w, r, answer{}, refuseCall(status, "UNKNOWN_EXCEPTION", "An unexpected error occurred. Please include this ErrorId if you contact support: 1234567890-12345 (1234567890)"), nil)
	case http.StatusUnauthorized:
		s.write(w, r, answer{}, refuseCall(status, "INVALID_SESSION_ID", "Session expired or invalid"), nil)
	default:
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<html><head><title>Salesforce</title></head><body>We are down for maintenance. Sorry for the inconvenience.</body></html>\n")
	}
}

// begin starts the call's transaction, or goes on with that of the composite
// request around it.
func (c *call) begin() *tx {
	if c.tx != nil {
		return c.tx
	}
	return c.s.transaction(c)
}

func (s *System) transaction(c *call) *tx {
	client := ""
	for _, part := range strings.FieldsFunc(c.header.Get("Sforce-Call-Options"), func(r rune) bool { return r == ';' || r == ',' }) {
		if name, value, ok := strings.Cut(strings.TrimSpace(part), "="); ok && strings.EqualFold(name, "client") {
			client = value
		}
	}
	t := s.begin(c.session.user, "com/salesforce/api/rest/"+c.version+";client="+client, c.now, true)
	for _, part := range strings.Split(c.header.Get("Sforce-Duplicate-Rule-Header"), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if strings.EqualFold(name, "allowSave") && strings.EqualFold(value, "true") {
			t.allowDuplicates = true
		}
	}
	t.assigns = s.opts.AssignmentRules && !strings.EqualFold(c.header.Get("Sforce-Auto-Assign"), "FALSE")
	return t
}

// end commits the call's own transaction.
func (c *call) end(t *tx) {
	if c.tx == nil {
		t.commit()
	}
}

// object is the object that the path names.
func (c *call) object() (*object, *apiError) {
	o := c.s.object(c.param["object"])
	if o == nil || c.s.denied(o.name, "read") {
		return nil, notFound()
	}
	return o, nil
}

// record is the record that the path names by its id.
func (c *call) record(o *object) (*record, *apiError) {
	text := c.param["id"]
	id, valid := normalID(text)
	switch {
	case len(text) != 15 && len(text) != 18:
		e := notFound()
		e.Text = "Provided external ID field does not exist or is not accessible: " + text
		return nil, e
	case !valid:
		return nil, refuse("MALFORMED_ID", "malformed id %s", text)
	}
	r := o.records[id]
	switch {
	case r == nil, r.hidden, r.purged:
		return nil, notFound()
	case r.deleted():
		return nil, deletedError()
	}
	return r, nil
}
