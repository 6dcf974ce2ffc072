package jira

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	gojira "github.com/andygrunwald/go-jira"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Kind is the connector's kind in configurations.
const Kind = "jira"

// object is the one object of Jira that Tenon keeps in step.
const object = "issue"

// The values of the setting deployment.
const (
	cloud      = "cloud"
	dataCenter = "datacenter"
)

// Connector opens connections to Jira. The zero value is ready to use.
type Connector struct{}

// New returns the connector.
func New() *Connector { return &Connector{} }

// Guards double as the list of what a connection can do.
var (
	_ connectors.Connector        = (*Connector)(nil)
	_ connectors.Connection       = (*Connection)(nil)
	_ connectors.AbilityTeller    = (*Connection)(nil)
	_ connectors.Finder           = (*Connection)(nil)
	_ connectors.PeopleFinder     = (*Connection)(nil)
	_ connectors.WebhookSource    = (*Connection)(nil)
	_ connectors.WebhookScreener  = (*Connection)(nil)
	_ connectors.WebhookRegistrar = (*Connection)(nil)
	_ connectors.Commenter        = (*Connection)(nil)
	_ connectors.BatchFiler       = (*Connection)(nil)
	_ connectors.HistoryReader    = (*Connection)(nil)
	_ connectors.Deleter          = (*Connection)(nil)
	_ connectors.Locator          = (*Connection)(nil)
	_ connectors.RightsChecker    = (*Connection)(nil)
	_ connectors.WriteChecker     = (*Connection)(nil)
	_ connectors.StepTeller       = (*Connection)(nil)
	_ connectors.Authorizer       = (*Connector)(nil)
)

// Info implements connectors.Connector.
func (*Connector) Info() connectors.Info {
	return connectors.Info{Kind: Kind, Label: "Jira", Settings: []connectors.Setting{
		{Name: "deployment", Help: "Which Jira it is: Jira Cloud or Jira Data Center.", Default: cloud, Choices: []string{cloud, dataCenter}},
		{Name: "base_url", Help: "The site's address, https://acme.atlassian.net or https://jira.acme.com/jira.", Required: true},
		{Name: "email", Help: "Cloud: the e-mail of the account whose API token is used. Data Center: the user's name, with its password as token."},
		{Name: "token", Help: "Cloud: the account's API token (id.atlassian.com, Security, API tokens). Data Center: the user's password.", Secret: true},
		{Name: "pat", Help: "Data Center: a personal access token (Profile, Personal Access Tokens).", Secret: true},
		{Name: "cloud_id", Help: "Cloud: the site's id, for service accounts and for API tokens with scopes; https://SITE.atlassian.net/_edge/tenant_info shows it. tenon connect finds it by itself."},
		{Name: "client_id", Help: "Cloud: the client id of the OAuth 2.0 app or service account."},
		{Name: "client_secret", Help: "Cloud: the client secret of the OAuth 2.0 app or service account.", Secret: true},
		{Name: "older_client_secrets", Help: "Cloud: client secrets of the app from before, one a line: webhooks that they sign are taken in too while a secret is being replaced.", Secret: true},
		{Name: "grant", Help: "Cloud, OAuth: whose rights are used, those of a person who consents in the browser (tenon connect) or those of a service account. Empty: of a service account, unless there is a refresh_token.", Choices: []string{consent, serviceAccount}},
		{Name: "refresh_token", Help: "Cloud: the first refresh token of a consent (scope offline_access) that another program got; Tenon keeps those that follow. tenon connect gets one by itself and keeps it sealed in the state.", Secret: true},
		{Name: "gateway_url", Help: "Cloud: the address of Atlassian's gateway.", Default: "https://api.atlassian.com"},
		{Name: "authorize_url", Help: "Cloud: where a person consents; another address only for a sandbox.", Default: "https://auth.atlassian.com/authorize"},
		{Name: "token_url", Help: "Cloud: where OAuth tokens are issued.", Default: "https://auth.atlassian.com/oauth/token"},
		{Name: "webhook_secret", Help: "The secret that signs the webhooks.", Secret: true},
		{Name: "older_webhook_secrets", Help: "Secrets of the webhooks from before, one a line: what they sign is taken in too while a secret is being replaced.", Secret: true},
		{Name: "resolution", Help: "The resolution to give where closing an issue asks for one.", Default: "Done"},
		{Name: "create_key", Help: "Where the key of a create is kept: in an entity property, which nobody sees, or in a label besides, which is found faster. Data Center needs label.", Choices: []string{"property", "label"}},
		{Name: "search_lag", Help: "How long this site's search may need to show a change, such as 30s or 5m. A lost create is looked for that long before it is made again.", Default: "5m"},
		{Name: "requests_per_second", Help: "How many requests a second Tenon sends at most; empty: as Jira's headers allow."},
		{Name: "daily_share", Help: "How many percent of the allowance Tenon may use: of an OAuth app's points an hour.", Default: "100"},
	}}
}

