package statetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine/state"
)

var errBoom = errors.New("boom")

// mess writes something of every kind.
func mess(tx state.Tx) error {
	l := link("mess", "1", "x")
	if err := tx.PutLink(l); err != nil {
		return err
	}
	_, err := tx.SeenDelivery("hubspot", "d", at(0), at(time.Hour))
	return errors.Join(
		err,
		tx.PutEntry(&state.Entry{Subject: state.Subject{Mapping: "mess", Link: l.ID}, Due: at(0)}),
		tx.PutIntent(&state.Intent{Key: "k", Mapping: "mess", Record: "1"}),
		tx.PutAside(&state.Aside{Link: l.ID, Rule: 1, Mapping: "mess"}),
		tx.AppendJournal(&state.Event{At: at(0), Mapping: "mess", Link: l.ID, Action: "linked"}),
		tx.SetCursor("c", "1"), tx.SetSecret("s", []byte{1}), tx.SetDoc("kind", "key", []byte{1}),
		tx.SetKnown("mess", state.Left, "2", []byte{1}),
	)
}

// empty fails the test unless nothing is stored.
func empty(t *testing.T, s state.Store) {
	t.Helper()
	same(t, "the report of what should be empty", sound(t, s), state.Report{})
	view(t, s, func(tx state.Tx) error {
		cursor, _ := tx.Cursor("c")
		secret, _ := tx.Secret("s")
		doc, _ := tx.Doc("kind", "key")
		known, err := tx.Known("mess", state.Left, "2")
		if cursor != "" || secret != nil || doc != nil || known != nil {
			t.Errorf("left behind: cursor %q, secret %v, document %v, known %v", cursor, secret, doc, known)
		}
		return err
	})
}

func testUpdateFails(t *testing.T, h Harness) {
	s := open(t, h)
	l, e := link("mess", "2", "y"), &state.Event{At: at(0), Action: "linked"}
	err := s.Update(t.Context(), func(tx state.Tx) error {
		if err := errors.Join(mess(tx), tx.PutLink(l), tx.AppendJournal(e)); err != nil {
			return err
		}
		return errBoom
	})
	wantErr(t, "a failing update", err, errBoom)
	if l.ID != 0 || e.Seq != 0 {
		t.Errorf("ids after a failing update: got link %d and event %d, want 0 and 0", l.ID, e.Seq)
	}
	empty(t, s)

	// What a failing update deleted or replaced is there again.
	update(t, s, mess)
	before := dump(t, s)
	err = s.Update(t.Context(), func(tx state.Tx) error {
		changed := link("mess", "3", "z")
		changed.ID = 1
		return errors.Join(
			tx.PutLink(changed), tx.DeleteLink(1), tx.DeleteIntent("k"), tx.SetCursor("c", ""), tx.SetSecret("s", nil), errBoom,
		)
	})
	wantErr(t, "an update that fails after deleting", err, errBoom)
	same(t, "all after an update that fails after deleting", dump(t, s), before)
	sound(t, s)
}

func testUpdatePanics(t *testing.T, h Harness) {
	s := open(t, h)
	func() {
		defer func() { same(t, "the panic", recover(), any("boom")) }()
		_ = s.Update(t.Context(), func(tx state.Tx) error {
			if err := mess(tx); err != nil {
				return err
			}
			panic("boom")
		})
		t.Error("Update returned after a panic")
	}()
	empty(t, s)
	func() {
		defer func() { same(t, "the panic of a view", recover(), any("boom")) }()
		_ = s.View(t.Context(), func(state.Tx) error { panic("boom") })
	}()
	update(t, s, mess)
	sound(t, s)
}

// testUpdateExits ends the goroutine within fn, as testing.T.FailNow does.
func testUpdateExits(t *testing.T, h Harness) {
	s := open(t, h)
	exits := func(fn func()) (returned bool) {
		var wg sync.WaitGroup
		wg.Go(func() {
			fn()
			returned = true
		})
		wg.Wait()
		return returned
	}
	same(t, "Update returned", exits(func() {
		_ = s.Update(t.Context(), func(tx state.Tx) error {
			if err := mess(tx); err != nil {
				return err
			}
			exit()
			return nil
		})
	}), false)
	empty(t, s)
	update(t, s, mess)
	sound(t, s)
}

