package salesforce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	pathToken     = "/services/oauth2/token"
	pathAuthorize = "/services/oauth2/authorize"
	pathUserInfo  = "/services/oauth2/userinfo"
)

// tokenLife is for how long a token is used: answers tell none. Sessions live
// two hours unless the org says otherwise, fifteen minutes at least; a session
// that ended sooner is renewed when it is refused.
const tokenLife = 30 * time.Minute

// assertionLife is how far ahead a JWT may end; Salesforce takes three minutes.
const assertionLife = 2 * time.Minute

// credentials returns how to log in.
func credentials(config connectors.Config, o options, clock connectors.Clock) rest.Auth {
	switch {
	case o.auth == authJWT:
		return rest.Fetched(jwtBearer(config, o, clock))
	case o.auth == authOAuth && config.Settings.Get("refresh_token") == "":
		return rest.Pending("run `tenon connect " + config.Name + "` to authorise Tenon in Salesforce")
	}
	return rest.OAuth2(oauthOf(config, o, clock))
}

func oauthOf(config connectors.Config, o options, clock connectors.Clock) rest.OAuth {
	s := config.Settings
	cfg := rest.OAuth{
		ClientID: s.Get("client_id"), ClientSecret: s.Get("client_secret"),
		TokenURL: o.login + pathToken, InParams: true, Help: authHelp(o.auth, config.Name),
		Read: func(answer *oauth2.Token, t *rest.AccessToken) {
			t.Origin, _ = answer.Extra("instance_url").(string)
			if t.Expiry.IsZero() {
				t.Expiry = clock.Now().Add(tokenLife).UTC()
			}
		},
	}
	if o.auth == authOAuth {
		cfg.RefreshToken = s.Get("refresh_token")
	}
	return cfg
}

func authHelp(auth, name string) string {
	switch auth {
	case authJWT:
		return "check in Salesforce that the External Client App has the certificate, that the user is pre-authorised for it, and that the user may log in from here"
	case authOAuth:
		return "run `tenon connect " + name + "` to authorise Tenon in Salesforce anew"
	}
	return "check the consumer key and secret, and that the External Client App has a run-as user for client credentials"
}

