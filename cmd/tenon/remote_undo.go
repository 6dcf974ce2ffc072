package main

import (
	"context"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// Undo implements server.Operator. The journal names the token's owner, not
// o.By.
func (r *remote) Undo(ctx context.Context, order engine.UndoOrder, o engine.UndoOptions) (*engine.Undone, error) {
	var show func(server.Progress)
	if o.Progress != nil {
		show = func(p server.Progress) { o.Progress(p.Done, p.Total) }
	}
	var u engine.Undone
	_, err := r.job(ctx, "undo", server.UndoOrder{
		Event: order.Event, Record: order.Record, Link: order.Link, Run: order.Run, Mapping: order.Mapping, Field: order.Field, Since: order.Since, Dry: o.Dry,
	}, show, &u)
	return &u, err
}

// Verify implements server.Operator.
func (r *remote) Verify(ctx context.Context, expect string) (*engine.Verified, error) {
	var v engine.Verified
	return &v, r.get(ctx, "journal/verify", params("expect", expect), &v)
}
