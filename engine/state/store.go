package state

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
)

// schema is the version of the stored layout that this package writes.
const schema = 2

var schemaKey = []byte("schema")

// upgrade brings the layout from one version to the next within one
// transaction.
type upgrade func(Writer) error

// upgrades holds, by version, how to get from it to the next.
var upgrades = map[uint64]upgrade{1: chainJournal}

// Options is what the program passes to Open. Zero fields mean defaults.
type Options struct {
	Logger *slog.Logger // default: discards
}

// Open lays the state out over a backend, which the Store closes when it is
// closed. An empty backend gets the current layout; an older layout is upgraded
// in one transaction after the backend kept a copy; a newer one is ErrNewer.
// When Open fails, the backend stays open.
func Open(ctx context.Context, b Backend, o Options) (Store, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := prepare(ctx, b, o.Logger, schema, upgrades); err != nil {
		return nil, err
	}
	return &store{b: b}, nil
}

// Inspect checks a backend without changing it. An empty one is ErrCorrupt, a
// newer layout ErrNewer; of an older layout only the backend's own structures
// are checked.
func Inspect(ctx context.Context, b Backend) (Report, error) {
	have, _, err := layout(ctx, b)
	switch {
	case err != nil:
		return Report{}, err
	case have == 0:
		return Report{}, fmt.Errorf("%w: there is no version of the layout", ErrCorrupt)
	case have > schema:
		return Report{}, newer(have, schema)
	case have < schema:
		c := &checker{ctx: ctx}
		c.Older = have
		err := b.Verify(ctx, c.problem)
		return c.Report, err
	}
	return (&store{b: b}).Check(ctx)
}

// layout returns the version of the layout, 0 when there is none, and whether
// there is nothing at all.
func layout(ctx context.Context, b Backend) (have uint64, empty bool, err error) {
	empty = true
	err = b.View(ctx, func(r Reader) error {
		var err error
		if have, err = (&tx{r: r}).number(SpaceMeta, schemaKey); err != nil || have != 0 {
			return err
		}
		for _, s := range Spaces() {
			if err := r.Scan(s, Range{}, func(_, _ []byte) bool { empty = false; return false }); err != nil {
				return err
			}
		}
		return nil
	})
	return have, empty && have == 0, err
}

func newer(have, want uint64) error {
	return fmt.Errorf("%w: its layout has version %d, this program knows up to %d", ErrNewer, have, want)
}

// prepare brings the backend to the layout version want.
func prepare(ctx context.Context, b Backend, log *slog.Logger, want uint64, steps map[uint64]upgrade) error {
	have, empty, err := layout(ctx, b)
	switch {
	case err != nil:
		return err
	case have == want:
		return nil
	case have > want:
		return newer(have, want)
	case have == 0 && !empty:
		return fmt.Errorf("%w: there are rows, but no version of their layout", ErrCorrupt)
	case have == 0:
		return b.Update(ctx, func(w Writer) error {
			return (&tx{r: w, w: w}).putNumber(SpaceMeta, schemaKey, want)
		})
	}
	if err := b.Update(ctx, func(Writer) error { return nil }); err != nil {
		return fmt.Errorf("upgrade the state from layout %d to %d: %w", have, want, err)
	}
	copied, err := b.Keep(ctx, fmt.Sprintf("layout-%d", have))
	if err != nil {
		return fmt.Errorf("keep a copy before the upgrade of the state: %w", err)
	}
	log.Info("state upgrade", "from", have, "to", want, "copy", copied)
	return b.Update(ctx, func(w Writer) error { return climb(w, have, want, steps) })
}

// climb runs the steps from one version to another and notes the new one.
func climb(w Writer, from, to uint64, steps map[uint64]upgrade) error {
	for v := from; v < to; v++ {
		step, ok := steps[v]
		if !ok {
			return fmt.Errorf("no upgrade of the state from layout %d to %d: use an older Tenon first", v, v+1)
		}
		if err := step(w); err != nil {
			return fmt.Errorf("upgrade the state from layout %d to %d: %w", v, v+1, err)
		}
	}
	return (&tx{r: w, w: w}).putNumber(SpaceMeta, schemaKey, to)
}

// store is the Store over any backend.
type store struct {
	b       Backend
	catalog atomic.Pointer[catalog] // of what is committed
}

// learn keeps what a transaction looked up of the tables, for those after it.
func (s *store) learn(t *tx) {
	if t == nil || t.own == nil {
		return
	}
	for {
		old := s.catalog.Load()
		if s.catalog.CompareAndSwap(old, old.with(t.own)) {
			return
		}
	}
}

func (s *store) View(ctx context.Context, fn func(Tx) error) error {
	return s.b.View(ctx, func(r Reader) error {
		t := &tx{r: r, shared: s.catalog.Load()}
		defer func() { t.ended = true }()
		err := fn(t)
		s.learn(t)
		return err
	})
}

func (s *store) Update(ctx context.Context, fn func(Tx) error) error {
	var last *tx
	committed := false
	defer func() {
		if !committed {
			last.takeBack()
		}
	}()
	err := s.b.Update(ctx, func(w Writer) error {
		last.takeBack()
		last = &tx{r: w, w: w, shared: s.catalog.Load()}
		defer func(t *tx) { t.ended = true }(last)
		return fn(last)
	})
	if committed = err == nil; committed {
		s.learn(last)
	}
	return err
}

func (s *store) Backup(ctx context.Context, w io.Writer) error { return s.b.Backup(ctx, w) }

func (s *store) Close() error { return s.b.Close() }

func (s *store) Check(ctx context.Context) (Report, error) {
	c := &checker{ctx: ctx}
	err := s.b.Verify(ctx, c.problem)
	if err == nil && len(c.Problems) == 0 { // else nothing can be looked up
		err = s.b.View(ctx, c.check)
	}
	if errors.Is(err, ErrCorrupt) && ctx.Err() == nil {
		c.problem(err.Error())
		err = nil
	}
	return c.Report, err
}
