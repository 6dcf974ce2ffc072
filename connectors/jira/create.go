package jira

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// createBatch is how many issues one bulk create makes.
const createBatch = 50

// Create implements connectors.Connection. The key goes into an entity property
// of the same call, and into a label where the connection is set so.
func (c *Connection) Create(ctx context.Context, creates []connectors.Create) []connectors.WriteResult {
	out := make([]connectors.WriteResult, len(creates))
	jobs := make([]*createJob, len(creates))
	var ready []int
	for i := range creates {
		jobs[i], out[i].Err = c.prepareCreate(ctx, &creates[i])
		if out[i].Err == nil {
			ready = append(ready, i)
		}
	}
	batch := 1
	if c.cloud {
		batch = createBatch
	}
	for part := range slices.Chunk(ready, batch) {
		if len(part) == 1 {
			out[part[0]] = c.createOne(ctx, jobs[part[0]])
			continue
		}
		c.createMany(ctx, part, jobs, out)
	}
	if c.cloud && !c.keyLabels {
		for _, i := range ready {
			c.made.note(jobs[i].scope.name(), creates[i].Key, out[i], c.clock.Now())
		}
	}
	return out
}

type createJob struct {
	*prepared
	scope scopeRef
}

const opCreate = "create"

func (c *Connection) prepareCreate(ctx context.Context, cr *connectors.Create) (*createJob, error) {
	if err := c.checkObject(opCreate, cr.Object); err != nil {
		return nil, err
	}
	scope, err := c.scope(ctx, opCreate, cr.Scope, false)
	if err != nil {
		return nil, err
	}
	if scope.project == "" {
		return nil, c.fail(opCreate, "", connectors.Invalid, "the scope names no project to create the issue in")
	}
	p, err := c.prepare(ctx, opCreate, cr.Fields, nil)
	if err != nil {
		return nil, err
	}
	if len(p.refused) > 0 && !onlyPeople(p) {
		return nil, &connectors.Error{Op: opCreate, Connection: c.name, Kind: connectors.Invalid, Fields: p.refused}
	}
	p.edit.Fields["project"] = map[string]string{"id": scope.project}
	if scope.issueType != "" {
		p.edit.Fields["issuetype"] = map[string]string{"id": scope.issueType}
	}
	for name, v := range p.edit.Fields {
		if v == nil {
			delete(p.edit.Fields, name) // an empty field is no part of a create
		}
	}
	if cr.Key != "" {
		c.addKey(p, cr.Key)
	}
	if cr.Parent != "" {
		if err := c.addParent(ctx, p, scope, cr.Parent); err != nil {
			return nil, err
		}
	}
	return &createJob{prepared: p, scope: scope}, nil
}

// onlyPeople reports whether a write lacks nothing but people who were not
// found: that never keeps a record from being made.
func onlyPeople(p *prepared) bool {
	return !slices.ContainsFunc(p.refused, func(e connectors.FieldError) bool {
		i := slices.IndexFunc(p.wanted, func(f *field) bool { return f.id == e.Field })
		return i < 0 || p.wanted[i].shape != person
	})
}

// addParent puts an issue below another one: an epic's child or a sub-task.
// Data Center has a field of its own for epics.
func (c *Connection) addParent(ctx context.Context, p *prepared, scope scopeRef, parent string) error {
	if !isID(parent) {
		return c.fail(opCreate, "", connectors.Invalid, "the parent %q is no id of an issue", parent)
	}
	if c.cloud || scope.subtask {
		p.edit.Fields["parent"] = map[string]string{"id": parent}
		return nil
	}
	if _, err := c.siteFields(ctx, opCreate, metaAge); err != nil {
		return err
	}
	epic := c.epicField()
	if epic == "" {
		return c.fail(opCreate, "", connectors.Invalid, "this Jira has no Epic Link: only sub-tasks can have a parent")
	}
	key, err := c.keyOf(ctx, opCreate, parent)
	if connectors.KindOf(err) == connectors.NotFound {
		return c.fail(opCreate, "", connectors.Invalid, "there is no parent issue with the id %s, or the account may not see it", parent)
	}
	if err != nil {
		return err
	}
	p.edit.Fields[epic] = key
	return nil
}

func (c *Connection) createOne(ctx context.Context, job *createJob) connectors.WriteResult {
	var made issue
	_, err := c.do(ctx, rest.Request{
		Op: opCreate, Method: "POST", Path: "/issue", Body: job.edit, Out: &made,
	})
	if err != nil {
		return connectors.WriteResult{Err: c.explainCreate(ctx, job.scope, err)}
	}
	return c.finish(ctx, job, made)
}

