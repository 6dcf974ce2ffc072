package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// stream is the stream of a connection that tells of changes, with what the
// status shows of it.
type stream struct {
	conn  *connection
	sels  []connectors.Selection // one for each object
	feeds []*feed
	nudge chan struct{}

	mu      sync.Mutex
	state   string
	since   time.Time
	reason  string
	retryAt time.Time
	last    time.Time
	hints   int64
	breaks  int64
	gaps    int64
	gap     string // why there was one last
	silent  map[string]string
	stop    context.CancelFunc // ends the stream that stands; nil while none does
}

// States of a stream.
const (
	streamOff     = "off"     // nobody has tried to open it yet
	streamDown    = "down"    // it broke, or could not be opened
	streamOpening = "opening" // it has told nothing yet
	streamUp      = "up"
	streamPaused  = "paused" // as the connection is
)

// streamsOf returns the streams of the connections that have one and that a
// mapping looks at, in the order of their names.
func streamsOf(feeds []*feed) []*stream {
	byName := map[string]*stream{}
	for _, f := range feeds {
		if f.conn.can.Streamer == nil {
			continue
		}
		s := byName[f.conn.name]
		if s == nil {
			s = &stream{conn: f.conn, nudge: make(chan struct{}, 1), state: streamOff, silent: map[string]string{}}
			byName[f.conn.name] = s
			f.conn.stream = s
		}
		s.feeds = append(s.feeds, f)
		object := f.object()
		if !slices.ContainsFunc(s.sels, func(sel connectors.Selection) bool { return sel.Object == object }) {
			s.sels = append(s.sels, connectors.Selection{Object: object})
		}
	}
	return slices.SortedFunc(maps.Values(byName), func(a, b *stream) int { return cmp.Compare(a.conn.name, b.conn.name) })
}

// Streams returns the names of the connections that stream, sorted: the
// arguments of Listen.
func (e *Engine) Streams() []string {
	names := make([]string, len(e.streams))
	for i, s := range e.streams {
		names[i] = s.conn.name
	}
	return names
}

// Listened is what one opening of a stream came to.
type Listened struct {
	Batches int
	Hints   int
	Gap     bool      // changes may not have been told: poll the connection's feeds at once
	Wait    time.Time // the connection is paused until then; zero if not
	// Paused is set while a person has paused the connection: nothing is opened.
	Paused *Pause
}

