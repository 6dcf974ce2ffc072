package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenonsync/tenon/connectors"
)

// The states of a job.
const (
	JobRunning   = "running"
	JobDone      = "done"
	JobFailed    = "failed"
	JobCancelled = "cancelled"
)

// Job is long work that the service does for a caller, as it stands. A job
// lives as long as the process: one that the process took with it is told of as
// lost, and what it did stands in the history.
type Job struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"`
	Mapping  string          `json:"mapping,omitempty"`
	By       string          `json:"by"` // who started it
	State    string          `json:"state"`
	Started  time.Time       `json:"started"`
	Ended    time.Time       `json:"ended,omitzero"`
	Progress Progress        `json:"progress"`
	Result   json.RawMessage `json:"result,omitempty"`  // of a job that is done
	Problem  *Problem        `json:"problem,omitempty"` // of one that failed or was cancelled
	Output   int64           `json:"output,omitempty"`  // bytes of the file that it wrote
}

// Progress tells how far a job is.
type Progress struct {
	Step  string `json:"step,omitempty"`  // what it does at the moment
	Done  int    `json:"done"`            // how much is done
	Total int    `json:"total,omitempty"` // of how much; 0: not known
}

// Bounds of the jobs.
const (
	maxRunning   = 4  // jobs at the same time
	maxFinished  = 50 // jobs whose results are kept
	jobKept      = time.Hour
	maxJobResult = 1 << 20 // bytes of a result
	maxSpooled   = 1 << 30 // bytes of a file that a job takes or writes
)

var (
	errCancelled = errors.New("the job was cancelled")
	errStopping  = errors.New("the service stops")
)

// jobs runs long work, a few at a time and one for each mapping, keeps what
// came of it for an hour, and ends with the server.
type jobs struct {
	*Config
	life string // tells the jobs of this process from those of an earlier one
	runs *prometheus.CounterVec

	disk *room // for the files that jobs take and write

	mu     sync.Mutex
	closed bool
	last   int
	all    []*job // as they were started
	wg     sync.WaitGroup
}

// job is one piece of work.
type job struct {
	jobs   *jobs
	cancel context.CancelCauseFunc
	ended  chan struct{}

	mu    sync.Mutex
	told  Job
	file  *os.File // what it wrote, without a name in the file system
	wrote int64
}

func newJobs(c *Config) (*jobs, error) {
	var life [4]byte
	if _, err := rand.Read(life[:]); err != nil {
		return nil, err
	}
	j := &jobs{Config: c, disk: &room{limit: c.MaxSpooled}, life: hex.EncodeToString(life[:]), runs: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tenon_jobs_total", Help: "Jobs that ended, by kind and how they ended (done, failed, cancelled).",
	}, []string{"kind", "state"})}
	running := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tenon_jobs_running", Help: "Jobs at work."}, func() float64 {
		j.mu.Lock()
		defer j.mu.Unlock()
		return float64(j.running())
	})
	return j, errors.Join(c.Metrics.registry.Register(j.runs), c.Metrics.registry.Register(running))
}

// start begins a job of a kind and returns it at once. A mapping, when named,
// has one job at a time. ctx gives the job its values, not its end.
func (j *jobs) start(ctx context.Context, kind, mapping, by string, work func(context.Context, *job) (any, error)) (Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forget()
	if j.closed {
		return Job{}, &connectors.Error{Op: "start a job", Kind: connectors.Unavailable, Err: errStopping}
	}
	for _, other := range j.all {
		if t := other.state(); mapping != "" && t.Mapping == mapping && t.State == JobRunning {
			return Job{}, &connectors.Error{
				Op: "start a job", Kind: connectors.Conflict, Help: "wait for it, or end it with DELETE /api/v1/jobs/" + t.ID,
				Err: fmt.Errorf("the %s of %s that %s started is at work still (job %s)", t.Kind, mapping, t.By, t.ID),
			}
		}
	}
	if j.running() >= maxRunning {
		return Job{}, &connectors.Error{
			Op: "start a job", Kind: connectors.RateLimited, RetryAfter: 5 * time.Second, Help: "GET /api/v1/jobs lists them",
			Err: fmt.Errorf("%d jobs are at work; no more at the same time", maxRunning),
		}
	}
	j.last++
	within, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	run := &job{jobs: j, cancel: cancel, ended: make(chan struct{}), told: Job{
		ID: j.life + "-" + strconv.Itoa(j.last), Kind: kind, Mapping: mapping, By: by, State: JobRunning, Started: j.Clock.Now().UTC(),
	}}
	j.all = append(j.all, run)
	j.wg.Go(func() { run.run(within, work) })
	return run.state(), nil
}

