package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// planning is an engine whose plans do what a test says.
type planning struct {
	*fakeEngine
	plan func(ctx context.Context, mappings []string, file io.Writer, o engine.PlanOptions) ([]*engine.Plan, error)
}

func (p planning) MappingSides(context.Context, string) (*engine.MappingSides, error) {
	return &engine.MappingSides{}, nil
}

func (p planning) WritePlan(ctx context.Context, mappings []string, file io.Writer, o engine.PlanOptions) ([]*engine.Plan, error) {
	return p.plan(ctx, mappings, file, o)
}

// movedClock stands still until a test moves it.
type movedClock struct {
	clock
	by *atomic.Int64
}

func (c movedClock) Now() time.Time { return testNow.Add(time.Duration(c.by.Load())) }

// jobRig is a server whose plans wait for the test.
type jobRig struct {
	*fixture
	begun, leave chan struct{}
	later        atomic.Int64
}

func newJobRig(t *testing.T, plan func(ctx context.Context, mappings []string, file io.Writer, o engine.PlanOptions) ([]*engine.Plan, error)) *jobRig {
	t.Helper()
	r := &jobRig{begun: make(chan struct{}, 10), leave: make(chan struct{})}
	if plan == nil {
		plan = func(ctx context.Context, _ []string, _ io.Writer, _ engine.PlanOptions) ([]*engine.Plan, error) {
			r.begun <- struct{}{}
			select {
			case <-r.leave:
				return []*engine.Plan{{Mapping: "m"}}, nil
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		}
	}
	r.fixture = newFixture(t, func(c *server.Config) {
		c.Clock, c.TempDir = movedClock{by: &r.later}, t.TempDir()
		c.Engine = planning{fakeEngine: &fakeEngine{}, plan: plan}
	})
	return r
}

// job sends a request that answers with a job.
func (r *jobRig) job(method, target, body, bearer string, want int) server.Job {
	r.t.Helper()
	resp := r.do(method, target, body, "Authorization", "Bearer "+bearer)
	text := read(r.t, resp)
	if resp.StatusCode != want {
		r.t.Fatalf("%s %s: got %d, want %d: %s", method, target, resp.StatusCode, want, text)
	}
	var j server.Job
	if want < 300 {
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			r.t.Fatal(err)
		}
		if want == http.StatusAccepted && resp.Header.Get("Location") != "/api/v1/jobs/"+j.ID {
			r.t.Errorf("location %q of job %s", resp.Header.Get("Location"), j.ID)
		}
	} else {
		checkProblem(r.t, method+" "+target, resp, text)
	}
	return j
}

// ended waits for a job's end.
func (r *jobRig) ended(id, bearer string) server.Job {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if j := r.job("GET", "/api/v1/jobs/"+id+"?wait=20", "", bearer, 200); j.State != server.JobRunning {
			return j
		}
	}
	r.t.Fatalf("job %s does not end", id)
	return server.Job{}
}

func plansOf(mapping string) string { return `{"mappings": ["` + mapping + `"]}` }

func TestOneJobAMappingAndFewAtATime(t *testing.T) {
	r := newJobRig(t, nil)
	bearer := r.token(t, server.ScopeOperate, server.ScopeRead)
	first := r.job("POST", "/api/v1/plans", plansOf("a"), bearer, 202)
	if first.State != server.JobRunning || first.Kind != "plan" || first.Mapping != "a" || first.By != "token test" {
		t.Errorf("the job: %+v", first)
	}
	resp := r.do("POST", "/api/v1/plans", plansOf("a"), "Authorization", "Bearer "+bearer)
	if text := read(t, resp); resp.StatusCode != 409 || !strings.Contains(text, first.ID) {
		t.Errorf("a second job of the mapping: got %d: %s", resp.StatusCode, text)
	}
	for _, m := range []string{"b", "c", "d"} {
		r.job("POST", "/api/v1/plans", plansOf(m), bearer, 202)
	}
	resp = r.do("POST", "/api/v1/plans", plansOf("e"), "Authorization", "Bearer "+bearer)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a fifth job: got %d with Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	close(r.leave)
	done := r.ended(first.ID, bearer)
	if done.State != server.JobDone || !strings.Contains(string(done.Result), `"mapping":"m"`) || done.Ended.IsZero() {
		t.Errorf("done: %+v", done)
	}
	var l server.List[server.Job]
	if err := json.Unmarshal([]byte(read(t, r.do("GET", "/api/v1/jobs", "", "Authorization", "Bearer "+bearer))), &l); err != nil {
		t.Fatal(err)
	}
	if len(l.Rows) != 4 || l.Rows[3].ID != first.ID || l.Rows[0].Mapping != "d" {
		t.Errorf("the list: %+v", l.Rows)
	}
}

