package bolt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
)

// openStore opens a store that is closed with the test.
func openStore(t *testing.T, path string) state.Store {
	t.Helper()
	s, err := tryOpen(t, path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryOpen(t *testing.T, path string, o bolt.Options) (state.Store, error) {
	t.Helper()
	d, err := bolt.Open(t.Context(), path, o)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { d.Close() })
	return state.Open(t.Context(), d, state.Options{})
}

func addLinks(t *testing.T, s state.Store, from, to int) {
	t.Helper()
	err := s.Update(t.Context(), func(tx state.Tx) error {
		for i := from; i < to; i++ {
			l := &state.Link{
				Mapping: "won-deal", Created: time.UnixMicro(int64(i)).UTC(),
				Ends:   [2]state.End{{ID: fmt.Sprint(i)}, {ID: fmt.Sprint("x", i)}},
				Fields: []state.Field{{Rule: 1, Known: [2]bool{true, true}, Base: [2]state.Print{1, state.Print(i)}}},
			}
			if err := tx.PutLink(l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// links returns all links as text.
func links(s state.Store, t *testing.T) (text string, err error) {
	t.Helper()
	err = s.View(t.Context(), func(tx state.Tx) error {
		list, err := tx.ListLinks("", 0, 1<<20)
		if err != nil {
			return err
		}
		b, err := json.Marshal(list)
		text = string(b)
		return err
	})
	return text, err
}

// filled returns the path of a closed file with some hundred links, and what
// links tells of it.
func filled(t *testing.T) (path, want string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "tenon.db")
	s := openStore(t, path)
	addLinks(t, s, 0, 150)
	addLinks(t, s, 150, 300)
	want, err := links(s, t)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, want
}

func TestLocked(t *testing.T) {
	path, _ := filled(t)
	s := openStore(t, path)
	for _, readOnly := range []bool{false, true} {
		_, err := tryOpen(t, path, bolt.Options{ReadOnly: readOnly, LockWait: time.Millisecond})
		if !errors.Is(err, state.ErrLocked) {
			t.Errorf("opened twice, read-only %v: got error %v, want ErrLocked", readOnly, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openStore(t, path)
}

func TestReadOnly(t *testing.T) {
	if _, err := tryOpen(t, filepath.Join(t.TempDir(), "none.db"), bolt.Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got error %v, want fs.ErrNotExist", err)
	}
	path, want := filled(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // side by side
		s, err := tryOpen(t, path, bolt.Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := links(s, t); got != want || err != nil {
			t.Errorf("links: got error %v, same %v", err, got == want)
		}
		err = s.Update(t.Context(), func(state.Tx) error { return nil })
		if !errors.Is(err, state.ErrReadOnly) {
			t.Errorf("Update: got error %v, want ErrReadOnly", err)
		}
		r, err := s.Check(t.Context())
		if err != nil || len(r.Problems) > 0 {
			t.Errorf("Check: got %v, %v", r.Problems, err)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("reading changed the file (error %v)", err)
	}
}

func TestNoStateFile(t *testing.T) {
	for name, content := range map[string][]byte{
		"empty":        {},
		"short":        []byte("hello"),
		"text":         bytes.Repeat([]byte("this is no state file\n"), 2000),
		"all zero":     make([]byte, 64<<10),
		"all ones":     bytes.Repeat([]byte{0xff}, 64<<10),
		"a lone magic": append(make([]byte, 16), 0xDA, 0xED, 0x0C, 0xED, 2, 0, 0, 0),
	} {
		path := filepath.Join(t.TempDir(), "tenon.db")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, readOnly := range []bool{false, true} {
			if _, err := tryOpen(t, path, bolt.Options{ReadOnly: readOnly}); !errors.Is(err, state.ErrCorrupt) {
				t.Errorf("%s, read-only %v: got error %v, want ErrCorrupt", name, readOnly, err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: the file was changed (error %v)", name, err)
		}
	}
	if _, err := tryOpen(t, t.TempDir(), bolt.Options{}); err == nil {
		t.Error("a folder was opened as a state file")
	}
}

// used returns how many bytes of a file bbolt speaks of.
func used(t *testing.T, path string) int64 {
	t.Helper()
	d, err := bolt.Open(t.Context(), path, bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var n countingWriter
	if err := d.Backup(t.Context(), &n); err != nil {
		t.Fatal(err)
	}
	return int64(n)
}

type countingWriter int64

func (n *countingWriter) Write(p []byte) (int, error) {
	*n += countingWriter(len(p))
	return len(p), nil
}

func TestCutFile(t *testing.T) {
	path, _ := filled(t)
	size := used(t, path)
	page := int64(os.Getpagesize())
	for n := size - 1; n >= 0; n = (n - 1) / page * page {
		if err := os.Truncate(path, n); err != nil {
			t.Fatal(err)
		}
		for _, readOnly := range []bool{true, false} {
			if _, err := tryOpen(t, path, bolt.Options{ReadOnly: readOnly}); !errors.Is(err, state.ErrCorrupt) {
				t.Errorf("cut to %d of %d bytes: got error %v, want ErrCorrupt", n, size, err)
			}
		}
		if n == 0 {
			break
		}
	}
}

// TestFlippedBits flips one bit at a time, in all pages. Each flip must either
// be found or change nothing that anybody reads.
func TestFlippedBits(t *testing.T) {
	path, want := filled(t)
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	size, page := used(t, path), int64(os.Getpagesize())
	found, harmless := 0, 0
	for start := int64(0); start < size; start += page {
		// The head of the page, where its structure is, and some of the rest.
		for at := int64(0); at < page; at += 2 + at/8*3 {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			i := start + at
			if _, err := f.WriteAt([]byte{original[i] ^ 1<<(i%8)}, i); err != nil {
				t.Fatal(err)
			}
			if damageFound(t, path, want, start == 0 || start == page) {
				found++
			} else {
				harmless++
			}
			if _, err := f.WriteAt(original[i:i+1], i); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("flips found: %d, without effect: %d", found, harmless)
	if found == 0 {
		t.Error("no flip was found")
	}
}

// damageFound inspects a file with one flipped bit. In a meta page a flip
// makes bbolt go back to the commit before, as after a crash in the middle of
// a commit.
func damageFound(t *testing.T, path, want string, meta bool) bool {
	t.Helper()
	d, err := bolt.Open(t.Context(), path, bolt.Options{ReadOnly: true})
	if err != nil {
		if !errors.Is(err, state.ErrCorrupt) {
			t.Errorf("open: got error %v, want ErrCorrupt", err)
		}
		return true
	}
	defer d.Close()
	r, err := state.Inspect(t.Context(), d)
	if err != nil && !errors.Is(err, state.ErrCorrupt) && !errors.Is(err, state.ErrNewer) {
		t.Errorf("inspect: got error %v, want ErrCorrupt", err)
	}
	if err != nil || len(r.Problems) > 0 || meta {
		return true
	}
	s, err := state.Open(t.Context(), d, state.Options{})
	if err != nil {
		t.Errorf("open what was inspected: %v", err)
		return true
	}
	if got, err := links(s, t); err != nil || got != want {
		t.Errorf("a flip was not found, but changed what is read (error %v)", err)
	}
	return false
}

// TestCutWhileOpen takes pages away under an open store.
func TestCutWhileOpen(t *testing.T) {
	path, _ := filled(t)
	s := openStore(t, path)
	if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	if _, err := links(s, t); !errors.Is(err, state.ErrCorrupt) {
		t.Errorf("View: got error %v, want ErrCorrupt", err)
	}
	for range 2 {
		err := s.Update(t.Context(), func(tx state.Tx) error { return tx.SetCursor("poll", "1") })
		if !errors.Is(err, state.ErrCorrupt) {
			t.Errorf("Update: got error %v, want ErrCorrupt", err)
		}
	}
	if r, err := s.Check(t.Context()); err == nil && len(r.Problems) == 0 {
		t.Error("Check found nothing")
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestRestore(t *testing.T) {
	path, want := filled(t)
	s := openStore(t, path)
	var backup bytes.Buffer
	if err := s.Backup(t.Context(), &backup); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	restored := filepath.Join(dir, "restored.db")
	if err := bolt.Restore(t.Context(), bytes.NewReader(backup.Bytes()), restored); err != nil {
		t.Fatal(err)
	}
	if got, err := links(openStore(t, restored), t); err != nil || got != want {
		t.Errorf("links after a restore: error %v, same %v", err, got == want)
	}
	if err := bolt.Restore(t.Context(), bytes.NewReader(backup.Bytes()), restored); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: got error %v, want fs.ErrExist", err)
	}

	damaged := bytes.Clone(backup.Bytes())
	at := bytes.LastIndex(damaged, []byte("x299")) // a record's id within a row
	if at < 0 {
		t.Fatal("the backup does not hold the record")
	}
	damaged[at] = 'y'
	for name, content := range map[string][]byte{
		"nothing":      {},
		"another file": bytes.Repeat([]byte("text\n"), 10000),
		"cut":          backup.Bytes()[:backup.Len()-1],
		"half":         backup.Bytes()[:backup.Len()/2],
		"damaged":      damaged,
	} {
		path := filepath.Join(dir, "refused.db")
		if err := bolt.Restore(t.Context(), bytes.NewReader(content), path); !errors.Is(err, state.ErrCorrupt) {
			t.Errorf("%s: got error %v, want ErrCorrupt", name, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("files left: %v, %v, want restored.db alone", left, err)
	}
}
