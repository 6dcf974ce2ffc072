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

// projectInfo is what a project looks like: its sections and custom fields.
type projectInfo struct {
	gid, name string
	sections  []wireNamed
	fields    []wireField
	noFields  bool // the plan has no custom fields
}

// scopeRef is a scope of a mapping, resolved.
type scopeRef struct {
	project *projectInfo // nil without one
	section string       // its gid; "" for all
	team    string       // of projects
}

// has reports whether a place is within the scope.
func (s *scopeRef) has(m []wireMembership) bool {
	if s.project == nil {
		return true
	}
	return slices.ContainsFunc(m, func(x wireMembership) bool {
		return x.Project.GID == s.project.gid && (s.section == "" || x.Section != nil && x.Section.GID == s.section)
	})
}

// section returns the task's section in the scope's project.
func (s *scopeRef) place(m []wireMembership) *wireNamed {
	for _, x := range m {
		if s.project != nil && x.Project.GID == s.project.gid {
			return x.Section
		}
	}
	return nil
}

var scopeKeys = map[string][]string{
	objectTask:    {"project", "section"},
	objectSubtask: {"project"},
	objectProject: {"team"},
}

// scope resolves a mapping's scope. Errors are Invalid where it makes no sense,
// and Permission where its project is out of sight.
func (c *Connection) scope(ctx context.Context, op, object string, scope connectors.Scope) (*scopeRef, error) {
	if err := c.checkObject(op, object); err != nil {
		return nil, err
	}
	for key := range scope {
		if !slices.Contains(scopeKeys[object], key) {
			return nil, c.fail(op, object, connectors.Invalid, "the scope of %s has no key %q; it has %s", object, key, strings.Join(scopeKeys[object], ", "))
		}
	}
	out := &scopeRef{}
	if object == objectProject {
		if scope["team"] == "" {
			return out, nil
		}
		id, err := c.team(ctx, op, scope["team"])
		out.team = id
		return out, err
	}
	if scope["project"] == "" {
		return nil, c.fail(op, object, connectors.Invalid, "the scope names no project: write scope: {project: NAME}")
	}
	p, err := c.project(ctx, op, scope["project"], projectAge)
	if err != nil {
		return nil, err
	}
	out.project = p
	if name := scope["section"]; name != "" {
		find := func(p *projectInfo) bool {
			i := slices.IndexFunc(p.sections, func(s wireNamed) bool { return s.GID == name || strings.EqualFold(s.Name, name) })
			if i >= 0 {
				out.section = p.sections[i].GID
			}
			return i >= 0
		}
		if !find(p) {
			if p, err = c.project(ctx, op, scope["project"], refetchAge); err != nil {
				return nil, err
			}
			if out.project = p; !find(p) {
				return nil, c.fail(op, object, connectors.Invalid, "the project %s has no section %q; it has %s", p.name, name, names(p.sections))
			}
		}
	}
	return out, nil
}

func names(list []wireNamed) string {
	var out []string
	for _, n := range list {
		out = append(out, n.Name)
	}
	return rest.Clip(strings.Join(out, ", "))
}

// project returns what is known of a project by its name or gid, at most age
// old.
func (c *Connection) project(ctx context.Context, op, name string, age time.Duration) (*projectInfo, error) {
	c.mu.Lock()
	slot := c.projects[name]
	if slot == nil {
		slot = rest.NewCached[*projectInfo](c.name, c.clock)
		c.projects[name] = slot
	}
	c.mu.Unlock()
	return slot.Get(ctx, age, func(ctx context.Context) (*projectInfo, error) { return c.fetchProject(ctx, op, name) })
}

// forgetProject makes the next look at a project a fresh one.
func (c *Connection) forgetProject(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slot := c.projects[name]; slot != nil {
		slot.Forget()
	}
}

func (c *Connection) forgetProjects() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, slot := range c.projects {
		slot.Forget()
	}
}