func testOwnWrites(t *testing.T, h Harness) {
	s := open(t, h)
	update(t, s, func(tx state.Tx) error {
		for i := range 600 { // more than a page
			l := link("one", fmt.Sprint(i), "")
			if err := tx.PutLink(l); err != nil {
				return err
			}
			got, err := tx.LinkOf("one", state.Left, fmt.Sprint(i))
			if err != nil || got.ID != l.ID {
				return fmt.Errorf("link %d within its update: %v, %w", l.ID, got, err)
			}
		}
		for id := uint64(1); id <= 600; id += 2 {
			if err := tx.DeleteLink(id); err != nil {
				return err
			}
		}
		list, err := tx.ListLinks("one", 0, 1000)
		if err != nil {
			return err
		}
		n, err := tx.CountLinks("one")
		if len(list) != 300 || n != 300 {
			t.Errorf("within the update: got %d links, counted %d, want 300", len(list), n)
		}
		return err
	})
	same(t, "the report", sound(t, s), state.Report{Links: 300})
}

func testViewReadOnly(t *testing.T, h Harness) {
	s := open(t, h)
	update(t, s, mess)
	for name, fn := range map[string]func(tx state.Tx) error{
		"PutLink":        func(tx state.Tx) error { return tx.PutLink(link("one", "1", "2")) },
		"DeleteLink":     func(tx state.Tx) error { return tx.DeleteLink(99) },
		"PutEntry":       func(tx state.Tx) error { return tx.PutEntry(entry("one", "1", 0, at(0))) },
		"DeleteEntry":    func(tx state.Tx) error { return tx.DeleteEntry(state.Subject{Mapping: "none", Record: "1"}) },
		"PutIntent":      func(tx state.Tx) error { return tx.PutIntent(&state.Intent{Key: "k", Mapping: "one", Record: "1"}) },
		"DeleteIntent":   func(tx state.Tx) error { return tx.DeleteIntent("none") },
		"PutAside":       func(tx state.Tx) error { return tx.PutAside(&state.Aside{Link: 1, Mapping: "mess"}) },
		"DeleteAside":    func(tx state.Tx) error { return tx.DeleteAside(99, 1) },
		"AppendJournal":  func(tx state.Tx) error { return tx.AppendJournal(&state.Event{}) },
		"PruneJournal":   func(tx state.Tx) error { _, err := tx.PruneJournal(at(0), 1); return err },
		"ForgetReplaced": func(tx state.Tx) error { _, err := tx.ForgetReplaced(at(0), 1); return err },
		"SetCursor":      func(tx state.Tx) error { return tx.SetCursor("c", "") },
		"SeenDelivery": func(tx state.Tx) error {
			_, err := tx.SeenDelivery("hubspot", "d", at(0), at(1))
			return err
		},
		"PruneDeliveries": func(tx state.Tx) error { _, err := tx.PruneDeliveries(at(0), 1); return err },
		"SetKnown":        func(tx state.Tx) error { return tx.SetKnown("one", 0, "1", nil) },
		"SetSecret":       func(tx state.Tx) error { return tx.SetSecret("s", nil) },
		"SetDoc":          func(tx state.Tx) error { return tx.SetDoc("kind", "key", nil) },
	} {
		wantErr(t, name+" in a view", s.View(t.Context(), fn), state.ErrReadOnly)
	}
}

func testSnapshot(t *testing.T, h Harness) {
	s := open(t, h)
	want := link("one", "1", "x")
	want.Ends[0].Version = "first"
	update(t, s, func(tx state.Tx) error { return tx.PutLink(want) })
	var got *state.Link
	view(t, s, func(tx state.Tx) (err error) { got, err = tx.Link(1); return err })
	changed := link("one", "1", "x")
	changed.ID, changed.Ends[0].Version = 1, "other"
	for range 20 { // writes over what is free
		update(t, s, func(tx state.Tx) error { return tx.PutLink(changed) })
	}
	same(t, "what a view gave, after updates", got, want)
}

