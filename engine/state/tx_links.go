package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// findLink returns a link without a Link in it when there is none.
func (t *tx) findLink(id uint64) (storedLink, error) {
	if t.ended {
		return storedLink{}, errEnded
	}
	key := key64(id)
	v, err := t.r.Get(SpaceLinks, key)
	if err != nil || v == nil {
		return storedLink{}, err
	}
	return t.readLink(key, v)
}

// findLinkHead returns a link as far as its ends, without its mapping's name;
// without a Link in it when there is none.
func (t *tx) findLinkHead(id uint64) (storedLink, error) {
	if t.ended {
		return storedLink{}, errEnded
	}
	key := key64(id)
	v, err := t.r.Get(SpaceLinks, key)
	if err != nil || v == nil {
		return storedLink{}, err
	}
	d, err := unframe(SpaceLinks, key, v)
	if err != nil {
		return storedLink{}, err
	}
	l, _ := decodeLinkHead(d, id)
	if d.bad {
		return storedLink{}, damaged(SpaceLinks, key, "cut or malformed")
	}
	l.raw = v
	l.noted, err = t.has(SpaceNotes, key)
	return l, err
}

// readLink reads a row of the space of links, with its notes.
func (t *tx) readLink(key, value []byte) (storedLink, error) {
	d, err := unframe(SpaceLinks, key, value)
	if err != nil {
		return storedLink{}, err
	}
	if len(key) != 8 {
		return storedLink{}, damaged(SpaceLinks, key, "malformed")
	}
	l, err := decodeLink(d, binary.BigEndian.Uint64(key), t.patternOf)
	if err == nil {
		err = d.end(SpaceLinks, key)
	}
	if err != nil {
		return storedLink{}, err
	}
	l.raw = value
	if l.Mapping, err = t.name(l.mapping); err != nil {
		return storedLink{}, err
	}
	notes, err := t.get(SpaceNotes, key)
	if err != nil || notes == nil {
		return l, err
	}
	l.noted = true
	decodeNotes(notes, l.Fields)
	return l, notes.end(SpaceNotes, key)
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
	if err := checkLink(l); err != nil {
		return err
	}
	mapping, err := t.makeNumber("the mapping of a link", l.Mapping)
	if err != nil {
		return err
	}
	var old storedLink
	if l.ID != 0 {
		if old, err = t.findLinkHead(l.ID); err != nil {
			return err
		}
		if old.Link != nil && old.mapping != mapping {
			is, err := t.name(old.mapping)
			return errors.Join(err, fmt.Errorf("link %d belongs to mapping %s, not to %s", l.ID, is, l.Mapping))
		}
	}
	for side := range l.Ends {
		if err := t.checkFree(l, old.Link, mapping, uint8(side)); err != nil {
			return err
		}
	}
	row := storedLink{Link: l, mapping: mapping, trail: old.trail, noted: old.noted, raw: old.raw}
	if old.Link == nil {
		if row.trail, err = t.beginLink(l); err != nil {
			return err
		}
	}
	if err := t.indexLink(old.Link, l, mapping); err != nil {
		return err
	}
	return t.putLink(&row)
}

// beginLink gives a new link its id, and takes over the trail of events that
// name it already.
func (t *tx) beginLink(l *Link) (trail uint64, err error) {
	if l.ID == 0 {
		id, err := t.next(sequenceLinks)
		if err != nil {
			return 0, err
		}
		t.give(&l.ID, id)
	} else if err := t.atLeast(sequenceLinks, l.ID); err != nil {
		return 0, err
	}
	key := key64(l.ID)
	if trail, err = t.number(SpaceTrails, key); err != nil || trail == 0 {
		return 0, err
	}
	return trail, t.delete(SpaceTrails, key)
}

// putLink stores the row of a link and that of its notes, where they differ
// from what stands.
func (t *tx) putLink(l *storedLink) error {
	var err error
	if l.pattern, err = t.patternNumber(l.Link); err != nil {
		return err
	}
	key := key64(l.ID)
	e := newEncoder(SpaceLinks, 64+17*len(l.Fields))
	encodeLink(e, l)
	if !bytes.Equal(e.b, unsealed(l.raw)) {
		if err := t.put(SpaceLinks, key, e); err != nil {
			return err
		}
	}
	n := pendings(l.Fields)
	if n == 0 {
		return t.dropNotes(l)
	}
	if !l.noted {
		if err := t.bump(countNotes, l.mapping, 0, 1); err != nil {
			return err
		}
	}
	e = newEncoder(SpaceNotes, 2+26*n)
	encodeNotes(e, l.Fields)
	return t.put(SpaceNotes, key64(l.ID), e)
}

// dropNotes removes the notes of a link, if it has any.
func (t *tx) dropNotes(l *storedLink) error {
	if !l.noted {
		return nil
	}
	if err := t.bump(countNotes, l.mapping, 0, -1); err != nil {
		return err
	}
	return t.delete(SpaceNotes, key64(l.ID))
}

