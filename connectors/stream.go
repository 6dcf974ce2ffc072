package connectors

import "context"

// Streamer is a system that tells of changes over a stream which the connection
// holds open.
type Streamer interface {
	// Stream tells what changes in the selections, of which only the objects
	// count, from the cursor on. The empty cursor begins with what changes from
	// now on. It runs until the context ends, the stream breaks or tell fails,
	// and never returns nil: tell's error as it is; Unavailable where a later
	// try may succeed; Auth, Permission or NotFound where somebody has to do
	// something first. It opens nothing anew by itself.
	//
	// tell is called by one goroutine at a time and returns once the batch is on
	// stable storage; until then the connection keeps no cursor behind it and
	// reads on within stated bounds only. The first batch comes as soon as the
	// stream stands, be it empty. Hints may repeat and may be out of any order.
	// None of a record's fields is missing between a cursor and the batches that
	// follow it, unless a Gap says so. Whether comments and files are told of is
	// the system's matter.
	Stream(ctx context.Context, sels []Selection, cursor string, tell func(context.Context, StreamBatch) error) error
}

// StreamBatch is what a stream tells at once.
type StreamBatch struct {
	// Hints are as those of a webhook: they may name records that are out of
	// scope or gone.
	Hints []Change

	// Cursor is where a later Stream goes on behind this batch and all before
	// it. It covers all objects; a Stream of other objects takes it too.
	Cursor string

	// Gap says in plain words why changes may not have been told: the stream
	// began anew, since there was no cursor or the system does not know it any
	// more, or the system itself has lost count. The lists of changes tell what
	// is missing. Empty: there is no gap.
	Gap string

	// Silent are the objects that the stream does not tell of, each with the
	// reason in plain words, as far as this batch knows anew; an empty reason
	// says that it tells of the object (again). Nil: nothing has changed.
	Silent map[string]string
}
