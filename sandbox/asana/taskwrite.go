package asana

import (
	"time"
)

// edit is one change of a task that a call asks for. Nothing has taken effect
// before set.
type edit struct {
	field   string   // of the event
	also    []string // further fields that change with it
	changed bool
	set     func()
	subtype string // of the story; "" writes none
	text    string
	details map[string]any
	news    any // what the event shows as new_value
}

// taskEdits reads the members of a body that a task's create and update share.
func (c *call) taskEdits(t *task) ([]*edit, *apiError) {
	if err := c.refuseCreateOnly(); err != nil {
		return nil, err
	}
	var out []*edit
	for _, read := range []func(*task) ([]*edit, *apiError){c.nameEdit, c.notesEdit, c.stateEdits, c.assigneeEdit, c.dateEdits, c.fieldEdits, c.externalEdit} {
		edits, err := read(t)
		if err != nil {
			return nil, err
		}
		out = append(out, edits...)
	}
	return out, nil
}

func (c *call) nameEdit(t *task) ([]*edit, *apiError) {
	if !c.has("name") {
		return nil, nil
	}
	name, err := c.text("name")
	if err != nil {
		return nil, err
	}
	old := t.name
	return []*edit{{
		field: "name", changed: name != old, set: func() { t.name = name }, subtype: "name_changed",
		text: c.who() + " changed the name to " + quoted(name), details: map[string]any{"old_name": old, "new_name": name},
	}}, nil
}

func (c *call) notesEdit(t *task) ([]*edit, *apiError) {
	html, given, err := c.rich("notes", "html_notes", richNotes)
	if err != nil || !given {
		return nil, err
	}
	return []*edit{{
		field: "notes", also: []string{"html_notes"}, changed: html != t.html, set: func() { t.html = html }, subtype: "notes_changed",
		text: c.who() + " changed the description",
	}}, nil
}

// rich reads a text that may be given plain or as HTML.
func (c *call) rich(plain, rich string, allowed map[string]bool) (html string, given bool, err *apiError) {
	switch {
	case c.has(rich):
		text, err := c.text(rich)
		if err != nil {
			return "", false, err
		}
		if text == "" {
			text = "<body></body>"
		}
		if err := checkXML(rich, text, allowed); err != nil {
			return "", false, err
		}
		return text, true, nil
	case c.has(plain):
		text, err := c.text(plain)
		return "<body>" + escapeXML(text) + "</body>", err == nil, err
	}
	return "", false, nil
}

func (c *call) who() string {
	if c.user == nil {
		return "Asana"
	}
	return c.user.name
}

func (c *call) stateEdits(t *task) ([]*edit, *apiError) {
	var out []*edit
	subtype := t.subtype
	if c.has("resource_subtype") {
		text, err := c.text("resource_subtype")
		if err != nil {
			return nil, err
		}
		switch text {
		case "default_task", "milestone", "approval":
		default:
			return nil, invalid("resource_subtype: %s is not a valid value", text)
		}
		old := t.subtype
		subtype = text
		out = append(out, &edit{
			field: "resource_subtype", changed: text != old,
			set: func() {
				t.subtype = text
				if text == "approval" && t.approval == "" {
					t.approval = "pending"
				}
			},
		})
	}
	if c.has("approval_status") && c.data["approval_status"] != nil {
		text, err := c.text("approval_status")
		if err != nil {
			return nil, err
		}
		switch text {
		case "pending", "approved", "rejected", "changes_requested":
		default:
			return nil, invalid("approval_status: %s is not a valid value", text)
		}
		if subtype != "approval" {
			return nil, invalid("approval_status: Cannot set approval_status on a task that is not an approval")
		}
		old := t.approval
		out = append(out, &edit{
			field: "approval_status", changed: text != old, subtype: "resource_subtype_changed", text: c.who() + " set the approval to " + text,
			set: func() { t.approval = text; c.complete(t, text != "pending") },
		})
	}
	if !c.has("completed") {
		return out, nil
	}
	done, err := c.flag("completed")
	if err != nil {
		return nil, err
	}
	story, text := "marked_complete", " completed this task"
	if !done {
		story, text = "marked_incomplete", " marked this task incomplete"
	}
	return append(out, &edit{
		field: "completed", also: []string{"completed_at"}, changed: done != t.completed, set: func() { c.complete(t, done) },
		subtype: story, text: c.who() + text,
	}), nil
}

