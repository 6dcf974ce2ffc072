package kit

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Kind says what a fault does.
type Kind string

// The kinds of faults. The first group strikes requests, the second webhook
// deliveries.
const (
	Latency      Kind = "latency"       // answers after Rule.Delay
	RateLimit    Kind = "rate_limit"    // 429 with Retry-After: Rule.RetryAfter, in the vendor's shape; no effect
	ServerError  Kind = "server_error"  // Rule.Status (500 unless set), in the vendor's shape; no effect
	ErrorAfter   Kind = "error_after"   // as server_error, but the request took effect
	ResetBefore  Kind = "reset_before"  // drops the connection; no effect
	ResetAfter   Kind = "reset_after"   // drops the connection after the request took effect
	Timeout      Kind = "timeout"       // no answer until the client gives up or Rule.Delay has passed (30 s unless set); no effect
	TimeoutAfter Kind = "timeout_after" // as timeout, but the request took effect
	Truncate     Kind = "truncate"      // sends half of the real answer's body, then drops the connection
	Malformed    Kind = "malformed"     // sends half of the real answer's body as if it were whole

	WebhookLost      Kind = "webhook_lost"      // is never sent
	WebhookDoubled   Kind = "webhook_doubled"   // is sent twice
	WebhookDelayed   Kind = "webhook_delayed"   // is sent Rule.Delay later (5 s unless set)
	WebhookReordered Kind = "webhook_reordered" // changes places with the next one, or is sent after Rule.Delay (5 s unless set)
)

var kinds = []Kind{
	Latency, RateLimit, ServerError, ErrorAfter, ResetBefore, ResetAfter, Timeout, TimeoutAfter, Truncate, Malformed,
	WebhookLost, WebhookDoubled, WebhookDelayed, WebhookReordered,
}

func (k Kind) webhook() bool { return strings.HasPrefix(string(k), "webhook_") }

// A Rule is one fault that may strike.
type Rule struct {
	ID     string `json:"id"`               // given by Add if empty
	Kind   Kind   `json:"kind"`             //
	Method string `json:"method,omitempty"` // empty: any
	// Path is a pattern for the path, or for the name of a webhook's event. "*"
	// stands for one segment or a part of one, "**" for any number of them;
	// empty matches everything.
	Path        string   `json:"path,omitempty"`
	Probability float64  `json:"probability,omitempty"` // 0 means 1: always
	Times       int      `json:"times,omitempty"`       // strikes at most so often; 0: no bound
	Skip        int      `json:"skip,omitempty"`        // lets so many matches pass first
	Status      int      `json:"status,omitempty"`
	RetryAfter  int      `json:"retryAfter,omitempty"` // seconds; 0: no header
	Delay       Duration `json:"delay,omitempty"`      // such as "1.5s"

	Struck int `json:"struck"` // how often it has struck
}

// Duration is a time.Duration that JSON carries as text such as "1.5s".
type Duration time.Duration

// MarshalText renders the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText parses a Go duration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// Faults holds the rules of one system. It is safe for concurrent use.
type Faults struct {
	seed uint64

	mu    sync.Mutex
	next  int
	rules []*armed
}

type armed struct {
	Rule
	rand *Rand
}

// NewFaults returns an empty set; rules with a probability draw from seed.
func NewFaults(seed uint64) *Faults { return &Faults{seed: seed} }

// Add checks r and puts it behind the other rules, with an id and a count of its own.
func (f *Faults) Add(r Rule) (Rule, error) {
	if err := r.check(); err != nil {
		return Rule{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.add(r), nil
}

func (f *Faults) add(r Rule) Rule {
	f.next++
	if r.ID == "" {
		r.ID = fmt.Sprintf("fault-%d", f.next)
	}
	r.Struck = 0
	f.rules = append(f.rules, &armed{Rule: r, rand: NewRand(f.seed, "fault/"+r.ID)})
	return r
}

// Replace checks all rules and, if they are sound, puts them in place of the
// present ones.
func (f *Faults) Replace(rules []Rule) error {
	for i, r := range rules {
		if err := r.check(); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
	for _, r := range rules {
		f.add(r)
	}
	return nil
}

// Remove drops the rule with this id and reports whether there was one.
func (f *Faults) Remove(id string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.rules)
	f.rules = slices.DeleteFunc(f.rules, func(a *armed) bool { return a.ID == id })
	return len(f.rules) < n
}

// Clear drops all rules.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// Rules returns the rules with their counts.
func (f *Faults) Rules() []Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Rule, 0, len(f.rules))
	for _, a := range f.rules {
		out = append(out, a.Rule)
	}
	return out
}

func (r Rule) check() error {
	if !slices.Contains(kinds, r.Kind) {
		return fmt.Errorf("unknown kind %q", r.Kind)
	}
	if r.Probability < 0 || r.Probability > 1 {
		return fmt.Errorf("probability %v is not between 0 and 1", r.Probability)
	}
	if r.Times < 0 || r.Skip < 0 || r.RetryAfter < 0 || r.Delay < 0 {
		return fmt.Errorf("times, skip, retryAfter and delay must not be negative")
	}
	if r.Status != 0 && (r.Status < 400 || r.Status > 599) {
		return fmt.Errorf("status %d is not an error", r.Status)
	}
	return nil
}

// strike returns the first rule that strikes this request or webhook, counted.
func (f *Faults) strike(webhook bool, method, path string) (Rule, bool) {
	if f == nil {
		return Rule{}, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.rules {
		if a.Kind.webhook() != webhook || a.Times > 0 && a.Struck >= a.Times {
			continue
		}
		if a.Method != "" && !strings.EqualFold(a.Method, method) || !MatchPath(a.Path, path) {
			continue
		}
		if a.Skip > 0 {
			a.Skip--
			continue
		}
		if a.Probability > 0 && a.Probability < 1 && !a.rand.Chance(a.Probability) {
			continue
		}
		a.Struck++
		return a.Rule, true
	}
	return Rule{}, false
}

// MatchPath reports whether path matches pattern: "*" stands for any text
// within one segment, "**" for any text. An empty pattern matches every path.
func MatchPath(pattern, path string) bool {
	if pattern == "" {
		return true
	}
	i := strings.IndexByte(pattern, '*')
	if i < 0 {
		return pattern == path
	}
	if !strings.HasPrefix(path, pattern[:i]) {
		return false
	}
	path, pattern = path[i:], pattern[i+1:]
	deep := strings.HasPrefix(pattern, "*")
	pattern = strings.TrimPrefix(pattern, "*")
	if pattern == "" {
		return deep || !strings.Contains(path, "/")
	}
	for n := 0; n <= len(path); n++ {
		if MatchPath(pattern, path[n:]) {
			return true
		}
		if n < len(path) && path[n] == '/' && !deep {
			return false
		}
	}
	return false
}
