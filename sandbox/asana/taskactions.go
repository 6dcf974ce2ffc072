package asana

import (
	"slices"
)

// taskActions are the operations below a task that take a POST.
var taskActions = map[string]func(*call) (*answer, *apiError){
	"setParent":          setParent,
	"addProject":         addProject,
	"removeProject":      removeProject,
	"addTag":             addTag,
	"removeTag":          removeTag,
	"addFollowers":       addFollowers,
	"removeFollowers":    removeFollowers,
	"addDependencies":    addDependencies,
	"removeDependencies": removeDependencies,
	"addDependents":      addDependents,
	"removeDependents":   removeDependents,
}

// acting carries out an action of somebody who may edit the task.
func (c *call) acting(op func(*call) (*answer, *apiError)) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err == nil {
		err = c.mayEdit(t)
	}
	if err != nil {
		return nil, err
	}
	return op(c)
}

func setParent(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	if !c.has("parent") {
		return nil, invalid("parent: Missing input")
	}
	id, err := gidOf("parent", c.data["parent"])
	if err != nil {
		return nil, err
	}
	var parent *task
	if id != "" {
		if parent, err = c.task("parent", id); err != nil {
			return nil, invalid("parent: Unknown object: %s", id)
		}
		for up := parent; up != nil; up = up.parent {
			if up == t {
				return nil, invalid("parent: A task cannot be its own parent")
			}
		}
	}
	if parent == t.parent {
		return just(t)
	}
	if t.parent != nil {
		c.s.emit(&event{at: c.now, user: c.user, action: "removed", resource: t.ref(), parent: t.parent.ref(), seen: c.s.seenBy(t)})
		t.parent.subtasks = slices.DeleteFunc(t.parent.subtasks, func(x *task) bool { return x == t })
	}
	t.parent = parent
	if parent != nil {
		parent.subtasks = append(parent.subtasks, t)
		c.s.emit(&event{at: c.now, user: c.user, action: "added", resource: t.ref(), parent: parent.ref(), seen: c.s.seenBy(t)})
	}
	return just(t)
}

// addProject puts a task into a project, or moves it within: to the end of a
// section unless told otherwise.
func addProject(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	id, err := gidOf("project", c.data["project"])
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, invalid("project: Missing input")
	}
	p, err := c.project("project", id)
	if err != nil {
		return nil, err
	}
	var sec *section
	if id, err = gidOf("section", c.data["section"]); err != nil {
		return nil, err
	} else if id != "" {
		if sec = c.s.sections[id]; sec == nil || sec.project != p {
			return nil, invalid("section: The section %s is not in the project %s", id, p.gid)
		}
	}
	if t.in(p) == nil && len(t.memberships) >= 20 {
		return nil, invalid("project: A task may be in at most 20 projects")
	}
	at := -1
	if v, given := c.data["insert_after"]; given && v == nil {
		at = 0
	}
	c.s.move(c, t, p, sec, at)
	return nothing()
}

// move puts a task into a section and tells of it. modified_at stays.
func (s *System) move(c *call, t *task, p *project, sec *section, at int) {
	old := t.in(p)
	if old == nil {
		s.place(t, p, sec, at)
		s.numbered(t, p)
		t.modified = c.now
		s.index(t, c.now)
		s.emit(&event{at: c.now, user: c.user, action: "added", resource: t.ref(), parent: p.ref(), seen: s.seenBy(t)})
		s.note(c, t, "added_to_project", c.who()+" added to "+p.name, map[string]any{"project": resource(p)})
		return
	}
	if sec == nil {
		return
	}
	from := old.section
	s.place(t, p, sec, at)
	if from == sec {
		return
	}
	seen := s.seenBy(t)
	s.emit(&event{at: c.now, user: c.user, action: "removed", resource: t.ref(), parent: from.ref(), seen: seen})
	s.emit(&event{at: c.now, user: c.user, action: "added", resource: t.ref(), parent: sec.ref(), seen: seen})
	s.note(c, t, "section_changed", c.who()+" moved this Task from "+quoted(from.name)+" to "+quoted(sec.name)+" in "+p.name,
		map[string]any{"old_section": resource(from), "new_section": resource(sec), "project": resource(p)})
}

func removeProject(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	id, err := gidOf("project", c.data["project"])
	if err != nil {
		return nil, err
	}
	p, err := c.project("project", id)
	if err != nil {
		return nil, err
	}
	c.s.leave(c, t, p)
	return nothing()
}

func (s *System) leave(c *call, t *task, p *project) {
	if t.in(p) == nil {
		return
	}
	seen := s.seenBy(t)
	s.unplace(t, p)
	s.emit(&event{at: c.now, user: c.user, action: "removed", resource: t.ref(), parent: p.ref(), seen: seen})
	s.note(c, t, "removed_from_project", c.who()+" removed from "+p.name, map[string]any{"project": resource(p)})
}

