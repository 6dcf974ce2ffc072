package memory_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/engine/state/statetest"
)

func open(t *testing.T, b state.Backend) state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), b, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCloneIsIndependent(t *testing.T) {
	b := memory.New()
	s := open(t, b)
	put := func(s state.Store, cursor string) {
		if err := s.Update(t.Context(), func(tx state.Tx) error { return tx.SetCursor("poll", cursor) }); err != nil {
			t.Fatal(err)
		}
	}
	cursor := func(s state.Store) (got string) {
		if err := s.View(t.Context(), func(tx state.Tx) (err error) { got, err = tx.Cursor("poll"); return err }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	put(s, "one")
	image := b.Clone()
	put(s, "two")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := cursor(open(t, image)), "one"; got != want {
		t.Errorf("in the clone: got %q, want %q", got, want)
	}
	if got, want := cursor(open(t, b.Clone())), "two"; got != want {
		t.Errorf("in a clone after Close: got %q, want %q", got, want)
	}
}

func TestRestore(t *testing.T) {
	b := memory.New()
	s := open(t, b)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	want := &state.Link{
		Mapping: "won-deal", Created: at,
		Ends: [2]state.End{{ID: "1"}, {ID: "2"}},
	}
	if err := s.Update(t.Context(), func(tx state.Tx) error { return tx.PutLink(want) }); err != nil {
		t.Fatal(err)
	}
	var copied bytes.Buffer
	if err := s.Backup(t.Context(), &copied); err != nil {
		t.Fatal(err)
	}
	for n := range copied.Len() {
		if _, err := memory.Restore(bytes.NewReader(copied.Bytes()[:n])); !errors.Is(err, state.ErrCorrupt) {
			t.Fatalf("a backup cut to %d of %d bytes: got error %v, want ErrCorrupt", n, copied.Len(), err)
		}
	}
	restored, err := memory.Restore(bytes.NewReader(copied.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, restored)
	err = s.View(t.Context(), func(tx state.Tx) error {
		got, err := tx.LinkOf("won-deal", state.Right, "2")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the link after a restore (-want +got):\n%s", diff)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSuite(t *testing.T) {
	statetest.Run(t, func(*testing.T) statetest.Harness { return harness(memory.New()) })
}

// harness opens clones of what b holds: a clone is all that there is to open
// after a backend was closed.
func harness(b *memory.Backend) statetest.Harness {
	return statetest.Harness{
		Open: func(*testing.T) (state.Backend, error) {
			b = b.Clone()
			return b, nil
		},
		Crash: func(*testing.T) statetest.Harness { return harness(b.Clone()) },
		Restore: func(_ *testing.T, r io.Reader) (state.Backend, error) {
			return memory.Restore(r)
		},
	}
}
