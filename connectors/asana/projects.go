package asana

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// jobPatience is how long a create waits for the job that makes a project of a
// template, and jobPause how long between two looks.
const (
	jobPatience = 2 * time.Minute
	jobPause    = time.Second
)

// createProject makes a project: empty, or of a template by a job. The key is a
// marker below the description. A job takes nothing but a name, so that carries
// the key until the project is whole.
func (c *Connection) createProject(ctx context.Context, w *write, key string) {
	if len(w.refused) > 0 && slices.ContainsFunc(w.refused, func(f connectors.FieldError) bool { return f.Field != "owner" }) {
		w.err = &connectors.Error{Op: opCreate, Connection: c.name, Record: objectProject, Kind: connectors.Invalid, Fields: w.refused}
		return
	}
	if c.createKey == keyExternal && key != "" { // what Facts say of tasks holds for projects, too
		found, err := c.findProjects(ctx, opCreate, w.scope, []string{key})
		switch {
		case err != nil:
			w.err = err
			return
		case len(found[0]) > 0:
			w.err = c.fail(opCreate, objectProject, connectors.Conflict, "the project %s was made with this key", found[0][0])
			return
		}
	}
	me, err := c.whoami(ctx, opCreate)
	if err != nil {
		w.err = err
		return
	}
	body := w.createBody()
	template, _ := body["template"].(string)
	delete(body, "template")
	if body["team"] == nil && w.scope.team != "" {
		body["team"] = w.scope.team
	}
	if template != "" {
		w.err = c.instantiate(ctx, w, template, body, key)
		return
	}
	html, _ := body["html_notes"].(string)
	if key != "" {
		body["html_notes"] = mark(html, key)
	}
	body["workspace"] = me.workspace.GID
	r := c.single(ctx, opCreate, &action{method: http.MethodPost, path: "/projects", data: body, fields: optFields(objectProject, w.scope, w.wanted)})
	if r.err != nil {
		w.err = c.refusedCreate(ctx, w, "", r.err)
		return
	}
	w.answer = r.data
}

// instantiate makes a project of a template and waits for the job. A crash in
// between leaves a project with the key in its name, which findProjects ends.
func (c *Connection) instantiate(ctx context.Context, w *write, template string, body map[string]any, key string) error {
	name, _ := body["name"].(string)
	if name == "" {
		return &connectors.Error{
			Op: opCreate, Connection: c.name, Record: objectProject, Kind: connectors.Invalid,
			Fields: []connectors.FieldError{{Field: "name", Reason: "a project of a template needs a name"}},
		}
	}
	ask := map[string]any{"name": name}
	if key != "" {
		ask["name"] = fmt.Sprintf("%s [tenon:%s]", name, key)
	}
	if body["team"] != nil {
		ask["team"] = body["team"]
	}
	dates, err := c.templateDates(ctx, template, body)
	if err != nil {
		return err
	}
	if len(dates) > 0 {
		ask["requested_dates"] = dates
	}
	var job wireJob
	r := c.single(ctx, opCreate, &action{method: http.MethodPost, path: "/project_templates/" + template + "/instantiateProject", data: ask, fields: "status,new_project.name"})
	if r.err != nil {
		return r.err
	}
	if err := decodeData(r.data, &job); err != nil || job.GID == "" {
		return &connectors.Error{Op: opCreate, Connection: c.name, Record: objectProject, Kind: connectors.Internal, Unsure: true, Err: errNoID}
	}
	if err := c.await(ctx, &job); err != nil {
		return err
	}
	w.id = job.Project.GID
	delete(body, "team")
	return c.settle(ctx, w, body, name, key)
}

// templateDates fills a template's date variables: 1 is the start, 2 the due
// date (read 2026-11-22).
func (c *Connection) templateDates(ctx context.Context, template string, body map[string]any) ([]map[string]any, error) {
	var t struct {
		Dates []wireNamed `json:"requested_dates"`
	}
	if err := c.get(ctx, opCreate, "", "/project_templates/{id}", map[string]string{"id": template}, "requested_dates.gid,requested_dates.name", &t); err != nil {
		return nil, err
	}
	var out []map[string]any
	for _, d := range t.Dates {
		member := map[string]string{"1": "start_on", "2": "due_on"}[d.GID]
		if day, ok := body[member].(string); ok {
			out = append(out, map[string]any{"gid": d.GID, "value": day + "T00:00:00.000Z"})
		}
	}
	return out, nil
}

