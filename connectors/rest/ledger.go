package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// ledger keeps what must outlive the process where the connection's tokens are
// kept: a pause that the system asked for, and how much of the allowances is
// used. Without it, a restart would call before its time, and use the day's
// share twice.
//
// Use is noted ahead, a chunk of calls at a time, and no call passes that is
// not noted: after a crash at most a chunk counts as used that was not.
type ledger struct {
	store connectors.TokenStore // nil: nothing outlives the process
	log   *slog.Logger

	turn   chan struct{} // holds one: who loads or saves, so that notes are stored in order
	loaded atomic.Bool

	// Of the gate's lock:
	noted  int       // up to how many calls of the day are noted as used
	day    time.Time // the end of the day that noted is of
	saving bool      // a note is on its way
	spent  spent     // what was last noted as used up
}

// spent is an allowance of which nearly nothing is left, when it ends, and how
// often it was used by then.
type spent struct {
	until time.Time
	own   int
}

// ledgerName is the name under which the note is kept beside the tokens.
const ledgerName = "allowances"

// note is what is kept.
type note struct {
	PausedUntil time.Time                  `json:"pausedUntil,omitzero"`
	By          [connectors.Priorities]int `json:"by"`
	Day         notedAllowance             `json:"day,omitzero"`
	Window      notedAllowance             `json:"window,omitzero"`
}

type notedAllowance struct {
	Size int           `json:"size,omitempty"`
	Left int           `json:"left"`
	Used int           `json:"used,omitempty"`
	End  time.Time     `json:"end,omitzero"`
	Per  time.Duration `json:"per,omitempty"`
}

// noteOf takes off what is under way, and what is noted ahead of its use.
func noteOf(a *allowance, under, ahead int) notedAllowance {
	return notedAllowance{Size: a.size, Left: a.open() - under - ahead, Used: a.own + ahead, End: a.end, Per: a.per}
}

func (n notedAllowance) allowance() allowance {
	return allowance{size: max(n.Size, 0), left: n.Left, own: max(n.Used, 0), end: n.End, per: max(n.Per, 0)}
}

// saveWait bounds one save; the store is on the same machine.
const saveWait = 10 * time.Second

// load takes in the stored note before the first call. An error says that the
// store does not answer; nothing may be sent then.
func (g *gate) load(ctx context.Context) error {
	l := g.ledger
	if l.store == nil || l.loaded.Load() {
		return nil
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if l.loaded.Load() {
		return nil
	}
	text, err := l.store.LoadToken(ctx, ledgerName)
	if err != nil {
		return &connectors.Error{Kind: connectors.Unavailable, Err: err}
	}
	defer l.loaded.Store(true) // once the note is taken in
	var n note
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, &n); err != nil {
		l.log.Warn("the use of the allowances is forgotten: its note cannot be read", "err", err)
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recall(&n, g.clock.Now())
	return nil
}

// recall takes in a note; what is over is left out, and so is what lies farther
// ahead than any limit, since a clock was wrong then.
func (g *gate) recall(n *note, now time.Time) {
	holds := func(end time.Time, most time.Duration) bool {
		return end.After(now) && !end.After(now.Add(most))
	}
	if holds(n.PausedUntil, maxRetryAfter) {
		g.pausedUntil, g.pausedAt = n.PausedUntil, now
	}
	if b := &g.budget; holds(n.Day.End, 26*time.Hour) {
		b.day = n.Day.allowance()
		b.used = n.By
		g.ledger.noted, g.ledger.day = b.day.own, b.day.end
	}
	if holds(n.Window.End, maxRetryAfter) {
		g.budget.window = n.Window.allowance()
	}
}

// save stores how the gate stands now. A store that fails is told in the log:
// the calls go on, since nothing else could be noted either.
func (g *gate) save() { g.write(g.chunk()) }

// settle stores the exact use at the end.
func (g *gate) settle() {
	if g.ledger.loaded.Load() {
		g.write(0)
	}
}

// chunk returns how many calls are noted ahead.
func (g *gate) chunk() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	ours, _ := g.budget.today()
	if ours == 0 {
		return 0
	}
	return min(max(ours/500, 1), 1000)
}

func (g *gate) write(ahead int) {
	l := g.ledger
	if l.store == nil {
		return
	}
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	g.mu.Lock()
	b := &g.budget
	b.turn(g.clock.Now())
	noted, day := b.day.own+ahead, b.day.end
	n := note{
		PausedUntil: g.pausedUntil, By: b.used,
		Day: noteOf(&b.day, b.out, ahead), Window: noteOf(&b.window, b.units, 0),
	}
	g.mu.Unlock()
	text, err := json.Marshal(n)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), saveWait)
		err = l.store.SaveToken(ctx, ledgerName, text)
		cancel()
	}
	if err != nil {
		l.log.Warn("the use of the allowances is not noted: a restart forgets it", "err", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l.noted, l.day, l.saving = noted, day, false
	g.dispatch()
}

// spend notes that nothing, or not enough, is left of an allowance until a time.
// The gate's lock is held.
func (g *gate) spend(until time.Time, why *connectors.Withheld) {
	l := g.ledger
	now := spent{until, g.budget.day.own}
	if l.store == nil || why.From > connectors.PriorityButton || l.saving || l.spent == now || g.closed {
		return
	}
	l.spent, l.saving = now, true
	go g.save()
}

// covered reports whether one more call is noted as used, and sees to it that
// the next ones will be in time. The gate's lock is held.
func (g *gate) covered() bool {
	l := g.ledger
	ours, _ := g.budget.today()
	if l.store == nil || ours == 0 || g.closed {
		return true
	}
	noted := l.noted
	if !l.day.Equal(g.budget.day.end) {
		noted = 0
	}
	chunk := min(max(ours/500, 1), 1000)
	if g.budget.day.own+1+chunk/4 > noted && !l.saving {
		l.saving = true
		go g.save()
	}
	return g.budget.day.own < noted
}
