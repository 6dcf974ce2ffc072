package engine_test

import (
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
)

// mapped replaces a line of the mapping.
func mapped(old, replacement string) func(string) string {
	return func(source string) string {
		if !strings.Contains(source, old) {
			panic("the mapping has no " + old)
		}
		return strings.Replace(source, old, replacement, 1)
	}
}

// onePair makes a deal that becomes an epic.
func onePair(w *world) {
	w.crm.Create("record", nil, "ada", deal("Ship it", map[string]connectors.Value{
		"notes": connectors.Text("soon"), "labels": connectors.Labels("a", "b"), "stage": connectors.Choice(connectors.Option{ID: "1"}),
		"due": connectors.DateOf(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)),
	}))
}

// pair returns the ids of the first link.
func (w *world) pair() (deal, epic string) {
	w.t.Helper()
	links := w.links()
	if len(links) == 0 {
		w.t.Fatal("no link")
	}
	return links[0].Records[0].ID, links[0].Records[1].ID
}

// edits lets people edit the pair.
func edits(do func(w *world, deal, epic string)) func(w *world) {
	return func(w *world) {
		deal, epic := w.pair()
		do(w, deal, epic)
	}
}

func text(s string) connectors.Value { return connectors.Text(s) }

func scenarios() []scenario {
	existing := func(w *world) {
		w.crm.Create("record", nil, "ada", map[string]connectors.Value{
			"title": text("Same"), "code": text("C-1"), "notes": text("from the deal"), "labels": connectors.Labels("a", "x"),
		})
		w.pm.Create("record", nil, "bob", map[string]connectors.Value{
			"title": text("Same, older"), "code": text("C-1"), "count": connectors.Int(3), "labels": connectors.Labels("b", "x"),
		})
	}
	contest := edits(func(w *world, deal, epic string) {
		w.crm.Edit(deal, "ada", "notes", text("deal's word"))
		w.clock.Advance(time.Minute)
		w.pm.Edit(epic, "bob", "notes", text("epic's word"))
	})
	deleteDeal := edits(func(w *world, deal, _ string) { w.crm.SetState(deal, connectors.Deleted) })
	return append(append(systemScenarios(), listScenarios()...), []scenario{
		{name: "create", act: onePair},
		{name: "create three", act: func(w *world) { onePair(w); onePair(w); onePair(w) }},
		{name: "button", act: func(w *world) {
			id := w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": text("On demand")})
			if err := w.eng.Ask(w.t.Context(), "pair", id, "ada"); err != nil {
				w.t.Fatal(err)
			}
		}},
		{name: "edit the deal", before: onePair, act: edits(func(w *world, deal, _ string) {
			w.crm.Edit(deal, "ada", "title", text("Ship it now"))
			w.crm.Edit(deal, "ada", "stage", connectors.Choice(connectors.Option{ID: "2"}))
		})},
		{name: "edit the epic", before: onePair, act: edits(func(w *world, _, epic string) {
			w.pm.Edit(epic, "bob", "notes", text("later"))
			w.pm.Edit(epic, "bob", "starts", connectors.Instant(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)))
		})},
		{name: "edit both", before: onePair, act: edits(func(w *world, deal, epic string) {
			w.crm.Edit(deal, "ada", "title", text("Ship it now"))
			w.pm.Edit(epic, "bob", "count", connectors.Int(7))
		})},
		{name: "conflict newest", before: onePair, act: contest},
		{name: "conflict ask", mapping: mapped("conflict: newest", "conflict: ask"), before: onePair, act: contest},
		{name: "conflict deal wins", mapping: mapped("conflict: newest", "conflict: deal wins"), before: onePair, act: contest},
		{name: "labels on both sides", before: onePair, act: edits(func(w *world, deal, epic string) {
			w.crm.Edit(deal, "ada", "labels", connectors.Labels("a", "c"))
			w.pm.Edit(epic, "bob", "labels", connectors.Labels("a", "b", "d"))
		})},
		{name: "clear", before: onePair, act: edits(func(w *world, deal, _ string) {
			w.crm.Edit(deal, "ada", "notes", connectors.Null)
			w.crm.Edit(deal, "ada", "labels", connectors.Null)
		})},
		{name: "one-way target edited", before: onePair, act: edits(func(w *world, deal, epic string) {
			w.pm.Edit(epic, "bob", "due", connectors.DateOf(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)))
			w.crm.Edit(deal, "ada", "notes", text("soon enough"))
		})},
		{
			name: "enforce", mapping: mapped("flow: deal -> epic}", "flow: deal -> epic, enforce: true}"), before: onePair,
			act: edits(func(w *world, _, epic string) {
				w.pm.Edit(epic, "bob", "due", connectors.DateOf(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)))
			}),
		},
		{name: "comments", before: onePair, act: edits(func(w *world, deal, epic string) {
			w.crm.Comment(deal, "u1", "from the deal")
			w.pm.Comment(epic, "u2", "from the epic")
		})},
		{name: "existing pair, deal wins", act: existing},
		{name: "existing pair, epic wins", mapping: mapped("first_sync: deal wins", "first_sync: epic wins"), act: existing},
		{name: "existing pair, newest", mapping: mapped("first_sync: deal wins", "first_sync: newest"), act: existing},
		{name: "existing pair, fill blanks", mapping: mapped("first_sync: deal wins", "first_sync: fill blanks"), act: existing},
		{name: "delete, unlink", before: onePair, act: deleteDeal},
		{name: "delete, archive", mapping: mapped("first_sync", "on_delete: archive\nfirst_sync"), before: onePair, act: deleteDeal},
		{name: "delete, delete", mapping: mapped("first_sync", "on_delete: delete\nfirst_sync"), before: onePair, act: deleteDeal},
		{
			name: "delete, recreate", mapping: mapped("first_sync", "on_delete: recreate\nfirst_sync"), before: onePair,
			act: edits(func(w *world, _, epic string) { w.pm.SetState(epic, connectors.Deleted) }),
		},
		{
			name: "delete and edit", mapping: mapped("first_sync", "on_delete: delete\nfirst_sync"), before: onePair,
			act: edits(func(w *world, deal, epic string) {
				w.crm.SetState(deal, connectors.Deleted)
				w.pm.Edit(epic, "bob", "notes", text("still wanted"))
			}),
		},
		{name: "restored", before: func(w *world) {
			onePair(w)
			w.settle()
			deal, _ := w.pair()
			w.crm.SetState(deal, connectors.Deleted)
		}, act: edits(func(w *world, deal, epic string) {
			w.crm.SetState(deal, connectors.Live)
			w.crm.Edit(deal, "ada", "notes", text("back again"))
		})},
		{name: "merged", before: onePair, act: edits(func(w *world, deal, _ string) {
			winner := w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": text("The other"), "notes": text("winner")})
			w.crm.Merge(deal, winner)
		})},
	}...)
}

