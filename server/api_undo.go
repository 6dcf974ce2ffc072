package server

import (
	"context"
	"net/http"
	"time"

	"github.com/tenonsync/tenon/engine"
)

// UndoOrder says which of Tenon's field writes to take back: those of one
// event, record, link or run, or of a mapping since a time.
type UndoOrder struct {
	Event   uint64    `json:"event,omitempty"`
	Record  string    `json:"record,omitempty"` // connection/object/id, or an id
	Link    uint64    `json:"link,omitempty"`
	Run     uint64    `json:"run,omitempty"`
	Mapping string    `json:"mapping,omitempty"`
	Field   string    `json:"field,omitempty"` // of either side, or the rule's name
	Since   time.Time `json:"since,omitzero"`
	Dry     bool      `json:"dry,omitempty"` // tell what would be put back, and write nothing
}

func (a api) undoRoutes() []route {
	return []route{
		{
			pattern: "POST /api/v1/undo", scope: ScopeOperate, group: groupAct,
			summary: "Put back what Tenon's writes replaced, where nobody has changed it since.",
			detail: "Name one of event, record, link and run, or a mapping with since; mapping, field and since narrow each. " +
				"What cannot be put back is listed with its reason. The undo is a run of its own, which can be undone. A repeat writes nothing.",
			body: UndoOrder{Run: 17, Dry: true}, status: http.StatusAccepted, answer: Job{}, job: engine.Undone{}, fn: a.undo,
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
	order := engine.UndoOrder{
		Event: body.Event, Record: body.Record, Link: body.Link, Run: body.Run, Mapping: body.Mapping, Field: body.Field, Since: body.Since,
	}
	if err := order.Check(); err != nil {
		return nil, err
	}
	by := c.by()
	return a.startJob(c, "undo", body.Mapping, func(ctx context.Context, run *job) (any, error) {
		return a.Engine.Undo(ctx, order, engine.UndoOptions{Dry: body.Dry, By: by, Progress: func(done, total int) {
			run.show(Progress{Step: "fields", Done: done, Total: total})
		}})
	})
}

func (a api) verify(c *call) (any, error) { return a.Engine.Verify(c.Context(), c.text("expect")) }
