package salesforce

import (
	"fmt"
	"strings"
)

// DropField deletes a custom field with its values, as an admin does.
func (s *System) DropField(object, name string) error {
	return s.onField(object, name, func(f *field) {
		o := f.object
		o.drop(f.name)
		delete(o.index, f.name)
		for _, r := range o.records {
			delete(r.values, f.name)
		}
	})
}

// DropOption deactivates a picklist's value: records keep it, but nobody can
// choose it any more.
func (s *System) DropOption(object, name, val string) error {
	return s.onOption(object, name, val, false)
}

// AddOption adds a picklist's value, or makes it active again.
func (s *System) AddOption(object, name, val string) error {
	return s.onOption(object, name, val, true)
}

func (s *System) onOption(object, name, val string, active bool) error {
	found := false
	err := s.onField(object, name, func(f *field) {
		for i := range f.picklist {
			if f.picklist[i].Value == val {
				f.picklist[i].Active, found = active, true
			}
		}
		if !found && active {
			f.picklist = append(f.picklist, pick{Value: val, Label: val, Active: true})
			found = true
		}
	})
	if err == nil && !found {
		err = fmt.Errorf("%s.%s has no value %q", object, name, val)
	}
	return err
}

// A CustomField is a field that an admin adds.
type CustomField struct {
	Object string   `json:"object"`
	Name   string   `json:"name"` // with __c
	Label  string   `json:"label"`
	Type   string   `json:"type"` // as in metadata: Text, Number, Checkbox, Picklist, …
	Length int      `json:"length"`
	Scale  int      `json:"scale"`
	Values []string `json:"values"`
}

// AddField adds a custom field that everybody sees.
func (s *System) AddField(cf CustomField) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.object(cf.Object)
	kind := customTypes[cf.Type]
	if o == nil || kind == "" || !strings.HasSuffix(cf.Name, "__c") || o.field(cf.Name) != nil {
		return fmt.Errorf("no field %s.%s of type %q can be added", cf.Object, cf.Name, cf.Type)
	}
	f := &field{
		name: cf.Name, label: cf.Label, kind: kind, length: cf.Length, precision: 18, scale: cf.Scale, nillable: kind != "boolean", createable: true, updateable: true,
		custom: true, filterable: true, sortable: true, html: cf.Type == "Html", defaulted: kind == "boolean",
	}
	if f.label == "" {
		f.label = strings.TrimSuffix(cf.Name, "__c")
	}
	if kind == "string" && f.length == 0 {
		f.length = 255
	}
	for _, v := range cf.Values {
		f.picklist = append(f.picklist, pick{Value: v, Label: v, Active: true})
	}
	if f.long() {
		f.filterable, f.sortable = false, false
	}
	s.addField(o, f)
	delete(s.ungranted, o.name+"."+f.name)
	return nil
}
