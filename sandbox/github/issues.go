package github

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pathIssue finds the issue of the path: 410 for one that was deleted, 301 for
// one that was transferred, 404 where the caller may not look.
func (c *call) pathIssue() (*repo, *issue, error) {
	r, err := c.pathRepo()
	if err != nil {
		return nil, nil, err
	}
	n, err := strconv.Atoi(c.values["number"])
	if err != nil {
		return nil, nil, errNotFound
	}
	if r.noIssues {
		return nil, nil, errNoIssues
	}
	if i := r.issues[n]; i != nil {
		return r, i, nil
	}
	dead, known := r.graves[n]
	switch {
	case !known:
		return nil, nil, errNotFound
	case dead.movedTo == nil:
		return nil, nil, errGone
	case !c.sees(dead.movedTo.repo):
		return nil, nil, errNotFound
	}
	return nil, nil, &apiError{status: http.StatusMovedPermanently, message: "Moved Permanently", moved: c.links().issue(dead.movedTo)}
}

// listIssues lists issues and pull requests. As the real thing, it leaves
// closed ones out unless told otherwise.
func (c *call) listIssues() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	if r.noIssues {
		return reply{}, errNoIssues
	}
	q := c.query
	since, _ := time.Parse(time.RFC3339, q.Get("since"))
	state := orElse(q.Get("state"), "open")
	var list []*issue
	for _, n := range r.numbers() {
		i := c.sys.asOf(r.issues[n], c.sys.lag)
		switch {
		case i == nil, state != "all" && i.state != state, i.updated.Before(since), !c.hasAll(i):
		default:
			list = append(list, i)
		}
	}
	key := func(i *issue) int64 { return i.created.Unix() }
	switch q.Get("sort") {
	case "updated":
		key = func(i *issue) int64 { return i.updated.Unix() }
	case "comments":
		key = func(i *issue) int64 { return int64(len(i.comments)) }
	}
	slices.SortStableFunc(list, func(a, b *issue) int {
		order := cmp.Or(cmp.Compare(key(a), key(b)), cmp.Compare(a.number, b.number))
		if q.Get("direction") != "asc" {
			return -order
		}
		return order
	})
	if q.Get("after") != "" || c.atLeastOne("page", 1) >= c.sys.opts.PageLimit {
		return c.listByCursor(list)
	}
	rep, err := page(c, list, func(i *issue) any { return c.issue(i) })
	if next := c.atLeastOne("page", 1) + 1; err == nil && next >= c.sys.opts.PageLimit && (next-1)*c.perPage() < len(list) {
		rep.header = http.Header{"Link": {c.cursorLink(list[(next-1)*c.perPage()-1])}}
	}
	return rep, err
}

// hasAll checks the filters of a list.
func (c *call) hasAll(i *issue) bool {
	q := c.query
	for name := range strings.SplitSeq(q.Get("labels"), ",") {
		if name != "" && !slices.ContainsFunc(i.labels, func(l *label) bool { return strings.EqualFold(l.name, name) }) {
			return false
		}
	}
	if a := q.Get("assignee"); a != "" && a != "*" {
		has := slices.ContainsFunc(i.assignees, func(u *user) bool { return strings.EqualFold(u.login, a) })
		if has == (a == "none") && a != "none" || a == "none" && len(i.assignees) > 0 {
			return false
		}
	} else if a == "*" && len(i.assignees) == 0 {
		return false
	}
	if who := q.Get("creator"); who != "" && !strings.EqualFold(i.user.login, who) {
		return false
	}
	switch m := q.Get("milestone"); m {
	case "":
		return true
	case "none":
		return i.milestone == nil
	case "*":
		return i.milestone != nil
	default:
		return i.milestone != nil && strconv.Itoa(i.milestone.number) == m
	}
}

// listByCursor serves what lies beyond the last page that has a number.
func (c *call) listByCursor(list []*issue) (reply, error) {
	after := c.query.Get("after")
	if after == "" {
		return reply{}, fail(http.StatusUnprocessableEntity, "Pagination with the page parameter is not supported for large datasets, please use cursor based pagination (after/before)")
	}
	from := slices.IndexFunc(list, func(i *issue) bool { return nodeID("C", i.id) == after }) + 1
	to := min(from+c.perPage(), len(list))
	out := []any{}
	for _, i := range list[from:to] {
		out = append(out, c.issue(i))
	}
	rep := ok(out)
	if to < len(list) {
		rep.header = http.Header{"Link": {c.cursorLink(list[to-1])}}
	}
	return rep, nil
}

