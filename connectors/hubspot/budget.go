package hubspot

import (
	"context"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

var _ connectors.BudgetTeller = (*connection)(nil)

// Budget implements connectors.BudgetTeller.
func (c *connection) Budget() connectors.Budget { return c.client.Budget() }

// untold is how many requests a second are sent until HubSpot's headers tell
// the allowance: what the smallest accounts may, 100 in 10 seconds.
const untold = 9

// account asks for the account's details. Its day, which the daily allowance is
// for, ends at midnight in its own zone.
func (c *connection) account(ctx context.Context) (wireAccount, error) {
	var w wireAccount
	err := c.do(ctx, rest.Request{Op: "check", Path: pathAccount, Out: &w})
	if err != nil && connectors.KindOf(err).Temporary() {
		return w, err
	}
	c.mu.Lock()
	c.asked = true
	c.portal = string(w.PortalID)
	c.mu.Unlock()
	if zone, err := time.LoadLocation(w.TimeZone); err == nil && w.TimeZone != "" {
		c.client.SetDayZone(zone)
	}
	return w, err
}

// askZone asks once where the account's day ends. A token that may not know
// lets the headers show it.
func (c *connection) askZone(ctx context.Context) {
	c.mu.Lock()
	asked := c.asked
	c.mu.Unlock()
	if asked {
		return
	}
	_, _ = c.account(ctx) // the schema is what was asked for
}
