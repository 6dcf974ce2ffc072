package statetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

func testIntents(t *testing.T, h Harness) {
	s := open(t, h)
	want := &state.Intent{
		Key: "k-2", Kind: state.IntentTask, Mapping: "one", Side: state.Right, Record: "10", Part: "design",
		Created: at(0), Sent: at(time.Second), Result: "T-1", Doc: []byte{0, 1, 2},
	}
	others := []*state.Intent{
		{Key: "k-1", Mapping: "one", Side: state.Right, Record: "10", Created: at(0)},
		{Key: "k-3", Mapping: "one", Side: state.Right, Record: "1", Created: at(0), Doc: []byte{}},
		{Key: "k-4", Mapping: "two", Side: state.Right, Record: "10", Created: at(0)},
		{Key: "0k", Mapping: "one", Side: state.Left, Record: "10", Created: at(0)},
	}
	update(t, s, func(tx state.Tx) error {
		for _, i := range append(others, want) {
			if err := tx.PutIntent(i); err != nil {
				return err
			}
		}
		return nil
	})
	keys := func(list []*state.Intent, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, i := range list {
			all = append(all, i.Key)
		}
		return strings.Join(all, " ")
	}
	view(t, s, func(tx state.Tx) error {
		got, err := tx.Intent("k-2")
		same(t, "Intent", got, want)
		_, missing := tx.Intent("k")
		wantErr(t, "an intent that is not there", missing, state.ErrNotFound)
		_, missing = tx.Intent("")
		wantErr(t, "an intent without a key", missing, state.ErrNotFound)
		same(t, "IntentsOf 10", keys(tx.IntentsOf("one", state.Right, "10")), "k-1 k-2")
		same(t, "IntentsOf 1", keys(tx.IntentsOf("one", state.Right, "1")), "k-3")
		same(t, "IntentsOf nothing", keys(tx.IntentsOf("one", state.Left, "1")), "")
		same(t, "ListIntents", keys(tx.ListIntents("", "", 10)), "0k k-1 k-2 k-3 k-4")
		same(t, "ListIntents of one", keys(tx.ListIntents("one", "0k", 2)), "k-1 k-2")
		return err
	})
	want.Record = "11"
	update(t, s, func(tx state.Tx) error {
		if err := tx.DeleteIntent("k-1"); err != nil {
			return err
		}
		if err := tx.DeleteIntent("k-1"); err != nil {
			return err
		}
		return tx.PutIntent(want)
	})
	view(t, s, func(tx state.Tx) error {
		same(t, "IntentsOf the record that was left", keys(tx.IntentsOf("one", state.Right, "10")), "")
		same(t, "IntentsOf the new record", keys(tx.IntentsOf("one", state.Right, "11")), "k-2")
		return nil
	})
	same(t, "the report", sound(t, s), state.Report{Intents: 4})
}

