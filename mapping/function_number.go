package mapping

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/tenonsync/tenon/connectors"
)

var numberFunctions = []function{
	{
		name: "number", params: []kinds{kWords | kNumber}, least: 1, result: kNumber | kNull, usage: "number(text)",
		help: "The number that a text spells, with a point before the decimals: `number(\"12.50\")`.",
		unary: func(_ *scope, _ *frame, x value) (value, error) {
			if isEmpty(x) {
				return value{}, nil
			}
			if x.kind() == kNumber {
				return x, nil
			}
			v, err := connectors.ParseNumber(text(x.v))
			return one(v), err
		},
	},
	{
		name: "round", params: []kinds{kNumber, kNumber}, least: 1, result: kNumber | kNull, usage: "round(number, places)",
		help: "Rounded to so many decimal places (0 unless given); a half goes away from zero.", call: rounding(apd.RoundHalfUp),
	},
	{name: "floor", params: []kinds{kNumber}, least: 1, result: kNumber | kNull, usage: "floor(number)", help: "The whole number at or below.", call: rounding(apd.RoundFloor)},
	{name: "ceil", params: []kinds{kNumber}, least: 1, result: kNumber | kNull, usage: "ceil(number)", help: "The whole number at or above.", call: rounding(apd.RoundCeiling)},
	{
		name: "abs", params: []kinds{kNumber}, least: 1, result: kNumber | kNull, usage: "abs(number)", help: "Without its sign.",
		unary: func(_ *scope, _ *frame, x value) (value, error) {
			if x.isNull() {
				return value{}, nil
			}
			v, err := connectors.ParseNumber(strings.TrimPrefix(x.v.Number(), "-"))
			return one(v), err
		},
	},
	{
		name: "min", params: []kinds{kNumber | kTimes}, least: 1, more: true, same: true, usage: "min(a, b)",
		help: "The smallest of numbers, or the earliest of dates; empty ones do not count.", call: extreme(-1),
	},
	{
		name: "max", params: []kinds{kNumber | kTimes}, least: 1, more: true, same: true, usage: "max(a, b)",
		help: "The largest of numbers, or the latest of dates; empty ones do not count.", call: extreme(1),
	},
}

// rounding makes a function that rounds to the places of its second argument.
func rounding(how apd.Rounder) func(*scope, *frame, []value) (value, error) {
	return func(_ *scope, _ *frame, args []value) (value, error) {
		if args[0].isNull() {
			return value{}, nil
		}
		places := 0
		if len(args) > 1 {
			p, err := whole(args[1])
			if err != nil {
				return value{}, err
			}
			places = p
		}
		if places < 0 || places > 100 {
			return value{}, errors.New("`round` keeps 0 to 100 decimal places")
		}
		return round(args[0], places, how)
	}
}

func round(x value, places int, how apd.Rounder) (value, error) {
	d, err := decimal(x)
	if err != nil {
		return value{}, err
	}
	if int(-d.Exponent) <= places {
		return x, nil
	}
	ctx := *exact
	ctx.Rounding = how
	var out apd.Decimal
	if _, err := ctx.Quantize(&out, d, int32(-places)); err != nil {
		return value{}, errors.New("the number is out of range")
	}
	return number(&out)
}

func extreme(sign int) func(*scope, *frame, []value) (value, error) {
	return func(_ *scope, _ *frame, args []value) (value, error) {
		var best value
		for _, a := range args {
			if a.isNull() {
				continue
			}
			if best.isNull() {
				best = a
				continue
			}
			d, err := compare(a, best)
			if err != nil {
				return value{}, err
			}
			if d*sign > 0 {
				best = a
			}
		}
		return best, nil
	}
}

var dateFunctions = []function{
	{
		name: "date", params: []kinds{kText | kTimes}, least: 1, result: kDate | kNull, usage: "date(value)",
		help: "The day of an instant in the mapping's time zone, or the day that a text such as \"2026-12-24\" spells.", unary: toDate,
	},
	{
		name: "at", params: []kinds{kDate, kText}, least: 2, result: kInstant | kNull, usage: "at(date, \"09:00\")",
		help: "The instant at that time of the day, in the mapping's time zone.", call: atTime,
	},
	{
		name: "days", params: []kinds{kNumber}, least: 1, result: kSpan, usage: "days(number)",
		help: "So many days, to be added to a date or taken from it: `deal.closedate + days(5)`.", unary: spanOf(spanDays),
	},
	{
		name: "workdays", params: []kinds{kNumber}, least: 1, result: kSpan, usage: "workdays(number)",
		help: "The same, counting neither Saturdays, Sundays nor the mapping's `holidays`.", unary: spanOf(spanWorkdays),
	},
	{
		name: "today", result: kDate, usage: "today()", help: "The day of the creation, in the mapping's time zone. Only in tasks.",
		call: func(sc *scope, f *frame, _ []value) (value, error) {
			return one(connectors.DateOf(f.now.In(sc.zone))), nil
		},
	},
	{name: "year", params: []kinds{kTimes}, least: 1, result: kNumber | kNull, usage: "year(date)", help: "The year, as a number.", unary: datePart(time.Time.Year)},
	{name: "month", params: []kinds{kTimes}, least: 1, result: kNumber | kNull, usage: "month(date)", help: "The month, 1 to 12.", unary: datePart(func(t time.Time) int { return int(t.Month()) })},
	{name: "day", params: []kinds{kTimes}, least: 1, result: kNumber | kNull, usage: "day(date)", help: "The day of the month.", unary: datePart(time.Time.Day)},
	{
		name: "formatDate", params: []kinds{kTimes, kText}, least: 2, result: kText | kNull, usage: "formatDate(date, \"dd.MM.yyyy\")",
		help: "A date or instant as a text, in the mapping's time zone: `yyyy`, `yy`, `MM`, `dd`, `HH`, `mm` and `ss` stand for its parts.", call: formatDate,
	},
}

