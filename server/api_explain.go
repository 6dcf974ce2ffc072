package server

import (
	"net/http"

	"github.com/tenonsync/tenon/engine"
)

func (a api) explainRoutes() []route {
	return []route{{
		pattern: "GET /api/v1/explain", scope: ScopeRead, group: groupWatch,
		summary: "Why one record is, or is not, in step, and what to do.",
		detail: "Reads both sides as a run would and decides by the same code; nothing is written. A record that nobody knows, or that no mapping takes, " +
			"is an explanation too. The reason codes are those of docs/troubleshooting.md.",
		params: []param{
			{name: "record", required: true, summary: "connection/object/id, an id, a readable key such as DELIV-12, the record's web address, or link:N."},
			{name: "offline", kind: flagParam, summary: "Read nothing from the systems: only what the state holds."},
			{name: "events", kind: numberParam, summary: "How many of the record's last events to tell: 10 unless given, 100 at most."},
		},
		answer: engine.Explanation{}, fn: a.explain, also: []int{http.StatusNotFound},
	}}
}

func (a api) explain(c *call) (any, error) {
	return a.Engine.Explain(c.Context(), c.text("record"), engine.ExplainOptions{Offline: c.flag("offline"), Events: int(c.number("events"))})
}
