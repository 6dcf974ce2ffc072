package jira

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/sandbox/kit"
)

// Flavour is the product that is emulated.
type Flavour string

// The flavours. Cloud serves REST v3 and v2; DataCenter v2 alone.
const (
	Cloud      Flavour = "cloud"
	DataCenter Flavour = "datacenter"
)

// Defaults of Options.
const (
	DefaultEmail         = "tenon@harbourworks.example"
	DefaultToken         = "sandbox-jira-token"
	DefaultClientID      = "sandbox-jira-client" //
	DefaultClientSecret  = "sandbox-jira-client-secret"
	DefaultWebhookSecret = "sandbox-jira-webhook"
	DefaultLag           = 2 * time.Second
)

// Options configure a System. The zero value is a Cloud site with the demo's
// data, wide limits and a search index that lags two seconds.
type Options struct {
	Seed    uint64    // draws ids, dates and texts of the seed data
	Clock   kit.Clock // the machine's clock unless set
	Flavour Flavour   // Cloud unless set
	// BasePath is the context path of a Data Center site, such as "/jira".
	BasePath string

	// Email and Token are the credentials of the account the client acts as:
	// an API token on Cloud, a personal access token on Data Center.
	Email, Token string
	// ClientID and ClientSecret are the credentials of the OAuth 2.0 app.
	ClientID, ClientSecret string
	// Redirects are the callback URLs that the app has registered; empty: any.
	Redirects []string

	// RefuseBadTokens answers 401 to every call with wrong Basic credentials.
	// Without it Cloud treats such a call as an anonymous one wherever
	// anonymous calls are allowed, and says so in a header only.
	RefuseBadTokens bool
	// LoginPage answers wrong credentials on Data Center with 200 and the HTML
	// of a login page, as sites behind a single sign-on do, instead of 401.
	LoginPage bool

	Limits Limits
	// Lag is how long search takes to see a write; DefaultLag unless set,
	// none if negative.
	Lag time.Duration
	// Properties are the entity properties that an app has declared to be
	// searchable; there are none on a fresh site.
	Properties []IndexedProperty

	// WebhookTarget is the URL of an admin webhook for all events of issues
	// and comments that exists from the start, signed with WebhookSecret.
	WebhookTarget string
	WebhookSecret string
	// RetryDelay gives the wait before try n (from 1) of a webhook; 5 to 15
	// minutes unless set, as Jira.
	RetryDelay func(try int) time.Duration
	// Transport sends webhooks; http.DefaultTransport's settings unless set.
	Transport http.RoundTripper

	// Empty leaves the issues of the demo out: projects, users and fields exist.
	Empty bool
}

// An IndexedProperty is a path within an entity property that JQL can search.
type IndexedProperty struct {
	Key   string
	Path  string // dotted path within the value; empty: the value itself
	Type  string // "string", "text", "number" or "date"
	Alias string // name to use instead of issue.property[Key].Path
}

// System is one emulated Jira site, with the gateway and the token endpoint of
// its cloud at the same origin. It is safe for concurrent use.
type System struct {
	opts    Options
	clock   kit.Clock
	host    *kit.Host
	outbox  *kit.Outbox
	handler http.Handler
	api     router
	cloudID string
	limits  *limiter

	mu         sync.Mutex
	origin     string // of the latest call: payloads of webhooks name it
	rand       *kit.Rand
	seq        map[string]int64
	users      []*user
	projects   []*project
	fields     []*field
	fieldByID  map[string]*field
	hidden     map[string]bool
	issues     map[int64]*issue
	keys       map[string]int64          // every key an issue ever had
	below      map[string]map[int64]bool // children by the id of their parent
	links      []*issueLink
	index      searchIndex
	properties []IndexedProperty
	auth       authority
	hooks      []*adminHook
	dynamic    []*dynamicHook
	target     *adminHook // the one of Options.WebhookTarget
	tasks      map[string]*task
}

// New starts a system; Close stops it.
func New(opts Options) *System {
	if opts.Clock == nil {
		opts.Clock = kit.RealClock()
	}
	if opts.Flavour == "" {
		opts.Flavour = Cloud
	}
	opts.BasePath = strings.TrimRight(opts.BasePath, "/")
	orDefault(&opts.Email, DefaultEmail)
	orDefault(&opts.Token, DefaultToken)
	orDefault(&opts.ClientID, DefaultClientID)
	orDefault(&opts.ClientSecret, DefaultClientSecret)
	orDefault(&opts.WebhookSecret, DefaultWebhookSecret)
	switch {
	case opts.Lag == 0:
		opts.Lag = DefaultLag
	case opts.Lag < 0:
		opts.Lag = 0
	}
	s := &System{opts: opts, clock: opts.Clock}
	s.host = kit.NewHost("jira", opts.Seed, opts.Clock)
	s.limits = newLimiter(opts.Clock, opts.Limits)
	s.outbox = kit.NewOutbox(kit.OutboxOptions{
		Clock: opts.Clock, Faults: s.host.Faults, Build: s.buildDelivery, Again: s.retryDelivery,
		Transport: opts.Transport, Timeout: 20 * time.Second,
	})
	s.host.Outbox = s.outbox
	s.host.RenderError = renderInjected
	s.host.Flush = s.Flush
	s.host.Reseed = func(seed uint64) error {
		s.Reset(seed)
		return nil
	}
	s.Reset(opts.Seed)
	s.api = s.routes()
	s.controlRoutes()
	s.handler = s.host.Handler(http.HandlerFunc(s.serveAPI), s.pages(), s.isPage)
	return s
}

func orDefault(s *string, def string) {
	if *s == "" {
		*s = def
	}
}

