package statetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine/state"
)

func exit() { runtime.Goexit() }

// take is what the intake of a delivery does.
func take(tx state.Tx, sender, i int) error {
	id := fmt.Sprintf("%d-%d", sender, i)
	if seen, err := tx.SeenDelivery("hubspot", id, at(0), at(time.Hour)); err != nil || seen {
		return fmt.Errorf("delivery %s: seen %v: %w", id, seen, err)
	}
	return tx.PutEntry(entry(fmt.Sprintf("mapping-%d", i%3), id, 1, at(time.Duration(i)*time.Second)))
}

func testConcurrent(t *testing.T, h Harness) {
	s := open(t, h)
	const senders, each = 16, 20
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for i := range each {
				if err := s.Update(t.Context(), func(tx state.Tx) error { return take(tx, sender, i) }); err != nil {
					t.Errorf("update: %v", err)
				}
				err := s.View(t.Context(), func(tx state.Tx) error {
					_, err := tx.Entry(entry(fmt.Sprintf("mapping-%d", i%3), fmt.Sprintf("%d-%d", sender, i), 0, at(0)).Subject)
					return err
				})
				if err != nil {
					t.Errorf("an update that was confirmed is not seen: %v", err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 5 {
			if r, err := s.Check(t.Context()); err == nil && len(r.Problems) > 0 {
				t.Errorf("check beside updates: %v", r.Problems)
			}
		}
	})
	wg.Wait()
	same(t, "entries", sound(t, s).Entries, senders*each)
}

// testConcurrentFailures makes half of the updates fail: they share commits
// with others and must not show in them.
func testConcurrentFailures(t *testing.T, h Harness) {
	s := open(t, h)
	const senders, each = 16, 20
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for i := range each {
				e := &state.Event{At: at(0), Mapping: "one", Link: uint64(i + 1), Action: "updated"}
				err := s.Update(t.Context(), func(tx state.Tx) error {
					if err := tx.AppendJournal(e); err != nil {
						return err
					}
					if err := take(tx, sender, i); err != nil {
						return err
					}
					if (sender+i)%2 == 0 {
						return errBoom
					}
					return nil
				})
				if failed := (sender+i)%2 == 0; failed {
					wantErr(t, "an update that fails", err, errBoom)
				} else if err != nil || e.Seq == 0 {
					t.Errorf("an update beside failing ones: %v, event %d", err, e.Seq)
				}
			}
		})
	}
	wg.Wait()
	r := sound(t, s)
	same(t, "entries and events", [2]int{r.Entries, r.Events}, [2]int{senders * each / 2, senders * each / 2})
	view(t, s, func(tx state.Tx) error {
		list, err := tx.ListJournal(0, 1, state.EventFilter{})
		same(t, "the last event: no number was lost", seqs(list), []uint64{senders * each / 2})
		return err
	})
}

// dump returns all that lists show.
func dump(t *testing.T, s state.Store) string {
	t.Helper()
	var b bytes.Buffer
	view(t, s, func(tx state.Tx) error { return dumpTx(&b, tx) })
	return b.String()
}

func dumpTx(b *bytes.Buffer, tx state.Tx) error {
	const all = 1 << 20
	links, err1 := tx.ListLinks("", 0, all)
	entries, err2 := tx.ListEntries("", nil, all)
	intents, err3 := tx.ListIntents("", "", all)
	asides, err4 := tx.ListAsides("", 0, all)
	events, err5 := tx.ListJournal(0, all, state.EventFilter{})
	cursor, err6 := tx.Cursor("c")
	out := json.NewEncoder(b)
	out.SetIndent("", "  ")
	err7 := out.Encode([]any{links, entries, intents, asides, events, cursor})
	return errors.Join(err1, err2, err3, err4, err5, err6, err7)
}

