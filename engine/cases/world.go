package cases

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/memory"
	"github.com/tenonsync/tenon/engine"
	"github.com/tenonsync/tenon/engine/state"
	statememory "github.com/tenonsync/tenon/engine/state/memory"
	"github.com/tenonsync/tenon/engine/state/seal"
	"github.com/tenonsync/tenon/mapping"
)

// Who acts in a case. Both are part of no value that a case compares.
const (
	person  = "a person"
	program = "tenon"
)

// world is what one case runs in: the two systems, or the one that holds both
// sides, and an engine over a state of its own.
type world struct {
	suite *Suite
	one   *mapping.Case
	clock *memory.Clock
	sys   [2]*memory.System
	conns map[string]connectors.Connection
	store state.Store
	eng   *engine.Engine
	given [2][]string // ids
	known map[string]bool
}

// before is how long before the case's time its records were made. Their edits
// follow half of it later, a minute apart.
const before = 2 * time.Hour

func newWorld(ctx context.Context, s *Suite, one *mapping.Case) (*world, error) {
	w := &world{suite: s, one: one, clock: memory.NewClock(one.Now.Add(-before)), conns: map[string]connectors.Connection{}, known: map[string]bool{}}
	for side := range mapping.SideID(2) {
		name := s.Mapping.Side(side).Connection
		if side == mapping.Right && name == s.Mapping.Side(mapping.Left).Connection {
			w.sys[side] = w.sys[mapping.Left]
			continue
		}
		w.sys[side] = memory.NewSystem(w.options(side))
		w.conns[name] = w.sys[side].Connect(name)
	}
	for side := range mapping.SideID(2) {
		w.hide(side)
		w.sys[side].SetHook(w.fillDefaults)
	}
	store, err := state.Open(ctx, statememory.New(), state.Options{})
	if err != nil {
		return nil, err
	}
	w.store = store
	key := seal.NewKey()
	sealer, err := seal.New(key)
	if err != nil {
		return nil, err
	}
	w.eng, err = engine.New(engine.Config{
		Store: store, Connections: w.conns, Mappings: []*mapping.Mapping{s.Mapping}, Sealer: sealer, Printer: seal.NewPrinter(key),
		Clock: w.clock, Random: rand.New(rand.NewPCG(1, 1)), //nolint:gosec // jitter of virtual waits
		Limits: engine.Limits{DeleteWait: -1, Missing: time.Nanosecond},
	})
	return w, err
}

// options makes the system of a side's connection: its objects as their schemas
// tell, with the abilities and habits of the connection that a case can notice.
func (w *world) options(side mapping.SideID) memory.Options {
	s := w.suite
	o := memory.Options{
		Name: s.Mapping.Side(side).Connection, Clock: w.clock, User: program, ShowsDeleted: true, SetEdits: s.Facts[side].SetEdits,
		Precision: time.Microsecond, People: []connectors.Person{},
	}
	for _, at := range []mapping.SideID{side, side.Other()} {
		if s.Mapping.Side(at).Connection == o.Name {
			o.Objects = w.addObjects(o.Objects, at)
			o.Everybody = o.Everybody || w.one.AllPeople[at]
			for _, mail := range w.people(at) {
				o.People = append(o.People, connectors.Person{ID: mail, Email: mail})
			}
		}
	}
	if a := s.Abilities[side]; a != nil {
		for name, has := range map[string]bool{
			"Finder": a.Finder != nil, "PeopleFinder": a.PeopleFinder != nil, "Commenter": a.Commenter != nil,
			"HistoryReader": a.HistoryReader != nil, "Deleter": a.Deleter != nil, "Archiver": a.Archiver != nil,
			"Filer": a.Filer != nil,
		} {
			if !has {
				o.Without = append(o.Without, name)
			}
		}
	}
	return o
}

// people are those who have an account on a side that lists them: also whom its
// own records name.
func (w *world) people(side mapping.SideID) []string {
	mails := slices.Clone(w.one.People[side])
	add := func(fields []mapping.FieldValue) {
		for _, f := range fields {
			if mail := f.Value.Person().Email; mail != "" && !slices.Contains(mails, mail) {
				mails = append(mails, mail)
			}
		}
	}
	for _, g := range w.one.Given {
		if g.Side == side {
			add(g.Fields)
		}
	}
	for _, e := range w.one.Edits {
		if e.Side == side {
			add(e.Fields)
		}
	}
	return mails
}

