package asana

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// addKey puts the key of a create into its body: as external data, into the
// custom field, or as a marker below the description. Subtasks have no custom
// fields of their own.
func (c *Connection) addKey(ctx context.Context, w *write, body map[string]any, key string) error {
	switch mode := c.keyMode(w.object); mode {
	case keyExternal:
		body["external"] = map[string]any{"gid": key}
	case keyNotes:
		html, _ := body["html_notes"].(string)
		body["html_notes"] = mark(html, key)
	default:
		gid, err := c.readyKeyField(ctx, w.scope)
		if err != nil {
			return err
		}
		custom, _ := body["custom_fields"].(map[string]any)
		if custom == nil {
			custom = map[string]any{}
			body["custom_fields"] = custom
		}
		custom[gid] = key
	}
	return nil
}

// keyMode says where the keys of an object's creates are.
func (c *Connection) keyMode(object string) string {
	if object == objectSubtask && c.createKey == keyField {
		return keyNotes
	}
	return c.createKey
}

// FindByKey implements connectors.Connection. Look-ups by external data and
// lists of tasks do not lag; search, which does, is not used.
func (c *Connection) FindByKey(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
	const op = "find by key"
	s, err := c.scope(ctx, op, object, scope)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	if object == objectProject {
		return c.findProjects(ctx, op, s, keys)
	}
	if c.keyMode(object) == keyExternal {
		return c.findExternal(ctx, op, keys)
	}
	mode, field := c.keyMode(object), ""
	if mode == keyField {
		if field, err = c.keyFieldID(ctx, op, listAge); err != nil || field == "" {
			return make([][]string, len(keys)), err // no field, no keys
		}
	}
	look := lookUp{name: object + "/key/" + field, object: object, fields: "custom_fields.text_value", of: func(w *wireTask) string { return w.key(mode, field) }}
	if mode == keyNotes {
		look.fields = "html_notes"
	}
	found, err := c.index.find(ctx, c, op, s, look, keys)
	if err != nil {
		return nil, err
	}
	return c.stillThere(ctx, op, found)
}

// findExternal looks tasks up by their external gids.
func (c *Connection) findExternal(ctx context.Context, op string, keys []string) ([][]string, error) {
	actions := make([]action, len(keys))
	for i, k := range keys {
		actions[i] = action{method: http.MethodGet, path: "/tasks/external:" + k, fields: "name"}
	}
	out := make([][]string, len(keys))
	for i, r := range c.run(ctx, op, actions) {
		var w wireNamed
		switch {
		case r.err != nil && r.err.Kind == connectors.NotFound:
		case r.err != nil:
			return nil, named(r.err, op, "")
		default:
			if err := decodeData(r.data, &w); err != nil || !isID(w.GID) {
				return nil, c.fail(op, "", connectors.Internal, "%w", errNoID)
			}
			out[i] = []string{w.GID}
		}
	}
	return out, nil
}

// stillThere leaves out what was deleted since it was listed.
func (c *Connection) stillThere(ctx context.Context, op string, found [][]string) ([][]string, error) {
	var actions []action
	for _, ids := range found {
		for _, id := range ids {
			actions = append(actions, action{method: http.MethodGet, path: "/tasks/" + id, fields: "name"})
		}
	}
	replies := c.run(ctx, op, actions)
	out := make([][]string, len(found))
	n := 0
	for i, ids := range found {
		for _, id := range ids {
			r := replies[n]
			n++
			switch {
			case r.err == nil:
				out[i] = append(out[i], id)
			case r.err.Kind != connectors.NotFound:
				return nil, named(r.err, op, "")
			}
		}
	}
	return out, nil
}

// key returns the key that a task was made with.
func (w *wireTask) key(mode, field string) string {
	if mode == keyNotes {
		_, key := unmark(w.HTMLNotes.v)
		return key
	}
	v, _ := w.custom(field)
	return v.Text()
}

// keyFieldID returns the gid of the custom field for keys, "" if there is none.
func (c *Connection) keyFieldID(ctx context.Context, op string, age time.Duration) (string, error) {
	return c.keyID.Get(ctx, age, func(ctx context.Context) (string, error) {
		me, err := c.whoami(ctx, op)
		if err != nil {
			return "", err
		}
		list, err := all[wireField](ctx, c, rest.Request{
			Op: op, Path: "/workspaces/{id}/custom_fields", Params: map[string]string{"id": me.workspace.GID}, Query: url.Values{"opt_fields": {"name,resource_subtype"}},
		}, maxPages)
		if e := asPermission(err); e != nil {
			e.Help = helpKeyField
			return "", e
		}
		if err != nil {
			return "", err
		}
		for i := range list {
			if strings.EqualFold(list[i].Name, c.keyName) {
				if !c.isKeyField(&list[i]) {
					return "", c.fail(op, "", connectors.Invalid, "the custom field %q for the keys of creates is no text field: set key_field to another name", c.keyName)
				}
				return list[i].GID, nil
			}
		}
		return "", nil
	})
}

// readyKeyField makes sure that the project of a scope has the field for keys.
func (c *Connection) readyKeyField(ctx context.Context, s *scopeRef) (string, error) {
	gid, err := c.keyFieldID(ctx, opCreate, listAge)
	if err != nil {
		return "", err
	}
	if gid == "" {
		if gid, err = c.makeKeyField(ctx, opCreate); err != nil {
			return "", err
		}
	}
	if slices.ContainsFunc(s.project.fields, func(f wireField) bool { return f.GID == gid }) {
		return gid, nil
	}
	return gid, c.attachKeyField(ctx, opCreate, s.project, gid)
}

// asPermission returns a copy of a Permission error, nil for others.
func asPermission(err error) *connectors.Error {
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok || e.Kind != connectors.Permission {
		return nil
	}
	out := *e
	return &out
}