// checkFree makes sure that the record of one side is in no other link.
func (t *tx) checkFree(l, old *Link, mapping uint32, side uint8) error {
	record := l.Ends[side].ID
	if record == "" || old != nil && old.Ends[side].ID == record {
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
	if err := t.listLink(mapping, l.ID, true); err != nil {
		return err
	}
	return t.bump(countLinks, mapping, byte(l.Status), 1)
}

// linkRow returns a row of the index of a mapping's links; empty when there is
// none.
func (t *tx) linkRow(key []byte) (row linkRow, err error) {
	d, err := t.get(SpaceLinkBy, key)
	if err != nil || d == nil {
		return row, err
	}
	copy(row[:], d.take(uint64(len(row))))
	return row, d.end(SpaceLinkBy, key)
}

// listLink puts a link on its mapping's list or takes it off.
func (t *tx) listLink(mapping uint32, link uint64, on bool) error {
	key := keyLinkBy(mapping, link)
	row, err := t.linkRow(key)
	if err != nil {
		return err
	}
	row.set(link, on)
	if row == (linkRow{}) {
		return t.delete(SpaceLinkBy, key)
	}
	e := newEncoder(SpaceLinkBy, len(row))
	e.b = append(e.b, row[:]...)
	return t.put(SpaceLinkBy, key, e)
}

// linkMapping returns the number of a link's mapping, 0 when there is no link.
func (t *tx) linkMapping(link uint64) (uint32, error) {
	key := key64(link)
	d, err := t.get(SpaceLinks, key)
	if err != nil || d == nil {
		return 0, err
	}
	mapping := d.uint32()
	if d.bad {
		err = damaged(SpaceLinks, key, "malformed")
	}
	return mapping, err
}

// trail returns the last event of a link, 0 when there is none.
func (t *tx) trail(link uint64) (uint64, error) {
	key := key64(link)
	d, err := t.get(SpaceLinks, key)
	if err != nil {
		return 0, err
	}
	if d == nil {
		return t.number(SpaceTrails, key)
	}
	d.uint32()
	last := d.uint()
	if d.bad {
		err = damaged(SpaceLinks, key, "malformed")
	}
	return last, err
}

// setTrail notes the last event of a link: in its row, or apart when the link
// is not there.
func (t *tx) setTrail(link, last uint64) error {
	key := key64(link)
	d, err := t.get(SpaceLinks, key)
	if err != nil {
		return err
	}
	if d == nil {
		return t.putNumber(SpaceTrails, key, last)
	}
	e := newEncoder(SpaceLinks, binary.MaxVarintLen64+len(d.b))
	e.uint(uint64(d.uint32()))
	d.uint()
	if d.bad {
		return damaged(SpaceLinks, key, "malformed")
	}
	e.uint(last)
	e.b = append(e.b, d.b...)
	return t.put(SpaceLinks, key, e)
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
	if err := t.listLink(l.mapping, id, false); err != nil {
		return err
	}
	if err := t.dropNotes(&l); err != nil {
		return err
	}
	if err := t.leaveTrail(l); err != nil {
		return err
	}
	if err := t.bump(countLinks, l.mapping, byte(l.Status), -1); err != nil {
		return err
	}
	return t.delete(SpaceLinks, key64(id))
}

// leaveTrail keeps the trail of a link that is deleted, as long as its last
// event is there.
func (t *tx) leaveTrail(l storedLink) error {
	if l.trail == 0 {
		return nil
	}
	there, err := t.has(SpaceJournal, key64(l.trail))
	if err != nil || !there {
		return err
	}
	return t.putNumber(SpaceTrails, key64(l.ID), l.trail)
}

func (t *tx) ListLinks(mapping string, after uint64, limit int) ([]*Link, error) {
	if limit <= 0 || after == math.MaxUint64 {
		return nil, nil
	}
	if mapping == "" {
		return t.listLinks(after+1, limit)
	}
	n, err := t.nameNumber(mapping)
	if err != nil || n == 0 {
		return nil, err
	}
	var links []*Link
	r := Range{From: keyLinkBy(n, after+1), To: Prefix(keyMapping(n)).To}
	err = t.scan(SpaceLinkBy, r, func(k, v []byte) (bool, error) {
		row, base, err := readLinkRow(k, v)
		if err != nil {
			return false, err
		}
		for id, ok := row.next(base, after+1); ok; id, ok = row.next(base, id+1) {
			l, err := t.linkAt(SpaceLinkBy, k, id)
			if err != nil {
				return false, err
			}
			if links = append(links, l); len(links) == limit {
				return false, nil
			}
		}
		return true, nil
	})
	return links, err
}

// listLinks returns up to limit links of all mappings.
func (t *tx) listLinks(from uint64, limit int) ([]*Link, error) {
	var links []*Link
	err := t.scan(SpaceLinks, Range{From: key64(from)}, func(k, v []byte) (bool, error) {
		l, err := t.readLink(k, v)
		if err != nil {
			return false, err
		}
		links = append(links, l.Link)
		return len(links) < limit, nil
	})
	return links, err
}

// readLinkRow reads a row of the index of a mapping's links, with the first
// link it can have.
func readLinkRow(k, v []byte) (row linkRow, base uint64, err error) {
	d, err := unframe(SpaceLinkBy, k, v)
	if err != nil {
		return row, 0, err
	}
	if len(k) != 12 || binary.BigEndian.Uint64(k[4:]) > math.MaxUint64/linkBits {
		return row, 0, damaged(SpaceLinkBy, k, "malformed")
	}
	copy(row[:], d.take(uint64(len(row))))
	return row, binary.BigEndian.Uint64(k[4:]) * linkBits, d.end(SpaceLinkBy, k)
}

func (t *tx) CountLinks(mapping string) (int, error) {
	by, err := t.counts(countLinks, mapping)
	n := 0
	for _, c := range by {
		n += c
	}
	return n, err
}

func (t *tx) CountActive(mapping string) (int, error) {
	by, err := t.counts(countLinks, mapping)
	n := 0
	for status, c := range by {
		if LinkStatus(status) != LinkEnded {
			n += c
		}
	}
	return n, err
}
