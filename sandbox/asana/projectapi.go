package asana

import (
	"slices"
	"strconv"
	"time"
)

func getProject(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	return just(p)
}

func listProjects(c *call) (*answer, *apiError) {
	if ws := c.parameter("workspace"); ws != "" {
		if err := c.inWorkspace("workspace", ws); err != nil {
			return nil, err
		}
	}
	tm := c.parameter("team")
	archived := c.query.Get("archived")
	out := []resource{}
	for _, p := range c.s.projects {
		if p.trashed || p.hidden || tm != "" && (p.team == nil || p.team.gid != tm) || archived != "" && strconv.FormatBool(p.archived) != archived {
			continue
		}
		out = append(out, p)
	}
	return list(out)
}

func createProject(c *call) (*answer, *apiError) {
	id := c.vars["team"]
	if id == "" {
		var err *apiError
		if id, err = gidOf("team", c.data["team"]); err != nil {
			return nil, err
		}
	}
	ws, err := gidOf("workspace", c.data["workspace"])
	if err != nil {
		return nil, err
	}
	if c.vars["workspace"] != "" {
		ws = c.vars["workspace"]
	}
	if ws == "" && id == "" {
		return nil, invalid("workspace: Missing input")
	}
	if ws != "" && ws != c.s.workspace.gid {
		return nil, invalid("workspace: Unknown object: %s", ws)
	}
	var tm *team
	if id != "" {
		if tm = c.s.team(id); tm == nil {
			return nil, invalid("team: Unknown object: %s", id)
		}
	} else {
		return nil, invalid("team: Missing input")
	}
	p := &project{values: map[string]*fieldValue{}, html: "<body></body>", view: "list", privacy: "public_to_workspace", team: tm, owner: c.user}
	sets, err := c.projectEdits(p)
	if err != nil {
		return nil, err
	}
	c.s.addProject(p, c.user, c.now)
	for _, set := range sets {
		set()
	}
	c.s.addSection(p, "Untitled section", c.now)
	c.s.emit(&event{at: c.now, user: c.user, action: "added", resource: p.ref(), parent: ref{tm.gid, "team", ""}, seen: []string{p.gid, tm.gid, c.s.workspace.gid}})
	return created(p)
}

// projectEdits reads what a body says of a project.
func (c *call) projectEdits(p *project) ([]func(), *apiError) {
	var out []func()
	texts := map[string]*string{"name": &p.name, "color": &p.color, "default_view": &p.view, "privacy_setting": &p.privacy}
	for _, name := range []string{"name", "color", "default_view", "privacy_setting"} {
		if c.has(name) {
			text, err := c.text(name)
			if err != nil {
				return nil, err
			}
			into := texts[name]
			out = append(out, func() { *into = text })
		}
	}
	html, given, err := c.rich("notes", "html_notes", richText)
	if err != nil {
		return nil, err
	}
	if given {
		out = append(out, func() { p.html = html })
	}
	for name, into := range map[string]*string{"due_on": &p.dueOn, "due_date": &p.dueOn, "start_on": &p.startOn} {
		if c.has(name) {
			day, err := c.day(name)
			if err != nil {
				return nil, err
			}
			out = append(out, func() { *into = day })
		}
	}
	if c.has("archived") {
		b, err := c.flag("archived")
		if err != nil {
			return nil, err
		}
		out = append(out, func() { p.archived = b })
	}
	if c.has("owner") {
		id, err := gidOf("owner", c.data["owner"])
		if err != nil {
			return nil, err
		}
		u, err := c.person("owner", id)
		if err != nil {
			return nil, err
		}
		out = append(out, func() { p.owner = u })
	}
	return out, nil
}

func updateProject(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	sets, err := c.projectEdits(p)
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		set()
	}
	if len(sets) > 0 {
		p.modified = c.now
		for name := range c.data {
			c.s.emit(&event{at: c.now, user: c.user, action: "changed", resource: p.ref(), field: name, seen: c.s.seenByProject(p)})
		}
	}
	return just(p)
}

func (s *System) seenByProject(p *project) []string {
	seen := []string{p.gid, s.workspace.gid}
	if p.team != nil {
		seen = append(seen, p.team.gid)
	}
	return seen
}

func deleteProject(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	p.trashed = true
	c.s.emit(&event{at: c.now, user: c.user, action: "deleted", resource: p.ref(), seen: c.s.seenByProject(p)})
	return nothing()
}

func taskCounts(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	all, done, milestones, doneMilestones := 0, 0, 0, 0
	for _, t := range p.tasks() {
		all++
		if t.completed {
			done++
		}
		if t.subtype == "milestone" {
			milestones++
			if t.completed {
				doneMilestones++
			}
		}
	}
	counts := inline{
		"num_tasks": all, "num_completed_tasks": done, "num_incomplete_tasks": all - done,
		"num_milestones": milestones, "num_completed_milestones": doneMilestones, "num_incomplete_milestones": milestones - doneMilestones,
	}
	out := map[string]any{} // nothing but what is asked for
	for name := range c.fields {
		if v, ok := counts[name]; ok {
			out[name] = v
		}
	}
	return &answer{raw: out}, nil
}

func (s *System) visibleSettings(p *project) []*setting {
	var out []*setting
	for _, st := range p.settings {
		if !st.of.hidden && !st.of.deleted && !s.free {
			out = append(out, st)
		}
	}
	return out
}

func listSettings(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	return list(resources(c.s.visibleSettings(p)))
}

func addSetting(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	id, err := gidOf("custom_field", c.data["custom_field"])
	if err != nil {
		return nil, err
	}
	f := c.s.customField(id)
	if f == nil {
		return nil, invalid("custom_field: Unknown object: %s", id)
	}
	if p.setting(f) != nil {
		return nil, forbidden("A custom field setting already exists for this project and custom field")
	}
	st := c.s.attach(p, f, c.now)
	if c.has("is_important") {
		st.important, _ = c.flag("is_important")
	}
	return just(st)
}

