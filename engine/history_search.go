package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// How long the whole journal is searched for a record that is in a link, and
// how many events are looked through between two looks at the clock.
const (
	searchPatience = 2 * time.Second
	searchSpan     = 1 << 14
)

// search reads a page of the journal, newest first.
type search struct {
	filter   state.EventFilter
	field    string // only events that tell of it; "" for all
	limit    int
	mappings []string // whose links a record may be in
	span     uint64
	patience time.Duration
	now      func() time.Time
}

// run returns up to limit events below before (0: from the newest). partial is
// the Seq of the first event that was not looked for in the whole journal, 0:
// none.
func (s *search) run(ctx context.Context, tx state.Tx, before uint64) (events []*state.Event, partial uint64, err error) {
	if s.filter.Record == "" || s.filter.Link != 0 {
		events, err = s.read(ctx, tx, before, s.filter, s.limit)
		return events, 0, err
	}
	trails, err := s.trails(ctx, tx, before)
	if err != nil {
		return nil, 0, err
	}
	if before == 0 {
		newest, err := tx.ListJournal(0, 1, state.EventFilter{})
		if err != nil || len(newest) == 0 {
			return nil, 0, err
		}
		before = newest[0].Seq + 1
	}
	start := s.now()
	for before > 1 && len(events) < s.limit {
		f := s.filter
		f.After = max(before-1, s.span) - s.span
		found, err := s.read(ctx, tx, before, f, s.limit-len(events))
		if err != nil {
			return nil, 0, err
		}
		events, before = append(events, found...), f.After+1
		if len(events) == s.limit || s.now().Sub(start) < s.patience {
			continue
		}
		rest := slices.IndexFunc(trails, func(e *state.Event) bool { return e.Seq < before })
		if rest < 0 {
			continue // the links have nothing more to tell
		}
		events = append(events, trails[rest:]...)
		return events[:min(len(events), s.limit)], trails[rest].Seq, nil
	}
	return events, 0, nil
}

// trails returns what the links of the filter's record tell, newest first.
func (s *search) trails(ctx context.Context, tx state.Tx, before uint64) ([]*state.Event, error) {
	var all []*state.Event
	for _, name := range s.mappings {
		for side := range mapping.SideID(2) {
			link, err := tx.LinkOf(name, uint8(side), s.filter.Record)
			if errors.Is(err, state.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			f := s.filter
			f.Link = link.ID
			events, err := s.read(ctx, tx, before, f, s.limit)
			if err != nil {
				return nil, err
			}
			all = append(all, events...)
		}
	}
	slices.SortFunc(all, func(a, b *state.Event) int { return cmp.Compare(b.Seq, a.Seq) })
	return slices.CompactFunc(all, func(a, b *state.Event) bool { return a.Seq == b.Seq }), nil
}

// read lists events that tell of the field.
func (s *search) read(ctx context.Context, tx state.Tx, before uint64, f state.EventFilter, limit int) ([]*state.Event, error) {
	var all []*state.Event
	for {
		events, err := tx.ListJournal(before, limit, f)
		if err != nil {
			return nil, err
		}
		for _, ev := range events {
			if s.field != "" && !slices.ContainsFunc(ev.Fields, func(x state.EventField) bool { return fieldNamed(&x, s.field) }) {
				continue
			}
			if all = append(all, ev); len(all) == limit {
				return all, nil
			}
		}
		if len(events) < limit || ctx.Err() != nil {
			return all, context.Cause(ctx)
		}
		before = events[len(events)-1].Seq
	}
}
