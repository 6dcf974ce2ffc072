package salesforce_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/connectortest"
)

// streamingWorld is a world whose connection listens to change events.
type streamingWorld struct{ *world }

var _ connectortest.Streamer = streamingWorld{}

// openStreaming opens an org that selects opportunities and projects for Change
// Data Capture, and a connection that listens.
func openStreaming(t tester, more map[string]string) streamingWorld {
	t.Helper()
	w := openWorld(t, ofOpportunities, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.sys.ServeEvents(l)
	}()
	t.Cleanup(func() {
		w.sys.Close()
		<-done
	})
	if err := w.sys.Events().Select("Opportunity", "Project__c"); err != nil {
		t.Fatalf("select: %v", err)
	}
	settings := map[string]string{"stream": "on", "pubsub_url": "http://" + l.Addr().String()}
	for name, v := range more {
		settings[name] = v
	}
	w.conn = open(t, w.settings(settings), connectors.Options{Clock: w.clock})
	return streamingWorld{w}
}

func (w streamingWorld) BreakStream(connectortest.TB) { w.sys.Events().Cut() }

func (w streamingWorld) LoseCount(connectortest.TB) bool {
	w.sys.Events().Overflow("Opportunity")
	return true
}

func (w streamingWorld) ExpireStream(connectortest.TB) bool {
	w.sys.Events().Expire()
	return true
}

func TestStreamConformance(t *testing.T) {
	for name, more := range map[string]map[string]string{
		"a topic for each object": nil, "one channel": {"channel": "/data/ChangeEvents"},
	} {
		t.Run(name, func(t *testing.T) {
			h := opportunities(nil)
			h.Open = func(t connectortest.TB) connectortest.World { return openStreaming(t, more) }
			h.Groups = []string{"stream"}
			connectortest.Run(t, h)
		})
	}
}

// ear takes what a stream tells.
type ear struct {
	t       *testing.T
	batches chan connectors.StreamBatch
	done    chan error
	cursor  string
}

