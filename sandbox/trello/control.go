package trello

import (
	"errors"
	"net/http"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// controlRoutes adds the calls for what has no API at Trello; see the package
// comment.
func (s *System) controlRoutes() {
	s.host.HandleControl("POST /_sandbox/emails", control(func(b struct {
		Visible bool `json:"visible"`
	},
	) error {
		s.ShowEmails(b.Visible)
		return nil
	}))
	s.host.HandleControl("POST /_sandbox/custom-fields", control(func(b struct {
		Board   string `json:"board"`
		Enabled bool   `json:"enabled"`
	},
	) error {
		return s.EnableCustomFields(b.Board, b.Enabled)
	}))
	s.host.HandleControl("POST /_sandbox/token", control(func(b struct {
		Token   string       `json:"token"`
		Write   *bool        `json:"write"`
		Expires kit.Duration `json:"expires"`
		Revoked bool         `json:"revoked"`
	},
	) error {
		if b.Revoked {
			s.RevokeToken(b.Token)
			return nil
		}
		return s.setToken(b.Token, b.Write, time.Duration(b.Expires))
	}))
	s.host.HandleControl("POST /_sandbox/role", control(func(b struct {
		Board string `json:"board"`
		Who   string `json:"who"`
		Role  string `json:"role"`
	},
	) error {
		return s.SetRole(b.Board, b.Who, b.Role)
	}))
	s.host.HandleControl("POST /_sandbox/accepted", control(func(b struct {
		On bool `json:"on"`
	},
	) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.accepted = b.On
		return nil
	}))
}

// control makes a handler of a function of a JSON body.
func control[T any](do func(T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body T
		if !kit.ReadControl(w, r, &body) {
			return
		}
		if err := do(body); err != nil {
			kit.ControlError(w, http.StatusNotFound, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// ShowEmails lets the API tell people's e-mails, or not.
func (s *System) ShowEmails(visible bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emails = visible
}

// EnableCustomFields switches the custom fields of a board, by its name, on or
// off. What cards hold is kept meanwhile.
func (s *System) EnableCustomFields(board string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.boards {
		if b.name == board || b.id == board {
			b.noCustomFields = !on
			return nil
		}
	}
	return ErrNobody
}

// RevokeToken ends a token, as its owner can at any time; empty: the default.
func (s *System) RevokeToken(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == "" {
		value = s.opts.Token
	}
	s.revoke(value)
}

// GrantToken makes a token of a person, with the scopes given: read always.
// Life 0 is for ever.
func (s *System) GrantToken(value, email string, write, account bool, life time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.memberBy(email)
	if m == nil {
		return ErrNobody
	}
	s.grant(value, m, "Tenon", write, account, life)
	return nil
}

func (s *System) setToken(value string, write *bool, life time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == "" {
		value = s.opts.Token
	}
	t := s.tokens[value]
	if t == nil {
		t = s.grant(value, s.members[0], "Tenon", true, false, 0)
	}
	if write != nil {
		t.write = *write
	}
	if life > 0 {
		t.expires = s.now().Add(life)
	}
	return nil
}

// SetRole makes a person admin, normal or observer of a board, or nobody
// there.
func (s *System) SetRole(board, who, role string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.memberBy(who)
	for _, b := range s.boards {
		if b.name != board && b.id != board || m == nil {
			continue
		}
		has := b.member(m.id)
		switch {
		case role == "none":
			kept := b.members[:0]
			for _, o := range b.members {
				if o.member != m {
					kept = append(kept, o)
				}
			}
			b.members = kept
		case role != "admin" && role != "normal" && role != "observer":
			return errors.New("a role is admin, normal, observer or none")
		case has != nil:
			has.kind = role
		default:
			b.members = append(b.members, &boardMember{m, role})
		}
		return nil
	}
	return ErrNobody
}
