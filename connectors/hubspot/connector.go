package hubspot

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// The guards double as the list of what a connection can do.
var (
	_ connectors.Connector       = Connector{}
	_ connectors.Connection      = (*connection)(nil)
	_ connectors.Finder          = (*connection)(nil)
	_ connectors.PeopleFinder    = (*connection)(nil)
	_ connectors.WebhookSource   = (*connection)(nil)
	_ connectors.WebhookScreener = (*connection)(nil)
	_ connectors.Commenter       = (*connection)(nil)
	_ connectors.BatchFiler      = (*connection)(nil)
	_ connectors.HistoryReader   = (*connection)(nil)
	_ connectors.Archiver        = (*connection)(nil)
	_ connectors.Preparer        = (*connection)(nil)
	_ connectors.RightsChecker   = (*connection)(nil)
	_ connectors.FieldMaker      = (*connection)(nil)
	_ connectors.WebhookGuide    = (*connection)(nil)
	_ connectors.Authorizer      = Connector{}
)

// Connector opens connections to HubSpot.
type Connector struct{}

// Info implements connectors.Connector.
func (Connector) Info() connectors.Info {
	return connectors.Info{
		Kind: "hubspot", Label: "HubSpot",
		Settings: []connectors.Setting{
			{Name: "token", Secret: true, Help: "The token of a private app, a service key or a static-token app; or use OAuth instead."},
			{Name: "client_id", Help: "The OAuth app's client id."},
			{Name: "client_secret", Secret: true, Help: "The app's client secret: for OAuth, and the key of webhook signatures."},
			{Name: "older_client_secrets", Secret: true, Help: "Client secrets from before, one a line: webhooks that they sign are taken in too while a secret is being replaced."},
			{Name: "refresh_token", Secret: true, Help: "The OAuth refresh token of this account, where another program got it; tenon connect gets one by itself and keeps it sealed in the state."},
			{Name: "authorize_url", Default: "https://app.hubspot.com/oauth/authorize", Help: "Where a person consents; another address only for a sandbox."},
			{Name: "base_url", Default: "https://api.hubapi.com", Help: "Where the API is; another address only for a sandbox or a proxy."},
			{Name: "requests_per_second", Help: "How many requests a second Tenon sends at most; empty: as HubSpot's headers allow, 100 or 190 in 10 seconds."},
			{Name: "daily_share", Default: "50", Help: "How many percent of the account's daily requests Tenon may use; all apps of the account share them."},
		},
	}
}

// Open implements connectors.Connector.
func (Connector) Open(config connectors.Config, options connectors.Options) (connectors.Connection, error) {
	s := config.Settings
	var problems []string
	switch {
	case s.Get("token") == "" && !usesOAuth(s):
		problems = append(problems, `setting "token" is missing: write the token of a private app or service key, or client_id and client_secret for OAuth`)
	case s.Get("token") != "" && s.Get("refresh_token") != "":
		problems = append(problems, `settings "token" and "refresh_token" exclude each other: keep one`)
	case s.Get("token") == "":
		for _, name := range []string{"client_id", "client_secret"} {
			if s.Get(name) == "" {
				problems = append(problems, `setting "`+name+`" is missing: OAuth needs it`)
			}
		}
	}
	if u, err := url.Parse(s.Get("base_url")); err != nil || u.Host == "" {
		problems = append(problems, `setting "base_url" is not an address: write https://api.hubapi.com`)
	}
	if len(problems) > 0 {
		return nil, &connectors.SettingsError{Problems: problems}
	}
	auth := credentials(config)
	client, err := newClient(config, auth, options)
	if err != nil {
		return nil, &connectors.SettingsError{Problems: []string{err.Error()}}
	}
	c := &connection{
		name: config.Name, client: client, auth: auth, oauth: usesOAuth(s), clientID: s.Get("client_id"), clock: options.Clock, secrets: s.Ring("client_secret", "older_client_secrets"),
		aliases: map[string][]string{}, linkTypes: map[[2]string]associationType{}, metas: map[string]*rest.Cached[*meta]{},
		schemas: rest.NewCached[[]wireSchema](config.Name, options.Clock), people: rest.NewCached[*people](config.Name, options.Clock),
	}
	if c.clock == nil {
		c.clock = connectors.SystemClock()
	}
	return c, nil
}

// connection is one account of HubSpot.
type connection struct {
	name    string
	client  *rest.Client
	auth    rest.Auth
	clock   connectors.Clock
	secrets *connectors.Ring // the app's, which sign webhooks

	oauth    bool
	clientID string

	schemas *rest.Cached[[]wireSchema]
	people  *rest.Cached[*people]

	files fileCache

	mu        sync.Mutex
	aliases   map[string][]string // the names that mappings use, by type id
	metas     map[string]*rest.Cached[*meta]
	linkTypes map[[2]string]associationType // of associations, once asked for
	portal    string                        // once the account has told it
	asked     bool                          // for the account
}

// Facts implements connectors.Connection.
func (c *connection) Facts() connectors.Facts {
	return connectors.Facts{
		ReadBatch: batchSize, CreateBatch: batchSize, UpdateBatch: batchSize,
		IndexLag: indexLag, KeyLag: connectors.NoLag, KeyIsUnique: true,
		TimePrecision: time.Millisecond,
		PollInterval:  time.Minute,
	}
}

// Check implements connectors.Connection. Which objects may be read and written
// is the matter of MissingRights, which knows what mappings use.
func (c *connection) Check(ctx context.Context) (connectors.Account, error) {
	account := connectors.Account{Name: "HubSpot app"}
	w, err := c.account(ctx)
	switch {
	case err == nil:
		account.ID, account.System, account.Zone = string(w.PortalID), "portal "+string(w.PortalID), w.TimeZone
	case missingScope(err): // some kinds of tokens may not ask
		account.ID, account.System = c.name, "a portal that the token may not name"
		account.Warnings = append(account.Warnings, "the account's details cannot be read: "+helpOf(err))
	default:
		return connectors.Account{}, err
	}
	if w.AccountType != "" && w.AccountType != "STANDARD" {
		account.Warnings = append(account.Warnings, "this is a "+strings.ToLower(strings.ReplaceAll(w.AccountType, "_", " "))+" account")
	}
	owners, err := c.people.Get(ctx, 0, c.fetchOwners)
	if err != nil {
		return connectors.Account{}, err
	}
	if owners.refused != nil {
		account.Missing = append(account.Missing, "owners cannot be read, so people cannot be matched: "+helpOf(owners.refused))
	}
	if c.secrets.Len() == 0 {
		account.Warnings = append(account.Warnings, "no client_secret is set, so webhooks are refused and changes are found by polling only")
	}
	return account, nil
}

func helpOf(err error) string {
	if e, ok := errors.AsType[*connectors.Error](err); ok && e.Help != "" {
		return e.Help
	}
	return err.Error()
}

// Close implements connectors.Connection.
func (c *connection) Close() error { return c.client.Close() }
