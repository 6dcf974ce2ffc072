package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/engine"
)

func TestStatusListsTheKnownAllowances(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &cli{stdout: &out}
	midnight := time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)
	conns := []engine.ConnectionStatus{
		{Name: "crm", Budget: &engine.BudgetStatus{
			Day:    &engine.AllowanceStatus{Total: 1000, Ours: 500, Used: 400, Left: 31, Ends: midnight, Seconds: 86400},
			Window: &engine.AllowanceStatus{Total: 190, Ours: 190, Left: 12, Ends: midnight},
			Used:   engine.ByPriority{"button": 3, "backfill": 397},
		}},
		{Name: "pm", Budget: &engine.BudgetStatus{}},
		{Name: "old"},
	}
	if err := c.showAllowances(conns); err != nil {
		t.Fatal(err)
	}
	want := `
ALLOWANCE  FOR      OURS         LEFT  UNTIL                 USED TODAY
crm        24h      500 of 1000  31    2026-03-05 00:00:00Z  button 3, backfill 397
crm        unknown  190 of 190   12    2026-03-05 00:00:00Z
`
	if diff := cmp.Diff(want, strings.ReplaceAll(out.String(), "Z  \n", "Z\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	out.Reset()
	if err := c.showAllowances(conns[1:]); err != nil || out.Len() > 0 {
		t.Errorf("nothing is known, but it shows %q, %v", out.String(), err)
	}
}
