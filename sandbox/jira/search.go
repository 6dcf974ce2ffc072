package jira

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira/jql"
)

const (
	maxProperties = 5
	maxReconcile  = 50
	maxKeysPage   = 5000
	maxFieldsPage = 100
	tokenLife     = 7 * 24 * time.Hour
)

var (
	errTooManyProperties = fail(http.StatusBadRequest, "The number of properties requested exceeds the limit of %d.", maxProperties)
	errUnbounded         = fail(http.StatusBadRequest, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
	errPageToken         = fail(http.StatusBadRequest, "Invalid request payload. Refer to the REST API documentation and try again.")
)

// removed answers the search endpoints that Cloud shut off.
func (c *call) removed() (reply, error) {
	return reply{}, fail(http.StatusGone, "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046")
}

// searchRequest is a call of search/jql, by GET or POST.
type searchRequest struct {
	JQL             string   `json:"jql"`
	Fields          []string `json:"fields"`
	Expand          string   `json:"expand"`
	MaxResults      *int     `json:"maxResults"`
	NextPageToken   string   `json:"nextPageToken"`
	Properties      []string `json:"properties"`
	ReconcileIssues []int64  `json:"reconcileIssues"`
}

func (c *call) searchRequest() (searchRequest, error) {
	var req searchRequest
	if c.req.Method == http.MethodPost {
		return req, c.decode(&req)
	}
	req.JQL, req.NextPageToken = c.query.Get("jql"), c.query.Get("nextPageToken")
	req.Fields, req.Properties, req.Expand = c.query["fields"], c.list("properties"), strings.Join(c.list("expand"), ",")
	if c.query.Has("maxResults") {
		n, err := c.number("maxResults", 0)
		if err != nil {
			return req, err
		}
		req.MaxResults = &n
	}
	for _, text := range c.list("reconcileIssues") {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return req, fail(http.StatusBadRequest, "The value '%s' of the parameter 'reconcileIssues' is not a number.", text)
		}
		req.ReconcileIssues = append(req.ReconcileIssues, id)
	}
	return req, nil
}

// searchJQL answers Cloud's search: a page by token, without a total, from an
// index that lags.
func (c *call) searchJQL() (reply, error) {
	req, err := c.searchRequest()
	if err != nil {
		return reply{}, err
	}
	limit := 50
	if req.MaxResults != nil {
		limit = *req.MaxResults
	}
	switch {
	case limit < 1 || limit > maxKeysPage:
		return reply{}, fail(http.StatusBadRequest, "The value of maxResults must be between 1 and %d.", maxKeysPage)
	case len(req.Properties) > maxProperties:
		return reply{}, errTooManyProperties
	case len(req.ReconcileIssues) > maxReconcile:
		return reply{}, fail(http.StatusBadRequest, "The number of reconcileIssues exceeds the limit of %d.", maxReconcile)
	}
	sel := selection{fields: parseFieldSet(req.Fields, "id"), properties: req.Properties, expand: splitList(req.Expand)}
	if !sel.fields.onlyKeys() {
		limit = min(limit, maxFieldsPage)
	}
	found, err := c.find(req.JQL, req.ReconcileIssues, true)
	if err != nil {
		return reply{}, err
	}
	after, err := c.readToken(req)
	if err != nil {
		return reply{}, err
	}
	if after != nil {
		found = slices.DeleteFunc(found, func(h hit) bool { return compareKeys(h.key, after.Key) <= 0 })
	}
	more := len(found) > limit
	found = found[:min(limit, len(found))]
	out := object{"issues": c.hits(found, sel), "isLast": !more}
	if more {
		out["nextPageToken"] = c.writeToken(req, found[len(found)-1])
	}
	if sel.expands("names") {
		out["names"] = c.sys.fieldNames(sel.fields)
	}
	if sel.expands("schema") {
		out["schema"] = c.sys.fieldSchemas(sel.fields)
	}
	return ok(out), nil
}

