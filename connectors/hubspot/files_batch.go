package hubspot

import (
	"context"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// FilesOf implements connectors.BatchFiler: one request tells which notes the
// records have, further ones read them by the hundred, and one each the files
// that were not seen before. Records with more notes than one answer names are
// read by themselves.
func (c *connection) FilesOf(ctx context.Context, object string, ids []string) ([]connectors.FilesResult, error) {
	const op = "read files"
	t, err := c.object(ctx, op, object)
	if err != nil {
		return nil, err
	}
	w, err := c.notesOfAll(ctx, op, t, ids)
	if err != nil {
		return nil, err
	}
	notes := map[string]*wireRecord{}
	for chunk := range slices.Chunk(w.all, batchSize) {
		found, _, err := c.batchRead(ctx, standardType("notes"), "", fileProperties, chunk, false)
		if err != nil {
			return nil, err
		}
		for i := range found {
			notes[string(found[i].ID)] = &found[i]
		}
	}
	results := make([]connectors.FilesResult, len(ids))
	for i, id := range ids {
		if w.crowded[id] {
			if results[i].Files, err = c.Files(ctx, object, id); err != nil {
				return nil, err
			}
			continue
		}
		for _, noteID := range w.of[id] {
			note := notes[noteID]
			if note == nil {
				continue
			}
			of, err := c.filesOf(ctx, object, id, note)
			if err != nil {
				return nil, err
			}
			results[i].Files = append(results[i].Files, of...)
		}
		oldestFile(results[i].Files)
	}
	return results, nil
}

// fileProperties are those of notes that tell of files.
var fileProperties = append([]string{attachmentsProperty}, noteProperties...)

func oldestFile(list []connectors.Attachment) {
	slices.SortFunc(list, func(a, b connectors.Attachment) int {
		if n := a.Created.Compare(b.Created); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
}
