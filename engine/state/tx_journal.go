package state

import (
	"encoding/binary"
	"slices"
	"time"
)

func (t *tx) AppendJournal(e *Event) error {
	if err := t.writable(); err != nil {
		return err
	}
	row := storedEvent{Event: *e}
	row.Fields = slices.Clone(e.Fields)
	var err error
	if e.Mapping != "" {
		if row.mapping, err = t.makeNumber("the mapping of an event", e.Mapping); err != nil {
			return err
		}
	}
	seq, err := t.next(sequenceJournal)
	if err != nil {
		return err
	}
	if row.Seq = seq; row.Run == NewRun {
		row.Run = seq
	}
	if e.Link != 0 {
		if row.prev, err = t.trail(e.Link); err != nil {
			return err
		}
		if err := t.setTrail(e.Link, seq); err != nil {
			return err
		}
	}
	head, err := t.chainEnd(headKey)
	if err != nil {
		return err
	}
	row.chain = row.link(head.Hash)
	if err := t.putEvent(&row); err != nil {
		return err
	}
	if err := t.putMark(headKey, Mark{seq, row.chain}); err != nil {
		return err
	}
	t.give(&e.Seq, seq)
	return nil
}

func (t *tx) putEvent(e *storedEvent) error {
	x := newEncoder(SpaceJournal, 128+64*len(e.Fields))
	encodeEvent(x, e)
	return t.put(SpaceJournal, key64(e.Seq), x)
}

// event returns nil when there is no event, and kept false when pass refused.
func (t *tx) event(seq uint64, pass func(*storedEvent) bool) (e *storedEvent, kept bool, err error) {
	key := key64(seq)
	d, err := t.get(SpaceJournal, key)
	if err != nil || d == nil {
		return nil, false, err
	}
	return t.readEvent(key, d, pass)
}

func (t *tx) readEvent(key []byte, d *decoder, pass func(*storedEvent) bool) (*storedEvent, bool, error) {
	if len(key) != 8 {
		return nil, false, damaged(SpaceJournal, key, "malformed")
	}
	e, kept := decodeEvent(d, binary.BigEndian.Uint64(key), pass)
	if !kept {
		return e, false, nil
	}
	if err := d.end(SpaceJournal, key); err != nil {
		return nil, false, err
	}
	var err error
	if e.mapping != 0 {
		e.Mapping, err = t.name(e.mapping)
	}
	return e, true, err
}

// eventAt reads a row of the journal.
func (t *tx) eventAt(k, v []byte) (*storedEvent, error) {
	d, err := unframe(SpaceJournal, k, v)
	if err != nil {
		return nil, err
	}
	e, _, err := t.readEvent(k, d, nil)
	return e, err
}

func (t *tx) Event(seq uint64) (*Event, error) {
	e, _, err := t.event(seq, nil)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, ErrNotFound
	}
	return &e.Event, nil
}

// clockSlack is how far the journal's times may run backwards, since a
// machine's clock may be set back: a list with Since ends this much earlier.
const clockSlack = 24 * time.Hour

func (t *tx) ListJournal(before uint64, limit int, f EventFilter) ([]*Event, error) {
	if limit <= 0 {
		return nil, nil
	}
	var mapping uint32
	if f.Mapping != "" {
		var err error
		if mapping, err = t.nameNumber(f.Mapping); err != nil || mapping == 0 {
			return nil, err
		}
	}
	pass := func(e *storedEvent) bool {
		return (mapping == 0 || e.mapping == mapping) &&
			(f.Link == 0 || e.Link == f.Link) &&
			(f.Action == "" || e.Action == f.Action) &&
			(f.Run == 0 || e.Run == f.Run) &&
			e.Seq > f.After &&
			(f.Record == "" || e.Records[0] == f.Record || e.Records[1] == f.Record) &&
			(f.Since.IsZero() || !e.At.Before(f.Since))
	}
	tooOld := func(e *storedEvent) bool {
		return e.Seq <= max(f.Run, f.After) || !f.Since.IsZero() && e.At.Before(f.Since.Add(-clockSlack))
	}
	if f.Link != 0 {
		return t.followTrail(f.Link, before, limit, pass, tooOld)
	}
	var events []*Event
	r := Range{From: key64(f.After), Reverse: true}
	if before != 0 {
		r.To = key64(before)
	}
	err := t.scan(SpaceJournal, r, func(k, v []byte) (bool, error) {
		d, err := unframe(SpaceJournal, k, v)
		if err != nil {
			return false, err
		}
		e, kept, err := t.readEvent(k, d, pass)
		if err != nil {
			return false, err
		}
		if kept {
			events = append(events, &e.Event)
		}
		return len(events) < limit && !tooOld(e), nil
	})
	return events, err
}

