package hubspot

import (
	"fmt"
	"net/http"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// controlRoutes adds HubSpot's own calls to the control API.
func (s *System) controlRoutes() {
	s.host.HandleControl("GET /_sandbox/subscriptions", s.controlSubscriptions)
	s.host.HandleControl("PUT /_sandbox/subscriptions", s.controlSubscriptions)
	s.host.HandleControl("POST /_sandbox/subscriptions/test", s.controlTest)
	s.host.HandleControl("GET /_sandbox/records", s.controlRecords)
	s.host.HandleControl("POST /_sandbox/create", s.asPerson(func(p Person, in controlPerson) (any, error) {
		id, err := p.Create(in.Object, in.Properties)
		return map[string]string{"id": id}, err
	}))
	s.host.HandleControl("POST /_sandbox/edit", s.asPerson(func(p Person, in controlPerson) (any, error) {
		return nil, p.Edit(in.Object, in.ID, in.Properties)
	}))
	s.host.HandleControl("POST /_sandbox/archive", s.asPerson(func(p Person, in controlPerson) (any, error) {
		return nil, p.Archive(in.Object, in.ID)
	}))
	s.host.HandleControl("POST /_sandbox/restore", s.asPerson(func(p Person, in controlPerson) (any, error) {
		return nil, p.Restore(in.Object, in.ID)
	}))
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

// controlPerson is the body of what a person does to a record.
type controlPerson struct {
	Object     string            `json:"object"`
	ID         string            `json:"id"`
	User       string            `json:"user"`
	Properties map[string]string `json:"properties"`
}

// asPerson answers a control call with what do returns for its body: an error,
// a body, or nothing.
func (s *System) asPerson(do func(p Person, in controlPerson) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in controlPerson
		if !kit.ReadControl(w, r, &in) {
			return
		}
		out, err := do(s.As(in.User), in)
		switch {
		case err != nil:
			kit.ControlError(w, http.StatusBadRequest, err)
		case out != nil:
			kit.WriteJSON(w, http.StatusCreated, out)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}
}

func (s *System) controlRecords(w http.ResponseWriter, r *http.Request) {
	object, id := r.URL.Query().Get("object"), r.URL.Query().Get("id")
	records := s.All(object)
	if id != "" {
		one, err := s.Get(object, id)
		if err != nil {
			kit.ControlError(w, http.StatusNotFound, err)
			return
		}
		records = []Record{one}
	}
	if records == nil {
		kit.ControlError(w, http.StatusNotFound, fmt.Errorf("no object type %q", object))
		return
	}
	kit.WriteJSON(w, http.StatusOK, map[string]any{"records": records})
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
