package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// troubled draws a world with links at rest and then edits, new records,
// deletions and comments on both sides that nobody has looked at. The same seed
// gives the same world.
func troubled(t *testing.T, seed uint64) *world {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 17))
	w := newWorld(t, twoWay, nil)
	w.lim.Batch = 1 + int(seed%7)
	w.start()
	for i := range 4 + r.IntN(8) {
		w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("d%d", i), map[string]connectors.Value{"notes": connectors.Text("n")}))
	}
	w.settle()
	links := w.active()
	for i := range 5 + r.IntN(20) {
		w.clock.Advance(time.Duration(1+r.IntN(50)) * time.Second)
		link := links[r.IntN(len(links))]
		system, id := w.crm, link.Records[0].ID
		if r.IntN(2) == 0 {
			system, id = w.pm, link.Records[1].ID
		}
		if system.State(id) != connectors.Live {
			continue
		}
		switch r.IntN(10) {
		case 0, 1, 2:
			system.Edit(id, "ada", "title", connectors.Text(fmt.Sprintf("t%d", i)))
		case 3, 4:
			system.Edit(id, "ada", "notes", connectors.Text(fmt.Sprintf("n%d", r.IntN(3))))
		case 5:
			system.Edit(id, "ada", "notes", connectors.Null)
		case 6:
			system.Edit(id, "ada", "stage", connectors.Choice(connectors.Option{ID: fmt.Sprint(1 + r.IntN(3))}))
		case 7:
			system.Comment(id, "grace", fmt.Sprintf("comment %d", i))
		case 8:
			more := map[string]connectors.Value{}
			if r.IntN(2) == 0 {
				code := connectors.Text(fmt.Sprintf("C-%d", i))
				more["code"] = code
				w.pm.Create("record", nil, "grace", map[string]connectors.Value{"title": connectors.Text("there"), "code": code})
			}
			w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("new %d", i), more))
		case 9:
			system.SetState(id, connectors.Archived)
		}
	}
	w.clock.Advance(time.Minute)
	return w
}

// truth tells all that both systems hold, without the ids.
func (w *world) truth() []string {
	w.t.Helper()
	var out []string
	for name, s := range map[string]*memory.System{"crm": w.crm, "pm": w.pm} {
		for _, id := range s.IDs("record") {
			var fields []string
			for field, v := range s.Truth(id) {
				if field != "number" && field != "parent" && !v.IsNull() {
					fields = append(fields, field+"="+v.String())
				}
			}
			slices.Sort(fields)
			out = append(out, fmt.Sprintf("%s %s %s, %d comments", name, s.State(id), strings.Join(fields, " "), len(s.Comments(id))))
		}
	}
	slices.Sort(out)
	return out
}

// TestApplyOfAPlanIsASync lets one world be synced, and carries out a plan in
// its twin: both end the same, and nothing is left to do.
func TestApplyOfAPlanIsASync(t *testing.T) {
	for seed := range uint64(60) {
		synced := troubled(t, seed)
		if err := synced.eng.Sync(t.Context(), "pair", nil); err != nil {
			t.Fatalf("seed %d: sync: %v", seed, err)
		}
		planned := troubled(t, seed)
		p, file := planned.plan()
		got := planned.apply(file, engine.ApplyOptions{})
		if len(got.Stale) != 0 {
			t.Errorf("seed %d: stale: %+v", seed, got.Stale)
		}
		if d := cmp.Diff(synced.truth(), planned.truth()); d != "" {
			t.Errorf("seed %d: the plan (%s) came to something else than the sync (-sync +apply): %s", seed, p, d)
		}
		for action := range got.Counts {
			if got.Counts[action] != p.Counts[action] {
				t.Errorf("seed %d: %s: %d carried out, %d planned", seed, action, got.Counts[action], p.Counts[action])
			}
		}
		if after, _ := planned.plan(); len(after.Counts) != 0 {
			t.Errorf("seed %d: after the plan (%s): %s: %+v", seed, p, after, after.Changes)
		}
		if t.Failed() {
			return
		}
	}
}
