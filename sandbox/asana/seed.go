package asana

import (
	"time"
)

// The names of what is sown.
const (
	DefaultWorkspace = "Harbour Works"
	DefaultProject   = "Client delivery" // with the sections To Do, In Progress, Done
	DefaultTemplate  = "Client onboarding"
)

var people = []struct{ name, email string }{
	{"Ada Okafor", "ada.okafor@harbourworks.example"},
	{"Jonas Lindqvist", "jonas.lindqvist@harbourworks.example"},
	{"Rosa Delgado", "rosa.delgado@harbourworks.example"},
	{"Tom Becker", "tom.becker@harbourworks.example"},
	{"Mei Tanaka", "mei.tanaka@harbourworks.example"},
	{"Ines Moreau", "ines.moreau@harbourworks.example"},
}

// seedWorkspace makes people, teams, fields, tags, projects and templates.
func (s *System) seedWorkspace() {
	at := s.now().AddDate(0, -3, 0)
	s.workspace = &workspace{entity: s.entity(at), name: DefaultWorkspace}
	for _, p := range people {
		s.users = append(s.users, &user{entity: s.entity(at), name: p.name, email: p.email, hidesEmail: p.name == "Mei Tanaka"})
	}
	s.users = append(s.users, &user{entity: s.entity(at), name: "Tenon Sync", email: DefaultUser})
	s.teams = []*team{
		{entity: s.entity(at), name: "Delivery", members: s.users},
		{entity: s.entity(at), name: "Operations", members: s.users[:3]},
	}
	for _, name := range []string{"crm", "urgent", "rollout", "waiting"} {
		s.addTag(name, "dark-teal", at)
	}
	fields := []*customField{
		{name: "CRM deal", subtype: "text"},
		{name: "Budget", subtype: "number", precision: 2},
		{name: "Tenon key", subtype: "text"},
		{name: "Priority", subtype: "enum"},
		{name: "Skills", subtype: "multi_enum"},
		{name: "Kick-off", subtype: "date"},
		{name: "Reviewers", subtype: "people"},
		{name: "Progress", subtype: "number", format: "percentage"},
		{name: "Related work", subtype: "reference"},
		{name: "Open subtasks", subtype: "number", represents: "formula"},
		{name: "Ticket", subtype: "text", represents: "custom_id", prefix: "DEL"},
	}
	options := map[string][]string{"Priority": {"High", "Medium", "Low"}, "Skills": {"Design", "Backend", "Rollout", "Training"}}
	for _, f := range fields {
		f.entity, f.createdBy = s.entity(at), s.users[0]
		s.fields = append(s.fields, f)
		for _, name := range options[f.name] {
			s.addOption(f, name, "blue", at)
		}
	}
	s.seedProject(DefaultProject, s.teams[0], []string{"To Do", "In Progress", "Done"}, fields, at)
	s.seedProject("Website relaunch", s.teams[0], []string{"Backlog", "Doing", "Done"}, fields[3:5], at)
	s.seedProject("Office move", s.teams[1], []string{"Untitled section"}, nil, at)
	s.templates = []*projectTemplate{{
		entity: s.entity(at), name: DefaultTemplate, team: s.teams[0], owner: s.users[0],
		dates: []dateVariable{{"1", "Start Date", "When the work begins"}, {"2", "Due Date", "When it has to be done"}},
		plan: []templateSection{
			{"Prepare", []templateTask{{"Kick-off meeting", 0}, {"Collect requirements", 5}}},
			{"Build", []templateTask{{"Prototype", 15}, {"Acceptance test", 30}}},
			{"Hand over", []templateTask{{"Training", 35}, {"Retrospective", -1}}},
		},
	}}
}

func (s *System) seedProject(name string, tm *team, sections []string, fields []*customField, at time.Time) {
	p := &project{name: name, values: map[string]*fieldValue{}, html: "<body></body>", view: "board", privacy: "public_to_workspace", color: "light-teal", team: tm, owner: s.users[0]}
	s.addProject(p, s.users[0], at)
	s.join(p, s.users, at)
	for _, sec := range sections {
		s.addSection(p, sec, at)
	}
	for _, f := range fields {
		s.attach(p, f, at)
	}
}

// seedTasks makes some tasks that nobody's CRM knows of.
func (s *System) seedTasks() {
	now := s.now()
	sow := []struct {
		project, section, name, notes string
		who, days                     int
	}{
		{DefaultProject, "To Do", "Review the onboarding checklist", "Steps that took long last time.", 0, 6},
		{DefaultProject, "In Progress", "Renew the signing certificate", "The old one ends this quarter.", 2, 2},
		{DefaultProject, "Done", "Tidy the delivery board", "", 3, -4},
		{"Website relaunch", "Backlog", "Collect photos of the new office", "", 1, 20},
		{"Website relaunch", "Doing", "Rewrite the pricing page", "Short sentences, no jargon.", 5, 9},
		{"Office move", "Untitled section", "Order moving boxes", "", 4, 12},
	}
	for _, w := range sow {
		p := s.projectByName(w.project)
		u := s.users[w.who]
		c := &call{s: s, user: u, now: now.AddDate(0, 0, -14), data: map[string]any{}}
		t := &task{
			entity: s.entity(c.now), name: w.name, html: "<body>" + escapeXML(w.notes) + "</body>", subtype: "default_task", createdBy: u, modified: c.now,
			values: map[string]*fieldValue{}, assignee: u, dueOn: now.AddDate(0, 0, w.days).Format(time.DateOnly),
		}
		s.tasks[t.gid] = t
		t.followers = appendUser(nil, u)
		s.place(t, p, p.section(w.section), -1)
		s.numbered(t, p)
		s.index(t, c.now)
		s.announceNew(c, t)
		if w.section == "Done" {
			c.complete(t, true)
		}
	}
}
