package jira

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/tenonsync/tenon/sandbox/jira/adf"
)

type commentBody struct {
	Body       json.RawMessage  `json:"body"`
	Visibility json.RawMessage  `json:"visibility"`
	Properties []entityProperty `json:"properties"`
}

const maxComments = 5000

// newComment checks a comment; addComment stores it.
func (s *System) newComment(api int, author *user, b commentBody) (*comment, error) {
	if isNull(b.Body) {
		return nil, fieldErrors(map[string]string{"comment": "Comment body can not be empty!"})
	}
	doc, err := parseDoc(api, b.Body)
	if err != nil {
		return nil, asFieldError("comment", err)
	}
	if adf.IsEmpty(doc) {
		return nil, fieldErrors(map[string]string{"comment": "Comment body can not be empty!"})
	}
	c := &comment{author: author, editor: author, body: doc, visibility: b.Visibility, properties: map[string]json.RawMessage{}}
	for _, p := range b.Properties {
		if err := checkProperty(p.Key, p.Value); err != nil {
			return nil, err
		}
		c.properties[p.Key] = p.Value
	}
	return c, nil
}

func asFieldError(id string, err error) error {
	if adfError(err) {
		return errUnsupported
	}
	return fieldErrors(map[string]string{id: err.Error()})
}

func (s *System) addComment(i *issue, actor *user, c *comment) *comment {
	now := s.now()
	c.id = s.nextID("comment", 10000)
	c.created, c.updated = now, now
	next := i.clone()
	next.comments = append(next.comments, c)
	s.put(next, write{actor: actor, quiet: true})
	s.announceComment(eventCommentCreated, "issue_commented", s.issues[i.id], c, actor)
	return c
}

func (c *call) listComments() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	startAt, err := c.number("startAt", 0)
	if err != nil {
		return reply{}, err
	}
	unset := 100
	if !c.sys.cloud() {
		unset = 1_048_576
	}
	maxResults, err := c.number("maxResults", unset)
	if err != nil {
		return reply{}, err
	}
	comments := slices.Clone(i.comments)
	switch order := c.query.Get("orderBy"); order {
	case "", "created", "+created":
	case "-created":
		slices.Reverse(comments)
	default:
		return reply{}, fail(http.StatusBadRequest, "The orderBy field '%s' is not supported.", order)
	}
	list := []any{}
	for _, each := range window(comments, startAt, maxResults) {
		list = append(list, c.comment(i, each))
	}
	return ok(object{"startAt": startAt, "maxResults": maxResults, "total": len(comments), "comments": list}), nil
}

// comment renders a comment, with its properties if they are asked for.
func (c *call) comment(i *issue, each *comment) object {
	o := c.view.comment(i, each)
	expand := c.list("expand")
	if slices.Contains(expand, "properties") {
		list := []any{}
		for _, key := range slices.Sorted(maps.Keys(each.properties)) {
			list = append(list, object{"key": key, "value": each.properties[key]})
		}
		o["properties"] = list
	}
	if slices.Contains(expand, "renderedBody") {
		o["renderedBody"] = "<p>" + adf.Text(each.body) + "</p>"
	}
	return o
}

func (c *call) pathComment() (*issue, *comment, error) {
	i, err := c.pathIssue()
	if err != nil {
		return nil, nil, err
	}
	each, found := find(i.comments, func(o *comment) bool { return strconv.FormatInt(o.id, 10) == c.pathValue("comment") })
	if !found {
		return nil, nil, fail(http.StatusNotFound, "Can not find a comment for the id: %s.", c.pathValue("comment"))
	}
	return i, each, nil
}

func (c *call) getComment() (reply, error) {
	i, each, err := c.pathComment()
	if err != nil {
		return reply{}, err
	}
	return ok(c.comment(i, each)), nil
}

