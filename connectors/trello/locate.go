package trello

import (
	"context"
	"net/url"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Locate implements connectors.Locator: by a card's address
// ("https://trello.com/c/H0TZyzbK/4-what-why-how"), or the short link in it.
func (c *Connection) Locate(ctx context.Context, text string) (connectors.Ref, error) {
	id := c.cardIn(text)
	if id == "" {
		return connectors.Ref{}, nil
	}
	var w card
	_, err := c.do(ctx, rest.Request{
		Op: "locate", Path: "/cards/{id}", Params: map[string]string{"id": id}, Query: query("fields", "id"), Out: &w,
	})
	switch kind := connectors.KindOf(err); {
	case err == nil && isID(w.ID):
		return connectors.Ref{Connection: c.name, Object: objectCard, ID: w.ID}, nil
	case err == nil, kind == connectors.NotFound, kind == connectors.Permission, kind == connectors.Invalid:
		return connectors.Ref{}, nil
	}
	return connectors.Ref{}, err
}

// cardIn returns the short link or the id of the card that a text names, "" where
// it has no such form.
func (c *Connection) cardIn(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > 2000 {
		return ""
	}
	if !strings.Contains(text, "://") {
		if isID(text) || isShortLink(text) {
			return text
		}
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || !strings.EqualFold(u.Hostname(), "trello.com") && !strings.EqualFold(u.Host, c.base.Host) {
		return ""
	}
	return linkIn(text, "/c/")
}
