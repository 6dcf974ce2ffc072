package systems

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/sandbox/trello"
)

// trelloFields are the custom fields of the demo's board.
var trelloFields = []string{"CRM deal", "Budget"}

type trelloHand struct {
	system *trello.System
	board  string
}

func (h trelloHand) Records() []Record {
	var list []Record
	for _, id := range h.system.CardIDs(h.board) {
		if r, err := h.Get(id); err == nil && !r.Gone {
			list = append(list, r)
		}
	}
	return list
}

func (h trelloHand) Get(id string) (Record, error) {
	c, ok := h.system.Card(id)
	if !ok {
		return Record{}, fmt.Errorf("there is no card %s", id)
	}
	out := Record{ID: c.ID, Mark: c.ShortLink, Fields: map[string]string{}, Comments: c.Comments, Gone: c.Closed}
	put(out.Fields, "name", c.Name)
	put(out.Fields, "desc", c.Desc)
	put(out.Fields, "list", c.List)
	put(out.Fields, "due", day(c.Due))
	put(out.Fields, "start", day(c.Start))
	for _, name := range trelloFields {
		if id, _ := h.system.FieldID(h.board, name); id != "" {
			put(out.Fields, name, number(c.Fields[id]))
		}
	}
	for _, items := range c.Checklists {
		out.Tasks += len(items)
	}
	return out, nil
}

// day writes the day of an instant in UTC, nothing for none.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// as returns a person of the site; not everybody has an account there.
func (h trelloHand) as(who string) trello.Person {
	if h.system.MemberID(who) == "" {
		who = trello.Ada
	}
	return h.system.As(who)
}

func (h trelloHand) Create(who string, fields map[string]string) (string, error) {
	list := fields["list"]
	if list == "" {
		list = "Planned"
	}
	id, err := h.as(who).Create(h.board, list, map[string]any{"name": fields["name"]})
	if err != nil {
		return "", err
	}
	rest := maps.Clone(fields)
	delete(rest, "list")
	delete(rest, "name")
	return id, h.Edit(who, id, rest)
}

func (h trelloHand) Edit(who, id string, fields map[string]string) error {
	person, plainFields := h.as(who), map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		var err error
		switch {
		case name == "list":
			err = person.Move(id, h.board, value)
		case slices.Contains(trelloFields, name):
			err = h.setField(person, id, name, value)
		case (name == "due" || name == "start") && value != "":
			plainFields[name] = value + "T12:00:00.000Z"
		default:
			plainFields[name] = value
		}
		if err != nil {
			return err
		}
	}
	if len(plainFields) == 0 {
		return nil
	}
	return person.Edit(id, plainFields)
}

func (h trelloHand) setField(person trello.Person, id, name, value string) error {
	field, _ := h.system.FieldID(h.board, name)
	body := map[string]any{"value": ""}
	switch {
	case value == "":
	case strings.HasPrefix(name, "Budget"):
		body["value"] = map[string]any{"number": value}
	default:
		body["value"] = map[string]any{"text": value}
	}
	return person.SetField(id, field, body)
}

func (h trelloHand) Comment(who, id, text string) error {
	_, err := h.as(who).Comment(id, text)
	return err
}

func (h trelloHand) Remove(who, id string) error { return h.as(who).Archive(id) }
