package trello

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

var errNoID = errors.New("the answer tells no id of what was made")

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
		p.refuse(fieldList, "the board %q has no open list %q", in.Name, firstOf(v.Option().Label, id))
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
			p.refuse(fieldMember, "the board %q has no member %s", in.Name, firstOf(v.Person().Email, v.Person().ID, v.String()))
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

// elements finds the ids of labels or members; what the board lacks is refused,
// or made where the connection makes labels.
func (c *Connection) elements(ctx context.Context, op string, in *within, field string, options []connectors.Option, p *prepared) ([]string, error) {
	ids := []string{}
	for _, o := range options {
		id, err := c.elementID(ctx, op, in, field, o)
		if err != nil {
			return nil, err
		}
		if id == "" {
			p.people[field] = field == fieldMembers
			p.refuse(field, "the board %q has no %s %q", in.Name, map[string]string{fieldLabels: "label", fieldMembers: "member"}[field], firstOf(o.Label, o.ID))
			return nil, nil
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (c *Connection) elementID(ctx context.Context, op string, in *within, field string, o connectors.Option) (string, error) {
	find := func() string {
		if field == fieldMembers {
			if m := in.member(o.ID); m != nil {
				return m.ID
			}
			return ""
		}
		if l := in.label(o.ID); l != nil {
			return l.ID
		}
		if i := slices.IndexFunc(in.Labels, func(l label) bool { return l.title() == o.ID }); i >= 0 && !isID(o.ID) {
			return in.Labels[i].ID
		}
		return ""
	}
	if id := find(); id != "" {
		return id, nil
	}
	if err := c.newer(ctx, op, in); err != nil {
		return "", err
	}
	if id := find(); id != "" || field == fieldMembers || !c.createLabels || isID(o.ID) {
		return id, nil
	}
	return c.makeLabel(ctx, op, in, firstOf(o.Label, o.ID))
}

// makeLabel makes a label, unless somebody made it meanwhile: two of one name
// would be possible.
func (c *Connection) makeLabel(ctx context.Context, op string, in *within, name string) (string, error) {
	if err := c.labels.take(ctx); err != nil {
		return "", c.fail(op, "", connectors.Unavailable, "%w", err)
	}
	defer c.labels.leave()
	b, err := c.board(ctx, op, in.ID, 0)
	if err != nil {
		return "", err
	}
	in.board = b
	if i := slices.IndexFunc(b.Labels, func(l label) bool { return l.title() == name }); i >= 0 {
		return b.Labels[i].ID, nil
	}
	var made label
	if _, err := c.do(ctx, rest.Request{
		Op: op, Method: "POST", Path: "/labels", Body: map[string]any{"name": name, "color": nil, "idBoard": in.ID}, Out: &made,
	}); err != nil {
		return "", err
	}
	return made.ID, c.newerThan(ctx, op, in)
}

// newerThan asks for the board anew, after a change of it.
func (c *Connection) newerThan(ctx context.Context, op string, in *within) error {
	b, err := c.board(ctx, op, in.ID, 0)
	if err == nil {
		in.board = b
	}
	return err
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

// Update implements connectors.Connection. The card's own fields go in one call;
// labels and members that are edited by element take one each, so that others'
// edits of the set stay; custom fields go in one more.
func (c *Connection) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	out := make([]connectors.WriteResult, len(updates))
	var g errgroup.Group
	g.SetLimit(singles)
	for i := range updates {
		g.Go(func() error {
			out[i] = c.update(ctx, &updates[i])
			return nil
		})
	}
	_ = g.Wait() // the results hold the errors
	return out
}

func (c *Connection) update(ctx context.Context, u *connectors.Update) connectors.WriteResult {
	const op = "update"
	res := connectors.WriteResult{ID: u.ID}
	if res.Err = c.checkObject(op, u.Object); res.Err != nil {
		return res
	}
	if u.Object == objectItem {
		return c.updateItem(ctx, op, u)
	}
	if !isID(u.ID) {
		res.Err = c.fail(op, ref(u.ID), connectors.NotFound, "the id of a card has 24 hexadecimal digits")
		return res
	}
	in, err := c.scope(ctx, op, u.Scope, metaAge)
	if err != nil {
		res.Err = err
		return res
	}
	p, err := c.prepare(ctx, op, in, u.ID, u.Fields, u.Edits)
	if err != nil {
		res.Err = err
		return res
	}
	if res.Refused = p.refused; p.empty() {
		if len(p.refused) > 0 {
			res.Refused, res.Err = nil, &connectors.Error{Op: op, Connection: c.name, Record: ref(u.ID), Kind: connectors.Invalid, Fields: p.refused}
		}
		return res
	}
	c.send(ctx, op, u.ID, p, in, &res)
	return res
}

// send makes the calls of an update. Each may be repeated: it names values or
// elements.
func (c *Connection) send(ctx context.Context, op, id string, p *prepared, in within, res *connectors.WriteResult) {
	var answer card
	done := false // a part took effect
	if len(p.body) > 0 {
		_, err := c.do(ctx, rest.Request{
			Op: op, Record: ref(id), Method: "PUT", Path: "/cards/{id}", Params: map[string]string{"id": id}, Body: p.body, Out: &answer, Idempotent: true,
		})
		if err != nil {
			res.Refused, res.Err = nil, withRefused(renamed(err), p.refused)
			return
		}
		done = true
	}
	for _, each := range []struct {
		method string
		list   []element
	}{{"POST", p.adds}, {"DELETE", p.removes}} {
		for _, e := range each.list {
			if err := c.sendElement(ctx, op, id, each.method, e); err != nil {
				res.Err = partly(err, done)
				return
			}
			done = true
		}
	}
	if len(p.items) > 0 {
		if err := c.writeItems(ctx, op, id, p, res); err != nil {
			res.Err = partly(err, done)
			return
		}
	}
	if answer.ID == id && len(p.items) == 0 && len(p.adds) == 0 && len(p.removes) == 0 {
		res.Record = c.answered(&answer, p, in)
	}
}

// answered makes a record of the answer to a write; nil where it tells too
// little.
func (c *Connection) answered(w *card, p *prepared, in within) *connectors.Record {
	if w.DateLastActivity == "" || w.IDBoard == "" || slices.ContainsFunc(w.IDLabels, func(id string) bool { return in.label(id) == nil }) {
		return nil
	}
	return c.record(w, p.wanted, in, nil)
}

// sendElement adds or takes away one label or member. That it is there already,
// or not any more, is what was wanted.
func (c *Connection) sendElement(ctx context.Context, op, id, method string, e element) error {
	r := rest.Request{
		Op: op, Record: ref(id), Method: method, Path: "/cards/{id}/" + e.field, Params: map[string]string{"id": id}, Idempotent: true,
	}
	if method == "DELETE" {
		r.Path += "/{element}"
		r.Params["element"] = e.id
	} else {
		r.Body = map[string]string{"value": e.id}
	}
	_, err := c.do(ctx, r)
	if f, ok := asError(err); ok && f.Kind == connectors.Invalid && len(f.Fields) == 0 {
		return nil
	}
	if err != nil {
		return renamed(err)
	}
	return nil
}

// writeItems writes custom fields: all in one call, and where Trello refuses
// that, one by one, to learn which it refuses.
func (c *Connection) writeItems(ctx context.Context, op, id string, p *prepared, res *connectors.WriteResult) error {
	names := slices.Sorted(maps.Keys(p.items))
	list := make([]map[string]any, len(names))
	for i, name := range names {
		list[i] = p.items[name]
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Method: "PUT", Path: "/cards/{id}/customFields", Params: map[string]string{"id": id},
		Body: map[string]any{"customFieldItems": list}, Idempotent: true,
	})
	if connectors.KindOf(err) != connectors.Invalid || err == nil {
		return err
	}
	refused := 0
	for i, name := range names {
		body := maps.Clone(list[i])
		delete(body, "idCustomField")
		_, err := c.do(ctx, rest.Request{
			Op: op, Record: ref(id), Method: "PUT", Path: "/cards/{id}/customField/{field}/item", Params: map[string]string{"id": id, "field": name},
			Body: body, Idempotent: true,
		})
		if e, ok := asError(err); ok && (e.Kind == connectors.Invalid || e.Kind == connectors.NotFound) {
			res.Refused = append(res.Refused, connectors.FieldError{Field: name, Reason: e.Err.Error()})
			refused++
			continue
		}
		if err != nil {
			return err
		}
	}
	if refused == len(names) && len(p.body) == 0 && len(p.adds) == 0 && len(p.removes) == 0 {
		err := &connectors.Error{Op: op, Connection: c.name, Record: ref(id), Kind: connectors.Invalid, Fields: res.Refused}
		res.Refused = nil
		return err
	}
	return nil
}

// withRefused adds the fields that were refused before a write was sent to those
// that Trello refused it for.
func withRefused(err error, refused []connectors.FieldError) error {
	e, ok := asError(err)
	if !ok || e.Kind != connectors.Invalid || len(refused) == 0 {
		return err
	}
	out := *e
	out.Fields = append(slices.Clone(e.Fields), refused...)
	return &out
}

// partly marks an error of a write whose first part took effect.
func partly(err error, done bool) error {
	e, ok := asError(err)
	if !ok || !done {
		return err
	}
	out := *e
	out.Unsure = true
	return &out
}

// asError returns the connection's error in err's chain.
func asError(err error) (*connectors.Error, bool) {
	return errors.AsType[*connectors.Error](err)
}