func toDate(sc *scope, _ *frame, x value) (value, error) {
	switch {
	case isEmpty(x):
		return value{}, nil
	case x.kind() == kDate:
		return x, nil
	case x.kind() == kInstant:
		return one(connectors.DateOf(x.v.Time().In(sc.zone))), nil
	}
	v, err := connectors.ParseDate(strings.TrimSpace(text(x.v)))
	return one(v), err
}

func atTime(sc *scope, _ *frame, args []value) (value, error) {
	if args[0].isNull() {
		return value{}, nil
	}
	clock, err := time.Parse("15:04", text(args[1].v))
	if err != nil {
		return value{}, fmt.Errorf("`%s` is no time of day such as 09:00", clip(text(args[1].v)))
	}
	return one(instantAt(args[0].v, clock, sc.zone)), nil
}

// instantAt returns the instant of a time of day on a date.
func instantAt(date connectors.Value, clock time.Time, zone *time.Location) connectors.Value {
	y, m, d := date.Time().Date()
	return connectors.Instant(time.Date(y, m, d, clock.Hour(), clock.Minute(), 0, 0, zone))
}

// maxSpan bounds how far a date is moved, and so the work of counting workdays.
const maxSpan = 10_000

func spanOf(s span) func(*scope, *frame, value) (value, error) {
	return func(_ *scope, _ *frame, x value) (value, error) {
		if x.isNull() {
			return value{}, errors.New("the number of days is empty")
		}
		n, err := whole(x)
		if err != nil {
			return value{}, err
		}
		if n > maxSpan || n < -maxSpan {
			return value{}, fmt.Errorf("%d days are over the limit of %d", n, maxSpan)
		}
		return value{v: connectors.Int(int64(n)), span: s}, nil
	}
}

// shift moves a date, or an instant by the calendar of the zone, by a span of
// days.
func (sc *scope) shift(x, by value, backwards bool) (value, error) {
	if x.isNull() {
		return value{}, nil
	}
	if x.kind()&kTimes == 0 {
		return value{}, fmt.Errorf("days cannot be added to %s", x.kind())
	}
	n, err := whole(one(by.v))
	if err != nil {
		return value{}, err
	}
	if backwards {
		n = -n
	}
	t := local(x, sc.zone)
	if by.span == spanWorkdays {
		n = workdays(t, n, sc.holidays)
	}
	t = t.AddDate(0, 0, n)
	if x.kind() == kDate {
		return one(connectors.DateOf(t)), nil
	}
	return one(connectors.Instant(t)), nil
}

// workdays returns how many days n working days from t are (backwards when n is
// negative). Zero days from a free day is that day.
func workdays(t time.Time, n int, holidays map[int64]bool) int {
	step := int64(1)
	if n < 0 {
		step, n = -1, -n
	}
	start := dayOf(t)
	day := start
	for n > 0 {
		day += step
		if weekend(day) || len(holidays) > 0 && holidays[day*secondsADay] {
			continue
		}
		n--
	}
	return int(day - start)
}

// dayOf returns the day of t on its own clock, counted since 1970-01-01.
func dayOf(t time.Time) int64 { return connectors.DateOf(t).Time().Unix() / secondsADay }

const secondsADay = 24 * 60 * 60

// weekend reports whether a day, counted since 1970-01-01, which was a Thursday,
// is a Saturday or a Sunday.
func weekend(day int64) bool {
	w := ((day+int64(time.Thursday))%7 + 7) % 7
	return w == int64(time.Saturday) || w == int64(time.Sunday)
}

// local returns the clock of a date or instant as people of the zone read it.
func local(x value, zone *time.Location) time.Time {
	if x.kind() == kInstant {
		return x.v.Time().In(zone)
	}
	return x.v.Time()
}

func datePart(part func(time.Time) int) func(*scope, *frame, value) (value, error) {
	return func(sc *scope, _ *frame, x value) (value, error) {
		if x.isNull() {
			return value{}, nil
		}
		return one(connectors.Int(int64(part(local(x, sc.zone))))), nil
	}
}

var datePattern = regexp.MustCompile(`yyyy|yy|MM|dd|HH|mm|ss`)

func formatDate(sc *scope, _ *frame, args []value) (value, error) {
	if args[0].isNull() {
		return value{}, nil
	}
	t := local(args[0], sc.zone)
	layouts := map[string]string{"yyyy": "2006", "yy": "06", "MM": "01", "dd": "02", "HH": "15", "mm": "04", "ss": "05"}
	return textValue(datePattern.ReplaceAllStringFunc(text(args[1].v), func(p string) string {
		return t.Format(layouts[p])
	})), nil
}