func testEnded(t *testing.T, h Harness) {
	s := open(t, h)
	var kept state.Tx
	update(t, s, func(tx state.Tx) error { kept = tx; return nil })
	if _, err := kept.Link(1); err == nil {
		t.Error("a transaction that has ended reads")
	}
	if err := kept.SetCursor("c", "x"); err == nil {
		t.Error("a transaction that has ended writes")
	}
	if _, err := kept.ListLinks("", 0, 1); err == nil {
		t.Error("a transaction that has ended lists")
	}
}

func testCancelled(t *testing.T, h Harness) {
	s := open(t, h)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBoom)
	never := func(state.Tx) error { t.Error("fn ran although the context had ended"); return nil }
	wantErr(t, "Update", s.Update(ctx, never), errBoom)
	wantErr(t, "View", s.View(ctx, never), errBoom)
	wantErr(t, "Backup", s.Backup(ctx, &bytes.Buffer{}), errBoom)
	_, err := s.Check(ctx)
	wantErr(t, "Check", err, errBoom)
}

func testClosed(t *testing.T, h Harness) {
	s := open(t, h)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	never := func(state.Tx) error { t.Error("fn ran although the store was closed"); return nil }
	wantErr(t, "Update", s.Update(t.Context(), never), state.ErrClosed)
	wantErr(t, "View", s.View(t.Context(), never), state.ErrClosed)
	wantErr(t, "Backup", s.Backup(t.Context(), &bytes.Buffer{}), state.ErrClosed)
	_, err := s.Check(t.Context())
	wantErr(t, "Check", err, state.ErrClosed)
}

// testScan holds a backend's ranges against the plain meaning of them.
func testScan(t *testing.T, h Harness) {
	b, err := h.Open(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	var keys []string
	for i := range 700 {
		keys = append(keys, fmt.Sprintf("%04d", i*2))
	}
	err = b.Update(t.Context(), func(w state.Writer) error {
		for _, k := range keys {
			if err := w.Put(state.SpaceDocs, []byte(k), []byte("v"+k)); err != nil {
				return err
			}
		}
		return w.Put(state.SpaceKnown, []byte("9"), []byte{})
	})
	if err != nil {
		t.Fatal(err)
	}
	bounds := []string{"", "0", "0000", "0001", "0002", "0700", "0701", "1398", "1399", "2"}
	check := func(r state.Reader) error {
		for _, from := range bounds {
			for _, to := range bounds {
				for _, reverse := range []bool{false, true} {
					if err := checkScan(t, r, keys, from, to, reverse); err != nil {
						return err
					}
				}
			}
		}
		v, err := r.Get(state.SpaceKnown, []byte("9"))
		if v == nil || len(v) != 0 {
			t.Errorf("an empty value: got %v, want empty and not nil", v)
		}
		return err
	}
	if err := b.View(t.Context(), check); err != nil {
		t.Fatal(err)
	}
	err = b.Update(t.Context(), func(w state.Writer) error {
		var left []string // whole pages of deleted keys lie between those left
		for i, k := range keys {
			if i%350 < 300 {
				if err := w.Delete(state.SpaceDocs, []byte(k)); err != nil {
					return err
				}
			} else {
				left = append(left, k)
			}
		}
		keys = left
		return check(w)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.View(t.Context(), check); err != nil {
		t.Fatal(err)
	}
}

func checkScan(t *testing.T, r state.Reader, keys []string, from, to string, reverse bool) error {
	t.Helper()
	rg := state.Range{Reverse: reverse}
	if from != "" {
		rg.From = []byte(from)
	}
	if to != "" {
		rg.To = []byte(to)
	}
	want := []string{}
	for _, k := range keys {
		if k >= from && (to == "" || k < to) {
			if reverse {
				want = append([]string{k}, want...)
			} else {
				want = append(want, k)
			}
		}
	}
	got := []string{}
	err := r.Scan(state.SpaceDocs, rg, func(k, v []byte) bool {
		if string(v) != "v"+string(k) {
			t.Errorf("key %s has the value %s", k, v)
		}
		got = append(got, string(k))
		return true
	})
	same(t, fmt.Sprintf("scan from %q to %q, reverse %v", from, to, reverse), got, want)
	return err
}
