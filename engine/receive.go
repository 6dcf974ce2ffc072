package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// ErrOverload is what Receive returns while a queue is full: the sender should
// deliver again later.
var ErrOverload = fmt.Errorf("the queue is full")

// Receive takes in one webhook delivery: it checks the signature, turns the
// body into hints and makes them durable before it returns nil. A delivery
// that came before is taken once. Kinds of errors: Auth for a wrong signature,
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
	if len(d.Hints) == 0 {
		return d, nil
	}
	now := req.Now
	var nudged []*worked
	err = e.store.Update(ctx, func(tx state.Tx) error {
		nudged = nudged[:0]
		if d.ID != "" {
			seen, err := tx.SeenDelivery(name, d.ID, now, now.Add(e.limits.KeepDelivery))
			if err != nil || seen {
				return err
			}
		}
		for _, m := range e.mappings {
			took, err := e.takeHints(tx, m, name, d.Hints, now)
			if err != nil {
				return err
			}
			if took {
				nudged = append(nudged, m)
			}
		}
		return nil
	})
	if err != nil {
		return connectors.Delivery{}, err
	}
	for _, m := range nudged {
		e.nudge(m.Name())
	}
	return d, nil
}

// takeHints enqueues the hints that concern a mapping.
func (e *Engine) takeHints(tx state.Tx, m *worked, conn string, hints []connectors.Change, now time.Time) (bool, error) {
	took := false
	for side := range m.sides {
		s := m.Side(mapping.SideID(side))
		if s.Connection != conn {
			continue
		}
		for _, c := range hints {
			if c.Object != s.Object || c.ID == "" {
				continue
			}
			if !took {
				counts, err := tx.CountEntries(m.Name())
				if err != nil {
					return false, err
				}
				if counts[state.Ready]+counts[state.Waiting] >= e.limits.QueueFull {
					return false, ErrOverload
				}
			}
			fresh, err := enqueue(tx, m, hint{
				side: mapping.SideID(side), record: c.ID, version: c.Version,
				priority: connectors.PriorityWebhook, source: "webhook", due: now.Add(e.limits.Coalesce),
			}, now)
			if err != nil {
				return false, err
			}
			took = took || fresh
		}
	}
	return took, nil
}
