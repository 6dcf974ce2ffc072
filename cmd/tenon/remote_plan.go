package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/server"
)

// showing turns the engine's way of showing progress into a job's; nil stays
// nil.
func showing(show func(engine.SyncProgress)) func(server.Progress) {
	if show == nil {
		return nil
	}
	return func(p server.Progress) {
		show(engine.SyncProgress{Mapping: p.Step, Listed: p.Total, Done: p.Done, Queued: max(p.Total-p.Done, 0)})
	}
}

func (r *remote) MappingSides(ctx context.Context, mapping string) (*engine.MappingSides, error) {
	var s engine.MappingSides
	return &s, r.get(ctx, "mappings/"+url.PathEscape(mapping), nil, &s)
}

func (r *remote) WritePlan(ctx context.Context, mappings []string, file io.Writer, o engine.PlanOptions) ([]*engine.Plan, error) {
	var plans []*engine.Plan
	order := server.PlanOrder{Mappings: mappings, Limit: o.Limit, File: file != nil, Edited: true}
	j, err := r.job(ctx, "plans", order, showing(o.Progress), &plans)
	if err != nil || file == nil {
		return plans, err
	}
	return plans, r.jobOutput(ctx, j.ID, file)
}

func (r *remote) Apply(ctx context.Context, plan io.ReadSeeker, o engine.ApplyOptions) (*engine.Applied, error) {
	var a engine.Applied
	path := "plans/apply"
	if o.SkipStale {
		path += "?skip_stale=true"
	}
	_, err := r.job(ctx, path, io.Reader(plan), showing(o.Progress), &a)
	return &a, err
}

func (r *remote) Adopt(ctx context.Context, o engine.LinkOrder, progress func(engine.SyncProgress)) (*engine.Adopted, error) {
	var a engine.Adopted
	body := server.LinkPairs{Pairs: o.Pairs, SkipBad: o.SkipBad, Dry: o.Dry}
	_, err := r.job(ctx, "mappings/"+url.PathEscape(o.Mapping)+"/links", body, showing(progress), &a)
	return &a, err
}

func (r *remote) Match(ctx context.Context, o engine.MatchOrder, report io.Writer, progress func(engine.SyncProgress)) (*engine.Adopted, error) {
	var a engine.Adopted
	j, err := r.job(ctx, "mappings/"+url.PathEscape(o.Mapping)+"/match", server.MatchAll{Dry: o.Dry}, showing(progress), &a)
	if err != nil || report == nil {
		return &a, err
	}
	if err := r.jobOutput(ctx, j.ID, report); err != nil {
		return &a, fmt.Errorf("the report: %w", err)
	}
	return &a, nil
}

func (r *remote) Unlink(ctx context.Context, link uint64, _ string) (*engine.LinkRow, error) {
	var row engine.LinkRow
	return &row, r.do(ctx, http.MethodDelete, "/api/v1/links/"+strconv.FormatUint(link, 10), nil, nil, &row)
}
