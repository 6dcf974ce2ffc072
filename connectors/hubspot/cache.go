package hubspot

import "time"

// Ages up to which what HubSpot told about itself is used without asking again:
// as a rule, when somebody names what is not known, and when a record holds an
// option or an owner that is not known. (The last may stay unknown for ever.)
const (
	schemaAge  = 30 * time.Minute
	refetchAge = time.Minute
	unknownAge = 10 * time.Minute
)
