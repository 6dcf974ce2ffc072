package jira

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	gojira "github.com/andygrunwald/go-jira"
	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	historyBatch  = 1000 // issues of one bulk fetch
	historyFields = 10   // fields of one bulk fetch
	historyPage   = 1000
)

// History implements connectors.HistoryReader, from the changelog.
func (c *Connection) History(ctx context.Context, obj string, ids, names []string, since time.Time) ([][]connectors.FieldEdit, error) {
	const op = "read history"
	if err := c.checkObject(op, obj); err != nil {
		return nil, err
	}
	fields, err := c.fieldsOf(ctx, op, names)
	if err != nil {
		return nil, err
	}
	fields = slices.DeleteFunc(fields, func(f *field) bool { return !f.hasHistory() })
	valid := slices.DeleteFunc(uniqueIDs(ids), func(id string) bool { return !isID(id) })
	logs := map[string][]history{}
	if len(fields) > 0 && len(valid) > 0 {
		if c.cloud {
			err = c.bulkHistory(ctx, op, valid, fields, logs)
		} else {
			err = c.singleHistory(ctx, op, valid, logs)
			if err == nil {
				err = c.nameUsers(ctx, op, fields, logs)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	out := make([][]connectors.FieldEdit, len(ids))
	for i, id := range ids {
		out[i] = c.edits(logs[id], fields, since)
	}
	return out, nil
}

func (c *Connection) bulkHistory(ctx context.Context, op string, ids []string, fields []*field, into map[string][]history) error {
	for batch := range slices.Chunk(ids, historyBatch) {
		for group := range slices.Chunk(fields, historyFields) {
			var names []string
			for _, f := range group {
				names = append(names, f.id)
			}
			if err := c.bulkHistoryPages(ctx, op, batch, names, into); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Connection) bulkHistoryPages(ctx context.Context, op string, ids, names []string, into map[string][]history) error {
	token := ""
	for range maxPages {
		body := map[string]any{"issueIdsOrKeys": ids, "fieldIds": names, "maxResults": historyPage}
		if token != "" {
			body["nextPageToken"] = token
		}
		var answer struct {
			Logs []struct {
				IssueID   string    `json:"issueId"`
				Histories []history `json:"changeHistories"`
			} `json:"issueChangeLogs"`
			NextPageToken string `json:"nextPageToken"`
		}
		_, err := c.do(ctx, rest.Request{Op: op, Method: "POST", Path: "/changelog/bulkfetch", Body: body, Out: &answer, Reads: true, Units: 1 + len(ids)})
		if err != nil {
			return err
		}
		for _, l := range answer.Logs {
			into[l.IssueID] = append(into[l.IssueID], l.Histories...)
		}
		if answer.NextPageToken == "" || answer.NextPageToken == token {
			return nil
		}
		token = answer.NextPageToken
	}
	return c.fail(op, "", connectors.Internal, "the history does not end")
}

// singleHistory reads the changelogs one issue at a time, on Data Center.
func (c *Connection) singleHistory(ctx context.Context, op string, ids []string, into map[string][]history) error {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(singles)
	for _, id := range ids {
		g.Go(func() error {
			var w issue
			_, err := c.do(ctx, rest.Request{
				Op: op, Record: ref(id), Path: "/issue/{id}", Params: map[string]string{"id": id},
				Query: query("fields", "updated", "expand", "changelog"), Out: &w,
			})
			if connectors.KindOf(err) == connectors.NotFound {
				return nil
			}
			if err != nil {
				return err
			}
			if w.Changelog != nil {
				mu.Lock()
				defer mu.Unlock()
				into[id] = w.Changelog.Histories
			}
			return nil
		})
	}
	return g.Wait()
}

// nameUsers replaces the keys of users, which Data Center's changelogs tell, by
// the names that everything else goes by. Who is not there any more keeps the
// key.
func (c *Connection) nameUsers(ctx context.Context, op string, fields []*field, logs map[string][]history) error {
	names := map[string]string{}
	for _, list := range logs {
		for h := range list {
			for i := range list[h].Items {
				item := &list[h].Items[i]
				key := deref(item.To)
				if key == "" || !slices.ContainsFunc(fields, func(f *field) bool { return f.shape == person && item.isOf(f) }) {
					continue
				}
				if _, known := names[key]; !known {
					name, err := c.nameOfKey(ctx, op, key)
					if err != nil {
						return err
					}
					names[key] = name
				}
				name := names[key]
				item.To = &name
			}
		}
	}
	return nil
}

func (c *Connection) nameOfKey(ctx context.Context, op, key string) (string, error) {
	var u gojira.User
	_, err := c.do(ctx, rest.Request{Op: op, Path: "/user", Query: query("key", key), Out: &u})
	if connectors.AboutRecord(err) {
		return key, nil
	}
	return cmp.Or(u.Name, key), err
}

// edits picks the edits of the named fields out of an issue's histories, oldest
// first.
func (c *Connection) edits(logs []history, fields []*field, since time.Time) []connectors.FieldEdit {
	logs = slices.Clone(logs)
	slices.SortStableFunc(logs, func(a, b history) int {
		return cmp.Or(historyTime(a.Created).Compare(historyTime(b.Created)), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	var out []connectors.FieldEdit
	for _, h := range logs {
		at := historyTime(h.Created)
		if at.Before(since) {
			continue
		}
		for i := range h.Items {
			item := &h.Items[i]
			j := slices.IndexFunc(fields, func(f *field) bool { return item.isOf(f) })
			if j < 0 {
				continue
			}
			v, err := c.historyValue(fields[j], item)
			if err != nil {
				continue // an edit whose value cannot be read tells nothing
			}
			out = append(out, connectors.FieldEdit{Field: fields[j].id, At: at, Value: v, Author: userID(&h.Author)})
		}
	}
	return out
}

// historyTime reads when an edit was made: a text, or milliseconds since 1970.
func historyTime(raw json.RawMessage) time.Time {
	if ms, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return time.UnixMilli(ms).UTC()
	}
	t, _ := timeField(raw)
	return t
}

// isOf reports whether an edit is one of the field. Data Center tells the
// field's name only.
func (i *historyItem) isOf(f *field) bool {
	if i.FieldID != "" {
		return i.FieldID == f.id
	}
	return strings.EqualFold(i.Field, f.id) || f.schema.Custom != "" && i.Field == f.name
}

func (c *Connection) historyValue(f *field, item *historyItem) (connectors.Value, error) {
	to, text := deref(item.To), deref(item.ToString)
	if to == "" && text == "" {
		return connectors.Null, nil
	}
	switch f.shape {
	case number:
		return connectors.ParseNumber(cmp.Or(text, to))
	case date:
		day := cmp.Or(to, text)
		return connectors.ParseDate(day[:min(len(day), len(time.DateOnly))])
	case labelSet:
		labels := strings.Fields(text)
		if c.keyLabels {
			labels = slices.DeleteFunc(labels, isKeyLabel)
		}
		return connectors.Labels(labels...), nil
	case person:
		return connectors.PersonValue(connectors.Person{ID: to, Email: c.people.email(to), Name: text}), nil
	case choice:
		return connectors.Choice(connectors.Option{ID: cmp.Or(to, text), Label: text}), nil
	}
	return connectors.Text(cmp.Or(text, to)), nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