// cards is a mapping over the same deals as twoWay.
const cards = `
mapping: card
between:
  deal: {connection: crm, object: record, scope: {project: main}}
  card: {connection: pm, object: record, scope: {project: cards}}
create:
  card:
    when: deal.active == true
fields:
  - {deal: title, card: title}
  - {deal: notes, card: notes}
  - {deal: labels, card: labels}
conflict: newest
first_sync: deal wins
`

// scoped is twoWay within a scope, so that cards lie outside of it.
func scoped(source string) string {
	source = mapped("deal: {connection: crm, object: record}", "deal: {connection: crm, object: record, scope: {project: main}}")(source)
	return mapped("epic: {connection: pm, object: record}", "epic: {connection: pm, object: record, scope: {project: main}}")(source)
}

// listScenarios are about cursors of polls and sweeps, deletions that wait, and
// two mappings over one object.
func listScenarios() []scenario {
	pages := func(crm, pm *memory.Options) {
		crm.PageSize, pm.PageSize, crm.ShiftingPages = 1, 2, true
	}
	late := func(crm, pm *memory.Options) {
		pages(crm, pm)
		crm.IndexLag, pm.IndexLag, pm.ListsRecords = 3*time.Second, 2*time.Second, true
	}
	both := func(w *world) {
		w.crm.Create("record", connectors.Scope{"project": "main"}, "ada", deal("Ship it", map[string]connectors.Value{
			"notes": text("soon"), "labels": connectors.Labels("a"),
		}))
	}
	change := edits(func(w *world, deal, epic string) {
		w.crm.Edit(deal, "ada", "notes", text("sooner"))
		w.pm.Edit(epic, "bob", "title", text("Ship it now"))
	})
	return []scenario{
		{name: "polls by pages", systems: pages, act: func(w *world) { onePair(w); onePair(w); onePair(w) }},
		{name: "polls by pages that show late", systems: late, before: onePair, act: change},
		{name: "sweeps by pages", sweeps: true, systems: pages, act: func(w *world) { onePair(w); onePair(w) }},
		{name: "sweeps that find edits", sweeps: true, systems: late, before: onePair, act: change},
		{name: "sweeps that find a deletion", sweeps: true, before: onePair, act: edits(func(w *world, _, epic string) {
			w.pm.SetState(epic, connectors.Deleted)
		})},
		{
			name: "deletion taken back while it waits", mapping: mapped("first_sync", "on_delete: archive\nfirst_sync"), before: onePair,
			act: edits(func(w *world, deal, _ string) {
				w.crm.SetState(deal, connectors.Deleted)
				for range 5 {
					w.sweepOnce()
					w.clock.Advance(70 * time.Second)
				}
				w.crm.SetState(deal, connectors.Live)
			}),
		},
		{name: "two mappings: create", mapping: scoped, second: cards, act: both},
		{name: "two mappings: edit a card", mapping: scoped, second: cards, before: both, act: func(w *world) {
			for _, l := range w.links() {
				if l.Mapping == "card" {
					w.pm.Edit(l.Records[1].ID, "bob", "notes", text("from the card"))
					w.pm.Edit(l.Records[1].ID, "bob", "labels", connectors.Labels("a", "b"))
				}
			}
		}},
	}
}

