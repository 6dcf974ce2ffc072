package jira

import (
	"context"
	"encoding/json"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// FilesOf implements connectors.BatchFiler. Cloud shows the attachments of many
// issues in one bulkfetch; issues that it does not show are read by themselves.
func (c *Connection) FilesOf(ctx context.Context, obj string, ids []string) ([]connectors.FilesResult, error) {
	const op = "read attachments"
	if err := c.checkObject(op, obj); err != nil {
		return nil, err
	}
	if c.me.id() == "" && len(ids) > 0 {
		if _, err := c.self(ctx, op); err != nil {
			return nil, err
		}
	}
	found := make(map[string][]attachment, len(ids))
	valid := slices.DeleteFunc(uniqueIDs(ids), func(id string) bool { return !isID(id) })
	for batch := range slices.Chunk(valid, readBatch) {
		if err := c.fetchAttachments(ctx, op, batch, found); err != nil {
			return nil, err
		}
	}
	results := make([]connectors.FilesResult, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(singles)
	for i, id := range ids {
		if list, ok := found[id]; ok {
			results[i].Files = c.shown(list)
			continue
		}
		g.Go(func() error {
			results[i].Files, results[i].Err = c.Files(ctx, obj, id)
			if err := results[i].Err; err != nil && !connectors.AboutRecord(err) {
				return err
			}
			return nil
		})
	}
	return results, g.Wait()
}

// fetchAttachments reads the attachments of issues, by issue.
func (c *Connection) fetchAttachments(ctx context.Context, op string, ids []string, into map[string][]attachment) error {
	var page issueList
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: "POST", Path: "/issue/bulkfetch", Reads: true, Out: &page, Units: 1 + len(ids),
		Body: map[string]any{"issueIdsOrKeys": ids, "fields": []string{"attachment"}},
	})
	if connectors.KindOf(err) == connectors.Invalid {
		return nil // one id may make no sense: each is read by itself
	}
	if err != nil {
		return err
	}
	for i := range page.Issues {
		w := &page.Issues[i]
		var list []attachment
		raw := w.Fields["attachment"]
		sound := slices.Contains(ids, w.ID) && raw != nil && json.Unmarshal(raw, &list) == nil
		if !sound || slices.ContainsFunc(list, func(a attachment) bool { return !isID(a.ID) }) {
			continue
		}
		into[w.ID] = list
	}
	return nil
}
