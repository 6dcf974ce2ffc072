package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

const rollupMapping = `
mapping: to-%[1]s
between:
  deal: {connection: crm, object: record}
  work: {connection: %[1]s, object: record}
create:
  work:
    when: true
fields:
  - {deal: title, work: title}
  - {work: due, deal: due, flow: work -> deal, rollup: earliest}
  - {work: amount, deal: amount, flow: work -> deal, rollup: sum}
  - work: stage
    deal: stage
    flow: work -> deal
    values: {"1": "1", "2": "2"}
    otherwise: leave
    rollup: {worst: ["2", "1"]}
`

// rollupWorld is a world with one CRM and three project tools.
type rollupWorld struct {
	*world
	tools map[string]*memory.System
	names []string
	busy  string // the mapping that is being drained

	before func() // called before the next commit
}

func newRollupWorld(t *testing.T, change func(crm *memory.Options)) *rollupWorld {
	t.Helper()
	w := &rollupWorld{tools: map[string]*memory.System{}, names: []string{"one", "two", "three"}}
	first := fmt.Sprintf(rollupMapping, "pm")
	w.world = newWorld(t, first, func(crm, _ *memory.Options) {
		if change != nil {
			change(crm)
		}
	})
	var all []*mapping.Mapping
	for _, name := range w.names {
		w.tools[name] = memory.NewSystem(memory.Options{Name: name, Clock: w.clock})
		w.conns[name] = w.tools[name].Connect(name)
		w.load(fmt.Sprintf(rollupMapping, name))
		all = append(all, w.maps...)
	}
	if problems := mapping.CheckTogether(all); problems.Err() != nil {
		t.Fatal(problems.Err())
	}
	w.maps = all
	w.wrap = func(s state.Store) state.Store { return beforeCommit{s, &w.before} }
	w.start()
	return w
}

// deal makes a deal with its counterpart in each tool.
func (w *rollupWorld) deal(title string) (deal string, work map[string]string) {
	w.t.Helper()
	deal = w.crm.Create("record", nil, "ada", map[string]connectors.Value{"title": connectors.Text(title)})
	w.settle()
	work = map[string]string{}
	for _, row := range w.links() {
		if row.Records[0].ID == deal {
			work[strings.TrimPrefix(row.Mapping, "to-")] = row.Records[1].ID
		}
	}
	if len(work) != len(w.names) {
		w.t.Fatalf("counterparts of the deal = %v, want one in each of %v", work, w.names)
	}
	return deal, work
}

// shows compares what the deal shows with what its counterparts come to.
func (w *rollupWorld) shows(deal string, work map[string]string) {
	w.t.Helper()
	due, stage, total := connectors.Null, connectors.Null, 0
	some := false
	for name, id := range work {
		if !w.tools[name].Has(id) {
			continue
		}
		truth := w.tools[name].Truth(id)
		if d := truth["due"]; !d.IsNull() && (due.IsNull() || d.Time().Before(due.Time())) {
			due = d
		}
		if s := truth["stage"].Option().ID; s == "2" || s == "1" && stage.IsNull() {
			stage = truth["stage"]
		}
		if a := truth["amount"]; !a.IsNull() {
			var n int
			if _, err := fmt.Sscanf(a.Number(), "%d", &n); err != nil {
				w.t.Fatal(err)
			}
			total, some = total+n, true
		}
	}
	amount := connectors.Null
	if some {
		amount, _ = connectors.ParseNumber(fmt.Sprint(total))
	}
	for field, want := range map[string]connectors.Value{"due": due, "stage": stage, "amount": amount} {
		if got := w.get(w.crm, deal, field); !connectors.Equal(got, want) {
			w.t.Errorf("the deal's %s = %v, want %v", field, got, want)
		}
	}
}

func stage(id string) connectors.Value { return connectors.Choice(connectors.Option{ID: id}) }

func day(n int) connectors.Value {
	return connectors.DateOf(time.Date(2026, 4, n, 0, 0, 0, 0, time.UTC))
}

func TestRollupFollowsItsShares(t *testing.T) {
	w := newRollupWorld(t, nil)
	deal, work := w.deal("Roll-out")
	edit := func(tool, field string, v connectors.Value) {
		t.Helper()
		w.tools[tool].Edit(work[tool], "bob", field, v)
		w.settle()
		w.shows(deal, work)
	}
	edit("one", "due", day(20))
	edit("two", "due", day(10))
	edit("three", "due", day(15))
	edit("two", "due", connectors.Null)
	edit("one", "stage", stage("1"))
	edit("two", "stage", stage("2"))
	edit("three", "stage", stage("1"))
	edit("one", "stage", stage("2"))
	edit("two", "stage", stage("1")) // one still holds the worse
	edit("one", "stage", stage("3")) // counts for nothing
	edit("two", "stage", stage("3"))
	edit("three", "stage", stage("3")) // nothing counts
	for i, name := range w.names {
		edit(name, "amount", connectors.Int(int64(10*(i+1))))
	}
	// A hand in the CRM does not last.
	w.crm.Edit(deal, "eve", "due", day(1))
	w.settle()
	w.shows(deal, work)

	// What a counterpart brought goes with its link.
	edit("two", "due", day(2))
	for _, row := range w.links() {
		if row.Mapping == "to-two" {
			if _, err := w.eng.Unlink(t.Context(), row.ID, "ada"); err != nil {
				t.Fatal(err)
			}
		}
	}
	delete(work, "two")
	w.settle()
	w.shows(deal, work)
	w.tools["one"].SetState(work["one"], connectors.Deleted)
	delete(work, "one")
	w.settle()
	w.sweep()
	w.shows(deal, work)
}

