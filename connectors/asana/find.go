package asana

import (
	"context"
	"net/url"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Find implements connectors.Finder for names and text fields. It lists the
// scope and compares: Asana's search belongs to paid plans, lags, and finds by
// words.
func (c *Connection) Find(ctx context.Context, sel connectors.Selection, name string, values []connectors.Value, limit int) ([][]string, error) {
	const op = "find"
	scope, err := c.scope(ctx, op, sel.Object, sel.Scope)
	if err != nil {
		return nil, err
	}
	f := builtIn(sel.Object, name)
	if f == nil {
		f = scope.project.custom(name)
	}
	if f == nil || !f.findable {
		return nil, c.fail(op, sel.Object, connectors.Invalid, "records cannot be found by the field %q", name)
	}
	out := make([][]string, len(values))
	take := func(r *connectors.Record) {
		v, presence := r.Get(name)
		if presence != connectors.Present || v.IsNull() || r.State != connectors.Live {
			return
		}
		for i, want := range values {
			if want.String() == v.String() && len(out[i]) < limit && !slices.Contains(out[i], r.Ref.ID) {
				out[i] = append(out[i], r.Ref.ID)
			}
		}
	}
	sel.Fields = []string{name}
	if sel.Object == objectProject {
		return out, c.eachProject(ctx, op, scope, sel.Fields, take)
	}
	w := walk{Begun: 1}
	for range maxPages {
		rows, more, err := c.walkPage(ctx, op, sel, scope, &w)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			take(r.Record)
		}
		if !more {
			return out, nil
		}
	}
	return out, nil
}

func (c *Connection) eachProject(ctx context.Context, op string, scope *scopeRef, fields []string, take func(*connectors.Record)) error {
	q, err := c.projectQuery(ctx, op, scope)
	if err != nil {
		return err
	}
	q.Set("opt_fields", optFields(objectProject, scope, fields))
	list, err := all[wireProject](ctx, c, rest.Request{Op: op, Path: "/projects", Query: url.Values(q)}, maxPages)
	if err != nil {
		return err
	}
	for i := range list {
		take(c.projectRecord(&list[i], fields, scope))
	}
	return nil
}
