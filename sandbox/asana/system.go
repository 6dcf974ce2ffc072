package asana

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// Credentials of the emulated workspace, for those who leave them unset.
const (
	DefaultToken        = "2/1209000000000011/1209000000000900:5b1d6f0a7e0050000000000000000001"
	DefaultClientID     = "1209000000000800"
	DefaultClientSecret = "0c6f4a1e7e0050000000000000000002"
	// DefaultUser is the e-mail of whom the token belongs to.
	DefaultUser = "tenon@harbourworks.example"
)

// Limits bound the calls of a token. Zero means no limit.
type Limits struct {
	PerMinute int `json:"perMinute"` // calls; each action of a batch counts
	Search    int `json:"search"`    // searches a minute
	Reads     int `json:"reads"`     // GET at the same time
	Writes    int `json:"writes"`    // others at the same time
	Cost      int `json:"cost"`      // objects walked a minute; may be overdrawn once
}

// VendorLimits returns the limits of a paid workspace.
func VendorLimits() Limits {
	return Limits{PerMinute: 1500, Search: 60, Reads: 50, Writes: 15, Cost: 200_000}
}

// Options configure a System. The zero value works.
type Options struct {
	Seed   uint64
	Clock  kit.Clock // the machine's clock unless set
	Limits Limits    // wide unless set
	// Lag is how long the search index is behind; 20 s unless set, none if
	// negative.
	Lag time.Duration
	// EventDelay is how long the event streams are behind; 2 s unless set, none
	// if negative.
	EventDelay time.Duration
	// WebhookWindow is how long events are collected for one delivery; 100 ms
	// unless set.
	WebhookWindow time.Duration
	// WebhookDoubles is the share of deliveries that come twice, 0.02 unless set,
	// none if negative.
	WebhookDoubles float64
	// JobTime is how long a job runs; 3 s unless set.
	JobTime time.Duration
	// Token is the personal access token; DefaultToken unless set.
	Token        string
	ClientID     string
	ClientSecret string
	// Free takes custom fields and search away, as on the free plan.
	Free bool
	// PublicTargets refuses webhooks to loopback addresses, as Asana does.
	PublicTargets bool
	// NoSeed starts without tasks; the projects, fields, tags and people are there.
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
	if o.Clock == nil {
		o.Clock = kit.RealClock()
	}
	times := func(d *time.Duration, unset time.Duration) {
		if *d == 0 {
			*d = unset
		}
	}
	times(&o.Lag, 20*time.Second)
	times(&o.EventDelay, 2*time.Second)
	times(&o.WebhookWindow, 100*time.Millisecond)
	times(&o.JobTime, 3*time.Second)
	if o.WebhookDoubles == 0 {
		o.WebhookDoubles = 0.02
	}
}

// System is one emulated workspace. It is an http.Handler for its whole origin
// and safe for concurrent use.
type System struct {
	opts    Options
	clock   kit.Clock
	host    *kit.Host
	outbox  *kit.Outbox
	pages   *kit.Pages
	handler http.Handler
	routes  []*route
	greeter *http.Client // sends handshakes

	mu       sync.Mutex // guards all that follows
	rand     *kit.Rand
	zone     *time.Location
	lastGID  int64
	uiBase   string // where people see the pages; empty: at Asana
	calledAt string // the origin that was called last
	free     bool
	denied   bool // the tokens may not write
	blocked  bool // they may not do anything

	workspace   *workspace
	users       []*user
	teams       []*team
	projects    []*project
	tags        []*tag
	fields      []*customField
	templates   []*projectTemplate
	jobs        []*job
	tasks       map[string]*task
	sections    map[string]*section
	stories     map[string]*story
	attachments map[string]*attachment
	options     map[string]*option
	statuses    []*statusUpdate

	tokens  map[string]*token
	codes   map[string]*grant
	refresh map[string]*grant
	usage   map[string]*usage

	offsets map[string]offset
	change  string // announced in the header Asana-Change
	pageCap int    // rows behind which no page begins; 0: any
	syncs   map[string]syncToken
	events  []*event
	lastSeq int64
	hooks   []*webhook
}

