package trello

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Kind is the connector's kind in configurations.
const Kind = "trello"

// The objects of Trello that Tenon knows: cards, and the items of their
// checklists, which the tasks of a mapping become.
const (
	objectCard = "card"
	objectItem = "checkitem"
)

// Connector opens connections to Trello. The zero value is ready to use.
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
	_ connectors.Archiver         = (*Connection)(nil)
	_ connectors.Locator          = (*Connection)(nil)
	_ connectors.RightsChecker    = (*Connection)(nil)
	_ connectors.BudgetTeller     = (*Connection)(nil)
	_ connectors.Filer            = (*Connection)(nil)
	_ connectors.BatchCommenter   = (*Connection)(nil)
	_ connectors.BatchFiler       = (*Connection)(nil)
)

// markPage is where the link of a new card leads that no rule gives one.
const markPage = "https://github.com/tenonsync/tenon"

// Info implements connectors.Connector.
func (*Connector) Info() connectors.Info {
	return connectors.Info{Kind: Kind, Label: "Trello", Settings: []connectors.Setting{
		{Name: "key", Help: "The API key of your app (trello.com/apps/admin, the app, API key).", Required: true},
		{Name: "token", Help: "The token that the bot's account granted to the app: open the Token link beside the API key, logged in as the bot.", Required: true, Secret: true},
		{Name: "api_secret", Help: "The app's secret (beside the API key), which signs webhooks. Without it Tenon polls.", Secret: true},
		{Name: "older_api_secrets", Help: "The app's secrets from before, one a line: webhooks that they sign are taken in too while the secret is being replaced.", Secret: true},
		{Name: "mark_url", Help: "Where the link leads that marks a card that Tenon made, unless the mapping gives the card a Link of its own.", Default: markPage},
		{Name: "create_labels", Help: "Whether a label that the board lacks is made when a rule writes it.", Default: "no", Choices: []string{"no", "yes"}},
		{Name: "checklist", Help: "The name of the checklist that the tasks of a mapping go into.", Default: "Tasks"},
		{Name: "file_limit_mb", Help: "How large a file the workspace's plan takes, in megabytes: 10 on a free plan, 250 on a paid one. What is larger is attached as a link.", Default: "10"},
		{Name: "base_url", Help: "The address of Trello's API; another one only for a sandbox.", Default: "https://api.trello.com"},
		{Name: "requests_per_second", Help: "How many requests a second Tenon sends at most; empty: as Trello's headers allow."},
	}}
}

// Connection is one account of Trello. It is safe for concurrent use.
type Connection struct {
	name         string
	base         *url.URL
	token        string
	markURL      string
	createLabels bool
	checklist    string
	fileLimit    int64
	secrets      *connectors.Ring

	http  *rest.Client
	clock connectors.Clock
	log   *slog.Logger

	me     self
	boards boardCache
	lists  listings
	steps  steps
	labels turn // makes labels one after the other
	tasks  turn // makes checklists one after the other
}

