package jira

import (
	"context"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Delete implements connectors.Deleter. An issue with sub-tasks is refused:
// they would go with it.
func (c *Connection) Delete(ctx context.Context, obj string, ids []string) []error {
	const op = "delete"
	out := make([]error, len(ids))
	for i, id := range ids { // one after the other: sub-tasks may stand before their parent
		out[i] = c.delete(ctx, op, obj, id)
	}
	return out
}

func (c *Connection) delete(ctx context.Context, op, obj, id string) error {
	if err := c.checkObject(op, obj); err != nil {
		return err
	}
	if !isID(id) {
		return c.fail(op, ref(id), connectors.NotFound, "the id of an issue is a number")
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Method: "DELETE", Path: "/issue/{id}", Params: map[string]string{"id": id},
		Query: query("deleteSubtasks", "false"), Idempotent: true,
	})
	if connectors.KindOf(err) == connectors.NotFound {
		return nil
	}
	return err
}
