package asana

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tenonsync/tenon/connectors"
	"github.com/tenonsync/tenon/connectors/rest"
)

const (
	cursorMark = "asana1."
	// overlap covers the whole seconds of the server's clock and writes that
	// commit late.
	overlap = 2 * time.Minute
	// maxEventPages bounds the events that one call takes in.
	maxEventPages = 50
	// maxToken bounds the tokens that a cursor keeps.
	maxToken = 1000
	// maxRestarts is how often one walk begins anew because of its pages.
	maxRestarts = 4
)

// walk is the cursor of Changes: one pass through a project's list, with the
// place in its event stream.
type walk struct {
	Since    int64  `json:"s,omitempty"` // of the list, in milliseconds; 0: everything
	Begun    int64  `json:"b,omitempty"` // when the pass began, by the server's clock; 0: it did not yet
	Offset   string `json:"o,omitempty"` // the page to come
	Sync     string `json:"t,omitempty"` // of the event stream
	Sections bool   `json:"p,omitempty"` // the pass goes section by section
	Section  int    `json:"i,omitempty"`
	Restarts int    `json:"r,omitempty"`
}

func (w walk) String() string {
	raw, err := json.Marshal(w)
	if err != nil { // numbers and texts always marshal
		return ""
	}
	return cursorMark + base64.RawURLEncoding.EncodeToString(raw)
}

func parseWalk(cursor string) (walk, error) {
	var w walk
	if cursor == "" {
		return w, nil
	}
	coded, ok := strings.CutPrefix(cursor, cursorMark)
	if !ok {
		return w, errors.New("the cursor is none of this connection's")
	}
	raw, err := base64.RawURLEncoding.DecodeString(coded)
	if err != nil || json.Unmarshal(raw, &w) != nil || w.Since < 0 || w.Begun < 0 || w.Section < 0 {
		return w, errors.New("the cursor is damaged")
	}
	return w, nil
}

// Changes implements connectors.Connection. A pass takes in the project's
// events, which tell of deletes and moves, then lists what was modified since
// the last pass. A gap in the events makes a full pass.
func (c *Connection) Changes(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error) {
	const op = "list changes"
	if err := c.checkObject(op, sel.Object); err != nil {
		return connectors.ChangePage{}, err
	}
	w, err := parseWalk(cursor)
	if err != nil {
		return connectors.ChangePage{}, c.fail(op, "", connectors.Invalid, "%w", err)
	}
	scope, err := c.scope(ctx, op, sel.Object, sel.Scope)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	if sel.Object == objectProject {
		return c.projectChanges(ctx, op, sel, scope, w)
	}
	var told []connectors.Change
	if w.Begun == 0 {
		if told, err = c.beginWalk(ctx, op, sel.Object, scope.project.gid, &w); err != nil {
			return connectors.ChangePage{}, err
		}
	}
	var listed []connectors.Change
	more := false
	if sel.Object == objectTask || w.Since == 0 {
		if listed, more, err = c.walkPage(ctx, op, sel, scope, &w); err != nil {
			return connectors.ChangePage{}, err
		}
	}
	told = slices.DeleteFunc(told, func(t connectors.Change) bool {
		return t.State == connectors.Live && slices.ContainsFunc(listed, func(l connectors.Change) bool { return l.ID == t.ID })
	})
	if !more {
		w = walk{Since: max(w.Begun-overlap.Milliseconds(), 1), Sync: w.Sync}
	}
	return connectors.ChangePage{Changes: append(told, listed...), Next: w.String(), More: more}, nil
}

// beginWalk takes in the events since the last pass. It notes when the pass
// begins by the server's clock, before anything is read.
func (c *Connection) beginWalk(ctx context.Context, op, object, project string, w *walk) ([]connectors.Change, error) {
	var out []connectors.Change
	for n := range maxEventPages {
		page, gap, at, err := c.events(ctx, op, project, w.Sync)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			w.Begun = at.UnixMilli()
		}
		w.Sync = page.Sync
		if gap {
			w.Since = 0
			return out, nil
		}
		for i := range page.Data {
			if ch, ok := page.Data[i].change(object); ok && !slices.ContainsFunc(out, func(o connectors.Change) bool { return o.ID == ch.ID && o.State == ch.State }) {
				out = append(out, ch)
			}
		}
		if !page.More {
			break
		}
	}
	return out, nil
}

