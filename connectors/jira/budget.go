package jira

import "github.com/tenonsync/tenon/connectors"

var _ connectors.BudgetTeller = (*Connection)(nil)

// Budget implements connectors.BudgetTeller.
func (c *Connection) Budget() connectors.Budget { return c.http.Budget() }
