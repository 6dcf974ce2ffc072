package engine_test

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	statememory "github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/mapping"
)

// plainSealer binds the purpose and hides nothing: tests look inside.
type plainSealer struct{}

func (plainSealer) Seal(plain []byte, purpose string) []byte {
	return append([]byte(purpose+"\x00"), plain...)
}

func (plainSealer) Open(sealed []byte, purpose string) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, []byte(purpose+"\x00"))
	if !ok {
		return nil, errors.New("sealed for something else")
	}
	return plain, nil
}

// sumPrinter fingerprints without a key.
type sumPrinter struct{}

func (sumPrinter) Print(v connectors.Value) state.Print {
	h := fnv.New64a()
	_, _ = h.Write(connectors.AppendCanonical(nil, v))
	return state.Print(h.Sum64())
}

func (p sumPrinter) PrintOption(o connectors.Option) state.Print {
	return p.Print(connectors.Choice(o))
}

const twoWay = `
mapping: pair
between:
  deal: {connection: crm, object: record}
  epic: {connection: pm, object: record}
match:
  - {deal: code, epic: code}
create:
  epic:
    when: deal.active == true
    button: Convert to project
    tasks:
      - {title: "Kick-off {{ deal.title }}", assignee: "{{ deal.owner.email }}", due: 5 workdays}
      - {title: "Acceptance"}
fields:
  - {deal: title, epic: title}
  - {deal: notes, epic: notes}
  - {deal: count, epic: count}
  - {deal: due, epic: due, flow: deal -> epic}
  - {epic: starts, deal: starts, flow: epic -> deal}
  - {deal: labels, epic: labels}
  - {deal: owner, epic: owner}
  - deal: stage
    epic: stage
    values: {"1": "1", "2": "2", "3": "3"}
comments: both
conflict: newest
first_sync: deal wins
`

// world is two made-up systems with an engine between them.
type world struct {
	t      testing.TB
	clock  *memory.Clock
	crm    *memory.System
	pm     *memory.System
	back   *statememory.Backend
	store  state.Store
	maps   []*mapping.Mapping
	eng    *engine.Engine
	conns  map[string]connectors.Connection
	lim    engine.Limits
	people []engine.PersonRow
	wrap   func(state.Store) state.Store // put around the store; may be nil

	printer engine.Printer // sumPrinter unless set

	refusing bool // pm refuses what is written into notes; for mischief
}

func newWorld(t testing.TB, source string, change func(crm, pm *memory.Options)) *world {
	t.Helper()
	w := &world{t: t, clock: memory.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)), back: statememory.New()}
	crm, pm := memory.Options{Name: "crm", Clock: w.clock}, memory.Options{Name: "pm", Clock: w.clock}
	parents := memory.Sample()
	parents.Parent = "record"
	pm.Objects = []memory.Object{parents}
	if change != nil {
		change(&crm, &pm)
	}
	w.crm, w.pm = memory.NewSystem(crm), memory.NewSystem(pm)
	w.conns = map[string]connectors.Connection{"crm": w.crm.Connect("crm"), "pm": w.pm.Connect("pm")}
	w.lim = engine.Limits{KeepReplaced: time.Hour}
	w.load(source)
	w.start()
	return w
}

// load compiles the mapping.
func (w *world) load(source string) {
	w.t.Helper()
	file, problems := mapping.Parse("test.yaml", []byte(source))
	if err := problems.Err(); err != nil {
		w.t.Fatal(err)
	}
	var env mapping.Env
	for side := range env.Schemas {
		s := file.Sides[side]
		schema, err := w.conns[s.Connection].Schema(w.t.Context(), s.Object, s.Scope)
		if err != nil {
			w.t.Fatal(err)
		}
		env.Schemas[side] = schema
		env.Facts[side] = w.conns[s.Connection].Facts()
		abilities := connectors.AbilitiesOf(w.conns[s.Connection])
		env.Abilities[side] = &abilities
	}
	env.Zone = time.UTC
	m, problems := mapping.Compile(file, env)
	if err := problems.Err(); err != nil {
		w.t.Fatal(err)
	}
	w.maps = []*mapping.Mapping{m}
}

// start opens the state, as after a restart, and makes a new engine.
func (w *world) start() {
	w.t.Helper()
	store, err := state.Open(w.t.Context(), w.back, state.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	if w.wrap != nil {
		store = w.wrap(store)
	}
	w.store = store
	clock := connectors.SystemClock()
	if w.clock != nil {
		clock = w.clock
	}
	if w.printer == nil {
		w.printer = sumPrinter{}
	}
	w.eng, err = engine.New(engine.Config{
		Store: store, Connections: w.conns, Mappings: w.maps, Sealer: plainSealer{}, Printer: w.printer,
		People: w.people, Clock: clock, Random: rand.New(rand.NewPCG(1, 2)), Limits: w.lim,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// settle polls and drains until nothing is due, letting time pass where an
// entry waits.
func (w *world) settle() {
	w.t.Helper()
	ctx := w.t.Context()
	for round := range 2000 {
		busy := false
		for _, f := range w.eng.Feeds() {
			p, err := w.eng.Poll(ctx, f)
			if err == nil && (p.Fresh > 0 || p.More) {
				busy = true
			}
		}
		for _, m := range w.eng.Mappings() {
			d, err := w.eng.Drain(ctx, m)
			switch {
			case err != nil:
				busy = true
			case d.Stopped:
			case d.Worked > 0 || !d.Wait.IsZero():
				busy = true
			case !d.Next.IsZero():
				busy = true
				if wait := d.Next.Sub(w.clock.Now()); wait > 0 {
					w.clock.Advance(wait)
				}
			}
		}
		w.clock.Advance(time.Second)
		if !busy && round > 3 {
			return
		}
	}
	w.t.Fatal("never settles")
}

func (w *world) get(s *memory.System, id, field string) connectors.Value {
	w.t.Helper()
	return s.Truth(id)[field]
}

// links returns the active links.
func (w *world) links() []engine.LinkRow {
	w.t.Helper()
	rows, err := w.eng.Links(context.Background(), "", 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// sweep looks through everything and lets what it finds come to rest.
func (w *world) sweep() {
	w.t.Helper()
	w.sweepOnly()
	w.settle()
}
