package connectors

import "time"

// BudgetTeller is a connection that keeps to allowances and tells how it stands
// with them.
type BudgetTeller interface {
	// Budget returns how the connection stands now. It does no I/O.
	Budget() Budget
}

// Budget is how a connection stands with what its system and its admin allow.
type Budget struct {
	PerSecond   float64   // the pace that it keeps, requests a second; 0: none
	PausedUntil time.Time // the system asked for a pause; zero: none holds

	Day    Allowance // in requests
	Window Allowance // that the system's headers tell of, in its own units
	Share  int       // percent of the day's allowance that is Tenon's

	Used    [Priorities]int   // requests of today that were sent, by priority
	Waiting [Priorities]int   // calls that wait for their turn
	Refused [Priorities]int64 // calls that were not sent, since the start: see Withheld

	// Opens tells when a call may be sent, as far as pauses and allowances go;
	// zero: now.
	Opens [Priorities]time.Time
}

// Allowance is how much may be used up to a time.
type Allowance struct {
	Total int           // what the system gives; 0: no such allowance is known
	Ours  int           // how much of it Tenon may use
	Used  int           // what Tenon used, where Tenon counts it
	Left  int           // what Tenon may use still: of its share, and of what the system told
	Ends  time.Time     // when it is whole again; zero: unknown
	Per   time.Duration // 0: unknown
}

// Withheld is the cause of a RateLimited error that says that nothing was sent:
// what is left of an allowance is kept for work that is more urgent than From.
// PriorityButton says that nothing is left. The connection goes on for more
// urgent calls.
type Withheld struct {
	From Priority
	Why  string
}

// Error returns the reason.
func (w *Withheld) Error() string { return w.Why }