// await polls a job until it is done. Only who started a job may.
func (c *Connection) await(ctx context.Context, job *wireJob) error {
	unsure := func(kind connectors.Kind, format string, args ...any) error {
		e := c.fail(opCreate, objectProject, kind, format, args...)
		e.Unsure = true
		return e
	}
	until := c.clock.Now().Add(jobPatience)
	for {
		switch job.Status {
		case "succeeded":
			if job.Project == nil || !isID(job.Project.GID) {
				return unsure(connectors.Internal, "the job %s succeeded without a project", job.GID)
			}
			return nil
		case "failed":
			if job.Project != nil {
				return unsure(connectors.Unavailable, "Asana's job %s failed on the way: look at the project %s", job.GID, job.Project.GID)
			}
			return c.fail(opCreate, objectProject, connectors.Invalid, "Asana's job %s failed", job.GID)
		}
		if c.clock.Now().After(until) {
			return unsure(connectors.Unavailable, "Asana's job %s is not done yet", job.GID)
		}
		if err := c.clock.Sleep(ctx, jobPause); err != nil {
			return unsure(connectors.Unavailable, "the wait for Asana's job %s ended: %w", job.GID, err)
		}
		if err := c.get(ctx, opCreate, "", "/jobs/{id}", map[string]string{"id": job.GID}, "status,new_project.name", job); err != nil {
			return unsure(connectors.KindOf(err), "ask for Asana's job %s: %w", job.GID, err)
		}
	}
}

// settle gives a project that a job made its name, its marker and the fields of
// the create. Its errors are unsure: the project is there, with the key in its
// name.
func (c *Connection) settle(ctx context.Context, w *write, body map[string]any, name, key string) error {
	html, _ := body["html_notes"].(string)
	if html == "" {
		var now wireProject
		if err := c.get(ctx, opCreate, objectProject+"/"+w.id, "/projects/{id}", map[string]string{"id": w.id}, "html_notes", &now); err != nil {
			return unsettled(c.asError(opCreate, err))
		}
		html = now.HTMLNotes.v
	}
	put := map[string]any{"name": name}
	if key != "" {
		put["html_notes"] = mark(html, key)
	}
	for m, v := range body {
		if put[m] == nil {
			put[m] = v
		}
	}
	r := c.single(ctx, opCreate, &action{method: http.MethodPut, path: "/projects/" + w.id, data: put, fields: optFields(objectProject, w.scope, w.wanted)})
	if r.err != nil {
		return unsettled(r.err)
	}
	w.answer = r.data
	return nil
}

func unsettled(e *connectors.Error) error {
	out := *e
	out.Unsure = true
	return &out
}

// findProjects looks for the keys in the descriptions and names of projects. One
// that still has its key in the name is ended: it gets its name and marker.
func (c *Connection) findProjects(ctx context.Context, op string, scope *scopeRef, keys []string) ([][]string, error) {
	q, err := c.projectQuery(ctx, op, scope)
	if err != nil {
		return nil, err
	}
	q.Set("opt_fields", "name,html_notes")
	list, err := all[wireProject](ctx, c, rest.Request{Op: op, Path: "/projects", Query: q}, maxPages)
	if err != nil {
		return nil, err
	}
	out := make([][]string, len(keys))
	for i := range list {
		p := &list[i]
		_, key := unmark(p.HTMLNotes.v)
		half := key == ""
		if half {
			key = keyInName(p.Name.v)
		}
		at := slices.Index(keys, key)
		if key == "" || at < 0 {
			continue
		}
		out[at] = append(out[at], p.GID)
		if half {
			w := &write{object: objectProject, id: p.GID, scope: scope}
			if err := c.settle(ctx, w, map[string]any{"html_notes": p.HTMLNotes.v}, bareName(p.Name.v), key); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
