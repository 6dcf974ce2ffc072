package pubsub

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/tenonsync/tenon/sandbox/kit"
	"github.com/tenonsync/tenon/sandbox/salesforce/pubsub/wire"
)

// MaxEntities is how many objects can be selected without an add-on.
const MaxEntities = 5

// Options say whose events a Server tells. The functions are called without any
// lock of the Server held.
type Options struct {
	Clock kit.Clock
	Org   func() string // its id, 18 characters
	// Login reports whether a token is a live session's. It counts as its use.
	Login func(token string) bool
	// Object returns what an object's events hold; false where there is none.
	Object func(name string) (Object, bool)
	// Hidden reports whether the API's user may not see a field, or the object
	// (field empty).
	Hidden func(object, field string) bool
	// Channels returns the objects of each custom channel, such as "Tenon__chn";
	// nil: there are none.
	Channels func() map[string][]string

	KeepAlive time.Duration // 270 s unless set
	Retention time.Duration // 72 h unless set
}

// A Change is what a transaction did to one record.
type Change struct {
	Object  string
	ID      string
	Type    string         // CREATE, UPDATE, DELETE, UNDELETE, or a GAP_ type
	Changed []string       // of an update, as events name fields: "Name", "BillingAddress.City"
	Values  map[string]any // by the names of the object's fields; compound ones are maps or texts
}

// A Transaction is what became visible at once.
type Transaction struct {
	Key     string
	At      time.Time
	Number  int64
	User    string
	Origin  string
	Changes []Change
}

// stored is one event, or a mark without one.
type stored struct {
	replay  uint64
	at      time.Time
	entity  string // "" of a mark
	schema  string
	id      string
	payload []byte
}

// Server is the emulated service. It is safe for concurrent use.
type Server struct {
	opts Options
	rpc  *grpc.Server

	mu       sync.Mutex
	selected []string
	schemas  map[string]*schema // by id, for ever
	log      []stored           // ascending; the first is the oldest that is kept
	last     uint64
	moved    chan struct{} // closed when there is something new
	queue    []func()      // events to be made, in order
	busy     bool
	closed   bool
	idle     *sync.Cond
	cut      int // how often all streams were cut
}

// New returns a server with no objects selected. Close it.
func New(o Options) *Server {
	if o.Clock == nil {
		o.Clock = kit.RealClock()
	}
	if o.KeepAlive <= 0 {
		o.KeepAlive = 270 * time.Second
	}
	if o.Retention <= 0 {
		o.Retention = 72 * time.Hour
	}
	s := &Server{opts: o, schemas: map[string]*schema{}, last: 18_098_160, moved: make(chan struct{})}
	s.idle = sync.NewCond(&s.mu)
	s.rpc = grpc.NewServer(grpc.MaxRecvMsgSize(4 << 20))
	wire.Register(s.rpc, s)
	s.mark()
	return s
}

// Serve answers on a listener until Close.
func (s *Server) Serve(l net.Listener) error { return s.rpc.Serve(l) }

// Close ends all streams and stops serving.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.rpc.Stop()
}

// Select chooses the objects whose changes are told, as an admin does in Setup.
func (s *Server) Select(objects ...string) error {
	chosen := []string{}
	for _, name := range objects {
		o, ok := s.opts.Object(name)
		if !ok {
			return fmt.Errorf("there is no object %q", name)
		}
		if !slices.Contains(chosen, o.Name) {
			chosen = append(chosen, o.Name)
		}
	}
	if len(chosen) > MaxEntities {
		return fmt.Errorf("%d objects are more than the %d that the org may select", len(chosen), MaxEntities)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.selected = chosen
	return nil
}

// Selected returns the objects whose changes are told.
func (s *Server) Selected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.selected)
}

// channels returns the objects of each custom channel.
func (s *Server) channels() map[string][]string {
	if s.opts.Channels == nil {
		return nil
	}
	return s.opts.Channels()
}

// Publish tells a transaction. It only notes it, so that it may be called with
// locks held that the Options' functions take; events are made in order soon
// after. See Flush.
func (s *Server) Publish(t Transaction) { s.enqueue(func() { s.publish(t) }) }

// PublishFunc is Publish of a transaction that is made when its turn comes,
// without any lock held.
func (s *Server) PublishFunc(of func() Transaction) { s.enqueue(func() { s.publish(of()) }) }

// Flush waits until all that was published can be told.
func (s *Server) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy {
		s.idle.Wait()
	}
}

func (s *Server) enqueue(work func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, work)
	if !s.busy && !s.closed {
		s.busy = true
		go s.work()
	}
}

// work makes events until the queue is empty.
func (s *Server) work() {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 || s.closed {
			s.busy = false
			s.idle.Broadcast()
			s.mu.Unlock()
			return
		}
		do := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		do()
	}
}

