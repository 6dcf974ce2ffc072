package jira

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// The values of the setting grant.
const (
	consent        = "consent"
	serviceAccount = "service_account"
)

// The classic OAuth scopes that Tenon uses (read 2026-11-22).
const (
	scopeRead    = "read:jira-work"
	scopeWrite   = "write:jira-work"
	scopeUser    = "read:jira-user"
	scopeWebhook = "manage:jira-webhook"
	scopeOffline = "offline_access"
)

// byConsent reports whether the settings live on a person's consent.
func byConsent(s connectors.Settings) bool {
	return s.Get("client_id") != "" && (s.Get("grant") == consent || s.Get("refresh_token") != "")
}

// oauthOf is the OAuth side of a connection's settings.
func oauthOf(name string, s connectors.Settings) rest.OAuth {
	help := "look in Atlassian's administration whether the service account still may, and put its client_secret into the connection's settings"
	if byConsent(s) {
		help = "run `tenon connect " + name + "` to authorise Tenon in Jira anew"
	}
	return rest.OAuth{
		ClientID: s.Get("client_id"), ClientSecret: s.Get("client_secret"), RefreshToken: s.Get("refresh_token"),
		TokenURL: s.Get("token_url"), InParams: true, Help: help,
	}
}

// Authorization implements connectors.Authorizer. A configured refresh_token is
// a consent already.
func (*Connector) Authorization(config connectors.Config, options connectors.Options) (connectors.Authorization, error) {
	s := config.Settings
	if s.Get("deployment") == dataCenter || s.Get("grant") != consent || s.Get("refresh_token") != "" {
		return nil, nil
	}
	for _, name := range []string{"client_id", "client_secret"} {
		if s.Get(name) == "" {
			return nil, &connectors.SettingsError{Problems: []string{`setting "` + name + `" is missing: OAuth needs it`}}
		}
	}
	return &authorization{name: config.Name, settings: s, options: options}, nil
}

type authorization struct {
	name     string
	settings connectors.Settings
	options  connectors.Options
}

// Scopes implements connectors.Authorization. All are required: Jira's page has
// no optional ones.
func (*authorization) Scopes(needs []connectors.Need) (required, optional []string) {
	required = []string{scopeRead, scopeUser, scopeOffline, scopeWebhook}
	if slices.ContainsFunc(needs, writes) {
		required = slices.Insert(required, 1, scopeWrite)
	}
	return required, nil
}

func writes(n connectors.Need) bool { return n.Write || n.Create || n.Comment || n.Retire }

// ConsentURL implements connectors.Authorization. Atlassian documents no proof
// keys, so none goes along (read 2026-11-22).
func (a *authorization) ConsentURL(ask connectors.Consent) string {
	ask.Verifier = ""
	return rest.ConsentURL(a.settings.Get("authorize_url"), a.settings.Get("client_id"), ask.Required, ask, map[string]string{
		"audience": "api.atlassian.com", "prompt": "consent",
	})
}

// resource is a site that a grant covers.
type resource struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	URL    string   `json:"url"`
	Scopes []string `json:"scopes"`
}

// resources lists the sites that the client's token covers.
func resources(ctx context.Context, client *rest.Client, op string) ([]resource, error) {
	var sites []resource
	_, err := client.Do(ctx, rest.Request{Op: op, Path: "/oauth/token/accessible-resources", Out: &sites})
	return sites, err
}

// Exchange implements connectors.Authorization. A consent covers the sites that
// the person chose: the configured one must be among them.
func (a *authorization) Exchange(ctx context.Context, code string, ask connectors.Consent) (*connectors.Grant, error) {
	ask.Verifier = ""
	token, err := rest.ExchangeCode(ctx, a.name, oauthOf(a.name, a.settings), code, ask, a.options)
	if err != nil {
		return nil, err
	}
	options := a.options
	options.Tokens = nil
	client, err := rest.New(rest.Config{
		Connection: a.name, BaseURL: strings.TrimRight(a.settings.Get("gateway_url"), "/"), Auth: rest.Bearer(token.AccessToken),
	}, options)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	sites, err := resources(ctx, client, "connect")
	if err != nil {
		return nil, err
	}
	site, err := a.choose(sites)
	if err != nil {
		return nil, err
	}
	clock := a.options.Clock
	if clock == nil {
		clock = connectors.SystemClock()
	}
	return &connectors.Grant{
		Settings: map[string]string{"refresh_token": token.RefreshToken, "cloud_id": site.ID},
		System:   "site " + site.ID, Label: hostOf(site.URL), Scopes: site.Scopes, At: clock.Now().UTC(),
	}, nil
}

// choose finds the configured site among those of a consent.
func (a *authorization) choose(sites []resource) (resource, error) {
	want, id := hostOf(a.settings.Get("base_url")), a.settings.Get("cloud_id")
	var names []string
	for _, s := range sites {
		if s.ID == id && id != "" || id == "" && strings.EqualFold(hostOf(s.URL), want) {
			return s, nil
		}
		names = append(names, hostOf(s.URL))
	}
	covers := "no site"
	if len(names) > 0 {
		covers = strings.Join(names, ", ")
	}
	return resource{}, &connectors.Error{
		Op: "connect", Connection: a.name, Kind: connectors.Permission,
		Err:  fmt.Errorf("the consent covers %s, not %s", rest.Clip(covers), want),
		Help: "connect again and choose " + want + " on Atlassian's page, or correct base_url",
	}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return u.Host
}

// oauthCredentials returns how to log in to the Cloud with OAuth.
func (c *Connection) oauthCredentials(s connectors.Settings) (rest.Auth, error) {
	pending := s.Get("grant") == consent && s.Get("refresh_token") == ""
	switch {
	case s.Get("token") != "":
		return nil, errors.New(`settings "token" and "client_id" exclude each other: keep those of one account`)
	case s.Get("client_secret") == "":
		return nil, errors.New(`setting "client_secret" is missing: OAuth needs it`)
	case s.Get("grant") == serviceAccount && s.Get("refresh_token") != "":
		return nil, errors.New(`setting "refresh_token" belongs to a person's consent: leave it out, or write grant: consent`)
	case s.Get("cloud_id") == "" && !pending:
		return nil, errors.New(`setting "cloud_id" is missing: OAuth goes through the gateway; ` + c.site + `/_edge/tenant_info shows the id`)
	}
	c.oauth, c.apps = true, s.Ring("client_secret", "older_client_secrets")
	if pending {
		return rest.Pending("run `tenon connect " + c.name + "` to authorise Tenon in Jira"), nil
	}
	return rest.OAuth2(oauthOf(c.name, s)), nil
}