func TestAJobIsEndedByWhoMayOperate(t *testing.T) {
	r := newJobRig(t, nil)
	bearer := r.token(t, server.ScopeOperate, server.ScopeRead)
	_, reader, err := r.tokens.Create(t.Context(), "another", []server.Scope{server.ScopeRead}, testNow, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	j := r.job("POST", "/api/v1/plans", plansOf("a"), bearer, 202)
	<-r.begun
	r.job("DELETE", "/api/v1/jobs/"+j.ID, "", reader, 403)
	j = r.job("DELETE", "/api/v1/jobs/"+j.ID, "", bearer, 200)
	if j.State != server.JobCancelled || j.Problem == nil || j.Problem.Code != "cancelled" || j.Result != nil {
		t.Errorf("cancelled: %+v", j)
	}
	r.job("GET", "/api/v1/jobs/"+j.ID+"/output", "", bearer, 404)
}

func TestJobsThatAreGone(t *testing.T) {
	r := newJobRig(t, nil)
	bearer := r.token(t, server.ScopeOperate, server.ScopeRead)
	j := r.job("POST", "/api/v1/plans", plansOf("a"), bearer, 202)
	close(r.leave)
	r.ended(j.ID, bearer)
	r.later.Store(int64(59 * time.Minute))
	r.job("GET", "/api/v1/jobs/"+j.ID, "", bearer, 200)
	r.later.Store(int64(61 * time.Minute))
	r.job("GET", "/api/v1/jobs/"+j.ID, "", bearer, 410)
	other := newJobRig(t, nil)
	other.job("GET", "/api/v1/jobs/"+j.ID, "", other.token(t, server.ScopeRead), 410)
	for _, id := range []string{"1", "x-1", strings.Split(j.ID, "-")[0] + "-99", strings.Split(j.ID, "-")[0] + "-0", "00000000-x"} {
		r.job("GET", "/api/v1/jobs/"+id, "", bearer, 404)
	}
}

func TestAJobsFileAndProgress(t *testing.T) {
	shown := make(chan struct{})
	leave := make(chan struct{})
	r := newJobRig(t, func(_ context.Context, _ []string, file io.Writer, o engine.PlanOptions) ([]*engine.Plan, error) {
		o.Progress(engine.SyncProgress{Mapping: "a", Listed: 7, Done: 3, Queued: 4})
		close(shown)
		<-leave
		_, err := io.WriteString(file, "a plan\n")
		return nil, err
	})
	bearer := r.token(t, server.ScopeOperate, server.ScopeRead)
	j := r.job("POST", "/api/v1/plans", `{"mappings": ["a"], "file": true}`, bearer, 202)
	<-shown
	j = r.job("GET", "/api/v1/jobs/"+j.ID, "", bearer, 200)
	if j.Progress == (server.Progress{}) || j.State != server.JobRunning {
		t.Errorf("under way: %+v", j)
	}
	r.job("GET", "/api/v1/jobs/"+j.ID+"/output", "", bearer, 404) // not before it is done
	close(leave)
	if j = r.ended(j.ID, bearer); j.Output != 7 {
		t.Errorf("done: %+v", j)
	}
	for range 2 {
		if got := read(t, r.do("GET", "/api/v1/jobs/"+j.ID+"/output", "", "Authorization", "Bearer "+bearer)); got != "a plan\n" {
			t.Errorf("output: got %q", got)
		}
	}
}

func TestJobsThatFail(t *testing.T) {
	for _, c := range []struct {
		name   string
		plan   func() ([]*engine.Plan, error)
		status int
		code   string
		title  string
	}{
		{"refused", func() ([]*engine.Plan, error) {
			return nil, &connectors.Error{Op: "plan", Kind: connectors.Conflict, Err: errors.New("paused"), Help: "resume it"}
		}, 409, "conflict", "paused"},
		{"fault", func() ([]*engine.Plan, error) { return nil, errors.New("secret detail") }, 500, "internal", "see the service's log"},
		{"panic", func() ([]*engine.Plan, error) { panic("boom") }, 500, "internal", "see the service's log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newJobRig(t, func(context.Context, []string, io.Writer, engine.PlanOptions) ([]*engine.Plan, error) {
				return c.plan()
			})
			bearer := r.token(t, server.ScopeOperate, server.ScopeRead)
			j := r.ended(r.job("POST", "/api/v1/plans", plansOf("a"), bearer, 202).ID, bearer)
			if j.State != server.JobFailed || j.Problem == nil || j.Problem.Status != c.status || j.Problem.Code != c.code || !strings.Contains(j.Problem.Title, c.title) {
				t.Errorf("got %+v %+v", j, j.Problem)
			}
			text := read(t, r.do("GET", "/metrics", "", "Authorization", "Bearer "+bearer))
			for _, want := range []string{`tenon_jobs_total{kind="plan",state="failed"} 1`, "tenon_jobs_running 0"} {
				if !strings.Contains(text, want) {
					t.Errorf("the metrics lack %s", want)
				}
			}
		})
	}
}

func TestAServerThatEndsTakesItsJobsWithIt(t *testing.T) {
	ended := make(chan error, 1)
	begun := make(chan struct{})
	plan := func(ctx context.Context, _ []string, _ io.Writer, _ engine.PlanOptions) ([]*engine.Plan, error) {
		close(begun)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return nil, ctx.Err()
	}
	f := newFixture(t, nil)
	config := f.config
	config.Engine = planning{fakeEngine: &fakeEngine{}, plan: plan}
	config.Metrics = nil
	s, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	f.handler = s.Handler()
	bearer := "Bearer " + f.token(t, server.ScopeOperate)
	if got := f.do("POST", "/api/v1/plans", plansOf("a"), "Authorization", bearer).StatusCode; got != 202 {
		t.Fatalf("started: got %d", got)
	}
	<-begun
	s.Close()
	select {
	case err := <-ended:
		if !strings.Contains(err.Error(), "the service stops") {
			t.Errorf("the job ended for %v", err)
		}
	default:
		t.Error("Close did not wait for the job")
	}
	if got := f.do("POST", "/api/v1/plans", plansOf("a"), "Authorization", bearer).StatusCode; got != 503 {
		t.Errorf("started after the end: got %d", got)
	}
	s.Close() // a repeat is harmless
}
