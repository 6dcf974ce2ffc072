package statetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// testRandom runs the same random transactions over the store and over the
// model, with failures, reopenings and crashes in between, and holds all that
// they return against each other. The seeds are fixed: a run repeats exactly.
func testRandom(t *testing.T, h Harness) {
	const transactions = 400
	steps := rand.New(rand.NewPCG(1, 2))
	s, m := open(t, h), newModel()
	for n := range transactions {
		size, fails := 1+steps.IntN(8), steps.IntN(8) == 0
		next := m.clone()
		var got, want []outcome
		run := func(tx state.Tx) error {
			// The same seed gives the store and the model the same arguments,
			// in values of their own.
			r := rand.New(rand.NewPCG(uint64(n), 3))
			var outcomes []outcome
			for range size {
				outcomes = append(outcomes, step(r, tx))
			}
			if tx == state.Tx(next) {
				want = outcomes
			} else {
				got = outcomes
			}
			if fails {
				return errBoom
			}
			return nil
		}
		err, wantErr := s.Update(t.Context(), run), run(next)
		if !errors.Is(err, wantErr) {
			t.Fatalf("transaction %d: got error %v, want %v", n, err, wantErr)
		}
		if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("transaction %d (-want +got):\n%s", n, diff)
		}
		if !fails {
			m = next
		}
		switch {
		case n%61 == 60:
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, h)
		case n%97 == 96:
			h = h.Crash(t)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, h)
		}
		if n%20 == 19 {
			sound(t, s)
		}
		if t.Failed() {
			t.Fatalf("after transaction %d", n)
		}
	}
}

// outcome is what one call came to.
type outcome struct {
	Call  string
	Value any
	Err   string
}

func result(call string, value any, err error) outcome {
	o := outcome{Call: call, Value: value}
	switch {
	case errors.Is(err, state.ErrNotFound):
		o.Err = "not found"
	case errors.Is(err, state.ErrTaken):
		o.Err = "taken"
	case errors.Is(err, state.ErrCorrupt):
		o.Err = "corrupt: " + err.Error()
	case err != nil:
		o.Err = "another error"
	}
	return o
}

func done(call string, err error) outcome { return result(call, nil, err) }

// step draws one call and makes it. It draws the same whatever tx answers.
func step(r *rand.Rand, tx state.Tx) outcome {
	mapping := draw(r, "one", "two")
	some := draw(r, mapping, mapping, "")
	record, side := draw(r, "1", "2", "10", "x"), uint8(r.IntN(2))
	id, rule, limit := uint64(r.IntN(12)), uint32(r.IntN(4)), r.IntN(6)
	when := at(time.Duration(r.IntN(10)) * time.Hour)
	sub := state.Subject{Mapping: mapping, Side: side, Record: record}
	if r.IntN(3) == 0 {
		sub.Link = id
	}
	key := draw(r, "a", "b", "ab", "c")
	blob := draw(r, nil, []byte{}, []byte{1}, []byte("longer"))
	switch r.IntN(34) {
	case 0, 1, 2, 3:
		l := drawLink(r, mapping, id)
		err := tx.PutLink(l)
		return result("PutLink", l.ID, err)
	case 4:
		return done("DeleteLink", tx.DeleteLink(id))
	case 5, 6, 7, 8:
		return done("PutEntry", tx.PutEntry(drawEntry(r, sub, when)))
	case 9:
		return done("DeleteEntry", tx.DeleteEntry(sub))
	case 10, 11:
		return done("PutIntent", tx.PutIntent(&state.Intent{
			Key: key, Mapping: mapping, Side: side, Record: record, Created: when, Doc: blob, Kind: state.IntentKind(r.IntN(3)),
		}))
	case 12:
		return done("DeleteIntent", tx.DeleteIntent(key))
	case 13, 14:
		return done("PutAside", tx.PutAside(&state.Aside{
			Link: id, Rule: rule, Mapping: mapping, Kind: state.AsideKind(r.IntN(4)), Since: when, Values: [2][]byte{blob, nil},
		}))
	case 15:
		return done("DeleteAside", tx.DeleteAside(id, rule))
	case 16, 17:
		e := &state.Event{
			At: when, Mapping: some, Link: id, Records: [2]string{record, ""}, Action: draw(r, "linked", "updated"),
			Fields: []state.EventField{{Rule: rule, Name: key, Replaced: blob, Target: draw(r, "", key), Empty: r.IntN(2) == 0}},
			Run:    draw(r, 0, 0, 1, state.NewRun),
		}
		err := tx.AppendJournal(e)
		return result("AppendJournal", e.Seq, err)
	case 18:
		n, err := tx.PruneJournal(at(time.Duration(r.IntN(3))*time.Hour), limit)
		if r.IntN(2) == 0 {
			n, err = tx.ForgetReplaced(when, limit)
		}
		return result("PruneJournal, ForgetReplaced", n, err)
	case 19:
		return done("SetCursor", tx.SetCursor(key, draw(r, "", "1", "2")))
	case 20:
		seen, err := tx.SeenDelivery(mapping, key, when, when.Add(time.Hour))
		return result("SeenDelivery", seen, err)
	case 21:
		n, err := tx.PruneDeliveries(when, 1000)
		return result("PruneDeliveries", n, err)
	case 22:
		return done("SetKnown", tx.SetKnown(mapping, side, record, blob))
	case 23:
		return done("SetSecret", tx.SetSecret(key, blob))
	case 24:
		return done("SetDoc", tx.SetDoc(mapping, key, blob))
	}
	return look(r, tx, sub, some, key, when, limit)
}

