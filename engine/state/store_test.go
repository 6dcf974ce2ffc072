package state_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/engine/state/memory"
)

func openBolt(t *testing.T, path string, o bolt.Options) *bolt.DB {
	t.Helper()
	d, err := bolt.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func put(key, value string) func(state.Writer) error {
	return func(w state.Writer) error { return w.Put(state.SpaceDocs, []byte(key), []byte(value)) }
}

func value(t *testing.T, b state.Backend, key string) (v string) {
	t.Helper()
	err := b.View(t.Context(), func(r state.Reader) error {
		p, err := r.Get(state.SpaceDocs, []byte(key))
		v = string(p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestUpgrade(t *testing.T) {
	d := openBolt(t, filepath.Join(t.TempDir(), "tenon.db"), bolt.Options{})
	if err := state.Prepare(t.Context(), d, 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Update(t.Context(), put("row", "1")); err != nil {
		t.Fatal(err)
	}

	// A step that fails leaves the older layout.
	boom := errors.New("boom")
	steps := map[uint64]func(state.Writer) error{
		1: put("row", "2"),
		2: func(w state.Writer) error { return errors.Join(put("row", "broken")(w), boom) },
	}
	if err := state.Prepare(t.Context(), d, 3, steps); !errors.Is(err, boom) {
		t.Errorf("a step that fails: got error %v, want boom", err)
	}
	if got := value(t, d, "row"); got != "1" {
		t.Errorf("after a step that failed: got %q, want 1", got)
	}

	steps[2] = func(w state.Writer) error {
		v, err := w.Get(state.SpaceDocs, []byte("row"))
		if err != nil || string(v) != "2" {
			t.Errorf("the second step finds %q, %v, want 2", v, err)
		}
		return put("row", "3")(w)
	}
	for range 2 { // the second time there is nothing to do
		if err := state.Prepare(t.Context(), d, 3, steps); err != nil {
			t.Fatal(err)
		}
		if got := value(t, d, "row"); got != "3" {
			t.Errorf("after the upgrade: got %q, want 3", got)
		}
	}
	for _, copied := range []string{".layout-1", ".layout-1-2"} { // one a try
		if got := value(t, openBolt(t, d.Path()+copied, bolt.Options{ReadOnly: true}), "row"); got != "1" {
			t.Errorf("in the copy %s: got %q, want 1", copied, got)
		}
	}

	if _, err := state.Open(t.Context(), d, state.Options{}); !errors.Is(err, state.ErrNewer) {
		t.Errorf("an older program: got error %v, want ErrNewer", err)
	}
	if _, err := state.Inspect(t.Context(), d); !errors.Is(err, state.ErrNewer) {
		t.Errorf("Inspect by an older program: got error %v, want ErrNewer", err)
	}
	if err := state.Prepare(t.Context(), d, 5, steps); err == nil || !strings.Contains(err.Error(), "from layout 3 to 4") {
		t.Errorf("without a step: got error %v, want one that names it", err)
	}
}

func TestUpgradeNeedsWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tenon.db")
	d := openBolt(t, path, bolt.Options{})
	if err := state.Prepare(t.Context(), d, 1, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = openBolt(t, path, bolt.Options{ReadOnly: true})
	if err := state.Prepare(t.Context(), d, 2, nil); !errors.Is(err, state.ErrReadOnly) {
		t.Errorf("opened for reading: got error %v, want ErrReadOnly", err)
	}
	if found, _ := filepath.Glob(path + ".*"); len(found) > 0 {
		t.Errorf("copies were made: %v", found)
	}
}

func TestOpenRefusesRowsWithoutVersion(t *testing.T) {
	b := memory.New()
	if err := b.Update(t.Context(), put("row", "1")); err != nil {
		t.Fatal(err)
	}
	if _, err := state.Open(t.Context(), b, state.Options{}); !errors.Is(err, state.ErrCorrupt) {
		t.Errorf("got error %v, want ErrCorrupt", err)
	}
}

// TestCheckFinds damages each space in turn, below the layout.
func TestCheckFinds(t *testing.T) {
	filled := func() *memory.Backend {
		b := memory.New()
		s, err := state.Open(t.Context(), b, state.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Update(t.Context(), func(tx state.Tx) error {
			l := &state.Link{Mapping: "one", Ends: [2]state.End{{ID: "1"}, {ID: "2"}}, Fields: []state.Field{{Rule: 7, Pending: &state.Pending{Source: 1}}}}
			if err := tx.PutLink(l); err != nil {
				return err
			}
			gone := &state.Link{Mapping: "one", Ends: [2]state.End{{ID: "3"}, {}}}
			if err := tx.PutLink(gone); err != nil {
				return err
			}
			_, err := tx.SeenDelivery("hubspot", "d", l.Created, l.Created)
			return errors.Join(
				err,
				tx.PutEntry(&state.Entry{Subject: state.Subject{Mapping: "one", Link: l.ID}}),
				tx.PutIntent(&state.Intent{Key: "k", Mapping: "one", Record: "1"}),
				tx.PutAside(&state.Aside{Link: l.ID, Rule: 1, Mapping: "one"}),
				tx.AppendJournal(&state.Event{Mapping: "one", Link: l.ID}),
				tx.AppendJournal(&state.Event{Mapping: "one", Link: l.ID}),
				tx.AppendJournal(&state.Event{Mapping: "one", Link: gone.ID}), tx.DeleteLink(gone.ID),
				tx.SetCursor("c", "1"), tx.SetKnown("one", 0, "9", []byte{1}), tx.SetSecret("s", []byte{1}), tx.SetDoc("k", "k", []byte{1}),
			)
		})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	problems := func(b *memory.Backend) []string {
		s, err := state.Open(t.Context(), b, state.Options{})
		if errors.Is(err, state.ErrCorrupt) {
			return []string{err.Error()}
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r.Problems
	}
	if got := problems(filled()); len(got) > 0 {
		t.Fatalf("before any damage: %v", got)
	}
	damages := map[string]func(w state.Writer, s state.Space, k, v []byte) error{
		"a row is missing": func(w state.Writer, s state.Space, k, _ []byte) error { return w.Delete(s, k) },
		"a row has another key": func(w state.Writer, s state.Space, k, v []byte) error {
			other := append([]byte(nil), k...)
			other[len(other)-1] ^= 1
			return errors.Join(w.Delete(s, k), w.Put(s, other, v))
		},
		"a bit is flipped": func(w state.Writer, s state.Space, k, v []byte) error {
			other := append([]byte(nil), v...)
			if len(other) == 0 {
				return w.Delete(s, k)
			}
			other[len(other)/2] ^= 4
			return w.Put(s, k, other)
		},
	}
	// Rows that nothing else speaks of: that one is missing cannot be seen.
	alone := map[state.Space]bool{
		state.SpaceCursors: true, state.SpaceKnown: true, state.SpaceSecrets: true, state.SpaceDocs: true,
	}
	for _, s := range state.Spaces() {
		for name, damage := range damages {
			var keys, values [][]byte
			b := filled()
			err := b.View(t.Context(), func(r state.Reader) error {
				return r.Scan(s, state.Range{}, func(k, v []byte) bool {
					keys, values = append(keys, k), append(values, v)
					return true
				})
			})
			if err != nil || len(keys) == 0 {
				t.Fatalf("%s: %d rows, %v", s, len(keys), err)
			}
			for i := range keys {
				b := filled()
				if err := b.Update(t.Context(), func(w state.Writer) error { return damage(w, s, keys[i], values[i]) }); err != nil {
					t.Fatal(err)
				}
				found := len(problems(b)) > 0
				if !found && !(name == "a row is missing" && alone[s]) {
					t.Errorf("%s, row %d: %s: Check found nothing", s, i, name)
				}
			}
		}
	}
}