func splitList(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// hits renders what was found. Issues that are gone while the index still has
// them fall out here, so that a page may be short, or empty though not the last.
func (c *call) hits(found []hit, sel selection) []any {
	sel.inSearch = true
	sel.expand = slices.DeleteFunc(slices.Clone(sel.expand), func(e string) bool { return e == "names" || e == "schema" })
	list := []any{}
	for _, h := range found {
		if c.sys.issues[h.issue.id] != nil {
			list = append(list, c.view.issue(h.issue, sel))
		}
	}
	return list
}

// pageToken says where the next page begins: behind an issue's place in the
// order. It holds for one query only.
type pageToken struct {
	Query   string    `json:"q"`
	Expires int64     `json:"e"`
	Key     []sortKey `json:"k"`
}

func (r searchRequest) fingerprint() string {
	raw, err := json.Marshal([]any{r.JQL, r.ReconcileIssues})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

func (c *call) writeToken(req searchRequest, last hit) string {
	raw, err := json.Marshal(pageToken{Query: req.fingerprint(), Expires: c.sys.now().Add(tokenLife).Unix(), Key: last.key})
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func (c *call) readToken(req searchRequest) (*pageToken, error) {
	if req.NextPageToken == "" {
		return nil, nil
	}
	var t pageToken
	raw, err := base64.RawURLEncoding.DecodeString(req.NextPageToken)
	if err != nil || json.Unmarshal(raw, &t) != nil || t.Query != req.fingerprint() || c.sys.now().Unix() > t.Expires {
		return nil, errPageToken
	}
	return &t, nil
}

// approximateCount answers POST /search/approximate-count.
func (c *call) approximateCount() (reply, error) {
	var req struct {
		JQL string `json:"jql"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	found, err := c.find(req.JQL, nil, true)
	if err != nil {
		return reply{}, err
	}
	return ok(object{"count": len(found)}), nil
}

// searchDC answers Data Center's search: pages by offset, with a total.
func (c *call) searchDC() (reply, error) {
	req := struct {
		JQL        string   `json:"jql"`
		StartAt    int      `json:"startAt"`
		MaxResults *int     `json:"maxResults"`
		Fields     []string `json:"fields"`
		Expand     []string `json:"expand"`
		Properties []string `json:"properties"`
	}{JQL: c.query.Get("jql"), Fields: c.query["fields"], Expand: c.list("expand"), Properties: c.list("properties")}
	if c.req.Method == http.MethodPost {
		if err := c.decode(&req); err != nil {
			return reply{}, err
		}
	} else {
		n, err := c.number("maxResults", 50)
		if err != nil {
			return reply{}, err
		}
		req.MaxResults = &n
		if req.StartAt, err = c.number("startAt", 0); err != nil {
			return reply{}, err
		}
	}
	limit := 50
	if req.MaxResults != nil {
		limit = min(max(*req.MaxResults, 0), 1000)
	}
	found, err := c.find(req.JQL, nil, false)
	if err != nil {
		return reply{}, err
	}
	sel := selection{fields: parseFieldSet(req.Fields, "*navigable"), expand: req.Expand, properties: req.Properties}
	out := object{
		"expand": "schema,names", "startAt": req.StartAt, "maxResults": limit, "total": len(found),
		"issues": c.hits(window(found, req.StartAt, limit), sel),
	}
	if slices.Contains(req.Expand, "names") {
		out["names"] = c.sys.fieldNames(sel.fields)
	}
	return ok(out), nil
}

// hit is a found issue with its place in the order.
type hit struct {
	issue *issue
	key   []sortKey
}

// find runs a query over the index, and over the store for the issues that are
// to be reconciled.
func (c *call) find(text string, reconcile []int64, bounded bool) ([]hit, error) {
	s := c.sys
	q, err := jql.Parse(text)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "%s", err.Error())
	}
	if bounded && q.Where == nil {
		return nil, errUnbounded
	}
	b := &binder{sys: s, user: c.user, now: s.now()}
	match, errs := jql.Compile(q, b.bind)
	keys, orderErrs := b.order(q)
	if errs = append(errs, orderErrs...); len(errs) > 0 {
		if c.user == nil {
			return nil, nil // anonymous callers learn nothing about fields and values
		}
		return nil, &apiError{status: http.StatusBadRequest, messages: messagesOf(errs)}
	}
	s.index.settle(s.now())
	var found []hit
	consider := func(i *issue) {
		if i != nil && !i.archived && s.may(c.user, i.project, browseProjects) && match(i) {
			found = append(found, hit{issue: i, key: keys(i)})
		}
	}
	for id, entry := range s.index.seen {
		if !slices.Contains(reconcile, id) {
			consider(entry.version)
		}
	}
	for _, id := range reconcile {
		consider(s.issues[id])
	}
	slices.SortFunc(found, func(a, b hit) int { return compareKeys(a.key, b.key) })
	return found, nil
}

func messagesOf(errs []error) []string {
	var out []string
	for _, e := range errs {
		if !slices.Contains(out, e.Error()) {
			out = append(out, e.Error())
		}
	}
	return out
}

// sortKey is one value of an issue's place in the order. Desc is part of it, so
// that a token needs nothing else.
type sortKey struct {
	Empty bool    `json:"0,omitempty"`
	Num   float64 `json:"n,omitempty"`
	Text  string  `json:"t,omitempty"`
	Desc  bool    `json:"d,omitempty"`
}

// compareKeys orders places; empty values come last when ascending.
func compareKeys(a, b []sortKey) int {
	for n := range min(len(a), len(b)) {
		x, y := a[n], b[n]
		c := 0
		switch {
		case x.Empty != y.Empty:
			c = 1
			if y.Empty {
				c = -1
			}
		case x.Num < y.Num:
			c = -1
		case x.Num > y.Num:
			c = 1
		default:
			c = strings.Compare(x.Text, y.Text)
		}
		if c != 0 {
			if x.Desc {
				return -c
			}
			return c
		}
	}
	return 0
}

// parseJQL answers POST /jql/parse: it tells which queries are sound.
func (c *call) parseJQL() (reply, error) {
	var req struct {
		Queries []string `json:"queries"`
	}
	if err := c.decode(&req); err != nil {
		return reply{}, err
	}
	b := &binder{sys: c.sys, user: c.user, now: c.sys.now()}
	list := []any{}
	for _, text := range req.Queries {
		o := object{"query": text}
		q, err := jql.Parse(text)
		var errs []error
		if err != nil {
			errs = []error{err}
		} else {
			_, errs = jql.Compile(q, b.bind)
		}
		if len(errs) > 0 {
			o["errors"] = messagesOf(errs)
		}
		list = append(list, o)
	}
	return ok(object{"queries": list}), nil
}
