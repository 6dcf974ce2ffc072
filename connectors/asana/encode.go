package asana

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/richtext"
)

// write is one create or update on its way.
type write struct {
	object  string
	id      string // "" before a create
	scope   *scopeRef
	put     map[string]any                // members of the task
	custom  map[string]any                // custom fields, by gid
	extra   []extra                       // what has calls of its own
	sets    map[string]connectors.Value   // tags, followers, projects as a whole
	edits   map[string]connectors.SetEdit // of sets that are written as a whole
	dueOf   bool                          // a start date needs the present due date
	keepKey bool                          // the description may hold a marker
	wanted  []string
	refused []connectors.FieldError
	answer  json.RawMessage // of the task, after the write
	err     error
}

// extra is a call that a field needs besides.
type extra struct {
	field  string
	action action
}

func (w *write) refuse(field, format string, args ...any) {
	w.refused = append(w.refused, connectors.FieldError{Field: field, Reason: fmt.Sprintf(format, args...)})
}

// pending reports whether there is anything to read before the write.
func (w *write) pending() bool {
	return len(w.sets) > 0 || len(w.edits) > 0 || w.dueOf || w.keepKey
}

// prepare converts the fields of a write.
func (c *Connection) prepare(ctx context.Context, op, object string, s connectors.Scope, id string, fields map[string]connectors.Value, edits map[string]connectors.SetEdit) (*write, error) {
	scope, err := c.scope(ctx, op, object, s)
	if err != nil {
		return nil, err
	}
	w := &write{
		object: object, id: id, scope: scope, put: map[string]any{}, custom: map[string]any{}, sets: map[string]connectors.Value{}, edits: map[string]connectors.SetEdit{},
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := c.encode(ctx, op, w, name, fields[name]); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		if _, whole := fields[name]; whole {
			continue
		}
		f := w.field(name)
		if f == nil || f.kind != connectors.TypeOptions || f.readOnly != "" {
			w.refuse(name, "it is no set that can be written")
			continue
		}
		w.wanted = append(w.wanted, name)
		w.edits[name] = edits[name]
	}
	if start, ok := w.put["start_on"]; ok && start != nil {
		_, on := w.put["due_on"]
		_, at := w.put["due_at"]
		w.dueOf = !on && !at && object != objectProject
	}
	_, notes := w.put["html_notes"]
	w.keepKey = notes && id != "" && (object != objectTask || c.createKey == keyNotes)
	return w, nil
}

func (w *write) field(name string) *field {
	if f := builtIn(w.object, name); f != nil {
		return f
	}
	return w.scope.project.custom(name)
}

// encode puts one field into a write, or refuses it.
func (c *Connection) encode(ctx context.Context, op string, w *write, name string, v connectors.Value) error {
	f := w.field(name)
	if f == nil && w.scope.project != nil && isID(name) { // a field that is newer than what is known
		p, err := c.project(ctx, op, w.scope.project.gid, refetchAge)
		if err != nil {
			return err
		}
		w.scope.project = p
		f = w.field(name)
	}
	switch {
	case f == nil:
		w.refuse(name, "Asana has no such field here")
		return nil
	case f.readOnly != "":
		w.refuse(name, "%s", f.readOnly)
		return nil
	case f.createOnly && w.id != "":
		w.refuse(name, "it can be given at the creation only")
		return nil
	case v.IsNull() && f.keep:
		w.refuse(name, "it cannot be empty")
		return nil
	}
	w.wanted = append(w.wanted, name)
	if f.custom != nil {
		return c.encodeCustom(ctx, op, w, f, v)
	}
	return c.encodeBuiltIn(ctx, op, w, f, v)
}

func (c *Connection) encodeBuiltIn(ctx context.Context, op string, w *write, f *field, v connectors.Value) error {
	switch f.name {
	case "name":
		w.put["name"] = strings.ReplaceAll(v.Text(), "\n", " ")
	case "notes":
		dialect := richtext.AsanaNotes
		if w.object == objectProject {
			dialect = richtext.AsanaText
		}
		w.put["html_notes"] = richHTML(v.Text(), dialect)
	case "completed", "archived":
		w.put[f.name] = v.Bool()
	case "due_on", "start_on", "due_at":
		w.put[f.name] = whenOf(v)
	case "assignee", "owner":
		return c.encodePerson(ctx, op, w, f, v)
	case "color":
		w.put[f.name] = nil
		if !v.IsNull() {
			w.put[f.name] = v.Text()
		}
	case "section":
		c.encodeSection(w, f, v)
	case "parent":
		_, id, _ := v.Reference()
		var parent any
		if id != "" {
			parent = id
		}
		if w.id == "" {
			w.put["parent"] = parent
		} else {
			w.extra = append(w.extra, extra{f.name, action{method: http.MethodPost, path: "/tasks/" + w.id + "/setParent", data: map[string]any{"parent": parent}}})
		}
	case "tags", "followers", "projects":
		w.sets[f.name] = v
	case "team", "template":
		id := v.Option().ID
		if id != "" && !isID(id) { // it may become part of an address
			w.refuse(f.name, "there is no %s %q", f.name, id)
			return nil
		}
		w.put[f.name] = id
	default: // resource_subtype, approval_status, privacy_setting
		w.put[f.name] = v.Option().ID
	}
	return nil
}

// whenOf writes a date or an instant; null clears.
func whenOf(v connectors.Value) any {
	switch v.Type() {
	case connectors.TypeDate:
		return v.String()
	case connectors.TypeInstant:
		return v.Time().Format("2006-01-02T15:04:05.000Z")
	}
	return nil
}