// createMany makes several issues in one call, some of which Jira may refuse.
func (c *Connection) createMany(ctx context.Context, part []int, jobs []*createJob, out []connectors.WriteResult) {
	edits := make([]edit, len(part))
	for i, n := range part {
		edits[i] = jobs[n].edit
	}
	var answer bulkResult
	resp, err := c.do(ctx, rest.Request{
		Op: opCreate, Method: "POST", Path: "/issue/bulk", Body: map[string]any{"issueUpdates": edits},
		Out: &answer, Accept: []int{400}, Units: max(len(part), 1),
	})
	if err == nil && resp.Status == 400 && len(answer.Errors) == 0 {
		var r refusal
		_ = json.Unmarshal(resp.Body, &r) // an empty refusal has no words
		words, _ := r.words()
		err = c.fail(opCreate, "", connectors.Invalid, "%s", cmp.Or(words, "Jira refused the request"))
	}
	if err != nil {
		for _, n := range part {
			out[n].Err = err
		}
		return
	}
	failed := map[int]error{}
	for _, e := range answer.Errors {
		words, fields := e.ElementErrors.words()
		for i, f := range fields {
			fields[i] = connectors.FieldError{Field: c.http.Clip(f.Field), Reason: c.http.Clip(f.Reason)}
		}
		if e.FailedElementNumber < 0 || e.FailedElementNumber >= len(part) {
			continue
		}
		failed[e.FailedElementNumber] = c.explainCreate(ctx, jobs[part[e.FailedElementNumber]].scope, &connectors.Error{
			Op: opCreate, Connection: c.name, Kind: kindOfElement(e.Status), Fields: fields,
			Err: &rest.StatusError{Status: e.Status, Message: c.http.Clip(words)},
		})
	}
	made := answer.Issues
	for i, n := range part {
		switch {
		case failed[i] != nil:
			out[n].Err = failed[i]
		case len(made) == 0:
			out[n].Err = &connectors.Error{
				Op: opCreate, Connection: c.name, Kind: connectors.Internal, Unsure: true,
				Err: errShortBulk,
			}
		default:
			out[n] = c.finish(ctx, jobs[n], made[0])
			made = made[1:]
		}
	}
}

func kindOfElement(status int) connectors.Kind {
	switch status {
	case 401:
		return connectors.Auth
	case 403:
		return connectors.Permission
	case 404:
		return connectors.NotFound
	case 429:
		return connectors.RateLimited
	}
	if status >= 500 {
		return connectors.Unavailable
	}
	return connectors.Invalid
}

// explainCreate judges a refused create again where Jira names the project or
// the type, which the caller cannot leave out: the account may lack the right
// to create issues there.
func (c *Connection) explainCreate(ctx context.Context, scope scopeRef, err error) error {
	e, ok := asError(err)
	fixed := func(f connectors.FieldError) bool {
		return f.Field == "project" || f.Field == "issuetype" || f.Field == "pid"
	}
	if !ok || !slices.ContainsFunc(e.Fields, fixed) {
		return err
	}
	out := *e
	out.Fields = nil
	have, err := c.permissions(ctx, opCreate, query("permissions", "CREATE_ISSUES", "projectId", scope.project))
	if err == nil && !have["CREATE_ISSUES"] {
		out.Kind, out.Help = connectors.Permission, "give the account the right Create issues in project "+scope.projectKey
	}
	return &out
}

// finish moves a new issue to its status and reports it.
func (c *Connection) finish(ctx context.Context, job *createJob, made issue) connectors.WriteResult {
	res := connectors.WriteResult{ID: made.ID, Refused: job.refused}
	if made.ID == "" {
		res.Err = &connectors.Error{Op: opCreate, Connection: c.name, Kind: connectors.Internal, Unsure: true, Err: errNoID}
		return res
	}
	c.keys.put(made.ID, made.Key)
	if !job.status.IsNull() {
		reason, err := c.move(ctx, opCreate, made.ID, job.prepared, job.scope)
		if err != nil {
			reason = "the issue was made, but not moved: " + err.Error()
		}
		if reason != "" {
			res.Refused = append(res.Refused, connectors.FieldError{Field: "status", Reason: reason})
		}
	}
	return res
}
