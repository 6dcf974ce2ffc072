package github

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// historyBatch is how many issues one query asks the history of.
const historyBatch = 20

// historyKinds are the events that tell of the edits of a field.
var historyKinds = map[string][]string{
	"title": {"RENAMED_TITLE_EVENT"}, "status": {"CLOSED_EVENT", "REOPENED_EVENT"}, "state": {"CLOSED_EVENT", "REOPENED_EVENT"},
}

// timeline is what a query for histories answers for one issue.
type timeline struct {
	Items nodes[timelineEvent] `json:"timelineItems"`
}

type timelineEvent struct {
	Type   string     `json:"__typename"`
	At     time.Time  `json:"createdAt"`
	Actor  graphActor `json:"actor"`
	Title  string     `json:"currentTitle"`
	Reason string     `json:"stateReason"`
}

// passingTime is how long an issue is open when it is reopened to be closed for
// another reason; see send.
const passingTime = 10 * time.Second

// passing reports whether an event is a reopening that was meant to be followed
// by the closing that it was followed by.
func (t *timeline) passing(k int) bool {
	if k+1 >= len(t.Items.Nodes) {
		return false
	}
	e, next := t.Items.Nodes[k], t.Items.Nodes[k+1]
	return e.Type == "ReopenedEvent" && next.Type == "ClosedEvent" && e.Actor == next.Actor && next.At.Sub(e.At) < passingTime
}

// History implements connectors.HistoryReader, for the title and the status.
// Of an issue's description GitHub tells no edits that could be compared.
func (c *Connection) History(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error) {
	const op = "read the history"
	if err := c.checkObject(op, object); err != nil {
		return nil, err
	}
	out := make([][]connectors.FieldEdit, len(ids))
	var kinds []string
	for _, f := range fields {
		for _, kind := range historyKinds[f] {
			if !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	if object == milestoneObject || len(kinds) == 0 {
		return out, nil
	}
	byRepo := map[int64][]int{}
	for _, id := range ids {
		if repo, n, ok := parseID(id); ok && !slices.Contains(byRepo[repo], n) {
			byRepo[repo] = append(byRepo[repo], n)
		}
	}
	found := map[string][]connectors.FieldEdit{}
	for _, repo := range sortedKeys(byRepo) {
		r, err := c.repoByID(ctx, op, repo)
		if err != nil {
			return nil, err
		}
		for batch := range slices.Chunk(byRepo[repo], historyBatch) {
			if err := c.histories(ctx, op, r, batch, kinds, fields, since, found); err != nil {
				return nil, err
			}
		}
	}
	for n, id := range ids {
		out[n] = slices.Clone(found[id])
	}
	return out, nil
}

func (c *Connection) histories(ctx context.Context, op string, r repoRef, numbers []int, kinds, fields []string, since time.Time, found map[string][]connectors.FieldEdit) error {
	query := fmt.Sprintf(`timelineItems(last: 100, since: %q, itemTypes: [%s]) { nodes { __typename
... on RenamedTitleEvent { createdAt actor { __typename login } currentTitle }
... on ClosedEvent { createdAt actor { __typename login } stateReason }
... on ReopenedEvent { createdAt actor { __typename login } } } }`, since.UTC().Format(time.RFC3339), strings.Join(kinds, ", "))
	data, err := c.queryParts(ctx, op, r, numbers, func() string { return query })
	if err != nil {
		return err
	}
	for _, n := range numbers {
		var t *timeline
		if json.Unmarshal(data[fmt.Sprintf("i%d", n)], &t) != nil || t == nil {
			continue
		}
		id := idOf(r.id, n)
		for k, e := range t.Items.Nodes {
			if !e.At.Before(since) && !t.passing(k) {
				found[id] = append(found[id], editsOf(e.Type, e.At.UTC(), e.Actor.login(), e.Title, e.Reason, fields)...)
			}
		}
		slices.SortStableFunc(found[id], func(a, b connectors.FieldEdit) int { return a.At.Compare(b.At) })
	}
	return nil
}

// editsOf converts one event to the edits of the fields that were asked for.
func editsOf(kind string, at time.Time, author, title, reason string, fields []string) []connectors.FieldEdit {
	var out []connectors.FieldEdit
	add := func(field string, v connectors.Value) {
		if slices.Contains(fields, field) {
			out = append(out, connectors.FieldEdit{Field: field, At: at, Value: v, Author: author})
		}
	}
	switch kind {
	case "RenamedTitleEvent":
		add("title", connectors.Text(title))
	case "ClosedEvent":
		add("status", statusValue(stateClosed, reasonOf(stateClosed, strings.ToLower(reason))))
		add("state", stateValue(stateClosed))
	case "ReopenedEvent":
		add("status", statusValue(stateOpen, ""))
		add("state", stateValue(stateOpen))
	}
	return out
}
