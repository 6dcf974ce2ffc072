package github

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (c *call) listComments() (reply, error) {
	_, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	since, _ := time.Parse(time.RFC3339, c.query.Get("since"))
	var list []*comment
	for _, cm := range i.comments { // ascending by id; there is no other order
		if !cm.updated.Before(since) {
			list = append(list, cm)
		}
	}
	return page(c, list, func(cm *comment) any { return c.links().comment(i, cm) })
}

// placed is a comment with the issue that it stands under.
type placed struct {
	issue   *issue
	comment *comment
}

// listRepoComments lists the comments of all issues and pull requests.
func (c *call) listRepoComments() (reply, error) {
	r, err := c.pathRepo()
	if err != nil {
		return reply{}, err
	}
	since, _ := time.Parse(time.RFC3339, c.query.Get("since"))
	var list []placed
	for _, n := range r.numbers() {
		for _, cm := range r.issues[n].comments {
			if !cm.updated.Before(since) {
				list = append(list, placed{r.issues[n], cm})
			}
		}
	}
	sort, down := c.query.Get("sort"), c.query.Get("direction") == "desc"
	slices.SortStableFunc(list, func(a, b placed) int {
		order := cmp.Compare(a.comment.id, b.comment.id)
		switch sort {
		case "updated":
			order = cmp.Or(a.comment.updated.Compare(b.comment.updated), order)
		case "created":
			order = cmp.Or(a.comment.created.Compare(b.comment.created), order)
		}
		if down && sort != "" {
			return -order
		}
		return order
	})
	return page(c, list, func(p placed) any { return c.links().comment(p.issue, p.comment) })
}

// pathComment finds the comment of the path.
func (c *call) pathComment() (*repo, placed, error) {
	r, err := c.pathRepo()
	if err != nil {
		return nil, placed{}, err
	}
	id, err := strconv.ParseInt(c.values["comment"], 10, 64)
	if err != nil {
		return nil, placed{}, errNotFound
	}
	for _, i := range r.issues {
		for _, cm := range i.comments {
			if cm.id == id {
				return r, placed{i, cm}, nil
			}
		}
	}
	return nil, placed{}, errNotFound
}

func (c *call) getComment() (reply, error) {
	_, p, err := c.pathComment()
	if err != nil {
		return reply{}, err
	}
	return ok(c.links().comment(p.issue, p.comment)), nil
}

func (c *call) commentBody() (string, error) {
	m, err := c.members()
	if err != nil {
		return "", err
	}
	body, _, err := text(m, "body")
	switch {
	case err != nil:
		return "", err
	case strings.TrimSpace(body) == "":
		return "", invalid("IssueComment", "body", "missing_field", nil)
	case tooLong(body, maxText):
		return "", invalid("IssueComment", "body", "custom", object{"message": "body is too long (maximum is 65536 characters)"})
	}
	return body, nil
}

func (c *call) createComment() (reply, error) {
	r, i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	switch {
	case r.archived:
		return reply{}, fail(http.StatusForbidden, "Repository was archived so is read-only.")
	case i.locked && c.role(r) < roleWrite:
		return reply{}, fail(http.StatusForbidden, "Unable to create comment because issue is locked.")
	case c.grant.kind != classic && c.grant.perms["issues"] != "write":
		return reply{}, c.notAllowed("issues=write")
	case c.grant.kind == classic && !c.grant.scope("repo", "public_repo"):
		return reply{}, c.notAllowed("issues=write")
	}
	body, err := c.commentBody()
	if err != nil {
		return reply{}, err
	}
	cm := c.sys.comment(c.actor(r), i, body)
	rendered := c.links().comment(i, cm)
	location, _ := rendered["url"].(string)
	return created(rendered, location), nil
}

func (s *System) comment(a actor, i *issue, body string) *comment {
	now := s.now()
	cm := &comment{id: s.nextID("comment", 492700000), user: a.user, body: body, created: now, updated: now, app: a.app}
	i.comments = append(i.comments, cm)
	s.touched(i)
	s.announceComment(a, i, cm, "created", nil)
	return cm
}

func (s *System) editCommentText(a actor, p placed, body string) {
	if p.comment.body == body {
		return
	}
	from := p.comment.body
	edited := *p.comment
	edited.body, edited.updated = body, s.now()
	for n, cm := range p.issue.comments {
		if cm == p.comment {
			p.issue.comments[n] = &edited
		}
	}
	s.touched(p.issue)
	s.announceComment(a, p.issue, &edited, "edited", object{"body": object{"from": from}})
}

// dropComment deletes a comment. The issue's time of update stays: so it is
// with the real thing.
func (s *System) dropComment(a actor, p placed) {
	p.issue.comments = slices.DeleteFunc(slices.Clone(p.issue.comments), func(cm *comment) bool { return cm == p.comment })
	s.snap(p.issue)
	s.announceComment(a, p.issue, p.comment, "deleted", nil)
}

func (c *call) mayChangeComment(r *repo, p placed) error {
	if p.comment.user != c.grant.user && c.role(r) < roleWrite {
		return c.notAllowed("issues=write")
	}
	return c.mayWrite(r, nil)
}

func (c *call) editComment() (reply, error) {
	r, p, err := c.pathComment()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayChangeComment(r, p); err != nil {
		return reply{}, err
	}
	body, err := c.commentBody()
	if err != nil {
		return reply{}, err
	}
	c.sys.editCommentText(c.actor(r), p, body)
	return c.getComment()
}

func (c *call) deleteComment() (reply, error) {
	r, p, err := c.pathComment()
	if err != nil {
		return reply{}, err
	}
	if err := c.mayChangeComment(r, p); err != nil {
		return reply{}, err
	}
	c.sys.dropComment(c.actor(r), p)
	return noContent, nil
}
