package trello

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// History implements connectors.HistoryReader, from the cards' updateCard
// actions, ten cards a request. Labels, members and custom fields are not told.
func (c *Connection) History(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error) {
	const op = "read the history"
	if err := c.onlyCards(op, object); err != nil {
		return nil, err
	}
	out := make([][]connectors.FieldEdit, len(ids))
	var asked []int
	for i, id := range ids {
		if isID(id) {
			asked = append(asked, i)
		}
	}
	tail := "/actions?filter=updateCard&limit=" + strconv.Itoa(pageSize)
	if !since.IsZero() {
		tail += "&since=" + stamp(since.Add(-time.Millisecond))
	}
	for chunk := range slices.Chunk(asked, batchMost) {
		urls := make([]string, len(chunk))
		for i, n := range chunk {
			urls[i] = "/cards/" + ids[n] + tail
		}
		parts, err := c.batch(ctx, op, urls)
		if err != nil {
			return nil, err
		}
		for i, n := range chunk {
			if parts[i].status != 200 {
				err := c.partError(op, ref(ids[n]), parts[i])
				if err.Kind == connectors.NotFound { // with it went its history
					continue
				}
				return nil, err
			}
			var list []action
			if json.Unmarshal(parts[i].body, &list) != nil {
				return nil, c.fail(op, ref(ids[n]), connectors.Internal, "the answer is no list of actions")
			}
			out[n] = c.editsOf(list, fields, since)
		}
	}
	return out, nil
}

// editsOf reads the edits of the wanted fields, oldest first.
func (c *Connection) editsOf(list []action, fields []string, since time.Time) []connectors.FieldEdit {
	var out []connectors.FieldEdit
	for _, a := range slices.Backward(list) {
		at, ok := parseTime(a.Date)
		if !ok || at.Before(since) || a.Type != "updateCard" {
			continue
		}
		for _, name := range fields {
			if _, changed := a.Data.Old[name]; !changed || !remembered(name) {
				continue
			}
			if v, ok := c.edited(name, a.Data.Card[name]); ok {
				out = append(out, connectors.FieldEdit{Field: name, At: at, Value: v, Author: cmp.Or(a.IDCreator, a.MemberCreator.ID)})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b connectors.FieldEdit) int { return a.At.Compare(b.At) })
	return out
}

func remembered(name string) bool {
	return slices.ContainsFunc(ownFields, func(f connectors.Field) bool { return f.Name == name && f.History })
}

// edited reads what an edit set, as a read would tell it.
func (c *Connection) edited(name string, raw json.RawMessage) (connectors.Value, bool) {
	if name == fieldComplete {
		var b bool
		err := json.Unmarshal(raw, &b)
		return connectors.Bool(b), err == nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return connectors.Null, false
	}
	switch name {
	case fieldName:
		return connectors.Text(s), true
	case fieldDesc:
		return richText(s), true
	case fieldDue, fieldStart:
		return instant(s)
	case fieldList:
		for _, b := range c.boards.known() {
			if b.list(s) != nil {
				return connectors.Choice(listOption(b, s)), true
			}
		}
		return connectors.Choice(connectors.Option{ID: s}), s != ""
	}
	return connectors.Null, false
}
