package trello

import (
	"cmp"
	"context"

	"github.com/tenonsync/tenon/connectors"
)

// The names of a card's own fields, as Trello's API has them, besides three of
// Tenon's: member, checkItems and checkItemsChecked.
const (
	fieldName     = "name"
	fieldDesc     = "desc"
	fieldList     = "idList"
	fieldMember   = "member"
	fieldMembers  = "idMembers"
	fieldLabels   = "idLabels"
	fieldDue      = "due"
	fieldStart    = "start"
	fieldComplete = "dueComplete"
	fieldReminder = "dueReminder"
	fieldPos      = "pos"
	fieldClosed   = "closed"
	fieldLink     = "urlSource"
	fieldURL      = "url"
	fieldShortURL = "shortUrl"
	fieldNumber   = "idShort"
	fieldActivity = "dateLastActivity"
	fieldItems    = "checkItems"
	fieldItemsOK  = "checkItemsChecked"
)

// maxText is how long names, descriptions and comments may be, in characters.
const maxText = 16384

// ownFields are the fields that each card has. Lists, labels and members fill
// in their options.
var ownFields = []connectors.Field{
	{Name: fieldName, Label: "Name", Type: connectors.TypeText, Writable: true, Creatable: true, Required: true, OneLine: true, MaxLength: maxText, Findable: true, History: true},
	{Name: fieldDesc, Label: "Description", Type: connectors.TypeRichText, Writable: true, Creatable: true, Clearable: true, MaxLength: maxText, History: true},
	{Name: fieldList, Label: "List", Type: connectors.TypeOption, Writable: true, Creatable: true, History: true},
	{Name: fieldMember, Label: "Assignee", Type: connectors.TypePerson, Writable: true, Creatable: true, Clearable: true},
	{Name: fieldMembers, Label: "Members", Type: connectors.TypeOptions, Writable: true, Creatable: true, Clearable: true},
	{Name: fieldLabels, Label: "Labels", Type: connectors.TypeOptions, Writable: true, Creatable: true, Clearable: true},
	{Name: fieldDue, Label: "Due date", Type: connectors.TypeInstant, Writable: true, Creatable: true, Clearable: true, History: true},
	{Name: fieldStart, Label: "Start date", Type: connectors.TypeInstant, Writable: true, Creatable: true, Clearable: true, History: true},
	{Name: fieldComplete, Label: "Complete", Type: connectors.TypeBool, Writable: true, Creatable: true, History: true},
	{Name: fieldReminder, Label: "Reminder (minutes before)", Type: connectors.TypeNumber, Writable: true, Clearable: true, ReadOnly: "it cannot be set when the card is made"},
	{Name: fieldPos, Label: "Position", Type: connectors.TypeNumber, Writable: true, Creatable: true, Scale: -1},
	{Name: fieldLink, Label: "Link", Type: connectors.TypeText, Creatable: true, OneLine: true, MaxLength: 2000, ReadOnly: "it is attached when the card is made"},
	{Name: fieldClosed, Label: "Archived", Type: connectors.TypeBool, ReadOnly: "on_delete says when a card is archived"},
	{Name: fieldURL, Label: "URL", Type: connectors.TypeText, OneLine: true, ReadOnly: "Trello makes it"},
	{Name: fieldShortURL, Label: "Short URL", Type: connectors.TypeText, OneLine: true, Findable: true, ReadOnly: "Trello makes it"},
	{Name: fieldNumber, Label: "Card number", Type: connectors.TypeNumber, Findable: true, ReadOnly: "Trello counts"},
	{Name: fieldActivity, Label: "Last activity", Type: connectors.TypeInstant, ReadOnly: "Trello keeps it"},
	{Name: fieldItems, Label: "Checklist items", Type: connectors.TypeNumber, ReadOnly: "Trello counts"},
	{Name: fieldItemsOK, Label: "Checklist items done", Type: connectors.TypeNumber, ReadOnly: "Trello counts"},
}

