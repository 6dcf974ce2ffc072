package salesforce

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// The guards double as the list of what a connection can do.
var (
	_ connectors.Connector      = Connector{}
	_ connectors.Connection     = (*connection)(nil)
	_ connectors.Finder         = (*connection)(nil)
	_ connectors.PeopleFinder   = (*connection)(nil)
	_ connectors.Commenter      = (*connection)(nil)
	_ connectors.BatchCommenter = (*connection)(nil)
	_ connectors.HistoryReader  = (*connection)(nil)
	_ connectors.Deleter        = (*connection)(nil)
	_ connectors.Preparer       = (*connection)(nil)
	_ connectors.FieldMaker     = (*connection)(nil)
	_ connectors.RightsChecker  = (*connection)(nil)
	_ connectors.WebhookGuide   = (*connection)(nil)
	_ connectors.BudgetTeller   = (*connection)(nil)
	_ connectors.Locator        = (*connection)(nil)
	_ connectors.IDNormaliser   = (*connection)(nil)
	_ connectors.Authorizer     = Connector{}
)

// Connector opens connections to Salesforce.
type Connector struct{}

// Info implements connectors.Connector.
func (Connector) Info() connectors.Info {
	return connectors.Info{Kind: "salesforce", Label: "Salesforce", Settings: slices.Concat(ownSettings, streamSettings)}
}

// Open implements connectors.Connector.
func (Connector) Open(config connectors.Config, opts connectors.Options) (connectors.Connection, error) {
	o, err := read(config.Settings)
	if err != nil {
		return nil, err
	}
	if opts.Clock == nil {
		opts.Clock = connectors.SystemClock()
	}
	c := &connection{
		name: config.Name, settings: config.Settings, o: o, options: opts, clock: opts.Clock,
		auth:    credentials(config, o, opts.Clock),
		aliases: map[string]string{}, metas: map[string]*rest.Cached[*meta]{},
		global: rest.NewCached[*catalogue](config.Name, opts.Clock), people: newPeople(),
	}
	if c.client, err = newClient(config.Name, o, c.auth, opts); err != nil {
		return nil, &connectors.SettingsError{Problems: []string{err.Error()}}
	}
	return c, nil
}

// connection is one org, as one user sees it.
type connection struct {
	name     string
	settings connectors.Settings
	o        options
	options  connectors.Options
	client   *rest.Client
	auth     rest.Auth
	clock    connectors.Clock

	global *rest.Cached[*catalogue]
	people *people

	mu      sync.Mutex
	aliases map[string]string              // the names that mappings use, by object
	metas   map[string]*rest.Cached[*meta] // by object in lower case
	gone    map[string]goneList            // what was deleted of late, by object
	me      string                         // the user's id, once it was asked for
}

// Facts implements connectors.Connection.
func (c *connection) Facts() connectors.Facts {
	return connectors.Facts{
		ReadBatch: readBatch, CreateBatch: writeBatch, UpdateBatch: writeBatch,
		IndexLag: lateCommit, KeyLag: connectors.NoLag, KeyIsUnique: len(c.o.keyFields) == 0,
		TimePrecision: time.Second,
		PollInterval:  time.Minute,

		WebhookUnsigned: true,
	}
}

// Check implements connectors.Connection.
func (c *connection) Check(ctx context.Context) (connectors.Account, error) {
	const op = "check"
	who, err := c.userInfo(ctx)
	if err != nil && connectors.KindOf(err) != connectors.Permission && connectors.KindOf(err) != connectors.NotFound {
		return connectors.Account{}, err
	}
	page, err := c.query(ctx, op, "Organization", "SELECT Id, Name, OrganizationType, IsSandbox FROM Organization", false)
	if err != nil {
		return connectors.Account{}, err
	}
	account := connectors.Account{ID: cmp.Or(who.User, c.name), Name: cmp.Or(who.Name, "Salesforce user"), Zone: who.Zone}
	for _, r := range page.Records {
		account.System = "org " + cmp.Or(r.text("Id"), who.Org)
		if name := r.text("Name"); name != "" {
			account.System += " (" + rest.Clip(name) + ")"
		}
		if r.text("IsSandbox") == "true" {
			account.Warnings = append(account.Warnings, "this is a sandbox org")
		}
	}
	if account.System == "" {
		account.System = "org " + who.Org
	}
	if who.User == "" {
		account.Warnings = append(account.Warnings, "who is logged in cannot be read: give the app the scope id")
	}
	return account, nil
}

// Close implements connectors.Connection.
func (c *connection) Close() error { return c.client.Close() }

// mappedName returns what mappings call an object, else its own name.
func (c *connection) mappedName(object string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.aliases[strings.ToLower(object)], object)
}
