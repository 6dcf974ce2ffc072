package main

import (
	"fmt"
	"os"
	"time"
)

// backfill measures how fast new records are made on the other side from the
// first look at a list, and what live edits feel of it.
func backfill(b *bench) error {
	var rates, shares, cores, slower []float64
	rounds := max(1, b.rounds/2)
	for range rounds {
		r, err := backfillOnce(b)
		if err != nil {
			return err
		}
		b.note("%.0f records/s, %.0f in the engine's share, %.0f a core; live p99 %s idle, %s meanwhile",
			r.rate, r.share, r.core, short(r.idle), short(r.live))
		rates, shares, cores = append(rates, r.rate), append(shares, r.share), append(cores, r.core)
		slower = append(slower, float64(r.live)/float64(r.idle))
	}
	share, ratio := median(shares), median(slower)
	b.row("P8", fmt.Sprintf("backfill of %d records, engine's share (time outside of calls)", b.records), fmt.Sprintf("%.0f/s", share), "≥ 10,000/s", share >= 10_000)
	b.row("", "  with the calls and both systems on the same two cores", fmt.Sprintf("%.0f/s", median(rates)), "", true)
	b.row("", "  records a second of Tenon's own processor time", fmt.Sprintf("%.0f/s", median(cores)), "", true)
	b.row("P8", "live p99 during a backfill ÷ idle, at 100 edits/s", fmt.Sprintf("%.2f", ratio), "≤ 2", ratio <= 2)
	return nil
}

type backfilled struct {
	rate, share, core float64
	idle, live        time.Duration
}

// backfillRate is how many live edits a second go on during a backfill.
const backfillRate = 100

func backfillOnce(b *bench) (r backfilled, err error) {
	w, err := newWorld(64)
	if err != nil {
		return r, err
	}
	defer w.close()
	dir, err := b.folder()
	if err != nil {
		return r, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := backfillAlone(b, w, dir, &r); err != nil {
		return r, err
	}
	return r, backfillLive(b, w, dir, &r)
}

// backfillAlone makes the records' counterparts with nothing else going on.
func backfillAlone(b *bench, w *world, dir string, r *backfilled) error {
	w.fill(0, b.records)
	start := time.Now()
	c, err := startTenon(b, w, dir, time.Nanosecond)
	if err != nil {
		return err
	}
	for w.pm.size() < b.records {
		if time.Since(start) > 10*time.Minute {
			return fmt.Errorf("%d of %d records were made", w.pm.size(), b.records)
		}
		time.Sleep(time.Millisecond)
	}
	took := time.Since(start)
	used, err := cpu(c.cmd.Process.Pid)
	if err != nil {
		return err
	}
	if err := c.stop(); err != nil {
		return err
	}
	n := float64(b.records)
	r.rate, r.core = n/took.Seconds(), n/used.Seconds()
	r.share = n / (took - c.waited).Seconds()
	return nil
}

// backfillLive measures live edits while the service is idle, then while as many
// records again are listed for the first time.
func backfillLive(b *bench, w *world, dir string, r *backfilled) error {
	c, err := startTenon(b, w, dir, 100*time.Millisecond)
	if err != nil {
		return err
	}
	w.settle()
	took, err := w.steady(c.url, 0, liveRecords, backfillRate, b.length)
	if err != nil {
		return err
	}
	r.idle = quantile(took, .99)
	if err := c.stop(); err != nil {
		return err
	}
	w.fill(b.records, b.records)
	if c, err = startTenon(b, w, dir, 100*time.Millisecond, "-anew"); err != nil {
		return err
	}
	defer func() { _ = c.stop() }() // it was measured already
	for w.pm.size() < b.records+1000 {
		time.Sleep(time.Millisecond) // until the backfill is at its work
	}
	if took, err = w.steady(c.url, 0, liveRecords, backfillRate, b.length/2); err != nil {
		return err
	}
	if w.pm.size() >= 2*b.records {
		return fmt.Errorf("the backfill ended before the measurement: give it more -records or less -length")
	}
	r.live = quantile(took, .99)
	return nil
}
