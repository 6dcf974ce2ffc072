package jira

import (
	"fmt"
	"net/http"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// controlRoutes adds the calls below /_sandbox/ that are this system's own; see
// the package comment.
func (s *System) controlRoutes() {
	s.host.HandleControl("PUT /_sandbox/target", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			URL string `json:"url"`
		}
		if kit.ReadControl(w, r, &body) {
			s.SetWebhookTarget(body.URL)
			w.WriteHeader(http.StatusNoContent)
		}
	})
	s.host.HandleControl("PUT /_sandbox/lag", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Lag kit.Duration `json:"lag"`
		}
		if kit.ReadControl(w, r, &body) {
			s.SetLag(time.Duration(body.Lag))
			w.WriteHeader(http.StatusNoContent)
		}
	})
	s.host.HandleControl("PUT /_sandbox/token", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Token   string `json:"token"`
			Expired bool   `json:"expired"`
		}
		if kit.ReadControl(w, r, &body) {
			s.setExpired(body.Token, body.Expired)
			w.WriteHeader(http.StatusNoContent)
		}
	})
	s.host.HandleControl("POST /_sandbox/grants", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Email  string   `json:"email"`
			Scopes []string `json:"scopes"`
		}
		if !kit.ReadControl(w, r, &body) {
			return
		}
		t, ok := s.Grant(body.Email, body.Scopes...)
		if !ok {
			kit.ControlError(w, http.StatusNotFound, fmt.Errorf("no account with the e-mail %q", body.Email))
			return
		}
		kit.WriteJSON(w, http.StatusCreated, map[string]any{
			"access_token": t.Access, "refresh_token": t.Refresh, "expires": t.Expires, "cloudId": s.CloudID(),
		})
	})
}

// CloudID names the site at the gateway: /ex/jira/{CloudID}/rest/…
func (s *System) CloudID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cloudID
}

// SetLag changes how long search takes to see writes from now on.
func (s *System) SetLag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index.lag = max(0, lag)
}

// HoldIndex makes an issue a straggler: search sees its later writes that much
// later than those of other issues. Zero ends it.
func (s *System) HoldIndex(idOrKey string, further time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.lookup(idOrKey)
	if i == nil {
		return errNoSuch("issue", idOrKey)
	}
	s.index.holds[i.id] = further
	return nil
}

func errNoSuch(kind, name string) error { return fmt.Errorf("jira sandbox: no %s %q", kind, name) }
