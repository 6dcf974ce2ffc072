package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/tenonsync/tenon/server"
)

// jobLook is how many seconds one look at a job waits for its end: while people
// watch the progress, and while nobody does.
const (
	jobLookShown = "1"
	jobLook      = "20"
)

// job orders long work from the service, shows how far it is and decodes its
// result into result, which may be nil. When ctx ends first, the job is ended
// too. It returns the job as it stood in the end.
func (r *remote) job(ctx context.Context, path string, body any, show func(server.Progress), result any) (server.Job, error) {
	var j server.Job
	if err := r.do(ctx, http.MethodPost, "/api/v1/"+path, nil, body, &j); err != nil {
		return j, err
	}
	return r.follow(ctx, j, show, result)
}

// follow waits for a job that was started.
func (r *remote) follow(ctx context.Context, j server.Job, show func(server.Progress), result any) (server.Job, error) {
	wait := jobLook
	if show != nil {
		wait = jobLookShown
	}
	for j.State == server.JobRunning {
		if err := r.get(ctx, "jobs/"+url.PathEscape(j.ID), params("wait", wait), &j); err != nil {
			if ctx.Err() != nil {
				r.endJob(ctx, j.ID)
			}
			return j, err
		}
		if show != nil {
			show(j.Progress)
		}
	}
	switch {
	case j.State != server.JobDone && j.Problem != nil:
		return j, fail(exitOfStatus(j.Problem.Status), j.Problem.Detail, "the service at %s: %s", r.base, j.Problem.Title)
	case j.State != server.JobDone:
		return j, fail(exitProgram, "", "the service at %s: job %s is %s", r.base, j.ID, j.State)
	case result != nil:
		if err := json.Unmarshal(j.Result, result); err != nil {
			return j, fmt.Errorf("the result of job %s: %w", j.ID, err)
		}
	}
	return j, nil
}

// endJob cancels a job whose caller was interrupted.
func (r *remote) endJob(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 40*time.Second)
	defer cancel()
	_ = r.do(ctx, http.MethodDelete, "/api/v1/jobs/"+url.PathEscape(id), nil, nil, io.Discard) // the caller goes anyway
}

// jobOutput writes the file that a job made to w.
func (r *remote) jobOutput(ctx context.Context, id string, w io.Writer) error {
	return r.do(ctx, http.MethodGet, "/api/v1/jobs/"+url.PathEscape(id)+"/output", nil, nil, w)
}
