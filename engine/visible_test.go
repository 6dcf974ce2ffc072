package engine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

// poll takes in what the systems list, without working it.
func (w *world) poll() {
	w.t.Helper()
	for _, f := range w.eng.Feeds() {
		for more := true; more; {
			p, err := w.eng.Poll(w.t.Context(), f)
			if err != nil {
				w.t.Fatal(err)
			}
			more = p.More
		}
	}
}

// refuse lets a system answer the calls of one kind with an error, for the
// record or for all ("").
func refuse(s *memory.System, call, id string, err *connectors.Error) {
	s.SetHook(func(m memory.Moment) error {
		if m.Call == call && !m.After && (id == "" || m.ID == id) {
			return err
		}
		return nil
	})
}

func TestNewestStateCollapsesOlderHints(t *testing.T) {
	w, id, epic := linked(t, twoWay, nil)
	writes := 0
	w.pm.SetHook(func(m memory.Moment) error {
		if m.Call == "update" && m.After {
			writes++
		}
		return nil
	})
	for i := range 50 {
		w.crm.Edit(id, "ada", "notes", connectors.Text(fmt.Sprintf("version %d", i)))
		for _, hook := range w.crm.Webhooks() {
			for range 2 { // each twice
				if _, err := w.eng.Receive(t.Context(), "crm", hook); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.poll()
	}
	if rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{}); len(rows) != 1 {
		t.Errorf("got %d entries, want one for the link", len(rows))
	}
	w.clock.Advance(time.Second)
	w.due()
	if got := w.get(w.pm, epic, "notes"); got.Text() != "version 49" || writes != 1 {
		t.Errorf("got %v after %d writes, want the newest after one", got, writes)
	}
}

// TestEveryCauseHasItsCode lets one thing go wrong at a time. What does not
// travel stands somewhere with the code that docs/operations.md explains, and
// travels by itself once the cause is gone and a sweep has come by.
func TestEveryCauseHasItsCode(t *testing.T) {
	docs, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) connectors.Value { return connectors.Text(s) }
	for _, test := range []struct {
		name    string
		mapping string
		change  func(crm, pm *memory.Options)
		// cause breaks something and edits, mend takes the cause away.
		cause func(w *world, id, epic string)
		mend  func(w *world, id, epic string)
		code  string // of the entry, or of the field set aside
		field string // that is set aside; "": the entry
		held  bool   // a person must decide: it does not travel by itself
		want  string // notes of the epic in the end
	}{
		{
			name: "a write is forbidden", code: "permission", want: "new",
			cause: func(w *world, id, epic string) {
				refuse(w.pm, "update", "", &connectors.Error{Kind: connectors.Permission, Err: errors.New("may not edit")})
				w.crm.Edit(id, "ada", "notes", text("new"))
			},
			mend: func(w *world, _, _ string) { w.pm.SetHook(nil) },
		},
		{
			name: "a record is refused", code: "refused", want: "new",
			cause: func(w *world, id, epic string) {
				refuse(w.pm, "update", "", &connectors.Error{Kind: connectors.Invalid, Err: errors.New("a validator says no")})
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.crm.Edit(id, "ada", "count", connectors.Int(4))
			},
			mend: func(w *world, _, _ string) { w.pm.SetHook(nil) },
		},
		{
			name: "a field is refused", code: "refused", field: "notes ↔ notes", want: "new",
			cause: func(w *world, id, epic string) {
				refuse(w.pm, "update", "", &connectors.Error{Kind: connectors.Invalid, Fields: []connectors.FieldError{{Field: "notes", Reason: "no"}}})
				w.crm.Edit(id, "ada", "notes", text("new"))
			},
			mend: func(w *world, _, _ string) { w.pm.SetHook(nil) },
		},
		{
			name: "the counterpart is not found", code: "missing", want: "new",
			cause: func(w *world, id, epic string) {
				w.pm.SetState(epic, connectors.Deleted)
				w.crm.Edit(id, "ada", "notes", text("new"))
			},
			mend: func(w *world, _, epic string) { w.pm.SetState(epic, connectors.Live) },
		},
		{
			name: "an answer makes no sense", code: "internal", want: "new",
			cause: func(w *world, id, epic string) {
				refuse(w.pm, "update", "", &connectors.Error{Kind: connectors.Internal, Err: errors.New("no JSON")})
				w.crm.Edit(id, "ada", "notes", text("new"))
			},
			mend: func(w *world, _, _ string) { w.pm.SetHook(nil) },
		},
		{
			name: "somebody else writes all the time", code: "changed-meanwhile", want: "new",
			cause: func(w *world, id, epic string) {
				refuse(w.pm, "update", "", &connectors.Error{Kind: connectors.Conflict, Err: errors.New("412")})
				w.crm.Edit(id, "ada", "notes", text("new"))
			},
			mend: func(w *world, _, _ string) { w.pm.SetHook(nil) },
		},
		{
			name: "one record's writes fail for the time being", code: "unavailable", want: "new",
			cause: func(w *world, id, epic string) {
				once := true
				w.pm.SetHook(func(m memory.Moment) error {
					if m.Call == "update" && m.After && once {
						once = false
						return memory.Lost()
					}
					return nil
				})
				w.crm.Edit(id, "ada", "notes", text("new"))
			},
			mend: func(w *world, _, _ string) { w.pm.SetHook(nil) },
		},
		{
			name: "a field is hidden", code: "hidden", field: "notes ↔ notes", want: "new",
			cause: func(w *world, id, epic string) {
				w.crm.HideField("record", "notes", true)
				w.crm.Edit(id, "ada", "notes", text("new"))
			},
			mend: func(w *world, _, _ string) { w.crm.HideField("record", "notes", false) },
		},
		{
			name: "a person has no counterpart", code: "unmatched", field: "owner ↔ owner", want: "new",
			cause: func(w *world, id, epic string) {
				w.crm.Edit(id, "ada", "owner", connectors.PersonValue(connectors.Person{ID: "u3"}))
				w.crm.Edit(id, "ada", "notes", text("new"))
			},
			mend: func(w *world, id, _ string) {
				w.crm.Edit(id, "ada", "owner", connectors.PersonValue(connectors.Person{ID: "u1", Email: "ada@example.com"}))
			},
		},
		{
			name: "both sides edit", code: "conflict", field: "notes ↔ notes", held: true, want: "other",
			mapping: with(twoWay, "conflict: newest", "conflict: ask"),
			cause: func(w *world, id, epic string) {
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.pm.Edit(epic, "grace", "notes", text("other"))
			},
			mend: func(*world, string, string) {},
		},
		{
			name: "deleted here and edited there", code: "deleted-and-edited", field: "record", held: true, want: "other",
			mapping: twoWay + "on_delete: delete\n",
			cause: func(w *world, id, epic string) {
				w.pm.Edit(epic, "grace", "notes", text("other"))
				w.crm.SetState(id, connectors.Deleted)
				w.clock.Advance(time.Minute)
			},
			mend: func(*world, string, string) {},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := test.mapping
			if source == "" {
				source = twoWay
			}
			w, id, epic := linked(t, source, test.change)
			test.cause(w, id, epic)
			w.poll()
			if _, err := w.eng.Requeue(t.Context(), "pair"); err != nil {
				t.Fatal(err)
			}
			if _, err := w.eng.Drain(t.Context(), "pair"); err != nil {
				t.Fatal(err)
			}
			if test.code == "deleted-and-edited" {
				w.settle()
			}
			w.shows(test.code, test.field)
			if !strings.Contains(string(docs), "| `"+test.code+"`") && !strings.Contains(string(docs), "`"+test.code+"` |") {
				t.Errorf("docs/operations.md does not explain %q", test.code)
			}
			test.mend(w, id, epic)
			w.clock.Advance(7 * time.Hour) // until the next sweep
			w.sweep()
			if got := w.get(w.pm, epic, "notes"); got.Text() != test.want {
				t.Errorf("notes: got %v, want %q", got, test.want)
			}
			rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{})
			asides, _ := w.eng.Asides(t.Context(), "", false, 0, 0)
			if len(rows) != 0 || !test.held && len(asides) != 0 || test.held && len(asides) != 1 {
				w.dump()
				t.Errorf("left: %+v %+v", rows, asides)
			}
		})
	}
}

