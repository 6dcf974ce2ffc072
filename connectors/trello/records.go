package trello

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tenonsync/tenon/connectors"
)

// record makes a record of a card. Defined are the board's custom fields at the
// time of the answer: a wanted one that is not among them is hidden, for the
// card tells nothing of it then.
func (c *Connection) record(w *card, wanted []string, in within, defined []customField) *connectors.Record {
	r := &connectors.Record{
		Ref: connectors.Ref{Connection: c.name, Object: objectCard, ID: w.ID}, Created: createdAt(w.ID), InScope: in.holds(w),
		URL: cmp.Or(w.URL, w.ShortURL), Title: w.Name,
	}
	r.Modified, _ = parseTime(w.DateLastActivity) // zero: unknown
	if w.Closed || in.board != nil && in.ID == w.IDBoard && (in.Closed || shut(in.board, w.IDList)) {
		r.State = connectors.Archived
	}
	r.Grow(len(wanted))
	for _, name := range wanted {
		if isID(name) {
			c.setCustom(r, w, name, defined)
			continue
		}
		if v, ok := c.own(w, name, in.board); ok {
			r.Set(name, v)
		}
	}
	return r
}

// shut reports whether a list is archived: nobody sees its cards then.
func shut(b *board, id string) bool {
	l := b.list(id)
	return l != nil && l.Closed
}

// own returns the value of one of a card's own fields; ok is false where there
// is no such field or its form makes no sense.
func (c *Connection) own(w *card, name string, b *board) (v connectors.Value, ok bool) {
	switch name {
	case fieldName:
		return connectors.Text(w.Name), true
	case fieldDesc:
		return richText(w.Desc), true
	case fieldList:
		return connectors.Choice(listOption(b, w.IDList)), w.IDList != ""
	case fieldMember:
		if len(w.IDMembers) == 0 {
			return connectors.Null, true
		}
		return connectors.PersonValue(personOf(b, w.IDMembers[0])), true
	case fieldMembers:
		return options(w.IDMembers, func(id string) string {
			if m := b.member(id); m != nil {
				return memberOption(m).Label
			}
			return ""
		}), true
	case fieldLabels:
		return options(w.IDLabels, func(id string) string {
			if l := b.label(id); l != nil {
				return l.title()
			}
			return ""
		}), true
	case fieldDue:
		return instant(w.Due)
	case fieldStart:
		return instant(w.Start)
	case fieldComplete:
		return connectors.Bool(w.DueComplete), true
	case fieldClosed:
		return connectors.Bool(w.Closed), true
	case fieldReminder:
		v, ok = number(w.DueReminder)
		if v.Number() == "-1" {
			return connectors.Null, true
		}
		return v, ok
	case fieldPos:
		return number(w.Pos)
	case fieldNumber:
		return number(w.IDShort)
	case fieldItems:
		return number(w.Badges.CheckItems)
	case fieldItemsOK:
		return number(w.Badges.CheckItemsChecked)
	case fieldURL:
		return text(w.URL), true
	case fieldShortURL:
		return text(w.ShortURL), true
	case fieldActivity:
		return instant(w.DateLastActivity)
	case fieldLink:
		for _, a := range w.Attachments {
			if link, key := unmark(a.URL); key != "" {
				if link == c.markURL {
					return connectors.Null, true
				}
				return text(link), true
			}
		}
		return connectors.Null, w.Attachments != nil
	}
	return connectors.Null, false
}

func text(s string) connectors.Value {
	if s == "" {
		return connectors.Null
	}
	return connectors.Text(s)
}

// richText takes Trello's Markdown as it is: a dialect of CommonMark.
func richText(s string) connectors.Value {
	if strings.TrimSpace(s) == "" {
		return connectors.Null
	}
	return connectors.RichText(s)
}

func instant(s string) (connectors.Value, bool) {
	if s == "" {
		return connectors.Null, true
	}
	t, ok := parseTime(s)
	if !ok {
		return connectors.Null, false
	}
	return connectors.Instant(t), true
}

// number reads a JSON number, or a text that holds one.
func number(raw json.RawMessage) (connectors.Value, bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return connectors.Null, true
	}
	v, err := connectors.ParseNumber(strings.Trim(string(raw), `"`))
	return v, err == nil
}

