package trello

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// Credentials of the emulated site, for those who leave them unset.
const (
	DefaultKey    = "7e0a5a4d0b0c4e119d5b00500000001a"
	DefaultToken  = "ATTA7e0f4c5e9b7a6a3057ab4c1d8a0b00500000002f3c5f0f0e1c4b4c5eb4f57e00500000037D1E5A0C"
	DefaultSecret = "3c5f0f0e1c4b4c5eb4f57e0050000004de7e10be7e00500000059b7a6a3057ab"
)

// The boards that exist from the start, by name.
const (
	DefaultBoard  = "Client delivery" // the demo's, with custom fields
	InternalBoard = "Office and events"
	TemplateBoard = "Template: client project"
)

// People of the sandbox, by e-mail. The bot is whose token Tenon uses.
const (
	Ada   = "ada.okafor@harbourworks.example"
	Jonas = "jonas.lindqvist@harbourworks.example"
	Mei   = "mei.tanaka@harbourworks.example"
	Bot   = "tenon@harbourworks.example"
)

// Limits bound the calls of a client. A zero field means the wide default, a
// negative one no limit.
type Limits struct {
	Token  int // calls of a token in any 10 s; 10 000
	Key    int // calls of a key in any 10 s; 30 000
	Member int // calls of a token to /members, /search and the like in any 900 s; 10 000
}

// VendorLimits returns the limits that Trello documents.
func VendorLimits() Limits { return Limits{Token: 100, Key: 300, Member: 100} }

// Options configure a System. The zero value works.
type Options struct {
	Seed   uint64
	Clock  kit.Clock // the machine's clock unless set
	Limits Limits
	// Lag is how long the search index is behind; 5 s unless set, none if
	// negative. Everything else is up to date at once.
	Lag time.Duration
	// Key, Token and Secret are the app's key, the bot's token and the app's
	// secret; the defaults unless set.
	Key, Token, Secret string
	// ShowEmails lets the API tell people's e-mails, as Trello does to the
	// admins of an enterprise only.
	ShowEmails bool
	// WebhookTarget is the address of a webhook on the default board that exists
	// from the start.
	WebhookTarget string
	// WebhookDoubles is the share of deliveries that are sent twice, 0.02
	// unless set, none if negative.
	WebhookDoubles float64
	// NoSeed starts without cards: boards, lists, labels, custom fields and
	// people exist.
	NoSeed bool
	// Transport sends the webhooks and their HEAD check; optional.
	Transport http.RoundTripper
}

func (o *Options) fill() {
	set := func(s *string, unset string) {
		if *s == "" {
			*s = unset
		}
	}
	wide := func(n *int, unset int) {
		if *n == 0 {
			*n = unset
		}
	}
	set(&o.Key, DefaultKey)
	set(&o.Token, DefaultToken)
	set(&o.Secret, DefaultSecret)
	if o.Clock == nil {
		o.Clock = kit.RealClock()
	}
	if o.Lag == 0 {
		o.Lag = 5 * time.Second
	}
	if o.WebhookDoubles == 0 {
		o.WebhookDoubles = 0.02
	}
	wide(&o.Limits.Token, 10_000)
	wide(&o.Limits.Key, 30_000)
	wide(&o.Limits.Member, 10_000)
}

// System is one emulated Trello site. It is an http.Handler for its whole
// origin and safe for concurrent use.
type System struct {
	opts    Options
	clock   kit.Clock
	host    *kit.Host
	outbox  *kit.Outbox
	checks  *http.Client // sends the HEAD checks of webhooks
	pages   *kit.Pages
	handler http.Handler
	routes  router

	mu       sync.Mutex // guards all that follows
	rand     *kit.Rand
	doubles  *kit.Rand
	machine  string // the middle of all ids
	counter  int
	uiBase   string // where people see the pages; empty: at Trello
	limits   *limits
	emails   bool
	accepted bool // POSTs are answered 202, see control
	tokens   map[string]*token
	members  []*member
	boards   []*board
	lists    map[string]*list
	cards    map[string]*card
	links    map[string]string // ids of cards and boards by shortLink
	actions  map[string]*action
	webhooks []*webhook
	org      string
}

// New returns a seeded site (unless NoSeed) that is ready to serve. Close it.
func New(opts Options) *System {
	opts.fill()
	s := &System{opts: opts, clock: opts.Clock}
	s.host = kit.NewHost("trello", opts.Seed, opts.Clock)
	s.host.Title, s.host.Accent = pageTitle, pageAccent
	s.host.RenderError = renderFault
	s.host.Flush = s.Flush
	s.host.Reseed = s.Reseed
	s.checks = s.checkClient()
	s.outbox = s.newOutbox()
	s.host.Outbox = s.outbox
	s.pages = newPages()
	s.reset(opts.Seed)
	s.routes = newRouter()
	s.controlRoutes()
	s.handler = s.host.Handler(http.HandlerFunc(s.serveAPI), s.pageRoutes(), isPage)
	return s
}

// reset drops everything and builds the site anew.
func (s *System) reset(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rand, s.doubles = kit.NewRand(seed, "trello"), kit.NewRand(seed, "trello/doubles")
	s.machine, s.counter = hex(s.rand.Uint64(), 10), s.rand.IntN(1<<20)
	s.limits = newLimits(s.clock, s.opts.Limits)
	s.emails, s.accepted = s.opts.ShowEmails, false
	s.tokens, s.members, s.boards = map[string]*token{}, nil, nil
	s.lists, s.cards, s.links = map[string]*list{}, map[string]*card{}, map[string]string{}
	s.actions, s.webhooks = map[string]*action{}, nil
	s.sow(seed)
	if s.opts.WebhookTarget != "" {
		s.subscribe(s.opts.WebhookTarget, s.boards[0].id, "from the start", s.tokens[s.opts.Token])
	}
}

// ServeHTTP answers for the whole origin: API, pages and control calls.
func (s *System) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Faults returns the switchable faults of the API and of the webhooks.
func (s *System) Faults() *kit.Faults { return s.host.Faults }

// Requests returns the log of the API's requests.
func (s *System) Requests() *kit.RequestLog { return s.host.Log }

// Outbox returns the queue of webhook requests.
func (s *System) Outbox() *kit.Outbox { return s.outbox }

// Close stops the webhooks and waits for those under way.
func (s *System) Close() {
	s.outbox.Close()
	s.checks.CloseIdleConnections()
}

// Reseed drops all records, tokens, webhooks and pending deliveries and sows
// again.
func (s *System) Reseed(seed uint64) error {
	s.outbox.Clear()
	s.reset(seed)
	return nil
}

// Flush sends all pending webhooks now, each once.
func (s *System) Flush(ctx context.Context) error { return s.outbox.Flush(ctx) }

// SetUI says where people reach this site's pages; links to cards and boards
// lead there. Empty: to trello.com, as the real API's.
func (s *System) SetUI(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uiBase = base
}

// now returns the time in whole milliseconds, as Trello keeps it.
func (s *System) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }
