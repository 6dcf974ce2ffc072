package server

import (
	"context"
	"net/http"
	"time"
)

// health answers what starts and stops services.
type health struct{ *Config }

func (h health) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", h.alive)
	mux.HandleFunc("GET /readyz", h.ready)
}

func (h health) alive(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "alive", "version": h.Version})
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
	answer(w, http.StatusOK, map[string]string{"status": "ready"})
}
