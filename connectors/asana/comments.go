package asana

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
	"github.com/tenonsync/tenon/connectors/richtext"
)

const (
	opComments    = "read comments"
	commentFields = "resource_subtype,type,created_at,created_by.name,created_by.email,html_text"
)

// Comments implements connectors.Commenter: the stories of a task that people
// wrote.
func (c *Connection) Comments(ctx context.Context, object, id string) ([]connectors.Comment, error) {
	if err := c.checkComments(opComments, object, id); err != nil {
		return nil, err
	}
	stories, err := all[wireStory](ctx, c, rest.Request{
		Op: opComments, Record: object + "/" + id, Path: "/tasks/{id}/stories", Params: map[string]string{"id": id}, Query: url.Values{"opt_fields": {commentFields}},
	}, maxPages)
	if err != nil {
		return nil, err
	}
	return c.commentsOf(object, id, stories)
}

// CommentsOf implements connectors.BatchCommenter: ten tasks in a batch.
func (c *Connection) CommentsOf(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error) {
	out := make([]connectors.CommentsResult, len(ids))
	errs, stories := make([]error, len(ids)), make([][]wireStory, len(ids))
	for i, id := range ids {
		errs[i] = c.checkComments(opComments, object, id)
	}
	ask := func(id string) action {
		return action{method: http.MethodGet, path: "/tasks/" + id + "/stories", fields: commentFields, limit: pageSize}
	}
	if err := gather(ctx, c, opComments, object, ids, errs, ask, stories); err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Err = errs[i]; out[i].Err == nil {
			out[i].Comments, out[i].Err = c.commentsOf(object, ids[i], stories[i])
		}
	}
	return out, nil
}

// commentsOf returns the comments among stories, oldest first.
func (c *Connection) commentsOf(object, id string, stories []wireStory) ([]connectors.Comment, error) {
	var out []connectors.Comment
	for i := range stories {
		s := &stories[i]
		if s.Type != "comment" && s.Subtype != "comment_added" {
			continue
		}
		if s.GID == "" {
			return nil, c.fail(opComments, object+"/"+id, connectors.Internal, "the answer has a comment without an id")
		}
		html, key := unmark(s.HTML)
		cm := connectors.Comment{ID: s.GID, Key: key, Body: richtext.AsanaText.From(html), Created: parseTime(s.CreatedAt)}
		if by := s.CreatedBy; by != nil {
			cm.Author = connectors.Person{ID: by.GID, Email: strings.ToLower(by.Email), Name: by.Name}
		}
		out = append(out, cm)
	}
	slices.SortStableFunc(out, func(a, b connectors.Comment) int { return a.Created.Compare(b.Created) })
	return out, nil
}

func (c *Connection) checkComments(op, object, id string) error {
	if err := c.checkObject(op, object); err != nil {
		return err
	}
	if object == objectProject {
		return c.fail(op, object+"/"+id, connectors.Invalid, "Tenon keeps the comments and files of tasks, not of projects")
	}
	if !isID(id) {
		return c.fail(op, object+"/"+id, connectors.NotFound, "the id of a task is a number")
	}
	return nil
}

// AddComment implements connectors.Commenter. The key is a marker at the end of
// the comment: stories have no external data.
func (c *Connection) AddComment(ctx context.Context, object, id string, cm connectors.Comment) (string, error) {
	const op = "add a comment"
	if err := c.checkComments(op, object, id); err != nil {
		return "", err
	}
	html := mark(richHTML(cm.Body, richtext.AsanaText), cm.Key)
	r := c.single(ctx, op, &action{method: http.MethodPost, path: "/tasks/" + id + "/stories", data: map[string]any{"html_text": html}, fields: "resource_subtype"})
	if r.err != nil {
		return "", named(r.err, op, object+"/"+id)
	}
	var made wireStory
	if err := decodeData(r.data, &made); err != nil || made.GID == "" {
		return "", &connectors.Error{Op: op, Connection: c.name, Record: object + "/" + id, Kind: connectors.Internal, Unsure: true, Err: errNoID}
	}
	return made.GID, nil
}
