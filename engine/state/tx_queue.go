package state

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// plain returns the subject as it is stored: a link's has no side and record.
func (s Subject) plain() Subject {
	if s.Link != 0 {
		s.Side, s.Record = 0, ""
	}
	return s
}

// parseSubject reads what appendSubject wrote.
func parseSubject(p []byte) (s Subject, ok bool) {
	if len(p) < 8 {
		return s, false
	}
	s.Link = binary.BigEndian.Uint64(p)
	if s.Link != 0 {
		return s, len(p) == 8
	}
	if len(p) < 10 {
		return s, false
	}
	s.Side, s.Record = p[8], string(p[9:])
	return s, true
}

func (t *tx) Entry(s Subject) (*Entry, error) {
	n, err := t.nameNumber(s.Mapping)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, ErrNotFound
	}
	e, err := t.findEntry(n, s)
	if err == nil && e == nil {
		err = ErrNotFound
	}
	return e, err
}

func (t *tx) findEntry(mapping uint32, s Subject) (*Entry, error) {
	key := keyEntry(mapping, s)
	d, err := t.get(SpaceEntries, key)
	if err != nil || d == nil {
		return nil, err
	}
	return readEntry(key, d, s)
}

func readEntry(key []byte, d *decoder, s Subject) (*Entry, error) {
	e := decodeEntry(d)
	e.Subject = s.plain()
	return e, d.end(SpaceEntries, key)
}

func (t *tx) PutEntry(e *Entry) error {
	if err := t.writable(); err != nil {
		return err
	}
	if err := checkEntry(e); err != nil {
		return err
	}
	mapping, err := t.makeNumber("the mapping of an entry", e.Mapping)
	if err != nil {
		return err
	}
	if e.Link != 0 {
		of, err := t.linkMapping(e.Link)
		if err != nil {
			return err
		}
		if of != mapping {
			return fmt.Errorf("link %d of an entry of mapping %s: %w", e.Link, e.Mapping, ErrNotFound)
		}
	}
	old, err := t.findEntry(mapping, e.Subject)
	if err != nil {
		return err
	}
	if old == nil {
		err = t.bump(countEntries, mapping, byte(e.Status), 1)
	} else {
		err = t.move(countEntries, mapping, byte(old.Status), mapping, byte(e.Status))
	}
	if err != nil {
		return err
	}
	if err := t.indexEntry(old, e, mapping); err != nil {
		return err
	}
	x := newEncoder(SpaceEntries, 48+len(e.Code)+len(e.Reason)+len(e.Source))
	encodeEntry(x, e)
	return t.put(SpaceEntries, keyEntry(mapping, e.Subject), x)
}

func checkEntry(e *Entry) error {
	switch {
	case e.Priority > connectors.PrioritySweep:
		return fmt.Errorf("an entry with %s", e.Priority)
	case e.Status > Failed:
		return fmt.Errorf("an entry with status %d", e.Status)
	case e.Link == 0:
		return checkName("the record id of an entry", e.Record)
	}
	return nil
}

// indexEntry brings the order of due entries from old (nil: none) to e (nil:
// none).
func (t *tx) indexEntry(old, e *Entry, mapping uint32) error {
	var was, is []byte
	if old != nil && old.Status != Failed {
		was = keyDue(mapping, old)
	}
	if e != nil && e.Status != Failed {
		is = keyDue(mapping, e)
	}
	if string(was) == string(is) {
		return nil
	}
	if was != nil {
		if err := t.delete(SpaceDue, was); err != nil {
			return err
		}
	}
	if is != nil {
		return t.mark(SpaceDue, is)
	}
	return nil
}

func (t *tx) DeleteEntry(s Subject) error {
	if err := t.writable(); err != nil {
		return err
	}
	mapping, err := t.nameNumber(s.Mapping)
	if err != nil || mapping == 0 {
		return err
	}
	old, err := t.findEntry(mapping, s)
	if err != nil || old == nil {
		return err
	}
	if err := t.indexEntry(old, nil, mapping); err != nil {
		return err
	}
	if err := t.bump(countEntries, mapping, byte(old.Status), -1); err != nil {
		return err
	}
	return t.delete(SpaceEntries, keyEntry(mapping, s))
}

