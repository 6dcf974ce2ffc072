package hubspot

import (
	"context"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// keyProperty holds the key of a create. It is unique, so that HubSpot itself
// refuses a second record with one key.
const keyProperty = "tenon_key"

// FindByKey implements connectors.Connection. It reads the store, not the
// index, and finds archived records too: their keys stay taken.
func (c *connection) FindByKey(ctx context.Context, object string, _ connectors.Scope, keys []string) ([][]string, error) {
	t, err := c.object(ctx, "find by key", object)
	if err != nil {
		return nil, err
	}
	byKey := map[string][]string{}
	for chunk := range slices.Chunk(nonEmpty(unique(keys)...), batchSize) {
		missing := chunk
		for _, archived := range []bool{false, true} {
			var found []wireRecord
			if found, missing, err = c.batchRead(ctx, t, keyProperty, []string{keyProperty}, missing, archived); err != nil {
				return nil, c.unprepared(t, err)
			}
			for i := range found {
				if v := found[i].Properties[keyProperty]; v != nil {
					byKey[*v] = append(byKey[*v], string(found[i].ID))
				}
			}
		}
	}
	out := make([][]string, len(keys))
	for i, k := range keys {
		out[i] = byKey[k]
	}
	return out, nil
}
