package github

import (
	"net/http"
	"slices"
	"strings"
)

// actor is who changes something.
type actor struct {
	user   *user
	triage bool // it may set labels, assignees, milestone and type
	app    *app
}

// change is what is to become of an issue. Nil and unset leave things alone.
type change struct {
	title         *string
	setBody       bool
	body          *string
	state, reason string
	setLabels     bool
	labels        []string
	setAssignees  bool
	assignees     []string
	setMilestone  bool
	milestone     *milestone
	setType       bool
	typ           *issueType
}

// check refuses a change as a whole, as GitHub does.
func (s *System) check(a actor, r *repo, ch *change) error {
	if ch.title != nil {
		if strings.TrimSpace(*ch.title) == "" {
			return invalid("Issue", "title", "missing_field", nil)
		}
		if tooLong(*ch.title, maxTitle) {
			return invalid("Issue", "title", "custom", object{"message": "title is too long (maximum is 256 characters)"})
		}
	}
	if ch.body != nil && tooLong(*ch.body, maxText) {
		return invalid("Issue", "body", "custom", object{"message": "body is too long (maximum is 65536 characters)"})
	}
	if ch.state != "" && ch.state != "open" && ch.state != "closed" {
		return invalid("Issue", "state", "invalid", object{"value": ch.state})
	}
	if ch.reason != "" && !slices.Contains([]string{"completed", "not_planned", "duplicate", "reopened"}, ch.reason) {
		return invalid("Issue", "state_reason", "invalid", object{"value": ch.reason})
	}
	if !a.triage { // what somebody may not set is not looked at, either
		ch.setLabels, ch.setAssignees, ch.setMilestone, ch.setType = false, false, false, false
		return nil
	}
	for _, name := range ch.labels {
		if err := checkLabelName(name); err != nil {
			return err
		}
	}
	for _, login := range ch.assignees {
		if !r.assignable(s.userByLogin(login)) {
			return invalid("Issue", "assignees", "invalid", object{"value": login})
		}
	}
	return nil
}

func (s *System) create(a actor, r *repo, ch change) (*issue, error) {
	if ch.title == nil {
		return nil, invalid("Issue", "title", "missing_field", nil)
	}
	if err := s.check(a, r, &ch); err != nil {
		return nil, err
	}
	r.lastNumber++
	now := s.now()
	i := &issue{
		id: s.nextID("issue", 444500000), number: r.lastNumber, repo: r, title: *ch.title, body: ch.body, state: "open",
		user: a.user, created: now, updated: now, app: a.app, milestone: ch.milestone, typ: ch.typ,
	}
	if !ch.setMilestone {
		i.milestone = nil
	}
	if !ch.setType {
		i.typ = nil
	}
	r.issues[i.number] = i
	i.labels = s.labelsNamed(r, ch.labels, ch.setLabels)
	i.assignees = s.people(ch.assignees, ch.setAssignees)
	s.snap(i)
	s.announce(a, i, "opened", nil, nil)
	for _, l := range i.labels {
		s.happened(a, i, &event{kind: "labeled", label: l}, object{"label": s.links().label(r, l)})
	}
	for _, u := range i.assignees {
		s.happened(a, i, &event{kind: "assigned", assignee: u}, object{"assignee": s.links().user(u)})
	}
	if i.milestone != nil {
		s.happened(a, i, &event{kind: "milestoned", milestone: i.milestone.title}, object{"milestone": s.links().milestone(r, i.milestone)})
	}
	if i.typ != nil {
		s.announce(a, i, "typed", object{"type": s.links().issueType(i.typ)}, nil)
	}
	return i, nil
}

func (s *System) people(logins []string, set bool) []*user {
	if !set {
		return nil
	}
	var out []*user
	for _, login := range logins {
		if u := s.userByLogin(login); u != nil && !slices.Contains(out, u) && len(out) < maxAssignees {
			out = append(out, u)
		}
	}
	return out
}

