package hubspot

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// Credentials of an emulated account, for those who leave them unset.
const (
	DefaultToken        = "pat-eu1-5a4d0b0c-7e11-4e0a-9d5b-7e0050000001"
	DefaultClientID     = "9b7a6a30-57ab-4c1d-8a0b-7e0050000002"
	DefaultClientSecret = "3c5f0f0e-1c4b-4c5e-b4f5-7e0050000003"
	DefaultDeveloperKey = "eu1-de7e-10be-7e0050000004"
)

// Limits bound the calls of a client. A zero field means the wide default, a
// negative one no limit.
type Limits struct {
	Burst  int // calls of a token in any 10 s; 10 000
	Daily  int // calls of the account's private apps a day, which ends at midnight of its time zone; 1 000 000
	Search int // searches of the account a second; 1 000
}

// VendorLimits returns the limits of a Professional account.
func VendorLimits() Limits { return Limits{Burst: 190, Daily: 625_000, Search: 5} }

// Options configure a System. The zero value works.
type Options struct {
	Seed   uint64
	Clock  kit.Clock // the machine's clock unless set
	Limits Limits
	// Lag is how long, on average, the search index is behind; 2 s unless set,
	// none if negative. Single writes vary by half of it.
	Lag time.Duration
	// WebhookTarget receives webhook events; none are sent while it is empty.
	WebhookTarget string
	// WebhookWindow is how long events are collected for one request; 100 ms
	// unless set.
	WebhookWindow time.Duration
	// WebhookDoubles is the share of webhook requests that are sent twice, 0.02
	// unless set, none if negative.
	WebhookDoubles float64
	// Token is the static token; DefaultToken unless set. Scopes limits it; nil
	// means all.
	Token        string
	Scopes       []string
	ClientID     string
	ClientSecret string
	DeveloperKey string
	// Redirects are the redirect URLs that the OAuth app has registered; empty:
	// any that HubSpot could register.
	Redirects []string
	// AppScopes are the scopes that the OAuth app has; empty: all.
	AppScopes []string
	// PortalID is the account's id; one of the sandbox's unless set.
	PortalID int
	// RotateRefreshTokens gives out a new refresh token with each refresh and
	// revokes the old one.
	RotateRefreshTokens bool
	// NoLegacyPaths turns the v1 to v4 spellings off, as HubSpot will in 2027.
	NoLegacyPaths bool
	// CompanyPerDomain makes a company for a new contact's e-mail domain, or links
	// the one that has it, some seconds later: a setting of real accounts.
	CompanyPerDomain bool
	// NoSettling keeps fresh records from changing once more by themselves.
	NoSettling bool
	// Bare leaves out the deals' properties and stages that the demo's mapping
	// wants, so that the account is as HubSpot makes it. Records in such stages
	// are not sown: set NoSeed, too.
	Bare bool
	// NoSeed starts with an empty account: definitions but no records.
	NoSeed bool
	// Transport sends the webhooks; optional.
	Transport http.RoundTripper
}

func (o *Options) fill() {
	set := func(s *string, unset string) {
		if *s == "" {
			*s = unset
		}
	}
	set(&o.Token, DefaultToken)
	set(&o.ClientID, DefaultClientID)
	set(&o.ClientSecret, DefaultClientSecret)
	set(&o.DeveloperKey, DefaultDeveloperKey)
	if o.Clock == nil {
		o.Clock = kit.RealClock()
	}
	if o.Lag == 0 {
		o.Lag = 2 * time.Second
	}
	if o.WebhookWindow == 0 {
		o.WebhookWindow = 100 * time.Millisecond
	}
	if o.WebhookDoubles == 0 {
		o.WebhookDoubles = 0.02
	}
	wide := func(n *int, unset int) {
		if *n == 0 {
			*n = unset
		}
	}
	wide(&o.Limits.Burst, 10_000)
	wide(&o.Limits.Daily, 1_000_000)
	wide(&o.Limits.Search, 1_000)
}

// System is one emulated HubSpot account. It is an http.Handler for its whole
// origin and safe for concurrent use.
type System struct {
	opts    Options
	clock   kit.Clock
	host    *kit.Host
	outbox  *kit.Outbox
	pages   *kit.Pages
	handler http.Handler
	mux     *http.ServeMux

	mu       sync.Mutex // guards all that follows
	rand     *kit.Rand
	portalID int
	appID    int
	uiDomain string
	uiBase   string // where people see the pages; empty: at HubSpot
	currency string
	zone     *time.Location
	owners   []*owner

	types     []*objectType
	linkTypes []*linkType
	nextType  int // number of the next custom object type
	nextLink  int // number of the next association type

	files    map[int64]*file
	nextFile int64

	tokens  map[string]*token
	codes   map[string]*grant
	refresh map[string]*grant
	limits  *limits
	hidden  map[string]bool // "0-3/amount": no right to see or write it

	indexWork []indexEntry
	indexNext time.Time
	deferred  []deferredWork

	target        string
	throttle      int
	settingsAt    time.Time
	subscriptions []*subscription
	nextSub       int
	open          *eventBatch // collects events until its window ends
	nextEvent     int64
	actions       map[string]*actionRun
	hollow        int // batch writes that will answer 2xx, with errors but without results
}

