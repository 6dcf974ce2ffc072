package jira

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

// fieldMeta describes a field on a screen.
func (v *view) fieldMeta(p *project, t *issueType, f *field) object {
	operations := f.operations
	if operations == nil {
		operations = []string{}
	}
	meta := object{
		"name": f.name, "required": v.sys.required(p, t, f.id), "schema": f.schema(), "operations": operations,
		"hasDefaultValue": f.id == "priority", "key": f.id,
	}
	scoped := *v
	scoped.project = p
	if f.id == "issuetype" {
		meta["allowedValues"] = []any{v.issueType(t)}
	} else if allowed := f.kind.allowed(&scoped, p, f); allowed != nil {
		meta["allowedValues"] = allowed
	}
	switch {
	case f.id == "priority":
		def, _ := find(priorities, func(p *priority) bool { return p.id == defaultPriority })
		meta["defaultValue"] = v.priority(def)
	case f.id == "labels":
		meta["autoCompleteUrl"] = v.base + "/rest/api/1.0/labels/suggest?query="
	case f.id == "assignee":
		meta["autoCompleteUrl"] = v.rest("user/assignable/search?project=%s&query=", p.key)
	case f.schemaType == "user":
		meta["autoCompleteUrl"] = v.rest("user/recommend?context=Reporter&query=")
	}
	return meta
}

// screenMeta describes the fields of a screen, by id.
func (v *view) screenMeta(p *project, t *issueType, screen []string, i *issue) object {
	out := object{}
	for _, id := range screen {
		if v.sys.onScreen(p, t, id) {
			out[id] = v.fieldMeta(p, t, v.sys.field(id))
		}
	}
	if i != nil {
		out["comment"] = object{
			"name": "Comment", "key": "comment", "required": false, "hasDefaultValue": false, "operations": []string{"add", "edit", "remove"},
			"schema": object{"type": "comments-page", "system": "comment"},
		}
	}
	return out
}

func (c *call) editMeta() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if !c.sys.may(c.user, i.project, editIssues) || i.archived {
		return ok(object{"fields": object{}}), nil
	}
	return ok(object{"fields": c.view.screenMeta(i.project, i.issueType, c.sys.editScreen(i), i)}), nil
}

// metaProject finds the project of a createmeta call.
func (c *call) metaProject() (*project, error) {
	p := c.sys.projectBy(c.pathValue("project"))
	if p == nil || !c.sys.may(c.user, p, createIssues) || !c.sys.may(c.user, p, browseProjects) {
		return nil, fail(http.StatusNotFound, "No project could be found with key '%s'.", c.pathValue("project"))
	}
	return p, nil
}

const maxMeta = 200

// metaWindow reads the page parameters of createmeta; beyond 200 is refused.
func (c *call) metaWindow() (startAt, maxResults int, err error) {
	if startAt, err = c.number("startAt", 0); err != nil {
		return 0, 0, err
	}
	if maxResults, err = c.number("maxResults", 50); err != nil {
		return 0, 0, err
	}
	if maxResults > maxMeta || maxResults < 1 || startAt < 0 {
		return 0, 0, fail(http.StatusBadRequest, "The maxResults parameter must be between 1 and %d.", maxMeta)
	}
	return startAt, maxResults, nil
}

// metaPage gives a page of createmeta; Cloud and Data Center call the list
// differently.
func (c *call) metaPage(name string, list []any) (reply, error) {
	startAt, maxResults, err := c.metaWindow()
	if err != nil {
		return reply{}, err
	}
	values := window(list, startAt, maxResults)
	out := object{"startAt": startAt, "maxResults": maxResults, "total": len(list)}
	if c.sys.cloud() {
		out[name] = values
	} else {
		out["values"] = values
		out["isLast"] = startAt+len(values) >= len(list)
	}
	return ok(out), nil
}

func (c *call) createMetaTypes() (reply, error) {
	p, err := c.metaProject()
	if err != nil {
		return reply{}, err
	}
	list := []any{}
	for _, t := range p.types {
		list = append(list, c.view.issueType(t))
	}
	return c.metaPage("issueTypes", list)
}

func (c *call) createMetaFields() (reply, error) {
	p, err := c.metaProject()
	if err != nil {
		return reply{}, err
	}
	t, found := find(p.types, func(t *issueType) bool { return t.id == c.pathValue("type") })
	if !found {
		return reply{}, fail(http.StatusBadRequest, "The issue type with id '%s' does not exist in the project.", c.pathValue("type"))
	}
	list := []any{}
	for _, id := range p.screens[t.id] {
		if c.sys.onScreen(p, t, id) {
			meta := c.view.fieldMeta(p, t, c.sys.field(id))
			meta["fieldId"] = id
			if !c.sys.cloud() {
				delete(meta, "key")
			}
			list = append(list, meta)
		}
	}
	return c.metaPage("fields", list)
}

// createMeta is the deprecated way to learn the create screens, of Cloud alone.
func (c *call) createMeta() (reply, error) {
	if !c.sys.cloud() {
		return reply{}, fail(http.StatusNotFound, "Issue Does Not Exist")
	}
	keys, ids := c.list("projectKeys"), c.list("projectIds")
	withFields := slices.Contains(c.list("expand"), "projects.issuetypes.fields")
	projects := []any{}
	for _, p := range c.sys.projects {
		if len(keys)+len(ids) > 0 && !slices.Contains(keys, p.key) && !slices.Contains(ids, idOf(p.id)) {
			continue
		}
		if !c.sys.may(c.user, p, createIssues) || !c.sys.may(c.user, p, browseProjects) {
			continue
		}
		types := []any{}
		for _, t := range p.types {
			if names := c.list("issuetypeNames"); len(names) > 0 && !slices.Contains(names, t.name) {
				continue
			}
			o := c.view.issueType(t)
			if withFields {
				o["expand"] = "fields"
				o["fields"] = c.view.screenMeta(p, t, p.screens[t.id], nil)
			}
			types = append(types, o)
		}
		o := c.view.projectRef(p)
		delete(o, "simplified")
		delete(o, "projectTypeKey")
		o["issuetypes"] = types
		projects = append(projects, o)
	}
	return ok(object{"expand": "projects", "projects": projects}), nil
}

