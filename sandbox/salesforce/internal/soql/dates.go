package soql

import (
	"strings"
	"time"
)

// Span returns the days that a date word means: from the first moment of the
// first day to that after the last one, in the zone of now.
func Span(word string, n int, now time.Time) (from, to time.Time) {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch word {
	case "TODAY":
		return today, today.AddDate(0, 0, 1)
	case "YESTERDAY":
		return today.AddDate(0, 0, -1), today
	case "TOMORROW":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 2)
	case "LAST_90_DAYS":
		return today.AddDate(0, 0, -90), today.AddDate(0, 0, 1)
	case "NEXT_90_DAYS":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, 91)
	case "LAST_N_DAYS": // today belongs to them
		return today.AddDate(0, 0, -n), today.AddDate(0, 0, 1)
	case "NEXT_N_DAYS":
		return today.AddDate(0, 0, 1), today.AddDate(0, 0, n+1)
	case "N_DAYS_AGO":
		return today.AddDate(0, 0, -n), today.AddDate(0, 0, -n+1)
	}
	start, step := period(strings.NewReplacer("FISCAL_", "", "_N_", "_", "N_", "", "_AGO", "").Replace(word), today)
	switch {
	case strings.HasSuffix(word, "_AGO"):
		return step(start, -n), step(start, -n+1)
	case strings.HasPrefix(word, "LAST_N_"):
		return step(start, -n), start
	case strings.HasPrefix(word, "NEXT_N_"):
		return step(start, 1), step(start, n+1)
	case strings.HasPrefix(word, "LAST_"):
		return step(start, -1), start
	case strings.HasPrefix(word, "NEXT_"):
		return step(start, 1), step(start, 2)
	default:
		return start, step(start, 1)
	}
}

// period returns the start of the present week, month, quarter or year, and how
// to go on from one to another.
func period(word string, today time.Time) (start time.Time, step func(time.Time, int) time.Time) {
	first := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, today.Location())
	months := func(n int) func(time.Time, int) time.Time {
		return func(t time.Time, by int) time.Time { return t.AddDate(0, n*by, 0) }
	}
	switch {
	case strings.Contains(word, "WEEK"): // weeks begin on Sunday, as in the locale en_US
		return today.AddDate(0, 0, -int(today.Weekday())), func(t time.Time, by int) time.Time { return t.AddDate(0, 0, 7*by) }
	case strings.Contains(word, "MONTH"):
		return first, months(1)
	case strings.Contains(word, "QUARTER"):
		return first.AddDate(0, -((int(first.Month()) - 1) % 3), 0), months(3)
	default:
		return first.AddDate(0, 1-int(first.Month()), 0), months(12)
	}
}
