package jira

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// prepared is a write ready to be sent: what goes into fields and update, what
// only a transition can do, and what cannot be written at all.
type prepared struct {
	edit    edit
	status  connectors.Value // Null: leave the status
	resolve connectors.Value // the resolution, if the write names one
	named   bool             // the write names a resolution
	wanted  []*field
	refused []connectors.FieldError
	answer  issue // to the edit, where Jira tells it
}

// prepare converts the fields of a write.
func (c *Connection) prepare(ctx context.Context, op string, fields map[string]connectors.Value, edits map[string]connectors.SetEdit) (*prepared, error) {
	names := slices.Sorted(maps.Keys(fields))
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		if _, whole := fields[name]; !whole {
			names = append(names, name)
		}
	}
	p := &prepared{edit: edit{Fields: map[string]any{}, Update: map[string][]map[string]any{}}}
	var err error
	if p.wanted, err = c.fieldsOf(ctx, op, names); err != nil {
		return nil, err
	}
	for _, name := range names {
		i := slices.IndexFunc(p.wanted, func(f *field) bool { return f.id == name })
		if i < 0 {
			p.refuse(name, "Jira has no such field")
			continue
		}
		v, whole := fields[name]
		if !whole {
			p.addEdits(p.wanted[i], edits[name])
			continue
		}
		if err := c.prepareField(ctx, op, p, p.wanted[i], v); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *prepared) refuse(name, reason string) {
	p.refused = append(p.refused, connectors.FieldError{Field: name, Reason: reason})
}

func (p *prepared) addEdits(f *field, e connectors.SetEdit) {
	if f.shape != choices && f.shape != labelSet {
		p.refuse(f.id, "it is no set")
		return
	}
	for _, o := range e.Add {
		p.edit.Update[f.id] = append(p.edit.Update[f.id], map[string]any{"add": encodeElement(f, o)})
	}
	for _, o := range e.Remove {
		p.edit.Update[f.id] = append(p.edit.Update[f.id], map[string]any{"remove": encodeElement(f, o)})
	}
}

func (c *Connection) prepareField(ctx context.Context, op string, p *prepared, f *field, v connectors.Value) error {
	switch {
	case f.id == "status":
		if v.IsNull() {
			p.refuse(f.id, "an issue always has a status")
			return nil
		}
		p.status = v
		return nil
	case f.id == "resolution":
		p.resolve, p.named = v, true
		return nil
	case f.shape == person && f.readOnly() == "":
		return c.preparePerson(ctx, op, p, f, v)
	case f.shape == parentLink && v.IsNull() && c.cloud:
		p.edit.Update[f.id] = []map[string]any{{"set": map[string]bool{"none": true}}}
		return nil
	case f.shape == epicLink && !v.IsNull():
		_, id, _ := v.Reference()
		key, err := c.keyOf(ctx, op, id)
		if connectors.KindOf(err) == connectors.NotFound {
			p.refuse(f.id, "there is no issue with the id "+id+", or the account may not see it")
			return nil
		}
		if err != nil {
			return err
		}
		p.edit.Fields[f.id] = key
		return nil
	}
	if why := f.readOnly(); why != "" {
		p.refuse(f.id, why)
		return nil
	}
	wire, err := c.encode(f, v)
	if err != nil {
		p.refuse(f.id, err.Error())
		return nil
	}
	p.edit.Fields[f.id] = wire
	return nil
}

// preparePerson writes a person by id, looked up by e-mail where need be. Who
// is not found is refused: the field is left alone, never cleared.
func (c *Connection) preparePerson(ctx context.Context, op string, p *prepared, f *field, v connectors.Value) error {
	if v.IsNull() {
		p.edit.Fields[f.id] = nil
		return nil
	}
	who := v.Person()
	if who.ID == "" && who.Email != "" {
		people, err := c.findPeople(ctx, op, []string{who.Email})
		switch {
		case connectors.KindOf(err) == connectors.Permission:
			p.refuse(f.id, "the account may not look for people")
			return nil
		case err != nil:
			return err
		}
		who = people[0]
	}
	if who.ID == "" {
		p.refuse(f.id, "Jira shows no user with the e-mail "+cmp.Or(v.Person().Email, v.String()))
		return nil
	}
	p.edit.Fields[f.id] = c.userRef(who.ID)
	return nil
}

// userRef names a user in a write.
func (c *Connection) userRef(id string) map[string]string {
	if c.cloud {
		return map[string]string{"accountId": id}
	}
	return map[string]string{"name": id}
}

