package asana

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

func getTask(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	return just(t)
}

// listTasks is GET /tasks: by project, section, tag, or assignee with workspace.
func listTasks(c *call) (*answer, *apiError) {
	var tasks []*task
	q := c.query
	switch {
	case q.Get("project") != "":
		p, err := c.project("project", q.Get("project"))
		if err != nil {
			return nil, err
		}
		tasks = p.tasks()
	case q.Get("section") != "":
		sec, err := c.section("section", q.Get("section"))
		if err != nil {
			return nil, err
		}
		tasks = sec.tasks
	case q.Get("tag") != "":
		tg, err := c.tag("tag", q.Get("tag"))
		if err != nil {
			return nil, err
		}
		tasks = c.s.tagged(tg)
	case q.Get("assignee") != "" && q.Get("workspace") != "":
		u, err := c.person("assignee", q.Get("assignee"))
		if err != nil {
			return nil, err
		}
		for _, t := range c.s.ordered() {
			if t.assignee == u {
				tasks = append(tasks, t)
			}
		}
	default:
		return nil, invalid("You should specify one of project, tag, section, user_task_list, or assignee + workspace")
	}
	return c.filtered(tasks)
}

// filtered applies modified_since and completed_since.
func (c *call) filtered(tasks []*task) (*answer, *apiError) {
	var modified, completed time.Time
	for name, at := range map[string]*time.Time{"modified_since": &modified, "completed_since": &completed} {
		text := c.query.Get(name)
		if text == "now" {
			*at = c.now
			continue
		}
		if text != "" {
			t, err := instantOf(name, text)
			if err != nil {
				return nil, err
			}
			*at = t
		}
	}
	out := []resource{}
	for _, t := range tasks {
		if t.trashed || !modified.IsZero() && t.modified.Before(modified) || !completed.IsZero() && t.completed && t.completedAt.Before(completed) {
			continue
		}
		out = append(out, t)
	}
	return list(out)
}

func (p *project) tasks() []*task {
	var out []*task
	for _, sec := range p.sections {
		out = append(out, sec.tasks...)
	}
	return out
}

// ordered returns the tasks that are there, oldest first.
func (s *System) ordered() []*task {
	out := make([]*task, 0, len(s.tasks))
	for _, t := range s.tasks {
		if !t.trashed {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *task) int { return strings.Compare(a.gid, b.gid) })
	return out
}

func (s *System) tagged(tg *tag) []*task {
	var out []*task
	for _, t := range s.ordered() {
		if slices.Contains(t.tags, tg) {
			out = append(out, t)
		}
	}
	return out
}

func listProjectTasks(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	c.query.Del("modified_since") // not known here
	return c.filtered(p.tasks())
}

func listSectionTasks(c *call) (*answer, *apiError) {
	sec, err := c.section("section", c.vars["section"])
	if err != nil {
		return nil, err
	}
	c.query.Del("modified_since")
	return c.filtered(sec.tasks)
}

func listTagTasks(c *call) (*answer, *apiError) {
	tg, err := c.tag("tag", c.vars["tag"])
	if err != nil {
		return nil, err
	}
	return c.filtered(c.s.tagged(tg))
}

func listSubtasks(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	return list(resources(t.subtasks))
}

func listTaskProjects(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	out := []resource{}
	for _, m := range t.memberships {
		out = append(out, m.project)
	}
	return list(out)
}

func listTaskTags(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	return list(resources(t.tags))
}

func listDependencies(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	return list(resources(t.dependencies))
}

func listDependents(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	return list(resources(t.dependents))
}

func getByCustomID(c *call) (*answer, *apiError) {
	for _, t := range c.s.ordered() {
		for gid, v := range t.values {
			if f := c.s.customField(gid); f != nil && f.represents == "custom_id" && v.text == c.vars["custom_id"] {
				return just(t)
			}
		}
	}
	return nil, unknown("custom_id", c.vars["custom_id"])
}

// createTask is POST /tasks.
func createTask(c *call) (*answer, *apiError) {
	t, err := c.newTask(nil)
	if err != nil {
		return nil, err
	}
	return created(t)
}

func createSubtask(c *call) (*answer, *apiError) {
	parent, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	t, err := c.newTask(parent)
	if err != nil {
		return nil, err
	}
	return created(t)
}

