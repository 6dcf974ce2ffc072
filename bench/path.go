package main

import (
	"fmt"
	"os"
	"time"
)

// path measures how long an edit takes from the webhook being sent to its write
// being received, at 1,000 a second over loopback.
func path(b *bench) error {
	if err := pathWith(b, "P5", "one nanosecond of coalescing", time.Nanosecond, true); err != nil {
		return err
	}
	return pathWith(b, "", "the default window of 100 ms subtracted", 100*time.Millisecond, false)
}

func pathWith(b *bench, id, how string, coalesce time.Duration, goals bool) error {
	w, c, dir, err := steadyWorld(b, coalesce)
	if err != nil {
		return err
	}
	defer func() {
		_ = c.stop() // it was measured already
		w.close()
		_ = os.RemoveAll(dir)
	}()
	var p50, p99 []time.Duration
	for range b.rounds {
		took, err := w.steady(c.url, 0, liveRecords, 1000, b.length/2)
		if err != nil {
			return err
		}
		p50, p99 = append(p50, quantile(took, .5)), append(p99, quantile(took, .99))
		b.note("p50 %s p99 %s of %d", short(quantile(took, .5)), short(quantile(took, .99)), len(took))
	}
	excluded := coalesce
	if coalesce < time.Millisecond {
		excluded = 0
	}
	m50, m99 := median(p50)-excluded, median(p99)-excluded
	g50, g99 := "≤ 2 ms", "≤ 10 ms"
	if !goals {
		g50, g99 = "", ""
	}
	b.row(id, "webhook sent → write received at 1,000/s, p50; "+how, short(m50), g50, m50 <= 2*time.Millisecond)
	b.row(id, "  the same, p99", short(m99), g99, m99 <= 10*time.Millisecond)
	return nil
}

// liveRecords is how many records take part in a steady load.
const liveRecords = 5000

// steadyWorld returns a world whose live records are linked.
func steadyWorld(b *bench, coalesce time.Duration) (*world, *child, string, error) {
	w, err := newWorld(64)
	if err != nil {
		return nil, nil, "", err
	}
	w.fill(0, liveRecords)
	dir, err := b.folder()
	if err != nil {
		return nil, nil, "", err
	}
	c, err := startTenon(b, w, dir, coalesce)
	if err != nil {
		return nil, nil, "", err
	}
	if err := w.linked(liveRecords); err != nil {
		return nil, nil, "", err
	}
	if _, err := w.steady(c.url, 0, liveRecords, 1000, 2*time.Second); err != nil {
		return nil, nil, "", fmt.Errorf("warm up: %w", err)
	}
	return w, c, dir, nil
}

func startTenon(b *bench, w *world, dir string, coalesce time.Duration, more ...string) (*child, error) {
	args := []string{"-systems", w.base, "-secret", string(w.secret), "-dir", dir, "-coalesce", coalesce.String(), "-profiles", b.profiles}
	return start("role-tenon", append(args, more...)...)
}
