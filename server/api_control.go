package server

import (
	"net/http"

	"github.com/tenonsync/tenon/engine"
)

func (a api) controlRoutes() []route {
	const stands = "The pause stands over restarts, until somebody resumes. Webhooks are taken in all the while, and wait in the queue."
	also := []int{http.StatusNotFound, http.StatusConflict}
	body := PauseOrder{Reason: "the tracker is being moved"}
	return []route{
		{
			pattern: "POST /api/v1/mappings/{mapping}/pause", scope: ScopeOperate, group: groupAct,
			summary: "Read and write nothing for a mapping until it is resumed.", detail: stands,
			body: body, answer: engine.Pause{}, fn: a.pause("mapping"), also: also,
		},
		{
			pattern: "POST /api/v1/mappings/{mapping}/resume", scope: ScopeOperate, group: groupAct,
			summary: "Let a mapping go on that a person paused, or a guard stopped.",
			detail:  "What is both is resumed from the pause first; what the guard asked about needs a second resume.",
			answer:  Done{}, fn: a.resume("mapping"), also: also,
		},
		{
			pattern: "POST /api/v1/connections/{connection}/pause", scope: ScopeOperate, group: groupAct,
			summary: "Send nothing to a system until it is resumed.", detail: stands,
			body: body, answer: engine.Pause{}, fn: a.pause("connection"), also: also,
		},
		{
			pattern: "POST /api/v1/connections/{connection}/resume", scope: ScopeOperate, group: groupAct,
			summary: "Let a connection go on that a person paused.",
			answer:  Done{}, fn: a.resume("connection"), also: also,
		},
	}
}

// PauseOrder is the body that pauses a mapping or a connection.
type PauseOrder struct {
	Reason string `json:"reason,omitempty"` // in your words; others see it
}

func (a api) pause(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		order, err := bodyOf[PauseOrder](c)
		if err != nil {
			return nil, err
		}
		return a.Engine.Pause(c.Context(), kind+":"+c.text(kind), order.Reason, c.by())
	}
}

func (a api) resume(kind string) func(*call) (any, error) {
	return func(c *call) (any, error) {
		return Done{"running"}, a.Engine.Resume(c.Context(), kind+":"+c.text(kind), c.by())
	}
}
