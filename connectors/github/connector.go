package github

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	gogithub "github.com/google/go-github/v60/github"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Kind is the connector's kind in configurations.
const Kind = "github"

// The objects of GitHub that Tenon keeps in step.
const (
	issueObject     = "issue"
	milestoneObject = "milestone"
)

// Connector opens connections to GitHub. The zero value is ready to use.
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
	_ connectors.HistoryReader    = (*Connection)(nil)
	_ connectors.Deleter          = (*Connection)(nil)
	_ connectors.Locator          = (*Connection)(nil)
	_ connectors.RightsChecker    = (*Connection)(nil)
	_ connectors.BudgetTeller     = (*Connection)(nil)
)

// The values of the setting new_labels.
const (
	labelsCreate = "create"
	labelsRefuse = "refuse"
)

// Info implements connectors.Connector.
func (*Connector) Info() connectors.Info {
	return connectors.Info{Kind: Kind, Label: "GitHub", Settings: []connectors.Setting{
		{Name: "base_url", Help: "The address of the REST API: https://api.github.com, https://api.NAME.ghe.com, or https://HOST/api/v3 of an Enterprise Server.", Default: "https://api.github.com"},
		{Name: "token", Help: "A fine-grained token with Issues and Webhooks read and write, or a classic one with the scopes repo and admin:repo_hook.", Secret: true},
		{Name: "app_id", Help: "GitHub App: its app id or client id."},
		{Name: "private_key", Help: "GitHub App: a private key, the whole PEM file.", Secret: true},
		{Name: "installation_id", Help: "GitHub App: the installation's id, the number at the end of its address; empty: the only one there is."},
		{Name: "webhook_secret", Help: "The secret that signs the webhooks.", Secret: true},
		{Name: "older_webhook_secrets", Help: "Secrets of the webhooks from before, one a line: what they sign is taken in too while a secret is being replaced.", Secret: true},
		{Name: "new_labels", Help: "What becomes of a label that the repository does not have: GitHub creates it with the first issue that gets it, or the field is refused.", Default: labelsCreate, Choices: []string{labelsCreate, labelsRefuse}},
		{Name: "list_lag", Help: "How long GitHub's lists may need to show a change, such as 30s or 2m. A lost create is looked for that long before it is made again.", Default: "1m"},
		{Name: "requests_per_second", Help: "How many requests a second Tenon sends at most.", Default: "12"},
		{Name: "creates_per_minute", Help: "How many issues, milestones and comments a minute Tenon makes at most in the long run; GitHub slows down who makes more than 80.", Default: "60"},
		{Name: "daily_share", Help: "How many percent of the hourly allowance Tenon may use.", Default: "100"},
	}}
}

// Connection is one account of GitHub. It is safe for concurrent use.
type Connection struct {
	name     string
	host     string // of the site that people see, "github.com"
	web      string // its address, without a slash at the end
	graph    string // the address of GraphQL
	lag      time.Duration
	refuse   bool // labels that there are not
	app      *appAuth
	webhooks *connectors.Ring

	http  *rest.Client
	hub   *gogithub.Client // over the same stack
	clock connectors.Clock
	log   *slog.Logger

	repos  repoCache
	meta   metaCache
	people peopleCache
	marks  markCache
	tags   tagCache
	index  indexes

	mu    sync.Mutex
	plain bool // the server knows no sub-issues and no issue types
}

// Open implements connectors.Connector.
func (*Connector) Open(config connectors.Config, options connectors.Options) (connectors.Connection, error) {
	s := config.Settings
	c := &Connection{
		name: config.Name, webhooks: s.Ring("webhook_secret", "older_webhook_secrets"), clock: options.Clock, log: options.Logger,
		refuse: s.Get("new_labels") == labelsRefuse,
	}
	if c.clock == nil {
		c.clock = connectors.SystemClock()
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.log = c.log.With("connector", Kind, "connection", config.Name)
	base, err := c.place(strings.TrimRight(s.Get("base_url"), "/"))
	if err != nil {
		return nil, c.invalid("open", err)
	}
	auth, err := c.credentials(s, base)
	if err != nil {
		return nil, c.invalid("open", err)
	}
	if c.lag, err = lagOf(s); err != nil {
		return nil, c.invalid("open", err)
	}
	pace, creates, err := paceOf(s)
	if err != nil {
		return nil, c.invalid("open", err)
	}
	c.http, err = rest.New(rest.Config{
		Connection: config.Name, BaseURL: base, Auth: auth, Pace: pace, Lanes: map[string]rest.Pace{createLane: creates, writeLane: {PerSecond: writePace, Burst: writeBurst}, graphLane: {PerSecond: graphPace, Burst: graphPace}, searchLane: {PerSecond: 0.5, Burst: 15}},
		Header: headers(), Explain: explain(c.clock), Limits: limits,
	}, options)
	if err != nil {
		return nil, c.invalid("open", err)
	}
	if c.hub, err = c.library(base); err != nil {
		return nil, c.invalid("open", err)
	}
	return c, nil
}

// place works out where the site, its API and its GraphQL are, and returns the
// base address of REST.
func (c *Connection) place(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", errors.New(`setting "base_url" is no address: write https://api.github.com, or https://HOST/api/v3 for an Enterprise Server`)
	}
	site := *u
	site.Path, c.graph = "", base+"/graphql"
	switch {
	case strings.HasSuffix(u.Path, "/api/v3"):
		site.Path = strings.TrimSuffix(u.Path, "/api/v3")
		c.graph = strings.TrimSuffix(base, "/v3") + "/graphql"
	case strings.EqualFold(u.Host, "github.com"):
		return "", errors.New(`setting "base_url": https://github.com is the site; its API is https://api.github.com`)
	case u.Path != "":
		return "", fmt.Errorf(`setting "base_url": the API of an Enterprise Server is https://%s/api/v3`, u.Host)
	default:
		site.Host = strings.TrimPrefix(site.Host, "api.") // of a sandbox, the same
	}
	c.host, c.web = site.Host, strings.TrimRight(site.String(), "/")
	return base, nil
}

