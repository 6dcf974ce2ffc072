package salesforce

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// keyLength is the length of the field for keys.
const keyLength = 64

// keyOf returns the field of an object that holds the keys of creates.
func (c *connection) keyOf(op string, m *meta) (string, error) {
	field := c.o.keyFieldOf(m.name)
	p := m.prop(field)
	switch {
	case p == nil:
		err := c.fail(op, m.name, connectors.Invalid, "%s has no field %s that this account may see", m.name, field)
		err.Help = c.keyHelp(m)
		return "", err
	case !p.creatable || p.typ != connectors.TypeText || !p.filterable:
		return "", c.fail(op, m.name, connectors.Invalid, "the field %s of %s cannot hold a key: it must be a text that can be written and looked up", field, m.name)
	case p.length > 0 && p.length < keyLength:
		return "", c.fail(op, m.name, connectors.Invalid, "the field %s of %s holds %d characters; a key needs %d", field, m.name, p.length, keyLength)
	case !p.unique && c.o.keyFields[strings.ToLower(m.name)] == "":
		return "", c.notUnique(op, m, field)
	}
	return p.name, nil
}

func (c *connection) keyHelp(m *meta) string {
	return "run `tenon prepare`: it makes the field " + c.o.keyFieldOf(m.name) + " on " + m.name +
		" in Salesforce; or name an existing text field of it in key_fields"
}

func (c *connection) notUnique(op string, m *meta, field string) error {
	err := c.fail(op, m.name, connectors.Conflict, "the field %s of %s does not refuse doubles", field, m.name)
	err.Help = "mark the field " + field + " of " + m.name + " as External ID and Unique in Salesforce, or name it in key_fields"
	return err
}

// unprepared gives an error about the missing key field the advice to make it;
// other errors stay as they are.
func (c *connection) unprepared(m *meta, err *connectors.Error) error {
	field := c.o.keyFieldOf(m.name)
	at := slices.IndexFunc(err.Fields, func(f connectors.FieldError) bool { return strings.EqualFold(f.Field, field) })
	if at < 0 || err.Kind != connectors.Invalid {
		return err
	}
	own := *err
	own.Err = errors.New(err.Fields[at].Reason)
	own.Fields, own.Help = nil, c.keyHelp(m)
	return &own
}

// FindByKey implements connectors.Connection. Queries see what was committed at
// once. Records in the recycle bin are found too.
func (c *connection) FindByKey(ctx context.Context, object string, _ connectors.Scope, keys []string) ([][]string, error) {
	const op = "find by key"
	m, err := c.metaOf(ctx, op, object, schemaAge)
	if err != nil {
		return nil, err
	}
	field, err := c.keyOf(op, m)
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	wanted := slices.Clone(keys)
	slices.Sort(wanted)
	wanted = slices.DeleteFunc(slices.Compact(wanted), func(k string) bool { return k == "" })
	for chunk := range slices.Chunk(wanted, findChunk) {
		soql := selectFrom(m.name, []string{fieldID, field}, []string{field + " IN " + quoteAll(chunk)}, "ORDER BY Id")
		if err := c.queryEach(ctx, op, m.name, soql, true, func(r row) {
			if id, ok := id18(r.text(fieldID)); ok {
				key := strings.ToLower(r.text(field))
				found[key] = append(found[key], id)
			}
		}); err != nil {
			return nil, err
		}
	}
	out := make([][]string, len(keys))
	for i, k := range keys {
		out[i] = found[k]
	}
	return out, nil
}
