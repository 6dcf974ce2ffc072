// Package e2e runs the whole path with the real connectors against both
// emulated systems, over real sockets and in virtual time: webhooks are lost and
// doubled, requests fail before and after they took effect, the service is
// started again in the middle. Afterwards both systems must agree.
package e2e

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/hubspot"
	"github.com/tenonsync/tenon/connectors/jira"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/engine/state/seal"
	"github.com/tenonsync/tenon/examples"
	"github.com/tenonsync/tenon/mapping"
	hubspotbox "github.com/tenonsync/tenon/sandbox/hubspot"
	jirabox "github.com/tenonsync/tenon/sandbox/jira"
	"github.com/tenonsync/tenon/sandbox/kit"
)

const (
	ada           = "ada.okafor@harbourworks.example"
	webhookSecret = "an end-to-end secret"
)

// clock is the sandboxes' clock for the service: whoever waits moves it.
type clock struct{ *kit.ManualClock }

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return context.Cause(ctx)
}

type world struct {
	t       *testing.T
	rng     *rand.Rand
	clock   clock
	hub     *hubspotbox.System
	jira    *jirabox.System
	backend state.Backend
	log     *slog.Logger
	conns   map[string]connectors.Connection
	maps    []*mapping.Mapping
	vault   *seal.Sealer
	print   *seal.Printer
	eng     *engine.Engine

	mu    sync.Mutex
	hooks []delivery
}

type delivery struct {
	connection string
	req        connectors.WebhookRequest
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	return newWorldOver(t, seed, memory.New(), slog.New(slog.DiscardHandler))
}

// newWorldOver keeps the state in a backend and logs.
func newWorldOver(t *testing.T, seed uint64, backend state.Backend, log *slog.Logger) *world {
	t.Helper()
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 99)), backend: backend, log: log,
		clock: clock{kit.NewManualClock(time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC))},
	}
	hooks := httptest.NewServer(http.HandlerFunc(w.receive))
	t.Cleanup(hooks.Close)
	w.hub = hubspotbox.New(hubspotbox.Options{
		Seed: seed, Clock: w.clock.ManualClock, WebhookTarget: hooks.URL + "/hubspot", NoSettling: true,
	})
	w.jira = jirabox.New(jirabox.Options{
		Seed: seed, Clock: w.clock.ManualClock, WebhookTarget: hooks.URL + "/jira", WebhookSecret: webhookSecret, Empty: true,
	})
	t.Cleanup(w.hub.Close)
	t.Cleanup(w.jira.Close)
	hub, tracker := httptest.NewServer(w.hub), httptest.NewServer(w.jira)
	t.Cleanup(hub.Close)
	t.Cleanup(tracker.Close)
	w.conns = map[string]connectors.Connection{
		"hubspot": w.open(hubspot.Connector{}, "hubspot", map[string]string{
			"token": hubspotbox.DefaultToken, "client_secret": hubspotbox.DefaultClientSecret, "base_url": hub.URL,
		}),
		"jira": w.open(&jira.Connector{}, "jira", map[string]string{
			"base_url": tracker.URL, "email": jirabox.DefaultEmail, "token": jirabox.DefaultToken, "webhook_secret": webhookSecret,
		}),
	}
	if p := connectors.AbilitiesOf(w.conns["hubspot"]).Preparer; p != nil {
		for _, object := range []string{"deals", "notes"} {
			if err := p.Prepare(t.Context(), connectors.Need{Object: object}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.clock.Advance(5 * time.Second)
	var err error
	key := seal.NewKey()
	if w.vault, err = seal.New(key); err != nil {
		t.Fatal(err)
	}
	w.print = seal.NewPrinter(key)
	w.compile()
	w.boot()
	return w
}

func (w *world) open(c connectors.Connector, name string, values map[string]string) connectors.Connection {
	w.t.Helper()
	settings, err := connectors.NewSettings(c.Info().Settings, values)
	if err != nil {
		w.t.Fatal(err)
	}
	conn, err := c.Open(connectors.Config{Name: name, Settings: settings}, connectors.Options{Clock: w.clock, Logger: w.log})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// compile loads the mapping of the example.
func (w *world) compile() {
	w.t.Helper()
	source, err := readExample()
	if err != nil {
		w.t.Fatal(err)
	}
	file, problems := mapping.Parse("won-deal-to-epic.yaml", source)
	if err := problems.Err(); err != nil {
		w.t.Fatal(err)
	}
	env := mapping.Env{Zone: time.UTC}
	for i, side := range file.Sides {
		conn := w.conns[side.Connection]
		abilities := connectors.AbilitiesOf(conn)
		if env.Schemas[i], err = conn.Schema(w.t.Context(), side.Object, side.Scope); err != nil {
			w.t.Fatal(err)
		}
		env.Abilities[i], env.Facts[i] = &abilities, conn.Facts()
	}
	m, problems := mapping.Compile(file, env)
	if err := problems.Err(); err != nil {
		w.t.Fatal(err)
	}
	w.maps = []*mapping.Mapping{m}
}

func readExample() ([]byte, error) {
	f, err := examples.HubSpotJira().Open("mappings/won-deal-to-epic.yaml")
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	if err := f.Close(); err != nil {
		return nil, err
	}
	return text, err
}

// boot starts the service over what is stored, as after a crash.
func (w *world) boot() {
	w.t.Helper()
	store, err := state.Open(w.t.Context(), w.backend, state.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.eng, err = engine.New(engine.Config{
		Store: store, Connections: w.conns, Mappings: w.maps, Sealer: w.vault, Printer: w.print,
		Clock: w.clock, Random: rand.New(rand.NewPCG(5, 6)), Logger: w.log,
		Limits: engine.Limits{Overwrites: 1 << 20, Clears: 1 << 20, Flips: 1 << 20},
		ConvertLink: func(m string, r connectors.Ref) string {
			return "https://tenon.example/convert/" + m + "?record=" + r.ID
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// receive keeps what the systems deliver until the test hands it on.
func (w *world) receive(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hooks = append(w.hooks, delivery{connection: r.URL.Path[1:], req: connectors.WebhookRequest{
		Method: r.Method, URL: "http://" + r.Host + r.URL.RequestURI(), Header: r.Header.Clone(), Body: body,
	}})
	rw.WriteHeader(http.StatusNoContent)
}

// deliver hands on the deliveries that came, some of them twice, some never.
func (w *world) deliver() {
	w.mu.Lock()
	hooks := w.hooks
	w.hooks = nil
	w.mu.Unlock()
	for _, h := range hooks {
		times := []int{0, 1, 1, 1, 2}[w.rng.IntN(5)]
		for range times {
			h.req.Now = w.clock.Now()
			if _, err := w.eng.Receive(w.t.Context(), h.connection, h.req); err != nil {
				w.t.Errorf("delivery from %s: %v", h.connection, err)
			}
		}
	}
}