// newTask checks the whole body first, so that a refusal has no effect.
func (c *call) newTask(parent *task) (*task, *apiError) {
	if id, err := gidOf("parent", c.data["parent"]); err != nil {
		return nil, err
	} else if id != "" {
		if parent, err = c.task("parent", id); err != nil {
			return nil, invalid("parent: Unknown object: %s", id)
		}
	}
	places, err := c.places()
	if err != nil {
		return nil, err
	}
	if id, err := gidOf("workspace", c.data["workspace"]); err != nil {
		return nil, err
	} else if id != "" && id != c.s.workspace.gid {
		return nil, invalid("workspace: Unknown object: %s", id)
	} else if id == "" && len(places) == 0 && parent == nil {
		return nil, invalid("You should specify one of workspace, parent, projects")
	}
	if err := c.freshExternal(); err != nil {
		return nil, err
	}
	t := &task{entity: entity{created: c.now}, subtype: "default_task", createdBy: c.user, modified: c.now, values: map[string]*fieldValue{}, html: "<body></body>"}
	t.memberships, t.parent = places, parent
	if err := c.mayEdit(t); err != nil {
		return nil, err
	}
	edits, err := c.taskEdits(t)
	if err != nil {
		return nil, err
	}
	tags, err := c.newTags()
	if err != nil {
		return nil, err
	}
	followers, err := c.people("followers", c.data["followers"])
	if err != nil {
		return nil, err
	}
	t.gid, t.memberships = c.s.newGID(), nil
	c.s.tasks[t.gid] = t
	t.tags = tags
	t.followers = appendUser(followers, c.user)
	c.s.index(t, c.now)
	if parent != nil {
		t.parent = parent
		parent.subtasks = append(parent.subtasks, t)
	}
	for _, m := range places {
		c.s.place(t, m.project, m.section, -1)
		c.s.numbered(t, m.project)
	}
	for _, e := range edits {
		e.set()
	}
	if t.assignee != nil {
		t.followers = appendUser(t.followers, t.assignee)
	}
	c.s.announceNew(c, t)
	return t, nil
}

func appendUser(list []*user, u *user) []*user {
	if u == nil || slices.Contains(list, u) {
		return list
	}
	return append(list, u)
}

func (c *call) newTags() ([]*tag, *apiError) {
	list, err := gids("tags", c.data["tags"])
	if err != nil {
		return nil, err
	}
	var out []*tag
	for _, id := range list {
		tg, err := c.tag("tags", id)
		if err != nil {
			return nil, invalid("tags: Unknown object: %s", id)
		}
		if !slices.Contains(out, tg) {
			out = append(out, tg)
		}
	}
	return out, nil
}

// freshExternal refuses an external gid that the app has used.
func (c *call) freshExternal() *apiError {
	m, ok := c.data["external"].(map[string]any)
	if !ok || c.token == nil || c.token.app == "" {
		return nil
	}
	id, _ := m["gid"].(string)
	for _, t := range c.s.tasks {
		if !t.trashed && t.external != nil && t.external.gid == id && t.external.app == c.token.app {
			return invalid("external: gid: The external ID %s is already in use", quoted(id))
		}
	}
	return nil
}

// deleteTask puts a task into the trash, its subtasks with it.
func deleteTask(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	if err := c.mayEdit(t); err != nil {
		return nil, err
	}
	c.s.trash(c.user, t, c.now)
	return nothing()
}

func updateTask(c *call) (*answer, *apiError) {
	t, err := c.task("task", c.vars["task"])
	if err != nil {
		return nil, err
	}
	if err := c.mayEdit(t); err != nil {
		return nil, err
	}
	edits, err := c.taskEdits(t)
	if err != nil {
		return nil, err
	}
	c.s.apply(c, t, edits)
	return just(t)
}

// createOnly are the members that a create alone takes.
var createOnly = []string{"projects", "memberships", "tags", "workspace", "followers", "parent"}

func (c *call) refuseCreateOnly() *apiError {
	if c.method != http.MethodPut {
		return nil
	}
	for _, name := range createOnly {
		if c.has(name) {
			return invalid("%s: Cannot write this property directly, use the endpoint for it", name)
		}
	}
	return nil
}
