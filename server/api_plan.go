package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/tenonsync/tenon/engine"
)

// planForm is the media type of a plan's file.
const planForm = "application/x-ndjson"

func (a api) planRoutes() []route {
	return []route{
		{
			pattern: "POST /api/v1/plans", scope: ScopeOperate, group: groupAct,
			summary: "Plan all that a sync would do, without writing anything.",
			detail:  "With `file`, the job's output is the plan's file, which `POST /api/v1/plans/apply` takes. It holds the records' values in clear. With `edited`, the plan is by the mapping files as they are now, also where the service runs older rules.",
			body:    PlanOrder{Limit: 10}, answer: Job{}, job: []engine.Plan{}, status: http.StatusAccepted, fn: a.plan, also: []int{http.StatusNotFound, http.StatusConflict},
		},
		{
			pattern: "POST /api/v1/plans/apply", scope: ScopeOperate, group: groupAct,
			summary: "Carry out a plan: just that.",
			detail:  "The body is a plan's file. Each change is decided anew and compared with the plan. One that is stale refuses all before the first write, unless `skip_stale` leaves it out.",
			params:  []param{{name: "skip_stale", kind: flagParam, summary: "Leave out what has changed since, and do the rest."}},
			raw:     planForm, maxBody: maxSpooled, answer: Job{}, job: engine.Applied{}, status: http.StatusAccepted, fn: a.apply, also: []int{http.StatusConflict},
		},
	}
}

// PlanOrder is the body that asks for a plan.
type PlanOrder struct {
	Mappings []string `json:"mappings,omitempty"` // none: all
	Limit    int      `json:"limit,omitempty"`    // changes of each action in the result; 0: as many as have room
	File     bool     `json:"file,omitempty"`     // write the plan's file as the job's output
	Edited   bool     `json:"edited,omitempty"`   // by the mapping files as they are now, not by the rules that run
}

func (a api) plan(c *call) (any, error) {
	order, err := bodyOf[PlanOrder](c)
	if err != nil {
		return nil, err
	}
	one := ""
	if len(order.Mappings) == 1 {
		one = order.Mappings[0]
	}
	edited := order.Edited && a.Rules != nil
	for _, name := range order.Mappings {
		if _, err := a.Engine.MappingSides(c.Context(), name); err != nil && !edited {
			return nil, err
		}
	}
	return a.startJob(c, "plan", one, func(ctx context.Context, run *job) (any, error) {
		planner := Planner(a.Engine)
		if edited {
			var err error
			if planner, err = a.Rules.Draft(ctx); err != nil {
				return nil, err
			}
		}
		var file io.Writer
		if order.File {
			file = run
		}
		plans, err := planner.WritePlan(ctx, order.Mappings, file, engine.PlanOptions{Limit: planLimit(order.Limit), Progress: run.showWork})
		return roomy(plans), err
	})
}

// maxPlanned bounds the changes of each action in a job's result.
const maxPlanned = 1000

func planLimit(asked int) int {
	if asked <= 0 || asked > maxPlanned {
		return maxPlanned
	}
	return asked
}

// roomy takes changes out of plans until a job's result has room for them.
func roomy(plans []*engine.Plan) []*engine.Plan {
	for {
		text, err := json.Marshal(plans)
		if err != nil || len(text) <= maxJobResult*3/4 {
			return plans
		}
		cut := false
		for _, p := range plans {
			if n := len(p.Changes) / 2; len(p.Changes) > 0 {
				p.Omitted += len(p.Changes) - n
				p.Changes, cut = p.Changes[:n], true
			}
		}
		if !cut {
			return plans
		}
	}
}

func (a api) apply(c *call) (any, error) {
	file, err := a.jobs.spool(c.Body)
	if err != nil {
		return nil, err
	}
	o := engine.ApplyOptions{SkipStale: c.flag("skip_stale"), By: c.by()}
	reply, err := a.startJob(c, "apply", "", func(ctx context.Context, run *job) (any, error) {
		defer func() { _ = file.Close() }() // it was only read
		o.Progress = run.showWork
		return a.Engine.Apply(ctx, file, o)
	})
	if err != nil {
		_ = file.Close() // nobody will read it
	}
	return reply, err
}

// showWork tells how far the engine's work is.
func (r *job) showWork(p engine.SyncProgress) {
	r.show(Progress{Step: p.Step(), Done: p.Done, Total: max(p.Listed, p.Done+p.Queued)})
}
