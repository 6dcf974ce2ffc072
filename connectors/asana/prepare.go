package asana

import (
	"context"
	"net/http"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// Missing implements connectors.Preparer: the custom field for the keys of
// creates, where they are kept in one.
func (c *Connection) Missing(ctx context.Context, need connectors.Need) ([]string, error) {
	const op = "look for the key field"
	if err := c.checkObject(op, need.Object); err != nil {
		return nil, err
	}
	if c.keyMode(need.Object) != keyField || need.Object == objectProject {
		return nil, nil
	}
	gid, err := c.keyFieldID(ctx, op, 0)
	if err != nil {
		return nil, err
	}
	if gid == "" {
		return []string{`the text custom field "` + c.keyName + `" in the workspace`}, nil
	}
	if need.Scope["project"] == "" {
		return nil, nil
	}
	p, err := c.project(ctx, op, need.Scope["project"], refetchAge)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(p.fields, func(f wireField) bool { return f.GID == gid }) {
		return []string{`the custom field "` + c.keyName + `" on the project ` + p.name}, nil
	}
	return nil, nil
}

// Prepare implements connectors.Preparer. Projects that are not named get the
// field with their first create.
func (c *Connection) Prepare(ctx context.Context, need connectors.Need) error {
	const op = "make the key field"
	missing, err := c.Missing(ctx, need)
	if err != nil || len(missing) == 0 {
		return err
	}
	gid, err := c.keyFieldID(ctx, op, listAge)
	if err != nil {
		return err
	}
	if gid == "" {
		if gid, err = c.makeKeyField(ctx, op); err != nil {
			return err
		}
	}
	if need.Scope["project"] == "" {
		return nil
	}
	p, err := c.project(ctx, op, need.Scope["project"], projectAge)
	if err != nil || slices.ContainsFunc(p.fields, func(f wireField) bool { return f.GID == gid }) {
		return err
	}
	return c.attachKeyField(ctx, op, p, gid)
}

const helpKeyField = "let somebody who may edit custom fields add a text field for it, or use an OAuth app, or set create_key: notes"

// makeKeyField makes the custom field for keys in the workspace.
func (c *Connection) makeKeyField(ctx context.Context, op string) (string, error) {
	me, err := c.whoami(ctx, op)
	if err != nil {
		return "", err
	}
	r := c.single(ctx, op, &action{method: http.MethodPost, path: "/custom_fields", fields: "name", data: map[string]any{
		"workspace": me.workspace.GID, "resource_subtype": "text", "name": c.keyName, "description": "Tenon finds here what it made. Leave it as it is.",
	}})
	if r.err != nil {
		out := named(r.err, op, "")
		if out.Kind == connectors.Permission {
			out.Help = helpKeyField
		}
		return "", out
	}
	c.keyID.Forget()
	var made wireNamed
	if err := decodeData(r.data, &made); err != nil || !isID(made.GID) {
		return "", c.fail(op, "", connectors.Internal, "the answer to a new custom field names none")
	}
	return made.GID, nil
}

// attachKeyField puts the field onto a project.
func (c *Connection) attachKeyField(ctx context.Context, op string, p *projectInfo, gid string) error {
	r := c.single(ctx, op, &action{
		method: http.MethodPost, path: "/projects/" + p.gid + "/addCustomFieldSetting", data: map[string]any{"custom_field": gid}, fields: "custom_field.name",
	})
	c.forgetProjects()
	if r.err == nil {
		return nil
	}
	// A second look: somebody else may have put it there.
	now, err := c.project(ctx, op, p.gid, 0)
	if err == nil && slices.ContainsFunc(now.fields, func(f wireField) bool { return f.GID == gid }) {
		return nil
	}
	out := named(r.err, op, "")
	if out.Kind == connectors.Permission {
		out.Help = helpKeyField
	}
	return out
}
