package trello

import (
	"context"
	"errors"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

var errNoID = errors.New("the answer tells no id of what was made")

// Update implements connectors.Connection. The card's own fields go in one call;
// labels and members that are edited by element take one each, so that others'
// edits of the set stay; custom fields go in one more.
func (c *Connection) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	out := make([]connectors.WriteResult, len(updates))
	var g errgroup.Group
	g.SetLimit(singles)
	for i := range updates {
		g.Go(func() error {
			out[i] = c.update(ctx, &updates[i])
			return nil
		})
	}
	_ = g.Wait() // the results hold the errors
	return out
}

func (c *Connection) update(ctx context.Context, u *connectors.Update) connectors.WriteResult {
	const op = "update"
	res := connectors.WriteResult{ID: u.ID}
	if res.Err = c.checkObject(op, u.Object); res.Err != nil {
		return res
	}
	if u.Object == objectItem {
		return c.updateItem(ctx, op, u)
	}
	if !isID(u.ID) {
		res.Err = c.fail(op, ref(u.ID), connectors.NotFound, "the id of a card has 24 hexadecimal digits")
		return res
	}
	in, err := c.scope(ctx, op, u.Scope, metaAge)
	if err != nil {
		res.Err = err
		return res
	}
	p, err := c.prepare(ctx, op, in, u.ID, u.Fields, u.Edits)
	if err != nil {
		res.Err = err
		return res
	}
	if res.Refused = p.refused; p.empty() {
		if len(p.refused) > 0 {
			res.Refused, res.Err = nil, &connectors.Error{Op: op, Connection: c.name, Record: ref(u.ID), Kind: connectors.Invalid, Fields: p.refused}
		}
		return res
	}
	c.send(ctx, op, u.ID, p, in, &res)
	return res
}

// send makes the calls of an update. Each may be repeated: it names values or
// elements.
func (c *Connection) send(ctx context.Context, op, id string, p *prepared, in within, res *connectors.WriteResult) {
	var answer card
	done := false // a part took effect
	if len(p.body) > 0 {
		_, err := c.do(ctx, rest.Request{
			Op: op, Record: ref(id), Method: "PUT", Path: "/cards/{id}", Params: map[string]string{"id": id}, Body: p.body, Out: &answer, Idempotent: true,
		})
		if err != nil {
			res.Refused, res.Err = nil, withRefused(renamed(err), p.refused)
			return
		}
		done = true
	}
	for _, each := range []struct {
		method string
		list   []element
	}{{"POST", p.adds}, {"DELETE", p.removes}} {
		for _, e := range each.list {
			if err := c.sendElement(ctx, op, id, each.method, e); err != nil {
				res.Err = partly(err, done)
				return
			}
			done = true
		}
	}
	if len(p.items) > 0 {
		if err := c.writeItems(ctx, op, id, p, res); err != nil {
			res.Err = partly(err, done)
			return
		}
	}
	if answer.ID == id && len(p.items) == 0 && len(p.adds) == 0 && len(p.removes) == 0 {
		res.Record = c.answered(&answer, p, in)
	}
}

// answered makes a record of the answer to a write; nil where it tells too
// little.
func (c *Connection) answered(w *card, p *prepared, in within) *connectors.Record {
	if w.DateLastActivity == "" || w.IDBoard == "" || slices.ContainsFunc(w.IDLabels, func(id string) bool { return in.label(id) == nil }) {
		return nil
	}
	return c.record(w, p.wanted, in, nil)
}

// sendElement adds or takes away one label or member. That it is there already,
// or not any more, is what was wanted.
func (c *Connection) sendElement(ctx context.Context, op, id, method string, e element) error {
	r := rest.Request{
		Op: op, Record: ref(id), Method: method, Path: "/cards/{id}/" + e.field, Params: map[string]string{"id": id}, Idempotent: true,
	}
	if method == "DELETE" {
		r.Path += "/{element}"
		r.Params["element"] = e.id
	} else {
		r.Body = map[string]string{"value": e.id}
	}
	_, err := c.do(ctx, r)
	if f, ok := asError(err); ok && f.Kind == connectors.Invalid && len(f.Fields) == 0 {
		return nil
	}
	if err != nil {
		return renamed(err)
	}
	return nil
}

// writeItems writes custom fields: all in one call, and where Trello refuses
// that, one by one, to learn which it refuses.
func (c *Connection) writeItems(ctx context.Context, op, id string, p *prepared, res *connectors.WriteResult) error {
	names := slices.Sorted(maps.Keys(p.items))
	list := make([]map[string]any, len(names))
	for i, name := range names {
		list[i] = p.items[name]
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Method: "PUT", Path: "/cards/{id}/customFields", Params: map[string]string{"id": id},
		Body: map[string]any{"customFieldItems": list}, Idempotent: true,
	})
	if connectors.KindOf(err) != connectors.Invalid || err == nil {
		return err
	}
	refused := 0
	for i, name := range names {
		body := maps.Clone(list[i])
		delete(body, "idCustomField")
		_, err := c.do(ctx, rest.Request{
			Op: op, Record: ref(id), Method: "PUT", Path: "/cards/{id}/customField/{field}/item", Params: map[string]string{"id": id, "field": name},
			Body: body, Idempotent: true,
		})
		if e, ok := asError(err); ok && (e.Kind == connectors.Invalid || e.Kind == connectors.NotFound) {
			res.Refused = append(res.Refused, connectors.FieldError{Field: name, Reason: e.Err.Error()})
			refused++
			continue
		}
		if err != nil {
			return err
		}
	}
	if refused == len(names) && len(p.body) == 0 && len(p.adds) == 0 && len(p.removes) == 0 {
		err := &connectors.Error{Op: op, Connection: c.name, Record: ref(id), Kind: connectors.Invalid, Fields: res.Refused}
		res.Refused = nil
		return err
	}
	return nil
}

// withRefused adds the fields that were refused before a write was sent to those
// that Trello refused it for.
func withRefused(err error, refused []connectors.FieldError) error {
	e, ok := asError(err)
	if !ok || e.Kind != connectors.Invalid || len(refused) == 0 {
		return err
	}
	out := *e
	out.Fields = append(slices.Clone(e.Fields), refused...)
	return &out
}

// partly marks an error of a write whose first part took effect.
func partly(err error, done bool) error {
	e, ok := asError(err)
	if !ok || !done {
		return err
	}
	out := *e
	out.Unsure = true
	return &out
}

// asError returns the connection's error in err's chain.
func asError(err error) (*connectors.Error, bool) {
	return errors.AsType[*connectors.Error](err)
}
