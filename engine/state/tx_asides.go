package state

import (
	"encoding/binary"
	"fmt"
	"math"
)

func (t *tx) findAside(link uint64, rule uint32) (*Aside, uint32, error) {
	key := keyAside(link, rule)
	d, err := t.get(SpaceAsides, key)
	if err != nil || d == nil {
		return nil, 0, err
	}
	return t.readAside(key, d)
}

func (t *tx) readAside(key []byte, d *decoder) (*Aside, uint32, error) {
	if len(key) != 12 {
		return nil, 0, damaged(SpaceAsides, key, "malformed")
	}
	a, mapping := decodeAside(d, binary.BigEndian.Uint64(key), binary.BigEndian.Uint32(key[8:]))
	if err := d.end(SpaceAsides, key); err != nil {
		return nil, 0, err
	}
	var err error
	a.Mapping, err = t.name(mapping)
	return a, mapping, err
}

func (t *tx) Aside(link uint64, rule uint32) (*Aside, error) {
	a, _, err := t.findAside(link, rule)
	if err == nil && a == nil {
		err = ErrNotFound
	}
	return a, err
}

func (t *tx) PutAside(a *Aside) error {
	if err := t.writable(); err != nil {
		return err
	}
	l, err := t.findLink(a.Link)
	if err != nil {
		return err
	}
	if l.Link == nil {
		return fmt.Errorf("link %d of an aside: %w", a.Link, ErrNotFound)
	}
	if l.Mapping != a.Mapping {
		return fmt.Errorf("an aside of mapping %q for link %d, which belongs to %s", a.Mapping, a.Link, l.Mapping)
	}
	old, _, err := t.findAside(a.Link, a.Rule)
	if err != nil {
		return err
	}
	if old != nil {
		err = t.move(countAsides, l.mapping, byte(old.Kind), l.mapping, byte(a.Kind))
	} else if err = t.mark(SpaceAsideBy, keyAsideBy(l.mapping, a.Link, a.Rule)); err == nil {
		err = t.bump(countAsides, l.mapping, byte(a.Kind), 1)
	}
	if err != nil {
		return err
	}
	x := newEncoder(SpaceAsides, 64+len(a.Reason)+len(a.Values[0])+len(a.Values[1]))
	encodeAside(x, a, l.mapping)
	return t.put(SpaceAsides, keyAside(a.Link, a.Rule), x)
}

func (t *tx) DeleteAside(link uint64, rule uint32) error {
	if err := t.writable(); err != nil {
		return err
	}
	old, mapping, err := t.findAside(link, rule)
	if err != nil || old == nil {
		return err
	}
	if err := t.delete(SpaceAsideBy, keyAsideBy(mapping, link, rule)); err != nil {
		return err
	}
	if err := t.bump(countAsides, mapping, byte(old.Kind), -1); err != nil {
		return err
	}
	return t.delete(SpaceAsides, keyAside(link, rule))
}

func (t *tx) AsidesOf(link uint64) ([]*Aside, error) {
	return t.asides(Prefix(key64(link)), func([]*Aside, *Aside) bool { return true })
}

// asides reads a range of the space of asides for as long as more says so
// about what was read and the next.
func (t *tx) asides(r Range, more func(had []*Aside, next *Aside) bool) ([]*Aside, error) {
	var asides []*Aside
	err := t.scan(SpaceAsides, r, func(k, v []byte) (bool, error) {
		d, err := unframe(SpaceAsides, k, v)
		if err != nil {
			return false, err
		}
		a, _, err := t.readAside(k, d)
		if err != nil || !more(asides, a) {
			return false, err
		}
		asides = append(asides, a)
		return true, nil
	})
	return asides, err
}

func (t *tx) ListAsides(mapping string, after uint64, limit int) ([]*Aside, error) {
	if limit <= 0 || after == math.MaxUint64 {
		return nil, nil
	}
	more := func(had []*Aside, next *Aside) bool {
		return len(had) < limit || had[len(had)-1].Link == next.Link
	}
	if mapping == "" {
		return t.asides(Range{From: key64(after + 1)}, more)
	}
	n, err := t.nameNumber(mapping)
	if err != nil || n == 0 {
		return nil, err
	}
	var asides []*Aside
	r := Range{From: keyMapping64(n, after+1), To: Prefix(keyMapping(n)).To}
	err = t.scan(SpaceAsideBy, r, func(k, _ []byte) (bool, error) {
		if len(k) != 16 {
			return false, damaged(SpaceAsideBy, k, "malformed")
		}
		a, _, err := t.findAside(binary.BigEndian.Uint64(k[4:]), binary.BigEndian.Uint32(k[12:]))
		if err == nil && a == nil {
			err = damaged(SpaceAsideBy, k, "an aside that is not there")
		}
		if err != nil || !more(asides, a) {
			return false, err
		}
		asides = append(asides, a)
		return true, nil
	})
	return asides, err
}

func (t *tx) CountAsides(mapping string) (map[AsideKind]int, error) {
	by, err := t.counts(countAsides, mapping)
	counts := make(map[AsideKind]int, len(by))
	for k, n := range by {
		counts[AsideKind(k)] = n
	}
	return counts, err
}
