package rest

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// reserve is the percentage of an allowance that is left to more urgent work,
// by priority, when the allowance is whole for all its time. It shrinks with the
// time that is left, so that nothing is left over in the end.
var reserve = [connectors.Priorities]float64{
	connectors.PriorityButton:   0,
	connectors.PriorityWebhook:  2,
	connectors.PriorityPoll:     5,
	connectors.PriorityBackfill: 10,
	connectors.PrioritySweep:    20,
}

// skew is how far the system's clock may be behind ours: when an allowance is
// used up, it is waited for that much longer.
const skew = 2 * time.Second

// budget keeps a connection within its allowances: its share of the day, and
// the long window that the system's headers tell of.
type budget struct {
	share   int
	fixed   int // the day's allowance where no header tells
	zone    *time.Location
	zoneSet bool // else it is a guess
	seen    bool // the headers showed when the day ends

	used   [connectors.Priorities]int // calls of ours today by priority; what a crash forgot is missing
	day    allowance
	window allowance
	out    int // calls under way
	units  int // the same in units of the window
}

// allowance is so much up to a time.
type allowance struct {
	size  int // 0: not told
	left  int // the least that was told, since answers come in any order
	end   time.Time
	per   time.Duration // 0: not told
	brief bool          // no longer than a short window: it keeps no reserve
	own   int           // what calls of ours used, or may use while they are under way

	// untold was used by calls whose answers told nothing, the last of which
	// ended at untoldAt.
	untold   int
	untoldAt time.Time
}

// use counts a call that has ended. An answer to a call that was sent later
// tells of all that ended before.
func (a *allowance) use(units int, told bool, sent, now time.Time) {
	if !told {
		a.untold, a.untoldAt = a.untold+units, now
	} else if !sent.Before(a.untoldAt) {
		a.untold = 0
	}
}

// open is what may be used still, besides what is under way.
func (a *allowance) open() int { return a.left - a.untold }

func newBudget(p Pace) budget {
	return budget{share: p.DailyShare, fixed: p.Daily, zone: p.DayZone, zoneSet: p.zoneSet}
}

// take counts a call that goes out.
func (b *budget) take(p connectors.Priority, units int) {
	b.used[p]++
	b.day.own++
	b.out++
	b.window.own += units
	b.units += units
}

// leave counts the end of a call that went out at sent, with what its answer
// told.
func (b *budget) leave(units int, sent time.Time, l Learnt, now time.Time) {
	b.turn(now)
	b.out--
	b.units -= units
	day := l.Limit.Daily > 0 && l.Limit.DailyLeft >= 0
	b.day.use(1, day, sent, now)
	if day {
		b.learnDay(l.Limit.Daily, l.Limit.DailyLeft, now)
	}
	window := l.Limit.PerWindow > 0 && l.Limit.Remaining >= 0 && b.learnWindow(l, units, now)
	b.window.use(units, window, sent, now)
}

// opens returns when a call of a priority may go out as far as allowances go,
// and why not now.
func (b *budget) opens(p connectors.Priority, units int, now time.Time) (time.Time, *connectors.Withheld) {
	b.turn(now)
	if ours, left := b.today(); ours > 0 {
		day := allowance{size: ours, left: left, end: b.day.end, per: b.day.per}
		if at := day.opens(p, 1, now); at.After(now) {
			return at, &connectors.Withheld{From: day.from(1, now), Why: "the day's allowance is used up, or kept for more urgent work"}
		}
	}
	if b.window.size > 0 {
		w := b.thisWindow()
		if at := w.opens(p, units, now); at.After(now) {
			return at, &connectors.Withheld{From: w.from(units, now), Why: "the allowance of this window is used up, or kept for more urgent work"}
		}
	}
	return now, nil
}

// keep returns how much is left to work that is more urgent than p.
func (a *allowance) keep(p connectors.Priority, now time.Time) float64 {
	keep := reserve[p] / 100 * float64(a.size)
	switch {
	case a.brief:
		return 0
	case a.per <= 0:
		return keep
	}
	return keep * min(max(float64(a.end.Sub(now))/float64(a.per), 0), 1)
}

// opens returns when a call may go out that needs so many units.
func (a *allowance) opens(p connectors.Priority, units int, now time.Time) time.Time {
	rest := float64(a.open() - units)
	switch {
	case a.open() >= a.size: // whole: what needs more than there is must be tried, too
		return now
	case rest < 0:
		return a.end.Add(skew)
	case rest >= a.keep(p, now):
		return now
	case a.per <= 0:
		return a.end.Add(skew)
	}
	// The reserve has shrunk to the rest when this much time is left.
	left := time.Duration(float64(a.per) * rest * 100 / (reserve[p] * float64(a.size)))
	return later(a.end.Add(-left), now.Add(time.Millisecond))
}