// addObjects adds the object of a side and those of its tasks.
func (w *world) addObjects(objects []memory.Object, side mapping.SideID) []memory.Object {
	at := w.suite.Mapping.Side(side)
	names := []string{at.Object}
	if c := w.suite.Mapping.Create(side); c != nil {
		names = append(names, c.TaskObjects()...)
	}
	for _, name := range names {
		schema := connectors.Schema{Object: name, Label: name}
		i := slices.IndexFunc(objects, func(o memory.Object) bool { return o.Schema.Object == name })
		if i >= 0 {
			schema = objects[i].Schema
		}
		o := memory.Object{Schema: schema, Scopes: map[string][]string{"issuetype": nil}, Parent: at.Object, Prefix: strings.ToUpper(at.Name)}
		if i >= 0 {
			maps.Copy(o.Scopes, objects[i].Scopes)
			o.Prefix = objects[i].Prefix
		}
		for key := range at.Scope {
			o.Scopes[key] = nil
		}
		merge(&o.Schema, w.suite.Schemas[side], at.Scope)
		merge(&o.Schema, w.suite.TaskSchemas[side], at.Scope)
		w.relax(&o.Schema, side)
		o.Title, o.Shows = w.suite.titleField(side), w.suite.ownFields(&o.Schema, side)
		if i >= 0 {
			objects[i] = o
		} else {
			objects = append(objects, o)
		}
	}
	return objects
}

// ownWords are names and labels of read-only fields that repeat what a record is
// called by.
var ownWords = map[string]string{
	"id": "id", "gid": "id", "record id": "id", "hs_object_id": "id",
	"key": "key", "issuekey": "key", "url": "url", "web_url": "url", "html_url": "url", "permalink": "url",
}

// ownFields finds the fields that repeat a record's own id, key or address: read
// only, or where that is a guess, not written by the mapping.
func (s *Suite) ownFields(schema *connectors.Schema, side mapping.SideID) map[string]string {
	own := map[string]string{}
	for _, f := range schema.Fields {
		part := ownWords[strings.ToLower(f.Name)]
		if part == "" {
			part = ownWords[strings.ToLower(f.Label)]
		}
		fixed := !f.Writable && !f.Creatable
		if s.Guessed[side] {
			fixed = !slices.ContainsFunc(s.Mapping.Rules(), func(r *mapping.Rule) bool { return r.Field(side) == f.Name && r.Flow().To(side) })
		}
		if part != "" && fixed && (f.Type == connectors.TypeText || f.Type == connectors.TypeNumber) {
			own[f.Name] = part
		}
	}
	return own
}

// merge adds the fields of a schema. A field that the scope fills in is not
// asked for; neither is one that only some of the records have.
func merge(into, from *connectors.Schema, scope connectors.Scope) {
	if from == nil {
		return
	}
	for _, f := range from.Fields {
		for key := range scope {
			f.Required = f.Required && !strings.EqualFold(key, f.Name) && !strings.EqualFold(key, f.Label)
		}
		f.Required = f.Required && f.Creatable
		if old := into.Field(f.Name); old == nil {
			into.Fields = append(into.Fields, f)
		} else {
			old.Required = old.Required && f.Required
		}
	}
}

// relax asks for no field that the system fills in by itself.
func (w *world) relax(s *connectors.Schema, side mapping.SideID) {
	for _, d := range w.one.Defaults[side] {
		if f := s.Field(d.Field); f != nil {
			f.Required = false
		}
	}
}

// hide takes away the right to read what the saved schema says is hidden.
func (w *world) hide(side mapping.SideID) {
	for _, f := range w.suite.Schemas[side].Fields {
		if f.Hidden {
			w.sys[side].HideField(w.suite.Mapping.Side(side).Object, f.Name, true)
		}
	}
}

// fillDefaults does what a system does by itself with a record that was made.
func (w *world) fillDefaults(m memory.Moment) error {
	if m.Call != "create" || !m.After {
		return nil
	}
	for side := range mapping.SideID(2) {
		s := w.suite.Mapping.Side(side)
		if s.Object != m.Object || !w.sys[side].Has(m.ID) || !maps.Equal(w.sys[side].Scope(m.ID), s.Scope) {
			continue
		}
		for _, d := range w.one.Defaults[side] {
			if _, set := w.sys[side].Truth(m.ID)[d.Field]; !set {
				w.sys[side].Recompute(m.ID, d.Field, d.Value)
			}
		}
	}
	return nil
}

