package asana

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Person acts as a user does in the browser: at once, and with the names that
// people see.
type Person struct {
	s     *System
	email string
}

// As returns the person with this e-mail.
func (s *System) As(email string) Person { return Person{s: s, email: email} }

// act runs do as the person. The call has no token.
func (p Person) act(do func(c *call) *apiError) error {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByEmail(p.email)
	if u == nil {
		return fmt.Errorf("no user %q", p.email)
	}
	c := &call{s: s, user: u, now: s.now(), data: map[string]any{}}
	s.tick(c.now)
	if err := do(c); err != nil {
		return fmt.Errorf("%s", err.message)
	}
	return nil
}

// Create makes a task in a project, in a section (the first one for ""), and
// returns its gid. Fields are as in Edit.
func (p Person) Create(projectName, sectionName string, fields map[string]any) (gid string, err error) {
	err = p.act(func(c *call) *apiError {
		pr := c.s.projectByName(projectName)
		if pr == nil {
			return invalid("no project %q", projectName)
		}
		c.data["projects"] = []any{pr.gid}
		t, err := c.newTask(nil)
		if err != nil {
			return err
		}
		gid = t.gid
		if sectionName != "" {
			sec := pr.section(sectionName)
			if sec == nil {
				return invalid("no section %q", sectionName)
			}
			c.s.place(t, pr, sec, -1)
		}
		if err := c.personEdit(t, fields); err != nil {
			c.s.trash(c.user, t, c.now)
			return err
		}
		return nil
	})
	return gid, err
}

// CreateSubtask makes a task below another one.
func (p Person) CreateSubtask(parent string, fields map[string]any) (gid string, err error) {
	err = p.act(func(c *call) *apiError {
		up, err := c.task("parent", parent)
		if err != nil {
			return err
		}
		t, err := c.newTask(up)
		if err != nil {
			return err
		}
		gid = t.gid
		return c.personEdit(t, fields)
	})
	return gid, err
}

// Edit sets fields of a task: name, notes, html_notes, completed, due_on,
// due_at, start_on, resource_subtype as the API has them; assignee and followers
// by e-mail, tags and section by name, custom fields by name or gid, with
// options by name and people by e-mail. Null clears.
func (p Person) Edit(gid string, fields map[string]any) error {
	return p.act(func(c *call) *apiError {
		t, err := c.task("task", gid)
		if err != nil {
			return err
		}
		return c.personEdit(t, fields)
	})
}