func testAsides(t *testing.T, h Harness) {
	s := open(t, h)
	one, two := link("one", "1", "x"), link("two", "1", "x")
	full := &state.Aside{
		Rule: 1<<32 - 1, Mapping: "one", Name: "amount", Kind: state.AsideRefused, Since: at(0), To: state.Right,
		Prints: [2]state.Print{1, 1<<64 - 1}, Code: "refused", Reason: "too long",
		Values: [2][]byte{{1}, {}}, Choice: "left",
	}
	update(t, s, func(tx state.Tx) error {
		for _, l := range []*state.Link{one, two} {
			if err := tx.PutLink(l); err != nil {
				return err
			}
		}
		full.Link = one.ID
		for _, a := range []*state.Aside{
			full,
			{Link: one.ID, Rule: 1, Mapping: "one"},
			{Link: one.ID, Rule: 2, Mapping: "one"},
			{Link: two.ID, Rule: 1, Mapping: "two", Kind: state.AsideFlips},
		} {
			if err := tx.PutAside(a); err != nil {
				return err
			}
		}
		return nil
	})
	rules := func(list []*state.Aside, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, a := range list {
			all = append(all, fmt.Sprintf("%d/%d", a.Link, a.Rule))
		}
		return strings.Join(all, " ")
	}
	view(t, s, func(tx state.Tx) error {
		got, err := tx.Aside(one.ID, full.Rule)
		same(t, "Aside", got, full)
		_, missing := tx.Aside(two.ID, 2)
		wantErr(t, "an aside that is not there", missing, state.ErrNotFound)
		same(t, "AsidesOf", rules(tx.AsidesOf(one.ID)), "1/1 1/2 1/4294967295")
		same(t, "ListAsides", rules(tx.ListAsides("", 0, 10)), "1/1 1/2 1/4294967295 2/1")
		same(t, "ListAsides never cuts a link", rules(tx.ListAsides("", 0, 1)), "1/1 1/2 1/4294967295")
		same(t, "ListAsides of one never cuts a link", rules(tx.ListAsides("one", 0, 2)), "1/1 1/2 1/4294967295")
		same(t, "ListAsides after the first link", rules(tx.ListAsides("", 1, 10)), "2/1")
		same(t, "ListAsides of one after its link", rules(tx.ListAsides("one", 1, 10)), "")
		counts, _ := tx.CountAsides("")
		same(t, "CountAsides", counts, map[state.AsideKind]int{state.AsideConflict: 2, state.AsideRefused: 1, state.AsideFlips: 1})
		return err
	})
	full.Kind = state.AsideConflict
	update(t, s, func(tx state.Tx) error {
		if err := tx.PutAside(full); err != nil {
			return err
		}
		if err := tx.DeleteAside(one.ID, 1); err != nil {
			return err
		}
		return tx.DeleteAside(one.ID, 1)
	})
	view(t, s, func(tx state.Tx) error {
		counts, err := tx.CountAsides("one")
		same(t, "CountAsides of one", counts, map[state.AsideKind]int{state.AsideConflict: 2})
		return err
	})
	err := s.Update(t.Context(), func(tx state.Tx) error { return tx.PutAside(&state.Aside{Link: 99, Mapping: "one"}) })
	wantErr(t, "an aside of a link that is not there", err, state.ErrNotFound)
	if s.Update(t.Context(), func(tx state.Tx) error { return tx.PutAside(&state.Aside{Link: 1, Mapping: "two"}) }) == nil {
		t.Error("an aside was stored for a link of another mapping")
	}
	sound(t, s)
}

