package connectors

import "context"

// WriteChecker tells beforehand what its system would refuse.
type WriteChecker interface {
	// CheckUpdates returns, for each update in order, the fields that the system
	// would refuse, as far as that can be told by reading: a status that the
	// record's workflow does not lead to, say. Nothing is told where nothing is
	// known to speak against a field. It writes nothing. The error is for the
	// call as a whole.
	CheckUpdates(ctx context.Context, updates []Update) ([][]FieldError, error)
}