// eventPage is an answer of the event stream.
type eventPage struct {
	Data []wireEvent `json:"data"`
	Sync string      `json:"sync"`
	More bool        `json:"has_more"`
}

type wireRef struct {
	GID  string `json:"gid"`
	Type string `json:"resource_type"`
}

// wireEvent is an event of a stream or a webhook.
type wireEvent struct {
	Action   string   `json:"action"`
	Resource wireRef  `json:"resource"`
	Parent   *wireRef `json:"parent"`
}

// change makes a hint of an event. What the list of modified tasks tells anyhow
// is left out for tasks; subtasks stand in no list.
func (e *wireEvent) change(object string) (connectors.Change, bool) {
	ch := connectors.Change{Object: object, ID: e.Resource.GID}
	switch e.Resource.Type {
	case "task":
		if e.Action == "deleted" {
			ch.State = connectors.Deleted
		}
		return ch, isID(ch.ID) && (object == objectSubtask || e.Action != "changed")
	case "story", "attachment":
		if object != objectSubtask || e.Parent == nil || e.Parent.Type != "task" {
			return ch, false
		}
		ch.ID = e.Parent.GID
		return ch, isID(ch.ID)
	}
	return ch, false
}

// events asks for what happened since a token. A gap says that the token is not
// good any more: the page then holds nothing but the next one.
func (c *Connection) events(ctx context.Context, op, resource, sync string) (page eventPage, gap bool, at time.Time, err error) {
	q := url.Values{"resource": {resource}}
	if sync != "" {
		q.Set("sync", sync)
	}
	resp, err := c.http.Do(ctx, rest.Request{Op: op, Path: "/events", Query: q, Out: &page, Accept: []int{http.StatusPreconditionFailed}})
	if err != nil {
		return page, false, at, err
	}
	if page.Sync == "" || len(page.Sync) > maxToken {
		return page, false, at, c.fail(op, "", connectors.Internal, "the event stream gave no sync token that can be kept")
	}
	return page, resp.Status == http.StatusPreconditionFailed, c.serverTime(resp), nil
}

// serverTime is the time that an answer's Date tells, else ours.
func (c *Connection) serverTime(resp *rest.Response) time.Time {
	if resp != nil {
		if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
			return at
		}
	}
	return c.clock.Now()
}

