package asana

import (
	"slices"
	"time"
)

// Task is a task as people see it.
type Task struct {
	GID       string         `json:"gid"`
	Name      string         `json:"name"`
	Notes     string         `json:"notes"` // html_notes
	Completed bool           `json:"completed"`
	Subtype   string         `json:"resource_subtype"`
	Assignee  string         `json:"assignee,omitempty"` // e-mail
	DueOn     string         `json:"due_on,omitempty"`
	DueAt     time.Time      `json:"due_at,omitzero"`
	StartOn   string         `json:"start_on,omitempty"`
	Parent    string         `json:"parent,omitempty"`
	Projects  []string       `json:"projects,omitempty"` // names
	Section   string         `json:"section,omitempty"`  // in the first project
	Tags      []string       `json:"tags,omitempty"`
	Followers []string       `json:"followers,omitempty"` // e-mails
	Fields    map[string]any `json:"fields,omitempty"`    // by name: texts, numbers as texts, option names, e-mails
	Comments  []Comment      `json:"comments,omitempty"`
	Files     []string       `json:"files,omitempty"`
	Subtasks  []string       `json:"subtasks,omitempty"` // gids
	Created   time.Time      `json:"created_at"`
	Modified  time.Time      `json:"modified_at"`
	External  string         `json:"external,omitempty"` // gid
}

// Comment is a comment on a task.
type Comment struct {
	GID    string    `json:"gid"`
	Author string    `json:"author"` // e-mail
	HTML   string    `json:"html"`
	At     time.Time `json:"at"`
}

// Tasks returns the tasks of a project, by section; of the whole workspace for
// "", subtasks included.
func (s *System) Tasks(projectName string) []Task {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick(s.now())
	var tasks []*task
	if projectName == "" {
		tasks = s.ordered()
	} else if p := s.projectByName(projectName); p != nil {
		tasks = p.tasks()
	}
	out := make([]Task, len(tasks))
	for i, t := range tasks {
		out[i] = s.truth(t)
	}
	return out
}

// Task returns a task that is there.
func (s *System) Task(gid string) (Task, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick(s.now())
	t := s.tasks[gid]
	if t == nil || t.trashed {
		return Task{}, false
	}
	return s.truth(t), true
}

func (s *System) truth(t *task) Task {
	out := Task{
		GID: t.gid, Name: t.name, Notes: t.html, Completed: t.completed, Subtype: t.subtype, DueOn: t.dueOn, DueAt: t.dueAt, StartOn: t.startOn,
		Created: t.created, Modified: t.modified, Fields: map[string]any{},
	}
	if t.assignee != nil {
		out.Assignee = t.assignee.email
	}
	if t.parent != nil {
		out.Parent = t.parent.gid
	}
	if t.external != nil {
		out.External = t.external.gid
	}
	for i, m := range t.memberships {
		out.Projects = append(out.Projects, m.project.name)
		if i == 0 {
			out.Section = m.section.name
		}
	}
	for _, tg := range t.tags {
		out.Tags = append(out.Tags, tg.name)
	}
	slices.Sort(out.Tags)
	for _, u := range t.followers {
		out.Followers = append(out.Followers, u.email)
	}
	for _, sub := range t.subtasks {
		out.Subtasks = append(out.Subtasks, sub.gid)
	}
	for _, a := range t.attachments {
		out.Files = append(out.Files, a.name)
	}
	for gid, v := range t.values {
		if f := s.customField(gid); f != nil && !v.equal(&fieldValue{}) {
			out.Fields[f.name] = s.truthValue(f, v)
		}
	}
	for _, st := range t.stories {
		if st.isComment() {
			c := Comment{GID: st.gid, HTML: st.html, At: st.created}
			if st.by != nil {
				c.Author = st.by.email
			}
			out.Comments = append(out.Comments, c)
		}
	}
	return out
}

func (s *System) truthValue(f *customField, v *fieldValue) any {
	switch f.subtype {
	case "number":
		return s.exact(v)
	case "multi_enum":
		var names []string
		for _, o := range v.options {
			names = append(names, o.name)
		}
		return names
	case "people":
		var emails []string
		for _, u := range v.people {
			emails = append(emails, u.email)
		}
		return emails
	case "date":
		return v.date
	}
	return s.display(f, v)
}

func (s *System) exact(v *fieldValue) string {
	if v.number == nil {
		return ""
	}
	return string(number(*v.number))
}

// Project is a project as people see it.
type Project struct {
	GID      string   `json:"gid"`
	Name     string   `json:"name"`
	Notes    string   `json:"notes"` // html_notes
	Archived bool     `json:"archived"`
	DueOn    string   `json:"due_on,omitempty"`
	StartOn  string   `json:"start_on,omitempty"`
	Owner    string   `json:"owner,omitempty"` // e-mail
	Team     string   `json:"team,omitempty"`
	Sections []string `json:"sections"`
}

// Projects returns the projects that are there.
func (s *System) Projects() []Project {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick(s.now())
	var out []Project
	for _, p := range s.projects {
		if p.trashed {
			continue
		}
		v := Project{GID: p.gid, Name: p.name, Notes: p.html, Archived: p.archived, DueOn: p.dueOn, StartOn: p.startOn}
		if p.owner != nil {
			v.Owner = p.owner.email
		}
		if p.team != nil {
			v.Team = p.team.name
		}
		for _, sec := range p.sections {
			v.Sections = append(v.Sections, sec.name)
		}
		out = append(out, v)
	}
	return out
}

// FieldGID returns the gid of a custom field by its name, "" if there is none.
func (s *System) FieldGID(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.fieldByName(name); f != nil {
		return f.gid
	}
	return ""
}

// UserGID returns the gid of the user with this e-mail, "" if there is none.
func (s *System) UserGID(email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.userByEmail(email); u != nil {
		return u.gid
	}
	return ""
}

// OptionGID returns the gid of an option of a custom field, both by name.
func (s *System) OptionGID(field, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.fieldByName(field); f != nil {
		for _, o := range f.options {
			if o.name == name {
				return o.gid
			}
		}
	}
	return ""
}

// SectionGID returns the gid of a section of a project, both by name.
func (s *System) SectionGID(project, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.projectByName(project); p != nil {
		if sec := p.section(name); sec != nil {
			return sec.gid
		}
	}
	return ""
}

// File is a file or a link at a task.
type File struct {
	GID     string
	Name    string
	Author  string // e-mail
	Link    string // of links
	Content []byte
}

// Files returns what is attached to a task, oldest first.
func (s *System) Files(gid string) []File {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []File
	if t := s.tasks[gid]; t != nil {
		for _, a := range t.attachments {
			f := File{GID: a.gid, Name: a.name, Link: a.url, Content: slices.Clone(a.content)}
			if a.by != nil {
				f.Author = a.by.email
			}
			out = append(out, f)
		}
	}
	return out
}
