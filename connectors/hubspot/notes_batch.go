package hubspot

import (
	"context"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// CommentsOf implements connectors.BatchCommenter: one request tells which notes
// the records have, further ones read them by the hundred. Records with more
// notes than one answer names are read by themselves.
func (c *connection) CommentsOf(ctx context.Context, object string, ids []string) ([]connectors.CommentsResult, error) {
	const op = "read comments"
	t, err := c.object(ctx, op, object)
	if err != nil {
		return nil, err
	}
	notesOf := make(map[string][]string, len(ids))
	crowded := map[string]bool{}
	var all []string
	for chunk := range slices.Chunk(unique(slices.Clone(ids)), linkBatch) {
		if err := c.notesOf(ctx, op, t, chunk, notesOf, crowded); err != nil {
			return nil, err
		}
		for _, id := range chunk {
			all = append(all, notesOf[id]...)
		}
	}
	comments, err := c.commentsByID(ctx, unique(all))
	if err != nil {
		return nil, err
	}
	results := make([]connectors.CommentsResult, len(ids))
	for i, id := range ids {
		if crowded[id] {
			if results[i].Comments, err = c.Comments(ctx, object, id); err != nil {
				return nil, err
			}
			continue
		}
		for _, note := range notesOf[id] {
			if comment, ok := comments[note]; ok {
				results[i].Comments = append(results[i].Comments, comment)
			}
		}
		oldestFirst(results[i].Comments)
	}
	return results, nil
}

// notesOf reads which notes records have, and which have more than is told.
func (c *connection) notesOf(ctx context.Context, op string, t *objectType, ids []string, into map[string][]string, crowded map[string]bool) error {
	results, err := c.associations(ctx, op, t, standardType("notes"), ids)
	if err != nil {
		return err
	}
	for _, r := range results {
		id := string(r.From.ID)
		for _, a := range r.To {
			into[id] = append(into[id], string(a.ID))
		}
		into[id] = unique(into[id])
		crowded[id] = crowded[id] || r.Paging.after() != ""
	}
	return nil
}

// commentsByID reads notes as comments. Those that hold files only are left out.
func (c *connection) commentsByID(ctx context.Context, ids []string) (map[string]connectors.Comment, error) {
	comments := make(map[string]connectors.Comment, len(ids))
	for chunk := range slices.Chunk(ids, batchSize) {
		found, _, err := c.batchRead(ctx, standardType("notes"), "", noteProperties, chunk, false)
		if err != nil {
			return nil, err
		}
		for i := range found {
			comment, err := c.comment(ctx, &found[i])
			if err != nil {
				return nil, err
			}
			if comment.Body != "" || comment.Key != "" {
				comments[comment.ID] = comment
			}
		}
	}
	return comments, nil
}

func oldestFirst(comments []connectors.Comment) {
	slices.SortFunc(comments, func(a, b connectors.Comment) int {
		if n := a.Created.Compare(b.Created); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
}
