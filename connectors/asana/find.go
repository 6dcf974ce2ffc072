package asana

import (
	"context"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Find implements connectors.Finder for names and text fields. It goes by an
// index of the project's list: Asana's search belongs to paid plans, lags, and
// finds by words.
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
	sel.Fields = []string{name}
	if sel.Object == objectProject {
		return c.findNamed(ctx, op, scope, values, limit)
	}
	fields := "name"
	if f.custom != nil {
		fields = "custom_fields.text_value"
	}
	look := lookUp{name: sel.Object + "/" + name, object: sel.Object, fields: fields, of: func(w *wireTask) string {
		v, ok := w.builtIn(sel.Object, name, scope)
		if !ok {
			v, _ = w.custom(name)
		}
		return v.Text()
	}}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	found, err := c.index.find(ctx, c, op, scope, look, texts)
	if err != nil {
		return nil, err
	}
	return c.holding(ctx, sel, name, values, found, limit)
}

// holding leaves out what does not hold the value any more, or left the scope.
func (c *Connection) holding(ctx context.Context, sel connectors.Selection, name string, values []connectors.Value, found [][]string, limit int) ([][]string, error) {
	ids := slices.Concat(found...)
	if len(ids) == 0 {
		return make([][]string, len(values)), nil
	}
	results, err := c.Read(ctx, sel, ids)
	if err != nil {
		return nil, err
	}
	out := make([][]string, len(values))
	n := 0
	for i := range found {
		for _, id := range found[i] {
			r := results[n].Record
			n++
			if r == nil || !r.InScope || len(out[i]) >= limit {
				continue
			}
			if v, p := r.Get(name); p == connectors.Present && v.String() == values[i].String() {
				out[i] = append(out[i], id)
			}
		}
	}
	return out, nil
}

// findNamed finds projects by their names.
func (c *Connection) findNamed(ctx context.Context, op string, scope *scopeRef, values []connectors.Value, limit int) ([][]string, error) {
	q, err := c.projectQuery(ctx, op, scope)
	if err != nil {
		return nil, err
	}
	q.Set("opt_fields", "name,archived,team.gid")
	list, err := all[wireProject](ctx, c, rest.Request{Op: op, Path: "/projects", Query: q}, maxPages)
	if err != nil {
		return nil, err
	}
	out := make([][]string, len(values))
	for i := range list {
		if list[i].Archived.v {
			continue
		}
		for n, v := range values {
			if bareName(list[i].Name.v) == v.String() && len(out[n]) < limit {
				out[n] = append(out[n], list[i].GID)
			}
		}
	}
	return out, nil
}
