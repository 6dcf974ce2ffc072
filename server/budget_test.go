package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// thrifty is a connection that keeps what is left of its day for urgent work.
func thrifty() engine.ConnectionStatus {
	return engine.ConnectionStatus{
		Name: "crm", State: "up", Code: "quota", Reason: "what is left of the allowance is kept for more urgent work than backfill",
		RetryAt: testNow.Add(2 * time.Hour), Calls: 412,
		Budget: &engine.BudgetStatus{
			PerSecond: 19, Share: 50,
			Day:     &engine.AllowanceStatus{Total: 1000, Ours: 500, Used: 400, Left: 31, Ends: testNow.Add(12 * time.Hour), Seconds: 86400},
			Window:  &engine.AllowanceStatus{Total: 65000, Ours: 65000, Left: 64000, Ends: testNow.Add(time.Hour), Seconds: 3600},
			Used:    engine.ByPriority{"button": 3, "backfill": 397},
			Waiting: engine.ByPriority{"sweep": 2}, Refused: engine.ByPriority{"sweep": 9},
		},
	}
}

func TestMetricsOfBudgets(t *testing.T) {
	f := newFixture(t, nil)
	paused := engine.ConnectionStatus{Name: "pm", State: "paused", Budget: &engine.BudgetStatus{PausedUntil: testNow.Add(time.Minute)}}
	f.engine.rows.status = engine.Status{Connections: []engine.ConnectionStatus{thrifty(), paused, {Name: "old", State: "up"}}}
	text := read(t, f.do("GET", "/metrics", "", "Authorization", "Bearer "+f.token(t, server.ScopeRead)))
	for _, want := range []string{
		`tenon_budget_allowance{allowance="day",connection="crm"} 1000`, `tenon_budget_share{allowance="day",connection="crm"} 500`,
		`tenon_budget_left{allowance="day",connection="crm"} 31`, `tenon_budget_left{allowance="window",connection="crm"} 64000`,
		`tenon_budget_used{connection="crm",priority="backfill"} 397`, `tenon_budget_waiting{connection="crm",priority="sweep"} 2`,
		`tenon_budget_refused_total{connection="crm",priority="sweep"} 9`, `tenon_budget_requests_per_second{connection="crm"} 19`,
		`tenon_budget_paused_until_seconds{connection="crm"} 0`, `tenon_budget_paused_until_seconds{connection="pm"} 1.77262566e+09`,
		`tenon_connection_up{connection="crm"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if strings.Contains(text, `tenon_budget_allowance{allowance="day",connection="pm"}`) || strings.Contains(text, `tenon_budget_requests_per_second{connection="old"}`) {
		t.Error("an allowance that nobody knows is told")
	}
}

func TestOverviewShowsBudgets(t *testing.T) {
	f := newFixture(t, nil)
	f.engine.rows.status = engine.Status{At: testNow, Connections: []engine.ConnectionStatus{thrifty(), {Name: "old", State: "up"}}}
	text := read(t, f.do("GET", "/", "", "Authorization", "Bearer "+f.token(t, server.ScopeRead)))
	for _, want := range []string{
		"The allowance is used up, or kept for more urgent work", "what is left of the allowance is kept for more urgent work than backfill", "in 2 h",
		"469 of 500 today <small>(of 1\u202f000 for all apps)</small>", "button 3, backfill 397", `aria-label="469 of 500 used"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the overview lacks %q in\n%s", want, text)
		}
	}
}
