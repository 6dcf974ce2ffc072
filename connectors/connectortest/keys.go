package connectortest

import (
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tenonsync/tenon/connectors"
)

// byKey looks keys up; the number of results is checked.
func (e *env) byKey(keys ...string) [][]string {
	e.Helper()
	found, err := e.c.FindByKey(e.Context(), e.h.Object, e.h.Scope, keys)
	if err != nil {
		e.Fatalf("FindByKey: %v", err)
	}
	if len(found) != len(keys) {
		e.Fatalf("FindByKey: %d results for %d keys", len(found), len(keys))
	}
	return found
}

var keys = []test{
	{"created record is found by its key", func(e *env) {
		one, two := e.create("tenon-k1", "One"), e.create("tenon-k2", "Two")
		plain := e.create("", "No key")
		e.w.Settle(e)
		got := e.byKey("tenon-k2", "tenon-none", "tenon-k1")
		want := [][]string{{two}, nil, {one}}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			e.Errorf("FindByKey, with %s made without a key (-want +got):\n%s", plain, diff)
		}
	}},
	{"key is found within its lag, or not at all", func(e *env) {
		id := e.create("tenon-early", "Early")
		got := e.byKey("tenon-early")[0]
		if len(got) > 1 || len(got) == 1 && got[0] != id {
			e.Errorf("FindByKey right after the create: %v, want %q or nothing", got, id)
		}
		if e.c.Facts().KeyWait() == 0 && len(got) != 1 {
			e.Errorf("FindByKey does not know the key at once, as the facts say it does")
		}
	}},
	{"key differs in its last letter", func(e *env) {
		long := "tenon-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789-abcdefgh-"
		a := e.create(long[:63]+"a", "A")
		e.w.Settle(e)
		got := e.byKey(long[:63]+"b", long[:63]+"a", long[:63])
		if diff := cmp.Diff([][]string{nil, {a}, nil}, got, cmpopts.EquateEmpty()); diff != "" {
			e.Errorf("FindByKey (-want +got):\n%s", diff)
		}
	}},
	{"key outlives edits", func(e *env) {
		id := e.create("tenon-keep", "Before")
		for _, s := range e.h.Samples {
			e.w.Edit(e, id, s.Field, s.Two)
		}
		if r := e.update(e.change(id, map[string]connectors.Value{e.h.Title: connectors.Text("After")}))[0]; r.Err != nil {
			e.Fatalf("Update: %v", r.Err)
		}
		e.w.Settle(e)
		if got := e.byKey("tenon-keep")[0]; !slices.Equal(got, []string{id}) {
			e.Errorf("FindByKey after edits: %v, want %q", got, id)
		}
	}},
	{"key shows in no mapped field", func(e *env) {
		id := e.create("tenon-unseen", "Clean")
		for name, v := range e.w.Truth(e, id) {
			if name == e.h.Title && v.Text() != "Clean" {
				e.Errorf("the title is %q, want what was written", v)
			}
		}
		r := e.one(id)
		for _, s := range e.h.Samples {
			if v, _ := r.Get(s.Field); !v.IsNull() && e.h.Required[s.Field].IsNull() {
				e.Logf("field %q of a record made with title and key reads %q", s.Field, v)
			}
		}
	}},
	{"repeated create", func(e *env) {
		first := e.create("tenon-twice", "First")
		second := e.createResult("tenon-twice", "Second")
		e.w.Settle(e)
		got := e.byKey("tenon-twice")[0]
		if e.c.Facts().KeyIsUnique {
			e.kind("Create with a key that is taken", second.Err, connectors.Conflict)
			if !slices.Equal(got, []string{first}) || len(e.w.IDs(e)) != 1 {
				e.Errorf("FindByKey: %v, %d records; want %q alone", got, len(e.w.IDs(e)), first)
			}
			return
		}
		if second.Err != nil {
			e.Fatalf("Create: %v", second.Err)
		}
		want := []string{first, second.ID}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			e.Errorf("FindByKey: %v, want both %v", got, want)
		}
	}},
	{"many keys, results in order", func(e *env) {
		const n = 60
		creates := make([]connectors.Create, n)
		names := make([]string, n)
		for i := range creates {
			names[i] = fmt.Sprintf("tenon-many-%02d", i)
			creates[i] = connectors.Create{Object: e.h.Object, Scope: e.h.Scope, Key: names[i], Fields: e.fields(fmt.Sprintf("Many %02d", i))}
		}
		results := e.c.Create(e.Context(), creates)
		e.w.Settle(e)
		slices.Reverse(names)
		for i, got := range e.byKey(names...) {
			if want := results[n-1-i]; want.Err != nil || !slices.Equal(got, []string{want.ID}) {
				e.Fatalf("FindByKey %s: %v, want %q (%v)", names[i], got, want.ID, want.Err)
			}
		}
	}},
	{"no keys give no results", func(e *env) {
		if got := e.byKey(); len(got) != 0 {
			e.Errorf("FindByKey of nothing: %v", got)
		}
	}},
	{"preparing again creates nothing", func(e *env) {
		p := e.can.Preparer
		if p == nil {
			e.Skipf("the connection prepares nothing")
		}
		if missing, err := p.Missing(e.Context(), connectors.Need{Object: e.h.Object}); err != nil || len(missing) > 0 {
			e.Errorf("Missing after Prepare: %v, %v", missing, err)
		}
		before := e.schema()
		if err := p.Prepare(e.Context(), connectors.Need{Object: e.h.Object}); err != nil {
			e.Errorf("Prepare again: %v", err)
		}
		if diff := cmp.Diff(before, e.schema()); diff != "" {
			e.Errorf("Prepare again changed the schema:\n%s", diff)
		}
	}},
}
