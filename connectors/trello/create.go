package trello

import (
	"context"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Create implements connectors.Connection. The key goes into the link that is
// attached in the same call; custom fields take a second call.
func (c *Connection) Create(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
	out := make([]connectors.WriteResult, len(creates))
	var g errgroup.Group
	g.SetLimit(singles)
	for i := range creates {
		g.Go(func() error {
			out[i] = c.create(ctx, &creates[i])
			return nil
		})
	}
	_ = g.Wait() // the results hold the errors
	return out
}

func (c *Connection) create(ctx context.Context, cr *connectors.Create) connectors.WriteResult {
	const op = "create"
	if err := c.checkObject(op, cr.Object); err != nil {
		return connectors.WriteResult{Err: err}
	}
	if cr.Object == objectItem {
		return c.createItem(ctx, op, cr)
	}
	if cr.Parent != "" {
		return connectors.WriteResult{Err: c.fail(op, "", connectors.Invalid, "cards have no cards under them: write `type: %s` in the task, which makes an item of the card's checklist", objectItem)}
	}
	in, err := c.scope(ctx, op, cr.Scope, metaAge)
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	p, err := c.prepare(ctx, op, in, "", cr.Fields, nil)
	if err != nil {
		return connectors.WriteResult{Err: err}
	}
	if len(p.refused) > 0 && !p.onlyPeople() {
		return connectors.WriteResult{Err: &connectors.Error{Op: op, Connection: c.name, Kind: connectors.Invalid, Fields: p.refused}}
	}
	if err := c.complete(p, in, cr); err != nil {
		return connectors.WriteResult{Err: err}
	}
	var made card
	if _, err = c.do(ctx, rest.Request{Op: op, Method: "POST", Path: "/cards", Body: p.body, Out: &made}); err != nil {
		return connectors.WriteResult{Err: renamed(err)}
	}
	if !isID(made.ID) {
		return connectors.WriteResult{Err: &connectors.Error{
			Op: op, Connection: c.name, Kind: connectors.Internal, Unsure: true, Err: errNoID,
		}}
	}
	c.steps.note(made.ID, stepsOf{bare: true}, c.clock.Now())
	res := connectors.WriteResult{ID: made.ID, Refused: p.refused}
	if len(p.items) == 0 {
		res.Record = c.answered(&made, p, in)
		return res
	}
	if err := c.writeItems(ctx, op, made.ID, p, &res); err != nil {
		for name := range p.items {
			res.Refused = append(res.Refused, connectors.FieldError{Field: name, Reason: "the card was made without it: " + err.Error()})
		}
	}
	return res
}

// complete adds what a new card needs: its list, and the link with the key.
func (c *Connection) complete(p *prepared, in within, cr *connectors.Create) error {
	for name, v := range p.body {
		if v == nil {
			delete(p.body, name) // an empty field is no part of a create
		}
	}
	if _, given := p.body[fieldList]; !given {
		id := in.only
		if id == "" {
			for _, l := range in.Lists {
				if !l.Closed {
					id = l.ID
					break
				}
			}
		}
		if id == "" {
			return c.fail("create", "", connectors.Invalid, "the board %q has no list to put the card into", in.Name)
		}
		p.body[fieldList] = id
	}
	link, _ := p.body[fieldLink].(string)
	if cr.Key != "" {
		if link == "" {
			link = c.markURL
		}
		link = mark(link, cr.Key)
	}
	if link != "" {
		p.body[fieldLink] = link
	}
	if _, ok := p.body[fieldPos]; !ok {
		p.body[fieldPos] = "bottom"
	}
	return nil
}

// renamed gives a refusal that Trello words as about a parameter the name of the
// field.
func renamed(err error) error {
	e, ok := asError(err)
	if !ok || len(e.Fields) == 0 {
		return err
	}
	out := *e
	out.Fields = nil
	for _, f := range e.Fields {
		if f.Field == "value" { // of the one label or member that was added
			continue
		}
		f.Field = strings.TrimSpace(f.Field)
		out.Fields = append(out.Fields, f)
	}
	return &out
}