// Connection is one account of a Jira site. It is safe for concurrent use.
type Connection struct {
	lag        time.Duration // of search
	name       string
	cloud      bool
	site       string // where people see it, without a slash at the end
	api        string // "/rest/api/3"
	oauth      bool
	consented  bool // lives on a person's consent
	cloudID    string
	keyLabels  bool
	made       made
	resolution string
	webhooks   *connectors.Ring // the secrets of admin webhooks
	apps       *connectors.Ring // the secrets of the OAuth app, which sign dynamic webhooks

	http    *rest.Client
	gateway *rest.Client   // for what it tells of a consent; nil without one
	jira    *gojira.Client // over the same stack
	guard   *loginGuard
	clock   connectors.Clock
	log     *slog.Logger

	me     identity
	meta   metaCache
	people peopleCache
	flows  flowCache
	keys   keyCache
}

// Open implements connectors.Connector.
func (*Connector) Open(config connectors.Config, options connectors.Options) (connectors.Connection, error) {
	s := config.Settings
	c := &Connection{
		name: config.Name, cloud: s.Get("deployment") != dataCenter,
		site: strings.TrimRight(s.Get("base_url"), "/"), api: "/rest/api/2",
		resolution: s.Get("resolution"), keyLabels: s.Get("create_key") == "label",
		webhooks: s.Ring("webhook_secret", "older_webhook_secrets"), clock: options.Clock, log: options.Logger,
	}
	if c.clock == nil {
		c.clock = connectors.SystemClock()
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.log = c.log.With("connector", Kind, "connection", config.Name)
	c.made.doubt = c.clock.Now()
	auth, base, err := c.credentials(s)
	if err != nil {
		return nil, c.invalid("open", err)
	}
	if c.lag, err = lagOf(s); err != nil {
		return nil, c.invalid("open", err)
	}
	pace, err := paceOf(s)
	if err != nil {
		return nil, c.invalid("open", err)
	}
	c.guard = newLoginGuard(options.Transport)
	options.Transport = c.guard
	c.http, err = rest.New(rest.Config{
		Connection: config.Name, BaseURL: base, Auth: auth, Pace: pace, Explain: explain(c.clock),
	}, options)
	if err != nil {
		return nil, c.invalid("open", err)
	}
	if c.consented = c.cloud && byConsent(s); c.consented {
		c.cloudID = s.Get("cloud_id")
		if c.gateway, err = newGateway(config.Name, strings.TrimRight(s.Get("gateway_url"), "/"), shared{auth}, options); err != nil {
			return nil, c.invalid("open", err)
		}
	}
	c.jira, err = gojira.NewClient(c.http.HTTP(), base+"/")
	if err != nil {
		return nil, c.invalid("open", err)
	}
	return c, nil
}

// credentials returns how to log in, and the address that takes those
// credentials.
func (c *Connection) credentials(s connectors.Settings) (rest.Auth, string, error) {
	u, err := url.Parse(c.site)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, "", errors.New(`setting "base_url" is no address: write https://acme.atlassian.net`)
	}
	if !c.cloud {
		c.keyLabels = true
		return dataCenterCredentials(s, c.site)
	}
	c.api = "/rest/api/3"
	base := c.site
	if id := s.Get("cloud_id"); id != "" {
		base = strings.TrimRight(s.Get("gateway_url"), "/") + "/ex/jira/" + url.PathEscape(id)
	}
	if s.Get("pat") != "" {
		return nil, "", errors.New(`setting "pat" is for Data Center: Cloud takes "email" and "token"`)
	}
	if s.Get("client_id") != "" {
		auth, err := c.oauthCredentials(s)
		return auth, base, err
	}
	if s.Get("email") == "" || s.Get("token") == "" {
		return nil, "", errors.New(`settings "email" and "token" are missing: create an API token at id.atlassian.com, or set "client_id" for OAuth`)
	}
	return rest.Basic(s.Get("email"), s.Get("token")), base, nil
}