// complete closes or reopens a task; an approval's status follows.
func (c *call) complete(t *task, done bool) {
	if t.completed == done {
		return
	}
	t.completed = done
	t.completedAt, t.completedBy = time.Time{}, nil
	if done {
		t.completedAt, t.completedBy = c.now, c.user
	}
	if t.subtype == "approval" {
		switch {
		case done && t.approval == "pending":
			t.approval = "approved"
		case !done:
			t.approval = "pending"
		}
	}
}

func (c *call) assigneeEdit(t *task) ([]*edit, *apiError) {
	if !c.has("assignee") {
		return nil, nil
	}
	id, err := gidOf("assignee", c.data["assignee"])
	if err != nil {
		return nil, err
	}
	u, err := c.person("assignee", id)
	if err != nil {
		return nil, err
	}
	e := &edit{
		field: "assignee", changed: u != t.assignee, set: func() { t.assignee = u; t.followers = appendUser(t.followers, u) },
		subtype: "unassigned", text: c.who() + " unassigned this task",
	}
	if u != nil {
		e.subtype, e.text, e.details, e.news = "assigned", c.who()+" assigned to "+u.name, map[string]any{"assignee": resource(u)}, inline{"gid": u.gid, "resource_type": "user"}
	}
	return []*edit{e}, nil
}

// dates are the four members that say when.
type dates struct {
	dueOn, startOn string
	dueAt, startAt time.Time
}

func (d dates) inline() inline {
	return inline{"start_on": orNull(d.startOn), "due_at": stamp(d.dueAt), "due_on": orNull(d.dueOn)}
}

// dateEdits reads due_on or due_at and start_on or start_at.
func (c *call) dateEdits(t *task) ([]*edit, *apiError) {
	old := dates{dueOn: t.dueOn, startOn: t.startOn, dueAt: t.dueAt, startAt: t.startAt}
	d, given := old, false
	given, err := c.readDates(&d)
	if err != nil || !given {
		return nil, err
	}
	started := c.has("start_on") && c.data["start_on"] != nil || c.has("start_at") && c.data["start_at"] != nil
	dueGiven := c.has("due_on") || c.has("due_at")
	switch {
	case started && !dueGiven:
		return nil, invalid("start_on: due_on or due_at must be present in the request when setting or unsetting the start_on parameter")
	case c.has("start_at") && c.data["start_at"] != nil && d.dueAt.IsZero():
		return nil, invalid("start_at: due_at must be present in the request when setting start_at")
	case d.startOn != "" && d.dueOn != "" && d.startOn > d.dueOn:
		return nil, invalid("start_on: The start date must be before the due date")
	}
	if d.dueOn == "" {
		d.startOn, d.startAt = "", time.Time{}
	}
	return []*edit{{
		field: "due_on", also: []string{"due_at", "start_on"}, changed: d != old, subtype: "due_date_changed",
		set:     func() { t.dueOn, t.dueAt, t.startOn, t.startAt = d.dueOn, d.dueAt, d.startOn, d.startAt },
		text:    c.who() + " changed the due date to " + d.dueOn,
		details: map[string]any{"old_dates": old.inline(), "new_dates": d.inline()},
	}}, nil
}

