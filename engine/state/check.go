package state

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// maxProblems bounds a report.
const maxProblems = 100

// checker walks all spaces of one snapshot. It looks things up rather than
// keeping them, so that its memory does not grow with the state.
type checker struct {
	Report
	ctx     context.Context //nolint:containedctx // one call's
	t       *tx
	more    int // problems beyond maxProblems
	rows    int
	tallies map[string]uint64 // by key of SpaceCounts
	first   uint64            // the oldest event
	ends    int               // of all links
	highest map[sequence]uint64
}

func (c *checker) problem(text string) {
	if len(c.Problems) < maxProblems {
		c.Problems = append(c.Problems, text)
		return
	}
	c.more++
}

func (c *checker) wrong(s Space, key []byte, format string, args ...any) {
	c.problem(damaged(s, key, fmt.Sprintf(format, args...)).Error())
}

// each calls fn for the rows of a space. What is damaged becomes a problem and
// the walk goes on; other errors end it.
func (c *checker) each(s Space, fn func(k, v []byte) error) error {
	return c.t.scan(s, Range{}, func(k, v []byte) (bool, error) {
		if c.rows++; c.rows%1024 == 0 && c.ctx.Err() != nil {
			return false, context.Cause(c.ctx)
		}
		err := fn(k, v)
		if errors.Is(err, ErrCorrupt) {
			c.problem(err.Error())
			err = nil
		}
		return true, err
	})
}

func (c *checker) tally(n counter, mapping uint32, part uint8) {
	c.tallies[string(keyCount(n, mapping, part))]++
}

func (c *checker) saw(s sequence, n uint64) { c.highest[s] = max(c.highest[s], n) }

// must reports a row that should be there because of another.
func (c *checker) must(s Space, key []byte, because string) error {
	there, err := c.t.has(s, key)
	if err == nil && !there {
		c.wrong(s, key, "missing, although there is %s", because)
	}
	return err
}

func (c *checker) check(r Reader) error {
	c.t = &tx{r: r}
	c.tallies, c.highest = map[string]uint64{}, map[sequence]uint64{}
	walks := []func() error{
		c.tables, c.journal, c.links, c.linkIndexes, c.notes, c.entries, c.due,
		c.intents, c.asides, c.trails, c.deliveries, c.plain, c.counted, c.sequences,
	}
	for _, walk := range walks {
		if err := walk(); err != nil {
			return err
		}
	}
	if c.more > 0 {
		c.Problems = append(c.Problems, fmt.Sprintf("and %d more", c.more))
	}
	return nil
}

