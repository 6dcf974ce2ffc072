package salesforce

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func resources(c *call) (answer, *apiError) {
	out := members{}
	for _, name := range []string{
		"tooling", "actions", "chatter", "search", "recent", "composite", "parameterizedSearch", "jobs", "limits", "query", "queryAll", "sobjects",
	} {
		out = append(out, member{name, "/services/data/v" + c.version + "/" + name})
	}
	out = append(out, member{"identity", c.s.instance(c.host) + "/id/" + c.s.org + "/" + c.session.user})
	return ok(out)
}

// limitsOf tells the organisation's limits; those that nothing here uses up are
// full.
func limitsOf(c *call) (answer, *apiError) {
	full := func(limit int) members { return members{{"Max", limit}, {"Remaining", limit}} }
	daily := max(0, c.s.opts.Limits.Daily)
	return ok(members{
		{"ConcurrentAsyncGetReportInstances", full(200)},
		{"ConcurrentSyncReportRuns", full(20)},
		{"DailyApiRequests", members{{"Max", daily}, {"Remaining", max(0, daily-c.s.used)}, {"Tenon sandbox app", members{{"Max", 0}, {"Remaining", 0}}}}},
		{"DailyAsyncApexExecutions", full(250_000)},
		{"DailyBulkApiBatches", full(15_000)},
		{"DailyBulkV2QueryFileStorageMB", full(976_562)},
		{"DailyBulkV2QueryJobs", members{{"Max", 10_000}, {"Remaining", max(0, 10_000-len(c.s.jobIDs))}}},
		{"DailyDeliveredPlatformEvents", full(10_000)},
		{"DailyDurableStreamingApiEvents", full(10_000)},
		{"DailyStreamingApiEvents", full(10_000)},
		{"DailyWorkflowEmails", full(390)},
		{"DataStorageMB", full(5)},
		{"FileStorageMB", full(20)},
		{"HourlyPublishedPlatformEvents", full(50_000)},
		{"PermissionSets", members{{"Max", 1500}, {"Remaining", 1499}, {"CreateCustom", full(1000)}}},
		{"SingleEmail", full(15)},
		{"StreamingApiConcurrentClients", full(20)},
	})
}

func recent(c *call) (answer, *apiError) {
	limit := 200
	if n, err := strconv.Atoi(c.query.Get("limit")); err == nil && n > 0 {
		limit = min(n, limit)
	}
	var seen []*record
	for _, o := range c.s.objects {
		if o.feed {
			seen = append(seen, slices.DeleteFunc(c.s.rows(o, false, true), func(r *record) bool { return r.at("LastViewedDate").IsZero() })...)
		}
	}
	slices.SortStableFunc(seen, func(a, b *record) int { return b.at("LastViewedDate").Compare(a.at("LastViewedDate")) })
	out := []any{}
	for _, r := range seen[:min(limit, len(seen))] {
		out = append(out, members{{"attributes", attributes(r, c.version)}, {"Id", r.id}, {"Name", r.object.naming().wire(r.values[r.object.naming().name])}})
	}
	return ok(out)
}

// related answers at a path below a record: a blob or a relation.
func (c *call) related(r *record, name string) (answer, *apiError) {
	if f := r.object.field(name); f != nil && f.kind == "base64" && !c.s.hides(f) {
		return c.blob(r, f)
	}
	if f := r.object.parent(name); f != nil && !c.s.hides(f) {
		parent := c.s.find(r.text(f.name))
		if parent == nil || parent.deleted() || parent.hidden {
			return answer{}, notFound()
		}
		return c.show(parent)
	}
	for _, f := range c.s.children(r.object) {
		if f.children == "" || !strings.EqualFold(f.children, name) || c.s.hides(f) {
			continue
		}
		rows := []any{}
		for _, child := range c.s.rows(f.object, false, true) {
			if child.text(f.name) != r.id {
				continue
			}
			row, err := c.row(child, c.query.Get("fields"))
			if err != nil {
				return answer{}, err
			}
			rows = append(rows, row)
		}
		return ok(members{{"totalSize", len(rows)}, {"done", true}, {"records", rows}})
	}
	return answer{}, notFound()
}