// look draws one call that reads.
func look(r *rand.Rand, tx state.Tx, sub state.Subject, some, key string, when time.Time, limit int) outcome {
	id := uint64(r.IntN(12))
	switch r.IntN(17) {
	case 0:
		v, err := tx.Link(id)
		return result("Link", v, err)
	case 1:
		v, err := tx.LinkOf(sub.Mapping, sub.Side, sub.Record)
		return result("LinkOf", v, err)
	case 2:
		v, err := tx.ListLinks(some, id, limit)
		return result("ListLinks", v, err)
	case 3:
		v, err := tx.CountLinks(some)
		active, other := tx.CountActive(some)
		return result("CountLinks", []int{v, active}, errors.Join(err, other))
	case 4:
		v, err := tx.Entry(sub)
		return result("Entry", v, err)
	case 5:
		v, err := tx.Due(sub.Mapping, when, limit)
		return result("Due", v, err)
	case 6:
		at, ok, err := tx.NextDue(sub.Mapping)
		return result("NextDue", []any{at, ok}, err)
	case 7:
		v, err := tx.ListEntries(sub.Mapping, draw(r, nil, &sub), limit)
		return result("ListEntries", v, err)
	case 8:
		v, err := tx.CountEntries(some)
		return result("CountEntries", v, err)
	case 9:
		v, err := tx.IntentsOf(sub.Mapping, sub.Side, sub.Record)
		w, err2 := tx.ListIntents(some, key, limit)
		return result("IntentsOf, ListIntents", []any{v, w}, errors.Join(err, err2))
	case 10:
		v, err := tx.AsidesOf(id)
		w, err2 := tx.ListAsides(some, id, limit)
		return result("AsidesOf, ListAsides", []any{v, w}, errors.Join(err, err2))
	case 11:
		v, err := tx.CountAsides(some)
		return result("CountAsides", v, err)
	case 12:
		v, err := tx.ListJournal(id*20, limit, state.EventFilter{
			Mapping: some, Link: draw(r, 0, id), Record: draw(r, "", sub.Record), Action: draw(r, "", "linked"), Run: draw(r, uint64(0), 0, 1), After: draw(r, 0, id), Since: draw(r, time.Time{}, when),
		})
		return result("ListJournal", v, err)
	case 13:
		v, err := tx.Event(id)
		return result("Event", v, err)
	case 14:
		c, err := tx.Cursor(key)
		k, err2 := tx.Known(sub.Mapping, sub.Side, sub.Record)
		return result("Cursor, Known", []any{c, k}, errors.Join(err, err2))
	case 15:
		k, d, err := tx.ListDocs(sub.Mapping, draw(r, "", key), limit)
		s, err2 := tx.Secret(key)
		return result("ListDocs, Secret", []any{k, d, s}, errors.Join(err, err2))
	}
	v, err := tx.Doc(sub.Mapping, key)
	return result("Doc", v, err)
}

func draw[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func drawLink(r *rand.Rand, mapping string, id uint64) *state.Link {
	l := &state.Link{
		Mapping: mapping, Status: state.LinkStatus(r.IntN(3)), Created: at(0), Scheme: r.Uint64(),
		Ends: [2]state.End{
			{ID: draw(r, "", "1", "2", "10"), Version: fmt.Sprint(r.IntN(1000))},
			{ID: draw(r, "", "a", "b", "ab"), State: connectors.State(r.IntN(4))},
		},
	}
	if r.IntN(2) == 0 {
		l.ID = id
	}
	for rule := range r.IntN(40) {
		f := state.Field{Rule: uint32(rule * 7), Known: [2]bool{r.IntN(2) == 0, true}, Base: [2]state.Print{0, state.Print(r.Uint64())}}
		if r.IntN(4) == 0 {
			f.Sets[0] = []state.Print{1, 2}
			f.Pending = &state.Pending{To: uint8(r.IntN(2)), Source: 1, TargetSet: []state.Print{3}}
		}
		l.Fields = append(l.Fields, f)
	}
	return l
}

func drawEntry(r *rand.Rand, sub state.Subject, due time.Time) *state.Entry {
	return &state.Entry{
		Subject: sub, Sides: uint8(r.IntN(4)), Priority: connectors.Priority(r.IntN(connectors.Priorities)),
		Status: state.Status(r.IntN(3)), Due: due, First: at(0), Gen: r.Uint64(), Attempts: r.IntN(5), Source: "poll",
	}
}
