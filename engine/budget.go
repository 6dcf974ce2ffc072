package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// BudgetStatus is how a connection stands with its allowances.
type BudgetStatus struct {
	PerSecond   float64   `json:"perSecond,omitempty"`  // the pace that is kept, requests a second; 0: none
	PausedUntil time.Time `json:"pausedUntil,omitzero"` // the system asked for a pause

	Day    *AllowanceStatus `json:"day,omitempty"`    // requests; nil where none is known
	Window *AllowanceStatus `json:"window,omitempty"` // in the system's units; nil where none is known
	Share  int              `json:"share"`            // percent of the day that is Tenon's

	Used    ByPriority `json:"used"`    // requests of today
	Waiting ByPriority `json:"waiting"` // calls that wait for their turn
	Refused ByPriority `json:"refused"` // calls put off since the start, for want of an allowance

	// Opens tells, for each priority that has to wait for an allowance or a
	// pause, when it goes on.
	Opens map[string]time.Time `json:"opens,omitempty"`
}

// AllowanceStatus is one allowance.
type AllowanceStatus struct {
	Total   int       `json:"total"` // what the system gives
	Ours    int       `json:"ours"`  // how much of it Tenon may use
	Used    int       `json:"used"`  // by Tenon; 0 where it does not count
	Left    int       `json:"left"`  // for Tenon
	Ends    time.Time `json:"ends,omitzero"`
	Seconds int       `json:"seconds,omitempty"` // how long it has to last; 0: unknown
}

// ByPriority counts by the names of priorities.
type ByPriority map[string]int64

// String lists what is not zero, the most urgent first: "webhook 12, poll 3".
func (b ByPriority) String() string {
	var parts []string
	for p := range connectors.Priority(connectors.Priorities) {
		if n := b[p.String()]; n != 0 {
			parts = append(parts, fmt.Sprintf("%s %d", p, n))
		}
	}
	return strings.Join(parts, ", ")
}

func byPriority[N int | int64](counts [connectors.Priorities]N) ByPriority {
	out := make(ByPriority, len(counts))
	for p, n := range counts {
		out[connectors.Priority(p).String()] = int64(n)
	}
	return out
}

func allowanceStatus(a connectors.Allowance) *AllowanceStatus {
	if a.Total == 0 {
		return nil
	}
	return &AllowanceStatus{
		Total: a.Total, Ours: a.Ours, Used: a.Used, Left: a.Left, Ends: a.Ends.UTC(), Seconds: int(a.Per.Seconds()),
	}
}

// budgetStatus asks a connection how it stands; nil where it does not tell.
func (c *connection) budgetStatus() *BudgetStatus {
	if c.can.BudgetTeller == nil {
		return nil
	}
	b := c.can.BudgetTeller.Budget()
	s := &BudgetStatus{
		PerSecond: b.PerSecond, PausedUntil: b.PausedUntil, Share: b.Share,
		Day: allowanceStatus(b.Day), Window: allowanceStatus(b.Window),
		Used: byPriority(b.Used), Waiting: byPriority(b.Waiting), Refused: byPriority(b.Refused),
	}
	for p, at := range b.Opens {
		if at.IsZero() {
			continue
		}
		if s.Opens == nil {
			s.Opens = map[string]time.Time{}
		}
		s.Opens[connectors.Priority(p).String()] = at.UTC()
	}
	return s
}

// quota completes the status of a connection that is up by what it keeps of its
// allowance: for less urgent work, and until when.
func (c *connection) quota(row *ConnectionStatus, now time.Time) {
	if row.State != "up" {
		return
	}
	var from connectors.Priority
	var until time.Time
	for p := range connectors.Priority(connectors.Priorities) {
		at := c.withheld.until[p]
		if row.Budget != nil {
			at = row.Budget.Opens[p.String()]
		}
		if at.After(now) && until.IsZero() {
			from, until = p, at
		}
	}
	switch {
	case until.IsZero():
	case row.Budget != nil && row.Budget.PausedUntil.After(now):
		row.State, row.Code, row.Reason, row.RetryAt = "paused", codeRateLimited, "the system asked for a pause", until
	case from == connectors.PriorityButton:
		row.State, row.Code, row.Reason, row.RetryAt = "paused", codeQuota, "the allowance is used up", until
	default:
		row.Code, row.RetryAt = codeQuota, until
		row.Reason = "what is left of the allowance is kept for more urgent work than " + from.String()
	}
}
