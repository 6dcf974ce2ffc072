package asana

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// storyFields are the members of stories that tell what a change set.
const storyFields = "resource_subtype,created_at,created_by.gid,new_name,new_dates,assignee.name,assignee.email,new_section.name,project.gid,custom_field.gid," +
	"new_text_value,new_number_value,new_enum_value.name,new_multi_enum_values.name,new_people_value.name,new_date_value"

// History implements connectors.HistoryReader, from the stories in which Asana
// notes changes. Their texts are for people and may change; their members are
// not.
func (c *Connection) History(ctx context.Context, object string, ids, fields []string, since time.Time) ([][]connectors.FieldEdit, error) {
	const op = "read history"
	if err := c.checkObject(op, object); err != nil {
		return nil, err
	}
	out := make([][]connectors.FieldEdit, len(ids))
	if object == objectProject {
		return out, nil
	}
	errs, stories := make([]error, len(ids)), make([][]wireStory, len(ids))
	for i, id := range ids {
		if !isID(id) {
			errs[i] = errNone
		}
	}
	ask := func(id string) action {
		return action{method: http.MethodGet, path: "/tasks/" + id + "/stories", fields: storyFields, limit: pageSize}
	}
	if err := gather(ctx, c, op, object, ids, errs, ask, stories); err != nil {
		return nil, err
	}
	for i := range ids {
		if errs[i] != nil && !errors.Is(errs[i], errNone) && connectors.KindOf(errs[i]) != connectors.NotFound {
			return nil, errs[i]
		}
		for n := range stories[i] {
			out[i] = append(out[i], stories[i][n].edits(fields, since)...)
		}
	}
	for _, edits := range out {
		slices.SortStableFunc(edits, func(a, b connectors.FieldEdit) int { return a.At.Compare(b.At) })
	}
	return out, nil
}

// edits returns what a story tells of the fields.
func (s *wireStory) edits(fields []string, since time.Time) []connectors.FieldEdit {
	at := parseTime(s.CreatedAt)
	if at.IsZero() || at.Before(since) {
		return nil
	}
	var out []connectors.FieldEdit
	author := ""
	if s.CreatedBy != nil {
		author = s.CreatedBy.GID
	}
	add := func(field string, v connectors.Value) {
		if slices.Contains(fields, field) {
			out = append(out, connectors.FieldEdit{Field: field, At: at, Value: v, Author: author})
		}
	}
	switch s.Subtype {
	case "name_changed":
		add("name", text(s.NewName))
	case "marked_complete", "marked_incomplete":
		add("completed", connectors.Bool(s.Subtype == "marked_complete"))
	case "due_date_changed":
		if d := s.NewDates; d != nil {
			add("due_on", dateValue(told[string]{v: d.DueOn}))
			add("due_at", instantValue(told[string]{v: d.DueAt}))
			add("start_on", dateValue(told[string]{v: d.StartOn}))
		}
	case "assigned":
		if s.Assignee != nil {
			add("assignee", personValue(told[wireNamed]{v: *s.Assignee}))
		}
	case "unassigned":
		add("assignee", connectors.Null)
	case "section_changed":
		if s.Section != nil {
			add("section", connectors.Choice(connectors.Option{ID: s.Section.GID, Label: s.Section.Name}))
		}
	default:
		if s.Field != nil && strings.HasSuffix(s.Subtype, "_custom_field_changed") {
			if v, ok := s.customValue(); ok {
				add(s.Field.GID, v)
			}
		}
	}
	return out
}

// customValue is what a story says a custom field was set to.
func (s *wireStory) customValue() (connectors.Value, bool) {
	switch strings.TrimSuffix(s.Subtype, "_custom_field_changed") {
	case "text":
		return text(s.Text), s.Text.there
	case "number":
		return numberValue(s.Number)
	case "enum":
		if s.Enum.v.GID == "" {
			return connectors.Null, true
		}
		return connectors.Choice(connectors.Option{ID: s.Enum.v.GID, Label: s.Enum.v.Name}), true
	case "multi_enum":
		return options(s.Multi.v), s.Multi.there
	case "people":
		return options(s.People.v), s.People.there
	case "date":
		if s.Date == nil {
			return connectors.Null, true
		}
		return dateValue(told[string]{v: s.Date.DueOn}), true
	}
	return connectors.Null, false
}
