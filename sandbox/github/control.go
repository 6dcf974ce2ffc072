package github

import (
	"net/http"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// controlRoutes adds the calls below /_sandbox/ that are this system's own; see
// the package comment.
func (s *System) controlRoutes() {
	control(s, "PUT /_sandbox/target", func(in struct {
		URL string `json:"url"`
	},
	) error {
		s.SetWebhookTarget(in.URL)
		return nil
	})
	control(s, "PUT /_sandbox/lag", func(in struct {
		Lag kit.Duration `json:"lag"`
	},
	) error {
		s.SetLag(time.Duration(in.Lag))
		return nil
	})
	control(s, "POST /_sandbox/transfer", func(in struct {
		Repository string `json:"repository"`
		Number     int    `json:"number"`
		To         string `json:"to"`
	},
	) error {
		_, err := s.As(seedAdmin).Transfer(in.Repository, in.Number, in.To)
		return err
	})
	control(s, "POST /_sandbox/delete", func(in struct {
		Repository string `json:"repository"`
		Number     int    `json:"number"`
	},
	) error {
		return s.As(seedAdmin).Delete(in.Repository, in.Number)
	})
	control(s, "PUT /_sandbox/hidden", func(in struct {
		Repository string `json:"repository"`
		Login      string `json:"login"`
		Hidden     bool   `json:"hidden"`
	},
	) error {
		return s.Hide(in.Repository, in.Login, in.Hidden)
	})
	control(s, "PUT /_sandbox/role", func(in struct {
		Repository string `json:"repository"`
		Login      string `json:"login"`
		Role       string `json:"role"`
	},
	) error {
		return s.SetRole(in.Repository, in.Login, in.Role)
	})
	control(s, "PUT /_sandbox/token", func(in struct {
		Token   string   `json:"token"`
		Revoked bool     `json:"revoked"`
		Scopes  []string `json:"scopes"`
	},
	) error {
		return s.SetToken(in.Token, in.Revoked, in.Scopes)
	})
	control(s, "PUT /_sandbox/installation", func(in struct {
		Suspended bool `json:"suspended"`
	},
	) error {
		s.Suspend(in.Suspended)
		return nil
	})
	control(s, "PUT /_sandbox/rename", func(in struct {
		Repository string `json:"repository"`
		Name       string `json:"name"`
	},
	) error {
		return s.Rename(in.Repository, in.Name)
	})
	control(s, "POST /_sandbox/secondary", func(struct{}) error {
		s.SecondaryLimit()
		return nil
	})
}

// seedAdmin is a person who may do all.
const seedAdmin = "ada.okafor@harbourworks.example"

// control adds one call that takes a JSON body and answers 204, or 404 for what
// there is not.
func control[In any](s *System, pattern string, act func(In) error) {
	s.host.HandleControl(pattern, func(w http.ResponseWriter, r *http.Request) {
		var in In
		if !kit.ReadControl(w, r, &in) {
			return
		}
		if err := act(in); err != nil {
			kit.ControlError(w, http.StatusNotFound, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// SetWebhookTarget puts the webhook that exists from the start elsewhere; an
// empty address removes it.
func (s *System) SetWebhookTarget(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setTarget(address)
}

// SetLag changes how long lists take to see writes from now on.
func (s *System) SetLag(lag time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = max(0, lag)
}

func (s *System) withRepo(repository string, act func(*repo)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, _ := s.repoByName(repository)
	if r == nil {
		return errNoSuch("repository", repository)
	}
	act(r)
	return nil
}

// Hide takes a repository out of an account's sight, or shows it again. A login
// that ends in [bot] is an app.
func (s *System) Hide(repository, login string, hidden bool) error {
	return s.withRepo(repository, func(r *repo) { r.hidden[login] = hidden })
}

// SetRole gives a person another role in a repository: none, read, triage,
// write, maintain or admin.
func (s *System) SetRole(repository, login, name string) error {
	to, known := roleOf(name)
	if !known {
		return errNoSuch("role", name)
	}
	return s.withRepo(repository, func(r *repo) { r.roles[login] = to })
}

// Rename gives a repository another name; the old one leads on.
func (s *System) Rename(repository, name string) error {
	return s.withRepo(repository, func(r *repo) { s.rename(r, name) })
}

// Archive makes a repository read-only, or opens it again.
func (s *System) Archive(repository string, archived bool) error {
	return s.withRepo(repository, func(r *repo) { r.archived = archived })
}

// SetToken revokes a token or makes it good again. Scopes, unless nil, replace
// those of a classic token.
func (s *System) SetToken(token string, revoked bool, scopes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.auth.grants {
		if g.token == token {
			g.revoked = revoked
			if scopes != nil {
				g.scopes = scopes
			}
			return nil
		}
	}
	return errNoSuch("token", clip(token))
}

// SetPermission changes what the app's installation, and the fine-grained token,
// may do: "issues" or "repository_hooks" to "read", "write" or "".
func (s *System) SetPermission(name, level string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.auth.installs {
		in.perms[name] = level
	}
	for _, g := range s.auth.grants {
		if g.perms != nil {
			g.perms[name] = level
		}
	}
}

// Suspend suspends the app's installation, or ends that.
func (s *System) Suspend(suspended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.auth.installs {
		in.suspended = suspended
	}
}

// SecondaryLimit makes the next request meet a secondary limit that does not
// say how long to wait.
func (s *System) SecondaryLimit() {
	s.limits.mu.Lock()
	defer s.limits.mu.Unlock()
	s.limits.exceeded = true
}

// RevokeMinted revokes the installation tokens that were given out, and with
// revoked false lets the app fetch others again.
func (s *System) RevokeMinted(revoked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth.shut = revoked
	for _, g := range s.auth.grants {
		if g.inst != nil && revoked {
			g.revoked = true
		}
	}
}