func (w streamingWorld) listen(t *testing.T, cursor string, objects ...string) *ear {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	e := &ear{t: t, batches: make(chan connectors.StreamBatch), done: make(chan error, 1)}
	var sels []connectors.Selection
	for _, object := range objects {
		sels = append(sels, connectors.Selection{Object: object})
	}
	go func() {
		defer close(e.batches)
		e.done <- connectors.AbilitiesOf(w.conn).Streamer.Stream(ctx, sels, cursor, func(ctx context.Context, b connectors.StreamBatch) error {
			select {
			case e.batches <- b:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		for range e.batches { //nolint:revive // what was under way is of no interest
		}
	})
	return e
}

// until takes batches until one satisfies ok.
func (e *ear) until(what string, ok func(connectors.StreamBatch) bool) connectors.StreamBatch {
	e.t.Helper()
	for end := time.After(time.Minute); ; {
		select {
		case b, open := <-e.batches:
			if !open {
				e.t.Fatalf("the stream ended before %s: %v", what, <-e.done)
			}
			e.cursor = b.Cursor
			if ok(b) {
				return b
			}
		case <-end:
			e.t.Fatalf("the stream never told %s", what)
		}
	}
}

func names(b connectors.StreamBatch, id string) bool {
	return slices.ContainsFunc(b.Hints, func(h connectors.Change) bool { return h.ID == id })
}

// gaps waits until each of n topics has told that it begins.
func (e *ear) gaps(n int) {
	e.t.Helper()
	e.until(fmt.Sprintf("%d gaps", n), func(b connectors.StreamBatch) bool {
		if b.Gap != "" {
			n--
		}
		return n == 0
	})
}

func TestStreamsOfSeveralObjects(t *testing.T) {
	w := openStreaming(t, nil)
	tb := connectortest.T(t)
	e := w.listen(t, "", "Opportunity", "project__c")
	e.gaps(2)
	deal := w.Create(tb, won("Told"))
	e.until("the deal", func(b connectors.StreamBatch) bool { return names(b, deal) })
	project, err := w.sys.As(ada).Create("Project__c", map[string]string{"Name": "Bridge"})
	if err != nil {
		t.Fatal(err)
	}
	b := e.until("the project", func(b connectors.StreamBatch) bool { return names(b, project) })
	if got, want := b.Hints[0].Object, "project__c"; got != want {
		t.Errorf("the hint names %q, want the object as the mapping does: %q", got, want)
	}
	w.Delete(tb, deal)
	b = e.until("the delete", func(b connectors.StreamBatch) bool { return names(b, deal) })
	if b.Hints[0].State != connectors.Deleted {
		t.Errorf("the hint of a delete is %v", b.Hints[0].State)
	}
	for _, topic := range []string{"/data/OpportunityChangeEvent", "/data/Project__ChangeEvent"} {
		if !strings.Contains(e.cursor, topic) {
			t.Errorf("the cursor %s has no place of %s", e.cursor, topic)
		}
	}
}

// TestAnObjectThatIsNotSelectedIsSilent listens to one that is and one that is
// not.
func TestAnObjectThatIsNotSelectedIsSilent(t *testing.T) {
	w := openStreaming(t, nil)
	e := w.listen(t, "", "Opportunity", "Contact")
	silent, began := "", false
	e.until("the silence and the beginning", func(b connectors.StreamBatch) bool {
		began = began || b.Gap != ""
		if why := b.Silent["Contact"]; why != "" {
			silent = why
		}
		return began && silent != ""
	})
	if !strings.Contains(silent, "Change Data Capture") {
		t.Errorf("the reason does not say what to do: %q", silent)
	}
	deal := w.Create(connectortest.T(t), won("Told"))
	w.edit(connectortest.T(t), deal, map[string]string{"NextStep": "Call"})
	e.until("the deal", func(b connectors.StreamBatch) bool { return names(b, deal) })
	ended := w.listen(t, "", "Contact")
	for range ended.batches { //nolint:revive // none is of interest
	}
	if err := <-ended.done; connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("a stream of nothing: %v, want NotFound", err)
	}
}

// TestAStreamOutlivesItsSession ends all sessions while a stream stands.
func TestAStreamOutlivesItsSession(t *testing.T) {
	w := openStreaming(t, nil)
	tb := connectortest.T(t)
	e := w.listen(t, "", "Opportunity")
	e.gaps(1)
	deal := w.Create(tb, won("Told"))
	e.until("the deal", func(b connectors.StreamBatch) bool { return names(b, deal) })
	w.sys.ExpireSessions()
	w.edit(tb, deal, map[string]string{"NextStep": "Call"})
	b := e.until("the edit", func(b connectors.StreamBatch) bool { return names(b, deal) })
	if b.Gap != "" {
		t.Errorf("a new session made a gap: %s", b.Gap)
	}
}

func TestStreamsAreAskedFor(t *testing.T) {
	w := openWorld(t, ofOpportunities, nil)
	if a := connectors.AbilitiesOf(w.conn); a.Streamer != nil || a.WebhookSource != nil || a.Finder == nil {
		t.Errorf("abilities %+v: want neither a stream nor webhooks unless they are set up", a)
	}
}

// TestAHiddenFieldStaysOutOfEvents is of the sandbox: what may not be seen is
// null in events, and hints are told all the same.
func TestAHiddenFieldStaysOutOfEvents(t *testing.T) {
	w := openStreaming(t, nil)
	tb := connectortest.T(t)
	deal := w.Create(tb, won("Told"))
	if err := w.sys.Hide("Opportunity", "NextStep", true); err != nil {
		t.Fatal(err)
	}
	e := w.listen(t, "", "Opportunity")
	e.gaps(1)
	w.edit(tb, deal, map[string]string{"NextStep": "Call"})
	e.until("the deal", func(b connectors.StreamBatch) bool { return names(b, deal) })
}
