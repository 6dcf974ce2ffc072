package memory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/tenonsync/tenon/connectors"
)

// Create implements connectors.Connection.
func (c *Connection) Create(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
	results := make([]connectors.WriteResult, len(creates))
	for i, w := range creates {
		if i%max(c.system.opts.CreateBatch, 1) == 0 {
			c.count("create")
		}
		results[i] = c.create(ctx, w)
	}
	return results
}

func (c *Connection) create(ctx context.Context, w connectors.Create) connectors.WriteResult {
	m := Moment{Call: "create", Object: w.Object, Effect: true}
	if err := c.begin(ctx, m, w.Object); err != nil {
		return connectors.WriteResult{Err: err}
	}
	t, r, result := c.insert(w)
	if result.Err != nil {
		return result
	}
	m.ID, m.After = r.id, true
	if err := c.hooked(m, w.Object+"/"+r.id); err != nil {
		return connectors.WriteResult{Err: err}
	}
	return c.answer(t, r, w.Scope, result)
}

func (c *Connection) insert(w connectors.Create) (*table, *record, connectors.WriteResult) {
	refuse := func(kind connectors.Kind, err error) (*table, *record, connectors.WriteResult) {
		return nil, nil, connectors.WriteResult{Err: c.fail("create", w.Object, kind, err)}
	}
	t, err := c.lock("create", w.Object)
	if err != nil {
		return nil, nil, connectors.WriteResult{Err: err}
	}
	defer c.system.mu.Unlock()
	if t.veil != NoVeil {
		return nil, nil, connectors.WriteResult{Err: c.forbidden("create", w.Object)}
	}
	if err := t.checkScope(w.Scope); err != nil {
		return refuse(connectors.Invalid, err)
	}
	if w.Key != "" {
		if !keyOK(w.Key) {
			return refuse(connectors.Invalid, fmt.Errorf("the key %q is not of the form [a-z0-9-]{1,64}", w.Key))
		}
		if c.system.opts.NeedsPrepare && !c.system.prepared[w.Object] {
			return refuse(connectors.Invalid, errors.New("there is no property for keys yet"))
		}
		if c.system.opts.KeyIsUnique && len(t.byKey[w.Key]) > 0 {
			return refuse(connectors.Conflict, fmt.Errorf("a record with the key %q exists", w.Key))
		}
	}
	if w.Parent != "" {
		if p := c.system.byID[w.Parent]; p == nil || p.object != t.def.Parent || p.state != connectors.Live {
			return refuse(connectors.Invalid, fmt.Errorf("there is no %s %s to create it under", t.def.Parent, w.Parent))
		}
	}
	fields, refused := c.system.validate(t, "", w.Fields)
	if result, ok := c.judge("create", w.Object, refused); !ok {
		return nil, nil, result
	}
	r := c.system.insert(t, w.Scope, w.Parent, w.Key, fields, c.user)
	return t, r, connectors.WriteResult{ID: r.id, Refused: refused}
}

func keyOK(key string) bool {
	if len(key) == 0 || len(key) > 64 {
		return false
	}
	for i := range len(key) {
		if c := key[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// judge says whether a write goes on with the fields that were not refused.
func (c *Connection) judge(op, record string, refused []connectors.FieldError) (connectors.WriteResult, bool) {
	if len(refused) == 0 {
		return connectors.WriteResult{}, true
	}
	fatal := !c.system.opts.Partial
	for _, f := range refused {
		fatal = fatal || op == "create" && f.Reason == missing
	}
	if !fatal {
		return connectors.WriteResult{}, true
	}
	e := c.fail(op, record, connectors.Invalid, errors.New("the system refused fields"))
	e.Fields = refused
	return connectors.WriteResult{Err: e}, false
}

// answer completes a write's result with the record as it stands.
func (c *Connection) answer(t *table, r *record, scope connectors.Scope, result connectors.WriteResult) connectors.WriteResult {
	if c.system.opts.Silent {
		return result
	}
	c.system.mu.Lock()
	defer c.system.mu.Unlock()
	names := make([]string, 0, len(t.fields))
	for i := range t.def.Schema.Fields {
		names = append(names, t.def.Schema.Fields[i].Name)
	}
	result.Record = c.show(t, r, scope, names)
	return result
}

// Update implements connectors.Connection.
func (c *Connection) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	results := make([]connectors.WriteResult, len(updates))
	for i, w := range updates {
		if i%max(c.system.opts.UpdateBatch, 1) == 0 {
			c.count("update")
		}
		results[i] = c.update(ctx, w)
	}
	return results
}

func (c *Connection) update(ctx context.Context, w connectors.Update) connectors.WriteResult {
	name := w.Object + "/" + w.ID
	m := Moment{Call: "update", Object: w.Object, ID: w.ID, Effect: true}
	if err := c.begin(ctx, m, name); err != nil {
		return connectors.WriteResult{Err: err}
	}
	t, r, result := c.change(w, name)
	if result.Err != nil {
		return result
	}
	m.After = true
	if err := c.hooked(m, name); err != nil {
		return connectors.WriteResult{ID: w.ID, Err: err}
	}
	return c.answer(t, r, w.Scope, result)
}

func (c *Connection) change(w connectors.Update, name string) (*table, *record, connectors.WriteResult) {
	refuse := func(kind connectors.Kind, err error) (*table, *record, connectors.WriteResult) {
		return nil, nil, connectors.WriteResult{Err: c.fail("update", name, kind, err)}
	}
	t, err := c.lock("update", w.Object)
	if err != nil {
		return nil, nil, connectors.WriteResult{Err: err}
	}
	defer c.system.mu.Unlock()
	r := c.find(t, w.ID)
	switch {
	case r == nil, r.state == connectors.Deleted, r.state == connectors.Merged:
		return refuse(connectors.NotFound, errors.New("there is no such record"))
	case r.state == connectors.Archived:
		return refuse(connectors.Invalid, errors.New("the record is archived"))
	case c.system.opts.ConditionalWrites && w.IfVersion != "" && w.IfVersion != strconv.Itoa(r.version):
		return refuse(connectors.Conflict, errors.New("the record was changed meanwhile"))
	case len(w.Edits) > 0 && !c.system.opts.SetEdits:
		return refuse(connectors.Invalid, errors.New("sets cannot be edited by element"))
	}
	wanted := maps.Clone(w.Fields)
	for field, edit := range w.Edits {
		if wanted == nil {
			wanted = map[string]connectors.Value{}
		}
		wanted[field] = edited(r.fields[field], edit)
	}
	fields, refused := c.system.validate(t, r.id, wanted)
	if result, ok := c.judge("update", name, refused); !ok {
		return nil, nil, result
	}
	c.system.apply(t, r, fields, c.user)
	return t, r, connectors.WriteResult{ID: r.id, Refused: refused}
}

func edited(v connectors.Value, edit connectors.SetEdit) connectors.Value {
	set := map[string]connectors.Option{}
	for _, o := range v.Options() {
		set[o.ID] = o
	}
	for _, o := range edit.Remove {
		delete(set, o.ID)
	}
	for _, o := range edit.Add {
		set[o.ID] = o
	}
	options := make([]connectors.Option, 0, len(set))
	for _, o := range set {
		options = append(options, o)
	}
	return connectors.Choices(options...)
}
