package state

import (
	"context"
	"io"
)

// Backend is an ordered store of bytes with transactions, divided into spaces
// of keys. It knows nothing of links or queues; Open puts those on top. It is
// safe for use by several goroutines.
type Backend interface {
	// View runs fn over one consistent snapshot. fn must start no other
	// transaction.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn and makes its changes durable as a whole before it returns
	// nil. When fn returns an error or panics, nothing of it remains, also when
	// it shares a commit with others. fn may run more than once and on another
	// goroutine; a panic comes out of Update on the caller's. ctx counts until
	// fn starts: a commit under way is not abandoned, so that its outcome is
	// always known. The errors of the backend itself are ErrFull, ErrCorrupt,
	// ErrClosed and ErrReadOnly.
	Update(ctx context.Context, fn func(Writer) error) error

	// Keep stores a copy of everything beside the backend, named after label,
	// and returns where. It is called before an upgrade.
	Keep(ctx context.Context, label string) (where string, err error)

	// Backup writes a consistent copy while others read and write.
	Backup(ctx context.Context, w io.Writer) error

	// Verify reads the backend's own structures and reports what is damaged.
	Verify(ctx context.Context, report func(problem string)) error

	// Close waits for what is under way and ends the backend. A repeat is
	// harmless.
	Close() error
}

// Reader reads one snapshot, or what an update has written so far. The bytes it
// gives belong to the backend: they must not be changed, stay as they are also
// when the key is written, and end with the transaction.
type Reader interface {
	// Get returns a key's value; nil when there is none. Values are never nil
	// when there is one, but may be empty.
	Get(s Space, key []byte) ([]byte, error)

	// Scan calls yield for each pair of r in order until it returns false.
	// yield must not write.
	Scan(s Space, r Range, yield func(key, value []byte) bool) error
}

// Writer changes what an update sees at once and others after its commit.
type Writer interface {
	Reader

	// Put stores a pair. The backend keeps both slices; the caller must not
	// change them any more. Keys have 1 to MaxKey bytes.
	Put(s Space, key, value []byte) error

	// Delete removes a key; a missing one is no error.
	Delete(s Space, key []byte) error
}

// Range is a part of a space: From <= key < To, ascending, or descending if
// Reverse is set. A nil From is the start of the space, a nil To its end.
type Range struct {
	From, To []byte
	Reverse  bool
}

// MaxKey is the longest key that Open's layout makes, in bytes.
const MaxKey = 4096

// Prefix is the range of the keys that start with p.
func Prefix(p []byte) Range { return Range{From: p, To: after(p)} }

// after returns the first key behind all keys with the prefix p, nil when there
// is none.
func after(p []byte) []byte {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0xff {
			next := append([]byte(nil), p[:i+1]...)
			next[i]++
			return next
		}
	}
	return nil
}

// Try runs fn over w and takes its writes back when it returns an error,
// panics or ends its goroutine. Backends use it so that an update can fail
// without the others of its commit. The error undo says that the writes could
// not be taken back: then the commit as a whole must be dropped.
func Try(w Writer, fn func(Writer) error) (err, undo error) {
	u := &undoer{Writer: w}
	u.log = u.room[:0]
	done := false
	defer func() {
		if !done || err != nil {
			undo = u.revert()
		}
	}()
	err = fn(u)
	done = true
	return err, nil
}

// undoer remembers what each write replaced.
type undoer struct {
	Writer
	log  []replaced
	room [8]replaced // for the log of a small update
}

type replaced struct {
	space Space
	key   []byte
	value []byte // of the backend; nil: there was none
}

func (u *undoer) note(s Space, key []byte) error {
	old, err := u.Get(s, key)
	if err != nil {
		return err
	}
	u.log = append(u.log, replaced{s, key, old})
	return nil
}

func (u *undoer) Put(s Space, key, value []byte) error {
	if err := u.note(s, key); err != nil {
		return err
	}
	return u.Writer.Put(s, key, value)
}

func (u *undoer) Delete(s Space, key []byte) error {
	if err := u.note(s, key); err != nil {
		return err
	}
	return u.Writer.Delete(s, key)
}

func (u *undoer) revert() error {
	for i := len(u.log) - 1; i >= 0; i-- {
		r := u.log[i]
		var err error
		if r.value == nil {
			err = u.Writer.Delete(r.space, r.key)
		} else {
			err = u.Writer.Put(r.space, r.key, r.value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
