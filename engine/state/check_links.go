package state

import (
	"encoding/binary"
	"errors"
)

func (c *checker) links() error {
	return c.each(SpaceLinks, func(k, v []byte) error {
		l, err := c.t.readLink(k, v)
		if err != nil {
			return err
		}
		c.Links++
		c.saw(sequenceLinks, l.ID)
		c.saw(sequenceJournal, l.trail)
		c.tally(countLinks, l.mapping, byte(l.Status))
		if l.noted {
			c.tally(countNotes, l.mapping, 0)
		}
		row, err := c.t.linkRow(keyLinkBy(l.mapping, l.ID))
		if err == nil && !row.has(l.ID) {
			c.wrong(SpaceLinkBy, keyLinkBy(l.mapping, l.ID), "link %d is missing", l.ID)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) { // else told with its space
			return err
		}
		if err := c.linkEnds(l); err != nil {
			return err
		}
		if l.trail == 0 || c.first == 0 || l.trail < c.first {
			return nil // no events, or pruned
		}
		return c.onTrail(SpaceLinks, k, l.trail, l.ID)
	})
}

// linkEnds makes sure that a link is found by its records.
func (c *checker) linkEnds(l storedLink) error {
	for side := range l.Ends {
		record := l.Ends[side].ID
		if record == "" {
			continue
		}
		c.ends++
		key := keyRecord(l.mapping, uint8(side), record)
		switch id, err := c.t.number(SpaceLinkOf, key); {
		case errors.Is(err, ErrCorrupt): // told with its space
		case err != nil:
			return err
		case id == 0:
			c.wrong(SpaceLinkOf, key, "missing, although there is link %d", l.ID)
		case id != l.ID:
			c.wrong(SpaceLinkOf, key, "says link %d, but link %d has the record, too", id, l.ID)
		}
	}
	return nil
}

// linkIndexes looks for rows and bits of links that are not there. All links
// have theirs: there are others only if there are more.
func (c *checker) linkIndexes() error {
	rows, bits := 0, 0
	err := c.each(SpaceLinkOf, func(k, v []byte) error {
		rows++
		_, err := unframe(SpaceLinkOf, k, v)
		return err
	})
	if err == nil && rows != c.ends {
		err = c.linkOf()
	}
	if err != nil {
		return err
	}
	err = c.each(SpaceLinkBy, func(k, v []byte) error {
		row, _, err := readLinkRow(k, v)
		if row == (linkRow{}) && err == nil {
			err = damaged(SpaceLinkBy, k, "empty")
		}
		bits += row.count()
		return err
	})
	if err == nil && bits != c.Links {
		err = c.linkBy()
	}
	return err
}

// linkOf looks up the link of each row.
func (c *checker) linkOf() error {
	return c.each(SpaceLinkOf, func(k, _ []byte) error {
		id, err := c.t.number(SpaceLinkOf, k)
		if err != nil {
			return nil //nolint:nilerr // told already
		}
		l, err := c.t.findLink(id)
		if err != nil {
			return err
		}
		if l.Link == nil || len(k) <= GroupHead || k[4] > Right || string(keyRecord(l.mapping, k[4], l.Ends[k[4]].ID)) != string(k) {
			c.wrong(SpaceLinkOf, k, "link %d is not there or has another record", id)
		}
		return nil
	})
}

// linkBy looks up the link of each bit.
func (c *checker) linkBy() error {
	return c.each(SpaceLinkBy, func(k, v []byte) error {
		row, base, err := readLinkRow(k, v)
		if err != nil {
			return nil //nolint:nilerr // told already
		}
		for id, ok := row.next(base, base); ok; id, ok = row.next(base, id+1) {
			of, err := c.t.linkMapping(id)
			if err != nil && !errors.Is(err, ErrCorrupt) {
				return err
			}
			if err == nil && of != binary.BigEndian.Uint32(k) {
				c.wrong(SpaceLinkBy, k, "link %d is not there or of another mapping", id)
			}
		}
		return nil
	})
}

// notes makes sure that each note is one of a link; reading the link reads it.
func (c *checker) notes() error {
	return c.each(SpaceNotes, func(k, v []byte) error {
		if _, err := unframe(SpaceNotes, k, v); err != nil {
			return err
		}
		if len(k) != 8 {
			return damaged(SpaceNotes, k, "malformed")
		}
		return c.must(SpaceLinks, k, "a note")
	})
}
