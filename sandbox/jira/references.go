package jira

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// choice is one thing a reference field can point at.
type choice struct {
	id       string
	name     string
	disabled bool
	render   func(v *view) any
}

// choiceKind is a field whose value is one of a list of things.
type choiceKind struct {
	label string // in messages: "Priority"
	nameK string // the property that holds the name: "name" or "value"
	list  func(s *System, p *project, f *field) []choice
}

// choicesKind is a field that holds any number of them.
type choicesKind struct{ one choiceKind }

func priorityKind() choiceKind {
	return choiceKind{label: "Priority", nameK: "name", list: func(*System, *project, *field) []choice {
		return choicesOf(priorities, func(p *priority) choice {
			return choice{id: p.id, name: p.name, render: func(v *view) any { return v.priority(p) }}
		})
	}}
}

func resolutionKind() choiceKind {
	return choiceKind{label: "Resolution", nameK: "name", list: func(*System, *project, *field) []choice {
		return choicesOf(resolutions, func(r *resolution) choice {
			return choice{id: r.id, name: r.name, render: func(v *view) any { return v.resolution(r) }}
		})
	}}
}

func optionKind() choiceKind {
	return choiceKind{label: "Option", nameK: "value", list: func(_ *System, _ *project, f *field) []choice {
		return choicesOf(f.options, func(o *option) choice {
			return choice{id: o.id, name: o.value, disabled: o.disabled, render: func(v *view) any { return v.option(o) }}
		})
	}}
}

func optionsKind() choicesKind { return choicesKind{optionKind()} }

func componentKind() choicesKind {
	return choicesKind{choiceKind{label: "Component", nameK: "name", list: func(_ *System, p *project, _ *field) []choice {
		return choicesOf(p.components, func(c *component) choice {
			return choice{id: c.id, name: c.name, render: func(v *view) any { return v.component(c) }}
		})
	}}}
}

func versionKind() choicesKind {
	return choicesKind{choiceKind{label: "Version", nameK: "name", list: func(_ *System, p *project, _ *field) []choice {
		return choicesOf(p.versions, func(r *version) choice {
			return choice{id: r.id, name: r.name, disabled: r.archived, render: func(v *view) any { return v.version(p, r) }}
		})
	}}}
}

func choicesOf[T any](list []T, choiceOf func(T) choice) []choice {
	out := make([]choice, 0, len(list))
	for _, t := range list {
		out = append(out, choiceOf(t))
	}
	return out
}

// pick finds the choice that raw, an object with an id or a name, points at.
func (k choiceKind) pick(c *valueContext, raw json.RawMessage) (choice, error) {
	var ref map[string]json.RawMessage
	if err := json.Unmarshal(raw, &ref); err != nil {
		if k.nameK == "value" {
			return choice{}, says("Specify a valid 'id' or 'name' for %s", c.field.name)
		}
		return choice{}, errors.New("expected Object")
	}
	list := k.list(c.sys, c.project, c.field)
	if id, ok := asString(ref["id"]); ok {
		if got, found := find(list, func(o choice) bool { return o.id == id && !o.disabled }); found {
			return got, nil
		}
		return choice{}, says("%s id '%s' is not valid", k.label, id)
	}
	name, ok := asString(ref[k.nameK])
	if !ok {
		return choice{}, says("Could not find valid 'id' or '%s' in the %s object.", k.nameK, c.field.name)
	}
	got, found := find(list, func(o choice) bool { return o.name == name && !o.disabled })
	if !found {
		word := "name"
		if k.nameK == "value" {
			word = "value"
		}
		return choice{}, says("%s %s '%s' is not valid", k.label, word, name)
	}
	return got, nil
}

func (k choiceKind) parse(c *valueContext, raw json.RawMessage) (value, bool, error) {
	got, err := k.pick(c, raw)
	if err != nil {
		return value{}, false, err
	}
	return value{text: got.id}, false, nil
}

func (k choiceKind) byID(s *System, p *project, f *field, id string) (choice, bool) {
	return find(k.list(s, p, f), func(o choice) bool { return o.id == id })
}

func (k choiceKind) render(v *view, f *field, val value) any {
	if got, ok := k.byID(v.sys, v.project, f, val.text); ok {
		return got.render(v)
	}
	return nil
}

func (k choiceKind) words(s *System, f *field, val value) (id, text string) {
	got, _ := k.byID(s, &project{}, f, val.text)
	return val.text, got.name
}

