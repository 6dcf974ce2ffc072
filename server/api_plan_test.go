package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// planner is an engine that plans and links as a test says.
type planner struct {
	server.Engine
	plans   []*engine.Plan
	file    string
	applied string // the plan that Apply was given
	stale   bool   // skip what is stale
	order   engine.LinkOrder
	err     error
}

func (p *planner) MappingSides(_ context.Context, name string) (*engine.MappingSides, error) {
	if name != "pair" {
		return nil, &connectors.Error{Op: "find mapping", Kind: connectors.NotFound, Err: fmt.Errorf("no mapping is named %q", name)}
	}
	return &engine.MappingSides{Mapping: name, Sides: [2]string{"deal", "epic"}}, nil
}

func (p *planner) WritePlan(_ context.Context, _ []string, w io.Writer, o engine.PlanOptions) ([]*engine.Plan, error) {
	o.Progress(engine.SyncProgress{Mapping: "pair", Listed: 9, Done: 3})
	if w != nil {
		if _, err := io.WriteString(w, p.file); err != nil {
			return nil, err
		}
	}
	return p.plans, p.err
}

func (p *planner) Apply(_ context.Context, r io.ReadSeeker, o engine.ApplyOptions) (*engine.Applied, error) {
	text, err := io.ReadAll(r)
	p.applied, p.stale = string(text), o.SkipStale
	return &engine.Applied{Refused: true, Mappings: []engine.AppliedMapping{{Mapping: "pair"}}}, errors.Join(err, p.err)
}

func (p *planner) Adopt(_ context.Context, o engine.LinkOrder, _ func(engine.SyncProgress)) (*engine.Adopted, error) {
	p.order = o
	return &engine.Adopted{Mapping: o.Mapping, Linked: len(o.Pairs)}, p.err
}

func (p *planner) Match(_ context.Context, o engine.MatchOrder, report io.Writer, _ func(engine.SyncProgress)) (*engine.Adopted, error) {
	_, err := io.WriteString(report, "deal,epic,comment\n")
	return &engine.Adopted{Mapping: o.Mapping, Linked: 2}, err
}

func (p *planner) Unlink(_ context.Context, link uint64, _ string) (*engine.LinkRow, error) {
	return &engine.LinkRow{ID: link, Status: "ended"}, nil
}

// working is an API over a planner, with a token that may operate.
type working struct {
	*fixture
	t      *testing.T
	engine *planner
	bearer string
}

func newWorking(t *testing.T) *working {
	p := &planner{}
	f := newFixture(t, func(c *server.Config) {
		p.Engine = c.Engine
		c.Engine = p
	})
	return &working{fixture: f, t: t, engine: p, bearer: "Bearer " + f.token(t, server.ScopeOperate, server.ScopeRead)}
}

// job starts a job and waits for it.
func (w *working) job(path, body string) server.Job {
	w.t.Helper()
	r := w.do("POST", path, body, "Authorization", w.bearer, "Content-Type", "application/json")
	text := read(w.t, r)
	if r.StatusCode != 202 {
		w.t.Fatalf("POST %s: %d: %s", path, r.StatusCode, text)
	}
	var j server.Job
	for err := json.Unmarshal([]byte(text), &j); err != nil || j.State == server.JobRunning; {
		if err != nil {
			w.t.Fatal(err)
		}
		err = json.Unmarshal([]byte(read(w.t, w.do("GET", "/api/v1/jobs/"+j.ID+"?wait=30", "", "Authorization", w.bearer))), &j)
	}
	return j
}