// itemFields are the fields of an item of a checklist; they share names with the
// card's, so that the short keys of tasks mean the same.
var itemFields = []connectors.Field{
	{Name: fieldName, Label: "Name", Type: connectors.TypeText, Writable: true, Creatable: true, Required: true, OneLine: true, MaxLength: maxText - markLength},
	{Name: fieldComplete, Label: "Complete", Type: connectors.TypeBool, Writable: true, Creatable: true},
	{Name: fieldDue, Label: "Due date", Type: connectors.TypeInstant, Writable: true, Creatable: true, Clearable: true},
	{Name: fieldMember, Label: "Assignee", Type: connectors.TypePerson, Writable: true, Creatable: true, Clearable: true},
}

// Schema implements connectors.Connection. The board's lists, labels, members
// and custom fields are as the account sees them now.
func (c *Connection) Schema(ctx context.Context, object string, scope connectors.Scope) (*connectors.Schema, error) {
	const op = "read the schema"
	if err := c.checkObject(op, object); err != nil {
		return nil, err
	}
	if object == objectItem && len(scope) == 0 {
		return &connectors.Schema{Object: objectItem, Label: "Checklist item", Fields: append([]connectors.Field(nil), itemFields...)}, nil
	}
	w, err := c.scope(ctx, op, scope, 0)
	if err != nil {
		return nil, err
	}
	if object == objectItem {
		return &connectors.Schema{Object: objectItem, Label: "Checklist item", Fields: append([]connectors.Field(nil), itemFields...)}, nil
	}
	s := &connectors.Schema{Object: objectCard, Label: "Card", Child: objectItem}
	for _, f := range ownFields {
		switch f.Name {
		case fieldList:
			f.Options = listOptions(w.board)
		case fieldMembers:
			f.Options = memberOptions(w.board)
		case fieldLabels:
			f.Options, f.Open = labelOptions(w.board), c.createLabels
		}
		s.Fields = append(s.Fields, f)
	}
	for i := range w.CustomFields {
		if f, ok := schemaField(&w.CustomFields[i]); ok {
			s.Fields = append(s.Fields, f)
		}
	}
	return s, nil
}

func listOptions(b *board) []connectors.Option {
	var out []connectors.Option
	for _, l := range b.Lists {
		if !l.Closed {
			out = append(out, connectors.Option{ID: l.ID, Label: l.Name})
		}
	}
	return out
}

func memberOptions(b *board) []connectors.Option {
	var out []connectors.Option
	for i := range b.Members {
		out = append(out, memberOption(&b.Members[i]))
	}
	return out
}

func memberOption(m *member) connectors.Option {
	return connectors.Option{ID: m.ID, Label: cmp.Or(m.FullName, m.Username)}
}

func labelOptions(b *board) []connectors.Option {
	var out []connectors.Option
	for i := range b.Labels {
		if l := &b.Labels[i]; l.title() != "" {
			out = append(out, connectors.Option{ID: l.ID, Label: l.title()})
		}
	}
	return out
}

// types are the types of custom fields.
var types = map[string]connectors.Type{
	"text": connectors.TypeText, "number": connectors.TypeNumber, "date": connectors.TypeInstant,
	"checkbox": connectors.TypeBool, "list": connectors.TypeOption,
}

// schemaField describes a custom field; ok is false for a type that is not known.
func schemaField(f *customField) (connectors.Field, bool) {
	t, ok := types[f.Type]
	if !ok || !isID(f.ID) {
		return connectors.Field{}, false
	}
	out := connectors.Field{
		Name: f.ID, Label: f.Name, Type: t, Writable: true, Creatable: true, Clearable: t != connectors.TypeBool,
		Findable: t == connectors.TypeText || t == connectors.TypeNumber,
	}
	switch t {
	case connectors.TypeText:
		out.OneLine, out.MaxLength = true, maxText
	case connectors.TypeNumber:
		out.Scale = -1
	case connectors.TypeOption:
		out.Options = []connectors.Option{}
		for _, o := range f.Options {
			out.Options = append(out.Options, connectors.Option{ID: o.ID, Label: o.Value.Text})
		}
	}
	return out, true
}
