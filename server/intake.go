package server

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/tenonsync/tenon/connectors"
)

// smallBody is how much of a request's body is read into memory of its own,
// which the bound on connections bounds; what goes beyond has to find room.
const smallBody = 64 << 10

// room is the memory for large bodies, in bytes. Requests that find none are
// sent away, never kept waiting.
type room struct {
	limit int64
	taken atomic.Int64
}

func (o *room) take(n int64) bool {
	for {
		held := o.taken.Load()
		if held+n > o.limit {
			return false
		}
		if o.taken.CompareAndSwap(held, held+n) {
			return true
		}
	}
}

func (o *room) give(n int64) { o.taken.Add(-n) }

// errNoRoom says that too many large bodies are held at once.
var errNoRoom = &connectors.Error{Op: "read the request", Kind: connectors.Unavailable, Err: errors.New("too many large requests at the same time")}

// read returns the whole body of a request, at most limit bytes. Memory is
// taken as the body comes, not as it is announced. The caller calls release
// when it is done with the body.
func (o *room) read(w http.ResponseWriter, r *http.Request, limit int64) (body []byte, release func(), err error) {
	if r.ContentLength > limit {
		return nil, nil, &http.MaxBytesError{Limit: limit}
	}
	if r.ContentLength >= 0 && r.ContentLength <= smallBody {
		body = make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, nil, unreadable(err)
		}
		return body, func() {}, nil
	}
	in := http.MaxBytesReader(w, r.Body, limit)
	held := int64(0)
	body = make([]byte, 0, smallBody)
	for {
		n, err := in.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF: //nolint:errorlint // a Reader returns it bare
			return body, func() { o.give(held) }, nil
		case err != nil:
			o.give(held)
			return nil, nil, unreadable(err)
		case len(body) < cap(body):
			continue
		}
		size := min(2*int64(cap(body)), limit+1)
		if !o.take(size) { // beside the smaller one, until that is copied
			o.give(held)
			return nil, nil, errNoRoom
		}
		body = append(make([]byte, 0, size), body...)
		o.give(held)
		held = size
	}
}

// heldBody is a body that is decoded as it comes: what is read of it beyond
// smallBody has to find room until release.
type heldBody struct {
	io.ReadCloser
	room       *room
	read, held int64
}

// Read implements io.Reader.
func (b *heldBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if more := b.read - smallBody - b.held; more > 0 {
		if !b.room.take(more) {
			return 0, errNoRoom
		}
		b.held += more
	}
	return n, err
}

func (b *heldBody) release() { b.room.give(b.held) }

// unreadable turns the failure of reading a body into an error for its sender.
func unreadable(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return err
	}
	return &connectors.Error{Op: "read the request", Kind: connectors.Invalid, Err: err}
}

// gate keeps requests out while what they want is known to be refused: the
// queue or the disk is full. One at a time is let through to find out whether
// that has ended; so no clock is needed, and a sender that is alone meets the
// service itself each time.
type gate struct {
	shut    atomic.Bool
	probing atomic.Bool
}

// closed reports whether a request need not be read.
func (g *gate) closed() bool { return g.shut.Load() && g.probing.Load() }

// enter reports whether a request may go on; if so, leave has to follow.
func (g *gate) enter() (probe, ok bool) {
	if !g.shut.Load() {
		return false, true
	}
	probe = g.probing.CompareAndSwap(false, true)
	return probe, probe
}

// leave takes in what became of a request.
func (g *gate) leave(probe bool, err error) {
	switch {
	case err == nil:
		g.shut.Store(false)
	case isFull(err):
		g.shut.Store(true)
	}
	if probe {
		g.probing.Store(false)
	}
}