func options(ids []string, title func(string) string) connectors.Value {
	out := make([]connectors.Option, 0, len(ids))
	for _, id := range ids {
		if id != "" {
			out = append(out, connectors.Option{ID: id, Label: title(id)})
		}
	}
	return connectors.Choices(out...)
}

func listOption(b *board, id string) connectors.Option {
	if b != nil {
		if l := b.list(id); l != nil {
			return connectors.Option{ID: id, Label: l.Name}
		}
	}
	return connectors.Option{ID: id}
}

func personOf(b *board, id string) connectors.Person {
	if b != nil {
		if m := b.member(id); m != nil {
			return connectors.Person{ID: id, Email: strings.ToLower(m.Email), Name: cmp.Or(m.FullName, m.Username)}
		}
	}
	return connectors.Person{ID: id}
}

// setCustom tells the value of a custom field. What the card has no item for is
// cleared, so long as the board has the field.
func (c *Connection) setCustom(r *connectors.Record, w *card, id string, defined []customField) {
	f := fieldIn(defined, id)
	if f == nil {
		r.Hide(id)
		return
	}
	i := slices.IndexFunc(w.CustomFieldItems, func(it fieldItem) bool { return it.IDCustomField == id })
	if i < 0 {
		if f.Type == "checkbox" {
			r.Set(id, connectors.Bool(false))
		} else if _, known := types[f.Type]; known {
			r.Set(id, connectors.Null)
		}
		return
	}
	v, err := decode(f, &w.CustomFieldItems[i])
	if err != nil {
		c.log.Warn("field left out: its value does not have the form of its type", "record_id", w.ID, "fields", id)
		return
	}
	r.Set(id, v)
}

func decode(f *customField, it *fieldItem) (connectors.Value, error) {
	switch f.Type {
	case "list":
		for _, o := range f.Options {
			if o.ID == it.IDValue {
				return connectors.Choice(connectors.Option{ID: o.ID, Label: o.Value.Text}), nil
			}
		}
		if it.IDValue == "" {
			return connectors.Null, nil
		}
		return connectors.Choice(connectors.Option{ID: it.IDValue}), nil
	case "checkbox":
		return connectors.Bool(it.Value["checked"] == "true"), nil
	case "text":
		return text(it.Value["text"]), nil
	case "number":
		if it.Value["number"] == "" {
			return connectors.Null, nil
		}
		return connectors.ParseNumber(it.Value["number"])
	case "date":
		if v, ok := instant(it.Value["date"]); ok {
			return v, nil
		}
	}
	return connectors.Null, errors.New("no value of its type")
}

// encodeCustom writes a value as a custom field takes it; null clears.
func encodeCustom(f *customField, v connectors.Value) (map[string]any, error) {
	out := map[string]any{"idCustomField": f.ID}
	typed := func(key, s string) (map[string]any, error) {
		if out["value"] = map[string]string{key: s}; s == "" {
			out["value"] = ""
		}
		return out, nil
	}
	if v.IsNull() {
		if f.Type == "list" {
			out["idValue"] = ""
			return out, nil
		}
		out["value"] = ""
		return out, nil
	}
	switch f.Type {
	case "list":
		id := v.Option().ID
		for _, o := range f.Options {
			if o.ID == id {
				out["idValue"] = id
				return out, nil
			}
		}
		return nil, fmt.Errorf("the field %q has no option %q", f.Name, cmp.Or(v.Option().Label, id))
	case "checkbox":
		if v.Type() != connectors.TypeBool {
			break
		}
		if !v.Bool() {
			out["value"] = ""
			return out, nil
		}
		return typed("checked", "true")
	case "text":
		if err := short(v.Text()); err != nil {
			return nil, err
		}
		if t := v.Type(); t == connectors.TypeText || t == connectors.TypeRichText {
			return typed("text", v.Text())
		}
	case "number":
		if v.Number() != "" {
			return typed("number", v.Number())
		}
	case "date":
		if v.Type() == connectors.TypeInstant {
			return typed("date", stamp(v.Time()))
		}
	}
	return nil, fmt.Errorf("a value of the type %s does not fit", v.Type())
}

// short refuses texts that Trello would refuse.
func short(s string) error {
	if n := utf8.RuneCountInString(s); n > maxText {
		return fmt.Errorf("the text has %s characters, Trello takes %s", strconv.Itoa(n), strconv.Itoa(maxText))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
