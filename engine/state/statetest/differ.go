package statetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenonsync/tenon/engine/state"
)

// Differ runs the same random transactions, drawn from a seed, over two
// backends, and fails when they answer differently or when, after a reopening,
// a crash, a restored backup and at the end, any row of one is not in the other.
func Differ(t *testing.T, seed uint64, transactions int, one, other Harness) {
	steps := rand.New(rand.NewPCG(seed, 4))
	sides := [2]*differing{begin(t, one), begin(t, other)}
	for n := range transactions {
		size, fails := 1+steps.IntN(12), steps.IntN(8) == 0
		var answers [2][]outcome
		for i, d := range sides {
			err := d.store.Update(t.Context(), func(tx state.Tx) error {
				// A function may run more than once: it draws anew.
				r := rand.New(rand.NewPCG(seed<<32|uint64(n), 5))
				answers[i] = nil
				for range size {
					answers[i] = append(answers[i], step(r, tx))
				}
				if fails {
					return errBoom
				}
				return nil
			})
			if (err != nil) != fails {
				t.Fatalf("seed %d, transaction %d: got error %v", seed, n, err)
			}
		}
		if diff := gocmp.Diff(answers[0], answers[1], cmpopts.EquateErrors()); diff != "" {
			t.Fatalf("seed %d, transaction %d: the answers differ (-one +other):\n%s", seed, n, diff)
		}
		if n%25 != 24 && n != transactions-1 {
			continue
		}
		switch event := steps.IntN(4); event {
		case 0:
			sides[0].reopen(t)
			sides[1].reopen(t)
		case 1:
			sides[0].crash(t)
			sides[1].crash(t)
		case 2:
			sides[0].restored(t).alike(t, sides[1].restored(t))
		}
		sides[0].alike(t, sides[1])
		if t.Failed() {
			t.Fatalf("seed %d, after transaction %d", seed, n)
		}
	}
}

// differing is one of the two backends.
type differing struct {
	h       Harness
	backend state.Backend
	store   state.Store
}

func begin(t *testing.T, h Harness) *differing {
	t.Helper()
	d := &differing{h: h}
	d.open(t)
	return d
}

func (d *differing) open(t *testing.T) {
	t.Helper()
	var err error
	if d.backend, err = d.h.Open(t); err != nil {
		t.Fatalf("open the backend: %v", err)
	}
	d.store = layOut(t, d.backend)
}

func (d *differing) reopen(t *testing.T) {
	t.Helper()
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	d.open(t)
}

func (d *differing) crash(t *testing.T) {
	t.Helper()
	d.h = d.h.Crash(t)
	d.reopen(t)
}

// restored returns what a backup brings back.
func (d *differing) restored(t *testing.T) *differing {
	t.Helper()
	var copied bytes.Buffer
	if err := d.store.Backup(t.Context(), &copied); err != nil {
		t.Fatal(err)
	}
	b, err := d.h.Restore(t, &copied)
	if err != nil {
		t.Fatal(err)
	}
	return &differing{backend: b, store: layOut(t, b)}
}

// alike holds each row of both against each other, and what Check says.
func (d *differing) alike(t *testing.T, other *differing) {
	t.Helper()
	if diff := gocmp.Diff(sound(t, d.store), sound(t, other.store)); diff != "" {
		t.Errorf("the reports of Check differ (-one +other):\n%s", diff)
	}
	if diff := gocmp.Diff(rows(t, d.backend), rows(t, other.backend)); diff != "" {
		t.Errorf("the rows differ (-one +other):\n%s", diff)
	}
}

// rows returns every pair of every space, in order, and makes sure that the
// order backwards is the same.
func rows(t *testing.T, b state.Backend) []string {
	t.Helper()
	var all []string
	err := b.View(t.Context(), func(r state.Reader) error {
		for _, s := range state.Spaces() {
			from := len(all)
			err := r.Scan(s, state.Range{}, func(k, v []byte) bool {
				all = append(all, fmt.Sprintf("%s %x = %x", s, k, v))
				return true
			})
			if err != nil {
				return err
			}
			at := len(all)
			err = r.Scan(s, state.Range{Reverse: true}, func(k, v []byte) bool {
				at--
				if row := fmt.Sprintf("%s %x = %x", s, k, v); at < from || row != all[at] {
					t.Errorf("backwards: %s is out of place", row)
					return false
				}
				return true
			})
			if err != nil {
				return err
			}
			if at != from {
				t.Errorf("backwards: %d rows of %s are missing", at-from, s)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
