package jira

import (
	"net/http"
	"slices"
	"strings"
)

// available lists the transitions that a user can take from an issue's status.
func (s *System) available(u *user, i *issue) []*transition {
	if i.archived || !s.may(u, i.project, transitionIssues) {
		return nil
	}
	return i.project.workflow.from(i.status)
}

func (c *call) getTransitions() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	var only []string
	if id := c.query.Get("transitionId"); id != "" {
		only = []string{id}
	}
	withFields := slices.Contains(c.list("expand"), "transitions.fields")
	v := *c.view
	v.project = i.project
	return ok(object{"expand": "transitions", "transitions": v.transitions(i, only, withFields)}), nil
}

func (v *view) transitions(i *issue, only []string, withFields bool) []any {
	out := []any{}
	for _, t := range v.sys.available(v.viewer, i) {
		if only != nil && !slices.Contains(only, t.id) {
			continue
		}
		o := object{"id": t.id, "name": t.name, "to": v.status(t.to)}
		if v.sys.cloud() {
			o["hasScreen"], o["isGlobal"], o["isInitial"], o["isConditional"], o["isAvailable"], o["isLooped"] = len(t.screen) > 0, t.global(), false, false, true, false
		}
		if withFields {
			fields := object{}
			for _, sf := range t.screen {
				if f := v.sys.field(sf.field); f != nil && !v.sys.hidden[f.id] {
					meta := v.fieldMeta(i.project, i.issueType, f)
					meta["required"] = sf.required
					fields[f.id] = meta
				}
			}
			o["fields"] = fields
		}
		out = append(out, o)
	}
	return out
}

func (c *call) postTransition() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	var u issueUpdate
	if err := c.decode(&u); err != nil {
		return reply{}, err
	}
	if err := c.sys.transitionIssue(c.user, c.api, i, u); err != nil {
		return reply{}, err
	}
	return noContent, nil
}

// transitionIssue takes an issue through one step of its workflow.
func (s *System) transitionIssue(actor *user, api int, i *issue, u issueUpdate) error {
	if u.Transition == nil || len(u.Transition.ID) == 0 {
		return fail(http.StatusBadRequest, "Missing 'transition' identifier")
	}
	id := strings.Trim(string(u.Transition.ID), `"`)
	t, ok := find(s.available(actor, i), func(t *transition) bool { return t.id == id })
	if !ok {
		return fail(http.StatusBadRequest, "Transition id '%s' is not valid for this issue.", id)
	}
	next := i.clone()
	e := &editor{sys: s, api: api, actor: actor, next: next, screen: func(id string) bool {
		return !s.hidden[id] && slices.ContainsFunc(t.screen, func(f screenField) bool { return f.field == id })
	}}
	if i.status.category == categoryDone && t.to.category != categoryDone {
		delete(next.fields, "resolution")
	}
	e.apply(u)
	if err := e.outcome(); err != nil {
		return err
	}
	for _, sf := range t.screen { // checked by a validator of the workflow, whose words name no field id
		if _, has := next.fields[sf.field]; sf.required && !has {
			return fail(http.StatusBadRequest, "Field %s is required.", s.field(sf.field).name)
		}
	}
	if t.resolve != "" {
		next.fields["resolution"] = value{text: t.resolve}
	}
	s.enter(next, t.to)
	items := append(s.diff(i, next), statusItem("status", i.status, next.status))
	s.put(next, write{actor: actor, event: eventIssueUpdated, name: "issue_generic", items: items})
	s.attach(e, i.id)
	return nil
}
