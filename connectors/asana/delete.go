package asana

import (
	"context"
	"net/http"

	"github.com/tenonsync/tenon/connectors"
)

// Delete implements connectors.Deleter. Asana keeps what is deleted in the trash
// for 30 days.
func (c *Connection) Delete(ctx context.Context, object string, ids []string) []error {
	const op = "delete"
	out := make([]error, len(ids))
	if err := c.checkObject(op, object); err != nil {
		for i := range out {
			out[i] = err
		}
		return out
	}
	var actions []action
	var at []int
	for i, id := range ids {
		if !isID(id) {
			continue // nothing has such an id
		}
		actions, at = append(actions, action{method: http.MethodDelete, path: pathOf(object, id)}), append(at, i)
	}
	for i, r := range c.run(ctx, op, actions) {
		if r.err != nil && r.err.Kind != connectors.NotFound {
			out[at[i]] = named(r.err, op, object+"/"+ids[at[i]])
		}
	}
	return out
}