// ServeHTTP serves the whole origin: site, gateway, token endpoint, pages and
// the sandbox's control API.
func (s *System) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close stops the webhooks and waits for those under way. Closing twice is harmless.
func (s *System) Close() { s.outbox.Close() }

// Reset drops everything that was written, tokens and webhooks included, and
// sows the data of seed. A manual clock is not set back.
func (s *System) Reset(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.Clear()
	s.rand = kit.NewRand(seed, "jira")
	s.cloudID = s.rand.UUID()
	s.seq = map[string]int64{}
	s.users, s.projects, s.links, s.hooks, s.dynamic, s.target = nil, nil, nil, nil, nil, nil
	s.hidden = map[string]bool{}
	s.issues = map[int64]*issue{}
	s.keys = map[string]int64{}
	s.below = map[string]map[int64]bool{}
	s.index = newSearchIndex(s.opts.Lag)
	s.properties = slices.Clone(s.opts.Properties)
	s.tasks = map[string]*task{}
	s.fieldByID = map[string]*field{}
	s.fields = siteFields(s.opts.Flavour)
	for _, f := range s.fields {
		s.fieldByID[f.id] = f
	}
	s.sowSite()
	s.auth = newAuthority(s)
	if !s.opts.Empty {
		s.sowIssues()
	}
	s.index.settle(maxTime)
	if s.opts.WebhookTarget != "" {
		s.setTarget(s.opts.WebhookTarget)
	}
}

var maxTime = time.Unix(1<<40, 0)

// Flush makes every write visible to search and tries all pending webhooks once.
func (s *System) Flush(ctx context.Context) error {
	s.mu.Lock()
	s.index.settle(maxTime)
	s.mu.Unlock()
	return s.outbox.Flush(ctx)
}

// Faults returns the switchable faults of this system.
func (s *System) Faults() *kit.Faults { return s.host.Faults }

// Requests returns the log of the API calls.
func (s *System) Requests() *kit.RequestLog { return s.host.Log }

// Outbox returns the webhooks that wait and those that were tried.
func (s *System) Outbox() *kit.Outbox { return s.outbox }

func (s *System) cloud() bool { return s.opts.Flavour == Cloud }

// now is the present time in Jira's precision.
func (s *System) now() time.Time { return s.clock.Now().UTC().Truncate(time.Millisecond) }

// nextID draws from a sequence of ids, which starts behind first.
func (s *System) nextID(sequence string, first int64) int64 {
	if s.seq[sequence] == 0 {
		s.seq[sequence] = first
	}
	s.seq[sequence]++
	return s.seq[sequence]
}

func (s *System) userByID(id string) *user {
	u, _ := find(s.users, func(u *user) bool { return u.accountID == id })
	return u
}

// userByName finds an account by its name or key, as Data Center names it.
func (s *System) userByName(name string) *user {
	u, _ := find(s.users, func(u *user) bool { return strings.EqualFold(u.name, name) || u.key == name })
	return u
}

func (s *System) userByEmail(email string) *user {
	u, _ := find(s.users, func(u *user) bool { return strings.EqualFold(u.email, email) })
	return u
}

func (s *System) projectBy(idOrKey string) *project {
	p, _ := find(s.projects, func(p *project) bool {
		return strings.EqualFold(p.key, idOrKey) || strconv.FormatInt(p.id, 10) == idOrKey || slices.Contains(p.formerKeys, idOrKey)
	})
	return p
}

// lookup finds an issue by id, key or former key; nil if there is none.
func (s *System) lookup(idOrKey string) *issue {
	if id, ok := s.keys[strings.ToUpper(idOrKey)]; ok {
		return s.issues[id]
	}
	id, err := strconv.ParseInt(idOrKey, 10, 64)
	if err != nil {
		return nil
	}
	return s.issues[id]
}

// may reports whether u, nil for an anonymous caller, has a permission.
func (s *System) may(u *user, p *project, perm permission) bool {
	return u != nil && p != nil && !p.denied[u.accountID][perm]
}

func (s *System) mayGlobally(u *user, perm permission) bool {
	if u == nil || u.denied[perm] {
		return false
	}
	return perm != administer || u.admin
}

// typeIn reads a reference to an issue type of a project.
func (s *System) typeIn(p *project, raw json.RawMessage) *issueType {
	var ref struct {
		ID   json.RawMessage `json:"id"`
		Name string          `json:"name"`
	}
	if p == nil || json.Unmarshal(raw, &ref) != nil {
		return nil
	}
	id := strings.Trim(string(ref.ID), `"`)
	t, _ := find(p.types, func(t *issueType) bool { return t.id == id || id == "" && t.name == ref.Name })
	return t
}

// children lists the issues below another one, by id.
func (s *System) children(parent *issue) []*issue {
	var out []*issue
	for _, id := range slices.Sorted(maps.Keys(s.below[parent.idText()])) {
		out = append(out, s.issues[id])
	}
	return out
}

// parents lists the ids of the issues that this one is below: its parent and,
// on Data Center, its epic.
func (i *issue) parents() []string {
	return slices.Concat(nonEmpty(i.text("parent")), nonEmpty(i.text(fieldEpicLink)))
}

// place takes an issue's place below its parents from one version to the next;
// either may be nil.
func (s *System) place(previous, next *issue) {
	if previous != nil {
		for _, parent := range previous.parents() {
			delete(s.below[parent], previous.id)
		}
	}
	if next == nil {
		return
	}
	for _, parent := range next.parents() {
		if s.below[parent] == nil {
			s.below[parent] = map[int64]bool{}
		}
		s.below[parent][next.id] = true
	}
}
