package memory

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// record is one stored record. Values are immutable, so a shallow copy of
// fields is a copy.
type record struct {
	seq      int
	id       string
	object   string
	scope    connectors.Scope
	parent   string
	key      string
	keySeen  time.Time // when FindByKey knows the key
	fields   map[string]connectors.Value
	version  int
	created  time.Time
	modified time.Time
	visible  time.Time // when the list of changes shows the newest version
	state    connectors.State
	into     string
	history  []connectors.FieldEdit
	comments []connectors.Comment
	files    []file
	shown    Given // what Put said of its id, key, title and address
}

func (r *record) in(scope connectors.Scope) bool {
	for k, v := range scope {
		if r.scope[k] != v {
			return false
		}
	}
	return true
}

// entry is one row of an object's index of changes. The index is ordered by
// modified time, then by sequence of records: as a real list would be.
type entry struct {
	modified time.Time
	rec      *record
	version  int
	state    connectors.State
	visible  time.Time
}

// table holds one object's records and index.
type table struct {
	def     Object
	fields  map[string]*connectors.Field
	records []*record            // by sequence
	byKey   map[string][]*record // by create key
	index   []entry
	pruneAt int // the length of index that is worth pruning
	hidden  map[string]bool
	veil    Veil
}

func newTable(def Object) *table {
	def.Schema.Fields = slices.Clone(def.Schema.Fields)
	def.Title = cmp.Or(def.Title, "title")
	t := &table{def: def, fields: map[string]*connectors.Field{}, byKey: map[string][]*record{}, hidden: map[string]bool{}}
	for i := range def.Schema.Fields {
		t.fields[def.Schema.Fields[i].Name] = &def.Schema.Fields[i]
	}
	return t
}

// lag returns how late the change shows, one of several lags in turn.
func (s *System) lag() time.Duration {
	s.changes++
	return s.opts.IndexLag * time.Duration(s.changes*7%11) / 10
}

// now is the system's time; it never goes back.
func (s *System) now() time.Time {
	if t := s.opts.Clock.Now().UTC().Round(0); t.After(s.last) {
		s.last = t
	}
	return s.last
}

// insert stores a new record.
func (s *System) insert(t *table, scope connectors.Scope, parent, key string, fields map[string]connectors.Value, author string) *record {
	return s.insertAs(t, Given{Scope: scope}, parent, key, fields, author)
}

// insertAs stores a new record under the id that g names, if it names one.
func (s *System) insertAs(t *table, g Given, parent, key string, fields map[string]connectors.Value, author string) *record {
	s.lastSeq++
	for g.ID == "" && s.byID[strconv.Itoa(s.lastSeq)] != nil {
		s.lastSeq++
	}
	now := s.now()
	r := &record{
		seq: s.lastSeq, id: cmp.Or(g.ID, strconv.Itoa(s.lastSeq)), object: t.def.Schema.Object, shown: g,
		scope: maps.Clone(g.Scope), parent: parent, key: key, keySeen: now.Add(s.keyLag()),
		fields: make(map[string]connectors.Value, len(fields)+1), created: now.Truncate(s.opts.Precision),
	}
	if f := t.fields["number"]; f != nil && f.Type == connectors.TypeText && !f.Writable {
		r.fields["number"] = connectors.Text(t.def.Prefix + "-" + r.id)
	}
	s.showOwn(t, r)
	t.records = append(t.records, r)
	if key != "" {
		t.byKey[key] = append(t.byKey[key], r)
	}
	s.byID[r.id] = r
	s.apply(t, r, fields, author)
	return r
}

func (s *System) keyLag() time.Duration {
	return connectors.Facts{IndexLag: s.opts.IndexLag, KeyLag: s.opts.KeyLag}.KeyWait()
}

// apply sets fields and notes the change. Fields that keep their value make no
// history; a change of nothing is no change.
func (s *System) apply(t *table, r *record, fields map[string]connectors.Value, author string) {
	now := s.now()
	changed := r.version == 0
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		v := fields[name]
		if old, had := r.fields[name]; had && connectors.Equal(old, v) || !had && v.IsNull() {
			continue
		}
		changed = changed || !slices.Contains(s.opts.Still, name)
		r.fields[name] = v
		if v.IsNull() {
			delete(r.fields, name)
		}
		if f := t.fields[name]; f != nil && f.History {
			r.history = append(r.history, connectors.FieldEdit{Field: name, At: now, Value: v, Author: author})
		}
	}
	if changed {
		s.touch(t, r)
	}
}

