package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// breakingReads is a connection that breaks over one record.
type breakingReads struct {
	connectors.Connection
	id  string
	how func() error
}

func (b breakingReads) Abilities() connectors.Abilities { return connectors.AbilitiesOf(b.Connection) }

func (b breakingReads) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	for _, id := range ids {
		if id == b.id {
			if err := b.how(); err != nil {
				return nil, err
			}
		}
	}
	return b.Connection.Read(ctx, sel, ids)
}

func TestPoisonRecordFailsAlone(t *testing.T) {
	for name, how := range map[string]func() error{
		"an error": func() error { return &connectors.Error{Kind: connectors.Internal, Err: errors.New("no JSON")} },
		"a fault of the connector": func() error {
			none := []int{}
			return fmt.Errorf("never said: %d", none[len(none)])
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, deals := many(t, 20, twoWay, nil)
			good := w.conns["crm"]
			w.conns["crm"] = breakingReads{good, deals[7], how}
			w.start()
			for _, id := range deals {
				w.crm.Edit(id, "ada", "notes", connectors.Text("new"))
			}
			w.poll()
			w.due()
			arrived := func() (n int) {
				for _, l := range w.links() {
					if w.get(w.pm, l.Records[1].ID, "notes").Text() == "new" {
						n++
					}
				}
				return n
			}
			if got := arrived(); got != 19 {
				t.Errorf("%d of 19 good records arrived", got)
			}
			w.shows("internal", "")
			w.conns["crm"] = good
			w.start()
			w.clock.Advance(time.Hour)
			w.settle()
			if got := arrived(); got != 20 {
				t.Errorf("after the cause was mended %d of 20 arrived", got)
			}
		})
	}
}

// faultyPrinter has a fault for one value.
type faultyPrinter struct{ sumPrinter }

func (p faultyPrinter) Print(v connectors.Value) state.Print {
	if v.Type() == connectors.TypeText && v.Text() == "poison" {
		none := []int{}
		return state.Print(none[len(v.Text())])
	}
	return p.sumPrinter.Print(v)
}

func TestFaultOfAStageStaysWithItsRecord(t *testing.T) {
	w, deals := many(t, 5, twoWay, nil)
	w.printer = faultyPrinter{}
	w.start()
	for i, id := range deals {
		w.crm.Edit(id, "ada", "notes", connectors.Text([]string{"good", "poison"}[min(1, i/4)]))
	}
	w.poll()
	w.due()
	good := 0
	for _, l := range w.links() {
		if w.get(w.pm, l.Records[1].ID, "notes").Text() == "good" {
			good++
		}
	}
	if good != 4 {
		t.Errorf("%d of 4 good records arrived", good)
	}
	w.shows("internal", "")
	w.crm.Edit(deals[4], "ada", "notes", connectors.Text("good"))
	w.settle()
	if rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{}); len(rows) != 0 {
		t.Errorf("left in the queue: %+v", rows)
	}
}

func TestHugeValuesBlockNothing(t *testing.T) {
	huge := connectors.Text(strings.Repeat("x", 9<<20))
	for _, policy := range []string{"newest", "ask"} {
		t.Run(policy, func(t *testing.T) {
			w, deals := many(t, 2, with(twoWay, "conflict: newest", "conflict: "+policy), nil)
			epic := w.links()[0].Records[1].ID
			w.crm.Edit(deals[0], "ada", "notes", huge)
			w.clock.Advance(time.Minute)
			w.pm.Edit(epic, "grace", "notes", connectors.Text("small"))
			w.crm.Edit(deals[0], "ada", "count", connectors.Int(7))
			w.crm.Edit(deals[1], "ada", "notes", connectors.Text("new"))
			w.settle()
			if got := w.get(w.pm, epic, "count"); got.Number() != "7" {
				t.Errorf("count: got %v", got)
			}
			if got := w.get(w.pm, w.links()[1].Records[1].ID, "notes"); got.Text() != "new" {
				t.Errorf("the other record: got %v", got)
			}
			if rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{}); len(rows) != 0 {
				t.Errorf("left in the queue: %d", len(rows))
			}
			w.crm.Edit(deals[0], "ada", "notes", connectors.Text("short again"))
			w.settle()
			if rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{}); len(rows) != 0 {
				t.Errorf("left in the queue: %d", len(rows))
			}
		})
	}
}

