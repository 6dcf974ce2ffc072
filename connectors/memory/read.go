package memory

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tenonsync/tenon/connectors"
)

// Read implements connectors.Connection.
func (c *Connection) Read(ctx context.Context, sel connectors.Selection, ids []string) ([]connectors.ReadResult, error) {
	results := make([]connectors.ReadResult, len(ids))
	batch := max(c.system.opts.ReadBatch, 1)
	for from := 0; from < len(ids); from += batch {
		if err := c.begin(ctx, Moment{Call: "read", Object: sel.Object}, ""); err != nil {
			return nil, err
		}
		end := min(from+batch, len(ids))
		errs := c.readMoments(sel.Object, ids[from:end])
		t, err := c.lock("read", sel.Object)
		if err != nil {
			return nil, err
		}
		for i := from; i < end; i++ {
			if results[i].Err = errs[i-from]; results[i].Err == nil {
				results[i] = c.read(t, sel, ids[i])
			}
		}
		c.system.mu.Unlock()
	}
	return results, nil
}

// readMoments runs the hook for each record of a read, where the system has such
// moments.
func (c *Connection) readMoments(object string, ids []string) []error {
	errs := make([]error, len(ids))
	if c.system.opts.ReadMoments {
		for i, id := range ids {
			errs[i] = c.hooked(Moment{Call: "read record", Object: object, ID: id}, object+"/"+id)
		}
	}
	return errs
}

func (c *Connection) read(t *table, sel connectors.Selection, id string) connectors.ReadResult {
	if t.veil == Forbidden {
		return connectors.ReadResult{Err: c.forbidden("read", sel.Object+"/"+id)}
	}
	r := c.find(t, id)
	if r == nil {
		return connectors.ReadResult{Err: c.fail("read", sel.Object+"/"+id, connectors.NotFound, errors.New("there is no such record"))}
	}
	return connectors.ReadResult{Record: c.show(t, r, sel.Scope, sel.Fields)}
}

// find returns the record that a call may know of, or nil.
func (c *Connection) find(t *table, id string) *record {
	r := c.system.byID[id]
	if r == nil || r.object != t.def.Schema.Object || t.veils(r) || r.state == connectors.Deleted && !c.system.opts.ShowsDeleted {
		return nil
	}
	return r
}

// show builds the record that a read tells.
func (c *Connection) show(t *table, r *record, scope connectors.Scope, fields []string) *connectors.Record {
	rec := &connectors.Record{
		Ref:     connectors.Ref{Connection: c.name, Object: r.object, ID: r.id},
		Created: r.created, Modified: r.modified, State: r.state, InScope: r.in(scope), MergedInto: r.into,
		URL: c.system.urlOf(r), Key: c.system.keyOf(t, r), Title: t.titleOf(r), Parent: r.parent,
	}
	if !c.system.opts.NoVersions {
		rec.Version = strconv.Itoa(r.version)
	}
	if r.state == connectors.Deleted || r.state == connectors.Merged {
		return rec
	}
	for _, name := range fields {
		switch f := t.fields[name]; {
		case f == nil:
		case t.hidden[name] && c.system.opts.HidesSilently:
		case t.hidden[name]:
			rec.Hide(name)
		default:
			rec.Set(name, c.system.current(r.fields[name]))
		}
	}
	return rec
}

// current gives a reference its title of today.
func (s *System) current(v connectors.Value) connectors.Value {
	if object, id, _ := v.Reference(); id != "" {
		if r := s.byID[id]; r != nil {
			return connectors.Reference(object, id, r.fields["title"].Text())
		}
	}
	return v
}

// Changes implements connectors.Connection. Its cursor lies IndexLag before
// the start of a round of pages: a row that shows while the round goes on
// belongs to the next round.
func (c *Connection) Changes(ctx context.Context, sel connectors.Selection, cursor string) (connectors.ChangePage, error) {
	at, ok := parseRound(cursor)
	if !ok {
		return connectors.ChangePage{}, c.fail("changes", "", connectors.Invalid, errors.New("the cursor is not one of ours"))
	}
	if err := c.begin(ctx, Moment{Call: "changes", Object: sel.Object}, ""); err != nil {
		return connectors.ChangePage{}, err
	}
	t, err := c.lock("changes", sel.Object)
	if err != nil {
		return connectors.ChangePage{}, err
	}
	defer c.system.mu.Unlock()
	if err := t.checkScope(sel.Scope); err != nil {
		return connectors.ChangePage{}, c.fail("changes", "", connectors.Invalid, err)
	}
	if life := c.system.opts.CursorLife; life > 0 && at.floor.IsZero() && !at.pos.at.IsZero() && c.system.now().Sub(at.pos.at) > life {
		return connectors.ChangePage{}, c.fail("changes", "", connectors.Invalid, errors.New("the cursor is too old"))
	}
	if at.floor.IsZero() {
		at.floor = c.system.now().Add(-c.system.opts.IndexLag - c.system.opts.Precision)
	}
	rows, more := c.system.listed(t, sel.Scope, at.pos, c.system.opts.PageSize)
	if again, ok := c.system.before(t, at.pos); ok && c.system.opts.ShiftingPages && at.pos.seq > 0 {
		rows = append([]entry{again}, rows...)
	}
	page := connectors.ChangePage{More: more, Changes: make([]connectors.Change, len(rows))}
	for i, e := range rows {
		page.Changes[i] = connectors.Change{Object: sel.Object, ID: e.rec.id, Modified: e.modified, State: e.state}
		if !c.system.opts.NoVersions {
			page.Changes[i].Version = strconv.Itoa(e.version)
		}
		if c.system.opts.ListsRecords && len(sel.Fields) > 0 && e.version == e.rec.version {
			page.Changes[i].Record = c.show(t, e.rec, sel.Scope, sel.Fields)
		}
		at.pos = position{at: e.modified, seq: e.rec.seq}
	}
	if !more {
		if at.pos.at.After(at.floor) || c.system.opts.CursorLife > 0 {
			at.pos = position{at: at.floor}
		}
		at.floor = time.Time{}
	}
	page.Next = at.String()
	return page, nil
}

// FindByKey implements connectors.Connection. It finds what has left the scope,
// too.
func (c *Connection) FindByKey(ctx context.Context, object string, _ connectors.Scope, keys []string) ([][]string, error) {
	if err := c.begin(ctx, Moment{Call: "find by key", Object: object}, ""); err != nil {
		return nil, err
	}
	t, err := c.lock("find by key", object)
	if err != nil {
		return nil, err
	}
	defer c.system.mu.Unlock()
	now := c.system.now()
	found := make([][]string, len(keys))
	for i, key := range keys {
		for _, r := range t.byKey[key] {
			if key != "" && !t.veils(r) && !r.keySeen.After(now) && r.state != connectors.Deleted && r.state != connectors.Merged {
				found[i] = append(found[i], r.id)
			}
		}
	}
	return found, nil
}
