package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tenonsync/tenon/config"
	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/server"
)

var _ server.Grants = (*service)(nil)

// authorization returns the consent that a connection lives on; nil where its
// settings name other credentials.
func authorization(conn config.Connection, options connectors.Options) (connectors.Authorization, error) {
	authorizer, ok := conn.Connector.(connectors.Authorizer)
	if !ok {
		return nil, nil
	}
	return authorizer.Authorization(connectors.Config{Name: conn.Name, Settings: conn.Settings}, options)
}

// rotates reports whether a connection's tokens are kept in the state.
func rotates(conn config.Connection) bool {
	asked, err := authorization(conn, connectors.Options{})
	return conn.Settings.Get("refresh_token") != "" || err == nil && asked != nil
}

// loadGrant returns the grant that `tenon connect` kept, nil where there is
// none.
func loadGrant(ctx context.Context, tokens connectors.TokenStore) (*connectors.Grant, error) {
	raw, err := tokens.LoadToken(ctx, connectors.GrantName)
	if err != nil || raw == nil {
		return nil, err
	}
	var g connectors.Grant
	if err := json.Unmarshal(raw, &g); err != nil {
		return nil, fmt.Errorf("the kept grant cannot be read: %w", err)
	}
	return &g, nil
}

func saveGrant(ctx context.Context, tokens connectors.TokenStore, g *connectors.Grant) error {
	raw, err := json.Marshal(g)
	if err != nil {
		return err
	}
	return tokens.SaveToken(ctx, connectors.GrantName, raw)
}

// withGrant completes a connection's settings by the grant that is kept for it.
func withGrant(ctx context.Context, conn config.Connection, tokens connectors.TokenStore) (connectors.Settings, error) {
	if asked, err := authorization(conn, connectors.Options{}); err != nil || asked == nil {
		return conn.Settings, nil //nolint:nilerr // Open tells what is wrong with the settings
	}
	g, err := loadGrant(ctx, tokens)
	if err != nil || g == nil {
		return conn.Settings, err
	}
	return conn.Settings.With(g.Settings), nil
}

// The names under which the state keeps whose account a connection is, so that
// another one is noticed: a consent and a token may name one account in
// different ways.
const (
	consentNote = "account by consent"
	tokenNote   = "account"
)

// knownAccount is whose account a connection is.
type knownAccount struct {
	System string `json:"system"`
	Label  string `json:"label"`
}

func loadAccount(ctx context.Context, tokens connectors.TokenStore, note string) (knownAccount, error) {
	var a knownAccount
	raw, err := tokens.LoadToken(ctx, note)
	if err == nil && raw != nil {
		err = json.Unmarshal(raw, &a)
	}
	return a, err
}

func saveAccount(ctx context.Context, tokens connectors.TokenStore, note string, a knownAccount) error {
	raw, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return tokens.SaveToken(ctx, note, raw)
}

// sameAccount refuses another account than the one that the connection had
// before: its links are of that one.
func sameAccount(name string, before, now knownAccount) error {
	if before.System == "" || before.System == now.System {
		return nil
	}
	return fail(exitFound, "log in to the account that it was, or give this one a connection of its own in tenon.yaml: links and keys of the one mean nothing in the other",
		"this is %s, but the connection %s belongs to %s; nothing was stored", oneLine(now.Label), name, oneLine(before.Label))
}

// TakeGrant implements server.Grants: the service keeps the grant and starts
// anew with it.
func (s *service) TakeGrant(ctx context.Context, name string, g *connectors.Grant) error {
	refuse := func(kind connectors.Kind, format string, args ...any) error {
		return &connectors.Error{Op: "connect", Connection: name, Kind: kind, Err: fmt.Errorf(format, args...)}
	}
	i := slices.IndexFunc(s.config.Connections, func(conn config.Connection) bool { return conn.Name == name })
	if i < 0 {
		return refuse(connectors.NotFound, "there is no such connection")
	}
	asked, err := authorization(s.config.Connections[i], connectors.Options{})
	if err != nil || asked == nil {
		return refuse(connectors.Invalid, "the connection lives on no consent: its settings name other credentials")
	}
	tokens := s.tokens(name)
	before, err := loadAccount(ctx, tokens, consentNote)
	if err != nil {
		return err
	}
	now := knownAccount{g.System, g.Label}
	if err := sameAccount(name, before, now); err != nil {
		_, help := classify(err)
		return &connectors.Error{Op: "connect", Connection: name, Kind: connectors.Conflict, Err: err, Help: help}
	}
	if err := saveGrant(ctx, tokens, g); err != nil {
		return err
	}
	if err := saveAccount(ctx, tokens, consentNote, now); err != nil {
		return err
	}
	s.startAnew("connect")
	return nil
}
