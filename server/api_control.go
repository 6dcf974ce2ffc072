package server

import "net/http"

func (a api) controlRoutes() []route {
	return []route{{
		pattern: "POST /api/v1/mappings/{mapping}/resume", scope: ScopeOperate, group: groupAct,
		summary: "Let a mapping go on that a guard stopped.",
		answer:  Done{}, fn: a.resume, also: []int{http.StatusNotFound, http.StatusConflict},
	}}
}

func (a api) resume(c *call) (any, error) {
	return Done{"running"}, a.Engine.Resume(c.Context(), c.text("mapping"), c.by())
}