func (c *Connection) fetchProject(ctx context.Context, op, name string) (*projectInfo, error) {
	p := &projectInfo{gid: name}
	if !isID(name) || len(name) < 10 {
		found, err := c.projectNamed(ctx, op, name)
		if err != nil {
			return nil, err
		}
		p.gid, p.name = found.GID, found.Name
	} else {
		var w wireNamed
		err := c.get(ctx, op, "", "/projects/{id}", map[string]string{"id": name}, "name", &w)
		if connectors.KindOf(err) == connectors.NotFound {
			return nil, c.fail(op, "", connectors.Invalid, "there is no project %s, or the account may not see it", name)
		}
		if err != nil {
			return nil, err
		}
		p.name = w.Name
	}
	params := map[string]string{"id": p.gid}
	sections, err := all[wireNamed](ctx, c, rest.Request{Op: op, Path: "/projects/{id}/sections", Params: params, Query: url.Values{"opt_fields": {"name"}}}, 20)
	if err != nil {
		return nil, c.unseen(op, p, err)
	}
	p.sections = sections
	settings, err := all[struct {
		Field wireField `json:"custom_field"`
	}](ctx, c, rest.Request{Op: op, Path: "/projects/{id}/custom_field_settings", Params: params, Query: url.Values{"opt_fields": {fieldFields("custom_field.")}}}, 20)
	switch {
	case rest.StatusOf(err) == 402:
		p.noFields = true
	case err != nil:
		return nil, c.unseen(op, p, err)
	}
	for _, s := range settings {
		if !isID(s.Field.GID) {
			return nil, c.fail(op, "", connectors.Internal, "the answer has a custom field without an id")
		}
		s.Field.Options = slices.DeleteFunc(s.Field.Options, func(o wireOption) bool { return o.GID == "" })
		if !slices.ContainsFunc(p.fields, func(f wireField) bool { return f.GID == s.Field.GID }) {
			p.fields = append(p.fields, s.Field)
		}
	}
	if slices.ContainsFunc(sections, func(s wireNamed) bool { return !isID(s.GID) }) {
		return nil, c.fail(op, "", connectors.Internal, "the answer has a section without an id")
	}
	return p, nil
}

// unseen says of a project that was there a moment ago that it is out of sight.
func (c *Connection) unseen(op string, p *projectInfo, err error) error {
	if connectors.KindOf(err) != connectors.NotFound {
		return err
	}
	return c.fail(op, "", connectors.Permission, "the account may not see the project %s", p.gid)
}

func fieldFields(prefix string) string {
	members := []string{
		"name", "resource_subtype", "representation_type", "precision", "format", "is_formula_field", "is_value_read_only", "enum_options.name", "enum_options.enabled",
	}
	for i := range members {
		members[i] = prefix + members[i]
	}
	return strings.Join(members, ",")
}

// projectNamed finds a project by its name, ignoring case.
func (c *Connection) projectNamed(ctx context.Context, op, name string) (wireNamed, error) {
	me, err := c.whoami(ctx, op)
	if err != nil {
		return wireNamed{}, err
	}
	list, err := all[wireNamed](ctx, c, rest.Request{
		Op: op, Path: "/projects", Query: url.Values{"workspace": {me.workspace.GID}, "archived": {"false"}, "opt_fields": {"name"}},
	}, maxPages)
	if err != nil {
		return wireNamed{}, err
	}
	var found []wireNamed
	for _, p := range list {
		if strings.EqualFold(p.Name, name) {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return wireNamed{}, c.fail(op, "", connectors.Invalid, "there is no project %q, or the account may not see it; there are %s", name, names(list))
	}
	var gids []string
	for _, p := range found {
		gids = append(gids, p.GID)
	}
	return wireNamed{}, c.fail(op, "", connectors.Invalid, "%d projects are named %q: write the gid of one, %s", len(found), name, strings.Join(gids, " or "))
}

// team finds a team by name or gid.
func (c *Connection) team(ctx context.Context, op, name string) (string, error) {
	me, err := c.whoami(ctx, op)
	if err != nil {
		return "", err
	}
	list, err := all[wireNamed](ctx, c, rest.Request{
		Op: op, Path: "/workspaces/{id}/teams", Params: map[string]string{"id": me.workspace.GID}, Query: url.Values{"opt_fields": {"name"}},
	}, 50)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(list, func(t wireNamed) bool { return t.GID == name || strings.EqualFold(t.Name, name) })
	if i < 0 {
		return "", c.fail(op, "", connectors.Invalid, "there is no team %q; there are %s", name, names(list))
	}
	return list[i].GID, nil
}