func dataCenterCredentials(s connectors.Settings, base string) (rest.Auth, string, error) {
	for _, name := range []string{"cloud_id", "client_id", "client_secret", "older_client_secrets", "refresh_token", "grant"} {
		if s.Get(name) != "" {
			return nil, "", fmt.Errorf("setting %q is for Cloud: Data Center takes \"pat\"", name)
		}
	}
	switch {
	case s.Get("create_key") == "property":
		return nil, "", errors.New(`setting "create_key": Data Center cannot look entity properties up; write label`)
	case s.Get("pat") != "":
		return rest.Bearer(s.Get("pat")), base, nil
	case s.Get("email") != "" && s.Get("token") != "":
		return rest.Basic(s.Get("email"), s.Get("token")), base, nil
	}
	return nil, "", errors.New(`setting "pat" is missing: create a personal access token in Jira under Profile`)
}

func paceOf(s connectors.Settings) (rest.Pace, error) {
	var p rest.Pace
	if v := s.Get("requests_per_second"); v != "" {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || n <= 0 || n > 1000 {
			return p, fmt.Errorf("setting \"requests_per_second\": %q is no number between 0 and 1000", v)
		}
		p.PerSecond = n
	}
	if v := s.Get("daily_share"); v != "" {
		n, err := strconv.Atoi(strings.TrimSuffix(v, "%"))
		if err != nil || n < 1 || n > 100 {
			return p, fmt.Errorf("setting \"daily_share\": %q is no percentage between 1 and 100", v)
		}
		p.DailyShare = n
	}
	return p, nil
}

// lagOf reads how long search may lag. The default is long: Atlassian speaks of
// seconds to minutes.
func lagOf(s connectors.Settings) (time.Duration, error) {
	lag, err := time.ParseDuration(s.Get("search_lag"))
	if err != nil || lag < time.Second || lag > time.Hour {
		return 0, fmt.Errorf("setting \"search_lag\": %q is no time between 1s and 1h; write 5m", s.Get("search_lag"))
	}
	return lag, nil
}

// Facts implements connectors.Connection.
func (c *Connection) Facts() connectors.Facts {
	f := connectors.Facts{
		ReadBatch: 1, CreateBatch: 1, UpdateBatch: 1,
		IndexLag: c.lag, TimePrecision: time.Millisecond, SetEdits: true, WebhookVersions: true,
		PollInterval: time.Minute,
	}
	if c.cloud {
		f.ReadBatch, f.CreateBatch = readBatch, createBatch
	}
	return f
}

// Abilities implements connectors.AbilityTeller.
func (c *Connection) Abilities() connectors.Abilities {
	a := connectors.Abilities{
		Finder: c, PeopleFinder: c, Commenter: c, HistoryReader: c, Deleter: c, WebhookRegistrar: c, BudgetTeller: c, Locator: c, RightsChecker: c, WriteChecker: c,
		StepTeller: c, Filer: c,
	}
	if !c.cloud {
		a.Commenter = struct{ connectors.Commenter }{c} // one issue at a time
		a.Filer = struct{ connectors.Filer }{c}
	}
	if c.webhooks.Len() > 0 || c.apps.Len() > 0 {
		a.WebhookSource = c
	} else {
		a.WebhookRegistrar = nil // deliveries could not be checked
	}
	return a
}

// Close implements connectors.Connection.
func (c *Connection) Close() error {
	err := c.http.Close()
	if c.gateway != nil {
		err = errors.Join(err, c.gateway.Close())
	}
	c.guard.close()
	return err
}

func (c *Connection) invalid(op string, err error) error {
	return &connectors.Error{Op: op, Connection: c.name, Kind: connectors.Invalid, Err: err}
}

func (c *Connection) fail(op, record string, kind connectors.Kind, format string, args ...any) *connectors.Error {
	return &connectors.Error{Op: op, Connection: c.name, Record: record, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// checkObject refuses objects that Jira does not have here.
func (c *Connection) checkObject(op, name string) error {
	if name == object {
		return nil
	}
	return c.fail(op, "", connectors.NotFound, "Jira has no object %q: the one object is %q", name, object)
}

// ref names an issue in errors.
func ref(id string) string { return object + "/" + id }

// outcome turns what go-jira returned into an error of the connection, nil for
// a success, and closes the answer.
func (c *Connection) outcome(op, record string, r *gojira.Response, err error) error {
	if r == nil || r.Response == nil {
		return c.http.ErrorOf(op, record, nil, err)
	}
	defer r.Body.Close()
	return c.http.ErrorOf(op, record, r.Response, err)
}

// asError returns the connection's error in err's chain.
func asError(err error) (*connectors.Error, bool) {
	return errors.AsType[*connectors.Error](err)
}