// encodeSection moves a task within the project. A create places it at once.
func (c *Connection) encodeSection(w *write, f *field, v connectors.Value) {
	id := v.Option().ID
	if !slices.ContainsFunc(w.scope.project.sections, func(s wireNamed) bool { return s.GID == id }) {
		w.refuse(f.name, "the project %s has no section %q", w.scope.project.name, v.String())
		return
	}
	if w.id == "" {
		w.put["section"] = id
		return
	}
	w.extra = append(w.extra, extra{f.name, action{
		method: http.MethodPost, path: "/tasks/" + w.id + "/addProject", data: map[string]any{"project": w.scope.project.gid, "section": id},
	}})
}

// encodePerson writes a person by gid, looked up by e-mail where need be. Who is
// not found is refused: the field is left alone, never cleared.
func (c *Connection) encodePerson(ctx context.Context, op string, w *write, f *field, v connectors.Value) error {
	if v.IsNull() {
		w.put[f.name] = nil
		return nil
	}
	who := v.Person()
	if who.ID == "" {
		found, err := c.findPeople(ctx, op, []string{who.Email})
		if err != nil {
			return err
		}
		who = found[0]
	}
	if who.ID == "" {
		w.refuse(f.name, "Asana shows no user with the e-mail %s", v.Person().Email)
		return nil
	}
	w.put[f.name] = who.ID
	return nil
}

// encodeCustom writes a custom field. What the field's definition does not allow
// is refused here: Asana's own refusals do not always name the field, and values
// of a wrong form it takes without a word.
func (c *Connection) encodeCustom(ctx context.Context, op string, w *write, f *field, v connectors.Value) error {
	gid := f.custom.GID
	if v.IsNull() {
		w.custom[gid] = nil
		if f.custom.Subtype == "multi_enum" || f.custom.Subtype == "people" {
			w.custom[gid] = []string{}
		}
		return nil
	}
	switch f.custom.Subtype {
	case "text":
		if n := utf8.RuneCountInString(v.Text()); n > maxText {
			w.refuse(f.name, "the text has %d characters, the field takes %d", n, maxText)
			return nil
		}
		w.custom[gid] = v.Text()
	case "number":
		w.custom[gid] = json.Number(v.Number())
	case "date":
		w.custom[gid] = map[string]string{"date": v.String()}
	case "enum", "multi_enum":
		var ids []string
		chosen := v.Options()
		if v.Type() == connectors.TypeOption {
			chosen = []connectors.Option{v.Option()}
		}
		for _, o := range chosen {
			ok, err := c.offers(ctx, op, w, f, o.ID)
			if err != nil {
				return err
			}
			if !ok {
				w.refuse(f.name, "the field %s has no option %q that can be chosen", f.label, cmp.Or(o.Label, o.ID))
				return nil
			}
			ids = append(ids, o.ID)
		}
		if f.custom.Subtype == "multi_enum" {
			w.custom[gid] = ids
		} else {
			w.custom[gid] = ids[0]
		}
	case "people":
		ids := []string{}
		for _, o := range v.Options() {
			ids = append(ids, o.ID)
		}
		w.custom[gid] = ids
	}
	return nil
}

// offers reports whether a field has an option. One that is not known is looked
// for again.
func (c *Connection) offers(ctx context.Context, op string, w *write, f *field, id string) (bool, error) {
	has := func(f *field) bool {
		return f != nil && slices.ContainsFunc(f.options, func(o connectors.Option) bool { return o.ID == id })
	}
	if has(f) {
		return true, nil
	}
	p, err := c.project(ctx, op, w.scope.project.gid, refetchAge)
	if err != nil {
		return false, err
	}
	return has(p.custom(f.custom.GID)), nil
}

// piece is a part of a task's PUT that stands by itself.
type piece struct {
	fields []string
	data   map[string]any
}

// fieldOf names the field that a member of a PUT comes from.
func fieldOf(member string) string {
	if member == "html_notes" {
		return "notes"
	}
	return member
}

// pieces takes a PUT apart, dates together.
func (w *write) pieces() []piece {
	var out []piece
	dates := piece{data: map[string]any{}}
	for _, m := range slices.Sorted(maps.Keys(w.put)) {
		switch m {
		case "due_on", "due_at", "start_on":
			dates.data[m] = w.put[m]
			if slices.Contains(w.wanted, m) {
				dates.fields = append(dates.fields, m)
			}
		default:
			out = append(out, piece{[]string{fieldOf(m)}, map[string]any{m: w.put[m]}})
		}
	}
	if len(dates.data) > 0 {
		out = append(out, dates)
	}
	for _, gid := range slices.Sorted(maps.Keys(w.custom)) {
		out = append(out, piece{[]string{gid}, map[string]any{"custom_fields": map[string]any{gid: w.custom[gid]}}})
	}
	return out
}

// body is the PUT as a whole.
func (w *write) body() map[string]any {
	out := maps.Clone(w.put)
	if len(w.custom) > 0 {
		out["custom_fields"] = w.custom
	}
	return out
}

// blame returns the fields that a refusal's words name: by a member's name at
// their beginning, or by the gid of a custom field.
func (w *write) blame(e *connectors.Error) []connectors.FieldError {
	words := e.Err.Error()
	for gid := range w.custom {
		if strings.Contains(words, gid) {
			return []connectors.FieldError{{Field: gid, Reason: words}}
		}
	}
	for m := range w.put {
		if strings.HasPrefix(words, m+":") && slices.Contains(w.wanted, fieldOf(m)) {
			return []connectors.FieldError{{Field: fieldOf(m), Reason: words}}
		}
	}
	return nil
}
