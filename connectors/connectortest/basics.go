package connectortest

import (
	"context"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/tenonsync/tenon/connectors"
)

var basics = []test{
	{"facts are constant", func(e *env) {
		f := e.c.Facts()
		if diff := cmp.Diff(f, e.c.Facts()); diff != "" {
			e.Errorf("Facts differ from call to call:\n%s", diff)
		}
		if f.IndexLag < 0 || f.KeyLag < 0 || f.ReadBatch < 0 || f.CreateBatch < 0 || f.UpdateBatch < 0 || f.TimePrecision < 0 {
			e.Errorf("Facts hold negative numbers: %+v", f)
		}
	}},
	{"check names the account", func(e *env) {
		a, err := e.c.Check(e.Context())
		if err != nil {
			e.Fatalf("Check: %v", err)
		}
		if a.ID == "" || a.System == "" {
			e.Errorf("Check: account %+v; want an id and a system", a)
		}
		if again, err := e.c.Check(e.Context()); err != nil || again.ID != a.ID {
			e.Errorf("Check again: %+v, %v; want the same account", again, err)
		}
	}},
	{"schema describes the fields", func(e *env) {
		s := e.schema()
		if s.Object != e.h.Object || s.Label == "" {
			e.Errorf("Schema: object %q, label %q", s.Object, s.Label)
		}
		seen := map[string]bool{}
		for _, f := range s.Fields {
			e.wellFormed(f)
			if seen[f.Name] {
				e.Errorf("Schema: two fields %q", f.Name)
			}
			seen[f.Name] = true
		}
		for _, sample := range append([]Sample{{Field: e.h.Title, One: connectors.Text("x")}}, e.h.Samples...) {
			f := e.field(sample.Field)
			if !f.Writable {
				e.Errorf("Schema: field %q is not writable, but it is", f.Name)
			}
			if v := sample.one(); f.Type != v.Type() {
				e.Errorf("Schema: field %q is %v, want %v", f.Name, f.Type, v.Type())
			}
			e.offers(f, sample.One)
			e.offers(f, sample.Two)
		}
		if e.h.ReadOnly.Field != "" {
			if f := e.field(e.h.ReadOnly.Field); f.Writable {
				e.Errorf("Schema: field %q is writable, but it is not", f.Name)
			}
		}
		if diff := cmp.Diff(s, e.schema()); diff != "" {
			e.Errorf("Schema differs from call to call:\n%s", diff)
		}
	}},
	{"schema's child is an object", func(e *env) {
		child := e.schema().Child
		if child == "" {
			return // children are of the same object, or there are none
		}
		if s, err := e.c.Schema(e.Context(), child, e.h.Scope); err != nil || s.Object != child || len(s.Fields) == 0 {
			e.Errorf("Schema of the child %q in the parent's scope: %+v, %v", child, s, err)
		}
		if e.h.Child != nil && e.h.Child.Object != child {
			e.Errorf("the harness makes the child %q, the schema tells %q", e.h.Child.Object, child)
		}
	}},
	{"schema marks required fields", func(e *env) {
		s := e.schema()
		given := e.fields("x")
		for _, f := range s.Fields {
			if _, ok := given[f.Name]; f.Required && f.Creatable && !ok {
				e.Errorf("Schema: field %q is required, but creates go without it", f.Name)
			}
		}
	}},
	{"unknown object is not found", func(e *env) {
		_, err := e.c.Schema(e.Context(), "no_such_object_here", e.h.Scope)
		e.kind("Schema", err, connectors.NotFound)
	}},
	{"senseless scope is invalid", func(e *env) {
		if e.h.BadScope == nil {
			e.Skipf("the object has no scope that makes no sense")
		}
		_, err := e.c.Schema(e.Context(), e.h.Object, e.h.BadScope)
		e.kind("Schema", err, connectors.Invalid)
	}},
	{"ended context ends the call", func(e *env) {
		id := e.seed(1)[0]
		ctx, cancel := context.WithCancel(e.Context())
		cancel()
		_, err := e.c.Read(ctx, e.sel, []string{id})
		e.kind("Read", err, connectors.Unavailable)
		_, err = e.c.Changes(ctx, e.sel, "")
		e.kind("Changes", err, connectors.Unavailable)
		r := e.c.Update(ctx, []connectors.Update{e.change(id, e.fields("too late"))})
		if len(r) != 1 {
			e.Fatalf("Update: %d results, want 1", len(r))
		}
		e.kind("Update", r[0].Err, connectors.Unavailable)
		if got := e.title(id); got == "too late" {
			e.Errorf("the update took effect after its context had ended")
		}
	}},
	{"closed connection answers unavailable", func(e *env) {
		id := e.seed(1)[0]
		if err := e.c.Close(); err != nil {
			e.Errorf("Close: %v", err)
		}
		if err := e.c.Close(); err != nil {
			e.Errorf("Close again: %v", err)
		}
		_, err := e.c.Read(e.Context(), e.sel, []string{id})
		e.kind("Read", err, connectors.Unavailable)
		for _, r := range e.c.Create(e.Context(), []connectors.Create{{Object: e.h.Object, Scope: e.h.Scope, Fields: e.fields("late")}}) {
			e.kind("Create", r.Err, connectors.Unavailable)
			if connectors.IsUnsure(r.Err) {
				e.Errorf("Create on a closed connection is unsure: %v", r.Err)
			}
		}
	}},
}

func (e *env) wellFormed(f connectors.Field) {
	e.Helper()
	switch {
	case f.Name == "":
		e.Errorf("Schema: a field has no name: %+v", f)
	case f.Type == connectors.TypeNull || f.Type > connectors.TypeFile:
		e.Errorf("Schema: field %q has type %v", f.Name, f.Type)
	case f.Hidden && (f.Writable || f.Creatable):
		e.Errorf("Schema: field %q is hidden and writable", f.Name)
	case f.MaxLength < 0 || f.Scale < -1:
		e.Errorf("Schema: field %q has limits below zero", f.Name)
	}
	ids := map[string]bool{}
	for _, o := range f.Options {
		if o.ID == "" || ids[o.ID] {
			e.Errorf("Schema: field %q has an empty or doubled option %q", f.Name, o.ID)
		}
		ids[o.ID] = true
	}
}

// offers checks that the schema knows the options of a sample.
func (e *env) offers(f *connectors.Field, v connectors.Value) {
	e.Helper()
	wanted := v.Options()
	if v.Type() == connectors.TypeOption {
		wanted = []connectors.Option{v.Option()}
	}
	for _, o := range wanted {
		if !f.Open && !slices.ContainsFunc(f.Options, func(have connectors.Option) bool { return have.ID == o.ID }) {
			e.Errorf("Schema: field %q does not offer the option %q", f.Name, o.ID)
		}
	}
}
