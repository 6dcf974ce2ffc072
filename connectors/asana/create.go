package asana

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

const opCreate = "create"

var errOther = errors.New("the answer is about another record")

// Create implements connectors.Connection: ten tasks in a batch, each with its
// key in the same call.
func (c *Connection) Create(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
	writes := make([]*write, len(creates))
	var tasks []*write
	var keys []string
	for i := range creates {
		cr := &creates[i]
		w, err := c.prepareCreate(ctx, cr)
		if err != nil {
			w = &write{object: cr.Object, err: err}
		}
		writes[i] = w
		switch {
		case w.err != nil:
		case cr.Object == objectProject:
			c.createProject(ctx, w, cr.Key)
		default:
			tasks, keys = append(tasks, w), append(keys, cr.Key)
		}
	}
	for _, turn := range turns(tasks) {
		actions := make([]action, len(turn))
		for i, at := range turn {
			w := tasks[at]
			actions[i] = action{method: http.MethodPost, path: "/tasks", data: w.put, fields: optFields(w.object, w.scope, w.wanted)}
		}
		for i, r := range c.run(ctx, opCreate, actions) {
			w := tasks[turn[i]]
			if r.err == nil {
				w.answer = r.data
				continue
			}
			w.err = c.refusedCreate(ctx, w, keys[turn[i]], r.err)
		}
	}
	out := make([]connectors.WriteResult, len(writes))
	for i, w := range writes {
		out[i] = c.resultOf(opCreate, w)
		if w.object != objectProject && out[i].Err == nil && out[i].ID == "" {
			out[i].Err = &connectors.Error{Op: opCreate, Connection: c.name, Record: w.object, Kind: connectors.Internal, Unsure: true, Err: errNoID}
		}
	}
	return out
}

// turns shares tasks out, by their indices, into runs of actions: a batch has no
// order, and the subtasks of one task are to stand in theirs, so each is in the
// run after its elder sibling's.
func turns(tasks []*write) [][]int {
	var out [][]int
	siblings := map[string]int{}
	for i, w := range tasks {
		turn := 0
		if parent, _ := w.put["parent"].(string); parent != "" {
			turn = siblings[parent]
			siblings[parent]++
		}
		if turn == len(out) {
			out = append(out, nil)
		}
		out[turn] = append(out[turn], i)
	}
	return out
}

// prepareCreate makes the whole body of a create.
func (c *Connection) prepareCreate(ctx context.Context, cr *connectors.Create) (*write, error) {
	w, err := c.prepare(ctx, opCreate, cr.Object, cr.Scope, "", cr.Fields, nil)
	if err != nil || cr.Object == objectProject {
		return w, err
	}
	if fatal := slices.DeleteFunc(slices.Clone(w.refused), func(f connectors.FieldError) bool {
		def := w.field(f.Field)
		return def != nil && def.kind == connectors.TypePerson // who is not found keeps no task from being made
	}); len(fatal) > 0 {
		return nil, &connectors.Error{Op: opCreate, Connection: c.name, Record: cr.Object, Kind: connectors.Invalid, Fields: fatal}
	}
	if w.dueOf {
		return nil, &connectors.Error{
			Op: opCreate, Connection: c.name, Record: cr.Object, Kind: connectors.Invalid,
			Fields: []connectors.FieldError{{Field: "start_on", Reason: "Asana keeps a start date only together with a due date"}},
		}
	}
	section, _ := w.put["section"].(string)
	body := w.createBody()
	if cr.Parent != "" {
		if !isID(cr.Parent) {
			return nil, c.fail(opCreate, cr.Object, connectors.Invalid, "the parent %q is no id of a task", cr.Parent)
		}
		body["parent"] = cr.Parent
	}
	if cr.Object == objectSubtask && body["parent"] == nil {
		return nil, c.fail(opCreate, cr.Object, connectors.Invalid, "a subtask is made below a task: the create names none")
	}
	if err := c.addSets(ctx, w, body); err != nil {
		return nil, err
	}
	if cr.Object == objectTask {
		place := map[string]any{"project": w.scope.project.gid}
		if section == "" {
			section = w.scope.section
		}
		if section != "" {
			place["section"] = section
		}
		body["memberships"] = []any{place}
	}
	if cr.Key != "" {
		if err := c.addKey(ctx, w, body, cr.Key); err != nil {
			return nil, err
		}
	}
	w.put = body
	return w, nil
}

// addSets puts tags, followers and further projects into a create.
func (c *Connection) addSets(ctx context.Context, w *write, body map[string]any) error {
	for name, v := range w.sets {
		if v.IsNull() {
			continue
		}
		switch name {
		case "tags":
			ids, err := c.tagIDs(ctx, opCreate, v.Options())
			if err != nil {
				return err
			}
			body["tags"] = ids
		case "followers":
			body["followers"] = idsOf(v.Options())
		case "projects":
			body["projects"] = slices.DeleteFunc(idsOf(v.Options()), func(id string) bool { return w.object == objectTask && id == w.scope.project.gid })
		}
	}
	return nil
}

// refusedCreate judges a refused create: a taken key is a conflict, a parent
// that is not there an invalid request, and where the words name a field, that
// is refused.
func (c *Connection) refusedCreate(ctx context.Context, w *write, key string, e *connectors.Error) error {
	if e.Kind != connectors.Invalid && e.Kind != connectors.Permission {
		return e
	}
	out := *e
	if key != "" && c.createKey == keyExternal && e.Kind == connectors.Invalid {
		found, err := c.findExternal(ctx, opCreate, []string{key})
		if err != nil {
			return err
		}
		if len(found[0]) > 0 {
			out.Kind = connectors.Conflict
			return &out
		}
	}
	if strings.HasPrefix(e.Err.Error(), "parent:") {
		return &out
	}
	if fields := w.blame(e); fields != nil {
		out.Kind, out.Fields = connectors.Invalid, fields
	}
	return &out
}
