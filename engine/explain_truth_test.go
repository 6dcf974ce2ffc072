package engine_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// TestExplainTellsTheTruth lets people, faults and rights loose on some pairs,
// asks about every record at random moments, and holds what is said against what
// a run then does: a record that is in sync is not written, one that is on its
// way is, and to ask changes nothing.
func TestExplainTellsTheTruth(t *testing.T) {
	said := map[engine.Standing]int{}
	for seed := range uint64(25) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 4))
			policy := []string{"newest", "ask", "deal wins"}[rng.IntN(3)]
			w, deals := many(t, 4, with(twoWay, "conflict: newest", "conflict: "+policy), nil)
			w.eng.PretendRunning(true)
			for range 25 {
				w.mischief(rng, deals)
				if rng.IntN(4) == 0 {
					w.judge(t, said)
				}
			}
		})
	}
	for _, s := range []engine.Standing{engine.InSync, engine.OnItsWay, engine.NeedsYou} {
		if said[s] < 20 {
			t.Errorf("%q was said %d times; the test sees too little", s, said[s])
		}
	}
}

// mischief does one thing to the world.
func (w *world) mischief(rng *rand.Rand, deals []string) {
	w.t.Helper()
	deal := deals[rng.IntN(len(deals))]
	epic := ""
	for _, l := range w.links() {
		if l.Records[0].ID == deal {
			epic = l.Records[1].ID
		}
	}
	value := text(fmt.Sprintf("word %d", rng.IntN(1000)))
	switch rng.IntN(12) {
	case 0, 1, 2:
		w.crm.Edit(deal, "ada", "notes", value)
	case 3, 4:
		w.pm.Edit(epic, "grace", "notes", value)
	case 5:
		w.crm.Edit(deal, "ada", "labels", connectors.Labels("a", fmt.Sprint("l", rng.IntN(5))))
	case 6:
		w.pm.Edit(epic, "grace", "due", connectors.DateOf(time.Date(2026, 6, 1+rng.IntN(20), 0, 0, 0, 0, time.UTC)))
	case 7:
		w.crm.Comment(deal, "u1", "Word.")
	case 8:
		w.crm.HideField("record", "count", rng.IntN(2) == 0)
	case 9:
		if w.refusing = !w.refusing; !w.refusing {
			w.pm.SetHook(nil)
			break
		}
		refuse(w.pm, "update", "", &connectors.Error{Kind: connectors.Invalid, Fields: []connectors.FieldError{{Field: "notes", Reason: "no"}}})
	case 10:
		w.step()
	case 11:
		w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": value, "active": connectors.Bool(rng.IntN(2) == 0)})
	}
	w.clock.Advance(time.Duration(rng.IntN(90)) * time.Second)
}

// judge asks about every deal, then lets a run come and holds it against what
// was said.
func (w *world) judge(t *testing.T, said map[engine.Standing]int) {
	t.Helper()
	before := w.statePrint()
	told := map[string]*engine.Explanation{}
	for _, id := range w.crm.IDs("record") {
		x, err := w.eng.Explain(t.Context(), crm(id), engine.ExplainOptions{Events: -1})
		if err != nil {
			t.Fatal(err)
		}
		told[id] = x
		said[x.Standing]++
	}
	if diff := cmp.Diff(before, w.statePrint()); diff != "" {
		t.Fatalf("asking changed something: %s", diff)
	}
	wrote := w.runOnce(t)
	for id, x := range told {
		touched := wrote[id]
		switch {
		case x.Standing == engine.InSync && touched:
			t.Errorf("deal %s: %q, and then it was written", id, x.Verdict)
		case x.Standing == engine.OnItsWay && !touched:
			t.Errorf("deal %s: %q, and then nothing was written", id, x.Verdict)
		}
	}
}

// runOnce makes everything due and works it once. It returns the deals for
// which a system was written to, or asked to write.
func (w *world) runOnce(t *testing.T) map[string]bool {
	t.Helper()
	dealOf := map[string]string{}
	for _, l := range w.links() {
		dealOf[l.Records[1].ID] = l.Records[0].ID
	}
	wrote := map[string]bool{}
	made := 0
	w.crm.SetHook(func(m memory.Moment) error {
		if m.Effect && !m.After {
			wrote[m.ID] = true
		}
		return nil
	})
	w.pm.SetHook(func(m memory.Moment) error {
		if !m.Effect || m.After {
			return nil
		}
		if m.Call == "create" {
			made++
		} else {
			wrote[dealOf[m.ID]] = true
		}
		if w.refusing && m.Call == "update" {
			return &connectors.Error{Kind: connectors.Invalid, Fields: []connectors.FieldError{{Field: "notes", Reason: "no"}}}
		}
		return nil
	})
	defer w.crm.SetHook(nil)
	w.poll()
	if _, err := w.eng.Requeue(t.Context(), "pair"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.eng.Drain(t.Context(), "pair"); err != nil && !errors.Is(err, engine.ErrPaused) {
		t.Fatal(err)
	}
	w.due()
	if !w.refusing {
		w.pm.SetHook(nil)
	}
	for _, l := range w.links() { // a create names no deal
		if dealOf[l.Records[1].ID] == "" {
			wrote[l.Records[0].ID] = true
		}
	}
	return wrote
}
