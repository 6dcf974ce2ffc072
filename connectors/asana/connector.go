package asana

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Kind is the connector's kind in configurations.
const Kind = "asana"

// The objects.
const (
	objectTask    = "task"
	objectSubtask = "subtask"
	objectProject = "project"
)

// The values of the setting create_key.
const (
	keyExternal = "external"
	keyField    = "field"
	keyNotes    = "notes"
)

// Connector opens connections to Asana. The zero value is ready to use.
type Connector struct{}

// New returns the connector.
func New() *Connector { return &Connector{} }

// Guards double as the list of what a connection can do.
var (
	_ connectors.Connector        = (*Connector)(nil)
	_ connectors.Connection       = (*Connection)(nil)
	_ connectors.Finder           = (*Connection)(nil)
	_ connectors.PeopleFinder     = (*Connection)(nil)
	_ connectors.WebhookSource    = (*Connection)(nil)
	_ connectors.WebhookScreener  = (*Connection)(nil)
	_ connectors.WebhookRegistrar = (*Connection)(nil)
	_ connectors.BatchCommenter   = (*Connection)(nil)
	_ connectors.HistoryReader    = (*Connection)(nil)
	_ connectors.Deleter          = (*Connection)(nil)
	_ connectors.Preparer         = (*Connection)(nil)
	_ connectors.Locator          = (*Connection)(nil)
	_ connectors.RightsChecker    = (*Connection)(nil)
	_ connectors.BudgetTeller     = (*Connection)(nil)
	_ connectors.BatchFiler       = (*Connection)(nil)
	_ connectors.Authorizer       = (*Connector)(nil)
)

// Info implements connectors.Connector.
func (*Connector) Info() connectors.Info {
	return connectors.Info{Kind: Kind, Label: "Asana", Settings: []connectors.Setting{
		{Name: "token", Secret: true, Help: "A personal access token, or the token of a service account; or use OAuth instead."},
		{Name: "client_id", Help: "The OAuth app's client id."},
		{Name: "client_secret", Secret: true, Help: "The OAuth app's client secret."},
		{Name: "refresh_token", Secret: true, Help: "The OAuth refresh token, where another program got it; tenon connect gets one by itself and keeps it sealed in the state."},
		{Name: "workspace", Help: "The workspace's name or gid; needed where the account has several."},
		{Name: "create_key", Choices: []string{keyExternal, keyField, keyNotes}, Help: "Where the key of a create is kept: in external data (OAuth only), in a custom field, or in a line at the end of the description. Empty: external with OAuth, else field."},
		{Name: "key_field", Default: "Tenon key", Help: "The name of the text custom field that keeps the keys of creates."},
		{Name: "base_url", Default: "https://app.asana.com", Help: "Where Asana is; another address only for a sandbox or a proxy."},
		{Name: "authorize_url", Default: "https://app.asana.com/-/oauth_authorize", Help: "Where a person consents; another address only for a sandbox."},
		{Name: "requests_per_minute", Default: "1200", Help: "How many calls a minute Tenon makes at most; Asana allows 1500 to paid workspaces and 150 to free ones."},
	}}
}

// Connection is one account of Asana. It is safe for concurrent use.
type Connection struct {
	name      string
	site      string // where people see it, without a slash at the end
	oauth     bool
	createKey string
	keyName   string // of the custom field for keys
	workspace string // as the setting says

	http   *rest.Client
	clock  connectors.Clock
	log    *slog.Logger
	tokens connectors.TokenStore

	account *rest.Cached[*account]
	tags    *rest.Cached[[]wireNamed]
	users   *rest.Cached[[]wireNamed]
	keyID   *rest.Cached[string] // the gid of the custom field for keys
	people  peopleCache
	index   taskIndex
	hooks   hookBook

	mu       sync.Mutex
	projects map[string]*rest.Cached[*projectInfo] // by the name that mappings use
}

// Open implements connectors.Connector.
func (*Connector) Open(config connectors.Config, options connectors.Options) (connectors.Connection, error) {
	s := config.Settings
	auth, oauth, err := credentials(config)
	if err == nil {
		_, err = origin(s.Get("base_url"))
	}
	perMinute, bad := strconv.Atoi(s.Get("requests_per_minute"))
	if bad != nil || perMinute < 1 || perMinute > 1_000_000 {
		err = errors.Join(err, fmt.Errorf("setting \"requests_per_minute\": %q is no number between 1 and 1000000", s.Get("requests_per_minute")))
	}
	mode := s.Get("create_key")
	switch {
	case mode == "" && oauth:
		mode = keyExternal
	case mode == "":
		mode = keyField
	case mode == keyExternal && !oauth:
		err = errors.Join(err, errors.New(`setting "create_key": only OAuth apps have external data; write field`))
	}
	if err != nil {
		return nil, &connectors.SettingsError{Problems: strings.Split(err.Error(), "\n")}
	}
	c := &Connection{
		name: config.Name, site: strings.TrimRight(s.Get("base_url"), "/"), oauth: oauth, createKey: mode, keyName: s.Get("key_field"), workspace: s.Get("workspace"),
		clock: options.Clock, log: options.Logger, tokens: options.Tokens,
		account: rest.NewCached[*account](config.Name, options.Clock), tags: rest.NewCached[[]wireNamed](config.Name, options.Clock), users: rest.NewCached[[]wireNamed](config.Name, options.Clock),
		keyID: rest.NewCached[string](config.Name, options.Clock), projects: map[string]*rest.Cached[*projectInfo]{},
	}
	if c.clock == nil {
		c.clock = connectors.SystemClock()
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.log = c.log.With("connector", Kind, "connection", config.Name)
	if c.http, err = newClient(config.Name, c.site, auth, float64(perMinute)/60, options); err != nil {
		return nil, &connectors.SettingsError{Problems: []string{err.Error()}}
	}
	return c, nil
}

// credentials returns how to log in.
func credentials(config connectors.Config) (auth rest.Auth, oauth bool, err error) {
	s := config.Settings
	switch {
	case s.Get("token") != "" && (s.Get("client_id") != "" || s.Get("refresh_token") != ""):
		return nil, false, errors.New(`settings "token" and "client_id" exclude each other: keep those of one account`)
	case s.Get("token") != "":
		return rest.Bearer(s.Get("token")), false, nil
	case s.Get("client_id") == "":
		return nil, false, errors.New(`setting "token" is missing: make a personal access token in Asana under My apps, or set client_id and client_secret for OAuth`)
	case s.Get("client_secret") == "":
		return nil, false, errors.New(`setting "client_secret" is missing: OAuth needs it`)
	case s.Get("refresh_token") == "":
		return rest.Pending("run `tenon connect " + config.Name + "` to authorise Tenon in Asana"), true, nil
	}
	return rest.OAuth2(oauthOf(config.Name, s)), true, nil
}

func origin(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New(`setting "base_url" is no address: write https://app.asana.com`)
	}
	return u, nil
}

