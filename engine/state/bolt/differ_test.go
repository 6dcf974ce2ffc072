package bolt_test

import (
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/engine/state/statetest"
)

var (
	differSeeds        = flag.Uint64("differ.seeds", 6, "how many seeds TestDiffer runs")
	differTransactions = flag.Int("differ.transactions", 300, "how many transactions of up to twelve calls a seed has")
)

// TestDiffer holds the file against the state in memory.
func TestDiffer(t *testing.T) {
	for seed := range *differSeeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			statetest.Differ(t, seed, *differTransactions, harness(filepath.Join(t.TempDir(), "tenon.db")), inMemory(memory.New()))
		})
	}
}

func inMemory(b *memory.Backend) statetest.Harness {
	return statetest.Harness{
		Open: func(*testing.T) (state.Backend, error) {
			b = b.Clone()
			return b, nil
		},
		Crash:   func(*testing.T) statetest.Harness { return inMemory(b.Clone()) },
		Restore: func(_ *testing.T, r io.Reader) (state.Backend, error) { return memory.Restore(r) },
	}
}
