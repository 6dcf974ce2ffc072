package asana

import "time"

// Ages up to which what Asana told about a project is used without asking again:
// as a rule, and when somebody names what is not known.
const (
	projectAge = 10 * time.Minute
	refetchAge = 30 * time.Second
	listAge    = 15 * time.Minute
)
