package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/engine/state"
	"github.com/tenonsync/tenon/mapping"
)

// Sealer hides customers' values at rest.
type Sealer interface {
	// Seal encrypts plain; purpose is bound to it and must be given to Open.
	Seal(plain []byte, purpose string) []byte
	Open(sealed []byte, purpose string) ([]byte, error)
}

// Printer makes keyed fingerprints of values.
type Printer interface {
	Print(v connectors.Value) state.Print
	PrintOption(o connectors.Option) state.Print
}

// Config is what an engine works with. Store, Connections, Mappings, Sealer and
// Printer are required.
type Config struct {
	Store       state.Store
	Connections map[string]connectors.Connection
	Mappings    []*mapping.Mapping
	Sealer      Sealer
	Printer     Printer

	Clock  connectors.Clock
	Random *rand.Rand // jitter only; default: seeded by the runtime
	Logger *slog.Logger
	Limits Limits

	// ConvertLink returns the signed address that is written into the button's
	// field of a record; nil writes none.
	ConvertLink func(mapping string, record connectors.Ref) string

	// Meter counts the connections' calls for Status; may be nil.
	Meter *Meter

	// People says who is who where e-mails do not tell.
	People []PersonRow

	// ReadOnly refuses every step that writes to a system.
	ReadOnly bool

	// Broken are the mappings that are configured and not among Mappings, for
	// Explain.
	Broken []BrokenMapping
}

// BrokenMapping is a mapping that is not run since it has errors, or since its
// systems could not be asked.
type BrokenMapping struct {
	Name    string // as far as it is known
	File    string
	Sides   [2]mapping.Side // without connections where the file cannot be read
	Problem string          // the first one, for people; may have several lines
}

// Limits bound the engine's work. Zero fields mean the defaults.
type Limits struct {
	Batch    int           // entries of one drain; 100
	Page     int           // rows of one listing by the operator's calls; 100
	Coalesce time.Duration // how long a webhook's hint waits for more of its kind; 100 ms
	Poll     time.Duration // between two polls of a feed; the connection's own, or 30 s
	Sweep    time.Duration // between two sweeps of a feed; 6 h
	// ReportDrift makes sweeps tell the journal of differences that no hint told
	// of, instead of repairing them. What a person asks for is done all the same.
	ReportDrift bool
	Missing     time.Duration // how long a record must be missing before that counts; 1 min
	RetryMin    time.Duration // the first wait after a transient error; 1 s
	RetryMax    time.Duration // the longest; 10 min
	Probe       time.Duration // between two probes of a paused connection; 5 s, growing to 5 min
	QueueFull   int           // entries of a mapping, beyond one a link, above which webhooks are put off; 1,000,000

	Window     time.Duration // over which the guards count; 1 h
	Clears     int           // fields emptied a window and mapping; 50
	Overwrites int           // values replaced a window and mapping; 20,000
	Deletes    int           // records deleted, archived or unlinked; 20
	Creates    int           // records made without a press of the button; 5,000
	Share      int           // percent of a mapping's links that clears and deletes may reach besides; 25, negative: any
	MissingAt  int           // linked records of one side missing within ten minutes that are no deletions any more; 5
	DeleteWait time.Duration // before a deletion is carried to the other side; 10 min, negative: none
	Flips      int           // writes of one field of one link within FlipWindow; 8
	FlipWindow time.Duration // 10 min

	KeepReplaced time.Duration // how long replaced values stay sealed in the journal; 30 days, negative: not at all
	KeepJournal  time.Duration // 90 days
	KeepDelivery time.Duration // how long a delivery's id is remembered; 7 days

	pollUnset bool
}

func (l Limits) withDefaults() Limits {
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	num := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	l.pollUnset = l.Poll == 0
	num(&l.Batch, 100)
	num(&l.Page, 100)
	num(&l.QueueFull, 1_000_000)
	num(&l.Clears, 50)
	num(&l.Overwrites, 20_000)
	num(&l.Deletes, 20)
	num(&l.Creates, 5000)
	num(&l.Share, 25)
	num(&l.MissingAt, 5)
	def(&l.DeleteWait, 10*time.Minute)
	num(&l.Flips, 8)
	def(&l.Coalesce, 100*time.Millisecond)
	def(&l.Poll, 30*time.Second)
	def(&l.Sweep, 6*time.Hour)
	def(&l.Missing, time.Minute)
	def(&l.RetryMin, time.Second)
	def(&l.RetryMax, 10*time.Minute)
	def(&l.Probe, 5*time.Second)
	def(&l.Window, time.Hour)
	def(&l.FlipWindow, 10*time.Minute)
	def(&l.KeepReplaced, 30*24*time.Hour)
	def(&l.KeepJournal, 90*24*time.Hour)
	def(&l.KeepDelivery, 7*24*time.Hour)
	return l
}

// Engine keeps the records of its mappings in step. Its methods are safe for
// use by several goroutines; the work on one mapping is done by one at a time.
type Engine struct {
	store    state.Store
	conns    map[string]*connection
	mappings []*worked
	sealer   Sealer
	printer  Printer
	clock    connectors.Clock
	log      *slog.Logger
	limits   Limits
	link     func(string, connectors.Ref) string
	readOnly bool
	doubt    doubt
	started  time.Time
	feeds    []*feed
	streams  []*stream
	inbox    *inbox
	people   *people
	flips    *flips
	meter    *Meter
	broken   []BrokenMapping
	running  atomic.Bool // Run works

	randMu sync.Mutex
	random *rand.Rand

	wake    *broadcast // told after every commit that may concern a waiter
	nudgeMu sync.Mutex
	nudges  map[string]chan struct{} // by mapping, while Run runs
}