// Listen opens the stream of a connection where it left off and takes in what it
// tells until it breaks or the context ends; the error says why. Each batch and
// the place behind it are one commit. gap, which may be nil, is called when the
// stream may have missed something.
func (e *Engine) Listen(ctx context.Context, connectionName string, gap func()) (Listened, error) {
	s, err := e.stream(connectionName)
	if err != nil {
		return Listened{}, err
	}
	var out Listened
	var cursor string
	if err := e.store.View(ctx, func(tx state.Tx) error {
		if out.Paused, err = connectionPaused(tx, s.conn.name); err != nil {
			return err
		}
		cursor, err = tx.Cursor(streamCursor + s.conn.name)
		return err
	}); err != nil {
		return out, err
	}
	if out.Paused != nil {
		s.closed(streamPaused, "", e.clock.Now())
		return out, nil
	}
	if ok, at := e.open(ctx, s.conn); !ok {
		s.closed(streamPaused, "", e.clock.Now())
		out.Wait = at
		return out, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.opening(cancel, e.clock.Now())
	err = s.conn.can.Streamer.Stream(ctx, s.sels, cursor, func(ctx context.Context, b connectors.StreamBatch) error {
		if err := e.hear(ctx, s, b); err != nil {
			return err
		}
		out.Batches++
		out.Hints += len(b.Hints)
		if b.Gap != "" {
			out.Gap = true
			if gap != nil {
				gap()
			}
		}
		return nil
	})
	s.closed(streamDown, told(err), e.clock.Now())
	return out, err
}

// streamCursor stands before a connection's name in the name of its stream's
// cursor; no feed is named so.
const streamCursor = "stream:"

// hear makes a batch's hints and the cursor behind them durable, in one commit.
func (e *Engine) hear(ctx context.Context, s *stream, b connectors.StreamBatch) error {
	mappings := e.concerned(s.conn.name, b.Hints)
	if len(mappings) > 0 {
		full, err := e.overfull(ctx, mappings)
		if err != nil {
			return err
		}
		if full {
			return ErrOverload // the stream ends, and goes on from where it was
		}
	}
	now := e.clock.Now()
	var touched []*worked
	err := e.commit(ctx, func(tx state.Tx) error {
		touched = touched[:0]
		for _, m := range mappings {
			took, err := e.takeStreamed(tx, m, s.conn.name, b.Hints, now)
			if err != nil {
				return err
			}
			if took {
				touched = append(touched, m)
			}
		}
		if err := setHeard(tx, heardStream+s.conn.name, now); err != nil {
			return err
		}
		if err := e.countQueued(tx, touched); err != nil {
			return err
		}
		return tx.SetCursor(streamCursor+s.conn.name, b.Cursor)
	})
	if err != nil {
		return err
	}
	s.heard(b, now)
	if b.Gap != "" {
		e.log.Info("a stream may have missed changes; the lists are asked", "connection", s.conn.name, "op", b.Gap)
	}
	for _, m := range touched {
		e.nudge(m.Name())
	}
	return nil
}

// takeStreamed enqueues the hints that concern a mapping.
func (e *Engine) takeStreamed(tx state.Tx, m *worked, connection string, hints []connectors.Change, now time.Time) (took bool, err error) {
	for side := range mapping.SideID(len(m.sides)) {
		for _, c := range hints {
			if !m.concerns(side, connection, c) {
				continue
			}
			fresh, err := enqueue(tx, m, hint{
				side: side, record: c.ID, version: c.Version,
				priority: connectors.PriorityWebhook, source: streamSource, due: now.Add(e.limits.Coalesce),
			}, now)
			if err != nil {
				return false, err
			}
			took = took || fresh
		}
	}
	return took, nil
}

// streamSource is the source of hints that a stream told.
const streamSource = "stream"

func (e *Engine) stream(connectionName string) (*stream, error) {
	for _, s := range e.streams {
		if s.conn.name == connectionName {
			return s, nil
		}
	}
	return nil, &connectors.Error{Op: "listen", Connection: connectionName, Kind: connectors.NotFound, Help: "`tenon status` lists the connections"}
}

func (s *stream) opening(stop context.CancelFunc, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.since, s.stop, s.retryAt = streamOpening, now, stop, time.Time{}
}

// closed notes that no stream stands, and why.
func (s *stream) closed(state, reason string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == streamUp || s.state == streamOpening {
		s.since = now
		s.breaks++
	}
	s.state, s.reason, s.stop = state, reason, nil
}

// heard notes what a batch that is safe tells of the stream itself.
func (s *stream) heard(b connectors.StreamBatch, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != streamUp {
		s.state, s.since, s.reason = streamUp, now, ""
	}
	s.last = now
	s.hints += int64(len(b.Hints))
	if b.Gap != "" {
		s.gaps++
		s.gap = b.Gap
	}
	for object, why := range b.Silent {
		s.silent[object] = why
		if why == "" {
			delete(s.silent, object)
		}
	}
}

// retry notes when the stream will be opened again.
func (s *stream) retry(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retryAt = at
}

// interrupt ends the stream that stands, if one does, so that its loop looks
// anew.
func (s *stream) interrupt() {
	if s == nil {
		return
	}
	s.mu.Lock()
	if s.stop != nil {
		s.stop()
	}
	s.mu.Unlock()
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// tells reports whether the stream stands and tells of an object.
func (s *stream) tells(object string) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, silent := s.silent[object]
	return s.state == streamUp && !silent
}

func (s *stream) status() *StreamStatus {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return &StreamStatus{
		State: s.state, Since: s.since, Reason: s.reason, RetryAt: s.retryAt, Last: s.last,
		Hints: s.hints, Breaks: s.breaks, Gaps: s.gaps, Gap: s.gap, Silent: maps.Clone(s.silent),
	}
}

// streamWords tells how a stream stands, for Explain.
func streamWords(connection, object string, s *stream) string {
	status := s.status()
	switch why := status.Silent[object]; {
	case why != "":
		return fmt.Sprintf("the stream of %s does not tell of %s: %s", connection, object, why)
	case status.State == streamUp:
		return fmt.Sprintf("the stream of %s stands and has not told of it", connection)
	case status.Reason != "":
		return fmt.Sprintf("the stream of %s is %s: %s", connection, status.State, status.Reason)
	}
	return fmt.Sprintf("the stream of %s is %s", connection, status.State)
}
