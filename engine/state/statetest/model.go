package statetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/engine/state"
)

// model is the plain meaning of state.Tx: maps, and lists by looking at
// everything. It shares no code with the layout. What is put into it must not
// be changed afterwards.
type model struct {
	links     map[uint64]*state.Link
	entries   map[state.Subject]*state.Entry
	intents   map[string]*state.Intent
	asides    map[asideKey]*state.Aside
	events    []*state.Event
	cursors   map[string]string
	seen      map[[2]string]time.Time
	known     map[state.Subject][]byte
	secrets   map[string][]byte
	docs      map[[2]string][]byte
	lastLink  uint64
	lastEvent uint64
	forgotten uint64 // the last event whose replaced values were forgotten
}

type asideKey struct {
	link uint64
	rule uint32
}

var _ state.Tx = (*model)(nil)

func newModel() *model {
	return &model{
		links: map[uint64]*state.Link{}, entries: map[state.Subject]*state.Entry{}, intents: map[string]*state.Intent{},
		asides: map[asideKey]*state.Aside{}, cursors: map[string]string{}, seen: map[[2]string]time.Time{},
		known: map[state.Subject][]byte{}, secrets: map[string][]byte{}, docs: map[[2]string][]byte{},
	}
}

func (m *model) clone() *model {
	c := *m
	c.links, c.entries, c.intents = maps.Clone(m.links), maps.Clone(m.entries), maps.Clone(m.intents)
	c.asides, c.events, c.cursors = maps.Clone(m.asides), slices.Clone(m.events), maps.Clone(m.cursors)
	c.seen, c.known, c.secrets, c.docs = maps.Clone(m.seen), maps.Clone(m.known), maps.Clone(m.secrets), maps.Clone(m.docs)
	return &c
}

func cut[T any](list []T, limit int) []T { return list[:min(len(list), max(limit, 0))] }

func found[K comparable, V any](m map[K]*V, k K) (*V, error) {
	if v, ok := m[k]; ok {
		return v, nil
	}
	return nil, state.ErrNotFound
}

func of(mapping, wanted string) bool { return wanted == "" || mapping == wanted }

func (m *model) Link(id uint64) (*state.Link, error) { return found(m.links, id) }

func (m *model) LinkOf(mapping string, side uint8, record string) (*state.Link, error) {
	for _, l := range m.links {
		if l.Mapping == mapping && l.Ends[side].ID == record {
			return l, nil
		}
	}
	return nil, state.ErrNotFound
}

func (m *model) PutLink(l *state.Link) error {
	if old := m.links[l.ID]; old != nil && old.Mapping != l.Mapping {
		return errBoom
	}
	for _, other := range m.links {
		for side, end := range l.Ends {
			if end.ID != "" && other.ID != l.ID && other.Mapping == l.Mapping && other.Ends[side].ID == end.ID {
				return state.ErrTaken
			}
		}
	}
	if l.ID == 0 {
		l.ID = m.lastLink + 1
	}
	m.lastLink = max(m.lastLink, l.ID)
	m.links[l.ID] = l
	return nil
}

func (m *model) DeleteLink(id uint64) error {
	delete(m.links, id)
	maps.DeleteFunc(m.asides, func(k asideKey, _ *state.Aside) bool { return k.link == id })
	maps.DeleteFunc(m.entries, func(s state.Subject, _ *state.Entry) bool { return id != 0 && s.Link == id })
	return nil
}

func (m *model) ListLinks(mapping string, after uint64, limit int) ([]*state.Link, error) {
	var list []*state.Link
	for _, id := range slices.Sorted(maps.Keys(m.links)) {
		if id > after && of(m.links[id].Mapping, mapping) {
			list = append(list, m.links[id])
		}
	}
	return cut(list, limit), nil
}

func (m *model) CountLinks(mapping string) (int, error) {
	list, err := m.ListLinks(mapping, 0, 1<<30)
	return len(list), err
}

func (m *model) CountActive(mapping string) (int, error) {
	list, err := m.ListLinks(mapping, 0, 1<<30)
	n := 0
	for _, l := range list {
		if l.Status != state.LinkEnded {
			n++
		}
	}
	return n, err
}

func subject(s state.Subject) state.Subject {
	if s.Link != 0 {
		return state.Subject{Mapping: s.Mapping, Link: s.Link}
	}
	return s
}

func (m *model) Entry(s state.Subject) (*state.Entry, error) { return found(m.entries, subject(s)) }

func (m *model) PutEntry(e *state.Entry) error {
	if l := m.links[e.Link]; e.Link != 0 && (l == nil || l.Mapping != e.Mapping) {
		return state.ErrNotFound
	}
	e.Subject = subject(e.Subject)
	m.entries[e.Subject] = e
	return nil
}

