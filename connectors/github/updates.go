package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// updateBatch is how many issues one GraphQL document changes: GitHub gives a
// document ten seconds.
const updateBatch = 10

// simple is an update that GraphQL can make with many others.
type simple struct {
	index int // among the updates of the call
	at    target
	sc    scopeRef
	p     *prepared
	node  string
}

// updateTogether makes the updates that go together, and reports which are done.
// What GraphQL refuses is left to be tried alone: REST names the fields.
func (c *Connection) updateTogether(ctx context.Context, updates []connectors.Update, out []connectors.WriteResult) map[int]bool {
	done := map[int]bool{}
	if len(updates) < 2 {
		return done
	}
	if !c.lookAhead(ctx, updates) {
		return done
	}
	var together []simple
	for n, u := range updates {
		if s, ok := c.simple(ctx, n, u); ok {
			together = append(together, s)
		}
	}
	for batch := range slices.Chunk(together, updateBatch) {
		if len(batch) < 2 {
			break
		}
		made, err := c.mutate(ctx, batch)
		if errors.Is(err, errNoField) {
			c.setPlain()
			continue
		}
		for _, s := range batch {
			switch i := made[s.index]; {
			case err != nil && !connectors.AboutRecord(err):
				out[s.index], done[s.index] = connectors.WriteResult{ID: s.at.id, Err: about(err, s.at)}, true
			case i != nil && (s.p.status == "" || s.p.status == i.reason || s.p.status == i.state):
				out[s.index] = connectors.WriteResult{ID: s.at.id, Refused: s.p.refused, Record: c.record(i, s.sc, s.at.repo.fullName(), fieldNames(s.p.named))}
				done[s.index] = true
			}
		}
	}
	return done
}

// lookAhead reads the issues that no read has shown yet. It reports whether the
// updates may go together.
func (c *Connection) lookAhead(ctx context.Context, updates []connectors.Update) bool {
	unseen := map[int64][]int{}
	var scope connectors.Scope
	for _, u := range updates {
		repo, n, ok := parseID(u.ID)
		if _, known := c.marks.get(issueObject, u.ID); ok && !known && goesTogether(u) {
			unseen[repo], scope = append(unseen[repo], n), u.Scope
		}
	}
	if len(unseen) == 0 {
		return true
	}
	const op = "update"
	sc, err := c.scope(ctx, op, issueObject, scope)
	if err != nil {
		return false
	}
	for _, repo := range sortedKeys(unseen) {
		r, err := c.repoOf(ctx, op, sc, repo)
		if err != nil {
			return false
		}
		for batch := range slices.Chunk(unseen[repo], readBatch) {
			if _, err := c.queryIssues(ctx, op, r, batch); err != nil {
				return false // each update tells the reason
			}
		}
	}
	return true
}

// goesTogether reports whether an update changes only what GraphQL writes
// without further ids.
func goesTogether(u connectors.Update) bool {
	if u.Object != issueObject || len(u.Edits) > 0 || len(u.Fields) == 0 {
		return false
	}
	for name := range u.Fields {
		if !slices.Contains([]string{"title", "body", "status", "state"}, name) {
			return false
		}
	}
	return true
}

// about returns the error of a call as that of one record.
func about(err error, at target) error {
	e, ok := asError(err)
	if !ok {
		return err
	}
	own := *e
	own.Record = at.record()
	return &own
}

// simple prepares an update, if it changes nothing but the title, the
// description and the state of an issue that a read has shown. Any trouble is
// left to the longer way, which tells of it.
func (c *Connection) simple(ctx context.Context, n int, u connectors.Update) (simple, bool) {
	seen, known := c.marks.get(issueObject, u.ID)
	repo, number, ok := parseID(u.ID)
	if !goesTogether(u) || !known || seen.node == "" || !ok {
		return simple{}, false
	}
	const op = "update"
	s := simple{index: n, at: target{op: op, number: number, id: u.ID}, node: seen.node}
	var err error
	if s.sc, err = c.scope(ctx, op, u.Object, u.Scope); err != nil {
		return simple{}, false
	}
	if s.at.repo, err = c.repoOf(ctx, op, s.sc, repo); err != nil {
		return simple{}, false
	}
	if s.p, err = c.prepare(ctx, op, s.sc, u.Fields, nil); err != nil || len(s.p.refused) > 0 {
		return simple{}, false
	}
	if body, writes := s.p.fields["body"].(string); writes {
		s.p.fields["body"] = seen.with(body)
	}
	return s, true
}

// mutate sends the updates of a batch in one document and returns the issues as
// they are afterwards, by the index of their update. Those that GraphQL refused
// are missing.
func (c *Connection) mutate(ctx context.Context, batch []simple) (map[int]*issue, error) {
	var head, body []string
	variables := map[string]any{}
	add := func(alias, mutation, inputType string, input map[string]any) {
		head = append(head, fmt.Sprintf("$%s: %s!", alias, inputType))
		body = append(body, fmt.Sprintf("%s: %s(input: $%s) { issue { ...F } }", alias, mutation, alias))
		variables[alias] = input
	}
	for _, s := range batch {
		if len(s.p.fields) > 0 {
			input := maps.Clone(s.p.fields)
			input["id"] = s.node
			add(fmt.Sprintf("u%d", s.index), "updateIssue", "UpdateIssueInput", input)
		}
		switch s.p.status {
		case "":
		case stateOpen:
			add(fmt.Sprintf("s%d", s.index), "reopenIssue", "ReopenIssueInput", map[string]any{"issueId": s.node})
		case stateClosed:
			add(fmt.Sprintf("s%d", s.index), "closeIssue", "CloseIssueInput", map[string]any{"issueId": s.node})
		default:
			add(fmt.Sprintf("s%d", s.index), "closeIssue", "CloseIssueInput", map[string]any{"issueId": s.node, "stateReason": strings.ToUpper(s.p.status)})
		}
	}
	fields := graphFields
	if !c.isPlain() {
		fields += graphMore
	}
	var data map[string]json.RawMessage
	_, err := c.ask(ctx, graphRequest{
		op: "update", writes: true, variables: variables,
		query: "mutation(" + strings.Join(head, ", ") + ") { " + strings.Join(body, " ") + " } fragment F on Issue { " + fields + " }",
	}, &data)
	if err != nil {
		return nil, err
	}
	out := map[int]*issue{}
	for _, s := range batch {
		out[s.index] = c.mutated(s, data)
	}
	return out, nil
}

// mutated reads what became of one update; nil if a part of it was refused.
func (c *Connection) mutated(s simple, data map[string]json.RawMessage) *issue {
	var i *issue
	for _, kind := range []string{"u", "s"} {
		raw, asked := data[fmt.Sprintf("%s%d", kind, s.index)]
		if !asked {
			continue
		}
		var payload struct {
			Issue *graphIssue `json:"issue"`
		}
		if json.Unmarshal(raw, &payload) != nil || payload.Issue == nil || payload.Issue.Number != s.at.number {
			return nil
		}
		i = ofGraph(payload.Issue, s.at.repo.id)
	}
	if i != nil {
		c.marks.see(i)
	}
	return i
}
