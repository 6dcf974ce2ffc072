package trello

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Delete implements connectors.Deleter: for good, with comments and attachments.
func (c *Connection) Delete(ctx context.Context, object string, ids []string) []error {
	return c.retire(ctx, object, ids, func(id string) rest.Request {
		r := rest.Request{Op: "delete", Record: ref(id), Method: "DELETE", Path: "/cards/{id}", Params: map[string]string{"id": id}, Idempotent: true}
		if cardID, item, ok := splitItem(id); ok {
			r.Path, r.Params = "/cards/{id}/checkItem/{item}", map[string]string{"id": cardID, "item": item}
		}
		return r
	})
}

// Archive implements connectors.Archiver: what Trello calls closed, which people
// can send back to the board.
func (c *Connection) Archive(ctx context.Context, object string, ids []string) []error {
	if object == objectItem {
		out := make([]error, len(ids))
		for i, id := range ids {
			out[i] = c.fail("archive", itemRef(id), connectors.Invalid, "items of checklists cannot be archived")
		}
		return out
	}
	return c.retire(ctx, object, ids, func(id string) rest.Request {
		return rest.Request{
			Op: "archive", Record: ref(id), Method: "PUT", Path: "/cards/{id}", Params: map[string]string{"id": id},
			Body: map[string]bool{"closed": true}, Idempotent: true,
		}
	})
}

func (c *Connection) retire(ctx context.Context, object string, ids []string, request func(id string) rest.Request) []error {
	out := make([]error, len(ids))
	var g errgroup.Group
	g.SetLimit(singles)
	for i, id := range ids {
		g.Go(func() error {
			_, _, item := splitItem(id)
			switch err := c.checkObject("retire", object); {
			case err != nil:
				out[i] = err
			case isID(id) && object == objectCard, item && object == objectItem:
				if _, err := c.do(ctx, request(id)); connectors.KindOf(err) != connectors.NotFound {
					out[i] = err
				}
			default:
				out[i] = c.fail("retire", object+"/"+id, connectors.NotFound, "that is no id of Trello's")
			}
			return nil
		})
	}
	_ = g.Wait() // out holds the errors
	return out
}
