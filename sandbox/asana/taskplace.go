package asana

import (
	"slices"
	"time"
)

// places reads projects and memberships of a create.
func (c *call) places() ([]*membership, *apiError) {
	var out []*membership
	list, err := gids("projects", c.data["projects"])
	if err != nil {
		return nil, err
	}
	for _, id := range list {
		p, err := c.project("projects", id)
		if err != nil {
			return nil, invalid("projects: Unknown object: %s", id)
		}
		out = append(out, &membership{project: p, section: p.sections[0]})
	}
	raw, _ := c.data["memberships"].([]any)
	for _, x := range raw {
		m, _ := x.(map[string]any)
		id, err := gidOf("memberships", m["project"])
		if err != nil {
			return nil, err
		}
		p, err := c.project("memberships", id)
		if err != nil {
			return nil, invalid("memberships: Unknown object: %s", id)
		}
		place := &membership{project: p, section: p.sections[0]}
		if id, err = gidOf("memberships", m["section"]); err != nil {
			return nil, err
		}
		if id != "" {
			sec := c.s.sections[id]
			if sec == nil || sec.project != p {
				return nil, invalid("memberships: The section %s is not in the project %s", id, p.gid)
			}
			place.section = sec
		}
		out = slices.DeleteFunc(out, func(m *membership) bool { return m.project == p })
		out = append(out, place)
	}
	if len(out) > 20 {
		return nil, invalid("projects: A task may be in at most 20 projects")
	}
	return out, nil
}

// place puts a task into a section of a project, at an index or at the end.
func (s *System) place(t *task, p *project, sec *section, at int) {
	if sec == nil {
		sec = p.sections[0]
	}
	m := t.in(p)
	if m == nil {
		m = &membership{project: p}
		t.memberships = append(t.memberships, m)
	} else {
		old := m.section
		if i := slices.Index(old.tasks, t); i >= 0 {
			old.tasks = slices.Delete(old.tasks, i, i+1)
		}
	}
	m.section = sec
	if at < 0 || at > len(sec.tasks) {
		at = len(sec.tasks)
	}
	sec.tasks = slices.Insert(sec.tasks, at, t)
}

// unplace takes a task out of a project.
func (s *System) unplace(t *task, p *project) {
	m := t.in(p)
	if m == nil {
		return
	}
	if i := slices.Index(m.section.tasks, t); i >= 0 {
		m.section.tasks = slices.Delete(m.section.tasks, i, i+1)
	}
	t.memberships = slices.DeleteFunc(t.memberships, func(x *membership) bool { return x == m })
}

func (s *System) trash(u *user, t *task, now time.Time) {
	seen := s.seenBy(t)
	t.trashed, t.trashedAt, t.modified = true, now, now
	for _, m := range t.memberships {
		if i := slices.Index(m.section.tasks, t); i >= 0 {
			m.section.tasks = slices.Delete(m.section.tasks, i, i+1)
		}
	}
	if t.parent != nil {
		t.parent.subtasks = slices.DeleteFunc(t.parent.subtasks, func(x *task) bool { return x == t })
	}
	s.emit(&event{at: now, user: u, action: "deleted", resource: t.ref(), seen: seen})
	for _, sub := range slices.Clone(t.subtasks) {
		s.trash(u, sub, now)
	}
}

func (s *System) untrash(u *user, t *task, now time.Time) {
	t.trashed, t.trashedAt, t.modified = false, time.Time{}, now
	for _, m := range t.memberships {
		m.section.tasks = append(m.section.tasks, t)
	}
	if t.parent != nil {
		t.parent.subtasks = append(t.parent.subtasks, t)
	}
	s.emit(&event{at: now, user: u, action: "undeleted", resource: t.ref(), seen: s.seenBy(t)})
}
