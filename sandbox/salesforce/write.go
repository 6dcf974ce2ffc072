package salesforce

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// read turns the members that a client sent for a record into values. Members
// that name the record are skipped.
func (t *tx) read(o *object, in []input, fresh bool, skip ...string) (map[string]value, *apiError) {
	out := map[string]value{}
	var barred []string
	for _, e := range in {
		if e.name == "attributes" || strings.EqualFold(e.name, "Id") || slices.ContainsFunc(skip, func(n string) bool { return strings.EqualFold(n, e.name) }) {
			continue
		}
		f := o.field(e.name)
		if f == nil && first(e.value) == '{' {
			f = o.parent(e.name)
			if f != nil && !t.hides(f) {
				id, err := t.foreign(f, e.value)
				if err != nil {
					return nil, err
				}
				out[f.name] = id
				continue
			}
		}
		if f == nil || t.hides(f) {
			return nil, refuseCall(http.StatusBadRequest, "INVALID_FIELD", "No such column '%s' on sobject of type %s", e.name, o.name)
		}
		if t.api && !t.writes(f, fresh) {
			barred = append(barred, f.name)
			continue
		}
		v, err := f.parse(e.value)
		if err != nil {
			return nil, err
		}
		if v == nil && f.kind == "boolean" {
			return nil, refuse("INVALID_TYPE_ON_FIELD_IN_RECORD", "%s: value not of required type: ", f.label).on(f.name)
		}
		out[f.name] = v
	}
	if len(barred) > 0 {
		return nil, refuse("INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields: %s. Please check the security settings of this field and verify that it is read/write for your profile or permission set.", strings.Join(barred, ", ")).on(barred...)
	}
	return out, nil
}

func (t *tx) hides(f *field) bool { return t.api && t.s.hides(f) }

func (t *tx) writes(f *field, fresh bool) bool {
	if t.s.readOnly[f.object.name+"."+f.name] {
		return false
	}
	return fresh && f.createable || !fresh && f.updateable
}

// foreign finds the record that a nested object names by an external id.
func (t *tx) foreign(f *field, raw json.RawMessage) (value, *apiError) {
	in, err := readObject(raw)
	if err != nil {
		return nil, err
	}
	target := f.references[0]
	if f.polymorphic() {
		if len(in) == 0 || in[0].name != "attributes" {
			return nil, jsonFault("Nested object for polymorphic foreign key must have an attributes field before any other fields.")
		}
	}
	if len(in) > 0 && in[0].name == "attributes" {
		var attributes struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(in[0].value, &attributes) == nil && attributes.Type != "" {
			target = attributes.Type
		}
		in = in[1:]
	}
	o := t.s.object(target)
	if o == nil || len(in) != 1 {
		return nil, refuse("INVALID_FIELD", "A nested object must have exactly one external ID field for %s", f.name)
	}
	key := o.field(in[0].name)
	if key == nil || !key.idLookup || t.hides(key) {
		return nil, refuse("INVALID_FIELD", "Field name provided, %s is not an External ID or indexed field for %s", in[0].name, o.name)
	}
	v, err := key.parse(in[0].value)
	if err != nil {
		return nil, err
	}
	found := o.having(key, v)
	switch len(found) {
	case 1:
		return found[0].id, nil
	case 0:
		return nil, refuse("INVALID_FIELD", "Foreign key external ID: %s not found for field %s in entity %s", strings.ToLower(fmt.Sprint(v)), key.name, o.name)
	}
	return nil, refuse("INVALID_FIELD", "Foreign key external ID: %s matches more than one record in entity %s", strings.ToLower(fmt.Sprint(v)), o.name)
}

