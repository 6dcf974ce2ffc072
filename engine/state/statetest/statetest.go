// Package statetest is the suite that every backend of the state passes: what
// a Store over it keeps, finds and counts, what its transactions promise, and
// what is left after a reopening, a crash and a restore.
package statetest

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/engine/state"
)

// Harness is one backend under test, with a place of its own.
type Harness struct {
	// Open opens the backend. After Close it is called again and finds what
	// was committed.
	Open func(t *testing.T) (state.Backend, error)

	// Crash returns a harness over what a process would find that starts now,
	// as if the one that has the backend open were killed. It is called from
	// several goroutines while updates run.
	Crash func(t *testing.T) Harness

	// Restore returns a backend made from what Backup wrote.
	Restore func(t *testing.T, backup io.Reader) (state.Backend, error)
}

// Run runs the suite. fresh returns the harness of an empty backend.
func Run(t *testing.T, fresh func(t *testing.T) Harness) {
	groups := []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"Links", testLinks},
		{"LinkIndexes", testLinkIndexes},
		{"DeleteLink", testDeleteLink},
		{"Queue", testQueue},
		{"QueueOrder", testQueueOrder},
		{"QueueSubjects", testQueueSubjects},
		{"Intents", testIntents},
		{"Asides", testAsides},
		{"Journal", testJournal},
		{"JournalPrune", testJournalPrune},
		{"JournalClock", testJournalClock},
		{"Memory", testMemory},
		{"Deliveries", testDeliveries},
		{"Docs", testDocs},
		{"Refusals", testRefusals},
		{"UpdateFails", testUpdateFails},
		{"UpdatePanics", testUpdatePanics},
		{"UpdateExits", testUpdateExits},
		{"UpdateSeesItsWrites", testOwnWrites},
		{"ViewIsReadOnly", testViewReadOnly},
		{"ViewIsASnapshot", testSnapshot},
		{"EndedTransaction", testEnded},
		{"Cancelled", testCancelled},
		{"Closed", testClosed},
		{"Scan", testScan},
		{"Concurrent", testConcurrent},
		{"ConcurrentFailures", testConcurrentFailures},
		{"Reopen", testReopen},
		{"Crash", testCrash},
		{"CrashUnderLoad", testCrashUnderLoad},
		{"Backup", testBackup},
		{"Keep", testKeep},
		{"Random", testRandom},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) { g.run(t, fresh(t)) })
	}
}

// open opens a store; it is closed with the test.
func open(t *testing.T, h Harness) state.Store {
	t.Helper()
	b, err := h.Open(t)
	if err != nil {
		t.Fatalf("open the backend: %v", err)
	}
	return layOut(t, b)
}

func layOut(t *testing.T, b state.Backend) state.Store {
	t.Helper()
	t.Cleanup(func() { _ = b.Close() })
	s, err := state.Open(t.Context(), b, state.Options{})
	if err != nil {
		t.Fatalf("open the state: %v", err)
	}
	return s
}

func update(t *testing.T, s state.Store, fn func(tx state.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func view(t *testing.T, s state.Store, fn func(tx state.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// sound fails the test when Check finds a problem.
func sound(t *testing.T, s state.Store) state.Report {
	t.Helper()
	r, err := s.Check(t.Context())
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	for _, p := range r.Problems {
		t.Errorf("check: %s", p)
	}
	return r
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// day is the start of the suite's time.
var day = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return day.Add(d) }

func link(mapping, left, right string) *state.Link {
	return &state.Link{
		Mapping: mapping, Created: at(0),
		Ends: [2]state.End{{ID: left}, {ID: right}},
	}
}

func ids(links []*state.Link) []uint64 {
	list := []uint64{}
	for _, l := range links {
		list = append(list, l.ID)
	}
	return list
}

func seqs(events []*state.Event) []uint64 {
	list := []uint64{}
	for _, e := range events {
		list = append(list, e.Seq)
	}
	return list
}

func records(entries []*state.Entry) []string {
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Record)
	}
	return list
}
