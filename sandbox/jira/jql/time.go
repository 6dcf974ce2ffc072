package jql

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	literalLayouts = []string{"2006-01-02 15:04", "2006/01/02 15:04", "2006-1-2 15:04", "2006/1/2 15:04", "2006-1-2", "2006/1/2"}
	period         = regexp.MustCompile(`^([+-]?)((?:\d+[wdhm]\s*)+)$`)
	periodPart     = regexp.MustCompile(`(\d+)([wdhm])`)
	increment      = regexp.MustCompile(`^([+-]?)(\d+)([yMwdhm]?)$`)
)

// Instant reads a date operand: a literal of minute precision in the zone of
// the user who asks, epoch milliseconds unquoted, a period such as -15m, or a
// function such as startOfDay(-1). There are no seconds in a literal.
func Instant(o Operand, field string, now time.Time, zone *time.Location) (time.Time, error) {
	if o.Function != "" {
		return dateFunction(o, now, zone)
	}
	if !o.Quoted {
		if ms, err := strconv.ParseInt(o.Text, 10, 64); err == nil {
			return time.UnixMilli(ms), nil
		}
	}
	for _, layout := range literalLayouts {
		if t, err := time.ParseInLocation(layout, o.Text, zone); err == nil {
			return t, nil
		}
	}
	if d, ok := parsePeriod(o.Text); ok {
		return now.Add(d), nil
	}
	return time.Time{}, says("Date value '%s' for field '%s' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'.", o.Text, field)
}

// says makes an error of Jira's own words, which are sentences.
func says(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

type refusal string

func (r refusal) Error() string { return string(r) }

func parsePeriod(text string) (time.Duration, bool) {
	m := period.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, false
	}
	units := map[string]time.Duration{"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute}
	var sum time.Duration
	for _, part := range periodPart.FindAllStringSubmatch(m[2], -1) {
		n, err := strconv.Atoi(part[1])
		if err != nil || n > 1_000_000 {
			return 0, false
		}
		sum += time.Duration(n) * units[part[2]]
	}
	if m[1] == "-" {
		sum = -sum
	}
	return sum, true
}

func dateFunction(o Operand, now time.Time, zone *time.Location) (time.Time, error) {
	local := now.In(zone)
	year, month, day := local.Date()
	var start, next time.Time
	var unit string
	name := strings.ToLower(o.Function)
	switch {
	case name == "now":
		return now, nil
	case strings.HasSuffix(name, "ofday"):
		unit = "d"
		start = time.Date(year, month, day, 0, 0, 0, 0, zone)
		next = start.AddDate(0, 0, 1)
	case strings.HasSuffix(name, "ofweek"):
		unit = "w"
		start = time.Date(year, month, day-int(local.Weekday()), 0, 0, 0, 0, zone)
		next = start.AddDate(0, 0, 7)
	case strings.HasSuffix(name, "ofmonth"):
		unit = "M"
		start = time.Date(year, month, 1, 0, 0, 0, 0, zone)
		next = start.AddDate(0, 1, 0)
	case strings.HasSuffix(name, "ofyear"):
		unit = "y"
		start = time.Date(year, 1, 1, 0, 0, 0, 0, zone)
		next = start.AddDate(1, 0, 0)
	}
	var t time.Time
	switch {
	case start.IsZero():
	case strings.HasPrefix(name, "startof"):
		t = start
	case strings.HasPrefix(name, "endof"):
		t = next.Add(-time.Millisecond)
	}
	if t.IsZero() {
		return t, says("Unable to find JQL function '%s(%s)'.", o.Function, strings.Join(o.Args, ", "))
	}
	if len(o.Args) == 0 {
		return t, nil
	}
	m := increment.FindStringSubmatch(o.Args[0])
	if m == nil {
		return t, says("Duration for function '%s' should have the format (+/-)n(yMwdm), e.g -1M for 1 month earlier.", o.Function)
	}
	return shift(t, m, unit), nil
}

func shift(t time.Time, m []string, unit string) time.Time {
	n, err := strconv.Atoi(m[2])
	if err != nil {
		return t
	}
	if m[1] == "-" {
		n = -n
	}
	if m[3] != "" {
		unit = m[3]
	}
	switch unit {
	case "y":
		return t.AddDate(n, 0, 0)
	case "M":
		return t.AddDate(0, n, 0)
	case "w":
		return t.AddDate(0, 0, 7*n)
	case "d":
		return t.AddDate(0, 0, n)
	case "h":
		return t.Add(time.Duration(n) * time.Hour)
	default:
		return t.Add(time.Duration(n) * time.Minute)
	}
}
