package rest

import (
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// shortWindow is the longest window that is kept by spacing the calls out.
// Longer ones are allowances: they are used up and then waited for.
const shortWindow = time.Minute

// reserve is the percentage of an allowance that is left to more urgent work,
// by priority.
var reserve = [connectors.Priorities]int{
	connectors.PriorityButton:   0,
	connectors.PriorityWebhook:  2,
	connectors.PriorityPoll:     5,
	connectors.PriorityBackfill: 10,
	connectors.PrioritySweep:    20,
}

// budget keeps a connection within its allowances: its share of the day, and
// the window that the system's headers tell of.
type budget struct {
	share int
	fixed int // the day's allowance where no header tells
	zone  *time.Location

	dayEnd    time.Time
	own       int // calls of ours today
	daily     int // the day's allowance as told; 0: not told
	dailyLeft int

	window    int // calls a window; 0: not told
	left      int
	windowEnd time.Time
	short     bool
}

func newBudget(p Pace) budget {
	return budget{share: p.DailyShare, fixed: p.Daily, zone: p.DayZone}
}

// take counts a call.
func (b *budget) take() {
	b.own++
	b.dailyLeft--
	b.left--
}

// opens returns when a call of the priority may go out as far as allowances
// go, and the reason if that is not now.
func (b *budget) opens(p connectors.Priority, now time.Time) (at time.Time, why string) {
	b.turnDay(now)
	allowance, left := b.today()
	if allowance > 0 && left*100 <= reserve[p]*allowance {
		return b.dayEnd, "the day's allowance is used up, or kept for more urgent work"
	}
	if b.window > 0 && now.Before(b.windowEnd) {
		keep := reserve[p] * b.window
		if b.short {
			keep = 0
		}
		if b.left*100 <= keep {
			return b.windowEnd, "the allowance of this window is used up, or kept for more urgent work"
		}
	}
	return now, ""
}

// today returns our allowance of the day and what is left of it; zero where
// none is known.
func (b *budget) today() (allowance, left int) {
	whole := b.daily
	if whole == 0 {
		whole = b.fixed
	}
	if whole == 0 {
		return 0, 0
	}
	allowance = max(whole*b.share/100, 1)
	left = allowance - b.own
	if b.daily > 0 {
		left = min(left, b.dailyLeft)
	}
	return allowance, left
}

func (b *budget) turnDay(now time.Time) {
	if now.Before(b.dayEnd) {
		return
	}
	y, m, d := now.In(b.zone).Date()
	b.dayEnd = time.Date(y, m, d+1, 0, 0, 0, 0, b.zone)
	b.own, b.dailyLeft = 0, b.daily
}

func (b *budget) learn(l Learnt, now time.Time) {
	b.turnDay(now)
	if l.Limit.Daily > 0 && l.Limit.DailyLeft >= 0 {
		b.daily, b.dailyLeft = l.Limit.Daily, l.Limit.DailyLeft
	}
	if l.Limit.PerWindow <= 0 || l.Limit.Remaining < 0 {
		return
	}
	end := l.Reset
	switch {
	case !end.IsZero():
	case l.Limit.Window > 0 && l.Limit.Window <= shortWindow:
		end = now.Add(l.Limit.Window / 10) // it rolls: a tenth is free again by then
	case l.Limit.Window > 0:
		end = now.Add(l.Limit.Window)
	default:
		return
	}
	b.window, b.left, b.windowEnd = l.Limit.PerWindow, l.Limit.Remaining, end
	b.short = l.Limit.Window > 0 && l.Limit.Window <= shortWindow || end.Sub(now) <= shortWindow && l.Limit.Window == 0
}