func (s *System) attach(p *project, f *customField, now time.Time) *setting {
	st := &setting{entity: s.entity(now), project: p, of: f}
	p.settings = append(p.settings, st)
	return st
}

func removeSetting(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	id, err := gidOf("custom_field", c.data["custom_field"])
	if err != nil {
		return nil, err
	}
	p.settings = slices.DeleteFunc(p.settings, func(st *setting) bool { return st.of.gid == id })
	return nothing()
}

func (s *System) addProject(p *project, u *user, now time.Time) {
	p.entity, p.modified = s.entity(now), now
	p.followers = appendUser(p.followers, u)
	s.join(p, []*user{u}, now)
	s.projects = append(s.projects, p)
}

func (s *System) addSection(p *project, name string, now time.Time) *section {
	sec := &section{entity: s.entity(now), name: name, project: p}
	p.sections = append(p.sections, sec)
	s.sections[sec.gid] = sec
	return sec
}

func listSections(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	return list(resources(p.sections))
}

func getSection(c *call) (*answer, *apiError) {
	sec, err := c.section("section", c.vars["section"])
	if err != nil {
		return nil, err
	}
	return just(sec)
}

func createSection(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	name, err := c.required("name")
	if err != nil {
		return nil, err
	}
	sec := c.s.addSection(p, name, c.now)
	c.s.emit(&event{at: c.now, user: c.user, action: "added", resource: sec.ref(), parent: p.ref(), seen: c.s.seenByProject(p)})
	return created(sec)
}

func updateSection(c *call) (*answer, *apiError) {
	sec, err := c.section("section", c.vars["section"])
	if err != nil {
		return nil, err
	}
	name, err := c.required("name")
	if err != nil {
		return nil, err
	}
	sec.name = name
	c.s.emit(&event{at: c.now, user: c.user, action: "changed", resource: sec.ref(), field: "name", seen: c.s.seenByProject(sec.project)})
	return just(sec)
}

func deleteSection(c *call) (*answer, *apiError) {
	sec, err := c.section("section", c.vars["section"])
	if err != nil {
		return nil, err
	}
	if len(sec.tasks) > 0 {
		return nil, invalid("section: The section must be empty to be deleted")
	}
	if len(sec.project.sections) == 1 {
		return nil, invalid("section: The last section cannot be deleted")
	}
	sec.project.sections = slices.DeleteFunc(sec.project.sections, func(x *section) bool { return x == sec })
	delete(c.s.sections, sec.gid)
	return nothing()
}

func insertSection(c *call) (*answer, *apiError) {
	p, err := c.project("project", c.vars["project"])
	if err != nil {
		return nil, err
	}
	find := func(name string) (int, *apiError) {
		id, err := gidOf(name, c.data[name])
		if err != nil || id == "" {
			return -1, err
		}
		i := slices.IndexFunc(p.sections, func(s *section) bool { return s.gid == id })
		if i < 0 {
			return -1, invalid("%s: Unknown object: %s", name, id)
		}
		return i, nil
	}
	from, err := find("section")
	if err != nil {
		return nil, err
	}
	before, err := find("before_section")
	if err != nil {
		return nil, err
	}
	after, err := find("after_section")
	if err != nil {
		return nil, err
	}
	if from < 0 || before < 0 == (after < 0) {
		return nil, invalid("before_section: You should specify exactly one of before_section and after_section")
	}
	to := before
	if after >= 0 {
		to = after + 1
	}
	sec := p.sections[from]
	p.sections = slices.Delete(p.sections, from, from+1)
	if to > from {
		to--
	}
	p.sections = slices.Insert(p.sections, to, sec)
	return nothing()
}

// addTaskToSection moves a task to the top of a section.
func addTaskToSection(c *call) (*answer, *apiError) {
	sec, err := c.section("section", c.vars["section"])
	if err != nil {
		return nil, err
	}
	id, err := gidOf("task", c.data["task"])
	if err != nil {
		return nil, err
	}
	t, err := c.task("task", id)
	if err != nil {
		return nil, err
	}
	c.s.move(c, t, sec.project, sec, 0)
	return nothing()
}

func listStatuses(c *call) (*answer, *apiError) {
	p, err := c.project("parent", c.query.Get("parent"))
	if err != nil {
		return nil, err
	}
	out := []resource{}
	for _, u := range slices.Backward(c.s.statuses) {
		if u.parent == p {
			out = append(out, u)
		}
	}
	return list(out)
}

var statusTypes = []string{"on_track", "at_risk", "off_track", "on_hold", "complete"}

func createStatus(c *call) (*answer, *apiError) {
	id, err := gidOf("parent", c.data["parent"])
	if err != nil {
		return nil, err
	}
	p, err := c.project("parent", id)
	if err != nil {
		return nil, err
	}
	status, err := c.required("status_type")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(statusTypes, status) {
		return nil, invalid("status_type: %s is not a valid value", status)
	}
	title, err := c.text("title")
	if err != nil {
		return nil, err
	}
	html, _, err := c.rich("text", "html_text", richText)
	if err != nil {
		return nil, err
	}
	u := &statusUpdate{entity: c.s.entity(c.now), title: title, html: html, text: plainText(html), status: status, parent: p, by: c.user}
	c.s.statuses = append(c.s.statuses, u)
	p.status, p.completed = u, status == "complete"
	return created(u)
}

func getStatus(c *call) (*answer, *apiError) {
	for _, u := range c.s.statuses {
		if u.gid == c.vars["status"] {
			return just(u)
		}
	}
	return nil, unknown("status_update", c.vars["status"])
}
