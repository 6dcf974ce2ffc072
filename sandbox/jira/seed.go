package jira

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
)

// seedUsers are the people of the demo. Most of them own deals in the CRM too;
// one hides her e-mail, and one owner of the CRM has no account here.
var seedUsers = []user{
	{name: "ada.okafor", email: "ada.okafor@harbourworks.example", displayName: "Ada Okafor", zoneName: "Europe/Berlin", admin: true},
	{name: "jonas.lindqvist", email: "jonas.lindqvist@harbourworks.example", displayName: "Jonas Lindqvist", zoneName: "Europe/Stockholm"},
	{name: "rosa.delgado", email: "rosa.delgado@harbourworks.example", displayName: "Rosa Delgado", zoneName: "America/New_York"},
	{name: "tom.becker", email: "tom.becker@harbourworks.example", displayName: "Tom Becker", zoneName: "Europe/London"},
	{name: "mei.tanaka", email: "mei.tanaka@harbourworks.example", displayName: "Mei Tanaka", zoneName: "Asia/Tokyo", hideEmail: true},
	{name: "nils.sommer", email: formerUser, displayName: "Nils Sommer", zoneName: "Europe/Berlin"},
}

// formerUser has left: the account is there, but not active.
const formerUser = "nils.sommer@harbourworks.example"

// sowSite sets up what a site has before its first issue.
func (s *System) sowSite() {
	s.addUser(user{name: "tenon", email: s.opts.Email, displayName: "Tenon Sync", zoneName: "America/Los_Angeles", admin: true})
	for _, u := range seedUsers {
		if !strings.EqualFold(u.email, s.opts.Email) {
			s.addUser(u)
		}
	}
	s.userByEmail(formerUser).active = false
	s.addUser(user{name: "automation", email: "automation@harbourworks.example", displayName: "Automation for Jira", zoneName: "UTC", accountType: "app", hideEmail: true})
	lead := s.users[1]
	s.addProject("DELIV", "Delivery", lead, deliveryWorkflow, []string{"Delivery", "Design", "Engineering"}, []string{"2026.1", "2026.2"})
	s.addProject("OPS", "Operations", lead, simpleWorkflow, []string{"Delivery", "Support"}, nil)
}

func (s *System) addUser(u user) {
	u.accountID = fmt.Sprintf("%06x:%s", s.rand.IntN(1<<24), s.rand.UUID())
	u.key = fmt.Sprintf("JIRAUSER%d", s.nextID("user", 10099))
	u.zone = zoneOf(u.zoneName)
	u.active = true
	if u.accountType == "" {
		u.accountType = "atlassian"
	}
	s.users = append(s.users, &u)
}

func (s *System) addProject(key, name string, lead *user, w *workflow, components, versions []string) {
	p := &project{
		id: s.nextID("project", 9999), key: key, name: name, lead: lead, workflow: w, types: issueTypes,
		screens: map[string][]string{}, required: map[string]bool{}, denied: map[string]map[permission]bool{},
	}
	for _, t := range issueTypes {
		p.screens[t.id] = baseScreen(s.opts.Flavour, t)
	}
	for _, c := range components {
		p.components = append(p.components, &component{id: idOf(s.nextID("component", 9999)), name: c})
	}
	for _, v := range versions {
		p.versions = append(p.versions, &version{id: idOf(s.nextID("version", 9999)), name: v})
	}
	for _, u := range s.users {
		if u.accountType == "app" {
			p.denied[u.accountID] = map[permission]bool{assignableUser: true}
		}
	}
	s.projects = append(s.projects, p)
}

type seedEpic struct {
	name, description string
	status            *status
	labels            []string
	tasks             []string
	budget            float64
}

var seedEpics = []seedEpic{
	{
		"Warehouse rollout for Northwind", "Roll out the warehouse module at three sites.\n\nThe customer wants *one* site live before the summer.",
		statusInProgress,
		[]string{"crm", "rollout"},
		[]string{"Requirements: Northwind warehouse", "Label printer integration", "Train the shift leads", "Acceptance test"},
		84_000,
	},
	{
		"Data migration for Contoso", "Move ten years of orders out of the old system.", statusInProgress,
		[]string{"crm", "migration"},
		[]string{"Map the old order states", "Trial migration", "Clean up duplicate customers", "Final migration weekend"},
		41_500,
	},
	{
		"Customer portal for Fabrikam", "A portal where Fabrikam's customers see their orders.", statusInReview,
		[]string{"crm", "portal"},
		[]string{"Single sign-on", "Order history page", "Accessibility review"},
		120_000,
	},
	{
		"Support retainer for Adatum", "Twelve months of support, renewed every year.", statusToDo,
		[]string{"retainer"},
		[]string{"Agree on response times", "Set up the shared channel"},
		18_000,
	},
	{
		"Pilot for Litware", "Four weeks with two teams.", statusDone,
		[]string{"crm", "pilot"},
		[]string{"Kick-off", "Weekly review", "Report"},
		9_500,
	},
}

