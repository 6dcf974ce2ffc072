package engine

import (
	"context"
	"errors"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// revivePage is how many entries of the queue one step looks at.
const revivePage = 5000

// failedBefore returns the subjects of a mapping's entries that failed before a
// time, from the subject after on (nil: from the start), and where to go on; nil
// when there are no more. Of records without a link it returns those of one
// side.
func failedBefore(tx state.Tx, u feedUser, before time.Time, after *state.Subject) (failed []state.Subject, next *state.Subject, err error) {
	counts, err := tx.CountEntries(u.m.Name())
	if err != nil || counts[state.Failed] == 0 {
		return nil, nil, err
	}
	entries, err := tx.ListEntries(u.m.Name(), after, revivePage)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		if entry.Status == state.Failed && entry.Due.Before(before) && (entry.Link != 0 || entry.Side == uint8(u.side)) {
			failed = append(failed, entry.Subject)
		}
	}
	if len(entries) == revivePage {
		last := entries[len(entries)-1].Subject
		next = &last
	}
	return failed, next, nil
}

// failed makes due what failed before the sweep began and what neither the
// listing nor the look at unlisted links came by: a record without a link that
// is not listed any more, say. So every sweep tries each failure once.
func (s *Sweeper) failed(ctx context.Context) (Swept, error) {
	if s.revived >= len(s.f.users) {
		return Swept{Done: true}, nil
	}
	u := s.f.users[s.revived]
	var failed []state.Subject
	var next *state.Subject
	if err := s.e.store.View(ctx, func(tx state.Tx) (err error) {
		failed, next, err = failedBefore(tx, u, s.began, s.behind)
		return err
	}); err != nil {
		return Swept{}, err
	}
	if len(failed) > 0 {
		now := s.e.clock.Now()
		if err := s.e.commit(ctx, func(tx state.Tx) error {
			for _, subject := range failed {
				entry, err := tx.Entry(subject)
				if errors.Is(err, state.ErrNotFound) || err == nil && entry.Status != state.Failed {
					continue // worked meanwhile
				}
				if err != nil {
					return err
				}
				if err := bump(tx, subject, 1<<u.side, hint{
					side: u.side, record: subject.Record, priority: connectors.PrioritySweep, source: s.source, due: now,
				}, now); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return Swept{}, err
		}
	}
	if s.behind = next; next == nil {
		s.revived++
	}
	s.nudge(len(failed))
	return Swept{Fresh: len(failed)}, nil
}