// insert makes a record.
func (t *tx) insert(o *object, values map[string]value) (*record, *apiError) {
	if !o.createable || t.api && t.s.denied(o.name, "create") {
		return nil, t.noRight(o, "create")
	}
	ids := o
	if o.name == "ContentNote" {
		ids = t.s.object("ContentDocument") // a note is a document
	}
	ids.nextID++
	r := &record{object: o, id: newID(ids.prefix, ids.nextID), values: map[string]value{}}
	for _, f := range o.fields {
		r.values[f.name] = f.start()
	}
	full := merged(r.values, values)
	for _, f := range o.fields {
		if f.auto {
			o.nextAuto++
			full[f.name] = autoNumber(f.autoFormat, o.nextAuto)
		}
	}
	full["Id"] = r.id
	stamps := map[string]value{"CreatedDate": t.at, "LastModifiedDate": t.at, "SystemModstamp": t.at, "CreatedById": t.user, "LastModifiedById": t.user, "OwnerId": full["OwnerId"]}
	if stamps["OwnerId"] == nil {
		stamps["OwnerId"] = t.user
	}
	if queue := t.s.queue(); t.assigns && queue != "" && (o.name == "Case" || o.name == "Lead") {
		stamps["OwnerId"] = queue
	}
	for name, v := range stamps {
		if o.field(name) != nil {
			full[name] = v
		}
	}
	if err := t.prepare(r, nil, full, values); err != nil {
		return nil, err
	}
	r.values = full
	t.put(r)
	t.track(r, nil, full)
	return r, t.after(r, nil)
}

// queue is the queue that the assignment rules give cases and leads to.
func (s *System) queue() string {
	for _, g := range s.rows(s.object("Group"), false, false) {
		if g.text("Type") == "Queue" {
			return g.id
		}
	}
	return ""
}

// start is the value of a field that nobody gave.
func (f *field) start() value {
	if text, ok := f.defaultValue.(string); ok {
		v, err := f.fromText(text)
		if err != nil {
			panic(f.object.name + "." + f.name + ": " + err.Text) // the schema is part of the program
		}
		return v
	}
	if f.kind == "boolean" && f.defaultValue == nil {
		return false
	}
	return f.defaultValue
}

func autoNumber(format string, n int) string {
	from, to := strings.IndexByte(format, '{'), strings.IndexByte(format, '}')
	if from < 0 || to < from {
		return format + fmt.Sprint(n)
	}
	return format[:from] + fmt.Sprintf("%0*d", to-from-1, n) + format[to+1:]
}