func (c *call) personEdit(t *task, fields map[string]any) *apiError {
	c.data = map[string]any{}
	custom := map[string]any{}
	var later []func() *apiError
	for _, name := range sortedNames(fields) {
		v := fields[name]
		switch name {
		case "tags":
			later = append(later, func() *apiError { return c.setTags(t, namesOf(v)) })
		case "followers":
			later = append(later, func() *apiError { return c.setFollowers(t, namesOf(v)) })
		case "section":
			later = append(later, func() *apiError { return c.setSection(t, fmt.Sprint(v)) })
		case "name", "notes", "html_notes", "completed", "due_on", "due_at", "start_on", "start_at", "assignee", "resource_subtype", "approval_status":
			c.data[name] = plainJSON(v)
		default:
			f := c.s.fieldByName(name)
			if f == nil {
				return invalid("no field %q", name)
			}
			raw, err := c.s.personValue(f, v)
			if err != nil {
				return err
			}
			custom[f.gid] = raw
		}
	}
	if len(custom) > 0 {
		c.data["custom_fields"] = custom
	}
	if start, ok := c.data["start_on"]; ok && start != nil && !c.has("due_on") && !c.has("due_at") {
		c.data["due_on"] = orNull(t.dueOn) // in the browser both stand together
	}
	edits, err := c.taskEdits(t)
	if err != nil {
		return err
	}
	c.s.apply(c, t, edits)
	for _, do := range later {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

func sortedNames(fields map[string]any) []string {
	names := make([]string, 0, len(fields))
	for n := range fields {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func plainJSON(v any) any {
	if t, ok := v.(time.Time); ok {
		return stamp(t)
	}
	return v
}

func namesOf(v any) []string {
	switch v := v.(type) {
	case []string:
		return v
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, fmt.Sprint(x))
		}
		return out
	case string:
		if v == "" {
			return nil
		}
		return strings.Split(v, ",")
	}
	return nil
}

func (c *call) setTags(t *task, names []string) *apiError {
	for _, tg := range slices.Clone(t.tags) {
		if !slices.Contains(names, tg.name) {
			c.vars, c.data = map[string]string{"task": t.gid}, map[string]any{"tag": tg.gid}
			if _, err := removeTag(c); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		i := slices.IndexFunc(c.s.tags, func(tg *tag) bool { return !tg.trashed && tg.name == name })
		var tg *tag
		if i >= 0 {
			tg = c.s.tags[i]
		} else {
			tg = c.s.addTag(name, "", c.now)
		}
		c.vars, c.data = map[string]string{"task": t.gid}, map[string]any{"tag": tg.gid}
		if _, err := addTag(c); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) setFollowers(t *task, emails []string) *apiError {
	for _, u := range slices.Clone(t.followers) {
		if !slices.Contains(emails, u.email) {
			c.vars, c.data = map[string]string{"task": t.gid}, map[string]any{"followers": []any{u.gid}}
			if _, err := removeFollowers(c); err != nil {
				return err
			}
		}
	}
	var all []any
	for _, e := range emails {
		all = append(all, e)
	}
	c.vars, c.data = map[string]string{"task": t.gid}, map[string]any{"followers": all}
	_, err := addFollowers(c)
	return err
}

func (c *call) setSection(t *task, name string) *apiError {
	for _, m := range t.memberships {
		if sec := m.project.section(name); sec != nil {
			c.s.move(c, t, m.project, sec, -1)
			return nil
		}
	}
	return invalid("no section %q", name)
}

// personValue translates a value with names into what the API takes.
func (s *System) personValue(f *customField, v any) (any, *apiError) {
	pick := func(name string) (string, *apiError) {
		for _, o := range f.options {
			if o.name == name || o.gid == name {
				return o.gid, nil
			}
		}
		return "", invalid("field %q has no option %q", f.name, name)
	}
	switch {
	case v == nil:
		return nil, nil
	case f.subtype == "enum":
		return pick(fmt.Sprint(v))
	case f.subtype == "multi_enum":
		out := []any{}
		for _, name := range namesOf(v) {
			id, err := pick(name)
			if err != nil {
				return nil, err
			}
			out = append(out, id)
		}
		return out, nil
	case f.subtype == "people", f.subtype == "reference":
		out := []any{}
		for _, name := range namesOf(v) {
			out = append(out, name)
		}
		return out, nil
	case f.subtype == "number":
		return json.Number(fmt.Sprint(v)), nil
	}
	return fmt.Sprint(plainJSON(v)), nil
}

func (s *System) fieldByName(name string) *customField {
	for _, f := range s.fields {
		if !f.deleted && (f.gid == name || f.name == name) {
			return f
		}
	}
	return nil
}

func (s *System) projectByName(name string) *project {
	for _, p := range s.projects {
		if !p.trashed && (p.gid == name || p.name == name) {
			return p
		}
	}
	return nil
}

// Comment writes a comment of plain text and returns its gid.
func (p Person) Comment(gid, text string) (story string, err error) {
	err = p.act(func(c *call) *apiError {
		t, err := c.task("task", gid)
		if err != nil {
			return err
		}
		story = c.s.comment(c, t, "<body>"+escapeXML(text)+"</body>").gid
		return nil
	})
	return story, err
}

// Move puts a task into another project and section, out of the ones it is in.
func (p Person) Move(gid, projectName, sectionName string) error {
	return p.act(func(c *call) *apiError {
		t, err := c.task("task", gid)
		if err != nil {
			return err
		}
		pr := c.s.projectByName(projectName)
		if pr == nil {
			return invalid("no project %q", projectName)
		}
		var sec *section
		if sectionName != "" {
			if sec = pr.section(sectionName); sec == nil {
				return invalid("no section %q", sectionName)
			}
		}
		for _, m := range slices.Clone(t.memberships) {
			if m.project != pr {
				c.s.leave(c, t, m.project)
			}
		}
		c.s.move(c, t, pr, sec, -1)
		return nil
	})
}

// Delete puts a task into the trash.
func (p Person) Delete(gid string) error {
	return p.act(func(c *call) *apiError {
		t, err := c.task("task", gid)
		if err != nil {
			return err
		}
		c.s.trash(c.user, t, c.now)
		return nil
	})
}

// Restore takes a task out of the trash.
func (p Person) Restore(gid string) error {
	return p.act(func(c *call) *apiError {
		t := c.s.tasks[gid]
		if t == nil || !t.trashed {
			return unknown("task", gid)
		}
		c.s.untrash(c.user, t, c.now)
		return nil
	})
}

// Attach attaches a file to a task and returns its gid.
func (p Person) Attach(gid, name string, content []byte) (file string, err error) {
	err = p.act(func(c *call) *apiError {
		c.data = map[string]any{"parent": gid}
		c.upload = &upload{name: name, kind: "application/octet-stream", content: slices.Clone(content)}
		a, err := createAttachment(c)
		if err == nil {
			file = a.one.id()
		}
		return err
	})
	return file, err
}

// Link attaches a link to a task and returns its gid.
func (p Person) Link(gid, name, address string) (file string, err error) {
	err = p.act(func(c *call) *apiError {
		c.data = map[string]any{"parent": gid, "resource_subtype": "external", "url": address, "name": name}
		a, err := createAttachment(c)
		if err == nil {
			file = a.one.id()
		}
		return err
	})
	return file, err
}