// publish makes the events of a transaction.
func (s *Server) publish(t Transaction) {
	var events []stored
	for i, group := range grouped(t.Changes) {
		e, err := s.event(t, group, int32(i+1))
		if err != nil { // what cannot be told is a gap, as the real service does
			group[0].Type, group[0].Values = "GAP_"+strings.TrimPrefix(group[0].Type, "GAP_"), nil
			if e, err = s.event(t, group, int32(i+1)); err != nil {
				continue
			}
		}
		events = append(events, e)
	}
	told := s.Selected()
	for _, objects := range s.channels() {
		told = append(told, objects...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		if slices.Contains(told, e.entity) {
			s.store(e)
		}
	}
}

// grouped puts the same change of several records of one object into one event.
func grouped(changes []Change) [][]Change {
	var groups [][]Change
	for _, c := range changes {
		if n := len(groups) - 1; n >= 0 && same(groups[n][0], c) && len(groups[n]) < 1000 {
			groups[n] = append(groups[n], c)
			continue
		}
		groups = append(groups, []Change{c})
	}
	return groups
}

func same(a, b Change) bool {
	if a.Object != b.Object || a.Type != b.Type || !slices.Equal(a.Changed, b.Changed) || a.Type == "CREATE" || a.Type == "UNDELETE" {
		return false
	}
	for _, name := range a.Changed {
		if parent, _, ok := strings.Cut(name, "."); ok || fmt.Sprint(a.Values[parent]) != fmt.Sprint(b.Values[parent]) {
			return false
		}
	}
	return true
}

// event makes one event of the same change of some records.
func (s *Server) event(t Transaction, group []Change, sequence int32) (stored, error) {
	c := group[0]
	o, ok := s.opts.Object(c.Object)
	if !ok {
		return stored{}, errors.New("no such object")
	}
	sch, err := schemaOf(o)
	if err != nil {
		return stored{}, err
	}
	h := header{
		entity: o.Name, kind: c.Type, origin: t.Origin, transaction: t.Key, user: t.User, sequence: sequence, at: t.At, number: t.Number,
	}
	for _, g := range group {
		h.records = append(h.records, g.ID)
	}
	values := map[string]any{}
	switch c.Type {
	case "CREATE", "UNDELETE":
		for name, v := range c.Values {
			values[name] = v
		}
	case "UPDATE":
		var nulled []string
		for _, name := range c.Changed {
			v := take(values, c.Values, name)
			if v == nil {
				nulled = append(nulled, name)
			}
		}
		h.changed, h.nulled = sch.bitmaps(c.Changed), sch.bitmaps(nulled)
	}
	for _, f := range o.Fields {
		if s.opts.Hidden != nil && s.opts.Hidden(o.Name, f.Name) {
			delete(values, f.Name)
		}
	}
	payload, err := sch.encode(h, values)
	if err != nil || len(payload) > 1<<20 {
		return stored{}, fmt.Errorf("an event of %s cannot be made: %w", o.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.schemas[sch.id] = sch
	return stored{at: s.opts.Clock.Now(), entity: o.Name, schema: sch.id, id: eventID(t.Key, sequence), payload: payload}, nil
}

// take copies a value by the name that events use for its field, and returns it.
func take(into, from map[string]any, name string) any {
	parent, part, compound := strings.Cut(name, ".")
	if !compound {
		into[name] = from[name]
		return from[name]
	}
	whole, ok := from[parent].(map[string]any)
	if !ok {
		return nil
	}
	parts, ok := into[parent].(map[string]any)
	if !ok {
		parts = map[string]any{}
		into[parent] = parts
	}
	parts[part] = whole[part]
	return whole[part]
}

func eventID(transaction string, sequence int32) string {
	return fmt.Sprintf("%s-%04d", transaction, sequence)
}

// store adds an event to the log, with the next replay id.
func (s *Server) store(e stored) {
	s.last += 1 + uint64(len(s.log)%3) // replay ids have holes
	e.replay = s.last
	s.log = append(s.log, e)
	s.purge()
	close(s.moved)
	s.moved = make(chan struct{})
}

// mark notes a place without an event, so that a quiet stream's places stay
// young.
func (s *Server) mark() {
	s.last++
	s.log = append(s.log, stored{replay: s.last, at: s.opts.Clock.Now()})
	s.purge()
}

// purge drops what is older than the retention.
func (s *Server) purge() {
	oldest := s.opts.Clock.Now().Add(-s.opts.Retention)
	n := 0
	for n < len(s.log) && s.log[n].at.Before(oldest) {
		n++
	}
	s.log = slices.Delete(s.log, 0, n)
}

func replayID(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
