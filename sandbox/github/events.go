package github

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// event renders an entry of the events API; the timeline leaves some members
// out and has others.
func (l links) event(i *issue, e *event) object {
	me := l.repo(i.repo) + "/issues/events/" + strconv.FormatInt(e.id, 10)
	out := object{
		"id": e.id, "node_id": nodeID("EV", e.id), "url": me, "actor": l.user(e.actor), "event": e.kind, "commit_id": nil, "commit_url": nil,
		"created_at": stamp(e.at), "performed_via_github_app": l.app(e.app),
	}
	switch e.kind {
	case "labeled", "unlabeled":
		out["label"] = object{"name": e.label.name, "color": e.label.color}
	case "assigned", "unassigned":
		out["assignee"], out["assigner"] = l.user(e.assignee), l.user(e.actor)
	case "milestoned", "demilestoned":
		out["milestone"] = object{"title": e.milestone}
	case "renamed":
		out["rename"] = object{"from": e.from, "to": e.to}
	case "closed", "reopened":
		out["state_reason"] = orNull(e.reason)
	case "locked":
		out["lock_reason"] = orNull(i.lockReason)
	}
	return out
}

// entry is an event or a comment of a timeline.
type entry struct {
	at      time.Time
	event   *event
	comment *comment
}

func timelineOf(i *issue) []entry {
	var list []entry
	for _, e := range i.events {
		list = append(list, entry{at: e.at, event: e})
	}
	for _, cm := range i.comments {
		list = append(list, entry{at: cm.created, comment: cm})
	}
	slices.SortStableFunc(list, func(a, b entry) int { return a.at.Compare(b.at) })
	return list
}

func (c *call) timeline() (reply, error) {
	_, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	return page(c, timelineOf(i), func(e entry) any {
		if e.comment == nil {
			return c.links().event(i, e.event)
		}
		out := c.links().comment(i, e.comment)
		out["event"], out["actor"] = "commented", out["user"]
		return out
	})
}

func (c *call) listEvents() (reply, error) {
	_, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	return page(c, i.events, func(e *event) any { return c.links().event(i, e) })
}

// repoEvents lists the events of a repository, the newest first.
func repoEvents(r *repo) []happening {
	var list []happening
	for _, n := range r.numbers() {
		for _, e := range r.issues[n].events {
			list = append(list, happening{r.issues[n], e})
		}
	}
	slices.SortFunc(list, func(a, b happening) int { return cmp.Compare(b.event.id, a.event.id) })
	return list
}

type happening struct {
	issue *issue
	event *event
}

func (c *call) happening(h happening) object {
	out := c.links().event(h.issue, h.event)
	out["issue"] = c.issue(h.issue)
	return out
}

func (c *call) listRepoEvents() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	return page(c, repoEvents(r), func(h happening) any { return c.happening(h) })
}

func (c *call) getEvent() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	for _, h := range repoEvents(r) {
		if strconv.FormatInt(h.event.id, 10) == c.values["event"] {
			return ok(c.happening(h)), nil
		}
	}
	return reply{}, errNotFound
}

// maxSubIssues is how many sub-issues an issue may have.
const maxSubIssues = 100

func (c *call) listSubIssues() (reply, error) {
	_, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	return page(c, i.subs, func(sub *issue) any { return c.issue(sub) })
}

func (c *call) getParent() (reply, error) {
	_, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if i.parent == nil || !c.sees(i.parent.repo) {
		return reply{}, errNotFound
	}
	return ok(c.issue(i.parent)), nil
}

// pathSub reads which sub-issue a call is about: by its global id, not by its
// number.
func (c *call) pathSub() (*issue, *issue, error) {
	r, i, err := c.pathIssue()
	if err != nil {
		return nil, nil, err
	}
	if err := c.mayTriage(r); err != nil {
		return nil, nil, err
	}
	m, err := c.members()
	if err != nil {
		return nil, nil, err
	}
	if _, there := m["sub_issue_id"]; !there {
		return nil, nil, fail(422, "Invalid request.\n\n\"sub_issue_id\" wasn't supplied.")
	}
	id, err := number(m, "sub_issue_id")
	if err != nil {
		return nil, nil, err
	}
	sub := c.sys.issueByID(id)
	if sub == nil || sub.pull || !c.sees(sub.repo) {
		return nil, nil, fail(404, "The provided sub-issue does not exist")
	}
	return i, sub, nil
}

func (c *call) addSubIssue() (reply, error) {
	i, sub, err := c.pathSub()
	if err != nil {
		return reply{}, err
	}
	m, err := c.members()
	if err != nil {
		return reply{}, err
	}
	replace := string(m["replace_parent"]) == "true"
	if err := c.sys.adopt(c.actor(i.repo), i, sub, replace); err != nil {
		return reply{}, err
	}
	return created(c.issue(i), c.links().issue(sub)), nil
}

func (s *System) adopt(a actor, parent, sub *issue, replace bool) error {
	problem := ""
	switch {
	case parent == sub:
		problem = "Issue cannot be a sub-issue of itself"
	case sub.parent != nil && !replace:
		problem = "Sub issue may only have one parent"
	case parent.repo.owner != sub.repo.owner:
		problem = "Sub-issues must be of the same owner"
	case len(parent.subs) >= maxSubIssues:
		problem = fmt.Sprintf("Parent cannot have more than %d sub-issues", maxSubIssues)
	}
	for p := parent; p != nil; p = p.parent {
		if p == sub {
			problem = "Sub-issues cannot be circular"
		}
	}
	if problem != "" {
		return &apiError{status: 422, message: "An error occurred while adding the sub-issue to the parent issue. " + problem, errors: []any{problem}}
	}
	s.detach(sub)
	sub.parent = parent
	parent.subs = append(parent.subs, sub)
	s.note(a, parent, &event{kind: "sub_issue_added", other: sub})
	s.note(a, sub, &event{kind: "parent_issue_added", other: parent})
	l := s.links()
	s.tell(sub.repo, "sub_issues", "parent_issue_added", a, object{
		"parent_issue_id": parent.id, "parent_issue": l.issueJSON(parent, true, false), "parent_issue_repo": l.repoJSON(parent.repo),
		"sub_issue_id": sub.id, "sub_issue": l.issueJSON(sub, true, false),
	})
	return nil
}

func (c *call) removeSubIssue() (reply, error) {
	i, sub, err := c.pathSub()
	if err != nil {
		return reply{}, err
	}
	if sub.parent != i {
		return reply{}, errNotFound
	}
	c.sys.detach(sub)
	c.sys.note(c.actor(i.repo), i, &event{kind: "sub_issue_removed", other: sub})
	c.sys.note(c.actor(i.repo), sub, &event{kind: "parent_issue_removed", other: i})
	return ok(c.issue(i)), nil
}
