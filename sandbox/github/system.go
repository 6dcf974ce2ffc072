package github

import (
	"context"
	_ "embed"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenonsync/tenon/sandbox/github/gql"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// The credentials that a System knows, and other defaults of Options.
const (
	DefaultLogin          = "tenon-sync"
	DefaultToken          = "ghp_sandbox"        // classic token of an administrator: repo, admin:repo_hook, read:org, user:email
	DefaultFineToken      = "github_pat_sandbox" // fine-grained: issues and webhooks of harbourworks
	DefaultAppID          = 4711
	DefaultClientID       = "Iv23sandbox"
	DefaultInstallationID = 815
	DefaultWebhookSecret  = "sandbox-github-webhook"
	DefaultRepository     = "harbourworks/delivery"
	DefaultSearchLag      = 5 * time.Second
)

// DefaultPrivateKey is the private key of the app, in PEM. It opens nothing but
// a sandbox.
//
//go:embed app.pem
var DefaultPrivateKey string

// Options configure a System. The zero value is github.com with the demo's
// data and wide limits.
type Options struct {
	Seed  uint64    // draws ids, dates and texts of the seed data
	Clock kit.Clock // the machine's clock unless set

	// Enterprise makes an Enterprise Server: the API lives below /api/v3 and
	// /api/graphql alone, tells no limits, and knows no sub-issues and issue
	// types.
	Enterprise bool

	Limits Limits
	// Lag is how long lists take to see a write; none unless set. SearchLag is
	// the same for search: DefaultSearchLag unless set, none if negative.
	Lag       time.Duration
	SearchLag time.Duration
	// PageLimit is the page beyond which lists want a cursor; 100 unless set.
	PageLimit int

	// WebhookTarget is the URL of a webhook of DefaultRepository that exists from
	// the start, signed with WebhookSecret.
	WebhookTarget string
	WebhookSecret string
	// Transport sends webhooks; http.DefaultTransport's settings unless set.
	Transport http.RoundTripper

	// NoSeed leaves the issues of the demo out: people, repositories, labels and
	// milestones exist.
	NoSeed bool
}

// System is one emulated GitHub: REST API, GraphQL, webhooks and pages. It is
// safe for concurrent use.
type System struct {
	opts    Options
	clock   kit.Clock
	host    *kit.Host
	outbox  *kit.Outbox
	handler http.Handler
	api     router
	schema  gql.Schema
	limits  *limiter

	mu     sync.Mutex
	origin string // of the latest call: payloads of webhooks name it
	rand   *kit.Rand
	seq    map[string]int64
	users  []*user
	repos  []*repo
	types  []*issueType
	auth   authority
	lag    time.Duration
}

// New starts a system; Close stops it.
func New(opts Options) *System {
	if opts.Clock == nil {
		opts.Clock = kit.RealClock()
	}
	if opts.WebhookSecret == "" {
		opts.WebhookSecret = DefaultWebhookSecret
	}
	if opts.PageLimit == 0 {
		opts.PageLimit = 100
	}
	switch {
	case opts.SearchLag == 0:
		opts.SearchLag = DefaultSearchLag
	case opts.SearchLag < 0:
		opts.SearchLag = 0
	}
	s := &System{opts: opts, clock: opts.Clock, lag: opts.Lag}
	s.host = kit.NewHost("github", opts.Seed, opts.Clock)
	s.host.Title, s.host.Accent = "GitHub", accent
	s.limits = newLimiter(opts.Clock, opts.Limits)
	s.outbox = kit.NewOutbox(kit.OutboxOptions{
		Clock: opts.Clock, Faults: s.host.Faults, Build: s.buildDelivery, Transport: deliverer{s, opts.Transport}, Timeout: 10 * time.Second,
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
	s.schema = s.graphSchema()
	s.controlRoutes()
	s.handler = s.host.Handler(http.HandlerFunc(s.serveAPI), s.pages(), s.isPage)
	return s
}

// ServeHTTP serves the whole origin: APIs, pages and the sandbox's control API.
func (s *System) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close stops the webhooks and waits for those under way. Closing twice is harmless.
func (s *System) Close() { s.outbox.Close() }

// Reset drops everything that was written, tokens and webhooks included, and
// sows the data of seed. A manual clock is not set back.
func (s *System) Reset(seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outbox.Clear()
	s.rand = kit.NewRand(seed, "github")
	s.seq = map[string]int64{}
	s.users, s.repos, s.types = nil, nil, nil
	s.sowSite()
	s.auth = newAuthority(s)
	if !s.opts.NoSeed {
		s.sowIssues()
	}
	for _, r := range s.repos {
		for _, i := range r.issues {
			i.versions = nil // lists know the seed at once
		}
	}
	if s.opts.WebhookTarget != "" {
		s.setTarget(s.opts.WebhookTarget)
	}
}

// Flush makes every write visible to lists and search, and tries all pending
// webhooks once.
func (s *System) Flush(ctx context.Context) error {
	s.mu.Lock()
	for _, r := range s.repos {
		for _, i := range r.issues {
			i.versions = nil
		}
	}
	s.mu.Unlock()
	return s.outbox.Flush(ctx)
}

// Faults returns the switchable faults of this system.
func (s *System) Faults() *kit.Faults { return s.host.Faults }

// Requests returns the log of the API calls.
func (s *System) Requests() *kit.RequestLog { return s.host.Log }

// Outbox returns the webhooks that wait and those that were tried.
func (s *System) Outbox() *kit.Outbox { return s.outbox }

// now is the present time in GitHub's precision.
func (s *System) now() time.Time { return s.clock.Now().UTC().Truncate(time.Second) }

// nextID draws from a sequence of ids, which starts behind first.
func (s *System) nextID(sequence string, first int64) int64 {
	if s.seq[sequence] == 0 {
		s.seq[sequence] = first
	}
	s.seq[sequence]++
	return s.seq[sequence]
}

func (s *System) userByLogin(login string) *user {
	i := slices.IndexFunc(s.users, func(u *user) bool { return strings.EqualFold(u.login, login) })
	if i < 0 {
		return nil
	}
	return s.users[i]
}

func (s *System) userByEmail(email string) *user {
	i := slices.IndexFunc(s.users, func(u *user) bool { return strings.EqualFold(u.email, email) })
	if i < 0 {
		return nil
	}
	return s.users[i]
}

// repoByName finds a repository by its full name; moved says that it is a name
// of before.
func (s *System) repoByName(fullName string) (r *repo, moved bool) {
	for _, r := range s.repos {
		if strings.EqualFold(r.fullName(), fullName) {
			return r, false
		}
	}
	for _, r := range s.repos {
		if slices.ContainsFunc(r.former, func(f string) bool { return strings.EqualFold(f, fullName) }) {
			return r, true
		}
	}
	return nil, false
}

func (s *System) repoByID(id int64) *repo {
	i := slices.IndexFunc(s.repos, func(r *repo) bool { return r.id == id })
	if i < 0 {
		return nil
	}
	return s.repos[i]
}

// issueByID finds an issue by its global id.
func (s *System) issueByID(id int64) *issue {
	for _, r := range s.repos {
		for _, i := range r.issues {
			if i.id == id {
				return i
			}
		}
	}
	return nil
}