func (k choiceKind) allowed(v *view, p *project, f *field) []any {
	out := []any{}
	for _, o := range k.list(v.sys, p, f) {
		if !o.disabled {
			out = append(out, o.render(v))
		}
	}
	return out
}

func (k choicesKind) parse(c *valueContext, raw json.RawMessage) (value, bool, error) {
	return parseList(k, c, raw)
}

func (k choicesKind) element(c *valueContext, raw json.RawMessage) (string, error) {
	got, err := k.one.pick(c, raw)
	return got.id, err
}

func (k choicesKind) render(v *view, f *field, val value) any {
	out := []any{}
	for _, id := range val.list {
		if got, ok := k.one.byID(v.sys, v.project, f, id); ok {
			out = append(out, got.render(v))
		}
	}
	return out
}

func (k choicesKind) words(s *System, f *field, val value) (id, text string) {
	var names []string
	for _, p := range s.projects {
		for _, id := range val.list {
			if got, ok := k.one.byID(s, p, f, id); ok && !slices.Contains(names, got.name) {
				names = append(names, got.name)
			}
		}
	}
	return strings.Join(val.list, ","), strings.Join(names, ",")
}

func (k choicesKind) allowed(v *view, p *project, f *field) []any { return k.one.allowed(v, p, f) }

// cascadeKind is a select field with two levels.
type cascadeKind struct{}

func (cascadeKind) parse(c *valueContext, raw json.RawMessage) (value, bool, error) {
	first := optionKind()
	top, err := first.pick(c, raw)
	if err != nil {
		return value{}, false, err
	}
	var ref struct {
		Child json.RawMessage `json:"child"`
	}
	if err := json.Unmarshal(raw, &ref); err != nil {
		return value{}, false, errors.New("expected Object")
	}
	if isNull(ref.Child) {
		return value{text: top.id}, false, nil
	}
	parent, _ := find(c.field.options, func(o *option) bool { return o.id == top.id })
	inner := *c
	inner.field = &field{id: c.field.id, name: c.field.name, options: parent.children}
	child, err := first.pick(&inner, ref.Child)
	if err != nil {
		return value{}, false, err
	}
	return value{text: top.id, child: child.id}, false, nil
}

func (cascadeKind) options(f *field, val value) (parent, child *option) {
	parent, ok := find(f.options, func(o *option) bool { return o.id == val.text })
	if !ok {
		return nil, nil
	}
	child, _ = find(parent.children, func(o *option) bool { return o.id == val.child })
	return parent, child
}

func (k cascadeKind) render(v *view, f *field, val value) any {
	parent, child := k.options(f, val)
	if parent == nil {
		return nil
	}
	out := v.option(parent)
	if child != nil {
		out["child"] = v.option(child)
	}
	return out
}

func (k cascadeKind) words(_ *System, f *field, val value) (id, text string) {
	parent, child := k.options(f, val)
	if parent == nil {
		return val.text, ""
	}
	text = "Parent values: " + parent.value + "(" + parent.id + ")"
	if child != nil {
		text += "Level 1 values: " + child.value + "(" + child.id + ")"
	}
	return val.text, text
}

func (cascadeKind) allowed(v *view, _ *project, f *field) []any {
	out := []any{}
	for _, o := range f.options {
		parent := v.option(o)
		children := []any{}
		for _, c := range o.children {
			children = append(children, v.option(c))
		}
		parent["children"] = children
		out = append(out, parent)
	}
	return out
}

// userKind is a field that holds an account.
type userKind struct {
	noChoice
	assignee bool
}

func (k userKind) parse(c *valueContext, raw json.RawMessage) (value, bool, error) {
	var ref struct {
		AccountID *string `json:"accountId"`
		ID        *string `json:"id"`
		Name      *string `json:"name"`
		Key       *string `json:"key"`
	}
	if err := json.Unmarshal(raw, &ref); err != nil {
		return value{}, false, errors.New("expected Object")
	}
	s := c.sys
	var given string
	var u *user
	switch {
	case s.cloud() && ref.AccountID != nil:
		given, u = *ref.AccountID, s.userByID(*ref.AccountID)
	case s.cloud() && ref.ID != nil:
		given, u = *ref.ID, s.userByID(*ref.ID)
	case s.cloud() && ref.Name == nil && ref.Key == nil, !s.cloud() && ref.Name != nil && *ref.Name == "":
		return value{}, true, nil
	case s.cloud():
		return value{}, false, errors.New("accountId must be present in the request")
	case ref.Name != nil:
		given, u = *ref.Name, s.userByName(*ref.Name)
	case ref.Key != nil:
		given, u = *ref.Key, s.userByName(*ref.Key)
	}
	switch {
	case u == nil:
		return value{}, false, says("User '%s' does not exist.", given)
	case k.assignee && (!u.active || !s.may(u, c.project, assignableUser) || !s.may(u, c.project, browseProjects)):
		return value{}, false, says("User '%s' cannot be assigned issues.", given)
	}
	return value{text: u.accountID}, false, nil
}