// walkPage lists the next page of a pass.
func (c *Connection) walkPage(ctx context.Context, op string, sel connectors.Selection, scope *scopeRef, w *walk) (rows []connectors.Change, more bool, err error) {
	q := url.Values{"project": {scope.project.gid}}
	section := scope.section
	if w.Sections {
		if w.Section >= len(scope.project.sections) {
			return nil, false, nil
		}
		section = scope.project.sections[w.Section].GID
	}
	if section != "" {
		q = url.Values{"section": {section}}
	}
	if w.Since > 0 {
		q.Set("modified_since", time.UnixMilli(w.Since).UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	object := sel.Object
	fields := optFields(object, scope, sel.Fields)
	if object == objectSubtask {
		fields = "num_subtasks"
	}
	q.Set("opt_fields", fields)
	list, next, _, err := page[wireTask](ctx, c, rest.Request{Op: op, Path: "/tasks", Query: q}, w.Offset)
	if err != nil && connectors.KindOf(err) == connectors.Invalid && w.Offset != "" && w.Restarts < maxRestarts {
		// The page's token has run out, or the list is longer than Asana pages
		// through: section by section the lists are shorter.
		*w = walk{Since: w.Since, Begun: w.Begun, Sync: w.Sync, Sections: scope.section == "", Restarts: w.Restarts + 1}
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	rows, err = c.rowsOf(ctx, op, sel, scope, list)
	if err != nil {
		return nil, false, err
	}
	w.Offset = next
	if next == "" && w.Sections {
		w.Section++
		return rows, w.Section < len(scope.project.sections), nil
	}
	return rows, next != "", nil
}

// rowsOf makes rows of listed tasks; of their subtasks where those are wanted.
func (c *Connection) rowsOf(ctx context.Context, op string, sel connectors.Selection, scope *scopeRef, list []wireTask) ([]connectors.Change, error) {
	if sel.Object == objectSubtask {
		var err error
		if list, err = c.below(ctx, op, optFields(objectSubtask, scope, sel.Fields)+",num_subtasks", list); err != nil {
			return nil, err
		}
	}
	rows := make([]connectors.Change, 0, len(list))
	for i := range list {
		t := &list[i]
		if !isID(t.GID) {
			return nil, c.fail(op, "", connectors.Internal, "%w", errNoID)
		}
		row := connectors.Change{Object: sel.Object, ID: t.GID, Version: versionOf(t)}
		if len(sel.Fields) > 0 {
			row.Record = c.taskRecord(t, sel.Object, sel.Fields, scope)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// maxBelow bounds how deep subtasks are walked.
const maxBelow = 5

// below returns the subtasks of tasks, and those below them.
func (c *Connection) below(ctx context.Context, op, fields string, tasks []wireTask) ([]wireTask, error) {
	var out []wireTask
	for range maxBelow {
		var actions []action
		for i := range tasks {
			if n, err := tasks[i].Subtasks.v.Int64(); err == nil && n > 0 && isID(tasks[i].GID) {
				actions = append(actions, action{method: http.MethodGet, path: "/tasks/" + tasks[i].GID + "/subtasks", fields: fields, limit: pageSize})
			}
		}
		tasks = nil
		for pages := 0; len(actions) > 0; pages++ {
			if pages == maxPages {
				return nil, c.fail(op, "", connectors.Internal, "%w", errEndless)
			}
			var again []action
			for i, r := range c.run(ctx, op, actions) {
				if r.err != nil {
					if connectors.KindOf(r.err) == connectors.NotFound {
						continue // deleted meanwhile
					}
					return nil, r.err
				}
				var list []wireTask
				if err := decodeData(r.data, &list); err != nil {
					return nil, c.fail(op, "", connectors.Internal, "%w", err)
				}
				tasks = append(tasks, list...)
				if r.next != "" && r.next != actions[i].offset {
					a := actions[i]
					a.offset = r.next
					again = append(again, a)
				}
			}
			actions = again
		}
		if len(tasks) == 0 {
			return out, nil
		}
		out = append(out, tasks...)
	}
	return out, nil
}

// projectChanges lists projects: Asana cannot list those modified since.
func (c *Connection) projectChanges(ctx context.Context, op string, sel connectors.Selection, scope *scopeRef, w walk) (connectors.ChangePage, error) {
	q, err := c.projectQuery(ctx, op, scope)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	q.Set("opt_fields", optFields(objectProject, scope, sel.Fields))
	rows, next, resp, err := page[wireProject](ctx, c, rest.Request{Op: op, Path: "/projects", Query: q}, w.Offset)
	if err != nil && connectors.KindOf(err) == connectors.Invalid && w.Offset != "" && w.Restarts < maxRestarts {
		w = walk{Since: w.Since, Begun: w.Begun, Restarts: w.Restarts + 1}
		return connectors.ChangePage{More: true, Next: w.String()}, nil
	}
	if err != nil {
		return connectors.ChangePage{}, err
	}
	if w.Begun == 0 {
		w.Begun = c.serverTime(resp).UnixMilli()
	}
	out := connectors.ChangePage{More: next != ""}
	for i := range rows {
		p := &rows[i]
		if !isID(p.GID) {
			return connectors.ChangePage{}, c.fail(op, "", connectors.Internal, "%w", errNoID)
		}
		if at := parseTime(p.ModifiedAt); w.Since > 0 && at.UnixMilli() < w.Since {
			continue
		}
		r := c.projectRecord(p, sel.Fields, scope)
		row := connectors.Change{Object: objectProject, ID: p.GID, Version: r.Version, State: r.State}
		if len(sel.Fields) > 0 {
			row.Record = r
		}
		out.Changes = append(out.Changes, row)
	}
	if w.Offset = next; next == "" {
		w = walk{Since: max(w.Begun-overlap.Milliseconds(), 1)}
	}
	out.Next = w.String()
	return out, nil
}

func (c *Connection) projectQuery(ctx context.Context, op string, scope *scopeRef) (url.Values, error) {
	if scope.team != "" {
		return url.Values{"team": {scope.team}}, nil
	}
	me, err := c.whoami(ctx, op)
	if err != nil {
		return nil, err
	}
	return url.Values{"workspace": {me.workspace.GID}}, nil
}
