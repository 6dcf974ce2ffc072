package server_test

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/hubspot"
	"github.com/tenonsync/tenon/connectors/jira"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/bolt"
	"github.com/tenonsync/tenon/engine/state/seal"
	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/mapping"
	hubspotbox "github.com/tenonsync/tenon/sandbox/hubspot"
	jirabox "github.com/tenonsync/tenon/sandbox/jira"
	"github.com/tenonsync/tenon/server"
)

const (
	hubSecret     = "a-client-secret-of-the-app"
	olderSecret   = "the-client-secret-before"
	jiraSecret    = "a-secret-of-the-webhook"
	exampleOfRig  = "won-deal-to-epic"
	rigDeadline   = 3 * time.Minute // of everything that a test waits for
	publicAddress = "https://tenon.example"
)

// rig is the intake as it runs: real sockets, the real engine and connectors,
// the state in a file.
type rig struct {
	tb      testing.TB
	path    string // of the state
	address string
	store   state.Store
	engine  *engine.Engine
	metrics *server.Metrics
	signer  *server.Signer
	conns   map[string]connectors.Connection
	maps    []*mapping.Mapping

	portal    int // HubSpot's account
	change    func(*server.Config)
	limits    engine.Limits
	wrap      func(state.Backend) state.Backend
	committed func(uint64) // called after each commit, before it is answered
	closing   func()
}

type rigOption func(*rig)

// newRig starts a service between HubSpot and Jira. The systems are asked for
// their schemas only.
func newRig(tb testing.TB, options ...rigOption) *rig {
	tb.Helper()
	r := &rig{tb: tb, path: filepath.Join(tb.TempDir(), "tenon.db"), conns: map[string]connectors.Connection{}}
	for _, o := range options {
		o(r)
	}
	var err error
	if r.signer, err = server.NewSigner([]byte(strings.Repeat("k", 32))); err != nil {
		tb.Fatal(err)
	}
	hub := hubspotbox.New(hubspotbox.Options{Seed: 1, NoSettling: true})
	tracker := jirabox.New(jirabox.Options{Seed: 1, Empty: true})
	r.portal = hub.PortalID()
	hubServer, trackerServer := httptest.NewServer(hub), httptest.NewServer(tracker)
	tb.Cleanup(func() { hubServer.Close(); trackerServer.Close(); hub.Close(); tracker.Close() })
	r.connect(hubspot.Connector{}, "hubspot", map[string]string{
		"token": hubspotbox.DefaultToken, "client_secret": hubSecret, "older_client_secrets": olderSecret, "base_url": hubServer.URL,
	})
	r.connect(&jira.Connector{}, "jira", map[string]string{
		"base_url": trackerServer.URL, "email": jirabox.DefaultEmail, "token": jirabox.DefaultToken, "webhook_secret": jiraSecret,
	})
	r.compile()
	r.start()
	tb.Cleanup(r.stop)
	return r
}

func (r *rig) connect(c connectors.Connector, name string, values map[string]string) {
	r.tb.Helper()
	settings, err := connectors.NewSettings(c.Info().Settings, values)
	if err != nil {
		r.tb.Fatal(err)
	}
	conn, err := c.Open(connectors.Config{Name: name, Settings: settings}, connectors.Options{})
	if err != nil {
		r.tb.Fatal(err)
	}
	r.tb.Cleanup(func() { _ = conn.Close() })
	r.conns[name] = conn
}

func (r *rig) compile() {
	r.tb.Helper()
	f, err := examples.HubSpotJira().Open("mappings/" + exampleOfRig + ".yaml")
	if err != nil {
		r.tb.Fatal(err)
	}
	defer f.Close()
	source, err := io.ReadAll(f)
	if err != nil {
		r.tb.Fatal(err)
	}
	file, problems := mapping.Parse(exampleOfRig+".yaml", source)
	if err := problems.Err(); err != nil {
		r.tb.Fatal(err)
	}
	env := mapping.Env{Zone: time.UTC}
	for i, side := range file.Sides {
		conn := r.conns[side.Connection]
		abilities := connectors.AbilitiesOf(conn)
		if env.Schemas[i], err = conn.Schema(r.tb.Context(), side.Object, side.Scope); err != nil {
			r.tb.Fatal(err)
		}
		env.Abilities[i], env.Facts[i] = &abilities, conn.Facts()
	}
	m, problems := mapping.Compile(file, env)
	if err := problems.Err(); err != nil {
		r.tb.Fatal(err)
	}
	r.maps = []*mapping.Mapping{m}
}

// start opens the state and serves, as after a restart.
func (r *rig) start() {
	r.tb.Helper()
	db, err := bolt.Open(context.Background(), r.path, bolt.Options{LockWait: rigDeadline, Committed: r.committed})
	if err != nil {
		r.tb.Fatal(err)
	}
	backend := state.Backend(db)
	if r.wrap != nil {
		backend = r.wrap(db)
	}
	if r.store, err = state.Open(context.Background(), backend, state.Options{}); err != nil {
		r.tb.Fatal(err)
	}
	key := seal.NewKey()
	vault, err := seal.New(key)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.engine, err = engine.New(engine.Config{
		Store: r.store, Connections: r.conns, Mappings: r.maps, Sealer: vault, Printer: seal.NewPrinter(key), Limits: r.limits,
	})
	if err != nil {
		r.tb.Fatal(err)
	}
	r.metrics = server.NewMetrics()
	config := server.Config{
		Engine: r.engine, Tokens: server.Tokens{Store: r.store}, Signer: r.signer, Connections: r.conns,
		Listen: "127.0.0.1:0", PublicURL: publicAddress, Metrics: r.metrics,
	}
	if r.change != nil {
		r.change(&config)
	}
	s, err := server.New(config)
	if err != nil {
		r.tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.tb.Fatal(err)
	}
	r.address = l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	r.closing = func() {
		stop()
		if err := <-served; err != nil {
			r.tb.Errorf("serve: %v", err)
		}
		if err := r.store.Close(); err != nil {
			r.tb.Errorf("close the state: %v", err)
		}
	}
}

