package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

const scopedDeal = "deal: {connection: crm, object: record, scope: {project: main}}"

// inProject takes the deals of one project only.
func inProject() string {
	return with(twoWay, "deal: {connection: crm, object: record}", scopedDeal)
}

// noWhen makes epics when somebody presses the button.
func noWhen() string { return with(twoWay, "    when: deal.active == true\n", "") }

// noCreate links what matches and makes nothing.
func noCreate() string {
	from, to := strings.Index(twoWay, "create:"), strings.Index(twoWay, "fields:")
	return twoWay[:from] + twoWay[to:]
}

func crm(id string) string { return "crm/record/" + id }

// asked is a scene about a linked deal: what is done to the pair.
func asked(source string, change func(crm, pm *memory.Options), do func(w *world, id, epic string)) func(*testing.T) (*world, string) {
	return func(t *testing.T) (*world, string) {
		w, id, epic := linked(t, source, change)
		do(w, id, epic)
		return w, crm(id)
	}
}

// fresh is a scene about a deal without an epic.
func fresh(source string, change func(crm, pm *memory.Options), fields map[string]connectors.Value, do func(w *world, id string)) func(*testing.T) (*world, string) {
	return func(t *testing.T) (*world, string) {
		w := newWorld(t, source, change)
		id := w.crm.Create("record", connectors.Scope{"project": "main"}, "ada", fields)
		do(w, id)
		return w, crm(id)
	}
}

// step polls and drains once, whatever the systems answer.
func (w *world) step() {
	w.t.Helper()
	for _, f := range w.eng.Feeds() {
		_, _ = w.eng.Poll(w.t.Context(), f)
	}
	if _, err := w.eng.Drain(w.t.Context(), "pair"); err != nil {
		w.t.Fatal(err)
	}
}

func answering(kind connectors.Kind, words string) *connectors.Error {
	return &connectors.Error{Kind: kind, Err: errors.New(words)}
}

// notUnique lets several records hold one code.
func notUnique(o *memory.Options) {
	object := memory.Sample()
	object.Parent = "record"
	object.Schema.Fields = append([]connectors.Field(nil), object.Schema.Fields...)
	for i := range object.Schema.Fields {
		object.Schema.Fields[i].Unique = false
	}
	o.Objects = []memory.Object{object}
}

func causes() []cause {
	all := append(unlinkedCauses(), linkedCauses()...)
	all = append(all, fieldCauses()...)
	return append(all, wholeCauses()...)
}