func TestRollupAgreesWithEditsInTheMidstOfWrites(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newRollupWorld(t, func(crm *memory.Options) { crm.ListsRecords = seed%2 == 0 })
			w.lim.Flips = 1000
			w.start()
			rng := rand.New(rand.NewPCG(seed, 5))
			deal, work := w.deal("Roll-out")
			edit := func() {
				name := w.names[rng.IntN(len(w.names))]
				switch rng.IntN(4) {
				case 0:
					w.tools[name].Edit(work[name], "bob", "due", day(1+rng.IntN(25)))
				case 1:
					w.tools[name].Edit(work[name], "bob", "amount", connectors.Int(int64(rng.IntN(9))))
				default:
					w.tools[name].Edit(work[name], "bob", "stage", stage(fmt.Sprint(1+rng.IntN(3))))
				}
			}
			// Whenever a tool's record is read or the deal written, the other
			// mappings may do all their work first.
			depth := 0
			hook := func(m memory.Moment) error {
				if depth > 0 || rng.IntN(3) > 0 {
					return nil
				}
				depth++
				defer func() { depth-- }()
				busy := w.busy
				for _, name := range w.eng.Mappings() {
					if name == busy {
						continue
					}
					if rng.IntN(2) == 0 {
						edit()
					}
					w.busy = name
					for _, f := range w.eng.Feeds() {
						_, _ = w.eng.Poll(t.Context(), f)
					}
					_, _ = w.eng.Drain(t.Context(), name)
				}
				w.busy = busy
				return nil
			}
			for range 30 {
				edit()
				w.crm.SetHook(hook)
				for _, s := range w.tools {
					s.SetHook(hook)
				}
				for range 3 {
					for _, f := range w.eng.Feeds() {
						_, _ = w.eng.Poll(t.Context(), f)
					}
					for _, name := range w.eng.Mappings() {
						w.busy = name
						_, _ = w.eng.Drain(t.Context(), name)
					}
				}
				w.crm.SetHook(nil)
				for _, s := range w.tools {
					s.SetHook(nil)
				}
				w.clock.Advance(time.Minute)
			}
			w.settle()
			w.shows(deal, work)
			if t.Failed() {
				w.dump()
			}
		})
	}
}

// Two mappings each see the other's share as it was before, so that neither
// would write: the one that stores last looks again.
func TestRollupOfTwoSharesThatMoveAtOnce(t *testing.T) {
	w := newRollupWorld(t, nil)
	deal, work := w.deal("Roll-out")
	for _, name := range []string{"one", "two"} {
		w.tools[name].Edit(work[name], "bob", "stage", stage("2"))
	}
	w.settle()
	w.shows(deal, work)
	for _, name := range []string{"one", "two"} {
		w.tools[name].Edit(work[name], "bob", "stage", stage("1"))
	}
	for _, f := range w.eng.Feeds() {
		if _, err := w.eng.Poll(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	drain := func(name string) {
		t.Helper()
		if _, err := w.eng.Drain(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	// Before to-one stores what it read, to-two does all its work.
	met := false
	w.tools["one"].SetHook(func(m memory.Moment) error {
		if m.Call == "read" && !met {
			w.before = func() {
				met, w.before = true, nil
				drain("to-two")
			}
		}
		return nil
	})
	drain("to-one")
	if !met {
		t.Fatal("the two mappings did not meet")
	}
	w.drainDry() // without a poll, which may show the rows once more
	w.shows(deal, work)
}

// beforeCommit is a store that calls a function before its next commit.
type beforeCommit struct {
	state.Store
	call *func()
}

func (s beforeCommit) Update(ctx context.Context, fn func(state.Tx) error) error {
	if *s.call != nil {
		(*s.call)()
	}
	return s.Store.Update(ctx, fn)
}

func TestExplainTellsWhatIsRolledUp(t *testing.T) {
	w := newRollupWorld(t, nil)
	deal, work := w.deal("Roll-out")
	w.tools["one"].Edit(work["one"], "bob", "stage", stage("2"))
	w.tools["two"].Edit(work["two"], "bob", "stage", stage("1"))
	w.settle()
	said, err := w.eng.Explain(t.Context(), "crm/record/"+deal, engine.ExplainOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range said.Mappings {
		for _, f := range m.Fields {
			if f.Fields[0] == "stage" {
				got[m.Name] = f.Why
			}
		}
	}
	want := map[string]string{
		"to-one":   "rolled up: this one brings In progress, the one of to-two Open",
		"to-two":   "rolled up: this one brings Open, the one of to-one In progress",
		"to-three": "rolled up: this one brings nothing, the one of to-one In progress, the one of to-two Open",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("why the stage is what it is (-want +got):\n%s", d)
	}
}