// sweepOnce sweeps every feed and drains what is due now.
func (w *world) sweepOnce() {
	w.t.Helper()
	w.sweepOnly()
	if _, err := w.eng.Drain(w.t.Context(), "pair"); err != nil {
		w.t.Fatal(err)
	}
}

// systemScenarios are edits and creates between systems of other habits.
func systemScenarios() []scenario {
	habits := map[string]func(crm, pm *memory.Options){
		"silent, set edits": func(crm, pm *memory.Options) { pm.Silent, pm.SetEdits = true, true },
		"lag":               func(crm, pm *memory.Options) { pm.IndexLag, pm.KeyLag = 10*time.Second, time.Minute },
		"unique keys":       func(crm, pm *memory.Options) { pm.KeyIsUnique, pm.IndexLag = true, 10*time.Second },
		"no history": func(crm, pm *memory.Options) {
			crm.Without, pm.Without = []string{"HistoryReader"}, []string{"HistoryReader"}
		},
		"no versions": func(crm, pm *memory.Options) { crm.NoVersions, pm.NoVersions, pm.Precision = true, true, time.Second },
		"conditional": func(crm, pm *memory.Options) { crm.ConditionalWrites, pm.ConditionalWrites = true, true },
	}
	var all []scenario
	for _, name := range []string{"silent, set edits", "lag", "unique keys", "no history", "no versions", "conditional"} {
		all = append(all,
			scenario{name: name + ": create", systems: habits[name], act: onePair},
			scenario{name: name + ": edit", systems: habits[name], before: onePair, act: edits(func(w *world, deal, epic string) {
				w.crm.Edit(deal, "ada", "title", text("Ship it now"))
				w.crm.Edit(deal, "ada", "labels", connectors.Labels("a", "c"))
				w.pm.Edit(epic, "bob", "count", connectors.Int(7))
				w.pm.Edit(epic, "bob", "labels", connectors.Labels("a", "b", "d"))
			})})
	}
	return all
}
