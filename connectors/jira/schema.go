package jira

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// screens are what the account may set on issues of a scope.
type screens struct {
	create map[string]fieldMeta
	edit   map[string]fieldMeta // nil when there is no issue to ask about

	resolutions []connectors.Option // of the site
}

// Schema implements connectors.Connection. Without an issue type it describes
// the fields of all the project's types; a create then names the type itself.
func (c *Connection) Schema(ctx context.Context, obj string, scope connectors.Scope) (*connectors.Schema, error) {
	const op = "read the schema"
	if err := c.checkObject(op, obj); err != nil {
		return nil, err
	}
	sel, err := c.scope(ctx, op, scope, true)
	if err != nil {
		return nil, err
	}
	if sel.project == "" {
		return nil, c.fail(op, "", connectors.Invalid, "the scope of an issue needs a project: scope: {project: KEY, issuetype: Epic}")
	}
	all, err := c.siteFields(ctx, op, 0)
	if err != nil {
		return nil, err
	}
	statuses, err := c.statuses(ctx, op, sel)
	if err != nil {
		return nil, err
	}
	scr, err := c.screens(ctx, op, sel, statuses)
	if err != nil {
		return nil, err
	}
	if len(scr.edit["resolution"].AllowedValues) == 0 {
		if err := c.addResolutions(ctx, op, &scr); err != nil {
			return nil, err
		}
	}
	schema := &connectors.Schema{Object: object, Label: cmp.Or(sel.typeName, "Issue")}
	for _, f := range all {
		if f.shape == unlisted || f.project != "" && f.project != sel.project {
			continue
		}
		schema.Fields = append(schema.Fields, describe(f, sel, scr, statuses))
	}
	slices.SortFunc(schema.Fields, func(a, b connectors.Field) int {
		return cmp.Or(cmp.Compare(custom(a.Name), custom(b.Name)), cmp.Compare(len(a.Name), len(b.Name))*custom(a.Name), cmp.Compare(a.Name, b.Name))
	})
	return schema, nil
}

// custom puts custom fields after Jira's own.
func custom(name string) int {
	if len(name) > len("customfield_") && name[:len("customfield_")] == "customfield_" {
		return 1
	}
	return 0
}

// screens asks what may be set on create and on edit. The edit screen depends
// on an issue; the latest of the scope stands for all.
func (c *Connection) screens(ctx context.Context, op string, sel scopeRef, statuses []typeStatuses) (screens, error) {
	scr := screens{create: map[string]fieldMeta{}}
	types := []string{sel.issueType}
	if sel.issueType == "" {
		types = nil
		for _, t := range statuses {
			types = append(types, t.ID)
		}
	}
	for i, t := range types {
		metas, err := c.createFields(ctx, op, sel.project, t)
		if err != nil {
			return scr, err
		}
		for id, m := range metas {
			had, ok := scr.create[id]
			m.Required = m.Required && (i == 0 || ok && had.Required)
			scr.create[id] = m
		}
		for id, m := range scr.create {
			if _, ok := metas[id]; !ok && m.Required {
				m.Required = false
				scr.create[id] = m
			}
		}
	}
	sample, err := c.sample(ctx, op, sel)
	if err != nil || sample == "" {
		return scr, err
	}
	scr.edit, err = c.editFields(ctx, op, sample)
	if connectors.KindOf(err) == connectors.NotFound {
		scr.edit, err = nil, nil // gone since it was found
	}
	return scr, err
}

// sample returns the id of the scope's latest issue, "" if there is none.
func (c *Connection) sample(ctx context.Context, op string, sel scopeRef) (string, error) {
	page, err := c.search(ctx, op, searchQuery{jql: jqlOf(sel, "", "created DESC"), max: 1})
	if err != nil || len(page.Issues) == 0 {
		return "", err
	}
	return page.Issues[0].ID, nil
}

// statuses returns the statuses of the scope's issue types.
func (c *Connection) statuses(ctx context.Context, op string, sel scopeRef) ([]typeStatuses, error) {
	var list []typeStatuses
	_, err := c.do(ctx, rest.Request{
		Op: op, Path: "/project/{id}/statuses", Params: map[string]string{"id": sel.project}, Out: &list,
	})
	if sel.issueType != "" {
		list = slices.DeleteFunc(list, func(t typeStatuses) bool { return t.ID != sel.issueType })
	}
	return list, err
}