func TestOutageLeavesNoTraceOnRecords(t *testing.T) {
	for _, kind := range []connectors.Kind{connectors.Auth, connectors.Unavailable, connectors.RateLimited} {
		t.Run(kind.String(), func(t *testing.T) {
			w, deals := many(t, 6, twoWay, func(l *engine.Limits) { l.Batch = 2 })
			refuse(w.pm, "", "", nil)
			down := &connectors.Error{Kind: kind, Err: errors.New("down")}
			w.pm.SetHook(func(m memory.Moment) error {
				if !m.After {
					return down
				}
				return nil
			})
			for _, id := range deals {
				w.crm.Edit(id, "ada", "notes", connectors.Text("new"))
			}
			for range 20 {
				for _, f := range w.eng.Feeds() {
					_, _ = w.eng.Poll(t.Context(), f) // that of the broken system answers with its error
				}
				if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
					t.Fatal(err)
				}
				w.clock.Advance(7 * time.Second)
			}
			rows, err := w.eng.Queue(t.Context(), engine.QueueFilter{})
			if err != nil || len(rows) != 6 {
				t.Fatalf("queue: %+v, %v", rows, err)
			}
			for _, r := range rows {
				if r.Attempts != 0 || r.Status != "ready" || r.Code != "" {
					t.Errorf("queue: %+v; no record is to blame", r)
				}
			}
			w.pm.SetHook(nil)
			w.settle()
			for _, l := range w.links() {
				if got := w.get(w.pm, l.Records[1].ID, "notes"); got.Text() != "new" {
					t.Errorf("%s: got %v", l.Records[1], got)
				}
			}
		})
	}
}

// refusingStore has no room for what came of one link.
type refusingStore struct {
	state.Store
	link uint64
}

func (s refusingStore) Update(ctx context.Context, fn func(state.Tx) error) error {
	return s.Store.Update(ctx, func(tx state.Tx) error { return fn(refusingTx{tx, s.link}) })
}

type refusingTx struct {
	state.Tx
	link uint64
}

func (t refusingTx) DeleteEntry(s state.Subject) error {
	if s.Link == t.link {
		return fmt.Errorf("a row: %w", state.ErrTooLarge)
	}
	return t.Tx.DeleteEntry(s)
}

func TestResultThatCannotBeStoredFailsAlone(t *testing.T) {
	w, deals := many(t, 5, twoWay, nil)
	w.wrap = func(s state.Store) state.Store { return refusingStore{s, w.links()[2].ID} }
	w.start()
	for _, id := range deals {
		w.crm.Edit(id, "ada", "notes", connectors.Text("new"))
	}
	w.poll()
	w.due()
	rows, err := w.eng.Queue(t.Context(), engine.QueueFilter{})
	if err != nil || len(rows) != 1 || rows[0].Status != "failed" || rows[0].Code != "internal" || !strings.Contains(rows[0].Reason, "more than one row of the state can hold") {
		t.Errorf("queue: %+v, %v", rows, err)
	}
	w.wrap = nil
	w.start()
	w.clock.Advance(7 * time.Hour)
	w.sweep()
	if rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{}); len(rows) != 0 {
		t.Errorf("left in the queue: %+v", rows)
	}
}

func TestTasksThatCouldNotBeWorkedOutAreMadeLater(t *testing.T) {
	w := newWorld(t, with(twoWay, `title: "Acceptance"`, `title: "Acceptance of {{ deal.starts }}"`), nil)
	w.crm.HideField("record", "starts", true)
	w.crm.Create("record", nil, "ada", deal("d", nil))
	w.settle()
	if got := len(w.pm.IDs("record")); got != 1 {
		t.Fatalf("got %d records, want the epic alone", got)
	}
	w.shows("task", "")
	w.sweep()
	w.shows("task", "")
	w.crm.HideField("record", "starts", false)
	w.clock.Advance(7 * time.Hour)
	w.sweep()
	if got := len(w.pm.IDs("record")); got != 3 {
		t.Errorf("got %d records, want the epic and its two tasks", got)
	}
	if rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{}); len(rows) != 0 {
		t.Errorf("left in the queue: %+v", rows)
	}
}

func TestFailureOfAnUnlistedRecordIsTriedAgain(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	id := w.crm.Create("record", nil, "ada", deal("d", nil))
	w.poll()
	w.crm.SetHook(func(m memory.Moment) error {
		if m.Call == "read" {
			return &connectors.Error{Kind: connectors.Permission, Err: errors.New("no")}
		}
		return nil
	})
	w.due()
	w.shows("permission", "")
	w.crm.SetState(id, connectors.Deleted) // no listing shows it from now on
	w.sweep()
	w.shows("permission", "")
	w.crm.SetHook(nil)
	w.clock.Advance(7 * time.Hour)
	w.sweep()
	if rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{}); len(rows) != 0 {
		t.Errorf("left in the queue: %+v", rows)
	}
}
