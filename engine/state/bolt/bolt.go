// Package bolt keeps the state in one file, by go.etcd.io/bbolt. One process
// opens it at a time.
//
// Updates that wait together share one commit: a single goroutine takes what
// waits, runs it in one transaction of the file, and syncs once. It never waits
// for more to come. Damage in the file, also a cut file, ends in
// state.ErrCorrupt, a full disk in state.ErrFull after which the store goes on
// as soon as there is room.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tenonsync/tenon/engine/state"
)

// Options is what the program passes to Open. Zero fields mean defaults.
type Options struct {
	// ReadOnly opens an existing file for reading, beside other readers.
	ReadOnly bool

	// LockWait is how long to wait for another process to let go of the file;
	// default 2 s.
	LockWait time.Duration

	Logger *slog.Logger // default: discards

	// Committed, if not nil, is told the number of each commit that has become
	// durable, before the callers of its updates are. It must be quick.
	Committed func(commit uint64)
}

const (
	fileMode = 0o600

	// mapSize is the address space taken for the file at the start. A larger
	// file is mapped anew in steps of 1 GiB, for which the committer has to wait
	// until no view is open.
	mapSize = 8 << 30

	// growSize is the step by which the file grows.
	growSize = 4 << 20
)

// DB is the file. It is a state.Backend.
type DB struct {
	path string
	opts Options
	bolt *bbolt.DB
	file *os.File // bbolt's own, for what bbolt does not offer

	mu     sync.RWMutex // held for reading by what uses bolt and file, for writing by Close
	closed bool

	damage  sync.Mutex
	damaged error // once a transaction was torn by damage, no other is started

	committer committer
}

var _ state.Backend = (*DB)(nil)

// Open opens the file at path, and creates it when there is none: complete
// under its name, or not at all. It returns state.ErrLocked when another
// process has it, state.ErrCorrupt when it is cut or damaged, and an fs error
// when it cannot be reached or, for reading only, is not there.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if o.LockWait <= 0 {
		o.LockWait = 2 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !o.ReadOnly:
		if err := create(path); err != nil {
			return nil, fmt.Errorf("create the state %s: %w", path, classify(err))
		}
	case err != nil:
		return nil, fmt.Errorf("open the state: %w", err)
	case info.IsDir():
		return nil, fmt.Errorf("open the state: %s is a folder", path)
	case info.Size() == 0:
		return nil, fmt.Errorf("open the state %s: %w: the file is empty", path, state.ErrCorrupt)
	}
	d := &DB{path: path, opts: o}
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("open the state %s: %w", path, err)
	}
	if !o.ReadOnly {
		d.committer.start(d)
	}
	return d, nil
}

// open opens the file that is there.
func (d *DB) open() (err error) {
	o := bbolt.Options{
		Timeout:      d.opts.LockWait,
		ReadOnly:     d.opts.ReadOnly,
		FreelistType: bbolt.FreelistMapType,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			f, err := os.OpenFile(name, flag&^os.O_CREATE, mode)
			d.file = f
			return f, err
		},
	}
	if strconv.IntSize == 64 && runtime.GOOS != "windows" {
		o.InitialMmapSize = mapSize
	}
	err = guard(func() (err error) {
		d.bolt, err = bbolt.Open(d.path, fileMode, &o)
		return err
	})
	if err != nil && o.InitialMmapSize > 0 && isNoMemory(err) {
		o.InitialMmapSize = 0
		err = guard(func() (err error) {
			d.bolt, err = bbolt.Open(d.path, fileMode, &o)
			return err
		})
	}
	if err != nil {
		d.abandon() //nolint:errcheck // mostly closed already
		return classifyOpen(err)
	}
	d.bolt.AllocSize = growSize
	if err := d.checkSize(); err != nil {
		d.bolt.Close() //nolint:errcheck // the file is not used
		return err
	}
	return nil
}

// checkSize finds a file that was cut: bbolt looks at its first pages only.
func (d *DB) checkSize() error {
	return guard(func() error {
		info, err := d.file.Stat()
		if err != nil {
			return err
		}
		return d.bolt.View(func(tx *bbolt.Tx) error {
			if tx.Size() > info.Size() {
				return fmt.Errorf("%w: the file has %d bytes of %d", state.ErrCorrupt, info.Size(), tx.Size())
			}
			return nil
		})
	})
}

// Commit returns the number of the last commit. Numbers only grow, also over a
// Backup and its Restore, so that of two copies of one file the older one is
// known.
func (d *DB) Commit(ctx context.Context) (n uint64, err error) {
	err = d.view(ctx, func(r *reader) error {
		n = uint64(r.tx.ID())
		return nil
	})
	return n, err
}

// Path returns the file's path.
func (d *DB) Path() string { return d.path }

// use keeps the file open until the function that it returns is called.
func (d *DB) use() (release func(), err error) {
	d.mu.RLock()
	if d.closed {
		d.mu.RUnlock()
		return nil, state.ErrClosed
	}
	if err := d.condition(); err != nil {
		d.mu.RUnlock()
		return nil, err
	}
	return d.mu.RUnlock, nil
}

// condition returns the damage that ended the use of the file, if any.
func (d *DB) condition() error {
	d.damage.Lock()
	defer d.damage.Unlock()
	return d.damaged
}

// tear notes that damage has torn a transaction of the writer.
func (d *DB) tear(err error) {
	d.damage.Lock()
	defer d.damage.Unlock()
	if d.damaged == nil {
		d.damaged = err
	}
}

// View runs fn over the last commit.
func (d *DB) View(ctx context.Context, fn func(state.Reader) error) error {
	return d.view(ctx, func(r *reader) error { return fn(r) })
}

func (d *DB) view(ctx context.Context, fn func(*reader) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	release, err := d.use()
	if err != nil {
		return err
	}
	defer release()
	tx, err := d.begin(false)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // ends a reading transaction
	return faults(func() error { return fn(&reader{tx: tx}) })
}

func (d *DB) begin(write bool) (tx *bbolt.Tx, err error) {
	err = guard(func() (err error) {
		tx, err = d.bolt.Begin(write)
		return err
	})
	return tx, err
}

// Update runs fn in a commit that it may share with others.
func (d *DB) Update(ctx context.Context, fn func(state.Writer) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d.opts.ReadOnly {
		return state.ErrReadOnly
	}
	return d.committer.do(&request{ctx: ctx, fn: fn})
}

// Close waits for updates under way and for views, and closes the file.
func (d *DB) Close() error {
	d.committer.stop()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	if d.condition() != nil {
		return d.abandon() // bbolt may hold locks of its own for ever
	}
	return d.bolt.Close()
}

// abandon closes the file without bbolt, whose mapping ends with the process.
func (d *DB) abandon() error {
	if d.file == nil {
		return nil
	}
	unlock(d.file)
	return d.file.Close()
}

// guard runs fn, which only calls bbolt, and turns its panics and faults in
// the mapped file into state.ErrCorrupt.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", state.ErrCorrupt, p)
		}
	}()
	return fn()
}

// faults runs fn, which may panic for reasons of its own, and turns faults in
// the mapped file into state.ErrCorrupt: a page that the file no longer has.
func faults(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if !isFault(p) {
				panic(p)
			}
			err = fmt.Errorf("%w: the file is shorter than it says", state.ErrCorrupt)
		}
	}()
	return fn()
}

// firstPage is where addresses begin that are no offsets from a nil pointer.
const firstPage = 4096

func isFault(p any) bool {
	e, ok := p.(interface {
		runtime.Error
		Addr() uintptr
	})
	return ok && e.Addr() >= firstPage
}
