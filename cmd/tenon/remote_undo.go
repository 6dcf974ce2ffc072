package main

import (
	"context"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// Undo implements server.Operator. The journal names the token's owner, not
// o.By.
func (r *remote) Undo(ctx context.Context, order engine.UndoOrder, o engine.UndoOptions) (*engine.Undone, error) {
	var u engine.Undone
	_, err := r.job(ctx, "undo", server.UndoOrder{UndoOrder: order, Dry: o.Dry}, showing(o.Progress), &u)
	return &u, err
}

// Verify implements server.Operator.
func (r *remote) Verify(ctx context.Context, expect string) (*engine.Verified, error) {
	var v engine.Verified
	return &v, r.get(ctx, "journal/verify", params("expect", expect), &v)
}
