// Package systems is the table of all emulated systems: what each is called,
// how it is started, which credentials it takes, and a Hand by which a story or
// a test does in it what a person does, in the same words for all of them.
package systems

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/sandbox/asana"
	"github.com/tenonsync/tenon/sandbox/github"
	"github.com/tenonsync/tenon/sandbox/hubspot"
	"github.com/tenonsync/tenon/sandbox/jira"
	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/salesforce"
	"github.com/tenonsync/tenon/sandbox/trello"
)

// System is an emulated system at an origin of its own.
type System interface {
	http.Handler
	Faults() *kit.Faults
	Requests() *kit.RequestLog
	// Flush lets search see every write and sends all pending webhooks now.
	Flush(ctx context.Context) error
	// Close ends it; deliveries that are not sent yet are dropped.
	Close()
}

// Options start a system. The zero value is one with invented records, on the
// machine's clock, that sends no webhooks.
type Options struct {
	Seed  uint64
	Clock kit.Clock
	// Empty leaves the records out; what they need to be made is there.
	Empty bool
	// WebhookTarget is where webhooks go that an administrator sets up by hand
	// in the vendor's pages. Systems whose webhooks are asked for by API have
	// none such.
	WebhookTarget  string
	WebhookDoubles float64 // share of deliveries sent twice; 0: the system's own
}

// Kind is one kind of emulated system.
type Kind struct {
	Name    string // "hubspot": the connector's kind, and the connection's name in the examples
	Title   string // "HubSpot"
	Address string // the fixed address that a written configuration names

	given  []Given
	start  func(Options) System
	byHand bool // webhooks are set up in the vendor's pages
}

// Given is something that a client must know to get in.
type Given struct {
	Member   string // of the ready file: "clientSecret"
	Variable string // of the examples' tenon.yaml: "HUBSPOT_CLIENT_SECRET"
	Value    string
}

// Kinds lists the kinds, CRMs first.
func Kinds() []Kind {
	return []Kind{
		{
			Name: "hubspot", Title: "HubSpot", Address: "127.0.0.1:8481", byHand: true,
			given: []Given{
				{"token", "HUBSPOT_TOKEN", hubspot.DefaultToken},
				{"clientId", "HUBSPOT_CLIENT_ID", hubspot.DefaultClientID},
				{"clientSecret", "HUBSPOT_CLIENT_SECRET", hubspot.DefaultClientSecret},
			},
			start: func(o Options) System {
				return hubspot.New(hubspot.Options{
					Seed: o.Seed, Clock: o.Clock, NoSeed: o.Empty, WebhookTarget: o.WebhookTarget, WebhookDoubles: o.WebhookDoubles,
				})
			},
		},
		{
			Name: "salesforce", Title: "Salesforce", Address: "127.0.0.1:8483",
			given: []Given{
				{"clientId", "SALESFORCE_CLIENT_ID", salesforce.DefaultClientID},
				{"clientSecret", "SALESFORCE_CLIENT_SECRET", salesforce.DefaultClientSecret},
				{"refreshToken", "SALESFORCE_REFRESH_TOKEN", salesforce.DefaultRefreshToken},
				{"username", "SALESFORCE_USERNAME", salesforce.DefaultUsername},
				{"privateKey", "SALESFORCE_PRIVATE_KEY", salesforce.DefaultPrivateKey()},
			},
			start: func(o Options) System {
				return salesforce.New(salesforce.Options{Seed: o.Seed, Clock: o.Clock, NoSeed: o.Empty, WebhookDoubles: o.WebhookDoubles})
			},
		},
		{
			Name: "jira", Title: "Jira", Address: "127.0.0.1:8482", byHand: true,
			given: []Given{
				{"email", "JIRA_EMAIL", jira.DefaultEmail},
				{"token", "JIRA_TOKEN", jira.DefaultToken},
				{"clientId", "JIRA_CLIENT_ID", jira.DefaultClientID},
				{"clientSecret", "JIRA_CLIENT_SECRET", jira.DefaultClientSecret},
				{"webhookSecret", "JIRA_WEBHOOK_SECRET", jira.DefaultWebhookSecret},
			},
			start: func(o Options) System {
				return jira.New(jira.Options{
					Seed: o.Seed, Clock: o.Clock, Empty: o.Empty, WebhookTarget: o.WebhookTarget, WebhookSecret: jira.DefaultWebhookSecret,
				})
			},
		},
		{
			Name: "asana", Title: "Asana", Address: "127.0.0.1:8487",
			given: []Given{
				{"token", "ASANA_TOKEN", asana.DefaultToken},
				{"clientId", "ASANA_CLIENT_ID", asana.DefaultClientID},
				{"clientSecret", "ASANA_CLIENT_SECRET", asana.DefaultClientSecret},
			},
			start: func(o Options) System {
				return asana.New(asana.Options{Seed: o.Seed, Clock: o.Clock, NoSeed: o.Empty, WebhookDoubles: o.WebhookDoubles})
			},
		},
		{
			Name: "trello", Title: "Trello", Address: "127.0.0.1:8486",
			given: []Given{
				{"key", "TRELLO_KEY", trello.DefaultKey},
				{"token", "TRELLO_TOKEN", trello.DefaultToken},
				{"secret", "TRELLO_SECRET", trello.DefaultSecret},
			},
			start: func(o Options) System {
				return trello.New(trello.Options{Seed: o.Seed, Clock: o.Clock, NoSeed: o.Empty, WebhookDoubles: o.WebhookDoubles})
			},
		},
		{
			Name: "github", Title: "GitHub", Address: "127.0.0.1:8488",
			given: []Given{
				{"token", "GITHUB_TOKEN", github.DefaultToken},
				{"webhookSecret", "GITHUB_WEBHOOK_SECRET", github.DefaultWebhookSecret},
				{"appId", "GITHUB_APP_ID", strconv.Itoa(github.DefaultAppID)},
				{"installationId", "GITHUB_INSTALLATION_ID", strconv.Itoa(github.DefaultInstallationID)},
				{"privateKey", "GITHUB_PRIVATE_KEY", github.DefaultPrivateKey},
			},
			start: func(o Options) System {
				return github.New(github.Options{Seed: o.Seed, Clock: o.Clock, NoSeed: o.Empty, WebhookSecret: github.DefaultWebhookSecret})
			},
		},
	}
}

