package engine

import (
	"sync"
	"time"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// flips notices fields that somebody else's automation flips: many writes of
// one field of one link within minutes, to few different values. It is kept in
// memory only; a restart starts counting anew.
type flips struct {
	limits Limits
	mu     sync.Mutex
	fields map[flipKey]*flipLog
}

type flipKey struct {
	link uint64
	rule uint32
}

type flipLog struct {
	at     []time.Time
	values []state.Print
}

const flipsKept = 100_000

func newFlips(l Limits) *flips {
	return &flips{limits: l, fields: map[flipKey]*flipLog{}}
}

// note counts one write and reports whether the field flips. Values that keep
// being new are work, not flipping.
func (f *flips) note(link uint64, r *mapping.Rule, value state.Print, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.fields) > flipsKept {
		clear(f.fields)
	}
	key := flipKey{link, r.ID()}
	l := f.fields[key]
	if l == nil {
		l = &flipLog{}
		f.fields[key] = l
	}
	l.at, l.values = append(l.at, now), append(l.values, value)
	first := 0
	for first < len(l.at) && (now.Sub(l.at[first]) > f.limits.FlipWindow || len(l.at)-first > f.limits.Flips+1) {
		first++
	}
	l.at, l.values = l.at[first:], l.values[first:]
	if len(l.at) <= f.limits.Flips {
		return false
	}
	distinct := map[state.Print]bool{}
	for _, v := range l.values {
		distinct[v] = true
	}
	return len(distinct) <= 3
}

func (f *flips) forget(link uint64, rule uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.fields, flipKey{link, rule})
}
