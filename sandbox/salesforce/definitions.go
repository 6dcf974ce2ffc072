package salesforce

import (
	"slices"
	"strings"
)

// defineSchema fills the tables that tell about objects and fields, as queries
// see them.
func (s *System) defineSchema() {
	entities, fields := s.object("EntityDefinition"), s.object("FieldDefinition")
	if s.definedAt.Equal(s.schemaAt) && len(entities.ids) > 0 {
		return
	}
	s.definedAt = s.schemaAt
	for _, o := range []*object{entities, fields} {
		o.records, o.ids = map[string]*record{}, nil
	}
	add := func(o *object, values map[string]value) *record {
		r := &record{object: o, id: newID(o.prefix, len(o.ids)+1), values: map[string]value{}}
		for _, f := range o.fields {
			r.values[f.name] = f.start()
		}
		r.values = merged(r.values, values)
		r.values["Id"] = r.id
		o.records[r.id] = r
		o.ids = append(o.ids, r.id)
		return r
	}
	for _, o := range s.objects {
		e := add(entities, map[string]value{"QualifiedApiName": o.name, "DurableId": o.name, "Label": o.label, "KeyPrefix": o.prefix})
		for _, f := range o.fields {
			if s.hides(f) {
				continue
			}
			add(fields, map[string]value{
				"QualifiedApiName": f.name, "DurableId": o.name + "." + strings.TrimSuffix(f.name, "__c"), "DeveloperName": strings.TrimSuffix(f.name, "__c"),
				"Label": f.label, "DataType": f.kind, "IsFieldHistoryTracked": slices.Contains(tracked[o.name], f.name), "IsIndexed": f.idLookup || f.unique,
				"EntityDefinitionId": e.id,
			})
		}
	}
}