func (m *model) DeleteEntry(s state.Subject) error {
	delete(m.entries, subject(s))
	return nil
}

func bySubject(a, b state.Subject) int {
	return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.Side, b.Side), strings.Compare(a.Record, b.Record))
}

func (m *model) Due(mapping string, now time.Time, limit int) ([]*state.Entry, error) {
	var list []*state.Entry
	for _, e := range m.entries {
		if e.Mapping == mapping && e.Status != state.Failed && !e.Due.After(now) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *state.Entry) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), a.Due.Compare(b.Due), bySubject(a.Subject, b.Subject))
	})
	return cut(list, limit), nil
}

func (m *model) NextDue(mapping string) (at time.Time, ok bool, err error) {
	for _, e := range m.entries {
		if e.Mapping == mapping && e.Status != state.Failed && (!ok || e.Due.Before(at)) {
			at, ok = e.Due, true
		}
	}
	return at, ok, nil
}

// ListEntries needs a mapping: the order of mappings is the store's matter.
func (m *model) ListEntries(mapping string, after *state.Subject, limit int) ([]*state.Entry, error) {
	var list []*state.Entry
	for _, e := range m.entries {
		if e.Mapping == mapping && (after == nil || bySubject(e.Subject, subject(*after)) > 0) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *state.Entry) int { return bySubject(a.Subject, b.Subject) })
	return cut(list, limit), nil
}

func (m *model) CountEntries(mapping string) (map[state.Status]int, error) {
	by := map[state.Status]int{}
	for _, e := range m.entries {
		if of(e.Mapping, mapping) {
			by[e.Status]++
		}
	}
	return by, nil
}

func (m *model) Intent(key string) (*state.Intent, error) { return found(m.intents, key) }

func (m *model) PutIntent(i *state.Intent) error {
	m.intents[i.Key] = i
	return nil
}

func (m *model) DeleteIntent(key string) error {
	delete(m.intents, key)
	return nil
}

func (m *model) IntentsOf(mapping string, side uint8, record string) ([]*state.Intent, error) {
	var list []*state.Intent
	for _, k := range slices.Sorted(maps.Keys(m.intents)) {
		if i := m.intents[k]; i.Mapping == mapping && i.Side == side && i.Record == record {
			list = append(list, i)
		}
	}
	return list, nil
}

func (m *model) ListIntents(mapping, afterKey string, limit int) ([]*state.Intent, error) {
	var list []*state.Intent
	for _, k := range slices.Sorted(maps.Keys(m.intents)) {
		if k > afterKey && of(m.intents[k].Mapping, mapping) {
			list = append(list, m.intents[k])
		}
	}
	return cut(list, limit), nil
}

func (m *model) Aside(link uint64, rule uint32) (*state.Aside, error) {
	return found(m.asides, asideKey{link, rule})
}

func (m *model) PutAside(a *state.Aside) error {
	l, err := m.Link(a.Link)
	if err != nil {
		return err
	}
	if l.Mapping != a.Mapping {
		return errBoom
	}
	m.asides[asideKey{a.Link, a.Rule}] = a
	return nil
}

func (m *model) DeleteAside(link uint64, rule uint32) error {
	delete(m.asides, asideKey{link, rule})
	return nil
}

func (m *model) allAsides(pass func(*state.Aside) bool) []*state.Aside {
	var list []*state.Aside
	for _, a := range m.asides {
		if pass(a) {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b *state.Aside) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.Rule, b.Rule))
	})
	return list
}

func (m *model) AsidesOf(link uint64) ([]*state.Aside, error) {
	return m.allAsides(func(a *state.Aside) bool { return a.Link == link }), nil
}

func (m *model) ListAsides(mapping string, after uint64, limit int) ([]*state.Aside, error) {
	list := m.allAsides(func(a *state.Aside) bool { return a.Link > after && of(a.Mapping, mapping) })
	n := min(len(list), max(limit, 0))
	for n > 0 && n < len(list) && list[n].Link == list[n-1].Link {
		n++
	}
	return list[:n], nil
}

func (m *model) CountAsides(mapping string) (map[state.AsideKind]int, error) {
	by := map[state.AsideKind]int{}
	for _, a := range m.asides {
		if of(a.Mapping, mapping) {
			by[a.Kind]++
		}
	}
	return by, nil
}

func (m *model) AppendJournal(e *state.Event) error {
	m.lastEvent++
	e.Seq = m.lastEvent
	kept := *e
	if kept.Run == state.NewRun {
		kept.Run = kept.Seq
	}
	m.events = append(m.events, &kept)
	return nil
}

