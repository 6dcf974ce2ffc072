package rest

import (
	"context"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Cached is a value fetched from a system that changes seldom, such as the
// schema of an object. One fetch runs at a time; the others wait for it. It is
// safe for concurrent use.
type Cached[T any] struct {
	connection string
	clock      connectors.Clock
	turn       chan struct{} // holds one: whose turn it is to fetch

	mu    sync.Mutex
	value T
	at    time.Time
	known bool
}

// NewCached returns one that knows no value yet. The connection's name is for
// errors; without a clock it goes by the system's.
func NewCached[T any](connection string, clock connectors.Clock) *Cached[T] {
	if clock == nil {
		clock = connectors.SystemClock()
	}
	return &Cached[T]{connection: connection, clock: clock, turn: make(chan struct{}, 1)}
}

// Get returns the value if it is younger than age, else what fetch returns; age
// 0 always fetches. Errors are fetch's and leave the value as it was, or
// Unavailable where the context ends during the wait for another fetch.
func (c *Cached[T]) Get(ctx context.Context, age time.Duration, fetch func(context.Context) (T, error)) (T, error) {
	if v, ok := c.young(age); ok {
		return v, nil
	}
	var zero T
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return zero, &connectors.Error{Op: "look up", Connection: c.connection, Kind: connectors.Unavailable, Err: context.Cause(ctx)}
	}
	if v, ok := c.young(age); ok {
		return v, nil
	}
	at := c.clock.Now()
	v, err := fetch(ctx)
	if err != nil {
		return zero, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.at, c.known = v, at, true
	return v, nil
}

func (c *Cached[T]) young(age time.Duration) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.known && age > 0 && c.clock.Now().Sub(c.at) < age
}

// Last returns the value that was fetched last, however old; zero before the
// first.
func (c *Cached[T]) Last() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

// Forget makes the next Get fetch.
func (c *Cached[T]) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = false
}
