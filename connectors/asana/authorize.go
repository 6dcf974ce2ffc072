package asana

import (
	"context"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// oauthOf is the OAuth side of a connection's settings. The refresh token stays
// the same: Asana's answers to a refresh hold none (read 2026-11-22).
func oauthOf(name string, s connectors.Settings) rest.OAuth {
	return rest.OAuth{
		ClientID: s.Get("client_id"), ClientSecret: s.Get("client_secret"), RefreshToken: s.Get("refresh_token"),
		TokenURL: strings.TrimRight(s.Get("base_url"), "/") + "/-/oauth_token", InParams: true,
		Help: "run `tenon connect " + name + "` to authorise Tenon in Asana anew",
	}
}

// Authorization implements connectors.Authorizer. A configured refresh_token is
// a consent already.
func (*Connector) Authorization(config connectors.Config, options connectors.Options) (connectors.Authorization, error) {
	s := config.Settings
	if s.Get("client_id") == "" || s.Get("token") != "" || s.Get("refresh_token") != "" {
		return nil, nil
	}
	if s.Get("client_secret") == "" {
		return nil, &connectors.SettingsError{Problems: []string{`setting "client_secret" is missing: OAuth needs it`}}
	}
	return &authorization{name: config.Name, settings: s, options: options}, nil
}

type authorization struct {
	name     string
	settings connectors.Settings
	options  connectors.Options
}

// Scopes implements connectors.Authorization. Sections, events and batches are
// in no granular scope (read 2026-11-22), so that the app needs the full one.
func (*authorization) Scopes([]connectors.Need) (required, optional []string) {
	return []string{"default"}, nil
}

// ConsentURL implements connectors.Authorization.
func (a *authorization) ConsentURL(ask connectors.Consent) string {
	return rest.ConsentURL(a.settings.Get("authorize_url"), a.settings.Get("client_id"), ask.Required, ask, nil)
}

// Exchange implements connectors.Authorization.
func (a *authorization) Exchange(ctx context.Context, code string, ask connectors.Consent) (*connectors.Grant, error) {
	token, err := rest.ExchangeCode(ctx, a.name, oauthOf(a.name, a.settings), code, ask, a.options)
	if err != nil {
		return nil, err
	}
	options := a.options
	options.Tokens = nil
	site := strings.TrimRight(a.settings.Get("base_url"), "/")
	client, err := newClient(a.name, site, rest.Bearer(token.AccessToken), 1, options)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	var me struct {
		Data wireNamed `json:"data"`
	}
	if _, err := client.Do(ctx, rest.Request{Op: "connect", Path: "/users/me", Query: map[string][]string{"opt_fields": {"name,email"}}, Out: &me}); err != nil {
		return nil, err
	}
	clock := a.options.Clock
	if clock == nil {
		clock = connectors.SystemClock()
	}
	return &connectors.Grant{
		Settings: map[string]string{"refresh_token": token.RefreshToken}, System: "user " + me.Data.GID, Label: "Asana", Person: me.Data.Name,
		Scopes: ask.Required, At: clock.Now().UTC(),
	}, nil
}
