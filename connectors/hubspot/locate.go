package hubspot

import (
	"context"
	"net/url"
	"regexp"

	"github.com/tenonsync/tenon/connectors"
)

var _ connectors.Locator = (*connection)(nil)

// recordPath is how the address of a record's page ends: the portal, the type by
// its id or in the older form by its name, and the record.
var recordPath = regexp.MustCompile(`/contacts/([0-9]+)/(?:record/([0-9]+-[0-9]+)|(contact|company|deal|ticket))/([0-9]+)/?$`)

// Locate implements connectors.Locator: by the address of a record's page.
// HubSpot has no other names for records than their ids. It asks once which
// portal the account is of, and does not look whether the record is there.
func (c *connection) Locate(ctx context.Context, text string) (connectors.Ref, error) {
	parts := recordIn(text)
	if parts == nil {
		return connectors.Ref{}, nil
	}
	portal, err := c.portalID(ctx)
	if err != nil || portal != "" && portal != parts[1] {
		return connectors.Ref{}, err
	}
	return connectors.Ref{Connection: c.name, Object: c.mappedName(parts[2] + parts[3]), ID: parts[4]}, nil
}

// recordIn returns what recordPath finds in an address, nil if nothing.
func recordIn(text string) []string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil
	}
	return recordPath.FindStringSubmatch(u.Path)
}

// portalID returns which portal the account is of; "" where the token may not
// know.
func (c *connection) portalID(ctx context.Context) (string, error) {
	c.mu.Lock()
	portal, asked := c.portal, c.asked
	c.mu.Unlock()
	if portal != "" || asked {
		return portal, nil
	}
	w, err := c.account(ctx)
	if missingScope(err) {
		err = nil
	}
	return string(w.PortalID), err
}

// mappedName returns what mappings call a type, else HubSpot's own name.
func (c *connection) mappedName(name string) string {
	t := standardType(name)
	id := name
	if t != nil {
		id = t.id
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch known := c.aliases[id]; {
	case len(known) > 0:
		return known[0]
	case t != nil:
		return t.plural
	}
	return id
}
