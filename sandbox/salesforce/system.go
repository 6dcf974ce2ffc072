package salesforce

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/salesforce/pubsub"
)

// Credentials of an emulated organisation, for those who leave them unset.
const (
	DefaultClientID     = "3MVG9tenonSandboxConsumerKey000000000000000000000000000000000000000000000000000000001"
	DefaultClientSecret = "7E0050000000000000000000000000000000000000000000000000000000C0DE"
	// DefaultUsername is the login name of the user that API clients run as.
	DefaultUsername = "tenon.integration@harbourworks.example.sandbox"
	// DefaultRefreshToken belongs to that user.
	DefaultRefreshToken = "5Aep861tenonSandboxRefreshToken00000000000000000000000000000000000000000000000000001"
)

// Audiences are the two login hosts that a JWT may name as its audience besides
// the sandbox's own address.
var Audiences = []string{"https://login.salesforce.com", "https://test.salesforce.com"}

// APIVersion is the newest version that the sandbox speaks.
const APIVersion = "66.0"

// Limits bound the calls of the organisation. A zero field means the wide
// default, a negative one no limit.
type Limits struct {
	Daily int // API calls in any 24 h; 1 000 000
	// PerApp is the share of them that the connected app may use; no bound unless
	// set.
	PerApp int
}

// VendorLimits returns the limits of a Developer Edition organisation.
func VendorLimits() Limits { return Limits{Daily: 15_000} }

// Options configure a System. The zero value works.
type Options struct {
	Seed   uint64
	Clock  kit.Clock // the machine's clock unless set
	Limits Limits
	// WebhookTarget is where outbound messages go; none are sent while it is empty.
	WebhookTarget string
	// WebhookDoubles is the share of outbound messages that are sent twice, 0.02
	// unless set, none if negative.
	WebhookDoubles float64
	ClientID       string
	ClientSecret   string
	RefreshToken   string
	// Certificate is the PEM of the X.509 certificate or public key that was
	// registered for JWTs; that of DefaultPrivateKey unless set.
	Certificate string
	// LoginHost is the name (host:port) that counts as login.salesforce.com: the
	// client credentials flow is refused there. Empty: none does.
	LoginHost string
	// InstanceURL is the instance_url of token answers; the address that was asked
	// unless set.
	InstanceURL string
	// Redirects are the callback addresses that the app has registered; empty: any.
	Redirects []string
	// RotateRefreshTokens gives out a new refresh token with each refresh and
	// revokes the old one.
	RotateRefreshTokens bool
	// SessionLife is how long a session lasts without use; 2 h unless set.
	SessionLife time.Duration
	// NotApproved leaves the integration user unapproved for the app.
	NotApproved bool
	// Bare leaves out the custom fields and objects of the sandbox, so that the
	// organisation is as Salesforce makes it.
	Bare bool
	// Currencies make it a multi-currency organisation, the first being the
	// corporate one; empty: one currency, which no record names.
	Currencies []string
	// AssignmentRules gives cases and leads that the API creates to a queue, unless
	// the client sends Sforce-Auto-Assign: FALSE.
	AssignmentRules bool
	// NoSeed starts without business records: users and definitions only.
	NoSeed bool
	// Transport sends the outbound messages; optional.
	Transport http.RoundTripper
}

func (o *Options) fill() {
	set := func(s *string, unset string) {
		if *s == "" {
			*s = unset
		}
	}
	set(&o.ClientID, DefaultClientID)
	set(&o.ClientSecret, DefaultClientSecret)
	set(&o.RefreshToken, DefaultRefreshToken)
	set(&o.Certificate, defaultCertificate)
	if o.Clock == nil {
		o.Clock = kit.RealClock()
	}
	if o.SessionLife == 0 {
		o.SessionLife = 2 * time.Hour
	}
	if o.Limits.Daily == 0 {
		o.Limits.Daily = 1_000_000
	}
	if o.WebhookDoubles == 0 {
		o.WebhookDoubles = 0.02
	}
}

// System is one emulated organisation. It is an http.Handler for its whole
// origin, which is login host, My Domain and instance at once, and safe for
// concurrent use.
type System struct {
	opts    Options
	clock   kit.Clock
	host    *kit.Host
	pages   *kit.Pages
	handler http.Handler
	router  *router
	events  *pubsub.Server
	outbox  *kit.Outbox

	mu      sync.Mutex // guards all that follows
	rand    *kit.Rand
	org     string    // id of the organisation
	apiUser string    // id of the integration user
	users   []*record // people, those of the seed
	version string    // of the call under way
	zone    *time.Location
	uiBase  string // where people see the pages; empty: where they ask
	convert string // address of the link that converts; empty: none

	objects  []*object
	byName   map[string]*object
	byPrefix map[string]*object
	schemaAt time.Time
	// definedAt is the schemaAt for which the definitions were made.
	definedAt time.Time

	sessions map[string]*session
	codes    map[string]*grant
	refresh  map[string]*grant
	usage    *kit.Window
	used     int

	hidden, readOnly, noRights, ungranted map[string]bool
	rowLocks                              map[string]bool
	nextLocks                             int
	replicated                            int // ids that a replication call answers at most
	lockRate                              float64
	validations                           []compiledRule
	triggers                              []compiledTrigger
	duplicates                            []DuplicateRule

	txs          int64
	commits      int64
	out          outbound
	listeners    map[int]func(Commit)
	nextListener int
	deferred     []deferredWork
	locators     map[string]*locator
	jobs         map[string]*job
	jobIDs       []string
	channels     []members // of Tooling: channels and their members
}