// shows fails the test unless the code stands where people look for it: with
// the field that is set aside, or else in the queue.
func (w *world) shows(code, field string) {
	w.t.Helper()
	if field != "" {
		rows, err := w.eng.Asides(w.t.Context(), "", false, 0, 0)
		if err != nil || len(rows) != 1 || rows[0].Code != code || rows[0].Field != field || rows[0].Reason == "" {
			w.t.Errorf("held back: %+v, %v; want %s, %s", rows, err, field, code)
		}
		return
	}
	rows, err := w.eng.Queue(w.t.Context(), engine.QueueFilter{})
	if err != nil || len(rows) != 1 || rows[0].Code != code || rows[0].Reason == "" {
		w.t.Errorf("queue: %+v, %v; want %s", rows, err, code)
	}
}

// TestRecordsWithoutALinkSayWhy does the same for records that have no
// counterpart yet.
func TestRecordsWithoutALinkSayWhy(t *testing.T) {
	for _, test := range []struct {
		name  string
		code  string
		asked bool // the button is pressed, else the condition asks
		cause func(w *world, id string)
		mend  func(w *world, id string)
	}{
		{
			name: "a create is refused", code: "refused",
			cause: func(w *world, _ string) {
				refuse(w.pm, "create", "", &connectors.Error{Kind: connectors.Invalid, Err: errors.New("a validator says no")})
			},
			mend: func(w *world, _ string) { w.pm.SetHook(nil) },
		},
		{
			name: "a create is forbidden", code: "permission",
			cause: func(w *world, _ string) {
				refuse(w.pm, "create", "", &connectors.Error{Kind: connectors.Permission, Err: errors.New("no")})
			},
			mend: func(w *world, _ string) { w.pm.SetHook(nil) },
		},
		{
			name: "a pressed record is out of scope", code: "out-of-scope", asked: true,
			cause: func(w *world, id string) { w.crm.Move(id, connectors.Scope{"project": "other"}) },
			mend:  func(w *world, id string) { w.crm.Move(id, connectors.Scope{"project": "main"}) },
		},
		{
			name: "two records match", code: "ambiguous-match",
			cause: func(w *world, id string) {
				w.crm.Edit(id, "ada", "code", connectors.Text("A-1"))
				w.pm.Create("record", connectors.Scope{"project": "main"}, "grace", map[string]connectors.Value{"title": connectors.Text("x"), "code": connectors.Text("A-1")})
				w.pm.Create("record", connectors.Scope{"project": "main"}, "grace", map[string]connectors.Value{"title": connectors.Text("x"), "code": connectors.Text("A-1")})
			},
			mend: func(w *world, id string) {
				for _, epic := range w.pm.IDs("record")[1:] {
					w.pm.Edit(epic, "grace", "code", connectors.Text("B-"+epic))
				}
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			scoped := with(with(twoWay, "deal: {connection: crm, object: record}", "deal: {connection: crm, object: record, scope: {project: main}}"),
				"epic: {connection: pm, object: record}", "epic: {connection: pm, object: record, scope: {project: main}}")
			w := newWorld(t, scoped, func(_, pm *memory.Options) {
				object := memory.Sample()
				object.Parent = "record"
				object.Schema.Fields = append([]connectors.Field(nil), object.Schema.Fields...)
				for i := range object.Schema.Fields {
					object.Schema.Fields[i].Unique = false
				}
				pm.Objects = []memory.Object{object}
			})
			fields := deal("d", nil)
			fields["active"] = connectors.Bool(!test.asked)
			id := w.crm.Create("record", connectors.Scope{"project": "main"}, "ada", fields)
			test.cause(w, id)
			if test.asked {
				if err := w.eng.Ask(t.Context(), "pair", id, "ada"); err != nil {
					t.Fatal(err)
				}
			}
			w.settle()
			rows, err := w.eng.Queue(t.Context(), engine.QueueFilter{Status: "failed"})
			if err != nil || len(rows) == 0 {
				t.Fatalf("queue: %+v, %v", rows, err)
			}
			for _, r := range rows {
				if r.Code != test.code || r.Reason == "" {
					t.Errorf("queue: %+v, want %s", r, test.code)
				}
			}
			test.mend(w, id)
			w.clock.Advance(7 * time.Hour)
			w.sweep()
			if rows, _ := w.eng.Queue(t.Context(), engine.QueueFilter{}); len(w.active()) != 1 || len(rows) != 0 {
				t.Errorf("after the cause was mended: links %+v, queue %+v", w.links(), rows)
			}
		})
	}
}

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
			var none []int
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
		var none []int
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
