package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	statememory "github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/mapping"
)

// crash is what a hook panics with: the service dies here.
type crash struct{}

// world is two systems, the state that outlives the service, and the service.
type world struct {
	ctx     context.Context
	seed    uint64
	v       Variant
	rng     *rand.Rand
	clock   *memory.Clock
	service *skewed // the service's clock
	systems [2]*memory.System
	backend *statememory.Backend
	store   state.Store
	maps    []*mapping.Mapping // that run
	// mappings are what may run: the plain ones first, then those that the admin
	// changes to; using is the index of those that run.
	mappings [][]*mapping.Mapping
	using    int
	conns    map[string]connectors.Connection
	eng      *engine.Engine
	// sweepers are the sweeps under way; they end with the service.
	sweepers map[string]*engine.Sweeper

	hidden map[string]bool
	veils  [2]memory.Veil
	logins [2]time.Time   // until when a system refuses the login
	flips  map[string]int // how often an automation set a stage back since the last sweep began
	// pressAgain are deals whose button showed an error: the person presses again.
	pressAgain []string

	owed    [2]bool       // sides whose lists are to be asked, as their stream has missed something
	hooks   []pendingHook // webhooks on their way
	armed   []fault
	writes  int // effects on the systems
	calls   int
	commits int
	held    map[string]connectors.Value // what the record under the present write held before it
	between bool                        // a person edits it right now
	depth   int                         // a hook acts as a person: no faults inside it
	restNow bool
	crashes int
	broken  []string // promises that were broken on the way

	trace strings.Builder
	past  history
	admin admin
	doing string // the step under way
}

// pendingHook is a webhook on its way.
type pendingHook struct {
	side int
	req  connectors.WebhookRequest
	due  time.Time
}

type openSealer struct{}

func (openSealer) Seal(plain []byte, purpose string) []byte {
	return append([]byte(purpose+"\x00"), plain...)
}

func (openSealer) Open(sealed []byte, purpose string) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, []byte(purpose+"\x00"))
	if !ok {
		return nil, errors.New("sealed for something else")
	}
	return plain, nil
}

type sumPrinter struct{}

func (sumPrinter) Print(v connectors.Value) state.Print {
	h := fnv.New64a()
	_, _ = h.Write(connectors.AppendCanonical(nil, v))
	return state.Print(h.Sum64())
}

func (p sumPrinter) PrintOption(o connectors.Option) state.Print {
	return p.Print(connectors.Choice(o))
}

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func newWorld(seed uint64, v Variant) (*world, error) {
	w := &world{
		ctx: context.Background(), seed: seed, v: v, rng: rand.New(rand.NewPCG(seed, 0x7e707e)),
		clock: memory.NewClock(start), backend: statememory.New(),
	}
	w.service = &skewed{Clock: w.clock}
	w.past.init()
	w.admin.init()
	w.hidden, w.flips = map[string]bool{}, map[string]int{}
	for side := range w.systems {
		o := v.Systems[side]
		o.Name, o.Clock = sideConn[side], w.clock
		object := memory.Sample()
		object.Parent = "record"
		for i := range object.Schema.Fields {
			if f := &object.Schema.Fields[i]; f.Name == "count" && v.Whole[side] {
				f.Scale = 0
			}
		}
		o.Objects = []memory.Object{object}
		w.systems[side] = memory.NewSystem(o)
		w.systems[side].SetHook(func(m memory.Moment) error { return w.moment(side, m) })
	}
	w.conns = map[string]connectors.Connection{}
	for side, s := range w.systems {
		w.conns[sideConn[side]] = s.Connect(sideConn[side])
	}
	w.depth++ // schemas are read without faults
	defer func() { w.depth-- }()
	for _, source := range append([]string{v.Mapping}, v.Others...) {
		run := make([]*mapping.Mapping, 0, 2)
		for _, s := range []string{source, v.Second} {
			if s == "" {
				continue
			}
			m, err := w.compile(s)
			if err != nil {
				return nil, err
			}
			run = append(run, m)
		}
		w.mappings = append(w.mappings, run)
	}
	w.maps = w.mappings[0]
	w.boot()
	return w, nil
}

var (
	sideConn = [2]string{"crm", "pm"}
	sides    = [2]mapping.SideID{mapping.Left, mapping.Right}
)

