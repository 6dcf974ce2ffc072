package engine_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/mapping"
)

func fieldCauses() []cause {
	return []cause{
		{
			name: "a conflict waits for a person", code: "conflict", standing: engine.NeedsYou,
			scene: asked(with(twoWay, "conflict: newest", "conflict: ask"), nil, func(w *world, id, epic string) {
				w.crm.Edit(id, "ada", "notes", text("from sales"))
				w.pm.Edit(epic, "grace", "notes", text("from delivery"))
				w.settle()
			}),
		},
		{
			name: "a conflict was decided and is not carried out", code: "queued", standing: engine.OnItsWay,
			scene: asked(with(twoWay, "conflict: newest", "conflict: ask"), nil, func(w *world, id, epic string) {
				w.crm.Edit(id, "ada", "notes", text("from sales"))
				w.pm.Edit(epic, "grace", "notes", text("from delivery"))
				w.settle()
				rows, err := w.eng.Asides(w.t.Context(), "", true, 0, 0)
				if err != nil || len(rows) != 1 {
					w.t.Fatalf("conflicts: %v, %v", rows, err)
				}
				if err := w.eng.Resolve(w.t.Context(), rows[0].Link, rows[0].Rule, "deal", "ada"); err != nil {
					w.t.Fatal(err)
				}
			}),
		},
		{
			name: "a field is refused", code: "refused", standing: engine.NeedsYou,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				refuse(w.pm, "update", "", &connectors.Error{Kind: connectors.Invalid, Fields: []connectors.FieldError{{Field: "notes", Reason: "at most 32767 characters"}}})
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.settle()
			}),
		},
		{
			name: "a field cannot be set", code: "refused", standing: engine.NeedsYou,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				refuse(w.pm, "update", "", &connectors.Error{Kind: connectors.Invalid, Fields: []connectors.FieldError{{Field: "notes", Reason: "the field is read only"}}})
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.settle()
			}),
		},
		{
			name: "an option without a counterpart", code: "cannot-convert", standing: engine.NeedsYou,
			scene: asked(with(twoWay, `{"1": "1", "2": "2", "3": "3"}`, `{"1": "1", "2": "2"}`), nil, func(w *world, id, _ string) {
				w.crm.Edit(id, "ada", "stage", connectors.Choice(connectors.Option{ID: "3"}))
				w.settle()
			}),
		},
		{
			name: "the value table leaves it alone", code: "left-by-table", standing: engine.LeftAlone,
			scene: asked(with(twoWay, `{"1": "1", "2": "2", "3": "3"}`, "{\"1\": \"1\", \"2\": \"2\"}\n    otherwise: leave"), nil, func(w *world, id, _ string) {
				w.crm.Edit(id, "ada", "stage", connectors.Choice(connectors.Option{ID: "3"}))
				w.settle()
			}),
		},
		{
			name: "a person without a counterpart", code: "unmatched", standing: engine.NeedsYou,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				w.crm.Edit(id, "ada", "owner", connectors.PersonValue(connectors.Person{ID: "u3"}))
				w.settle()
			}),
		},
		{
			name: "a field is hidden", code: "hidden", standing: engine.NeedsYou,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				w.crm.HideField("record", "notes", true)
				w.crm.Edit(id, "ada", "title", text("Ship it now"))
				w.settle()
			}),
		},
		{
			name: "a field is not shown", code: "absent", standing: engine.NeedsYou,
			scene: asked(twoWay, func(crm, _ *memory.Options) { crm.HidesSilently = true }, func(w *world, id, _ string) {
				w.crm.HideField("record", "notes", true)
				w.crm.Edit(id, "ada", "title", text("Ship it now"))
				w.settle()
			}),
		},
		{
			name: "a one-way rule's target was edited by hand", code: "one-way", standing: engine.LeftAlone,
			scene: asked(twoWay, nil, func(w *world, _, epic string) {
				w.pm.Edit(epic, "grace", "due", connectors.DateOf(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)))
				w.settle()
			}),
		},
		{
			name: "a one-way rule's target was edited a moment ago", code: "one-way", standing: engine.LeftAlone,
			scene: asked(twoWay, nil, func(w *world, _, epic string) {
				w.pm.Edit(epic, "grace", "due", connectors.DateOf(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)))
			}),
		},
		{
			name: "an expression fails", code: "expression", standing: engine.NeedsYou,
			scene: asked(with(twoWay, "  - {deal: count, epic: count}", `  - {epic: count, set: "100 / deal.count", flow: deal -> epic}`), nil, func(w *world, id, _ string) {
				w.crm.Edit(id, "ada", "count", connectors.Int(0))
				w.settle()
			}),
		},
		{
			name: "the history cannot be read", code: "history", standing: engine.Waits,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				w.pm.SetHook(func(m memory.Moment) error {
					switch {
					case m.Call == "update" && m.After:
						return memory.Lost()
					case m.Call == "history":
						return answering(connectors.Unavailable, "no changelog just now")
					}
					return nil
				})
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.step()
				w.clock.Advance(time.Minute)
				w.step()
			}),
		},
		{
			name: "an undo put a value back", code: "undone", standing: engine.LeftAlone,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				w.crm.Edit(id, "ada", "notes", text("first"))
				w.settle()
				w.crm.Edit(id, "ada", "notes", text("mistaken"))
				w.settle()
				rows, err := w.eng.History(w.t.Context(), engine.HistoryFilter{Action: "updated", Limit: 1})
				if err != nil || len(rows) != 1 {
					w.t.Fatalf("history: %+v, %v", rows, err)
				}
				if u, err := w.eng.Undo(w.t.Context(), engine.UndoOrder{Event: rows[0].Seq}, engine.UndoOptions{By: "ada"}); err != nil || u.Back != 1 {
					w.t.Fatalf("undo: %+v, %v", u, err)
				}
				w.settle()
			}),
		},
		{
			name: "a field flips", code: "oscillating", standing: engine.Waits,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				for i := range 12 {
					w.crm.Edit(id, "robot", "notes", text([]string{"on", "off"}[i%2]))
					w.settle()
				}
			}),
		},
		{
			name: "equal under the mapping", standing: engine.InSync,
			scene: asked(with(twoWay, "  - {deal: count, epic: count}", "  - {deal: count, epic: amount}"), nil, func(w *world, id, _ string) {
				v, err := connectors.ParseNumber("10.005")
				if err != nil {
					w.t.Fatal(err)
				}
				w.crm.Edit(id, "ada", "count", v)
				w.settle()
			}),
		},
	}
}