func TestAPIPlan(t *testing.T) {
	w := newWorking(t)
	w.engine.plans = []*engine.Plan{{Mapping: "pair", Counts: map[string]int{"update": 1}, Changes: []engine.PlanChange{{Action: "update"}}}}
	w.engine.file = "{\"tenon\":\"plan\"}\n"
	j := w.job("/api/v1/plans", `{"mappings": ["pair"], "file": true}`)
	var plans []*engine.Plan
	if err := json.Unmarshal(j.Result, &plans); err != nil || j.State != server.JobDone || j.Kind != "plan" || j.Mapping != "pair" {
		t.Fatalf("job: %+v, %v", j, err)
	}
	if d := cmp.Diff(w.engine.plans, plans); d != "" {
		t.Errorf("plans: %s", d)
	}
	if got := read(t, w.do("GET", "/api/v1/jobs/"+j.ID+"/output", "", "Authorization", w.bearer)); got != w.engine.file {
		t.Errorf("output: %q", got)
	}
	if r := w.do("POST", "/api/v1/plans", `{"mappings": ["other"]}`, "Authorization", w.bearer); r.StatusCode != 404 {
		t.Errorf("a mapping that is none: %d", r.StatusCode)
	}
}

// TestAPIPlanHasRoom plans more than a job's result holds.
func TestAPIPlanHasRoom(t *testing.T) {
	w := newWorking(t)
	p := &engine.Plan{Mapping: "pair", Counts: map[string]int{"update": 1000}}
	for range 1000 {
		p.Changes = append(p.Changes, engine.PlanChange{Action: "update", Fields: []engine.PlanField{{Name: "notes", After: strings.Repeat("long ", 2000)}}})
	}
	w.engine.plans = []*engine.Plan{p}
	var plans []*engine.Plan
	j := w.job("/api/v1/plans", `{}`)
	if err := json.Unmarshal(j.Result, &plans); err != nil || len(plans) != 1 {
		t.Fatalf("job: %+v, %v", j, err)
	}
	if n := len(plans[0].Changes); n == 0 || n+plans[0].Omitted != 1000 {
		t.Errorf("%d changes are shown, %d left out", n, plans[0].Omitted)
	}
}

func TestAPIApply(t *testing.T) {
	w := newWorking(t)
	plan := strings.Repeat("a line of a plan\n", 400_000) // larger than other bodies may be
	j := w.job("/api/v1/plans/apply?skip_stale=true", plan)
	if w.engine.applied != plan || !w.engine.stale || j.State != server.JobDone || !strings.Contains(string(j.Result), `"refused":true`) {
		t.Errorf("%d of %d bytes arrived, job %s: %s", len(w.engine.applied), len(plan), j.State, j.Result)
	}
	w.engine.err = &connectors.Error{Op: "apply", Kind: connectors.Conflict, Err: errors.New("mapping pair was changed"), Help: "tenon plan"}
	if j := w.job("/api/v1/plans/apply", "x"); j.State != server.JobFailed || j.Problem.Status != 409 || j.Problem.Detail != "tenon plan" {
		t.Errorf("job: %+v", j)
	}
}

func TestAPILinks(t *testing.T) {
	w := newWorking(t)
	j := w.job("/api/v1/mappings/pair/links", `{"pairs": [{"line": 2, "records": ["1", "D-1"]}], "skipBad": true, "dry": true}`)
	want := engine.LinkOrder{Mapping: "pair", Pairs: []engine.LinkPair{{Line: 2, Records: [2]string{"1", "D-1"}}}, SkipBad: true, Dry: true, By: w.engine.order.By}
	if d := cmp.Diff(want, w.engine.order); d != "" || j.State != server.JobDone || want.By == "" {
		t.Errorf("order: %s; job %+v", d, j)
	}
	j = w.job("/api/v1/mappings/pair/match", `{}`)
	if got := read(t, w.do("GET", "/api/v1/jobs/"+j.ID+"/output", "", "Authorization", w.bearer)); got != "deal,epic,comment\n" {
		t.Errorf("report: %q", got)
	}
	if got := read(t, w.do("DELETE", "/api/v1/links/12", "", "Authorization", w.bearer)); !strings.Contains(got, `"status":"ended"`) {
		t.Errorf("unlink: %s", got)
	}
	if got := read(t, w.do("GET", "/api/v1/mappings/pair", "", "Authorization", w.bearer)); !strings.Contains(got, `"sides":["deal","epic"]`) {
		t.Errorf("sides: %s", got)
	}
	for _, path := range []string{"mappings/other/links", "mappings/other/match"} {
		if r := w.do("POST", "/api/v1/"+path, `{}`, "Authorization", w.bearer); r.StatusCode != 404 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}
