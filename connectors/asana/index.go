package asana

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	// maxIndexed bounds the values that one index remembers.
	maxIndexed = 200_000
	// indexAge is after how long an index begins anew: a task that comes into a
	// project may keep its modified_at.
	indexAge = time.Hour
)

// taskIndex remembers which tasks of a project hold which value of a field. Each
// look takes in what was modified since the one before. What it finds may be
// out of date: callers look at the tasks.
type taskIndex struct {
	mu    sync.Mutex
	lists map[string]*valueList
}

// lookUp says what to index: a name of its own, and the value of a task.
type lookUp struct {
	name, object string
	fields       string // opt_fields that show the value
	of           func(*wireTask) string
}

// valueList is the index of one field in one project.
type valueList struct {
	turn  chan struct{} // holds one: whose turn it is
	full  time.Time     // when everything was listed
	since time.Time     // the list is complete up to here, by the server's clock
	ids   map[string][]string
}

func (x *taskIndex) list(name string) *valueList {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lists == nil {
		x.lists = map[string]*valueList{}
	}
	l := x.lists[name]
	if l == nil {
		l = &valueList{turn: make(chan struct{}, 1)}
		x.lists[name] = l
	}
	return l
}

// find returns the tasks that hold, or held, each value.
func (x *taskIndex) find(ctx context.Context, c *Connection, op string, s *scopeRef, look lookUp, values []string) ([][]string, error) {
	l := x.list(s.project.gid + "/" + look.name)
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return nil, c.fail(op, "", connectors.Unavailable, "%w", context.Cause(ctx))
	}
	if err := l.refresh(ctx, c, op, s, look); err != nil {
		return nil, err
	}
	out := make([][]string, len(values))
	for i, v := range values {
		out[i] = slices.Clone(l.ids[v])
	}
	return out, nil
}

// refresh takes in the tasks that were modified since the last look. Subtasks
// stand in no list, so all of them are looked at.
func (l *valueList) refresh(ctx context.Context, c *Connection, op string, s *scopeRef, look lookUp) error {
	if now := c.clock.Now(); look.object == objectSubtask || len(l.ids) > maxIndexed || now.Sub(l.full) > indexAge {
		l.full, l.since, l.ids = now, time.Time{}, map[string][]string{}
	}
	q := url.Values{"project": {s.project.gid}, "opt_fields": {look.fields}}
	if look.object == objectSubtask {
		q.Set("opt_fields", "num_subtasks")
	}
	if !l.since.IsZero() {
		q.Set("modified_since", l.since.Add(-overlap).UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	var begun time.Time
	offset := ""
	for range maxPages {
		rows, next, resp, err := page[wireTask](ctx, c, rest.Request{Op: op, Path: "/tasks", Query: q}, offset)
		if err != nil {
			l.full = time.Time{} // what was begun is not complete
			return err
		}
		if begun.IsZero() {
			begun = c.serverTime(resp)
		}
		if look.object == objectSubtask {
			if rows, err = c.below(ctx, op, look.fields+",num_subtasks", rows); err != nil {
				return err
			}
		}
		for i := range rows {
			if v := look.of(&rows[i]); v != "" && !slices.Contains(l.ids[v], rows[i].GID) {
				l.ids[v] = append(l.ids[v], rows[i].GID)
			}
		}
		if next == "" {
			l.since = begun
			return nil
		}
		offset = next
	}
	return c.fail(op, "", connectors.Internal, "the list of tasks has no end")
}
