package salesforce

import "github.com/tenonsync/tenon/connectors"

// streamSettings are the settings of the stream of changes.
var streamSettings []connectors.Setting
