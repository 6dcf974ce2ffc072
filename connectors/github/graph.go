package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// graphFields are the fields of an issue that make a record.
const graphFields = `databaseId id number title body state stateReason url locked createdAt updatedAt closedAt author { __typename login }
milestone { number title } assignees(first: 10) { nodes { login } } labels(first: 100) { nodes { name } } comments { totalCount }`

// graphMore are those that older Enterprise Servers do not know.
const graphMore = ` parent { number repository { databaseId } } issueType { name }`

// graphError is one entry of an answer's errors.
type graphError struct {
	Type       string `json:"type"`
	Message    string `json:"message"`
	Path       []any  `json:"path"`
	Extensions struct {
		Code string `json:"code"`
	} `json:"extensions"`
}

// issue returns the alias of the issue that an error of queryParts is about, ""
// for one about more.
func (g graphError) issue() string {
	if len(g.Path) < 2 {
		return ""
	}
	alias, _ := g.Path[1].(string)
	if n, err := strconv.Atoi(strings.TrimPrefix(alias, "i")); err != nil || alias != fmt.Sprintf("i%d", n) {
		return ""
	}
	return alias
}

// Kinds of GraphQL's errors.
const (
	graphNotFound    = "NOT_FOUND"
	graphForbidden   = "FORBIDDEN"
	graphRateLimited = "RATE_LIMITED"
	graphNoScope     = "INSUFFICIENT_SCOPES"
	graphNoField     = "undefinedField"
)

// graphRequest is one document.
type graphRequest struct {
	op, record string
	query      string
	variables  map[string]any
	writes     bool
}

// ask sends a document and returns the data and the errors about parts of it.
// The error is for the document as a whole.
func (c *Connection) ask(ctx context.Context, r graphRequest, data any) ([]graphError, error) {
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []graphError    `json:"errors"`
	}
	body := map[string]any{"query": r.query}
	if len(r.variables) > 0 {
		body["variables"] = r.variables
	}
	resp, err := c.http.Do(ctx, rest.Request{
		Op: r.op, Record: r.record, Method: "POST", URL: c.graph, Path: "/graphql", Lane: graphLane, Body: body, Out: &answer, Reads: !r.writes,
	})
	if err != nil {
		return nil, err
	}
	for _, e := range answer.Errors {
		if e.Type == graphRateLimited {
			limited := c.fail(r.op, r.record, connectors.RateLimited, "%s", c.http.Clip(e.Message))
			limited.RetryAfter = secondaryWait
			if l := coreLimits.Read(resp.Header, c.clock.Now()); !l.Reset.IsZero() {
				limited.RetryAfter = max(l.Reset.Sub(c.clock.Now()), time.Second)
			}
			return nil, limited
		}
	}
	if len(answer.Data) == 0 || string(answer.Data) == "null" {
		return answer.Errors, c.refusedQuery(r, answer.Errors)
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		e := c.fail(r.op, r.record, connectors.Internal, "the answer makes no sense: %s", c.http.Clip(err.Error()))
		e.Unsure = r.writes
		return nil, e
	}
	return answer.Errors, nil
}

// errNoField says that the server does not know a field of the query.
var errNoField = errors.New("the server does not know a field of the query")

// refusedQuery is the error of a document that was refused whole.
func (c *Connection) refusedQuery(r graphRequest, refused []graphError) error {
	if len(refused) == 0 {
		e := c.fail(r.op, r.record, connectors.Internal, "the answer holds neither data nor errors")
		e.Unsure = r.writes
		return e
	}
	for _, e := range refused {
		if e.Extensions.Code == graphNoField {
			return c.fail(r.op, r.record, connectors.Internal, "%w: %s", errNoField, c.http.Clip(e.Message))
		}
	}
	e := c.graphFailure(r.op, r.record, refused[0])
	e.Unsure = r.writes && e.Kind.Temporary()
	return e
}

// graphFailure turns an entry of the errors into an error.
func (c *Connection) graphFailure(op, record string, g graphError) *connectors.Error {
	kind := connectors.Unavailable // "Something went wrong while executing your query"
	switch g.Type {
	case graphNotFound:
		kind = connectors.NotFound
	case graphForbidden, graphNoScope:
		kind = connectors.Permission
	case "UNPROCESSABLE":
		kind = connectors.Invalid
	}
	if g.Extensions.Code != "" {
		kind = connectors.Invalid
	}
	text := c.http.Clip(g.Message)
	if text == "" {
		text = "GraphQL tells no reason"
	}
	return c.fail(op, record, kind, "%s", text)
}

// queryIssues reads issues of one repository by number, in one request. Those
// that GraphQL does not know, or does not tell whole, are missing from the
// result: REST says why. A repository that is
// out of sight is a Permission error.
func (c *Connection) queryIssues(ctx context.Context, op string, r repoRef, numbers []int) (map[int]*issue, error) {
	data, err := c.queryParts(ctx, op, r, numbers, func() string {
		if c.isPlain() {
			return graphFields
		}
		return graphFields + graphMore
	})
	if err != nil {
		return nil, err
	}
	out := make(map[int]*issue, len(numbers))
	for _, n := range numbers {
		var w *graphIssue
		raw, there := data[fmt.Sprintf("i%d", n)]
		if !there || json.Unmarshal(raw, &w) != nil || w == nil {
			continue
		}
		if w.Number != n {
			return nil, c.fail(op, "", connectors.Internal, "the answer holds issue %d where %d was asked for", w.Number, n)
		}
		i := ofGraph(w, r.id)
		c.marks.see(i)
		out[n] = i
	}
	return out, nil
}

// queryParts asks for the same fields of many issues. A server that does not
// know some of the fields is asked once more, without them.
func (c *Connection) queryParts(ctx context.Context, op string, r repoRef, numbers []int, fields func() string) (map[string]json.RawMessage, error) {
	for {
		was := c.isPlain()
		var q strings.Builder
		q.WriteString("query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { databaseId nameWithOwner")
		for _, n := range numbers {
			fmt.Fprintf(&q, " i%d: issue(number: %d) { ...F }", n, n)
		}
		q.WriteString(" } } fragment F on Issue { " + fields() + " }")
		var data struct {
			Repository map[string]json.RawMessage `json:"repository"`
		}
		failed, err := c.ask(ctx, graphRequest{op: op, query: q.String(), variables: map[string]any{"owner": r.owner, "name": r.name}}, &data)
		if errors.Is(err, errNoField) && !was {
			c.setPlain()
			continue
		}
		if err != nil && len(failed) == 0 {
			return nil, err
		}
		return data.Repository, c.judgeParts(op, r, data.Repository, failed)
	}
}

// judgeParts tells errors about the whole from those about one issue, whose part
// is taken out: it may lack what the account may not see.
func (c *Connection) judgeParts(op string, r repoRef, repository map[string]json.RawMessage, failed []graphError) error {
	for _, g := range failed {
		switch {
		case g.issue() != "" && repository != nil:
			delete(repository, g.issue())
		case g.Type == graphNotFound && repository == nil:
			c.repos.drop(r.id)
			return c.fail(op, "", connectors.Permission, "GitHub shows this account no repository %s any more", r.fullName())
		default:
			return c.graphFailure(op, "", g)
		}
	}
	var id int64
	if err := json.Unmarshal(repository["databaseId"], &id); err != nil {
		return c.fail(op, "", connectors.Internal, "the answer makes no sense: it tells no repository")
	}
	if id != r.id { // another one took the name
		c.repos.drop(r.id)
		return c.fail(op, "", connectors.Unavailable, "%s is another repository by now", r.fullName())
	}
	return nil
}
