package engine_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// teller is a connection that tells a budget.
type teller struct {
	*memory.Connection
	budget connectors.Budget
}

// Abilities implements connectors.AbilityTeller.
func (c *teller) Abilities() connectors.Abilities {
	a := c.Connection.Abilities()
	a.BudgetTeller = c
	return a
}

// Budget implements connectors.BudgetTeller.
func (c *teller) Budget() connectors.Budget { return c.budget }

func TestStatusTellsHowConnectionsStandWithTheirAllowances(t *testing.T) {
	t.Parallel()
	var crm *teller
	w := newWorld(t, twoWay, nil)
	crm = &teller{Connection: w.conns["crm"].(*memory.Connection)}
	w.conns["crm"] = crm
	w.start()
	now := w.clock.Now()
	status := func() engine.ConnectionStatus {
		t.Helper()
		st, err := w.eng.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if st.Connections[1].Budget != nil {
			t.Errorf("%s tells a budget that it does not know", st.Connections[1].Name)
		}
		return st.Connections[0]
	}
	day := connectors.Allowance{Total: 1000, Ours: 500, Used: 400, Left: 30, Ends: now.Add(8 * time.Hour), Per: 24 * time.Hour}
	opens := func(from connectors.Priority, in time.Duration) (at [connectors.Priorities]time.Time) {
		for p := from; int(p) < connectors.Priorities; p++ {
			at[p] = now.Add(in)
		}
		return at
	}
	for _, tc := range []struct {
		name                string
		budget              connectors.Budget
		state, code, reason string
		retry               time.Duration
	}{
		{"all may go", connectors.Budget{Day: day, Share: 50}, "up", "", "", 0},
		{
			"less urgent work waits",
			connectors.Budget{Day: day, Opens: opens(connectors.PriorityBackfill, time.Hour)},
			"up", "quota", "what is left of the allowance is kept for more urgent work than backfill", time.Hour,
		},
		{
			"nothing is left",
			connectors.Budget{Day: day, Opens: opens(connectors.PriorityButton, 8*time.Hour)},
			"paused", "quota", "the allowance is used up", 8 * time.Hour,
		},
		{
			"the system asked for a pause before the engine was started",
			connectors.Budget{PausedUntil: now.Add(time.Minute), Opens: opens(connectors.PriorityButton, time.Minute)},
			"paused", "rate-limited", "the system asked for a pause", time.Minute,
		},
	} {
		crm.budget = tc.budget
		got := status()
		wait := time.Duration(0)
		if !got.RetryAt.IsZero() {
			wait = got.RetryAt.Sub(now)
		}
		if got.State != tc.state || got.Code != tc.code || got.Reason != tc.reason || wait != tc.retry {
			t.Errorf("%s: %q %q %q in %v, want %q %q %q in %v", tc.name, got.State, got.Code, got.Reason, wait, tc.state, tc.code, tc.reason, tc.retry)
		}
	}
	crm.budget = connectors.Budget{
		PerSecond: 19, Day: day, Share: 50,
		Window:  connectors.Allowance{Total: 65_000, Ours: 65_000, Left: 64_000},
		Used:    [connectors.Priorities]int{3, 120, 0, 277, 0},
		Waiting: [connectors.Priorities]int{connectors.PrioritySweep: 2}, Refused: [connectors.Priorities]int64{connectors.PrioritySweep: 9},
		Opens: opens(connectors.PrioritySweep, time.Hour),
	}
	text, err := json.MarshalIndent(status().Budget, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "perSecond": 19,
 "day": {
  "total": 1000,
  "ours": 500,
  "used": 400,
  "left": 30,
  "ends": "2026-03-02T17:00:00Z",
  "seconds": 86400
 },
 "window": {
  "total": 65000,
  "ours": 65000,
  "used": 0,
  "left": 64000
 },
 "share": 50,
 "used": {
  "backfill": 277,
  "button": 3,
  "poll": 0,
  "sweep": 0,
  "webhook": 120
 },
 "waiting": {
  "backfill": 0,
  "button": 0,
  "poll": 0,
  "sweep": 2,
  "webhook": 0
 },
 "refused": {
  "backfill": 0,
  "button": 0,
  "poll": 0,
  "sweep": 9,
  "webhook": 0
 },
 "opens": {
  "sweep": "2026-03-02T10:00:00Z"
 }
}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("budget (-want +got):\n%s", diff)
	}
	if got, want := status().Budget.Used.String(), "button 3, webhook 120, backfill 277"; got != want {
		t.Errorf("used %q, want %q", got, want)
	}
}

// TestASweepGoesOnWhereItsAllowanceEnded keeps the allowance from a sweep in the
// middle of its list: it waits, and lists no page twice.
func TestASweepGoesOnWhereItsAllowanceEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pm *thrifty
		b := newBubble(t, twoWay, func(c connectors.Connection) connectors.Connection {
			pm = &thrifty{Connection: c.(*memory.Connection), from: connectors.PrioritySweep}
			return pm
		})
		for range 250 {
			b.pm.Create("record", nil, "ann", map[string]connectors.Value{"title": connectors.Text("some epic")})
		}
		feed := b.eng.Feeds()[1]
		s, err := b.eng.Sweep(feed)
		if err != nil {
			t.Fatal(err)
		}
		step := func() engine.Swept {
			t.Helper()
			out, err := s.Step(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if got := step(); got.Rows != 100 || got.Wait {
			t.Fatalf("first page: %+v", got)
		}
		pm.until = time.Now().Add(time.Hour)
		for range 3 {
			if got := step(); !got.Wait || got.Done {
				t.Errorf("without allowance: %+v, want that it waits", got)
			}
		}
		time.Sleep(time.Hour)
		if got := step(); got.Rows != 100 || got.Wait {
			t.Errorf("second page: %+v", got)
		}
		if got := step(); got.Rows != 50 || got.Wait {
			t.Errorf("last page: %+v", got)
		}
		if got := pm.counts()[connectors.PrioritySweep]; got != 3 {
			t.Errorf("%d calls for three pages", got)
		}
	})
}
