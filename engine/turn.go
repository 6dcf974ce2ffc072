package engine

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// turns decides what a mapping's next batch is made of: one priority, and how
// many entries.
//
// A pressed button waits for the batch that its mapping is at. Batches that
// nobody waits for are therefore kept to a turn: one that took longer makes the
// next ones smaller, full ones that were quick make them larger.
type turns struct {
	size   int                 // entries of a batch that nobody waits for; 0: not set yet
	passed int                 // batches in a row that went before less urgent entries
	lesser connectors.Priority // that was let in last
}

const (
	turn      = 2 * time.Second
	leastTurn = 8 // entries: below, reading them together would pay no more

	// patient is how many batches go before less urgent entries that are due,
	// until one batch of those is let in: urgent work may be without end.
	patient = 4
)

// look bounds how long a drainer whose entries wait for their allowance leaves
// more urgent ones unseen that become due meanwhile.
const look = time.Second

// takes tells which priorities' calls both sides of a mapping take now, and
// when to look again for the others.
func (e *Engine) takes(m *worked, now time.Time) (open [connectors.Priorities]bool, wait time.Time) {
	wait = now.Add(look)
	for p := range open {
		open[p] = true
		for _, c := range m.sides {
			if at := e.withheldUntil(c, connectors.Priority(p)); !at.IsZero() {
				open[p] = false
				if at.Before(wait) {
					wait = at
				}
			}
		}
	}
	return open, wait
}

// choose returns the priority that is worked next; false when none of those
// that are due may be. Entries come most urgent first.
func (t *turns) choose(entries []*state.Entry, open [connectors.Priorities]bool) (connectors.Priority, bool) {
	var due []connectors.Priority
	for _, e := range entries {
		if open[e.Priority] && (len(due) == 0 || due[len(due)-1] != e.Priority) {
			due = append(due, e.Priority)
		}
	}
	switch {
	case len(due) == 0:
		return 0, false
	case due[0] == connectors.PriorityButton:
		return due[0], true
	case len(due) == 1:
		t.passed = 0
		return due[0], true
	case t.passed < patient:
		t.passed++
		return due[0], true
	}
	t.passed = 0
	next := due[1]
	for _, p := range due[1:] {
		if p > t.lesser {
			next = p
			break
		}
	}
	t.lesser = next
	return next, true
}

// batch returns how many entries of a priority are worked at once.
func (e *Engine) batch(m *worked, p connectors.Priority) int {
	if p == connectors.PriorityButton {
		return e.limits.Batch
	}
	if m.turns.size == 0 {
		m.turns.size = e.limits.Batch
		for _, c := range m.sides {
			if c.facts.UpdateBatch <= 1 { // each write is a call
				m.turns.size = max(e.limits.Batch/4, min(leastTurn, e.limits.Batch))
			}
		}
	}
	return m.turns.size
}

// learnTurn takes in how long a batch of n entries took.
func (e *Engine) learnTurn(m *worked, p connectors.Priority, n int, took time.Duration) {
	t := &m.turns
	switch {
	case p == connectors.PriorityButton:
	case took > turn:
		fits := int(int64(n) * int64(turn) / int64(took))
		t.size = min(t.size, max(fits, min(leastTurn, e.limits.Batch)))
	case n == t.size:
		t.size = min(2*t.size, e.limits.Batch)
	}
}
