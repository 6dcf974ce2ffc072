package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tenonsync/tenon/connectors/all"
)

// TestScripts runs the command lines in testdata/script as a person would.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":      scriptCode,
			"waitfile":  scriptWaitFile,
			"systems":   scriptSystems,
			"tokenfrom": scriptTokenFrom,
			"address":   scriptAddress,
			"ready":     scriptReady,
			"request":   scriptRequest,
			"until":     scriptUntil,
			"deal":      scriptDeal,
			"issue":     scriptIssue,
			"edit":      scriptEdit,
			"cut":       scriptCut,
		},
		UpdateScripts: *update,
	})
}

// scriptCode runs a command and checks its exit code: code 3 tenon validate.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if err != nil || neg || len(args) < 2 {
		ts.Fatalf("usage: code N command args...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// scriptWaitFile waits until a file is there.
func scriptWaitFile(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s never came", args[0])
		}
		time.Sleep(30 * time.Millisecond) // between two looks, bounded by the deadline
	}
}

// scriptSystems starts the emulated systems, writes the demo's configuration
// into the script's folder and sets its variables.
func scriptSystems(ts *testscript.TestScript, _ bool, _ []string) {
	registry, err := all.Registry()
	ts.Check(err)
	c := &cli{stdout: ts.Stdout(), stderr: ts.Stderr(), registry: registry, output: "table"}
	address, release, err := reserve()
	ts.Check(err)
	ts.Defer(release)
	d, err := c.newDemonstration(ts.MkAbs("."), demoOptions{address: address, sandbox: sandboxOptions{seed: 1}})
	ts.Check(err)
	ts.Defer(d.close)
	folder := ts.Getenv("WORK")
	scriptWorlds.Store(folder, d)
	ts.Defer(func() { scriptWorlds.Delete(folder) })
	for name, value := range d.variables() {
		ts.Setenv(name, value)
	}
}

// scriptTokenFrom makes the token in a file the one that commands send.
func scriptTokenFrom(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("TENON_TOKEN", strings.TrimSpace(ts.ReadFile(args[0])))
}
