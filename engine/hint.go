package engine

import (
	"errors"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// maxID is the longest id of a record that is taken in, in bytes.
const maxID = 1024

// hint is word that a record may have changed.
type hint struct {
	side     mapping.SideID
	record   string
	version  string // as told, "" if not
	priority connectors.Priority
	source   string
	due      time.Time
	convert  bool
}

// enqueue makes a record due under one mapping. A record of a link makes the
// link due. It reports whether there was anything to note: a version that was
// dealt with already is none.
func enqueue(tx state.Tx, m *worked, h hint, now time.Time) (bool, error) {
	if h.record == "" || len(h.record) > maxID {
		return false, nil // no system names a record so, and the other rows of the page must pass
	}
	s := state.Subject{Mapping: m.Name(), Side: uint8(h.side), Record: h.record}
	link, err := tx.LinkOf(m.Name(), uint8(h.side), h.record)
	switch {
	case err == nil:
		if h.version != "" && !h.convert && link.Ends[h.side].Version == h.version {
			return false, nil
		}
		s = linkSubject(link)
	case !errors.Is(err, state.ErrNotFound):
		return false, err
	case h.version != "" && !h.convert:
		mark, err := tx.Known(m.Name(), uint8(h.side), h.record)
		if err != nil {
			return false, err
		}
		if mark != nil && string(mark) == m.mark(h.version) {
			// Known, unless something of it still waits.
			if _, err := tx.Entry(s); errors.Is(err, state.ErrNotFound) {
				return false, nil
			}
		}
	}
	return true, bump(tx, s, 1<<h.side, h, now)
}

func linkSubject(l *state.Link) state.Subject {
	return state.Subject{Mapping: l.Mapping, Link: l.ID}
}

// bump makes the entry of a subject due, or makes it more urgent. A failed
// entry comes to life: its record has changed.
func bump(tx state.Tx, s state.Subject, sides uint8, h hint, now time.Time) error {
	e, err := tx.Entry(s)
	if errors.Is(err, state.ErrNotFound) {
		return tx.PutEntry(&state.Entry{
			Subject: s, Sides: sides, Priority: h.priority, Due: h.due, First: now,
			Gen: 1, Source: h.source, Convert: h.convert,
		})
	}
	if err != nil {
		return err
	}
	e.Gen++
	e.Sides |= sides
	e.Convert = e.Convert || h.convert
	if h.priority <= e.Priority {
		e.Source = h.source
	}
	switch {
	case e.Status == state.Ready:
		e.Priority = min(e.Priority, h.priority)
		if h.due.Before(e.Due) {
			e.Due = h.due
		}
	case e.Status == state.Failed || h.convert || h.priority == connectors.PriorityButton || e.Code == deleteWaitsCode:
		e.Status, e.Priority, e.Attempts, e.Due = state.Ready, h.priority, 0, h.due
	default:
		// It waits for its time: hints come by the dozen, and must not make a
		// back-off pointless.
		e.Priority = min(e.Priority, h.priority)
	}
	return tx.PutEntry(e)
}

// mark is what is remembered of a record that was looked at and left alone:
// the version, and the mapping that decided.
func (m *worked) mark(version string) string {
	var scheme [8]byte
	h := m.Hash()
	for i := range scheme {
		scheme[i] = byte(h >> (8 * i))
	}
	return string(scheme[:]) + version
}
