package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/connectors/salesforce"
	statememory "github.com/tenonsync/tenon/engine/state/memory"
	salesforcebox "github.com/tenonsync/tenon/sandbox/salesforce"
)

const streamed = `
mapping: deals
between:
  deal: {connection: crm, object: Opportunity}
  epic: {connection: pm, object: record}
create:
  epic: {when: 'deal.StageName == "Closed Won"'}
fields:
  - {deal: Name, epic: title}
  - {deal: NextStep, epic: notes}
`

// streamWorld is a Salesforce org whose change events the service listens to,
// and a made-up project system.
type streamWorld struct {
	*rig
	org *salesforcebox.System
	pm  *memory.System
	ear *crashing
}

// crashing is a connection whose stream ends in the middle: before a batch is
// safe, or after.
type crashing struct {
	connectors.Connection
	mu    sync.Mutex
	every int // 0: never
	told  int
}

var errCrash = errors.New("the service is killed")

// Abilities implements connectors.AbilityTeller.
func (c *crashing) Abilities() connectors.Abilities {
	a := connectors.AbilitiesOf(c.Connection)
	a.Streamer = c
	return a
}

// Stream implements connectors.Streamer.
func (c *crashing) Stream(ctx context.Context, sels []connectors.Selection, cursor string, tell func(context.Context, connectors.StreamBatch) error) error {
	return connectors.AbilitiesOf(c.Connection).Streamer.Stream(ctx, sels, cursor, func(ctx context.Context, b connectors.StreamBatch) error {
		c.mu.Lock()
		c.told++
		dies, before := c.every > 0 && c.told%c.every == 0, c.told%2 == 0
		c.mu.Unlock()
		if dies && before {
			return errCrash
		}
		if err := tell(ctx, b); err != nil || !dies {
			return err
		}
		return errCrash
	})
}

func (c *crashing) die(every int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.every = every
}

func newStreamWorld(t *testing.T) *streamWorld {
	t.Helper()
	w := &streamWorld{rig: newRig(t, 1, statememory.New(), slog.New(slog.DiscardHandler))}
	w.org = salesforcebox.New(salesforcebox.Options{Seed: 3, Clock: w.clock.ManualClock, NoSeed: true, WebhookDoubles: -1})
	t.Cleanup(w.org.Close)
	server := httptest.NewServer(w.org)
	t.Cleanup(server.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = w.org.ServeEvents(l)
	}()
	t.Cleanup(func() {
		w.org.Close()
		<-served
	})
	w.ear = &crashing{Connection: w.open(salesforce.Connector{}, "crm", map[string]string{
		"login_url": server.URL, "client_id": salesforcebox.DefaultClientID, "client_secret": salesforcebox.DefaultClientSecret,
		"stream": "on", "pubsub_url": "http://" + l.Addr().String(), "organization": w.org.OrgID(),
	})}
	w.pm = memory.NewSystem(memory.Options{Name: "pm", Clock: w.clock})
	w.conns["crm"], w.conns["pm"] = w.ear, w.pm.Connect("pm")
	w.compile("deals.yaml", []byte(streamed))
	w.boot()
	return w
}

// win makes deals that are won, and lets the polls carry them over.
func (w *streamWorld) win(n int) []string {
	w.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		id, err := w.org.As(seller).Create("Opportunity", map[string]string{"Name": fmt.Sprintf("Deal %d", i), "StageName": "Closed Won", "CloseDate": "2026-06-30"})
		if err != nil {
			w.t.Fatal(err)
		}
		ids[i] = id
	}
	w.settle(false)
	if got := len(w.titles()); got != n {
		w.t.Fatalf("%d epics for %d deals", got, n)
	}
	return ids
}

func (w *streamWorld) rename(id, name string) {
	w.t.Helper()
	if err := w.org.As(seller).Edit(id, map[string]string{"Name": name}); err != nil {
		w.t.Fatal(err)
	}
}

// titles returns what the epics are called.
func (w *streamWorld) titles() map[string]bool {
	titles := map[string]bool{}
	for _, id := range w.pm.IDs("record") {
		titles[w.pm.Truth(id)["title"].Text()] = true
	}
	return titles
}