// dueRange is the part of the due order that one priority of a mapping has up
// to and with now.
func dueRange(mapping uint32, p connectors.Priority, now time.Time) Range {
	head := append(keyMapping(mapping), byte(p))
	until := appendTime(append([]byte(nil), head...), now)
	return Range{From: head, To: after(until)}
}

func (t *tx) Due(mapping string, now time.Time, limit int) ([]*Entry, error) {
	n, err := t.nameNumber(mapping)
	if err != nil || n == 0 {
		return nil, err
	}
	var due []*Entry
	for p := connectors.Priority(0); p <= connectors.PrioritySweep && len(due) < limit; p++ {
		err := t.scan(SpaceDue, dueRange(n, p, now), func(k, _ []byte) (bool, error) {
			s, ok := parseSubject(k[dueHead:])
			if !ok {
				return false, damaged(SpaceDue, k, "malformed")
			}
			s.Mapping = mapping
			e, err := t.findEntry(n, s)
			if err == nil && e == nil {
				err = damaged(SpaceDue, k, "an entry that is not there")
			}
			due = append(due, e)
			return len(due) < limit, err
		})
		if err != nil {
			return nil, err
		}
	}
	return due, nil
}

func (t *tx) NextDue(mapping string) (at time.Time, ok bool, err error) {
	n, err := t.nameNumber(mapping)
	if err != nil || n == 0 {
		return time.Time{}, false, err
	}
	for p := connectors.Priority(0); p <= connectors.PrioritySweep; p++ {
		r := Prefix(append(keyMapping(n), byte(p)))
		err := t.scan(SpaceDue, r, func(k, _ []byte) (bool, error) {
			if len(k) < dueHead {
				return false, damaged(SpaceDue, k, "malformed")
			}
			if first := timeOf(k[5:]); !ok || first.Before(at) {
				at, ok = first, true
			}
			return false, nil
		})
		if err != nil {
			return time.Time{}, false, err
		}
	}
	return at, ok, nil
}

func (t *tx) ListEntries(mapping string, after *Subject, limit int) ([]*Entry, error) {
	if limit <= 0 {
		return nil, nil
	}
	var r Range
	if mapping != "" {
		n, err := t.nameNumber(mapping)
		if err != nil || n == 0 {
			return nil, err
		}
		r = Prefix(keyMapping(n))
	}
	if after != nil {
		n, err := t.nameNumber(after.Mapping)
		if err != nil {
			return nil, err
		}
		// The key itself is not wanted; no other key lies before this one.
		from := append(keyEntry(n, *after), 0)
		if string(from) > string(r.From) {
			r.From = from
		}
	}
	var entries []*Entry
	err := t.scan(SpaceEntries, r, func(k, v []byte) (bool, error) {
		e, _, err := t.entryAt(k, v)
		entries = append(entries, e)
		return len(entries) < limit, err
	})
	return entries, err
}

// entryAt reads a row of the space of entries.
func (t *tx) entryAt(k, v []byte) (*Entry, uint32, error) {
	d, err := unframe(SpaceEntries, k, v)
	if err != nil {
		return nil, 0, err
	}
	if len(k) < 4 {
		return nil, 0, damaged(SpaceEntries, k, "malformed")
	}
	s, ok := parseSubject(k[4:])
	if !ok {
		return nil, 0, damaged(SpaceEntries, k, "malformed")
	}
	mapping := binary.BigEndian.Uint32(k)
	if s.Mapping, err = t.name(mapping); err != nil {
		return nil, 0, err
	}
	e, err := readEntry(k, d, s)
	return e, mapping, err
}

func (t *tx) CountEntries(mapping string) (map[Status]int, error) {
	by, err := t.counts(countEntries, mapping)
	counts := make(map[Status]int, len(by))
	for s, n := range by {
		counts[Status(s)] = n
	}
	return counts, err
}