func (c *checker) tables() error {
	for _, b := range []table{tableNames, tablePatterns} {
		if err := c.table(b); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) table(b table) error {
	return c.each(b.space, func(k, v []byte) error {
		d, err := unframe(b.space, k, v)
		if err != nil {
			return err
		}
		switch {
		case k[0] == textToNumber:
			n := d.uint32()
			c.saw(b.sequence, uint64(n))
			if text, err := b.text(c.t, n); err != nil || text != string(k[1:]) {
				c.wrong(b.space, k, "number %d stands for something else", n)
			}
			return d.end(b.space, k)
		case k[0] == numberToText && len(k) == len(keyNumber(0)):
			n := binary.BigEndian.Uint32(k[1:])
			c.saw(b.sequence, uint64(n))
			if is, err := b.find(c.t, string(d.b)); err != nil || is != n {
				c.wrong(b.space, k, "what it stands for has another number")
			}
			if b == tablePatterns {
				_, err = c.t.patternOf(n)
			}
			return err
		}
		return damaged(b.space, k, "malformed")
	})
}

func (c *checker) entries() error {
	return c.each(SpaceEntries, func(k, v []byte) error {
		e, mapping, err := c.t.entryAt(k, v)
		if err != nil {
			return err
		}
		c.Entries++
		c.tally(countEntries, mapping, byte(e.Status))
		if e.Status != Failed {
			if err := c.must(SpaceDue, keyDue(mapping, e), "a queue entry"); err != nil {
				return err
			}
		}
		if e.Link == 0 {
			return nil
		}
		return c.must(SpaceLinks, key64(e.Link), "a queue entry")
	})
}

func (c *checker) due() error {
	return c.each(SpaceDue, func(k, _ []byte) error {
		if len(k) < dueHead {
			return damaged(SpaceDue, k, "malformed")
		}
		s, ok := parseSubject(k[dueHead:])
		if !ok {
			return damaged(SpaceDue, k, "malformed")
		}
		mapping := binary.BigEndian.Uint32(k)
		e, err := c.t.findEntry(mapping, s)
		if err == nil && (e == nil || e.Status == Failed || string(keyDue(mapping, e)) != string(k)) {
			c.wrong(SpaceDue, k, "the entry is not there or due at another time")
		}
		return err
	})
}

func (c *checker) intents() error {
	err := c.each(SpaceIntents, func(k, v []byte) error {
		d, err := unframe(SpaceIntents, k, v)
		if err != nil {
			return err
		}
		i, mapping, err := c.t.readIntent(k, d)
		if err != nil {
			return err
		}
		c.Intents++
		return c.must(SpaceIntentOf, keyIntentOf(mapping, i.Side, i.Record, i.Key), "an intent")
	})
	if err != nil {
		return err
	}
	return c.each(SpaceIntentOf, func(k, _ []byte) error {
		const head = 4 + 1 + 2
		if len(k) < head || len(k) < head+int(binary.BigEndian.Uint16(k[5:])) {
			return damaged(SpaceIntentOf, k, "malformed")
		}
		key := string(k[head+int(binary.BigEndian.Uint16(k[5:])):])
		i, mapping, err := c.t.findIntent(key)
		if err == nil && (i == nil || string(keyIntentOf(mapping, i.Side, i.Record, key)) != string(k)) {
			c.wrong(SpaceIntentOf, k, "the intent is not there or has another source")
		}
		return err
	})
}

func (c *checker) asides() error {
	err := c.each(SpaceAsides, func(k, v []byte) error {
		d, err := unframe(SpaceAsides, k, v)
		if err != nil {
			return err
		}
		a, mapping, err := c.t.readAside(k, d)
		if err != nil {
			return err
		}
		c.Asides++
		c.tally(countAsides, mapping, byte(a.Kind))
		l, err := c.t.findLink(a.Link)
		if err != nil {
			return err
		}
		if l.Link == nil || l.mapping != mapping {
			c.wrong(SpaceAsides, k, "its link is not there or of another mapping")
		}
		return c.must(SpaceAsideBy, keyAsideBy(mapping, a.Link, a.Rule), "an aside")
	})
	if err != nil {
		return err
	}
	return c.each(SpaceAsideBy, func(k, _ []byte) error {
		if len(k) != 16 {
			return damaged(SpaceAsideBy, k, "malformed")
		}
		return c.must(SpaceAsides, k[4:], "an index row")
	})
}

func (c *checker) journal() error {
	walk, err := c.t.chainWalk()
	if err != nil && !errors.Is(err, ErrCorrupt) { // else told with its space
		return err
	}
	if err := c.events(&walk); err != nil {
		return err
	}
	head, err := c.t.chainEnd(headKey)
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	if _, reason := walk.end(head); reason != "" && err == nil {
		c.wrong(SpaceMeta, headKey, "%s", reason)
	}
	return err
}

func (c *checker) events(walk *chainWalk) error {
	return c.each(SpaceJournal, func(k, v []byte) error {
		d, err := unframe(SpaceJournal, k, v)
		if err != nil {
			return err
		}
		e, _, err := c.t.readEvent(k, d, nil)
		if err != nil {
			return err
		}
		c.Events++
		if c.first == 0 {
			c.first = e.Seq
		}
		c.saw(sequenceJournal, e.Seq)
		if _, reason := walk.step(e); reason != "" {
			c.wrong(SpaceJournal, k, "%s", reason)
		}
		if e.prev >= e.Seq {
			c.wrong(SpaceJournal, k, "its link's previous event is not older")
		} else if e.prev >= c.first {
			return c.onTrail(SpaceJournal, k, e.prev, e.Link)
		}
		if e.Link == 0 {
			return nil
		}
		last, err := c.t.trail(e.Link)
		if err == nil && last < e.Seq {
			c.wrong(SpaceJournal, k, "link %d says that its last event is %d", e.Link, last)
		}
		return err
	})
}

// onTrail makes sure that an event is one of a link.
func (c *checker) onTrail(s Space, k []byte, seq, link uint64) error {
	e, _, err := c.t.event(seq, nil)
	if err == nil && (e == nil || e.Link != link) {
		c.wrong(s, k, "event %d is not there or of another link", seq)
	}
	return err
}

func (c *checker) trails() error {
	return c.each(SpaceTrails, func(k, _ []byte) error {
		last, err := c.t.number(SpaceTrails, k)
		if err != nil {
			return err
		}
		if len(k) != 8 {
			return damaged(SpaceTrails, k, "malformed")
		}
		c.saw(sequenceJournal, last)
		there, err := c.t.has(SpaceLinks, k)
		if err == nil && there {
			c.wrong(SpaceTrails, k, "the link has a trail of its own")
		}
		if err != nil {
			return err
		}
		return c.onTrail(SpaceTrails, k, last, binary.BigEndian.Uint64(k))
	})
}

func (c *checker) deliveries() error {
	err := c.each(SpaceDeliveries, func(k, v []byte) error {
		d, err := unframe(SpaceDeliveries, k, v)
		if err != nil {
			return err
		}
		until := d.time()
		if err := d.end(SpaceDeliveries, k); err != nil {
			return err
		}
		if len(k) < 5 {
			return damaged(SpaceDeliveries, k, "malformed")
		}
		if _, err := c.t.name(connectionOf(k)); err != nil {
			return err
		}
		return c.must(SpaceExpiries, keyExpiry(until, k), "a delivery")
	})
	if err != nil {
		return err
	}
	return c.each(SpaceExpiries, func(k, _ []byte) error {
		if len(k) < 8+4+1 {
			return damaged(SpaceExpiries, k, "malformed")
		}
		return c.must(SpaceDeliveries, k[8:], "an expiry")
	})
}

// plain checks the spaces whose rows refer to nothing but names.
func (c *checker) plain() error {
	for _, s := range []Space{SpaceMeta, SpaceCursors, SpaceSecrets, SpaceDocs} {
		err := c.each(s, func(k, v []byte) error {
			_, err := unframe(s, k, v)
			return err
		})
		if err != nil {
			return err
		}
	}
	return c.each(SpaceKnown, func(k, v []byte) error {
		if _, err := unframe(SpaceKnown, k, v); err != nil {
			return err
		}
		if len(k) < 6 {
			return damaged(SpaceKnown, k, "malformed")
		}
		_, err := c.t.name(binary.BigEndian.Uint32(k))
		return err
	})
}

// counted compares the counts kept with those of the walk.
func (c *checker) counted() error {
	err := c.each(SpaceCounts, func(k, _ []byte) error {
		n, err := c.t.number(SpaceCounts, k)
		if err != nil {
			return err
		}
		if is := c.tallies[string(k)]; is != n {
			c.wrong(SpaceCounts, k, "says %d, there are %d", n, is)
		}
		delete(c.tallies, string(k))
		return nil
	})
	for _, k := range slices.Sorted(maps.Keys(c.tallies)) {
		c.wrong(SpaceCounts, []byte(k), "missing, there are %d", c.tallies[k])
	}
	return err
}

// sequences makes sure that no number will be given twice.
func (c *checker) sequences() error {
	for _, s := range []sequence{sequenceLinks, sequenceJournal, sequenceNames, sequencePatterns} {
		last, err := c.t.number(SpaceMeta, []byte(s))
		if errors.Is(err, ErrCorrupt) {
			continue // reported with its space
		}
		if err != nil {
			return err
		}
		if last < c.highest[s] {
			c.wrong(SpaceMeta, []byte(s), "says %d, but %d was given", last, c.highest[s])
		}
	}
	return nil
}
