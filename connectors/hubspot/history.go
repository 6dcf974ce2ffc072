package hubspot

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// History implements connectors.HistoryReader. HubSpot keeps the last twenty
// values of a property or more.
func (c *connection) History(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error) {
	const op = "read history"
	m, err := c.metaOf(ctx, op, object, schemaAge)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range fields {
		if p := m.props[f]; p != nil && !p.computed {
			names = append(names, f)
		}
	}
	out := make([][]connectors.FieldEdit, len(ids))
	if len(names) == 0 || len(ids) == 0 {
		return out, nil
	}
	byID := map[string]*wireRecord{}
	valid := slices.DeleteFunc(unique(ids), func(id string) bool { return !isID(id) })
	for chunk := range slices.Chunk(valid, historySize) {
		body := batchRequest{Properties: []string{"hs_object_id"}, WithHistory: names}
		for _, id := range chunk {
			body.Inputs = append(body.Inputs, batchInput{ID: id})
		}
		answer, err := c.batch(ctx, op, "read", m.t, true, false, body)
		if err != nil {
			return nil, err
		}
		for i := range answer.Errors {
			if e := &answer.Errors[i]; e.kind() != connectors.NotFound {
				return nil, c.failed(op, m.t.plural, e)
			}
		}
		for i := range answer.Results {
			byID[string(answer.Results[i].ID)] = &answer.Results[i]
		}
	}
	var owners *people
	if slices.ContainsFunc(names, func(n string) bool { return m.props[n].typ == connectors.TypePerson }) {
		if owners, err = c.owners(ctx, schemaAge); err != nil {
			return nil, err
		}
	}
	for i, id := range ids {
		if w := byID[id]; w != nil {
			out[i] = m.edits(w, names, since, owners)
		}
	}
	return out, nil
}

// edits returns a record's edits since a time, oldest first.
func (m *meta) edits(w *wireRecord, names []string, since time.Time, owners *people) []connectors.FieldEdit {
	var out []connectors.FieldEdit
	for _, name := range names {
		for _, e := range w.History[name] {
			at, ok := parseTime(e.Timestamp)
			if !ok || at.Before(since) {
				continue
			}
			out = append(out, connectors.FieldEdit{
				Field: name, At: at, Value: m.props[name].decode(&e.Value, owners), Author: e.author(),
			})
		}
	}
	slices.SortStableFunc(out, func(a, b connectors.FieldEdit) int {
		if n := a.At.Compare(b.At); n != 0 {
			return n
		}
		return strings.Compare(a.Field, b.Field)
	})
	return out
}

// author is the user's id where one made the edit, else the app's.
func (e edit) author() string {
	if e.UpdatedByUserID != "" && e.UpdatedByUserID != "0" {
		return string(e.UpdatedByUserID)
	}
	return strings.TrimPrefix(e.SourceID, "userId:")
}
