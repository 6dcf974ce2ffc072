package salesforce

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	maxParts   = 25
	maxQueries = 5
	maxNodes   = 500
	maxGraphs  = 75
)

type part struct {
	Method      string            `json:"method"`
	URL         string            `json:"url"`
	ReferenceID string            `json:"referenceId"`
	Body        json.RawMessage   `json:"body"`
	Headers     map[string]string `json:"httpHeaders"`
}

type partResult struct {
	ref    string
	status int
	body   any
	header map[string]string
}

func (p partResult) wire() any {
	return members{{"body", p.body}, {"httpHeaders", p.header}, {"httpStatusCode", p.status}, {"referenceId", p.ref}}
}

func composite(c *call) (answer, *apiError) {
	var body struct {
		AllOrNone bool   `json:"allOrNone"`
		Parts     []part `json:"compositeRequest"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return answer{}, jsonFault("%s", parserText(c.body, err))
	}
	if err := checkParts(body.Parts, maxParts); err != nil {
		return answer{}, err
	}
	results := c.parts(body.Parts, body.AllOrNone)
	out := make([]any, len(results))
	for i, r := range results {
		out[i] = r.wire()
	}
	return ok(members{{"compositeResponse", out}})
}

var refShape = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

func checkParts(parts []part, most int) *apiError {
	if len(parts) == 0 {
		return refuseCall(http.StatusBadRequest, "REQUIRED_FIELD_MISSING", "The compositeRequest list must not be empty")
	}
	if len(parts) > most {
		return refuseCall(http.StatusBadRequest, "LIMIT_EXCEEDED", "The composite request has %d subrequests; the limit is %d", len(parts), most)
	}
	seen, heavy := map[string]bool{}, 0
	for _, p := range parts {
		if !refShape.MatchString(p.ReferenceID) {
			return refuseCall(http.StatusBadRequest, "INVALID_INPUT", "Provided referenceId ('%s') must start with a letter or a number, and it can contain only letters, numbers and underscores ('_').", p.ReferenceID)
		}
		if seen[p.ReferenceID] {
			return refuseCall(http.StatusBadRequest, "INVALID_INPUT", "Duplicate ReferenceId provided in the request ('%s').", p.ReferenceID)
		}
		seen[p.ReferenceID] = true
		if strings.Contains(p.URL, "/query") || strings.Contains(p.URL, "/composite/sobjects") {
			heavy++
		}
	}
	if heavy > maxQueries && most == maxParts {
		return refuseCall(http.StatusBadRequest, "LIMIT_EXCEEDED", "The composite request has %d query or collection subrequests; the limit is %d", heavy, maxQueries)
	}
	return nil
}

// parts runs the parts in their order. With allOrNone they are one transaction.
func (c *call) parts(parts []part, allOrNone bool) []partResult {
	var t *tx
	if allOrNone {
		t = c.s.transaction(c)
	}
	results := make([]partResult, len(parts))
	done := map[string]any{}
	failed := false
	for i, p := range parts {
		if failed && allOrNone {
			results[i] = halted(p)
			continue
		}
		results[i] = c.subrequest(p, t, done)
		if results[i].status >= 400 {
			failed = true
		}
		done[p.ReferenceID] = results[i]
	}
	if t == nil {
		return results
	}
	if !failed {
		t.commit()
		return results
	}
	t.rollback(0)
	for i := range results {
		if results[i].status < 400 {
			results[i] = halted(parts[i])
		}
	}
	return results
}

func halted(p part) partResult {
	e := refuseCall(http.StatusBadRequest, "PROCESSING_HALTED", "The transaction was rolled back since another operation in the same transaction failed.")
	return partResult{ref: p.ReferenceID, status: e.status, body: []any{members{{"errorCode", e.Code}, {"message", e.Text}}}, header: map[string]string{}}
}

// subrequest runs one part of a composite request.
func (c *call) subrequest(p part, t *tx, done map[string]any) partResult {
	out := partResult{ref: p.ReferenceID, header: map[string]string{}}
	address, missing := fill(p.URL, done)
	body := string(p.Body)
	if missing == "" {
		body, missing = fill(body, done)
	}
	if missing != "" {
		e := refuseCall(http.StatusBadRequest, "PROCESSING_HALTED", "Invalid reference specified. No value for %s found in %s", missing, strings.SplitN(missing, ".", 2)[0])
		out.status, out.body = e.status, e.body()
		return out
	}
	header := http.Header{}
	for name, v := range p.Headers {
		header.Set(name, v)
	}
	for _, name := range []string{"Sforce-Call-Options", "Sforce-Duplicate-Rule-Header", "Sforce-Query-Options", "Sforce-Auto-Assign"} {
		if header.Get(name) == "" && c.header.Get(name) != "" {
			header.Set(name, c.header.Get(name))
		}
	}
	a, err := c.inner(p.Method, address, []byte(body), header, t)
	if err != nil {
		out.status, out.body = err.status, err.body()
		return out
	}
	out.status, out.body = a.status, a.body
	for name, values := range a.header {
		out.header[name] = values[0]
	}
	return out
}

// inner dispatches a request inside a request.
func (c *call) inner(method, address string, body []byte, header http.Header, t *tx) (answer, *apiError) {
	u, err := url.Parse(address)
	if err != nil {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALID_INPUT", "Invalid URL: %s", address)
	}
	version, rest, problem := splitPath(strings.Trim(u.Path, "/"))
	if problem != nil {
		return answer{}, problem
	}
	if len(rest) > 0 && (rest[0] == "composite" && (len(rest) < 2 || rest[1] != "sobjects" && rest[1] != "tree") || rest[0] == "jobs") {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALID_INPUT", "The resource %s cannot be used in a composite request", u.Path)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return answer{}, refuseCall(http.StatusBadRequest, "INVALID_INPUT", "Invalid URL: %s", address)
	}
	inner := &call{
		s: c.s, method: strings.ToUpper(method), header: header, host: c.host, version: version, path: rest, query: query, body: body,
		session: c.session, now: c.now, part: true, tx: t,
	}
	return c.s.dispatch(inner)
}

var reference = regexp.MustCompile(`@\{([A-Za-z0-9_]+)((?:\.[A-Za-z0-9_]+|\[[0-9]+\])*)\}`)

// fill puts the results of earlier parts in place of the references to them. It
// returns the first reference that has none.
func fill(in string, done map[string]any) (out, missing string) {
	out = reference.ReplaceAllStringFunc(in, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		result, known := done[m[1]].(partResult)
		if known && result.status < 400 {
			if v, found := walk(result.body, m[2]); found {
				return v
			}
		}
		if missing == "" {
			missing = m[1] + m[2]
		}
		return ref
	})
	return out, missing
}

// walk follows a path such as .records[0].Id through an answer.
func walk(body any, path string) (string, bool) {
	raw, err := kit.EncodeJSON(body)
	if err != nil {
		return "", false
	}
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return "", false
	}
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n >= len(at) {
				return "", false
			}
			v = at[n]
		default:
			return "", false
		}
	}
	switch v := v.(type) {
	case nil, map[string]any, []any:
		return "", false
	case string:
		quoted, err := kit.EncodeJSON(v)
		if err != nil {
			return "", false
		}
		return string(quoted[1 : len(quoted)-1]), true
	default:
		return fmt.Sprint(v), true
	}
}

func compositeBatch(c *call) (answer, *apiError) {
	var body struct {
		HaltOnError bool `json:"haltOnError"`
		Parts       []struct {
			Method string          `json:"method"`
			URL    string          `json:"url"`
			Rich   json.RawMessage `json:"richInput"`
		} `json:"batchRequests"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return answer{}, jsonFault("%s", parserText(c.body, err))
	}
	if len(body.Parts) == 0 || len(body.Parts) > maxParts {
		return answer{}, refuseCall(http.StatusBadRequest, "LIMIT_EXCEEDED", "The batch has %d requests; the limit is %d", len(body.Parts), maxParts)
	}
	results := []any{}
	failed := false
	for _, p := range body.Parts {
		if failed && body.HaltOnError {
			results = append(results, members{{"statusCode", 412}, {"result", []any{members{{"errorCode", "BATCH_PROCESSING_HALTED"}, {"message", "Batch processing was halted because the haltOnError flag was set and an error occurred."}}}}})
			continue
		}
		address := strings.TrimPrefix(strings.TrimPrefix(p.URL, "/"), "services/data/")
		a, err := c.inner(p.Method, "/services/data/"+address, p.Rich, c.header, nil)
		if err != nil {
			failed = true
			results = append(results, members{{"statusCode", err.status}, {"result", err.body()}})
			continue
		}
		results = append(results, members{{"statusCode", a.status}, {"result", a.body}})
	}
	return ok(members{{"hasErrors", failed}, {"results", results}})
}

func compositeGraph(c *call) (answer, *apiError) {
	var body struct {
		Graphs []struct {
			ID    string `json:"graphId"`
			Parts []part `json:"compositeRequest"`
		} `json:"graphs"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return answer{}, jsonFault("%s", parserText(c.body, err))
	}
	nodes := 0
	for _, g := range body.Graphs {
		nodes += len(g.Parts)
		if err := checkParts(g.Parts, maxNodes); err != nil {
			return answer{}, err
		}
	}
	if nodes > maxNodes || len(body.Graphs) > maxGraphs || len(body.Graphs) == 0 {
		return answer{}, refuseCall(http.StatusBadRequest, "LIMIT_EXCEEDED", "The request has %d nodes in %d graphs; the limits are %d and %d", nodes, len(body.Graphs), maxNodes, maxGraphs)
	}
	var out []any
	for _, g := range body.Graphs {
		results := c.parts(g.Parts, true)
		good := true
		list := make([]any, len(results))
		for i, r := range results {
			list[i] = r.wire()
			good = good && r.status < 400
		}
		out = append(out, members{{"graphId", g.ID}, {"graphResponse", members{{"compositeResponse", list}}}, {"isSuccessful", good}})
	}
	return ok(members{{"graphs", out}})
}
