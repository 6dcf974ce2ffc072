package salesforce

import "time"

// Ages up to which what Salesforce told about itself is used without asking
// again: as a rule, and when somebody names what is not known.
const (
	schemaAge  = 30 * time.Minute
	refetchAge = time.Minute
)
