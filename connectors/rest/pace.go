package rest

import (
	"sort"
	"time"
)

// bucket spaces calls. It keeps two bounds:
//
// The pace (the generic cell rate algorithm) lets at most burst calls pass at
// once and one each interval in the long run. Interval 0 keeps none.
//
// The window holds for systems that count the calls of the last so many
// seconds. A system counts a call somewhere between its sending and its answer,
// so a call has its place from its sending until a window after its answer: with
// at most limit places, no window of the system, wherever it begins, sees more
// than limit calls. Limit 0 keeps none.
type bucket struct {
	interval time.Duration
	burst    int
	fixed    bool      // the pace was set by the admin or the connector, not learnt
	next     time.Time // when the burst is whole again

	limit  int
	window time.Duration
	out    int         // calls under way
	ended  []time.Time // when the places of answered calls are free, ascending; those of late stay for a while

	others   int       // calls of other programs in the window, when it was last told
	othersAt time.Time // they leave the window evenly
	shut     time.Time // the system told that nothing is left
}

const (
	// shortWindow is the longest window that is kept by spacing the calls out.
	// Longer ones are allowances: they are used up and then waited for.
	shortWindow = time.Minute

	// maxPlaces bounds what a bucket remembers. Larger windows are kept by the
	// pace alone.
	maxPlaces = 20_000

	// remembered is how long a place that is free again is remembered.
	remembered = 10 * time.Second

	// inBurst is which part of a window's calls may pass at once: small, so that
	// after a burst the next call's turn comes soon.
	inBurst = 20
)

func newBucket(p Pace) *bucket {
	b := &bucket{fixed: p.PerSecond > 0}
	switch {
	case b.fixed:
		b.set(p.PerSecond, p.Burst)
	case p.Untold > 0:
		b.set(p.Untold, p.Burst)
	}
	return b
}

func (b *bucket) set(perSecond float64, burst int) {
	b.interval = max(time.Duration(float64(time.Second)/perSecond), 1)
	if burst <= 0 {
		burst = max(int(perSecond), 1)
	}
	b.burst = burst
}

// learn takes in a short window of the system, as the answer to a call told it
// that went out at sent. The call is still under way.
func (b *bucket) learn(limit, remaining int, window time.Duration, sent, now time.Time) {
	if limit <= 0 || window <= 0 || window > shortWindow {
		return
	}
	if !b.fixed {
		b.set(float64(limit)/window.Seconds(), max(limit/inBurst, 1))
	}
	if b.limit, b.window = limit, window; limit > maxPlaces {
		b.limit = 0
		return
	}
	if remaining < 0 {
		return
	}
	// The system may have counted what was in its window when the call was sent.
	b.others, b.othersAt = max(limit-remaining-b.out-b.held(sent), 0), now
	if remaining == 0 && b.others > 0 {
		b.shut = now.Add(window / 10) // a tenth of it is free again by then
	}
}

// opens returns when the next call may pass; zero when that depends on the end
// of a call under way.
func (b *bucket) opens(now time.Time) time.Time {
	at := later(now, b.shut)
	if b.interval > 0 {
		at = later(at, b.next.Add(-time.Duration(b.burst-1)*b.interval))
	}
	if b.limit == 0 {
		return at
	}
	held := b.held(now)
	mine := b.out + held
	if mine+b.foreign(now) < b.limit {
		return at
	}
	var free time.Time // when the next place is
	if held > 0 {
		free = b.ended[len(b.ended)-held]
	}
	if may := b.limit - 1 - mine; may >= 0 && b.others > 0 {
		gone := b.othersAt.Add(time.Duration(float64(b.window) * (1 - float64(may)/float64(b.others))))
		gone = later(gone, now.Add(time.Millisecond))
		if free.IsZero() || gone.Before(free) {
			free = gone
		}
	}
	if free.IsZero() {
		return free
	}
	return later(at, free)
}

// held returns how many places answered calls have at a time.
func (b *bucket) held(at time.Time) int {
	return len(b.ended) - sort.Search(len(b.ended), func(i int) bool { return b.ended[i].After(at) })
}

// foreign returns how many places other programs hold.
func (b *bucket) foreign(now time.Time) int {
	left := b.window - now.Sub(b.othersAt)
	if b.others == 0 || left <= 0 {
		return 0
	}
	return int(float64(b.others)*float64(left)/float64(b.window)) + 1
}

// take lets a call pass.
func (b *bucket) take(now time.Time) {
	b.out++
	if b.interval > 0 {
		b.next = later(b.next, now).Add(b.interval)
	}
}

// leave notes the end of a call.
func (b *bucket) leave(now time.Time) {
	b.out--
	if b.limit == 0 {
		return
	}
	old := sort.Search(len(b.ended), func(i int) bool { return b.ended[i].After(now.Add(-remembered)) })
	if old > len(b.ended)/2 {
		b.ended = append(b.ended[:0], b.ended[old:]...)
	}
	b.ended = append(b.ended, now.Add(b.window))
}

// perSecond returns the pace in the long run; 0: none is kept.
func (b *bucket) perSecond() float64 {
	if b.interval == 0 {
		return 0
	}
	return float64(time.Second) / float64(b.interval)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
