package simulation

import (
	"math/rand/v2"
	"slices"
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
	return append(append(append(more(plain), habits(plain)...), slices.Concat(systemVariants(plain), fileWorlds(plain), streamWorlds(plain))...), calm, faulty, laggy, coarse, rights, deletes, ask, wins, batches)
}

func eventSource(seed uint64, event int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 0x5eed<<32|uint64(event)))
}

// habits are worlds in which the systems, the people and the admin have the
// less usual habits.
func habits(plain Variant) []Variant {
	variant := func(name string, change func(v *Variant)) Variant {
		v := plain
		v.Name = name
		change(&v)
		return v
	}
	changed := func(old, now string) string { return strings.Replace(base, old, now, 1) }
	return []Variant{
		variant("pages shift", func(v *Variant) {
			v.Systems = [2]memory.Options{{PageSize: 2, ShiftingPages: true}, {PageSize: 3, ShiftingPages: true, ListsRecords: true, IndexLag: 10 * time.Second}}
		}),
		variant("shown late", func(v *Variant) {
			v.Systems = [2]memory.Options{
				{IndexLag: 3 * time.Minute, PageSize: 2, ListsRecords: true, Precision: time.Second},
				{IndexLag: time.Minute, PageSize: 3, NoVersions: true, Precision: time.Minute},
			}
		}),
		variant("days", func(v *Variant) { v.Days = true }),
		variant("rounds", func(v *Variant) {
			v.Numbers, v.Spaces, v.Whole = true, true, [2]bool{false, true}
			v.Systems = [2]memory.Options{{RoundInstants: time.Minute}, {TrimText: true, Silent: true, Precision: time.Minute}}
		}),
		variant("reads fail in part", func(v *Variant) {
			v.Systems = [2]memory.Options{{ReadMoments: true, ReadBatch: 5}, {ReadMoments: true, ReadBatch: 3, UpdateBatch: 4, Partial: true}}
		}),
		variant("merges", func(v *Variant) { v.Merges, v.Deletes = true, true }),
		variant("archives", func(v *Variant) { v.Deletes, v.Archives, v.Restores = true, true, true }),
		variant("moves", func(v *Variant) {
			v.Moves = true
			v.Systems = [2]memory.Options{{PageSize: 2, ShiftingPages: true}, {}}
		}),
		variant("veils", func(v *Variant) {
			v.Veils, v.Mapping, v.Limits = true, v.Mapping+"on_delete: delete\n", engine.Limits{MissingAt: 1}
		}),
		variant("polls only", func(v *Variant) {
			v.NoSweeps = true
			v.Systems = [2]memory.Options{{PageSize: 2}, {PageSize: 3, IndexLag: 20 * time.Second}}
		}),
		variant("fields left out", func(v *Variant) {
			v.Rights = true
			v.Systems = [2]memory.Options{{HidesSilently: true}, {HidesSilently: true, SetEdits: true}}
		}),
		variant("queue full", func(v *Variant) { v.Limits = engine.Limits{QueueFull: 2} }),
		variant("logins", func(v *Variant) { v.Logouts = true }),
		variant("clock jumps, lag", func(v *Variant) {
			v.Skew = true
			v.Systems = [2]memory.Options{{IndexLag: 20 * time.Second}, {IndexLag: time.Minute, PageSize: 3}}
		}),
		variant("rules change", func(v *Variant) {
			v.Others = []string{
				changed("conflict: newest", "conflict: deal wins"),
				changed("scope: {project: main}", "scope: {project: other}"),
				changed("  - {deal: labels, epic: labels}\n", ""),
			}
		}),
		variant("two mappings", func(v *Variant) { v.Second, v.MaxDeals = second, 4 }),
		variant("robots", func(v *Variant) { v.Robots, v.Limits = true, engine.Limits{Flips: 4} }),
	}
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
			v.Others = []string{strings.Replace(v.Mapping, "  - {deal: count, epic: count}\n", "", 1)}
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
			v.Resumes, v.Deletes, v.Limits = true, true, engine.Limits{Clears: 1, Overwrites: 3, Deletes: 1}
		}),
		variant("forbidden", func(v *Variant) { v.Forbid = true }),
		variant("state lost", func(v *Variant) { v.LoseAll = true }),
	}
}
