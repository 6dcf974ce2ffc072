package statetest

import (
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// fullLink is a link that uses every field.
func fullLink() *state.Link {
	return &state.Link{
		Mapping: "won-deal", Status: state.LinkWaiting, Created: at(0), Synced: at(time.Minute + 123*time.Microsecond),
		Scheme: 0xfedcba9876543210,
		Ends: [2]state.End{
			{ID: "1042", Version: "v7", Modified: at(-time.Hour), State: connectors.Archived, OutScope: true},
			{ID: "DELIV/12 ä", Modified: time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)},
		},
		Fields: []state.Field{
			{Rule: 0, Known: [2]bool{true, false}, Base: [2]state.Print{7, 0}},
			{Rule: 3, Known: [2]bool{true, true}, Base: [2]state.Print{1<<64 - 1, 1}, Sets: [2][]state.Print{{1, 2, 3}, {}}},
			{Rule: 1<<32 - 1, Pending: &state.Pending{
				To: state.Right, Source: 5, Target: 1 << 63, SourceSet: []state.Print{9}, TargetSet: []state.Print{},
			}},
		},
	}
}

func testLinks(t *testing.T, h Harness) {
	s := open(t, h)
	want := fullLink()
	update(t, s, func(tx state.Tx) error { return tx.PutLink(want) })
	if want.ID == 0 {
		t.Fatal("PutLink gave no id")
	}
	view(t, s, func(tx state.Tx) error {
		got, err := tx.Link(want.ID)
		same(t, "Link", got, want)
		_, missing := tx.Link(want.ID + 1)
		wantErr(t, "a link that is not there", missing, state.ErrNotFound)
		return err
	})

	want.Fields, want.Status, want.Ends[0].State = nil, state.LinkEnded, connectors.Deleted
	update(t, s, func(tx state.Tx) error { return tx.PutLink(want) })
	view(t, s, func(tx state.Tx) error {
		got, err := tx.Link(want.ID)
		same(t, "the link as stored again", got, want)
		n, _ := tx.CountLinks("won-deal")
		same(t, "CountLinks", n, 1)
		n, _ = tx.CountActive("won-deal")
		same(t, "CountActive of an ended one", n, 0)
		return err
	})

	// An id above all others is kept, and not given again.
	given := link("won-deal", "high", "")
	given.ID = 900
	update(t, s, func(tx state.Tx) error { return tx.PutLink(given) })
	next := link("won-deal", "next", "")
	update(t, s, func(tx state.Tx) error { return tx.PutLink(next) })
	same(t, "the id after 900", next.ID, 901)
	sound(t, s)
}

