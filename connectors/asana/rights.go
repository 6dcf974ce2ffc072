package asana

import (
	"context"
	"errors"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// MissingRights implements connectors.RightsChecker: whether the projects can be
// seen, and whether there is a place for the keys of creates. Which of a
// project's members may edit it, Asana tells its administrators only; a token
// acts as its user.
func (c *Connection) MissingRights(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
	const op = "check rights"
	if _, err := c.account.get(ctx, c.clock, 0, func(ctx context.Context) (*account, error) { return c.fetchAccount(ctx, op) }); err != nil {
		return nil, err
	}
	var out []connectors.Gap
	add := func(g connectors.Gap) {
		if !slices.ContainsFunc(out, func(o connectors.Gap) bool { return o.Right == g.Right && o.Where == g.Where }) {
			out = append(out, g)
		}
	}
	for _, n := range needs {
		s, err := c.scope(ctx, op, n.Object, n.Scope)
		e, ok := errors.AsType[*connectors.Error](err)
		switch {
		case ok && e.Kind == connectors.Permission:
			add(connectors.Gap{Right: "member of the project", For: "read " + n.Object + "s", Where: "project " + n.Scope["project"], Help: "invite the account to the project in Asana"})
			continue
		case ok && e.Kind == connectors.Invalid:
			continue // the mapping's check says so
		case err != nil:
			return nil, err
		}
		if s.project != nil && s.project.noFields {
			add(connectors.Gap{Right: "custom fields", For: "read and write custom fields", Where: "workspace", Help: helpPaid, Minor: true})
		}
		if !n.Create || c.keyMode(n.Object) != keyField || n.Object == objectProject {
			continue
		}
		gid, err := c.keyFieldID(ctx, op, listAge)
		switch {
		case connectors.KindOf(err) == connectors.Permission && err != nil:
			add(connectors.Gap{Right: "custom fields", For: "make each " + n.Object + " exactly once", Where: "workspace", Help: helpKeyField})
		case err != nil:
			return nil, err
		case gid == "" && s.project != nil && s.project.noFields:
			add(connectors.Gap{Right: "custom fields", For: "make each " + n.Object + " exactly once", Where: "workspace", Help: helpKeyField})
		}
	}
	return out, nil
}
