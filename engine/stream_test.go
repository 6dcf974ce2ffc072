package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
)

// streaming lets the CRM stream, in steps: a stream ends when all was told.
func streaming(crm, _ *memory.Options) { crm.Streams, crm.StreamEnds = true, true }

// listen opens the CRM's stream until it breaks by itself.
func (w *world) listen() engine.Listened {
	w.t.Helper()
	out, err := w.eng.Listen(w.t.Context(), "crm", nil)
	if connectors.KindOf(err) != connectors.Unavailable {
		w.t.Fatalf("the stream ended with %v, want Unavailable", err)
	}
	return out
}

// drainAll works what is due, and polls nothing.
func (w *world) drainAll() {
	w.t.Helper()
	for range 50 {
		d, err := w.eng.Drain(w.t.Context(), "pair")
		if err != nil {
			w.t.Fatal(err)
		}
		if d.Worked == 0 && d.Next.IsZero() {
			return
		}
		w.clock.Advance(time.Second)
	}
	w.t.Fatal("the queue never empties")
}

func TestAStreamTellsOfEdits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoWay, streaming)
	deal := w.crm.Create("record", nil, "u1", map[string]connectors.Value{"title": connectors.Text("Bridge"), "active": connectors.Bool(true)})
	w.settle()
	if first := w.listen(); !first.Gap || first.Hints != 0 {
		t.Fatalf("the first stream told %+v, want a gap and no hints", first)
	}
	w.crm.Edit(deal, "u1", "title", connectors.Text("Tunnel"))
	if got := w.listen(); got.Gap || got.Hints != 1 {
		t.Fatalf("the stream told %+v, want one hint and no gap", got)
	}
	w.drainAll()
	epic := w.links()[0].Records[1].ID
	if got, want := w.get(w.pm, epic, "title").Text(), "Tunnel"; got != want {
		t.Errorf("the epic is called %q, want %q", got, want)
	}
	events, err := w.eng.History(t.Context(), engine.HistoryFilter{Mapping: "pair", Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	told := false
	for _, e := range events {
		told = told || e.Source == "stream"
	}
	if !told {
		t.Error("the history does not name the stream as a source")
	}
}

func TestAStreamGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoWay, streaming)
	deal := w.crm.Create("record", nil, "u1", map[string]connectors.Value{"title": connectors.Text("Bridge"), "active": connectors.Bool(true)})
	w.settle()
	w.listen()
	w.crm.Edit(deal, "u1", "title", connectors.Text("Tunnel"))
	w.start()
	if got := w.listen(); got.Gap || got.Hints != 1 {
		t.Errorf("after a restart the stream told %+v, want the hint and no gap", got)
	}
	w.crm.ExpireStream()
	w.start()
	if got := w.listen(); !got.Gap {
		t.Errorf("after the place was forgotten the stream told %+v, want a gap", got)
	}
}

// TestABatchThatIsNotSafeIsToldAgain lets the commit of a batch fail.
func TestABatchThatIsNotSafeIsToldAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoWay, streaming)
	w.listen()
	w.lim.QueueFull = 1
	w.start()
	var ids []string
	for _, title := range []string{"a", "b", "c"} {
		ids = append(ids, w.crm.Create("record", nil, "u1", map[string]connectors.Value{"title": connectors.Text(title)}))
	}
	if got := w.listen(); got.Hints != len(ids) { // the queue is empty at first
		t.Fatalf("the stream told %d hints, want %d", got.Hints, len(ids))
	}
	w.crm.Edit(ids[0], "u1", "title", connectors.Text("d"))
	if _, err := w.eng.Listen(t.Context(), "crm", nil); !errors.Is(err, engine.ErrOverload) {
		t.Fatalf("Listen with a full queue: %v, want ErrOverload", err)
	}
	w.drainAll()
	if got := w.listen(); got.Hints != 1 {
		t.Errorf("with room again the stream told %d hints, want the one that was not safe", got.Hints)
	}
}

func TestAPausedConnectionDoesNotStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoWay, streaming)
	if _, err := w.eng.Pause(t.Context(), "crm", "", "ada"); err != nil {
		t.Fatal(err)
	}
	out, err := w.eng.Listen(t.Context(), "crm", nil)
	if err != nil || out.Paused == nil || out.Batches != 0 {
		t.Errorf("Listen while paused: %+v, %v, want a pause and nothing told", out, err)
	}
	if err := w.eng.Resume(t.Context(), "crm", "ada"); err != nil {
		t.Fatal(err)
	}
	if got := w.listen(); got.Batches == 0 {
		t.Error("nothing was told after the pause")
	}
}

func TestStatusTellsOfTheStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoWay, streaming)
	status := func() *engine.StreamStatus {
		t.Helper()
		s, err := w.eng.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s.Connections[1].Stream != nil {
			t.Error("the project system has a stream")
		}
		return s.Connections[0].Stream
	}
	if got := status(); got == nil || got.State != "off" {
		t.Fatalf("before the start: %+v, want off", got)
	}
	w.listen()
	w.crm.Create("record", nil, "u1", map[string]connectors.Value{"title": connectors.Text("a")})
	w.listen()
	got := status()
	if got.State != "down" || got.Hints != 1 || got.Gaps != 1 || got.Breaks != 2 || got.Last.IsZero() || !strings.Contains(got.Reason, "ended") {
		t.Errorf("the status tells %+v", got)
	}
	w.crm.SetVeil("record", memory.Forbidden)
	if _, err := w.eng.Listen(t.Context(), "crm", nil); connectors.KindOf(err) != connectors.Permission {
		t.Errorf("Listen without a right: %v, want Permission", err)
	}
}

func TestListenNeedsAStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoWay, streaming)
	if _, err := w.eng.Listen(t.Context(), "pm", nil); connectors.KindOf(err) != connectors.NotFound {
		t.Errorf("Listen to a system without a stream: %v, want NotFound", err)
	}
	if got := w.eng.Streams(); len(got) != 1 || got[0] != "crm" {
		t.Errorf("streams %v, want crm", got)
	}
}

// TestRunStreams runs the whole engine with polls an hour apart: an edit can
// arrive by the stream only, and what a gap swallowed by the polls that it asks
// for.
func TestRunStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t, twoWay, func(crm, pm *memory.Options) {
		crm.Streams = true
		crm.Clock, pm.Clock = connectors.SystemClock(), connectors.SystemClock()
	})
	w.clock, w.lim.Poll, w.lim.RetryMin = nil, time.Hour, time.Millisecond
	w.start()
	deal := w.crm.Create("record", nil, "u1", map[string]connectors.Value{"title": connectors.Text("Bridge"), "active": connectors.Bool(true)})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.eng.Run(ctx) }()
	title := func() string {
		rows, err := w.eng.Links(ctx, "", 0, 10)
		if err != nil || len(rows) == 0 {
			return ""
		}
		return w.pm.Truth(rows[0].Records[1].ID)["title"].Text()
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !ok(); {
			if time.Now().After(end) {
				t.Fatalf("%s: never happened; %+v", what, w.streamStatus())
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	until("the first poll", func() bool { return title() == "Bridge" && w.streamStatus().State == "up" })
	w.crm.Edit(deal, "u1", "title", connectors.Text("By the stream"))
	until("the edit that the stream tells", func() bool { return title() == "By the stream" })
	w.crm.BreakStreams()
	w.crm.Edit(deal, "u1", "title", connectors.Text("While broken"))
	until("the edit while the stream was broken", func() bool { return title() == "While broken" })
	for i := 0; ; i++ { // some time the count is lost before the stream has told
		gaps := w.streamStatus().Gaps
		name := "Swallowed " + string(rune('a'+i))
		w.crm.BreakStreams()
		w.crm.Edit(deal, "u1", "title", connectors.Text(name))
		w.crm.LoseCount()
		until(name, func() bool { return title() == name })
		if w.streamStatus().Gaps > gaps || i == 20 {
			break
		}
	}
	if _, err := w.eng.Pause(ctx, "crm", "", "ada"); err != nil {
		t.Fatal(err)
	}
	until("the pause", func() bool { return w.streamStatus().State == "paused" })
	w.crm.Edit(deal, "u1", "title", connectors.Text("While paused"))
	if err := w.eng.Resume(ctx, "crm", "ada"); err != nil {
		t.Fatal(err)
	}
	until("the edit while paused", func() bool { return title() == "While paused" })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

func (w *world) streamStatus() engine.StreamStatus {
	s, err := w.eng.Status(context.Background())
	if err != nil {
		return engine.StreamStatus{Reason: err.Error()}
	}
	return *s.Connections[0].Stream
}

// TestStreamsSparePolls looks at how often the lists are asked: less often while
// a stream tells of everything that is carried over.
func TestStreamsSparePolls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		source string
		open   bool
		want   string
	}{
		"no stream":               {strings.Replace(twoWay, "comments: both", "comments: none", 1), false, "30s"},
		"a stream":                {strings.Replace(twoWay, "comments: both", "comments: none", 1), true, "5m0s"},
		"a stream, with comments": {twoWay, true, "30s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, test.source, func(crm, _ *memory.Options) { crm.Streams = true })
			deal := w.crm.Create("record", nil, "u1", map[string]connectors.Value{"title": connectors.Text("Bridge"), "active": connectors.Bool(true)})
			w.settle()
			ctx, cancel := context.WithCancel(t.Context())
			done, up := make(chan struct{}), make(chan struct{})
			if test.open {
				go func() {
					defer close(done)
					_, _ = w.eng.Listen(ctx, "crm", func() { close(up) })
				}()
				<-up
			} else {
				close(done)
			}
			out, err := w.eng.Explain(t.Context(), "crm/record/"+deal, engine.ExplainOptions{})
			cancel()
			<-done
			if err != nil {
				t.Fatal(err)
			}
			if got := out.Mappings[0].Sides[0].PollEvery; got != test.want {
				t.Errorf("asked every %s, want %s", got, test.want)
			}
		})
	}
}
