package github

import (
	"context"
	"net/url"
	"strconv"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// issueAt finds the repository and the number of an issue's id.
func (c *Connection) issueAt(ctx context.Context, op, object, what, id string) (target, error) {
	if err := c.issuesOnly(op, object, what); err != nil {
		return target{}, err
	}
	repo, n, ok := parseID(id)
	if !ok {
		return target{}, c.noSuch(op, issueObject, id)
	}
	r, err := c.repoByID(ctx, op, repo)
	return target{op: op, repo: r, number: n, id: id}, err
}

// Comments implements connectors.Commenter.
func (c *Connection) Comments(ctx context.Context, object, id string) ([]connectors.Comment, error) {
	at, err := c.issueAt(ctx, "read comments", object, "comments", id)
	if err != nil {
		return nil, err
	}
	list, err := c.listComments(ctx, at)
	if err != nil {
		return nil, err
	}
	texts := make([]said, len(list))
	for n, w := range list {
		texts[n] = saidIn(w)
	}
	return c.commentsIn(texts), nil
}

// listComments lists an issue's comments as GitHub has them, each once.
func (c *Connection) listComments(ctx context.Context, at target) ([]*gogithub.IssueComment, error) {
	var list []*gogithub.IssueComment
	err := c.all(ctx, rest.Request{
		Op: at.op, Record: at.record(), Path: issuePath + "/comments", Params: at.repo.params("number", strconv.Itoa(at.number)),
		Query: url.Values{"per_page": {"100"}},
	}, into(&list))
	if err != nil {
		return nil, c.lost(ctx, at, err)
	}
	seen := map[int64]bool{}
	out := list[:0]
	for _, w := range list {
		if w.GetID() <= 0 {
			return nil, c.fail(at.op, at.record(), connectors.Internal, "the answer has a comment without an id")
		}
		if !seen[w.GetID()] {
			out = append(out, w)
			seen[w.GetID()] = true
		}
	}
	return out, nil
}

// AddComment implements connectors.Commenter. The key goes into a hidden mark at
// the end of the text.
func (c *Connection) AddComment(ctx context.Context, object, id string, cm connectors.Comment) (string, error) {
	at, err := c.issueAt(ctx, "add a comment", object, "comments", id)
	if err != nil {
		return "", err
	}
	body := mark{key: cm.Key}.with(cm.Body)
	made, resp, err := c.hub.Issues.CreateComment(creating(ctx, issuePath+"/comments"), at.repo.owner, at.repo.name, at.number, &gogithub.IssueComment{Body: &body})
	if err := c.outcome(at.op, at.record(), resp, err); err != nil {
		return "", c.lost(ctx, at, err)
	}
	if made.GetID() <= 0 {
		e := c.fail(at.op, at.record(), connectors.Internal, "the answer is no comment")
		e.Unsure = true
		return "", e
	}
	return strconv.FormatInt(made.GetID(), 10), nil
}