// search runs a SOSL statement of the form FIND {words} … RETURNING Object(fields), ….
func search(c *call) (answer, *apiError) {
	q := c.query.Get("q")
	from, to := strings.IndexByte(q, '{'), strings.IndexByte(q, '}')
	if !strings.HasPrefix(strings.ToUpper(strings.TrimSpace(q)), "FIND") || from < 0 || to < from {
		return answer{}, refuseCall(http.StatusBadRequest, "MALFORMED_SEARCH", "No search term found. The search term must be enclosed in braces.")
	}
	words := strings.NewReplacer(`\`, "", "*", "", "?", "").Replace(q[from+1 : to])
	if len(words) < 2 {
		return answer{}, refuseCall(http.StatusBadRequest, "MALFORMED_SEARCH", "search term must be longer than one character: %s", words)
	}
	var wanted []searchObject
	if i := strings.Index(strings.ToUpper(q), "RETURNING"); i >= 0 {
		for _, part := range splitTop(q[i+len("RETURNING"):]) {
			name, fields, _ := strings.Cut(strings.TrimSpace(part), "(")
			fields, _, _ = strings.Cut(fields, ")")
			o := searchObject{Name: strings.TrimSpace(name)}
			for _, f := range strings.Split(fields, ",") {
				if f = strings.TrimSpace(f); f != "" {
					o.Fields = append(o.Fields, f)
				}
			}
			wanted = append(wanted, o)
		}
	}
	return c.search(words, wanted)
}

// splitTop splits at commas that are not in parentheses.
func splitTop(text string) []string {
	var out []string
	depth, start := 0, 0
	for i, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out, start = append(out, text[start:i]), i+1
			}
		}
	}
	return append(out, text[start:])
}

type searchObject struct {
	Name   string   `json:"name"`
	Fields []string `json:"fields"`
	Limit  int      `json:"limit"`
}

func parameterSearch(c *call) (answer, *apiError) {
	var body struct {
		Q        string         `json:"q"`
		Fields   []string       `json:"fields"`
		SObjects []searchObject `json:"sobjects"`
	}
	if c.method == http.MethodPost {
		if err := json.Unmarshal(c.body, &body); err != nil {
			return answer{}, jsonFault("%s", parserText(c.body, err))
		}
	} else {
		body.Q = c.query.Get("q")
		for _, name := range strings.Split(c.query.Get("sobject"), ",") {
			if name != "" {
				body.SObjects = append(body.SObjects, searchObject{Name: name, Fields: strings.FieldsFunc(c.query.Get(name+".fields"), func(r rune) bool { return r == ',' })})
			}
		}
	}
	for i := range body.SObjects {
		if len(body.SObjects[i].Fields) == 0 {
			body.SObjects[i].Fields = body.Fields
		}
	}
	return c.search(body.Q, body.SObjects)
}

// search finds records whose name, e-mail or phone has all of the words.
func (c *call) search(words string, wanted []searchObject) (answer, *apiError) {
	if len(wanted) == 0 {
		for _, o := range c.s.objects {
			if o.feed && o.searchable {
				wanted = append(wanted, searchObject{Name: o.name})
			}
		}
	}
	found := []any{}
	for _, w := range wanted {
		o := c.s.object(w.Name)
		if o == nil || c.s.denied(o.name, "read") {
			return answer{}, refuseCall(http.StatusBadRequest, "INVALID_TYPE", "sObject type '%s' is not supported.", w.Name)
		}
		n := 0
		for _, r := range c.s.rows(o, false, true) {
			if w.Limit > 0 && n == w.Limit || !r.mentions(strings.Fields(strings.ToLower(words))) {
				continue
			}
			n++
			list := strings.Join(w.Fields, ",")
			if list == "" {
				list = "Id"
			}
			row, err := c.row(r, list)
			if err != nil {
				return answer{}, err
			}
			found = append(found, row)
		}
	}
	return ok(members{{"searchRecords", found}})
}

func (r *record) mentions(words []string) bool {
	var all strings.Builder
	for _, f := range r.object.fields {
		if f.nameField || f.kind == "email" || f.kind == "phone" || f.name == "Company" {
			all.WriteString(strings.ToLower(text(r.values[f.name])) + " ")
		}
	}
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all.String(), w) })
}
