package connectors

import "strings"

// Schema describes the records of one object in one scope.
type Schema struct {
	Object string
	Label  string // what people call it, singular
	Fields []Field

	// Child is the object of the records that Create makes under these (see
	// Create.Parent), where it is another one. It takes the same scope.
	Child string
}

// Field describes one field of an object.
type Field struct {
	Name  string // the API's name, which rules and records use
	Label string // what people see; need not be unique
	Type  Type

	// Writable says that an update may set the field; Creatable that a create
	// may. Clearable says that null may be written. A field with both false is
	// read only; ReadOnly then says why, in a few words, if known.
	Writable  bool
	Creatable bool
	Clearable bool
	ReadOnly  string

	Required bool // a create without it is refused
	Unique   bool // no two records hold the same value
	Findable bool // Finder can look for it
	History  bool // HistoryReader tells its edits

	// Hidden says that the account may not read the field.
	Hidden bool

	// Options are the choices of an option field; nil with Open set where any
	// label may be written.
	Options []Option
	Open    bool

	MaxLength int    // in characters; 0: no limit known
	Scale     int    // decimal places kept; -1: all
	OneLine   bool   // text without line breaks
	Object    string // what a reference points to, if one object only
	Hops      bool   // the value changes by steps only (a workflow); not each is within reach
}

// Field returns the field with the API name, or nil.
func (s *Schema) Field(name string) *Field {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return &s.Fields[i]
		}
	}
	return nil
}

// Find returns the fields that people may mean by name: the one with that API
// name, else all with that label, ignoring case. More than one result means
// that the label is ambiguous.
func (s *Schema) Find(name string) []*Field {
	if f := s.Field(name); f != nil {
		return []*Field{f}
	}
	var found []*Field
	for i := range s.Fields {
		if strings.EqualFold(s.Fields[i].Label, name) || strings.EqualFold(s.Fields[i].Name, name) {
			found = append(found, &s.Fields[i])
		}
	}
	return found
}

// Option returns the option that text names, by id, else by label, ignoring
// case; ok is false when there is none or the label is ambiguous.
func (f *Field) Option(text string) (o Option, ok bool) {
	for _, o := range f.Options {
		if o.ID == text {
			return o, true
		}
	}
	n := 0
	for _, c := range f.Options {
		if strings.EqualFold(c.Label, text) {
			o, n = c, n+1
		}
	}
	return o, n == 1
}
