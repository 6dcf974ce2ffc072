package rest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/tenonsync/tenon/connectors"
)

// Pending returns the Auth of a connection that nobody has connected yet: every
// request fails, unsent, with an Auth error and this advice.
func Pending(help string) Auth { return pending{help} }

type pending struct{ help string }

// Authorize implements Auth.
func (p pending) Authorize(*http.Request) (string, error) {
	return "", &connectors.Error{Kind: connectors.Auth, Err: errors.New("nobody has connected this account yet"), Help: p.help}
}

// Renew implements Auth.
func (pending) Renew(context.Context, string) (bool, error) { return false, nil }

// Secrets implements Auth.
func (pending) Secrets() []string { return nil }

// ConsentURL returns the address of a consent page: authorizeURL with what RFC
// 6749 puts there, the hash of the verifier if there is one, and more.
func ConsentURL(authorizeURL, clientID string, scopes []string, ask connectors.Consent, more map[string]string) string {
	u, err := url.Parse(authorizeURL)
	if err != nil {
		return authorizeURL // checked by whoever configured it
	}
	q := u.Query()
	for name, v := range more {
		q.Set(name, v)
	}
	q.Set("response_type", "code")
	q.Set("client_id", clientID)
	q.Set("redirect_uri", ask.Redirect)
	q.Set("state", ask.State)
	q.Set("scope", strings.Join(scopes, " "))
	if ask.Verifier != "" {
		q.Set("code_challenge", oauth2.S256ChallengeFromVerifier(ask.Verifier))
		q.Set("code_challenge_method", "S256")
	}
	u.RawQuery = strings.ReplaceAll(q.Encode(), "+", "%20") // not every vendor reads + in scopes
	return u.String()
}

// ExchangeCode trades an authorisation code for tokens. A code serves once, so
// the request is never repeated. Without a refresh token in the answer the
// grant is of no use: an Auth error, with the help.
func ExchangeCode(ctx context.Context, connection string, cfg OAuth, code string, ask connectors.Consent, options connectors.Options) (*oauth2.Token, error) {
	token, err := exchangeCode(ctx, cfg, code, ask, options)
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		named := *e
		named.Op, named.Connection = "connect", connection
		return nil, &named
	}
	return token, err
}

func exchangeCode(ctx context.Context, cfg OAuth, code string, ask connectors.Consent, options connectors.Options) (*oauth2.Token, error) {
	auth, ok := OAuth2(cfg).(*oauth)
	if !ok || cfg.ClientID == "" || cfg.TokenURL == "" {
		return nil, &connectors.Error{Kind: connectors.Invalid, Err: errors.New("OAuth needs a client id and a token URL")}
	}
	send, clock := options.Transport, options.Clock
	if send == nil {
		own := ownTransport(1)
		defer own.CloseIdleConnections()
		send = own
	}
	if clock == nil {
		clock = connectors.SystemClock()
	}
	if err := auth.bind(send, clock, nil); err != nil {
		return nil, &connectors.Error{Kind: connectors.Invalid, Err: err}
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, auth.client)
	config := auth.config()
	config.RedirectURL = ask.Redirect
	var extra []oauth2.AuthCodeOption
	if ask.Verifier != "" {
		extra = append(extra, oauth2.VerifierOption(ask.Verifier))
	}
	token, err := config.Exchange(ctx, code, extra...)
	if err != nil {
		return nil, auth.problemOf("trade the code for a token", err)
	}
	if token.RefreshToken == "" {
		return nil, &connectors.Error{Kind: connectors.Auth, Err: errors.New("the system gave no refresh token"), Help: cfg.Help}
	}
	return token, nil
}
