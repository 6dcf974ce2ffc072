package bolt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"go.etcd.io/bbolt"

	"github.com/tenonsync/tenon/engine/state"
)

// create makes an empty file: complete and synced under another name first.
func create(path string) error {
	return place(path, func(f *os.File) error {
		// bbolt opens by name and locks; the descriptor is for the sync.
		db, err := bbolt.Open(f.Name(), fileMode, nil)
		if err != nil {
			return err
		}
		return errors.Join(db.Update(func(tx *bbolt.Tx) error {
			for _, s := range state.Spaces() {
				if _, err := tx.CreateBucket(name(s)); err != nil {
					return err
				}
			}
			return nil
		}), db.Close())
	}, adopt)
}

// taken says what to do when there is a file of that name already.
type taken uint8

const (
	adopt  taken = iota // leave it, and be content
	refuse              // fs.ErrExist
)

// place writes a file beside path, syncs it, gives it its name and syncs the
// folder. A file that is there already stays as it is. What fails leaves
// nothing behind.
func place(path string, write func(*os.File) error, t taken) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, ignore(f.Close(), os.ErrClosed), ignore(os.Remove(f.Name()), fs.ErrNotExist))
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	err = os.Link(f.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		if t == adopt {
			return nil
		}
		return err
	}
	if err != nil { // a file system without hard links
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		if err := os.Rename(f.Name(), path); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

func ignore(err, which error) error {
	if errors.Is(err, which) {
		return nil
	}
	return err
}

// syncDir makes a new name in a folder durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // not possible, and not needed
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Keep writes a copy to the path with ".label" added, or ".label-2" and so on
// where that exists.
func (d *DB) Keep(ctx context.Context, label string) (string, error) {
	for n := 1; ; n++ {
		path := d.path + "." + label
		if n > 1 {
			path = fmt.Sprintf("%s-%d", path, n)
		}
		err := place(path, func(f *os.File) error { return d.Backup(ctx, f) }, refuse)
		if !errors.Is(err, fs.ErrExist) {
			return path, classify(err)
		}
	}
}

// Backup writes the last commit, as a file that Open opens. Updates go on
// meanwhile; the pages that they free are used again only after it.
func (d *DB) Backup(ctx context.Context, w io.Writer) error {
	return d.view(ctx, func(r *reader) error {
		_, err := r.tx.WriteTo(&stoppable{ctx, w})
		return err
	})
}

// stoppable ends a long copy when its context ends.
type stoppable struct {
	ctx context.Context //nolint:containedctx // one call's
	w   io.Writer
}

func (s *stoppable) Write(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	return s.w.Write(p)
}

// Restore makes the file at path from what Backup wrote, after it has checked
// all of it: a backup that is cut, damaged or contradicts itself is
// state.ErrCorrupt, one of a newer program state.ErrNewer. A file that is at
// path already is fs.ErrExist: whoever restores moves it away first.
func Restore(ctx context.Context, r io.Reader, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("restore the state: %s: %w", path, fs.ErrExist)
	}
	err := place(path, func(f *os.File) error {
		if _, err := io.Copy(&stoppable{ctx, f}, r); err != nil {
			return err
		}
		return checkFile(ctx, f.Name())
	}, refuse)
	if err != nil {
		return fmt.Errorf("restore the state: %w", classify(err))
	}
	return nil
}

// checkFile checks a file's pages and what they hold.
func checkFile(ctx context.Context, path string) (err error) {
	if err := verifyFile(ctx, path); err != nil {
		return err
	}
	d, err := Open(ctx, path, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	report, err := state.Inspect(ctx, d)
	if err == nil && len(report.Problems) > 0 {
		err = fmt.Errorf("%w: %s (%d problems)", state.ErrCorrupt, report.Problems[0], len(report.Problems))
	}
	return err
}
