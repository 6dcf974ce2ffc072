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

var (
	_ connectors.BatchCommenter = (*Connection)(nil)
	_ connectors.BatchFiler     = (*Connection)(nil)
)

const (
	// commentsBatch is how many issues one query reads the comments of.
	commentsBatch = 20
	// commentsPage is how many comments of an issue it reads; of one with more,
	// they are read by themselves.
	commentsPage = 100
)

const textFields = `body createdAt author { __typename login }
comments(first: 100) { totalCount nodes { databaseId body createdAt updatedAt author { __typename login } } }`

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

// graphTexts is what a query for texts answers for one issue.
type graphTexts struct {
	Body     string     `json:"body"`
	Created  time.Time  `json:"createdAt"`
	Author   graphActor `json:"author"`
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
	texts, err := c.textsOf(ctx, "read comments", object, "comments", ids)
	if err != nil {
		return nil, err
	}
	out := make([]connectors.CommentsResult, len(ids))
	for n, id := range ids {
		if list, known := texts[id]; known {
			out[n].Comments = c.commentsIn(list)
			continue
		}
		got, err := c.Comments(ctx, object, id)
		if err != nil && !connectors.AboutRecord(err) {
			return nil, err
		}
		out[n] = connectors.CommentsResult{Comments: got, Err: err}
	}
	return out, nil
}

// FilesOf implements connectors.BatchFiler.
func (c *Connection) FilesOf(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error) {
	texts, err := c.textsOf(ctx, "read files", object, "files", ids)
	if err != nil {
		return nil, err
	}
	out := make([]connectors.FilesResult, len(ids))
	for n, id := range ids {
		if list, known := texts[id]; known {
			out[n].Files = c.filesIn(list)
			continue
		}
		got, err := c.Files(ctx, object, id)
		if err != nil && !connectors.AboutRecord(err) {
			return nil, err
		}
		out[n] = connectors.FilesResult{Files: got, Err: err}
	}
	return out, nil
}

// textsOf reads the descriptions and comments of many issues. Those that are
// not there, and those with more comments than fit, are missing from the result.
func (c *Connection) textsOf(ctx context.Context, op, object, what string, ids []string) (map[string][]said, error) {
	if err := c.issuesOnly(op, object, what); err != nil {
		return nil, err
	}
	byRepo := map[int64][]int{}
	for _, id := range ids {
		if repo, n, ok := parseID(id); ok && !slices.Contains(byRepo[repo], n) {
			byRepo[repo] = append(byRepo[repo], n)
		}
	}
	found := map[string][]said{}
	for _, repo := range sortedKeys(byRepo) {
		r, err := c.repoByID(ctx, op, repo)
		if err != nil && connectors.AboutRecord(err) {
			continue // read one by one, each tells the reason
		}
		if err != nil {
			return nil, err
		}
		for batch := range slices.Chunk(byRepo[repo], commentsBatch) {
			if err := c.queryTexts(ctx, op, r, batch, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func (c *Connection) queryTexts(ctx context.Context, op string, r repoRef, numbers []int, found map[string][]said) error {
	data, err := c.queryParts(ctx, op, r, numbers, func() string { return textFields })
	if connectors.KindOf(err) == connectors.Permission {
		return nil
	}
	if err != nil {
		return err
	}
	for _, number := range numbers {
		var w *graphTexts
		if json.Unmarshal(data[fmt.Sprintf("i%d", number)], &w) != nil || w == nil || w.Comments.Total != len(w.Comments.Nodes) || w.Comments.Total > commentsPage {
			continue
		}
		list := []said{{login: w.Author.login(), body: w.Body, at: w.Created.UTC()}}
		for _, n := range w.Comments.Nodes {
			if n.ID <= 0 {
				return c.fail(op, ref(issueObject, idOf(r.id, number)), connectors.Internal, "the answer has a comment without an id")
			}
			list = append(list, said{n.ID, n.Author.login(), n.Body, n.Created.UTC(), n.Updated.UTC()})
		}
		found[idOf(r.id, number)] = list
	}
	return nil
}

// commentsIn lists the comments among texts, oldest first.
func (c *Connection) commentsIn(texts []said) []connectors.Comment {
	out := make([]connectors.Comment, 0, len(texts))
	for _, t := range texts {
		if cm, shown := c.commentOf(t); shown {
			out = append(out, cm)
		}
	}
	slices.SortStableFunc(out, func(a, b connectors.Comment) int { return a.Created.Compare(b.Created) })
	return out
}

// commentOf converts a comment; shown is false for descriptions and for
// comments that stand for a file.
func (c *Connection) commentOf(t said) (cm connectors.Comment, shown bool) {
	body := newlines(t.body)
	if _, isFile := fileMark(body); isFile || t.id == 0 {
		return cm, false
	}
	text, m := splitMark(body)
	return connectors.Comment{
		ID: strconv.FormatInt(t.id, 10), Key: m.key, Author: c.person(t.login), Body: text, Created: t.at, Modified: t.edited,
	}, true
}
