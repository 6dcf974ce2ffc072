package asana

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

const opUpdate = "update"

// Update implements connectors.Connection: ten tasks in a batch. What has calls
// of its own, such as sections and tags, goes in a second batch; then what was
// written so is read back.
func (c *Connection) Update(ctx context.Context, updates []connectors.Update) []connectors.WriteResult {
	writes := make([]*write, len(updates))
	for i := range updates {
		u := &updates[i]
		w, err := c.prepare(ctx, opUpdate, u.Object, u.Scope, u.ID, u.Fields, u.Edits)
		if err == nil && !isID(u.ID) {
			err = c.fail(opUpdate, u.Object+"/"+u.ID, connectors.NotFound, "the id of a %s is a number", u.Object)
		}
		if err != nil {
			w = &write{object: u.Object, id: u.ID, err: err}
		}
		writes[i] = w
	}
	c.readFirst(ctx, writes)
	c.putAll(ctx, writes)
	c.runExtras(ctx, writes)
	c.readBack(ctx, writes)
	out := make([]connectors.WriteResult, len(writes))
	for i, w := range writes {
		out[i] = c.resultOf(opUpdate, w)
	}
	return out
}

// alive are the writes that nothing has gone wrong with and that match.
func alive(writes []*write, match func(*write) bool) []*write {
	var out []*write
	for _, w := range writes {
		if w.err == nil && match(w) {
			out = append(out, w)
		}
	}
	return out
}

// current is what a write needs to know of the task as it stands.
const current = "tags.name,followers.name,memberships.project.name,due_on,due_at,html_notes,custom_fields.multi_enum_values.name,custom_fields.people_value.name"

// readFirst reads what some writes rest on: sets that are written element by
// element, due dates that go with start dates, and markers.
func (c *Connection) readFirst(ctx context.Context, writes []*write) {
	need := alive(writes, (*write).pending)
	actions := make([]action, len(need))
	for i, w := range need {
		fields := current
		if w.object == objectProject {
			fields = "html_notes"
		}
		actions[i] = action{method: http.MethodGet, path: pathOf(w.object, w.id), fields: fields}
	}
	for i, r := range c.run(ctx, opUpdate, actions) {
		w := need[i]
		var now wireTask
		if r.err != nil {
			w.err = r.err
		} else if err := decodeData(r.data, &now); err != nil {
			w.err = c.fail(opUpdate, "", connectors.Internal, "%w", err)
		} else {
			w.err = c.completeWrite(ctx, w, &now)
		}
	}
}

// completeWrite fills in what depends on the task as it stands.
func (c *Connection) completeWrite(ctx context.Context, w *write, now *wireTask) error {
	if w.keepKey {
		_, key := unmark(now.HTMLNotes.v)
		if html, ok := w.put["html_notes"].(string); ok {
			w.put["html_notes"] = mark(html, key)
		}
	}
	if w.dueOf {
		switch {
		case now.DueAt.v != "":
			w.put["due_at"] = now.DueAt.v
		case now.DueOn.v != "":
			w.put["due_on"] = now.DueOn.v
		default:
			w.refuse("start_on", "Asana keeps a start date only together with a due date, and the task has none")
			delete(w.put, "start_on")
		}
	}
	for name, v := range w.sets {
		edit := difference(v.Options(), currentSet(now, name))
		if err := c.addSetCalls(ctx, w, name, edit, now); err != nil {
			return err
		}
	}
	for name, edit := range w.edits {
		if f := w.scope.project.custom(name); f != nil {
			w.custom[f.custom.GID] = apply(currentSet(now, name), edit)
			continue
		}
		if err := c.addSetCalls(ctx, w, name, edit, now); err != nil {
			return err
		}
	}
	return nil
}

// currentSet returns the elements that a set holds.
func currentSet(now *wireTask, name string) []connectors.Option {
	switch name {
	case "tags":
		return labels(now.Tags.v).Options()
	case "followers":
		return options(now.Followers.v).Options()
	case "projects":
		var list []wireNamed
		for _, m := range now.Memberships {
			list = append(list, m.Project)
		}
		return options(list).Options()
	}
	v, _ := now.custom(name)
	return v.Options()
}

func difference(want, have []connectors.Option) connectors.SetEdit {
	var e connectors.SetEdit
	for _, o := range want {
		if !slices.ContainsFunc(have, func(h connectors.Option) bool { return h.ID == o.ID }) {
			e.Add = append(e.Add, o)
		}
	}
	for _, h := range have {
		if !slices.ContainsFunc(want, func(o connectors.Option) bool { return h.ID == o.ID }) {
			e.Remove = append(e.Remove, h)
		}
	}
	return e
}

