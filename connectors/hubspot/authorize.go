package hubspot

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// usesOAuth reports whether the settings are those of an OAuth app.
func usesOAuth(s connectors.Settings) bool {
	return s.Get("token") == "" && (s.Get("client_id") != "" || s.Get("refresh_token") != "")
}

// oauthOf is the OAuth side of a connection's settings.
func oauthOf(name string, s connectors.Settings) rest.OAuth {
	return rest.OAuth{
		ClientID:     s.Get("client_id"),
		ClientSecret: s.Get("client_secret"),
		RefreshToken: s.Get("refresh_token"),
		TokenURL:     strings.TrimRight(s.Get("base_url"), "/") + pathToken,
		InParams:     true,
		Help:         "run `tenon connect " + name + "` to authorise Tenon in HubSpot anew",
		Words:        refusalWords,
	}
}

// refusalWords reads what the token calls say of a refusal, which has HubSpot's
// own form.
func refusalWords(body []byte) string {
	var e apiError
	if json.Unmarshal(body, &e) != nil || e.Message == "" {
		return ""
	}
	return e.text()
}

// Authorization implements connectors.Authorizer. A configured refresh_token is
// a consent already.
func (Connector) Authorization(config connectors.Config, options connectors.Options) (connectors.Authorization, error) {
	s := config.Settings
	if !usesOAuth(s) || s.Get("refresh_token") != "" {
		return nil, nil
	}
	var problems []string
	for _, name := range []string{"client_id", "client_secret"} {
		if s.Get(name) == "" {
			problems = append(problems, `setting "`+name+`" is missing: OAuth needs it`)
		}
	}
	if len(problems) > 0 {
		return nil, &connectors.SettingsError{Problems: problems}
	}
	return &authorization{name: config.Name, settings: s, options: options}, nil
}

type authorization struct {
	name     string
	settings connectors.Settings
	options  connectors.Options
}

// Scopes implements connectors.Authorization. HubSpot refuses the page when a
// required scope is not among the app's, and leaves such optional ones out.
func (a *authorization) Scopes(needs []connectors.Need) (required, optional []string) {
	required = []string{scopeOAuth}
	for _, r := range rightsFor(needs) {
		if r.minor {
			optional = append(optional, r.scope)
		} else {
			required = append(required, r.scope)
		}
	}
	return required, optional
}

// ConsentURL implements connectors.Authorization.
func (a *authorization) ConsentURL(ask connectors.Consent) string {
	more := map[string]string{}
	if len(ask.Optional) > 0 {
		more["optional_scope"] = strings.Join(ask.Optional, " ")
	}
	return rest.ConsentURL(a.settings.Get("authorize_url"), a.settings.Get("client_id"), ask.Required, ask, more)
}

// Exchange implements connectors.Authorization.
func (a *authorization) Exchange(ctx context.Context, code string, ask connectors.Consent) (*connectors.Grant, error) {
	oauth := oauthOf(a.name, a.settings)
	token, err := rest.ExchangeCode(ctx, a.name, oauth, code, ask, a.options)
	if err != nil {
		return nil, err
	}
	options := a.options
	options.Tokens = nil
	client, err := rest.New(rest.Config{
		Connection: a.name, BaseURL: strings.TrimRight(a.settings.Get("base_url"), "/"), Auth: rest.Bearer(token.AccessToken), Explain: explain,
	}, options)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	info, err := introspect(ctx, client, oauth.ClientID, oauth.ClientSecret, token.AccessToken)
	if err != nil {
		return nil, err
	}
	now := time.Now
	if a.options.Clock != nil {
		now = a.options.Clock.Now
	}
	return &connectors.Grant{
		Settings: map[string]string{"refresh_token": token.RefreshToken},
		System:   "portal " + string(info.HubID), Label: label(info), Person: info.User, Scopes: info.Scopes, At: now().UTC(),
	}, nil
}

func label(info tokenInfo) string {
	if info.Domain == "" {
		return "portal " + string(info.HubID)
	}
	return "portal " + string(info.HubID) + " (" + rest.Clip(info.Domain) + ")"
}