// followTrail goes from event to event of one link, backwards.
func (t *tx) followTrail(link, before uint64, limit int, pass, tooOld func(*storedEvent) bool) ([]*Event, error) {
	seq, err := t.trail(link)
	if err != nil {
		return nil, err
	}
	var events []*Event
	for seq != 0 && len(events) < limit {
		e, kept, err := t.event(seq, pass)
		if err != nil {
			return nil, err
		}
		if e == nil { // the rest is pruned
			break
		}
		if kept && (before == 0 || seq < before) {
			events = append(events, &e.Event)
		}
		if tooOld(e) {
			break
		}
		if e.prev >= seq {
			return nil, damaged(SpaceJournal, key64(seq), "its link's previous event is not older")
		}
		seq = e.prev
	}
	return events, nil
}

func (t *tx) PruneJournal(before time.Time, limit int) (int, error) {
	if err := t.writable(); err != nil || limit <= 0 {
		return 0, err
	}
	old, err := t.oldEvents(0, before, limit)
	if err != nil {
		return 0, err
	}
	if err := t.newBase(old); err != nil {
		return 0, err
	}
	for _, e := range old {
		if err := t.delete(SpaceJournal, key64(e.Seq)); err != nil {
			return 0, err
		}
		if e.Link == 0 {
			continue
		}
		// The trail of a deleted link ends with its last event.
		trail := key64(e.Link)
		last, err := t.number(SpaceTrails, trail)
		if err == nil && last == e.Seq {
			err = t.delete(SpaceTrails, trail)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

// newBase notes the last of some events as the one that the rest of the chain
// follows, before they are pruned.
func (t *tx) newBase(old []*storedEvent) error {
	if len(old) == 0 {
		return nil
	}
	e, _, err := t.event(old[len(old)-1].Seq, nil)
	if err != nil {
		return err
	}
	return t.putMark(baseKey, Mark{e.Seq, e.chain})
}

// forgottenKey is where the number of the last event stands whose replaced
// values were forgotten.
var forgottenKey = []byte("journal/forgotten")

func (t *tx) ForgetReplaced(before time.Time, limit int) (int, error) {
	if err := t.writable(); err != nil || limit <= 0 {
		return 0, err
	}
	last, err := t.number(SpaceMeta, forgottenKey)
	if err != nil {
		return 0, err
	}
	old, err := t.oldEvents(last+1, before, limit)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	for _, head := range old {
		if err := t.forgetReplaced(head.Seq); err != nil {
			return 0, err
		}
	}
	return len(old), t.putNumber(SpaceMeta, forgottenKey, old[len(old)-1].Seq)
}

// forgetReplaced stores an event again without its replaced values.
func (t *tx) forgetReplaced(seq uint64) error {
	e, _, err := t.event(seq, nil)
	if err != nil || e == nil {
		return err
	}
	some := false
	bare := e.asForgotten(&some)
	if !some {
		return nil
	}
	bare.sealed = e.replacedDigest()
	return t.putEvent(bare)
}

// oldEvents returns up to limit of the oldest events from a number on, as far as
// they are older than before; of each as much as filters look at. One with a time after that of the newest event was written while
// the clock was wrong: it is as old as the next one that was not.
func (t *tx) oldEvents(from uint64, before time.Time, limit int) ([]*storedEvent, error) {
	head := func(*storedEvent) bool { return false }
	var newest time.Time
	err := t.scan(SpaceJournal, Range{Reverse: true}, func(k, v []byte) (bool, error) {
		d, err := unframe(SpaceJournal, k, v)
		if err != nil {
			return false, err
		}
		e, _, err := t.readEvent(k, d, head)
		if err == nil {
			newest = e.At
		}
		return false, err
	})
	if err != nil {
		return nil, err
	}
	var events []*storedEvent
	sure := 0 // how many of them are old beyond doubt
	err = t.scan(SpaceJournal, Range{From: key64(from)}, func(k, v []byte) (bool, error) {
		d, err := unframe(SpaceJournal, k, v)
		if err != nil {
			return false, err
		}
		e, _, err := t.readEvent(k, d, head)
		if err != nil {
			return false, err
		}
		older := e.At.Before(before)
		if !older && !e.At.After(newest) {
			return false, nil
		}
		if len(events) < limit {
			events = append(events, e)
		}
		if older {
			sure = len(events)
		}
		return sure < limit, nil
	})
	return events[:sure], err
}