// Update implements connectors.Connection. Fields go in one edit, which Jira
// takes as a whole or not at all; then the status moves, through as many
// transitions as it takes. Where only the second part is refused, it is listed
// in Refused.
func (c *Connection) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	out := make([]connectors.WriteResult, len(updates))
	var g errgroup.Group
	g.SetLimit(singles)
	for i, u := range updates {
		g.Go(func() error {
			out[i] = c.update(ctx, u)
			return nil
		})
	}
	_ = g.Wait() // the results hold the errors
	return out
}

func (c *Connection) update(ctx context.Context, u connectors.Update) connectors.WriteResult {
	const op = "update"
	res := connectors.WriteResult{ID: u.ID}
	if res.Err = c.checkObject(op, u.Object); res.Err != nil {
		return res
	}
	if !isID(u.ID) {
		res.Err = c.fail(op, ref(u.ID), connectors.NotFound, "the id of an issue is a number")
		return res
	}
	scope, err := c.scope(ctx, op, u.Scope, false)
	if err != nil {
		res.Err = err
		return res
	}
	p, err := c.prepare(ctx, op, u.Fields, u.Edits)
	if err == nil && c.keyLabels {
		err = c.keepKeyLabels(ctx, op, u.ID, p)
	}
	if err != nil {
		res.Err = err
		return res
	}
	if p.named && p.status.IsNull() {
		if wire, err := c.encode(&field{id: "resolution", shape: choice}, p.resolve); err == nil {
			p.edit.Fields["resolution"] = wire
		} else {
			p.refuse("resolution", err.Error())
		}
	}
	if err := c.putEdit(ctx, op, u.ID, p); err != nil {
		res.Err = addRefused(err, p.refused)
		return res
	}
	res.Refused = p.refused
	if !p.status.IsNull() {
		if err := c.moveAfter(ctx, op, u.ID, p, scope, &res); err != nil {
			res.Err = err
			return res
		}
	}
	if len(p.edit.Fields) == 0 && len(p.edit.Update) == 0 && p.status.IsNull() {
		if len(res.Refused) > 0 {
			res.Err = &connectors.Error{Op: op, Connection: c.name, Record: ref(u.ID), Kind: connectors.Invalid, Fields: res.Refused}
			res.Refused = nil
		}
		return res
	}
	res.Record = c.answered(u.ID, p, scope)
	return res
}

// addRefused adds the fields that were refused before a write was sent to those
// that Jira refused it for, so that both are left out of the next one.
func addRefused(err error, refused []connectors.FieldError) error {
	e, ok := asError(err)
	if !ok || len(e.Fields) == 0 || len(refused) == 0 {
		return err
	}
	out := *e
	out.Fields = append(slices.Clone(e.Fields), refused...)
	return &out
}

// moveAfter moves the status once the fields are written. A refused move is no
// error of the whole; one that may have been made is, so that somebody reads.
func (c *Connection) moveAfter(ctx context.Context, op, id string, p *prepared, scope scopeRef, res *connectors.WriteResult) error {
	reason, err := c.move(ctx, op, id, p, scope)
	if err != nil {
		if len(p.edit.Fields) > 0 || len(p.edit.Update) > 0 {
			return c.partly(err)
		}
		return err
	}
	if reason != "" {
		res.Refused = append(res.Refused, connectors.FieldError{Field: "status", Reason: reason})
		if p.named {
			res.Refused = append(res.Refused, connectors.FieldError{Field: "resolution", Reason: "it is set with the status only"})
		}
	}
	return nil
}

// partly marks an error of a write whose first part took effect.
func (c *Connection) partly(err error) error {
	if e, ok := asError(err); ok {
		marked := *e
		marked.Unsure = true
		return &marked
	}
	return err
}

// putEdit sends an edit. A repeat does no harm: it names values, or elements.
func (c *Connection) putEdit(ctx context.Context, op, id string, p *prepared) error {
	if len(p.edit.Fields) == 0 && len(p.edit.Update) == 0 {
		return nil
	}
	r := rest.Request{
		Op: op, Record: ref(id), Method: "PUT", Path: "/issue/{id}", Params: map[string]string{"id": id},
		Body: p.edit, Idempotent: true,
	}
	if c.cloud && p.status.IsNull() {
		r.Query, r.Out = query("returnIssue", "true"), &p.answer
	}
	_, err := c.do(ctx, r)
	return err
}

// answered makes a record of the answer to an edit; nil where it is about
// another issue or does not hold all that was written, so that the record has to be read.
func (c *Connection) answered(id string, p *prepared, scope scopeRef) *connectors.Record {
	if p.answer.ID != id || isNull(p.answer.Fields["updated"]) {
		return nil
	}
	for _, f := range p.wanted {
		if _, told := p.answer.Fields[f.id]; !told {
			return nil
		}
	}
	return c.toRecord(&p.answer, p.wanted, scope)
}
