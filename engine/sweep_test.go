package engine_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// TestSweepOfUnchangedRecordsCostsTheListingOnly counts the calls of a sweep
// over systems whose rows tell versions, values or both.
func TestSweepOfUnchangedRecordsCostsTheListingOnly(t *testing.T) {
	const records = 300
	for _, habits := range []memory.Options{
		{PageSize: 100},
		{PageSize: 100, ListsRecords: true},
		{PageSize: 100, ListsRecords: true, NoVersions: true},
	} {
		t.Run(fmt.Sprintf("values %v, versions %v", habits.ListsRecords, !habits.NoVersions), func(t *testing.T) {
			source := with(with(twoWay, "comments: both", "comments: none"), `    tasks:
      - {title: "Kick-off {{ deal.title }}", assignee: "{{ deal.owner.email }}", due: 5 workdays}
      - {title: "Acceptance"}
`, "")
			w := newWorld(t, source, func(crm, pm *memory.Options) {
				for _, o := range []*memory.Options{crm, pm} {
					o.PageSize, o.ListsRecords, o.NoVersions = habits.PageSize, habits.ListsRecords, habits.NoVersions
					o.ReadBatch = 100
				}
			})
			var last string
			for i := range records {
				last = w.crm.Create("record", nil, "ada", deal(fmt.Sprintf("Deal %d", i), nil))
			}
			w.settle()
			w.sweep()
			w.settle()
			calls := w.countCalls()
			w.sweepOnly()
			if got, want := *calls, 2*records/habits.PageSize; got != want {
				t.Errorf("a sweep of %d unchanged pairs: got %d calls, want %d", records, got, want)
			}

			w.crm.Webhooks() // lost
			w.crm.Edit(last, "ada", "title", connectors.Text("Nobody told"))
			w.sweepOnly()
			w.drainDry()
			for _, l := range w.links() {
				if l.Records[0].ID == last {
					if got := w.get(w.pm, l.Records[1].ID, "title"); got.Text() != "Nobody told" {
						t.Errorf("the edit that no hint told of: got %v", got)
					}
				}
			}
		})
	}
}

// TestSweepSeesValuesThatMoveWithoutTheirVersion: a property that the system
// computes may change while its version stands still.
func TestSweepSeesValuesThatMoveWithoutTheirVersion(t *testing.T) {
	w, id, epic := linked(t, twoWay, func(crm, _ *memory.Options) { crm.ListsRecords = true })
	w.sweep()
	w.crm.Recompute(id, "count", connectors.Int(42))
	w.sweepOnly()
	w.drainDry()
	if got := w.get(w.pm, epic, "count"); got.Number() != "42" {
		t.Errorf("count: got %v, want 42", got)
	}
}

// TestSweepReportsWhatNobodyToldOf: under the policy to report, a sweep writes
// nothing and tells once; the next hint of the record repairs it.
func TestSweepReportsWhatNobodyToldOf(t *testing.T) {
	w := newWorld(t, twoWay, nil)
	w.lim.ReportDrift = true
	w.start()
	id := w.crm.Create("record", nil, "ada", deal("Ship it", nil))
	w.settle() // polls are hints: what they tell of is carried
	epic := w.links()[0].Records[1].ID
	w.clock.Advance(time.Hour)
	w.crm.Edit(id, "ada", "notes", connectors.Text("nobody told"))
	lone := w.crm.Create("record", nil, "ada", deal("Lone", nil))
	for range 3 {
		w.sweepOnly()
		w.drainDry()
	}
	if got := w.get(w.pm, epic, "notes"); !got.IsNull() {
		t.Errorf("the sweep repaired: %v", got)
	}
	if got := len(w.links()); got != 1 {
		t.Errorf("got %d links, want 1: the sweep made a counterpart", got)
	}
	rows, err := w.eng.History(t.Context(), engine.HistoryFilter{Action: "drift"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range rows {
		got[r.Records[0]] = r.Detail
	}
	want := map[string]string{"crm/record/" + id: "epic differs in notes", "crm/record/" + lone: "the epic is missing"}
	if diff := cmp.Diff(want, got); diff != "" || len(rows) != 2 {
		t.Errorf("%d events of drift (-want +got):\n%s", len(rows), diff)
	}
	w.crm.Edit(id, "ada", "count", connectors.Int(1))
	w.settle()
	if got := w.get(w.pm, epic, "notes"); got.Text() != "nobody told" {
		t.Errorf("after a hint: got %v", got)
	}
}

// sweepOnly looks through every feed, without working what it found.
func (w *world) sweepOnly() {
	w.t.Helper()
	for _, f := range w.eng.Feeds() {
		s, err := w.eng.Sweep(f)
		if err != nil {
			w.t.Fatal(err)
		}
		for done := false; !done; {
			out, err := s.Step(w.t.Context())
			if err != nil {
				w.t.Fatal(err)
			}
			done = out.Done
		}
	}
}

// drainDry works the queue until nothing is due, without a poll.
func (w *world) drainDry() {
	w.t.Helper()
	for range 200 {
		busy := false
		for _, m := range w.eng.Mappings() {
			d, err := w.eng.Drain(w.t.Context(), m)
			if err != nil {
				w.t.Fatal(err)
			}
			busy = busy || d.Worked > 0 || !d.Next.IsZero()
		}
		if !busy {
			return
		}
		w.clock.Advance(time.Second)
	}
	w.t.Fatal("the queue never runs dry")
}

// countCalls counts the requests that both systems get from now on, writes
// apart.
func (w *world) countCalls() *int {
	n := new(int)
	for _, s := range []*memory.System{w.crm, w.pm} {
		s.SetHook(func(m memory.Moment) error {
			if !m.Effect {
				*n++
			}
			return nil
		})
	}
	return n
}

// TestSweepComesDueOverRestarts runs a service that is started anew every forty
// minutes, with a sweep each hour.
func TestSweepComesDueOverRestarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pm *thrifty
		b := newBubble(t, twoWay, func(c connectors.Connection) connectors.Connection {
			pm = &thrifty{Connection: c.(*memory.Connection)}
			return pm
		})
		var after []int
		for range 6 {
			b.lim = engine.Limits{Sweep: time.Hour}
			b.start()
			b.run(t, func(context.Context) { time.Sleep(40 * time.Minute) })
			after = append(after, pm.sent[connectors.PrioritySweep])
		}
		// Each wait is between three and five quarters of an hour.
		if first, last := after[0], after[5]; first != 0 || last < 2 || last > 6 {
			t.Errorf("sweeps so far, after each run: %v; want none in the first, and one each hour or so", after)
		}
	})
}
