package jira

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// commentsByID is how many comments are read at once by their ids.
const commentsByID = 500

// CommentsOf implements connectors.BatchCommenter. Cloud shows the comments of
// many issues in one bulkfetch, without their properties: the keys of our own
// come with a second request. Issues of which it does not show all comments, or
// nothing, are read by themselves.
func (c *Connection) CommentsOf(ctx context.Context, obj string, ids []string) ([]connectors.CommentsResult, error) {
	const op = "read comments"
	if err := c.checkObject(op, obj); err != nil {
		return nil, err
	}
	found := make(map[string][]comment, len(ids))
	valid := slices.DeleteFunc(uniqueIDs(ids), func(id string) bool { return !isID(id) })
	for batch := range slices.Chunk(valid, readBatch) {
		if err := c.fetchComments(ctx, op, batch, found); err != nil {
			return nil, err
		}
	}
	if err := c.fetchKeys(ctx, op, found); err != nil {
		return nil, err
	}
	results := make([]connectors.CommentsResult, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(singles)
	for i, id := range ids {
		list, ok := found[id]
		if !ok {
			g.Go(func() error {
				results[i].Comments, results[i].Err = c.Comments(ctx, obj, id)
				if err := results[i].Err; err != nil && !connectors.AboutRecord(err) {
					return err
				}
				return nil
			})
			continue
		}
		results[i].Comments, results[i].Err = c.commentsOf(op, id, list)
	}
	return results, g.Wait()
}

// fetchComments reads the comments of issues, by issue. Those that come in part
// are left out.
func (c *Connection) fetchComments(ctx context.Context, op string, ids []string, into map[string][]comment) error {
	var page issueList
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: "POST", Path: "/issue/bulkfetch", Reads: true, Out: &page, Units: 1 + len(ids),
		Body: map[string]any{"issueIdsOrKeys": ids, "fields": []string{"comment"}},
	})
	if connectors.KindOf(err) == connectors.Invalid {
		return nil // one id may make no sense: each is read by itself
	}
	if err != nil {
		return err
	}
	for i := range page.Issues {
		w := &page.Issues[i]
		var list commentPage
		raw := w.Fields["comment"]
		if !slices.Contains(ids, w.ID) || raw == nil || json.Unmarshal(raw, &list) != nil || list.Total != len(list.Comments) {
			continue
		}
		into[w.ID] = list.Comments
	}
	return nil
}

// fetchKeys reads the keys of the account's own comments.
func (c *Connection) fetchKeys(ctx context.Context, op string, found map[string][]comment) error {
	if c.me.id() == "" {
		if _, err := c.self(ctx, op); err != nil {
			return err
		}
	}
	own := map[string]*comment{}
	var ids []int64
	for _, list := range found {
		for i := range list {
			n, err := strconv.ParseInt(list[i].ID, 10, 64)
			if list[i].Author.AccountID == c.me.id() && err == nil {
				own[list[i].ID] = &list[i]
				ids = append(ids, n)
			}
		}
	}
	slices.Sort(ids)
	for chunk := range slices.Chunk(ids, commentsByID) {
		var page struct {
			Values []comment `json:"values"`
		}
		_, err := c.do(ctx, rest.Request{
			Op: op, Method: "POST", Path: "/comment/list", Reads: true, Out: &page, Units: 1 + len(chunk),
			Query: query("expand", "properties"), Body: map[string]any{"ids": chunk},
		})
		if err != nil {
			return err
		}
		for _, w := range page.Values {
			if mine := own[w.ID]; mine != nil {
				mine.Properties = w.Properties
				delete(own, w.ID)
			}
		}
	}
	for issue, list := range found { // one was deleted meanwhile, or did not come
		if slices.ContainsFunc(list, func(w comment) bool { return own[w.ID] != nil }) {
			delete(found, issue)
		}
	}
	return nil
}

func (c *Connection) commentsOf(op, id string, list []comment) ([]connectors.Comment, error) {
	out := make([]connectors.Comment, 0, len(list))
	for i := range list {
		if list[i].ID == "" {
			return nil, c.fail(op, ref(id), connectors.Internal, "the answer has a comment without an id")
		}
		cm, err := c.commentOf(&list[i])
		if err != nil {
			return nil, c.fail(op, ref(id), connectors.Internal, "comment %s: %w", list[i].ID, err)
		}
		out = append(out, cm)
	}
	slices.SortStableFunc(out, func(a, b connectors.Comment) int { return a.Created.Compare(b.Created) })
	return out, nil
}
