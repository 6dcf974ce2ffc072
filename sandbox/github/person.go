package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Person acts as people do in the browser: at once, with the rights of the
// account.
type Person struct {
	sys *System
	who string
}

// As returns the person with that e-mail or login. Acts of one that there is
// not fail.
func (s *System) As(emailOrLogin string) Person { return Person{s, emailOrLogin} }

func errNoSuch(kind, name string) error { return fmt.Errorf("github sandbox: no %s %q", kind, name) }

// in runs an act within a repository.
func (p Person) in(repository string, act func(a actor, r *repo) error) error {
	p.sys.mu.Lock()
	defer p.sys.mu.Unlock()
	u := p.sys.userByEmail(p.who)
	if u == nil {
		u = p.sys.userByLogin(p.who)
	}
	if u == nil {
		return errNoSuch("person", p.who)
	}
	r, _ := p.sys.repoByName(repository)
	if r == nil {
		return errNoSuch("repository", repository)
	}
	return act(actor{user: u, triage: r.roles[u.login] >= roleTriage}, r)
}

func (p Person) on(repository string, number int, act func(a actor, i *issue) error) error {
	return p.in(repository, func(a actor, r *repo) error {
		i := r.issues[number]
		if i == nil {
			return errNoSuch("issue", fmt.Sprintf("%s#%d", repository, number))
		}
		return act(a, i)
	})
}

// changeOf reads fields as the REST API has them: title, body, state,
// state_reason, labels, assignees, milestone, type.
func (s *System) changeOf(r *repo, fields map[string]any) (change, error) {
	raw, err := json.Marshal(fields)
	if err != nil {
		return change{}, err
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return change{}, err
	}
	return (&call{sys: s, old: true}).readChange(r, m)
}

// Create makes an issue and returns its number. A state among the fields is set
// afterwards, as people do.
func (p Person) Create(repository string, fields map[string]any) (number int, err error) {
	err = p.in(repository, func(a actor, r *repo) error {
		ch, err := p.sys.changeOf(r, fields)
		if err != nil {
			return err
		}
		i, err := p.sys.create(a, r, ch)
		if err != nil {
			return err
		}
		number = i.number
		if ch.state == "closed" {
			p.sys.setState(a, i, ch.state, ch.reason)
		}
		return nil
	})
	return number, err
}

// Edit changes fields of an issue.
func (p Person) Edit(repository string, number int, fields map[string]any) error {
	return p.on(repository, number, func(a actor, i *issue) error {
		ch, err := p.sys.changeOf(i.repo, fields)
		if err != nil {
			return err
		}
		return p.sys.edit(a, i, ch)
	})
}

// Close closes an issue for a reason: completed, not_planned or duplicate. One
// that is closed already gets the other reason, as the browser allows.
func (p Person) Close(repository string, number int, reason string) error {
	return p.on(repository, number, func(a actor, i *issue) error {
		if i.state != "closed" || i.reason != reason {
			p.sys.setState(a, i, "closed", reason)
		}
		return nil
	})
}

// Comment adds a comment and returns its id.
func (p Person) Comment(repository string, number int, text string) (id int64, err error) {
	err = p.on(repository, number, func(a actor, i *issue) error {
		id = p.sys.comment(a, i, text).id
		return nil
	})
	return id, err
}

// EditComment changes a comment, DeleteComment deletes it.
func (p Person) EditComment(repository string, number int, id int64, text string) error {
	return p.onComment(repository, number, id, func(a actor, at placed) { p.sys.editCommentText(a, at, text) })
}

// DeleteComment deletes a comment.
func (p Person) DeleteComment(repository string, number int, id int64) error {
	return p.onComment(repository, number, id, p.sys.dropComment)
}

func (p Person) onComment(repository string, number int, id int64, act func(actor, placed)) error {
	return p.on(repository, number, func(a actor, i *issue) error {
		n := slices.IndexFunc(i.comments, func(cm *comment) bool { return cm.id == id })
		if n < 0 {
			return errNoSuch("comment", fmt.Sprint(id))
		}
		act(a, placed{i, i.comments[n]})
		return nil
	})
}

// Delete deletes an issue for good, which administrators may.
func (p Person) Delete(repository string, number int) error {
	return p.on(repository, number, func(a actor, i *issue) error {
		if i.repo.roles[a.user.login] < roleAdmin {
			return fail(http.StatusForbidden, "Must have admin rights to Repository.")
		}
		p.sys.remove(a, i)
		return nil
	})
}

// Transfer moves an issue to another repository and returns its number there.
func (p Person) Transfer(repository string, number int, to string) (there int, err error) {
	err = p.on(repository, number, func(a actor, i *issue) error {
		target, _ := p.sys.repoByName(to)
		if target == nil {
			return errNoSuch("repository", to)
		}
		moved, err := p.sys.transfer(a, i, target)
		if err == nil {
			there = moved.number
		}
		return err
	})
	return there, err
}

// AddSubIssue puts an issue below another one of the same repository.
func (p Person) AddSubIssue(repository string, parent, number int) error {
	return p.on(repository, parent, func(a actor, i *issue) error {
		sub := i.repo.issues[number]
		if sub == nil {
			return errNoSuch("issue", fmt.Sprint(number))
		}
		return p.sys.adopt(a, i, sub, false)
	})
}