func (c *call) postComment() (reply, error) {
	i, err := c.pathIssue()
	if err != nil {
		return reply{}, err
	}
	var b commentBody
	if err := c.decode(&b); err != nil {
		return reply{}, err
	}
	if !c.sys.may(c.user, i.project, addComments) || i.archived {
		return reply{}, fail(http.StatusBadRequest, "You do not have the permission to comment on this issue.")
	}
	if len(i.comments) >= maxComments {
		return reply{}, fail(http.StatusRequestEntityTooLarge, "The issue has reached the limit of %d comments.", maxComments)
	}
	added, err := c.sys.newComment(c.api, c.user, b)
	if err != nil {
		return reply{}, err
	}
	c.sys.addComment(i, c.user, added)
	return created(c.comment(i, added)), nil
}

func (c *call) putComment() (reply, error) {
	i, old, err := c.pathComment()
	if err != nil {
		return reply{}, err
	}
	var b commentBody
	if err := c.decode(&b); err != nil {
		return reply{}, err
	}
	if old.author != c.user && !c.sys.may(c.user, i.project, editAllComments) {
		return reply{}, fail(http.StatusBadRequest, "You do not have the permission to edit this comment.")
	}
	edited, err := c.sys.editComment(i, old, c.api, c.user, b)
	if err != nil {
		return reply{}, err
	}
	return ok(c.comment(i, edited)), nil
}

func (s *System) editComment(i *issue, old *comment, api int, actor *user, b commentBody) (*comment, error) {
	edited, err := s.newComment(api, old.author, b)
	if err != nil {
		return nil, err
	}
	edited.id, edited.created, edited.updated, edited.editor = old.id, old.created, s.now(), actor
	merged := maps.Clone(old.properties)
	maps.Copy(merged, edited.properties)
	edited.properties = merged
	next := i.clone()
	next.comments[slices.Index(next.comments, old)] = edited
	s.put(next, write{actor: actor, quiet: true})
	s.announceComment(eventCommentUpdated, "issue_comment_edited", s.issues[i.id], edited, actor)
	return edited, nil
}

func (c *call) deleteComment() (reply, error) {
	i, old, err := c.pathComment()
	if err != nil {
		return reply{}, err
	}
	if old.author != c.user && !c.sys.may(c.user, i.project, editAllComments) {
		return reply{}, fail(http.StatusBadRequest, "You do not have permission to delete comment with id: %d", old.id)
	}
	c.sys.dropComment(i, old, c.user)
	return noContent, nil
}

func (s *System) dropComment(i *issue, old *comment, actor *user) {
	next := i.clone()
	next.comments = slices.DeleteFunc(next.comments, func(o *comment) bool { return o == old })
	text := adf.Wiki(old.body)
	id := strconv.FormatInt(old.id, 10)
	s.put(next, write{actor: actor, quiet: true, items: []changeItem{{field: "Comment", fieldID: "comment", from: &id, fromString: &text}}})
	s.announceComment(eventCommentDeleted, "issue_comment_deleted", s.issues[i.id], old, actor)
}

// listByIDs answers POST /comment/list.
func (c *call) listByIDs() (reply, error) {
	var body struct {
		IDs []int64 `json:"ids"`
	}
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	if len(body.IDs) == 0 || len(body.IDs) > 1000 {
		return reply{}, fail(http.StatusBadRequest, "The number of comment IDs must be between 1 and 1000.")
	}
	type pair struct {
		issue   *issue
		comment *comment
	}
	var found []pair
	for _, i := range c.sys.issues {
		for _, each := range i.comments {
			if slices.Contains(body.IDs, each.id) && c.sys.may(c.user, i.project, browseProjects) {
				found = append(found, pair{i, each})
			}
		}
	}
	slices.SortFunc(found, func(a, b pair) int { return int(a.comment.id - b.comment.id) })
	out, err := page(c, found, 1048576, 1048576, func(p pair) any { return c.comment(p.issue, p.comment) })
	return ok(out), err
}
