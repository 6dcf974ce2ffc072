package state

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errEnded = errors.New("the transaction has ended")

// tx lays the domain out over one transaction of a backend.
type tx struct {
	r     Reader
	w     Writer // nil in a view
	ended bool

	// What was looked up of the tables: by transactions before (nil: nothing),
	// and by this one.
	shared, own *catalog

	// given are the ids that this transaction wrote into its caller's values.
	given []*uint64
}

// give writes an id into a value of the caller.
func (t *tx) give(to *uint64, id uint64) {
	*to = id
	t.given = append(t.given, to)
}

// takeBack sets the ids given to zero again, since the transaction did not
// commit: fn may run anew with the same values, or another may get the ids.
func (t *tx) takeBack() {
	if t == nil {
		return
	}
	for _, id := range t.given {
		*id = 0
	}
	t.given = nil
}

var _ Tx = (*tx)(nil)

func (t *tx) get(s Space, key []byte) (*decoder, error) {
	if t.ended {
		return nil, errEnded
	}
	v, err := t.r.Get(s, key)
	if err != nil || v == nil {
		return nil, err
	}
	return unframe(s, key, v)
}

func (t *tx) has(s Space, key []byte) (bool, error) {
	if t.ended {
		return false, errEnded
	}
	v, err := t.r.Get(s, key)
	return v != nil, err
}

func (t *tx) writable() error {
	switch {
	case t.ended:
		return errEnded
	case t.w == nil:
		return ErrReadOnly
	}
	return nil
}

func (t *tx) put(s Space, key []byte, e *encoder) error {
	if err := t.writable(); err != nil {
		return err
	}
	if len(e.b) > maxValue {
		return fmt.Errorf("%w: %d bytes for %s, over the limit of %d", ErrTooLarge, len(e.b), s, maxValue)
	}
	return t.w.Put(s, key, e.seal(s, key))
}

// mark stores a key without a value, as indexes are.
func (t *tx) mark(s Space, key []byte) error {
	if err := t.writable(); err != nil {
		return err
	}
	return t.w.Put(s, key, []byte{})
}

func (t *tx) delete(s Space, key []byte) error {
	if err := t.writable(); err != nil {
		return err
	}
	return t.w.Delete(s, key)
}

// scan calls fn for each pair of r until it returns false or an error.
func (t *tx) scan(s Space, r Range, fn func(key, value []byte) (bool, error)) error {
	if t.ended {
		return errEnded
	}
	var inner error
	err := t.r.Scan(s, r, func(k, v []byte) bool {
		more, err := fn(k, v)
		inner = err
		return more && err == nil
	})
	if inner != nil {
		return inner
	}
	return err
}

// number returns a plain number, 0 when there is none.
func (t *tx) number(s Space, key []byte) (uint64, error) {
	d, err := t.get(s, key)
	if err != nil || d == nil {
		return 0, err
	}
	n := d.uint()
	return n, d.end(s, key)
}

func (t *tx) putNumber(s Space, key []byte, n uint64) error {
	e := newEncoder(s, binary.MaxVarintLen64)
	e.uint(n)
	return t.put(s, key, e)
}

// bytes returns plain bytes, nil when there are none.
func (t *tx) bytes(s Space, key []byte) ([]byte, error) {
	d, err := t.get(s, key)
	if err != nil || d == nil {
		return nil, err
	}
	return append([]byte{}, d.b...), nil
}

// putBytes stores plain bytes; nil deletes.
func (t *tx) putBytes(s Space, key, p []byte) error {
	if p == nil {
		return t.delete(s, key)
	}
	e := newEncoder(s, len(p))
	e.b = append(e.b, p...)
	return t.put(s, key, e)
}

// sequence is a number that only grows.
type sequence string

const (
	sequenceLinks   sequence = "sequence/links"
	sequenceJournal sequence = "sequence/journal"
	sequenceNames   sequence = "sequence/names"

	sequencePatterns sequence = "sequence/patterns"
)

func (t *tx) next(s sequence) (uint64, error) {
	n, err := t.number(SpaceMeta, []byte(s))
	if err != nil {
		return 0, err
	}
	return n + 1, t.putNumber(SpaceMeta, []byte(s), n+1)
}

// atLeast raises a sequence so that next gives more than n.
func (t *tx) atLeast(s sequence, n uint64) error {
	last, err := t.number(SpaceMeta, []byte(s))
	if err != nil || last >= n {
		return err
	}
	return t.putNumber(SpaceMeta, []byte(s), n)
}

// counter is a kind of count kept by mapping and part.
type counter uint8

const (
	countLinks   counter = iota + 1 // by LinkStatus
	countEntries                    // by Status
	countAsides                     // by AsideKind
	countNotes                      // links with pending writes; part 0
)

func (t *tx) bump(c counter, mapping uint32, part uint8, by int) error {
	key := keyCount(c, mapping, part)
	n, err := t.number(SpaceCounts, key)
	if err != nil {
		return err
	}
	switch m := int64(n) + int64(by); {
	case m < 0:
		return damaged(SpaceCounts, key, "a count below zero")
	case m == 0:
		return t.delete(SpaceCounts, key)
	default:
		return t.putNumber(SpaceCounts, key, uint64(m))
	}
}

// move counts a thing that was in one place and is in another.
func (t *tx) move(c counter, fromMapping uint32, fromPart uint8, toMapping uint32, toPart uint8) error {
	if fromMapping == toMapping && fromPart == toPart {
		return nil
	}
	if err := t.bump(c, fromMapping, fromPart, -1); err != nil {
		return err
	}
	return t.bump(c, toMapping, toPart, 1)
}

// counts returns a mapping's counts by part; "" is all mappings.
func (t *tx) counts(c counter, mapping string) (map[uint8]int, error) {
	prefix := []byte{byte(c)}
	if mapping != "" {
		n, err := t.nameNumber(mapping)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, nil
		}
		prefix = append(prefix, keyMapping(n)...)
	}
	by := map[uint8]int{}
	err := t.scan(SpaceCounts, Prefix(prefix), func(k, v []byte) (bool, error) {
		d, err := unframe(SpaceCounts, k, v)
		if err != nil {
			return false, err
		}
		by[k[len(k)-1]] += int(d.below(1 << 62))
		return true, d.end(SpaceCounts, k)
	})
	return by, err
}