// indexLag covers what event streams are behind: as a rule less than a minute.
// Lists of tasks show changes at once.
const indexLag = time.Minute

// Facts implements connectors.Connection. Keys are found at once: by the
// external gid, or in lists, which do not lag.
func (c *Connection) Facts() connectors.Facts {
	return connectors.Facts{
		ReadBatch: batchSize, CreateBatch: batchSize, UpdateBatch: batchSize,
		IndexLag: indexLag, KeyLag: connectors.NoLag, KeyIsUnique: c.createKey == keyExternal,
		TimePrecision: time.Millisecond, SetEdits: true, PollInterval: time.Minute,
	}
}

// account is who the connection is, and where.
type account struct {
	id, name, email string
	workspace       wireNamed
	changes         []string // of the API, as Asana announces them
}

const accountAge = 30 * time.Minute

// whoami asks who the account is and which workspace is meant.
func (c *Connection) whoami(ctx context.Context, op string) (*account, error) {
	return c.account.Get(ctx, accountAge, func(ctx context.Context) (*account, error) { return c.fetchAccount(ctx, op) })
}

func (c *Connection) fetchAccount(ctx context.Context, op string) (*account, error) {
	var me struct {
		wireNamed
		Workspaces []wireNamed `json:"workspaces"`
	}
	resp, err := c.do(ctx, rest.Request{Op: op, Path: "/users/me", Query: url.Values{"opt_fields": {"name,email,workspaces.name"}}}, &me)
	if err != nil {
		return nil, err
	}
	a := &account{changes: announced(resp.Header), id: me.GID, name: me.Name, email: strings.ToLower(me.Email)}
	var names []string
	for _, w := range me.Workspaces {
		if c.workspace == "" && len(me.Workspaces) == 1 || c.workspace != "" && (w.GID == c.workspace || strings.EqualFold(w.Name, c.workspace)) {
			a.workspace = w
			return a, nil
		}
		names = append(names, w.Name)
	}
	if c.workspace == "" {
		return nil, c.fail(op, "", connectors.Invalid, "the account has %d workspaces: set workspace to one of %s", len(names), strings.Join(names, ", "))
	}
	return nil, c.fail(op, "", connectors.Invalid, "the account has no workspace %q; there are %s", c.workspace, strings.Join(names, ", "))
}

// Check implements connectors.Connection.
func (c *Connection) Check(ctx context.Context) (connectors.Account, error) {
	a, err := c.account.Get(ctx, 0, func(ctx context.Context) (*account, error) { return c.fetchAccount(ctx, "check") })
	if err != nil {
		return connectors.Account{}, err
	}
	return connectors.Account{ID: a.id, Name: a.name, System: "workspace " + a.workspace.Name, Warnings: a.changes}, nil
}

// announced reads the changes of the API that Asana announces and that affect
// what was asked: "name=NAME;info=ADDRESS;affected=true".
func announced(h http.Header) []string {
	var out []string
	for _, v := range h.Values("Asana-Change") {
		parts := map[string]string{}
		for _, part := range strings.Split(v, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			parts[name] = value
		}
		if parts["affected"] == "true" && parts["name"] != "" {
			out = append(out, rest.Clip("Asana announces a change of its API that affects Tenon: "+parts["name"]+", "+parts["info"]))
		}
	}
	return out
}

// Close implements connectors.Connection.
func (c *Connection) Close() error { return c.http.Close() }

// Budget implements connectors.BudgetTeller.
func (c *Connection) Budget() connectors.Budget { return c.http.Budget() }

func (c *Connection) fail(op, record string, kind connectors.Kind, format string, args ...any) *connectors.Error {
	return &connectors.Error{Op: op, Connection: c.name, Record: record, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// checkObject refuses objects that Asana does not have here.
func (c *Connection) checkObject(op, name string) error {
	if slices.Contains([]string{objectTask, objectSubtask, objectProject}, name) {
		return nil
	}
	return c.fail(op, name, connectors.NotFound, "Asana has no object %q; there are task, subtask, project", name)
}

// isID reports whether a text has the form of a gid.
func isID(id string) bool {
	if id == "" || len(id) > 24 {
		return false
	}
	return strings.Trim(id, "0123456789") == ""
}
