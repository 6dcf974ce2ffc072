package memory

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"

	"github.com/tenonsync/tenon/connectors"
)

// missing is the reason of a required field without a value.
const missing = "the field is required"

// validate returns the fields as the system will hold them, and those that it
// refuses, sorted by name. An empty id means a create.
func (s *System) validate(t *table, id string, fields map[string]connectors.Value) (map[string]connectors.Value, []connectors.FieldError) {
	good := make(map[string]connectors.Value, len(fields))
	var refused []connectors.FieldError
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		v, err := s.accept(t, id, name, fields[name])
		if err != nil {
			refused = append(refused, connectors.FieldError{Field: name, Reason: err.Error()})
			continue
		}
		good[name] = v
	}
	if id != "" {
		return good, refused
	}
	for i := range t.def.Schema.Fields {
		f := &t.def.Schema.Fields[i]
		if _, named := fields[f.Name]; f.Required && !named {
			refused = append(refused, connectors.FieldError{Field: f.Name, Reason: missing})
		}
	}
	slices.SortFunc(refused, func(a, b connectors.FieldError) int { return strings.Compare(a.Field, b.Field) })
	return good, refused
}

// accept returns the value as the field will hold it.
func (s *System) accept(t *table, id, name string, v connectors.Value) (connectors.Value, error) {
	f := t.fields[name]
	switch {
	case f == nil:
		return v, fmt.Errorf("there is no field %q", name)
	case t.hidden[name]:
		return v, fmt.Errorf("no right to change the field")
	case id == "" && !f.Creatable, id != "" && !f.Writable:
		return v, fmt.Errorf("the field is read only")
	case v.IsNull() && f.Required:
		return v, errors.New(missing)
	case v.IsNull() && id != "" && !f.Clearable:
		return v, fmt.Errorf("the field cannot be cleared")
	case v.IsNull():
		return v, nil
	case v.Type() != f.Type:
		return v, fmt.Errorf("a %v is not a %v", v.Type(), f.Type)
	}
	v, err := s.fit(f, v)
	if err == nil && f.Unique {
		err = s.unique(t, id, name, v)
	}
	return v, err
}

// fit brings a value of the right type into the form that the field holds.
func (s *System) fit(f *connectors.Field, v connectors.Value) (connectors.Value, error) {
	switch f.Type {
	case connectors.TypeText, connectors.TypeRichText:
		return s.fitText(f, v)
	case connectors.TypeNumber:
		if f.Scale < 0 {
			return v, nil
		}
		var d apd.Decimal
		if _, _, err := d.SetString(v.Number()); err != nil {
			return v, err
		}
		c := apd.BaseContext.WithPrecision(2000)
		c.Rounding = apd.RoundHalfUp
		if _, err := c.Quantize(&d, &d, -int32(f.Scale)); err != nil {
			return v, err
		}
		return connectors.ParseNumber(d.Text('f'))
	case connectors.TypeInstant:
		return connectors.Instant(v.Time().Truncate(s.opts.RoundInstants)), nil
	case connectors.TypeOption:
		o, err := fitOption(f, v.Option())
		return connectors.Choice(o), err
	case connectors.TypeOptions:
		set := make([]connectors.Option, 0, len(v.Options()))
		for _, o := range v.Options() {
			fitted, err := fitOption(f, o)
			if err != nil {
				return v, err
			}
			set = append(set, fitted)
		}
		return connectors.Choices(set...), nil
	case connectors.TypePerson:
		if p, ok := s.person(v.Person()); ok {
			return connectors.PersonValue(p), nil
		}
		return v, fmt.Errorf("there is no user %q", v.String())
	case connectors.TypeReference:
		object, id, _ := v.Reference()
		if r := s.byID[id]; r == nil || r.object != object || f.Object != "" && f.Object != object || r.state != connectors.Live {
			return v, fmt.Errorf("there is no %s %s", object, id)
		}
	}
	return v, nil
}

func (s *System) fitText(f *connectors.Field, v connectors.Value) (connectors.Value, error) {
	text := v.Text()
	if s.opts.TrimText {
		text = strings.TrimSpace(text)
	}
	if f.OneLine && strings.Contains(text, "\n") {
		return v, fmt.Errorf("the text may not hold line breaks")
	}
	if n := utf8.RuneCountInString(text); f.MaxLength > 0 && n > f.MaxLength {
		return v, fmt.Errorf("the text has %d characters; %d are allowed", n, f.MaxLength)
	}
	switch {
	case text == "":
		if f.Required {
			return v, errors.New(missing)
		}
		return connectors.Null, nil // the system does not tell an empty text from none
	case f.Type == connectors.TypeRichText:
		return connectors.RichText(text), nil
	}
	return connectors.Text(text), nil
}

func fitOption(f *connectors.Field, o connectors.Option) (connectors.Option, error) {
	for _, known := range f.Options {
		if known.ID == o.ID {
			return known, nil
		}
	}
	if f.Open && o.ID != "" {
		return connectors.Option{ID: o.ID, Label: o.ID}, nil
	}
	return o, fmt.Errorf("there is no option %q", o.ID)
}

func (s *System) unique(t *table, id, name string, v connectors.Value) error {
	for _, r := range t.records {
		if r.id != id && r.state == connectors.Live && connectors.Equal(r.fields[name], v) {
			return fmt.Errorf("another record holds %q", v.String())
		}
	}
	return nil
}