func (c *call) cursorLink(last *issue) string {
	q := url.Values{}
	for k, v := range c.query {
		q[k] = v
	}
	q.Del("page")
	q.Set("after", nodeID("C", last.id))
	return "<" + c.linkPath() + "?" + q.Encode() + `>; rel="next"`
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// detail renders an issue with what only its own address tells.
func (c *call) detail(i *issue) object {
	out := c.issue(i)
	out["closed_by"] = c.links().user(i.closedBy)
	return out
}

func (c *call) getIssue() (reply, error) {
	_, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	rep := ok(c.detail(i))
	rep.modified = i.updated
	return rep, nil
}

func (c *call) createIssue() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayWrite(r, nil); err != nil {
		return reply{}, err
	}
	if r.noIssues {
		return reply{}, errNoIssues
	}
	m, err := c.members()
	if err != nil {
		return reply{}, err
	}
	ch, err := c.readChange(r, m)
	if err != nil {
		return reply{}, err
	}
	i, err := c.sys.create(c.actor(r), r, ch)
	if err != nil {
		return reply{}, err
	}
	return created(c.detail(i), c.links().issue(i)), nil
}

func (c *call) editIssue() (reply, error) {
	r, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayWrite(r, i); err != nil {
		return reply{}, err
	}
	m, err := c.members()
	if err != nil {
		return reply{}, err
	}
	ch, err := c.readChange(r, m)
	if err != nil {
		return reply{}, err
	}
	if err := c.sys.edit(c.actor(r), i, ch); err != nil {
		return reply{}, err
	}
	return ok(c.detail(i)), nil
}

// actor is who acts, and whether it may do more than write words.
func (c *call) actor(r *repo) actor {
	a := actor{user: c.grant.user, triage: c.role(r) >= roleTriage}
	if c.grant.inst != nil {
		a.app = c.grant.inst.app
	}
	return a
}

// readChange reads the members of a create or an edit. Unknown ones are of no
// interest to GitHub.
func (c *call) readChange(r *repo, m map[string]json.RawMessage) (change, error) {
	var ch change
	if raw, there := m["title"]; there {
		title, ok, err := text(m, "title")
		if err != nil {
			if n, numErr := number(m, "title"); numErr == nil {
				title, ok, err = strconv.FormatInt(n, 10), true, nil
			}
		}
		if err != nil {
			return ch, err
		}
		if !ok && string(raw) == "null" {
			title = ""
		}
		ch.title = &title
	}
	if _, there := m["body"]; there {
		body, ok, err := text(m, "body")
		if err != nil {
			return ch, err
		}
		ch.setBody = true
		if ok {
			ch.body = &body
		}
	}
	var err error
	if ch.state, _, err = text(m, "state"); err != nil {
		return ch, err
	}
	if ch.reason, _, err = text(m, "state_reason"); err != nil {
		return ch, err
	}
	if _, there := m["labels"]; there {
		if ch.labels, err = texts(m, "labels"); err != nil {
			return ch, err
		}
		ch.setLabels = true
	}
	if err := c.readAssignees(m, &ch); err != nil {
		return ch, err
	}
	return ch, c.readPlaces(r, m, &ch)
}

func (c *call) readAssignees(m map[string]json.RawMessage, ch *change) (err error) {
	if _, there := m["assignees"]; there {
		ch.setAssignees = true
		ch.assignees, err = texts(m, "assignees")
		return err
	}
	if _, there := m["assignee"]; there && c.old {
		one, ok, err := text(m, "assignee")
		if err != nil {
			return err
		}
		ch.setAssignees = true
		if ok && one != "" {
			ch.assignees = []string{one}
		}
	}
	return nil
}

func (c *call) readPlaces(r *repo, m map[string]json.RawMessage, ch *change) error {
	if _, there := m["milestone"]; there {
		ch.setMilestone = true
		if !isNull(m, "milestone") {
			n, err := number(m, "milestone")
			if err != nil {
				return err
			}
			if ch.milestone = r.milestone(int(n)); ch.milestone == nil {
				return invalid("Issue", "milestone", "invalid", object{"value": strconv.FormatInt(n, 10)})
			}
		}
	}
	if _, there := m["type"]; there && !c.sys.opts.Enterprise {
		name, ok, err := text(m, "type")
		if err != nil {
			return err
		}
		ch.setType = true
		if ok {
			if ch.typ = c.sys.issueType(name); ch.typ == nil {
				return invalid("Issue", "type", "invalid", object{"value": name})
			}
		}
	}
	return nil
}

func (s *System) issueType(name string) *issueType {
	n := slices.IndexFunc(s.types, func(t *issueType) bool { return strings.EqualFold(t.name, name) })
	if n < 0 {
		return nil
	}
	return s.types[n]
}

func (c *call) lock() (reply, error) {
	r, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if c.role(r) < roleWrite {
		return reply{}, c.notAllowed("issues=write")
	}
	m, err := c.members()
	if err != nil {
		return reply{}, err
	}
	reason, _, err := text(m, "lock_reason")
	if err != nil {
		return reply{}, err
	}
	i.locked, i.lockReason = true, reason
	c.sys.happened(c.actor(r), i, &event{kind: "locked"}, nil)
	return noContent, nil
}

func (c *call) unlock() (reply, error) {
	r, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	if c.role(r) < roleWrite {
		return reply{}, c.notAllowed("issues=write")
	}
	i.locked, i.lockReason = false, ""
	c.sys.happened(c.actor(r), i, &event{kind: "unlocked"}, nil)
	return noContent, nil
}