// deferredWork is done as of its time by the first call after that.
type deferredWork struct {
	at    time.Time
	since time.Time // when its transaction began; zero: it is none
	do    func(at time.Time)
}

// New returns a seeded organisation (unless NoSeed) that is ready to serve.
// Close it.
func New(opts Options) *System {
	opts.fill()
	s := &System{opts: opts, clock: opts.Clock, listeners: map[int]func(Commit){}}
	s.host = kit.NewHost("salesforce", opts.Seed, opts.Clock)
	s.host.Title, s.host.Accent = pageTitle, pageAccent
	s.host.RenderError = s.renderFault
	s.host.Flush = s.Flush
	s.host.Reseed = s.Reseed
	s.pages = newPages()
	s.router = newRouter()
	s.reset(opts.Seed)
	s.startEvents()
	s.startOutbound()
	s.controlRoutes()
	s.handler = s.host.Handler(http.HandlerFunc(s.serveAPI), s.pageRoutes(), isPage)
	return s
}

// reset drops everything and builds the organisation anew.
func (s *System) reset(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rand = kit.NewRand(seed, "salesforce")
	s.version, s.zone = APIVersion, time.UTC
	s.objects, s.byName, s.byPrefix = nil, map[string]*object{}, map[string]*object{}
	s.sessions, s.codes, s.refresh = map[string]*session{}, map[string]*grant{}, map[string]*grant{}
	s.usage, s.used = kit.NewRollingWindow(s.clock, s.opts.Limits.Daily, 24*time.Hour), 0
	s.hidden, s.readOnly, s.noRights, s.ungranted = map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	s.rowLocks, s.nextLocks, s.lockRate = map[string]bool{}, 0, 0
	s.replicated = maxReplicated
	s.validations, s.triggers, s.duplicates = nil, nil, nil
	s.deferred, s.locators, s.jobs, s.jobIDs, s.channels = nil, map[string]*locator{}, map[string]*job{}, nil, nil
	s.loadObjects()
	if s.opts.Bare {
		s.stripCustom()
	}
	s.addCurrencies(s.opts.Currencies)
	s.schemaAt = s.now()
	for i, o := range s.objects {
		o.nextID = 1_000_000*(i+1) + s.rand.IntN(900_000) // several objects share a prefix
	}
	s.seedOrganisation()
	s.seedCurrencies(s.opts.Currencies)
	if !s.opts.NoSeed {
		s.seedRecords()
	}
	s.refresh[s.opts.RefreshToken] = &grant{clientID: s.opts.ClientID, user: s.apiUser, scope: "api refresh_token"}
}

// stripCustom drops all custom fields and objects.
func (s *System) stripCustom() {
	s.objects = slices.DeleteFunc(s.objects, func(o *object) bool { return o.custom })
	s.byName, s.byPrefix = map[string]*object{}, map[string]*object{}
	for _, o := range s.objects {
		for _, f := range slices.Clone(o.fields) {
			if f.custom {
				o.drop(f.name)
			}
			f.references = slices.DeleteFunc(f.references, func(n string) bool { return n == "Project__c" || n == "Milestone__c" })
		}
		list := s.objects
		s.addObject(o)
		s.objects = list
	}
}

// ServeHTTP answers for the whole origin: API, login, pages and control calls.
func (s *System) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Faults returns the switchable faults of the API and of the outbound messages.
func (s *System) Faults() *kit.Faults { return s.host.Faults }

// Requests returns the log of the API's requests.
func (s *System) Requests() *kit.RequestLog { return s.host.Log }

// Close stops what the System does by itself.
func (s *System) Close() {
	s.events.Close()
	s.outbox.Close()
}

// Reseed drops all records, definitions and sessions and sows again.
func (s *System) Reseed(seed uint64) error {
	s.reset(seed)
	return nil
}

// Flush commits all transactions that are still open, tells their events and
// sends their outbound messages.
func (s *System) Flush(ctx context.Context) error {
	s.commitAll()
	s.events.Flush()
	return s.outbox.Flush(ctx)
}

func (s *System) commitAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	work := s.deferred
	s.deferred = nil
	slices.SortStableFunc(work, func(a, b deferredWork) int { return a.at.Compare(b.at) })
	for _, d := range work {
		d.do(s.now())
	}
}

// now returns the time in whole milliseconds.
func (s *System) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// tick does the work that is due. It is called with mu held before anything is
// read or written.
func (s *System) tick() time.Time {
	now := s.now()
	if len(s.deferred) == 0 {
		return now
	}
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
	return now
}

// SetUI says where people see the organisation's pages, such as
// "http://127.0.0.1:8003". Unset, pages are where they are asked for.
func (s *System) SetUI(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uiBase = base
}

// SetConvertLink sets the address in the formula Convert_to_Project__c, which
// appends "?id=" and the record's id of 15 characters; empty: the formula is
// null.
func (s *System) SetConvertLink(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.convert = address
}
