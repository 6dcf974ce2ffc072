package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// inboxDocs is the kind of the documents that hold deliveries which are safe but
// not sorted into the queues yet. Their keys ascend, so that all that comes at
// the same time shares a page or two of the state: one commit takes in hundreds
// of deliveries at the price of one. They are sorted in batches, where those
// about the same record meet.
const inboxDocs = "inbox"

// inboxBatch is how many deliveries are sorted in one commit, at the end of
// which others wait that want to be acknowledged.
const inboxBatch = 256

// maxHintID bounds a record's id in a hint, in bytes; the state takes no longer
// ones.
const maxHintID = 1024

// inbox is what the engine knows of these documents.
type inbox struct {
	mu    sync.Mutex    // held while deliveries are sorted
	some  atomic.Bool   // there may be some: set after each that was stored
	known atomic.Bool   // what was there at the start has been counted
	rows  atomic.Int64  // about how many there are
	next  atomic.Uint32 // makes keys differ
	nudge chan struct{}
	loop  atomic.Bool // inboxLoop runs: nobody else need sort

	queued map[string]*atomic.Int64 // by mapping: its entries when they were counted last
}

func newInbox(mappings []*worked) *inbox {
	b := &inbox{nudge: make(chan struct{}, 1), queued: map[string]*atomic.Int64{}}
	b.some.Store(true)
	for _, m := range mappings {
		b.queued[m.Name()] = &atomic.Int64{}
	}
	return b
}

// parcel is one delivery in the inbox.
type parcel struct {
	connection string
	delivery   string
	at         time.Time
	hints      []connectors.Change // Object, ID and Version only
}

const parcelVersion = 1

