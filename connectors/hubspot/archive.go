package hubspot

import (
	"context"
	"net/http"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Archive implements connectors.Archiver: HubSpot's "delete", which a person
// can undo for 90 days. HubSpot takes no notice of ids that are gone.
func (c *connection) Archive(ctx context.Context, object string, ids []string) []error {
	const op = "archive"
	errs := make([]error, len(ids))
	t, err := c.object(ctx, op, object)
	if err != nil {
		for i := range errs {
			errs[i] = connectors.Sure(err)
		}
		return errs
	}
	failed := map[string]error{}
	valid := slices.DeleteFunc(unique(ids), func(id string) bool { return !isID(id) })
	for chunk := range slices.Chunk(valid, batchSize) {
		body := batchRequest{}
		for _, id := range chunk {
			body.Inputs = append(body.Inputs, batchInput{ID: id})
		}
		err := c.do(ctx, rest.Request{
			Op: op, Record: t.plural, Method: http.MethodPost, Path: pathBatch,
			Params: map[string]string{"type": t.id, "action": "archive"}, Body: body,
		})
		for _, id := range chunk {
			if err != nil {
				failed[id] = err
			}
		}
	}
	for i, id := range ids {
		errs[i] = failed[id]
		if !isID(id) {
			errs[i] = nil // nothing by that id was ever there
		}
	}
	return errs
}
