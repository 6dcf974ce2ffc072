package salesforce

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Delete implements connectors.Deleter: records go into the recycle bin, where
// a person can restore them for 15 days. What belongs to them goes along.
func (c *connection) Delete(ctx context.Context, object string, ids []string) []error {
	const op = "delete"
	errs := make([]error, len(ids))
	if len(ids) == 0 {
		return errs
	}
	m, err := c.metaOf(ctx, op, object, schemaAge)
	if err == nil && !m.Deletable {
		err = c.fail(op, object, connectors.Permission, "this account may not delete %s", m.name)
	}
	if err != nil {
		for i := range errs {
			errs[i] = connectors.Sure(err)
		}
		return errs
	}
	failed := map[string]error{}
	for chunk := range slices.Chunk(unique(ids), writeBatch) {
		var answer []saveResult
		err := c.do(ctx, rest.Request{
			Op: op, Record: object, Method: http.MethodDelete, Path: c.path("/composite/sobjects"), Out: &answer,
			Query: url.Values{"ids": {strings.Join(chunk, ",")}, "allOrNone": {"false"}},
		})
		if err == nil && len(answer) != len(chunk) {
			err = c.fail(op, object, connectors.Internal, "%d results for %d records", len(answer), len(chunk))
		}
		for i, id := range chunk {
			if err != nil {
				failed[id] = err
			} else if r := &answer[i]; !r.Success {
				failed[id] = c.undeleted(op, object, id, r)
			}
		}
	}
	for i, id := range ids {
		long, _ := id18(id) // nothing was ever there by what is no id
		errs[i] = failed[long]
	}
	return errs
}

// undeleted is the error of a record that was not deleted; nil where it is gone
// already.
func (c *connection) undeleted(op, object, id string, r *saveResult) error {
	if len(r.Errors) == 0 {
		return c.fail(op, object+"/"+id, connectors.Internal, "Salesforce does not say why it did not delete the record")
	}
	e := r.Errors[0]
	switch e.code() {
	case "ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID":
		return nil
	}
	return c.fail(op, object+"/"+id, e.kind(0), "%w", &rest.StatusError{Status: http.StatusBadRequest, Message: c.client.Clip(e.text())})
}