func unlinkedCauses() []cause {
	inactive := map[string]connectors.Value{"title": text("Ship it"), "active": connectors.Bool(false)}
	coded := func(code string) map[string]connectors.Value {
		return deal("Ship it", map[string]connectors.Value{"code": text(code)})
	}
	return []cause{
		{
			name: "outside the scope", code: "out-of-scope", standing: engine.LeftAlone,
			scene: func(t *testing.T) (*world, string) {
				w := newWorld(t, inProject(), nil)
				id := w.crm.Create("record", connectors.Scope{"project": "other"}, "ada", deal("Ship it", nil))
				w.settle()
				return w, crm(id)
			},
		},
		{
			name: "pressed outside the scope", code: "out-of-scope", standing: engine.NeedsYou,
			scene: func(t *testing.T) (*world, string) {
				w := newWorld(t, inProject(), nil)
				id := w.crm.Create("record", connectors.Scope{"project": "other"}, "ada", deal("Ship it", nil))
				if err := w.eng.Ask(t.Context(), "pair", id, "ada"); err != nil {
					t.Fatal(err)
				}
				w.settle()
				return w, crm(id)
			},
		},
		{
			name: "condition false", code: "condition-false", standing: engine.LeftAlone,
			scene: fresh(twoWay, nil, inactive, func(w *world, _ string) { w.settle() }),
		},
		{
			name: "button never pressed", code: "not-pressed", standing: engine.LeftAlone,
			scene: fresh(noWhen(), nil, coded("A-1"), func(w *world, _ string) { w.settle() }),
		},
		{
			name: "nothing matches", code: "no-match", standing: engine.LeftAlone,
			scene: fresh(noCreate(), nil, coded("A-1"), func(w *world, _ string) { w.settle() }),
		},
		{
			name: "nothing matches yet, the search lags", code: "no-match", standing: engine.LeftAlone,
			scene: fresh(noCreate(), func(_, pm *memory.Options) { pm.IndexLag = 5 * time.Minute }, coded("A-1"), func(w *world, _ string) {
				w.settle()
				w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": text("Other"), "code": text("A-1")})
			}),
		},
		{
			name: "several match", code: "ambiguous-match", standing: engine.NeedsYou,
			scene: fresh(twoWay, func(_, pm *memory.Options) { notUnique(pm) }, coded("A-1"), func(w *world, _ string) {
				for _, title := range []string{"One", "Two"} {
					w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": text(title), "code": text("A-1")})
				}
				w.settle()
			}),
		},
		{
			name: "several matched, mended since", code: "ambiguous-match", standing: engine.OnItsWay,
			scene: fresh(twoWay, func(_, pm *memory.Options) { notUnique(pm) }, coded("A-1"), func(w *world, _ string) {
				for _, title := range []string{"One", "Two"} {
					w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": text(title), "code": text("A-1")})
				}
				w.settle()
				w.pm.Edit(w.pm.IDs("record")[1], "grace", "code", text("A-2"))
			}),
		},
		{
			name: "matches and is not linked yet", code: "not-noticed", standing: engine.OnItsWay,
			scene: fresh(twoWay, nil, coded("A-1"), func(w *world, _ string) {
				w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": text("Ship it"), "code": text("A-1")})
			}),
		},
		{
			name: "the create is refused", code: "refused", standing: engine.NeedsYou,
			scene: fresh(twoWay, nil, coded("A-1"), func(w *world, _ string) {
				refuse(w.pm, "create", "", answering(connectors.Invalid, "a project needs a lead"))
				w.settle()
			}),
		},
		{
			name: "the create is forbidden", code: "permission", standing: engine.NeedsYou,
			scene: fresh(twoWay, nil, coded("A-1"), func(w *world, _ string) {
				refuse(w.pm, "create", "", answering(connectors.Permission, "you may not create issues here"))
				w.settle()
			}),
		},
		{
			name: "the create waits for quota", code: "quota", standing: engine.Waits,
			scene: fresh(twoWay, nil, coded("A-1"), func(w *world, _ string) {
				w.poll()
				refuse(w.pm, "create", "", &connectors.Error{
					Kind: connectors.RateLimited, RetryAfter: time.Hour,
					Err: &connectors.Withheld{From: connectors.PriorityPoll, Why: "5 % of the day's requests are kept for webhooks"},
				})
				w.step()
			}),
		},
		{
			name: "the answer to the create was lost", code: "finding", standing: engine.Waits,
			scene: fresh(twoWay, func(_, pm *memory.Options) { pm.IndexLag = time.Minute }, coded("A-1"), func(w *world, _ string) {
				w.pm.SetHook(func(m memory.Moment) error {
					if m.Call == "create" && m.After {
						return memory.Lost()
					}
					return nil
				})
				w.step()
				w.pm.SetHook(nil)
			}),
		},
		{
			name: "to be made, in the queue behind others", code: "queued", standing: engine.OnItsWay,
			scene: fresh(twoWay, nil, coded("A-1"), func(w *world, _ string) {
				for i := range 3 {
					id := w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("Urgent %d", i), nil))
					if err := w.eng.Ask(w.t.Context(), "pair", id, "ada"); err != nil {
						w.t.Fatal(err)
					}
				}
				w.poll()
			}),
		},
		{
			name: "the condition cannot be told", code: "condition", standing: engine.NeedsYou,
			scene: fresh(twoWay, nil, coded("A-1"), func(w *world, _ string) {
				w.crm.HideField("record", "active", true)
				w.settle()
			}),
		},
		{
			name: "a value of the new record cannot be computed", code: "with", standing: engine.NeedsYou,
			scene: fresh(with(twoWay, "    button: Convert to project\n", "    button: Convert to project\n    with: {amount: \"{{ 100 / deal.count }}\"}\n"), nil,
				deal("Ship it", map[string]connectors.Value{"count": connectors.Int(0)}), func(w *world, _ string) { w.settle() }),
		},
		{
			name: "the object is gone", code: "not-found", standing: engine.NeedsYou,
			scene: fresh(twoWay, nil, coded("A-1"), func(w *world, _ string) {
				refuse(w.pm, "create", "", answering(connectors.NotFound, "no project with the key MAIN"))
				w.settle()
			}),
		},
		{
			name: "no such record", code: "unknown-record", standing: engine.Unknown,
			scene: func(t *testing.T) (*world, string) { return newWorld(t, twoWay, nil), crm("999") },
		},
		{
			name: "no such id anywhere", code: "unknown-record", standing: engine.Unknown,
			scene: func(t *testing.T) (*world, string) { return newWorld(t, twoWay, nil), "999" },
		},
		{
			name: "no right to see it", code: "permission", standing: engine.NeedsYou,
			scene: fresh(twoWay, nil, coded("A-1"), func(w *world, _ string) { w.crm.SetVeil("record", memory.Forbidden) }),
		},
		{
			name: "archived", code: "gone", standing: engine.LeftAlone,
			scene: fresh(twoWay, nil, inactive, func(w *world, id string) {
				w.crm.SetState(id, connectors.Archived)
				w.settle()
			}),
		},
		{
			name: "merged", code: "merged", standing: engine.LeftAlone,
			scene: fresh(twoWay, func(crm, _ *memory.Options) { crm.ShowsDeleted = true }, inactive, func(w *world, id string) {
				w.crm.Merge(id, w.crm.Create("record", nil, "ada", deal("The other", nil)))
				w.settle()
			}),
		},
		{
			name: "no mapping takes it", code: "no-mapping", standing: engine.Unknown,
			scene: func(t *testing.T) (*world, string) {
				w, _, _ := linked(t, twoWay, nil)
				return w, "crm/contact/7"
			},
		},
	}
}

