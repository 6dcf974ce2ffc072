package salesforce

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// Schema implements connectors.Connection. It always asks Salesforce.
func (c *connection) Schema(ctx context.Context, object string, in connectors.Scope) (*connectors.Schema, error) {
	const op = "read schema"
	m, err := c.metaOf(ctx, op, object, 0)
	if err != nil {
		return nil, err
	}
	s, err := m.resolve(in)
	if err != nil {
		return nil, c.fail(op, object, connectors.Invalid, "%w", err)
	}
	return m.schema(object, s), nil
}

// scoped returns an object's description and a resolved scope.
func (c *connection) scoped(ctx context.Context, op, object string, in connectors.Scope) (*meta, scope, error) {
	m, err := c.metaOf(ctx, op, object, schemaAge)
	if err != nil {
		return nil, scope{}, err
	}
	s, err := m.resolve(in)
	if err != nil { // perhaps a choice that is newer than what we know
		if m, err = c.metaOf(ctx, op, object, refetchAge); err != nil {
			return nil, scope{}, err
		}
		if s, err = m.resolve(in); err != nil {
			return nil, scope{}, c.fail(op, object, connectors.Invalid, "%w", err)
		}
	}
	return m, s, nil
}

// schema describes the object within a scope.
func (m *meta) schema(object string, s scope) *connectors.Schema {
	out := &connectors.Schema{Object: object, Label: cmp.Or(m.Label, m.name), Fields: make([]connectors.Field, 0, len(m.order))}
	for _, name := range m.order {
		p := m.props[name]
		f := connectors.Field{
			Name: p.name, Label: p.label, Type: p.typ, ReadOnly: p.readOnly,
			Writable: p.writable && m.Updateable, Creatable: p.creatable && m.Createable,
			Clearable: p.writable && p.nillable && m.Updateable && p.typ != connectors.TypeBool,
			Required:  p.required && m.Createable && s.equal[name] == "" && name != s.parent,
			Unique:    p.unique, Findable: p.findable(), History: p.tracked,
			Options: p.options, Open: p.open, OneLine: p.oneLine, Scale: p.scale,
		}
		if p.typ == connectors.TypeText || p.typ == connectors.TypeRichText {
			f.MaxLength = p.length
		}
		if p.typ == connectors.TypeReference && len(p.refs) == 1 {
			f.Object = p.refs[0]
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}

// findable reports whether a query for one value of the field makes sense.
func (p *property) findable() bool {
	return p.filterable && !p.compound && p.typ != connectors.TypeRichText && p.typ != connectors.TypeOptions
}

// scope is a resolved connectors.Scope: the texts that a record's fields must
// have, and the field that names its parent.
type scope struct {
	equal  map[string]string
	parent string
}

// contains reports whether the record is within the scope. Texts are compared
// as queries do, whatever their case; ids are not.
func (s scope) contains(m *meta, r row) bool {
	for name, want := range s.equal {
		v := r[name]
		if v == nil {
			return false
		}
		if p := m.props[name]; p != nil && p.wire == "reference" {
			if *v != want {
				return false
			}
		} else if !strings.EqualFold(*v, want) {
			return false
		}
	}
	return true
}

// fields returns the names of the fields that decide on the scope.
func (s scope) fields() []string { return slices.Sorted(maps.Keys(s.equal)) }

// The keys of a scope that are no fields.
const (
	parentKey     = "parent"
	recordTypeKey = "recordtype"
)

// resolve checks a scope's keys: "RecordType" by its name, "parent" for the
// field that names a new record's parent, and the name of any single choice,
// yes-or-no, short text or lookup.
func (m *meta) resolve(in connectors.Scope) (scope, error) {
	out := scope{equal: map[string]string{}}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(in)) {
		value := in[key]
		switch strings.ToLower(key) {
		case parentKey:
			if p := m.prop(value); p == nil || p.wire != "reference" {
				problems = append(problems, fmt.Errorf("scope %q: %s has no lookup %q", key, m.name, value))
			} else {
				out.parent = p.name
			}
			continue
		case recordTypeKey, "record_type":
			id, err := m.recordType(value)
			if err != nil {
				problems = append(problems, fmt.Errorf("scope %q: %w", key, err))
			} else {
				out.equal[fieldType] = id
			}
			continue
		}
		p := m.prop(key)
		if p == nil || !p.filterable || p.compound {
			problems = append(problems, fmt.Errorf("scope %q: %s has no field of that name to choose records by; scopes are RecordType, parent, or a field", key, m.name))
			continue
		}
		wire, err := p.choice(value)
		if err != nil {
			problems = append(problems, fmt.Errorf("scope %q: %w", key, err))
			continue
		}
		out.equal[p.name] = wire
	}
	return out, errors.Join(problems...)
}

// recordType returns the id of the record type that a text names by its label,
// its developer name or its id.
func (m *meta) recordType(text string) (string, error) {
	long, _ := id18(text)
	var known []string
	for _, t := range m.types {
		id, ok := id18(t.ID)
		if t.Master || !ok {
			continue
		}
		if id == long || strings.EqualFold(t.Developer, text) || strings.EqualFold(t.Name, text) {
			return id, nil
		}
		known = append(known, cmp.Or(t.Developer, t.Name))
	}
	if len(known) == 0 {
		return "", fmt.Errorf("%s has no record types", m.name)
	}
	return "", fmt.Errorf("%q is none of %s", text, rest.Clip(strings.Join(known, ", ")))
}

// choice returns the wire text of what a scope names.
func (p *property) choice(text string) (string, error) {
	switch p.typ {
	case connectors.TypeBool:
		if text != "true" && text != "false" {
			return "", fmt.Errorf("%q is neither true nor false", text)
		}
		return text, nil
	case connectors.TypeOption:
		f := connectors.Field{Options: p.options}
		if o, ok := f.Option(text); ok {
			return o.ID, nil
		}
		if at := slices.IndexFunc(p.options, func(o connectors.Option) bool { return strings.EqualFold(o.ID, text) }); at >= 0 {
			return p.options[at].ID, nil
		}
		if p.open && len(p.options) == 0 {
			return text, nil
		}
		var known []string
		for _, o := range p.options[:min(len(p.options), 20)] {
			known = append(known, o.ID)
		}
		return "", fmt.Errorf("%q is none of %s", text, rest.Clip(strings.Join(known, ", ")))
	case connectors.TypeReference, connectors.TypePerson:
		if id, ok := id18(text); ok {
			return id, nil
		}
		return "", fmt.Errorf("%q is no id of a record", text)
	case connectors.TypeText:
		if text != "" && p.wire != "textarea" {
			return text, nil
		}
	}
	return "", fmt.Errorf("a field of type %s cannot choose records", p.typ)
}
