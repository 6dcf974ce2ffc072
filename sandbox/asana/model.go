package asana

import (
	"strconv"
	"time"
)

// entity is what every object has.
type entity struct {
	gid     string
	created time.Time
}

type user struct {
	entity
	name, email string
	hidesEmail  bool
}

type workspace struct {
	entity
	name string
}

type team struct {
	entity
	name    string
	members []*user
}

type section struct {
	entity
	name    string
	project *project
	tasks   []*task
}

type setting struct {
	entity
	project   *project
	of        *customField
	important bool
}

type project struct {
	entity
	name, html      string
	archived        bool
	color, view     string
	dueOn, startOn  string
	privacy         string
	owner           *user
	team            *team
	members         []*user
	accesses        []*access
	followers       []*user
	modified        time.Time
	sections        []*section
	settings        []*setting
	values          map[string]*fieldValue
	template        *projectTemplate
	trashed, hidden bool
	status          *statusUpdate
	completed       bool
}

// membership is a task's place in a project.
type membership struct {
	project *project
	section *section
}

type external struct {
	gid, data, app string
}

type task struct {
	entity
	name, html     string
	subtype        string
	approval       string
	completed      bool
	completedAt    time.Time
	completedBy    *user
	assignee       *user
	dueOn, startOn string
	dueAt, startAt time.Time
	memberships    []*membership
	parent         *task
	subtasks       []*task
	tags           []*tag
	followers      []*user
	values         map[string]*fieldValue
	external       *external
	dependencies   []*task
	dependents     []*task
	createdBy      *user
	modified       time.Time
	trashedAt      time.Time
	trashed, liked bool
	stories        []*story
	attachments    []*attachment
	index          indexed // what the search knows of it
}

type tag struct {
	entity
	name, color string
	trashed     bool
}

type option struct {
	entity
	name, color string
	disabled    bool
}

type customField struct {
	entity
	name, description string
	subtype           string // text, number, enum, multi_enum, date, people, reference
	represents        string // formula or custom_id, where that is not the subtype
	precision         int
	format, currency  string
	options           []*option
	prefix            string
	next              int // of custom_id
	createdBy         *user
	locked, hidden    bool
	deleted           bool
}

// readOnly reports whether Asana alone sets the values.
func (f *customField) readOnly() bool { return f.represents != "" }

// fieldValue is a value of a custom field; which member counts depends on the
// field's type.
type fieldValue struct {
	text     string
	number   *float64
	option   *option
	options  []*option
	date     string
	dateTime time.Time
	people   []*user
	refs     []*task
}

type story struct {
	entity
	target     *task
	by         *user
	subtype    string // comment_added, or what Asana noted
	text, html string
	edited     bool
	pinned     bool
	source     string
	details    map[string]any // the members that belong to the subtype
}

func (st *story) isComment() bool { return st.subtype == "comment_added" }

type attachment struct {
	entity
	name    string
	subtype string // asana, external
	host    string
	url     string
	size    int64
	parent  *task
	project *project
	content []byte
	mime    string
	by      *user
}

type statusUpdate struct {
	entity
	title, text, html, status string
	parent                    *project
	by                        *user
}

type projectTemplate struct {
	entity
	name  string
	team  *team
	owner *user
	dates []dateVariable
	plan  []templateSection
}

type dateVariable struct{ gid, name, description string }

type templateSection struct {
	name  string
	tasks []templateTask
}

type templateTask struct {
	name string
	days int // after the start date; -1: no due date
}

type job struct {
	entity
	subtype, status string
	by              *user
	project         *project
	task            *task
	due             time.Time
	finish          func(now time.Time)
}

// ref names an object of which an event tells.
type ref struct{ gid, kind, subtype string }

func (s *System) newGID() string {
	s.lastGID += 1 + int64(s.rand.IntN(7))
	return strconv.FormatInt(s.lastGID, 10)
}

func (s *System) entity(now time.Time) entity { return entity{gid: s.newGID(), created: now} }

// stamp writes a time as Asana does.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// orNull makes null of an empty text.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// root returns the top of a task's parents.
func (t *task) root() *task {
	for t.parent != nil {
		t = t.parent
	}
	return t
}

func (t *task) in(p *project) *membership {
	for _, m := range t.memberships {
		if m.project == p {
			return m
		}
	}
	return nil
}

// has reports whether one of the task's projects has a field.
func (t *task) has(f *customField) bool {
	for _, m := range t.memberships {
		if m.project.setting(f) != nil {
			return true
		}
	}
	return false
}

func (p *project) setting(f *customField) *setting {
	for _, st := range p.settings {
		if st.of == f {
			return st
		}
	}
	return nil
}

func (p *project) section(name string) *section {
	for _, sec := range p.sections {
		if sec.name == name || sec.gid == name {
			return sec
		}
	}
	return nil
}
