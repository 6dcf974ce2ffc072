package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// crowd bounds the connections that clients hold open. When it is full, the one
// that has been idle, or sending its request, for the longest makes room for
// the next; a client whose request is complete is never cut off. So clients
// that hold connections and say nothing, or speak slowly, keep nobody out.
type crowd struct {
	net.Listener
	limit int

	mu     sync.Mutex
	guests map[*guest]struct{}
}

func newCrowd(l net.Listener, limit int) *crowd {
	return &crowd{Listener: l, limit: limit, guests: map[*guest]struct{}{}}
}

// guest is one connection.
type guest struct {
	net.Conn
	crowd *crowd
	since atomic.Int64 // when it became idle or began to send, nanoseconds of the monotonic clock
	busy  atomic.Bool  // its request is complete and has no answer yet
}

var began = time.Now()

func (g *guest) wait() {
	g.since.Store(int64(time.Since(began)))
	g.busy.Store(false)
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.crowd.mu.Lock()
	delete(g.crowd.guests, g)
	g.crowd.mu.Unlock()
	return g.Conn.Close()
}

// Accept implements net.Listener.
func (c *crowd) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g := &guest{Conn: conn, crowd: c}
		g.wait()
		if c.admit(g) {
			return g, nil
		}
		conn.Close() //nolint:errcheck // all others are being served
	}
}

// admit lets a guest in. If need be, another one has to go.
func (c *crowd) admit(g *guest) bool {
	c.mu.Lock()
	var oldest *guest
	if len(c.guests) >= c.limit {
		for other := range c.guests {
			if !other.busy.Load() && (oldest == nil || other.since.Load() < oldest.since.Load()) {
				oldest = other
			}
		}
		if oldest == nil {
			c.mu.Unlock()
			return false
		}
		delete(c.guests, oldest)
	}
	c.guests[g] = struct{}{}
	c.mu.Unlock()
	if oldest != nil {
		oldest.Conn.Close() //nolint:errcheck // its server finds out
	}
	return true
}

// state is a http.Server's ConnState.
func (c *crowd) state(conn net.Conn, s http.ConnState) {
	if g, ok := conn.(*guest); ok && (s == http.StateActive || s == http.StateIdle) {
		g.wait()
	}
}

type guestKey struct{}

// context is a http.Server's ConnContext.
func (c *crowd) context(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, guestKey{}, conn)
}

// complete tells that the request of r has come as a whole, so that its
// connection stays until the answer is written.
func complete(r *http.Request) {
	if g, ok := r.Context().Value(guestKey{}).(*guest); ok {
		g.busy.Store(true)
	}
}
