package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	statememory "github.com/tenonsync/tenon/engine/state/memory"
)

// bubble is a world whose clock is the virtual one of a synctest bubble, and
// whose engine runs.
type bubble struct {
	*world
	mu    sync.Mutex
	calls []string // in the order in which they were answered
}

const answerTime = 300 * time.Millisecond

// newBubble starts an engine over systems that take a while to answer: each read
// is one call, each record that is written another one.
func newBubble(t *testing.T, source string, wrap func(connectors.Connection) connectors.Connection) *bubble {
	t.Helper()
	clock := connectors.SystemClock()
	parents := memory.Sample()
	parents.Parent = "record"
	b := &bubble{world: &world{
		t: t, back: statememory.New(), lim: engine.Limits{Sweep: 1000 * time.Hour},
		crm: memory.NewSystem(memory.Options{Name: "crm", Clock: clock}),
		pm:  memory.NewSystem(memory.Options{Name: "pm", Clock: clock, Objects: []memory.Object{parents}}),
	}}
	b.conns = map[string]connectors.Connection{"crm": b.crm.Connect("crm"), "pm": b.pm.Connect("pm")}
	b.load(source)
	if wrap != nil {
		b.conns["pm"] = wrap(b.conns["pm"])
	}
	var err error
	if b.store, err = state.Open(t.Context(), b.back, state.Options{}); err != nil {
		t.Fatal(err)
	}
	b.eng, err = engine.New(engine.Config{
		Store: b.store, Connections: b.conns, Mappings: b.maps, Sealer: plainSealer{}, Printer: sumPrinter{},
		Clock: clock, Random: rand.New(rand.NewPCG(1, 2)), Limits: b.lim,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// slow lets every call take its time, and counts it.
func (b *bubble) slow() {
	for name, s := range map[string]*memory.System{"crm": b.crm, "pm": b.pm} {
		s.SetHook(func(m memory.Moment) error {
			if m.After {
				return nil
			}
			time.Sleep(answerTime)
			b.mu.Lock()
			defer b.mu.Unlock()
			b.calls = append(b.calls, name+" "+m.Call)
			return nil
		})
	}
}

func (b *bubble) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.calls)
}

func (b *bubble) since(n int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls[n:])
}

// run runs the engine until the test's body ends.
func (b *bubble) run(t *testing.T, body func(ctx context.Context)) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.eng.Run(ctx) }()
	body(ctx)
	stop()
	<-ended
}

// TestAPressWaitsForOneSmallBatchOnly presses the button now and then while
// thousands of records are read and made for the first time, each with two
// tasks, over systems that are slow. The press has to wait for the batch that is
// under way, and for nothing else.
func TestAPressWaitsForOneSmallBatchOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const records, presses = 3000, 12
		b := newBubble(t, twoWay, nil)
		var pressed []string
		for i := range records {
			deal := map[string]connectors.Value{"title": connectors.Text(fmt.Sprintf("Deal %d", i)), "active": connectors.Bool(i%250 != 7)}
			id := b.crm.Create("record", nil, "ann", deal)
			if i%250 == 7 {
				pressed = append(pressed, id)
			}
		}
		b.slow()
		b.run(t, func(ctx context.Context) {
			for i, id := range pressed[:presses] {
				time.Sleep(45*time.Second + time.Duration(i)*1700*time.Millisecond)
				start, before := time.Now(), b.count()
				wait, cancel := context.WithTimeout(ctx, time.Hour)
				conv, err := b.eng.Press(wait, "pair", id, "ann")
				cancel()
				if err != nil || conv.State != "done" {
					t.Fatalf("press %d: %+v, %v", i, conv, err)
				}
				calls := b.since(before)
				t.Logf("press %d: %v, %d calls", i, time.Since(start), len(calls))
				// A batch is at least eight entries: here a read, a search for
				// the keys and three creates each. The press itself needs about
				// ten calls, the polls go on beside it.
				if got, want := len(calls), 60; got > want {
					t.Errorf("press %d had to wait for %d calls, want at most %d:\n%s", i, got, want, strings.Join(calls, "\n"))
				}
			}
			st, err := b.eng.Status(ctx)
			if err != nil || st.Mappings[0].Queued < records/4 {
				t.Errorf("the backfill is not under way any more: %+v, %v", st.Mappings, err)
			}
		})
	})
}

// thrifty keeps what is left of an allowance for work more urgent than from.
type thrifty struct {
	*memory.Connection
	mu    sync.Mutex
	from  connectors.Priority
	until time.Time
	sent  [connectors.Priorities]int
}

func (c *thrifty) take(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := connectors.PriorityOf(ctx)
	if wait := time.Until(c.until); wait > 0 && p >= c.from {
		return &connectors.Error{
			Kind: connectors.RateLimited, RetryAfter: wait,
			Err: &connectors.Withheld{From: c.from, Why: "the day's allowance is kept for more urgent work"},
		}
	}
	c.sent[p]++
	return nil
}

// counts returns how many calls passed, by priority.
func (c *thrifty) counts() [connectors.Priorities]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

func (c *thrifty) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	return c.Connection.Read(ctx, sel, ids)
}

func (c *thrifty) Changes(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error) {
	if err := c.take(ctx); err != nil {
		return connectors.ChangePage{}, err
	}
	return c.Connection.Changes(ctx, sel, cursor)
}

func (c *thrifty) FindByKey(ctx context.Context, object string, scope connectors.Scope, keys []string) ([][]string, error) {
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	return c.Connection.FindByKey(ctx, object, scope, keys)
}

func (c *thrifty) Create(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
	if err := c.take(ctx); err != nil {
		return slices.Repeat([]connectors.WriteResult{{Err: err}}, len(creates))
	}
	return c.Connection.Create(ctx, creates)
}

// TestAnAllowanceKeptForUrgentWorkPausesTheOtherWorkOnly lets a connection keep
// its allowance for people for some hours: what they press is made at once, the
// rest waits untouched and goes on by itself.
func TestAnAllowanceKeptForUrgentWorkPausesTheOtherWorkOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pm *thrifty
		b := newBubble(t, twoWay, func(c connectors.Connection) connectors.Connection {
			pm = &thrifty{Connection: c.(*memory.Connection), from: connectors.PriorityWebhook, until: time.Now().Add(5 * time.Hour)}
			return pm
		})
		b.crm.Create("record", nil, "ann", map[string]connectors.Value{"title": connectors.Text("by itself"), "active": connectors.Bool(true)})
		asked := b.crm.Create("record", nil, "ann", map[string]connectors.Value{"title": connectors.Text("asked for")})
		b.run(t, func(ctx context.Context) {
			time.Sleep(time.Hour)
			start := time.Now()
			conv, err := b.eng.Press(ctx, "pair", asked, "ann")
			if err != nil || conv.State != "done" {
				t.Fatalf("press: %+v, %v", conv, err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("the press took %v, want seconds", took)
			}
			if rows := b.links(); len(rows) != 1 {
				t.Errorf("%d links while the allowance is kept, want the one that was asked for", len(rows))
			}
			for p, n := range pm.counts() {
				if n > 0 && p != int(connectors.PriorityButton) {
					t.Errorf("%d calls of %v passed", n, connectors.Priority(p))
				}
			}
			time.Sleep(5 * time.Hour)
			if rows := b.links(); len(rows) != 2 {
				t.Errorf("%d links afterwards, want 2", len(rows))
			}
			st, err := b.eng.Status(ctx)
			if err != nil || st.Mappings[0].Failed > 0 || st.Mappings[0].Queued > 0 {
				t.Errorf("status %+v, %v; want an empty queue", st, err)
			}
		})
	})
}