// worked is a mapping with what the engine holds for it.
type worked struct {
	*mapping.Mapping
	mu    sync.Mutex // held while a drain, a plan or a press works the mapping
	sides [2]*connection
	turns turns // belongs to mu
	room  room  // belongs to mu
	rules map[uint32]*mapping.Rule
	// rolled are the rules that roll up what a side holds.
	rolled [2][]*mapping.Rule
	runID  atomic.Uint64 // the run that its events belong to; 0: none

	gone      []string // mappings that have links and no file; belongs to mu
	goneKnown bool
}

func (m *worked) ref(side mapping.SideID, id string) connectors.Ref {
	if id == "" {
		return connectors.Ref{}
	}
	s := m.Side(side)
	return connectors.Ref{Connection: s.Connection, Object: s.Object, ID: id}
}

func (m *worked) selection(side mapping.SideID) connectors.Selection {
	s := m.Side(side)
	return connectors.Selection{Object: s.Object, Scope: s.Scope, Fields: m.Needs(side)}
}

// New returns an engine that does nothing yet: call its steps, or Run.
func New(c Config) (*Engine, error) {
	if c.Store == nil || c.Sealer == nil || c.Printer == nil {
		return nil, fmt.Errorf("engine: a store, a sealer and a printer are needed")
	}
	e := &Engine{
		store: c.Store, sealer: c.Sealer, printer: c.Printer, clock: c.Clock,
		log: c.Logger, limits: c.Limits.withDefaults(), link: c.ConvertLink,
		readOnly: c.ReadOnly, random: c.Random, meter: c.Meter, broken: c.Broken,
		conns: map[string]*connection{}, wake: newBroadcast(),
	}
	if e.clock == nil {
		e.clock = connectors.SystemClock()
	}
	e.started = e.clock.Now()
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.random == nil {
		e.random = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	e.people = newPeople(e, c.People)
	e.flips = newFlips(e.limits)
	for name, conn := range c.Connections {
		e.conns[name] = newConnection(name, conn)
		e.conns[name].log = e.log
	}
	names := map[string]bool{}
	for _, m := range c.Mappings {
		if names[m.Name()] {
			return nil, fmt.Errorf("engine: two mappings are named %q", m.Name())
		}
		names[m.Name()] = true
		w := &worked{Mapping: m, rules: map[uint32]*mapping.Rule{}}
		for side := range w.sides {
			name := m.Side(mapping.SideID(side)).Connection
			if w.sides[side] = e.conns[name]; w.sides[side] == nil {
				return nil, fmt.Errorf("engine: mapping %q: no connection %q", m.Name(), name)
			}
		}
		for _, r := range m.Rules() {
			w.rules[r.ID()] = r
		}
		for side := range mapping.SideID(2) {
			w.rolled[side] = w.rollups(side)
		}
		e.mappings = append(e.mappings, w)
	}
	slices.SortFunc(e.mappings, func(a, b *worked) int { return cmpText(a.Name(), b.Name()) })
	e.feeds = feedsOf(e.mappings)
	e.streams = streamsOf(e.feeds)
	e.inbox = newInbox(e.mappings)
	return e, nil
}

func cmpText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Mappings returns the names of the mappings, sorted.
func (e *Engine) Mappings() []string {
	names := make([]string, len(e.mappings))
	for i, m := range e.mappings {
		names[i] = m.Name()
	}
	return names
}

func (e *Engine) mapping(name string) (*worked, error) {
	for _, m := range e.mappings {
		if m.Name() == name {
			return m, nil
		}
	}
	for _, b := range e.broken {
		if b.Name == name {
			return nil, &connectors.Error{
				Op: "find mapping", Kind: connectors.NotFound, Help: "`tenon validate` shows all that is wrong",
				Err: fmt.Errorf("mapping %q does not run: its file has errors, or its systems could not be asked", name),
			}
		}
	}
	return nil, &connectors.Error{Op: "find mapping", Kind: connectors.NotFound, Help: "`tenon status` lists them", Err: fmt.Errorf("no mapping is named %q", name)}
}

// commit stores changes and tells the waiters.
func (e *Engine) commit(ctx context.Context, fn func(state.Tx) error) error {
	// What was decided after an effect must be remembered even when the service
	// is being stopped: the context's end may not undo that.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	err := e.store.Update(ctx, fn)
	if err == nil {
		e.wake.tell()
	}
	return err
}

// broadcast wakes all who wait; a waiter takes the channel before it looks.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{ch: make(chan struct{})} }

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

func (b *broadcast) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}

// mayWrite refuses orders to an engine that only watches.
func (e *Engine) mayWrite(op string) error {
	if !e.readOnly {
		return nil
	}
	return &connectors.Error{
		Op: op, Kind: connectors.Invalid, Err: errors.New("engine.read_only is set: nothing is written"),
		Help: "take engine.read_only out of tenon.yaml and start anew",
	}
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
