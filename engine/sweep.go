package engine

import (
	"context"
	"errors"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// Sweeper is one look through everything that a feed lists, page by page, for
// what no hint told. Unchanged records cost their share of the listing only.
type Sweeper struct {
	e      *Engine
	f      *feed
	source string // of the hints: sweepSource, or syncSource where a person asked
	cursor string
	seen   map[*worked]*bitset // links whose end was listed
	listed bool                // the listing is through
	after  uint64              // links checked against the listing
	user   int

	began   time.Time
	revived int            // users whose failures have been looked through
	behind  *state.Subject // the last entry looked at
}

// Sources of the hints of a sweep. What nobody told of and nobody asked for is
// not repaired under the policy to report.
const (
	sweepSource = "sweep"
	syncSource  = "sync"
)

// Swept is what one step of a sweep came to.
type Swept struct {
	Rows  int
	Fresh int
	Done  bool
	Wait  bool // the connection is paused, or keeps its allowance for more urgent work
	// Paused is set while a person has paused the connection: nothing is asked.
	Paused *Pause
}

// Sweep starts a sweep of a feed; call Step until it is done.
func (e *Engine) Sweep(name string) (*Sweeper, error) {
	f, err := e.feed(name)
	if err != nil {
		return nil, err
	}
	s := &Sweeper{e: e, f: f, source: sweepSource, seen: map[*worked]*bitset{}, began: e.clock.Now()}
	for _, u := range f.users {
		s.seen[u.m] = &bitset{}
	}
	return s, nil
}

// Step does one page of the sweep.
func (s *Sweeper) Step(ctx context.Context) (Swept, error) {
	if s.listed {
		return s.unlisted(ctx)
	}
	var paused *Pause
	if err := s.e.store.View(ctx, func(tx state.Tx) (err error) {
		paused, err = connectionPaused(tx, s.f.conn.name)
		return err
	}); err != nil || paused != nil {
		return Swept{Wait: paused != nil, Paused: paused}, err
	}
	ctx = connectors.WithPriority(ctx, connectors.PrioritySweep)
	if ok, _ := s.e.open(ctx, s.f.conn); !ok || !s.e.withheldUntil(s.f.conn, connectors.PrioritySweep).IsZero() {
		return Swept{Wait: true}, nil
	}
	page, err := s.f.conn.Changes(ctx, s.f.selection(), s.cursor)
	s.e.note(s.f.conn, err)
	if connectors.KindOf(err) == connectors.RateLimited {
		return Swept{Wait: true}, nil // what was listed stays listed: the sweep goes on from here
	}
	if err != nil {
		return Swept{}, err
	}
	out := Swept{Rows: len(page.Changes)}
	now := s.e.clock.Now()
	err = s.e.commit(ctx, func(tx state.Tx) error {
		out.Fresh = 0
		if err := setHeard(tx, heardPoll+s.f.name, now); err != nil {
			return err
		}
		for _, u := range s.f.users {
			for _, c := range page.Changes {
				fresh, err := s.row(tx, u, c, hint{
					side: u.side, record: c.ID, version: c.Version,
					priority: connectors.PrioritySweep, source: s.source, due: now,
				})
				if err != nil {
					return err
				}
				if fresh {
					out.Fresh++
				}
			}
		}
		return nil
	})
	if err != nil {
		return Swept{}, err
	}
	s.cursor = page.Next
	s.listed = !page.More
	s.nudge(out.Fresh)
	return out, nil
}

func (s *Sweeper) nudge(fresh int) {
	if fresh == 0 {
		return
	}
	for _, u := range s.f.users {
		s.e.nudge(u.m.Name())
	}
}

// row takes one listed row: a record that is as it was when it was dealt with
// needs nothing.
func (s *Sweeper) row(tx state.Tx, u feedUser, c connectors.Change, h hint) (bool, error) {
	link, err := tx.LinkOf(u.m.Name(), uint8(u.side), c.ID)
	if errors.Is(err, state.ErrNotFound) {
		if c.Record != nil && u.wishes(c.Record) {
			h.version = "" // what the condition looks at may change without the version
		}
		return enqueue(tx, u.m, h, s.e.clock.Now())
	}
	if err != nil {
		return false, err
	}
	s.seen[u.m].set(link.ID)
	if settled, err := s.e.settled(tx, u, link, c); settled || err != nil {
		return false, err
	}
	h.version = "" // even where the record is as it was, something of the link is to be done
	return enqueue(tx, u.m, h, s.e.clock.Now())
}

// settled reports whether a listed row shows that nothing is to be done for its
// link.
func (e *Engine) settled(tx state.Tx, u feedUser, link *state.Link, c connectors.Change) (bool, error) {
	if c.Record != nil {
		if _, moved, err := e.rollIn(tx, u.m, u.side, link, c.Record); moved || err != nil {
			return false, err
		}
	}
	if link.Status != state.LinkActive || link.Scheme != u.m.Hash() || pending(link) || !e.asItWas(u, link, c) {
		return false, nil
	}
	held, err := heldBack(tx, link)
	return !held && err == nil, err
}

// asItWas reports whether a listed row shows that its record is as it was when
// both sides agreed. Where the row shows the values, they must be there and be
// those of the baseline, since a version may stand still while a value moves;
// where the version has moved, the values alone do not tell of comments and attachments.
func (e *Engine) asItWas(u feedUser, link *state.Link, c connectors.Change) bool {
	end := link.Ends[u.side]
	if c.Record == nil {
		return unchangedRow(end, c)
	}
	if c.Record.State != end.State || c.Record.InScope == end.OutScope {
		return false
	}
	if c.Version != end.Version && u.m.CarriesTo(u.side.Other()) {
		return false
	}
	return e.holds(u.m, u.side, link, c.Record)
}

// wishes reports whether a record that has no counterpart asks for one.
func (u feedUser) wishes(rec *connectors.Record) bool {
	c := u.m.Create(u.side.Other())
	if c == nil || !c.HasWhen() || !rec.InScope {
		return false
	}
	yes, err := c.When(rec)
	return yes || err != nil
}

// heldBack reports whether a link has fields that are set aside for a cause that
// may have gone (a right that was lost, a person without a counterpart), or has
// failed as a whole.
func heldBack(tx state.Tx, link *state.Link) (bool, error) {
	asides, err := tx.AsidesOf(link.ID)
	for _, a := range asides {
		if a.Kind != state.AsideConflict {
			return true, err
		}
	}
	if err != nil {
		return false, err
	}
	entry, err := tx.Entry(linkSubject(link))
	if errors.Is(err, state.ErrNotFound) {
		return false, nil
	}
	return err == nil && entry.Status == state.Failed, err
}

func unchangedRow(end state.End, c connectors.Change) bool {
	if c.State != end.State {
		return false
	}
	if c.Version != "" {
		return c.Version == end.Version
	}
	return !c.Modified.IsZero() && c.Modified.Equal(end.Modified)
}

// unlisted makes the links due whose record the listing did not show: it may be
// gone, out of scope, or hidden. A record is never taken for deleted because a
// list did not name it; it is read.
func (s *Sweeper) unlisted(ctx context.Context) (Swept, error) {
	if s.user >= len(s.f.users) {
		return s.failed(ctx)
	}
	u := s.f.users[s.user]
	now := s.e.clock.Now()
	out := Swept{}
	last := s.after
	err := s.e.commit(ctx, func(tx state.Tx) error {
		out = Swept{}
		last = s.after
		links, err := tx.ListLinks(u.m.Name(), s.after, s.e.limits.Page)
		if err != nil {
			return err
		}
		for _, l := range links {
			last = l.ID
			out.Rows++
			if s.seen[u.m].has(l.ID) || l.Status == state.LinkEnded {
				continue
			}
			out.Fresh++
			if err := bump(tx, linkSubject(l), 1<<u.side, hint{
				side: u.side, priority: connectors.PrioritySweep, source: s.source, due: now,
			}, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Swept{}, err
	}
	s.after = last
	if out.Rows < s.e.limits.Page {
		s.user, s.after = s.user+1, 0
	}
	s.nudge(out.Fresh)
	return out, nil
}

// bitset is a set of link ids.
type bitset struct{ words []uint64 }

func (b *bitset) set(i uint64) {
	w := int(i / 64)
	for len(b.words) <= w {
		b.words = append(b.words, 0)
	}
	b.words[w] |= 1 << (i % 64)
}

func (b *bitset) has(i uint64) bool {
	w := i / 64
	return w < uint64(len(b.words)) && b.words[w]&(1<<(i%64)) != 0
}

// requeuePage is how many links one commit of Requeue makes due: neighbours are
// cheap, and other commits wait for no more than one page.
const requeuePage = 1000

// Requeue makes every link of a mapping due, both sides to be read. It is what
// follows a restored state.
func (e *Engine) Requeue(ctx context.Context, name string) (int, error) {
	m, err := e.mapping(name)
	if err != nil {
		return 0, err
	}
	total, after := 0, uint64(0)
	for {
		n := 0
		err := e.commit(ctx, func(tx state.Tx) error {
			n = 0
			links, err := tx.ListLinks(name, after, requeuePage)
			if err != nil {
				return err
			}
			for _, l := range links {
				if err := bump(tx, linkSubject(l), 3, hint{
					side: mapping.Left, priority: connectors.PrioritySweep, source: "retry", due: e.clock.Now(),
				}, e.clock.Now()); err != nil {
					return err
				}
				n++
			}
			if n > 0 {
				after = links[n-1].ID
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		total += n
		if n < requeuePage {
			e.nudge(m.Name())
			return total, nil
		}
	}
}
