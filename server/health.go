package server

import (
	"context"
	"net/http"
	"time"
)

// health answers what starts and stops services.
type health struct{ *Config }

func (h health) routes() []route {
	const why = "it tells nothing of the company's"
	return []route{
		{
			pattern: "GET /healthz", open: why, group: groupHealth,
			summary: "Whether the process lives.", answer: Health{}, serve: h.alive,
		},
		{
			pattern: "GET /readyz", open: why, group: groupHealth,
			summary: "Whether webhooks can be taken in. A system that is down does not make the service unready.",
			answer:  Health{}, serve: h.ready, also: []int{http.StatusServiceUnavailable},
		},
	}
}

// Health is the body that what starts and stops services asks for.
type Health struct {
	Status  string `json:"status"` // "alive" or "ready"
	Version string `json:"version,omitempty"`
}

func (h health) alive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, Health{Status: "alive", Version: h.Version})
}

// ready answers 200 while webhooks can be taken in. A system that is down does
// not make the service unready: its hints still have to be kept.
func (h health) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	if err := h.Engine.Ready(ctx); err != nil {
		setRetryAfter(w, 0)
		h.Logger.WarnContext(r.Context(), "not ready", "err", err)
		problem(w, http.StatusServiceUnavailable, "not ready", "see the service's log")
		return
	}
	answer(w, http.StatusOK, Health{Status: "ready"})
}
