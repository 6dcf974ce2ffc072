package asana

import (
	"context"

	"github.com/tenonsync/tenon/connectors"
)

// gather reads a list for each id that has no error yet, all its pages, ten in a
// batch. What is wrong with one record goes into errs.
func gather[T any](ctx context.Context, c *Connection, op, object string, ids []string, errs []error, ask func(id string) action, into [][]T) error {
	var actions []action
	var at []int
	for i, id := range ids {
		if errs[i] == nil {
			actions, at = append(actions, ask(id)), append(at, i)
		}
	}
	for pages := 0; len(actions) > 0; pages++ {
		if pages == maxPages {
			return c.fail(op, "", connectors.Internal, "%w", errEndless)
		}
		var again []action
		var more []int
		for n, r := range c.run(ctx, op, actions) {
			i := at[n]
			var list []T
			switch {
			case r.err != nil && r.aboutRecord():
				errs[i] = named(r.err, op, object+"/"+ids[i])
				continue
			case r.err != nil:
				return named(r.err, op, "")
			}
			if err := decodeData(r.data, &list); err != nil {
				return c.fail(op, object+"/"+ids[i], connectors.Internal, "%w", err)
			}
			into[i] = append(into[i], list...)
			if r.next != "" && r.next != actions[n].offset {
				a := actions[n]
				a.offset = r.next
				again, more = append(again, a), append(more, i)
			}
		}
		actions, at = again, more
	}
	return nil
}
