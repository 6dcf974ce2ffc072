package asana

import (
	"fmt"
	"slices"
	"time"
)

// The levels of access to a project.
const (
	accessAdmin     = "admin"
	accessEditor    = "editor"
	accessCommenter = "commenter"
	accessViewer    = "viewer"
)

// access is a user's membership of a project.
type access struct {
	entity
	project *project
	member  *user
	level   string
}

func (*access) kind() string { return "membership" }

func (m *access) field(_ *viewer, name string) any {
	switch name {
	case "gid":
		return m.gid
	case "resource_type":
		return "membership"
	case "resource_subtype":
		return "project_membership"
	case "parent":
		return m.project
	case "member":
		return m.member
	case "access_level":
		return m.level
	}
	return nil
}

// access returns a member's access; nil for others, who may edit what is public.
func (p *project) access(u *user) *access {
	for _, m := range p.accesses {
		if m.member == u {
			return m
		}
	}
	return nil
}

// join makes people members who may edit; the owner may do all.
func (s *System) join(p *project, people []*user, now time.Time) {
	for _, u := range people {
		p.members = appendUser(p.members, u)
		level := accessEditor
		if u == p.owner {
			level = accessAdmin
		}
		if p.access(u) == nil && u != nil {
			p.accesses = append(p.accesses, &access{entity: s.entity(now), project: p, member: u, level: level})
		}
	}
}

func listMemberships(c *call) (*answer, *apiError) {
	p, err := c.project("parent", c.query.Get("parent"))
	if err != nil {
		return nil, err
	}
	out := []resource{}
	for _, m := range p.accesses {
		if id := c.query.Get("member"); id == "" || id == m.member.gid {
			out = append(out, m)
		}
	}
	return list(out)
}

// mayEdit refuses who may only look at or comment on all projects of a task.
func (c *call) mayEdit(t *task) *apiError { return c.may(t, accessAdmin, accessEditor) }

func (c *call) mayComment(t *task) *apiError {
	return c.may(t, accessAdmin, accessEditor, accessCommenter)
}

func (c *call) may(t *task, levels ...string) *apiError {
	top := t.root()
	for _, m := range slices.Concat(t.memberships, top.memberships) {
		a := m.project.access(c.user)
		if a == nil || slices.Contains(levels, a.level) {
			return nil
		}
	}
	if len(t.memberships)+len(top.memberships) == 0 {
		return nil
	}
	return forbidden("You do not have permission to edit this task.")
}

// SetAccess gives a user a level of access to a project by name: admin, editor,
// commenter or viewer.
func (s *System) SetAccess(project, email, level string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, u := s.projectByName(project), s.userByEmail(email)
	if p == nil || u == nil || !slices.Contains([]string{accessAdmin, accessEditor, accessCommenter, accessViewer}, level) {
		return fmt.Errorf("no project %q, user %q or level %q", project, email, level)
	}
	s.join(p, []*user{u}, s.now())
	p.access(u).level = level
	return nil
}
