package github

import (
	"fmt"
	"time"
)

// seedUsers are the people of the demo; most of them own deals in the CRM too.
// One shows no e-mail, which is what most do.
var seedUsers = []user{
	{login: "ada-okafor", name: "Ada Okafor", email: "ada.okafor@harbourworks.example", emailPublic: true},
	{login: "jonaslindqvist", name: "Jonas Lindqvist", email: "jonas.lindqvist@harbourworks.example", emailPublic: true},
	{login: "rosadelgado", name: "Rosa Delgado", email: "rosa.delgado@harbourworks.example", emailPublic: true},
	{login: "tbecker", name: "Tom Becker", email: "tom.becker@harbourworks.example", emailPublic: true},
	{login: "mei-t", name: "Mei Tanaka", email: "mei.tanaka@harbourworks.example"},
}

// outsider is somebody who has an account but no part in the repositories.
const outsider = "passer-by"

// seedOrg owns the repositories.
const seedOrg = "harbourworks"

// presetLabels are those that a new repository has.
var presetLabels = []label{
	{name: "bug", color: "d73a4a", description: "Something isn't working"},
	{name: "documentation", color: "0075ca", description: "Improvements or additions to documentation"},
	{name: "duplicate", color: "cfd3d7", description: "This issue or pull request already exists"},
	{name: "enhancement", color: "a2eeef", description: "New feature or request"},
	{name: "good first issue", color: "7057ff", description: "Good for newcomers"},
	{name: "help wanted", color: "008672", description: "Extra attention is needed"},
	{name: "invalid", color: "e4e669", description: "This doesn't seem right"},
	{name: "question", color: "d876e3", description: "Further information is requested"},
	{name: "wontfix", color: "ffffff", description: "This will not be worked on"},
}

var ownLabels = []label{
	{name: "crm", color: "1d76db", description: "Came from the CRM"},
	{name: "support", color: "fbca04", description: "A customer waits for it"},
}

// sowSite sets up what there is before the first issue.
func (s *System) sowSite() {
	org := s.addUser(user{login: seedOrg, name: "Harbourworks", typ: "Organization"})
	s.addUser(user{login: DefaultLogin, name: "Tenon Sync", email: "tenon@harbourworks.example"})
	for _, u := range seedUsers {
		s.addUser(u)
	}
	s.addUser(user{login: outsider, name: "Passer By", email: "passer.by@elsewhere.example", emailPublic: true})
	s.addUser(user{login: "tenon-sync[bot]", typ: "Bot"})
	if !s.opts.Enterprise {
		for _, t := range []issueType{
			{name: "Task", description: "A specific piece of work", color: "yellow"},
			{name: "Bug", description: "An unexpected problem or behavior", color: "red"},
			{name: "Feature", description: "A request, idea, or new functionality", color: "blue"},
		} {
			t.id = s.nextID("type", 130)
			s.types = append(s.types, &t)
		}
	}
	delivery := s.addRepo(org, "delivery", "What we deliver to customers")
	for _, title := range []string{"2026.1", "2026.2"} {
		s.addMilestone(delivery, s.userByLogin("ada-okafor"), title)
	}
	s.addRepo(org, "operations", "What keeps the harbour working")
}

func (s *System) addUser(u user) *user {
	u.id = s.nextID("user", 21031000)
	if u.typ == "" {
		u.typ = "User"
	}
	s.users = append(s.users, &u)
	return &u
}

func (s *System) addRepo(owner *user, name, description string) *repo {
	now := s.now().Add(-200 * 24 * time.Hour)
	r := &repo{
		id: s.nextID("repo", 186853000), owner: owner, name: name, description: description, private: true, created: now, updated: now,
		roles: map[string]role{DefaultLogin: roleAdmin}, hidden: map[string]bool{}, issues: map[int]*issue{}, graves: map[int]grave{},
	}
	for n, u := range seedUsers {
		r.roles[u.login] = roleWrite
		if n == 0 {
			r.roles[u.login] = roleAdmin
		}
	}
	for _, preset := range presetLabels {
		l := s.addLabel(r, preset.name, preset.color, preset.description)
		l.preset = true
	}
	for _, own := range ownLabels {
		s.addLabel(r, own.name, own.color, own.description)
	}
	s.repos = append(s.repos, r)
	return r
}

func (s *System) addLabel(r *repo, name, color, description string) *label {
	l := &label{id: s.nextID("label", 1362934000), name: name, color: color, description: description}
	r.labels = append(r.labels, l)
	return l
}

