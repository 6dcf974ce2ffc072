package bolt_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
)

func benchStore(b *testing.B, path string) state.Store {
	b.Helper()
	d, err := bolt.Open(b.Context(), path, bolt.Options{LockWait: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	s, err := state.Open(b.Context(), d, state.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkIntake takes webhooks in: each is durable before the next one of
// its sender comes.
func BenchmarkIntake(b *testing.B) {
	for _, senders := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			s := benchStore(b, filepath.Join(b.TempDir(), "tenon.db"))
			ids := make(chan int)
			var wg sync.WaitGroup
			for range senders {
				wg.Go(func() {
					for i := range ids {
						if err := s.Update(b.Context(), func(tx state.Tx) error { return intake(tx, fmt.Sprint(i)) }); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ResetTimer()
			for i := range b.N {
				ids <- i
			}
			close(ids)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hooks/s")
		})
	}
}

// benchLink is a link of ten fields as HubSpot and Jira give them: ids of
// eleven and five digits, times as versions, rules by their hashes, and values
// that differ on both sides.
func benchLink(i int) *state.Link {
	created := time.Date(2026, 3, 1, 9, 0, 0, 123_000_000, time.UTC).Add(time.Duration(i) * time.Second)
	read := created.Add(-time.Duration(i%1000) * time.Minute)
	l := &state.Link{
		Mapping: "won-deal-to-epic", Created: created, Synced: created.Add(time.Duration(i%90) * time.Hour), Scheme: 0x0123456789abcdef,
		Ends: [2]state.End{
			{ID: fmt.Sprint(12_000_000_000 + i*7), Version: read.Format("2006-01-02T15:04:05.000Z"), Modified: read},
			{ID: fmt.Sprint(10_000 + i), Version: fmt.Sprint(created.UnixMilli()), Modified: created},
		},
	}
	for field := range 10 {
		p := state.Print(uint64(i)*0x9e3779b97f4a7c15 + uint64(field) + 1)
		l.Fields = append(l.Fields, state.Field{Rule: uint32(field+1) * 390_000_000, Known: [2]bool{true, true}, Base: [2]state.Print{p, ^p}})
	}
	return l
}

func putLinks(b *testing.B, s state.Store, n int, at func(int) int) {
	b.Helper()
	for from := 0; from < n; from += 1000 {
		err := s.Update(b.Context(), func(tx state.Tx) error {
			for i := from; i < min(n, from+1000); i++ {
				if err := tx.PutLink(benchLink(at(i))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func inOrder(i int) int { return i }

// TestLinkSize holds the size of a link, indexes and free pages included.
func TestLinkSize(t *testing.T) {
	const n = 30_000
	order := rand.New(rand.NewPCG(1, 2)).Perm(n)
	for name, at := range map[string]func(int) int{"in order": inOrder, "in no order": func(i int) int { return order[i] }} {
		d, err := bolt.Open(t.Context(), filepath.Join(t.TempDir(), "tenon.db"), bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		s, err := state.Open(t.Context(), d, state.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for from := 0; from < n; from += 100 {
			err := s.Update(t.Context(), func(tx state.Tx) error {
				for i := from; i < from+100; i++ {
					if err := tx.PutLink(benchLink(at(i))); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		var copied counter
		if err := s.Backup(t.Context(), &copied); err != nil {
			t.Fatal(err)
		}
		if got := int(copied) / n; got > 400 {
			t.Errorf("links %s: got %d bytes each, want 400 at most", name, got)
		} else {
			t.Logf("links %s: %d bytes each", name, got)
		}
	}
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// BenchmarkLinks stores b.N links, a thousand in a commit, of records that come
// in the order of their ids or in none: with -benchtime 1000000x it tells what a
// million take.
func BenchmarkLinks(b *testing.B) {
	b.Run("ascending", func(b *testing.B) { benchLinks(b, inOrder) })
	b.Run("shuffled", func(b *testing.B) {
		order := rand.New(rand.NewPCG(1, 2)).Perm(b.N)
		benchLinks(b, func(i int) int { return order[i] })
	})
}

func benchLinks(b *testing.B, at func(int) int) {
	path := filepath.Join(b.TempDir(), "tenon.db")
	s := benchStore(b, path)
	b.ResetTimer()
	putLinks(b, s, b.N, at)
	b.StopTimer()
	b.ReportMetric(perLink(b, path), "B/link")
	workLinks(b, s)
	b.ReportMetric(perLink(b, path), "B/link-worked")
	start := time.Now()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	s = benchStore(b, path)
	b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "ms-reopen")
	start = time.Now()
	r, err := s.Check(b.Context())
	if err != nil || len(r.Problems) > 0 {
		b.Fatalf("check: %v, %v", r.Problems, err)
	}
	b.ReportMetric(time.Since(start).Seconds(), "s-check")
}

func perLink(b *testing.B, path string) float64 {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size()) / float64(b.N)
}

// workLinks does to links at random, half as many as there are, what a
// reconcile does: it notes a write, and stores what came of it.
func workLinks(b *testing.B, s state.Store) {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	now := time.Date(2027, 1, 1, 0, 0, 0, 1000, time.UTC)
	for range (b.N + 199) / 200 {
		ids := make([]uint64, 100)
		for i := range ids {
			ids[i] = 1 + r.Uint64N(uint64(b.N))
		}
		for _, pending := range []*state.Pending{{To: state.Right, Source: 1, Target: 1}, nil} {
			err := s.Update(b.Context(), func(tx state.Tx) error {
				for _, id := range ids {
					l, err := tx.Link(id)
					if err != nil {
						return err
					}
					if l.Fields[3].Pending = pending; pending == nil {
						l.Synced, l.Fields[3].Base[0] = now, state.Print(id)
						l.Ends[1].Modified, l.Ends[1].Version = now, fmt.Sprint(now.UnixMilli())
					}
					if err := tx.PutLink(l); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkUpdateLinks updates a thousand of 200,000 links in one commit.
func BenchmarkUpdateLinks(b *testing.B) {
	const all, each = 200_000, 1000
	s := benchStore(b, filepath.Join(b.TempDir(), "tenon.db"))
	putLinks(b, s, all, inOrder)
	r := rand.New(rand.NewPCG(1, 2))
	for name, pick := range map[string]func(start, i int) int{
		"neighbours": func(start, i int) int { return (start + i) % all },
		"random":     func(int, int) int { return r.IntN(all) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				start := r.IntN(all)
				err := s.Update(b.Context(), func(tx state.Tx) error {
					for i := range each {
						l, err := tx.Link(uint64(pick(start, i) + 1))
						if err != nil {
							return err
						}
						l.Fields[0].Base[0]++
						if err := tx.PutLink(l); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReads looks links up by a record, each in a view of its own, on one
// goroutine and on all processors.
func BenchmarkReads(b *testing.B) {
	const all = 100_000
	s := benchStore(b, filepath.Join(b.TempDir(), "tenon.db"))
	putLinks(b, s, all, inOrder)
	look := func(i uint64) {
		err := s.View(b.Context(), func(tx state.Tx) error {
			_, err := tx.LinkOf("won-deal-to-epic", state.Right, fmt.Sprint(10_000+i*7919%all))
			return err
		})
		if err != nil {
			b.Error(err)
		}
	}
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for i := uint64(0); b.Loop(); i++ {
			look(i)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var next atomic.Uint64
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				look(next.Add(1))
			}
		})
	})
}
