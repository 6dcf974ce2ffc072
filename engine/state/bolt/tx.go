package bolt

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/tenonsync/tenon/engine/state"
)

// fill is how full a page is left by keys that ascend: nothing will come
// between them, but their values may grow.
const fill = 0.95

// reader reads one transaction. A space is a bucket of the file, named by the
// space's number; one that is not there yet is empty.
type reader struct {
	tx      *bbolt.Tx
	buckets [state.SpaceDocs + 1]*bbolt.Bucket
	cursors [state.SpaceDocs + 1]*bbolt.Cursor // for Get, each used again and again
	torn    error                              // the panic of bbolt that ended the transaction
	yields  int                                // how many callers' functions are running
}

var _ state.Reader = (*reader)(nil)

func name(s state.Space) []byte { return []byte{byte(s)} }

func (r *reader) bucket(s state.Space) *bbolt.Bucket {
	if r.buckets[s] == nil {
		r.buckets[s] = r.tx.Bucket(name(s))
	}
	return r.buckets[s]
}

// caught is deferred by what calls bbolt. Panics of the caller's own functions
// pass.
func (r *reader) caught(yields int, err *error) {
	if r.yields > yields {
		r.yields = yields
		return
	}
	if p := recover(); p != nil {
		r.torn = fmt.Errorf("%w: %v", state.ErrCorrupt, p)
		*err = r.torn
	}
}

func (r *reader) Get(s state.Space, key []byte) (value []byte, err error) {
	defer r.caught(r.yields, &err)
	c := r.cursors[s]
	if c == nil {
		b := r.bucket(s)
		if b == nil {
			return nil, nil
		}
		c = b.Cursor()
		r.cursors[s] = c
	}
	if k, v := c.Seek(key); bytes.Equal(k, key) {
		return v, nil
	}
	return nil, nil
}

func (r *reader) Scan(s state.Space, rg state.Range, yield func(key, value []byte) bool) (err error) {
	defer r.caught(r.yields, &err)
	b := r.bucket(s)
	if b == nil {
		return nil
	}
	c := b.Cursor()
	k, v := first(c, rg)
	for k != nil && inside(rg, k) {
		r.yields++
		more := yield(k, v)
		r.yields--
		if !more {
			return nil
		}
		if rg.Reverse {
			k, v = prev(c, k)
		} else {
			k, v = c.Next()
		}
	}
	return nil
}

// prev moves to the pair before one with the key k, or before where it would
// be. bbolt's Prev takes a page that this transaction has emptied for the
// beginning of the bucket; another call goes on before it.
func prev(c *bbolt.Cursor, k []byte) (key, value []byte) {
	if key, value = c.Prev(); key != nil {
		return key, value
	}
	lowest, _ := c.Bucket().Cursor().First()
	if lowest == nil || bytes.Compare(lowest, k) >= 0 {
		return nil, nil
	}
	for key == nil {
		key, value = c.Prev()
	}
	return key, value
}

func first(c *bbolt.Cursor, rg state.Range) (k, v []byte) {
	switch {
	case !rg.Reverse && rg.From == nil:
		return c.First()
	case !rg.Reverse:
		return c.Seek(rg.From)
	case rg.To == nil:
		return c.Last()
	}
	if k, _ = c.Seek(rg.To); k == nil {
		return c.Last()
	}
	return prev(c, rg.To)
}

// inside reports whether a key is before the end where a scan goes.
func inside(rg state.Range, k []byte) bool {
	if rg.Reverse {
		return rg.From == nil || bytes.Compare(k, rg.From) >= 0
	}
	return rg.To == nil || bytes.Compare(k, rg.To) < 0
}

// writer writes one transaction of the committer.
type writer struct {
	reader
	writes  int
	changed bool // an update wrote and did not fail

	news [state.SpaceDocs + 1]news
}

// news tells of the new keys of a space of groups.
type news struct {
	last           [2][]byte // the last one, by the side of its group
	orderly, among int       // how many came at the end or after the last one, and how many elsewhere
}

var _ state.Writer = (*writer)(nil)

func (w *writer) Put(s state.Space, key, value []byte) (err error) {
	defer w.caught(w.yields, &err)
	if len(key) == 0 || len(key) > state.MaxKey {
		return fmt.Errorf("a key of %d bytes", len(key))
	}
	b := w.bucket(s)
	if b == nil {
		if b, err = w.tx.CreateBucket(name(s)); err != nil {
			return err
		}
		w.buckets[s] = b
	}
	switch s.Order() {
	case state.Ascending:
		b.FillPercent = fill
	case state.Grouped:
		w.place(s, b, key)
	}
	w.writes++
	return b.Put(key, value)
}

// place chooses how full pages are left by where most of the commit's new keys
// come.
func (w *writer) place(s state.Space, b *bbolt.Bucket, key []byte) {
	c := b.Cursor()
	next, _ := c.Seek(key)
	if bytes.Equal(next, key) {
		return // not new
	}
	group := key[:min(state.GroupHead, len(key))]
	n, last := &w.news[s], &w.news[s].last[group[len(group)-1]&1]
	orderly := !bytes.HasPrefix(next, group)
	if !orderly && *last != nil {
		before, _ := c.Prev()
		orderly = bytes.Equal(before, *last)
	}
	if *last = key; orderly {
		n.orderly++
	} else {
		n.among++
	}
	b.FillPercent = bbolt.DefaultFillPercent
	if n.orderly > n.among {
		b.FillPercent = fill
	}
}

func (w *writer) Delete(s state.Space, key []byte) (err error) {
	defer w.caught(w.yields, &err)
	b := w.bucket(s)
	if b == nil {
		return nil
	}
	w.writes++
	return b.Delete(key)
}