func (userKind) render(v *view, _ *field, val value) any {
	if u := v.sys.userByID(val.text); u != nil {
		return v.user(u)
	}
	return nil
}

func (userKind) words(s *System, _ *field, val value) (id, text string) {
	u := s.userByID(val.text)
	if u == nil {
		return val.text, ""
	}
	if s.cloud() {
		return u.accountID, u.displayName
	}
	return u.key, u.displayName
}

// typeKind is the issue type; it can be edited within a workflow.
type typeKind struct{}

func (typeKind) parse(c *valueContext, raw json.RawMessage) (value, bool, error) {
	t := c.sys.typeIn(c.project, raw)
	if t == nil {
		return value{}, false, says("The issue type selected is invalid.")
	}
	if c.issue != nil && c.issue.issueType.level != t.level {
		return value{}, false, says("The issue type selected is invalid.")
	}
	return value{text: t.id}, false, nil
}

func (typeKind) render(*view, *field, value) any { return nil }

func (typeKind) words(_ *System, _ *field, val value) (id, text string) {
	t, _ := find(issueTypes, func(t *issueType) bool { return t.id == val.text })
	return val.text, t.name
}

func (typeKind) allowed(v *view, p *project, _ *field) []any {
	out := []any{}
	for _, t := range p.types {
		out = append(out, v.issueType(t))
	}
	return out
}

// projectKind is the project; it is fixed at creation.
type projectKind struct{ opaqueKind }

func (projectKind) allowed(v *view, p *project, _ *field) []any { return []any{v.projectRef(p)} }

// parentKind is the parent of a sub-task and, on Cloud, of an epic's child.
type parentKind struct{ noChoice }

var errHierarchy = says("Given parent issue does not belong to appropriate hierarchy.")

func (parentKind) parse(c *valueContext, raw json.RawMessage) (value, bool, error) {
	var ref struct {
		ID   json.RawMessage `json:"id"`
		Key  string          `json:"key"`
		None bool            `json:"none"`
	}
	if err := json.Unmarshal(raw, &ref); err != nil {
		return value{}, false, errors.New("data was not an object")
	}
	if ref.None {
		return value{}, true, nil
	}
	key := ref.Key
	if key == "" {
		key = strings.Trim(string(ref.ID), `"`)
	}
	parent := c.sys.lookup(key)
	switch {
	case parent == nil:
		return value{}, false, says("Could not find issue by id or key.")
	case parent.issueType.level != c.issueType.level+1:
		return value{}, false, errHierarchy
	case c.issueType.subtask && parent.project != c.project:
		return value{}, false, says("Sub-tasks must be created in the same project as the parent.")
	}
	return value{text: parent.idText()}, false, nil
}

func (parentKind) render(v *view, _ *field, val value) any {
	parent := v.sys.lookup(val.text)
	if parent == nil {
		return nil
	}
	return v.issueRef(parent)
}

func (parentKind) words(s *System, _ *field, val value) (id, text string) {
	if parent := s.lookup(val.text); parent != nil {
		return val.text, parent.key
	}
	return val.text, ""
}

// epicLinkKind is Data Center's link from an issue to its epic, by key.
type epicLinkKind struct{ noChoice }

func (epicLinkKind) parse(c *valueContext, raw json.RawMessage) (value, bool, error) {
	key, ok := asString(raw)
	if !ok {
		return value{}, false, says("Operation value must be a string")
	}
	key = strings.TrimPrefix(key, "key:")
	if key == "" {
		return value{}, true, nil
	}
	epic := c.sys.lookup(key)
	if epic == nil || epic.issueType != typeEpic {
		return value{}, false, says("Issue '%s' is not a valid epic.", key)
	}
	return value{text: epic.idText()}, false, nil
}

func (epicLinkKind) render(v *view, _ *field, val value) any {
	if epic := v.sys.lookup(val.text); epic != nil {
		return epic.key
	}
	return nil
}

func (epicLinkKind) words(s *System, _ *field, val value) (id, text string) {
	if epic := s.lookup(val.text); epic != nil {
		return val.text, epic.key
	}
	return val.text, strconv.Quote(val.text)
}
