package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
)

func init() { roles["full"] = beFull }

// TestFull runs out of room in a process whose files may not grow beyond a
// limit, and goes on in the same process when the limit is lifted.
func TestFull(t *testing.T) {
	if err := inRole(t.Context(), "full", filepath.Join(t.TempDir(), "tenon.db")).Run(); err != nil {
		t.Errorf("the process without room: %v", err)
	}
}

func limitFiles(bytes uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		return err
	}
	l.Cur = min(bytes, l.Max)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l)
}

func beFull(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	d, err := bolt.Open(ctx, path, bolt.Options{})
	if err != nil {
		return err
	}
	s, err := state.Open(ctx, d, state.Options{})
	if err != nil {
		return err
	}
	put := func(key string, size int) error {
		return s.Update(ctx, func(tx state.Tx) error { return tx.SetDoc("doc", key, make([]byte, size)) })
	}
	for round := range 3 {
		if err := limitFiles(uint64(round+1) * 10 << 20); err != nil {
			return err
		}
		stored, err := fill(ctx, s, round, put)
		if err != nil {
			return err
		}
		if err := checkFull(ctx, s, round, stored); err != nil {
			return err
		}
		if err := limitFiles(1 << 40); err != nil {
			return err
		}
		if err := put(fmt.Sprintf("%d-after", round), 2<<20); err != nil {
			return fmt.Errorf("round %d: an update when there is room again: %w", round, err)
		}
		if err := checkFull(ctx, s, round, stored); err != nil {
			return err
		}
	}
	return s.Close()
}

// fill stores documents from several goroutines until there is no room, and
// returns those that were confirmed.
func fill(ctx context.Context, s state.Store, round int, put func(string, int) error) (stored []string, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for sender := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d-%d-%d", round, sender, i)
				e := put(key, 300<<10)
				mu.Lock()
				switch {
				case e == nil && i < 1000:
					stored = append(stored, key)
				case e == nil:
					err = errors.New("the disk is never full")
				case !errors.Is(e, state.ErrFull):
					err = fmt.Errorf("an update without room: got %w, want ErrFull", e)
				}
				mu.Unlock()
				if e != nil || i >= 1000 {
					return
				}
			}
		})
	}
	wg.Wait()
	return stored, err
}

func checkFull(ctx context.Context, s state.Store, round int, stored []string) error {
	r, err := s.Check(ctx)
	if err != nil || len(r.Problems) > 0 {
		return fmt.Errorf("round %d: check: %v, %w", round, r.Problems, err)
	}
	return s.View(ctx, func(tx state.Tx) error {
		for _, key := range stored {
			if doc, err := tx.Doc("doc", key); err != nil || len(doc) != 300<<10 {
				return fmt.Errorf("round %d: document %s was confirmed: got %d bytes, %w", round, key, len(doc), err)
			}
		}
		keys, _, err := tx.ListDocs("doc", fmt.Sprintf("%d-", round), 1<<20)
		if n := len(keys); err == nil && n != len(stored) && n != len(stored)+1 {
			err = fmt.Errorf("round %d: %d documents, %d were confirmed", round, n, len(stored))
		}
		return err
	})
}
