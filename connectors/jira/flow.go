package jira

import (
	"slices"
	"sync"
	"time"
)

// flowAge is how long a known workflow is taken for current.
const flowAge = time.Hour

// flowCache remembers which statuses follow which, as seen in the transitions
// that were open to the account.
type flowCache struct {
	mu    sync.Mutex
	flows map[string]*flow
}

// flow is the known part of a workflow.
type flow struct {
	next map[string][]string // the statuses that follow each one whose transitions were seen
	busy map[string]bool     // the statuses in progress
	at   time.Time
	all  []string // the type's statuses, once issues in each were looked for
}

func (f *flowCache) learn(name, from string, steps []transition, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.flows[name]
	if w == nil || now.Sub(w.at) > flowAge {
		if f.flows == nil || len(f.flows) > 1000 {
			f.flows = map[string]*flow{}
		}
		w = &flow{next: map[string][]string{}, busy: map[string]bool{}, at: now}
		f.flows[name] = w
	}
	to := append([]string{}, w.next[from]...) // not nil: seen
	for _, t := range steps {
		if !slices.Contains(to, t.To.ID) { // another issue may have had other conditions
			to = append(to, t.To.ID)
		}
		w.busy[t.To.ID] = t.To.Category.Key == "indeterminate"
	}
	w.next[from] = to
}

func (f *flowCache) knows(name, from string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.flows[name]
	return w != nil && w.next[from] != nil
}

// scanned reports whether the workflow was looked at as a whole.
func (f *flowCache) scanned(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.flows[name]
	return w != nil && w.all != nil
}

// step returns the first status on the shortest known way to a status, "" if
// none is known.
func (f *flowCache) step(name, from, to string) string {
	return f.search(name, from, func(_ *flow, status string) bool { return status == to }, func(*flow, string) bool { return true })
}

// has reports whether a status is one of the issue type's; true while that is
// not known.
func (f *flowCache) has(name, status string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.flows[name]
	return w == nil || w.all == nil || slices.Contains(w.all, status)
}

func (f *flowCache) setAll(name string, statuses []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w := f.flows[name]; w != nil {
		w.all = statuses
	}
}

// explore returns the first status on the shortest way to one in progress from
// which it is not known yet what follows, through others in progress only; ""
// if there is none. Such a step goes forward, and tells nobody that the work is
// done or has not begun.
func (f *flowCache) explore(name, from string) string {
	return f.search(name, from,
		func(w *flow, status string) bool { return w.busy[status] && w.next[status] == nil },
		func(w *flow, status string) bool { return w.busy[status] })
}

// search walks breadth first from a status through those that may be passed
// until one is wanted, and returns the first step to it.
func (f *flowCache) search(name, from string, wanted, pass func(*flow, string) bool) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.flows[name]
	if w == nil {
		return ""
	}
	first := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, next := range w.next[at] {
			if _, seen := first[next]; seen {
				continue
			}
			if first[next] = first[at]; at == from {
				first[next] = next
			}
			if wanted(w, next) {
				return first[next]
			}
			if pass(w, next) {
				queue = append(queue, next)
			}
		}
	}
	return ""
}
