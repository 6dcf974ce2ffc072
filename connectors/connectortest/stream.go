package connectortest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Streamer is a World whose stream of changes has mishaps on demand.
type Streamer interface {
	// BreakStream cuts the streams that are open.
	BreakStream(t TB)
	// LoseCount lets the system lose some changes, so that the open streams have
	// a gap; false where it never does.
	LoseCount(t TB) bool
	// ExpireStream lets the system forget the places of the streams so far;
	// false where it never does.
	ExpireStream(t TB) bool
}

// listener is a stream that is open in the background.
type listener struct {
	e       *env
	batches chan connectors.StreamBatch
	stop    context.CancelFunc
	done    chan error
	telling atomic.Int32
	cursor  string // of the last batch that was looked at
}

// listen opens a stream of the harness's object.
func (e *env) listen(cursor string) *listener {
	e.Helper()
	if e.can.Streamer == nil {
		e.Skipf("the connection does not stream")
	}
	return e.listenTo(cursor, connectors.Selection{Object: e.h.Object, Scope: e.h.Scope})
}

func (e *env) listenTo(cursor string, sels ...connectors.Selection) *listener {
	ctx, cancel := context.WithCancel(e.Context())
	l := &listener{e: e, batches: make(chan connectors.StreamBatch), stop: cancel, done: make(chan error, 1)}
	go func() {
		l.done <- e.can.Streamer.Stream(ctx, sels, cursor, func(ctx context.Context, b connectors.StreamBatch) error {
			if l.telling.Add(1) > 1 {
				e.Errorf("Stream tells two batches at the same time")
			}
			defer l.telling.Add(-1)
			select {
			case l.batches <- b:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		close(l.batches)
	}()
	e.Cleanup(func() { l.close() })
	return l
}

// next returns the next batch.
func (l *listener) next() connectors.StreamBatch {
	l.e.Helper()
	b, ok := l.within(l.e.h.Patience)
	if !ok {
		l.e.Fatalf("Stream tells nothing more")
	}
	return b
}

func (l *listener) within(d time.Duration) (connectors.StreamBatch, bool) {
	l.e.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case b, open := <-l.batches:
		if !open {
			l.e.Fatalf("Stream ended: %v", <-l.done)
		}
		if b.Cursor == "" {
			l.e.Errorf("Stream: a batch without a cursor: %+v", b)
		}
		l.cursor = b.Cursor
		return b, true
	case <-timer.C:
		return connectors.StreamBatch{}, false
	}
}

// until takes batches until one satisfies ok.
func (l *listener) until(what string, ok func(connectors.StreamBatch) bool) connectors.StreamBatch {
	l.e.Helper()
	for end := time.Now().Add(l.e.h.Patience); ; {
		b, told := l.within(time.Until(end))
		if !told {
			l.e.Fatalf("Stream never told %s", what)
		}
		if ok(b) {
			return b
		}
	}
}

// hint takes batches until one names the record.
func (l *listener) hint(id string) connectors.Change {
	l.e.Helper()
	var found connectors.Change
	l.until("of record "+id, func(b connectors.StreamBatch) bool {
		for _, h := range b.Hints {
			if h.ID == "" || h.Object == "" {
				l.e.Errorf("Stream: the hint %+v names no record", h)
			}
			if h.ID == id && h.Object == l.e.h.Object {
				found = h
				return true
			}
		}
		return false
	})
	return found
}

func (l *listener) gap(what string) connectors.StreamBatch {
	l.e.Helper()
	return l.until("a gap "+what, func(b connectors.StreamBatch) bool { return b.Gap != "" })
}

// ended waits for the stream's end; batches on the way are passed over.
func (l *listener) ended() error {
	l.e.Helper()
	timer := time.NewTimer(l.e.h.Patience)
	defer timer.Stop()
	for {
		select {
		case _, open := <-l.batches:
			if !open {
				err := <-l.done
				l.done <- err
				if err == nil {
					l.e.Errorf("Stream ended without an error")
				}
				return err
			}
		case <-timer.C:
			l.e.Fatalf("Stream does not end")
		}
	}
}

// close ends the stream and waits for it.
func (l *listener) close() {
	l.stop()
	for range l.batches { //nolint:revive // what was under way is of no interest
	}
}

var streams = []test{
	{"a new stream begins with a gap", func(e *env) {
		e.seed(1)
		l := e.listen("")
		if b := l.next(); b.Gap == "" {
			e.Errorf("Stream without a cursor: the first batch is %+v, want a gap", b)
		}
	}},
	{"an edit and a create are told", func(e *env) {
		id := e.seed(1)[0]
		l := e.listen("")
		l.gap("at the start")
		e.w.Edit(e, id, e.h.Title, connectors.Text("Told by stream"))
		if h := l.hint(id); e.c.Facts().WebhookVersions && h.Version != "" && h.Version != e.one(id).Version {
			e.Errorf("the hint has version %q, a read %q", h.Version, e.one(id).Version)
		}
		l.hint(e.w.Create(e, e.fields("Made while streaming")))
	}},
	{"a delete is told", func(e *env) {
		id := e.seed(1)[0]
		l := e.listen("")
		l.gap("at the start")
		e.w.Delete(e, id)
		l.hint(id)
	}},
	{"own writes are told", func(e *env) {
		l := e.listen("")
		l.gap("at the start")
		l.hint(e.create("", "Ours"))
	}},
	{"it goes on from its cursor", func(e *env) {
		ids := e.seed(3)
		l := e.listen("")
		l.gap("at the start")
		e.w.Edit(e, ids[0], e.h.Title, connectors.Text("First"))
		l.hint(ids[0])
		l.close()
		var away []string
		for i, id := range ids {
			e.w.Edit(e, id, e.h.Title, connectors.Text(fmt.Sprintf("While away %d", i)))
			away = append(away, id)
		}
		again := e.listen(l.cursor)
		seen := map[string]bool{}
		again.until("what changed meanwhile", func(b connectors.StreamBatch) bool {
			if b.Gap != "" {
				e.Errorf("Stream from its own cursor has a gap: %s", b.Gap)
			}
			collect(seen, b.Hints)
			return seen[away[0]] && seen[away[1]] && seen[away[2]]
		})
	}},
	{"what was not safe is told again", func(e *env) {
		id := e.seed(1)[0]
		l := e.listen("")
		l.gap("at the start")
		e.w.Edit(e, id, e.h.Title, connectors.Text("Safe")) // gives the stream a place
		l.hint(id)
		l.close()
		e.w.Edit(e, id, e.h.Title, connectors.Text("Not safe at first"))
		refused := errors.New("the disk is full")
		ctx, cancel := context.WithTimeout(e.Context(), e.h.Patience)
		defer cancel()
		err := e.can.Streamer.Stream(ctx, []connectors.Selection{{Object: e.h.Object}}, l.cursor, func(_ context.Context, b connectors.StreamBatch) error {
			if len(b.Hints) > 0 {
				return refused
			}
			return nil
		})
		if !errors.Is(err, refused) {
			e.Errorf("Stream: %v, want the error of tell", err)
		}
		e.listen(l.cursor).hint(id)
	}},
	{"the context's end ends it", func(e *env) {
		l := e.listen("")
		l.next()
		l.stop()
		if err := l.ended(); connectors.KindOf(err) != connectors.Unavailable {
			e.Errorf("Stream after the context's end: %v, want Unavailable", err)
		}
	}},
	{"a foreign cursor is a gap", func(e *env) {
		id := e.seed(1)[0]
		for _, cursor := range []string{"no cursor of ours", "{}", "\x00\xff", strings.Repeat("x", 5000), "s1.-5", "p1."} {
			l := e.listen(cursor)
			l.gap(fmt.Sprintf("for the cursor %.20q", cursor))
			e.w.Edit(e, id, e.h.Title, connectors.Text(fmt.Sprintf("After %.5q", cursor)))
			l.hint(id)
			l.close()
		}
	}},
	{"an unknown object is told or refused", func(e *env) {
		if e.can.Streamer == nil {
			e.Skipf("the connection does not stream")
		}
		id := e.seed(1)[0]
		both := e.listenTo("", connectors.Selection{Object: "NoSuchObjectHere"}, connectors.Selection{Object: e.h.Object})
		both.until("that it is silent on the object", func(b connectors.StreamBatch) bool { return b.Silent["NoSuchObjectHere"] != "" })
		e.w.Edit(e, id, e.h.Title, connectors.Text("The other object streams"))
		both.hint(id)
		err := e.listenTo("", connectors.Selection{Object: "NoSuchObjectHere"}).ended()
		e.kind("Stream of an unknown object", err, connectors.NotFound, connectors.Permission)
	}},
	{"a break is an error", func(e *env) {
		l, w := e.mishap()
		l.gap("at the start")
		w.BreakStream(e)
		e.kind("a stream that was cut", l.ended(), connectors.Unavailable)
		e.listen(l.cursor).next()
	}},
	{"lost changes are a gap", func(e *env) {
		l, w := e.mishap()
		l.gap("at the start")
		if !w.LoseCount(e) {
			e.Skipf("the system never loses count")
		}
		l.gap("after the system lost count")
		id := e.w.Create(e, e.fields("After the gap"))
		l.hint(id)
	}},
	{"a forgotten place is a gap", func(e *env) {
		l, w := e.mishap()
		l.gap("at the start")
		id := e.w.Create(e, e.fields("Before"))
		l.hint(id)
		l.close()
		if !w.ExpireStream(e) {
			e.Skipf("the system forgets no place")
		}
		again := e.listen(l.cursor)
		again.gap("for a place that was forgotten")
		e.w.Edit(e, id, e.h.Title, connectors.Text("After"))
		again.hint(id)
	}},
	{"refused credentials end it", func(e *env) {
		f, ok := e.w.(Faulter)
		if e.can.Streamer == nil || !ok {
			e.Skipf("the connection does not stream, or nothing goes wrong here")
		}
		if !f.Fault(e, Revoked) {
			e.Skipf("the world cannot revoke credentials")
		}
		l := e.listen("")
		e.kind("Stream with refused credentials", l.ended(), connectors.Auth)
		f.Heal(e)
		e.listen("").next()
	}},
}

// mishap opens a stream in a world that can break it.
func (e *env) mishap() (*listener, Streamer) {
	e.Helper()
	if e.can.Streamer == nil {
		e.Skipf("the connection does not stream")
	}
	w, ok := e.w.(Streamer)
	if !ok {
		e.Skipf("the world has no mishaps of streams")
	}
	return e.listen(""), w
}
