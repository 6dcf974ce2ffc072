package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// peerRecords is how many records a round of the comparison edits, once each.
const peerRecords = 10_000

// peer measures events a second and processor time, from webhook to write,
// against Benthos on the same flow. Both work in processes of their own on
// systems of their own; the rounds take turns. Tenon runs twice: with batch
// calls, as it speaks to systems that have them, and with calls for single
// records only, as Benthos does.
func peer(b *bench) error {
	var sides []*contender
	defer func() {
		for _, c := range sides {
			c.end()
		}
	}()
	for _, c := range []*contender{{name: "batch", batch: 100}, {name: "single", batch: 1}, {name: "benthos"}} {
		if err := c.begin(b); err != nil {
			return err
		}
		sides = append(sides, c)
	}
	for range b.rounds {
		for _, c := range sides {
			if err := c.round(b); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	other := sides[2]
	for i, c := range sides[:2] {
		how := []string{"batch calls", "single calls"}[i]
		var faster, cheaper []float64
		for r := range c.rates {
			faster = append(faster, c.rates[r]/other.rates[r])
			cheaper = append(cheaper, c.costs[r]/other.costs[r])
		}
		f, g := median(faster), median(cheaper)
		goals := [2]string{"≥ 3", "≤ 0.33"}
		b.row("P4", "webhook → write, "+how+" ÷ Benthos: events/s", fmt.Sprintf("%.2f", f), goals[0], f >= 3)
		b.row("P4", "  the same: processor time an event", fmt.Sprintf("%.2f", g), goals[1], g <= 1.0/3)
		b.row("", fmt.Sprintf("  Tenon %.0f events/s at %.0f µs each (%.2f calls an event)", median(c.rates), median(c.costs), median(c.calls)), "", "", true)
	}
	b.row("", fmt.Sprintf("  Benthos %.0f events/s at %.0f µs each (%.2f calls an event)", median(other.rates), median(other.costs), median(other.calls)), "", "", true)
	return nil
}

// contender is one program under comparison with systems of its own.
type contender struct {
	name  string
	batch int // 0: Benthos

	dir   string
	world *world
	child *child
	rates []float64 // events a second
	costs []float64 // µs of processor time an event
	calls []float64 // an event
}

func (c *contender) begin(b *bench) error {
	w, err := newWorld(64)
	if err != nil {
		return err
	}
	c.world = w
	w.fill(0, peerRecords)
	if c.batch == 0 {
		for i := range peerRecords {
			w.pm.put("p"+strconv.Itoa(i), nil)
		}
		c.child, err = start("role-benthos", "-systems", w.base, "-secret", string(w.secret))
		return err
	}
	if c.dir, err = b.folder(); err != nil {
		return err
	}
	c.child, err = startTenon(b, w, c.dir, time.Nanosecond, "-batch", strconv.Itoa(c.batch))
	if err != nil {
		return err
	}
	return w.linked(peerRecords)
}

// linked waits until Tenon made an epic for each of n deals and came to rest.
func (w *world) linked(n int) error {
	for deadline := time.Now().Add(5 * time.Minute); w.pm.size() < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d records were linked", w.pm.size(), n)
		}
	}
	w.settle()
	return nil
}

// settle waits until no calls came for a while.
func (w *world) settle() {
	for quiet := 0; quiet < 5; time.Sleep(100 * time.Millisecond) {
		if w.crm.takeCalls()+w.pm.takeCalls() == 0 {
			quiet++
		} else {
			quiet = 0
		}
	}
}

func (c *contender) round(b *bench) error {
	pid := c.child.cmd.Process.Pid
	c.world.settle()
	before, err := cpu(pid)
	if err != nil {
		return err
	}
	took, err := c.world.flood(c.child.url, 0, peerRecords, 64)
	if err != nil {
		return err
	}
	calls := c.world.crm.takeCalls() + c.world.pm.takeCalls()
	time.Sleep(300 * time.Millisecond) // the last commits and echoes count, too
	after, err := cpu(pid)
	if err != nil {
		return err
	}
	c.rates = append(c.rates, peerRecords/took.Seconds())
	c.costs = append(c.costs, float64((after-before).Microseconds())/peerRecords)
	c.calls = append(c.calls, float64(calls)/peerRecords)
	i := len(c.rates) - 1
	b.note("%-8s %6.0f events/s  %6.0f µs  %.2f calls", c.name, c.rates[i], c.costs[i], c.calls[i])
	return nil
}

func (c *contender) end() {
	_ = c.child.stop() // it was measured already
	c.world.close()
	if c.dir != "" {
		_ = os.RemoveAll(c.dir)
	}
}