// sowIssues makes the demo's issues, spread over the last ninety days.
func (s *System) sowIssues() {
	deliv, ops := s.projectBy("DELIV"), s.projectBy("OPS")
	start := s.now().Add(-90 * 24 * time.Hour)
	for n, e := range seedEpics {
		at := start.Add(time.Duration(n*10)*24*time.Hour + time.Duration(s.rand.IntN(8*60))*time.Minute)
		owner := s.users[1+n%5]
		epic := s.sow(deliv, typeEpic, e.name, e.status, owner, at)
		epic.fields["description"] = value{doc: adf.FromWiki(e.description)}
		epic.fields["labels"] = value{list: e.labels}
		epic.fields["components"] = value{list: []string{deliv.components[0].id}}
		epic.fields[fieldBudget] = value{number: e.budget}
		epic.fields[fieldStartDate] = value{text: at.Format(time.DateOnly)}
		epic.fields["duedate"] = value{text: at.Add(time.Duration(60+s.rand.IntN(60)) * 24 * time.Hour).Format(time.DateOnly)}
		epic.fields[fieldContract] = value{text: s.field(fieldContract).options[n%3].id}
		if !s.cloud() {
			epic.fields[fieldEpicName] = value{text: e.name}
		}
		for m, name := range e.tasks {
			s.sowTask(epic, e, m, name, at.Add(time.Duration(m+1)*time.Hour))
		}
	}
	for n, name := range []string{"Rotate the backup keys", "Renew the certificate of the portal", "Review access of leavers"} {
		s.sow(ops, typeTask, name, statusToDo, s.users[2+n], start.Add(time.Duration(n)*24*time.Hour))
	}
	for _, i := range s.issues {
		s.place(nil, i)
	}
}

func (s *System) sowTask(epic *issue, e seedEpic, n int, name string, at time.Time) {
	st := statusToDo
	switch {
	case e.status == statusDone, e.status != statusToDo && n == 0:
		st = statusDone
	case e.status != statusToDo && n == 1:
		st = statusInProgress
	}
	types := []*issueType{typeTask, typeStory, typeTask, typeTask}
	task := s.sow(epic.project, types[n%len(types)], name, st, s.users[1+(n+s.rand.IntN(5))%5], at)
	if s.cloud() {
		task.fields["parent"] = value{text: epic.idText()}
	} else {
		task.fields[fieldEpicLink] = value{text: epic.idText()}
	}
	if n == 0 {
		sub := s.sow(epic.project, typeSubtask, "Write down the open questions", st, s.users[1+n%5], at.Add(time.Hour))
		sub.fields["parent"] = value{text: task.idText()}
		c := &comment{
			id: s.nextID("comment", 10000), author: s.users[2], editor: s.users[2], created: at.Add(2 * time.Hour), updated: at.Add(2 * time.Hour),
			body: adf.FromText("Talked it through with the customer; notes are in the shared folder."), properties: map[string]json.RawMessage{},
		}
		task.comments = append(task.comments, c)
		task.updated = c.created
	}
}

// sow stores an issue of the seed as if it had been there all along. It is not
// seen by anybody yet, so it may still be filled in.
func (s *System) sow(p *project, t *issueType, summary string, st *status, assignee *user, at time.Time) *issue {
	p.next++
	i := &issue{
		id: s.nextID("issue", 10000), key: fmt.Sprintf("%s-%d", p.key, p.next), project: p, issueType: t, status: st,
		creator: p.lead, created: at, updated: at.Add(time.Duration(s.rand.IntN(600)) * time.Minute), statusChanged: at,
		fields: map[string]value{
			"summary": {text: summary}, "priority": {text: priorities[1+s.rand.IntN(3)].id},
			"assignee": {text: assignee.accountID}, "reporter": {text: p.lead.accountID},
		},
	}
	if st.category == categoryDone {
		i.fields["resolution"] = value{text: resolutions[0].id}
		i.resolved = i.updated
	}
	s.issues[i.id] = i
	s.keys[i.key] = i.id
	s.index.add(i, s.now())
	return i
}
