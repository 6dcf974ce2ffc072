package memory

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// System is the made-up system. It is safe for concurrent use. Its methods act
// as people do: at once, without rights, limits or faults. They panic when
// named what is not there or given a value that a field cannot hold, since that
// is a mistake of the test.
type System struct {
	opts Options

	mu       sync.Mutex
	tables   map[string]*table
	byID     map[string]*record
	lastSeq  int
	changes  int
	comments int
	files    int
	last     time.Time
	hook     Hook
	prepared map[string]bool
	outbox   []event
	feed     *feed
	sent     int
}

// Moment is a point in a call at which a Hook runs. Reads have one Moment, with
// Effect and After false. Each record that a write touches has two: before its
// effect and after it.
type Moment struct {
	Call   string // "check", "schema", "read", "read record", "changes", "create", "update", "find by key", "find", "people", "comments", "add comment", "files", "open file", "add file", "add link", "file limit", "history", "delete", "archive", "prepare", "locate", "stream"
	Object string
	ID     string // of the record; empty for reads and before a create
	Effect bool   // the call changes something
	After  bool   // the effect has happened
}

// Hook runs at each Moment, without the system's lock: it may act on the
// system. An error before the effect prevents it; one after it is answered
// although the effect stands, and should be unsure (see Lost). Errors become
// *connectors.Error of kind Unavailable unless they are one.
type Hook func(Moment) error

// NewSystem returns an empty system.
func NewSystem(opts Options) *System {
	opts.fill()
	s := &System{opts: opts, tables: map[string]*table{}, byID: map[string]*record{}, prepared: map[string]bool{}, feed: newFeed()}
	for _, def := range opts.Objects {
		s.tables[def.Schema.Object] = newTable(def)
	}
	return s
}

// Clock returns the system's clock.
func (s *System) Clock() connectors.Clock { return s.opts.Clock }

// SetHook sets the hook; nil removes it.
func (s *System) SetHook(h Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = h
}

// at runs the hook. The caller must not hold the lock.
func (s *System) at(m Moment) error {
	s.mu.Lock()
	h := s.hook
	s.mu.Unlock()
	if h == nil {
		return nil
	}
	return h(m)
}

// Lost is the error of a write whose answer was lost.
func Lost() error {
	return &connectors.Error{Kind: connectors.Unavailable, Unsure: true, Err: fmt.Errorf("the answer was lost")}
}

func (s *System) table(object string) *table {
	t := s.tables[object]
	if t == nil {
		panic("memory: no object " + object)
	}
	return t
}

func (s *System) record(id string) (*table, *record) {
	r := s.byID[id]
	if r == nil {
		panic("memory: no record " + id)
	}
	return s.tables[r.object], r
}

// byHand returns the values as the system holds what people enter. Rights and
// required fields do not count; a value that the field cannot hold panics.
func (s *System) byHand(t *table, fields map[string]connectors.Value) map[string]connectors.Value {
	held := make(map[string]connectors.Value, len(fields))
	for name, v := range fields {
		f := t.fields[name]
		if f == nil {
			panic("memory: no field " + name + " on " + t.def.Schema.Object)
		}
		if !v.IsNull() {
			fitted, err := s.fit(f, v)
			if err != nil || v.Type() != f.Type {
				panic(fmt.Sprintf("memory: field %s cannot hold the %v %q: %v", name, v.Type(), v, err))
			}
			v = fitted
		}
		held[name] = v
	}
	return held
}

// Create makes a record as the user does and returns its id.
func (s *System) Create(object string, scope connectors.Scope, user string, fields map[string]connectors.Value) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(object)
	return s.insert(t, scope, "", "", s.byHand(t, fields), user).id
}

// CreateChild makes a record under another one.
func (s *System) CreateChild(object, parent, user string, fields map[string]connectors.Value) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, p := s.record(parent)
	t := s.table(object)
	return s.insert(t, p.scope, parent, "", s.byHand(t, fields), user).id
}

// Edit sets one field as the user does; Null clears it.
func (s *System) Edit(id, user, field string, v connectors.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := s.record(id)
	s.apply(t, r, s.byHand(t, map[string]connectors.Value{field: v}), user)
}

// Recompute sets a field as the system itself does with what it computes:
// neither version nor time nor history move, and nobody is told.
func (s *System) Recompute(id, field string, v connectors.Value) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.record(id)
	r.fields[field] = v
}

// SetState deletes, archives or restores a record. Deleted records keep their
// fields, so that they can be restored with Live.
func (s *System) SetState(id string, state connectors.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := s.record(id)
	s.setState(t, r, state)
}

func (s *System) setState(t *table, r *record, state connectors.State) {
	if r.state != state {
		r.state = state
		s.touch(t, r)
	}
}

// Merge makes a record take the place of another one.
func (s *System) Merge(loser, winner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := s.record(loser)
	_, w := s.record(winner)
	r.into = w.id
	s.setState(t, r, connectors.Merged)
}

// Move puts a record into another scope.
func (s *System) Move(id string, scope connectors.Scope) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := s.record(id)
	r.scope = maps.Clone(scope)
	s.touch(t, r)
}

// Comment adds a comment as the user does and returns its id.
func (s *System) Comment(id, user, markdown string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, r := s.record(id)
	return s.comment(t, r, user, "", markdown)
}

// HideField takes the program's right to read a field away, or gives it back.
func (s *System) HideField(object, field string, hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(object)
	if t.fields[field] == nil {
		panic("memory: no field " + field + " on " + object)
	}
	t.hidden[field] = hidden
}

// Truth returns what a record holds in truth; fields that are cleared are
// missing. It is nil for a deleted or merged record.
func (s *System) Truth(id string) map[string]connectors.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.record(id)
	if r.state == connectors.Deleted || r.state == connectors.Merged {
		return nil
	}
	return maps.Clone(r.fields)
}

// State returns what has become of a record.
func (s *System) State(id string) connectors.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.record(id)
	return r.state
}

// Scope returns the scope that a record is in.
func (s *System) Scope(id string) connectors.Scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.record(id)
	return maps.Clone(r.scope)
}

// IDs returns the ids of an object's live records, in the order of their
// creation.
func (s *System) IDs(object string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for _, r := range s.table(object).records {
		if r.state == connectors.Live {
			ids = append(ids, r.id)
		}
	}
	return ids
}

// Comments returns a record's comments in truth, oldest first.
func (s *System) Comments(id string) []connectors.Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.record(id)
	return slices.Clone(r.comments)
}

// History returns all edits of a record, oldest first.
func (s *System) History(id string) []connectors.FieldEdit {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.record(id)
	return slices.Clone(r.history)
}
