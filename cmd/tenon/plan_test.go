package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// requestsSent counts what both emulated systems were asked so far.
func (d *demonstration) requestsSent() map[string]int {
	n := map[string]int{}
	for name, log := range map[string]*kit.RequestLog{"hubspot": d.systems.hubspotOf().Requests(), "jira": d.systems.jiraOf().Requests()} {
		n[name] = len(log.Since(0))
	}
	return n
}

// TestPlansTellWhatTheyCost holds the calls that a plan foretells against those
// that the systems saw: not more than twice as many, not less than half, and ten
// of either are forgiven.
func TestPlansTellWhatTheyCost(t *testing.T) {
	d := newTestDemo(t, 3, "")
	s, err := d.cli.openService(t.Context(), d.config, serviceOptions{log: d.log})
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	silent := &cli{stdout: io.Discard, stderr: io.Discard, output: "table"}
	if err := silent.prepare(t.Context(), s, false); err != nil {
		t.Fatal(err)
	}
	crm := d.systems.hubspotOf().As(seller)
	d.systems.jiraOf().SetLag(0)
	var deals []string
	apply := func(want string) {
		t.Helper()
		var file bytes.Buffer
		plans, err := s.engine.WritePlan(t.Context(), nil, &file, engine.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		p := plans[0]
		if !strings.Contains(p.String(), want) || p.Cost == nil {
			t.Fatalf("the plan: %s, %+v", p, p.Cost)
		}
		before := d.requestsSent()
		got, err := s.engine.Apply(t.Context(), bytes.NewReader(file.Bytes()), engine.ApplyOptions{})
		if err != nil || got.Refused || len(got.Mappings[0].Left) > 0 {
			t.Fatalf("the apply: %+v, %v", got, err)
		}
		after := d.requestsSent()
		for _, c := range p.Cost.Calls {
			about, took := c.Reads+c.Writes, after[c.Connection]-before[c.Connection]
			t.Logf("%s: %s: about %d calls, took %d", p, c.Connection, about, took)
			if about > 2*took+10 || took > 2*about+10 {
				t.Errorf("%s: %s was to be called about %d times, it was called %d times", p, c.Connection, about, took)
			}
		}
	}
	for i := range 60 {
		id, err := crm.Create("deals", map[string]string{"dealname": fmt.Sprintf("Deal %d", i), "dealstage": "closedwon", "amount": "100"})
		if err != nil {
			t.Fatal(err)
		}
		deals = append(deals, id)
	}
	apply("create")
	for _, id := range deals {
		if err := crm.Edit("deals", id, map[string]string{"amount": "200"}); err != nil {
			t.Fatal(err)
		}
	}
	apply("update")
	plans, err := s.engine.WritePlan(t.Context(), nil, nil, engine.PlanOptions{})
	if err != nil || len(plans[0].Counts) != 0 {
		t.Errorf("afterwards: %s, %v", plans[0], err)
	}
}

func TestPlanFilesArePrivateAndWholeOrNotThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.plan")
	err := writePlanFile(path, func(w io.Writer) error {
		_, err := w.Write([]byte(`{"tenon":"plan"}`))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
