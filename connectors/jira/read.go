package jira

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

// readBatch is how many issues one bulkfetch reads.
const readBatch = 100

// singles is how many issues are read at the same time where each takes a
// request.
const singles = 4

// own are the fields that every record is made of.
var own = []string{"summary", "project", "issuetype", "updated", "created", "parent"}

// Read implements connectors.Connection. It does not go through the search
// index. A record that is missing is a Permission error when the account may
// not browse the project any more, else NotFound; Jira tells no more.
func (c *Connection) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	const op = "read"
	if err := c.checkObject(op, sel.Object); err != nil {
		return nil, err
	}
	scope, err := c.scope(ctx, op, sel.Scope, false)
	if err != nil {
		return nil, err
	}
	wanted, err := c.fieldsOf(ctx, op, sel.Fields)
	if err != nil {
		return nil, err
	}
	if !c.cloud { // which field links epics
		if _, err := c.siteFields(ctx, op, metaAge); err != nil {
			return nil, err
		}
	}
	records := make(map[string]*issue, len(ids))
	failed := map[string]error{}
	var single []string
	if c.cloud {
		valid := slices.DeleteFunc(uniqueIDs(ids), func(id string) bool { return !isID(id) })
		for batch := range slices.Chunk(valid, readBatch) {
			if err := c.fetch(ctx, op, batch, wanted, records); err != nil {
				return nil, err
			}
		}
	}
	for _, id := range uniqueIDs(ids) {
		if records[id] == nil {
			single = append(single, id)
		}
	}
	if err := c.fetchSingles(ctx, op, single, wanted, records, failed); err != nil {
		return nil, err
	}
	if err := c.linkEpics(ctx, op, records); err != nil {
		return nil, err
	}
	out := make([]connectors.ReadResult, len(ids))
	var lost error // why the missing are missing, if not deleted
	if len(failed) > 0 {
		if lost, err = c.mayNotBrowse(ctx, op, scope); err != nil {
			return nil, err
		}
	}
	for i, id := range ids {
		if w := records[id]; w != nil {
			out[i].Record = c.toRecord(w, wanted, scope)
			continue
		}
		out[i].Err = failed[id]
		if lost != nil && connectors.KindOf(failed[id]) == connectors.NotFound {
			out[i].Err = c.fail(op, ref(id), connectors.Permission, "%w", lost)
		}
	}
	return out, nil
}

func (c *Connection) toRecord(w *issue, wanted []*field, scope scopeRef) *connectors.Record {
	r, odd := c.record(w, wanted, scope)
	if len(odd) > 0 {
		c.log.Warn("fields left out: their values do not have the form of their type", "record_id", w.ID, "fields", odd)
	}
	return r
}

func uniqueIDs(ids []string) []string {
	seen := make(map[string]bool, len(ids))
	out := make([]string, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// fieldNames lists what to ask of Jira for the wanted fields.
func (c *Connection) fieldNames(wanted []*field) []string {
	names := slices.Clone(own)
	for _, f := range wanted {
		if f.shape != issueKey && !slices.Contains(names, f.id) {
			names = append(names, f.id)
		}
	}
	if epic := c.epicField(); epic != "" && !slices.Contains(names, epic) {
		names = append(names, epic)
	}
	return names
}

// fetch reads a batch of issues, Cloud only. Ids that are no issues any more
// stay missing.
func (c *Connection) fetch(ctx context.Context, op string, ids []string, wanted []*field, into map[string]*issue) error {
	var page issueList
	_, err := c.do(ctx, rest.Request{
		Op: op, Method: "POST", Path: "/issue/bulkfetch", Reads: true, Out: &page, Units: 1 + len(ids),
		Body: map[string]any{"issueIdsOrKeys": ids, "fields": c.fieldNames(wanted)},
	})
	if connectors.KindOf(err) == connectors.Invalid {
		return nil // one id may make no sense: each is read by itself
	}
	if err != nil {
		return err
	}
	for i := range page.Issues {
		w := &page.Issues[i]
		if slices.Contains(ids, w.ID) {
			into[w.ID] = w
		}
	}
	return nil
}

// fetchSingles reads issues one by one. What is wrong with one goes into failed.
func (c *Connection) fetchSingles(ctx context.Context, op string, ids []string, wanted []*field, into map[string]*issue, failed map[string]error) error {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(singles)
	for _, id := range ids {
		g.Go(func() error {
			w, err := c.getIssue(ctx, op, id, c.fieldNames(wanted))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil && w.ID == id:
				into[id] = w
			case err == nil: // a key, not an id
				failed[id] = c.fail(op, ref(id), connectors.NotFound, "there is no issue with this id")
			case connectors.AboutRecord(err):
				failed[id] = err
			default:
				return err
			}
			return nil
		})
	}
	return g.Wait()
}

func (c *Connection) getIssue(ctx context.Context, op, id string, fields []string) (*issue, error) {
	if !isID(id) {
		return nil, c.fail(op, ref(id), connectors.NotFound, "the id of an issue is a number")
	}
	var w issue
	q := query()
	for _, f := range fields {
		q.Add("fields", f)
	}
	_, err := c.do(ctx, rest.Request{
		Op: op, Record: ref(id), Path: "/issue/{id}", Params: map[string]string{"id": id}, Query: q, Out: &w,
	})
	if err != nil {
		return nil, err
	}
	return &w, nil
}

func isID(id string) bool {
	if id == "" || len(id) > 19 {
		return false
	}
	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' {
			return false
		}
	}
	return true
}

// mayNotBrowse returns the reason why the scope's issues are out of sight, nil
// if they are not.
func (c *Connection) mayNotBrowse(ctx context.Context, op string, scope scopeRef) (reason, err error) {
	if scope.project == "" {
		return nil, nil
	}
	q := query("permissions", "BROWSE_PROJECTS", "projectId", scope.project)
	have, err := c.permissions(ctx, op, q)
	switch {
	case connectors.KindOf(err) == connectors.NotFound, err == nil && !have["BROWSE_PROJECTS"]:
		return errors.New("the account may not browse project " + scope.projectKey + " any more"), nil
	case err != nil:
		return nil, err
	}
	return nil, nil
}

// epicField returns the id of Data Center's field for the epic of an issue, ""
// if there is none.
func (c *Connection) epicField() string {
	c.meta.mu.Lock()
	defer c.meta.mu.Unlock()
	return c.meta.epicLink
}
