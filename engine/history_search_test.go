package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenonsync/tenon/engine/state"
	statememory "github.com/tenonsync/tenon/engine/state/memory"
)

// tangled is a journal of links that come, end, change their records and go,
// and of events of records in no link.
func tangled(t *testing.T, r *rand.Rand) (state.Store, []*state.Event) {
	t.Helper()
	store, err := state.Open(t.Context(), statememory.New(), state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var all []*state.Event
	for range 20 + r.IntN(150) {
		at = at.Add(time.Duration(r.IntN(100)-20) * time.Minute)
		if err := store.Update(t.Context(), func(tx state.Tx) error {
			ev, err := tangle(tx, r)
			if err != nil {
				return err
			}
			ev.At, ev.Action, ev.Run = at, []string{"updated", "conflict"}[r.IntN(2)], uint64(r.IntN(3))
			if r.IntN(3) == 0 {
				ev.Fields = []state.EventField{{Name: "notes ↔ notes"}}
			}
			all = append(all, ev)
			return tx.AppendJournal(ev)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Update(t.Context(), func(tx state.Tx) error {
		n, err := tx.PruneJournal(all[r.IntN(len(all)/4)].At, r.IntN(10))
		all = all[n:]
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	return store, all
}

// tangle changes the links at random, and returns an event of that.
func tangle(tx state.Tx, r *rand.Rand) (*state.Event, error) {
	name := []string{"one", "two"}[r.IntN(2)]
	records := [2]string{fmt.Sprint(r.IntN(4)), fmt.Sprint(r.IntN(4))}
	ev := &state.Event{Mapping: name, Records: records}
	links, err := tx.ListLinks(name, 0, 100)
	if err != nil || r.IntN(4) == 0 {
		return ev, err
	}
	free := func(l *state.Link) bool {
		for side, end := range l.Ends {
			if old, err := tx.LinkOf(name, uint8(side), end.ID); err == nil && old.ID != l.ID {
				return false
			}
		}
		return true
	}
	l := &state.Link{Mapping: name, Status: state.LinkActive, Ends: [2]state.End{{ID: records[0]}, {ID: records[1]}}}
	if len(links) > 0 && r.IntN(3) > 0 {
		l = links[r.IntN(len(links))]
		ev.Records = [2]string{l.Ends[0].ID, l.Ends[1].ID}
		ev.Link = l.ID
		switch r.IntN(8) {
		case 0:
			return ev, tx.DeleteLink(l.ID)
		case 1:
			l.Status = state.LinkEnded
			return ev, tx.PutLink(l)
		case 2:
			l.Ends[r.IntN(2)].ID = records[0]
			if free(l) {
				return ev, tx.PutLink(l)
			}
		}
		return ev, nil
	}
	if !free(l) {
		return ev, nil
	}
	err = tx.PutLink(l)
	ev.Link = l.ID
	return ev, err
}

// TestRecordHistoryIsThatOfAFullSearch compares what is told of a record, page
// by page, with what a look at each event tells; without patience it is at
// least all of the record's links, and all down to the row that is marked.
func TestRecordHistoryIsThatOfAFullSearch(t *testing.T) {
	marked := 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 3))
		store, all := tangled(t, r)
		f := state.EventFilter{Record: fmt.Sprint(r.IntN(5)), Run: uint64(r.IntN(3) / 2)}
		s := search{filter: f, limit: 1 + r.IntN(9), mappings: []string{"one", "two"}, span: 1 + uint64(r.IntN(20)), patience: time.Hour, now: time.Now}
		if r.IntN(3) == 0 {
			s.field = "notes"
		}
		if r.IntN(3) == 0 {
			s.filter.Mapping, s.mappings = "two", s.mappings[1:]
		}
		pass := func(e *state.Event) bool {
			return slices.Contains(e.Records[:], f.Record) && (f.Run == 0 || e.Run == f.Run) &&
				(s.field == "" || len(e.Fields) > 0) && (s.filter.Mapping == "" || e.Mapping == s.filter.Mapping)
		}
		var want []uint64
		for _, e := range all {
			if pass(e) {
				want = append(want, e.Seq)
			}
		}
		got, _ := turnPages(t, store, s)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("seed %d, %+v (-each event +told):\n%s", seed, s, diff)
		}
		s.patience = 0
		hasty, gaps := turnPages(t, store, s)
		if len(gaps) > 0 {
			marked++
		}
		checkHasty(t, seed, store, &s, all, want, hasty, gaps)
	}
	if marked < 20 {
		t.Errorf("%d of 150 histories have a mark, want more", marked)
	}
}

// turnPages reads all pages and returns the events' numbers, and the marks.
func turnPages(t *testing.T, store state.Store, s search) (got, marks []uint64) {
	t.Helper()
	if err := store.View(t.Context(), func(tx state.Tx) error {
		for before := uint64(0); ; {
			events, partial, err := s.run(t.Context(), tx, before)
			if err != nil {
				return err
			}
			for _, e := range events {
				got = append(got, e.Seq)
			}
			if partial != 0 {
				marks = append(marks, partial)
			}
			if len(events) < s.limit {
				return nil
			}
			before = events[len(events)-1].Seq
		}
	}); err != nil {
		t.Fatal(err)
	}
	return got, marks
}

func checkHasty(t *testing.T, seed uint64, store state.Store, s *search, all []*state.Event, want, got, marks []uint64) {
	t.Helper()
	for i, seq := range got {
		if !slices.Contains(want, seq) || i > 0 && seq >= got[i-1] {
			t.Errorf("seed %d: %v is told in a hurry, want some of %v in order", seed, got, want)
			return
		}
	}
	sure := len(want)
	if len(marks) > 0 {
		sure = slices.Index(got, marks[0])
	}
	if diff := cmp.Diff(want[:sure], got[:min(sure, len(got))], cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("seed %d: of what stands before the mark (-each event +told):\n%s", seed, diff)
	}
	if err := store.View(t.Context(), func(tx state.Tx) error {
		for _, e := range all {
			l, err := tx.Link(e.Link)
			if err == nil && slices.Contains(want, e.Seq) && (l.Ends[0].ID == s.filter.Record || l.Ends[1].ID == s.filter.Record) && !slices.Contains(got, e.Seq) {
				t.Errorf("seed %d: event %d of link %d is not told: %v", seed, e.Seq, e.Link, got)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
