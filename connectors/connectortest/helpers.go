package connectortest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenonsync/tenon/connectors"
)

// fields returns what a create needs, with the title.
func (e *env) fields(title string) map[string]connectors.Value {
	f := maps.Clone(e.h.Required)
	if f == nil {
		f = map[string]connectors.Value{}
	}
	f[e.h.Title] = connectors.Text(title)
	return f
}

// seed makes n records as people do and returns their ids.
func (e *env) seed(n int) []string {
	e.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = e.w.Create(e, e.fields(fmt.Sprintf("Seed %03d", i)))
	}
	return ids
}

// create makes one record through the connection.
func (e *env) create(key, title string) string {
	e.Helper()
	r := e.createResult(key, title)
	if r.Err != nil {
		e.Fatalf("Create: %v", r.Err)
	}
	if r.ID == "" {
		e.Fatalf("Create: no id and no error")
	}
	return r.ID
}

func (e *env) createResult(key, title string) connectors.WriteResult {
	e.Helper()
	results := e.c.Create(e.Context(), []connectors.Create{{Object: e.h.Object, Scope: e.h.Scope, Key: key, Fields: e.fields(title)}})
	if len(results) != 1 {
		e.Fatalf("Create: %d results for one create", len(results))
	}
	return results[0]
}

func (e *env) change(id string, fields map[string]connectors.Value) connectors.Update {
	return connectors.Update{Object: e.h.Object, Scope: e.h.Scope, ID: id, Fields: fields}
}

// update changes records; the number of results is checked.
func (e *env) update(updates ...connectors.Update) []connectors.WriteResult {
	e.Helper()
	results := e.c.Update(e.Context(), updates)
	if len(results) != len(updates) {
		e.Fatalf("Update: %d results for %d updates", len(results), len(updates))
	}
	return results
}

// read reads records; the form of the results is checked.
func (e *env) read(ids ...string) []connectors.ReadResult {
	e.Helper()
	return e.readFields(e.sel, ids...)
}

func (e *env) readFields(sel connectors.Selection, ids ...string) []connectors.ReadResult {
	e.Helper()
	results, err := e.c.Read(e.Context(), sel, ids)
	if err != nil {
		e.Fatalf("Read: %v", err)
	}
	if len(results) != len(ids) {
		e.Fatalf("Read: %d results for %d ids", len(results), len(ids))
	}
	for i, r := range results {
		if (r.Record == nil) == (r.Err == nil) {
			e.Fatalf("Read: result %d has record %v and error %v; want exactly one", i, r.Record, r.Err)
		}
		if r.Err != nil {
			e.formed(r.Err)
		}
		if r.Record != nil && r.Record.Ref.ID != ids[i] && r.Record.State != connectors.Merged {
			e.Errorf("Read: result %d is record %q, want %q", i, r.Record.Ref.ID, ids[i])
		}
	}
	return results
}

// one reads one record that must be there.
func (e *env) one(id string) *connectors.Record {
	e.Helper()
	r := e.read(id)[0]
	if r.Err != nil {
		e.Fatalf("Read %s: %v", id, r.Err)
	}
	return r.Record
}

// title returns the title that a record has in truth.
func (e *env) title(id string) string {
	e.Helper()
	truth := e.w.Truth(e, id)
	if truth == nil {
		e.Fatalf("record %s is not there", id)
	}
	return truth[e.h.Title].Text()
}

// formed checks that an error is a connection's error that says enough.
func (e *env) formed(err error) {
	e.Helper()
	ce, ok := errors.AsType[*connectors.Error](err)
	switch {
	case !ok:
		e.Errorf("error %v is a %T, want a *connectors.Error", err, err)
	case ce.Op == "" || ce.Connection == "":
		e.Errorf("error %q has op %q and connection %q; want both", err, ce.Op, ce.Connection)
	case len(err.Error()) > 4000 || strings.Contains(err.Error(), "<html"):
		e.Errorf("error is %d bytes long or holds a page: %.100q", len(err.Error()), err)
	}
}

// kind checks that err is one of the kinds.
func (e *env) kind(what string, err error, want ...connectors.Kind) {
	e.Helper()
	if err == nil {
		e.Errorf("%s: no error, want one of kind %v", what, want)
		return
	}
	e.formed(err)
	if got := connectors.KindOf(err); !slices.Contains(want, got) {
		e.Errorf("%s: error of kind %v (%v), want %v", what, got, err, want)
	}
}

// same checks a value.
func (e *env) same(what string, got, want connectors.Value) {
	e.Helper()
	if !connectors.Equal(got, want) {
		e.Errorf("%s: got %v %q, want %v %q", what, got.Type(), got, want.Type(), want)
	}
}

// present checks a field of a record.
func (e *env) present(what string, r *connectors.Record, field string, want connectors.Value) {
	e.Helper()
	got, presence := r.Get(field)
	if presence != connectors.Present {
		e.Errorf("%s: field %q is %v, want %q", what, field, presence, want)
		return
	}
	e.same(fmt.Sprintf("%s: field %q", what, field), got, want)
}

func (s Sample) one() connectors.Value {
	if s.OneReads != nil {
		return *s.OneReads
	}
	return s.One
}

func (s Sample) two() connectors.Value {
	if s.TwoReads != nil {
		return *s.TwoReads
	}
	return s.Two
}

// schema returns the harness's schema.
func (e *env) schema() *connectors.Schema {
	e.Helper()
	s, err := e.c.Schema(e.Context(), e.h.Object, e.h.Scope)
	if err != nil {
		e.Fatalf("Schema: %v", err)
	}
	return s
}

// field returns a field's schema.
func (e *env) field(name string) *connectors.Field {
	e.Helper()
	f := e.schema().Field(name)
	if f == nil {
		e.Fatalf("Schema: no field %q", name)
	}
	return f
}

// list pages through a whole round of changes.
func (e *env) list(cursor string) (rows []connectors.Change, next string) {
	e.Helper()
	for range 1000 {
		page, err := e.c.Changes(e.Context(), e.sel, cursor)
		if err != nil {
			e.Fatalf("Changes: %v", err)
		}
		rows = append(rows, page.Changes...)
		cursor = page.Next
		if cursor == "" {
			e.Fatalf("Changes: the next cursor is empty, which would start anew")
		}
		if !page.More {
			return rows, cursor
		}
	}
	e.Fatalf("Changes: no end after 1000 pages")
	return nil, ""
}

// collect adds the rows' ids to a set.
func collect(seen map[string]bool, rows []connectors.Change) {
	for _, r := range rows {
		seen[r.ID] = true
	}
}

// all checks that every id was seen.
func (e *env) all(what string, seen map[string]bool, ids []string) {
	e.Helper()
	var missing []string
	for _, id := range ids {
		if !seen[id] {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		e.Errorf("%s: %d of %d records are missing: %.200v", what, len(missing), len(ids), missing)
	}
}

// batch returns how many items fill a batch and start another, within reason.
func batch(size int) int { return min(max(size, 1)+2, 122) }

// fieldsOf returns the fields that an error names.
func fieldsOf(err error) []connectors.FieldError {
	if e, ok := errors.AsType[*connectors.Error](err); ok {
		return e.Fields
	}
	return nil
}