func testJournal(t *testing.T, h Harness) {
	s := open(t, h)
	full := &state.Event{
		At: at(0), Mapping: "one", Link: 7, Records: [2]string{"1", "x"}, Action: "updated", To: state.Right,
		Source: "webhook", Code: "c", Detail: "d",
		Fields: []state.EventField{
			{Rule: 1, Name: "amount", Why: "left changed", Replaced: []byte{1, 2}},
			{Rule: 1<<32 - 1, Name: "name", Why: "", Replaced: []byte{}},
			{Rule: 2, Target: "Budget", Held: 1<<64 - 1, Replaced: []byte{3}},
			{Rule: 3, Target: "summary", Empty: true},
			{Rule: 0},
		},
	}
	events := []*state.Event{
		full,
		{At: at(1 * time.Hour), Mapping: "two", Link: 8, Action: "linked", Records: [2]string{"x", ""}},
		{At: at(2 * time.Hour), Action: "run started", Run: state.NewRun},
		{At: at(3 * time.Hour), Mapping: "one", Link: 7, Action: "linked", Run: 3},
		{At: at(80 * time.Hour), Mapping: "one", Link: 7, Action: "updated", Run: 4},
	}
	update(t, s, func(tx state.Tx) error {
		for _, e := range events {
			if err := tx.AppendJournal(e); err != nil {
				return err
			}
		}
		return nil
	})
	same(t, "the numbers given", seqs(events), []uint64{1, 2, 3, 4, 5})
	view(t, s, func(tx state.Tx) error {
		got, err := tx.Event(1)
		same(t, "Event", got, full)
		_, missing := tx.Event(6)
		wantErr(t, "an event that is not there", missing, state.ErrNotFound)
		begun, berr := tx.Event(3)
		if berr != nil {
			return berr
		}
		same(t, "the run of the event that begins it", begun.Run, uint64(3))
		for _, c := range []struct {
			name   string
			before uint64
			limit  int
			filter state.EventFilter
			want   []uint64
		}{
			{"all", 0, 10, state.EventFilter{}, []uint64{5, 4, 3, 2, 1}},
			{"a page", 4, 2, state.EventFilter{}, []uint64{3, 2}},
			{"none", 0, 0, state.EventFilter{}, []uint64{}},
			{"a mapping", 0, 10, state.EventFilter{Mapping: "one"}, []uint64{5, 4, 1}},
			{"an unknown mapping", 0, 10, state.EventFilter{Mapping: "three"}, []uint64{}},
			{"a link", 0, 10, state.EventFilter{Link: 7}, []uint64{5, 4, 1}},
			{"a page of a link", 5, 1, state.EventFilter{Link: 7}, []uint64{4}},
			{"a link without events", 0, 10, state.EventFilter{Link: 9}, []uint64{}},
			{"a link and an action", 0, 10, state.EventFilter{Link: 7, Action: "updated"}, []uint64{5, 1}},
			{"a record", 0, 10, state.EventFilter{Record: "x"}, []uint64{2, 1}},
			{"an action", 0, 10, state.EventFilter{Action: "linked"}, []uint64{4, 2}},
			{"a time", 0, 10, state.EventFilter{Since: at(2 * time.Hour)}, []uint64{5, 4, 3}},
			{"a run", 0, 10, state.EventFilter{Run: 3}, []uint64{4, 3}},
			{"a run of a link", 0, 10, state.EventFilter{Run: 3, Link: 7}, []uint64{4}},
			{"what came after an event", 0, 10, state.EventFilter{After: 3}, []uint64{5, 4}},
			{"what came after a link's event", 5, 10, state.EventFilter{Link: 7, After: 1}, []uint64{4}},
			{"what came after the last event", 0, 10, state.EventFilter{After: 5}, []uint64{}},
			{"no run", 0, 10, state.EventFilter{Run: 5}, []uint64{}},
			{"a link and a time", 0, 10, state.EventFilter{Link: 7, Since: at(79 * time.Hour)}, []uint64{5}},
		} {
			list, err := tx.ListJournal(c.before, c.limit, c.filter)
			if err != nil {
				return err
			}
			same(t, "ListJournal: "+c.name, seqs(list), c.want)
		}
		return err
	})
	same(t, "the report", sound(t, s), state.Report{Events: 5})
	chain, err := s.VerifyJournal(t.Context(), 2)
	if err != nil || chain.Broken != 0 || chain.First != 1 || chain.Events != 5 || chain.Head.Seq != 5 || chain.At == nil {
		t.Errorf("VerifyJournal: got %+v, %v, want five events in a sound chain", chain, err)
	}
}

func testJournalPrune(t *testing.T, h Harness) {
	s := open(t, h)
	for i := range 10 {
		update(t, s, func(tx state.Tx) error {
			return tx.AppendJournal(&state.Event{At: at(time.Duration(i) * time.Hour), Link: uint64(i%2 + 1), Action: "updated"})
		})
	}
	prune := func(older time.Time, limit int) (n int) {
		update(t, s, func(tx state.Tx) (err error) { n, err = tx.PruneJournal(older, limit); return err })
		return n
	}
	same(t, "pruned, three at most", prune(at(6*time.Hour), 3), 3)
	same(t, "pruned, the rest", prune(at(6*time.Hour), 100), 3)
	same(t, "pruned again", prune(at(6*time.Hour), 100), 0)
	view(t, s, func(tx state.Tx) error {
		list, err := tx.ListJournal(0, 100, state.EventFilter{})
		same(t, "what is left", seqs(list), []uint64{10, 9, 8, 7})
		list, _ = tx.ListJournal(0, 100, state.EventFilter{Link: 1})
		same(t, "what is left of a link", seqs(list), []uint64{9, 7})
		return err
	})
	sound(t, s)
	same(t, "pruned, all", prune(at(time.Hour*100), 100), 4)
	last := &state.Event{At: at(0), Link: 1, Action: "updated"}
	update(t, s, func(tx state.Tx) error { return tx.AppendJournal(last) })
	same(t, "the next number", last.Seq, 11)
	sound(t, s)
}