// describe describes one field of the scope.
func describe(f *field, sel scopeRef, scr screens, statuses []typeStatuses) connectors.Field {
	onCreate, creatable := scr.create[f.id]
	onEdit, writable := scr.edit[f.id]
	if scr.edit == nil {
		onEdit, writable = onCreate, creatable
	}
	out := connectors.Field{
		Name: f.id, Label: f.name, Type: f.typeOf(), Scale: -1,
		Creatable: creatable && settable(onCreate), Writable: writable && settable(onEdit),
		Required: creatable && onCreate.Required && !onCreate.HasDefaultValue,
		History:  f.hasHistory(), Findable: f.findable(), Unique: f.shape == issueKey,
		Open: f.shape == labelSet, Options: options(f, onEdit, onCreate),
	}
	if f.shape == parentLink || f.shape == epicLink {
		out.Object = object
	}
	switch f.id {
	case "summary":
		out.MaxLength, out.OneLine = 255, true
	case "status":
		out.Creatable, out.Writable, out.Hops = true, true, true
		out.Options = statusOptions(statuses)
	case "resolution":
		out.Writable = true // on the screens of transitions, where not on the edit screen
		if len(out.Options) == 0 {
			out.Options = scr.resolutions
		}
	case "issuetype":
		out.Creatable, out.Writable, out.Required = sel.issueType == "", false, sel.issueType == ""
		out.ReadOnly = "the scope names it"
	case "project":
		out.Required = false
	default:
		limit(f, &out)
	}
	why := f.readOnly()
	if why != "" {
		out.Creatable, out.Writable, out.Required = false, false, false
	} else if !out.Creatable && !out.Writable && out.ReadOnly == "" {
		why = "it is on no create or edit screen of the project"
	}
	if out.Creatable || out.Writable {
		out.ReadOnly = ""
	} else if out.ReadOnly == "" {
		out.ReadOnly = why
	}
	out.Clearable = out.Writable && !out.Hops && f.id != "summary" && f.id != "priority" && f.id != "reporter" && f.id != "resolution" && !onEdit.Required
	return out
}

// limit sets how long a text may be.
func limit(f *field, out *connectors.Field) {
	switch f.shape {
	case plain:
		out.MaxLength, out.OneLine = 255, true
		if f.schema.Custom == "" {
			out.MaxLength, out.OneLine = 0, false
		}
	case rich:
		out.MaxLength = 32_767
	}
}

// settable reports whether a screen lets a field be set as a whole.
func settable(m fieldMeta) bool {
	return len(m.Operations) == 0 || slices.Contains(m.Operations, "set")
}

// options returns the choices of a field: those of the edit screen, else those
// of the create screen.
func options(f *field, metas ...fieldMeta) []connectors.Option {
	switch f.shape {
	case choice, choices, cascade:
	default:
		return nil
	}
	for _, m := range metas {
		var out []connectors.Option
		for _, n := range decodeNamed(m.AllowedValues) {
			if n.Disabled || n.Archived {
				continue
			}
			o := optionOf(&n)
			out = append(out, o)
			if f.shape == cascade {
				for _, child := range n.Children {
					n.Child = &child
					out = append(out, optionOf(&n))
				}
				n.Child = nil
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

func statusOptions(list []typeStatuses) []connectors.Option {
	var out []connectors.Option
	for _, t := range list {
		for _, s := range t.Statuses {
			o := connectors.Option{ID: s.ID, Label: s.Name}
			if !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
	}
	return out
}

// addResolutions lets the screens tell the site's resolutions, which Jira lists
// only where a screen asks for one: as a rule those of transitions.
func (c *Connection) addResolutions(ctx context.Context, op string, scr *screens) error {
	list, resp, err := c.jira.Resolution.GetListWithContext(calling(ctx, "/resolution"))
	if err := c.outcome(op, "", resp, err); err != nil {
		return err
	}
	for _, r := range list {
		scr.resolutions = append(scr.resolutions, connectors.Option{ID: r.ID, Label: r.Name})
	}
	return nil
}

// query joins values into a query string.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return q
}