func (c *call) readDates(d *dates) (given bool, err *apiError) {
	if c.has("due_on") && c.has("due_at") && c.data["due_on"] != nil && c.data["due_at"] != nil {
		return false, invalid("due_at: You may not set both due_on and due_at")
	}
	if c.has("due_on") && (c.data["due_on"] != nil || c.data["due_at"] == nil) {
		given = true
		if d.dueOn, err = c.day("due_on"); err != nil {
			return false, err
		}
		d.dueAt, d.startAt = time.Time{}, time.Time{}
	}
	if c.has("due_at") && (c.data["due_at"] != nil || !c.has("due_on")) {
		given = true
		if d.dueAt, err = c.instant("due_at"); err != nil {
			return false, err
		}
		d.dueOn = ""
		if !d.dueAt.IsZero() {
			d.dueOn = c.s.zoneDay(d.dueAt)
		}
	}
	if c.has("start_on") {
		given = true
		if d.startOn, err = c.day("start_on"); err != nil {
			return false, err
		}
		d.startAt = time.Time{}
	}
	if c.has("start_at") && (c.data["start_at"] != nil || !c.has("start_on")) {
		given = true
		if d.startAt, err = c.instant("start_at"); err != nil {
			return false, err
		}
		d.startOn = ""
		if !d.startAt.IsZero() {
			d.startOn = c.s.zoneDay(d.startAt)
		}
	}
	return given, nil
}

// externalEdit keeps external for OAuth apps; others are ignored.
func (c *call) externalEdit(t *task) ([]*edit, *apiError) {
	if !c.has("external") || c.token == nil || c.token.app == "" {
		return nil, nil
	}
	m, ok := c.data["external"].(map[string]any)
	if !ok {
		return nil, invalid("external: Invalid Request")
	}
	id, err := textOf("external", m["gid"])
	if err != nil {
		return nil, err
	}
	data, err := textOf("external", m["data"])
	if err != nil {
		return nil, err
	}
	if len(id) > 1024 || len(data) > 32768 {
		return nil, invalid("external: Too long")
	}
	ext := &external{gid: id, data: data, app: c.token.app}
	return []*edit{{set: func() { t.external = ext }}}, nil
}

// apply makes the edits and tells of those that changed something.
func (s *System) apply(c *call, t *task, edits []*edit) {
	for _, e := range edits {
		e.set()
		if !e.changed {
			continue
		}
		t.modified = c.now
		s.index(t, c.now)
		if e.subtype != "" {
			s.note(c, t, e.subtype, e.text, e.details)
		}
		for _, name := range append([]string{e.field}, e.also...) {
			ev := &event{at: c.now, user: c.user, action: "changed", resource: t.ref(), field: name, seen: s.seenBy(t)}
			if name == e.field {
				ev.news = e.news
			}
			s.emit(ev)
		}
	}
}

// announceNew tells of a new task.
func (s *System) announceNew(c *call, t *task) {
	seen := s.seenBy(t)
	for _, m := range t.memberships {
		s.emit(&event{at: c.now, user: c.user, action: "added", resource: t.ref(), parent: m.project.ref(), seen: seen})
		s.note(c, t, "added_to_project", c.who()+" added to "+m.project.name, map[string]any{"project": resource(m.project)})
	}
	if t.parent != nil {
		s.emit(&event{at: c.now, user: c.user, action: "added", resource: t.ref(), parent: t.parent.ref(), seen: seen})
	}
	if t.assignee != nil {
		s.note(c, t, "assigned", c.who()+" assigned to "+t.assignee.name, map[string]any{"assignee": resource(t.assignee)})
	}
	t.modified = c.now
}

// note writes a story of Asana's own.
func (s *System) note(c *call, t *task, subtype, text string, details map[string]any) {
	st := &story{entity: s.entity(c.now), target: t, by: c.user, subtype: subtype, text: text, source: "api", details: details}
	if c.token == nil {
		st.source = "web"
	}
	s.stories[st.gid] = st
	t.stories = append(t.stories, st)
	s.emit(&event{at: c.now, user: c.user, action: "added", resource: ref{st.gid, "story", subtype}, parent: t.ref(), seen: s.seenBy(t)})
}

func (t *task) ref() ref       { return ref{t.gid, "task", t.subtype} }
func (p *project) ref() ref    { return ref{p.gid, "project", ""} }
func (sec *section) ref() ref  { return ref{sec.gid, "section", ""} }
func (tg *tag) ref() ref       { return ref{tg.gid, "tag", ""} }
func (a *attachment) ref() ref { return ref{a.gid, "attachment", a.subtype} }
