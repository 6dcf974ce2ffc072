package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
)

func chunked(body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hooks/crm", io.NopCloser(bytes.NewReader(body)))
	r.ContentLength = -1
	return r
}

func TestRoomReads(t *testing.T) {
	const limit = 1 << 20
	for name, size := range map[string]int{"empty": 0, "small": 100, "as small as may be": smallBody, "large": smallBody + 1, "as large as may be": limit} {
		want := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		for kind, r := range map[string]*http.Request{
			"announced": httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(want)), "chunked": chunked(want),
		} {
			o := &room{limit: 3 * limit}
			body, release, err := o.read(httptest.NewRecorder(), r, limit)
			if err != nil || !bytes.Equal(body, want) {
				t.Errorf("%s, %s: got %d bytes, %v, want %d", name, kind, len(body), err, size)
				continue
			}
			if got := o.taken.Load(); got < int64(cap(body))-smallBody {
				t.Errorf("%s, %s: %d bytes are accounted for a body of %d", name, kind, got, cap(body))
			}
			release()
			if got := o.taken.Load(); got != 0 {
				t.Errorf("%s, %s: %d bytes are never given back", name, kind, got)
			}
		}
	}
	for kind, r := range map[string]*http.Request{
		"announced": httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, limit+1))), "chunked": chunked(make([]byte, limit+1)),
	} {
		o := &room{limit: 3 * limit}
		_, _, err := o.read(httptest.NewRecorder(), r, limit)
		if _, ok := errors.AsType[*http.MaxBytesError](err); !ok || o.taken.Load() != 0 {
			t.Errorf("too large, %s: got %v with %d bytes held", kind, err, o.taken.Load())
		}
	}
	cut := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, 10)))
	cut.ContentLength = 20
	if _, _, err := (&room{}).read(httptest.NewRecorder(), cut, limit); connectors.KindOf(err) != connectors.Invalid {
		t.Errorf("a body that is cut: got %v, want invalid", err)
	}
}

// watched tells what is accounted whenever a body is read from.
type watched struct {
	io.Reader
	room *room
	most *atomic.Int64
}

func (w watched) Read(p []byte) (int, error) {
	for now := w.room.taken.Load(); ; {
		most := w.most.Load()
		if now <= most || w.most.CompareAndSwap(most, now) {
			break
		}
	}
	return w.Reader.Read(p)
}

func (watched) Close() error { return nil }

// TestRoomIsNeverOverdrawn reads many large bodies at once: what does not fit is
// refused as unavailable, and nothing stays taken.
func TestRoomIsNeverOverdrawn(t *testing.T) {
	const limit, each = 4 << 20, 1 << 20
	o := &room{limit: limit}
	var most atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for range 4 {
				r := chunked(nil)
				r.Body = watched{bytes.NewReader(make([]byte, each)), o, &most}
				_, release, err := o.read(httptest.NewRecorder(), r, each)
				switch {
				case err == nil:
					release()
				case connectors.KindOf(err) != connectors.Unavailable:
					t.Errorf("got %v", err)
				}
			}
		})
	}
	wg.Wait()
	if got := most.Load(); got > limit {
		t.Errorf("%d bytes were held at once, the limit is %d", got, limit)
	}
	if got := o.taken.Load(); got != 0 {
		t.Errorf("%d bytes stay taken", got)
	}
	held := &room{limit: limit, taken: atomic.Int64{}}
	held.taken.Store(limit)
	if _, _, err := held.read(httptest.NewRecorder(), chunked(make([]byte, each)), each); connectors.KindOf(err) != connectors.Unavailable {
		t.Errorf("without room: got %v, want unavailable", err)
	}
	if _, release, err := held.read(httptest.NewRecorder(), chunked(make([]byte, 1000)), each); err != nil {
		t.Errorf("a small body without room: %v", err)
	} else {
		release()
	}
}

func TestGate(t *testing.T) {
	var g gate
	pass := func(what string, err error) {
		t.Helper()
		probe, ok := g.enter()
		if !ok {
			t.Fatalf("%s: kept out", what)
		}
		g.leave(probe, err)
	}
	pass("open", nil)
	pass("open, a bad delivery", &connectors.Error{Kind: connectors.Auth})
	pass("until it is full", engine.ErrOverload)
	if g.closed() {
		t.Error("a lone sender is kept out of reading")
	}
	pass("a lone sender meets the engine", state.ErrFull)
	pass("a bad delivery opens nothing", &connectors.Error{Kind: connectors.Invalid})
	probe, ok := g.enter()
	if !probe || !ok {
		t.Fatal("nobody finds out whether it has ended")
	}
	if !g.closed() {
		t.Error("bodies are read while it is full")
	}
	if _, ok := g.enter(); ok {
		t.Error("two find out at the same time")
	}
	g.leave(probe, nil)
	if probe, ok := g.enter(); probe || !ok || g.closed() {
		t.Error("it stays shut after a delivery was taken")
	}
}

// pipeListener hands out the server ends of pipes.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error { close(l.done); return nil }
func (*pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// TestCrowd fills the service with connections: the one that has said nothing
// for the longest goes, one whose request is complete never does.
func TestCrowd(t *testing.T) {
	l := &pipeListener{conns: make(chan net.Conn, 8), done: make(chan struct{})}
	c := newCrowd(l, 2)
	next := func() (client net.Conn, g *guest) {
		t.Helper()
		client, end := net.Pipe()
		l.conns <- end
		conn, err := c.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return client, conn.(*guest)
	}
	closed := func(client net.Conn) bool {
		_, err := client.Read(make([]byte, 1))
		return errors.Is(err, io.EOF)
	}
	busy := func(g *guest) {
		complete(httptest.NewRequest(http.MethodPost, "/", nil).WithContext(c.context(context.Background(), g)))
	}
	first, g1 := next()
	_, g2 := next()
	g1.since.Store(1)
	g2.since.Store(2)
	_, g3 := next()
	if !closed(first) {
		t.Error("the one that waited for the longest stays")
	}
	busy(g2)
	g3.since.Store(10)
	_, g4 := next() // g2 is older, but its request is complete
	if _, there := c.guests[g2]; !there {
		t.Error("one whose request is complete was closed")
	}
	if _, there := c.guests[g3]; there {
		t.Error("an idle one stays beside a complete one")
	}
	busy(g4)
	refused, end := net.Pipe()
	l.conns <- end
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := c.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want the end of the listener", err)
		}
	})
	if !closed(refused) {
		t.Error("a further one is let in while all are served")
	}
	l.Close()
	wg.Wait()
	c.state(g2, http.StateIdle)
	if g2.busy.Load() {
		t.Error("an answered one still counts as served")
	}
	for _, g := range []*guest{g2, g4} {
		g.Close()
		g.Close()
	}
	if len(c.guests) > 0 {
		t.Errorf("%d guests never leave", len(c.guests))
	}
}