func (r *rig) stop() {
	if r.closing != nil {
		r.closing()
		r.closing = nil
	}
}

// link stores links of n deals, with the ids 1 to n.
func (r *rig) link(n int) {
	r.tb.Helper()
	rules := slices.Clone(r.maps[0].Rules())
	slices.SortFunc(rules, func(a, b *mapping.Rule) int { return cmp.Compare(a.ID(), b.ID()) })
	for from := 1; from <= n; from += 1000 {
		err := r.store.Update(r.tb.Context(), func(tx state.Tx) error {
			for i := from; i < min(n+1, from+1000); i++ {
				l := &state.Link{Mapping: exampleOfRig, Created: time.Now(), Synced: time.Now()}
				l.Ends[0].ID, l.Ends[1].ID = strconv.Itoa(i), strconv.Itoa(10_000+i)
				for _, rule := range rules {
					l.Fields = append(l.Fields, state.Field{Rule: rule.ID(), Known: [2]bool{true, true}, Base: [2]state.Print{state.Print(i), state.Print(i)}})
				}
				if err := tx.PutLink(l); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			r.tb.Fatal(err)
		}
	}
}

// takeBatch sorts some of what was taken in, as the running engine does, and
// returns how many deliveries that were.
func (r *rig) takeBatch() int {
	n, err := r.engine.TakeIn(context.Background())
	if err != nil {
		r.tb.Errorf("sort: %v", err)
	}
	return n
}

// takeIn sorts all that was taken in.
func (r *rig) takeIn() (sorted int) {
	for {
		n := r.takeBatch()
		if n == 0 {
			return sorted
		}
		sorted += n
	}
}

// queued returns the records that wait, by id.
func (r *rig) queued() map[string]bool {
	r.tb.Helper()
	r.takeIn()
	ids := map[string]bool{}
	err := r.store.View(r.tb.Context(), func(tx state.Tx) error {
		clear(ids)
		entries, err := tx.ListEntries("", nil, 1<<20)
		for _, e := range entries {
			ids[e.Record] = true
		}
		return err
	})
	if err != nil {
		r.tb.Fatal(err)
	}
	return ids
}

// dealBody is a delivery about one property of a deal.
func (r *rig) dealBody(event, deal int, at time.Time) string {
	return fmt.Sprintf(`[{"eventId":%d,"subscriptionId":3181526,"portalId":%d,"appId":2262538,"occurredAt":%d,"subscriptionType":"deal.propertyChange","attemptNumber":0,"objectId":%d,"propertyName":"amount","propertyValue":"48000","changeSource":"CRM_UI","sourceId":"userId:48213377","isSensitive":false}]`, event, r.portal, at.UnixMilli(), deal)
}

// hubspotRequest is a signed delivery as bytes on the wire.
func hubspotRequest(secret, path, body string, at time.Time) string {
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, "POST"+publicAddress+path+body+stamp)
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: tenon.example\r\nUser-Agent: HubSpot Connect 2.0\r\nContent-Type: application/json\r\nX-HubSpot-Request-Timestamp: %s\r\nX-HubSpot-Signature-v3: %s\r\nX-Forwarded-For: 192.0.2.7\r\nContent-Length: %d\r\n\r\n%s",
		path, stamp, base64.StdEncoding.EncodeToString(mac.Sum(nil)), len(body), body)
}

// jiraBody is a delivery about an issue, with fields as Jira sends them.
func jiraBody(id int, at time.Time, padding int) string {
	return fmt.Sprintf(`{"timestamp":%d,"webhookEvent":"jira:issue_updated","issue_event_type_name":"issue_generic","user":{"accountId":"5b10a","displayName":"Ada","active":true},"issue":{"id":"%d","self":"https://acme.atlassian.net/rest/api/2/issue/%d","key":"DELIV-%d","fields":{"summary":"A project","description":"%s","updated":"%s","labels":["crm"],"status":{"name":"To Do","id":"1"}}},"changelog":{"id":"10228","items":[{"field":"status","fieldId":"status","from":"3","to":"10002"}]}}`,
		at.UnixMilli(), id, id, id, strings.Repeat("words ", padding/6), at.UTC().Format("2006-01-02T15:04:05.000-0700"))
}

// jiraRequest is a signed delivery as bytes on the wire.
func jiraRequest(secret, path, id, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, body)
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: tenon.example\r\nUser-Agent: Atlassian Webhook HTTP Client\r\nContent-Type: application/json; charset=utf-8\r\nX-Atlassian-Webhook-Identifier: %s\r\nX-Hub-Signature: sha256=%s\r\nContent-Length: %d\r\n\r\n%s",
		path, id, hex.EncodeToString(mac.Sum(nil)), len(body), body)
}
