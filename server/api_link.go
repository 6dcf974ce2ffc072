package server

import (
	"context"
	"net/http"

	"github.com/tenonsync/tenon/engine"
)

func (a api) linkRoutes() []route {
	missing := []int{http.StatusNotFound, http.StatusConflict}
	return []route{
		{
			pattern: "GET /api/v1/mappings/{mapping}", scope: ScopeRead, group: groupWatch,
			summary: "The sides of a mapping.", answer: engine.MappingSides{}, fn: a.mappingSides, also: missing[:1],
		},
		{
			pattern: "POST /api/v1/mappings/{mapping}/links", scope: ScopeOperate, group: groupAct,
			summary: "Link existing records, pair by pair.",
			detail:  "Nothing is written to them: the next reconcile brings them into step by the mapping's `first_sync`. One bad pair refuses all, unless `skipBad` leaves it out. With `dry` nothing is linked, and the result tells what a reconcile would write.",
			body:    LinkPairs{Pairs: []engine.LinkPair{{Records: [2]string{"1042", "DELIV-12"}}}},
			maxBody: maxPairsBody, answer: Job{}, job: engine.Adopted{}, status: http.StatusAccepted, fn: a.adopt, also: missing,
		},
		{
			pattern: "POST /api/v1/mappings/{mapping}/match", scope: ScopeOperate, group: groupAct,
			summary: "Link all records that the mapping's match rules find for each other.",
			detail:  "The job's output is a CSV file of what several records match, or none does.",
			body:    MatchAll{}, answer: Job{}, job: engine.Adopted{}, status: http.StatusAccepted, fn: a.match, also: missing,
		},
		{
			pattern: "DELETE /api/v1/links/{link}", scope: ScopeOperate, group: groupAct,
			summary: "End a link. Both records stay as they are, and neither gets another counterpart by itself.",
			params:  []param{{name: "link", kind: numberParam, summary: "The link's number."}},
			answer:  engine.LinkRow{}, fn: a.unlink, also: missing,
		},
	}
}

// maxPairsBody bounds the body that names pairs, in bytes.
const maxPairsBody = 64 << 20

// LinkPairs is the body that names pairs of records.
type LinkPairs struct {
	Pairs   []engine.LinkPair `json:"pairs"`
	SkipBad bool              `json:"skipBad,omitempty"`
	Dry     bool              `json:"dry,omitempty"`
}

// MatchAll is the body that asks for everything that matches to be linked.
type MatchAll struct {
	Dry bool `json:"dry,omitempty"` // only look
}

func (a api) mappingSides(c *call) (any, error) {
	return a.Engine.MappingSides(c.Context(), c.text("mapping"))
}

func (a api) adopt(c *call) (any, error) {
	order, err := bodyOf[LinkPairs](c)
	if err != nil {
		return nil, err
	}
	name := c.text("mapping")
	if _, err := a.Engine.MappingSides(c.Context(), name); err != nil {
		return nil, err
	}
	o := engine.LinkOrder{Mapping: name, Pairs: order.Pairs, SkipBad: order.SkipBad, Dry: order.Dry, By: c.by()}
	return a.startJob(c, "link", name, func(ctx context.Context, run *job) (any, error) {
		out, err := a.Engine.Adopt(ctx, o, run.showWork)
		if err == nil && out.Plan != nil {
			roomy([]*engine.Plan{out.Plan})
		}
		return out, err
	})
}

func (a api) match(c *call) (any, error) {
	order, err := bodyOf[MatchAll](c)
	if err != nil {
		return nil, err
	}
	name := c.text("mapping")
	if _, err := a.Engine.MappingSides(c.Context(), name); err != nil {
		return nil, err
	}
	o := engine.MatchOrder{Mapping: name, Dry: order.Dry, By: c.by()}
	return a.startJob(c, "link", name, func(ctx context.Context, run *job) (any, error) {
		return a.Engine.Match(ctx, o, run, run.showWork)
	})
}

func (a api) unlink(c *call) (any, error) {
	return a.Engine.Unlink(c.Context(), c.number("link"), c.by())
}