func testLinkIndexes(t *testing.T, h Harness) {
	s := open(t, h)
	a, b, c := link("one", "1", "x"), link("one", "2", "y"), link("two", "1", "x")
	update(t, s, func(tx state.Tx) error {
		for _, l := range []*state.Link{a, b, c} {
			if err := tx.PutLink(l); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx state.Tx) error {
		for _, want := range []*state.Link{a, b, c} {
			for side, end := range want.Ends {
				got, err := tx.LinkOf(want.Mapping, uint8(side), end.ID)
				if err != nil {
					return err
				}
				same(t, "LinkOf", got.ID, want.ID)
			}
		}
		_, err := tx.LinkOf("one", state.Right, "1")
		wantErr(t, "LinkOf the other side", err, state.ErrNotFound)
		_, err = tx.LinkOf("three", state.Left, "1")
		wantErr(t, "LinkOf an unknown mapping", err, state.ErrNotFound)
		return nil
	})

	err := s.Update(t.Context(), func(tx state.Tx) error { return tx.PutLink(link("one", "3", "y")) })
	wantErr(t, "a link of a record that has one", err, state.ErrTaken)
	b.Ends[1].ID = "x"
	err = s.Update(t.Context(), func(tx state.Tx) error { return tx.PutLink(b) })
	wantErr(t, "a link changed to a record that has one", err, state.ErrTaken)

	b.Ends[1].ID = "z"
	update(t, s, func(tx state.Tx) error { return tx.PutLink(b) })
	view(t, s, func(tx state.Tx) error {
		_, err := tx.LinkOf("one", state.Right, "y")
		wantErr(t, "LinkOf the record that was left", err, state.ErrNotFound)
		got, err := tx.LinkOf("one", state.Right, "z")
		same(t, "LinkOf the new record", got, b)
		return err
	})

	b.Mapping = "two"
	if err := s.Update(t.Context(), func(tx state.Tx) error { return tx.PutLink(b) }); err == nil {
		t.Error("a link moved to another mapping")
	}

	view(t, s, func(tx state.Tx) error {
		for _, c := range []struct {
			mapping string
			after   uint64
			limit   int
			want    []uint64
		}{
			{"one", 0, 10, []uint64{1, 2}},
			{"one", 1, 10, []uint64{2}},
			{"one", 0, 1, []uint64{1}},
			{"two", 0, 10, []uint64{3}},
			{"", 1, 10, []uint64{2, 3}},
			{"", 0, 2, []uint64{1, 2}},
			{"", 0, 0, []uint64{}},
			{"none", 0, 10, []uint64{}},
			{"", 1<<64 - 1, 10, []uint64{}},
			{"one", 1<<64 - 1, 10, []uint64{}},
		} {
			got, err := tx.ListLinks(c.mapping, c.after, c.limit)
			if err != nil {
				return err
			}
			if len(got) != len(c.want) || len(got) > 0 && got[0].ID != c.want[0] {
				t.Errorf("ListLinks(%q, %d, %d): got %v, want %v", c.mapping, c.after, c.limit, ids(got), c.want)
			}
		}
		for mapping, want := range map[string]int{"one": 2, "two": 1, "": 3, "none": 0} {
			got, err := tx.CountLinks(mapping)
			if err != nil {
				return err
			}
			same(t, "CountLinks of "+mapping, got, want)
			if got, err = tx.CountActive(mapping); err != nil {
				return err
			}
			same(t, "CountActive of "+mapping, got, want)
		}
		return nil
	})
	sound(t, s)
}

func testDeleteLink(t *testing.T, h Harness) {
	s := open(t, h)
	gone, stays := link("one", "1", "x"), link("one", "2", "y")
	update(t, s, func(tx state.Tx) error {
		for _, l := range []*state.Link{gone, stays} {
			if err := tx.PutLink(l); err != nil {
				return err
			}
			if err := tx.PutEntry(&state.Entry{Subject: state.Subject{Mapping: "one", Link: l.ID}, Due: at(0)}); err != nil {
				return err
			}
			for rule := range uint32(3) {
				if err := tx.PutAside(&state.Aside{Link: l.ID, Rule: rule, Mapping: "one"}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	update(t, s, func(tx state.Tx) error { return tx.DeleteLink(gone.ID) })
	update(t, s, func(tx state.Tx) error { return tx.DeleteLink(gone.ID) })
	view(t, s, func(tx state.Tx) error {
		_, err := tx.Link(gone.ID)
		wantErr(t, "the deleted link", err, state.ErrNotFound)
		_, err = tx.LinkOf("one", state.Left, "1")
		wantErr(t, "LinkOf the deleted link's record", err, state.ErrNotFound)
		_, err = tx.Entry(state.Subject{Mapping: "one", Link: gone.ID})
		wantErr(t, "the deleted link's entry", err, state.ErrNotFound)
		due, err := tx.Due("one", at(time.Hour), 10)
		same(t, "due entries", len(due), 1)
		asides, _ := tx.ListAsides("one", 0, 10)
		same(t, "asides", len(asides), 3)
		return err
	})
	r := sound(t, s)
	same(t, "the report", r, state.Report{Links: 1, Entries: 1, Asides: 3})

	// The record is free for another link, which gets another id.
	again := link("one", "1", "x")
	update(t, s, func(tx state.Tx) error { return tx.PutLink(again) })
	same(t, "the next link's id", again.ID, 3)
}