// apply returns the ids of a set after an edit.
func apply(have []connectors.Option, e connectors.SetEdit) []string {
	ids := []string{}
	for _, o := range slices.Concat(have, e.Add) {
		gone := slices.ContainsFunc(e.Remove, func(r connectors.Option) bool { return r.ID == o.ID })
		if !gone && !slices.Contains(ids, o.ID) {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// addSetCalls plans the calls that change a set element by element.
func (c *Connection) addSetCalls(ctx context.Context, w *write, name string, e connectors.SetEdit, now *wireTask) error {
	call := func(verb string, data map[string]any) {
		w.extra = append(w.extra, extra{name, action{method: http.MethodPost, path: "/tasks/" + w.id + "/" + verb, data: data}})
	}
	switch name {
	case "tags":
		ids, err := c.tagIDs(ctx, opUpdate, e.Add)
		if err != nil {
			return err
		}
		for _, id := range ids {
			call("addTag", map[string]any{"tag": id})
		}
		for _, o := range e.Remove {
			for _, t := range now.Tags.v {
				if t.Name == o.ID {
					call("removeTag", map[string]any{"tag": t.GID})
				}
			}
		}
	case "followers":
		if len(e.Add) > 0 {
			call("addFollowers", map[string]any{"followers": idsOf(e.Add)})
		}
		if len(e.Remove) > 0 {
			call("removeFollowers", map[string]any{"followers": idsOf(e.Remove)})
		}
	case "projects":
		for _, o := range e.Add {
			call("addProject", map[string]any{"project": o.ID})
		}
		for _, o := range e.Remove {
			call("removeProject", map[string]any{"project": o.ID})
		}
	}
	return nil
}

func idsOf(list []connectors.Option) []string {
	ids := make([]string, len(list))
	for i, o := range list {
		ids[i] = o.ID
	}
	return ids
}

// tagIDs returns the gids of tags by their names; tags that are not there are
// made.
func (c *Connection) tagIDs(ctx context.Context, op string, list []connectors.Option) ([]string, error) {
	var out []string
	for _, o := range list {
		tags, err := c.allTags(ctx, op, listAge)
		if err != nil {
			return nil, err
		}
		find := func(t wireNamed) bool { return t.Name == o.ID }
		i := slices.IndexFunc(tags, find)
		if i < 0 { // somebody may have made it meanwhile
			if tags, err = c.allTags(ctx, op, 0); err != nil {
				return nil, err
			}
			i = slices.IndexFunc(tags, find)
		}
		if i >= 0 {
			out = append(out, tags[i].GID)
			continue
		}
		me, err := c.whoami(ctx, op)
		if err != nil {
			return nil, err
		}
		r := c.single(ctx, op, &action{method: http.MethodPost, path: "/tags", data: map[string]any{"workspace": me.workspace.GID, "name": o.ID}, fields: "name"})
		c.tags.Forget()
		var made wireNamed
		if r.err != nil {
			return nil, r.err
		}
		if err := decodeData(r.data, &made); err != nil || made.GID == "" {
			return nil, c.fail(op, "", connectors.Internal, "the answer to a new tag names none")
		}
		out = append(out, made.GID)
	}
	return out, nil
}

// putAll sends the plain and custom fields.
func (c *Connection) putAll(ctx context.Context, writes []*write) {
	puts := alive(writes, func(w *write) bool { return len(w.put)+len(w.custom) > 0 })
	actions := make([]action, len(puts))
	for i, w := range puts {
		actions[i] = action{method: http.MethodPut, path: pathOf(w.object, w.id), data: w.body(), fields: optFields(w.object, w.scope, w.wanted)}
	}
	for i, r := range c.run(ctx, opUpdate, actions) {
		w := puts[i]
		if r.err == nil {
			w.answer = r.data
			continue
		}
		w.err = c.refusedPut(ctx, w, r.err)
	}
}

// refusedPut looks for the field that a refusal is about. Where the words name
// none, each is sent by itself: what Asana refused had no effect.
func (c *Connection) refusedPut(ctx context.Context, w *write, refusal *connectors.Error) error {
	if refusal.Kind != connectors.Invalid && refusal.Kind != connectors.Permission {
		return refusal
	}
	if fields := w.blame(refusal); fields != nil && (refusal.Kind == connectors.Invalid || len(w.put)+len(w.custom) > 1) {
		out := *refusal
		out.Kind, out.Fields = connectors.Invalid, fields
		return &out
	}
	pieces := w.pieces()
	if len(pieces) == 1 {
		if refusal.Kind == connectors.Invalid {
			refusal.Fields = fieldErrors(pieces[0].fields, refusal)
		}
		return refusal
	}
	var last *connectors.Error
	done := 0
	for _, p := range pieces {
		r := c.single(ctx, opUpdate, &action{method: http.MethodPut, path: pathOf(w.object, w.id), data: p.data, fields: optFields(w.object, w.scope, w.wanted)})
		switch {
		case r.err == nil:
			w.answer, done = r.data, done+1
		case r.err.Kind == connectors.Invalid || r.err.Kind == connectors.Permission:
			last = r.err
			w.refused = append(w.refused, fieldErrors(p.fields, r.err)...)
		default:
			return r.err
		}
	}
	if done == 0 && last != nil && last.Kind == connectors.Permission {
		return last
	}
	return nil
}

func fieldErrors(fields []string, e *connectors.Error) []connectors.FieldError {
	var out []connectors.FieldError
	for _, f := range fields {
		out = append(out, connectors.FieldError{Field: f, Reason: e.Err.Error()})
	}
	return out
}

// runExtras makes the calls that fields need besides.
func (c *Connection) runExtras(ctx context.Context, writes []*write) {
	var actions []action
	var of []*write
	var fields []string
	for _, w := range alive(writes, func(w *write) bool { return len(w.extra) > 0 }) {
		for _, e := range w.extra {
			actions, of, fields = append(actions, e.action), append(of, w), append(fields, e.field)
		}
	}
	for i, r := range c.run(ctx, opUpdate, actions) {
		w := of[i]
		switch {
		case r.err == nil || w.err != nil:
		case r.err.Kind == connectors.Invalid, r.err.Kind == connectors.Permission && w.answer != nil, r.err.Kind == connectors.NotFound && w.answer != nil:
			w.refuse(fields[i], "%s", r.err.Err.Error())
		default:
			w.err = r.err
		}
	}
}

// readBack reads the tasks whose last calls did not tell how they stand.
func (c *Connection) readBack(ctx context.Context, writes []*write) {
	open := alive(writes, func(w *write) bool { return len(w.extra) > 0 || w.answer == nil })
	actions := make([]action, len(open))
	for i, w := range open {
		actions[i] = action{method: http.MethodGet, path: pathOf(w.object, w.id), fields: optFields(w.object, w.scope, w.wanted)}
	}
	for i, r := range c.run(ctx, opUpdate, actions) {
		w := open[i]
		switch {
		case r.err == nil:
			w.answer = r.data
		case r.err.Kind == connectors.NotFound:
			w.err = r.err
		default: // the write stands; how is left to a read
			w.answer = nil
		}
	}
}

// resultOf makes the result of a write.
func (c *Connection) resultOf(op string, w *write) connectors.WriteResult {
	res := connectors.WriteResult{ID: w.id, Refused: w.refused}
	if w.err != nil {
		record := strings.TrimSuffix(w.object+"/"+w.id, "/")
		res.Err = named(c.asError(op, w.err), op, record)
		return res
	}
	if w.answer == nil {
		return res
	}
	rec, err := c.decodeRecord(w.object, w.answer, w.wanted, w.scope)
	switch {
	case err != nil && w.id == "":
		res.Err = &connectors.Error{Op: op, Connection: c.name, Record: w.object, Kind: connectors.Internal, Unsure: true, Err: err}
	case err != nil: // the write stands; how is left to a read
	case w.id != "" && rec.Ref.ID != w.id:
		res.Err = &connectors.Error{Op: op, Connection: c.name, Record: w.object + "/" + w.id, Kind: connectors.Internal, Unsure: true, Err: errOther}
	default:
		res.ID, res.Record = rec.Ref.ID, rec
	}
	return res
}

// createBody is the body of a task's create.
func (w *write) createBody() map[string]any {
	out := map[string]any{}
	for m, v := range w.put {
		if v != nil && m != "section" {
			out[m] = v
		}
	}
	custom := map[string]any{}
	for gid, v := range w.custom {
		if list, ok := v.([]string); v != nil && (!ok || len(list) > 0) {
			custom[gid] = v
		}
	}
	if len(custom) > 0 {
		out["custom_fields"] = custom
	}
	return out
}
