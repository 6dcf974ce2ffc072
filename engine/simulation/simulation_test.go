package simulation

import (
	"flag"
	"runtime"
	"strings"
	"sync"
	"testing"
)

var (
	oneSeed = flag.Uint64("seed", 0, "replay this seed, shrunk")
	seeds   = flag.Int("seeds", 300, "how many seeds to run")
	events  = flag.Int("events", 150, "events a seed")
	stop    = flag.Bool("until-failure", false, "start no seed after one failed")
)

// TestSeeds runs the seeds over all variants.
func TestSeeds(t *testing.T) { runSeeds(t, Variants(), *seeds) }

// handShare is how many seeds without an admin's hands there are for each with
// them.
const handShare = 5

// TestSeedsWithHands runs seeds over the worlds in which an admin's hands act.
func TestSeedsWithHands(t *testing.T) { runSeeds(t, HandVariants(), *seeds/handShare) }

func runSeeds(t *testing.T, variants []Variant, seeds int) {
	if *oneSeed != 0 {
		v := variants[*oneSeed%uint64(len(variants))]
		left, res, err := Shrink(*oneSeed, *events, v)
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Problems) > 0 {
			t.Fatalf("seed %d (%s) fails with %d events:\n%s\n%s", *oneSeed, v.Name, len(left), strings.Join(res.Problems, "\n"), res.Trace)
		}
		return
	}
	var wg sync.WaitGroup
	work := make(chan uint64)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := range work {
				v := variants[seed%uint64(len(variants))]
				res, err := Run(seed, *events, v, nil)
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
					continue
				}
				if len(res.Problems) > 0 {
					t.Errorf("seed %d (%s): %s\n\treplay: go test ./engine/simulation -run '^%s$' -seed %d -events %d",
						seed, v.Name, strings.Join(res.Problems, "; "), t.Name(), seed, *events)
				}
			}
		})
	}
	for seed := range uint64(seeds) {
		if *stop && t.Failed() {
			break
		}
		work <- seed + 1
	}
	close(work)
	wg.Wait()
}

// TestSameSeedSameTrace holds two runs of one seed against each other, byte for
// byte.
func TestSameSeedSameTrace(t *testing.T) {
	for i, v := range append(Variants(), HandVariants()...) {
		seed := uint64(1000 + i)
		a, err := Run(seed, 120, v, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Run(seed, 120, v, nil)
		if err != nil {
			t.Fatal(err)
		}
		if a.Trace != b.Trace || a.Writes != b.Writes {
			t.Errorf("%s: two runs of seed %d differ", v.Name, seed)
		}
	}
}