func (p *parcel) encode() []byte {
	b := make([]byte, 0, 48+len(p.connection)+len(p.delivery)+48*len(p.hints))
	b = append(b, parcelVersion)
	b = binary.AppendVarint(b, p.at.UnixMicro())
	for _, s := range []string{p.connection, p.delivery} {
		b = appendText(b, s)
	}
	for i := range p.hints {
		h := &p.hints[i]
		b = appendText(appendText(appendText(b, h.Object), h.ID), h.Version)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errParcel = errors.New("a delivery in the inbox cannot be read")

func decodeParcel(b []byte) (p parcel, err error) {
	if len(b) == 0 || b[0] != parcelVersion {
		return p, errParcel
	}
	at, n := binary.Varint(b[1:])
	if n <= 0 {
		return p, errParcel
	}
	p.at, b = time.UnixMicro(at).UTC(), b[1+n:]
	text := func() string {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			b, err = nil, errParcel
			return ""
		}
		s := string(b[n : n+int(size)])
		b = b[n+int(size):]
		return s
	}
	p.connection, p.delivery = text(), text()
	for len(b) > 0 && err == nil {
		p.hints = append(p.hints, connectors.Change{Object: text(), ID: text(), Version: text()})
	}
	return p, err
}

// post makes a delivery durable.
func (e *Engine) post(ctx context.Context, p *parcel) error {
	b := e.inbox
	doc := p.encode()
	err := e.store.Update(ctx, func(tx state.Tx) error {
		for {
			// An engine that was started again within the same microsecond may
			// have used the key.
			key := fmt.Sprintf("%016x%08x", uint64(p.at.UnixMicro()), b.next.Add(1))
			if old, err := tx.Doc(inboxDocs, key); err != nil || old == nil {
				if err == nil {
					err = tx.SetDoc(inboxDocs, key, doc)
				}
				return err
			}
		}
	})
	b.rows.Add(1)
	b.some.Store(true) // whatever the error: it may be there all the same
	b.wake()
	return err
}

// wake makes inboxLoop look again.
func (b *inbox) wake() {
	select {
	case b.nudge <- struct{}{}:
	default:
	}
}

// TakeIn sorts deliveries that Receive made durable into the queues of the
// mappings, one batch in one commit, and returns how many there were. A delivery
// that came before is dropped here. Drain does so first by itself.
func (e *Engine) TakeIn(ctx context.Context) (int, error) {
	b := e.inbox
	if !b.some.Load() {
		return 0, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := e.takeIn(ctx, inboxBatch, e.sort)
	if !errors.Is(err, state.ErrCorrupt) {
		return n, err
	}
	// One of them meets a damaged row: the others may not have to wait for it.
	b.wake()
	if n, err = e.takeIn(ctx, 1, e.sort); !errors.Is(err, state.ErrCorrupt) {
		return n, err
	}
	e.log.Error("skipped a delivery; a sweep finds what it told", "err", err)
	return e.takeIn(ctx, 1, func(_ state.Tx, _ *parcel, touched []*worked) ([]*worked, error) { return touched, nil })
}

// takeIn hands up to limit deliveries to sort and takes them out of the inbox.
func (e *Engine) takeIn(ctx context.Context, limit int, sort func(state.Tx, *parcel, []*worked) ([]*worked, error)) (int, error) {
	b := e.inbox
	b.some.Store(false)
	var keys []string
	var touched []*worked
	unreadable := 0
	err := e.store.Update(ctx, func(tx state.Tx) error {
		var docs [][]byte
		var err error
		touched, unreadable = touched[:0], 0
		if keys, docs, err = tx.ListDocs(inboxDocs, "", limit); err != nil {
			return err
		}
		for i, doc := range docs {
			if p, err := decodeParcel(doc); err != nil {
				unreadable++
			} else if touched, err = sort(tx, &p, touched); err != nil {
				return err
			}
			if err := tx.SetDoc(inboxDocs, keys[i], nil); err != nil {
				return err
			}
		}
		if !b.known.Load() {
			touched = append(touched[:0], e.mappings...)
		}
		return e.countQueued(tx, touched)
	})
	if err != nil || len(keys) == limit {
		b.some.Store(true)
	}
	if err != nil {
		return 0, err
	}
	b.known.Store(true)
	b.rows.Store(max(b.rows.Load()-int64(len(keys)), 0))
	if unreadable > 0 {
		e.log.Error("skipped deliveries that cannot be read; a sweep finds what they told", "count", unreadable)
	}
	if len(keys) > 0 {
		for _, m := range touched {
			e.nudge(m.Name())
		}
	}
	return len(keys), nil
}

// takeAllIn sorts all that is in the inbox.
func (e *Engine) takeAllIn(ctx context.Context) error {
	for e.inbox.some.Load() {
		if n, err := e.TakeIn(ctx); n == 0 || err != nil {
			return err
		}
	}
	return nil
}

// sort enqueues what a delivery tells, and returns touched with the mappings
// for which that is something.
func (e *Engine) sort(tx state.Tx, p *parcel, touched []*worked) ([]*worked, error) {
	if p.delivery != "" {
		seen, err := tx.SeenDelivery(p.connection, p.delivery, p.at, p.at.Add(e.limits.KeepDelivery))
		if err != nil || seen {
			return touched, err
		}
	}
	if err := setHeard(tx, heardWebhook+p.connection, p.at); err != nil {
		return touched, err
	}
	for _, m := range e.mappings {
		took, err := e.takeHints(tx, m, p)
		if err != nil {
			return touched, err
		}
		if took && !slices.Contains(touched, m) {
			touched = append(touched, m)
		}
	}
	return touched, nil
}

// takeHints enqueues the hints that concern a mapping.
func (e *Engine) takeHints(tx state.Tx, m *worked, p *parcel) (took bool, err error) {
	for side := range m.sides {
		for _, c := range p.hints {
			if !m.concerns(mapping.SideID(side), p.connection, c) {
				continue
			}
			fresh, err := enqueue(tx, m, hint{
				side: mapping.SideID(side), record: c.ID, version: c.Version,
				priority: connectors.PriorityWebhook, source: "webhook", due: p.at.Add(e.limits.Coalesce),
			}, p.at)
			if err != nil {
				return false, err
			}
			took = took || fresh
		}
	}
	return took, nil
}

// concerns reports whether a hint is about a record that may be of a side.
func (m *worked) concerns(side mapping.SideID, connection string, c connectors.Change) bool {
	s := m.Side(side)
	return s.Connection == connection && s.Object == c.Object && c.ID != "" && len(c.ID) <= maxHintID
}

// countQueued notes how long the queues of mappings are, beyond one entry for
// each link: after a restore all links are due, and hints go on to come in.
func (e *Engine) countQueued(tx state.Tx, mappings []*worked) error {
	for _, m := range mappings {
		counts, err := tx.CountEntries(m.Name())
		if err != nil {
			return err
		}
		links, err := tx.CountLinks(m.Name())
		if err != nil {
			return err
		}
		e.inbox.queued[m.Name()].Store(max(int64(counts[state.Ready]+counts[state.Waiting]-links), 0))
	}
	return nil
}

// overfull reports whether the queue of one of the mappings is full. It looks
// closely only where that may be so.
func (e *Engine) overfull(ctx context.Context, mappings []*worked) (bool, error) {
	full := func() bool {
		waiting := e.inbox.rows.Load()
		return slices.ContainsFunc(mappings, func(m *worked) bool {
			return e.inbox.queued[m.Name()].Load()+waiting >= int64(e.limits.QueueFull)
		})
	}
	if e.inbox.known.Load() && !full() {
		return false, nil
	}
	if err := e.takeAllIn(ctx); err != nil {
		return false, err
	}
	err := e.store.View(ctx, func(tx state.Tx) error { return e.countQueued(tx, mappings) })
	return full(), err
}

// inboxPause is how long deliveries may lie in the inbox, so that many are
// sorted at once: half of the time that their hints wait for more anyway, and
// never long.
func (l Limits) inboxPause() time.Duration { return min(l.Coalesce/2, 50*time.Millisecond) }

// takenIn sorts what is in the inbox for a step that wants to see it, unless
// inboxLoop does.
func (e *Engine) takenIn(ctx context.Context) error {
	if e.readOnly || e.inbox.loop.Load() {
		return nil
	}
	if err := e.takeAllIn(ctx); !errors.Is(err, state.ErrReadOnly) {
		return err
	}
	return nil
}

// inboxLoop sorts what comes in.
func (e *Engine) inboxLoop(ctx context.Context) {
	e.inbox.loop.Store(true)
	defer e.inbox.loop.Store(false)
	failures := 0
	for ctx.Err() == nil {
		start := e.clock.Now()
		n, err := e.TakeIn(ctx)
		var wait time.Duration
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			failures++
			wait = e.backoff(failures)
			e.log.Error("deliveries are not sorted into the queues", "wait", wait, "err", err)
		case n == inboxBatch:
			// There are more. In a flood, to acknowledge goes first: what lies here
			// is safe.
			failures, wait = 0, 2*e.clock.Now().Sub(start)
		default:
			failures, wait = 0, e.limits.inboxPause()
			select {
			case <-e.inbox.nudge:
			case <-ctx.Done():
				return
			}
		}
		if wait > 0 && !e.rest(ctx, nil, wait) {
			return
		}
	}
}
