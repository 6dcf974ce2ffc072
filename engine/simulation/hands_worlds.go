package simulation

import (
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// HandVariants are the worlds in which an admin pauses and resumes, replays,
// decides conflicts, links and parts, carries plans out, and takes back what the
// service wrote.
func HandVariants() []Variant {
	plain := Variant{Mapping: base, Fields: allFields, MaxDeals: 6, Faults: true}
	variant := func(name string, change func(v *Variant), hands ...hand) Variant {
		v := plain
		v.Name, v.Hands = name, hands
		change(&v)
		return v
	}
	same := func(*Variant) {}
	calm := func(v *Variant) { v.Faults = false }
	ask := func(v *Variant) { v.Mapping = strings.Replace(v.Mapping, "conflict: newest", "conflict: ask", 1) }
	elements := [2]memory.Options{{SetEdits: true, Silent: true}, {SetEdits: true, Silent: true, ConditionalWrites: true}}
	return []Variant{
		variant("undo", same, takingBack),
		variant("plans", same, planning),
		variant("decisions", ask, deciding, replaying),
		variant("links", same, linking),
		variant("pauses", same, pausing, replaying),
		variant("undo, calm", calm, takingBack),
		variant("plans, calm", calm, planning),
		variant("decisions, calm", func(v *Variant) { ask(v); calm(v) }, deciding, pausing),
		variant("links, twins", func(v *Variant) {
			v.Twins = true
			v.Mapping = strings.Replace(v.Mapping, "create:\n", "match:\n  - {deal: code, epic: code}\ncreate:\n", 1)
		}, linking, replaying),
		variant("pauses, guards", func(v *Variant) {
			v.Resumes, v.Limits = true, engine.Limits{Clears: 1, Overwrites: 3}
		}, pausing, planning),
		variant("undo, elements", func(v *Variant) { v.Systems = elements }, takingBack, replaying),
		variant("undo, ask", ask, takingBack, deciding, pausing),
		variant("undo, deal wins", func(v *Variant) {
			v.Mapping = strings.Replace(v.Mapping, "conflict: newest", "conflict: deal wins", 1)
			v.Systems = [2]memory.Options{{ReadBatch: 3, UpdateBatch: 2, Partial: true}, {CreateBatch: 3, Silent: true}}
		}, takingBack),
		variant("all hands", func(v *Variant) {
			v.Systems = [2]memory.Options{
				{IndexLag: 30 * time.Second, KeyIsUnique: true}, {IndexLag: 30 * time.Second, KeyLag: time.Minute, Silent: true},
			}
		}, pausing, replaying, linking, planning, takingBack),
	}
}