// setUp puts the records there, links them, and does what people do.
func (w *world) setUp(ctx context.Context) error {
	for _, g := range w.one.Given {
		s := w.suite.Mapping.Side(g.Side)
		id, err := w.sys[g.Side].Put(person, memory.Given{
			Object: s.Object, Scope: s.Scope, ID: g.ID, Key: g.Key, Title: g.Title, URL: g.URL, Fields: asMap(g.Fields),
		})
		if err != nil {
			return fmt.Errorf("the %s cannot be as given: %w", s.Name, err)
		}
		w.given[g.Side] = append(w.given[g.Side], id)
		w.known[w.key(g.Side, id)] = true
		w.clock.Advance(time.Minute)
	}
	if w.one.Linked {
		ids := [2]string{w.given[mapping.Left][0], w.given[mapping.Right][0]}
		if _, err := w.eng.LinkAgreed(ctx, w.suite.Mapping.Name(), ids); err != nil {
			return err
		}
	}
	w.advanceTo(w.one.Now.Add(-before / 2))
	for _, e := range w.one.Edits {
		if err := w.edit(e); err != nil {
			return err
		}
		w.clock.Advance(time.Minute)
	}
	for side, comments := range w.one.Comments {
		for _, text := range comments {
			w.sys[side].Comment(w.given[side][0], person, text)
			w.clock.Advance(time.Minute)
		}
	}
	for side, files := range w.one.Attachments {
		for _, f := range files {
			w.sys[side].Attach(w.given[side][0], person, f.Name, make([]byte, f.Size))
			w.clock.Advance(time.Minute)
		}
	}
	w.advanceTo(w.one.Now)
	if w.one.Pressed {
		return w.press(ctx)
	}
	return nil
}

func (w *world) edit(e mapping.Edit) error {
	s, id := w.suite.Mapping.Side(e.Side), w.given[e.Side][0]
	switch e.Become {
	case "deleted":
		w.sys[e.Side].SetState(id, connectors.Deleted)
	case "archived":
		w.sys[e.Side].SetState(id, connectors.Archived)
	case "moved":
		elsewhere := connectors.Scope{}
		for key := range s.Scope {
			elsewhere[key] = "elsewhere"
		}
		if len(elsewhere) == 0 {
			return fmt.Errorf("the %s cannot be moved: its side has no scope", s.Name)
		}
		w.sys[e.Side].Move(id, elsewhere)
	default:
		if err := w.sys[e.Side].Set(id, person, asMap(e.Fields)); err != nil {
			return fmt.Errorf("the %s cannot be edited so: %w", s.Name, err)
		}
	}
	return nil
}

func (w *world) press(ctx context.Context) error {
	for from := range mapping.SideID(2) {
		if c := w.suite.Mapping.Create(from.Other()); c != nil && c.Button() != nil {
			return w.eng.Ask(ctx, w.suite.Mapping.Name(), w.given[from][0], person)
		}
	}
	return nil
}

func (w *world) advanceTo(t time.Time) { w.clock.Advance(t.Sub(w.clock.Now())) }

// key tells records of both sides apart, also where one system holds both.
func (w *world) key(side mapping.SideID, id string) string {
	return w.suite.Mapping.Side(side).Connection + "/" + id
}

func asMap(fields []mapping.FieldValue) map[string]connectors.Value {
	m := make(map[string]connectors.Value, len(fields))
	for _, f := range fields {
		m[f.Field] = f.Value
	}
	return m
}

// rounds is how often the engine looks again before a case counts as one that
// never comes to rest.
const rounds = 5

// settle lets the engine work until nothing changes any more.
func (w *world) settle(ctx context.Context) (stopped string, err error) {
	last := ""
	for range rounds {
		err := w.eng.Sync(ctx, w.suite.Mapping.Name(), nil)
		if errors.Is(err, engine.ErrStopped) {
			return "a guard stopped the mapping", nil
		}
		if err != nil {
			return "", err
		}
		now := w.print()
		if now == last {
			return "", nil
		}
		last = now
		w.clock.Advance(15 * time.Minute)
	}
	return "it never comes to rest: each look writes again", nil
}