// Open implements connectors.Connector.
func (*Connector) Open(config connectors.Config, options connectors.Options) (connectors.Connection, error) {
	s := config.Settings
	c := &Connection{
		name: config.Name, token: s.Get("token"), markURL: s.Get("mark_url"), createLabels: s.Get("create_labels") == "yes",
		checklist: s.Get("checklist"), secrets: s.Ring("api_secret", "older_api_secrets"), clock: options.Clock, log: options.Logger,
		labels: newTurn(), tasks: newTurn(),
	}
	if c.clock == nil {
		c.clock = connectors.SystemClock()
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.log = c.log.With("connector", Kind, "connection", config.Name)
	if err := c.check(s); err != nil {
		return nil, c.fail("open", "", connectors.Invalid, "%w", err)
	}
	var err error
	if c.fileLimit, err = fileLimitOf(s); err != nil {
		return nil, c.fail("open", "", connectors.Invalid, "%w", err)
	}
	pace, err := paceOf(s)
	if err != nil {
		return nil, c.fail("open", "", connectors.Invalid, "%w", err)
	}
	c.http, err = rest.New(rest.Config{
		Connection: config.Name, BaseURL: strings.TrimRight(s.Get("base_url"), "/") + "/1", Pace: pace,
		Auth:   rest.Header("Authorization", authorization(s.Get("key"), c.token), c.token),
		Header: map[string][]string{"X-Trello-Client-Identifier": {"tenon"}}, Explain: explain, Limits: limitHeaders.Read,
	}, options)
	if err != nil {
		return nil, c.fail("open", "", connectors.Invalid, "%w", err)
	}
	c.base = c.http.Base()
	return c, nil
}

func (c *Connection) check(s connectors.Settings) error {
	for _, name := range []string{"key", "token"} {
		if v := s.Get(name); strings.ContainsAny(v, "\"\r\n\t ") {
			return fmt.Errorf("setting %q holds a quotation mark or white space: copy it again", name)
		}
	}
	u, err := url.Parse(c.markURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New(`setting "mark_url" is no address: write https://tenon.example.com`)
	}
	if strings.TrimSpace(c.checklist) == "" || len(c.checklist) > 200 {
		return errors.New(`setting "checklist" is no name of a checklist: write Tasks`)
	}
	return nil
}

func paceOf(s connectors.Settings) (rest.Pace, error) {
	p := rest.Pace{Untold: 5}
	if v := s.Get("requests_per_second"); v != "" {
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || !(n > 0 && n <= 1000) {
			return p, fmt.Errorf("setting \"requests_per_second\": %q is no number between 0 and 1000", v)
		}
		p.PerSecond = n
	}
	return p, nil
}

const (
	// listLag is how long board lists may need to show a change. None was ever
	// seen; the overlap also covers that activity is dated on other machines than
	// the one that answers.
	listLag = 10 * time.Second
	// keyLag is the same for the link that marks a new card: it is there with it.
	keyLag = 3 * time.Second
)

// Facts implements connectors.Connection.
func (c *Connection) Facts() connectors.Facts {
	return connectors.Facts{
		ReadBatch: readBatch, CreateBatch: 1, UpdateBatch: 1, IndexLag: listLag, KeyLag: keyLag,
		TimePrecision: time.Millisecond, SetEdits: true, PollInterval: time.Minute,
	}
}

// Abilities implements connectors.AbilityTeller.
func (c *Connection) Abilities() connectors.Abilities {
	a := connectors.Abilities{
		Finder: c, PeopleFinder: c, Commenter: c, HistoryReader: c, Deleter: c, Archiver: c, BudgetTeller: c, Locator: c, RightsChecker: c, Filer: c,
	}
	if c.secrets.Len() > 0 { // else deliveries could not be checked
		a.WebhookSource, a.WebhookRegistrar = c, c
	}
	return a
}

// Close implements connectors.Connection.
func (c *Connection) Close() error { return c.http.Close() }

func (c *Connection) fail(op, record string, kind connectors.Kind, format string, args ...any) *connectors.Error {
	return &connectors.Error{Op: op, Connection: c.name, Record: record, Kind: kind, Err: fmt.Errorf(format, args...)}
}

// checkObject refuses objects that Trello does not have here.
func (c *Connection) checkObject(op, name string) error {
	if name == objectCard || name == objectItem {
		return nil
	}
	return c.fail(op, "", connectors.NotFound, "Trello has no object %q: the objects are %q and, for tasks, %q", name, objectCard, objectItem)
}

// onlyCards refuses what is done with cards only.
func (c *Connection) onlyCards(op, name string) error {
	if name == objectItem {
		return c.fail(op, "", connectors.Invalid, "items of checklists have none: only cards do")
	}
	return c.checkObject(op, name)
}

// ref names a card in errors.
func ref(id string) string { return objectCard + "/" + id }
