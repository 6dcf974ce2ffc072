package salesforce

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// historyOf returns the object that keeps the edits of an object's fields, and
// its field that names the record.
func historyOf(object string) (history, parent string) {
	switch base, custom := strings.CutSuffix(object, "__c"); {
	case custom:
		return base + "__History", "ParentId"
	case object == "Opportunity":
		return "OpportunityFieldHistory", "OpportunityId"
	default:
		return object + "History", object + "Id"
	}
}

// tracked returns the fields of an object whose edits Salesforce keeps. Where it
// does not tell, none are.
func (c *connection) tracked(ctx context.Context, object string) map[string]bool {
	out := map[string]bool{}
	soql := selectFrom("FieldDefinition", []string{"QualifiedApiName"},
		[]string{"EntityDefinition.QualifiedApiName = " + quote(object), "IsFieldHistoryTracked = TRUE"}, "")
	if err := c.queryEach(ctx, "describe", object, soql, false, func(r row) { out[r.text("QualifiedApiName")] = true }); err != nil {
		return nil
	}
	return out
}

// History implements connectors.HistoryReader. Of long texts Salesforce keeps
// only that they changed: those edits are left out.
func (c *connection) History(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error) {
	const op = "read history"
	m, err := c.metaOf(ctx, op, object, schemaAge)
	if err != nil {
		return nil, err
	}
	byField := map[string]*property{} // by the name that the history uses
	for _, f := range fields {
		if p := m.prop(f); p != nil && p.tracked {
			byField[p.name] = p
			if p.wire == "reference" { // lookups stand by the relation's name
				byField[strings.TrimSuffix(p.name, "Id")] = p
			}
		}
	}
	out := make([][]connectors.FieldEdit, len(ids))
	if len(byField) == 0 || len(ids) == 0 {
		return out, nil
	}
	table, parent := historyOf(m.name)
	rows := map[string][]row{}
	names := quoteAll(slices.Sorted(maps.Keys(byField)))
	for chunk := range slices.Chunk(unique(ids), idChunk) {
		soql := selectFrom(table, []string{fieldID, parent, "Field", "NewValue", fieldCreated, "CreatedById"}, []string{
			parent + " IN " + quoteAll(chunk), "Field IN " + names, "CreatedDate >= " + timeLiteral(since),
		}, "ORDER BY CreatedDate, Id")
		err := c.queryEach(ctx, op, table, soql, false, func(r row) {
			id, _ := id18(r.text(parent))
			rows[id] = append(rows[id], r)
		})
		if err != nil {
			return nil, err
		}
	}
	for i, id := range ids {
		long, _ := id18(id)
		if out[i], err = c.edits(ctx, op, m, rows[long], byField, since); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// edits returns the edits that rows of one record tell, oldest first.
func (c *connection) edits(ctx context.Context, op string, m *meta, rows []row, byField map[string]*property, since time.Time) ([]connectors.FieldEdit, error) {
	var out []connectors.FieldEdit
	var people []string
	for _, w := range rows {
		if p := byField[w.text("Field")]; p != nil && p.typ == connectors.TypePerson {
			people = append(people, w.text("NewValue"))
		}
	}
	r := &reading{connection: c.name, m: m, currency: c.o.currency}
	if people = unique(people); len(people) > 0 {
		var err error
		if r.people, err = c.peopleByID(ctx, op, people); err != nil {
			return nil, err
		}
	}
	for _, w := range rows {
		p := byField[w.text("Field")]
		at, ok := parseTime(w.text(fieldCreated))
		if p == nil || !ok || at.Before(since) {
			continue
		}
		if p.wire == "reference" && w["NewValue"] != nil && !isID(w.text("NewValue")) {
			continue // lookups have a second row, with the names
		}
		author, _ := id18(w.text("CreatedById"))
		out = append(out, connectors.FieldEdit{Field: p.name, At: at, Value: r.value(p, w["NewValue"], w), Author: author})
	}
	return out, nil
}