// running counts the jobs at work. The caller holds the lock.
func (j *jobs) running() int {
	n := 0
	for _, run := range j.all {
		if run.state().State == JobRunning {
			n++
		}
	}
	return n
}

// forget drops what has been kept long enough. The caller holds the lock.
func (j *jobs) forget() {
	finished := 0
	for _, run := range slices.Backward(j.all) {
		t := run.state()
		if t.State == JobRunning {
			continue
		}
		if finished++; finished > maxFinished || j.Clock.Now().Sub(t.Ended) > jobKept {
			run.drop()
			j.all = slices.DeleteFunc(j.all, func(other *job) bool { return other == run })
		}
	}
}

// list returns the jobs, newest first.
func (j *jobs) list() []Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forget()
	rows := make([]Job, 0, len(j.all))
	for _, run := range slices.Backward(j.all) {
		t := run.state()
		t.Result = nil
		rows = append(rows, t)
	}
	return rows
}

// errLost is what a caller is told of a job that this process does not have any
// more, or never had.
var errLost = errors.New("the job is gone")

// find returns a job.
func (j *jobs) find(id string) (*job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forget()
	for _, run := range j.all {
		if run.told.ID == id { // never changes
			return run, nil
		}
	}
	life, number, ok := strings.Cut(id, "-")
	n, err := strconv.Atoi(number)
	switch {
	case !ok || len(life) != len(j.life) || err != nil || n < 1 || life == j.life && n > j.last:
		return nil, &connectors.Error{Op: "find a job", Kind: connectors.NotFound, Err: fmt.Errorf("there is no job %q", id), Help: "GET /api/v1/jobs lists them"}
	case life == j.life:
		return nil, fmt.Errorf("job %s ended more than an hour ago, or many others have ended since: %w", id, errLost)
	}
	return nil, fmt.Errorf("job %s ended with the process that worked it; the history holds what it wrote, and it may be started again: %w", id, errLost)
}

// close cancels the jobs and waits for them. No more are started.
func (j *jobs) close() {
	j.mu.Lock()
	j.closed = true
	for _, run := range j.all {
		run.cancel(errStopping)
	}
	j.mu.Unlock()
	j.wg.Wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, run := range j.all {
		run.drop()
	}
}

// run does the work.
func (r *job) run(ctx context.Context, work func(context.Context, *job) (any, error)) {
	defer close(r.ended)
	defer r.cancel(nil)
	result, err := r.guarded(ctx, work)
	var text []byte
	if err == nil {
		text, err = json.Marshal(result)
	}
	if err == nil && len(text) > maxJobResult {
		err = fmt.Errorf("the result of job %s is larger than %d bytes", r.told.ID, maxJobResult)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told.Ended = r.jobs.Clock.Now().UTC()
	switch cause := context.Cause(ctx); {
	case err == nil:
		r.told.State, r.told.Result = JobDone, text
		if r.file != nil {
			r.told.Output = r.wrote
		}
	case errors.Is(cause, errCancelled) || errors.Is(cause, errStopping):
		r.told.State = JobCancelled
		r.told.Problem = newProblem(499, codeCancelled, cause.Error(), "what it did until then stands in the history")
	default:
		r.told.State, r.told.Problem = JobFailed, problemOf(err)
		if r.told.Problem.Status >= 500 {
			r.jobs.Logger.Warn("job failed", "op", r.told.Kind, "mapping", r.told.Mapping, "err", err)
		}
	}
	if r.told.State != JobDone {
		r.dropFile() // half a file is nobody's
	}
	r.jobs.runs.WithLabelValues(r.told.Kind, r.told.State).Inc()
}

// guarded keeps a panic of the work from ending the service.
func (r *job) guarded(ctx context.Context, work func(context.Context, *job) (any, error)) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.jobs.Logger.Error("job panicked", "op", r.told.Kind, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	return work(ctx, r)
}

// state returns how the job stands.
func (r *job) state() Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.told
}

// show tells how far the job is.
func (r *job) show(p Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told.Progress = p
}