func wholeCauses() []cause {
	notes := func(w *world, id string) { w.crm.Edit(id, "ada", "notes", text("new")) }
	down := func(call string, err *connectors.Error, steps int) func(*testing.T) (*world, string) {
		return func(t *testing.T) (*world, string) {
			w, id, _ := linked(t, twoWay, nil)
			notes(w, id)
			w.poll()
			refuse(w.pm, call, "", err)
			for range steps {
				w.step()
				w.clock.Advance(time.Minute)
			}
			return w, crm(id)
		}
	}
	return []cause{
		{name: "the credentials are refused", code: "auth", standing: engine.NeedsYou, scene: down("update", answering(connectors.Auth, "401 Unauthorized: the token has expired"), 1)},
		{name: "the system is down", code: "unavailable", standing: engine.Waits, scene: func(t *testing.T) (*world, string) {
			w, id, _ := linked(t, twoWay, nil)
			notes(w, id)
			w.poll()
			w.pm.SetHook(func(memory.Moment) error { return answering(connectors.Unavailable, "503 Service Unavailable") })
			for range 4 {
				w.step()
			}
			return w, crm(id)
		}},
		{name: "the system does not answer now", code: "unavailable", standing: engine.Waits, scene: func(t *testing.T) (*world, string) {
			w, id, _ := linked(t, twoWay, nil)
			notes(w, id)
			w.pm.SetHook(func(memory.Moment) error { return answering(connectors.Unavailable, "connection refused") })
			return w, crm(id)
		}},
		{name: "the system does not answer now, and nothing is known to differ", code: "unavailable", standing: engine.Waits, stopped: true, scene: func(t *testing.T) (*world, string) {
			w, id, _ := linked(t, twoWay, nil)
			w.pm.SetHook(func(memory.Moment) error { return answering(connectors.Unavailable, "connection refused") })
			return w, crm(id)
		}},
		{
			name: "the system asked for a pause", code: "rate-limited", standing: engine.Waits,
			scene: down("update", &connectors.Error{Kind: connectors.RateLimited, RetryAfter: time.Hour, Err: errors.New("429 Too Many Requests")}, 1),
		},
		{
			name: "the allowance is used up", code: "quota", standing: engine.Waits,
			scene: down("update", &connectors.Error{
				Kind: connectors.RateLimited, RetryAfter: 8 * time.Hour,
				Err: &connectors.Withheld{From: connectors.PriorityButton, Why: "all 1000 requests of the day are used"},
			}, 1),
		},
		{name: "a guard stopped the mapping", code: "guard", standing: engine.NeedsYou, scene: func(t *testing.T) (*world, string) {
			w, deals := many(t, 30, twoWay, nil)
			w.clearNotes(deals)
			w.settle()
			w.halted("guard")
			return w, crm(deals[0])
		}},
		{name: "records are missing together", code: "mass-missing", standing: engine.NeedsYou, scene: func(t *testing.T) (*world, string) {
			w, deals := many(t, 30, twoWay, nil)
			w.crm.SetVeil("record", memory.Unseen)
			w.sweep()
			w.halted("mass-missing")
			return w, crm(deals[0])
		}},
		{name: "stopped, but this record is in step", standing: engine.InSync, scene: func(t *testing.T) (*world, string) {
			w, deals := many(t, 30, twoWay, nil)
			w.clearNotes(deals[1:])
			w.settle()
			w.halted("guard")
			return w, crm(deals[0])
		}},
		{name: "a person paused the mapping", code: "paused", standing: engine.NeedsYou, scene: func(t *testing.T) (*world, string) {
			w, id, _ := linked(t, twoWay, nil)
			notes(w, id)
			if _, err := w.eng.Pause(t.Context(), "pair", "the quarter is being closed", "ada"); err != nil {
				t.Fatal(err)
			}
			return w, crm(id)
		}},
		{name: "a person paused the connection", code: "paused", standing: engine.NeedsYou, scene: func(t *testing.T) (*world, string) {
			w, id, _ := linked(t, twoWay, nil)
			notes(w, id)
			if _, err := w.eng.Pause(t.Context(), "connection:pm", "", "grace"); err != nil {
				t.Fatal(err)
			}
			return w, crm(id)
		}},
		{name: "the mapping has errors", code: "mapping-error", standing: engine.NeedsYou, scene: func(t *testing.T) (*world, string) {
			w, id, _ := linked(t, twoWay, nil)
			w.remake(func(c *engine.Config) {
				c.Mappings = nil
				c.Broken = []engine.BrokenMapping{{
					Name: "pair", File: "mappings/pair.yaml",
					Sides:   [2]mapping.Side{w.maps[0].Side(mapping.Left), w.maps[0].Side(mapping.Right)},
					Problem: "mappings/pair.yaml:17:10: no field `titel` on crm record\n   17 |   - {deal: titel, epic: title}\nhint: did you mean `title`?",
				}}
			})
			return w, crm(id)
		}},
		{name: "the service only watches", code: "read-only", standing: engine.NeedsYou, scene: func(t *testing.T) (*world, string) {
			w, id, _ := linked(t, twoWay, nil)
			w.remake(func(c *engine.Config) { c.ReadOnly = true })
			notes(w, id)
			w.poll()
			return w, crm(id)
		}},
	}
}

// remake starts another engine over the same state.
func (w *world) remake(change func(*engine.Config)) {
	w.t.Helper()
	c := engine.Config{
		Store: w.store, Connections: w.conns, Mappings: w.maps, Sealer: plainSealer{}, Printer: w.printer,
		Clock: w.clock, Random: rand.New(rand.NewPCG(1, 2)), Limits: w.lim,
	}
	change(&c)
	var err error
	if w.eng, err = engine.New(c); err != nil {
		w.t.Fatal(err)
	}
}
