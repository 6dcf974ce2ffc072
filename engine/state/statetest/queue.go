package statetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

func entry(mapping, record string, p connectors.Priority, due time.Time) *state.Entry {
	return &state.Entry{
		Subject:  state.Subject{Mapping: mapping, Side: state.Left, Record: record},
		Priority: p, Due: due, First: at(0), Sides: 1, Gen: 1, Source: "webhook",
	}
}

func putEntries(t *testing.T, s state.Store, entries ...*state.Entry) {
	t.Helper()
	update(t, s, func(tx state.Tx) error {
		for _, e := range entries {
			if err := tx.PutEntry(e); err != nil {
				return err
			}
		}
		return nil
	})
}

func testQueue(t *testing.T, h Harness) {
	s := open(t, h)
	want := &state.Entry{
		Subject: state.Subject{Mapping: "one", Side: state.Right, Record: "a/b"},
		Sides:   3, Priority: connectors.PriorityBackfill, Status: state.Waiting,
		Due: at(time.Second), First: at(-time.Second), Gen: 1 << 60, Attempts: 12,
		Code: "unavailable", Reason: "no answer", Source: "poll", Convert: true,
	}
	putEntries(t, s, want)
	view(t, s, func(tx state.Tx) error {
		got, err := tx.Entry(want.Subject)
		same(t, "Entry", got, want)
		other := want.Subject
		other.Side = state.Left
		_, missing := tx.Entry(other)
		wantErr(t, "the entry of the other side", missing, state.ErrNotFound)
		other.Mapping = "two"
		_, missing = tx.Entry(other)
		wantErr(t, "the entry of an unknown mapping", missing, state.ErrNotFound)
		return err
	})
	counts := func(mapping string) (by map[state.Status]int) {
		view(t, s, func(tx state.Tx) (err error) { by, err = tx.CountEntries(mapping); return err })
		return by
	}
	same(t, "counts", counts("one"), map[state.Status]int{state.Waiting: 1})
	want.Status = state.Failed
	putEntries(t, s, want, entry("one", "x", 0, at(0)), entry("two", "x", 0, at(0)))
	same(t, "counts after a failure", counts("one"), map[state.Status]int{state.Failed: 1, state.Ready: 1})
	same(t, "counts of all", counts(""), map[state.Status]int{state.Failed: 1, state.Ready: 2})
	update(t, s, func(tx state.Tx) error {
		if err := tx.DeleteEntry(state.Subject{Mapping: "nowhere", Record: "x"}); err != nil {
			return err
		}
		if err := tx.DeleteEntry(want.Subject); err != nil {
			return err
		}
		return tx.DeleteEntry(want.Subject)
	})
	same(t, "counts after a delete", counts("one"), map[state.Status]int{state.Ready: 1})
	sound(t, s)
}

func testQueueOrder(t *testing.T, h Harness) {
	s := open(t, h)
	failed := entry("one", "failed", connectors.PriorityButton, at(0))
	failed.Status = state.Failed
	waiting := entry("one", "waiting", connectors.PriorityWebhook, at(time.Second))
	waiting.Status = state.Waiting
	putEntries(
		t, s,
		entry("one", "sweep", connectors.PrioritySweep, at(-time.Hour)),
		entry("one", "webhook-late", connectors.PriorityWebhook, at(2*time.Second)),
		waiting,
		entry("one", "webhook-early", connectors.PriorityWebhook, time.Time{}),
		entry("one", "button", connectors.PriorityButton, at(3*time.Second)),
		entry("one", "future", connectors.PriorityButton, at(time.Hour)),
		entry("two", "other", connectors.PriorityButton, at(0)),
		failed,
	)
	due := func(now time.Time, limit int) (got []string) {
		view(t, s, func(tx state.Tx) error {
			list, err := tx.Due("one", now, limit)
			got = records(list)
			return err
		})
		return got
	}
	all := []string{"button", "webhook-early", "waiting", "webhook-late", "sweep"}
	same(t, "due at 3 s", due(at(3*time.Second), 10), all)
	same(t, "due at 3 s, three of them", due(at(3*time.Second), 3), all[:3])
	same(t, "due at 3 s, none of them", due(at(3*time.Second), 0), []string{})
	same(t, "due a microsecond before 2 s", due(at(2*time.Second-time.Microsecond), 10), []string{"webhook-early", "waiting", "sweep"})

	next := func(mapping string) (when time.Time, ok bool) {
		view(t, s, func(tx state.Tx) (err error) { when, ok, err = tx.NextDue(mapping); return err })
		return when, ok
	}
	if when, ok := next("one"); !ok || !when.IsZero() {
		t.Errorf("NextDue: got %v, %v, want the zero time, true", when, ok)
	}
	if _, ok := next("three"); ok {
		t.Error("NextDue of an unknown mapping: got true, want false")
	}

	// An entry that changes its place leaves the old one.
	putEntries(t, s, entry("one", "webhook-early", connectors.PrioritySweep, at(-2*time.Hour)))
	same(t, "due after a change", due(at(3*time.Second), 10), []string{"button", "waiting", "webhook-late", "webhook-early", "sweep"})
	if when, ok := next("one"); !ok || !when.Equal(at(-2*time.Hour)) {
		t.Errorf("NextDue after a change: got %v, %v, want %v, true", when, ok, at(-2*time.Hour))
	}
	sound(t, s)
}

func testQueueSubjects(t *testing.T, h Harness) {
	s := open(t, h)
	l := link("one", "1", "x")
	update(t, s, func(tx state.Tx) error {
		if err := tx.PutLink(l); err != nil {
			return err
		}
		e := entry("one", "ignored", 0, at(0))
		e.Link = l.ID
		if err := tx.PutEntry(e); err != nil {
			return err
		}
		for i := range 5 {
			for _, mapping := range []string{"one", "two"} {
				if err := tx.PutEntry(entry(mapping, fmt.Sprint(i), 0, at(0))); err != nil {
					return err
				}
			}
		}
		return nil
	})
	view(t, s, func(tx state.Tx) error {
		got, err := tx.Entry(state.Subject{Mapping: "one", Link: l.ID})
		if err != nil {
			return err
		}
		same(t, "a link's subject", got.Subject, state.Subject{Mapping: "one", Link: l.ID})
		for _, mapping := range []string{"one", "two", ""} {
			whole, err := tx.ListEntries(mapping, nil, 100)
			if err != nil {
				return err
			}
			want := map[string]int{"one": 6, "two": 5, "": 11}[mapping]
			same(t, "entries of "+mapping, len(whole), want)
			var paged []*state.Entry
			var after *state.Subject
			for {
				page, err := tx.ListEntries(mapping, after, 2)
				if err != nil {
					return err
				}
				if len(page) == 0 {
					break
				}
				paged = append(paged, page...)
				after = &page[len(page)-1].Subject
			}
			same(t, "entries of "+mapping+" by pages", paged, whole)
		}
		return nil
	})
	err := s.Update(t.Context(), func(tx state.Tx) error {
		return tx.PutEntry(&state.Entry{Subject: state.Subject{Mapping: "one", Link: 77}})
	})
	wantErr(t, "an entry of a link that is not there", err, state.ErrNotFound)
	sound(t, s)
}
