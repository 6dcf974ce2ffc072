package trello

import (
	"sync"
	"time"
)

const (
	stepsAge = 10 * time.Minute
	maxSteps = 5_000
)

// steps remember for a while the checklists of cards that got tasks, and the
// cards that were just made and have none, so that the tasks of a new card ask
// for nothing.
type steps struct {
	mu sync.Mutex
	by map[string]stepsOf
}

type stepsOf struct {
	list string // the checklist for tasks
	bare bool   // the card was made by us and has no checklist yet
	at   time.Time
}

func (s *steps) get(cardID string, now time.Time) stepsOf {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.by[cardID]
	if now.Sub(k.at) > stepsAge {
		return stepsOf{}
	}
	return k
}

func (s *steps) note(cardID string, k stepsOf, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil || len(s.by) >= maxSteps {
		s.by = map[string]stepsOf{}
	}
	k.at = now
	s.by[cardID] = k
}

func (s *steps) forget(cardID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, cardID)
}
