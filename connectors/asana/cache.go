package asana

import (
	"context"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Ages up to which what Asana told about a project is used without asking again:
// as a rule, and when somebody names what is not known.
const (
	projectAge = 10 * time.Minute
	refetchAge = 30 * time.Second
	listAge    = 15 * time.Minute
)

// cached is a value fetched from Asana that changes seldom. One fetch runs at a
// time; the others wait for it.
type cached[T any] struct {
	connection string
	turn       chan struct{}

	mu    sync.Mutex
	value T
	at    time.Time
	known bool
}

func newCached[T any](connection string) *cached[T] {
	return &cached[T]{connection: connection, turn: make(chan struct{}, 1)}
}

// get returns the value if it is younger than age, else what fetch returns. Age
// 0 always fetches.
func (c *cached[T]) get(ctx context.Context, clock connectors.Clock, age time.Duration, fetch func(context.Context) (T, error)) (T, error) {
	if v, ok := c.young(clock, age); ok {
		return v, nil
	}
	var zero T
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return zero, &connectors.Error{Op: "look up", Connection: c.connection, Kind: connectors.Unavailable, Err: context.Cause(ctx)}
	}
	if v, ok := c.young(clock, age); ok {
		return v, nil
	}
	at := clock.Now()
	v, err := fetch(ctx)
	if err != nil {
		return zero, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.at, c.known = v, at, true
	return v, nil
}

func (c *cached[T]) young(clock connectors.Clock, age time.Duration) (T, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value, c.known && age > 0 && clock.Now().Sub(c.at) < age
}

// forget makes the next get fetch.
func (c *cached[T]) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = false
}
