package salesforce

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// control registers a call whose body is a T; what do returns is the answer.
func control[T any](s *System, name string, do func(in T) (any, error)) {
	s.host.HandleControl("POST /_sandbox/"+name, func(w http.ResponseWriter, r *http.Request) {
		var in T
		if !kit.ReadControl(w, r, &in) {
			return
		}
		out, err := do(in)
		switch {
		case err != nil:
			kit.ControlError(w, http.StatusBadRequest, err)
		case out != nil:
			kit.WriteJSON(w, http.StatusCreated, out)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
}

type controlPerson struct {
	Object string            `json:"object"`
	ID     string            `json:"id"`
	User   string            `json:"user"`
	Fields map[string]string `json:"fields"`
	Late   kit.Duration      `json:"late"`
	Losers []string          `json:"losers"`
	Text   string            `json:"text"`
	Name   string            `json:"name"`
}

type controlRight struct {
	Object string `json:"object"`
	Field  string `json:"field"`
	ID     string `json:"id"`
	What   string `json:"what"`
	On     bool   `json:"on"`
	Next   int    `json:"next"`
	// Rate is a share of all writes.
	Rate float64 `json:"rate"`
}

// controlRoutes adds Salesforce's own calls to the control API.
func (s *System) controlRoutes() {
	s.host.HandleControl("GET /_sandbox/records", s.controlRecords)
	s.personRoutes()
	s.host.HandleControl("POST /_sandbox/callout", s.controlCallout)
	s.eventRoutes()
	s.outboundRoutes()
	control(s, "hide", func(in controlRight) (any, error) { return nil, s.Hide(in.Object, in.Field, in.On) })
	control(s, "readonly", func(in controlRight) (any, error) { return nil, s.ReadOnly(in.Object, in.Field, in.On) })
	control(s, "deny", func(in controlRight) (any, error) { return nil, s.Deny(in.Object, in.What, in.On) })
	control(s, "unshare", func(in controlRight) (any, error) { return nil, s.Unshare(in.ID, in.On) })
	control(s, "lock", func(in controlRight) (any, error) { return nil, s.LockRecord(in.ID, in.On) })
	control(s, "hold", func(in controlRight) (any, error) {
		if in.ID == "" {
			s.HoldNext(in.Next)
			s.SetLockRate(in.Rate)
			return nil, nil
		}
		return nil, s.HoldRow(in.ID, in.On)
	})
	control(s, "replication", func(in controlRight) (any, error) { s.SetReplicationLimit(in.Next); return nil, nil })
	control(s, "validation", func(in ValidationRule) (any, error) { return nil, s.AddValidation(in) })
	control(s, "trigger", func(in Trigger) (any, error) { return nil, s.AddTrigger(in) })
	control(s, "duplicates", func(in DuplicateRule) (any, error) { return nil, s.AddDuplicateRule(in) })
	control(s, "rules/clear", func(struct{}) (any, error) { s.ClearRules(); return nil, nil })
	control(s, "field", func(in CustomField) (any, error) { return nil, s.AddField(in) })
	control(s, "field/drop", func(in controlRight) (any, error) { return nil, s.DropField(in.Object, in.Field) })
	control(s, "option", func(in controlRight) (any, error) {
		if in.On {
			return nil, s.AddOption(in.Object, in.Field, in.What)
		}
		return nil, s.DropOption(in.Object, in.Field, in.What)
	})
	control(s, "sessions/expire", func(struct{}) (any, error) { s.ExpireSessions(); return nil, nil })
	control(s, "refresh/revoke", func(struct{}) (any, error) { s.RevokeRefreshTokens(); return nil, nil })
	control(s, "locators/expire", func(struct{}) (any, error) { s.ExpireLocators(); return nil, nil })
	control(s, "token", func(struct{}) (any, error) { return map[string]string{"token": s.NewToken()}, nil })
	control(s, "convert", func(in struct {
		URL string `json:"url"`
	},
	) (any, error) {
		s.SetConvertLink(in.URL)
		return nil, nil
	})
}

// controlCallout runs a flow's callout and answers with its outcome.
func (s *System) controlCallout(w http.ResponseWriter, r *http.Request) {
	var in Callout
	if !kit.ReadControl(w, r, &in) {
		return
	}
	out, err := s.RunCallout(r.Context(), in)
	if err != nil {
		kit.ControlError(w, http.StatusBadGateway, err)
		return
	}
	kit.WriteJSON(w, http.StatusOK, out)
}

func (s *System) personRoutes() {
	control(s, "create", func(in controlPerson) (any, error) {
		if in.Late > 0 {
			return nil, s.As(in.User).CreateLate(in.Object, in.Fields, time.Duration(in.Late))
		}
		id, err := s.As(in.User).Create(in.Object, in.Fields)
		return map[string]string{"id": id}, err
	})
	control(s, "edit", func(in controlPerson) (any, error) {
		if in.Late > 0 {
			return nil, s.As(in.User).EditLate(in.ID, in.Fields, time.Duration(in.Late))
		}
		return nil, s.As(in.User).Edit(in.ID, in.Fields)
	})
	control(s, "delete", func(in controlPerson) (any, error) { return nil, s.As(in.User).Delete(in.ID) })
	control(s, "restore", func(in controlPerson) (any, error) { return nil, s.As(in.User).Restore(in.ID) })
	control(s, "purge", func(in controlPerson) (any, error) { return nil, s.As(in.User).Purge(in.ID) })
	control(s, "merge", func(in controlPerson) (any, error) { return nil, s.As(in.User).Merge(in.ID, in.Losers...) })
	control(s, "convertlead", func(in controlPerson) (any, error) { return nil, s.As(in.User).ConvertLead(in.ID, in.Name) })
	control(s, "comment", func(in controlPerson) (any, error) {
		id, err := s.As(in.User).Comment(in.ID, in.Text)
		return map[string]string{"id": id}, err
	})
}

func (s *System) controlRecords(w http.ResponseWriter, r *http.Request) {
	object, id := r.URL.Query().Get("object"), r.URL.Query().Get("id")
	if id != "" {
		one, err := s.Get(object, id)
		if err != nil {
			kit.ControlError(w, http.StatusNotFound, err)
			return
		}
		kit.WriteJSON(w, http.StatusOK, map[string]any{"records": []Record{one}})
		return
	}
	records := s.All(object)
	if records == nil {
		kit.ControlError(w, http.StatusNotFound, errors.New("no object "+fmt.Sprintf("%q", object)))
		return
	}
	kit.WriteJSON(w, http.StatusOK, map[string]any{"records": records})
}
