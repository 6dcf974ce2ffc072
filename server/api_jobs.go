package server

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

func (a api) jobRoutes() []route {
	return []route{
		{
			pattern: "GET /api/v1/jobs", scope: ScopeRead, group: groupJobs,
			summary: "Long work, newest first: what is under way, and what ended within the last hour.",
			answer:  List[Job]{}, fn: a.listJobs,
		},
		{
			pattern: "GET /api/v1/jobs/{id}", scope: ScopeRead, group: groupJobs,
			summary: "How a job stands, with its result once it is done.",
			detail: "A job lives in the process of the service: 410 tells that it ended with the process, or too long ago. The history holds what it wrote. " +
				"The result, which holds records' values, is told to tokens with the scope `operate`, as the order was.",
			params: []param{{name: "wait", kind: numberParam, summary: "Answer when the job has ended, or after so many seconds; 30 at most."}},
			answer: Job{}, fn: a.showJob, also: []int{http.StatusNotFound, http.StatusGone},
		},
		{
			pattern: "GET /api/v1/jobs/{id}/output", scope: ScopeOperate, group: groupJobs,
			summary: "The file that a job wrote, such as a plan.", media: "application/octet-stream",
			serve: a.jobOutput, also: []int{http.StatusNotFound, http.StatusGone},
		},
		{
			pattern: "DELETE /api/v1/jobs/{id}", scope: ScopeOperate, group: groupJobs,
			summary: "End a job. What it did until then stands.",
			answer:  Job{}, fn: a.endJob, also: []int{http.StatusNotFound, http.StatusGone},
		},
	}
}

// startJob begins a job for the caller and answers 202 with it. A mapping, when
// named, has one job at a time.
func (a api) startJob(c *call, kind, mapping string, work func(context.Context, *job) (any, error)) (any, error) {
	j, err := a.jobs.start(c.Context(), kind, mapping, c.by(), work)
	return reply{status: http.StatusAccepted, location: "/api/v1/jobs/" + j.ID, body: j}, err
}

func (a api) listJobs(*call) (any, error) { return list(a.jobs.list(), maxLimit, nil), nil }

// maxWait bounds how long a request waits for a job.
const maxWait = 30 * time.Second

func (a api) showJob(c *call) (any, error) {
	run, err := a.jobs.find(c.text("id"))
	if err != nil {
		return nil, err
	}
	if wait := min(time.Duration(min(c.number("wait"), 3600))*time.Second, maxWait, a.WriteTimeout/2); wait > 0 {
		run.await(c.Context(), wait)
	}
	j := run.state()
	if !callerOf(c.Context()).may(ScopeOperate) {
		j.Result = nil
	}
	return j, nil
}

// await returns when the job has ended, the time has passed or ctx ends.
func (r *job) await(ctx context.Context, wait time.Duration) {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-r.ended:
	case <-t.C:
	case <-ctx.Done():
	}
}

func (a api) endJob(c *call) (any, error) {
	run, err := a.jobs.find(c.text("id"))
	if err != nil {
		return nil, err
	}
	run.cancel(errCancelled)
	run.await(c.Context(), min(maxWait, a.WriteTimeout/2))
	return run.state(), nil
}

func (a api) jobOutput(w http.ResponseWriter, r *http.Request) {
	run, err := a.jobs.find(r.PathValue("id"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	file, err := run.output()
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		a.Logger.DebugContext(r.Context(), "output keeps its time-out", "err", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.FormatInt(file.Size(), 10))
	if _, err := io.Copy(w, file); err != nil {
		a.Logger.DebugContext(r.Context(), "output breaks off", "err", err)
		panic(http.ErrAbortHandler)
	}
}
