package engine

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Reasons for which a connection waits for its time, without a probe.
const (
	codeRateLimited = "rate-limited" // the system asked for a pause
	codeQuota       = "quota"        // the allowance is used up, or kept for urgent work
)

func waits(code string) bool { return code == codeRateLimited || code == codeQuota }

// withheld is what a connection keeps of its allowance for urgent work: until
// when calls of each priority wait.
type withheld struct {
	until [connectors.Priorities]time.Time
	why   string
}

func (h *withheld) keep(w *connectors.Withheld, until time.Time) {
	h.why = w.Why
	for p := w.From; int(p) < connectors.Priorities; p++ {
		h.until[p] = until
	}
}

// withheldUntil returns when calls of a priority may go on; zero: now.
func (e *Engine) withheldUntil(c *connection, p connectors.Priority) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.withheld.until[p]; e.clock.Now().Before(at) {
		return at
	}
	return time.Time{}
}
