package kit

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// A Host joins a system's API and pages with the sandbox's own parts: request
// log, faults, control API. Fill in the fields, then call Handler once.
type Host struct {
	System string // "hubspot"
	Title  string // on its pages; System with a capital unless set
	Accent string // colour of its pages
	Seed   uint64
	Clock  Clock
	Faults *Faults
	Log    *RequestLog
	Outbox *Outbox // optional

	// RenderError gives injected errors the vendor's shape.
	RenderError ErrorWriter
	// Flush makes everything visible and sends all webhooks now.
	Flush func(ctx context.Context) error
	// Reseed drops all records and sows again.
	Reseed func(seed uint64) error

	mu  sync.Mutex // guards Seed after the start
	mux *http.ServeMux
}

// NewHost returns a host with an empty log and no faults.
func NewHost(system string, seed uint64, clock Clock) *Host {
	return &Host{
		System: system, Seed: seed, Clock: clock, Faults: NewFaults(seed), Log: NewRequestLog(clock), mux: http.NewServeMux(),
	}
}

// HandleControl adds a call of the system's own to the control API; pattern
// follows http.ServeMux and its path starts with /_sandbox/.
func (h *Host) HandleControl(pattern string, fn http.HandlerFunc) { h.mux.HandleFunc(pattern, fn) }

// Handler returns the whole origin: the control API, pages (optional) at the
// paths that isPage accepts, and for the rest the API behind log and faults.
func (h *Host) Handler(api, pages http.Handler, isPage func(*http.Request) bool) http.Handler {
	h.routes()
	guard := http.NewCrossOriginProtection()
	control := guard.Handler(h.mux)
	struck := h.Log.Wrap(h.Faults.Wrap(h.Clock, h.RenderError, api))
	if pages != nil {
		pages = guard.Handler(pages)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case isControl(r.URL.Path):
			control.ServeHTTP(w, r)
		case pages != nil && isPage(r):
			pages.ServeHTTP(w, r)
		default:
			struck.ServeHTTP(w, r)
		}
	})
}

func (h *Host) routes() {
	h.HandleControl("GET /_sandbox/{$}", h.index)
	h.HandleControl("GET /_sandbox/activity", h.activityPage())
	h.HandleControl("GET /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		WriteJSON(w, http.StatusOK, rulesBody{h.Faults.Rules()})
	})
	h.HandleControl("PUT /_sandbox/faults", h.putFaults)
	h.HandleControl("POST /_sandbox/faults", h.postFault)
	h.HandleControl("DELETE /_sandbox/faults", h.deleteFaults)
	h.HandleControl("POST /_sandbox/seed", h.postSeed)
	h.HandleControl("GET /_sandbox/requests", h.getRequests)
	h.HandleControl("DELETE /_sandbox/requests", func(w http.ResponseWriter, _ *http.Request) {
		h.Log.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	h.HandleControl("POST /_sandbox/flush", h.postFlush)
	h.HandleControl("GET /_sandbox/webhooks", h.getWebhooks)
	h.HandleControl("GET /_sandbox/clock", h.getClock)
	h.HandleControl("POST /_sandbox/clock", h.postClock)
}

type rulesBody struct {
	Rules []Rule `json:"rules"`
}

func (h *Host) index(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	seed := h.Seed
	h.mu.Unlock()
	WriteJSON(w, http.StatusOK, map[string]any{
		"system": h.System, "seed": seed, "now": h.Clock.Now(),
		"calls": []string{"faults", "seed", "requests", "flush", "webhooks", "clock"},
	})
}

func (h *Host) putFaults(w http.ResponseWriter, r *http.Request) {
	var body rulesBody
	if !ReadControl(w, r, &body) {
		return
	}
	if err := h.Faults.Replace(body.Rules); err != nil {
		ControlError(w, http.StatusBadRequest, err)
		return
	}
	WriteJSON(w, http.StatusOK, rulesBody{h.Faults.Rules()})
}

func (h *Host) postFault(w http.ResponseWriter, r *http.Request) {
	var rule Rule
	if !ReadControl(w, r, &rule) {
		return
	}
	added, err := h.Faults.Add(rule)
	if err != nil {
		ControlError(w, http.StatusBadRequest, err)
		return
	}
	WriteJSON(w, http.StatusCreated, added)
}

func (h *Host) deleteFaults(w http.ResponseWriter, r *http.Request) {
	if id := r.URL.Query().Get("id"); id == "" {
		h.Faults.Clear()
	} else if !h.Faults.Remove(id) {
		ControlError(w, http.StatusNotFound, errors.New("no rule "+id))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *Host) postSeed(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Seed uint64 `json:"seed"`
	}
	if !ReadControl(w, r, &body) {
		return
	}
	if h.Reseed == nil {
		ControlError(w, http.StatusNotFound, errors.New("this system cannot be sown again"))
		return
	}
	if err := h.Reseed(body.Seed); err != nil {
		ControlError(w, http.StatusInternalServerError, err)
		return
	}
	h.mu.Lock()
	h.Seed = body.Seed
	h.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (h *Host) getRequests(w http.ResponseWriter, r *http.Request) {
	since := 0
	if s := r.URL.Query().Get("since"); s != "" {
		if err := json.Unmarshal([]byte(s), &since); err != nil {
			ControlError(w, http.StatusBadRequest, errors.New("since is not a number"))
			return
		}
	}
	WriteJSON(w, http.StatusOK, map[string]any{"requests": h.Log.Since(since)})
}

func (h *Host) postFlush(w http.ResponseWriter, r *http.Request) {
	if h.Flush != nil {
		if err := h.Flush(r.Context()); err != nil {
			ControlError(w, http.StatusInternalServerError, err)
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *Host) getWebhooks(w http.ResponseWriter, _ *http.Request) {
	pending, attempts := []Delivery{}, []Attempt{}
	if h.Outbox != nil {
		pending = append(pending, h.Outbox.Pending()...)
		attempts = append(attempts, h.Outbox.Attempts()...)
	}
	WriteJSON(w, http.StatusOK, map[string]any{"pending": pending, "attempts": attempts})
}

func (h *Host) getClock(w http.ResponseWriter, _ *http.Request) {
	_, manual := h.Clock.(*ManualClock)
	WriteJSON(w, http.StatusOK, map[string]any{"now": h.Clock.Now(), "manual": manual})
}

func (h *Host) postClock(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Advance Duration `json:"advance"`
	}
	if !ReadControl(w, r, &body) {
		return
	}
	clock, manual := h.Clock.(*ManualClock)
	if !manual {
		ControlError(w, http.StatusConflict, errors.New("the clock is the machine's own"))
		return
	}
	clock.Advance(time.Duration(body.Advance))
	h.getClock(w, r)
}

// ReadControl decodes the JSON body of a control call, or answers 400 and
// returns false.
func ReadControl(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		ControlError(w, http.StatusBadRequest, err)
		return false
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		ControlError(w, http.StatusBadRequest, errors.New("more than one JSON value"))
		return false
	}
	return true
}

// ControlError answers a control call with {"error":"…"}.
func ControlError(w http.ResponseWriter, status int, err error) {
	WriteJSON(w, status, map[string]string{"error": err.Error()})
}