// from returns the most urgent priority that has to wait.
func (a *allowance) from(units int, now time.Time) connectors.Priority {
	for p := range connectors.Priority(connectors.Priorities) {
		if a.opens(p, units, now).After(now) {
			return p
		}
	}
	return connectors.PrioritySweep
}

// today returns our allowance of the day and what is left of it; zero where
// none is known.
func (b *budget) today() (ours, left int) {
	whole := b.day.size
	if whole == 0 {
		whole = b.fixed
	}
	if whole == 0 {
		return 0, 0
	}
	ours = max(whole*b.share/100, 1)
	left = ours - b.day.own
	if b.day.size > 0 {
		left = min(left, b.day.open()-b.out)
	}
	return ours, left
}

// thisWindow returns our part of the window and what is left of it.
func (b *budget) thisWindow() allowance {
	w := b.window
	w.left, w.untold = w.open()-b.units, 0
	if b.share < 100 { // own is the most that it can be
		w.size = max(w.size*b.share/100, 1)
		w.left = min(w.left, w.size-w.own)
	}
	return w
}

// turn begins a new day, and a new window, when it is time.
func (b *budget) turn(now time.Time) {
	if !now.Before(b.day.end) {
		if from := b.day.end; b.seen && now.Sub(from) < 24*time.Hour {
			b.begin(from, from.Add(24*time.Hour))
		} else {
			b.begin(midnights(now, b.zone))
		}
	}
	w := &b.window
	if w.size == 0 || now.Before(w.end) {
		return
	}
	next := w.end.Add(w.per)
	if w.per <= 0 || !now.Before(next) {
		*w = allowance{}
		return
	}
	w.left, w.untold, w.own, w.end = w.size, 0, b.units, next
}

// midnights returns the bounds of the day that now is in.
func midnights(now time.Time, zone *time.Location) (from, end time.Time) {
	y, m, d := now.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone), time.Date(y, m, d+1, 0, 0, 0, 0, zone)
}

// begin starts a day. Calls under way count for it, since the system may not
// have counted them yet.
func (b *budget) begin(from, end time.Time) {
	b.day.end, b.day.per = end, end.Sub(from)
	b.day.left, b.day.untold = b.day.size, 0
	b.day.own, b.used = b.out, [connectors.Priorities]int{}
}

// setZone says where the system's day ends. What was used in the day that was
// thought to be on stays counted.
func (b *budget) setZone(zone *time.Location, now time.Time) {
	b.zone, b.zoneSet, b.seen = zone, true, false
	if !b.day.end.IsZero() {
		from, end := midnights(now, zone)
		b.day.end, b.day.per = end, end.Sub(from)
	}
}

// learnDay takes in what is left of the day. Much more than before is a new
// day: the system's began while ours did not.
func (b *budget) learnDay(size, left int, now time.Time) {
	d := &b.day
	switch {
	case d.size != size:
		d.size, d.left = size, left
	case left <= d.left:
		d.left = left
	case left > d.left+b.out+max(50, size/100):
		if !b.zoneSet {
			from := now.Truncate(15 * time.Minute) // midnight in some zone
			b.begin(from, from.Add(24*time.Hour))
			b.seen = true
		}
		d.left = left
	}
}

// learnWindow takes in what is left of a long window, and reports whether the
// answer told of it.
func (b *budget) learnWindow(l Learnt, units int, now time.Time) bool {
	// An answer need not tell what its own content costs, beyond the call.
	told := allowance{size: l.Limit.PerWindow, left: l.Limit.Remaining - (units - 1), per: max(l.Limit.Window, 0), end: l.Reset}
	if told.end.IsZero() {
		if told.per <= shortWindow {
			return false // it rolls: the bucket keeps it
		}
		told.end = now.Add(told.per)
	}
	if !told.end.After(now) {
		return false
	}
	told.brief = told.end.Sub(now) <= shortWindow && told.per <= shortWindow
	w := &b.window
	switch {
	case w.size == told.size && told.end.Sub(w.end).Abs() <= 5*time.Second:
		w.left, w.end = min(w.left, told.left), later(w.end, told.end)
		return true
	case w.size > 0 && w.size != told.size && told.end.Before(w.end):
		return false // another, shorter limit: when it is reached, a pause covers it
	}
	told.untold, told.untoldAt, told.own = w.untold, w.untoldAt, b.units+units
	*w = told
	return true
}

// tell fills in how the budget stands.
func (b *budget) tell(t *connectors.Budget, now time.Time) {
	b.turn(now)
	t.Used = b.used
	if ours, left := b.today(); ours > 0 {
		whole := b.day.size
		if whole == 0 {
			whole = b.fixed
		}
		t.Day = connectors.Allowance{Total: whole, Ours: ours, Used: b.day.own, Left: max(left, 0), Ends: b.day.end, Per: b.day.per}
	}
	if b.window.size > 0 {
		w := b.thisWindow()
		t.Window = connectors.Allowance{Total: b.window.size, Ours: w.size, Used: w.own, Left: max(w.left, 0), Ends: w.end, Per: w.per}
	}
}