// testJournalClock writes while the clock is years ahead: such events are as
// old as those after them.
func testJournalClock(t *testing.T, h Harness) {
	s := open(t, h)
	hours := []int{0, 90_000, 90_001, 1, 2, 90_002, 3}
	for _, hour := range hours {
		update(t, s, func(tx state.Tx) error {
			return tx.AppendJournal(&state.Event{At: at(time.Duration(hour) * time.Hour), Fields: []state.EventField{{Replaced: []byte{1}}}})
		})
	}
	call := func(fn func(tx state.Tx) (int, error)) (n int) {
		update(t, s, func(tx state.Tx) (err error) { n, err = fn(tx); return err })
		return n
	}
	forget := func(hour, limit int) int {
		return call(func(tx state.Tx) (int, error) { return tx.ForgetReplaced(at(time.Duration(hour)*time.Hour), limit) })
	}
	left := func() (seqs []uint64) {
		view(t, s, func(tx state.Tx) error {
			list, err := tx.ListJournal(0, 100, state.EventFilter{})
			for _, e := range list {
				if e.Fields[0].Replaced != nil {
					seqs = append(seqs, e.Seq)
				}
				same(t, "whether the value was forgotten", e.Fields[0].Forgotten, e.Fields[0].Replaced == nil)
			}
			return err
		})
		return seqs
	}
	same(t, "forgotten before 1", forget(1, 100), 1)
	same(t, "forgotten before 2, two at most", forget(2, 2), 2)
	same(t, "values that are left", left(), []uint64{7, 6, 5, 4})
	same(t, "forgotten before 2, the rest", forget(2, 100), 1)
	same(t, "forgotten before 2 again", forget(2, 100), 0)
	same(t, "values that are left then", left(), []uint64{7, 6, 5})
	prune := func(tx state.Tx) (int, error) { return tx.PruneJournal(at(3*time.Hour), 100) }
	same(t, "pruned before 3", call(prune), 5)
	same(t, "forgotten before 4", forget(4, 100), 2)
	same(t, "values that are left in the end", len(left()), 0)
	view(t, s, func(tx state.Tx) error {
		list, err := tx.ListJournal(0, 100, state.EventFilter{})
		same(t, "events that are left", seqs(list), []uint64{7, 6})
		return err
	})
	sound(t, s)
}

func testMemory(t *testing.T, h Harness) {
	s := open(t, h)
	update(t, s, func(tx state.Tx) error {
		for _, err := range []error{
			tx.SetCursor("poll/hubspot/deals", "c1"),
			tx.SetCursor("poll/jira/issue", "gone"),
			tx.SetKnown("one", state.Left, "1", []byte("mark")),
			tx.SetKnown("one", state.Right, "1", []byte{}),
			tx.SetSecret("token", []byte{0xff, 0}),
		} {
			if err != nil {
				return err
			}
		}
		return tx.SetCursor("poll/jira/issue", "")
	})
	view(t, s, func(tx state.Tx) error {
		cursor, _ := tx.Cursor("poll/hubspot/deals")
		same(t, "Cursor", cursor, "c1")
		cursor, _ = tx.Cursor("poll/jira/issue")
		same(t, "a cursor that was cleared", cursor, "")
		cursor, _ = tx.Cursor("")
		same(t, "the cursor without a name", cursor, "")
		mark, _ := tx.Known("one", state.Left, "1")
		same(t, "Known", mark, []byte("mark"))
		mark, _ = tx.Known("one", state.Right, "1")
		same(t, "an empty mark", mark, []byte{})
		mark, _ = tx.Known("two", state.Left, "1")
		same(t, "Known of an unknown mapping", mark, nil)
		secret, _ := tx.Secret("token")
		same(t, "Secret", secret, []byte{0xff, 0})
		secret, err := tx.Secret("other")
		same(t, "a secret that is not there", secret, nil)
		return err
	})
	update(t, s, func(tx state.Tx) error {
		if err := tx.SetKnown("one", state.Left, "1", nil); err != nil {
			return err
		}
		return tx.SetSecret("token", nil)
	})
	view(t, s, func(tx state.Tx) error {
		mark, _ := tx.Known("one", state.Left, "1")
		same(t, "a mark that was deleted", mark, nil)
		secret, err := tx.Secret("token")
		same(t, "a secret that was deleted", secret, nil)
		return err
	})
	sound(t, s)
}