type deferredWork struct {
	at time.Time
	do func(at time.Time)
}

// New returns a seeded account (unless NoSeed) that is ready to serve. Close it.
func New(opts Options) *System {
	opts.fill()
	s := &System{opts: opts, clock: opts.Clock, target: opts.WebhookTarget, throttle: 10}
	s.host = kit.NewHost("hubspot", opts.Seed, opts.Clock)
	s.host.Title, s.host.Accent = pageTitle, pageAccent
	s.host.RenderError = s.renderFault
	s.host.Flush = s.Flush
	s.host.Reseed = s.Reseed
	s.outbox = s.newOutbox()
	s.host.Outbox = s.outbox
	s.pages = newPages()
	s.reset(opts.Seed)
	s.mux = s.routes()
	s.controlRoutes()
	s.handler = s.host.Handler(http.HandlerFunc(s.serveAPI), s.pageRoutes(), isPage)
	return s
}

// reset drops everything and builds the account anew.
func (s *System) reset(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rand = kit.NewRand(seed, "hubspot")
	s.portalID, s.appID = 147_900_000+s.rand.IntN(90_000), 18_221_010
	if s.opts.PortalID != 0 {
		s.portalID = s.opts.PortalID
	}
	s.uiDomain, s.currency = "app-eu1.hubspot.com", "EUR"
	s.zone = time.FixedZone("Europe/Berlin", 3600)
	if zone, err := time.LoadLocation("Europe/Berlin"); err == nil {
		s.zone = zone
	}
	s.types, s.linkTypes, s.nextType, s.nextLink = nil, nil, 4_000_000+s.rand.IntN(900_000), 21
	for _, spec := range standardTypes {
		ot := newObjectType(spec)
		ot.nextID = 300_000_000_000 + int64(s.rand.IntN(400_000_000))*1000
		s.types = append(s.types, ot)
	}
	s.loadStandardProperties()
	s.standardPipelines()
	s.loadLinkTypes()
	s.tokens, s.codes, s.refresh = map[string]*token{}, map[string]*grant{}, map[string]*grant{}
	s.addToken(s.opts.Token, s.opts.Scopes)
	s.limits = newLimits(s.clock, s.opts.Limits)
	s.hidden = map[string]bool{}
	s.indexWork, s.indexNext, s.deferred = nil, time.Time{}, nil
	s.subscriptions, s.nextSub, s.open, s.nextEvent = nil, 25_000, nil, int64(3_000_000_000+s.rand.IntN(900_000_000))
	s.files, s.nextFile = map[int64]*file{}, 190_000_000_000
	s.actions, s.hollow = map[string]*actionRun{}, 0
	s.seedAccount()
	if !s.opts.NoSeed {
		s.seedRecords()
	}
	s.catchUp(s.clock.Now(), true)
	s.defaultSubscriptions()
}

// ServeHTTP answers for the whole origin: API, OAuth, pages and control calls.
func (s *System) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Faults returns the switchable faults of the API and of the webhooks.
func (s *System) Faults() *kit.Faults { return s.host.Faults }

// Requests returns the log of the API's requests.
func (s *System) Requests() *kit.RequestLog { return s.host.Log }

// Outbox returns the queue of webhook requests.
func (s *System) Outbox() *kit.Outbox { return s.outbox }

// Close stops the webhooks and waits for those under way.
func (s *System) Close() { s.outbox.Close() }

// Reseed drops all records, definitions, subscriptions and pending webhooks and
// sows again.
func (s *System) Reseed(seed uint64) error {
	s.outbox.Clear()
	s.reset(seed)
	return nil
}

// Flush lets the search index take over everything, lets fresh records settle
// and sends all pending webhooks now, each once.
func (s *System) Flush(ctx context.Context) error {
	s.mu.Lock()
	now := s.now()
	work := s.deferred
	s.deferred, s.open = nil, nil
	for _, d := range work {
		d.do(now)
	}
	s.catchUp(now, true)
	s.mu.Unlock()
	return s.outbox.Flush(ctx)
}

// now returns the time in whole milliseconds, as HubSpot keeps it.
func (s *System) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// later lets work be done as of at: by the first call after that.
func (s *System) later(at time.Time, do func(at time.Time)) {
	s.deferred = append(s.deferred, deferredWork{at, do})
}

// tick does the work that is due. It is called with mu held before anything is
// read or written.
func (s *System) tick() time.Time {
	now := s.now()
	if len(s.deferred) > 0 {
		var due []deferredWork
		s.deferred = slices.DeleteFunc(s.deferred, func(d deferredWork) bool {
			if d.at.After(now) {
				return false
			}
			due = append(due, d)
			return true
		})
		slices.SortStableFunc(due, func(a, b deferredWork) int { return a.at.Compare(b.at) })
		for _, d := range due {
			d.do(d.at)
		}
	}
	s.catchUp(now, false)
	return now
}
