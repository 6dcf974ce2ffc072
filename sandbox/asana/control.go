package asana

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// controlRoutes adds Asana's own calls to the control API.
func (s *System) controlRoutes() {
	s.host.HandleControl("GET /_sandbox/tasks", s.controlTasks)
	s.host.HandleControl("POST /_sandbox/create", s.asPerson(func(p Person, in controlPerson) (any, error) {
		gid, err := p.Create(in.Project, in.Section, in.Fields)
		return map[string]string{"gid": gid}, err
	}))
	s.host.HandleControl("POST /_sandbox/edit", s.asPerson(func(p Person, in controlPerson) (any, error) { return nil, p.Edit(in.GID, in.Fields) }))
	s.host.HandleControl("POST /_sandbox/comment", s.asPerson(func(p Person, in controlPerson) (any, error) {
		gid, err := p.Comment(in.GID, in.Text)
		return map[string]string{"gid": gid}, err
	}))
	s.host.HandleControl("POST /_sandbox/move", s.asPerson(func(p Person, in controlPerson) (any, error) {
		return nil, p.Move(in.GID, in.Project, in.Section)
	}))
	s.host.HandleControl("POST /_sandbox/delete", s.asPerson(func(p Person, in controlPerson) (any, error) { return nil, p.Delete(in.GID) }))
	s.host.HandleControl("POST /_sandbox/restore", s.asPerson(func(p Person, in controlPerson) (any, error) { return nil, p.Restore(in.GID) }))
	s.host.HandleControl("POST /_sandbox/plan", control(func(in struct {
		Free bool `json:"free"`
	},
	) error {
		s.SetFree(in.Free)
		return nil
	}))
	s.host.HandleControl("POST /_sandbox/limits", control(func(in Limits) error {
		s.SetLimits(in)
		return nil
	}))
	s.host.HandleControl("POST /_sandbox/hide", control(s.controlHide))
	s.host.HandleControl("POST /_sandbox/deny", control(func(in struct {
		Deny bool `json:"deny"`
	},
	) error {
		s.Deny(in.Deny)
		return nil
	}))
	s.host.HandleControl("POST /_sandbox/access", control(func(in struct {
		Project string `json:"project"`
		User    string `json:"user"`
		Level   string `json:"level"`
	},
	) error {
		return s.SetAccess(in.Project, in.User, in.Level)
	}))
	s.host.HandleControl("POST /_sandbox/token", s.controlToken)
	s.host.HandleControl("POST /_sandbox/token/expire", control(func(in struct {
		Token string `json:"token"`
	},
	) error {
		s.ExpireToken(in.Token)
		return nil
	}))
	s.host.HandleControl("POST /_sandbox/webhooks/drop", control(func(in struct {
		GID string `json:"gid"`
	},
	) error {
		s.DropWebhooks(in.GID)
		return nil
	}))
	s.host.HandleControl("POST /_sandbox/sync/expire", func(w http.ResponseWriter, _ *http.Request) {
		s.ExpireSyncTokens()
		w.WriteHeader(http.StatusNoContent)
	})
}

// control answers a call that has a body and no answer.
func control[T any](do func(in T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		if !kit.ReadControl(w, r, &in) {
			return
		}
		if err := do(in); err != nil {
			kit.ControlError(w, http.StatusBadRequest, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// controlPerson is the body of what a person does.
type controlPerson struct {
	User    string         `json:"user"`
	GID     string         `json:"gid"`
	Project string         `json:"project"`
	Section string         `json:"section"`
	Text    string         `json:"text"`
	Fields  map[string]any `json:"fields"`
}

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

func (s *System) controlTasks(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if gid := q.Get("gid"); gid != "" {
		t, ok := s.Task(gid)
		if !ok {
			kit.ControlError(w, http.StatusNotFound, fmt.Errorf("no task %q", gid))
			return
		}
		kit.WriteJSON(w, http.StatusOK, map[string]any{"tasks": []Task{t}})
		return
	}
	kit.WriteJSON(w, http.StatusOK, map[string]any{"tasks": append([]Task{}, s.Tasks(q.Get("project"))...)})
}

func (s *System) controlHide(in struct {
	Field   string `json:"field"`
	Project string `json:"project"`
},
) error {
	if in.Field != "" {
		return s.HideField(in.Field)
	}
	return s.HideProject(in.Project, true)
}

func (s *System) controlToken(w http.ResponseWriter, r *http.Request) {
	var in struct {
		User   string   `json:"user"`
		Kind   string   `json:"kind"`
		Scopes []string `json:"scopes"`
	}
	if !kit.ReadControl(w, r, &in) {
		return
	}
	switch in.Kind {
	case "":
		in.Kind = tokenPAT
	case tokenPAT, tokenService, tokenOAuth:
	default:
		kit.ControlError(w, http.StatusBadRequest, fmt.Errorf("no kind of token %q", in.Kind))
		return
	}
	kit.WriteJSON(w, http.StatusCreated, map[string]string{"token": s.IssueToken(in.Kind, in.User, in.Scopes)})
}

// SetFree takes custom fields and search away, or gives them back.
func (s *System) SetFree(free bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = free
}

// SetLimits replaces the limits.
func (s *System) SetLimits(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opts.Limits = l
}

// Deny takes all tokens' right to write away, or gives it back.
func (s *System) Deny(deny bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = deny
}

// Block refuses all tokens, as when an administrator has blocked the app, or
// takes that back.
func (s *System) Block(blocked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked = blocked
}

// HideField puts a custom field, by name or gid, out of the tokens' sight.
func (s *System) HideField(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fieldByName(name)
	if f == nil {
		return fmt.Errorf("no field %q", name)
	}
	f.hidden = true
	return nil
}

// LockField makes a custom field one that the tokens may not write.
func (s *System) LockField(name string, locked bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fieldByName(name)
	if f == nil {
		return fmt.Errorf("no field %q", name)
	}
	f.locked = locked
	return nil
}

// AnnounceChange sends the header Asana-Change with every answer, "" ends that:
// "name=…;info=…;affected=true".
func (s *System) AnnounceChange(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change = text
}

// DropField deletes a custom field, by name or gid, as an admin does.
func (s *System) DropField(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.fieldByName(name)
	if f == nil {
		return fmt.Errorf("no field %q", name)
	}
	f.deleted = true
	for _, p := range s.projects {
		p.settings = slices.DeleteFunc(p.settings, func(st *setting) bool { return st.of == f })
	}
	return nil
}

// DisableOption disables an option of a custom field by its gid: Asana deletes
// none.
func (s *System) DisableOption(gid string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.options[gid]
	if o == nil {
		return fmt.Errorf("no option %q", gid)
	}
	o.disabled = true
	return nil
}

// HideProject puts a project, by name or gid, out of the tokens' sight.
func (s *System) HideProject(name string, hidden bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projectByName(name)
	if p == nil {
		return fmt.Errorf("no project %q", name)
	}
	p.hidden = hidden
	return nil
}

// DropWebhooks deletes a webhook, all of them for "", as Asana does after 24
// hours without a success.
func (s *System) DropWebhooks(gid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hooks {
		h.deleted = h.deleted || gid == "" || h.gid == gid
	}
	s.dropHooks(s.now())
}

// Webhooks returns the gids of the webhooks that are there.
func (s *System) Webhooks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, h := range s.hooks {
		out = append(out, h.gid)
	}
	return out
}
