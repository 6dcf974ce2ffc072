package jira

import (
	"context"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// CheckUpdates implements connectors.WriteChecker: what cannot be encoded, and
// statuses that no known way leads to. Of the issues that stand in the same
// status of a workflow, one is asked for its transitions; what their screens ask
// for is not looked at.
func (c *Connection) CheckUpdates(ctx context.Context, updates []connectors.Update) ([][]connectors.FieldError, error) {
	const op = "check updates"
	out := make([][]connectors.FieldError, len(updates))
	wanted := map[int]connectors.Option{} // statuses, by the update's place
	for i, u := range updates {
		p, err := c.prepare(ctx, op, u.Fields, u.Edits)
		if err != nil {
			return nil, err
		}
		out[i] = p.refused
		if !p.status.IsNull() && u.Scope["project"] != "" && u.Scope["issuetype"] != "" { // else each issue may have a workflow of its own
			wanted[i] = p.status.Option()
		}
	}
	if len(wanted) == 0 {
		return out, nil
	}
	at, err := c.statusesOf(ctx, updates, wanted)
	if err != nil {
		return nil, err
	}
	type step struct{ flow, from, to string }
	known := map[step]string{}
	for i, u := range updates {
		want, asked := wanted[i]
		now, told := at[i]
		if !asked || !told {
			continue
		}
		scope, err := c.scope(ctx, op, u.Scope, false)
		if err != nil {
			return nil, err
		}
		key := step{scope.name(), now.ID, want.ID + "\x00" + want.Label}
		reason, ok := known[key]
		if !ok {
			if reason, err = c.noWayTo(ctx, op, u.ID, now, want, scope); err != nil {
				return nil, err
			}
			known[key] = reason
		}
		if reason != "" {
			out[i] = append(slices.Clone(out[i]), connectors.FieldError{Field: "status", Reason: reason})
		}
	}
	return out, nil
}

// statusesOf reads the statuses of the issues whose status is to be written, by
// the place of their update. Those that cannot be read are left out.
func (c *Connection) statusesOf(ctx context.Context, updates []connectors.Update, wanted map[int]connectors.Option) (map[int]connectors.Option, error) {
	at := map[int]connectors.Option{}
	type place struct{ object, scope string }
	groups := map[place][]int{}
	for i, u := range updates {
		if _, ok := wanted[i]; ok {
			p := place{u.Object, u.Scope["project"] + "\x00" + u.Scope["issuetype"]}
			groups[p] = append(groups[p], i)
		}
	}
	for _, places := range groups {
		ids := make([]string, len(places))
		for n, i := range places {
			ids[n] = updates[i].ID
		}
		first := updates[places[0]]
		results, err := c.Read(ctx, connectors.Selection{Object: first.Object, Scope: first.Scope, Fields: []string{"status"}}, ids)
		if err != nil {
			return nil, err
		}
		for n, r := range results {
			if r.Record == nil {
				continue
			}
			if v, presence := r.Record.Get("status"); presence == connectors.Present && v.Type() == connectors.TypeOption {
				at[places[n]] = v.Option()
			}
		}
	}
	return at, nil
}

// noWayTo returns why an issue cannot get to a status, as far as its workflow is
// known; "" where it may.
func (c *Connection) noWayTo(ctx context.Context, op, id string, now, want connectors.Option, scope scopeRef) (string, error) {
	m := mover{
		Connection: c, op: op, id: id, p: &prepared{}, want: want, at: status{ID: now.ID, Name: now.Label}, visited: []string{now.ID},
		flow: scope.project + "/" + scope.issueType, scope: scope,
	}
	if m.there() {
		return "", nil
	}
	steps, err := c.transitions(ctx, op, id)
	switch {
	case err != nil && connectors.KindOf(err) == connectors.NotFound:
		return "", nil //nolint:nilerr // of an issue that is gone, the write tells
	case err != nil:
		return "", err
	}
	m.flows.learn(m.flow, m.at.ID, steps, c.clock.Now())
	next, err := m.next(ctx, steps)
	if err != nil || next != "" {
		return "", err
	}
	return m.noWay(steps), nil
}
