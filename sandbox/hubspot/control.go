package hubspot

import (
	"net/http"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// controlRoutes adds HubSpot's own calls to the control API.
func (s *System) controlRoutes() {
	s.host.HandleControl("GET /_sandbox/subscriptions", s.controlSubscriptions)
	s.host.HandleControl("PUT /_sandbox/subscriptions", s.controlSubscriptions)
	s.host.HandleControl("POST /_sandbox/subscriptions/test", s.controlTest)
	s.host.HandleControl("POST /_sandbox/edit", s.controlEdit)
	s.host.HandleControl("POST /_sandbox/token", s.controlToken)
	s.host.HandleControl("POST /_sandbox/token/expire", func(w http.ResponseWriter, _ *http.Request) {
		s.ExpireTokens()
		w.WriteHeader(http.StatusNoContent)
	})
	s.host.HandleControl("POST /_sandbox/workflow", s.controlWorkflow)
	s.host.HandleControl("POST /_sandbox/card", s.controlCard)
	s.host.HandleControl("POST /_sandbox/hollow", s.controlHollow)
}

func (s *System) controlHollow(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Batches int `json:"batches"`
	}
	if !kit.ReadControl(w, r, &in) {
		return
	}
	s.HollowBatches(in.Batches)
	w.WriteHeader(http.StatusNoContent)
}

func (s *System) controlTest(w http.ResponseWriter, r *http.Request) {
	var in struct {
		EventType string `json:"eventType"`
	}
	if !kit.ReadControl(w, r, &in) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.sendTest(in.EventType, s.now()); err != nil {
		kit.ControlError(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *System) controlEdit(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Object     string            `json:"object"`
		ID         string            `json:"id"`
		User       string            `json:"user"`
		Properties map[string]string `json:"properties"`
	}
	if !kit.ReadControl(w, r, &in) {
		return
	}
	if err := s.As(in.User).Edit(in.Object, in.ID, in.Properties); err != nil {
		kit.ControlError(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *System) controlToken(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Scopes []string `json:"scopes"`
	}
	if !kit.ReadControl(w, r, &in) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.addToken("pat-eu1-"+s.rand.UUID(), append([]string{}, in.Scopes...))
	kit.WriteJSON(w, http.StatusCreated, map[string]string{"token": t.text})
}

func (s *System) controlWorkflow(w http.ResponseWriter, r *http.Request) {
	var in struct {
		URL        string         `json:"url"`
		Object     string         `json:"object"`
		ID         string         `json:"id"`
		Properties []string       `json:"properties"`
		Inputs     map[string]any `json:"inputFields"`
	}
	if !kit.ReadControl(w, r, &in) {
		return
	}
	id, err := s.RunAction(in.URL, in.Object, in.ID, in.Properties, in.Inputs)
	if err != nil {
		kit.ControlError(w, http.StatusBadRequest, err)
		return
	}
	kit.WriteJSON(w, http.StatusCreated, map[string]string{"callbackId": id})
}