// labelsNamed finds the labels of these names and makes those that there are
// not, as GitHub does without a word.
func (s *System) labelsNamed(r *repo, names []string, set bool) []*label {
	if !set {
		return nil
	}
	var out []*label
	for _, name := range names {
		l := r.label(strings.TrimSpace(name))
		if l == nil {
			l = s.addLabel(r, strings.TrimSpace(name), "ededed", "")
		}
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// edit changes an issue. What stays as it was leaves no trace.
func (s *System) edit(a actor, i *issue, ch change) error {
	if err := s.check(a, i.repo, &ch); err != nil {
		return err
	}
	if ch.title != nil && *ch.title != i.title {
		from := i.title
		i.title = *ch.title
		s.note(a, i, &event{kind: "renamed", from: from, to: i.title})
		s.announce(a, i, "edited", nil, object{"title": object{"from": from}})
	}
	if ch.setBody && textOf(ch.body) != textOf(i.body) {
		from := textOf(i.body)
		i.body = ch.body
		s.touched(i)
		s.announce(a, i, "edited", nil, object{"body": object{"from": from}})
	}
	if ch.setLabels {
		s.setLabels(a, i, s.labelsNamed(i.repo, ch.labels, true))
	}
	if ch.setAssignees {
		s.setAssignees(a, i, s.people(ch.assignees, true))
	}
	if ch.setMilestone && ch.milestone != i.milestone {
		s.setMilestone(a, i, ch.milestone)
	}
	if ch.setType && ch.typ != i.typ {
		was := i.typ
		i.typ = ch.typ
		s.touched(i)
		action, shown := "typed", ch.typ
		if ch.typ == nil {
			action, shown = "untyped", was
		}
		s.announce(a, i, action, object{"type": s.links().issueType(shown)}, nil)
	}
	if ch.state != "" && ch.state != i.state {
		s.setState(a, i, ch.state, ch.reason)
	}
	return nil
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (s *System) setState(a actor, i *issue, state, reason string) {
	i.state = state
	if state == "open" {
		i.reason, i.closed, i.closedBy = "reopened", nil, nil
		s.happened(a, i, &event{kind: "reopened", reason: "reopened"}, nil)
		return
	}
	now := s.now()
	if reason == "" || reason == "reopened" {
		reason = "completed"
	}
	i.reason, i.closed, i.closedBy = reason, &now, a.user
	s.happened(a, i, &event{kind: "closed", reason: reason}, nil)
}

func (s *System) setLabels(a actor, i *issue, want []*label) {
	for _, l := range slices.Clone(i.labels) {
		if !slices.Contains(want, l) {
			s.removeLabel(a, i, l)
		}
	}
	for _, l := range want {
		s.giveLabel(a, i, l)
	}
}

func (s *System) giveLabel(a actor, i *issue, l *label) {
	if slices.Contains(i.labels, l) {
		return
	}
	i.labels = append(slices.Clone(i.labels), l)
	s.happened(a, i, &event{kind: "labeled", label: l}, object{"label": s.links().label(i.repo, l)})
}

func (s *System) removeLabel(a actor, i *issue, l *label) {
	i.labels = slices.DeleteFunc(slices.Clone(i.labels), func(have *label) bool { return have == l })
	s.happened(a, i, &event{kind: "unlabeled", label: l}, object{"label": s.links().label(i.repo, l)})
}

func (s *System) setAssignees(a actor, i *issue, want []*user) {
	for _, u := range slices.Clone(i.assignees) {
		if !slices.Contains(want, u) {
			i.assignees = slices.DeleteFunc(slices.Clone(i.assignees), func(have *user) bool { return have == u })
			s.happened(a, i, &event{kind: "unassigned", assignee: u}, object{"assignee": s.links().user(u)})
		}
	}
	for _, u := range want {
		if !slices.Contains(i.assignees, u) && len(i.assignees) < maxAssignees {
			i.assignees = append(slices.Clone(i.assignees), u)
			s.happened(a, i, &event{kind: "assigned", assignee: u}, object{"assignee": s.links().user(u)})
		}
	}
}

func (s *System) setMilestone(a actor, i *issue, m *milestone) {
	if was := i.milestone; was != nil {
		i.milestone = nil
		s.happened(a, i, &event{kind: "demilestoned", milestone: was.title}, object{"milestone": s.links().milestone(i.repo, was)})
	}
	if m != nil {
		i.milestone = m
		s.happened(a, i, &event{kind: "milestoned", milestone: m.title}, object{"milestone": s.links().milestone(i.repo, m)})
	}
}

// note keeps an event of an issue.
func (s *System) note(a actor, i *issue, e *event) {
	e.id, e.actor, e.at, e.app = s.nextID("event", 2391000000), a.user, s.now(), a.app
	i.events = append(i.events, e)
	s.touched(i)
}

// happened notes an event and tells the webhooks of it under the same name.
func (s *System) happened(a actor, i *issue, e *event, more object) {
	s.note(a, i, e)
	s.announce(a, i, e.kind, more, nil)
}

// remove deletes an issue for good; its number stays taken.
func (s *System) remove(a actor, i *issue) {
	s.announce(a, i, "deleted", nil, nil)
	s.detach(i)
	for _, sub := range i.subs {
		sub.parent = nil
	}
	delete(i.repo.issues, i.number)
	i.repo.graves[i.number] = grave{}
}

// detach takes an issue out of its parent.
func (s *System) detach(i *issue) {
	if p := i.parent; p != nil {
		p.subs = slices.DeleteFunc(p.subs, func(have *issue) bool { return have == i })
		i.parent = nil
	}
}

// transfer moves an issue to another repository of the same owner. It gets
// another id and number there; labels go along as far as the target has them.
func (s *System) transfer(a actor, i *issue, to *repo) (*issue, error) {
	if to.owner != i.repo.owner || to == i.repo {
		return nil, fail(http.StatusUnprocessableEntity, "The new repository must be another one of the same owner")
	}
	to.lastNumber++
	moved := *i
	moved.id, moved.number, moved.repo, moved.versions, moved.milestone, moved.labels = s.nextID("issue", 444500000), to.lastNumber, to, nil, nil, nil
	for _, l := range i.labels {
		if same := to.label(l.name); same != nil {
			moved.labels = append(moved.labels, same)
		}
	}
	n := &moved
	n.updated = s.now()
	n.events = append(slices.Clone(i.events), &event{id: s.nextID("event", 2391000000), kind: "transferred", actor: a.user, at: s.now()})
	to.issues[n.number] = n
	s.snap(n)
	delete(i.repo.issues, i.number)
	i.repo.graves[i.number] = grave{movedTo: n}
	if n.parent != nil {
		n.parent.subs = slices.DeleteFunc(n.parent.subs, func(have *issue) bool { return have == i })
		n.parent.subs = append(n.parent.subs, n)
	}
	for _, sub := range n.subs {
		sub.parent = n
	}
	l := s.links()
	s.announce(a, i, "transferred", nil, object{"new_issue": l.issueJSON(n, true, s.opts.Enterprise), "new_repository": l.repoJSON(to)})
	s.announce(a, n, "opened", nil, object{"old_issue": l.issueJSON(i, true, s.opts.Enterprise), "old_repository": l.repoJSON(i.repo)})
	return n, nil
}
