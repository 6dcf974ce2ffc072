package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tenonsync/tenon/connectors/all"
)

var update = flag.Bool("update", false, "rewrite goldens and generated pages")

// runAsTenon makes the test binary be the program: tests that need it as a
// process of its own start it with this variable set.
const runAsTenon = "TENON_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runAsTenon) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"tenon": main})
}

// interrupted returns a context that the test's end ends.
func interrupted(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
	t.Cleanup(stop)
	return ctx
}

// newTestDemo starts the emulated systems and writes the demo's configuration
// into a folder of the test's. With an address, a process of its own will serve there.
func newTestDemo(t *testing.T, seed uint64, address string) *demonstration {
	t.Helper()
	return newTestDemoOf(t, "", seed, address)
}

// newTestDemoOf is newTestDemo for an example, the first for "".
func newTestDemoOf(t *testing.T, example string, seed uint64, address string) *demonstration {
	t.Helper()
	registry, err := all.Registry()
	if err != nil {
		t.Fatal(err)
	}
	c := &cli{stdout: t.Output(), stderr: t.Output(), registry: registry, output: "table"}
	d, err := c.newDemonstration(t.TempDir(), demoOptions{example: example, addr: anyPort, address: address, sandbox: sandboxOptions{seed: seed}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// eventually fails the test when look still finds something wrong after a time
// that no healthy run needs: an answer that a kill took away may be waited for
// for five minutes, as long as a system may take to show what was made.
func eventually(t *testing.T, look func() error) {
	t.Helper()
	deadline := time.Now().Add(7 * time.Minute)
	for {
		wrong := look()
		if wrong == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %v", wrong)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(context.Cause(t.Context()))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// environ returns the variables of the demo's configuration for a process.
func (d *demonstration) environ() []string {
	env := append(os.Environ(), runAsTenon+"=1")
	for name, value := range d.variables() {
		env = append(env, fmt.Sprintf("%s=%s", name, value))
	}
	return env
}
