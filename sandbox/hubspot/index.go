package hubspot

import (
	"slices"
	"time"
)

// indexed is what the search index knows of a record: its values as they were
// when the index took them over.
type indexed struct {
	rec    *record
	values map[string]string
}

// reindex lets the index take over the record's present state after the lag.
func (s *System) reindex(r *record, now time.Time) {
	if s.opts.Lag < 0 {
		s.takeOver(r, r.snapshot())
		return
	}
	lag := s.opts.Lag/2 + time.Duration(s.rand.Float64()*float64(s.opts.Lag))
	at := now.Add(lag)
	if at.Before(r.indexedAt) { // a record's states are taken over in their order
		at = r.indexedAt
	}
	r.indexedAt = at
	s.indexWork = append(s.indexWork, indexEntry{at: at, rec: r, values: r.snapshot()})
	if s.indexNext.IsZero() || at.Before(s.indexNext) {
		s.indexNext = at
	}
}

type indexEntry struct {
	at     time.Time
	rec    *record
	values map[string]string // nil: gone
}

func (r *record) snapshot() map[string]string {
	if r.archived || r.ot.records[r.id] != r {
		return nil
	}
	out := make(map[string]string, len(r.values))
	for name, v := range r.values {
		if v.text != "" {
			out[name] = v.text
		}
	}
	return out
}

func (s *System) takeOver(r *record, values map[string]string) {
	if values == nil {
		delete(r.ot.index, r.id)
		return
	}
	r.ot.index[r.id] = &indexed{rec: r, values: values}
}

// catchUp lets the index take over what is due; everything if all.
func (s *System) catchUp(now time.Time, all bool) {
	if !all && (s.indexNext.IsZero() || s.indexNext.After(now)) {
		return
	}
	s.indexNext = time.Time{}
	kept := s.indexWork[:0]
	var due []indexEntry
	for _, e := range s.indexWork {
		if all || !e.at.After(now) {
			due = append(due, e)
		} else {
			kept = append(kept, e)
			if s.indexNext.IsZero() || e.at.Before(s.indexNext) {
				s.indexNext = e.at
			}
		}
	}
	clear(s.indexWork[len(kept):])
	s.indexWork = kept
	if !all {
		slices.SortStableFunc(due, func(a, b indexEntry) int { return a.at.Compare(b.at) })
	}
	for _, e := range due {
		s.takeOver(e.rec, e.values)
	}
}
