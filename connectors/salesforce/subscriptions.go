package salesforce

import (
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// Subscriptions implements connectors.WebhookGuide: what an admin selects in
// Salesforce so that changes are told at once.
func (c *connection) Subscriptions(needs []connectors.Need) []string {
	var lines []string
	seen := map[string]bool{}
	for _, n := range needs {
		if seen[strings.ToLower(n.Object)] {
			continue
		}
		seen[strings.ToLower(n.Object)] = true
		lines = append(lines,
			"Change Data Capture (Setup, Integrations): select "+n.Object,
			"or an Outbound Message for "+n.Object+" with the field Id, sent by a record-triggered flow when a record is created or updated")
	}
	return lines
}
