package memory

import (
	"context"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// Locate implements connectors.Locator.
func (c *Connection) Locate(ctx context.Context, text string) (connectors.Ref, error) {
	key, site := text, "https://"+c.system.opts.Name+".example/"
	if rest, ok := strings.CutPrefix(text, site); ok {
		_, key, _ = strings.Cut(rest, "/")
	} else if strings.Contains(text, "/") || !strings.Contains(text, "-") {
		return connectors.Ref{}, nil
	}
	if err := c.begin(ctx, Moment{Call: "locate"}, ""); err != nil {
		return connectors.Ref{}, err
	}
	c.system.mu.Lock()
	defer c.system.mu.Unlock()
	for object, t := range c.system.tables {
		id := strings.TrimPrefix(key, t.def.Prefix+"-")
		if r := c.find(t, id); r != nil {
			return connectors.Ref{Connection: c.name, Object: object, ID: id}, nil
		}
	}
	return connectors.Ref{}, nil
}
