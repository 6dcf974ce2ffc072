package jira

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// searchQuery is one page of a search. Cloud goes on by token, Data Center by
// offset.
type searchQuery struct {
	jql        string
	properties []string
	max        int
	token      string
	startAt    int
}

// found is a page of what a search found.
type found struct {
	Issues []hit
	token  string
	total  int // Data Center only
}

// hit is one issue that a search found.
type hit struct {
	ID         string
	Key        string
	updated    time.Time
	created    time.Time // Cloud only
	labels     []string
	properties map[string]json.RawMessage
}

// search runs a query against the index, which lags. Hits carry the times of
// change and of creation, and the labels.
func (c *Connection) search(ctx context.Context, op string, q searchQuery) (found, error) {
	if !c.cloud {
		return c.searchDataCenter(ctx, op, q)
	}
	body := map[string]any{"jql": q.jql, "fields": []string{"updated", "created", "labels"}, "maxResults": q.max}
	if q.token != "" {
		body["nextPageToken"] = q.token
	}
	if len(q.properties) > 0 {
		body["properties"] = q.properties
	}
	var page issueList
	if _, err := c.do(ctx, rest.Request{
		Op: op, Method: "POST", Path: "/search/jql", Body: body, Out: &page, Reads: true, Units: 1 + min(q.max, readBatch),
	}); err != nil {
		return found{}, err
	}
	out := found{token: page.NextPageToken}
	for _, w := range page.Issues {
		if !isID(w.ID) {
			return found{}, c.nameless(op, w.ID)
		}
		h := hit{ID: w.ID, Key: w.Key, properties: w.Properties}
		h.updated, _ = timeField(w.Fields["updated"])
		h.created, _ = timeField(w.Fields["created"])
		_ = json.Unmarshal(w.Fields["labels"], &h.labels) // absent: none
		out.Issues = append(out.Issues, h)
	}
	return out, nil
}

func (c *Connection) searchDataCenter(ctx context.Context, op string, q searchQuery) (found, error) {
	issues, resp, err := c.jira.Issue.SearchWithContext(calling(ctx, "/search"), q.jql, &gojira.SearchOptions{
		StartAt: q.startAt, MaxResults: q.max, Fields: []string{"updated", "labels"},
	})
	if err := c.outcome(op, "", resp, err); err != nil {
		return found{}, err
	}
	out := found{total: resp.Total}
	for i := range issues {
		if !isID(issues[i].ID) {
			return found{}, c.nameless(op, issues[i].ID)
		}
		h := hit{ID: issues[i].ID, Key: issues[i].Key}
		if f := issues[i].Fields; f != nil {
			h.updated, h.labels = time.Time(f.Updated).UTC(), f.Labels
		}
		out.Issues = append(out.Issues, h)
	}
	return out, nil
}

// nameless refuses a row of an answer that does not name its issue.
func (c *Connection) nameless(op, id string) error {
	return c.fail(op, "", connectors.Internal, "the answer has an issue with the id %q", rest.Clip(id))
}

// jqlOf writes a query for a scope. Cloud refuses queries without a condition.
func jqlOf(sel scopeRef, condition, order string) string {
	parts := sel.jql()
	if condition != "" {
		parts = append(parts, condition)
	}
	if len(parts) == 0 {
		parts = append(parts, "project is not EMPTY")
	}
	return strings.Join(parts, " AND ") + " ORDER BY " + order
}

// quoteJQL writes a text as a JQL string.
func quoteJQL(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + `"`
}
