package connectors

import (
	"context"
	"time"
)

// Authorizer is a connector whose accounts can be connected by a person's
// consent in a browser: OAuth 2 with an authorisation code.
type Authorizer interface {
	// Authorization returns the consent that a connection with these settings
	// lives on; nil where they name credentials of another kind. It does no I/O.
	// Errors name the setting and what to write instead.
	Authorization(config Config, options Options) (Authorization, error)
}

// Authorization is how one connection comes by a grant. Its methods do not keep
// what they are given.
type Authorization interface {
	// Scopes returns what to ask for, so that the needs can be met: those that
	// are needed, and those that serve what is left out without them.
	Scopes(needs []Need) (required, optional []string)

	// ConsentURL is where a person consents.
	ConsentURL(ask Consent) string

	// Exchange trades the code of a consent for a grant and asks the system
	// whose it is. A code serves once. Auth errors say that the code or the
	// client's credentials were refused.
	Exchange(ctx context.Context, code string, ask Consent) (*Grant, error)
}

// Consent is one request for a person's consent. Verifier is the secret of RFC
// 7636 whose hash goes with the request, where the system takes it.
type Consent struct {
	Redirect string // the address that the browser is sent back to
	State    string // comes back with it
	Verifier string
	Required []string
	Optional []string
}

// Grant is what a consent gave. Settings are those that it stands for: a
// connection is opened with them where its configuration names no others. They
// are secret.
type Grant struct {
	Settings map[string]string `json:"settings"`
	System   string            `json:"system"` // the account's id, the same for ever: "portal 1234"
	Label    string            `json:"label"`  // what people call it
	Person   string            `json:"person,omitempty"`
	Scopes   []string          `json:"scopes,omitempty"`
	At       time.Time         `json:"at"`
}

// String leaves the secrets out.
func (g *Grant) String() string { return g.Label }

// GrantName is the name under which a TokenStore keeps a Grant.
const GrantName = "grant"
