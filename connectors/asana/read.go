package asana

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// Read implements connectors.Connection: ten tasks in one batch. A record that
// is missing is a Permission error when the account may not see the scope's
// project any more, else NotFound; Asana tells no more.
func (c *Connection) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	const op = "read"
	scope, err := c.scope(ctx, op, sel.Object, sel.Scope)
	if err != nil {
		return nil, err
	}
	var wanted []string
	for _, id := range ids {
		if isID(id) && !slices.Contains(wanted, id) {
			wanted = append(wanted, id)
		}
	}
	fields := optFields(sel.Object, scope, sel.Fields)
	actions := make([]action, len(wanted))
	for i, id := range wanted {
		actions[i] = action{method: http.MethodGet, path: pathOf(sel.Object, id), fields: fields}
	}
	replies := c.run(ctx, op, actions)
	records := make(map[string]connectors.ReadResult, len(wanted))
	lost := false
	for i, id := range wanted {
		res, err := c.readResult(op, sel, scope, id, &replies[i])
		if err != nil {
			return nil, err
		}
		lost = lost || connectors.KindOf(res.Err) == connectors.NotFound && res.Err != nil
		records[id] = res
	}
	var unseen error
	if lost && scope.project != nil {
		if unseen, err = c.maySee(ctx, op, scope.project); err != nil {
			return nil, err
		}
	}
	out := make([]connectors.ReadResult, len(ids))
	for i, id := range ids {
		res, ok := records[id]
		switch {
		case !ok:
			res.Err = c.fail(op, sel.Object+"/"+id, connectors.NotFound, "the id of a %s is a number", sel.Object)
		case res.Err != nil && unseen != nil && connectors.KindOf(res.Err) == connectors.NotFound:
			res.Err = c.fail(op, sel.Object+"/"+id, connectors.Permission, "%w", unseen)
		case res.Record != nil:
			res.Record = res.Record.Clone()
		}
		out[i] = res
	}
	return out, nil
}

func pathOf(object, id string) string {
	if object == objectProject {
		return "/projects/" + id
	}
	return "/tasks/" + id
}

// readResult makes a result of a reply. The error is one for the call as a
// whole.
func (c *Connection) readResult(op string, sel connectors.Selection, scope *scopeRef, id string, r *reply) (connectors.ReadResult, error) {
	if r.err != nil {
		if r.aboutRecord() {
			return connectors.ReadResult{Err: named(r.err, op, sel.Object+"/"+id)}, nil
		}
		return connectors.ReadResult{}, named(r.err, op, "")
	}
	rec, err := c.decodeRecord(sel.Object, r.data, sel.Fields, scope)
	if err == nil && rec.Ref.ID != id {
		err = errors.New("the answer is about another record")
	}
	if err != nil {
		return connectors.ReadResult{}, c.fail(op, sel.Object+"/"+id, connectors.Internal, "%w", err)
	}
	return connectors.ReadResult{Record: rec}, nil
}

// decodeRecord reads a task or project.
func (c *Connection) decodeRecord(object string, data json.RawMessage, fields []string, scope *scopeRef) (*connectors.Record, error) {
	if object == objectProject {
		var w wireProject
		if err := decodeData(data, &w); err != nil {
			return nil, err
		}
		if !isID(w.GID) {
			return nil, errNoID
		}
		return c.projectRecord(&w, fields, scope), nil
	}
	var w wireTask
	if err := decodeData(data, &w); err != nil {
		return nil, err
	}
	if !isID(w.GID) {
		return nil, errNoID
	}
	return c.taskRecord(&w, object, fields, scope), nil
}

var errNoID = errors.New("the answer has a record without an id")

// maySee returns the reason why a project's tasks are out of sight, nil if they
// are not.
func (c *Connection) maySee(ctx context.Context, op string, p *projectInfo) (reason, err error) {
	var w wireNamed
	err = c.get(ctx, op, "", "/projects/{id}", map[string]string{"id": p.gid}, "name", &w)
	switch connectors.KindOf(err) {
	case connectors.NotFound, connectors.Permission:
		if err != nil {
			return errors.New("the account may not see the project " + p.name + " any more"), nil
		}
	}
	return nil, err
}
