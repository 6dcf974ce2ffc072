package state

import "errors"

// The errors of a store. Compare with errors.Is.
var (
	ErrNotFound = errors.New("not in the state")
	ErrTaken    = errors.New("the record is in another link of the mapping")
	ErrTooLarge = errors.New("more than one row of the state can hold")
	ErrFull     = errors.New("no room to write the state")
	ErrCorrupt  = errors.New("the state is damaged")
	ErrNewer    = errors.New("the state was written by a newer version of Tenon")
	ErrLocked   = errors.New("the state is in use by another process")
	ErrClosed   = errors.New("the state is closed")
	ErrReadOnly = errors.New("the state was opened for reading")
)
