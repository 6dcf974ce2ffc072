// Package all is the visible list of the connectors that the program has.
package all

import (
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/asana"
	"github.com/tenonsync/tenon/connectors/github"
	"github.com/tenonsync/tenon/connectors/hubspot"
	"github.com/tenonsync/tenon/connectors/jira"
	"github.com/tenonsync/tenon/connectors/salesforce"
	"github.com/tenonsync/tenon/connectors/trello"
)

// Registry returns a registry of all connectors. The error names a kind that
// stands in the list twice.
func Registry() (*connectors.Registry, error) {
	return connectors.NewRegistry(
		asana.New(),
		github.New(),
		hubspot.Connector{},
		jira.New(),
		salesforce.Connector{},
		trello.New(),
	)
}