// Find returns the kind with that name.
func Find(name string) (Kind, bool) {
	kinds := Kinds()
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return kinds[i], true
}

// Box is a running system.
type Box struct {
	Kind
	System System
	server *kit.Server
	more   []Given       // what is known once it runs
	served chan struct{} // closed when a second listener has ended
}

// Start starts a system that listens at an address, by kit.Listen or
// kit.ListenAnywhere.
func (k Kind) Start(address string, listen func(string, http.Handler) (*kit.Server, error), o Options) (*Box, error) {
	b := &Box{Kind: k, System: k.start(o)}
	var err error
	if b.server, err = listen(address, b.System); err != nil {
		b.System.Close()
		return nil, err
	}
	if ui, ok := b.System.(interface{ SetUI(base string) }); ok {
		ui.SetUI(b.URL())
	}
	if sf, ok := b.System.(*salesforce.System); ok {
		if err := b.serveEvents(sf, address); err != nil {
			b.Close()
			return nil, err
		}
	}
	return b, nil
}

// serveEvents starts the Pub/Sub API beside Salesforce's origin: at the next
// port, or at any where the origin has any.
func (b *Box) serveEvents(sf *salesforce.System, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(port); err == nil && n > 0 {
		port = strconv.Itoa(n + eventsPort)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = sf.ServeEvents(l) // it ends with the system
	}()
	b.served = served
	b.more = []Given{
		{"pubsubUrl", "SALESFORCE_PUBSUB_URL", "http://" + l.Addr().String()},
		{"organization", "SALESFORCE_ORGANIZATION", sf.OrgID()},
	}
	return nil
}

// eventsPort is how far the port of the Pub/Sub API is from the origin's.
const eventsPort = 1000

// WebhookTo sends the webhooks that an administrator sets up by hand to another
// address. Systems whose webhooks are asked for by API have none such.
func (b *Box) WebhookTo(url string) {
	if s, ok := b.System.(interface{ SetWebhookTarget(url string) }); ok && b.byHand {
		s.SetWebhookTarget(url)
	}
}

// URL returns the origin of the system.
func (b *Box) URL() string { return b.server.URL() }

// Given returns what a client must know: the address, as member url, and the
// credentials.
func (b *Box) Given() []Given {
	list := append([]Given{{"url", variableOf(b.Name, "URL"), b.URL()}}, b.given...)
	return append(list, b.more...)
}

// Members returns the same by its members of the ready file.
func (b *Box) Members() map[string]string {
	m := map[string]string{}
	for _, g := range b.Given() {
		m[g.Member] = g.Value
	}
	return m
}

// Close ends the system.
func (b *Box) Close() {
	b.System.Close()
	if b.served != nil {
		<-b.served
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = b.server.Close(ctx) // open pages of a sandbox are nobody's loss
}
