package engine_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
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
// travel stands somewhere with a code that docs/troubleshooting.md explains, and
// travels by itself once the cause is gone and a sweep has come by.
func TestEveryCauseHasItsCode(t *testing.T) {
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
			if _, ok := engine.AdviceOf(test.code); !ok {
				t.Errorf("nothing is said about %q", test.code)
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