func lagOf(s connectors.Settings) (time.Duration, error) {
	lag, err := time.ParseDuration(s.Get("list_lag"))
	if err != nil || lag < time.Second || lag > time.Hour {
		return 0, fmt.Errorf("setting \"list_lag\": %q is no time between 1s and 1h; write 1m", s.Get("list_lag"))
	}
	return lag, nil
}

// Lanes with a pace of their own.
const (
	createLane = "create"
	writeLane  = "write"
	graphLane  = "graphql"
	searchLane = "search"
)

const (
	// createBurst is how many creates may follow each other at once: with 60 a
	// minute they stay within the 80 of GitHub's secondary limit.
	createBurst = 20
	// writePace is how many changes by REST a second are sent in the long run, and
	// writeBurst how many at once. GitHub counts a write as five points, of which
	// it gives 900 a minute; creates take up to 400 of them.
	writePace  = 1.5
	writeBurst = 20
	// graphPace is how many queries a second GraphQL gets at most. It allows 2000
	// points a minute, and a query is one, a change five.
	graphPace = 5
	// concurrent is how many requests are under way at most; GitHub allows 100 to
	// all programs of an account.
	concurrent = 8
)

func paceOf(s connectors.Settings) (all, creates rest.Pace, err error) {
	all.Concurrent, creates.Burst = concurrent, createBurst
	perSecond, err := strconv.ParseFloat(s.Get("requests_per_second"), 64)
	if err != nil || perSecond <= 0 || perSecond > 1000 {
		return all, creates, fmt.Errorf("setting \"requests_per_second\": %q is no number between 0 and 1000", s.Get("requests_per_second"))
	}
	perMinute, err := strconv.ParseFloat(s.Get("creates_per_minute"), 64)
	if err != nil || perMinute <= 0 || perMinute > 10_000 {
		return all, creates, fmt.Errorf("setting \"creates_per_minute\": %q is no number between 0 and 10000", s.Get("creates_per_minute"))
	}
	share, err := strconv.Atoi(strings.TrimSuffix(s.Get("daily_share"), "%"))
	if err != nil || share < 1 || share > 100 {
		return all, creates, fmt.Errorf("setting \"daily_share\": %q is no percentage between 1 and 100", s.Get("daily_share"))
	}
	all.PerSecond, all.Burst, all.DailyShare = perSecond, max(int(8*perSecond), 1), share
	creates.PerSecond = perMinute / 60
	return all, creates, nil
}

// Facts implements connectors.Connection.
func (c *Connection) Facts() connectors.Facts {
	return connectors.Facts{
		ReadBatch: readBatch, CreateBatch: 1, UpdateBatch: updateBatch,
		IndexLag: c.lag, TimePrecision: time.Second, SetEdits: true, WebhookVersions: true, PollInterval: time.Minute,
	}
}

// Abilities implements connectors.AbilityTeller.
func (c *Connection) Abilities() connectors.Abilities {
	a := connectors.Abilities{
		Finder: c, PeopleFinder: c, Commenter: c, HistoryReader: c, Deleter: c, Locator: c, RightsChecker: c, BudgetTeller: c, Filer: c,
	}
	if c.webhooks.Len() > 0 { // else deliveries could not be checked
		a.WebhookSource, a.WebhookRegistrar = c, c
	}
	return a
}

// Budget implements connectors.BudgetTeller.
func (c *Connection) Budget() connectors.Budget { return c.http.Budget() }

// Close implements connectors.Connection.
func (c *Connection) Close() error { return c.http.Close() }

func (c *Connection) invalid(op string, err error) error {
	return &connectors.Error{Op: op, Connection: c.name, Kind: connectors.Invalid, Err: err}
}

func (c *Connection) fail(op, record string, kind connectors.Kind, format string, args ...any) *connectors.Error {
	return &connectors.Error{Op: op, Connection: c.name, Record: record, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// checkObject refuses objects that GitHub does not have here.
func (c *Connection) checkObject(op, name string) error {
	if name == issueObject || name == milestoneObject {
		return nil
	}
	return c.fail(op, "", connectors.NotFound, "GitHub has no object %q here: there are %q and %q", name, issueObject, milestoneObject)
}

// issuesOnly refuses objects that are no issues.
func (c *Connection) issuesOnly(op, name, what string) error {
	if err := c.checkObject(op, name); err != nil || name == issueObject {
		return err
	}
	return c.fail(op, "", connectors.Invalid, "a milestone has no %s", what)
}

// ref names a record in errors.
func ref(object, id string) string { return object + "/" + id }

// asError returns the connection's error in err's chain.
func asError(err error) (*connectors.Error, bool) {
	return errors.AsType[*connectors.Error](err)
}
