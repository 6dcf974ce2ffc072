package server

import (
	"context"
	"net/http"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Grants takes what a person's consent gave for a connection.
type Grants interface {
	// TakeGrant keeps a grant, and lets the service go on with it soon after.
	// NotFound says that there is no such connection, Invalid that it lives on
	// no consent, Conflict that it belongs to another account.
	TakeGrant(ctx context.Context, connection string, g *connectors.Grant) error
}

func (a api) grantRoutes() []route {
	return []route{{
		pattern: "PUT /api/v1/connections/{connection}/grant", scope: ScopeConfigure, group: groupTokens,
		summary: "Take a new consent for a connection: what `tenon connect` sends while the service runs.",
		detail:  "The service starts anew with it by itself. Another account than before is refused. The settings are secrets, and no call shows them again.",
		body: connectors.Grant{
			Settings: map[string]string{"refresh_token": "na1-…"}, System: "portal 62515", Label: "portal 62515",
			At: time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC),
		},
		answer: Done{}, fn: a.takeGrant, also: []int{http.StatusNotFound, http.StatusConflict},
	}}
}

func (a api) takeGrant(c *call) (any, error) {
	grant, err := bodyOf[connectors.Grant](c)
	if err != nil {
		return nil, err
	}
	if grant.System == "" || len(grant.Settings) == 0 {
		return nil, invalid("a grant names `settings` and `system`")
	}
	if a.Grants == nil {
		return nil, invalid("this service takes no grants")
	}
	return Done{"taken"}, a.Grants.TakeGrant(c.Context(), c.text("connection"), &grant)
}
