package github

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

var _ connectors.BatchCommenter = (*Connection)(nil)

const (
	// commentsBatch is how many issues one query reads the comments of.
	commentsBatch = 20
	// commentsPage is how many comments of an issue it reads; of one with more,
	// they are read by themselves.
	commentsPage = 100
)

const commentFields = `comments(first: 100) { totalCount nodes { databaseId body createdAt updatedAt author { __typename login } } }`

// graphActor is who did something. GraphQL writes an app's login without the
// ending that REST gives it.
type graphActor struct {
	Type  string `json:"__typename"`
	Login string `json:"login"`
}

func (a graphActor) login() string {
	if a.Type == "Bot" && a.Login != "" && a.Login[len(a.Login)-1] != ']' {
		return a.Login + "[bot]"
	}
	return a.Login
}

// graphComments is what a query for comments answers for one issue.
type graphComments struct {
	Comments struct {
		Total int `json:"totalCount"`
		Nodes []struct {
			ID      int64      `json:"databaseId"`
			Body    string     `json:"body"`
			Created time.Time  `json:"createdAt"`
			Updated time.Time  `json:"updatedAt"`
			Author  graphActor `json:"author"`
		} `json:"nodes"`
	} `json:"comments"`
}

// CommentsOf implements connectors.BatchCommenter.
func (c *Connection) CommentsOf(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error) {
	const op = "read comments"
	if err := c.issuesOnly(op, object, "comments"); err != nil {
		return nil, err
	}
	byRepo := map[int64][]int{}
	for _, id := range ids {
		if repo, n, ok := parseID(id); ok && !slices.Contains(byRepo[repo], n) {
			byRepo[repo] = append(byRepo[repo], n)
		}
	}
	found := map[string][]connectors.Comment{}
	for _, repo := range sortedKeys(byRepo) {
		r, err := c.repoByID(ctx, op, repo)
		if err != nil && aboutRecord(err) {
			continue // read one by one, each tells the reason
		}
		if err != nil {
			return nil, err
		}
		for batch := range slices.Chunk(byRepo[repo], commentsBatch) {
			if err := c.queryComments(ctx, op, r, batch, found); err != nil {
				return nil, err
			}
		}
	}
	out := make([]connectors.CommentsResult, len(ids))
	for n, id := range ids {
		list, known := found[id]
		if known {
			out[n].Comments = slices.Clone(list)
			continue
		}
		got, err := c.Comments(ctx, object, id)
		if err != nil && !aboutRecord(err) {
			return nil, err
		}
		out[n] = connectors.CommentsResult{Comments: got, Err: err}
	}
	return out, nil
}

// queryComments reads the comments of some issues of a repository. Issues that
// are not there, and those with more comments than fit, are left out.
func (c *Connection) queryComments(ctx context.Context, op string, r repoRef, numbers []int, found map[string][]connectors.Comment) error {
	data, err := c.queryParts(ctx, op, r, numbers, func() string { return commentFields })
	if connectors.KindOf(err) == connectors.Permission {
		return nil
	}
	if err != nil {
		return err
	}
	for _, number := range numbers {
		var w *graphComments
		if json.Unmarshal(data[fmt.Sprintf("i%d", number)], &w) != nil || w == nil || w.Comments.Total != len(w.Comments.Nodes) || w.Comments.Total > commentsPage {
			continue
		}
		list := make([]connectors.Comment, 0, len(w.Comments.Nodes))
		for _, n := range w.Comments.Nodes {
			if n.ID <= 0 {
				return c.fail(op, ref(issueObject, idOf(r.id, number)), connectors.Internal, "the answer has a comment without an id")
			}
			if cm, shown := c.commentOf(n.ID, n.Author.login(), n.Body, n.Created, n.Updated); shown {
				list = append(list, cm)
			}
		}
		found[idOf(r.id, number)] = oldestFirst(list)
	}
	return nil
}

func oldestFirst(list []connectors.Comment) []connectors.Comment {
	slices.SortStableFunc(list, func(a, b connectors.Comment) int { return a.Created.Compare(b.Created) })
	return list
}

// commentOf converts a comment; shown is false for those that stand for a file.
func (c *Connection) commentOf(id int64, login, body string, created, updated time.Time) (cm connectors.Comment, shown bool) {
	body = newlines(body)
	if _, isFile := fileMark(body); isFile {
		return cm, false
	}
	text, m := splitMark(body)
	return connectors.Comment{
		ID: strconv.FormatInt(id, 10), Key: m.key, Author: c.person(login), Body: text, Created: created.UTC(), Modified: updated.UTC(),
	}, true
}
