package memory

import (
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// DropField takes a field away from an object, with what its records hold in
// it, as an admin does. Versions do not move.
func (s *System) DropField(object, field string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(object)
	s.mustHave(t, field)
	t.def.Schema.Fields = slices.DeleteFunc(slices.Clone(t.def.Schema.Fields), func(f connectors.Field) bool { return f.Name == field })
	clear(t.fields)
	for i := range t.def.Schema.Fields {
		t.fields[t.def.Schema.Fields[i].Name] = &t.def.Schema.Fields[i]
	}
	for _, r := range t.records {
		delete(r.fields, field)
	}
}

// DropOption takes a choice of a field away. Records that hold it keep it.
func (s *System) DropOption(object, field, option string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table(object)
	s.mustHave(t, field)
	f := t.fields[field]
	f.Options = slices.DeleteFunc(slices.Clone(f.Options), func(o connectors.Option) bool { return o.ID == option })
}

func (s *System) mustHave(t *table, field string) {
	if t.fields[field] == nil {
		panic("memory: no field " + field + " on " + t.def.Schema.Object)
	}
}

// Forget takes a field out of a record as if nothing had ever been written to
// it: so is one of a create that takes several requests, of which the last never
// came.
func (s *System) Forget(id, field string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, r := s.record(id)
	delete(r.fields, field)
	r.history = slices.DeleteFunc(r.history, func(e connectors.FieldEdit) bool { return e.Field == field })
}