// tokenAnswer is what the token endpoint answers, either way.
type tokenAnswer struct {
	AccessToken string `json:"access_token"`
	InstanceURL string `json:"instance_url"`
	TokenType   string `json:"token_type"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// jwtBearer returns the exchange of a signed assertion for a token. There is no
// refresh token: the next token takes another assertion.
func jwtBearer(config connectors.Config, o options, clock connectors.Clock) func(context.Context, *http.Client) (rest.AccessToken, error) {
	return func(ctx context.Context, client *http.Client) (rest.AccessToken, error) {
		assertion, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": config.Settings.Get("client_id"), "sub": config.Settings.Get("username"), "aud": o.audience,
			"exp": clock.Now().Add(assertionLife).Unix(),
		}).SignedString(o.key)
		if err != nil {
			return rest.AccessToken{}, &connectors.Error{Kind: connectors.Internal, Err: fmt.Errorf("sign the assertion: %w", err)}
		}
		form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.login+pathToken, strings.NewReader(form.Encode()))
		if err != nil {
			return rest.AccessToken{}, &connectors.Error{Kind: connectors.Internal, Err: errors.New("the login address makes no sense")}
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Accept", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			if u, ok := errors.AsType[*url.Error](err); ok {
				err = u.Err
			}
			return rest.AccessToken{}, &connectors.Error{Kind: connectors.Unavailable, Err: fmt.Errorf("renew the access token: %w", err)}
		}
		defer func() { _ = resp.Body.Close() }()
		raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		if err != nil {
			return rest.AccessToken{}, &connectors.Error{Kind: connectors.Unavailable, Err: fmt.Errorf("renew the access token: %w", err)}
		}
		t, err := grantIn(resp.StatusCode, raw, authHelp(authJWT, config.Name))
		t.Expiry = clock.Now().Add(tokenLife)
		return t, err
	}
}

// grantIn reads an answer of the token endpoint. Its body is never shown: it
// may hold a token.
func grantIn(status int, raw []byte, help string) (rest.AccessToken, error) {
	var a tokenAnswer
	readable := json.Unmarshal(raw, &a) == nil
	switch {
	case status == http.StatusOK && readable && a.AccessToken != "":
		return rest.AccessToken{Token: a.AccessToken, Scheme: a.TokenType, Origin: a.InstanceURL}, nil
	case status == http.StatusTooManyRequests, status >= 500, a.Error == "rate_limit_exceeded":
		return rest.AccessToken{}, &connectors.Error{Kind: connectors.Unavailable, RetryAfter: time.Minute, Err: fmt.Errorf("renew the access token: status %d", status)}
	}
	words := fmt.Sprintf("status %d", status)
	if readable && a.Error != "" {
		words = a.Error
		if a.Description != "" {
			words += ": " + a.Description
		}
	}
	return rest.AccessToken{}, &connectors.Error{Kind: connectors.Auth, Err: fmt.Errorf("renew the access token: %s", rest.Clip(words)), Help: help}
}

// session returns the access token, the origin of the instance and the id of
// the org, for calls that do not go over HTTP. A good token is used again.
func (c *connection) session(ctx context.Context) (token, instance, org string, err error) {
	token, instance, err = c.login(ctx)
	if err != nil {
		return "", "", "", err
	}
	if before, _, ok := strings.Cut(token, "!"); ok {
		if org, ok = id18(before); ok {
			return token, instance, org, nil
		}
	}
	who, err := c.userInfo(ctx) // a token of another form does not show the org
	return token, instance, who.Org, err
}

// login returns the access token and the origin of the instance.
func (c *connection) login(ctx context.Context) (token, instance string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.client.Base().String(), nil)
	if err != nil {
		return "", "", c.fail("log in", "", connectors.Internal, "%w", err)
	}
	if _, err := c.auth.Authorize(req); err != nil {
		return "", "", c.named("log in", err)
	}
	_, token, _ = strings.Cut(req.Header.Get("Authorization"), " ")
	return token, req.URL.Scheme + "://" + req.URL.Host, nil
}

// renewSession gets another token in place of one that was refused.
func (c *connection) renewSession(ctx context.Context, stale string) error {
	renewed, err := c.auth.Renew(ctx, stale)
	if err != nil {
		return c.named("log in", err)
	}
	if !renewed {
		return c.fail("log in", "", connectors.Auth, "the session was refused, and there is no other")
	}
	return nil
}

// named gives an error of the credentials the connection's name.
func (c *connection) named(op string, err error) error {
	e, ok := errors.AsType[*connectors.Error](err)
	if !ok {
		return c.fail(op, "", connectors.KindOf(err), "%w", err)
	}
	own := *e
	own.Op, own.Connection = op, c.name
	return &own
}

// userInfo is who is logged in.
type userInfo struct {
	User string `json:"user_id"`
	Org  string `json:"organization_id"`
	Name string `json:"name"`
	Zone string `json:"zoneinfo"`
}

func (c *connection) userInfo(ctx context.Context) (userInfo, error) {
	var who userInfo
	err := c.do(ctx, rest.Request{Op: "check", Path: pathUserInfo, Out: &who})
	if rest.StatusOf(err) == http.StatusForbidden && c.auth != nil { // how this address refuses a session that ended
		token, _, loginErr := c.login(ctx)
		if loginErr == nil {
			loginErr = c.renewSession(ctx, token)
		}
		if loginErr != nil {
			return who, loginErr
		}
		err = c.do(ctx, rest.Request{Op: "check", Path: pathUserInfo, Out: &who})
	}
	if err == nil {
		who.User, _ = id18(who.User)
		who.Org, _ = id18(who.Org)
	}
	return who, err
}
