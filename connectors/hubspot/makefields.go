package hubspot

import (
	"context"
	"regexp"

	"github.com/tenonsync/tenon/connectors"
)

// propertyName is what HubSpot takes for the name of a new property.
var propertyName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,98}$`)

// propertyTypes are HubSpot's types for the values that a new property can hold.
var propertyTypes = map[connectors.Type][2]string{
	connectors.TypeText:     {"string", "text"},
	connectors.TypeRichText: {"string", "html"},
	connectors.TypeNumber:   {"number", "number"},
	connectors.TypeDate:     {"date", "date"},
	connectors.TypeInstant:  {"datetime", "date"},
	connectors.TypeBool:     {"bool", "booleancheckbox"},
	connectors.TypeOption:   {"enumeration", "select"},
	connectors.TypeOptions:  {"enumeration", "checkbox"},
}

// MakesField implements connectors.FieldMaker.
func (c *connection) MakesField(f connectors.Field) bool {
	_, known := propertyTypes[f.Type]
	choices := f.Type == connectors.TypeOption || f.Type == connectors.TypeOptions
	return known && propertyName.MatchString(f.Name) && (!choices || len(f.Options) > 0)
}

// MakeFields implements connectors.FieldMaker. It returns when the properties
// can be written.
func (c *connection) MakeFields(ctx context.Context, object string, fields []connectors.Field) error {
	const op = "make fields"
	t, err := c.object(ctx, op, object)
	if err != nil {
		return err
	}
	if err := c.makeGroup(ctx, t); err != nil {
		return err
	}
	for _, f := range fields {
		if !c.MakesField(f) {
			return c.fail(op, t.plural, connectors.Invalid, "HubSpot has no property such as %s of type %s", f.Name, f.Type)
		}
		err := c.create(ctx, t, pathProperties, propertyOf(f), nil)
		if err != nil && connectors.KindOf(err) != connectors.Conflict {
			return err
		}
	}
	c.mu.Lock()
	delete(c.metas, t.id) // what was known of the object is outdated
	c.mu.Unlock()
	if err := c.clock.Sleep(ctx, usableAfter); err != nil {
		return c.fail(op, t.plural, connectors.Unavailable, "%w", err)
	}
	return nil
}

func propertyOf(f connectors.Field) wireProperty {
	kind := propertyTypes[f.Type]
	if f.Type == connectors.TypeText && !f.OneLine {
		kind[1] = "textarea"
	}
	p := wireProperty{
		Name: f.Name, Label: f.Label, Type: kind[0], FieldType: kind[1], GroupName: propertyGroup,
		Description: "Made by Tenon for a mapping.",
	}
	if p.Label == "" {
		p.Label = f.Name
	}
	for _, o := range f.Options {
		p.Options = append(p.Options, wireOption{Label: o.Label, Value: o.ID})
	}
	if f.Type == connectors.TypeBool {
		p.Options = []wireOption{{Label: "Yes", Value: "true"}, {Label: "No", Value: "false"}}
	}
	return p
}