// AddMilestone makes a milestone and returns its number. A zero due day means
// none.
func (p Person) AddMilestone(repository, title string, due time.Time) (number int, err error) {
	err = p.in(repository, func(a actor, r *repo) error {
		m := p.sys.addMilestone(r, a.user, title)
		if !due.IsZero() {
			m.dueOn = &due
		}
		number = m.number
		p.sys.tell(r, "milestone", "created", a, object{"milestone": p.sys.links().milestone(r, m)})
		return nil
	})
	return number, err
}

// EditMilestone changes a milestone as the REST API would; DeleteMilestone
// deletes it.
func (p Person) EditMilestone(repository string, number int, fields map[string]any) error {
	return p.in(repository, func(a actor, r *repo) error {
		m := r.milestone(number)
		if m == nil {
			return errNoSuch("milestone", fmt.Sprint(number))
		}
		raw, err := json.Marshal(fields)
		if err != nil {
			return err
		}
		draft := *m
		if err := (&call{sys: p.sys, body: raw}).readMilestone(r, &draft, false); err != nil {
			return err
		}
		draft.updated = p.sys.now()
		*m = draft
		p.sys.tell(r, "milestone", "edited", a, object{"milestone": p.sys.links().milestone(r, m), "changes": object{}})
		return nil
	})
}

// DeleteMilestone deletes a milestone; its issues stay.
func (p Person) DeleteMilestone(repository string, number int) error {
	return p.in(repository, func(a actor, r *repo) error {
		m := r.milestone(number)
		if m == nil {
			return errNoSuch("milestone", fmt.Sprint(number))
		}
		p.sys.dropMilestone(a, r, m)
		return nil
	})
}

// Issue is the truth about an issue or a pull request.
type Issue struct {
	Repository  string
	ID          int64
	NodeID      string
	Number      int
	Title, Body string
	State       string
	Reason      string // of being closed
	Labels      []string
	Assignees   []string // logins
	Milestone   int      // its number; 0: none
	Type        string
	PullRequest bool
	Parent      int   // the number of the parent in the same repository; 0: none
	Children    []int // sub-issues
	Comments    []Comment
	Created     time.Time
	Updated     time.Time
}

// Comment is the truth about a comment.
type Comment struct {
	ID          int64
	Login, Text string
}

// Milestone is the truth about a milestone.
type Milestone struct {
	Number             int
	Title, Description string
	State              string
	Due                time.Time // zero: none
}

// Issue returns the truth about an issue, and whether there is one.
func (s *System) Issue(repository string, number int) (Issue, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, _ := s.repoByName(repository)
	if r == nil || r.issues[number] == nil {
		return Issue{}, false
	}
	return truth(r.issues[number]), true
}

// Issues returns the truth about all issues and pull requests of a repository,
// by number.
func (s *System) Issues(repository string) []Issue {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Issue{}
	r, _ := s.repoByName(repository)
	if r == nil {
		return out
	}
	for _, n := range r.numbers() {
		out = append(out, truth(r.issues[n]))
	}
	return out
}

// Milestones returns the truth about the milestones of a repository.
func (s *System) Milestones(repository string) []Milestone {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Milestone{}
	r, _ := s.repoByName(repository)
	if r == nil {
		return out
	}
	for _, m := range r.milestones {
		shown := Milestone{Number: m.number, Title: m.title, Description: textOf(m.description), State: m.state}
		if m.dueOn != nil {
			shown.Due = *m.dueOn
		}
		out = append(out, shown)
	}
	return out
}

// RepositoryID returns the id of a repository, 0 if there is none.
func (s *System) RepositoryID(repository string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, _ := s.repoByName(repository)
	if r == nil {
		return 0
	}
	return r.id
}

// Login returns the login of a person by e-mail, "" if there is none.
func (s *System) Login(email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.userByEmail(email); u != nil {
		return u.login
	}
	return ""
}

func truth(i *issue) Issue {
	out := Issue{
		Repository: i.repo.fullName(), ID: i.id, NodeID: nodeID("I", i.id), Number: i.number, Title: i.title, Body: textOf(i.body), State: i.state,
		PullRequest: i.pull, Created: i.created, Updated: i.updated,
	}
	if i.state == "closed" {
		out.Reason = i.reason
	}
	for _, l := range i.labels {
		out.Labels = append(out.Labels, l.name)
	}
	for _, u := range i.assignees {
		out.Assignees = append(out.Assignees, u.login)
	}
	if i.milestone != nil {
		out.Milestone = i.milestone.number
	}
	if i.typ != nil {
		out.Type = i.typ.name
	}
	if i.parent != nil {
		out.Parent = i.parent.number
	}
	for _, sub := range i.subs {
		out.Children = append(out.Children, sub.number)
	}
	for _, cm := range i.comments {
		out.Comments = append(out.Comments, Comment{cm.id, cm.user.login, cm.body})
	}
	return out
}

// roleOf reads a role by its name; "" or "none" is none.
func roleOf(name string) (role, bool) {
	if name == "none" {
		return noRole, true
	}
	n := slices.Index(roleNames[:], strings.ToLower(name))
	return role(max(n, 0)), n >= 0
}