func (v *view) field(f *field) object {
	o := object{
		"id": f.id, "name": f.name, "custom": f.isCustom(), "orderable": !f.readOnly, "navigable": f.navigable,
		"searchable": len(f.clauseNames()) > 0, "clauseNames": f.clauseNames(), "schema": f.schema(),
	}
	if f.clauseNames() == nil {
		o["clauseNames"] = []string{}
	}
	if v.sys.cloud() {
		o["key"] = f.id
		if f.isCustom() {
			o["untranslatedName"] = f.name
		}
	}
	return o
}

func (c *call) listFields() (reply, error) {
	list := []any{
		object{"id": "issuekey", "key": "issuekey", "name": "Key", "custom": false, "orderable": false, "navigable": true, "searchable": false, "clauseNames": []string{"id", "issue", "issuekey", "key"}},
	}
	for _, f := range c.sys.visibleFields() {
		list = append(list, c.view.field(f))
	}
	return ok(list), nil
}

// searchFields answers GET /field/search, which knows a slightly different set
// than the list: it leaves out what no screen can hold.
func (c *call) searchFields() (reply, error) {
	types, ids := c.list("type"), c.list("id")
	query := strings.ToLower(c.query.Get("query"))
	var list []*field
	for _, f := range c.sys.visibleFields() {
		kind := "system"
		if f.isCustom() {
			kind = "custom"
		}
		switch {
		case f.readOnly && !f.isCustom(),
			len(types) > 0 && !slices.Contains(types, kind),
			len(ids) > 0 && !slices.Contains(ids, f.id),
			!strings.Contains(strings.ToLower(f.name), query):
			continue
		}
		list = append(list, f)
	}
	out, err := page(c, list, 50, 100, func(f *field) any {
		return object{"id": f.id, "key": f.id, "name": f.name, "schema": f.schema(), "isLocked": f.plugin != "", "description": ""}
	})
	return ok(out), err
}

func (c *call) listStatuses() (reply, error) {
	return ok(rendered(statuses, func(st *status) any { return c.view.status(st) })), nil
}

func (c *call) getStatus() (reply, error) {
	st, found := find(statuses, func(st *status) bool { return st.id == c.pathValue("id") || st.name == c.pathValue("id") })
	if !found {
		return reply{}, fail(http.StatusNotFound, "The status with id '%s' does not exist", c.pathValue("id"))
	}
	return ok(c.view.status(st)), nil
}

func (c *call) listCategories() (reply, error) {
	return ok(rendered(categories, func(k *statusCategory) any { return c.view.category(k) })), nil
}

func (c *call) listPriorities() (reply, error) {
	return ok(rendered(priorities, func(p *priority) any { return c.fullPriority(p) })), nil
}

func (c *call) searchPriorities() (reply, error) {
	out, err := page(c, priorities, 50, 50, func(p *priority) any { return c.fullPriority(p) })
	return ok(out), err
}

func (c *call) fullPriority(p *priority) object {
	o := c.view.priority(p)
	o["description"], o["statusColor"] = p.description, p.color
	if c.sys.cloud() {
		o["isDefault"] = p.id == defaultPriority
	}
	return o
}

func (c *call) listResolutions() (reply, error) {
	return ok(rendered(resolutions, func(r *resolution) any { return c.view.resolution(r) })), nil
}

func (c *call) searchResolutions() (reply, error) {
	out, err := page(c, resolutions, 50, 50, func(r *resolution) any {
		return object{"id": r.id, "name": r.name, "description": r.description}
	})
	return ok(out), err
}

func (c *call) listLinkTypes() (reply, error) {
	return ok(object{"issueLinkTypes": rendered(linkTypes, func(t *linkType) any { return c.view.linkType(t) })}), nil
}

func (c *call) listIssueTypes() (reply, error) {
	return ok(rendered(issueTypes, func(t *issueType) any { return c.view.issueType(t) })), nil
}

func (c *call) projectIssueTypes() (reply, error) {
	p := c.sys.projectBy(c.query.Get("projectId"))
	if p == nil || !c.sys.may(c.user, p, browseProjects) {
		return reply{}, fail(http.StatusNotFound, "No project could be found with id '%s'.", c.query.Get("projectId"))
	}
	return ok(rendered(p.types, func(t *issueType) any { return c.view.issueType(t) })), nil
}

func rendered[T any](list []T, render func(T) any) []any {
	out := make([]any, 0, len(list))
	for _, t := range list {
		out = append(out, render(t))
	}
	return out
}

// listLabels answers GET /label: all labels in use.
func (c *call) listLabels() (reply, error) {
	in := map[string]bool{}
	for _, i := range c.sys.issues {
		if c.sys.may(c.user, i.project, browseProjects) {
			for _, l := range i.fields["labels"].list {
				in[l] = true
			}
		}
	}
	out, err := page(c, slices.Sorted(maps.Keys(in)), 1000, 1000, func(l string) any { return l })
	return ok(out), err
}
