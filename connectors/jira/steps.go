package jira

import (
	"context"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// Unreachable implements connectors.StepTeller: of an issue type's statuses,
// those that no transition leads to. What follows a status is read from one
// issue that stands in it, so a project without issues in some statuses tells
// nothing for sure of the others.
func (c *Connection) Unreachable(ctx context.Context, _ string, scope connectors.Scope, field string) ([]connectors.Option, error) {
	const op = "look at the workflow"
	if field != "status" || scope["project"] == "" || scope["issuetype"] == "" {
		return nil, nil // each issue may have a workflow of its own
	}
	ref, err := c.scope(ctx, op, scope, false)
	if err != nil {
		return nil, err
	}
	types, err := c.statuses(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	m := mover{Connection: c, op: op, flow: ref.project + "/" + ref.issueType, scope: ref}
	if !c.flows.scanned(m.flow) {
		if err := m.scanFlow(ctx); err != nil {
			return nil, err
		}
	}
	return c.flows.unreachable(m.flow, statusOptions(types)), nil
}

// unreachable returns the statuses that follow none of the others. Where it is
// not known what follows one of them, it may be any.
func (f *flowCache) unreachable(name string, statuses []connectors.Option) []connectors.Option {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.flows[name]
	if w == nil {
		return nil
	}
	var out []connectors.Option
	for _, to := range statuses {
		reached := slices.ContainsFunc(statuses, func(from connectors.Option) bool {
			next := w.next[from.ID]
			return from.ID != to.ID && (next == nil || slices.Contains(next, to.ID))
		})
		if !reached {
			out = append(out, to)
		}
	}
	return out
}
