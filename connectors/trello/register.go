package trello

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// hookCheck is when the webhooks are looked at again: Trello switches one off
// after a month of failures, and deletes it with its token.
const hookCheck = 6 * time.Hour

// EnsureWebhook implements connectors.WebhookRegistrar: one webhook for each
// board, since a card's own does not tell of its labels. Those of this address
// for other boards are removed. Trello asks the address by HEAD meanwhile.
func (c *Connection) EnsureWebhook(ctx context.Context, target connectors.WebhookTarget) (time.Time, error) {
	const op = "register a webhook"
	if c.secrets.Len() == 0 {
		return time.Time{}, c.fail(op, "", connectors.Invalid, "the setting api_secret is missing: deliveries could not be checked")
	}
	var boards []string
	for _, sel := range target.Objects {
		if err := c.checkObject(op, sel.Object); err != nil {
			return time.Time{}, err
		}
		if len(sel.Scope) == 0 {
			continue
		}
		in, err := c.scope(ctx, op, sel.Scope, metaAge)
		if err != nil {
			return time.Time{}, err
		}
		if !slices.Contains(boards, in.ID) {
			boards = append(boards, in.ID)
		}
	}
	var hooks []webhook
	_, err := c.do(ctx, rest.Request{Op: op, Path: "/tokens/{token}/webhooks", Params: map[string]string{"token": c.token}, Out: &hooks})
	if err != nil {
		return time.Time{}, err
	}
	there := map[string]webhook{}
	for _, h := range hooks {
		if h.CallbackURL != target.URL {
			continue
		}
		if !slices.Contains(boards, h.IDModel) {
			if err := c.dropHook(ctx, op, h); err != nil {
				return time.Time{}, err
			}
			continue
		}
		there[h.IDModel] = h
	}
	for _, id := range boards {
		if err := c.ensureHook(ctx, op, target.URL, id, there[id]); err != nil {
			return time.Time{}, err
		}
	}
	return c.clock.Now().Add(hookCheck), nil
}

func (c *Connection) dropHook(ctx context.Context, op string, h webhook) error {
	if !isID(h.ID) {
		return nil
	}
	_, err := c.do(ctx, rest.Request{Op: op, Method: "DELETE", Path: "/webhooks/{id}", Params: map[string]string{"id": h.ID}, Idempotent: true})
	if connectors.KindOf(err) == connectors.NotFound {
		return nil
	}
	return err
}

// ensureHook makes a board's webhook, or wakes up the one that is there.
func (c *Connection) ensureHook(ctx context.Context, op, address, boardID string, have webhook) error {
	switch {
	case have.Active:
		return nil
	case isID(have.ID):
		_, err := c.do(ctx, rest.Request{
			Op: op, Method: "PUT", Path: "/webhooks/{id}", Params: map[string]string{"id": have.ID}, Body: map[string]bool{"active": true}, Idempotent: true,
		})
		return err
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: "POST", Path: "/webhooks",
		Body: map[string]any{"callbackURL": address, "idModel": boardID, "description": "Tenon, connection " + c.name, "active": true},
	})
	e, ok := asError(err)
	if !ok || e.Kind != connectors.Invalid {
		return err
	}
	if strings.Contains(e.Error(), "already exists") { // a repeat
		return nil
	}
	out := *e
	out.Fields = nil
	out.Help = "let Trello reach the address from the internet: it asks it by HEAD and wants 200"
	return &out
}
