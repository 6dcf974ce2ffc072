package salesforce

import (
	"cmp"
	"context"
	"errors"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// consentScopes are what a connection lives on: the API, a refresh token, and
// to know who consented.
var consentScopes = []string{"api", "refresh_token", "id"}

// Authorization implements connectors.Authorizer. A configured refresh_token is
// a consent already.
func (Connector) Authorization(config connectors.Config, opts connectors.Options) (connectors.Authorization, error) {
	if authOf(config.Settings) != authOAuth || config.Settings.Get("refresh_token") != "" {
		return nil, nil
	}
	o, err := read(config.Settings)
	if err != nil {
		return nil, err
	}
	if opts.Clock == nil {
		opts.Clock = connectors.SystemClock()
	}
	return &authorization{config: config, o: o, options: opts}, nil
}

type authorization struct {
	config  connectors.Config
	o       options
	options connectors.Options
}

// Scopes implements connectors.Authorization. What an account may do is the
// matter of its permissions, not of scopes.
func (a *authorization) Scopes([]connectors.Need) (required, optional []string) {
	return consentScopes, nil
}

// ConsentURL implements connectors.Authorization.
func (a *authorization) ConsentURL(ask connectors.Consent) string {
	return rest.ConsentURL(a.o.login+pathAuthorize, a.config.Settings.Get("client_id"), ask.Required, ask, map[string]string{"prompt": "login consent"})
}

// Exchange implements connectors.Authorization.
func (a *authorization) Exchange(ctx context.Context, code string, ask connectors.Consent) (*connectors.Grant, error) {
	token, err := rest.ExchangeCode(ctx, a.config.Name, oauthOf(a.config, a.o, a.options.Clock), code, ask, a.options)
	if err != nil {
		return nil, err
	}
	instance, _ := token.Extra("instance_url").(string)
	opts := a.options
	opts.Tokens = nil
	client, err := rest.New(rest.Config{
		Connection: a.config.Name, BaseURL: cmp.Or(instance, a.o.login), Auth: rest.Bearer(token.AccessToken), Explain: explain,
	}, opts)
	if err != nil {
		return nil, &connectors.Error{Op: "connect", Connection: a.config.Name, Kind: connectors.Internal, Err: errors.New("the answer names no instance")}
	}
	defer func() { _ = client.Close() }()
	c := &connection{name: a.config.Name, client: client, o: a.o}
	who, err := c.userInfo(ctx)
	if err != nil {
		return nil, err
	}
	return &connectors.Grant{
		Settings: map[string]string{"refresh_token": token.RefreshToken},
		System:   "org " + who.Org, Label: "org " + who.Org + " at " + hostOf(cmp.Or(instance, a.o.login)),
		Person: who.Name, Scopes: consentScopes, At: a.options.Clock.Now().UTC(),
	}, nil
}
