package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/engine/state/seal"
	"github.com/tenonsync/tenon/mapping"
	"github.com/tenonsync/tenon/sandbox/kit"
)

// clock is the sandboxes' clock for the service: whoever waits moves it.
type clock struct{ *kit.ManualClock }

func (c clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return context.Cause(ctx)
}

// rig is the service in virtual time, with what the systems sent it.
type rig struct {
	t       *testing.T
	rng     *rand.Rand
	clock   clock
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

// newRig starts the clock and draws the keys.
func newRig(t *testing.T, seed uint64, backend state.Backend, log *slog.Logger) *rig {
	t.Helper()
	w := &rig{
		t: t, rng: rand.New(rand.NewPCG(seed, 99)), backend: backend, log: log, conns: map[string]connectors.Connection{},
		clock: clock{kit.NewManualClock(time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC))},
	}
	key := seal.NewKey()
	var err error
	if w.vault, err = seal.New(key); err != nil {
		t.Fatal(err)
	}
	w.print = seal.NewPrinter(key)
	return w
}

// listen takes the systems' webhooks and returns the address for them.
func (w *rig) listen() string {
	hooks := httptest.NewServer(http.HandlerFunc(w.receive))
	w.t.Cleanup(hooks.Close)
	return hooks.URL
}

func (w *rig) open(c connectors.Connector, name string, values map[string]string) connectors.Connection {
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

// compile loads one more mapping.
func (w *rig) compile(name string, source []byte) {
	w.t.Helper()
	file, problems := mapping.Parse(name, source)
	if err := problems.Err(); err != nil {
		w.t.Fatal(err)
	}
	env := mapping.Env{Zone: time.UTC}
	var err error
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
	w.maps = append(w.maps, m)
}

// boot starts the service over what is stored, as after a crash.
func (w *rig) boot() {
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
func (w *rig) receive(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	d := delivery{connection: strings.TrimPrefix(r.URL.Path, "/"), req: connectors.WebhookRequest{
		Method: r.Method, URL: "http://" + r.Host + r.URL.RequestURI(), Header: r.Header.Clone(), Body: body,
	}}
	if r.Method == http.MethodHead || r.Header.Get("X-Hook-Secret") != "" {
		w.shake(rw, d)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hooks = append(w.hooks, d)
	rw.WriteHeader(http.StatusNoContent)
}

// shake answers at once what a system asks before it sends webhooks.
func (w *rig) shake(rw http.ResponseWriter, d delivery) {
	if d.req.Method == http.MethodHead {
		rw.WriteHeader(http.StatusOK)
		return
	}
	d.req.Now = w.clock.Now()
	got, err := w.conns[d.connection].(connectors.WebhookSource).ParseWebhook(d.req)
	if err != nil || got.Answer == nil {
		http.Error(rw, fmt.Sprint("no answer: ", err), http.StatusBadRequest)
		return
	}
	maps.Copy(rw.Header(), got.Answer.Header)
	rw.WriteHeader(got.Answer.Status)
	_, _ = rw.Write(got.Answer.Body) // whoever asked has gone
}

// deliver hands on the deliveries that came, some of them twice, some never.
func (w *rig) deliver() {
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

// try runs a step that faults may fail.
func (w *rig) try(do func() error) {
	if err := do(); err != nil {
		w.t.Log("step:", err)
	}
}

// settle lets the service work until nothing is due.
func (w *rig) settle(sweep bool) {
	w.t.Helper()
	ctx := w.t.Context()
	for round := range 400 {
		w.deliver()
		if sweep && round == 5 {
			for _, f := range w.eng.Feeds() {
				s, err := w.eng.Sweep(f)
				if err != nil {
					w.t.Fatal(err)
				}
				for range 100 {
					out, err := s.Step(ctx)
					if err != nil || out.Done {
						break
					}
				}
			}
		}
		busy := round < 12
		for _, f := range w.eng.Feeds() {
			if p, err := w.eng.Poll(ctx, f); err != nil || p.Fresh > 0 || p.More {
				busy = true
			}
		}
		for _, m := range w.eng.Mappings() {
			d, err := w.eng.Drain(ctx, m)
			if err != nil || d.Worked > 0 || !d.Wait.IsZero() || !d.Next.IsZero() {
				busy = true
			}
			if wait := d.Next.Sub(w.clock.Now()); d.Worked == 0 && !d.Next.IsZero() && wait > 0 {
				w.clock.Advance(wait)
			}
		}
		w.clock.Advance(5 * time.Second)
		if !busy {
			return
		}
	}
	w.t.Error("never comes to rest")
}

// dump tells what the service remembers.
func (w *rig) dump() {
	events, err := w.eng.History(w.t.Context(), engine.HistoryFilter{Limit: 200})
	if err != nil {
		w.t.Log(err)
	}
	for _, ev := range slices.Backward(events) {
		w.t.Logf("%s link %d %s → %s (%s) %s %v", ev.At.Format(time.TimeOnly), ev.Link, ev.Action, ev.To, ev.Source, ev.Detail, ev.Fields)
	}
	queue, err := w.eng.Queue(w.t.Context(), engine.QueueFilter{})
	if err != nil {
		w.t.Log(err)
	}
	for _, q := range queue {
		w.t.Logf("queue: %+v", q)
	}
}

// rule draws a fault for the next requests or webhooks of a system.
func (w *rig) rule() kit.Rule {
	kinds := []kit.Kind{kit.RateLimit, kit.ServerError, kit.ErrorAfter, kit.ResetBefore, kit.ResetAfter, kit.Truncate, kit.WebhookLost, kit.WebhookDoubled}
	return kit.Rule{Kind: kinds[w.rng.IntN(len(kinds))], Times: 1 + w.rng.IntN(2), Skip: w.rng.IntN(4), RetryAfter: 3}
}
