package simulation

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

const base = `
mapping: pair
between:
  deal: {connection: crm, object: record, scope: {project: main}}
  epic: {connection: pm, object: record, scope: {project: main}}
create:
  epic:
    when: deal.active == true
    button: Convert to project
    tasks:
      - {title: "Kick-off"}
      - {title: "Acceptance"}
fields:
  - {deal: title, epic: title}
  - {deal: notes, epic: notes}
  - {deal: count, epic: count}
  - {deal: due, epic: due, flow: deal -> epic}
  - {epic: starts, deal: starts, flow: epic -> deal}
  - {deal: labels, epic: labels}
  - {deal: owner, epic: owner}
  - {deal: stage, epic: stage, values: {"1": "1", "2": "2", "3": "3"}}
comments: both
conflict: newest
first_sync: deal wins
`

// Variants are the worlds that the seeds are spread over.
func Variants() []Variant {
	lag := func(o memory.Options) memory.Options {
		o.IndexLag = 30 * time.Second
		return o
	}
	plain := Variant{Mapping: base, Fields: allFields, MaxDeals: 6, Faults: true}
	calm := plain
	calm.Name, calm.Faults = "calm", false
	faulty := plain
	faulty.Name = "faulty"
	laggy := plain
	laggy.Name = "lag"
	laggy.Systems = [2]memory.Options{lag(memory.Options{KeyIsUnique: true}), lag(memory.Options{KeyLag: time.Minute, SetEdits: true, Silent: true})}
	coarse := plain
	coarse.Name, coarse.Spaces = "coarse", true
	coarse.Systems = [2]memory.Options{{Precision: time.Second, NoVersions: true}, {Precision: time.Minute, TrimText: true, SetEdits: true}}
	rights := plain
	rights.Name, rights.Rights, rights.Moves = "rights", true, true
	deletes := plain
	deletes.Name, deletes.Deletes = "deletes", true
	ask := plain
	ask.Name, ask.Mapping = "ask", strings.Replace(base, "conflict: newest", "conflict: ask", 1)
	wins := plain
	wins.Name, wins.Mapping = "deal wins", strings.Replace(base, "conflict: newest", "conflict: deal wins", 1)
	batches := plain
	batches.Name, batches.MaxDeals = "batches", 20
	batches.Systems = [2]memory.Options{{ReadBatch: 3, UpdateBatch: 2, Partial: true}, {CreateBatch: 3, Silent: true, ConditionalWrites: true}}
	return append(more(plain), calm, faulty, laggy, coarse, rights, deletes, ask, wins, batches)
}

func eventSource(seed uint64, event int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x5eed<<32|uint64(event)))
}

// more are worlds with other policies, habits and mishaps.
func more(plain Variant) []Variant {
	variant := func(name string, change func(v *Variant)) Variant {
		v := plain
		v.Name = name
		change(&v)
		return v
	}
	policy := func(line string) func(v *Variant) {
		return func(v *Variant) {
			v.Deletes, v.Restores, v.Mapping = true, true, v.Mapping+"on_delete: "+line+"\n"
		}
	}
	match := func(first string) func(v *Variant) {
		return func(v *Variant) {
			v.Twins = true
			v.Mapping = strings.Replace(v.Mapping, "create:\n", "match:\n  - {deal: code, epic: code}\ncreate:\n", 1)
			v.Mapping = strings.Replace(v.Mapping, "first_sync: deal wins", "first_sync: "+first, 1)
		}
	}
	without := []string{"HistoryReader"}
	return []Variant{
		variant("archive", policy("archive")),
		variant("delete too", policy("delete")),
		variant("recreate", policy("{deal: unlink, epic: recreate}")),
		variant("restores", func(v *Variant) { v.Deletes, v.Restores = true, true }),
		variant("twins, deal wins", match("deal wins")),
		variant("twins, newest", match("newest")),
		variant("twins, fill blanks", match("fill blanks")),
		variant("mapping changes", func(v *Variant) {
			v.Other = strings.Replace(v.Mapping, "  - {deal: count, epic: count}\n", "", 1)
		}),
		variant("clock jumps", func(v *Variant) { v.Skew = true }),
		variant("enforce", func(v *Variant) {
			v.Mapping = strings.Replace(v.Mapping, "flow: deal -> epic}", "flow: deal -> epic, enforce: true}", 1)
		}),
		variant("blind", func(v *Variant) {
			v.Blind = true
			v.Systems = [2]memory.Options{{Without: without, NoVersions: true}, {Without: without}}
		}),
		variant("elements", func(v *Variant) {
			v.Systems = [2]memory.Options{
				{SetEdits: true, Silent: true, WebhookVersions: true}, {SetEdits: true, Silent: true, ConditionalWrites: true, WebhookVersions: true},
			}
		}),
		variant("guards", func(v *Variant) {
			v.Deletes, v.Limits = true, engine.Limits{Clears: 1, Overwrites: 3, Deletes: 1}
		}),
		variant("forbidden", func(v *Variant) { v.Forbid = true }),
		variant("state lost", func(v *Variant) { v.LoseAll = true }),
	}
}
