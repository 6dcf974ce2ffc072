package trello

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// prepared is a write ready to be sent.
type prepared struct {
	body    map[string]any            // what goes into the card
	items   map[string]map[string]any // custom fields by id
	adds    []element
	removes []element
	wanted  []string
	refused []connectors.FieldError
	people  map[string]bool // the refused fields that hold people
}

// element is one label or member to add or to take away.
type element struct{ field, id string }

func (p *prepared) refuse(name, format string, args ...any) {
	p.refused = append(p.refused, connectors.FieldError{Field: name, Reason: fmt.Sprintf(format, args...)})
}

// onlyPeople reports whether a write lacks nothing but people who were not
// found: that never keeps a card from being made.
func (p *prepared) onlyPeople() bool {
	return !slices.ContainsFunc(p.refused, func(e connectors.FieldError) bool { return !p.people[e.Field] })
}

func (p *prepared) empty() bool {
	return len(p.body) == 0 && len(p.items) == 0 && len(p.adds) == 0 && len(p.removes) == 0
}

// prepare converts the fields of a write. The id is empty for a create.
func (c *Connection) prepare(ctx context.Context, op string, in within, id string, fields map[string]connectors.Value, edits map[string]connectors.SetEdit) (*prepared, error) {
	p := &prepared{body: map[string]any{}, items: map[string]map[string]any{}, people: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		p.wanted = append(p.wanted, name)
		if isID(name) {
			if err := c.prepareItem(ctx, op, p, &in, name, fields[name]); err != nil {
				return nil, err
			}
			continue
		}
		if err := c.prepareField(ctx, op, p, &in, id, name, fields[name]); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		if _, whole := fields[name]; whole {
			continue
		}
		if err := c.prepareEdit(ctx, op, p, &in, name, edits[name]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// newer asks for the board again, for what is not known of it may be new.
func (c *Connection) newer(ctx context.Context, op string, in *within) error {
	b, err := c.board(ctx, op, in.ID, metaAgain)
	if err == nil {
		in.board = b
	}
	return err
}

func (c *Connection) prepareItem(ctx context.Context, op string, p *prepared, in *within, id string, v connectors.Value) error {
	if in.customField(id) == nil {
		if err := c.newer(ctx, op, in); err != nil {
			return err
		}
	}
	f := in.customField(id)
	if f == nil {
		p.refuse(id, "the board %q has no such custom field, or its custom fields are switched off", in.Name)
		return nil
	}
	item, err := encodeCustom(f, v)
	if err != nil && f.Type == "list" { // the option may be new
		if err := c.newer(ctx, op, in); err != nil {
			return err
		}
		if f = in.customField(id); f != nil {
			item, err = encodeCustom(f, v)
		}
	}
	if err != nil {
		p.refuse(id, "%s", err.Error())
		return nil
	}
	p.items[id] = item
	return nil
}

func (c *Connection) prepareField(ctx context.Context, op string, p *prepared, in *within, id, name string, v connectors.Value) error {
	i := slices.IndexFunc(ownFields, func(f connectors.Field) bool { return f.Name == name })
	switch {
	case i < 0:
		p.refuse(name, "Trello's cards have no such field")
		return nil
	case id != "" && !ownFields[i].Writable, id == "" && !ownFields[i].Creatable:
		p.refuse(name, "the field cannot be written: %s", ownFields[i].ReadOnly)
		return nil
	case v.IsNull() && (name == fieldName || name == fieldList || name == fieldPos):
		p.refuse(name, "a card always has one")
		return nil
	}
	switch name {
	case fieldMember:
		return c.prepareMember(ctx, op, p, in, id, v)
	case fieldMembers, fieldLabels:
		ids, err := c.elements(ctx, op, in, name, v.Options(), p)
		if err == nil && len(ids) == len(v.Options()) {
			p.body[name] = ids
		}
		return err
	case fieldList:
		return c.prepareList(ctx, op, p, in, v)
	}
	wire, err := encode(name, v)
	if err != nil {
		p.refuse(name, "%s", err.Error())
		return nil
	}
	p.body[name] = wire
	return nil
}

// encode writes the value of a plain field.
func encode(name string, v connectors.Value) (any, error) {
	switch name {
	case fieldName, fieldDesc:
		if err := short(v.Text()); err != nil {
			return nil, err
		}
		if name == fieldName && strings.TrimSpace(v.Text()) == "" {
			return nil, errors.New("a card always has a name")
		}
		return v.Text(), nil
	case fieldDue, fieldStart:
		if v.IsNull() {
			return nil, nil
		}
		if v.Type() != connectors.TypeInstant {
			return nil, fmt.Errorf("a value of the type %s is no point in time", v.Type())
		}
		return stamp(v.Time()), nil
	case fieldComplete:
		return v.Bool(), nil
	case fieldReminder:
		if v.IsNull() {
			return -1, nil
		}
		if v.Number() == "" || strings.ContainsAny(v.Number(), ".-") {
			return nil, errors.New("a reminder is a whole number of minutes")
		}
		return v.Number(), nil
	case fieldPos:
		if n := v.Number(); n == "" || n == "0" || strings.HasPrefix(n, "-") {
			return nil, errors.New("a position is a number above 0")
		}
		return v.Number(), nil
	case fieldLink:
		s := v.Text()
		if s != "" && !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") || strings.ContainsAny(s, " \n") {
			return nil, errors.New("a link begins with https:// and holds no white space")
		}
		if s == "" {
			return nil, nil
		}
		return s, nil
	}
	return nil, errors.New("the field cannot be written")
}

func (c *Connection) prepareList(ctx context.Context, op string, p *prepared, in *within, v connectors.Value) error {
	id := v.Option().ID
	if in.list(id) == nil {
		if err := c.newer(ctx, op, in); err != nil {
			return err
		}
	}
	l := in.list(id)
	if l == nil || l.Closed {
		p.refuse(fieldList, "the board %q has no open list %q", in.Name, cmp.Or(v.Option().Label, id))
		return nil
	}
	p.body[fieldList] = id
	return nil
}

// prepareMember puts a person into the first place among a card's members, where
// the one before was; the others stay. Who is not found is refused: the members
// are left alone, never cleared.
func (c *Connection) prepareMember(ctx context.Context, op string, p *prepared, in *within, id string, v connectors.Value) error {
	who := ""
	if !v.IsNull() {
		m, err := c.memberFor(ctx, op, in, v.Person())
		if err != nil {
			return err
		}
		if m == nil {
			p.people[fieldMember] = true
			p.refuse(fieldMember, "the board %q has no member %s", in.Name, cmp.Or(v.Person().Email, v.Person().ID, v.String()))
			return nil
		}
		who = m.ID
	}
	var have struct {
		IDMembers []string `json:"idMembers"`
	}
	if id != "" {
		_, err := c.do(ctx, rest.Request{
			Op: op, Record: ref(id), Path: "/cards/{id}", Params: map[string]string{"id": id}, Query: query("fields", "idMembers"), Out: &have,
		})
		if err != nil {
			return err
		}
	}
	members := []string{}
	if who != "" {
		members = append(members, who)
	}
	for i, m := range have.IDMembers {
		if i > 0 && m != who {
			members = append(members, m)
		}
	}
	if _, whole := p.body[fieldMembers]; !whole {
		p.body[fieldMembers] = members
	}
	return nil
}

func (c *Connection) prepareEdit(ctx context.Context, op string, p *prepared, in *within, name string, e connectors.SetEdit) error {
	if name != fieldLabels && name != fieldMembers {
		p.refuse(name, "it is no set")
		return nil
	}
	ids, err := c.elements(ctx, op, in, name, e.Add, p)
	if err != nil {
		return err
	}
	for _, id := range ids {
		p.adds = append(p.adds, element{name, id})
	}
	for _, o := range e.Remove {
		if isID(o.ID) {
			p.removes = append(p.removes, element{name, o.ID})
		} else if i := slices.IndexFunc(in.Labels, func(l label) bool { return l.title() == o.ID }); i >= 0 && name == fieldLabels {
			p.removes = append(p.removes, element{name, in.Labels[i].ID})
		}
	}
	return nil
}
