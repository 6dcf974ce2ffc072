package connectors

import (
	"context"
	"fmt"
)

// Priority says how urgent the work behind a call is. When calls wait for a
// connection's pace or for its allowance, the more urgent go first.
type Priority uint8

// The priorities, the most urgent first. PriorityPoll is what a context without
// a priority means.
const (
	PriorityButton   Priority = iota // a person waits for the answer
	PriorityWebhook                  // a system told of a change
	PriorityPoll                     // a list of changes told of it
	PriorityBackfill                 // the first sync of what exists
	PrioritySweep                    // the look for what was missed
)

// Priorities is the number of priorities.
const Priorities = int(PrioritySweep) + 1

var priorityNames = [Priorities]string{"button", "webhook", "poll", "backfill", "sweep"}

// String returns the priority's name.
func (p Priority) String() string {
	if int(p) < len(priorityNames) {
		return priorityNames[p]
	}
	return fmt.Sprintf("priority(%d)", uint8(p))
}

type priorityKey struct{}

// WithPriority returns a context whose calls have the priority p.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

// PriorityOf returns the priority of the calls made with ctx; PriorityPoll
// where none was set.
func PriorityOf(ctx context.Context) Priority {
	if p, ok := ctx.Value(priorityKey{}).(Priority); ok {
		return min(p, PrioritySweep)
	}
	return PriorityPoll
}
