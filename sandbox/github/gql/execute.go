package gql

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Schema is what a document is checked against. The types Query and Mutation
// are the roots.
type Schema map[string]*Type

// Type is an object type with its fields, or an interface or union of others.
type Type struct {
	Fields   map[string]Field
	Possible []string // the object types of an interface or a union
}

// Field is one field of a type. Type names the object type, interface or union
// of its value or of the elements of its list; it is empty for scalars.
type Field struct {
	Type    string
	Args    []string
	Resolve func(source any, args Args) (any, error)
}

// Args are the arguments of a field, with variables filled in.
type Args map[string]any

// Object is a value of an object type.
type Object struct {
	Type   string
	Source any
}

// Error is one entry of an answer's errors.
type Error struct {
	Type       string         `json:"type,omitempty"`
	Path       []any          `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
	Locations  []Location     `json:"locations,omitempty"`
	Message    string         `json:"message"`
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Location is where in the document an error lies, from 1.
type Location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Result is an answer. Data is left out where the document was refused whole.
type Result struct {
	Data   json.RawMessage `json:"data,omitempty"`
	Errors []*Error        `json:"errors,omitempty"`
}

// Text returns a string argument, "" if it is missing.
func (a Args) Text(name string) string {
	s, _ := a[name].(string)
	return s
}

// Int returns a whole number, or the fallback if it is missing.
func (a Args) Int(name string, fallback int) int {
	switch n := a[name].(type) {
	case int64:
		return int(n)
	case float64:
		return int(n)
	}
	return fallback
}

// Has reports whether the argument is there and not null.
func (a Args) Has(name string) bool { return a[name] != nil }

// Input returns an input object.
func (a Args) Input(name string) Args {
	m, _ := a[name].(map[string]any)
	return m
}

// Texts returns a list of strings or enums.
func (a Args) Texts(name string) []string {
	list, _ := a[name].([]any)
	var out []string
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Execute runs the operation of that name, or the only one.
func (s Schema) Execute(d *Document, operationName string, variables map[string]any) Result {
	x := &execution{schema: s, doc: d}
	op, err := x.pick(operationName)
	if err != nil {
		return refused(err)
	}
	if x.variables, err = fill(op, variables); err != nil {
		return refused(err)
	}
	root := map[string]string{"query": "Query", "mutation": "Mutation"}[op.kind]
	if s[root] == nil {
		return refused(&Error{Message: "Schema is not configured for " + op.kind + "s"})
	}
	x.check(root, op.selection, 0)
	if len(x.errors) > 0 {
		return Result{Errors: x.errors}
	}
	data := x.object(root, nil, op.selection, nil)
	raw, err := json.Marshal(data)
	if err != nil {
		return refused(err)
	}
	return Result{Data: raw, Errors: x.errors}
}

// Mutates reports whether the operation changes something.
func (d *Document) Mutates(operationName string) bool {
	op, err := (&execution{doc: d}).pick(operationName)
	return err == nil && op.kind == "mutation"
}

func refused(err error) Result {
	if e, ok := errors.AsType[*Error](err); ok {
		return Result{Errors: []*Error{e}}
	}
	return Result{Errors: []*Error{{Message: err.Error()}}}
}

type execution struct {
	schema    Schema
	doc       *Document
	variables map[string]any
	errors    []*Error
	checked   int
	resolved  int
}

func (x *execution) pick(name string) (*operation, error) {
	for _, op := range x.doc.operations {
		if op.name == name || name == "" && len(x.doc.operations) == 1 {
			return op, nil
		}
	}
	return nil, &Error{Message: fmt.Sprintf("No operation named %q", name)}
}

// fill completes the variables with their defaults.
func fill(op *operation, given map[string]any) (map[string]any, error) {
	out := map[string]any{}
	for _, v := range op.variables {
		val, ok := given[v.name]
		switch {
		case ok && val != nil:
			out[v.name] = val
		case v.fallback != nil:
			out[v.name] = (&execution{}).literal(*v.fallback)
		case v.required:
			return nil, &Error{
				Message:    fmt.Sprintf("Variable $%s of type was provided invalid value", v.name),
				Extensions: map[string]any{"value": nil, "problems": []any{map[string]any{"path": []any{}, "explanation": "Expected value to not be null"}}},
			}
		}
	}
	return out, nil
}

// maxResolved bounds the fields of an answer; those beyond it are null.
const maxResolved = 500_000

// maxChecked bounds the work of checking a document whose fragments multiply.
const maxChecked = 50_000

// check refuses what the schema does not have.
func (x *execution) check(typeName string, selections []selection, depth int) {
	x.checked += len(selections)
	if depth > maxDepth || x.checked > maxChecked {
		if len(x.errors) == 0 {
			x.errors = append(x.errors, &Error{Message: "Query has complexity over the limit"})
		}
		return
	}
	t := x.schema[typeName]
	for i := range selections {
		s := &selections[i]
		switch {
		case s.spread != "":
			f := x.doc.fragments[s.spread]
			if f == nil {
				x.refuse(s, "undefinedFragment", "Fragment %s was used, but not defined", s.spread)
				continue
			}
			x.fits(s, f.on)
			x.check(f.on, f.selection, depth+1)
		case s.inline:
			on := s.on
			if on == "" {
				on = typeName
			}
			if x.fits(s, on) {
				x.check(on, s.selection, depth+1)
			}
		case s.name == "__typename":
		default:
			x.checkField(typeName, t, s, depth)
		}
	}
}

func (x *execution) fits(s *selection, on string) bool {
	if x.schema[on] == nil {
		x.refuse(s, "undefinedType", "No such type %s, so it can't be a fragment condition", on)
		return false
	}
	return true
}

func (x *execution) checkField(typeName string, t *Type, s *selection, depth int) {
	if t == nil {
		return
	}
	f, ok := t.Fields[s.name]
	if !ok {
		x.refuse(s, "undefinedField", "Field '%s' doesn't exist on type '%s'", s.name, typeName)
		return
	}
	for _, a := range s.args {
		if !slices.Contains(f.Args, a.name) {
			x.refuse(s, "argumentNotAccepted", "Field '%s' doesn't accept argument '%s'", s.name, a.name)
		}
	}
	switch {
	case f.Type == "" && s.selection != nil:
		x.refuse(s, "selectionMismatch", "Selections can't be made on scalars (field '%s' returns a scalar but has selections)", s.name)
	case f.Type != "" && s.selection == nil:
		x.refuse(s, "selectionMismatch", "Field must have selections (field '%s' returns %s but has no selections. Did you mean '%s { ... }'?)", s.name, f.Type, s.name)
	case f.Type != "":
		x.check(f.Type, s.selection, depth+1)
	}
}

func (x *execution) refuse(s *selection, code, format string, args ...any) {
	x.errors = append(x.errors, &Error{
		Message: fmt.Sprintf(format, args...), Extensions: map[string]any{"code": code},
		Locations: []Location{{s.line, s.col}}, Path: []any{s.alias},
	})
}

// ordered is a JSON object whose members keep the order of the query.
type ordered struct {
	names  []string
	values map[string]any
}

// MarshalJSON implements json.Marshaler.
func (o *ordered) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, n := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(n)
		if err != nil {
			return nil, err
		}
		val, err := json.Marshal(o.values[n])
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(val)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

func (x *execution) object(typeName string, source any, selections []selection, path []any) *ordered {
	out := &ordered{values: map[string]any{}}
	for _, s := range x.collect(typeName, selections, nil) {
		if _, done := out.values[s.alias]; !done {
			out.names = append(out.names, s.alias)
		}
		at := append(slices.Clone(path), s.alias)
		out.values[s.alias] = x.field(typeName, source, s, at)
	}
	return out
}

// collect lists the fields that apply to a type, those of one alias merged.
func (x *execution) collect(typeName string, selections []selection, into []selection) []selection {
	for _, s := range selections {
		if !x.included(s.directives) {
			continue
		}
		switch {
		case s.spread != "":
			f := x.doc.fragments[s.spread]
			if x.applies(typeName, f.on) {
				into = x.collect(typeName, f.selection, into)
			}
		case s.inline:
			if s.on == "" || x.applies(typeName, s.on) {
				into = x.collect(typeName, s.selection, into)
			}
		default:
			if i := slices.IndexFunc(into, func(have selection) bool { return have.alias == s.alias }); i >= 0 {
				merged := into[i]
				merged.selection = append(slices.Clone(merged.selection), s.selection...)
				into[i] = merged
				continue
			}
			into = append(into, s)
		}
	}
	return into
}

func (x *execution) applies(typeName, on string) bool {
	t := x.schema[on]
	return on == typeName || t != nil && slices.Contains(t.Possible, typeName)
}

func (x *execution) included(directives []directive) bool {
	for _, d := range directives {
		on, _ := x.arguments(d.args)["if"].(bool)
		if d.name == "skip" && on || d.name == "include" && !on {
			return false
		}
	}
	return true
}

func (x *execution) arguments(args []argument) Args {
	out := Args{}
	for _, a := range args {
		out[a.name] = x.literal(a.value)
	}
	return out
}

func (x *execution) literal(v value) any {
	if v.variable != "" {
		return x.variables[v.variable]
	}
	switch l := v.literal.(type) {
	case enum:
		return string(l)
	case []value:
		list := make([]any, len(l))
		for i, item := range l {
			list[i] = x.literal(item)
		}
		return list
	case []argument:
		return map[string]any(maps.Clone(x.arguments(l)))
	}
	return v.literal
}

func (x *execution) field(typeName string, source any, s selection, path []any) any {
	if s.name == "__typename" {
		return typeName
	}
	f := x.schema[typeName].Fields[s.name]
	if x.resolved++; f.Resolve == nil || x.resolved > maxResolved {
		return nil
	}
	got, err := f.Resolve(source, x.arguments(s.args))
	if err != nil {
		e, ok := errors.AsType[*Error](err)
		if !ok {
			e = &Error{Message: err.Error()}
		}
		own := *e
		own.Path, own.Locations = path, []Location{{s.line, s.col}}
		x.errors = append(x.errors, &own)
		return nil
	}
	return x.complete(got, s, path)
}

func (x *execution) complete(got any, s selection, path []any) any {
	switch v := got.(type) {
	case Object:
		return x.object(v.Type, v.Source, s.selection, path)
	case []Object:
		list := make([]any, len(v))
		for i, o := range v {
			list[i] = x.object(o.Type, o.Source, s.selection, append(slices.Clone(path), i))
		}
		return list
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = x.complete(item, s, append(slices.Clone(path), i))
		}
		return list
	}
	return got
}