func testDeliveries(t *testing.T, h Harness) {
	s := open(t, h)
	seen := func(connection, id string, now, expires time.Time) (was bool) {
		update(t, s, func(tx state.Tx) (err error) { was, err = tx.SeenDelivery(connection, id, now, expires); return err })
		return was
	}
	long := strings.Repeat("é", 600)
	for _, id := range []string{"a", long} {
		same(t, "the first time", seen("hubspot", id, at(0), at(time.Hour)), false)
		same(t, "the second time", seen("hubspot", id, at(time.Minute), at(2*time.Hour)), true)
		same(t, "from another connection", seen("jira", id, at(0), at(time.Hour)), false)
		same(t, "when it has expired", seen("hubspot", id, at(time.Hour), at(3*time.Hour)), false)
	}
	same(t, "another long id", seen("hubspot", long+"x", at(0), at(time.Hour)), false)
	same(t, "no id", seen("hubspot", "", at(0), at(time.Hour)), false)
	same(t, "no id again", seen("hubspot", "", at(0), at(time.Hour)), false)
	sound(t, s)
	prune := func(now time.Time, limit int) (n int) {
		update(t, s, func(tx state.Tx) (err error) { n, err = tx.PruneDeliveries(now, limit); return err })
		return n
	}
	same(t, "pruned before they expire", prune(at(time.Hour-time.Microsecond), 10), 0)
	same(t, "pruned, one at most", prune(at(time.Hour), 1), 1)
	same(t, "pruned, the rest", prune(at(time.Hour), 10), 2)
	same(t, "what has not expired", seen("hubspot", "a", at(2*time.Hour), at(3*time.Hour)), true)
	sound(t, s)
}

func testDocs(t *testing.T, h Harness) {
	s := open(t, h)
	update(t, s, func(tx state.Tx) error {
		for i := range 5 {
			if err := tx.SetDoc("guard", fmt.Sprint(i), []byte{byte(i)}); err != nil {
				return err
			}
		}
		if err := tx.SetDoc("guard", "3", nil); err != nil {
			return err
		}
		return tx.SetDoc("guards", "9", []byte{})
	})
	view(t, s, func(tx state.Tx) error {
		keys, docs, err := tx.ListDocs("guard", "", 100)
		same(t, "keys", keys, []string{"0", "1", "2", "4"})
		same(t, "docs", docs, [][]byte{{0}, {1}, {2}, {4}})
		keys, _, _ = tx.ListDocs("guard", "1", 1)
		same(t, "a page of keys", keys, []string{"2"})
		doc, _ := tx.Doc("guards", "9")
		same(t, "an empty document", doc, []byte{})
		doc, _ = tx.Doc("guard", "3")
		same(t, "a document that is not there", doc, nil)
		return err
	})
	sound(t, s)
}

func testRefusals(t *testing.T, h Harness) {
	s := open(t, h)
	long := strings.Repeat("x", 2000)
	for name, fn := range map[string]func(tx state.Tx) error{
		"a link without a mapping": func(tx state.Tx) error { return tx.PutLink(link("", "1", "2")) },
		"a link of a long record":  func(tx state.Tx) error { return tx.PutLink(link("one", long, "2")) },
		"a link with fields out of order": func(tx state.Tx) error {
			l := link("one", "1", "2")
			l.Fields = []state.Field{{Rule: 2}, {Rule: 2}}
			return tx.PutLink(l)
		},
		"an entry without a record":   func(tx state.Tx) error { return tx.PutEntry(entry("one", "", 0, at(0))) },
		"an entry of a long mapping":  func(tx state.Tx) error { return tx.PutEntry(entry(long, "1", 0, at(0))) },
		"an entry of another urgency": func(tx state.Tx) error { return tx.PutEntry(entry("one", "1", connectors.Priority(200), at(0))) },
		"an intent without a key":     func(tx state.Tx) error { return tx.PutIntent(&state.Intent{Mapping: "one", Record: "1"}) },
		"a cursor without a name":     func(tx state.Tx) error { return tx.SetCursor("", "x") },
		"a huge document":             func(tx state.Tx) error { return tx.SetDoc("kind", "key", make([]byte, 9<<20)) },
	} {
		if err := s.Update(t.Context(), fn); err == nil {
			t.Errorf("%s was stored", name)
		}
	}
	same(t, "the report", sound(t, s), state.Report{})
}