func addTag(c *call) (*answer, *apiError) {
	return c.tagging(func(t *task, tg *tag) {
		if slices.Contains(t.tags, tg) {
			return
		}
		t.tags = append(t.tags, tg)
		c.s.emit(&event{at: c.now, user: c.user, action: "added", resource: t.ref(), parent: tg.ref(), seen: c.s.seenBy(t)})
		c.s.emit(&event{at: c.now, user: c.user, action: "changed", resource: t.ref(), field: "tags", did: "added", news: inline{"gid": tg.gid, "resource_type": "tag"}, seen: c.s.seenBy(t)})
		c.s.note(c, t, "added_to_tag", c.who()+" added to "+tg.name, map[string]any{"tag": resource(tg)})
		t.modified = c.now
	})
}

func removeTag(c *call) (*answer, *apiError) {
	return c.tagging(func(t *task, tg *tag) {
		if !slices.Contains(t.tags, tg) {
			return
		}
		t.tags = slices.DeleteFunc(t.tags, func(x *tag) bool { return x == tg })
		c.s.emit(&event{at: c.now, user: c.user, action: "removed", resource: t.ref(), parent: tg.ref(), seen: c.s.seenBy(t)})
		c.s.emit(&event{at: c.now, user: c.user, action: "changed", resource: t.ref(), field: "tags", did: "removed", news: inline{"gid": tg.gid, "resource_type": "tag"}, seen: c.s.seenBy(t)})
		c.s.note(c, t, "removed_from_tag", c.who()+" removed from "+tg.name, map[string]any{"tag": resource(tg)})
		t.modified = c.now
	})
}

func (c *call) tagging(do func(*task, *tag)) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	id, err := gidOf("tag", c.data["tag"])
	if err != nil {
		return nil, err
	}
	tg, err := c.tag("tag", id)
	if err != nil {
		return nil, err
	}
	do(t, tg)
	return nothing()
}

func addFollowers(c *call) (*answer, *apiError) {
	return c.following(func(t *task, u *user) {
		if slices.Contains(t.followers, u) {
			return
		}
		t.followers = append(t.followers, u)
		c.s.emit(&event{at: c.now, user: c.user, action: "changed", resource: t.ref(), field: "followers", did: "added", news: inline{"gid": u.gid, "resource_type": "user"}, seen: c.s.seenBy(t)})
		c.s.note(c, t, "follower_added", c.who()+" added "+u.name+" as a collaborator", map[string]any{"follower": resource(u)})
		t.modified = c.now
	})
}

func removeFollowers(c *call) (*answer, *apiError) {
	return c.following(func(t *task, u *user) {
		if !slices.Contains(t.followers, u) {
			return
		}
		t.followers = slices.DeleteFunc(t.followers, func(x *user) bool { return x == u })
		c.s.emit(&event{at: c.now, user: c.user, action: "changed", resource: t.ref(), field: "followers", did: "removed", news: inline{"gid": u.gid, "resource_type": "user"}, seen: c.s.seenBy(t)})
		t.modified = c.now
	})
}

func (c *call) following(do func(*task, *user)) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	people, err := c.people("followers", c.data["followers"])
	if err != nil {
		return nil, err
	}
	for _, u := range people {
		do(t, u)
	}
	return just(t)
}

func addDependencies(c *call) (*answer, *apiError) {
	return c.depending("dependencies", func(t, other *task) { depend(t, other) })
}

func removeDependencies(c *call) (*answer, *apiError) {
	return c.depending("dependencies", func(t, other *task) { undepend(t, other) })
}

func addDependents(c *call) (*answer, *apiError) {
	return c.depending("dependents", func(t, other *task) { depend(other, t) })
}

func removeDependents(c *call) (*answer, *apiError) {
	return c.depending("dependents", func(t, other *task) { undepend(other, t) })
}

func depend(t, on *task) {
	if !slices.Contains(t.dependencies, on) {
		t.dependencies, on.dependents = append(t.dependencies, on), append(on.dependents, t)
	}
}

func undepend(t, on *task) {
	t.dependencies = slices.DeleteFunc(t.dependencies, func(x *task) bool { return x == on })
	on.dependents = slices.DeleteFunc(on.dependents, func(x *task) bool { return x == t })
}

func (c *call) depending(member string, do func(t, other *task)) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	list, err := gids(member, c.data[member])
	if err != nil {
		return nil, err
	}
	var others []*task
	for _, id := range list {
		o, err := c.task(member, id)
		if err != nil {
			return nil, err
		}
		others = append(others, o)
	}
	if len(t.dependencies)+len(t.dependents)+len(others) > 30 {
		return nil, invalid("%s: A task may have at most 30 dependencies and dependents together", member)
	}
	for _, o := range others {
		do(t, o)
		c.s.emit(&event{at: c.now, user: c.user, action: "changed", resource: t.ref(), field: "dependencies", did: "added", seen: c.s.seenBy(t)})
	}
	return nothing()
}
