package salesforce

import (
	"cmp"
	"context"
	"errors"
	"regexp"

	"github.com/tenonsync/tenon/connectors"
)

// fieldName is what Salesforce takes for the name of a new field.
var fieldName = regexp.MustCompile(`^[A-Za-z](?:_?[A-Za-z0-9]){0,39}__c$`)

func asError(err error) (*connectors.Error, bool) { return errors.AsType[*connectors.Error](err) }

// MakesField implements connectors.FieldMaker.
func (c *connection) MakesField(f connectors.Field) bool {
	_, ok := customFieldOf(f)
	return ok && fieldName.MatchString(f.Name)
}

// MakeFields implements connectors.FieldMaker. It returns when the fields can be
// written.
func (c *connection) MakeFields(ctx context.Context, object string, fields []connectors.Field) error {
	const op = "make fields"
	m, err := c.metaOf(ctx, op, object, schemaAge)
	if err != nil {
		return err
	}
	var names []string
	for _, f := range fields {
		custom, ok := customFieldOf(f)
		if !ok || !c.MakesField(f) {
			return c.fail(op, object, connectors.Invalid, "Salesforce has no field such as %s of type %s", f.Name, f.Type)
		}
		if m.prop(f.Name) != nil {
			continue
		}
		if err := c.makeField(ctx, op, m.name, f.Name, custom); err != nil {
			return err
		}
		names = append(names, f.Name)
	}
	return c.awaitFields(ctx, op, object, names)
}

// customFieldOf returns Salesforce's description of a field.
func customFieldOf(f connectors.Field) (customField, bool) {
	out := customField{Label: cmp.Or(f.Label, f.Name), Description: "Made by Tenon for a mapping."}
	if len(out.Label) > 40 {
		out.Label = string([]rune(out.Label)[:min(len([]rune(out.Label)), 40)])
	}
	scale := max(f.Scale, 0)
	switch f.Type {
	case connectors.TypeText:
		out.Type, out.Length = "Text", 255
		if !f.OneLine || f.MaxLength > 255 {
			out.Type, out.Length, out.Lines = "LongTextArea", min(max(f.MaxLength, 32_768), 131_072), 6
		}
	case connectors.TypeRichText:
		out.Type, out.Length, out.Lines = "Html", 32_768, 25
	case connectors.TypeNumber, connectors.TypeMoney:
		if f.Scale < 0 {
			scale = 2
		}
		scale = min(scale, 8)
		out.Type, out.Precision, out.Scale = "Number", 18, &scale
	case connectors.TypeBool:
		out.Type, out.Default = "Checkbox", "false"
	case connectors.TypeDate:
		out.Type = "Date"
	case connectors.TypeInstant:
		out.Type = "DateTime"
	case connectors.TypeOption, connectors.TypeOptions:
		if len(f.Options) == 0 {
			return out, false
		}
		out.Type = "Picklist"
		if f.Type == connectors.TypeOptions {
			out.Type, out.Lines = "MultiselectPicklist", 4
		}
		out.Values = &valueSet{}
		for _, o := range f.Options {
			out.Values.Definition.Values = append(out.Values.Definition.Values, fieldValue{Name: o.ID, Label: cmp.Or(o.Label, o.ID)})
		}
	default:
		return out, false
	}
	return out, true
}
