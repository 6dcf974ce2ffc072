package kit

import (
	"sync"
	"time"
)

// A Window limits events per key to Max within Per. A rolling window counts the
// events of the last Per; a fixed one starts anew at each multiple of Per since
// the Unix epoch. It is safe for concurrent use.
type Window struct {
	clock   Clock
	max     int
	per     time.Duration
	rolling bool

	mu   sync.Mutex
	keys map[string]*windowCount
}

type windowCount struct {
	start time.Time   // fixed: start of the current window
	n     int         // fixed: events in it
	times []time.Time // rolling: events within per, oldest first
}

// maxWindowKeys bounds the keys that a Window remembers.
const maxWindowKeys = 10_000

// NewRollingWindow returns a limit over the last per. max <= 0 means no limit.
func NewRollingWindow(clock Clock, limit int, per time.Duration) *Window {
	return &Window{clock: clock, max: limit, per: per, rolling: true, keys: map[string]*windowCount{}}
}

// NewFixedWindow returns a limit for each aligned period. max <= 0 means no limit.
func NewFixedWindow(clock Clock, limit int, per time.Duration) *Window {
	return &Window{clock: clock, max: limit, per: per, keys: map[string]*windowCount{}}
}

// A Verdict is a Window's answer about one event.
type Verdict struct {
	OK        bool
	Limit     int           // 0: no limit
	Remaining int           // events left after this one
	Reset     time.Time     // fixed: end of the window; rolling: when the oldest event leaves it
	Wait      time.Duration // how long until an event would pass; 0 if OK
}

// Take counts one event of key, unless the limit is reached, and says which.
// Refused events are not counted.
func (w *Window) Take(key string) Verdict {
	if w == nil || w.max <= 0 {
		return Verdict{OK: true}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	c := w.keys[key]
	if c == nil {
		if len(w.keys) >= maxWindowKeys {
			clear(w.keys)
		}
		c = &windowCount{}
		w.keys[key] = c
	}
	if w.rolling {
		return w.takeRolling(c, now)
	}
	return w.takeFixed(c, now)
}

func (w *Window) takeFixed(c *windowCount, now time.Time) Verdict {
	if start := now.Truncate(w.per); !start.Equal(c.start) {
		c.start, c.n = start, 0
	}
	v := Verdict{Limit: w.max, Reset: c.start.Add(w.per)}
	if c.n >= w.max {
		v.Wait = v.Reset.Sub(now)
		return v
	}
	c.n++
	v.OK, v.Remaining = true, w.max-c.n
	return v
}

func (w *Window) takeRolling(c *windowCount, now time.Time) Verdict {
	old := 0
	for old < len(c.times) && !c.times[old].After(now.Add(-w.per)) {
		old++
	}
	c.times = append(c.times[:0], c.times[old:]...)
	v := Verdict{Limit: w.max, Reset: now.Add(w.per)}
	if len(c.times) > 0 {
		v.Reset = c.times[0].Add(w.per)
	}
	if len(c.times) >= w.max {
		v.Wait = v.Reset.Sub(now)
		return v
	}
	c.times = append(c.times, now)
	v.OK, v.Remaining = true, w.max-len(c.times)
	return v
}
