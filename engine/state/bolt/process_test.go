package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
)

// Some tests need a process of their own, to kill it or to limit it: the test
// binary started again with these variables.
const (
	roleVariable = "TENON_TEST_ROLE"
	pathVariable = "TENON_TEST_PATH"
)

// roles are what such a process may do; it exits with the code returned.
var roles = map[string]func(path string) error{"writer": beWriter}

func TestMain(m *testing.M) {
	role, ok := roles[os.Getenv(roleVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := role(os.Getenv(pathVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func inRole(ctx context.Context, role, path string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+role, pathVariable+"="+path)
	cmd.Stderr = os.Stderr
	return cmd
}

// beWriter takes deliveries in until it is killed, and prints the id of each
// that was confirmed.
func beWriter(path string) error {
	ctx := context.Background()
	d, err := bolt.Open(ctx, path, bolt.Options{LockWait: time.Minute})
	if err != nil {
		return err
	}
	s, err := state.Open(ctx, d, state.Options{})
	if err != nil {
		return err
	}
	var out sync.Mutex
	errs := make(chan error)
	for sender := range 4 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), sender, i)
				err := s.Update(ctx, func(tx state.Tx) error { return intake(tx, id) })
				if err != nil {
					errs <- err
					return
				}
				out.Lock()
				fmt.Println(id)
				out.Unlock()
			}
		}()
	}
	return <-errs
}

// intake is what a webhook writes.
func intake(tx state.Tx, id string) error {
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	if _, err := tx.SeenDelivery("hubspot", id, now, now.Add(24*time.Hour)); err != nil {
		return err
	}
	return tx.PutEntry(&state.Entry{
		Subject: state.Subject{Mapping: "won-deal", Record: id}, Sides: 1, Priority: 1, Due: now, First: now, Gen: 1, Source: "webhook",
	})
}

// TestKilled kills writers without warning: what they had confirmed is there.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenon.db")
	var confirmed []string
	for round := range 4 {
		cmd := inRole(t.Context(), "writer", path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			confirmed = append(confirmed, lines.Text())
			if n++; n == 20+round*30 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer ended by itself")
		}
		checkConfirmed(t, path, confirmed)
	}
	t.Logf("confirmed: %d", len(confirmed))
}

func checkConfirmed(t *testing.T, path string, confirmed []string) {
	t.Helper()
	d, err := bolt.Open(t.Context(), path, bolt.Options{LockWait: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s, err := state.Open(t.Context(), d, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Check(t.Context())
	if err != nil || len(r.Problems) > 0 {
		t.Fatalf("check after a kill: %v, %v", r.Problems, err)
	}
	err = s.View(t.Context(), func(tx state.Tx) error {
		for _, id := range confirmed {
			if _, err := tx.Entry(state.Subject{Mapping: "won-deal", Record: id}); err != nil {
				t.Errorf("%s was confirmed, but after a kill: %v", id, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
