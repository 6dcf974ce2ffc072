package connectortest

import (
	"maps"
	"slices"

	"github.com/tenonsync/tenon/connectors"
)

// Child describes the records that are made under those of the harness.
type Child struct {
	Object   string
	Scope    connectors.Scope
	Title    string // a text field, as Harness.Title
	Required map[string]connectors.Value
}

// createChild makes a record under a parent through the connection.
func (e *env) createChild(parent, key, title string) connectors.WriteResult {
	e.Helper()
	ch := e.h.Child
	fields := maps.Clone(ch.Required)
	if fields == nil {
		fields = map[string]connectors.Value{}
	}
	fields[ch.Title] = connectors.Text(title)
	results := e.c.Create(e.Context(), []connectors.Create{{Object: ch.Object, Scope: ch.Scope, Key: key, Parent: parent, Fields: fields}})
	if len(results) != 1 {
		e.Fatalf("Create: %d results for one create", len(results))
	}
	return results[0]
}

// childKeys looks keys of children up.
func (e *env) childKeys(keys ...string) [][]string {
	e.Helper()
	found, err := e.c.FindByKey(e.Context(), e.h.Child.Object, e.h.Child.Scope, keys)
	if err != nil || len(found) != len(keys) {
		e.Fatalf("FindByKey: %d results for %d keys, %v", len(found), len(keys), err)
	}
	return found
}

var children = []test{
	{"child is made under its parent", func(e *env) {
		if e.h.Child == nil {
			e.Skipf("the object has no children")
		}
		if p := e.can.Preparer; p != nil {
			if err := p.Prepare(e.Context(), connectors.Need{Object: e.h.Child.Object}); err != nil {
				e.Fatalf("Prepare: %v", err)
			}
		}
		parents := e.seed(2)
		one, two := e.createChild(parents[0], "tenon-child-1", "First task"), e.createChild(parents[1], "tenon-child-2", "Second task")
		if one.Err != nil || two.Err != nil {
			e.Fatalf("Create under a parent: %v, %v", one.Err, two.Err)
		}
		sel := connectors.Selection{Object: e.h.Child.Object, Scope: e.h.Child.Scope, Fields: []string{e.h.Child.Title}}
		for i, r := range e.readFields(sel, one.ID, two.ID) {
			if r.Err != nil {
				e.Fatalf("Read of a child: %v", r.Err)
			}
			if r.Record.Parent != parents[i] || !r.Record.InScope {
				e.Errorf("Read: child %d has the parent %q and is in scope %v; want %q, true", i, r.Record.Parent, r.Record.InScope, parents[i])
			}
			e.present("Read of a child", r.Record, e.h.Child.Title, connectors.Text([]string{"First task", "Second task"}[i]))
		}
		e.w.Settle(e)
		found := e.childKeys("tenon-child-2", "tenon-child-1")
		if !slices.Equal(found[0], []string{two.ID}) || !slices.Equal(found[1], []string{one.ID}) {
			e.Errorf("FindByKey: %v, want %q and %q", found, two.ID, one.ID)
		}
		page, err := e.c.Changes(e.Context(), sel, "")
		seen := map[string]bool{}
		collect(seen, page.Changes)
		if err != nil {
			e.Fatalf("Changes: %v", err)
		}
		e.all("Changes of the children", seen, []string{one.ID, two.ID})
	}},
	{"no child is made under a parent that is not there", func(e *env) {
		if e.h.Child == nil || e.h.AbsentID == "" {
			e.Skipf("the object has no children")
		}
		if p := e.can.Preparer; p != nil {
			if err := p.Prepare(e.Context(), connectors.Need{Object: e.h.Child.Object}); err != nil {
				e.Fatalf("Prepare: %v", err)
			}
		}
		r := e.createChild(e.h.AbsentID, "tenon-orphan", "Orphan")
		e.kind("Create under a parent that is not there", r.Err, connectors.Invalid, connectors.NotFound)
		e.w.Settle(e)
		if found := e.childKeys("tenon-orphan")[0]; len(found) > 0 {
			e.Errorf("the orphan is there: %v", found)
		}
	}},
}
