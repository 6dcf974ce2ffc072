package server

import (
	"net/http"
	"time"
)

func (a api) tokenRoutes() []route {
	return []route{
		{
			pattern: "GET /api/v1/tokens", scope: ScopeConfigure, group: groupTokens,
			summary: "The API tokens, without their secrets.", answer: List[Token]{}, fn: a.listTokens,
		},
		{
			pattern: "POST /api/v1/tokens", scope: ScopeConfigure, group: groupTokens,
			summary: "Make a token. Its text is in this answer, and never again.",
			body:    TokenOrder{Name: "dashboard", Scopes: []Scope{ScopeRead}}, answer: NewToken{}, fn: a.createToken,
		},
		{
			pattern: "DELETE /api/v1/tokens/{id}", scope: ScopeConfigure, group: groupTokens,
			summary: "End a token at once.", answer: Done{}, fn: a.revokeToken, also: []int{http.StatusNotFound},
		},
	}
}

func (a api) listTokens(c *call) (any, error) {
	tokens, err := a.auth.tokens.List(c.Context())
	return list(tokens, maxTokens+1, nil), err
}

// TokenOrder is the body that asks for a token.
type TokenOrder struct {
	Name    string    `json:"name"`
	Scopes  []Scope   `json:"scopes"`
	Expires time.Time `json:"expires,omitzero"` // without it: good until it is revoked
}

// NewToken is a token with its text, which is shown this once only.
type NewToken struct {
	Token
	Text string `json:"token"`
}

func (a api) createToken(c *call) (any, error) {
	order, err := bodyOf[TokenOrder](c)
	if err != nil {
		return nil, err
	}
	scopes, err := ParseScopes(joinScopes(order.Scopes))
	if err != nil {
		return nil, invalid("%w", err)
	}
	if order.Name == "" || len(order.Name) > 100 {
		return nil, invalid("`name` is missing or longer than 100 bytes")
	}
	if !order.Expires.IsZero() && !order.Expires.After(a.Clock.Now()) {
		return nil, invalid("`expires` is past")
	}
	token, text, err := a.auth.tokens.Create(c.Context(), order.Name, scopes, a.Clock.Now(), order.Expires)
	return NewToken{token, text}, err
}

func (a api) revokeToken(c *call) (any, error) {
	return Done{"revoked"}, a.auth.tokens.Revoke(c.Context(), c.text("id"))
}