func (w *world) compile(source string) (*mapping.Mapping, error) {
	file, problems := mapping.Parse("simulation.yaml", []byte(source))
	if err := problems.Err(); err != nil {
		return nil, err
	}
	env := mapping.Env{Zone: time.UTC}
	for side := range env.Schemas {
		s := file.Sides[side]
		schema, err := w.conns[s.Connection].Schema(w.ctx, s.Object, s.Scope)
		if err != nil {
			return nil, err
		}
		abilities := connectors.AbilitiesOf(w.conns[s.Connection])
		env.Schemas[side], env.Abilities[side], env.Facts[side] = schema, &abilities, w.conns[s.Connection].Facts()
	}
	m, problems := mapping.Compile(file, env)
	return m, problems.Err()
}

// boot starts the service over what is stored, again where it dies at once.
func (w *world) boot() {
	for {
		w.sweepers = map[string]*engine.Sweeper{}
		clear(w.flips)
		w.owed = [2]bool{true, true} // a service that starts asks the lists
		store, err := state.Open(w.ctx, w.backend, state.Options{})
		if err != nil {
			panic(err)
		}
		w.store = &faultyStore{Store: store, w: w}
		w.eng, err = engine.New(engine.Config{
			Store: w.store, Connections: w.conns, Mappings: w.maps, Sealer: openSealer{}, Printer: sumPrinter{},
			Clock: w.service, Random: rand.New(rand.NewPCG(w.seed, 3)), Limits: w.limits(),
		})
		if err != nil {
			panic(err)
		}
		died, err := w.guarded(func() error { _, err := w.eng.Recover(w.ctx); return err })
		if !died {
			if err != nil {
				w.log("recover: %v", err)
			}
			w.checkPauses()
			return
		}
		w.armed = nil
	}
}

// limits are wide, unless the variant has some of its own.
func (w *world) limits() engine.Limits {
	l := w.v.Limits
	for _, v := range []*int{&l.Clears, &l.Overwrites, &l.Deletes, &l.Creates, &l.Flips, &l.MissingAt} {
		if *v == 0 {
			*v = 1 << 30
		}
	}
	if l.Share == 0 {
		l.Share = -1
	}
	l.KeepReplaced, l.Batch, l.Page = time.Hour, 1+int(w.seed%7)*4, 50
	return l
}

// skewed is a clock that somebody sets.
type skewed struct {
	connectors.Clock
	by time.Duration
}

func (c *skewed) Now() time.Time { return c.Clock.Now().Add(c.by) }

// step runs one step of the service; when it dies on the way, it is started
// again.
func (w *world) step(name string, do func() error) {
	w.doing = name
	died, err := w.guarded(do)
	w.doing = ""
	if !died {
		if err != nil {
			w.log("%s: %v", name, err)
		}
		return
	}
	w.crashes++
	w.log("%s: died", name)
	w.armed = nil
	w.boot()
}

// guarded does something and tells whether the service died of it.
func (w *world) guarded(do func() error) (died bool, err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if _, ok := r.(crash); !ok {
			panic(r)
		}
		w.depth, died = 0, true
	}()
	return false, do()
}

func (w *world) log(format string, args ...any) {
	fmt.Fprintf(&w.trace, "%s "+format+"\n", append([]any{w.clock.Now().Sub(start)}, args...)...)
}

// faultyStore dies before or after a commit.
type faultyStore struct {
	state.Store
	w *world
}

func (s *faultyStore) Update(ctx context.Context, fn func(state.Tx) error) error {
	s.w.dieAt("commit", false)
	if s.w.fullDisk() {
		return state.ErrFull
	}
	err := s.Store.Update(ctx, fn)
	if err == nil {
		s.w.commits++
	}
	s.w.dieAt("commit", true)
	return err
}

// queued reports whether a deal is linked or waits for its epic.
func (w *world) queued(deal string) bool {
	found := false
	err := w.store.View(w.ctx, func(tx state.Tx) error {
		if _, err := tx.LinkOf("pair", 0, deal); err == nil {
			found = true
			return nil
		}
		e, err := tx.Entry(state.Subject{Mapping: "pair", Record: deal})
		found = err == nil && e.Convert
		return nil
	})
	return err == nil && found
}

// linked reports whether a deal has a link.
func (w *world) linked(deal string) bool {
	err := w.store.View(w.ctx, func(tx state.Tx) error {
		_, err := tx.LinkOf("pair", 0, deal)
		return err
	})
	return err == nil
}
