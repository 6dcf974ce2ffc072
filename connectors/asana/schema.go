package asana

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Schema implements connectors.Connection. Custom fields are those of the
// scope's project, by their gids.
func (c *Connection) Schema(ctx context.Context, object string, scope connectors.Scope) (*connectors.Schema, error) {
	const op = "describe"
	if err := c.checkObject(op, object); err != nil {
		return nil, err
	}
	c.forgetProject(scope["project"])
	s, err := c.scope(ctx, op, object, scope)
	if err != nil {
		return nil, err
	}
	out := &connectors.Schema{Object: object}
	list := taskFields
	switch object {
	case objectTask:
		out.Label, out.Child = "Task", objectSubtask
	case objectSubtask:
		out.Label = "Subtask"
	case objectProject:
		out.Label, list = "Project", projectFields
	}
	for i := range list {
		f := list[i]
		if object == objectSubtask && slices.Contains(subtaskLacks, f.name) {
			continue
		}
		if f.options, err = c.optionsOf(ctx, op, &f, s); err != nil {
			return nil, err
		}
		out.Fields = append(out.Fields, describe(&f))
	}
	if object != objectTask { // subtasks have the custom fields of projects that they stand in themselves
		return out, nil
	}
	for i := range s.project.fields {
		w := &s.project.fields[i]
		if c.isKeyField(w) {
			continue
		}
		f := customOf(w)
		if w.Subtype == "people" {
			if f.options, err = c.userOptions(ctx, op); err != nil {
				return nil, err
			}
		}
		out.Fields = append(out.Fields, describe(f))
	}
	return out, nil
}

// isKeyField reports whether a custom field is Tenon's own.
func (c *Connection) isKeyField(w *wireField) bool {
	return w.Subtype == "text" && strings.EqualFold(w.Name, c.keyName)
}

func describe(f *field) connectors.Field {
	out := connectors.Field{
		Name: f.name, Label: f.label, Type: f.kind, ReadOnly: f.readOnly, Options: f.options, Open: f.open, OneLine: f.oneLine, History: f.history, Findable: f.findable,
		Writable: f.readOnly == "" && !f.createOnly, Creatable: f.readOnly == "",
	}
	out.Clearable = out.Writable && !f.keep
	switch {
	case f.kind == connectors.TypeNumber && f.custom != nil:
		out.Scale = f.custom.Precision
		if f.custom.Format == "percentage" {
			out.Scale += 2
		}
	case f.custom != nil && f.kind == connectors.TypeText && f.readOnly == "":
		out.MaxLength = maxText
	case f.name == "parent":
		out.Object = objectTask
	}
	return out
}

// optionsOf returns the choices of a field that every record has.
func (c *Connection) optionsOf(ctx context.Context, op string, f *field, s *scopeRef) ([]connectors.Option, error) {
	switch f.name {
	case "section":
		return choices(s.project.sections), nil
	case "tags":
		tags, err := c.allTags(ctx, op, listAge)
		if err != nil {
			return nil, err
		}
		var out []connectors.Option
		for _, t := range tags {
			o := connectors.Option{ID: t.Name, Label: t.Name}
			if t.Name != "" && !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
		return out, nil
	case "followers":
		return c.userOptions(ctx, op)
	case "projects":
		return c.named(ctx, op, "/projects", func(a *account) url.Values { return url.Values{"workspace": {a.workspace.GID}, "archived": {"false"}} })
	case "team":
		me, err := c.whoami(ctx, op)
		if err != nil {
			return nil, err
		}
		return c.named(ctx, op, "/workspaces/"+me.workspace.GID+"/teams", func(*account) url.Values { return url.Values{} })
	case "template":
		return c.named(ctx, op, "/project_templates", func(a *account) url.Values { return url.Values{"workspace": {a.workspace.GID}} })
	}
	return f.options, nil
}

// maxOptionPages bounds the lists that become options.
const maxOptionPages = 20

func (c *Connection) named(ctx context.Context, op, path string, query func(*account) url.Values) ([]connectors.Option, error) {
	me, err := c.whoami(ctx, op)
	if err != nil {
		return nil, err
	}
	q := query(me)
	q.Set("opt_fields", "name")
	pattern, params := template(path)
	list, err := all[wireNamed](ctx, c, rest.Request{Op: op, Path: pattern, Params: params, Query: q}, maxOptionPages)
	if err != nil {
		return nil, err
	}
	return choices(list), nil
}

// choices makes options of objects, each once.
func choices(list []wireNamed) []connectors.Option {
	out := make([]connectors.Option, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, n := range list {
		if n.GID != "" && !seen[n.GID] {
			seen[n.GID] = true
			out = append(out, connectors.Option{ID: n.GID, Label: n.Name})
		}
	}
	return out
}

// userOptions are the people of the workspace as choices.
func (c *Connection) userOptions(ctx context.Context, op string) ([]connectors.Option, error) {
	users, err := c.users.Get(ctx, listAge, func(ctx context.Context) ([]wireNamed, error) {
		me, err := c.whoami(ctx, op)
		if err != nil {
			return nil, err
		}
		return all[wireNamed](ctx, c, rest.Request{
			Op: op, Path: "/users", Query: url.Values{"workspace": {me.workspace.GID}, "opt_fields": {"name,email"}},
		}, maxOptionPages)
	})
	if err != nil {
		return nil, err
	}
	return choices(users), nil
}

// allTags lists the workspace's tags, at most age old.
func (c *Connection) allTags(ctx context.Context, op string, age time.Duration) ([]wireNamed, error) {
	return c.tags.Get(ctx, age, func(ctx context.Context) ([]wireNamed, error) {
		me, err := c.whoami(ctx, op)
		if err != nil {
			return nil, err
		}
		return all[wireNamed](ctx, c, rest.Request{
			Op: op, Path: "/workspaces/{id}/tags", Params: map[string]string{"id": me.workspace.GID}, Query: url.Values{"opt_fields": {"name"}},
		}, maxPages)
	})
}
