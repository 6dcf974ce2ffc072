package salesforce

import (
	"slices"
	"strings"
)

// object is one sObject: its definition and its records.
type object struct {
	name, label, plural, prefix string
	custom                      bool
	createable, updateable      bool
	deletable, queryable        bool
	replicateable, mergeable    bool
	searchable, feed            bool
	undeletable                 bool

	fields []*field
	byName map[string]*field // by name in lower case

	records  map[string]*record
	ids      []string // in order of creation, also of deleted ones
	nextID   int
	nextAuto int
	index    map[string]map[string][]string // field → folded value → ids that are there
}

// field is one field of an object.
type field struct {
	object *object

	name, label, kind string // kind is the type in describe
	length, precision int
	scale, digits     int

	nillable, createable, updateable bool
	defaulted                        bool // the server fills it if it is not given
	defaultValue                     value
	nameField, calculated, auto      bool
	autoFormat, formula              string
	unique, caseSensitive            bool
	externalID, idLookup             bool
	custom, restricted, html         bool
	cascade                          bool // the record goes with its parent
	filterable, sortable             bool
	extra, help                      string
	picklist                         []pick
	controller                       string
	references                       []string
	relation, children               string // name of the parent in records, and of the children in the parent
	compound                         string
}

type pick struct {
	Value, Label string
	Active       bool
	Default      bool
}

// field returns the field with this name in any case.
func (o *object) field(name string) *field { return o.byName[strings.ToLower(name)] }

func (o *object) add(f *field) {
	f.object = o
	o.fields = append(o.fields, f)
	o.byName[strings.ToLower(f.name)] = f
}

func (o *object) drop(name string) {
	delete(o.byName, strings.ToLower(name))
	o.fields = slices.DeleteFunc(o.fields, func(f *field) bool { return strings.EqualFold(f.name, name) })
}

// parent returns the reference field whose parent has this relationship name.
func (o *object) parent(relation string) *field {
	for _, f := range o.fields {
		if f.relation != "" && strings.EqualFold(f.relation, relation) {
			return f
		}
	}
	return nil
}

func (f *field) polymorphic() bool { return len(f.references) > 1 }

// long reports whether the field holds more text than fits into a row: such
// fields cannot be filtered, and make pages shorter.
func (f *field) long() bool { return f.kind == "textarea" && f.length > 255 }

func (f *field) numeric() bool {
	return f.kind == "int" || f.kind == "double" || f.kind == "currency" || f.kind == "percent"
}

func (f *field) textual() bool {
	switch f.kind {
	case "string", "textarea", "picklist", "multipicklist", "email", "phone", "url", "combobox", "encryptedstring":
		return true
	}
	return false
}

// option returns the picklist's value that is meant, by value.
func (f *field) option(text string) (pick, bool) {
	for _, p := range f.picklist {
		if strings.EqualFold(p.Value, text) {
			return p, true
		}
	}
	return pick{}, false
}

// object returns the object with this name in any case; nil if there is none.
func (s *System) object(name string) *object { return s.byName[strings.ToLower(name)] }

// objectOf returns the object of a record by the prefix of its id.
func (s *System) objectOf(id string) *object {
	if len(id) < 3 {
		return nil
	}
	return s.byPrefix[id[:3]]
}

// find returns the record with this 18-character id, deleted or not.
func (s *System) find(id string) *record {
	if o := s.objectOf(id); o != nil {
		return o.records[id]
	}
	return nil
}

// addObject makes an object known.
func (s *System) addObject(o *object) {
	s.objects = append(s.objects, o)
	s.byName[strings.ToLower(o.name)] = o
	if o.prefix != "" && s.byPrefix[o.prefix] == nil {
		s.byPrefix[o.prefix] = o
	}
}

func newObject(name, label, plural, prefix string) *object {
	return &object{
		name: name, label: label, plural: plural, prefix: prefix, custom: strings.HasSuffix(name, "__c") || strings.HasSuffix(name, "__History"),
		createable: true, updateable: true, deletable: true, queryable: true, replicateable: true, searchable: true, undeletable: true,
		byName: map[string]*field{}, records: map[string]*record{}, index: map[string]map[string][]string{},
	}
}

// children returns the reference fields that point at an object, with the
// objects they belong to.
func (s *System) children(o *object) []*field {
	var out []*field
	for _, c := range s.objects {
		for _, f := range c.fields {
			if slices.Contains(f.references, o.name) {
				out = append(out, f)
			}
		}
	}
	return out
}