// touch gives the record a new version and tells the index and the webhooks.
func (s *System) touch(t *table, r *record) {
	now := s.now()
	r.version++
	r.modified = now.Truncate(s.opts.Precision)
	r.visible = now.Add(s.lag())
	e := entry{modified: r.modified, rec: r, version: r.version, state: r.state, visible: r.visible}
	at := sort.Search(len(t.index), func(i int) bool {
		return less(e.modified, r.seq, t.index[i].modified, t.index[i].rec.seq)
	})
	t.index = slices.Insert(t.index, at, e)
	if len(t.index) > t.pruneAt {
		s.prune(t)
		t.pruneAt = 2*len(t.index) + 256
	}
	if t.veil == NoVeil {
		s.notify(r)
	}
}

// before returns the row that the list of changes shows last before a position.
func (s *System) before(t *table, at position) (entry, bool) {
	now := s.now()
	for _, e := range slices.Backward(t.index) {
		if less(at.at, at.seq, e.modified, e.rec.seq) || e.visible.After(now) || t.veils(e.rec) {
			continue
		}
		return e, true
	}
	return entry{}, false
}

func less(at time.Time, seq int, at2 time.Time, seq2 int) bool {
	if !at.Equal(at2) {
		return at.Before(at2)
	}
	return seq < seq2
}

// prune drops the rows that a later visible row of the same record replaces.
func (s *System) prune(t *table) {
	now := s.now()
	newest := map[*record]int{}
	for _, e := range t.index {
		if !e.visible.After(now) {
			newest[e.rec] = max(newest[e.rec], e.version)
		}
	}
	t.index = slices.DeleteFunc(t.index, func(e entry) bool { return e.version < newest[e.rec] })
}

// listed returns the rows that the list of changes shows now after a position:
// for each record the latest row that is visible, at most limit, oldest first.
func (s *System) listed(t *table, scope connectors.Scope, after position, limit int) (rows []entry, more bool) {
	now := s.now()
	from := sort.Search(len(t.index), func(i int) bool {
		return less(after.at, after.seq, t.index[i].modified, t.index[i].rec.seq)
	})
	for i, e := range t.index[from:] {
		if e.visible.After(now) || t.veils(e.rec) {
			continue
		}
		if !s.opts.ShiftingPages && (!e.rec.in(scope) || !s.lists(e.state) || replaced(e, t.index[from+i+1:], now)) {
			continue
		}
		if len(rows) == limit {
			return rows, true
		}
		rows = append(rows, e)
	}
	return rows, false
}

// replaced reports whether the list shows a later version of the entry's
// record, among the entries that follow it.
func replaced(e entry, later []entry, now time.Time) bool {
	if e.version == e.rec.version {
		return false
	}
	return !e.rec.visible.After(now) || slices.ContainsFunc(later, func(l entry) bool {
		return l.rec == e.rec && l.version > e.version && !l.visible.After(now)
	})
}

func (s *System) lists(state connectors.State) bool {
	return state == connectors.Live || s.opts.ShowsDeleted
}

// position is a place in a list of changes: after the rows of a record up to a
// time.
type position struct {
	at  time.Time
	seq int
}

// round is a cursor: a position, and while a round of pages goes on, the time
// up to which the round will have seen everything.
type round struct {
	pos   position
	floor time.Time // zero between rounds
}

// A cursor is "m1.<µs>.<seq>.<floor µs>", floor 0 between rounds.
func (r round) String() string {
	floor := int64(0)
	if !r.floor.IsZero() {
		floor = r.floor.UnixMicro()
	}
	at := int64(0)
	if !r.pos.at.IsZero() {
		at = r.pos.at.UnixMicro()
	}
	return "m1." + strconv.FormatInt(at, 10) + "." + strconv.Itoa(r.pos.seq) + "." + strconv.FormatInt(floor, 10)
}

func parseRound(s string) (round, bool) {
	if s == "" {
		return round{}, true
	}
	parts := strings.Split(s, ".")
	if len(parts) != 4 || parts[0] != "m1" {
		return round{}, false
	}
	var n [3]int64
	for i, p := range parts[1:] {
		v, err := strconv.ParseInt(p, 10, 64)
		if err != nil || v < 0 {
			return round{}, false
		}
		n[i] = v
	}
	r := round{pos: position{seq: int(n[1])}}
	if n[0] > 0 {
		r.pos.at = time.UnixMicro(n[0]).UTC()
	}
	if n[2] > 0 {
		r.floor = time.UnixMicro(n[2]).UTC()
	}
	return r, true
}