func (m *model) Event(seq uint64) (*state.Event, error) {
	for _, e := range m.events {
		if e.Seq == seq {
			return e, nil
		}
	}
	return nil, state.ErrNotFound
}

func (m *model) ListJournal(before uint64, limit int, f state.EventFilter) ([]*state.Event, error) {
	var list []*state.Event
	for _, e := range slices.Backward(m.events) {
		if (before == 0 || e.Seq < before) && of(e.Mapping, f.Mapping) && of(e.Action, f.Action) &&
			(f.Link == 0 || e.Link == f.Link) && (f.Run == 0 || e.Run == f.Run) && (f.Record == "" || slices.Contains(e.Records[:], f.Record)) &&
			e.Seq > f.After && !e.At.Before(f.Since) {
			list = append(list, e)
		}
	}
	return cut(list, limit), nil
}

// old returns how many of the events, from the oldest on, are older than t. A
// time after that of the newest event is wrong: such an event is as old as the
// next one whose time is not.
func (m *model) old(events []*state.Event, t time.Time) int {
	age := func(i int) time.Time {
		for newest := m.events[len(m.events)-1].At; events[i].At.After(newest); i++ {
		}
		return events[i].At
	}
	n := 0
	for n < len(events) && (events[n].At.Before(t) || age(n).Before(t)) {
		n++
	}
	return n
}

func (m *model) PruneJournal(t time.Time, limit int) (int, error) {
	n := min(m.old(m.events, t), max(limit, 0))
	m.events = m.events[n:]
	return n, nil
}

func (m *model) ForgetReplaced(t time.Time, limit int) (int, error) {
	from := 0
	for from < len(m.events) && m.events[from].Seq <= m.forgotten {
		from++
	}
	n := min(m.old(m.events[from:], t), max(limit, 0))
	for i := from; i < from+n; i++ {
		e := *m.events[i]
		e.Fields = slices.Clone(e.Fields)
		for f := range e.Fields {
			e.Fields[f].Forgotten = e.Fields[f].Forgotten || e.Fields[f].Replaced != nil
			e.Fields[f].Replaced = nil
		}
		m.events[i], m.forgotten = &e, e.Seq
	}
	return n, nil
}

func (m *model) Cursor(name string) (string, error) { return m.cursors[name], nil }

func (m *model) SetCursor(name, cursor string) error {
	m.cursors[name] = cursor
	return nil
}

func (m *model) SeenDelivery(connection, id string, now, expires time.Time) (bool, error) {
	k := [2]string{connection, id}
	if until, ok := m.seen[k]; ok && until.After(now) {
		return true, nil
	}
	m.seen[k] = expires
	return false, nil
}

// PruneDeliveries must be called with a limit that is not reached: which of
// those that expire together go first is the store's matter.
func (m *model) PruneDeliveries(now time.Time, limit int) (int, error) {
	before := len(m.seen)
	maps.DeleteFunc(m.seen, func(_ [2]string, until time.Time) bool { return !until.After(now) })
	if n := before - len(m.seen); n < limit {
		return n, nil
	}
	return 0, fmt.Errorf("the limit of %d was reached", limit)
}

func (m *model) Known(mapping string, side uint8, record string) ([]byte, error) {
	return m.known[state.Subject{Mapping: mapping, Side: side, Record: record}], nil
}

func (m *model) SetKnown(mapping string, side uint8, record string, mark []byte) error {
	m.known[state.Subject{Mapping: mapping, Side: side, Record: record}] = mark
	return nil
}

func (m *model) Secret(name string) ([]byte, error) { return m.secrets[name], nil }

func (m *model) SetSecret(name string, sealed []byte) error {
	m.secrets[name] = sealed
	return nil
}

func (m *model) Doc(kind, key string) ([]byte, error) { return m.docs[[2]string{kind, key}], nil }

func (m *model) SetDoc(kind, key string, doc []byte) error {
	m.docs[[2]string{kind, key}] = doc
	if doc == nil {
		delete(m.docs, [2]string{kind, key})
	}
	return nil
}

func (m *model) ListDocs(kind, afterKey string, limit int) (keys []string, docs [][]byte, err error) {
	for k := range m.docs {
		if k[0] == kind && k[1] > afterKey {
			keys = append(keys, k[1])
		}
	}
	slices.Sort(keys)
	keys = cut(keys, limit)
	for _, k := range keys {
		docs = append(docs, m.docs[[2]string{kind, k}])
	}
	return keys, docs, nil
}