func linkedCauses() []cause {
	deleted := func(crm, _ *memory.Options) { crm.ShowsDeleted = true }
	notes := func(w *world, id, _ string) { w.crm.Edit(id, "ada", "notes", text("new")) }
	return []cause{
		{name: "in sync", standing: engine.InSync, scene: asked(twoWay, nil, func(*world, string, string) {})},
		{
			name: "in sync, as the state tells", standing: engine.InSync, options: engine.ExplainOptions{Offline: true},
			scene: asked(twoWay, nil, func(*world, string, string) {}),
		},
		{
			name: "a linked record left the scope", code: "out-of-scope", standing: engine.LeftAlone,
			scene: func(t *testing.T) (*world, string) {
				w := newWorld(t, inProject(), nil)
				id := w.crm.Create("record", connectors.Scope{"project": "main"}, "ada", deal("Ship it", nil))
				w.settle()
				w.crm.Move(id, connectors.Scope{"project": "other"})
				w.settle()
				return w, crm(id)
			},
		},
		{
			name: "the link ended with a deletion", code: "unlinked", standing: engine.LeftAlone,
			scene: func(t *testing.T) (*world, string) {
				w, id, epic := linked(t, twoWay, deleted)
				w.crm.SetState(id, connectors.Deleted)
				w.settle()
				return w, "pm/record/" + epic
			},
		},
		{
			name: "the counterpart was deleted and the other follows", code: "delete-waits", standing: engine.Waits,
			scene: func(t *testing.T) (*world, string) {
				w, _, epic := quarantined(t)
				return w, "pm/record/" + epic
			},
		},
		{
			name: "deleted here and edited there", code: "deleted-and-edited", standing: engine.NeedsYou,
			scene: asked(twoWay+"on_delete: delete\n", deleted, func(w *world, id, epic string) {
				w.pm.Edit(epic, "grace", "notes", text("other"))
				w.crm.SetState(id, connectors.Deleted)
				w.settle()
			}),
		},
		{
			name: "a linked record was not found once", code: "missing", standing: engine.Waits,
			scene: asked(twoWay, nil, func(w *world, id, epic string) {
				w.pm.SetState(epic, connectors.Deleted)
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.poll()
				w.due()
			}),
		},
		{
			name: "a linked record was archived a moment ago", code: "gone", standing: engine.OnItsWay,
			scene: asked(twoWay, nil, func(w *world, id, _ string) { w.crm.SetState(id, connectors.Archived) }),
		},
		{
			name: "a linked record was merged a moment ago", code: "merged", standing: engine.OnItsWay,
			scene: asked(twoWay, deleted, func(w *world, id, _ string) {
				w.crm.Merge(id, w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": text("The other")}))
			}),
		},
		{
			name: "in the queue, due later", code: "queued", standing: engine.OnItsWay,
			scene: asked(twoWay, nil, func(w *world, id, epic string) {
				w.crm.Webhooks()
				notes(w, id, epic)
				for _, hook := range w.crm.Webhooks() {
					if _, err := w.eng.Receive(w.t.Context(), "crm", hook); err != nil {
						w.t.Fatal(err)
					}
				}
			}),
		},
		{
			name: "the webhook never came", code: "not-noticed", standing: engine.OnItsWay,
			scene: asked(twoWay, nil, notes),
		},
		{
			name: "the last webhook came long ago, and no poll since", code: "not-noticed", standing: engine.OnItsWay,
			scene: asked(twoWay, nil, func(w *world, id, epic string) {
				for _, hook := range w.crm.Webhooks() {
					if _, err := w.eng.Receive(w.t.Context(), "crm", hook); err != nil {
						w.t.Fatal(err)
					}
				}
				w.settle()
				w.clock.Advance(48 * time.Hour)
				notes(w, id, epic)
			}),
		},
		{
			name: "no webhooks from there", code: "not-noticed", standing: engine.OnItsWay,
			scene: asked(twoWay, func(crm, _ *memory.Options) { crm.Without = []string{"WebhookSource"} }, notes),
		},
		{
			name: "a comment waits to be copied", code: "queued", standing: engine.OnItsWay,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				w.crm.Comment(id, "u1", "Please call.")
				w.crm.Comment(id, "u1", "Thanks.")
				w.poll()
			}),
		},
		{
			name: "comments may not be read", code: "permission", standing: engine.NeedsYou,
			scene: asked(twoWay, nil, func(w *world, id, epic string) {
				refuse(w.pm, "comments", "", answering(connectors.Permission, "no comments for you"))
				notes(w, id, epic)
			}),
		},
		{
			name: "no service runs", code: "not-running", standing: engine.NeedsYou, stopped: true,
			scene: asked(twoWay, nil, notes),
		},
		{
			name: "drift is reported only", code: "drift", standing: engine.LeftAlone,
			scene: func(t *testing.T) (*world, string) {
				w, id, epic := linked(t, twoWay, nil)
				w.lim.ReportDrift = true
				w.start()
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.sweepOnly()
				w.due()
				_ = epic
				return w, crm(id)
			},
		},
		{
			name: "the record is refused as a whole", code: "refused", standing: engine.NeedsYou,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				refuse(w.pm, "update", "", answering(connectors.Invalid, "the sprint is closed"))
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.crm.Edit(id, "ada", "count", connectors.Int(4))
				w.settle()
			}),
		},
		{
			name: "writes are forbidden", code: "permission", standing: engine.NeedsYou,
			scene: asked(twoWay, nil, func(w *world, id, epic string) {
				refuse(w.pm, "update", "", answering(connectors.Permission, "you may not edit this issue"))
				notes(w, id, epic)
				w.settle()
			}),
		},
		{
			name: "somebody else writes all the time", code: "changed-meanwhile", standing: engine.Waits,
			scene: asked(twoWay, nil, func(w *world, id, epic string) {
				refuse(w.pm, "update", "", answering(connectors.Conflict, "412"))
				notes(w, id, epic)
				w.step()
			}),
		},
		{
			name: "a poison record", code: "internal", standing: engine.Waits,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				w.printer = faultyPrinter{}
				w.start()
				w.crm.Edit(id, "ada", "notes", text("poison"))
				w.step()
			}),
		},
		{
			name: "too large", code: "internal", standing: engine.Waits,
			scene: asked(twoWay, nil, func(w *world, id, _ string) {
				w.conns["crm"] = breakingReads{w.conns["crm"], id, func() error {
					return &connectors.Error{Op: "read", Connection: "crm", Kind: connectors.Internal, Err: errors.New("the answer is larger than 64 MiB")}
				}}
				w.start()
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.step()
			}),
		},
		{
			name: "a stale read", code: "stale-read", standing: engine.Waits,
			scene: func(t *testing.T) (*world, string) {
				w, id, _ := linked(t, twoWay, nil)
				old := &snapshot{Connection: w.conns["crm"], id: id}
				old.keep(t)
				w.crm.Edit(id, "ada", "notes", text("new"))
				w.settle()
				w.crm.Edit(id, "ada", "notes", text("newer"))
				w.poll()
				w.conns["crm"] = old
				w.start()
				w.step()
				return w, crm(id)
			},
		},
		{
			name: "a task was refused", code: "refused", standing: engine.NeedsYou,
			scene: fresh(twoWay, nil, deal("Ship it", nil), func(w *world, _ string) {
				made := 0
				w.pm.SetHook(func(m memory.Moment) error {
					if m.Call == "create" && !m.After {
						if made++; made > 1 {
							return answering(connectors.Invalid, "tasks are switched off")
						}
					}
					return nil
				})
				w.settle()
				w.pm.SetHook(nil)
			}),
		},
	}
}
