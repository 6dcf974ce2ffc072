package memory

import (
	"bytes"
	"slices"
	"sort"

	"github.com/tenonsync/tenon/engine/state"
)

// tree is an ordered map in two levels: leaves of sorted pairs, in order. It
// keeps the slices that it is given; nothing changes their bytes, so a clone
// shares them.
type tree struct{ leaves []*leaf }

type leaf struct{ pairs []pair }

type pair struct{ key, value []byte }

// A leaf is split in two at leafMax pairs, and dropped when it is empty.
const leafMax = 256

// find returns the leaf that holds key or would, and the place in it.
func (t *tree) find(key []byte) (leafAt, at int, found bool) {
	// The leaf before the first one that starts behind key.
	leafAt = sort.Search(len(t.leaves), func(i int) bool {
		return bytes.Compare(t.leaves[i].pairs[0].key, key) > 0
	}) - 1
	if leafAt < 0 {
		return 0, 0, false
	}
	pairs := t.leaves[leafAt].pairs
	at = sort.Search(len(pairs), func(i int) bool { return bytes.Compare(pairs[i].key, key) >= 0 })
	return leafAt, at, at < len(pairs) && bytes.Equal(pairs[at].key, key)
}

func (t *tree) get(key []byte) []byte {
	if l, at, found := t.find(key); found {
		return t.leaves[l].pairs[at].value
	}
	return nil
}

func (t *tree) put(key, value []byte) {
	if value == nil {
		value = []byte{}
	}
	if len(t.leaves) == 0 {
		t.leaves = []*leaf{{pairs: []pair{{key, value}}}}
		return
	}
	i, at, found := t.find(key)
	l := t.leaves[i]
	if found {
		l.pairs[at].value = value
		return
	}
	l.pairs = slices.Insert(l.pairs, at, pair{key, value})
	if len(l.pairs) < leafMax {
		return
	}
	half := len(l.pairs) / 2
	if i == len(t.leaves)-1 && at == len(l.pairs)-1 {
		half = len(l.pairs) - 1 // keys that ascend leave full leaves behind
	}
	right := &leaf{pairs: slices.Clone(l.pairs[half:])}
	clear(l.pairs[half:])
	l.pairs = l.pairs[:half]
	t.leaves = slices.Insert(t.leaves, i+1, right)
}

func (t *tree) delete(key []byte) {
	i, at, found := t.find(key)
	if !found {
		return
	}
	l := t.leaves[i]
	l.pairs = slices.Delete(l.pairs, at, at+1)
	if len(l.pairs) == 0 {
		t.leaves = slices.Delete(t.leaves, i, i+1)
	}
}

func (t *tree) scan(r state.Range, yield func(key, value []byte) bool) {
	if r.Reverse {
		t.scanBack(r, yield)
		return
	}
	i, at := 0, 0
	if r.From != nil {
		i, at, _ = t.find(r.From)
	}
	for ; i < len(t.leaves); i, at = i+1, 0 {
		for _, p := range t.leaves[i].pairs[at:] {
			if r.To != nil && bytes.Compare(p.key, r.To) >= 0 || !yield(p.key, p.value) {
				return
			}
		}
	}
}

func (t *tree) scanBack(r state.Range, yield func(key, value []byte) bool) {
	i, at := len(t.leaves), 0
	if r.To != nil && len(t.leaves) > 0 {
		i, at, _ = t.find(r.To)
	}
	for {
		if at--; at < 0 {
			if i--; i < 0 {
				return
			}
			at = len(t.leaves[i].pairs) - 1
		}
		p := t.leaves[i].pairs[at]
		if r.From != nil && bytes.Compare(p.key, r.From) < 0 || !yield(p.key, p.value) {
			return
		}
	}
}

func (t *tree) clone() tree {
	c := tree{leaves: make([]*leaf, len(t.leaves))}
	for i, l := range t.leaves {
		c.leaves[i] = &leaf{pairs: slices.Clone(l.pairs)}
	}
	return c
}

func (t *tree) ordered() bool {
	var last []byte
	for _, l := range t.leaves {
		if len(l.pairs) == 0 {
			return false
		}
		for _, p := range l.pairs {
			if last != nil && bytes.Compare(last, p.key) >= 0 {
				return false
			}
			last = p.key
		}
	}
	return true
}