// hearing listens in the background until stop, which waits for the end.
func (w *streamWorld) hearing() (gaps func() int, stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var mu sync.Mutex
	n := 0
	done := make(chan struct{})
	eng := w.eng
	go func() {
		defer close(done)
		for ctx.Err() == nil { // as the service's loop does, without its waits
			_, _ = eng.Listen(ctx, "crm", func() {
				mu.Lock()
				defer mu.Unlock()
				n++
			})
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	w.t.Cleanup(stop)
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}, stop
}

// until works the queue, without any poll, until ok.
func (w *streamWorld) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(end) {
			s, err := w.eng.Status(w.t.Context())
			w.t.Fatalf("%s: never; titles %v, status %+v, %v", what, w.titles(), s.Connections[0].Stream, err)
		}
		d, err := w.eng.Drain(w.t.Context(), "deals")
		if err != nil {
			w.t.Fatal(err)
		}
		if d.Worked == 0 {
			w.clock.Advance(50 * time.Millisecond)
			time.Sleep(time.Millisecond) // the stream is another's goroutine
		}
	}
}

// up reports whether the stream stands.
func (w *streamWorld) up() bool {
	s, err := w.eng.Status(w.t.Context())
	return err == nil && s.Connections[0].Stream.State == "up"
}

// TestEditsComeByTheStream edits deals while nothing is polled: the stream tells
// of them, also of those that were made while the service was down.
func TestEditsComeByTheStream(t *testing.T) {
	w := newStreamWorld(t)
	deals := w.win(5)
	gaps, stop := w.hearing()
	w.until("the stream stands", func() bool { return w.up() && gaps() > 0 })
	w.rename(deals[0], "While it stands")
	w.until("the edit", func() bool { return w.titles()["While it stands"] })
	stop()
	for i, id := range deals {
		w.rename(id, fmt.Sprintf("While down %d", i))
	}
	w.boot()
	again, stop := w.hearing()
	w.until("the edits while it was down", func() bool {
		got := w.titles()
		for i := range deals {
			if !got[fmt.Sprintf("While down %d", i)] {
				return false
			}
		}
		return true
	})
	stop()
	if n := again(); n != 0 {
		t.Errorf("going on from the cursor made %d gaps", n)
	}
}

// TestKilledStreamsLoseNothing lets the stream die every few batches, before a
// batch is safe or after, with a new service each time and then.
func TestKilledStreamsLoseNothing(t *testing.T) {
	w := newStreamWorld(t)
	deals := w.win(4)
	gaps, stop := w.hearing()
	w.until("the stream stands", func() bool { return w.up() && gaps() > 0 })
	w.rename(deals[0], "First") // from now on there is a place
	w.until("the first edit", func() bool { return w.titles()["First"] })
	w.ear.die(3)
	for round := range 12 {
		for i, id := range deals {
			w.rename(id, fmt.Sprintf("Round %d of %d", round, i))
			w.clock.Advance(20 * time.Millisecond)
		}
		w.until("the edits of a round", func() bool {
			got := w.titles()
			for i := range deals {
				if !got[fmt.Sprintf("Round %d of %d", round, i)] {
					return false
				}
			}
			return true
		})
		if round%4 == 3 {
			stop()
			w.boot()
			_, stop = w.hearing()
		}
	}
	stop()
}

// TestAGapAsksTheLists swallows events: the stream says so, and a poll finds
// what it did not tell.
func TestAGapAsksTheLists(t *testing.T) {
	for name, swallow := range map[string]func(w *streamWorld){
		"an overflow": func(w *streamWorld) { w.org.Events().Overflow("Opportunity") },
		"a place that is forgotten": func(w *streamWorld) {
			w.org.Events().Expire()
			w.org.Events().Cut()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newStreamWorld(t)
			deals := w.win(2)
			gaps, stop := w.hearing()
			w.until("the stream stands", func() bool { return w.up() && gaps() > 0 })
			w.rename(deals[0], "Told")
			w.until("the edit", func() bool { return w.titles()["Told"] })
			before := gaps()
			if err := w.org.Events().Select(); err != nil { // nobody tells of the next edit
				t.Fatal(err)
			}
			w.rename(deals[1], "Swallowed")
			w.org.Events().Flush()
			if err := w.org.Events().Select("Opportunity"); err != nil {
				t.Fatal(err)
			}
			swallow(w)
			w.until("the gap", func() bool { return gaps() > before })
			stop()
			w.clock.Advance(time.Minute)
			w.settle(false)
			if !w.titles()["Swallowed"] {
				t.Errorf("the poll after the gap did not find the edit: %v", w.titles())
			}
		})
	}
}
