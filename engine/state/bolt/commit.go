package bolt

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"go.etcd.io/bbolt"

	"github.com/tenonsync/tenon/engine/state"
)

// maxBatch is how many updates share a commit at most, so that a failing
// commit and what it holds in memory stay small.
const maxBatch = 1024

// request is one update on its way through the committer.
type request struct {
	ctx  context.Context //nolint:containedctx // the caller's, who waits
	fn   func(state.Writer) error
	done chan struct{}

	err      error
	panicked any  // what fn panicked with
	exited   bool // fn ended its goroutine, as testing.T.FailNow does
}

// committer runs updates in shared commits, on one goroutine.
type committer struct {
	db *DB

	mu      sync.Mutex
	waiting []*request
	stopped bool
	wake    chan struct{} // holds one token while something waits
	ended   chan struct{} // closed when the goroutine has gone

	// Of the goroutine alone.
	batch []*request // taken, not answered yet
	tx    *bbolt.Tx  // open, nil between batches
}

func (c *committer) start(d *DB) {
	c.db = d
	c.wake, c.ended = make(chan struct{}, 1), make(chan struct{})
	go c.loop()
}

// stop lets what waits be committed, refuses what comes, and returns when the
// goroutine has gone.
func (c *committer) stop() {
	if c.db == nil {
		return
	}
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
	c.poke()
	<-c.ended
}

func (c *committer) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// do hands a request over and waits for what becomes of it.
func (c *committer) do(r *request) error {
	r.done = make(chan struct{})
	c.mu.Lock()
	if c.stopped {
		c.mu.Unlock()
		return state.ErrClosed
	}
	c.waiting = append(c.waiting, r)
	c.mu.Unlock()
	c.poke()
	<-r.done
	switch {
	case r.panicked != nil:
		panic(r.panicked)
	case r.exited:
		runtime.Goexit()
	}
	return r.err
}

// loop takes what waits and commits it, until stopped and nothing waits. When
// an update ends the goroutine, another one goes on.
func (c *committer) loop() {
	finished := false
	defer func() {
		if finished {
			close(c.ended)
			return
		}
		c.drop()
		go c.loop()
	}()
	for {
		if len(c.batch) == 0 && !c.take() {
			finished = true
			return
		}
		c.commit()
	}
}

// take waits for requests and moves them to the batch. It returns false when
// there will be no more.
func (c *committer) take() bool {
	for {
		c.mu.Lock()
		n := min(len(c.waiting), maxBatch)
		c.batch = append(c.batch, c.waiting[:n]...)
		c.waiting = append(c.waiting[:0:0], c.waiting[n:]...)
		more, stopped := len(c.waiting) > 0, c.stopped
		c.mu.Unlock()
		if more {
			c.poke()
		}
		if n > 0 {
			return true
		}
		if stopped {
			return false
		}
		<-c.wake
	}
}

// answer tells a request's caller and forgets the request.
func (c *committer) answer(r *request) {
	for i := range c.batch {
		if c.batch[i] == r {
			c.batch = append(c.batch[:i:i], c.batch[i+1:]...)
			break
		}
	}
	close(r.done)
}

// answerAll tells all callers of the batch. A non-nil err is for each of them.
func (c *committer) answerAll(err error) {
	for _, r := range c.batch {
		if err != nil {
			r.err = err
		}
		close(r.done)
	}
	c.batch = nil
}

// drop ends the open transaction without a trace.
func (c *committer) drop() {
	if c.tx == nil {
		return
	}
	tx := c.tx
	c.tx = nil
	if err := guard(tx.Rollback); err != nil {
		c.db.tear(err)
	}
}

// commit runs the batch in one transaction and answers it. Where one update
// spoils the transaction for the others, it is answered alone and the others
// stay in the batch, for the next turn.
func (c *committer) commit() {
	if err := c.db.condition(); err != nil {
		c.answerAll(err)
		return
	}
	tx, err := c.db.begin(true)
	if err != nil {
		c.answerAll(classify(err))
		return
	}
	c.tx = tx
	w := &writer{reader: reader{tx: tx}}
	for _, r := range c.batch {
		if undo := c.run(w, r); undo != nil {
			c.drop()
			if w.torn != nil {
				c.db.tear(w.torn)
				c.answerAll(w.torn)
			} else {
				r.err = undo
				c.answer(r)
			}
			return
		}
	}
	if !w.changed { // nothing to sync
		c.drop()
		c.answerAll(nil)
		return
	}
	c.tx = nil
	c.answerAll(c.db.commit(tx))
}

// errSpoiled stands for an update that did not return.
var errSpoiled = errors.New("the update did not return")

// run runs one update. An error says that the transaction cannot be used any
// more.
func (c *committer) run(w *writer, r *request) (undo error) {
	if r.ctx.Err() != nil {
		r.err = context.Cause(r.ctx)
		return nil
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		undo = errSpoiled
		p := recover()
		switch {
		case p == nil:
			// The goroutine ends: nobody will look at undo.
			r.exited = true
			c.answer(r)
		case isFault(p):
			w.torn = fmt.Errorf("%w: %v", state.ErrCorrupt, p)
		default:
			r.panicked = p
			c.db.opts.Logger.Error("panic in an update of the state", "err", p, "stack", string(debug.Stack()))
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	before := w.writes
	if len(c.batch) == 1 {
		r.err = r.fn(w) // alone, it is taken back with the transaction
	} else {
		r.err, undo = state.Try(w, r.fn)
	}
	w.changed = w.changed || r.err == nil && w.writes > before
	if undo == nil {
		undo = w.torn
	}
	returned = true
	return undo
}

// commit makes a transaction durable. When it fails, the next transaction
// starts from the commit before.
func (d *DB) commit(tx *bbolt.Tx) error {
	id := tx.ID()
	err := guard(tx.Commit)
	if errors.Is(err, state.ErrCorrupt) {
		guard(tx.Rollback) //nolint:errcheck // lets go of bbolt's locks, if it can
		d.tear(err)
		return err
	}
	if err != nil {
		err = d.settle(id, classify(err))
	}
	if err == nil && d.opts.Committed != nil {
		d.opts.Committed(uint64(id))
	}
	return err
}

// settle finds out what a failed commit came to. bbolt writes the pages, syncs
// them, then writes one meta page and syncs that. A failure before the meta
// page leaves the commit before. A failure at the last sync shows the commit to
// everybody, while a power cut might still undo it: then nothing may be built
// on it before it is confirmed.
func (d *DB) settle(id int, cause error) error {
	tx, err := d.begin(false)
	if err != nil {
		// bbolt could not map the file anew and has nothing left to read.
		d.tear(fmt.Errorf("the state cannot be read any more: %w", errors.Join(cause, err)))
		return cause
	}
	seen := tx.ID()
	tx.Rollback() //nolint:errcheck // ends a reading transaction
	if seen != id {
		return cause
	}
	if err := d.confirm(); err != nil {
		d.tear(fmt.Errorf("the disk does not confirm what was written: %w", errors.Join(cause, err)))
		return d.condition()
	}
	return nil
}

// confirm writes both meta pages again as they are and syncs them.
func (d *DB) confirm() error {
	metas := make([]byte, 2*d.bolt.Info().PageSize)
	if _, err := d.file.ReadAt(metas, 0); err != nil {
		return err
	}
	if _, err := d.file.WriteAt(metas, 0); err != nil {
		return err
	}
	return d.file.Sync()
}
