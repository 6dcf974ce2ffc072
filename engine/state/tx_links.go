package state

import (
	"encoding/binary"
	"fmt"
	"math"
)

// storedLink is a link with the number of its mapping.
type storedLink struct {
	*Link
	mapping uint32
}

// findLink returns a link without a Link in it when there is none.
func (t *tx) findLink(id uint64) (storedLink, error) {
	key := key64(id)
	d, err := t.get(SpaceLinks, key)
	if err != nil || d == nil {
		return storedLink{}, err
	}
	return t.readLink(key, d)
}

func (t *tx) readLink(key []byte, d *decoder) (storedLink, error) {
	l, mapping := decodeLink(d, binary.BigEndian.Uint64(key))
	if err := d.end(SpaceLinks, key); err != nil {
		return storedLink{}, err
	}
	var err error
	l.Mapping, err = t.name(mapping)
	return storedLink{l, mapping}, err
}

// linkAt returns the link that an index names.
func (t *tx) linkAt(s Space, key []byte, id uint64) (*Link, error) {
	l, err := t.findLink(id)
	if err == nil && l.Link == nil {
		err = damaged(s, key, "a link that is not there")
	}
	return l.Link, err
}

func (t *tx) Link(id uint64) (*Link, error) {
	l, err := t.findLink(id)
	if err == nil && l.Link == nil {
		err = ErrNotFound
	}
	return l.Link, err
}

func (t *tx) LinkOf(mapping string, side uint8, record string) (*Link, error) {
	n, err := t.nameNumber(mapping)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, ErrNotFound
	}
	key := keyRecord(n, side, record)
	id, err := t.number(SpaceLinkOf, key)
	if err != nil {
		return nil, err
	}
	if id == 0 {
		return nil, ErrNotFound
	}
	return t.linkAt(SpaceLinkOf, key, id)
}

func (t *tx) PutLink(l *Link) error {
	if err := t.writable(); err != nil {
		return err
	}
	if err := checkFields(l.Fields); err != nil {
		return err
	}
	mapping, err := t.makeNumber("the mapping of a link", l.Mapping)
	if err != nil {
		return err
	}
	var old storedLink
	if l.ID != 0 {
		if old, err = t.findLink(l.ID); err != nil {
			return err
		}
		if old.Link != nil && old.mapping != mapping {
			return fmt.Errorf("link %d belongs to mapping %s, not to %s", l.ID, old.Mapping, l.Mapping)
		}
	}
	for side := range l.Ends {
		if err := t.checkFree(l, mapping, uint8(side)); err != nil {
			return err
		}
	}
	if l.ID == 0 {
		id, err := t.next(sequenceLinks)
		if err != nil {
			return err
		}
		t.give(&l.ID, id)
	} else if old.Link == nil {
		if err := t.atLeast(sequenceLinks, l.ID); err != nil {
			return err
		}
	}
	if err := t.indexLink(old.Link, l, mapping); err != nil {
		return err
	}
	e := newEncoder(96 + 32*len(l.Fields))
	encodeLink(e, l, mapping)
	return t.put(SpaceLinks, key64(l.ID), e)
}

// checkFree makes sure that the record of one side is in no other link.
func (t *tx) checkFree(l *Link, mapping uint32, side uint8) error {
	record := l.Ends[side].ID
	if record == "" {
		return nil
	}
	if err := checkName("the record id of a link", record); err != nil {
		return err
	}
	id, err := t.number(SpaceLinkOf, keyRecord(mapping, side, record))
	if err != nil {
		return err
	}
	if id != 0 && id != l.ID {
		return fmt.Errorf("%w: mapping %s, record %s, link %d", ErrTaken, l.Mapping, record, id)
	}
	return nil
}

// indexLink brings the indexes and counts from old (nil: none) to l.
func (t *tx) indexLink(old, l *Link, mapping uint32) error {
	for side := range l.Ends {
		was, is := "", l.Ends[side].ID
		if old != nil {
			was = old.Ends[side].ID
		}
		if was == is {
			continue
		}
		if was != "" {
			if err := t.delete(SpaceLinkOf, keyRecord(mapping, uint8(side), was)); err != nil {
				return err
			}
		}
		if is != "" {
			if err := t.putNumber(SpaceLinkOf, keyRecord(mapping, uint8(side), is), l.ID); err != nil {
				return err
			}
		}
	}
	if old != nil {
		return t.move(countLinks, mapping, byte(old.Status), mapping, byte(l.Status))
	}
	if err := t.mark(SpaceLinkBy, keyMapping64(mapping, l.ID)); err != nil {
		return err
	}
	return t.bump(countLinks, mapping, byte(l.Status), 1)
}

func (t *tx) DeleteLink(id uint64) error {
	if err := t.writable(); err != nil {
		return err
	}
	l, err := t.findLink(id)
	if err != nil || l.Link == nil {
		return err
	}
	asides, err := t.AsidesOf(id)
	if err != nil {
		return err
	}
	for _, a := range asides {
		if err := t.DeleteAside(id, a.Rule); err != nil {
			return err
		}
	}
	if err := t.DeleteEntry(Subject{Mapping: l.Mapping, Link: id}); err != nil {
		return err
	}
	for side := range l.Ends {
		if record := l.Ends[side].ID; record != "" {
			if err := t.delete(SpaceLinkOf, keyRecord(l.mapping, uint8(side), record)); err != nil {
				return err
			}
		}
	}
	if err := t.delete(SpaceLinkBy, keyMapping64(l.mapping, id)); err != nil {
		return err
	}
	if err := t.bump(countLinks, l.mapping, byte(l.Status), -1); err != nil {
		return err
	}
	return t.delete(SpaceLinks, key64(id))
}

func (t *tx) ListLinks(mapping string, after uint64, limit int) ([]*Link, error) {
	if limit <= 0 || after == math.MaxUint64 {
		return nil, nil
	}
	var links []*Link
	if mapping == "" {
		err := t.scan(SpaceLinks, Range{From: key64(after + 1)}, func(k, v []byte) (bool, error) {
			d, err := unframe(SpaceLinks, k, v)
			if err != nil {
				return false, err
			}
			l, err := t.readLink(k, d)
			links = append(links, l.Link)
			return len(links) < limit, err
		})
		return links, err
	}
	n, err := t.nameNumber(mapping)
	if err != nil || n == 0 {
		return nil, err
	}
	r := Range{From: keyMapping64(n, after+1), To: Prefix(keyMapping(n)).To}
	err = t.scan(SpaceLinkBy, r, func(k, _ []byte) (bool, error) {
		if len(k) != 12 {
			return false, damaged(SpaceLinkBy, k, "malformed")
		}
		l, err := t.linkAt(SpaceLinkBy, k, binary.BigEndian.Uint64(k[4:]))
		links = append(links, l)
		return len(links) < limit, err
	})
	return links, err
}

func (t *tx) CountLinks(mapping string) (int, error) {
	by, err := t.counts(countLinks, mapping)
	n := 0
	for _, c := range by {
		n += c
	}
	return n, err
}
