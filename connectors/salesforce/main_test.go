package salesforce

import (
	"flag"
	"os"
	"testing"
)

// TestMain fixes the seed of drawn inputs, so that a run tells the same as the
// one before it; -rapid.seed draws others.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.seed", "20260312"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
