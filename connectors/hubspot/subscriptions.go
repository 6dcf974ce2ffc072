package hubspot

import (
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// Subscriptions implements connectors.WebhookGuide: a token cannot subscribe, so
// people do it on the app's page or in its project. Properties are subscribed to
// one by one; associations are none, and what is computed of them either.
func (c *connection) Subscriptions(needs []connectors.Need) []string {
	var lines []string
	for _, n := range needs {
		name := n.Object
		if t := standardType(n.Object); t != nil {
			name = t.plural
		}
		events := "creation, deletion, merge, restore"
		if n.Comment {
			events += ", associationChange"
		}
		lines = append(lines, name+": "+events)
		properties := slices.DeleteFunc(slices.Clone(n.Fields), func(f string) bool { return strings.HasPrefix(f, linkPrefix) })
		if len(properties) > 0 {
			lines = append(lines, name+": propertyChange of "+strings.Join(properties, ", "))
		}
	}
	return lines
}
