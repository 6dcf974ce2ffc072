package rest

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// TestGateUnderLoad lets many callers of all priorities, lanes and tempers
// through while pauses come and go, and checks what must hold at any time:
// slots, rates, pauses, and that everybody gets an answer.
func TestGateUnderLoad(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) { load(t, seed) })
	}
}

func load(t *testing.T, seed uint64) {
	t.Helper()
	const slots, perSecond = 3, 20
	pace := testPace(func(p *Pace) { p.Concurrent, p.PerSecond, p.Burst, p.Daily = slots, perSecond, 5, 400 })
	g := newGate(connectors.SystemClock(), pace, map[string]Pace{"search": {PerSecond: 4, Burst: 1}})
	t.Cleanup(g.close)

	var mu sync.Mutex
	var inside, passed, refused, gaveUp int
	type span struct{ from, until time.Time }
	var pauses []span
	var lastSearch time.Time
	passes := map[int64]int{} // by second, of the main lane
	var wg sync.WaitGroup
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 500 {
		start, hold := time.Duration(rng.IntN(40_000))*time.Millisecond, time.Duration(rng.IntN(300))*time.Millisecond
		patience, p := time.Duration(rng.IntN(60))*time.Second, connectors.Priority(rng.IntN(connectors.Priorities))
		lane := []string{"", "", "search"}[rng.IntN(3)]
		wg.Go(func() {
			time.Sleep(start)
			ctx, cancel := context.WithTimeout(connectors.WithPriority(context.Background(), p), patience)
			defer cancel()
			place, err := g.enter(ctx, lane, 1)
			mu.Lock()
			defer mu.Unlock()
			now := time.Now()
			switch {
			case err != nil && connectors.KindOf(err) == connectors.RateLimited:
				refused++
				return
			case err != nil:
				gaveUp++
				return
			}
			inside++
			passed++
			if inside > slots {
				t.Errorf("seed %d: %d calls under way, want at most %d", seed, inside, slots)
			}
			for _, p := range pauses { // one that began at this instant may have come after the pass
				if p.from.Before(now) && now.Before(p.until) {
					t.Errorf("seed %d: a call passed %v before the end of a pause", seed, p.until.Sub(now))
				}
			}
			if lane == "search" {
				if now.Sub(lastSearch) < time.Second/4 {
					t.Errorf("seed %d: searches %v apart", seed, now.Sub(lastSearch))
				}
				lastSearch = now
			} else {
				passes[now.Unix()]++
			}
			mu.Unlock()
			time.Sleep(hold)
			mu.Lock()
			inside--
			place.leave(Learnt{})
		})
	}
	for range 10 {
		at, d := time.Duration(rng.IntN(40_000))*time.Millisecond, time.Duration(1+rng.IntN(5_000))*time.Millisecond
		wg.Go(func() {
			time.Sleep(at)
			mu.Lock()
			defer mu.Unlock()
			pauses = append(pauses, span{time.Now(), time.Now().Add(d)})
			g.pause(d, time.Now())
		})
	}
	wg.Wait()
	for second, n := range passes {
		if n > perSecond+5 {
			t.Errorf("seed %d: %d calls in second %d, want at most %d", seed, n, second, perSecond+5)
		}
	}
	if passed+refused+gaveUp != 500 || passed > 400 || passed < 100 {
		t.Errorf("seed %d: %d passed, %d were refused, %d gave up; of 500, at most 400 a day", seed, passed, refused, gaveUp)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.free != slots || !g.idle() {
		t.Errorf("seed %d: %d slots are free at the end, want %d", seed, g.free, slots)
	}
}
