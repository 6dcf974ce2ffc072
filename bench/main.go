// Command bench measures Tenon from outside, against Benthos on the same flow
// and against its own goals. Run it without arguments to measure everything;
// ../docs/performance.md says what the figures mean.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// experiments are what can be measured, in the order of the goals.
var experiments = []struct {
	name string
	run  func(*bench) error
}{
	{"peer", peer}, {"path", path}, {"backfill", backfill}, {"idle", idle},
}

func run(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "role-tenon":
			return runTenon(args[1:])
		case "role-benthos":
			return runBenthos(args[1:])
		}
	}
	b := &bench{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&b.rounds, "rounds", 5, "rounds of each measurement; medians are printed")
	f.IntVar(&b.records, "records", 100_000, "records of the backfill")
	f.DurationVar(&b.length, "length", 10*time.Second, "of each measurement at a steady rate")
	f.StringVar(&b.dir, "dir", "", "where states are kept; default: a folder for temporary files")
	f.StringVar(&b.tenon, "tenon", "", "the tenon binary, for the measurement of an idle service")
	f.StringVar(&b.profiles, "profiles", "", "folder for profiles of Tenon's processes; default: none are taken")
	f.BoolVar(&b.verbose, "v", false, "print each round")
	if err := f.Parse(args); err != nil {
		return err
	}
	wanted := f.Args()
	fmt.Printf("one sync of a written page takes %s here\n", syncTime(b.dir))
	for _, e := range experiments {
		if len(wanted) > 0 && !slices.Contains(wanted, e.name) {
			continue
		}
		if err := e.run(b); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return nil
}

// bench is one run of measurements.
type bench struct {
	rounds   int
	records  int
	length   time.Duration
	dir      string
	tenon    string
	profiles string
	verbose  bool
}

// row prints one figure beside its goal.
func (b *bench) row(id, figure, value, goal string, met bool) {
	word := "met"
	switch {
	case goal == "":
		word = ""
	case !met:
		word = "NOT MET"
	}
	fmt.Printf("%-4s %-72s %16s  %-12s %s\n", id, figure, value, goal, word)
}

func (b *bench) note(format string, args ...any) {
	if b.verbose {
		fmt.Printf("     "+format+"\n", args...)
	}
}

func (b *bench) folder() (string, error) { return os.MkdirTemp(b.dir, "tenon-bench-") }

func median[T int | float64 | time.Duration](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}

func short(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

// syncTime returns how long a small write takes to reach the disk, as a guide
// to how figures compare between machines.
func syncTime(dir string) string {
	f, err := os.CreateTemp(dir, "tenon-bench-")
	if err != nil {
		return "an unknown time"
	}
	defer func() { _ = os.Remove(f.Name()) }()
	defer func() { _ = f.Close() }()
	var took []time.Duration
	page := []byte(strings.Repeat("x", 4096))
	for range 50 {
		start := time.Now()
		if _, err := f.Write(page); err != nil || f.Sync() != nil {
			return "an unknown time"
		}
		took = append(took, time.Since(start))
	}
	return short(median(took))
}