// New returns a seeded workspace that is ready to serve. Close it.
func New(opts Options) *System {
	opts.fill()
	s := &System{opts: opts, clock: opts.Clock}
	s.host = kit.NewHost("asana", opts.Seed, opts.Clock)
	s.host.Title, s.host.Accent = pageTitle, pageAccent
	s.host.RenderError = renderFault
	s.host.Flush = s.Flush
	s.host.Reseed = s.Reseed
	s.outbox = s.newOutbox()
	s.host.Outbox = s.outbox
	s.greeter = &http.Client{
		Timeout: 10 * time.Second, Transport: opts.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	s.pages = newPages()
	s.reset(opts.Seed)
	s.routes = s.table()
	s.controlRoutes()
	s.handler = s.host.Handler(http.HandlerFunc(s.serveAPI), s.pageRoutes(), isPage)
	return s
}

func (s *System) reset(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rand = kit.NewRand(seed, "asana")
	s.zone = time.FixedZone("Europe/Berlin", 3600)
	if zone, err := time.LoadLocation("Europe/Berlin"); err == nil {
		s.zone = zone
	}
	s.lastGID = 1_209_000_000_001_000
	s.free, s.denied, s.blocked, s.pageCap = s.opts.Free, false, false, 0
	s.users, s.teams, s.projects, s.tags, s.fields, s.templates, s.jobs, s.statuses = nil, nil, nil, nil, nil, nil, nil, nil
	s.tasks, s.sections, s.stories = map[string]*task{}, map[string]*section{}, map[string]*story{}
	s.attachments, s.options = map[string]*attachment{}, map[string]*option{}
	s.tokens, s.codes, s.refresh, s.usage = map[string]*token{}, map[string]*grant{}, map[string]*grant{}, map[string]*usage{}
	s.offsets, s.syncs, s.events, s.hooks = map[string]offset{}, map[string]syncToken{}, nil, nil
	s.seedWorkspace()
	if !s.opts.NoSeed {
		s.seedTasks()
	}
	s.events = nil // what was sown is no news
	s.addToken(s.opts.Token, tokenPAT, s.userByEmail(DefaultUser), nil)
}

// ServeHTTP answers for the whole origin: API, OAuth, pages and control calls.
func (s *System) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Faults returns the switchable faults of the API and of the webhooks.
func (s *System) Faults() *kit.Faults { return s.host.Faults }

// Requests returns the log of the API's requests.
func (s *System) Requests() *kit.RequestLog { return s.host.Log }

// Outbox returns the queue of webhook deliveries.
func (s *System) Outbox() *kit.Outbox { return s.outbox }

// SetUI says where people see the pages, so that permalink_url leads there.
func (s *System) SetUI(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uiBase = base
}

// Close stops the webhooks and waits for those under way.
func (s *System) Close() {
	s.outbox.Close()
	s.greeter.CloseIdleConnections()
}

// Reseed drops everything and sows again.
func (s *System) Reseed(seed uint64) error {
	s.outbox.Clear()
	s.reset(seed)
	return nil
}

// Flush ends the jobs, lets search and event streams take over everything and
// sends all pending webhooks now, each once.
func (s *System) Flush(ctx context.Context) error {
	s.mu.Lock()
	now := s.now()
	for _, j := range s.jobs {
		j.due = now
	}
	s.tick(now)
	for _, e := range s.events {
		e.shows = e.at
	}
	for _, t := range s.tasks {
		t.index.due = now
	}
	s.mu.Unlock()
	return s.outbox.Flush(ctx)
}

// now returns the time in whole milliseconds, as Asana keeps it.
func (s *System) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// tick does the work that is due. It is called with mu held.
func (s *System) tick(now time.Time) {
	for _, j := range s.jobs {
		if j.finish == nil {
			continue
		}
		if !now.Before(j.due) {
			finish := j.finish
			j.finish = nil
			finish(j.due)
			j.status = "succeeded"
		} else {
			j.status = "in_progress"
		}
	}
	s.dropHooks(now)
	if len(s.events) > maxEventsKept {
		s.events = slices.Clone(s.events[len(s.events)-maxEventsKept:])
	}
}
