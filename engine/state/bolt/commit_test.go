package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine/state"
)

func openFile(t *testing.T, path string) (*DB, state.Store) {
	t.Helper()
	d, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	s, err := state.Open(t.Context(), d, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d, s
}

func setCursor(t *testing.T, s state.Store, cursor string) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx state.Tx) error { return tx.SetCursor("poll", cursor) }); err != nil {
		t.Fatal(err)
	}
}

func cursorOf(t *testing.T, s state.Store) (cursor string) {
	t.Helper()
	if err := s.View(t.Context(), func(tx state.Tx) (err error) { cursor, err = tx.Cursor("poll"); return err }); err != nil {
		t.Fatal(err)
	}
	return cursor
}

func sound(t *testing.T, s state.Store) {
	t.Helper()
	r, err := s.Check(t.Context())
	if err != nil || len(r.Problems) > 0 {
		t.Fatalf("check: %v, %v", r.Problems, err)
	}
}

// waitFor polls until ok says yes.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

// TestSharedCommit puts updates of all sorts into one commit.
func TestSharedCommit(t *testing.T) {
	d, s := openFile(t, filepath.Join(t.TempDir(), "tenon.db"))
	boom := errors.New("boom")
	cancelled, cancel := context.WithCancel(t.Context())
	begun, release := make(chan struct{}), make(chan struct{})
	doc := func(key string) func(state.Tx) error {
		return func(tx state.Tx) error { return tx.SetDoc("doc", key, []byte(key)) }
	}
	then := func(key string, end func() error) func(state.Tx) error {
		return func(tx state.Tx) error { return errors.Join(doc(key)(tx), end()) }
	}

	var wg sync.WaitGroup
	start := func(ctx context.Context, fn func(state.Tx) error, check func(error)) {
		n := queued(d)
		wg.Go(func() { check(s.Update(ctx, fn)) })
		waitFor(t, "an update to queue", func() bool { return queued(d) > n })
	}
	fine := func(err error) {
		if err != nil {
			t.Errorf("an update beside others: %v", err)
		}
	}
	fails := func(want error) func(error) {
		return func(err error) {
			if !errors.Is(err, want) {
				t.Errorf("got error %v, want %v", err, want)
			}
		}
	}
	wg.Go(func() {
		fine(s.Update(t.Context(), func(tx state.Tx) error {
			close(begun)
			<-release
			return doc("first")(tx)
		}))
	})
	<-begun // the committer is busy: all that follows shares the next commit
	start(t.Context(), doc("a"), fine)
	start(t.Context(), then("failing", func() error { return boom }), fails(boom))
	start(cancelled, doc("cancelled"), fails(context.Canceled))
	start(t.Context(), doc("b"), fine)
	n := queued(d)
	wg.Go(func() {
		defer func() {
			if p := recover(); p != any("boom") {
				t.Errorf("panic: got %v, want boom", p)
			}
		}()
		_ = s.Update(t.Context(), then("panicking", func() error { panic("boom") }))
	})
	waitFor(t, "the panicking update", func() bool { return queued(d) > n })
	wg.Go(func() {
		_ = s.Update(t.Context(), then("exiting", func() error { runtime.Goexit(); return nil }))
		t.Error("Update returned although its function ended the goroutine")
	})
	waitFor(t, "the exiting update", func() bool { return queued(d) > n+1 })
	start(t.Context(), doc("c"), fine)
	cancel()
	close(release)
	wg.Wait()

	err := s.View(t.Context(), func(tx state.Tx) error {
		keys, _, err := tx.ListDocs("doc", "", 100)
		if got, want := len(keys), 4; got != want {
			t.Errorf("documents: got %v, want first, a, b and c", keys)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	sound(t, s)
}

func queued(d *DB) int {
	d.committer.mu.Lock()
	defer d.committer.mu.Unlock()
	return len(d.committer.waiting)
}

// TestNoWriteNoSync makes sure that updates which change nothing cost no sync.
func TestNoWriteNoSync(t *testing.T) {
	d, s := openFile(t, filepath.Join(t.TempDir(), "tenon.db"))
	setCursor(t, s, "1")
	before, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	for _, fn := range []func(tx state.Tx) error{
		func(tx state.Tx) error { _, err := tx.Cursor("poll"); return err },
		func(tx state.Tx) error { return errors.Join(tx.SetCursor("poll", "2"), boom) },
	} {
		if err := s.Update(t.Context(), fn); err != nil && !errors.Is(err, boom) {
			t.Fatal(err)
		}
	}
	after, err := os.ReadFile(d.path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was written (error %v)", err)
	}
}

// TestCommitIsAtomicOnDisk builds what a power cut may leave of a commit: any
// part of its pages, in any order, and the meta page whole, torn or not at all.
func TestCommitIsAtomicOnDisk(t *testing.T) {
	dir := t.TempDir()
	d, s := openFile(t, filepath.Join(dir, "tenon.db"))
	// write changes documents on several pages and the cursor.
	write := func(cursor string) {
		t.Helper()
		err := s.Update(t.Context(), func(tx state.Tx) error {
			for i := range 4 {
				if err := tx.SetDoc("doc", fmt.Sprintf("%03d", i*60), []byte(cursor)); err != nil {
					return err
				}
			}
			return tx.SetCursor("poll", cursor)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err := s.Update(t.Context(), func(tx state.Tx) error {
		for i := range 240 {
			if err := tx.SetDoc("doc", fmt.Sprintf("%03d", i), make([]byte, 40)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 { // so that free pages are used again
		write(fmt.Sprint(i))
	}
	write("before")
	old, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	write("after")
	changed, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	size := d.bolt.Info().PageSize
	var pages, metas []int
	for at := 0; at < len(changed); at += size {
		if at >= len(old) || !bytes.Equal(old[at:at+size], changed[at:at+size]) {
			if at < 2*size {
				metas = append(metas, at)
			} else {
				pages = append(pages, at)
			}
		}
	}
	if len(metas) != 1 || len(pages) < 4 || len(pages) > 9 || len(old) != len(changed) {
		t.Fatalf("the commit changed metas %v and pages %v", metas, pages)
	}
	n := 0
	check := func(image []byte, want string) {
		t.Helper()
		n++
		path := filepath.Join(dir, "image.db")
		if err := os.WriteFile(path, image, 0o600); err != nil {
			t.Fatal(err)
		}
		d, s := openFile(t, path)
		if got := cursorOf(t, s); got != want {
			t.Errorf("image %d: got %q, want %q", n, got, want)
		}
		err := s.View(t.Context(), func(tx state.Tx) error {
			for i := range 4 {
				got, err := tx.Doc("doc", fmt.Sprintf("%03d", i*60))
				if err != nil || string(got) != want {
					t.Errorf("image %d, document %d: got %q, %v, want %q", n, i, got, err, want)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		sound(t, s)
		setCursor(t, s, "next")
		sound(t, s)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for subset := range 1 << len(pages) { // written before the first sync
		image := bytes.Clone(old)
		for i, at := range pages {
			if subset&(1<<i) != 0 {
				copy(image[at:at+size], changed[at:at+size])
			}
		}
		check(image, "before")
	}
	full := bytes.Clone(changed)
	copy(full[metas[0]:metas[0]+size], old[metas[0]:metas[0]+size])
	for _, cut := range []int{0, 16, 40, 64, 72, 76} { // the meta page, torn
		image := bytes.Clone(full)
		copy(image[metas[0]:metas[0]+cut], changed[metas[0]:])
		check(image, "before")
	}
	check(changed, "after")
}

// TestUnconfirmedCommit goes through what follows a last sync that failed.
func TestUnconfirmedCommit(t *testing.T) {
	d, s := openFile(t, filepath.Join(t.TempDir(), "tenon.db"))
	setCursor(t, s, "1")
	tx, err := d.begin(false)
	if err != nil {
		t.Fatal(err)
	}
	id := tx.ID()
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	cause := errors.New("sync failed")
	if err := d.settle(id+1, cause); !errors.Is(err, cause) {
		t.Errorf("a commit that nobody sees: got error %v, want the cause", err)
	}
	if err := d.settle(id, cause); err != nil {
		t.Errorf("a commit that is seen and was confirmed: got error %v, want nil", err)
	}
	setCursor(t, s, "2")
	sound(t, s)
	d.tear(cause)
	if err := s.Update(t.Context(), func(state.Tx) error { return nil }); !errors.Is(err, cause) {
		t.Errorf("Update after a tear: got error %v, want the cause", err)
	}
	if err := d.Close(); err != nil {
		t.Errorf("Close after a tear: %v", err)
	}
}

func TestCreateAtOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tenon.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			d, err := Open(t.Context(), path, Options{LockWait: time.Minute})
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			if _, err := state.Open(t.Context(), d, state.Options{}); err != nil {
				t.Errorf("open the state: %v", err)
			}
			if err := d.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	wg.Wait()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("files: %v, %v, want one", left, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); runtime.GOOS != "windows" && got != 0o600 {
		t.Errorf("mode: got %o, want 600", got)
	}
	if _, err := Open(t.Context(), filepath.Join(dir, "none", "tenon.db"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a folder that is not there: got error %v, want os.ErrNotExist", err)
	}
}

func TestKeepNames(t *testing.T) {
	d, s := openFile(t, filepath.Join(t.TempDir(), "tenon.db"))
	setCursor(t, s, "kept")
	for _, want := range []string{d.path + ".layout-1", d.path + ".layout-1-2", d.path + ".layout-1-3"} {
		got, err := d.Keep(t.Context(), "layout-1")
		if err != nil || got != want {
			t.Errorf("Keep: got %q, %v, want %q", got, err, want)
		}
		_, kept := openFile(t, want)
		if got := cursorOf(t, kept); got != "kept" {
			t.Errorf("in the copy: got %q, want kept", got)
		}
	}
}
