package memory

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// streamBatch is how many events a stream tells at once.
const streamBatch = 20

// feed is the system's stream of changes: what connections are told, and what
// was asked to go wrong.
type feed struct {
	events []event       // the newest; the first has the number first
	first  int           // numbers ascend with holes
	next   int           // of the next event
	moved  chan struct{} // closed when something of this has changed
	breaks int           // how often all streams were broken
	gaps   int           // how often the system lost count
	repeat int           // events that a stream tells again when it goes on
}

func newFeed() *feed { return &feed{first: 1, next: 1, moved: make(chan struct{})} }

// wake tells the open streams to look again.
func (f *feed) wake() {
	close(f.moved)
	f.moved = make(chan struct{})
}

// append adds an event, and drops old ones as real systems do.
func (f *feed) append(e event) {
	f.events = append(f.events, e)
	f.next++
	if len(f.events) > maxOutbox {
		f.drop(len(f.events) / 2)
	}
	f.wake()
}

func (f *feed) drop(n int) {
	f.events = slices.Clone(f.events[n:])
	f.first += n
}

// BreakStreams cuts all open streams.
func (s *System) BreakStreams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed.breaks++
	s.feed.wake()
}

// LoseCount drops the events that no stream has told yet, as systems do when
// they have too many; open streams are told that there is a gap.
func (s *System) LoseCount() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed.drop(len(s.feed.events))
	s.feed.gaps++
	s.feed.wake()
}

// ExpireStream forgets all events, so that no cursor is known any more but the
// newest of those that are told from now on.
func (s *System) ExpireStream() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed.next += 10
	s.feed.drop(len(s.feed.events))
	s.feed.first = s.feed.next
}

// RepeatStream lets the next streams that go on from a cursor tell the n events
// before it again.
func (s *System) RepeatStream(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed.repeat = n
}

// Stream implements connectors.Streamer. Where Options.StreamEnds is set, it
// breaks by itself once all that is there has been told.
func (c *Connection) Stream(ctx context.Context, sels []connectors.Selection, cursor string, tell func(context.Context, connectors.StreamBatch) error) error {
	const op = "stream"
	if err := c.begin(ctx, Moment{Call: op}, ""); err != nil {
		return err
	}
	l := &listening{c: c, objects: map[string]bool{}}
	batch, err := l.open(sels, cursor)
	for ; err == nil; batch, err = l.next(ctx) {
		if err := tell(ctx, batch); err != nil {
			return err
		}
	}
	return err
}

// listening is one open stream.
type listening struct {
	c       *Connection
	objects map[string]bool
	at      int // the number of the next event to tell
	breaks  int
	gaps    int
}

// open finds the place to go on from, and returns the first batch.
func (l *listening) open(sels []connectors.Selection, cursor string) (connectors.StreamBatch, error) {
	s := l.c.system
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := connectors.StreamBatch{}
	for _, sel := range sels {
		t := s.tables[sel.Object]
		if t == nil || t.veil == Forbidden {
			if batch.Silent == nil {
				batch.Silent = map[string]string{}
			}
			batch.Silent[sel.Object] = "the system does not tell of " + sel.Object
			continue
		}
		l.objects[sel.Object] = true
	}
	if len(l.objects) == 0 {
		return batch, l.c.fail("stream", "", connectors.Permission, errors.New("none of the objects is told of"))
	}
	f := s.feed
	at, known := parsePlace(cursor)
	switch {
	case cursor == "":
		l.at, batch.Gap = f.next, "the stream begins"
	case !known || at < f.first || at > f.next:
		l.at, batch.Gap = f.next, "the system does not know the place any more"
	default:
		l.at = max(at-f.repeat, f.first)
	}
	l.breaks, l.gaps = f.breaks, f.gaps
	batch.Cursor = place(l.at)
	return batch, nil
}

func place(n int) string { return "s1." + strconv.Itoa(n) }

func parsePlace(cursor string) (int, bool) {
	text, ok := strings.CutPrefix(cursor, "s1.")
	n, err := strconv.Atoi(text)
	return n, ok && err == nil && n > 0
}

// next waits for something to tell.
func (l *listening) next(ctx context.Context) (connectors.StreamBatch, error) {
	for {
		batch, ok, moved, err := l.look()
		if ok || err != nil {
			return batch, err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return batch, l.c.fail("stream", "", connectors.Unavailable, context.Cause(ctx))
		}
	}
}

// look returns what there is to tell, or what to wait for.
func (l *listening) look() (batch connectors.StreamBatch, ok bool, moved <-chan struct{}, err error) {
	s := l.c.system
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feed
	switch {
	case l.c.closed.Load():
		return batch, false, nil, l.c.fail("stream", "", connectors.Unavailable, errors.New("the connection is closed"))
	case f.breaks != l.breaks:
		return batch, false, nil, l.c.fail("stream", "", connectors.Unavailable, errors.New("the stream was cut"))
	case f.gaps != l.gaps || l.at < f.first:
		l.gaps, l.at = f.gaps, max(l.at, f.first)
		return connectors.StreamBatch{Cursor: place(l.at), Gap: "the system has lost count"}, true, nil, nil
	case l.at >= f.next && s.opts.StreamEnds:
		return batch, false, nil, l.c.fail("stream", "", connectors.Unavailable, errors.New("the stream ended"))
	case l.at >= f.next:
		return batch, false, f.moved, nil
	}
	for len(batch.Hints) < streamBatch && l.at < f.next {
		e := f.events[l.at-f.first]
		l.at++
		if l.objects[e.Object] {
			batch.Hints = append(batch.Hints, e.hint())
		}
	}
	batch.Cursor = place(l.at)
	return batch, true, nil, nil
}
