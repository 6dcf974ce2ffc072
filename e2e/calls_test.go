package e2e

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/examples/stage"
)

var burst = flag.Int("burst", 60, "how many records TestCallsPerChange edits at once")

// TestCallsPerChange edits many records at once on either side of each example
// and counts the calls that bring the changes over: those that read what
// changed and its counterpart, and those that write. Webhooks tell of the
// changes where there are any; the look into the list of changes that tells of
// the others, and the echoes, which webhooks bring, are counted by themselves.
// docs/performance.md states the figures of 500.
func TestCallsPerChange(t *testing.T) {
	for _, x := range examples.Examples() {
		if len(x.Casts) > 1 {
			continue // its pairs are measured by themselves
		}
		for _, comments := range []string{"none", "both"} {
			t.Run(x.Name+" comments "+comments, func(t *testing.T) {
				countCalls(t, newCompanyWith(t, x, 1, "comments: both\n", "comments: "+comments+"\n"))
			})
		}
	}
}

// bounds are the calls that a change may take at most in a burst, by the system
// that is written: those with single writes need one for each.
var bounds = map[string]float64{"jira": 1.25, "trello": 1.6, "github": 0.7, "asana": 0.9, "hubspot": 0.5, "salesforce": 0.5}

func countCalls(t *testing.T, c *company) {
	t.Helper()
	a := c.acts[0]
	c.settle(false)
	ids := c.sow(a, *burst)
	c.report("make", a, len(ids), c.measure(func() {}))
	c.settle(true)
	pairs := a.Pairs()
	for _, id := range ids {
		if found := pairs[id]; len(found) != 1 || found[0].Tasks != a.Tasks {
			t.Fatalf("%s %s has %d counterparts: %+v", a.Source.Noun, id, len(found), found)
		}
	}
	c.rest()
	c.report("edit "+a.Source.Connection, a, len(ids), c.measure(func() {
		for i, id := range ids {
			c.must(a.From.Edit(seller, id, map[string]string{a.Source.Name: fmt.Sprintf("Edited there %d", i)}))
		}
	}))
	c.settle(true)
	c.rest()
	c.report("edit "+a.Target.Connection, a, len(ids), c.measure(func() {
		for i, id := range ids {
			c.must(a.To.Edit(planner, pairs[id][0].ID, map[string]string{a.Target.Name: fmt.Sprintf("Edited here %d", i)}))
		}
	}))
	c.settle(true)
	for i, id := range ids {
		r, err := a.From.Get(id)
		c.must(err)
		if want := fmt.Sprintf("Edited here %d", i); r.Fields[a.Source.Name] != want {
			t.Fatalf("%s %s is %q, want %q", a.Source.Noun, id, r.Fields[a.Source.Name], want)
		}
	}
}

// sow makes records that get a counterpart each.
func (c *company) sow(a *stage.Act, n int) []string {
	c.t.Helper()
	var ids []string
	for i := range n {
		fields := map[string]string{a.Source.Name: fmt.Sprintf("Burst %d", i), a.Source.State: a.Won}
		maps.Copy(fields, a.Source.Fresh)
		id, err := a.From.Create(seller, fields)
		c.must(err)
		ids = append(ids, id)
	}
	return ids
}

func (c *company) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// rest lets time pass in which nothing happens, and forgets the requests.
func (c *company) rest() {
	c.t.Helper()
	c.clock.Advance(2 * time.Minute)
	c.settle(false)
	for _, b := range c.boxes {
		c.must(b.System.Flush(c.t.Context()))
	}
	c.takeIn()
}

// counts are calls by system.
type counts map[string]int

// figures are the calls that one burst took.
type figures struct{ sync, look, echo counts }

// measure lets people do something and counts the calls that follow.
func (c *company) measure(do func()) figures {
	c.t.Helper()
	do()
	for _, b := range c.boxes {
		c.must(b.System.Flush(c.t.Context()))
	}
	c.clock.Advance(30 * time.Second) // what was done is older than any list's lag
	c.forget()
	c.takeIn()
	var f figures
	c.poll()
	f.look = c.forget()
	c.drain()
	f.sync = c.forget()
	for _, b := range c.boxes {
		c.must(b.System.Flush(c.t.Context()))
	}
	c.takeIn()
	c.drain()
	f.echo = c.forget()
	return f
}

// forget returns what the systems were asked since the last call.
func (c *company) forget() counts {
	n := counts{}
	for _, b := range c.boxes {
		n[b.Name] = len(b.System.Requests().Since(0))
		b.System.Requests().Clear()
	}
	return n
}

// takeIn takes every delivery in, each once.
func (c *company) takeIn() {
	c.t.Helper()
	c.mu.Lock()
	hooks := c.hooks
	c.hooks = nil
	c.mu.Unlock()
	for _, h := range hooks {
		h.req.Now = c.clock.Now()
		if _, err := c.eng.Receive(c.t.Context(), h.connection, h.req); err != nil {
			c.t.Fatalf("delivery from %s: %v", h.connection, err)
		}
	}
}

func (c *company) poll() {
	c.t.Helper()
	for _, f := range c.eng.Feeds() {
		for range 100 {
			p, err := c.eng.Poll(c.t.Context(), f)
			c.must(err)
			if !p.More {
				break
			}
		}
	}
}

// drain works until nothing is due.
func (c *company) drain() {
	c.t.Helper()
	for range 1000 {
		busy := false
		for _, m := range c.eng.Mappings() {
			d, err := c.eng.Drain(c.t.Context(), m)
			c.must(err)
			busy = busy || d.Worked > 0
			if wait := d.Next.Sub(c.clock.Now()); d.Worked == 0 && !d.Next.IsZero() && wait > 0 {
				c.clock.Advance(wait)
				busy = true
			}
		}
		if !busy {
			return
		}
	}
	entries, err := c.eng.Queue(c.t.Context(), engine.QueueFilter{})
	c.t.Fatalf("never at rest: %+v, %v", entries, err)
}

func (c *company) report(what string, a *stage.Act, n int, f figures) {
	c.t.Helper()
	line := func(calls counts) string {
		var parts []string
		total := 0
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			parts = append(parts, fmt.Sprintf("%s %.3f", name, float64(calls[name])/float64(n)))
			total += calls[name]
		}
		return fmt.Sprintf("%.3f (%s)", float64(total)/float64(n), strings.Join(parts, ", "))
	}
	written, ok := map[string]string{"edit " + a.Source.Connection: a.Target.Connection, "edit " + a.Target.Connection: a.Source.Connection}[what]
	total := 0
	for _, calls := range f.sync {
		total += calls
	}
	if each := float64(total) / float64(n); ok && n >= 60 && each > bounds[written] {
		c.t.Errorf("%s: %.3f calls a change, want at most %.2f", what, each, bounds[written])
	}
	c.t.Logf("%s, %d x %s: calls each %s; looks %v; echoes %s", a.Mapping, n, what, line(f.sync), f.look, line(f.echo))
}
