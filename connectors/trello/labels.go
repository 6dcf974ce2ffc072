package trello

import (
	"cmp"
	"context"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// elements finds the ids of labels or members; what the board lacks is refused,
// or made where the connection makes labels.
func (c *Connection) elements(ctx context.Context, op string, in *within, field string, options []connectors.Option, p *prepared) ([]string, error) {
	ids := []string{}
	for _, o := range options {
		id, err := c.elementID(ctx, op, in, field, o)
		if err != nil {
			return nil, err
		}
		if id == "" {
			p.people[field] = field == fieldMembers
			p.refuse(field, "the board %q has no %s %q", in.Name, map[string]string{fieldLabels: "label", fieldMembers: "member"}[field], cmp.Or(o.Label, o.ID))
			return nil, nil
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (c *Connection) elementID(ctx context.Context, op string, in *within, field string, o connectors.Option) (string, error) {
	find := func() string {
		if field == fieldMembers {
			if m := in.member(o.ID); m != nil {
				return m.ID
			}
			return ""
		}
		if l := in.label(o.ID); l != nil {
			return l.ID
		}
		if i := slices.IndexFunc(in.Labels, func(l label) bool { return l.title() == o.ID }); i >= 0 && !isID(o.ID) {
			return in.Labels[i].ID
		}
		return ""
	}
	if id := find(); id != "" {
		return id, nil
	}
	if err := c.newer(ctx, op, in); err != nil {
		return "", err
	}
	if id := find(); id != "" || field == fieldMembers || !c.createLabels || isID(o.ID) {
		return id, nil
	}
	return c.makeLabel(ctx, op, in, cmp.Or(o.Label, o.ID))
}

// makeLabel makes a label, unless somebody made it meanwhile: two of one name
// would be possible.
func (c *Connection) makeLabel(ctx context.Context, op string, in *within, name string) (string, error) {
	if err := c.labels.take(ctx); err != nil {
		return "", c.fail(op, "", connectors.Unavailable, "%w", err)
	}
	defer c.labels.leave()
	b, err := c.board(ctx, op, in.ID, 0)
	if err != nil {
		return "", err
	}
	in.board = b
	if i := slices.IndexFunc(b.Labels, func(l label) bool { return l.title() == name }); i >= 0 {
		return b.Labels[i].ID, nil
	}
	var made label
	if _, err := c.do(ctx, rest.Request{
		Op: op, Method: "POST", Path: "/labels", Body: map[string]any{"name": name, "color": nil, "idBoard": in.ID}, Out: &made,
	}); err != nil {
		return "", err
	}
	return made.ID, c.newerThan(ctx, op, in)
}

// newerThan asks for the board anew, after a change of it.
func (c *Connection) newerThan(ctx context.Context, op string, in *within) error {
	b, err := c.board(ctx, op, in.ID, 0)
	if err == nil {
		in.board = b
	}
	return err
}