func (s *System) addMilestone(r *repo, creator *user, title string) *milestone {
	r.lastStone++
	now := s.now()
	m := &milestone{id: s.nextID("milestone", 4317000), number: r.lastStone, title: title, state: "open", creator: creator, created: now, updated: now}
	r.milestones = append(r.milestones, m)
	return m
}

type seedIssue struct {
	title, body string
	labels      []string
	assignee    string
	milestone   int
	reason      string // empty: open
	subs        []string
	comments    []string
}

var seedIssues = []seedIssue{
	{
		title: "Warehouse rollout for Northwind", labels: []string{"enhancement"}, assignee: "ada-okafor", milestone: 1,
		body:     "Roll out the warehouse module at three sites.\n\n- [x] Requirements\n- [ ] First site\n- [ ] Training\n\nThe customer wants **one** site live before the summer.",
		subs:     []string{"Label printer integration", "Train the shift leads"},
		comments: []string{"The printer at site two speaks ZPL only.", "Then we take the adapter that @jonaslindqvist wrote."},
	},
	{
		title: "Import of ten years of orders is slow", labels: []string{"bug", "support"}, assignee: "jonaslindqvist", milestone: 1,
		body:     "| orders | minutes |\n| --- | --- |\n| 10 000 | 4 |\n| 100 000 | 95 |\n\n```sql\nselect count(*) from orders;\n```",
		comments: []string{"An index on `customer_id` helps."},
	},
	{title: "Single sign-on for the customer portal", labels: []string{"enhancement"}, assignee: "tbecker", milestone: 2, body: "Fabrikam uses SAML. ~~OAuth would do as well.~~"},
	{title: "Wrong VAT on exported invoices", labels: []string{"bug", "support"}, assignee: "rosadelgado", reason: "completed", body: "Exports from the Canaries carry 21 %."},
	{title: "Dark mode", labels: []string{"wontfix"}, reason: "not_planned"},
	{title: "Write down how to restore a backup", labels: []string{"documentation"}, assignee: "mei-t"},
}

// sowIssues makes the demo's issues, spread over the last sixty days, with a
// pull request among them, as they share one sequence of numbers.
func (s *System) sowIssues() {
	r, _ := s.repoByName(DefaultRepository)
	at := s.now().Add(-60 * 24 * time.Hour)
	ada := s.userByLogin("ada-okafor")
	for n, seed := range seedIssues {
		at = at.Add(time.Duration(24+s.rand.IntN(120)) * time.Hour)
		i := s.sow(r, ada, seed, at)
		for k, sub := range seed.subs {
			child := s.sow(r, ada, seedIssue{title: sub, assignee: seed.assignee}, at.Add(time.Duration(k+1)*time.Hour))
			if !s.opts.Enterprise {
				child.parent = i
				i.subs = append(i.subs, child)
			}
		}
		if n == 1 {
			pull := s.sow(r, s.userByLogin("jonaslindqvist"), seedIssue{title: "Add an index on customer_id", body: "Fixes #" + fmt.Sprint(i.number)}, at.Add(5*time.Hour))
			pull.pull = true
		}
	}
	other, _ := s.repoByName(seedOrg + "/operations")
	s.sow(other, ada, seedIssue{title: "Renew the certificates of the harbour office", labels: []string{"support"}}, at)
}

func (s *System) sow(r *repo, author *user, seed seedIssue, at time.Time) *issue {
	r.lastNumber++
	i := &issue{
		id: s.nextID("issue", 444500000), number: r.lastNumber, repo: r, title: seed.title, state: "open", user: author,
		created: at, updated: at, milestone: r.milestone(seed.milestone),
	}
	if seed.body != "" {
		i.body = &seed.body
	}
	for _, name := range seed.labels {
		i.labels = append(i.labels, r.label(name))
	}
	if u := s.userByLogin(seed.assignee); u != nil {
		i.assignees = []*user{u}
	}
	for n, text := range seed.comments {
		when := at.Add(time.Duration(n+2) * time.Hour)
		u := s.userByLogin([]string{"tbecker", "ada-okafor"}[n%2])
		i.comments = append(i.comments, &comment{id: s.nextID("comment", 492700000), user: u, body: text, created: when, updated: when})
		i.updated = when
	}
	if seed.reason != "" {
		done := at.Add(72 * time.Hour)
		i.state, i.reason, i.closed, i.closedBy, i.updated = "closed", seed.reason, &done, author, done
		i.events = append(i.events, &event{id: s.nextID("event", 5000), kind: "closed", actor: author, at: done, reason: seed.reason})
	}
	r.issues[i.number] = i
	return i
}
