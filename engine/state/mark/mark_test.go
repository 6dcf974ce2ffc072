package mark_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/engine/state/mark"
)

var quiet = slog.New(slog.DiscardHandler)

// use opens the state at path as a service does, runs some updates and closes
// it, and returns why the state was in doubt.
func use(t *testing.T, path string, updates int) (doubt string) {
	t.Helper()
	var m mark.Mark
	db, err := bolt.Open(t.Context(), path, bolt.Options{Committed: m.Commit})
	if err != nil {
		t.Fatal(err)
	}
	s, err := state.Open(t.Context(), db, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	commit, err := db.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	have, err := mark.Read(t.Context(), s, commit)
	if err != nil {
		t.Fatal(err)
	}
	if doubt = mark.Compare(path, have); doubt != "" || have.Line == (mark.Line{}) {
		if err := s.Update(t.Context(), func(tx state.Tx) error { have.Line, err = mark.Begin(tx); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Write(path, have, quiet); err != nil {
		t.Fatal(err)
	}
	for n := range updates {
		if err := s.Update(t.Context(), func(tx state.Tx) error { return tx.SetDoc("test", "n", []byte{byte(n)}) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return doubt
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDoubt: which files in the place of a state are noticed.
func TestDoubt(t *testing.T) {
	for _, c := range []struct {
		name string
		swap func(t *testing.T, path, older string) // older is a copy of the state that was used since
		want string                                 // part of the reason
	}{
		{"the same file", func(*testing.T, string, string) {}, ""},
		{"an older copy", func(t *testing.T, path, older string) { copyFile(t, older, path) }, "it is older than the state that was last in use here: commit "},
		{"another state", func(t *testing.T, path, _ string) {
			other := filepath.Join(t.TempDir(), "other.db")
			use(t, other, 50)
			copyFile(t, other, path)
		}, "it is not the state that was last in use here"},
		{"the newer file after its older copy was used", func(t *testing.T, path, older string) {
			newer := older + ".newer"
			copyFile(t, path, newer)
			copyFile(t, older, path)
			use(t, path, 1)
			copyFile(t, newer, path)
		}, "it is not the state that was last in use here"},
		{"no mark", func(t *testing.T, path, _ string) {
			if err := os.Remove(path + mark.Suffix); err != nil {
				t.Fatal(err)
			}
		}, "its mark is not beside it"},
		{"a cut mark", func(t *testing.T, path, _ string) {
			if err := os.Truncate(path+mark.Suffix, 20); err != nil {
				t.Fatal(err)
			}
		}, "its mark is damaged"},
		{"a bent mark", func(t *testing.T, path, _ string) {
			text, err := os.ReadFile(path + mark.Suffix)
			if err != nil {
				t.Fatal(err)
			}
			text[50] ^= 1
			if err := os.WriteFile(path+mark.Suffix, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "its mark is damaged"},
		{"a mark that is behind, as after a power cut", func(t *testing.T, path, _ string) {
			copyFile(t, path+mark.Suffix, path+".kept")
			use(t, path, 5)
			copyFile(t, path+".kept", path+mark.Suffix)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tenon.db")
			older := path + ".older"
			if got := use(t, path, 3); got != "" {
				t.Fatalf("a new state is in doubt: %s", got)
			}
			copyFile(t, path, older)
			if got := use(t, path, 3); got != "" {
				t.Fatalf("a state that was closed is in doubt: %s", got)
			}
			c.swap(t, path, older)
			if got := use(t, path, 1); !strings.HasPrefix(got, c.want) || got != "" && c.want == "" {
				t.Errorf("got doubt %q, want %q", got, c.want)
			}
			if got := use(t, path, 1); got != "" {
				t.Errorf("still in doubt after a use: %s", got)
			}
		})
	}
}