// update changes a record.
func (t *tx) update(r *record, values map[string]value) *apiError {
	o := r.object
	switch {
	case r.deleted():
		return deletedError()
	case !o.updateable, t.api && t.s.denied(o.name, "update"):
		return t.noRight(o, "update")
	case t.api && r.hidden:
		return refuse("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
	case r.locked && t.api:
		return refuse("ENTITY_IS_LOCKED", "the entity is locked for editing")
	case o.name == "Lead" && r.flag("IsConverted"):
		return refuse("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
	}
	if err := t.lockable(r); err != nil {
		return err
	}
	before := r.values
	full := merged(before, values)
	for name, v := range map[string]value{"LastModifiedDate": t.at, "SystemModstamp": t.at, "LastModifiedById": t.user} {
		if o.field(name) != nil {
			full[name] = v
		}
	}
	if err := t.prepare(r, before, full, values); err != nil {
		return err
	}
	t.set(r, full)
	t.track(r, before, full)
	return t.after(r, before)
}

func deletedError() *apiError {
	e := refuse("ENTITY_IS_DELETED", "entity is deleted")
	e.status = http.StatusNotFound
	return e
}

func (t *tx) noRight(o *object, what string) *apiError {
	e := refuse("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
	if what == "create" {
		e = refuse("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be inserted: %s", o.label)
		if o.createable {
			e = refuse("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object")
		}
	}
	e.status = http.StatusForbidden
	if !o.createable {
		e.status = http.StatusBadRequest
	}
	return e
}

// lockable refuses while another transaction holds the row.
func (t *tx) lockable(r *record) *apiError {
	s := t.s
	if !t.api {
		return nil
	}
	if s.rowLocks[r.id] {
		return refuse("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: %s", r.id)
	}
	if s.nextLocks > 0 || s.lockRate > 0 && s.rand.Chance(s.lockRate) {
		s.nextLocks = max(0, s.nextLocks-1)
		return refuse("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: %s", r.id)
	}
	return nil
}

// prepare fills in what follows from other fields and checks the whole record.
// given are the values that were asked for.
func (t *tx) prepare(r *record, before, full, given map[string]value) *apiError {
	o := r.object
	if err := t.checkGiven(o, given); err != nil {
		return err
	}
	t.s.derive(r, before, full, given, t.at)
	if err := t.s.special(r, before, full, given); err != nil {
		return err
	}
	var missing []string
	for _, f := range o.fields {
		if !f.nillable && (f.createable || f.updateable) && full[f.name] == nil && (before == nil || before[f.name] != nil) {
			missing = append(missing, f.name)
		}
	}
	if len(missing) > 0 {
		return refuse("REQUIRED_FIELD_MISSING", "Required fields are missing: [%s]", strings.Join(missing, ", ")).on(missing...)
	}
	if err := t.s.runTriggers(r, before, full); err != nil {
		return err
	}
	t.s.derive(r, before, full, given, t.at)
	if err := t.s.validate(r, full); err != nil {
		return err
	}
	if err := t.checkDuplicates(r, full); err != nil {
		return err
	}
	return t.checkUnique(r, full)
}

// checkGiven checks the references that were given, and owners.
func (t *tx) checkGiven(o *object, given map[string]value) *apiError {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		f := o.field(name)
		id, ok := given[name].(string)
		if f == nil || !ok || f.kind != "reference" {
			continue
		}
		target := t.s.objectOf(id)
		if target == nil || !slices.Contains(f.references, target.name) {
			return refuse("FIELD_INTEGRITY_EXCEPTION", "%s: id value of incorrect type: %s", f.label, id).on(f.name)
		}
		parent := target.records[id]
		switch {
		case parent == nil:
			return refuse("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
		case parent.deleted():
			return refuse("ENTITY_IS_DELETED", "entity is deleted")
		case t.api && parent.hidden:
			return refuse("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "insufficient access rights on cross-reference id: %s", id)
		case f.name == "OwnerId" && target.name == "User" && !parent.flag("IsActive"):
			return refuse("INACTIVE_OWNER_OR_USER", "operation performed with inactive user [%s] as owner of %s", id[:15], strings.ToLower(o.label))
		}
	}
	return nil
}

func (t *tx) checkUnique(r *record, full map[string]value) *apiError {
	for _, f := range r.object.fields {
		if !f.unique || full[f.name] == nil {
			continue
		}
		for _, other := range r.object.having(f, full[f.name]) {
			if other != r {
				return refuse("DUPLICATE_VALUE", "duplicate value found: %s duplicates value on record with id: %s", f.name, other.id)
			}
		}
	}
	return nil
}

// remove moves a record, and what goes with it, to the recycle bin.
func (t *tx) remove(r *record) *apiError {
	o := r.object
	switch {
	case r.deleted():
		return deletedError()
	case !o.deletable, t.api && t.s.denied(o.name, "delete"):
		return refuse("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
	case r.locked && t.api:
		return refuse("ENTITY_IS_LOCKED", "the entity is locked for editing")
	}
	if err := t.lockable(r); err != nil {
		return err
	}
	t.removeAll(r)
	return t.after(r, r.values)
}

func (t *tx) removeAll(r *record) {
	t.stampDeleted(r)
	t.bury(r, t.at)
	for _, f := range t.s.children(r.object) {
		if !f.cascade {
			continue
		}
		for _, id := range f.object.ids {
			child := f.object.records[id]
			if child != nil && !child.deleted() && child.text(f.name) == r.id {
				t.removeAll(child)
			}
		}
	}
}

// stampDeleted moves the stamps of a record that is going or coming back.
func (t *tx) stampDeleted(r *record) {
	full := maps.Clone(r.values)
	for name, v := range map[string]value{"LastModifiedDate": t.at, "SystemModstamp": t.at, "LastModifiedById": t.user} {
		if r.object.field(name) != nil {
			full[name] = v
		}
	}
	t.set(r, full)
}

// restore brings a record back from the recycle bin with what went at the same
// moment.
func (t *tx) restore(r *record) *apiError {
	if !r.deleted() || r.purged {
		return refuse("UNDELETE_FAILED", "Entity is not in the recycle bin")
	}
	gone := r.gone
	if err := t.checkUnique(r, r.values); err != nil {
		return err
	}
	t.bury(r, time.Time{})
	t.stampDeleted(r)
	for _, f := range t.s.children(r.object) {
		for _, id := range f.object.ids {
			child := f.object.records[id]
			if f.cascade && child != nil && child.deleted() && !child.purged && child.gone.Equal(gone) && child.text(f.name) == r.id {
				if err := t.restore(child); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
