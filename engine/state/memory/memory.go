// Package memory keeps the state in memory, for tests and for simulation. It
// is deterministic, takes thousands of updates a second, and can be copied as
// a crash would leave it. Nothing of it reaches a disk.
package memory

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/tenonsync/tenon/engine/state"
)

// Backend keeps all spaces in memory. One update runs at a time, views beside
// each other.
type Backend struct {
	mu     sync.RWMutex
	spaces []tree // by state.Space
	closed bool
	kept   map[string]*Backend
}

var _ state.Backend = (*Backend)(nil)

// New returns an empty backend.
func New() *Backend {
	return &Backend{spaces: make([]tree, len(state.Spaces())+1), kept: map[string]*Backend{}}
}

// View runs fn while no update does.
func (b *Backend) View(ctx context.Context, fn func(state.Reader) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return state.ErrClosed
	}
	return fn((*transaction)(b))
}

// Update runs fn on the caller's goroutine and takes back what it wrote when
// it fails.
func (b *Backend) Update(ctx context.Context, fn func(state.Writer) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return state.ErrClosed
	}
	err, undo := state.Try((*transaction)(b), fn)
	return errors.Join(undo, err)
}

// Clone returns a copy of what is committed, open and independent: what a
// process finds that starts after this one was killed. It also works after
// Close.
func (b *Backend) Clone() *Backend {
	b.mu.RLock()
	defer b.mu.RUnlock()
	c := New()
	for s := range b.spaces {
		c.spaces[s] = b.spaces[s].clone()
	}
	return c
}

// Keep stores a copy under label; Kept returns it.
func (b *Backend) Keep(_ context.Context, label string) (string, error) {
	c := b.Clone()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept[label] = c
	return "memory:" + label, nil
}

// Kept returns the copy that Keep stored, nil when there is none.
func (b *Backend) Kept(label string) *Backend {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.kept[label]
}

// magic begins a backup.
const magic = "tenon memory state 1\n"

// Backup writes every pair: its space, and the lengths and bytes of key and
// value; then a zero byte.
func (b *Backend) Backup(ctx context.Context, w io.Writer) error {
	return b.View(ctx, func(r state.Reader) error {
		out := bufio.NewWriter(w)
		out.WriteString(magic) //nolint:errcheck // Flush tells
		for _, s := range state.Spaces() {
			err := r.Scan(s, state.Range{}, func(k, v []byte) bool {
				head := binary.AppendUvarint([]byte{byte(s)}, uint64(len(k)))
				out.Write(binary.AppendUvarint(head, uint64(len(v)))) //nolint:errcheck // Flush tells
				out.Write(k)                                          //nolint:errcheck // Flush tells
				out.Write(v)                                          //nolint:errcheck // Flush tells
				return true
			})
			if err != nil {
				return err
			}
		}
		out.WriteByte(0) //nolint:errcheck // Flush tells
		return out.Flush()
	})
}

// Restore reads what Backup wrote. What is cut or is no backup is ErrCorrupt.
func Restore(r io.Reader) (*Backend, error) {
	in := bufio.NewReader(r)
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(in, head); err != nil || string(head) != magic {
		return nil, fmt.Errorf("%w: not a backup of a state in memory", state.ErrCorrupt)
	}
	b := New()
	for {
		s, err := in.ReadByte()
		if err == nil && s == 0 {
			return b, nil
		}
		var key, value []byte
		if err == nil && int(s) < len(b.spaces) {
			key, value, err = readPair(in)
		}
		if err != nil || len(key) == 0 {
			return nil, fmt.Errorf("%w: the backup is cut or malformed", state.ErrCorrupt)
		}
		b.spaces[s].put(key, value)
	}
}

// maxPart bounds a key or value of a backup, so that a damaged length cannot
// ask for much memory.
const maxPart = 64 << 20

func readPair(in *bufio.Reader) (key, value []byte, err error) {
	k, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, nil, err
	}
	v, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, nil, err
	}
	if k > maxPart || v > maxPart {
		return nil, nil, io.ErrUnexpectedEOF
	}
	both := make([]byte, k+v)
	_, err = io.ReadFull(in, both)
	return both[:k:k], both[k:], err
}

// Verify makes sure that each space is in order.
func (b *Backend) Verify(ctx context.Context, report func(problem string)) error {
	return b.View(ctx, func(state.Reader) error {
		for s := range b.spaces {
			if !b.spaces[s].ordered() {
				report(fmt.Sprintf("the keys of %s are out of order", state.Space(s)))
			}
		}
		return nil
	})
}

// Close ends the backend; its content stays for Clone.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// transaction reads and writes the backend under its lock.
type transaction Backend

func (t *transaction) Get(s state.Space, key []byte) ([]byte, error) {
	return t.spaces[s].get(key), nil
}

func (t *transaction) Scan(s state.Space, r state.Range, yield func(key, value []byte) bool) error {
	t.spaces[s].scan(r, yield)
	return nil
}

func (t *transaction) Put(s state.Space, key, value []byte) error {
	if len(key) == 0 || len(key) > state.MaxKey {
		return fmt.Errorf("a key of %d bytes", len(key))
	}
	t.spaces[s].put(key, value)
	return nil
}

func (t *transaction) Delete(s state.Space, key []byte) error {
	t.spaces[s].delete(key)
	return nil
}
