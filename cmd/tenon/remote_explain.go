package main

import (
	"context"
	"strconv"

	"github.com/tenonsync/tenon/engine"
)

// Explain implements server.Operator.
func (r *remote) Explain(ctx context.Context, record string, o engine.ExplainOptions) (*engine.Explanation, error) {
	q := params("record", record, "events", strconv.Itoa(max(o.Events, 0)))
	if o.Offline {
		q.Set("offline", "true")
	}
	var x engine.Explanation
	return &x, r.get(ctx, "explain", q, &x)
}
