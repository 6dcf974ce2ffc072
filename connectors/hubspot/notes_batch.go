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
	w, err := c.notesOfAll(ctx, op, t, ids)
	if err != nil {
		return nil, err
	}
	comments, err := c.commentsByID(ctx, w.all)
	if err != nil {
		return nil, err
	}
	results := make([]connectors.CommentsResult, len(ids))
	for i, id := range ids {
		if w.crowded[id] {
			if results[i].Comments, err = c.Comments(ctx, object, id); err != nil {
				return nil, err
			}
			continue
		}
		for _, note := range w.of[id] {
			if comment, ok := comments[note]; ok {
				results[i].Comments = append(results[i].Comments, comment)
			}
		}
		oldestFirst(results[i].Comments)
	}
	return results, nil
}

// whoseNotes tells which notes records have.
type whoseNotes struct {
	of      map[string][]string // by record
	all     []string            // each once
	crowded map[string]bool     // records with more than is told
}

func (c *connection) notesOfAll(ctx context.Context, op string, t *objectType, ids []string) (*whoseNotes, error) {
	w := &whoseNotes{of: make(map[string][]string, len(ids)), crowded: map[string]bool{}}
	for chunk := range slices.Chunk(unique(ids), linkBatch) {
		results, err := c.associations(ctx, op, t, standardType("notes"), chunk)
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			id := string(r.From.ID)
			for _, a := range r.To {
				w.of[id] = append(w.of[id], string(a.ID))
			}
			w.of[id] = unique(w.of[id])
			w.crowded[id] = w.crowded[id] || r.Paging.after() != ""
		}
		for _, id := range chunk {
			w.all = append(w.all, w.of[id]...)
		}
	}
	w.all = unique(w.all)
	return w, nil
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
