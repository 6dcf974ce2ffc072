package rest

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Learnt is what an answer's headers told about an allowance. Reset is when
// the window ends, zero where it was not told.
type Learnt struct {
	Limit connectors.Limit
	Reset time.Time
}

// LimitHeaders names the headers of a system that tells its limits in its own
// way. Empty names are not looked at.
type LimitHeaders struct {
	PerWindow  string
	Remaining  string
	Reset      string        // an instant: seconds since 1970 or ISO 8601
	WindowMS   string        // the window in milliseconds
	WindowSecs string        // the window in seconds
	Window     time.Duration // the window where no header tells
	Daily      string
	DailyLeft  string

	// Structured looks at RateLimit-Policy and RateLimit first, as the draft of
	// the IETF has them.
	Structured bool
}

// standardLimits are the headers of Jira, GitHub and many others.
var standardLimits = LimitHeaders{
	PerWindow: "X-RateLimit-Limit", Remaining: "X-RateLimit-Remaining",
	Reset: "X-RateLimit-Reset", WindowSecs: "X-RateLimit-Interval-Seconds", Structured: true,
}

// StandardLimits reads RateLimit-Policy and RateLimit, else X-RateLimit-Limit,
// -Remaining, -Reset and -Interval-Seconds.
func StandardLimits(h http.Header, now time.Time) Learnt { return standardLimits.Read(h, now) }

// Read reads the headers; it has the form of Config.Limits.
func (l LimitHeaders) Read(h http.Header, now time.Time) Learnt {
	out := Learnt{Limit: connectors.Limit{
		PerWindow: number(h, l.PerWindow), Remaining: number(h, l.Remaining),
		Daily: number(h, l.Daily), DailyLeft: number(h, l.DailyLeft), Window: l.Window,
	}}
	if ms := number(h, l.WindowMS); ms > 0 {
		out.Limit.Window = time.Duration(ms) * time.Millisecond
	}
	if s := number(h, l.WindowSecs); s > 0 {
		out.Limit.Window = time.Duration(s) * time.Second
	}
	out.Reset = instant(h.Get(l.Reset))
	if date, err := http.ParseTime(h.Get("Date")); err == nil && !out.Reset.IsZero() {
		out.Reset = now.Add(out.Reset.Sub(date)) // by our clock, which may differ
	}
	if l.Structured {
		out = structured(h, now, out)
	}
	if out.Limit.Window > maxRetryAfter {
		out.Limit.Window = 0
	}
	out.Limit.Known = out.Limit.PerWindow >= 0 || out.Limit.Remaining >= 0 || out.Limit.Daily >= 0 || out.Limit.DailyLeft >= 0
	if !out.Limit.Known {
		return Learnt{}
	}
	if out.Reset.Sub(now) > maxRetryAfter {
		out.Reset = time.Time{}
	}
	return out
}

// structured reads the window from RateLimit-Policy ("name";q=65000;w=3600) and
// RateLimit ("name";r=11000;t=600). Of several policies it takes the one with
// the least part left. Without both it returns what it is given.
func structured(h http.Header, now time.Time, old Learnt) Learnt {
	policies := map[string]map[string]int{}
	for _, item := range items(h.Values("RateLimit-Policy")) {
		policies[item.name] = item.params
	}
	found := false
	for _, item := range items(h.Values("RateLimit")) {
		q, known := policies[item.name]["q"]
		r, told := item.params["r"]
		if !known || !told || q <= 0 || found && r*old.Limit.PerWindow >= old.Limit.Remaining*q {
			continue
		}
		found = true
		old.Limit.PerWindow, old.Limit.Remaining = q, r
		old.Limit.Window, old.Reset = 0, time.Time{}
		if w, ok := policies[item.name]["w"]; ok {
			old.Limit.Window = time.Duration(w) * time.Second
		}
		if t, ok := item.params["t"]; ok {
			old.Reset = now.Add(time.Duration(t) * time.Second)
		}
	}
	return old
}

// item is one member of a structured header's list.
type item struct {
	name   string
	params map[string]int
}

// items reads lists of items with whole, not negative parameters; what has
// another form is left out.
func items(values []string) []item {
	var out []item
	for _, member := range strings.Split(strings.Join(values, ","), ",") {
		parts := strings.Split(member, ";")
		it := item{name: strings.TrimSpace(parts[0]), params: map[string]int{}}
		for _, p := range parts[1:] {
			key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
			if n, err := strconv.ParseInt(value, 10, 31); err == nil && n >= 0 {
				it.params[key] = int(n)
			}
		}
		if it.name != "" {
			out = append(out, it)
		}
	}
	return out
}

// number reads a count; -1 where it is missing or makes no sense.
func number(h http.Header, name string) int {
	if name == "" {
		return -1
	}
	n, err := strconv.ParseInt(strings.TrimSpace(h.Get(name)), 10, 32)
	if err != nil || n < 0 {
		return -1
	}
	return int(n)
}

func instant(s string) time.Time {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 1e9 && n < 1e11 {
		return time.Unix(n, 0).UTC()
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z0700", "2006-01-02T15:04:05Z0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// guessTemplate names a path for metrics: segments that look like an id or are
// long become "{id}", so that metrics stay few and hold no data.
func guessTemplate(r *http.Request) string {
	parts := strings.Split(r.URL.Path, "/")
	for i, p := range parts {
		digits := strings.IndexFunc(p, func(r rune) bool { return r >= '0' && r <= '9' }) >= 0
		version := len(p) <= 4 && (p == strings.TrimLeft(p, "0123456789.") && strings.HasPrefix(p, "v") || i > 0 && parts[i-1] == "api")
		if (digits && !version) || len(p) > 40 || strings.ContainsAny(p, "@%: ") {
			parts[i] = "{id}"
		}
	}
	return strings.Join(parts, "/")
}
