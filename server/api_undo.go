package server

import (
	"context"
	"net/http"

	"github.com/tenonsync/tenon/engine"
)

// UndoOrder is the body that asks for an undo.
type UndoOrder struct {
	engine.UndoOrder
	Dry bool `json:"dry,omitempty"` // tell what would be put back, and write nothing
}

func (a api) undoRoutes() []route {
	return []route{
		{
			pattern: "POST /api/v1/undo", scope: ScopeOperate, group: groupAct,
			summary: "Put back what Tenon's writes replaced, where nobody has changed it since.",
			detail: "Name one of event, record, link and run, or a mapping with since; mapping, field and since narrow each. " +
				"What cannot be put back is listed with its reason. The undo is a run of its own, which can be undone. A repeat writes nothing.",
			body: UndoOrder{UndoOrder: engine.UndoOrder{Run: 17}, Dry: true}, status: http.StatusAccepted, answer: Job{}, job: engine.Undone{}, fn: a.undo,
			also: []int{http.StatusNotFound, http.StatusConflict},
		},
		{
			pattern: "GET /api/v1/journal/verify", scope: ScopeRead, group: groupState,
			summary: "Whether the journal is what Tenon wrote: no event changed, removed or added.",
			detail:  "Each event holds a hash over itself and the one before. Note `head` elsewhere and give it as `expect` later: a chain alone does not stop somebody who rewrites all of it.",
			params:  []param{{name: "expect", summary: "A `head` that was noted before, SEQ:HASH."}},
			answer:  engine.Verified{}, fn: a.verify,
		},
	}
}

func (a api) undo(c *call) (any, error) {
	body, err := bodyOf[UndoOrder](c)
	if err != nil {
		return nil, err
	}
	if err := body.Check(); err != nil {
		return nil, err
	}
	by := c.by()
	return a.startJob(c, "undo", body.Mapping, func(ctx context.Context, run *job) (any, error) {
		return a.Engine.Undo(ctx, body.UndoOrder, engine.UndoOptions{Dry: body.Dry, By: by, Progress: run.showWork})
	})
}

func (a api) verify(c *call) (any, error) { return a.Engine.Verify(c.Context(), c.text("expect")) }