func testReopen(t *testing.T, h Harness) {
	s := open(t, h)
	update(t, s, mess)
	full := fullLink()
	update(t, s, func(tx state.Tx) error { return tx.PutLink(full) })
	before := dump(t, s)
	for range 3 {
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
		s = open(t, h)
		same(t, "all after a reopening", dump(t, s), before)
		sound(t, s)
	}
	next := link("mess", "4", "")
	update(t, s, func(tx state.Tx) error { return tx.PutLink(next) })
	same(t, "the next id after a reopening", next.ID, full.ID+1)
}

func testCrash(t *testing.T, h Harness) {
	s := open(t, h)
	for i := range 5 {
		update(t, s, func(tx state.Tx) error { return take(tx, 0, i) })
		before := dump(t, s)
		err := s.Update(t.Context(), func(tx state.Tx) error {
			if err := mess(tx); err != nil {
				return err
			}
			return errBoom
		})
		wantErr(t, "a failing update", err, errBoom)
		after := open(t, h.Crash(t))
		same(t, "all after a crash", dump(t, after), before)
		sound(t, after)
	}
}

// testCrashUnderLoad takes images while updates run: each holds all that was
// confirmed before it was taken, and no part of anything.
func testCrashUnderLoad(t *testing.T, h Harness) {
	s := open(t, h)
	const senders, each, images = 8, 25, 6
	var confirmed [senders]atomic.Int64
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for i := range each {
				if err := s.Update(t.Context(), func(tx state.Tx) error { return take(tx, sender, i) }); err != nil {
					t.Errorf("update: %v", err)
				}
				confirmed[sender].Store(int64(i + 1))
			}
		})
	}
	type image struct {
		h    Harness
		want [senders]int64
	}
	var taken [images]image
	for i := range taken {
		for sender := range senders {
			taken[i].want[sender] = confirmed[sender].Load()
		}
		taken[i].h = h.Crash(t)
	}
	wg.Wait()
	for _, image := range taken {
		after := open(t, image.h)
		sound(t, after)
		view(t, after, func(tx state.Tx) error {
			for sender := range senders {
				for i := range int(image.want[sender]) {
					subject := entry(fmt.Sprintf("mapping-%d", i%3), fmt.Sprintf("%d-%d", sender, i), 0, at(0)).Subject
					if _, err := tx.Entry(subject); err != nil {
						t.Errorf("a confirmed update is not there after a crash: %v: %v", subject, err)
					}
				}
			}
			return nil
		})
		update(t, after, mess)
		sound(t, after)
	}
}

func testBackup(t *testing.T, h Harness) {
	s := open(t, h)
	update(t, s, mess)
	before := dump(t, s)
	var quiet bytes.Buffer
	if err := s.Backup(t.Context(), &quiet); err != nil {
		t.Fatalf("backup: %v", err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 50 {
			if err := s.Update(t.Context(), func(tx state.Tx) error { return take(tx, 0, i) }); err != nil {
				t.Errorf("update beside a backup: %v", err)
			}
		}
	})
	var busy [3]bytes.Buffer
	for i := range busy {
		if err := s.Backup(t.Context(), &busy[i]); err != nil {
			t.Errorf("backup under load: %v", err)
		}
	}
	wg.Wait()
	restore := func(r *bytes.Buffer) state.Store {
		b, err := h.Restore(t, r)
		if err != nil {
			t.Fatalf("restore: %v", err)
		}
		return layOut(t, b)
	}
	restored := restore(&quiet)
	same(t, "all after a restore", dump(t, restored), before)
	sound(t, restored)
	for i := range busy {
		sound(t, restore(&busy[i]))
	}
	if _, err := h.Restore(t, bytes.NewReader(nil)); err == nil {
		t.Error("nothing at all was restored")
	}
}

func testKeep(t *testing.T, h Harness) {
	b, err := h.Open(t)
	if err != nil {
		t.Fatal(err)
	}
	s := layOut(t, b)
	update(t, s, mess)
	var last string
	for range 2 {
		where, err := b.Keep(t.Context(), "label")
		if err != nil || where == "" {
			t.Fatalf("Keep: got %q, %v", where, err)
		}
		last = where
	}
	t.Logf("kept at %s", last)
	sound(t, s)
}
