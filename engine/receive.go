package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/mapping"
)

// ErrOverload is what Receive returns while a queue is full: the sender should
// deliver again later.
var ErrOverload = fmt.Errorf("the queue is full")

// Receive takes in one webhook delivery: it checks the signature, turns the
// body into hints and makes them durable before it returns nil. TakeIn sorts
// them into the queues. A delivery that came before is taken once. Kinds of errors: Auth for a wrong signature,
// Invalid for an unreadable body, NotFound where there is no such connection
// or it has no webhooks. ErrOverload and state.ErrFull mean: later.
func (e *Engine) Receive(ctx context.Context, name string, req connectors.WebhookRequest) (connectors.Delivery, error) {
	c := e.conns[name]
	if c == nil || c.can.WebhookSource == nil {
		return connectors.Delivery{}, &connectors.Error{
			Op: "receive webhook", Connection: name, Kind: connectors.NotFound,
			Err: fmt.Errorf("no connection %q takes webhooks", name),
		}
	}
	if req.Now.IsZero() {
		req.Now = e.clock.Now()
	}
	d, err := c.can.WebhookSource.ParseWebhook(req)
	if err != nil {
		return connectors.Delivery{}, err
	}
	c.mu.Lock()
	c.lastWebhook = req.Now
	c.mu.Unlock()
	mappings := e.concerned(name, d.Hints)
	if len(mappings) == 0 {
		return d, nil
	}
	full, err := e.overfull(ctx, mappings)
	if err == nil && full {
		err = ErrOverload
	}
	if err == nil {
		err = e.post(ctx, &parcel{connection: name, delivery: d.ID, at: req.Now, hints: d.Hints})
	}
	if err != nil {
		return connectors.Delivery{}, err
	}
	return d, nil
}

// concerned returns the mappings that hints are for.
func (e *Engine) concerned(connection string, hints []connectors.Change) []*worked {
	var mappings []*worked
	for _, m := range e.mappings {
		if slices.ContainsFunc(hints, func(c connectors.Change) bool {
			return m.concerns(mapping.Left, connection, c) || m.concerns(mapping.Right, connection, c)
		}) {
			mappings = append(mappings, m)
		}
	}
	return mappings
}
