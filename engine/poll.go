package engine

import (
	"context"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
)

// Polled is what one step of a poll came to.
type Polled struct {
	Rows  int       // listed
	Fresh int       // hints that were new
	More  bool      // another page can be asked for at once
	Wait  time.Time // the connection is paused until then; zero if not
	// Paused is set while a person has paused the connection: nothing is asked.
	Paused *Pause
}

// Poll reads one page of a feed's changes and makes its rows due. The cursor
// moves in the same commit, so no row is passed that is not safe.
func (e *Engine) Poll(ctx context.Context, feedName string) (Polled, error) {
	f, err := e.feed(feedName)
	if err != nil {
		return Polled{}, err
	}
	var cursor string
	var paused *Pause
	if err := e.store.View(ctx, func(tx state.Tx) error {
		if paused, err = connectionPaused(tx, f.conn.name); err != nil {
			return err
		}
		cursor, err = tx.Cursor(f.name)
		return err
	}); err != nil || paused != nil {
		return Polled{Paused: paused}, err
	}
	if ok, at := e.open(ctx, f.conn); !ok {
		return Polled{Wait: at}, nil
	}
	priority, source := connectors.PriorityPoll, "poll"
	if cursor == "" || backfilling(cursor) {
		priority, source = connectors.PriorityBackfill, "backfill"
	}
	if at := e.withheldUntil(f.conn, priority); !at.IsZero() {
		return Polled{Wait: at}, nil
	}
	sel := f.users[0].m.selection(f.users[0].side)
	sel.Fields = nil
	page, err := f.conn.Changes(connectors.WithPriority(ctx, priority), sel, bare(cursor))
	if err != nil {
		e.note(f.conn, err)
		if connectors.KindOf(err) == connectors.Invalid && bare(cursor) != "" {
			return Polled{}, e.restartFeed(ctx, f, err)
		}
		return Polled{}, err
	}
	e.note(f.conn, nil)
	next := page.Next
	if page.More && priority == connectors.PriorityBackfill {
		next = backfillMark + next
	}
	now := e.clock.Now()
	p := Polled{Rows: len(page.Changes), More: page.More}
	err = e.commit(ctx, func(tx state.Tx) error {
		p.Fresh = 0
		for _, u := range f.users {
			for _, c := range page.Changes {
				fresh, err := enqueue(tx, u.m, hint{
					side: u.side, record: c.ID, version: c.Version, priority: priority, source: source, due: now,
				}, now)
				if err != nil {
					return err
				}
				if fresh {
					p.Fresh++
				}
			}
		}
		if err := setHeard(tx, heardPoll+f.name, now); err != nil {
			return err
		}
		return tx.SetCursor(f.name, next)
	})
	if err != nil {
		return Polled{}, err
	}
	f.conn.mu.Lock()
	f.conn.lastPoll = now
	f.conn.mu.Unlock()
	if p.Fresh > 0 {
		for _, u := range f.users {
			e.nudge(u.m.Name())
		}
	}
	return p, nil
}

// backfillMark stands before a cursor while the first reading of everything is
// under way, so that its rows stay behind live work after a restart too.
const backfillMark = "backfill:"

func backfilling(cursor string) bool {
	return len(cursor) >= len(backfillMark) && cursor[:len(backfillMark)] == backfillMark
}

func bare(cursor string) string {
	if backfilling(cursor) {
		return cursor[len(backfillMark):]
	}
	return cursor
}

// restartFeed starts a feed anew whose cursor the connection does not
// understand any more. Rows that were dealt with are known by their versions.
func (e *Engine) restartFeed(ctx context.Context, f *feed, cause error) error {
	e.log.Warn("feed starts anew", "connection", f.conn.name, "op", f.name, "err", cause)
	return e.commit(ctx, func(tx state.Tx) error {
		for _, u := range f.users {
			if err := e.journal(tx, &state.Event{
				At: e.clock.Now(), Mapping: u.m.Name(), Action: "feed restarted", Source: "poll",
				Code: "cursor", Detail: cause.Error(),
			}); err != nil {
				return err
			}
		}
		return tx.SetCursor(f.name, "")
	})
}
