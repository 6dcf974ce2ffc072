package jira

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// createIssue makes an issue of an update, or says why not.
func (s *System) createIssue(actor *user, api int, u issueUpdate) (*issue, error) {
	p, t, err := s.destination(actor, u)
	if err != nil {
		return nil, err
	}
	next := &issue{project: p, issueType: t, fields: map[string]value{}, creator: actor}
	e := &editor{sys: s, api: api, actor: actor, next: next, fresh: true, screen: func(id string) bool { return s.onScreen(p, t, id) }}
	e.apply(u)
	e.require()
	if err := e.outcome(); err != nil {
		return nil, err
	}
	if err := setProperties(next, u.Properties); err != nil {
		return nil, err
	}
	if _, has := next.fields["priority"]; !has && s.onScreen(p, t, "priority") {
		next.fields["priority"] = value{text: defaultPriority}
	}
	if _, has := next.fields["reporter"]; !has {
		next.fields["reporter"] = value{text: actor.id()}
	}
	p.next++
	next.id = s.nextID("issue", 10000)
	next.key = fmt.Sprintf("%s-%d", p.key, p.next)
	next.created = s.now()
	s.enter(next, p.workflow.initial)
	blank := &issue{project: p, issueType: t}
	items := append(s.diff(blank, next), statusItem("Status", nil, next.status))
	s.put(next, write{actor: actor, event: eventIssueCreated, name: "issue_created", items: items})
	s.attach(e, next.id)
	return s.issues[next.id], nil
}

// attach stores the comments and links that came with an update.
func (s *System) attach(e *editor, id int64) {
	for _, c := range e.comments {
		s.addComment(s.issues[id], e.actor, c)
	}
	for _, l := range e.links {
		if l.inward == 0 {
			l.inward = id
		}
		if l.outward == 0 {
			l.outward = id
		}
		s.addLink(e.actor, l)
	}
}

// destination finds the project and the type of a new issue.
func (s *System) destination(actor *user, u issueUpdate) (*project, *issueType, error) {
	var ref struct {
		ID  json.RawMessage `json:"id"`
		Key string          `json:"key"`
	}
	var p *project
	if raw := u.Fields["project"]; !isNull(raw) && json.Unmarshal(raw, &ref) == nil {
		name := ref.Key
		if name == "" {
			name = unquote(ref.ID)
		}
		p = s.projectBy(name)
	}
	if p == nil || p.archived || !s.may(actor, p, browseProjects) {
		return nil, nil, s.wrongRef("project", isNull(u.Fields["project"]))
	}
	if !s.may(actor, p, createIssues) {
		return nil, nil, fieldErrors(map[string]string{"project": "You do not have permission to create issues in this project."})
	}
	if isNull(u.Fields["issuetype"]) {
		return nil, nil, s.wrongRef("issuetype", true)
	}
	t := s.typeIn(p, u.Fields["issuetype"])
	if t == nil {
		return nil, nil, s.wrongRef("issuetype", false)
	}
	return p, t, nil
}

// wrongRef says that the project or the type of a new issue is missing or wrong;
// the flavours word it differently.
func (s *System) wrongRef(field string, missing bool) error {
	words := map[string]string{"project": "Specify a valid project ID or key", "issuetype": "Specify a valid issue type"}
	if !s.cloud() {
		words = map[string]string{"project": "valid project is required", "issuetype": "valid issue type is required"}
		if missing {
			words = map[string]string{"project": "project is required", "issuetype": "issue type is required"}
		}
	} else if missing {
		words["issuetype"] = "Specify an issue type"
	}
	return fieldErrors(map[string]string{field: words[field]})
}

// editIssue changes the fields of an issue, or says why not. An update that
// changes nothing leaves no trace, as in Jira.
func (s *System) editIssue(actor *user, api int, i *issue, u issueUpdate) error {
	if i.archived {
		return fail(http.StatusBadRequest, "The issue is archived and cannot be edited.")
	}
	if !s.may(actor, i.project, editIssues) {
		return fail(http.StatusForbidden, "You do not have permission to edit issues in this project.")
	}
	next := i.clone()
	e := &editor{sys: s, api: api, actor: actor, next: next, screen: func(id string) bool { return slices.Contains(s.editScreen(i), id) }}
	e.apply(u)
	if err := e.outcome(); err != nil {
		return err
	}
	if err := setProperties(next, u.Properties); err != nil {
		return err
	}
	items := s.diff(i, next)
	switch {
	case len(items) > 0:
		s.put(next, write{actor: actor, event: eventIssueUpdated, name: eventName(items), items: items})
	case len(u.Properties) > 0:
		s.put(next, write{silent: true})
	}
	s.attach(e, i.id)
	return nil
}

func eventName(items []changeItem) string {
	if len(items) == 1 && items[0].fieldID == "assignee" {
		return "issue_assigned"
	}
	return "issue_updated"
}

// editScreen lists the fields that can be edited on an issue now.
func (s *System) editScreen(i *issue) []string {
	var out []string
	for _, id := range i.project.screens[i.issueType.id] {
		if id != "project" && s.onScreen(i.project, i.issueType, id) {
			out = append(out, id)
		}
	}
	return out
}
