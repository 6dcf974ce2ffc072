package asana

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// MissingRights implements connectors.RightsChecker: whether the projects can be
// seen, what the account may do in them as their member, and whether there is a
// place for the keys of creates.
func (c *Connection) MissingRights(ctx context.Context, needs []connectors.Need) ([]connectors.Gap, error) {
	const op = "check rights"
	me, err := c.account.Get(ctx, 0, func(ctx context.Context) (*account, error) { return c.fetchAccount(ctx, op) })
	if err != nil {
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
		gap, err := c.accessGap(ctx, op, me, &n, s.project)
		if err != nil {
			return nil, err
		}
		if gap != nil {
			add(*gap)
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

// accessGap returns what the account's membership of a project does not let it
// do, nil for nothing. Who is no member may edit what is public.
func (c *Connection) accessGap(ctx context.Context, op string, me *account, n *connectors.Need, p *projectInfo) (*connectors.Gap, error) {
	if p == nil {
		return nil, nil
	}
	list, err := all[struct {
		Level  string    `json:"access_level"`
		Member wireNamed `json:"member"`
	}](ctx, c, rest.Request{Op: op, Path: "/memberships", Query: url.Values{"parent": {p.gid}, "member": {me.id}}}, 1)
	if err != nil && connectors.AboutRecord(err) {
		return nil, nil // the account may not ask
	}
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if m.Member.GID != me.id {
			continue
		}
		edits := n.Write || n.Create || n.Retire || n.Attach
		switch {
		case edits && (m.Level == "commenter" || m.Level == "viewer"):
			return &connectors.Gap{Right: "Editor", For: "write " + n.Object + "s", Where: "project " + p.name, Help: "give the account the access level Editor where the project is shared"}, nil
		case n.Comment && m.Level == "viewer":
			return &connectors.Gap{Right: "Commenter", For: "write comments", Where: "project " + p.name, Help: "give the account the access level Commenter where the project is shared"}, nil
		}
	}
	return nil, nil
}
