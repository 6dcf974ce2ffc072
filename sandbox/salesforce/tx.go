package salesforce

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// tx is one transaction. All of its changes become visible when it is committed,
// which is at once: the System is locked while it lasts.
type tx struct {
	s      *System
	key    string
	user   string // who does it
	origin string
	at     time.Time // stamp of its rows
	api    bool      // rights of the API's user apply
	// allowDuplicates is the client's wish to save in spite of duplicate rules.
	allowDuplicates bool
	assigns         bool // assignment rules apply

	undo    []func()
	touched map[*record]*touch
	order   []*record
}

type touch struct {
	record *record
	before map[string]value // nil: it was made by this transaction
	gone   bool             // it was deleted before
}

// begin starts a transaction of a user.
func (s *System) begin(user, origin string, at time.Time, api bool) *tx {
	s.txs++
	const digits = "0123456789abcdef"
	key := []byte("00000000-0000-0000-0000-000000000000")
	for i, n := len(key)-1, s.txs; n > 0; i-- {
		if key[i] != '-' {
			key[i] = digits[n%16]
			n /= 16
		}
	}
	return &tx{s: s, key: string(key), user: user, origin: origin, at: at.Truncate(time.Second), api: api, touched: map[*record]*touch{}}
}

// mark returns a place that rollback can go back to.
func (t *tx) mark() int { return len(t.undo) }

// rollback undoes what was done after the mark.
func (t *tx) rollback(mark int) {
	for i := len(t.undo) - 1; i >= mark; i-- {
		t.undo[i]()
	}
	t.undo = t.undo[:mark]
}

// touch remembers a record as it was before the transaction.
func (t *tx) touch(r *record, made bool) {
	if t.touched[r] != nil {
		return
	}
	was := &touch{record: r, gone: r.deleted()}
	if !made {
		was.before = r.clone()
	}
	t.touched[r] = was
	t.order = append(t.order, r)
	t.undo = append(t.undo, func() {
		delete(t.touched, r)
		t.order = slices.DeleteFunc(t.order, func(other *record) bool { return other == r })
	})
}

// put adds a new record.
func (t *tx) put(r *record) {
	t.touch(r, true)
	o := r.object
	o.records[r.id] = r
	o.ids = append(o.ids, r.id)
	o.reindex(r, nil, r.values)
	t.undo = append(t.undo, func() {
		o.reindex(r, r.values, nil)
		delete(o.records, r.id)
		if n := len(o.ids); o.ids[n-1] == r.id {
			o.ids = o.ids[:n-1]
		} else {
			o.ids = slices.DeleteFunc(o.ids, func(id string) bool { return id == r.id })
		}
	})
}

// set gives a record other values.
func (t *tx) set(r *record, values map[string]value) {
	t.touch(r, false)
	old := r.values
	swap := func(from, to map[string]value) {
		if !r.deleted() {
			r.object.reindex(r, from, to)
		}
		r.values = to
	}
	swap(old, values)
	t.undo = append(t.undo, func() { swap(values, old) })
}

// bury moves a record to the recycle bin, or back if at is zero.
func (t *tx) bury(r *record, at time.Time) {
	t.touch(r, false)
	old := r.gone
	move := func(to time.Time) {
		if r.deleted() != !to.IsZero() {
			if to.IsZero() {
				r.object.reindex(r, nil, r.values)
			} else {
				r.object.reindex(r, r.values, nil)
			}
		}
		r.gone = to
		r.values["IsDeleted"] = !to.IsZero()
	}
	move(at)
	t.undo = append(t.undo, func() { move(old) })
}

// commit makes the transaction last and tells the listeners about it.
func (t *tx) commit() {
	t.undo = nil
	c := Commit{Transaction: t.key, At: t.s.now(), User: t.user, Origin: t.origin}
	for _, r := range t.order {
		if change, ok := t.touched[r].change(); ok {
			c.Changes = append(c.Changes, change)
		}
	}
	if len(c.Changes) == 0 {
		return
	}
	t.s.commits++
	c.Number = t.s.commits
	t.s.tell(c)
}

func (was *touch) change() (Change, bool) {
	r := was.record
	if strings.HasSuffix(r.object.name, "History") {
		return Change{}, false
	}
	c := Change{Object: r.object.name, ID: r.id}
	switch {
	case was.before == nil && r.deleted():
		return c, false
	case was.before == nil:
		c.Kind = Created
	case r.deleted() && !was.gone:
		c.Kind = Deleted
	case !r.deleted() && was.gone:
		c.Kind = Undeleted
	case r.deleted():
		return c, false
	default:
		c.Kind, c.Fields = Updated, changedFields(was.before, r.values)
		if len(c.Fields) == 0 {
			return c, false
		}
	}
	c.Before = published(was.before)
	if c.Kind != Deleted {
		c.Values = published(r.values)
	}
	return c, true
}

// changedFields are the fields whose values differ, sorted; none if only the
// system's own stamps do.
func changedFields(before, after map[string]value) []string {
	var out []string
	own := false
	for name, v := range after {
		if name == "SystemModstamp" || same(before[name], v) {
			continue
		}
		out = append(out, name)
		own = own || name != "LastModifiedDate" && name != "LastModifiedById"
	}
	if !own {
		return nil
	}
	slices.Sort(out)
	return out
}

func published(values map[string]value) map[string]any {
	if values == nil {
		return nil
	}
	out := make(map[string]any, len(values))
	for name, v := range values {
		if n, ok := v.(number); ok {
			out[name] = Decimal(n)
			continue
		}
		out[name] = v
	}
	return out
}

// reindex keeps the lookup by unique and external id fields.
func (o *object) reindex(r *record, from, to map[string]value) {
	for _, f := range o.fields {
		if !f.unique && !f.idLookup || f.kind == "id" {
			continue
		}
		old, fresh := f.fold(from[f.name]), f.fold(to[f.name])
		if old == fresh {
			continue
		}
		if old != "" {
			ids := slices.DeleteFunc(slices.Clone(o.index[f.name][old]), func(id string) bool { return id == r.id })
			if len(ids) == 0 {
				delete(o.index[f.name], old)
			} else {
				o.index[f.name][old] = ids
			}
		}
		if fresh != "" {
			if o.index[f.name] == nil {
				o.index[f.name] = map[string][]string{}
			}
			o.index[f.name][fresh] = append(o.index[f.name][fresh], r.id)
		}
	}
}

// fold is the form in which values of a unique field are compared; empty for no
// value.
func (f *field) fold(v value) string {
	switch v := v.(type) {
	case string:
		if f.caseSensitive || f.externalID && !f.unique {
			return v
		}
		return strings.ToLower(v)
	case number:
		return string(v)
	}
	return ""
}

// having returns the records, there and not deleted, whose field has this value.
func (o *object) having(f *field, v value) []*record {
	var out []*record
	if f.kind == "id" {
		if id, ok := v.(string); ok && o.records[id] != nil && !o.records[id].deleted() {
			out = append(out, o.records[id])
		}
		return out
	}
	ids := o.index[f.name][f.fold(v)]
	for _, id := range slices.Sorted(slices.Values(ids)) {
		out = append(out, o.records[id])
	}
	return out
}

// merged returns base with the changes on top.
func merged(base, changes map[string]value) map[string]value {
	out := maps.Clone(base)
	maps.Copy(out, changes)
	return out
}
