package trello

import (
	"context"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// Find implements connectors.Finder: it looks through the list of the board's
// cards, which is up to date; Trello's search is not, and finds words only.
func (c *Connection) Find(ctx context.Context, sel connectors.Selection, field string, values []connectors.Value, limit int) ([][]string, error) {
	const op = "find"
	if err := c.onlyCards(op, sel.Object); err != nil {
		return nil, err
	}
	in, err := c.scope(ctx, op, sel.Scope, metaAge)
	if err != nil {
		return nil, err
	}
	if !c.findable(in, field) {
		if in.board, err = c.board(ctx, op, in.ID, metaAgain); err != nil {
			return nil, err
		}
		if !c.findable(in, field) {
			return nil, c.fail(op, "", connectors.Invalid, "cards cannot be found by the field %q", field)
		}
	}
	out := make([][]string, len(values))
	if len(values) == 0 {
		return out, nil
	}
	q := query("filter", "open", "fields", strings.Join(listFields([]string{field}), ","))
	if isID(field) {
		q.Set("customFieldItems", "true")
	}
	rows, _, err := c.cards(ctx, op, in.ID, q)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.id, b.id) })
	for _, r := range rows {
		if r.card == nil || !in.holds(r.card) {
			continue
		}
		rec := c.record(r.card, []string{field}, in, in.CustomFields)
		have, _ := rec.Get(field)
		if rec.State != connectors.Live || have.IsNull() {
			continue
		}
		for i, v := range values {
			if len(out[i]) < limit && (connectors.Equal(have, v) || have.Text() != "" && have.Text() == v.Text()) {
				out[i] = append(out[i], r.id)
			}
		}
	}
	return out, nil
}

func (c *Connection) findable(in within, field string) bool {
	if f := in.customField(field); f != nil {
		d, ok := schemaField(f)
		return ok && d.Findable
	}
	return slices.ContainsFunc(ownFields, func(f connectors.Field) bool { return f.Name == field && f.Findable })
}
