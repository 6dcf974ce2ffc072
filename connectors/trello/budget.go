package trello

import "github.com/tenonsync/tenon/connectors"

// Budget implements connectors.BudgetTeller.
func (c *Connection) Budget() connectors.Budget { return c.http.Budget() }
